package recommender

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"debut/datasets"
	"debut/datasets/interactions"
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
	// Scorer scores the users of Histories.
	Scorer ranking.Scorer
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
		total := len(r.Users)
		if r.Users == nil {
			total = m.Users()
		}
		for lo := 0; lo < total; lo += block {
			names := make([]string, min(block, total-lo))
			for i := range names {
				if r.Users == nil {
					names[i] = m.Shop.Users.ID(lo + i)
				} else {
					names[i] = r.Users[lo+i]
				}
			}
			lists, err := m.lists(ctx, names, r)
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

// lists makes the lists of some users.
func (m *Model) lists(ctx context.Context, names []string, r model.Request) ([]model.List, error) {
	out := make([]model.List, len(names))
	var known []int32
	var places, strangers []int
	for i, name := range names {
		out[i].User = name
		u, ok := m.Shop.Users.Index(name)
		if ok {
			// A user of validation or test alone has no history here.
			items, _ := m.Histories.Row(int(u))
			ok = len(items) > 0
		}
		if ok {
			out[i].Known = true
			known, places = append(known, u), append(places, i)
		} else {
			strangers = append(strangers, i)
		}
	}
	o := ranking.Options{K: r.K, Ties: m.Ties, Pool: m.Pool}
	if len(strangers) > 0 {
		l, err := ranking.TopK(ctx, newPopular(m.Histories), []int32{0}, o)
		if err != nil {
			return nil, err
		}
		for _, i := range strangers {
			m.fill(&out[i], l, 0)
		}
	}
	if len(known) == 0 {
		return out, nil
	}
	if !r.Seen {
		o.Seen = m.Histories
	}
	l, err := ranking.TopK(ctx, m.Scorer, known, o)
	if err != nil {
		return nil, err
	}
	for k, i := range places {
		m.fill(&out[i], l, k)
	}
	return out, nil
}

// fill names the items of a list.
func (m *Model) fill(to *model.List, l *ranking.Lists, i int) {
	items, scores := l.Of(i)
	to.Scores = append([]float32{}, scores...)
	to.Items = make([]string, len(items))
	for k, item := range items {
		to.Items[k] = m.Shop.Items.ID(int(item))
	}
}

// Evaluate ranks all items for the users of a source of interactions, and measures the lists by what is in it. Users and items that
// the model does not know are counted, and left out.
func (m *Model) Evaluate(ctx context.Context, src datasets.Source, baseDir string) (*metrics.Result, datasets.EncodeReport, error) {
	var report datasets.EncodeReport
	cfg := interactions.Config{
		Sources: []interactions.Source{{Path: src.Path, Format: src.Format, Delimiter: src.Delimiter, Header: src.Header, Names: src.Names, Null: src.Null}},
		Columns: m.Config.Columns, TimeFormat: m.Config.TimeFormat, Weights: m.Config.Weights, Aggregate: m.Config.Aggregate,
		DropMissing: m.Config.DropMissing, Split: interactions.Split{Method: interactions.SplitNone},
	}
	if src.Query != "" {
		return nil, report, errors.New("evaluate: interactions are read from files; leave the query out")
	}
	d, err := interactions.Load(ctx, &cfg, baseDir, 0, m.Pool)
	if err != nil {
		return nil, report, err
	}
	truth, unseen := m.translate(d)
	report.Rows, report.Unseen = int(d.Report.Events), unseen
	r, err := measure(ctx, m.Scorer, truth, m.Histories, m.Evaluation, m.Ties, m.Pool)
	return r, report, err
}

// maxExamples is how many unknown ids are told.
const maxExamples = 3

// translate numbers interactions by the users and items of the model.
func (m *Model) translate(d *interactions.Dataset) (*interactions.Matrix, []datasets.UnseenValues) {
	users := datasets.UnseenValues{Column: "user"}
	items := datasets.UnseenValues{Column: "item"}
	note := func(u *datasets.UnseenValues, id string, rows int) {
		u.Rows += rows
		if len(u.Examples) < maxExamples {
			u.Examples = append(u.Examples, id)
		}
	}
	to := make([]int32, d.Items.Len())
	for i := range to {
		n, ok := m.Shop.Items.Index(d.Items.ID(i))
		if !ok {
			n = -1
		}
		to[i] = n
	}
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
	return out, []datasets.UnseenValues{users, items}
}
