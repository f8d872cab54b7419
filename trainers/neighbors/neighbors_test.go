package neighbors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/kernels/pool"
	"debut/trainers/ranking"
)

func name(i int) string { return fmt.Sprintf("id %d", i) }

// drawn makes a matrix of users × items with values from 0 to 5, some rows and columns empty.
func drawn(r *philox.Stream, users, items int) *interactions.Matrix {
	m := &interactions.Matrix{Rows: users, Columns: items, Offsets: []int64{0}}
	for u := range users {
		for i := range items {
			if u%7 != 3 && i%11 != 5 && r.IntN(4) == 0 {
				m.Indices, m.Values = append(m.Indices, int32(i)), append(m.Values, float32(r.IntN(11))/2)
			}
		}
		m.Offsets = append(m.Offsets, m.Len())
	}
	return m
}

// dense is a matrix written out, NaN where there is no entry.
func dense(m *interactions.Matrix) [][]float64 {
	out := make([][]float64, m.Rows)
	for r := range out {
		out[r] = make([]float64, m.Columns)
		for c := range out[r] {
			out[r][c] = math.NaN()
		}
		columns, values := m.Row(r)
		for k, c := range columns {
			out[r][c] = float64(values[k])
		}
	}
	return out
}

// denseWeights weights the rows of a dense matrix, as the formulas read.
func denseWeights(cfg *Settings, x [][]float64) [][]float64 {
	n, columns := float64(len(x)), len(x[0])
	count, total, filled := make([]float64, columns), 0.0, 0.0
	lengths := make([]float64, len(x))
	for r := range x {
		some := false
		for c, v := range x[r] {
			if !math.IsNaN(v) {
				count[c]++
				lengths[r] += v
				some = true
			}
		}
		total += lengths[r]
		if some {
			filled++
		}
	}
	out := make([][]float64, len(x))
	for r := range x {
		out[r] = make([]float64, columns)
		for c, v := range x[r] {
			switch {
			case math.IsNaN(v):
				v = 0
			case cfg.Weighting == TFIDF:
				v = math.Sqrt(v) * math.Log(1+n/count[c])
			case cfg.Weighting == BM && v > 0:
				k1, b := cfg.BM25.K1, *cfg.BM25.B
				v = math.Log(1+(n-count[c]+0.5)/(count[c]+0.5)) * v * (k1 + 1) / (v + k1*(1-b+b*lengths[r]/(total/filled)))
			}
			out[r][c] = v
		}
	}
	return out
}

// denseSimilarity compares two rows: x are the values, w the weights.
func denseSimilarity(cfg *Settings, x, w [][]float64, a, b int) float64 {
	var common []int
	dot, aa, bb, na, nb := 0.0, 0.0, 0.0, 0.0, 0.0
	for c := range x[a] {
		dot += w[a][c] * w[b][c]
		aa += w[a][c] * w[a][c]
		bb += w[b][c] * w[b][c]
		if !math.IsNaN(x[a][c]) {
			na++
		}
		if !math.IsNaN(x[b][c]) {
			nb++
		}
		if !math.IsNaN(x[a][c]) && !math.IsNaN(x[b][c]) {
			common = append(common, c)
		}
	}
	n := float64(len(common))
	if n == 0 {
		return 0
	}
	s := dot
	switch cfg.Similarity {
	case Cosine:
		if dot > 0 {
			s = dot / math.Sqrt(aa) / math.Sqrt(bb)
		}
	case Jaccard:
		s = n / (na + nb - n)
	case Pearson:
		ma, mb := 0.0, 0.0
		for _, c := range common {
			ma, mb = ma+x[a][c]/n, mb+x[b][c]/n
		}
		sab, saa, sbb := 0.0, 0.0, 0.0
		for _, c := range common {
			sab += (x[a][c] - ma) * (x[b][c] - mb)
			saa += (x[a][c] - ma) * (x[a][c] - ma)
			sbb += (x[b][c] - mb) * (x[b][c] - mb)
		}
		s = 0
		if saa > 1e-9 && sbb > 1e-9 {
			s = sab / math.Sqrt(saa*sbb)
		}
	}
	return s * n / (n + *cfg.Shrinkage)
}

