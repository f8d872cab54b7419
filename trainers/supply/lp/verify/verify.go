// Package verify checks answers to linear and integer programs against the problem as it was given, by nothing but sums: how far points
// are from feasible, and whether what is said to prove that there is no answer proves it.
package verify

import (
	"fmt"
	"math"

	"debut/trainers/supply/lp/problem"
)

// Tolerance is what a violation may be, beside the larger of one and the number that is violated.
const Tolerance = 1e-6

// Primal returns the largest violation of a bound, a side of a row, or of integrality by x, each relative to the larger of one and the
// bound. It is NaN where x has one.
func Primal(p *problem.Problem, x []float64) float64 {
	worst := 0.0
	grow := func(v, bound float64) {
		if v = v / max(1, math.Abs(bound)); v > worst || math.IsNaN(v) {
			worst = v
		}
	}
	between := func(v, lower, upper float64) {
		if !math.IsInf(lower, 0) {
			grow(lower-v, lower)
		}
		if !math.IsInf(upper, 0) {
			grow(v-upper, upper)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			worst = math.NaN()
		}
	}
	for j, v := range x {
		between(v, p.Lower[j], p.Upper[j])
		if p.IsInteger(j) {
			grow(math.Abs(v-math.Round(v)), 1)
		}
	}
	for i, v := range p.Activities(x) {
		between(v, p.RowLower[i], p.RowUpper[i])
	}
	return worst
}

// ReducedCosts returns Cost − Matrixᵀ·y.
func ReducedCosts(p *problem.Problem, y []float64) []float64 {
	out := make([]float64, len(p.Cost))
	a := &p.Matrix
	for j := range out {
		sum := p.Cost[j]
		for k := a.Start[j]; k < a.Start[j+1]; k++ {
			sum -= a.Value[k] * y[a.Index[k]]
		}
		out[j] = sum
	}
	return out
}

// Dual returns the largest reduced cost, and multiplier of a row, whose sign does not fit where the point x stands, relative to the larger
// of one and the cost: what is between its bounds has none, what is at one has one of the sign that holds it there.
func Dual(p *problem.Problem, x, y []float64) float64 {
	sign := 1.0
	if p.Maximize {
		sign = -1
	}
	worst := 0.0
	check := func(v, lower, upper, d, size float64) {
		d *= sign
		nearLower := v-lower <= Tolerance*max(1, math.Abs(lower))
		nearUpper := upper-v <= Tolerance*max(1, math.Abs(upper))
		wrong := 0.0
		if d > 0 && !nearLower || d < 0 && !nearUpper {
			wrong = math.Abs(d)
		}
		if wrong /= max(1, size); wrong > worst || math.IsNaN(d) {
			worst = wrong
		}
		if math.IsNaN(d) {
			worst = d
		}
	}
	for j, d := range ReducedCosts(p, y) {
		check(x[j], p.Lower[j], p.Upper[j], d, math.Abs(p.Cost[j]))
	}
	for i, a := range p.Activities(x) {
		check(a, p.RowLower[i], p.RowUpper[i], y[i], math.Abs(y[i])*1e-3)
	}
	return worst
}

// Bound returns the objective that multipliers of rows prove for all points within the bounds: a lower bound of a minimum, an upper one of a
// maximum. It is infinite where they prove nothing.
func Bound(p *problem.Problem, y []float64) float64 {
	sign := 1.0
	if p.Maximize {
		sign = -1
	}
	sum := sign * p.Offset
	add := func(d, lower, upper, size float64) {
		d *= sign
		bound := lower
		if d < 0 {
			bound = upper
		}
		if math.IsInf(bound, 0) {
			if math.Abs(d) <= 1e-7*max(1, size) { // a tolerance's worth
				return
			}
			sum = math.Inf(-1)
			return
		}
		sum += d * bound
	}
	for j, d := range ReducedCosts(p, y) {
		add(d, p.Lower[j], p.Upper[j], math.Abs(p.Cost[j]))
	}
	for i, v := range y {
		add(v, p.RowLower[i], p.RowUpper[i], 1)
	}
	return sign * sum
}

