package recommender

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"debut/datasets/interactions"
	"debut/kernels/pool"
	"debut/trainers/model"
	"debut/trainers/ranking"
)

// shelf is a shop in which the items 0, 1 and 2 are with the same users, 3 and 4 with others, and 5 with nobody; low numbers score best.
func shelf(t testing.TB) *Model {
	t.Helper()
	m := &Model{Shop: &Shop{Users: vocabulary(t, "u", 5), Items: vocabulary(t, "i", 6)}, Config: interactions.Config{}}
	m.Histories = rows(6, []int32{0, 1, 2}, []int32{0, 1, 2, 4}, []int32{3}, []int32{3, 4}, nil)
	m.Ties = ranking.NewTies(6, m.Shop.Items.ID)
	m.Scorer = &least{6, map[int32]bool{}}
	return m
}

// brief is a list without the letters of its ids.
func brief(l model.List) string {
	var items []string
	for _, id := range l.Items {
		items = append(items, strings.TrimLeft(id, "i0"))
	}
	return strings.Join(items, " ")
}

func one(t testing.TB, m *Model, r model.Request) model.List {
	t.Helper()
	all := collect(t, m, r)
	if len(all) != 1 {
		t.Fatalf("%d lists", len(all))
	}
	return all[0]
}

// Diversity takes the item of another kind before the next of the same; without it, or for lists of all, nothing changes.
func TestDiversity(t *testing.T) {
	m := shelf(t)
	request := model.Request{Users: []string{"u00002"}, K: 3, Seen: true}
	for _, c := range []struct {
		diversity float64
		want      string
	}{{0, " 1 2"}, {0.01, " 1 2"}, {0.5, " 3 5"}, {1, " 3 5"}} {
		request.Diversity = c.diversity
		if got := brief(one(t, m, request)); got != c.want {
			t.Errorf("diversity %v: %q, want %q", c.diversity, got, c.want)
		}
	}
	request.Diversity, request.K = 0.5, 6
	l := one(t, m, request)
	if s := slices.Sorted(slices.Values(l.Items)); len(slices.Compact(s)) != 6 {
		t.Errorf("all items in another order: %v", l.Items)
	}
	for i, id := range l.Items {
		if n, _ := m.Item(id); l.Scores[i] != float32(-n) {
			t.Errorf("item %s has the score %v", id, l.Scores[i])
		}
	}
}

// The cosine is that of the columns written out.
func TestLikeness(t *testing.T) {
	m := shelf(t)
	x := &reranker{m: m, byItem: m.Histories.Transpose()}
	for i := range int32(6) {
		for j := range int32(6) {
			dot, a, b := 0.0, 0.0, 0.0
			for u := range m.Histories.Rows {
				items, _ := m.Histories.Row(u)
				has, too := slices.Contains(items, i), slices.Contains(items, j)
				if has {
					a++
				}
				if too {
					b++
				}
				if has && too {
					dot++
				}
			}
			want := 0.0
			if a > 0 && b > 0 {
				want = dot / math.Sqrt(a*b)
			}
			if got := x.likeness(i, j); math.Abs(got-want) > 1e-15 {
				t.Errorf("items %d and %d: %v, want %v", i, j, got, want)
			}
		}
	}
}

func TestGroups(t *testing.T) {
	m := shelf(t)
	items := &model.Items{Weights: map[string]float32{}, Groups: map[string]string{}}
	for i := range 6 {
		items.Weights[m.Shop.Items.ID(i)] = 1
	}
	for _, i := range []int{0, 1, 2, 3} {
		items.Groups[m.Shop.Items.ID(i)] = "mugs"
	}
	r := model.Request{Users: []string{"u00002", "?"}, K: 3, Seen: true, Items: items, MostOfGroup: 1}
	lists := collect(t, m, r)
	if got := brief(lists[0]); got != " 4 5" {
		t.Errorf("at most one mug: %q", got)
	}
	if n := len(lists[1].Items); n != 3 {
		t.Errorf("a stranger gets %v", lists[1].Items)
	}
	r.MostOfGroup = 2
	if got := brief(collect(t, m, r)[0]); got != " 1 4" {
		t.Errorf("at most two mugs: %q", got)
	}
	r.K = 6
	if got := brief(collect(t, m, r)[0]); got != " 1 4 5" {
		t.Errorf("a list is shorter where there is no more: %q", got)
	}
}

