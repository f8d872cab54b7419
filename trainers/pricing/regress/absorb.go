package regress

import (
	"errors"
	"fmt"
	"math"
)

// absorbRounds bounds the passes of [Absorb]; it needs some ten where groups are well mixed.
const absorbRounds = 10_000

// Absorb takes effects of groups out of columns, in place: what is left of each is what it would be after a regression on an indicator of every group of
// every effect. effects[e][i] is the group of row i, 0 … n−1. It returns how many degrees of freedom that took, exact for one or two effects
// and an upper bound for more.
//
// Means of the groups of one effect after another are subtracted until nothing changes: the method of alternating projections (Halperin 1962; for
// regressions Guimarães and Portugal, "A Simple Feasible Procedure to Fit Models with High-Dimensional Fixed Effects", Stata Journal 10, 2010).
func Absorb(columns [][]float64, effects [][]int32, weights []float64) (freedom int, err error) {
	if len(effects) == 0 {
		return 0, nil
	}
	n := len(effects[0])
	sizes := make([][]float64, len(effects)) // the weight of each group
	for e, effect := range effects {
		if len(effect) != n {
			return 0, fmt.Errorf("regress: effect %d has %d rows, not %d", e+1, len(effect), n)
		}
		groups := int32(0)
		for _, g := range effect {
			if g < 0 {
				return 0, fmt.Errorf("regress: effect %d has a group %d: groups are counted from 0", e+1, g)
			}
			groups = max(groups, g+1)
		}
		sizes[e] = make([]float64, groups)
		for i, g := range effect {
			sizes[e][g] += weight(weights, i)
		}
	}
	for _, column := range columns {
		if len(column) != n {
			return 0, fmt.Errorf("regress: a column has %d rows, not %d", len(column), n)
		}
		if err := absorb(column, effects, sizes, weights); err != nil {
			return 0, err
		}
	}
	for e := range effects {
		for _, size := range sizes[e] {
			if size > 0 {
				freedom++
			}
		}
		if e > 0 {
			freedom-- // the constant is in the first already
		}
	}
	if len(effects) == 2 {
		freedom -= pieces(effects[0], effects[1], len(sizes[0]), len(sizes[1])) - 1
	}
	return freedom, nil
}

func weight(weights []float64, i int) float64 {
	if weights == nil {
		return 1
	}
	return weights[i]
}

// absorb does one column.
func absorb(column []float64, effects [][]int32, sizes [][]float64, weights []float64) error {
	var scale float64
	for _, v := range column {
		scale = math.Max(scale, math.Abs(v))
	}
	for range absorbRounds {
		var change float64
		for e, effect := range effects {
			means := make([]float64, len(sizes[e]))
			for i, g := range effect {
				means[g] += weight(weights, i) * column[i]
			}
			for g, size := range sizes[e] {
				if size > 0 {
					means[g] /= size
					change = math.Max(change, math.Abs(means[g]))
				}
			}
			for i, g := range effect {
				column[i] -= means[g]
			}
		}
		// One effect is gone after one round; of several, the last means say how far it was.
		if len(effects) == 1 || change <= 1e-12*scale {
			return nil
		}
	}
	return errors.New("regress: effects of groups do not come apart: use fewer of them, or drop groups of a row or two")
}

// pieces counts the connected parts of the graph whose edges are rows, between groups of two effects: in each of them one group's effect is free.
func pieces(a, b []int32, na, nb int) int {
	parent := make([]int, na+nb)
	for i := range parent {
		parent[i] = i
	}
	root := func(x int) int {
		for parent[x] != x {
			parent[x] = parent[parent[x]]
			x = parent[x]
		}
		return x
	}
	seen := make([]bool, na+nb)
	for i := range a {
		x, y := int(a[i]), na+int(b[i])
		seen[x], seen[y] = true, true
		parent[root(x)] = root(y)
	}
	count := 0
	for i := range parent {
		if seen[i] && root(i) == i {
			count++
		}
	}
	return count
}
