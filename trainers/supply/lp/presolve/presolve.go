// Package presolve makes linear programs smaller before they are solved, and finds the basis of the whole from that of the rest
// (Andersen and Andersen, Presolving in linear programming, 1995): rows that are empty, have one column, are never tight or force all
// their columns; columns that are empty, fixed, pushed to a bound by their cost, or the slack of an equation.
//
// No step changes a coefficient, so that the matrix stays as it is; a stack of steps is undone from the last to the first. Multipliers are
// carried along, because they say which columns become basic.
package presolve

import (
	"math"
	"slices"

	"debut/trainers/supply/lp/problem"
	"debut/trainers/supply/lp/simplex"
)

// kind is what a step did.
type kind int8

const (
	rowGone     kind = iota // the row never holds
	rowToBound              // a row of one column became bounds of it
	rowForces               // a row holds all its columns at bounds
	columnGone              // the column is fixed
	columnSlack             // the column is the slack of an equation, which becomes a range
)

// step is one of the reductions.
type step struct {
	kind         kind
	row, column  int
	value        float64 // of a fixed column; coefficient of a column in its row
	lower, upper bool    // which bounds of the column the row gave; for rowForces, which side holds
	cost         float64 // of the slack, a unit of its row
	entries      []int   // of the row by rows, for rowForces
}

// Reduced is a problem made smaller, with what was done to it.
type Reduced struct {
	Problem *problem.Problem // to be minimized, without a constant

	columns, rows []int // of the whole, by those of the rest
	steps         []step
	whole         *problem.Problem
	byRows        problem.Matrix
	cost          []float64

	lower, upper       []float64
	rowLower, rowUpper []float64
	columnOut, rowOut  []bool
	rowCount           []int
	columnCount        []int
	changed            bool
}

// Reduce returns a smaller problem, or nil where the steps come upon a proof that there is no optimum, which is for the solver to find.
func Reduce(p *problem.Problem) *Reduced {
	m, n := p.Size()
	r := &Reduced{
		whole: p, byRows: p.Matrix.Transposed(), cost: slices.Clone(p.Cost), lower: slices.Clone(p.Lower), upper: slices.Clone(p.Upper),
		rowLower: slices.Clone(p.RowLower), rowUpper: slices.Clone(p.RowUpper), columnOut: make([]bool, n), rowOut: make([]bool, m),
		rowCount: make([]int, m), columnCount: make([]int, n),
	}
	if p.Maximize {
		for j := range r.cost {
			r.cost[j] = 0 - r.cost[j]
		}
	}
	for j := range n {
		r.columnCount[j] = p.Matrix.Start[j+1] - p.Matrix.Start[j]
	}
	for i := range m {
		r.rowCount[i] = r.byRows.Start[i+1] - r.byRows.Start[i]
	}
	const passes = 12
	for range passes {
		r.changed = false
		for i := range m {
			if !r.rowOut[i] && !r.row(i) {
				return nil
			}
		}
		for j := range n {
			if !r.columnOut[j] && !r.column(j) {
				return nil
			}
		}
		if !r.changed {
			break
		}
	}
	r.build()
	return r
}

// removeRow takes a row out.
func (r *Reduced) removeRow(i int) {
	r.rowOut[i] = true
	r.changed = true
	for k := r.byRows.Start[i]; k < r.byRows.Start[i+1]; k++ {
		r.columnCount[r.byRows.Index[k]]--
	}
}

// fix takes a column out, at a value.
func (r *Reduced) fix(j int, value float64) {
	r.steps = append(r.steps, step{kind: columnGone, column: j, value: value})
	r.take(j, value)
}

// take subtracts a column from its rows.
func (r *Reduced) take(j int, value float64) {
	r.columnOut[j] = true
	r.changed = true
	a := &r.whole.Matrix
	for k := a.Start[j]; k < a.Start[j+1]; k++ {
		i := a.Index[k]
		if r.rowOut[i] {
			continue
		}
		r.rowCount[i]--
		if v := a.Value[k] * value; v != 0 {
			r.rowLower[i] -= v
			r.rowUpper[i] -= v
		}
	}
}

