// Package problem has linear and mixed-integer programs as their solvers take them: minimize or maximize c·x + offset subject to
// ranges of rows, bounds of columns and integrality, the matrix by columns.
package problem

import (
	"fmt"
	"math"
)

// Infinite is the size from which on a bound in a file means none.
const Infinite = 1e20

// MaxSide is the largest number of rows, and of columns, that a problem may have.
const MaxSide = 1 << 27

// Matrix is a sparse matrix by columns: the entries of column j are Index[Start[j]:Start[j+1]], rows in any order but each once, and
// the Value beside them.
type Matrix struct {
	Rows, Columns int
	Start         []int
	Index         []int32
	Value         []float64
}

// Problem is: minimize, or maximize, Cost·x + Offset over RowLower ≤ Matrix·x ≤ RowUpper, Lower ≤ x ≤ Upper, x[j] integer where
// Integer[j]. A missing bound is ±Inf. Names may be nil.
type Problem struct {
	Name      string
	Objective string // name of the objective
	Maximize  bool
	Offset    float64

	Matrix             Matrix
	Cost               []float64 // a column each
	Lower, Upper       []float64
	Integer            []bool // nil: none is
	RowLower, RowUpper []float64

	ColumnNames, RowNames []string
}

// Size returns the number of rows and columns.
func (p *Problem) Size() (rows, columns int) { return p.Matrix.Rows, p.Matrix.Columns }

// Nonzeros returns the number of entries of the matrix.
func (p *Problem) Nonzeros() int { return len(p.Matrix.Index) }

// ColumnName returns the name of a column, C1 onwards where there are none.
func (p *Problem) ColumnName(j int) string {
	if j < len(p.ColumnNames) {
		return p.ColumnNames[j]
	}
	return fmt.Sprintf("C%d", j+1)
}

// RowName returns the name of a row, R1 onwards where there are none.
func (p *Problem) RowName(i int) string {
	if i < len(p.RowNames) {
		return p.RowNames[i]
	}
	return fmt.Sprintf("R%d", i+1)
}

// IsInteger says whether a column is to be a whole number.
func (p *Problem) IsInteger(j int) bool { return j < len(p.Integer) && p.Integer[j] }

// Integers counts the integer columns.
func (p *Problem) Integers() int {
	count := 0
	for _, is := range p.Integer {
		if is {
			count++
		}
	}
	return count
}

// Value returns the objective at x.
func (p *Problem) Value(x []float64) float64 {
	sum := p.Offset
	for j, c := range p.Cost {
		sum += c * x[j]
	}
	return sum
}

// Activities returns Matrix·x.
func (p *Problem) Activities(x []float64) []float64 {
	out := make([]float64, p.Matrix.Rows)
	for j := range p.Matrix.Columns {
		if v := x[j]; v != 0 {
			for k := p.Matrix.Start[j]; k < p.Matrix.Start[j+1]; k++ {
				out[p.Matrix.Index[k]] += p.Matrix.Value[k] * v
			}
		}
	}
	return out
}

// Check returns why a problem cannot be meant: lengths that do not fit, numbers that are none, bounds that cross, a row twice in
// a column.
func (p *Problem) Check() error {
	m, n := p.Size()
	a := &p.Matrix
	if m < 0 || n < 0 || m > MaxSide || n > MaxSide {
		return fmt.Errorf("problem: %d rows and %d columns; at most %d of each are solved", m, n, MaxSide)
	}
	for _, l := range []struct {
		what      string
		got, want int
	}{
		{"Cost", len(p.Cost), n}, {"Lower", len(p.Lower), n}, {"Upper", len(p.Upper), n}, {"RowLower", len(p.RowLower), m},
		{"RowUpper", len(p.RowUpper), m}, {"Matrix.Start", len(a.Start), n + 1}, {"Matrix.Value", len(a.Value), len(a.Index)},
	} {
		if l.got != l.want {
			return fmt.Errorf("problem: %s has %d numbers, not %d", l.what, l.got, l.want)
		}
	}
	if p.Integer != nil && len(p.Integer) != n {
		return fmt.Errorf("problem: Integer has %d values, not %d", len(p.Integer), n)
	}
	if p.ColumnNames != nil && len(p.ColumnNames) != n || p.RowNames != nil && len(p.RowNames) != m {
		return fmt.Errorf("problem: %d names of columns and %d of rows, not %d and %d", len(p.ColumnNames), len(p.RowNames), n, m)
	}
	if math.IsNaN(p.Offset) || math.IsInf(p.Offset, 0) {
		return fmt.Errorf("problem: the constant of the objective is %v; it must be finite", p.Offset)
	}
	return p.checkNumbers()
}

