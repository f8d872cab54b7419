package ranking

import (
	"slices"

	"debut/datasets/interactions"
	"debut/trainers/metrics"
)

// fresh adds up, for each user who is to find items that nobody had before, in how many pairs of one of them with another such item, that he is not to
// find, it scores higher. Beside items that are known, new ones are ranked by how much is known of them; among themselves, by whom they fit.
type fresh struct {
	items  []int32     // ascending
	find   [][]float32 // the scores of those that user i is to find, ascending
	pairs  []float64
	others []int
}

// newFresh looks for items that are in no history; nil: there are none.
func newFresh(histories *interactions.Matrix, hidden []int32, users int) *fresh {
	if histories == nil {
		return nil
	}
	f := &fresh{}
	for i, n := range histories.ColumnCounts() {
		if n == 0 && !contains(hidden, int32(i)) {
			f.items = append(f.items, int32(i))
		}
	}
	if len(f.items) < 2 {
		return nil
	}
	f.find, f.pairs, f.others = make([][]float32, users), make([]float64, users), make([]int, users)
	return f
}

// begin is told the scores of the items that user i is to find.
func (f *fresh) begin(i int, items []int32, scores []float32) {
	for k, item := range items {
		if contains(f.items, item) {
			f.find[i] = append(f.find[i], scores[k])
		}
	}
	slices.Sort(f.find[i])
}

// count adds the pairs of user i with the items from lo on, of which he is to find relevant ones.
func (f *fresh) count(i, lo int, scores []float32, relevant []int32, o *Options, user int32) {
	if len(f.find[i]) == 0 {
		return
	}
	from, _ := slices.BinarySearch(f.items, int32(lo))
	for _, item := range f.items[from:] {
		if int(item) >= lo+len(scores) {
			return
		}
		if contains(relevant, item) || contains(seenBy(o.Seen, user), item) || !among(o.Candidates, user, item) {
			continue
		}
		f.pairs[i] += won(f.find[i], scores[int(item)-lo])
		f.others[i]++
	}
}

// group is the mean over users; ok is false where nobody is to find a new item beside others.
func (f *fresh) group() (g metrics.Group, ok bool) {
	sum, users := 0.0, 0
	for i, find := range f.find {
		if len(find) > 0 && f.others[i] > 0 {
			sum += f.pairs[i] / float64(f.others[i]) / float64(len(find))
			users++
		}
	}
	if users == 0 {
		return g, false
	}
	return metrics.Group{Name: "new items among themselves", Count: int64(users), Unit: "users", Values: metrics.Values{{Name: "auc", Value: sum / float64(users)}}}, true
}
