package recommender

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/interactions"
	"debut/datasets/nearest"
	"debut/datasets/table"
	"debut/datasets/wording"
	"debut/kernels/pool"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/ranking"
)

// block is how many users get their lists at a time.
const block = 4096

// Model is the part of an opened recommender that every family has: a family's model embeds it and has a scorer.
type Model struct {
	*Shop
	Evaluation Evaluation          // of the run, for evaluating anew
	Config     interactions.Config // of the run's data: how columns are called and what events weigh
	Pool       *pool.Pool          // may be nil
	// Scorer scores the users of Histories; nil where it takes what they have and that was left out of the folder.
	Scorer ranking.Scorer
	// Rate is that of a model of ratings; nil: scores are none.
	Rate Rate
	// Fold makes a scorer of the rows of a matrix of users × the model's items: users whom it does not know, by what they have there.
	Fold func(histories *interactions.Matrix) (ranking.Scorer, error)

	// Adds is what an item that a user has with a value adds to the score of another; nil where scores are no sums of that kind.
	Adds func(has int32, value float32, item int32) float64
}

// Users and Items are how many the model knows.
func (m *Model) Users() int { return m.Shop.Users.Len() }

// Items is the number of items.
func (m *Model) Items() int { return m.Shop.Items.Len() }

// Recommend hands out a list for each user asked for.
func (m *Model) Recommend(ctx context.Context, r model.Request) iter.Seq2[model.List, error] {
	return func(yield func(model.List, error) bool) {
		if r.K < 1 || r.K > maxList {
			yield(model.List{}, fmt.Errorf("recommend: lists of %d items; give a number from 1 to %d", r.K, maxList))
			return
		}
		if m.Counts != nil && r.Histories == nil {
			yield(model.List{}, fmt.Errorf("recommend: %w: give a file of what users have: --history", errForgotten))
			return
		}
		rules := m.rules(r.Items)
		if n := len(rules.hidden); n > 0 && n == m.Items() {
			yield(model.List{}, errors.New("recommend: none of the model's items may be recommended: are the ids of the table those of the training data, and the condition right?"))
			return
		}
		seen, err := m.seenBy(&r)
		if err != nil {
			yield(model.List{}, err)
			return
		}
		x, err := m.newReranker(&r, rules)
		if err != nil {
			yield(model.List{}, err)
			return
		}
		all := m.Shop.Users
		if r.Histories != nil {
			all = r.Histories.Users
		}
		total := len(r.Users)
		if r.Users == nil {
			total = all.Len()
		}
		for lo := 0; lo < total; lo += block {
			names := make([]string, min(block, total-lo))
			for i := range names {
				if r.Users == nil {
					names[i] = all.ID(lo + i)
				} else {
					names[i] = r.Users[lo+i]
				}
			}
			lists, err := m.lists(ctx, names, r, rules, seen, x)
			if err != nil {
				yield(model.List{}, err)
				return
			}
			for _, l := range lists {
				if !yield(l, nil) {
					return
				}
			}
		}
	}
}

// errForgotten is the error of what takes histories that the folder was told to leave out.
var errForgotten = errors.New("the model folder has not what users of training have (keep_seen: false)")