func (p *Problem) checkNumbers() error {
	m, n := p.Size()
	a := &p.Matrix
	for i := range m {
		if err := crossed("row", p.RowName(i), p.RowLower[i], p.RowUpper[i]); err != nil {
			return err
		}
	}
	if n == 0 && (len(a.Start) > 0 && a.Start[0] != 0 || len(a.Index) > 0) {
		return fmt.Errorf("problem: a matrix without columns has %d entries", len(a.Index))
	}
	seen := make([]int, m)
	for j := range n {
		if c := p.Cost[j]; math.IsNaN(c) || math.IsInf(c, 0) {
			return fmt.Errorf("problem: the cost of column %s is %v; it must be finite", p.ColumnName(j), c)
		}
		if err := crossed("column", p.ColumnName(j), p.Lower[j], p.Upper[j]); err != nil {
			return err
		}
		if a.Start[j] > a.Start[j+1] || a.Start[0] != 0 || a.Start[j+1] > len(a.Index) || j == n-1 && a.Start[n] != len(a.Index) {
			return fmt.Errorf("problem: the entries of column %s are from %d to %d of %d", p.ColumnName(j), a.Start[j], a.Start[j+1], len(a.Index))
		}
		for k := a.Start[j]; k < a.Start[j+1]; k++ {
			i, v := int(a.Index[k]), a.Value[k]
			switch {
			case i < 0 || i >= m:
				return fmt.Errorf("problem: column %s has an entry in row %d of %d", p.ColumnName(j), i, m)
			case math.IsNaN(v) || math.IsInf(v, 0):
				return fmt.Errorf("problem: column %s, row %s: the coefficient is %v; it must be finite", p.ColumnName(j), p.RowName(i), v)
			case seen[i] == j+1:
				return fmt.Errorf("problem: column %s has row %s twice; add the two coefficients up", p.ColumnName(j), p.RowName(i))
			}
			seen[i] = j + 1
		}
	}
	return nil
}

// crossed says what is wrong with a pair of bounds.
func crossed(what, name string, lower, upper float64) error {
	switch {
	case math.IsNaN(lower) || math.IsNaN(upper):
		return fmt.Errorf("problem: %s %s is bounded by %v and %v; a bound is a number, or infinite", what, name, lower, upper)
	case lower > upper:
		return fmt.Errorf("problem: %s %s: the lower bound %v is above the upper bound %v", what, name, lower, upper)
	case math.IsInf(lower, 1) || math.IsInf(upper, -1):
		return fmt.Errorf("problem: %s %s is bounded by %v and %v: no finite number lies between", what, name, lower, upper)
	}
	return nil
}

// Transposed returns the matrix by rows: a Matrix whose columns are the rows.
func (a *Matrix) Transposed() Matrix {
	t := Matrix{Rows: a.Columns, Columns: a.Rows, Start: make([]int, a.Rows+1), Index: make([]int32, len(a.Index)), Value: make([]float64, len(a.Value))}
	for _, i := range a.Index {
		t.Start[i+1]++
	}
	for i := range a.Rows {
		t.Start[i+1] += t.Start[i]
	}
	next := make([]int, a.Rows)
	copy(next, t.Start)
	for j := range a.Columns {
		for k := a.Start[j]; k < a.Start[j+1]; k++ {
			i := a.Index[k]
			t.Index[next[i]], t.Value[next[i]] = int32(j), a.Value[k]
			next[i]++
		}
	}
	return t
}
