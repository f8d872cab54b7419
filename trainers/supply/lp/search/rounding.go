package search

import (
	"math"
	"slices"
)

// term is a column, or a logical from the number of columns on, with its coefficient in a sum.
type term struct {
	j int
	a float64
}

// roundedTerm is a term counted from one of its bounds.
type roundedTerm struct {
	j     int
	a     float64 // of the distance from the bound
	value float64 // the distance at the point
	span  float64
	upper bool
}

// sum makes the terms of a combination of rows, each with its logical: they add up to nothing.
func (c *cutter) sum(rows []int, times []float64) {
	n := len(c.t.lower)
	c.terms = c.terms[:0]
	most := 0.0
	for k, i := range rows {
		v := times[k]
		if v == 0 {
			continue
		}
		for e := c.rows.Start[i]; e < c.rows.Start[i+1]; e++ {
			c.add(c.rows.Index[e], v*c.rows.Value[e])
			most = max(most, math.Abs(v*c.rows.Value[e]))
		}
		c.terms = append(c.terms, term{n + i, v})
	}
	slices.Sort(c.touched)
	for _, j := range slices.Compact(c.touched) {
		if v := c.work[j]; math.Abs(v) > 1e-11*most {
			c.terms = append(c.terms, term{int(j), v})
		}
		c.work[j] = 0
	}
	c.touched = c.touched[:0]
}

// shift counts the terms from the bounds next to the point. It reports false where one has none.
func (c *cutter) shift(sign float64) (side float64, ok bool) {
	c.rounded = c.rounded[:0]
	for _, e := range c.terms {
		l, u, x := c.lower[e.j], c.upper[e.j], c.x[e.j]
		r := roundedTerm{j: e.j, a: sign * e.a, span: u - l}
		if math.IsInf(l, -1) && math.IsInf(u, 1) {
			return 0, false
		}
		if x-l <= u-x {
			r.value = max(x-l, 0)
			side -= r.a * l
		} else {
			r.upper = true
			r.value = max(u-x, 0)
			side -= r.a * u
			r.a = -r.a
		}
		c.rounded = append(c.rounded, r)
	}
	return side, !math.IsNaN(side) && !math.IsInf(side, 0)
}

// efficacy returns how far the point is from the cut that rounding by a divisor gives.
func (c *cutter) efficacy(side, divisor float64) float64 {
	whole := math.Floor(side / divisor)
	f := side/divisor - whole
	if f < 0.005 || f > 0.995 {
		return 0
	}
	activity, norm := -whole, 0.0
	for i := range c.rounded {
		r := &c.rounded[i]
		v := c.coefficient(r, divisor, f)
		activity += v * r.value
		norm += v * v
	}
	if norm == 0 || activity <= 0 {
		return 0
	}
	return activity / math.Sqrt(norm)
}

// coefficient is that of a term in the rounded inequality; f is the fraction of the side.
func (c *cutter) coefficient(r *roundedTerm, divisor, f float64) float64 {
	a := r.a / divisor
	if c.whole[r.j] {
		w := math.Floor(a)
		if g := a - w; g > f {
			if g > 1-1e-9 { // a whole number but for rounding
				return w + 1
			}
			return w + (g-f)/(1-f)
		}
		return w
	}
	if a < 0 {
		return a / (1 - f)
	}
	return 0
}

// round looks for a cut of Σ terms ≤ 0, times sign, by mixed-integer rounding. divisors are tried beside those of columns; it reports
// whether it found one.
func (c *cutter) round(sign float64, divisors ...float64) bool {
	side, ok := c.shift(sign)
	if !ok {
		return false
	}
	best, divisor := 1e-5, 0.0
	try := func(d float64) {
		if d > 1e-7 {
			if e := c.efficacy(side, d); e > best+1e-9 {
				best, divisor = e, d
			}
		}
	}
	for _, d := range divisors {
		try(d)
	}
	count := 0
	for i := range c.rounded {
		if r := &c.rounded[i]; c.whole[r.j] && r.value > 1e-6 && r.value < r.span-1e-6 && count < 30 {
			try(math.Abs(r.a))
			count++
		}
	}
	if divisor == 0 {
		return false
	}
	for _, by := range []float64{2, 4, 8} {
		try(divisor / by)
	}
	// Columns between their bounds, counted from the other one.
	for i := range c.rounded {
		r := &c.rounded[i]
		if !c.whole[r.j] || r.value <= 1e-6 || math.IsInf(r.span, 0) {
			continue
		}
		side -= c.complement(r)
		if e := c.efficacy(side, divisor); e > best+1e-9 {
			best = e
		} else {
			side -= c.complement(r)
		}
	}
	c.write(side, divisor)
	return true
}

// complement counts a term from its other bound; it returns by how much the side falls.
func (c *cutter) complement(r *roundedTerm) float64 {
	fall := r.a * r.span
	r.a, r.value, r.upper = -r.a, r.span-r.value, !r.upper
	return fall
}

