package serve

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"sync"

	"debut/datasets/interactions"
	"debut/trainers/model"
)

// events are what users have done since a model was trained, the newest of them.
type events struct {
	mu      sync.Mutex
	limit   int
	ofAUser int
	users   map[string][]interactions.Event
	order   []string // the user of each event, in the order they came
	first   int      // of order, that is still there
	held    int
}

func newEvents(l Limits) *events {
	return &events{limit: l.Events, ofAUser: l.OfAUser, users: map[string][]interactions.Event{}}
}

// add takes events, in the place of the oldest where there is no more room, and returns how many are held.
func (e *events) add(list []interactions.Event) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, v := range list {
		own := e.users[v.User]
		if len(own) == e.ofAUser { // its place in the order stays: another of the user's leaves in its turn
			own = own[1:]
			e.held--
		}
		e.users[v.User] = append(own, v)
		e.order = append(e.order, v.User)
		e.held++
		for len(e.order)-e.first > e.limit {
			e.forget(e.order[e.first])
			e.order[e.first] = ""
			e.first++
		}
	}
	if e.first > len(e.order)/2 {
		e.order = append([]string(nil), e.order[e.first:]...)
		e.first = 0
	}
	return e.held
}

// forget drops the oldest event of a user.
func (e *events) forget(user string) {
	own := e.users[user]
	if len(own) == 0 {
		return
	}
	e.held--
	if len(own) == 1 {
		delete(e.users, user)
		return
	}
	e.users[user] = own[1:]
}

// of returns the events of users.
func (e *events) of(users []string) (list []interactions.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.held == 0 {
		return nil
	}
	for _, u := range users {
		list = append(list, e.users[u]...)
	}
	return list
}

// maxID is the most bytes of an id of an event: as many events are held as the limit says, whatever is sent.
const maxID = 1024

// eventText is an event of a request.
type eventText struct {
	User  string   `json:"user"`
	Item  string   `json:"item"`
	Event string   `json:"event"` // its kind
	Value *float64 `json:"value"`
	Time  *int64   `json:"time"`
}

func (t *eventText) event(user string) interactions.Event {
	e := interactions.Event{User: interactions.ID(user), Item: t.Item, Kind: t.Event, Value: math.NaN(), Time: interactions.NoTime}
	if t.Value != nil {
		e.Value = *t.Value
	}
	if t.Time != nil {
		e.Time = *t.Time
	}
	return e
}

// takeEvents is POST /models/NAME/events.
func (s *Server) takeEvents(ctx context.Context, e *entry, l *loaded, text []byte) (*answer, error) {
	folder, err := able[model.EventFolder](l, answerEvents)
	if err != nil {
		return nil, err
	}
	var list []interactions.Event
	r := newReader(text)
	err = r.object("the request", func(name string) error {
		if name != "events" {
			return unknown(name, "events")
		}
		return r.list(name, func(i int) error {
			if i >= s.opt.Limits.Rows {
				return bad(name, 0, "more than %d events; send them in several requests", s.opt.Limits.Rows)
			}
			var t eventText
			if err := r.value(name, &t); err != nil {
				return err
			}
			if long := max(len(t.User), len(t.Item), len(t.Event)); long > maxID {
				return &failure{Status: http.StatusUnprocessableEntity, Field: name, Message: fmt.Sprintf("event %d: an id of %d bytes, more than %d", i+1, long, maxID)}
			}
			list = append(list, t.event(t.User))
			return nil
		})
	})
	if err == nil {
		err = r.end()
	}
	switch {
	case err != nil:
		return nil, err
	case len(list) == 0:
		return nil, bad("events", 0, `there are none; give {"events": [{"user": "u1", "item": "i7"}]}`)
	}
	// What cannot be folded in is told now, and nothing of the request taken.
	if err := l.hold(ctx); err != nil {
		return nil, err
	}
	_, report, err := folder.FoldEvents(ctx, list, false)
	l.free()
	if err != nil {
		return nil, refused(ctx, err)
	}
	unseen := 0
	for _, u := range report.Unseen {
		unseen += u.Rows
	}
	return &answer{status: http.StatusAccepted, rows: len(list), value: struct {
		Taken   int `json:"taken"`
		Held    int `json:"held"`
		Unknown int `json:"unknown_items,omitempty"` // events with items that the model does not know: they say nothing
	}{len(list), e.events.add(list), unseen}}, nil
}

// refused makes of a model's error about what was asked one that is the caller's.
func refused(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &failure{Status: http.StatusUnprocessableEntity, Message: err.Error()}
}
