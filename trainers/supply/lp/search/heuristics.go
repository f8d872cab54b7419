package search

import (
	"container/heap"
	"math"
	"slices"

	"debut/trainers/supply/lp/simplex"
)

func (q *queue) push(n *node) { heap.Push(q, n) }

// accept takes a point whose integer columns are whole but for tolerances: they are rounded, the others solved for where there are any, and
// the point checked against the problem as given. It reports whether the point is the best so far.
func (t *tree) accept(x []float64) bool {
	y := slices.Clone(x)
	for _, j := range t.integers {
		y[j] = math.Round(y[j])
	}
	if t.take(y) {
		return true
	}
	if len(t.integers) == len(y) || t.given.Value(y) >= t.bestValue+1e-6*max(1, math.Abs(t.bestValue)) {
		return false
	}
	// The continuous columns follow the rounding, in the problem as it was given.
	if t.polish == nil {
		t.polish = simplex.New(t.given)
	}
	for j := range y {
		if t.given.IsInteger(j) {
			t.polish.SetBounds(j, y[j], y[j])
		}
	}
	if t.polish.Solve(t.ctx, false, simplex.Limits{Deadline: t.options.Deadline}) != simplex.Optimal {
		return false
	}
	z := t.polish.Primal()
	for _, j := range t.integers {
		z[j] = y[j]
	}
	return t.take(z)
}

// take makes a point the best one where it is feasible and better.
func (t *tree) take(x []float64) bool {
	g := t.given
	value := g.Value(x)
	if value >= t.bestValue || math.IsNaN(value) {
		return false
	}
	for j, v := range x {
		// Within tolerances of a bound is at the bound.
		x[j] = min(max(v, g.Lower[j]), g.Upper[j])
		if math.Abs(x[j]-v) > 5e-7*max(1, math.Abs(v)) {
			return false
		}
	}
	if !feasible(g.RowLower, g.RowUpper, g.Activities(x)) {
		return false
	}
	t.best, t.bestValue = slices.Clone(x), g.Value(x)
	t.tightenRoot()
	if t.options.Progress != nil {
		bound := t.currentBound
		if len(t.open) > 0 {
			bound = min(t.open[0].bound, t.bestValue)
		}
		t.options.Progress(Progress{Nodes: t.nodes, Open: len(t.open), Iterations: t.iterations, Best: t.bestValue, Bound: bound})
	}
	return true
}

func feasible(lower, upper, activity []float64) bool {
	for i, a := range activity {
		if tolerance := 5e-7; a < lower[i]-tolerance || a > upper[i]+tolerance {
			return false
		}
	}
	return true
}

// tryRounding rounds each column into the direction in which no row resists, where there is one, and else to the nearest.
func (t *tree) tryRounding(x []float64) bool {
	y := slices.Clone(x)
	a := &t.p.Matrix
	for _, j := range t.integers {
		if math.Abs(y[j]-math.Round(y[j])) <= integrality {
			y[j] = math.Round(y[j])
			continue
		}
		down, up := t.locks(a.Start[j], a.Start[j+1])
		switch {
		case down == 0:
			y[j] = math.Floor(y[j])
		case up == 0:
			y[j] = math.Ceil(y[j])
		default:
			y[j] = math.Round(y[j])
		}
	}
	return t.take(y)
}

// locks counts the rows that resist a column's going down, and up.
func (t *tree) locks(from, to int) (down, up int) {
	a := &t.p.Matrix
	for k := from; k < to; k++ {
		i := a.Index[k]
		if int(i) >= t.own {
			continue // cuts hold for all solutions
		}
		hasLower, hasUpper := !math.IsInf(t.p.RowLower[i], -1), !math.IsInf(t.p.RowUpper[i], 1)
		if a.Value[k] < 0 {
			hasLower, hasUpper = hasUpper, hasLower
		}
		if hasLower {
			down++
		}
		if hasUpper {
			up++
		}
	}
	return down, up
}

// dive fixes one column after the other and follows the relaxation, in three ways, by turns.
func (t *tree) dive(x []float64, list []int, basis simplex.Basis) bool {
	if t.diveIterations > 2000+t.iterations/3 {
		return false
	}
	ways := []int{(t.nodes / 50) % 3}
	if t.nodes == 1 {
		ways = []int{0, 1, 2}
	}
	lower, upper := slices.Clone(t.lower), slices.Clone(t.upper)
	found := false
	for _, way := range ways {
		before := t.iterations
		copy(t.lower, lower)
		copy(t.upper, upper)
		t.s.SetBasis(basis)
		if t.diveOnce(x, list, way) {
			found = true
		}
		t.diveIterations += t.iterations - before
		if t.interrupted {
			break
		}
	}
	copy(t.lower, lower)
	copy(t.upper, upper)
	return found
}

func (t *tree) diveOnce(x []float64, list []int, way int) bool {
	found := false
	for len(list) > 0 && !t.stopping() {
		j, up := t.diveColumn(x, list, way)
		v := math.Floor(x[j])
		lower, upper := slices.Clone(t.lower), slices.Clone(t.upper)
		done := false
		for range 2 {
			if up {
				t.lower[j] = v + 1
			} else {
				t.upper[j] = v
			}
			t.enqueue(j)
			if t.lower[j] <= t.upper[j] && t.propagate() {
				if status := t.relax(false, 0); status == simplex.Optimal {
					done = true
					break
				} else if status == simplex.Stopped {
					t.interrupted = true
					return found
				}
			}
			t.clearQueue()
			copy(t.lower, lower)
			copy(t.upper, upper)
			up = !up // once the other way
		}
		if !done || t.s.Objective() >= t.cutoff() {
			return found
		}
		x = t.s.Primal()
		if list = t.fractional(x); len(list) == 0 {
			return t.accept(x) || found
		}
		if t.tryRounding(x) {
			found = true
		}
	}
	return found
}

func (t *tree) clearQueue() {
	for _, i := range t.queued {
		t.isQueued[i] = false
	}
	t.queued = t.queued[:0]
}

// diveColumn chooses what to fix: by fractions, by locks, or towards the best point.
func (t *tree) diveColumn(x []float64, list []int, way int) (column int, up bool) {
	best := math.Inf(1)
	for _, j := range list {
		f := x[j] - math.Floor(x[j])
		score, to := f, false
		switch {
		case way == 1:
			down, locked := t.locks(t.p.Matrix.Start[j], t.p.Matrix.Start[j+1])
			if to = locked < down || locked == down && f > 0.5; to {
				score = 1 - f
			}
			score += float64(min(down, locked))
		case way == 2 && t.best != nil:
			if to = t.best[j] > x[j]; to {
				score = 1 - f
			}
		default:
			if to = f > 0.5; to {
				score = 1 - f
			}
		}
		if score < best {
			best, column, up = score, j, to
		}
	}
	return column, up
}
