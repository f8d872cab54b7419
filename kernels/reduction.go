package kernels

import "fmt"

// Reduction is the family of sums.
type Reduction interface {
	ColumnSum(ColumnSumArgs) (Kernel, error)
	ClipFactor(ClipFactorArgs) (Kernel, error)
}

// ColumnSumArgs binds Out [1, C] = the sums of the columns of X [R, C] over its valid rows.
type ColumnSumArgs struct{ X, Out Matrix }

// Name implements Args.
func (a ColumnSumArgs) Name() string { return "column sum" }

// Work implements Args.
func (a ColumnSumArgs) Work(rows Rows) Cost {
	c := float64(a.X.Cols)
	return perRow(a.X, rows(a.X), c, c, c)
}

// Check implements Args.
func (a ColumnSumArgs) Check() error {
	return checkOperands("column sum", floatDtype(a.X), operand{"X", a.X, -1, -1, false}, operand{"Out", a.Out, 1, a.X.Cols, false})
}

// ClipFactorArgs binds, for gradients X₀, X₁, …, Norm [1, 1] = √(Σ squares of all their elements) and Factor [1, 1]
// = min(1, MaxNorm/Norm), 1 where MaxNorm is 0. Squares are added in float64. A norm that is not finite makes the
// factor NaN, so that it shows.
type ClipFactorArgs struct {
	X       []Matrix
	Norm    Matrix
	Factor  Matrix
	MaxNorm float64 // ≥ 0
}

// Name implements Args.
func (a ClipFactorArgs) Name() string { return "clip factor" }

// Work implements Args.
func (a ClipFactorArgs) Work(rows Rows) Cost {
	elements := 0.0
	for _, x := range a.X {
		elements += float64(rows(x)) * float64(x.Cols)
	}
	return Cost{FLOPs: 2 * elements, Bytes: size(a.Norm) * (elements + 2)}
}

// Check implements Args.
func (a ClipFactorArgs) Check() error {
	if !(a.MaxNorm >= 0) {
		return fmt.Errorf("clip factor: largest norm %v is negative: %w", a.MaxNorm, ErrShape)
	}
	for i, x := range a.X {
		if err := checkOperands("clip factor", floatDtype(a.Norm), operand{fmt.Sprintf("X[%d]", i), x, -1, -1, false}); err != nil {
			return err
		}
	}
	return checkOperands("clip factor", floatDtype(a.Norm), operand{"Norm", a.Norm, 1, 1, false}, operand{"Factor", a.Factor, 1, 1, false})
}