// row reduces by a row. It reports false where the row cannot be fulfilled.
func (r *Reduced) row(i int) bool {
	low, high, size := 0.0, 0.0, 1.0
	for k := r.byRows.Start[i]; k < r.byRows.Start[i+1]; k++ {
		j := r.byRows.Index[k]
		if r.columnOut[j] {
			continue
		}
		v := r.byRows.Value[k]
		a, b := v*r.lower[j], v*r.upper[j]
		if v < 0 {
			a, b = b, a
		}
		low += a
		high += b
		if !math.IsInf(a, 0) {
			size = max(size, math.Abs(a))
		}
		if !math.IsInf(b, 0) {
			size = max(size, math.Abs(b))
		}
	}
	l, u := r.rowLower[i], r.rowUpper[i]
	room := 1e-9 * size
	if low > u+1e3*room || high < l-1e3*room {
		return false
	}
	switch {
	case r.rowCount[i] == 0 || low >= l-room*1e-3 && high <= u+room*1e-3:
		r.steps = append(r.steps, step{kind: rowGone, row: i})
		r.removeRow(i)
	case r.rowCount[i] == 1:
		return r.singleton(i)
	case low >= u-room:
		r.force(i, false)
	case high <= l+room:
		r.force(i, true)
	}
	return true
}

// force fixes all columns of a row at the bounds where its activity is least, or largest where high.
func (r *Reduced) force(i int, high bool) {
	s := step{kind: rowForces, row: i, lower: high, upper: !high}
	for k := r.byRows.Start[i]; k < r.byRows.Start[i+1]; k++ {
		if j := int(r.byRows.Index[k]); !r.columnOut[j] {
			s.entries = append(s.entries, k)
		}
	}
	r.steps = append(r.steps, s)
	for _, k := range s.entries {
		j := int(r.byRows.Index[k])
		if r.byRows.Value[k] > 0 != high {
			r.take(j, r.lower[j])
		} else {
			r.take(j, r.upper[j])
		}
	}
	r.removeRow(i)
}

// singleton makes bounds of a row of one column.
func (r *Reduced) singleton(i int) bool {
	for k := r.byRows.Start[i]; k < r.byRows.Start[i+1]; k++ {
		j := int(r.byRows.Index[k])
		if r.columnOut[j] {
			continue
		}
		v := r.byRows.Value[k]
		if math.Abs(v) < 1e-7 {
			return true // left to the solver
		}
		l, u := r.rowLower[i]/v, r.rowUpper[i]/v
		if v < 0 {
			l, u = u, l
		}
		s := step{kind: rowToBound, row: i, column: j, value: v}
		if l > r.lower[j] {
			r.lower[j], s.lower = l, true
		}
		if u < r.upper[j] {
			r.upper[j], s.upper = u, true
		}
		if gap := r.lower[j] - r.upper[j]; gap > 0 {
			if gap > 1e-8*max(1, math.Abs(r.upper[j])) {
				return false
			}
			r.lower[j] = r.upper[j]
		}
		r.steps = append(r.steps, s)
		r.removeRow(i)
		return true
	}
	return true
}

// column reduces by a column. It reports false where the objective would have no end.
func (r *Reduced) column(j int) bool {
	l, u, c := r.lower[j], r.upper[j], r.cost[j]
	if l == u {
		r.fix(j, l)
		return true
	}
	// Which rows resist the column's falling, and rising.
	falls, rises := true, true
	a := &r.whole.Matrix
	last := -1
	for k := a.Start[j]; k < a.Start[j+1]; k++ {
		i := a.Index[k]
		if r.rowOut[i] {
			continue
		}
		last = k
		hasLower, hasUpper := !math.IsInf(r.rowLower[i], -1), !math.IsInf(r.rowUpper[i], 1)
		if a.Value[k] < 0 {
			hasLower, hasUpper = hasUpper, hasLower
		}
		falls = falls && !hasLower
		rises = rises && !hasUpper
	}
	switch {
	case falls && (c > 0 || c == 0 && !math.IsInf(l, -1)):
		if math.IsInf(l, -1) {
			return false
		}
		r.fix(j, l)
	case rises && (c < 0 || c == 0 && !math.IsInf(u, 1)):
		if math.IsInf(u, 1) {
			return false
		}
		r.fix(j, u)
	case last >= 0 && r.columnCount[j] == 1:
		r.slack(j, int(a.Index[last]), a.Value[last])
	}
	return true
}

