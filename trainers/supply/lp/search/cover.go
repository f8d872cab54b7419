package search

import (
	"math"
	"slices"
)

// item is a binary column in a knapsack, complemented where its coefficient was negative.
type item struct {
	column  int
	weight  float64
	value   float64 // at the point
	flipped bool
}

// covers looks for lifted covers in rows, each side of them as a knapsack of its binary columns.
func (c *cutter) covers() {
	for i := range c.t.own {
		if upper := c.t.p.RowUpper[i]; !math.IsInf(upper, 1) {
			c.cover(i, 1, upper)
		}
		if lower := c.t.p.RowLower[i]; !math.IsInf(lower, -1) {
			c.cover(i, -1, -lower)
		}
	}
}

func (c *cutter) cover(i int, sign, room float64) {
	t := c.t
	var items []item
	for k := c.rows.Start[i]; k < c.rows.Start[i+1]; k++ {
		j, a := int(c.rows.Index[k]), sign*c.rows.Value[k]
		l, u := t.rootLower[j], t.rootUpper[j]
		if l == u {
			room -= a * l
			continue
		}
		if !c.whole[j] || l != 0 || u != 1 {
			bound := l
			if a < 0 {
				bound = u
			}
			if math.IsInf(bound, 0) {
				return
			}
			room -= a * bound
			continue
		}
		if a > 0 {
			items = append(items, item{j, a, c.x[j], false})
		} else {
			room -= a
			items = append(items, item{j, -a, 1 - c.x[j], true})
		}
	}
	if len(items) < 2 || room < 0 {
		return
	}
	// A cover is taken greedily: what the point has nearly whole, beside its weight, first.
	slices.SortStableFunc(items, func(a, b item) int {
		x, y := (1-a.value)/a.weight, (1-b.value)/b.weight
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return a.column - b.column
	})
	weight, size := 0.0, 0
	tolerance := 1e-6 * max(1, room)
	for size < len(items) && weight <= room+tolerance {
		weight += items[size].weight
		size++
	}
	if weight <= room+tolerance {
		return
	}
	inside := slices.Clone(items[:size])
	outside := slices.Clone(items[size:])
	// Minimal: what can go, goes.
	for k := len(inside) - 1; k >= 0; k-- {
		if weight-inside[k].weight > room+tolerance {
			weight -= inside[k].weight
			outside = append(outside, inside[k])
			inside = slices.Delete(inside, k, k+1)
		}
	}
	c.lift(inside, outside, room+tolerance)
}

// lift lifts a minimal cover, one item after the other, exactly: lightest[v] is the least weight of items of the value v in the inequality.
func (c *cutter) lift(inside, outside []item, room float64) {
	size := len(inside)
	if size < 2 || size > 2000 {
		return
	}
	weights := make([]float64, size)
	for k, e := range inside {
		weights[k] = e.weight
	}
	slices.Sort(weights)
	lightest := make([]float64, size+1)
	for k, w := range weights {
		lightest[k+1] = lightest[k] + w
	}
	slices.SortStableFunc(outside, func(a, b item) int {
		x, y := a.value*a.weight, b.value*b.weight
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return a.column - b.column
	})
	right := float64(size - 1)
	put := func(e item, v float64) {
		if e.flipped {
			right -= v
			v = -v
		}
		c.add(int32(e.column), v)
	}
	most := size - 1
	for _, e := range outside {
		reach := 0
		for v := most; v >= 0; v-- {
			if lightest[v] <= room-e.weight {
				reach = v
				break
			}
		}
		gain := most - reach
		if room-e.weight < 0 {
			gain = most
		}
		if gain == 0 {
			continue
		}
		put(e, float64(gain))
		for v := len(lightest) - 1; v >= gain; v-- {
			lightest[v] = min(lightest[v], lightest[v-gain]+e.weight)
		}
	}
	for _, e := range inside {
		put(e, 1)
	}
	c.offer(right)
}
