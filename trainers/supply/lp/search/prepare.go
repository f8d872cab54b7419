package search

import (
	"math"
	"slices"
)

// prepare tightens bounds and coefficients of a copy. It reports false where no point is feasible.
func (t *tree) prepare() bool {
	g := t.given
	p := *g
	p.Lower, p.Upper = slices.Clone(g.Lower), slices.Clone(g.Upper)
	p.RowLower, p.RowUpper = slices.Clone(g.RowLower), slices.Clone(g.RowUpper)
	p.ColumnNames, p.RowNames = nil, nil
	p.Matrix.Start, p.Matrix.Index, p.Matrix.Value = slices.Clone(g.Matrix.Start), slices.Clone(g.Matrix.Index), slices.Clone(g.Matrix.Value)
	t.p = &p
	m, n := p.Size()
	t.own = m
	for j := range n {
		if p.IsInteger(j) {
			t.integers = append(t.integers, j)
			p.Lower[j], p.Upper[j] = math.Ceil(p.Lower[j]-integrality), math.Floor(p.Upper[j]+integrality)
			if p.Lower[j] > p.Upper[j] {
				return false
			}
		}
	}
	t.rows = p.Matrix.Transposed()
	t.lower, t.upper = p.Lower, p.Upper
	t.isQueued = make([]bool, m)
	for i := range m {
		t.queued = append(t.queued, int32(i))
		t.isQueued[i] = true
	}
	t.wholeSides()
	if !t.propagate() {
		return false
	}
	t.tightenCoefficients()
	t.findGrain()
	t.rootLower, t.rootUpper = slices.Clone(t.lower), slices.Clone(t.upper)
	p.Lower, p.Upper = slices.Clone(t.lower), slices.Clone(t.upper)
	return true
}

// wholeSides rounds the sides of rows whose columns and coefficients are whole.
func (t *tree) wholeSides() {
	for i := range t.p.Matrix.Rows {
		if t.wholeRow(i) {
			t.p.RowLower[i], t.p.RowUpper[i] = math.Ceil(t.p.RowLower[i]-1e-7), math.Floor(t.p.RowUpper[i]+1e-7)
			if t.p.RowLower[i] > t.p.RowUpper[i] { // no whole number lies between: what the given sides say is left to the search
				t.p.RowLower[i], t.p.RowUpper[i] = t.given.RowLower[i], t.given.RowUpper[i]
			}
		}
	}
}

// wholeRow says whether a row's activity is whole wherever its columns are.
func (t *tree) wholeRow(i int) bool {
	if t.rows.Start[i] == t.rows.Start[i+1] {
		return false
	}
	for k := t.rows.Start[i]; k < t.rows.Start[i+1]; k++ {
		if v := t.rows.Value[k]; !t.p.IsInteger(int(t.rows.Index[k])) || v != math.Round(v) {
			return false
		}
	}
	return true
}

// findGrain looks for a number that all objectives of solutions are multiples of.
func (t *tree) findGrain() {
	for scale := 1.0; scale <= 1e6; scale *= 10 {
		grain, all := 0.0, true
		for j, c := range t.p.Cost {
			if c == 0 || t.lower[j] == t.upper[j] && c*t.lower[j] == 0 {
				continue
			}
			v := math.Abs(c) * scale
			if !t.p.IsInteger(j) || math.Abs(v-math.Round(v)) > 1e-9*scale || v > 1e12 {
				all = false
				break
			}
			grain = divisor(grain, math.Round(v))
		}
		if all && grain > 0 {
			t.grain = grain / scale
			return
		}
	}
}

func divisor(a, b float64) float64 {
	for b != 0 {
		a, b = b, math.Mod(a, b)
	}
	return a
}

// tightenCoefficients lowers coefficients of binary columns in rows of one side, where the row cannot be tight without them.
func (t *tree) tightenCoefficients() {
	p := t.p
	place := map[[2]int]int{}
	for j := range p.Matrix.Columns {
		for k := p.Matrix.Start[j]; k < p.Matrix.Start[j+1]; k++ {
			place[[2]int{int(p.Matrix.Index[k]), j}] = k
		}
	}
	for i := range p.Matrix.Rows {
		sign := 1.0
		side := p.RowUpper[i]
		switch {
		case math.IsInf(p.RowLower[i], -1) && !math.IsInf(side, 1):
		case math.IsInf(side, 1) && !math.IsInf(p.RowLower[i], -1):
			sign, side = -1, -p.RowLower[i]
		default:
			continue
		}
		most := 0.0
		for k := t.rows.Start[i]; k < t.rows.Start[i+1]; k++ {
			v, j := sign*t.rows.Value[k], t.rows.Index[k]
			if v > 0 {
				most += v * t.upper[j]
			} else {
				most += v * t.lower[j]
			}
		}
		if math.IsInf(most, 0) || math.IsNaN(most) || most <= side+1e-9 {
			continue
		}
		for k := t.rows.Start[i]; k < t.rows.Start[i+1]; k++ {
			j := int(t.rows.Index[k])
			v := sign * t.rows.Value[k]
			if !p.IsInteger(j) || t.lower[j] != 0 || t.upper[j] != 1 {
				continue
			}
			// Without the column the row is never tight: slack of at least that much.
			slack := side - (most - math.Abs(v))
			if slack <= 1e-9 || slack >= math.Abs(v)-1e-9 {
				continue
			}
			next := v + slack // where the column is zero most is reached, so that the side stays
			if v > 0 {
				next = v - slack
				side -= slack
				most -= slack
			}
			at := place[[2]int{i, j}]
			t.rows.Value[k], p.Matrix.Value[at] = sign*next, sign*next
		}
		if sign > 0 {
			p.RowUpper[i] = side
		} else {
			p.RowLower[i] = -side
		}
	}
}