// slack takes out a column whose only row is an equation: the row becomes a range, the others of its columns bear the cost.
func (r *Reduced) slack(j, i int, v float64) {
	if r.rowLower[i] != r.rowUpper[i] || r.rowCount[i] < 2 {
		return
	}
	most := 0.0
	for k := r.byRows.Start[i]; k < r.byRows.Start[i+1]; k++ {
		if !r.columnOut[r.byRows.Index[k]] {
			most = max(most, math.Abs(r.byRows.Value[k]))
		}
	}
	if math.Abs(v) < 1e-3*most { // it would multiply errors
		return
	}
	side := r.rowLower[i]
	ratio := r.cost[j] / v
	x, y := v*r.lower[j], v*r.upper[j]
	lower, upper := side-max(x, y), side-min(x, y)
	if low, high := r.activity(i, j); ratio != 0 && (low < lower || high > upper) {
		return // with its cost on others the basis of logicals would no longer be dual feasible, and the range stays
	}
	r.steps = append(r.steps, step{kind: columnSlack, row: i, column: j, value: v, cost: ratio})
	r.columnOut[j] = true
	r.changed = true
	r.rowCount[i]--
	if ratio != 0 {
		for k := r.byRows.Start[i]; k < r.byRows.Start[i+1]; k++ {
			if o := int(r.byRows.Index[k]); o != j && !r.columnOut[o] {
				r.cost[o] -= ratio * r.byRows.Value[k]
				if math.Abs(r.cost[o]) < 1e-13*math.Abs(ratio*r.byRows.Value[k]) {
					r.cost[o] = 0
				}
			}
		}
	}
	r.rowLower[i], r.rowUpper[i] = lower, upper
}

// activity returns the least and the largest sum of a row's columns but one.
func (r *Reduced) activity(i, except int) (low, high float64) {
	for k := r.byRows.Start[i]; k < r.byRows.Start[i+1]; k++ {
		j := int(r.byRows.Index[k])
		if r.columnOut[j] || j == except {
			continue
		}
		v := r.byRows.Value[k]
		a, b := v*r.lower[j], v*r.upper[j]
		low += min(a, b)
		high += max(a, b)
	}
	return low, high
}

// build makes the problem of what is left.
func (r *Reduced) build() {
	p := &problem.Problem{Name: r.whole.Name}
	place := make([]int32, r.whole.Matrix.Rows)
	for i := range place {
		if !r.rowOut[i] {
			place[i] = int32(len(r.rows))
			r.rows = append(r.rows, i)
			p.RowLower, p.RowUpper = append(p.RowLower, r.rowLower[i]), append(p.RowUpper, r.rowUpper[i])
		}
	}
	a := &r.whole.Matrix
	p.Matrix.Start = []int{0}
	for j := range r.columnOut {
		if r.columnOut[j] {
			continue
		}
		r.columns = append(r.columns, j)
		p.Cost, p.Lower, p.Upper = append(p.Cost, r.cost[j]), append(p.Lower, r.lower[j]), append(p.Upper, r.upper[j])
		for k := a.Start[j]; k < a.Start[j+1]; k++ {
			if i := a.Index[k]; !r.rowOut[i] {
				p.Matrix.Index, p.Matrix.Value = append(p.Matrix.Index, place[i]), append(p.Matrix.Value, a.Value[k])
			}
		}
		p.Matrix.Start = append(p.Matrix.Start, len(p.Matrix.Index))
	}
	p.Matrix.Rows, p.Matrix.Columns = len(r.rows), len(r.columns)
	r.Problem = p
}