// The last places are for items that few have, which differ from user to user and not from day to day.
func TestExplore(t *testing.T) {
	m := shelf(t)
	items := &model.Items{Weights: map[string]float32{"new, 1": 1, "new, 2": 1}}
	for i := range 6 {
		items.Weights[m.Shop.Items.ID(i)] = 1
	}
	r := model.Request{K: 3, Items: items, Explore: 2, ExploreBelow: 1}
	drawn := map[string]int{}
	for n := range 3000 {
		r.Users = []string{fmt.Sprint("somebody ", n)}
		l := one(t, m, r)
		if l.Explored != 2 || len(l.Items) != 3 || l.Items[1] == l.Items[2] || l.Scores[1] != 0 {
			t.Fatalf("%+v", l)
		}
		for _, id := range l.Items[1:] {
			drawn[id]++
		}
		if n == 0 && !slices.Equal(one(t, m, r).Items, l.Items) {
			t.Error("the same user gets another list")
		}
	}
	if len(drawn) != 3 { // both that are new to the model, and item 5
		t.Fatalf("explored %v", drawn)
	}
	for id, n := range drawn {
		if n < 1850 || n > 2150 { // 2,000 and five standard deviations
			t.Errorf("%s is drawn %d times of 2000", id, n)
		}
	}
	// What somebody has is not new to him.
	r.ExploreBelow, r.Users, r.Explore = 3, []string{"u00000"}, 3
	for _, id := range one(t, m, r).Items {
		if slices.Contains([]string{"i00000", "i00001", "i00002"}, id) {
			t.Errorf("%s is explored by somebody who has it", id)
		}
	}
	for _, wrong := range []model.Request{{K: 2, Explore: 3, ExploreBelow: 1}, {K: 2, Explore: -1}, {K: 2, Diversity: 1.5}, {K: 2, Diversity: math.NaN()}, {K: 2, MostOfGroup: 1}, {K: 2, Explore: 1}} {
		for _, err := range m.Recommend(t.Context(), wrong) {
			if err == nil {
				t.Errorf("%+v is answered", wrong)
			}
			break
		}
	}
}

// The reason is the item that adds most, as the model has it, or else the one most alike; threads change nothing.
func TestBecause(t *testing.T) {
	m := shelf(t)
	r := model.Request{Users: []string{"u00001", "u00003", "?"}, K: 9, Because: true, Seen: true}
	for k, l := range collect(t, m, r) {
		if len(l.Because) != len(l.Items) {
			t.Fatalf("%d reasons for %d items", len(l.Because), len(l.Items))
		}
		for i, id := range l.Because {
			if id == l.Items[i] {
				t.Errorf("%s is there because of itself", id)
			}
			if k == 2 && id != "" {
				t.Errorf("a stranger gets %s because of %s", l.Items[i], id)
			}
		}
	}
	// Who has 3 and 4 gets 0 because of 4, that somebody has with it.
	l := collect(t, m, r)[1]
	if at := slices.Index(l.Items, "i00000"); l.Because[at] != "i00004" {
		t.Errorf("because %v of %v", l.Because, l.Items)
	}
	m.Adds = func(has int32, value float32, _ int32) float64 { return float64(has) * float64(value) }
	for i, because := range collect(t, m, r)[0].Because {
		if l := collect(t, m, r)[0]; l.Items[i] != "i00004" && because != "i00004" {
			t.Errorf("%s because of %s", l.Items[i], because)
		}
	}
	alone := fmt.Sprint(collect(t, m, r))
	m.Pool = pool.New(3)
	defer m.Pool.Close()
	if got := fmt.Sprint(collect(t, m, r)); got != alone {
		t.Errorf("three threads: %s, one: %s", got, alone)
	}
}
