package serve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"debut/datasets/interactions"
	"debut/trainers/model"
)

// listRequest is POST /models/NAME/recommend.
type listRequest struct {
	Users     []string               `json:"users"`
	Histories map[string][]eventText `json:"histories"` // in the place of what the model knows of these users
	K         *int                   `json:"k"`
	KeepSeen  bool                   `json:"keep_seen"`
	SeenBy    []string               `json:"seen_by"`
	Items     map[string]float32     `json:"items"` // those that may be listed, and what their scores are multiplied by
	Groups    map[string]string      `json:"groups"`
	AtMost    int                    `json:"at_most"`
	Diversity float64                `json:"diversity"`
	Explore   int                    `json:"explore"`
	Below     *int                   `json:"explore_below"`
	Because   bool                   `json:"because"`
}

const (
	defaultK        = 10
	defaultBelow    = 10
	defaultAudience = 100
)

// request checks what was asked for.
func (q *listRequest) request(limits Limits) (r model.Request, err error) {
	r = model.Request{
		Users: q.Users, K: defaultK, Seen: q.KeepSeen, SeenBy: q.SeenBy, Diversity: q.Diversity, MostOfGroup: q.AtMost,
		Explore: q.Explore, ExploreBelow: defaultBelow, Because: q.Because,
	}
	if q.K != nil {
		r.K = *q.K
	}
	if q.Below != nil {
		r.ExploreBelow = *q.Below
	}
	if len(q.Users) == 0 {
		r.Users = slices.Sorted(maps.Keys(q.Histories))
	}
	switch {
	case slices.Contains(r.Users, ""):
		return r, bad("users", 0, "user %d has no id", slices.Index(r.Users, "")+1)
	case len(r.Users) == 0:
		return r, bad("users", 0, `there are none; give {"users": ["u1"]}, or "histories": {"u1": [{"item": "i7"}]}`)
	case len(r.Users) > limits.Rows:
		return r, bad("users", 0, "%d users, more than %d; ask in several requests", len(r.Users), limits.Rows)
	case r.K < 1 || r.K > limits.Items:
		return r, bad("k", 0, "lists of %d items; give a number from 1 to %d", r.K, limits.Items)
	case !(r.Diversity >= 0 && r.Diversity <= 1):
		return r, bad("diversity", 0, "%v; give a number from 0, the best items, to 1", r.Diversity)
	case r.Explore < 0 || r.Explore > r.K:
		return r, bad("explore", 0, "%d places of a list of %d", r.Explore, r.K)
	case (q.Groups == nil) != (q.AtMost == 0) || q.AtMost < 0:
		return r, bad("at_most", 0, `groups and at_most go together: "groups": {"i7": "shoes"}, "at_most": 3`)
	case q.Groups != nil && q.Items == nil:
		return r, bad("groups", 0, `they are of items that are named: "items": {"i7": 1}`)
	}
	for item, w := range q.Items {
		if !(w > 0 && w <= model.MaxBoost) {
			return r, bad("items", 0, "the weight %v of %.200q; give a number above 0, at most %g, or leave the item out", w, item, model.MaxBoost)
		}
	}
	if q.Items != nil {
		r.Items = &model.Items{Weights: q.Items, Groups: q.Groups}
	}
	return r, nil
}

// recommend is POST /models/NAME/recommend.
func (s *Server) recommend(ctx context.Context, e *entry, l *loaded, text []byte) (*answer, error) {
	recommender, err := able[model.Recommender](l, answerRecommend)
	if err != nil {
		return nil, err
	}
	var q listRequest
	r := newReader(text)
	if err := r.value("", &q); err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	ask, err := q.request(s.opt.Limits)
	if err != nil {
		return nil, err
	}
	if err := l.hold(ctx); err != nil {
		return nil, err
	}
	defer l.free()
	if err := s.histories(ctx, e, l, &q, &ask); err != nil {
		return nil, err
	}
	lists := make([]model.List, 0, len(ask.Users))
	for list, err := range recommender.Recommend(ctx, ask) {
		if err != nil {
			return nil, refused(ctx, err)
		}
		lists = append(lists, list)
	}
	return s.listed(e, l, lists), nil
}

