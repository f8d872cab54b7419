package ranking

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/kernels/pool"
)

// Sampled lists hold what is to be found and as many unseen others as were asked for, drawn alike from all, and the same every time.
func TestSampleCandidates(t *testing.T) {
	const users, items, negatives = 400, 50, 10
	r := philox.New(3, 3)
	var truth, seen [][]int32
	for range users {
		p := r.Perm(items)
		row := func(from, n int) (list []int32) {
			for _, i := range p[from : from+n] {
				list = append(list, int32(i))
			}
			slices.Sort(list)
			return list
		}
		truth, seen = append(truth, row(0, r.IntN(3))), append(seen, row(2, r.IntN(items-2)))
	}
	find, known := sparse(items, truth...), sparse(items, seen...)
	c, err := SampleCandidates(find, known, negatives, 1)
	if err != nil {
		t.Fatal(err)
	}
	drawn, expected := make([]float64, items), make([]float64, items)
	for u := range users {
		row, _ := c.Row(u)
		left := items - len(truth[u]) - len(seen[u])
		want := len(truth[u]) + min(negatives, left)
		if len(truth[u]) == 0 {
			want = 0
		}
		if len(row) != want || !slices.IsSorted(row) || len(slices.Compact(slices.Clone(row))) != want {
			t.Fatalf("user %d has candidates %v, want %d", u, row, want)
		}
		for i := range int32(items) {
			other := !contains(truth[u], i) && !contains(seen[u], i)
			switch {
			case contains(truth[u], i) && !contains(row, i) || contains(seen[u], i) && contains(row, i):
				t.Fatalf("user %d is to find %v, has seen %v and has candidates %v", u, truth[u], seen[u], row)
			case other && want > 0:
				expected[i] += float64(min(negatives, left)) / float64(left)
				if contains(row, i) {
					drawn[i]++
				}
			}
		}
	}
	for i := range drawn { // of a sum of as many draws five deviations are hardly ever passed
		if math.Abs(drawn[i]-expected[i]) > 5*math.Sqrt(expected[i]) {
			t.Errorf("item %d is drawn %v times, expected %.1f", i, drawn[i], expected[i])
		}
	}
	again, err := SampleCandidates(find, known, negatives, 1)
	other, err2 := SampleCandidates(find, known, negatives, 2)
	if err != nil || err2 != nil || !slices.Equal(again.Indices, c.Indices) || slices.Equal(other.Indices, c.Indices) {
		t.Error("draws do not follow from the seed alone", err, err2)
	}
	if _, err := SampleCandidates(find, known, 0, 1); err == nil {
		t.Error("no negatives")
	}
	if _, err := SampleCandidates(find, sparse(items+1, seen...), 1, 1); err == nil {
		t.Error("seen of other items")
	}
}