// Infeasible checks that multipliers y of the rows prove that no point fulfills all rows and bounds: yᵀ·Matrix·x, for x within the bounds of
// columns, stays below what yᵀ·activity is for activities within the sides of rows (Farkas).
func Infeasible(p *problem.Problem, y []float64) error {
	if len(y) != p.Matrix.Rows {
		return fmt.Errorf("verify: %d multipliers of %d rows", len(y), p.Matrix.Rows)
	}
	most, size, worst := 0.0, 0.0, ""
	add := func(v, lower, upper, terms float64, name string) {
		if math.Abs(v) <= 1e-12*terms { // rounding
			return
		}
		bound := upper
		if v < 0 {
			bound = lower
		}
		if math.IsInf(bound, 0) {
			if math.Abs(v) > 1e-9*max(terms, 1e-9) {
				worst = name
			}
			return
		}
		most += v * bound
		size = max(size, math.Abs(v*bound), terms*math.Abs(bound)*1e-3)
	}
	a := &p.Matrix
	for j := range a.Columns {
		sum, terms := 0.0, 0.0
		for k := a.Start[j]; k < a.Start[j+1]; k++ {
			v := a.Value[k] * y[a.Index[k]]
			sum += v
			terms += math.Abs(v)
		}
		add(sum, p.Lower[j], p.Upper[j], terms, "column "+p.ColumnName(j))
	}
	for i, v := range y {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("verify: the multiplier of row %s is %v", p.RowName(i), v)
		}
		add(-v, p.RowLower[i], p.RowUpper[i], 0, "row "+p.RowName(i))
	}
	switch {
	case worst != "":
		return fmt.Errorf("verify: the multipliers prove nothing: %s has no bound where one is needed", worst)
	case !(most < -1e-9*size):
		return fmt.Errorf("verify: the multipliers prove nothing: they add up to %g, which is not below zero", most)
	}
	return nil
}

// Unbounded checks that from any feasible point one can go along a direction forever, with the objective getting better: no bound and no
// row stands in the way.
func Unbounded(p *problem.Problem, direction []float64) error {
	if len(direction) != p.Matrix.Columns {
		return fmt.Errorf("verify: a direction of %d columns for %d", len(direction), p.Matrix.Columns)
	}
	size := 0.0
	for _, v := range direction {
		size = max(size, math.Abs(v))
	}
	if size == 0 || math.IsNaN(size) || math.IsInf(size, 0) {
		return fmt.Errorf("verify: the direction leads nowhere")
	}
	gain, terms := 0.0, 0.0
	for j, v := range direction {
		gain += p.Cost[j] * v
		terms += math.Abs(p.Cost[j] * v)
		if v < -1e-9*size && !math.IsInf(p.Lower[j], -1) || v > 1e-9*size && !math.IsInf(p.Upper[j], 1) {
			return fmt.Errorf("verify: the direction leads across a bound of column %s", p.ColumnName(j))
		}
	}
	if p.Maximize {
		gain = -gain
	}
	if gain > -1e-9*max(terms, 1e-9) {
		return fmt.Errorf("verify: the objective gains nothing along the direction")
	}
	a := &p.Matrix
	moved, rowTerms := make([]float64, a.Rows), make([]float64, a.Rows)
	for j, v := range direction {
		for k := a.Start[j]; k < a.Start[j+1]; k++ {
			moved[a.Index[k]] += a.Value[k] * v
			rowTerms[a.Index[k]] += math.Abs(a.Value[k] * v)
		}
	}
	for i, v := range moved {
		room := 1e-9 * max(rowTerms[i], 1e-9*size)
		if v < -room && !math.IsInf(p.RowLower[i], -1) || v > room && !math.IsInf(p.RowUpper[i], 1) {
			return fmt.Errorf("verify: the direction leads across a side of row %s", p.RowName(i))
		}
	}
	return nil
}
