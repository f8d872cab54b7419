package ranking

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/kernels/pool"
	"debut/trainers/metrics"
)

// table is a scorer of scores written down.
type table struct {
	items  int
	scores [][]float32
}

func (t *table) Items() int { return t.items }

func (t *table) Score(users []int32, out []float32) error {
	for i, u := range users {
		copy(out[i*t.items:], t.scores[u])
	}
	return nil
}

// concurrent is a table that says it may be asked by several goroutines.
type concurrent struct{ *table }

func (concurrent) Concurrent() {}

// ranged is a table that is asked for some items at a time.
type ranged struct{ *table }

func (r ranged) Range() (RangeScorer, error) { return part(r), nil }

type part struct{ *table }

func (part) Close() error { return nil }

func (r part) Score(users []int32, lo, hi int, out []float32) error {
	for i, u := range users {
		copy(out[i*(hi-lo):(i+1)*(hi-lo)], r.scores[u][lo:hi])
	}
	return nil
}

func name(i int) string { return fmt.Sprintf("item %d", i) }

// sparse makes a matrix of rows of columns.
func sparse(columns int, rows ...[]int32) *interactions.Matrix {
	m := &interactions.Matrix{Rows: len(rows), Columns: columns, Offsets: []int64{0}}
	for _, r := range rows {
		m.Indices = append(m.Indices, r...)
		m.Offsets = append(m.Offsets, m.Len())
	}
	m.Values = make([]float32, len(m.Indices))
	return m
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("%s is %.15f, want %.15f", what, got, want)
	}
}

// TestByHand holds the metrics to values worked out on paper.
func TestByHand(t *testing.T) {
	s := &table{5, [][]float32{{0, 4, 1, 5, 3}, {4, 3, 5, 1, 0}, {1, 2, 3, 4, 5}}}
	truth := sparse(5, []int32{1, 2}, []int32{0, 1, 2, 4}, nil)
	e, err := Evaluate(t.Context(), s, truth, []int{3, 1}, Options{Ties: NewTies(5, name)})
	if err != nil {
		t.Fatal(err)
	}
	// The first user's list is 3, 1, 4: one hit, at rank 2. The second's is 2, 0, 1: three hits.
	log3 := 1 / math.Log2(3)
	m := e.At(3)
	near(t, "recall", m.Recall, (1./2+3./4)/2)
	near(t, "precision", m.Precision, (1./3+1)/2)
	near(t, "hit rate", m.HitRate, 1)
	near(t, "NDCG", m.NDCG, (log3/(1+log3)+1)/2)
	near(t, "NDCG", m.NDCG, 0.693426403617271)
	near(t, "MAP", m.MAP, (1./2/2+1)/2)
	near(t, "MRR", m.MRR, (1./2+1)/2)
	near(t, "coverage", m.Coverage, 1)
	// Of the first's items 1 and 2 each beats one of 0, 3 and 4, but for 2 only 0; the second's 0, 1, 2, 4 beat 3 but for 4.
	near(t, "AUC", e.AUC, (3./6+3./4)/2)
	near(t, "Gini", m.Gini, 4./30) // lists hold the items 1, 1, 1, 1 and 2 times
	m = e.At(1)
	near(t, "recall@1", m.Recall, (0+1./4)/2)
	near(t, "NDCG@1", m.NDCG, 0.5)
	near(t, "MAP@1", m.MAP, 0.5)
	near(t, "coverage@1", m.Coverage, 2./5)
	near(t, "Gini@1", m.Gini, (2.+4)/(5*2))
	if p := e.Protocol; p.Users != 2 || p.UsersWithout != 1 || p.Relevant != 6 || p.Candidates != 5 || p.SeenLeftOut || !slices.Equal(e.Users, []int32{0, 1}) {
		t.Errorf("protocol %+v", p)
	}
	if got := fmt.Sprint(e.PerUser[1].Recall, e.PerUser[1].RR); got != "[0.5 0.75] [0.5 1]" {
		t.Errorf("per user %s", got)
	}
	if _, err := json.Marshal(e.Metrics); err != nil {
		t.Error(err)
	}
	if !math.IsNaN(e.At(7).Recall) {
		t.Error("a cutoff that was not evaluated has a figure")
	}
}