func configs() []Settings {
	var out []Settings
	for _, shrinkage := range []float64{0, 3} {
		for _, neighbors := range []int{0, 4} {
			for _, c := range []Settings{
				{Similarity: Cosine, Weighting: None}, {Similarity: Cosine, Weighting: TFIDF}, {Similarity: Cosine, Weighting: BM}, {Similarity: Dot, Weighting: BM, BM25: BM25{K1: 100, B: new(0.8)}},
				{Similarity: Dot, Weighting: None}, {Similarity: Jaccard, Weighting: None}, {Similarity: Pearson, Weighting: None},
			} {
				c.Shrinkage, c.Neighbors = new(shrinkage), new(neighbors)
				c.SetDefaults(KindItem)
				out = append(out, c)
			}
		}
	}
	return out
}

// agree compares a graph with all similarities of a dense matrix.
func agree(t *testing.T, cfg *Settings, g *Graph, x [][]float64) {
	t.Helper()
	if err := g.Check(len(x)); err != nil {
		t.Fatal(err)
	}
	w := denseWeights(cfg, x)
	for a := range x {
		var want []float64
		for b := range x {
			if s := denseSimilarity(cfg, x, w, a, b); a != b && s > 1e-9 {
				want = append(want, s)
			}
		}
		slices.SortFunc(want, func(a, b float64) int {
			if a > b {
				return -1
			}
			return 1
		})
		if k := *cfg.Neighbors; k > 0 {
			want = want[:min(k, len(want))]
		}
		rows, values := g.Of(a)
		if len(rows) != len(want) {
			t.Fatalf("%+v: row %d has %d neighbors, want %d", cfg, a, len(rows), len(want))
		}
		for k, b := range rows {
			s := denseSimilarity(cfg, x, w, a, int(b))
			if math.Abs(s-float64(values[k])) > 2e-6*max(s, 1) || math.Abs(want[k]-float64(values[k])) > 2e-6*max(s, 1) || int(b) == a {
				t.Fatalf("%+v: row %d, neighbor %d is row %d with %v; it is %v, and the place's %v", cfg, a, k, b, values[k], s, want[k])
			}
			if k > 0 && values[k] > values[k-1] {
				t.Fatalf("row %d is out of order", a)
			}
		}
	}
}

// TestAgainstDense compares neighbors, scores and folded-in users with plain float64.
func TestAgainstDense(t *testing.T) {
	train := drawn(philox.New(1, 1), 33, 27)
	x := dense(train)
	users, items := ranking.NewTies(33, name), ranking.NewTies(27, name)
	for _, cfg := range configs() {
		m, err := FitItems(t.Context(), train, items, cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, &cfg, m.Graph, dense(train.Transpose()))
		n, err := FitUsers(t.Context(), train, users, cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, &cfg, n.Graph, x)
		out, byUser := make([]float32, 2*27), make([]float32, 2*27)
		if err := m.Scorer(train).Score([]int32{2, 32}, out); err != nil {
			t.Fatal(err)
		}
		if err := n.Scorer().Score([]int32{2, 32}, byUser); err != nil {
			t.Fatal(err)
		}
		for k, u := range []int{2, 32} {
			want, wantUser := make([]float64, 27), make([]float64, 27)
			for j := range want {
				near, s := m.Similar(j)
				for n, i := range near {
					if v := x[u][i]; !math.IsNaN(v) {
						want[j] += v * float64(s[n])
					}
				}
			}
			near, s := n.Similar(u)
			for k, other := range near {
				for i, v := range x[other] {
					if !math.IsNaN(v) {
						wantUser[i] += float64(s[k]) * v
					}
				}
			}
			for i := range want {
				if math.Abs(want[i]-float64(out[k*27+i])) > 1e-5*max(1, want[i]) || math.Abs(wantUser[i]-float64(byUser[k*27+i])) > 1e-5*max(1, wantUser[i]) {
					t.Fatalf("%+v: user %d, item %d: %v and %v, want %v and %v", cfg, u, i, out[k*27+i], byUser[k*27+i], want[i], wantUser[i])
				}
			}
		}
	}
}

