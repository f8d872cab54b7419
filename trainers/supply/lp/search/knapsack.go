package search

import (
	"math"
)

// knapsackTable is the largest table of the recursion, in entries.
const knapsackTable = 1 << 27

// knapsack solves a problem of one row with one side, over 0/1 columns with whole coefficients, by Bellman's recursion over what the row has
// room for: bounds of the relaxation say little where costs are like coefficients. It reports whether the problem is one.
func (t *tree) knapsack() bool {
	p := t.p
	if p.Matrix.Rows != 1 || len(t.integers) != len(p.Cost) {
		return false
	}
	room, sign := p.RowUpper[0], 1.0
	if math.IsInf(room, 1) {
		room, sign = -p.RowLower[0], -1
	} else if !math.IsInf(p.RowLower[0], -1) {
		return false
	}
	n := len(p.Cost)
	x := make([]float64, n)
	type packed struct {
		column int
		weight int
		gain   float64
	}
	var items []packed
	weights := make([]float64, n)
	for j := range n {
		for k := p.Matrix.Start[j]; k < p.Matrix.Start[j+1]; k++ {
			weights[j] = sign * p.Matrix.Value[k]
		}
	}
	for j, w := range weights {
		l, u := t.rootLower[j], t.rootUpper[j]
		switch {
		case w != math.Round(w) || math.Abs(w) > 1<<30 || l < 0 || u > 1:
			return false
		case l == u:
			x[j] = l
			room -= w * l
		case w == 0:
			if p.Cost[j] < 0 {
				x[j] = 1
			}
		case w < 0: // counted from one
			x[j] = 1
			room -= w
			items = append(items, packed{j, int(-w), p.Cost[j]})
		default:
			items = append(items, packed{j, int(w), -p.Cost[j]})
		}
	}
	room = math.Floor(room + 1e-7)
	if room < 0 || (room+1)*float64(len(items)+1) > knapsackTable {
		return false
	}
	capacity := int(room)
	best := make([]float64, capacity+1) // of the items so far, by room
	taken := make([]bool, len(items)*(capacity+1))
	for k, e := range items {
		row := taken[k*(capacity+1) : (k+1)*(capacity+1)]
		for c := capacity; c >= e.weight; c-- {
			if v := best[c-e.weight] + e.gain; v > best[c] {
				best[c] = v
				row[c] = true
			}
		}
	}
	c := capacity
	for k := len(items) - 1; k >= 0; k-- {
		if taken[k*(capacity+1)+c] {
			c -= items[k].weight
			x[items[k].column] = 1 - x[items[k].column]
		}
	}
	return t.take(x)
}