// histories sets what users have beside what the model knows: what the request says, else the events that were taken.
func (s *Server) histories(ctx context.Context, e *entry, l *loaded, q *listRequest, ask *model.Request) (err error) {
	folder, ok := l.model.(model.EventFolder)
	known := q.Histories == nil
	var list []interactions.Event
	if known {
		list = e.events.of(ask.Users)
	}
	if !known && !ok {
		return bad("histories", 0, "the model makes no lists by what users have; leave them out")
	}
	asked, nothing := map[string]bool{}, map[string]bool{}
	for _, user := range ask.Users {
		asked[user] = true
	}
	for _, user := range slices.Sorted(maps.Keys(q.Histories)) {
		if !asked[user] {
			return bad("histories", 0, "%.200q is not among the users; name whoever is to get a list, or leave users out", user)
		}
		if len(q.Histories[user]) == 0 {
			nothing[user] = true
		}
		for i := range q.Histories[user] {
			t := &q.Histories[user][i]
			if t.User != "" && t.User != user {
				return bad("histories", 0, "an event of %.200q in the history of %.200q", t.User, user)
			}
			list = append(list, t.event(user))
		}
	}
	if len(list)+len(nothing) == 0 || !ok {
		return nil
	}
	if len(list) == 0 {
		ask.Histories, err = nobody(nothing)
		return err
	}
	if len(list) > s.opt.Limits.Events {
		return bad("histories", 0, "%d events, more than %d; ask in several requests", len(list), s.opt.Limits.Events)
	}
	h, _, err := folder.FoldEvents(ctx, list, known)
	if err != nil {
		return refused(ctx, fmt.Errorf("histories: %w", err))
	}
	h.Nothing = nothing
	ask.Histories = h
	return nil
}

// nobody is the histories of users who have nothing.
func nobody(users map[string]bool) (*model.Histories, error) {
	v, err := interactions.NewVocabulary(nil)
	return &model.Histories{Users: v, Items: &interactions.Matrix{Offsets: []int64{0}}, Nothing: users}, err
}

// similarRequest is POST /models/NAME/similar.
type similarRequest struct {
	Items []string `json:"items"`
	K     *int     `json:"k"`
}

// similar is POST /models/NAME/similar.
func (s *Server) similar(ctx context.Context, e *entry, l *loaded, text []byte) (*answer, error) {
	similarer, err := able[model.Similarer](l, answerSimilar)
	if err != nil {
		return nil, err
	}
	var q similarRequest
	r := newReader(text)
	if err := r.value("", &q); err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	k := defaultK
	if q.K != nil {
		k = *q.K
	}
	switch {
	case len(q.Items) == 0:
		return nil, bad("items", 0, `there are none; give {"items": ["i7"]}`)
	case len(q.Items) > s.opt.Limits.Rows:
		return nil, bad("items", 0, "%d items, more than %d; ask in several requests", len(q.Items), s.opt.Limits.Rows)
	case k < 1 || k > s.opt.Limits.Items:
		return nil, bad("k", 0, "lists of %d items; give a number from 1 to %d", k, s.opt.Limits.Items)
	}
	if err := l.hold(ctx); err != nil {
		return nil, err
	}
	defer l.free()
	lists := make([]model.List, 0, len(q.Items))
	for _, item := range q.Items {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		list, err := similarer.Similar(item, k)
		if err != nil {
			return nil, err
		}
		lists = append(lists, list)
	}
	return s.listed(e, l, lists), nil
}

// audienceRequest is POST /models/NAME/audience.
type audienceRequest struct {
	Item     string `json:"item"`
	K        *int   `json:"k"`
	KeepSeen bool   `json:"keep_seen"`
}

// audience is POST /models/NAME/audience: the users to whom an item is to be shown first.
func (s *Server) audience(ctx context.Context, e *entry, l *loaded, text []byte) (*answer, error) {
	audiencer, err := able[model.Audiencer](l, answerAudience)
	if err != nil {
		return nil, err
	}
	var q audienceRequest
	r := newReader(text)
	if err := r.value("", &q); err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	k := defaultAudience
	if q.K != nil {
		k = *q.K
	}
	switch {
	case q.Item == "":
		return nil, bad("item", 0, `it is missing; give {"item": "i7"}`)
	case k < 1 || k > s.opt.Limits.Rows:
		return nil, bad("k", 0, "%d users; give a number from 1 to %d", k, s.opt.Limits.Rows)
	}
	if err := l.hold(ctx); err != nil {
		return nil, err
	}
	defer l.free()
	list, err := audiencer.AudienceOf(ctx, q.Item, k, q.KeepSeen)
	if errors.Is(err, model.ErrUnknown) {
		return nil, err
	}
	if err != nil {
		return nil, refused(ctx, err)
	}
	return &answer{rows: 1, value: struct {
		Model   string    `json:"model"`
		Version string    `json:"version"`
		Item    string    `json:"item"`
		Users   []string  `json:"users"`
		Scores  []float32 `json:"scores"`
	}{e.name, l.version, list.User, list.Items, list.Scores}}, nil
}

// listed is the answer of lists, as debut recommend --json prints them.
func (s *Server) listed(e *entry, l *loaded, lists []model.List) *answer {
	return &answer{rows: len(lists), value: struct {
		Model   string       `json:"model"`
		Version string       `json:"version"`
		Lists   []model.List `json:"lists"`
	}{e.name, l.version, lists}}
}
