package recommender

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"slices"
	"sync"

	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/trainers/model"
)

// Of so many items a list of k is chosen where it is not the k best: of so many times as many, and no fewer than some.
const (
	candidatesPerPlace = 10
	leastCandidates    = 200
)

// reranker makes lists of candidates: with less of a kind, with items that few know, and with reasons. It is for several goroutines.
type reranker struct {
	m         *Model
	request   *model.Request
	byItem    *interactions.Matrix // items × users of the histories; nil where it is not needed
	newcomers []string             // ids of items to explore, in their order
	marks     sync.Pool            // *[]uint64, of users
}

// newReranker makes one for a request; nil where lists are the best items and no more.
func (m *Model) newReranker(r *model.Request, rules rules) (*reranker, error) {
	if !(r.Diversity >= 0 && r.Diversity <= 1) {
		return nil, fmt.Errorf("recommend: a diversity of %v; give a number from 0, the best items, to 1", r.Diversity)
	}
	if r.MostOfGroup < 0 || r.MostOfGroup > 0 && (r.Items == nil || r.Items.Groups == nil) {
		return nil, fmt.Errorf("recommend: at most %d items of a group; give a number from 1, and a table of items with a column of groups", r.MostOfGroup)
	}
	if r.Explore < 0 || r.Explore > r.K {
		return nil, fmt.Errorf("recommend: %d of %d places for new items; give a number from 0 to %d", r.Explore, r.K, r.K)
	}
	if r.Diversity == 0 && r.MostOfGroup == 0 && r.Explore == 0 && !r.Because {
		return nil, nil
	}
	if m.Counts != nil && (r.Diversity > 0 || r.Because && m.Adds == nil) {
		return nil, fmt.Errorf("recommend: diversity, and what an item is because of, go by which users have items in common: %w", errForgotten)
	}
	x := &reranker{m: m, request: r}
	if r.Diversity > 0 || r.Because {
		x.byItem = m.Histories.Transpose()
	}
	if r.Explore > 0 {
		x.newcomers = m.newcomers(r, rules)
		if len(x.newcomers) == 0 {
			return nil, fmt.Errorf("recommend: there is no new item to explore: each that may be listed is with %d users or more; give a greater number, or a table of items that the model does not know", r.ExploreBelow)
		}
	}
	return x, nil
}