// Restore returns where the columns and rows of the whole stand from where those of the rest do, and from the multipliers of the rest.
func (r *Reduced) Restore(columns, rows []simplex.Position, dual []float64) (allColumns, allRows []simplex.Position) {
	outColumns, outRows := make([]simplex.Position, len(r.columnOut)), make([]simplex.Position, len(r.rowOut))
	y := make([]float64, len(r.rowOut))
	for k, j := range r.columns {
		outColumns[j] = columns[k]
	}
	for k, i := range r.rows {
		outRows[i], y[i] = rows[k], dual[k]
	}
	cost := slices.Clone(r.cost)
	a := &r.whole.Matrix
	reduced := func(j int) float64 { // rows that are not back yet have no multiplier
		d := cost[j]
		for k := a.Start[j]; k < a.Start[j+1]; k++ {
			d -= a.Value[k] * y[a.Index[k]]
		}
		return d
	}
	in := make([]bool, len(r.columnOut)) // columns that are back
	for _, j := range r.columns {
		in[j] = true
	}
	for k := len(r.steps) - 1; k >= 0; k-- {
		s := &r.steps[k]
		switch s.kind {
		case rowGone:
			outRows[s.row] = simplex.Basic
		case columnGone:
			in[s.column] = true
			outColumns[s.column] = r.standing(s.column, s.value, reduced(s.column))
		case rowToBound:
			outRows[s.row] = simplex.Basic
			at := outColumns[s.column]
			if at == simplex.AtLower && s.lower || at == simplex.AtUpper && s.upper {
				y[s.row] = reduced(s.column) / s.value
				outRows[s.row] = simplex.AtLower
				if at == simplex.AtUpper != (s.value < 0) {
					outRows[s.row] = simplex.AtUpper
				}
				outColumns[s.column] = simplex.Basic
			}
		case rowForces:
			for _, e := range s.entries {
				in[r.byRows.Index[e]] = true
			}
			r.forced(s, outColumns, outRows, y, reduced)
		case columnSlack:
			in[s.column] = true
			if s.cost != 0 {
				for e := r.byRows.Start[s.row]; e < r.byRows.Start[s.row+1]; e++ {
					if o := int(r.byRows.Index[e]); o != s.column && in[o] {
						cost[o] += s.cost * r.byRows.Value[e]
					}
				}
			}
			y[s.row] += s.cost
			switch outRows[s.row] {
			case simplex.Basic:
				outColumns[s.column], outRows[s.row] = simplex.Basic, simplex.AtLower
			case simplex.AtLower:
				outColumns[s.column] = opposite(simplex.AtUpper, s.value < 0)
			default:
				outColumns[s.column] = opposite(simplex.AtLower, s.value < 0)
			}
		}
	}
	return outColumns, outRows
}

func opposite(p simplex.Position, when bool) simplex.Position {
	if !when {
		return p
	}
	return simplex.AtLower + simplex.AtUpper - p
}

// standing says which bound a fixed column is at: where both are the same, the one that its reduced cost holds it to.
func (r *Reduced) standing(j int, value, d float64) simplex.Position {
	atLower, atUpper := value == r.lower[j], value == r.upper[j]
	switch {
	case atLower && atUpper && d < 0 || !atLower && atUpper:
		return simplex.AtUpper
	case !atLower && !atUpper:
		return simplex.Free
	}
	return simplex.AtLower
}

// forced has the row take a multiplier that gives all its columns reduced costs of the sign that holds them, where it needs one; one of them
// becomes basic then.
func (r *Reduced) forced(s *step, columns, rows []simplex.Position, y []float64, reduced func(int) float64) {
	rows[s.row] = simplex.Basic
	most, column := 0.0, -1
	for _, k := range s.entries {
		j, v := int(r.byRows.Index[k]), r.byRows.Value[k]
		d := reduced(j)
		columns[j] = simplex.AtLower
		if v > 0 == s.lower {
			d = -d
			columns[j] = simplex.AtUpper
		}
		if r.lower[j] < r.upper[j] && d < 0 && -d/math.Abs(v) > most {
			most, column = -d/math.Abs(v), j
		}
	}
	if column >= 0 {
		columns[column] = simplex.Basic
		y[s.row], rows[s.row] = most, simplex.AtLower
		if s.upper {
			y[s.row], rows[s.row] = -most, simplex.AtUpper
		}
	}
	for _, k := range s.entries {
		if j := int(r.byRows.Index[k]); r.lower[j] == r.upper[j] {
			columns[j] = r.standing(j, r.lower[j], reduced(j))
		}
	}
}