// lists makes the lists of some users.
func (m *Model) lists(ctx context.Context, names []string, r model.Request, rules rules, seen *interactions.Matrix, x *reranker) ([]model.List, error) {
	out := make([]model.List, len(names))
	var known, folded group
	var strangers []int
	for i, name := range names {
		out[i].User = name
		var u, h int32
		u, out[i].Known = withItems(m.Shop.Users, m.Histories, name)
		if r.Histories != nil && r.Histories.Nothing[name] {
			out[i].Known = false
		} else if r.Histories != nil {
			h, out[i].Folded = withItems(r.Histories.Users, r.Histories.Items, name)
		}
		if m.Counts != nil && out[i].Folded { // all that is left of him is his name
			_, out[i].Known = m.Shop.Users.Index(name)
		}
		switch {
		case out[i].Folded:
			folded.add(h, i)
		case out[i].Known:
			known.add(u, i)
		default:
			strangers = append(strangers, i)
		}
	}
	o := ranking.Options{K: x.candidates(r.K), Ties: m.Ties, Hidden: rules.hidden, Pool: m.Pool}
	if len(strangers) > 0 {
		// What a run reweights is no matter of those whom nothing is known of.
		o := o
		o.Weights = rules.boosts
		l, err := ranking.TopK(ctx, newPopular(m.counts(), m.Users()), []int32{0}, o)
		if err != nil {
			return nil, err
		}
		for _, i := range strangers {
			m.fill(&out[i], x, nil, 0, l, 0)
		}
	}
	rank := func(g *group, s ranking.Scorer, has, seen *interactions.Matrix) error {
		o.Seen, o.Weights = seen, rules.weights
		if r.Seen {
			o.Seen = nil
		}
		l, err := ranking.TopK(ctx, s, g.rows, o)
		if err != nil {
			return err
		}
		pool.Each(m.Pool, len(g.places), func(k int) { m.fill(&out[g.places[k]], x, has, int(g.rows[k]), l, k) })
		return nil
	}
	if len(known.rows) > 0 {
		if err := rank(&known, m.Scorer, m.Histories, seen); err != nil {
			return nil, err
		}
	}
	if len(folded.rows) > 0 {
		s, err := m.Fold(r.Histories.Items)
		if err != nil {
			return nil, err
		}
		if err := rank(&folded, s, r.Histories.Items, r.Histories.Items); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// seenBy is what users of the model have already, as a request counts it.
func (m *Model) seenBy(r *model.Request) (*interactions.Matrix, error) {
	if len(r.SeenBy) == 0 {
		return m.Histories, nil
	}
	switch {
	case r.Seen:
		return nil, errors.New("recommend: items that a user has are listed too, and those of some kinds of event are not: ask for one of these")
	case r.Histories != nil:
		return nil, errors.New("recommend: histories that are given do not say by which kinds of event: leave the kinds out")
	case !m.hasKinds():
		return nil, errors.New("recommend: the model does not know by which kinds of event its users have items: train it on data with a column of kinds, or with event: view at each source")
	}
	mask := uint16(0)
	for _, kind := range r.SeenBy {
		i := slices.Index(m.Kinds, kind)
		if i < 0 {
			return nil, fmt.Errorf("recommend: there is no kind of event %s; there are %s%s", wording.Quote(kind), wording.List(m.Kinds, wording.MaxListed), nearest.DidYouMean(kind, m.Kinds))
		}
		mask |= 1 << i
	}
	return m.Histories.With(mask), nil
}

// group is users who are scored together: their rows, and where their lists go.
type group struct {
	rows   []int32
	places []int
}

func (g *group) add(row int32, place int) {
	g.rows, g.places = append(g.rows, row), append(g.places, place)
}

// withItems returns the number of somebody who has something: a user of validation or test alone has not.
func withItems(users *interactions.Vocabulary, histories *interactions.Matrix, name string) (u int32, ok bool) {
	if u, ok = users.Index(name); !ok {
		return 0, false
	}
	items, _ := histories.Row(int(u))
	return u, len(items) > 0
}

// ReadHistories reads what users have, as the run's first source was read where nothing is said.
func (m *Model) ReadHistories(ctx context.Context, src table.Source, baseDir string) (*model.Histories, encoding.EncodeReport, error) {
	var report encoding.EncodeReport
	d, err := m.load(ctx, src, baseDir, m.history(), true)
	if err != nil {
		return nil, report, err
	}
	out, report := m.histories(d)
	return out, report, nil
}

// FoldEvents makes histories of events in memory, weighed as those of a source.
func (m *Model) FoldEvents(ctx context.Context, events []interactions.Event, known bool) (*model.Histories, encoding.EncodeReport, error) {
	var report encoding.EncodeReport
	cfg := m.reading(table.Source{}, m.history(), true)
	cfg.Sources = nil
	b, err := interactions.NewBuilder(&cfg)
	if err != nil {
		return nil, report, err
	}
	for i, e := range events {
		if math.IsNaN(e.Value) {
			if m.Rate != nil {
				return nil, report, fmt.Errorf("event %d: the value is missing, which is the rating; give it", i+1)
			}
			e.Value = 1
		}
		if err := b.Add(e); err != nil {
			return nil, report, err
		}
	}
	d, err := b.Build(ctx, 0, m.Pool)
	if err != nil {
		return nil, report, err
	}
	out, report := m.histories(d)
	if known {
		m.withKnown(out)
	}
	return out, report, nil
}

// withKnown adds what the model knows of users to what else they have: the values of an item that is in both are added up.
func (m *Model) withKnown(h *model.Histories) {
	all := empty(h.Users.Len(), m.Items())
	for u := range h.Users.Len() {
		items, values := h.Items.Row(u)
		var knownItems []int32
		var knownValues []float32
		if row, ok := withItems(m.Shop.Users, m.Histories, h.Users.ID(u)); ok {
			knownItems, knownValues = m.Histories.Row(int(row))
		}
		for len(items) > 0 || len(knownItems) > 0 {
			switch {
			case len(knownItems) == 0 || len(items) > 0 && items[0] < knownItems[0]:
				all.Indices, all.Values = append(all.Indices, items[0]), append(all.Values, values[0])
				items, values = items[1:], values[1:]
			case len(items) == 0 || knownItems[0] < items[0]:
				all.Indices, all.Values = append(all.Indices, knownItems[0]), append(all.Values, knownValues[0])
				knownItems, knownValues = knownItems[1:], knownValues[1:]
			default:
				all.Indices, all.Values = append(all.Indices, items[0]), append(all.Values, together(m.Config.Aggregate, values[0], knownValues[0]))
				items, values, knownItems, knownValues = items[1:], values[1:], knownItems[1:], knownValues[1:]
			}
		}
		all.Offsets[u+1] = all.Len()
	}
	h.Items = all
}

// histories lays what users of a dataset have by the model's items.
func (m *Model) histories(d *interactions.Dataset) (*model.Histories, encoding.EncodeReport) {
	to := m.itemNumbers(d.Items)
	unseen := encoding.UnseenValues{Column: "item"}
	missing := make([]int, len(to))
	out := &model.Histories{Users: d.Users, Items: empty(d.Users.Len(), m.Items())}
	h := out.Items
	for u := range d.Train.Rows {
		items, values := d.Train.Row(u)
		for k, i := range items {
			if to[i] < 0 {
				missing[i]++
				continue
			}
			h.Indices, h.Values = append(h.Indices, to[i]), append(h.Values, values[k])
		}
		h.Offsets[u+1] = h.Len()
	}
	for i, rows := range missing {
		if rows > 0 {
			note(&unseen, d.Items.ID(i), rows)
		}
	}
	return out, encoding.EncodeReport{Rows: int(d.Train.Len()), Unseen: []encoding.UnseenValues{unseen}}
}

// note counts rows with an id that the model does not know.
func note(u *encoding.UnseenValues, id string, rows int) {
	u.Rows += rows
	if len(u.Examples) < maxExamples {
		u.Examples = append(u.Examples, id)
	}
}

// itemNumbers are those of a vocabulary's items in the model, ascending but for −1 of one that it does not know: both are in the order of
// their ids.
func (m *Model) itemNumbers(items *interactions.Vocabulary) []int32 {
	to := make([]int32, items.Len())
	for i := range to {
		n, ok := m.Shop.Items.Index(items.ID(i))
		if !ok {
			n = -1
		}
		to[i] = n
	}
	return to
}

// fill makes list i for a user of histories, nil where nothing is known of him.
func (m *Model) fill(to *model.List, x *reranker, histories *interactions.Matrix, user int, l *ranking.Lists, i int) {
	items, scores := l.Of(i)
	if x != nil {
		var history []int32
		var values []float32
		if histories != nil {
			history, values = histories.Row(user)
		}
		x.list(to, history, values, items, scores)
		return
	}
	named := m.List(to.User, items, scores)
	to.Items, to.Scores = named.Items, named.Scores
}

// Task is to rank items, or to predict ratings.
func (m *Model) Task() metrics.Task {
	if m.Rate != nil {
		return TaskRating
	}
	return ranking.Task
}

// Evaluate ranks all items for the users of a source of interactions, and measures the lists by what is in it. Users and items that
// the model does not know are counted, and left out. A model of ratings predicts those of the source, of users and items that it does
// not know too.
func (m *Model) Evaluate(ctx context.Context, src table.Source, baseDir string) (*metrics.Result, encoding.EncodeReport, error) {
	if m.Rate != nil {
		s, report, err := m.evaluateRatings(ctx, src, baseDir)
		if err != nil {
			return nil, report, err
		}
		r, err := s.Measure()
		return r, report, err
	}
	r, _, report, err := m.evaluate(ctx, src, baseDir)
	return r, report, err
}

// Sample measures the lists as Evaluate does, user by user, or ratings one by one.
func (m *Model) Sample(ctx context.Context, src table.Source, baseDir string) (*metrics.Sample, encoding.EncodeReport, error) {
	if m.Rate != nil {
		return m.evaluateRatings(ctx, src, baseDir)
	}
	_, e, report, err := m.evaluate(ctx, src, baseDir)
	if err != nil {
		return nil, report, err
	}
	return e.Sample(m.Shop.Users.ID, m.Shop.Items.ID), report, nil
}

func (m *Model) evaluate(ctx context.Context, src table.Source, baseDir string) (*metrics.Result, *ranking.Evaluation, encoding.EncodeReport, error) {
	var report encoding.EncodeReport
	if m.Counts != nil {
		return nil, nil, report, fmt.Errorf("evaluate: %w, which lists are made from and are not to hold: measure on the test part of the run", errForgotten)
	}
	d, err := m.load(ctx, src, baseDir, m.measured(), false)
	if err != nil {
		return nil, nil, report, err
	}
	truth, unseen := m.translate(d)
	report.Rows, report.Unseen = int(d.Report.Events), unseen
	if truth.Len() == 0 {
		return nil, nil, report, fmt.Errorf("evaluate: no row of %s has a user and an item that the model both knows; are columns and ids those of the training data?", strings.Join(src.Path, ", "))
	}
	r, e, err := measure(ctx, m.Scorer, m.Weights, m.Histories, truth, m.Histories, m.Evaluation, m.Ties, m.Pool)
	return r, e, report, err
}

// load reads a source of interactions that is named by itself, as one of the run's own was read where it is not said how: who and what
// there is, and with valued, what it is worth too.
func (m *Model) load(ctx context.Context, src table.Source, baseDir string, like interactions.Source, valued bool) (*interactions.Dataset, error) {
	if src.Query != "" || len(src.Vectors) > 0 {
		return nil, errors.New("interactions are read from files; leave query and vectors out")
	}
	if len(src.Types) > 0 || src.Decimal != "" || src.Thousands != "" {
		return nil, errors.New("ids of users and items are texts as they are written; leave types, decimal and thousands out")
	}
	cfg := m.reading(src, like, valued)
	d, err := interactions.Load(ctx, &cfg, baseDir, 0, m.Pool)
	var field *configfile.FieldError
	if errors.As(err, &field) { // its path is one of a run file
		return nil, fmt.Errorf("%s: %s", strings.Join(src.Path, ", "), field.Msg)
	}
	return d, err
}

// measured is the source that files to measure by are read like: the run's first for testing, or what else there is.
func (m *Model) measured() (s interactions.Source) {
	for _, list := range [][]interactions.Source{m.Config.Test, m.Config.Validation, m.Config.Sources} {
		if len(list) > 0 {
			return list[0]
		}
	}
	return s
}

// history is the source that what users have is read like: the run's first.
func (m *Model) history() (s interactions.Source) {
	if len(m.Config.Sources) > 0 {
		return m.Config.Sources[0]
	}
	return s
}

// columns are those of tables like a source.
func (m *Model) columns(like interactions.Source) interactions.Columns {
	if like.Columns != (interactions.Columns{}) {
		return like.Columns
	}
	return m.Config.Columns
}

// reading says how a source of interactions is read: what is not said, as the one it is like. Without values only who and what matters,
// and the kind of event where there are kinds that do not count.
func (m *Model) reading(src table.Source, like interactions.Source, valued bool) interactions.Config {
	c := interactions.Config{DropMissing: m.Config.DropMissing, Split: interactions.Split{Method: interactions.SplitNone}}
	s := interactions.Source{Path: src.Path, Format: src.Format, Delimiter: src.Delimiter, Header: src.Header, Names: src.Names, Null: src.Null, Comment: src.Comment, Encoding: src.Encoding}
	table := func(format string) bool { return format != "log" && format != "adjacency" }
	if s.Format == "" || s.Format == "auto" {
		s.Format = "auto"
		if !table(like.Format) && !slices.ContainsFunc(src.Path, isTable) {
			s.Format = like.Format
		}
	}
	if table(s.Format) == table(like.Format) {
		if s.Delimiter == "" {
			s.Delimiter = like.Delimiter
		}
		if s.Header == nil {
			s.Header = like.Header
		}
		if s.Names == nil {
			s.Names = like.Names
		}
		if s.Null == nil {
			s.Null = like.Null
		}
		s.Comment, s.Encoding = cmp.Or(s.Comment, like.Comment), cmp.Or(s.Encoding, like.Encoding)
	}
	columns := m.columns(like)
	if valued {
		c.Aggregate, c.TimeFormat, c.Weights = m.Config.Aggregate, m.Config.TimeFormat, m.Config.Weights
		s.Event = like.Event
	}
	if table(s.Format) {
		c.Columns = interactions.Columns{User: columns.User, Item: columns.Item}
		if columns.Event != "" && len(m.Config.Weights) > 0 {
			c.Columns.Event, c.Weights, s.Event = columns.Event, m.Config.Weights, ""
		}
		if valued {
			c.Columns.Value = columns.Value
			if c.Aggregate == interactions.AggregateLast {
				c.Columns.Time = columns.Time
			}
		}
	}
	c.Sources = []interactions.Source{s}
	return c
}

// isTable says that a file's name is that of a table with named columns.
func isTable(path string) bool {
	for {
		switch ext := strings.ToLower(filepath.Ext(path)); ext {
		case ".gz", ".zst":
			path = path[:len(path)-len(ext)]
		case ".csv", ".tsv", ".parquet", ".json", ".jsonl", ".ndjson":
			return true
		default:
			return false
		}
	}
}

// maxExamples is how many unknown ids are told.
const maxExamples = 3

// translate numbers interactions by the users and items of the model.
func (m *Model) translate(d *interactions.Dataset) (*interactions.Matrix, []encoding.UnseenValues) {
	users := encoding.UnseenValues{Column: "user"}
	items := encoding.UnseenValues{Column: "item"}
	to := m.itemNumbers(d.Items)
	missing := make([]int, len(to))
	out := empty(m.Users(), m.Items())
	u := 0
	// Both vocabularies are sorted, so that the rows come in the order of the model's users.
	for r := range d.Train.Rows {
		list, values := d.Train.Row(r)
		n, ok := m.Shop.Users.Index(d.Users.ID(r))
		if !ok {
			note(&users, d.Users.ID(r), len(list))
			continue
		}
		for ; u <= int(n); u++ {
			out.Offsets[u] = int64(len(out.Indices))
		}
		for k, i := range list {
			if to[i] < 0 {
				missing[i]++
				continue
			}
			out.Indices, out.Values = append(out.Indices, to[i]), append(out.Values, values[k])
		}
	}
	for ; u <= m.Users(); u++ {
		out.Offsets[u] = int64(len(out.Indices))
	}
	for i, rows := range missing {
		if rows > 0 {
			note(&items, d.Items.ID(i), rows)
		}
	}
	return out, []encoding.UnseenValues{users, items}
}