func TestSeenAndHidden(t *testing.T) {
	s := &table{5, [][]float32{{5, 4, 3, 2, 1}, {5, 4, 3, 2, 1}}}
	seen := sparse(5, []int32{0, 3}, nil)
	truth := sparse(5, []int32{0, 1, 2}, []int32{4})
	e, err := Evaluate(t.Context(), s, truth, []int{2}, Options{Ties: NewTies(5, name), Seen: seen, Hidden: []int32{1}})
	if err != nil {
		t.Fatal(err)
	}
	// The first user can be shown 2 and 4, and is to find 2 alone; the second gets 0 and 2.
	if !slices.Equal(e.Lists.Items, []int32{2, 4, 0, 2}) {
		t.Errorf("lists %v", e.Lists.Items)
	}
	want := Protocol{Users: 2, ColdUsers: 1, Candidates: 4, Relevant: 2, RelevantSeen: 2, SeenLeftOut: true, SeenPairs: 2, Hidden: 1, Cutoffs: []int{2}, Ties: TieRule, FullRanking: true}
	if fmt.Sprintf("%+v", e.Protocol) != fmt.Sprintf("%+v", want) {
		t.Errorf("protocol %+v\nwant     %+v", e.Protocol, want)
	}
	m := e.At(2)
	near(t, "recall", m.Recall, 0.5)
	near(t, "coverage", m.Coverage, 3./4)
	// Item 2 twice, 0 and 4 once; one of two users has seen item 0, nobody the others.
	near(t, "novelty", m.Novelty, (2*math.Log2(3)+math.Log2(3./2)+math.Log2(3))/4)
	if !strings.Contains(e.Protocol.String(), "items seen left out") {
		t.Error(e.Protocol)
	}
	l, err := TopK(t.Context(), s, []int32{0}, Options{K: 9, Ties: NewTies(5, name), Seen: seen})
	if err != nil {
		t.Fatal(err)
	}
	items, scores := l.Of(0)
	if !slices.Equal(items, []int32{1, 2, 4}) || !slices.Equal(scores, []float32{4, 3, 1}) || len(l.Items) != 9 {
		t.Errorf("%v %v of %v", items, scores, l.Items)
	}
}