// Lists of candidates are those of a scorer for whom the other items do not exist; the AUC among sampled ones is that of all but for chance, and the
// protocol says what was ranked.
func TestCandidates(t *testing.T) {
	const users, items = 300, 40
	r := philox.New(4, 4)
	s := &table{items: items}
	var truth, seen, lists [][]int32
	for range users {
		p := r.Perm(items)
		row := make([]float32, items)
		for i := range row {
			row[i] = float32(r.IntN(60))
		}
		var find, has, among []int32
		for k, i := range p {
			switch {
			case k < 2:
				find = append(find, int32(i))
				row[i] += 15
			case k < 8:
				has = append(has, int32(i))
			}
			if k%3 != 1 {
				among = append(among, int32(i))
			}
		}
		for _, list := range [][]int32{find, has, among} {
			slices.Sort(list)
		}
		s.scores = append(s.scores, row)
		truth, seen, lists = append(truth, find), append(seen, has), append(lists, among)
	}
	candidates := sparse(items, lists...)
	hidden := []int32{7, 3}
	o := Options{Ties: NewTies(items, name), Seen: sparse(items, seen...), Hidden: hidden, Candidates: candidates}
	e, err := Evaluate(t.Context(), s, sparse(items, truth...), []int{5}, o)
	if err != nil {
		t.Fatal(err)
	}
	var offList int64
	at := 0
	for u := range users {
		var left, find []int32
		for _, i := range lists[u] {
			if !contains(seen[u], i) && !slices.Contains(hidden, i) {
				left = append(left, i)
				if contains(truth[u], i) {
					find = append(find, i)
				}
			}
		}
		for _, i := range truth[u] {
			if !contains(lists[u], i) && !slices.Contains(hidden, i) {
				offList++
			}
		}
		if len(find) == 0 {
			continue
		}
		best := slices.Clone(left)
		slices.SortFunc(best, func(a, b int32) int {
			if d := s.scores[u][b] - s.scores[u][a]; d != 0 {
				return int(d)
			}
			return int(o.Ties.Place(a)) - int(o.Ties.Place(b))
		})
		if got, _ := e.Lists.Of(at); !slices.Equal(got, best[:5]) {
			t.Fatalf("user %d: %v, want %v", u, got, best[:5])
		}
		area, pairs := 0.0, 0.0
		for _, i := range find {
			for _, j := range left {
				if !contains(find, j) {
					pairs++
					switch d := s.scores[u][i] - s.scores[u][j]; {
					case d > 0:
						area++
					case d == 0:
						area += 0.5
					}
				}
			}
		}
		if pairs > 0 && float64(e.AUCs[at]) != float64(float32(area/pairs)) {
			t.Fatalf("user %d: AUC %v, want %v", u, e.AUCs[at], area/pairs)
		}
		at++
	}
	if p := e.Protocol; p.FullRanking || p.OffList != offList || at != p.Users || !strings.HasPrefix(p.String(), "ranking of given candidates") {
		t.Errorf("%d users, %d off the lists: %+v", at, offList, p)
	}
	workers := pool.New(3)
	defer workers.Close()
	o.Pool = workers
	again, err := Evaluate(t.Context(), ranged{s}, sparse(items, truth...), []int{5}, o)
	if err != nil || !slices.Equal(again.AUCs, e.AUCs) || !slices.Equal(again.Lists.Items, e.Lists.Items) {
		t.Error("tiles make other lists", err)
	}
	o.Candidates = nil
	all, err := Evaluate(t.Context(), s, sparse(items, truth...), []int{5}, o)
	if err != nil {
		t.Fatal(err)
	}
	if o.Candidates, err = SampleCandidates(sparse(items, truth...), o.Seen, 12, 1); err != nil {
		t.Fatal(err)
	}
	some, err := Evaluate(t.Context(), s, sparse(items, truth...), []int{5}, o)
	if err != nil || math.Abs(some.AUC-all.AUC) > 0.02 || some.At(5).Recall < all.At(5).Recall+0.1 {
		t.Errorf("AUC %v of all and %v of some, recall %v and %v: %v", all.AUC, some.AUC, all.At(5).Recall, some.At(5).Recall, err)
	}
	o.Candidates = sparse(items+1, lists...)
	if _, err := Evaluate(t.Context(), s, sparse(items, truth...), []int{5}, o); err == nil {
		t.Error("candidates of other items")
	}
	o.Candidates = sparse(items, lists[:9]...)
	if _, err := Evaluate(t.Context(), s, sparse(items, truth...), []int{5}, o); err == nil {
		t.Error("candidates of other users")
	}
	o.Candidates = &interactions.Matrix{Rows: users, Columns: items, Offsets: make([]int64, users+1)}
	if _, err := Evaluate(t.Context(), s, sparse(items, truth...), []int{5}, o); !errors.Is(err, ErrNothing) {
		t.Errorf("empty lists: %v", err)
	}
}

// New items are measured among themselves: a model that puts all of them last, but in the right order, has an AUC of 1 there.
func TestNewItems(t *testing.T) {
	histories := sparse(6, []int32{0, 1}, []int32{1, 2}, nil)
	s := &table{6, [][]float32{{9, 9, 9, 3, 2, 1}, {9, 9, 9, 1, 2, 2}, {9, 9, 9, 1, 1, 1}}}
	truth := sparse(6, []int32{2, 3}, []int32{5}, []int32{0})
	e, err := Evaluate(t.Context(), s, truth, []int{2}, Options{Ties: NewTies(6, name), Seen: histories, Histories: histories})
	if err != nil {
		t.Fatal(err)
	}
	g := e.Groups[len(e.Groups)-1]
	if g.Name != "new items among themselves" || g.Count != 2 {
		t.Fatalf("%+v", e.Groups)
	}
	v, _ := g.Values.Get("auc")
	near(t, "AUC", v, (1+0.75)/2) // the second's beats item 3, and is equal to item 4
	e, err = Evaluate(t.Context(), s, truth, []int{2}, Options{Ties: NewTies(6, name), Seen: histories, Histories: histories, Hidden: []int32{3, 4}})
	if err != nil {
		t.Fatal(err)
	}
	if g := e.Groups[len(e.Groups)-1]; strings.HasPrefix(g.Name, "new items") {
		t.Errorf("one new item is measured among itself: %+v", g)
	}
}
