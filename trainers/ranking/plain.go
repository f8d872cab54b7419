package ranking

import (
	"cmp"
	"math"
	"slices"

	"debut/datasets/interactions"
	"debut/trainers/metrics"
)

// Plain compares the recall at the largest cutoff with that of one list for everybody, the items in the order of share, of which each user
// gets the first that o allows, as in Evaluate.
func (e *Evaluation) Plain(share []float32, o Options) *metrics.Plain {
	at := len(e.Metrics) - 1
	k := e.Metrics[at].K
	order := make([]int32, 0, len(share))
	for i := range share {
		if !slices.Contains(o.Hidden, int32(i)) {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		if c := cmp.Compare(share[b], share[a]); c != 0 {
			return c
		}
		return cmp.Compare(o.Ties.Place(a), o.Ties.Place(b))
	})
	p := &metrics.Plain{Answer: "what most users have", Metric: metrics.At("recall@k", k), Model: e.Metrics[at].Recall}
	for i, u := range e.Users {
		find := e.relevant.Indices[e.relevant.Offsets[i]:e.relevant.Offsets[i+1]]
		p.Value += float64(hitsOf(order, find, func(item int32) bool { return !among(o.Candidates, u, item) || contains(seenBy(o.Seen, u), item) }, k)) / float64(len(find))
	}
	n := float64(len(e.Users))
	p.Value /= n
	squares := 0.0
	for _, r := range e.PerUser[at].Recall {
		squares += (float64(r) - p.Model) * (float64(r) - p.Model)
	}
	p.Error = math.Sqrt(squares) / n
	return p
}

// plainRemedy is what to do where a model knows less than the crowd, whichever family it is of.
const plainRemedy = "of all models, family: neighbors with model: {kind: user, neighbors: 0} comes closest to what most users have; or give the model more of what users did"

// seenBy is what a user has already.
func seenBy(seen *interactions.Matrix, user int32) []int32 {
	if seen == nil {
		return nil
	}
	items, _ := seen.Row(int(user))
	return items
}

// contains says whether an item is in a list, ascending.
func contains(list []int32, item int32) bool {
	_, found := slices.BinarySearch(list, item)
	return found
}

// hitsOf counts which of the first k items of an order that are not left out are to be found, ascending.
func hitsOf(order, find []int32, leftOut func(item int32) bool, k int) (hits int) {
	for _, item := range order {
		if leftOut(item) {
			continue
		}
		if contains(find, item) {
			hits++
		}
		if k--; k == 0 {
			break
		}
	}
	return hits
}
