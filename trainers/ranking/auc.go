package ranking

import (
	"slices"

	"debut/datasets/interactions"
)

// areas adds up, for each of some users, the pairs of an item that he is to find and one that he is not, in which the first scores higher;
// equal scores are half a pair. What he has seen and what is hidden are in no pair. Sums are of halves, and so exact in any order.
type areas struct {
	relevant *interactions.Matrix // row i: what user i is to find
	users    []int32
	o        *Options
	find     [][]float32 // the scores of what user i is to find, ascending
	pairs    []float64
	others   []int // of users with candidates: how many of these, that they are not to find
	fresh    *fresh
}

func newAreas(relevant *interactions.Matrix, users []int32, o *Options) *areas {
	return &areas{
		relevant: relevant, users: users, o: o, find: make([][]float32, len(users)), pairs: make([]float64, len(users)), others: make([]int, len(users)),
		fresh: newFresh(o.Histories, o.Hidden, len(users)),
	}
}

// begin is told the scores of what user i is to find.
func (a *areas) begin(i int, scores []float32) {
	a.find[i] = slices.Clone(scores)
	if a.fresh != nil {
		a.fresh.begin(i, a.toFind(i), scores)
	}
	slices.Sort(a.find[i])
}

// won is in how many pairs, of one item with each of what is to be found, that scores higher.
func won(find []float32, score float32) float64 {
	if len(find) == 1 {
		switch {
		case score < find[0]:
			return 1
		case score == find[0]:
			return 0.5
		}
		return 0
	}
	least, _ := slices.BinarySearch(find, score)
	most := least
	for most < len(find) && find[most] == score {
		most++
	}
	return float64(len(find)-most) + 0.5*float64(most-least)
}

// count adds the pairs with the items from lo on, of which scores are those of user i.
func (a *areas) count(i, lo int, scores []float32) {
	find := a.find[i]
	if a.fresh != nil {
		a.fresh.count(i, lo, scores, a.toFind(i), a.o, a.users[i])
	}
	if a.o.Candidates != nil {
		a.countCandidates(i, lo, scores)
		return
	}
	sum := 0.0
	if len(find) == 1 {
		below, equal, score := 0, 0, find[0]
		for _, v := range scores {
			if v < score {
				below++
			}
			if v == score {
				equal++
			}
		}
		sum = float64(below) + 0.5*float64(equal)
	} else {
		for _, v := range scores {
			sum += won(find, v)
		}
	}
	for _, list := range [][]int32{a.o.Hidden, a.seen(i), a.toFind(i)} {
		from, _ := slices.BinarySearch(list, int32(lo))
		for _, item := range list[from:] {
			if int(item) >= lo+len(scores) {
				break
			}
			if a.first(item, list) {
				sum -= won(find, scores[int(item)-lo])
			}
		}
	}
	a.pairs[i] += sum
}

// countCandidates adds the pairs with those of a user's candidates that are among the items from lo on.
func (a *areas) countCandidates(i, lo int, scores []float32) {
	row, _ := a.o.Candidates.Row(int(a.users[i]))
	from, _ := slices.BinarySearch(row, int32(lo))
	for _, item := range row[from:] {
		if int(item) >= lo+len(scores) {
			return
		}
		other := true
		for _, list := range [][]int32{a.o.Hidden, a.seen(i), a.toFind(i)} {
			_, found := slices.BinarySearch(list, item)
			other = other && !found
		}
		if other {
			a.pairs[i] += won(a.find[i], scores[int(item)-lo])
			a.others[i]++
		}
	}
}

// first says that an item of a list is not one of the hidden too.
func (a *areas) first(item int32, list []int32) bool {
	if len(a.o.Hidden) == 0 || &list[0] == &a.o.Hidden[0] {
		return true
	}
	_, hidden := slices.BinarySearch(a.o.Hidden, item)
	return !hidden
}

// toFind is what user i is to find.
func (a *areas) toFind(i int) []int32 {
	return a.relevant.Indices[a.relevant.Offsets[i]:a.relevant.Offsets[i+1]]
}

func (a *areas) seen(i int) []int32 {
	if a.o.Seen == nil {
		return nil
	}
	seen, _ := a.o.Seen.Row(int(a.users[i]))
	return seen
}

// area is the share of pairs that are won by user i, one half where there is no pair.
func (a *areas) area(i, items int) float64 {
	if a.o.Candidates != nil {
		if a.others[i] == 0 {
			return 0.5
		}
		return a.pairs[i] / float64(a.others[i]) / float64(len(a.find[i]))
	}
	others := items - len(a.o.Hidden) - len(a.find[i])
	for _, item := range a.seen(i) {
		if _, hidden := slices.BinarySearch(a.o.Hidden, item); !hidden {
			others--
		}
	}
	if others <= 0 {
		return 0.5
	}
	return a.pairs[i] / float64(others) / float64(len(a.find[i]))
}