// write offers the rounded inequality, over columns alone.
func (c *cutter) write(side, divisor float64) {
	n := len(c.t.lower)
	whole := math.Floor(side / divisor)
	f := side/divisor - whole
	right := whole
	for i := range c.rounded {
		r := &c.rounded[i]
		v := c.coefficient(r, divisor, f)
		if v == 0 {
			continue
		}
		if r.upper {
			right -= v * c.upper[r.j]
			v = -v
		} else {
			right += v * c.lower[r.j]
		}
		if r.j < n {
			c.add(int32(r.j), v)
			continue
		}
		row := r.j - n // its logical is −activity
		for e := c.rows.Start[row]; e < c.rows.Start[row+1]; e++ {
			c.add(c.rows.Index[e], -v*c.rows.Value[e])
		}
	}
	c.offer(right)
}

// tableau rounds rows of the tableau whose basic column should be whole.
func (c *cutter) tableau() {
	t := c.t
	columns, places := t.s.BasicColumns()
	type row struct {
		place int
		away  float64
	}
	var rows []row
	for k, j := range columns {
		if away := math.Abs(c.x[j] - math.Round(c.x[j])); t.p.IsInteger(j) && away > 1e-3 {
			rows = append(rows, row{places[k], away})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		switch {
		case a.away > b.away:
			return -1
		case a.away < b.away:
			return 1
		}
		return a.place - b.place
	})
	for _, r := range rows[:min(len(rows), 200)] {
		if t.ctx.Err() != nil {
			return
		}
		multipliers := t.s.TableauRow(r.place)
		var list []int
		var times []float64
		for i, v := range multipliers {
			if math.Abs(v) > 1e-9 {
				list, times = append(list, i), append(times, v)
			}
		}
		c.sum(list, times)
		c.round(1, 1)
		c.round(-1, 1)
	}
}

// aggregations rounds rows, and sums of rows in which continuous columns between their bounds cancel.
func (c *cutter) aggregations() {
	t := c.t
	columns := &t.p.Matrix
	n := len(t.lower)
	for start := range t.own {
		if t.ctx.Err() != nil {
			return
		}
		rows, times := []int{start}, []float64{1}
		used := map[int]bool{start: true}
		for step := 0; step < 6; step++ {
			c.sum(rows, times)
			before := len(c.found)
			plainRows, plainTimes := len(rows), slices.Clone(times)
			c.round(1)
			c.round(-1)
			if more, by := c.variableBounds(); len(more) > 0 {
				c.sum(append(slices.Clone(rows), more...), append(slices.Clone(times), by...))
				c.round(1)
				c.round(-1)
				c.sum(rows[:plainRows], plainTimes)
			}
			if len(c.found) > before {
				break
			}
			// The continuous column furthest from its bounds goes next, by a row that holds the point.
			best, at := 1e-6, term{j: -1}
			for _, e := range c.terms {
				if e.j < n && !c.whole[e.j] && math.Abs(e.a) > 1e-9 {
					if d := min(c.x[e.j]-c.lower[e.j], c.upper[e.j]-c.x[e.j]); d > best {
						best, at = d, e
					}
				}
			}
			if at.j < 0 {
				break
			}
			next, pivot, slack := -1, 0.0, math.Inf(1)
			for k := columns.Start[at.j]; k < columns.Start[at.j+1]; k++ {
				i := int(columns.Index[k])
				if used[i] || i >= t.own {
					continue
				}
				z := n + i
				if d := min(c.x[z]-c.lower[z], c.upper[z]-c.x[z]); d < slack-1e-9 {
					next, pivot, slack = i, columns.Value[k], d
				}
			}
			if next < 0 {
				break
			}
			used[next] = true
			rows, times = append(rows, next), append(times, -at.a/pivot)
		}
	}
}

// variableBounds returns rows, and multiples, that put whole columns in the place of continuous ones which these bound more closely than
// their own bounds do.
func (c *cutter) variableBounds() (rows []int, times []float64) {
	n := len(c.t.lower)
	for _, e := range c.terms {
		if e.j >= n || c.whole[e.j] || len(c.vub[e.j]) == 0 {
			continue
		}
		best := min(c.x[e.j]-c.lower[e.j], c.upper[e.j]-c.x[e.j])
		if best < 1e-9 && c.x[e.j]-c.lower[e.j] > 1e-9 {
			best = math.Inf(1)
		}
		row := -1
		for _, i := range c.vub[e.j] {
			z := n + int(i)
			if d := min(c.x[z]-c.lower[z], c.upper[z]-c.x[z]); d < best || d <= 1e-9 && c.x[e.j]-c.lower[e.j] <= 1e-9 {
				row, best = int(i), d
			}
		}
		if row < 0 {
			continue
		}
		for k := c.rows.Start[row]; k < c.rows.Start[row+1]; k++ {
			if int(c.rows.Index[k]) == e.j {
				rows, times = append(rows, row), append(times, -e.a/c.rows.Value[k])
			}
		}
	}
	return rows, times
}