// TestFoldIn adds a user whom training does not know, and finds the neighbors that training with him finds, but for what
// he changes of the columns' statistics: nothing, without weighting.
func TestFoldIn(t *testing.T) {
	all := drawn(philox.New(5, 5), 41, 30)
	last := all.Rows - 1
	rest := &interactions.Matrix{Rows: last, Columns: all.Columns, Offsets: all.Offsets[:last+1], Indices: all.Indices[:all.Offsets[last]], Values: all.Values[:all.Offsets[last]]}
	for _, similarity := range []string{Cosine, Jaccard, Pearson, Dot} {
		cfg := Settings{Similarity: similarity, Weighting: None, Shrinkage: new(2.0), Neighbors: new(7)}
		whole, err := FitUsers(t.Context(), all, ranking.NewTies(all.Rows, name), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		part, err := FitUsers(t.Context(), rest, ranking.NewTies(last, name), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		want, got := make([]float32, all.Columns), make([]float32, all.Columns)
		if err := whole.Scorer().Score([]int32{int32(last)}, want); err != nil {
			t.Fatal(err)
		}
		if err := part.ScorerOf(all).Score([]int32{int32(last)}, got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: folded in %v, trained %v", similarity, got, want)
		}
	}
}

// TestThreads fits and ranks on 1, 2 and 7 threads.
func TestThreads(t *testing.T) {
	train := drawn(philox.New(9, 9), 600, 300)
	users, items := ranking.NewTies(600, name), ranking.NewTies(300, name)
	if n := len(newSpace(&Settings{Similarity: Jaccard, Shrinkage: new(0.0)}, train.Transpose()).blocks()); n < 4 {
		t.Fatalf("all rows are in %d blocks: nothing is shared", n-1)
	}
	all := make([]int32, train.Rows)
	for u := range all {
		all[u] = int32(u)
	}
	for _, cfg := range []Settings{{}, {Similarity: Pearson, Neighbors: new(30)}, {Similarity: Jaccard, Neighbors: new(0)}} {
		var first *Items
		var firstUsers *Users
		var firstLists *ranking.Lists
		for _, threads := range []int{1, 2, 7} {
			p := pool.New(threads)
			m, err := FitItems(t.Context(), train, items, cfg, p)
			if err != nil {
				t.Fatal(err)
			}
			n, err := FitUsers(t.Context(), train, users, cfg, p)
			if err != nil {
				t.Fatal(err)
			}
			l, err := ranking.TopK(t.Context(), n.Scorer(), all, ranking.Options{K: 10, Ties: items, Seen: train, Pool: p})
			if err != nil {
				t.Fatal(err)
			}
			p.Close()
			if first == nil {
				first, firstUsers, firstLists = m, n, l
			}
			if !same(m.Graph, first.Graph) || !same(n.Graph, firstUsers.Graph) || !slices.Equal(l.Items, firstLists.Items) || !slices.Equal(l.Scores, firstLists.Scores) {
				t.Errorf("%+v: %d threads give other bits", cfg, threads)
			}
		}
	}
}

func same(a, b *Graph) bool {
	return slices.Equal(a.Offsets, b.Offsets) && slices.Equal(a.Indices, b.Indices) && slices.Equal(a.Values, b.Values)
}

// TestByHand holds similarities to values worked out on paper.
func TestByHand(t *testing.T) {
	// Users a, b, c; items x, y, z.      x  y  z
	//                               a    1  2  .
	//                               b    2  4  1
	//                               c    3  .  1
	m := &interactions.Matrix{Rows: 3, Columns: 3, Offsets: []int64{0, 2, 5, 7}, Indices: []int32{0, 1, 0, 1, 2, 0, 2}, Values: []float32{1, 2, 2, 4, 1, 3, 1}}
	for _, c := range []struct {
		cfg  Settings
		want float64 // of x and y
	}{
		{Settings{Similarity: Cosine, Weighting: None}, 10 / math.Sqrt(14*20)},
		{Settings{Similarity: Cosine, Weighting: None, Shrinkage: new(2.0)}, 10 / math.Sqrt(14*20) * 2 / 4},
		{Settings{Similarity: Jaccard}, 2. / 3},
		{Settings{Similarity: Pearson}, 1},
		{Settings{Similarity: Dot, Weighting: None}, 10},
		// a has 2 of the 3 items, b all of them: they weigh ln(1 + 3/2) and ln(1 + 3/3).
		{Settings{Similarity: Dot, Weighting: TFIDF}, math.Sqrt(2)*math.Log(2.5)*math.Log(2.5) + math.Sqrt(8)*math.Log(2)*math.Log(2)},
	} {
		f, err := FitItems(t.Context(), m, ranking.NewTies(3, name), c.cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		items, values := f.Similar(1)
		k := slices.Index(items, 0)
		if k < 0 || math.Abs(float64(values[k])-c.want) > 1e-6 {
			t.Errorf("%+v: neighbors %v %v, want x with %v", c.cfg, items, values, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	train := drawn(philox.New(1, 2), 10, 8)
	ties := ranking.NewTies(8, name)
	for path, cfg := range map[string]Settings{
		"similarity": {Similarity: "cosin"}, "weighting": {Similarity: Jaccard, Weighting: TFIDF}, "shrinkage": {Shrinkage: new(-1.0)},
		"neighbors": {Neighbors: new(-1)}, "bm25.k1": {Weighting: BM, BM25: BM25{K1: -1}}, "bm25.b": {Weighting: BM, BM25: BM25{B: new(2.0)}}, "bm25": {BM25: BM25{K1: 1}},
	} {
		var c *configfile.FieldError
		if _, err := FitItems(t.Context(), train, ties, cfg, nil); !errors.As(err, &c) || c.Path != path {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := FitUsers(t.Context(), train, ties, Settings{}, nil); err == nil || !strings.Contains(err.Error(), "10 rows") {
		t.Errorf("ties of items for users: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := FitItems(ctx, train, ties, Settings{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	m, err := FitItems(t.Context(), train, ties, Settings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, err := FitUsers(t.Context(), train, ranking.NewTies(10, name), Settings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, 8)
	for what, err := range map[string]error{
		"item 8": m.Score([]int32{8}, []float32{1}, out), "item -1": n.Score([]int32{-1}, []float32{1}, out), "item 2": n.Score([]int32{3, 2}, []float32{1, 1}, out),
		"1 items with 2": m.Score([]int32{1}, []float32{1, 2}, out), "user 10": m.Scorer(train).Score([]int32{10}, out), "user 11": n.Scorer().Score([]int32{11}, out),
	} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// Nothing known of a user: nothing is preferred.
	if err := n.Score(nil, nil, out); err != nil || slices.Max(out) != 0 {
		t.Errorf("no items: %v %v", out, err)
	}
	for _, g := range []Graph{{Offsets: []int64{0}}, {Offsets: []int64{0, 1}, Indices: []int32{1}, Values: []float32{1}}, {Offsets: []int64{0, 1}, Indices: []int32{0}, Values: []float32{0}}} {
		if g.Check(1) == nil {
			t.Errorf("%+v is taken", g)
		}
	}
	again, err := NewItems(m.Graph)
	if err != nil || !same(again.pointed, m.pointed) {
		t.Errorf("a model of the same graph: %v", err)
	}
	if _, err := NewItems(&Graph{}); err == nil {
		t.Error("a graph of nothing is taken")
	}
}

// The largest values there can be give neighbors that are numbers.
func TestLargestValues(t *testing.T) {
	b, err := interactions.NewBuilder(&interactions.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for u := range 40 {
		for i := range 5 {
			if err := b.Add(interactions.Event{User: fmt.Sprint(u), Item: fmt.Sprint((u + i) % 9), Value: 1e12}); err != nil {
				t.Fatal(err)
			}
		}
	}
	d, err := b.Build(t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	ties := ranking.NewTies(d.Items.Len(), d.Items.ID)
	for _, weighting := range []string{None, TFIDF, BM} {
		m, err := FitItems(t.Context(), d.Train, ties, Settings{Similarity: Dot, Weighting: weighting}, nil)
		if err != nil {
			t.Fatal(err)
		}
		l, err := ranking.TopK(t.Context(), m.Scorer(d.Train), []int32{0}, ranking.Options{K: 9, Ties: ties})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range append(slices.Clone(m.Graph.Values), l.Scores...) {
			if x := float64(s); math.IsNaN(x) || math.IsInf(x, 0) {
				t.Fatalf("%s: a similarity or score of %v", weighting, x)
			}
		}
	}
}