// TestAgainstSorting compares with sorting all scores, for scores with many ties, by any number of threads.
func TestAgainstSorting(t *testing.T) {
	for trial := range 30 {
		r := philox.New(uint64(trial), 3)
		users, items := 1+r.IntN(40), 1+r.IntN(70)
		s := &table{items: items}
		rows, seen := make([][]int32, users), make([][]int32, users)
		for u := range users {
			scores := make([]float32, items)
			for i := range scores {
				scores[i] = float32(r.IntN(6)) - 2
				switch r.IntN(20) {
				case 0:
					scores[i] = float32(math.Inf(-1))
				case 1:
					scores[i] = float32(math.Inf(1))
				}
				if r.IntN(5) == 0 {
					seen[u] = append(seen[u], int32(i))
				}
				if r.IntN(8) == 0 {
					rows[u] = append(rows[u], int32(i))
				}
			}
			s.scores = append(s.scores, scores)
		}
		ties := NewTies(items, name)
		k := 1 + r.IntN(12)
		o := Options{K: k, Ties: ties, Seen: sparse(items, seen...), Block: r.IntN(7)}
		all := make([]int32, users)
		for u := range all {
			all[u] = int32(u)
		}
		var first *Lists
		for _, threads := range []int{1, 2, 7} {
			o.Pool = pool.New(threads)
			for _, scorer := range []Scorer{s, concurrent{s}} {
				l, err := TopK(t.Context(), scorer, all, o)
				if err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = l
				} else if !slices.Equal(l.Items, first.Items) || !slices.Equal(l.Scores, first.Scores) {
					t.Fatalf("trial %d: %d threads give other lists", trial, threads)
				}
			}
			o.Pool.Close()
		}
		o.Pool = nil
		recalls, ndcgs, areas, evaluated := 0.0, 0.0, 0.0, 0
		for u := range users {
			var want []int32
			for i := range int32(items) {
				if !slices.Contains(seen[u], i) && !math.IsInf(float64(s.scores[u][i]), -1) {
					want = append(want, i)
				}
			}
			slices.SortStableFunc(want, func(a, b int32) int {
				x, y := s.scores[u][a], s.scores[u][b]
				if x > y || x == y && ties.Before(a, b) {
					return -1
				}
				return 1
			})
			want = want[:min(k, len(want))]
			got, _ := first.Of(u)
			if !slices.Equal(got, want) {
				t.Fatalf("trial %d: user %d gets %v, want %v", trial, u, got, want)
			}
			find := slices.DeleteFunc(slices.Clone(rows[u]), func(i int32) bool { return slices.Contains(seen[u], i) })
			if len(find) == 0 {
				continue
			}
			hits, dcg, ideal := 0, 0.0, 0.0
			for rank, i := range want {
				if slices.Contains(find, i) {
					hits++
					dcg += math.Ln2 / math.Log(float64(rank+2))
				}
			}
			for rank := range min(k, len(find)) {
				ideal += math.Ln2 / math.Log(float64(rank+2))
			}
			won, pairs := 0.0, 0.0
			for _, r := range find {
				for i := range int32(items) {
					if slices.Contains(seen[u], i) || slices.Contains(find, i) {
						continue
					}
					pairs++
					if x, y := s.scores[u][r], s.scores[u][i]; x > y {
						won++
					} else if x == y {
						won += 0.5
					}
				}
			}
			if pairs == 0 {
				won, pairs = 0.5, 1
			}
			areas += won / pairs
			recalls, ndcgs, evaluated = recalls+float64(hits)/float64(len(find)), ndcgs+dcg/ideal, evaluated+1
		}
		e, err := Evaluate(t.Context(), s, sparse(items, rows...), []int{k}, o)
		if evaluated == 0 {
			if !errors.Is(err, ErrNothing) {
				t.Errorf("nothing to find: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		near(t, "AUC", e.AUC, areas/float64(evaluated))
		near(t, "recall", e.At(k).Recall, recalls/float64(evaluated))
		near(t, "NDCG", e.At(k).NDCG, ndcgs/float64(evaluated))
	}
}

// TestRanged: lists do not depend on how many items are scored at a time, whatever else decides on them.
func TestRanged(t *testing.T) {
	const users, items = 2*rangedUsers + 3, 2*rangedItems + 5
	r := philox.New(1, 9)
	s := &table{items: items}
	rows := make([][]int32, users)
	for u := range users {
		scores := make([]float32, items)
		for i := range scores {
			scores[i] = float32(r.IntN(50)) - 20
			if u%7 != 0 && r.IntN(9) == 0 {
				rows[u] = append(rows[u], int32(i))
			}
		}
		s.scores = append(s.scores, scores)
	}
	all, weights, cold := make([]int32, users), make([]float32, items), make([]float32, items)
	for u := range all {
		all[u] = int32(u)
	}
	for i := range items {
		weights[i], cold[i] = 0.5+float32(r.IntN(4)), float32(r.IntN(30))
	}
	seen := sparse(items, rows...)
	o := Options{K: 30, Ties: NewTies(items, name), Seen: seen, Hidden: []int32{items - 1, 3, rangedItems}, Weights: weights, Cold: cold, Histories: seen}
	want, err := TopK(t.Context(), concurrent{s}, all, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{1, 2, 7} {
		o.Pool = pool.New(threads)
		got, err := TopK(t.Context(), ranged{s}, all, o)
		o.Pool.Close()
		if err != nil || !slices.Equal(got.Items, want.Items) || !slices.Equal(got.Scores, want.Scores) {
			t.Errorf("%d threads: other lists, or %v", threads, err)
		}
	}
	o.Pool = nil
	truth := make([][]int32, users)
	for u := range truth {
		for i := range items {
			if r.IntN(400) == 0 {
				truth[u] = append(truth[u], int32(i))
			}
		}
	}
	var first *Evaluation
	for _, scorer := range []Scorer{s, concurrent{s}, ranged{s}} {
		e, err := Evaluate(t.Context(), scorer, sparse(items, truth...), []int{20}, o)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = e
		}
		if e.AUC != first.AUC || !slices.Equal(e.AUCs, first.AUCs) || e.At(20) != first.At(20) || fmt.Sprint(e.Groups) != fmt.Sprint(first.Groups) {
			t.Errorf("%T: AUC %v, %v; %v", scorer, e.AUC, first.AUC, e.Groups)
		}
	}
	s.scores[4][items-2] = float32(math.NaN())
	if _, err := TopK(t.Context(), ranged{s}, all, o); !errors.Is(err, ErrNaN) || !strings.Contains(err.Error(), fmt.Sprintf("user 4, item %d", items-2)) {
		t.Errorf("NaN: %v", err)
	}
}

// TestGroups measures users by what they have, and rare items apart.
func TestGroups(t *testing.T) {
	const users, items = 30, 8
	s, rows, truth := &table{items: items}, make([][]int32, users), make([][]int32, users)
	for u := range users {
		s.scores = append(s.scores, []float32{8, 7, 6, 5, 4, 3, 2, 1})
		switch {
		case u < 12: // has 5 items, and finds item 7 at place 3
			rows[u], truth[u] = []int32{0, 1, 2, 3, 4}, []int32{7}
		case u < 14: // has 1, and finds item 1 at place 1
			rows[u], truth[u] = []int32{0}, []int32{1}
		case u < 15: // has none, and finds item 0 first and not item 7
			truth[u] = []int32{0, 7}
		}
	}
	seen := sparse(items, rows...)
	e, err := Evaluate(t.Context(), s, sparse(items, truth...), []int{2}, Options{Ties: NewTies(items, name), Seen: seen, Histories: seen})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range e.Groups {
		got = append(got, fmt.Sprint(g.Name, " ", g.Count, " ", g.Unit, " ", g.Values))
	}
	want := []string{
		"users without items 1 users [{recall@2 0.5} {ndcg@2 0.6131471991539001} {auc 0.5}]",
		"users with 1 to 4 items 2 users [{recall@2 1} {ndcg@2 1} {auc 1}]",
		"users with 5 to 19 items 12 users [{recall@2 0} {ndcg@2 0} {auc 0}]",
		"items with fewer than 10 users 13 relevant [{recall@2 0}]",
		"items with 10 users or more 3 relevant [{recall@2 1}]",
		"new items among themselves 13 users [{auc 0}]", // 5, 6 and 7, the last of which scores least
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestTiesIgnoreNumbers numbers the same items in another order: each user gets the same ids.
func TestTiesIgnoreNumbers(t *testing.T) {
	const n = 50
	zero := &table{n, [][]float32{make([]float32, n)}}
	perm := philox.New(1, 1).Perm(n)
	renamed := func(i int) string { return name(int(perm[i])) }
	a, err := TopK(t.Context(), zero, []int32{0}, Options{K: 10, Ties: NewTies(n, name)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := TopK(t.Context(), zero, []int32{0}, Options{K: 10, Ties: NewTies(n, renamed)})
	if err != nil {
		t.Fatal(err)
	}
	sorted := true
	for i := range a.Items {
		if name(int(a.Items[i])) != renamed(int(b.Items[i])) {
			t.Errorf("place %d: %s and %s", i, name(int(a.Items[i])), renamed(int(b.Items[i])))
		}
		sorted = sorted && (i == 0 || a.Items[i-1] < a.Items[i])
	}
	if sorted {
		t.Error("ties are in the order of numbers")
	}
}

func TestErrors(t *testing.T) {
	s := &table{3, [][]float32{{1, float32(math.NaN()), 2}, {1, 2, 3}}}
	ties := NewTies(3, name)
	for _, scorer := range []Scorer{s, concurrent{s}} {
		if _, err := TopK(t.Context(), scorer, []int32{1, 0}, Options{K: 1, Ties: ties}); !errors.Is(err, ErrNaN) || !strings.Contains(err.Error(), "user 0, item 1") {
			t.Errorf("NaN: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := TopK(ctx, scorer, []int32{1}, Options{K: 1, Ties: ties}); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
	}
	// A NaN that is left out does not matter.
	if _, err := TopK(t.Context(), s, []int32{0}, Options{K: 1, Ties: ties, Hidden: []int32{1}}); err != nil {
		t.Error(err)
	}
	for what, o := range map[string]Options{
		"k is 0": {Ties: ties}, "order of ties": {K: 1}, "hidden item 3": {K: 1, Ties: ties, Hidden: []int32{3}}, "items seen": {K: 1, Ties: ties, Seen: sparse(4)},
		"2 weights": {K: 1, Ties: ties, Weights: []float32{1, 1}}, "scores of 2 items": {K: 1, Ties: ties, Cold: []float32{1, 1}, Histories: sparse(3, nil, nil)},
		"user 1 is none": {K: 1, Ties: ties, Seen: sparse(3, nil)},
	} {
		if _, err := TopK(t.Context(), s, []int32{1}, o); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Evaluate(t.Context(), s, sparse(3, nil, nil), []int{0}, Options{Ties: ties}); err == nil {
		t.Error("a cutoff of 0 is taken")
	}
}

// TestSample: the means over users are the metrics, and keys tell who looked for what.
func TestSample(t *testing.T) {
	truth := &interactions.Matrix{Rows: 3, Columns: 4, Offsets: []int64{0, 1, 1, 3}, Indices: []int32{2, 0, 3}, Values: []float32{1, 1, 1}}
	ties := NewTies(4, name)
	s := &table{4, [][]float32{{.1, .2, .3, .4}, {0, 0, 0, 0}, {.4, .3, .2, .1}}}
	e, err := Evaluate(context.Background(), s, truth, []int{1, 2}, Options{Ties: ties})
	if err != nil {
		t.Fatal(err)
	}
	sample, values := e.Sample(name, name), e.Result().Values
	if sample.Len() != 2 || len(sample.Units.Metrics) != 13 {
		t.Fatalf("%d users, %d metrics", sample.Len(), len(sample.Units.Metrics))
	}
	for _, m := range sample.Units.Metrics {
		mean := float64(m.Values[0]+m.Values[1]) / 2
		if want, ok := values.Get(m.Name); !ok || math.Abs(mean-want) > 1e-6 {
			t.Errorf("%s: %v, want %v", m.Name, mean, want)
		}
	}
	renamed := func(i int) string { return "x" + name(i) }
	for _, other := range []*metrics.Sample{e.Sample(renamed, name), e.Sample(name, renamed)} {
		if slices.Equal(other.Units.Keys, sample.Units.Keys) {
			t.Error("other users or items have the same keys")
		}
	}
}