// newcomers are the items that may be listed and that few users have, those of the table that the model does not know among them.
func (m *Model) newcomers(r *model.Request, rules rules) (ids []string) {
	for i, users := range m.counts() {
		if _, hidden := slices.BinarySearch(rules.hidden, int32(i)); !hidden && int(users) < r.ExploreBelow {
			ids = append(ids, m.Shop.Items.ID(i))
		}
	}
	if r.Items != nil {
		for id := range r.Items.Weights {
			if _, known := m.Shop.Items.Index(id); !known {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// candidates is how many of the best items a list of k is chosen of; nil: k.
func (x *reranker) candidates(k int) int {
	if x == nil || x.request.Diversity == 0 && x.request.MostOfGroup == 0 {
		return k
	}
	return max(k, min(max(candidatesPerPlace*k, leastCandidates), maxList))
}

// list makes the list of a user, who has such items, of candidates, the best first.
func (x *reranker) list(to *model.List, history []int32, values []float32, items []int32, scores []float32) {
	r := x.request
	chosen := x.choose(items, scores, r.K-min(r.Explore, len(x.newcomers)))
	l := x.m.List(to.User, chosen.items, chosen.scores)
	to.Items, to.Scores = l.Items, l.Scores
	if r.Because {
		to.Because = make([]string, len(chosen.items), r.K)
		for k, item := range chosen.items {
			if reason := x.reason(history, values, item); reason >= 0 {
				to.Because[k] = x.m.Shop.Items.ID(int(reason))
			}
		}
	}
	for _, id := range x.explored(to.User, history, l.Items) {
		to.Items, to.Scores, to.Explored = append(to.Items, id), append(to.Scores, 0), to.Explored+1
		if r.Because {
			to.Because = append(to.Because, "")
		}
	}
}

// selection is items in the order of a list.
type selection struct {
	items  []int32
	scores []float32
}

// choose takes at most k of the candidates: one by one that of the greatest score, less the likeness to the one it is most like of those
// before it (Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998), and of a group no more than there may be.
// Scores count from 0, of the last candidate, to 1; likeness is the cosine between the users of two items.
func (x *reranker) choose(items []int32, scores []float32, k int) selection {
	r := x.request
	n := len(items)
	if n == 0 {
		return selection{}
	}
	lowest, span := float64(scores[n-1]), float64(scores[0])-float64(scores[n-1])
	if !(span > 0) || math.IsInf(span, 0) {
		span = 1
	}
	nearest, taken := make([]float64, n), make([]bool, n)
	groups := map[string]int{}
	var out selection
	for len(out.items) < k {
		best, most := -1, math.Inf(-1)
		for c := range n {
			if taken[c] || r.MostOfGroup > 0 && x.full(groups, items[c]) {
				continue
			}
			if r.Diversity == 0 { // candidates are in their order
				best = c
				break
			}
			worth := (1-r.Diversity)*(float64(scores[c])-lowest)/span - r.Diversity*nearest[c]
			if worth > most {
				best, most = c, worth
			}
		}
		if best < 0 {
			break
		}
		taken[best] = true
		out.items, out.scores = append(out.items, items[best]), append(out.scores, scores[best])
		if group := x.group(items[best]); group != "" {
			groups[group]++
		}
		if r.Diversity > 0 {
			x.liken(items[best], items, taken, nearest)
		}
	}
	return out
}

// liken makes of how much each candidate that is left is like those chosen what it is with another one. The users of that are marked, and
// those of the candidates counted who are: lists of many users are gone through once.
func (x *reranker) liken(chosen int32, items []int32, taken []bool, nearest []float64) {
	users, _ := x.byItem.Row(int(chosen))
	if len(users) == 0 {
		return
	}
	marks := x.marked()
	for _, u := range users {
		marks[u/64] |= 1 << (u % 64)
	}
	for c, item := range items {
		own, _ := x.byItem.Row(int(item))
		if taken[c] || len(own) == 0 {
			continue
		}
		common := uint64(0)
		for _, u := range own {
			common += marks[u/64] >> (u % 64) & 1
		}
		nearest[c] = max(nearest[c], cosine(int(common), len(own), len(users)))
	}
	for _, u := range users {
		marks[u/64] = 0
	}
	x.marks.Put(&marks)
}

// marked returns a bit for each user, none of them set.
func (x *reranker) marked() []uint64 {
	if marks, ok := x.marks.Get().(*[]uint64); ok {
		return *marks
	}
	return make([]uint64, (x.byItem.Columns+63)/64)
}

// cosine is that between sets of so many, which have so many in common.
func cosine(common, a, b int) float64 {
	return float64(common) / math.Sqrt(float64(a)*float64(b))
}

// group is that of an item; "" is none.
func (x *reranker) group(item int32) string {
	if x.request.MostOfGroup == 0 {
		return ""
	}
	return x.request.Items.Groups[x.m.Shop.Items.ID(int(item))]
}

func (x *reranker) full(groups map[string]int, item int32) bool {
	group := x.group(item)
	return group != "" && groups[group] >= x.request.MostOfGroup
}

// likeness is the cosine between the users of two items.
func (x *reranker) likeness(i, j int32) float64 {
	a, _ := x.byItem.Row(int(i))
	b, _ := x.byItem.Row(int(j))
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	common := 0
	for len(a) > 0 && len(b) > 0 {
		switch c := cmp.Compare(a[0], b[0]); {
		case c == 0:
			common++
			a, b = a[1:], b[1:]
		case c < 0:
			a = a[1:]
		default:
			b = b[1:]
		}
	}
	na, _ := x.byItem.Row(int(i))
	nb, _ := x.byItem.Row(int(j))
	return cosine(common, len(na), len(nb))
}

// reason is the item of a history that speaks most for another: what it adds to the score, where the model says, or else the item whose users
// are most like those of the other. It is −1 where none speaks for it.
func (x *reranker) reason(history []int32, values []float32, item int32) int32 {
	best, most := int32(-1), 0.0
	adds := x.m.Adds
	if adds == nil {
		adds = func(has int32, value float32, item int32) float64 { return float64(value) * x.likeness(has, item) }
	}
	for k, has := range history {
		if has == item {
			continue // with items seen before
		}
		if worth := adds(has, values[k], item); worth > most || worth == most && best >= 0 && x.m.Ties.Before(has, best) {
			best, most = has, worth
		}
	}
	return best
}

// streamExplore keeps what is drawn for exploration apart from other random numbers.
var streamExplore = philox.StreamOf("trainers/recommender: new items for a user")

// explored draws new items for a user, each as likely as any other, that neither he nor his list has: the same whenever he is asked about.
func (x *reranker) explored(user string, history []int32, list []string) (ids []string) {
	if x.request.Explore == 0 {
		return nil
	}
	h := fnv.New64a()
	_, _ = io.WriteString(h, user) // never fails
	for _, k := range philox.New(h.Sum64(), streamExplore).Perm(len(x.newcomers)) {
		if len(ids) == x.request.Explore {
			break
		}
		id := x.newcomers[k]
		if slices.Contains(list, id) {
			continue
		}
		if i, known := x.m.Shop.Items.Index(id); known && !x.request.Seen {
			if _, has := slices.BinarySearch(history, i); has {
				continue
			}
		}
		ids = append(ids, id)
	}
	return ids
}