// enqueue marks the rows of a column for propagation.
func (t *tree) enqueue(j int) {
	a := &t.p.Matrix
	for k := a.Start[j]; k < a.Start[j+1]; k++ {
		if i := a.Index[k]; int(i) < t.own && !t.isQueued[i] {
			t.isQueued[i] = true
			t.queued = append(t.queued, i)
		}
	}
}

// propagate tightens bounds by the activities of the rows in the queue. It reports false where a row cannot be fulfilled.
func (t *tree) propagate() bool {
	ok := true
	for head := 0; head < len(t.queued); head++ {
		i := t.queued[head]
		t.isQueued[i] = false
		if ok && head < 20*len(t.isQueued)+1000 {
			ok = t.propagateRow(int(i))
		}
	}
	t.queued = t.queued[:0]
	return ok
}

// propagateRow tightens bounds by one row.
func (t *tree) propagateRow(i int) bool {
	rows := &t.rows
	low, high := 0.0, 0.0
	lowInfinite, highInfinite := 0, 0
	for k := rows.Start[i]; k < rows.Start[i+1]; k++ {
		v, j := rows.Value[k], rows.Index[k]
		a, b := v*t.lower[j], v*t.upper[j]
		if v < 0 {
			a, b = b, a
		}
		if math.IsInf(a, 0) {
			lowInfinite++
		} else {
			low += a
		}
		if math.IsInf(b, 0) {
			highInfinite++
		} else {
			high += b
		}
	}
	lower, upper := t.p.RowLower[i], t.p.RowUpper[i]
	size := 1e-6 * max(1, math.Min(math.Abs(low), 1e9))
	if lowInfinite == 0 && low > upper+size || highInfinite == 0 && high < lower-1e-6*max(1, math.Min(math.Abs(high), 1e9)) {
		return false
	}
	canUpper := !math.IsInf(upper, 1) && lowInfinite <= 1 && (highInfinite > 0 || high > upper)
	canLower := !math.IsInf(lower, -1) && highInfinite <= 1 && (lowInfinite > 0 || low < lower)
	if !canUpper && !canLower {
		return true
	}
	for k := rows.Start[i]; k < rows.Start[i+1]; k++ {
		v, j := rows.Value[k], int(rows.Index[k])
		l, u := t.lower[j], t.upper[j]
		if l == u || math.Abs(v) < 1e-9 {
			continue
		}
		a, b := v*l, v*u
		if v < 0 {
			a, b = b, a
		}
		newLower, newUpper := l, u
		if canUpper {
			if rest, ok := without(low, a, lowInfinite); ok {
				limit := (upper - rest) / v
				if v > 0 {
					newUpper = min(newUpper, limit)
				} else {
					newLower = max(newLower, limit)
				}
			}
		}
		if canLower {
			if rest, ok := without(high, b, highInfinite); ok {
				limit := (lower - rest) / v
				if v > 0 {
					newLower = max(newLower, limit)
				} else {
					newUpper = min(newUpper, limit)
				}
			}
		}
		if !t.tighten(j, newLower, newUpper) {
			return false
		}
	}
	return true
}

// without returns a sum of finite terms without one of its terms, where that is finite.
func without(sum, term float64, infinite int) (float64, bool) {
	if math.IsInf(term, 0) {
		return sum, infinite == 1
	}
	return sum - term, infinite == 0
}

// tighten takes over bounds that are enough of an improvement.
func (t *tree) tighten(j int, lower, upper float64) bool {
	l, u := t.lower[j], t.upper[j]
	whole := t.p.IsInteger(j)
	if whole {
		lower, upper = math.Ceil(lower-integrality), math.Floor(upper+integrality)
	} else {
		// Relaxed a little, so that rounding cuts nothing off.
		lower, upper = lower-1e-7*max(1, math.Abs(lower)), upper+1e-7*max(1, math.Abs(upper))
	}
	if math.Abs(lower) > 1e15 {
		lower = l
	}
	if math.Abs(upper) > 1e15 {
		upper = u
	}
	better := func(old, next, span float64) bool {
		if whole {
			return math.Abs(next-old) > 0.5
		}
		return math.IsInf(old, 0) || math.Abs(next-old) > 1e-3*max(span, 1e-2)
	}
	changed := false
	span := u - l
	if math.IsInf(span, 0) {
		span = 1
	}
	if lower > l && better(l, lower, span) {
		t.lower[j] = lower
		changed = true
	}
	if upper < u && better(u, upper, span) {
		t.upper[j] = upper
		changed = true
	}
	if !changed {
		return true
	}
	if gap := t.lower[j] - t.upper[j]; gap > 0 {
		if whole || gap > 1e-6*max(1, math.Abs(t.upper[j])) {
			return false
		}
		t.lower[j] = t.upper[j]
	}
	t.enqueue(j)
	return true
}
