package metrics

import (
	"cmp"
	"math"
	"slices"
)

// index is the number of a row.
type index interface{ uint32 | uint64 }

const (
	digitBits = 11
	digits    = (64 + digitBits - 1) / digitBits
	fewScores = 1 << 11 // up to so many are sorted by comparing
)

// descending returns the rows of finite scores by decreasing score, and by number where scores are equal. Many rows are sorted by
// radix, the least significant digit first, in linear time; digits that all scores share, as those behind the precision of numbers
// that were float32 once, cost nothing.
func descending[I index](scores []float64) []I {
	order := make([]I, len(scores))
	for i := range order {
		order[i] = I(i)
	}
	if len(scores) <= fewScores {
		slices.SortFunc(order, func(a, b I) int {
			return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b))
		})
		return order
	}
	var counts [digits][1 << digitBits]int
	for _, v := range scores {
		k := descendingKey(v)
		for d := range counts {
			counts[d][digit(k, d)]++
		}
	}
	next := make([]I, len(order))
	for d := range counts {
		starts := &counts[d]
		if starts[digit(descendingKey(scores[0]), d)] == len(scores) {
			continue
		}
		at := 0
		for k, n := range starts {
			starts[k] = at
			at += n
		}
		for _, i := range order {
			k := digit(descendingKey(scores[i]), d)
			next[starts[k]] = i
			starts[k]++
		}
		order, next = next, order
	}
	return order
}

func digit(key uint64, d int) uint64 { return key >> (d * digitBits) & (1<<digitBits - 1) }

// descendingKey maps numbers to keys in the opposite order; both zeros are one.
func descendingKey(v float64) uint64 {
	b := math.Float64bits(v + 0) // −0 + 0 is 0
	if b>>63 != 0 {
		return b
	}
	return ^b &^ (1 << 63)
}
