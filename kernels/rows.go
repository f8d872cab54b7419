package kernels

import "fmt"

// RowAlgebra is the family of kernels that treat each row of a batch as a vector, or as several side by side.
type RowAlgebra interface {
	NormalizeRows(NormalizeRowsArgs) (Kernel, error)
	NormalizeRowsGrad(NormalizeRowsGradArgs) (Kernel, error)
	SumFields(SumFieldsArgs) (Kernel, error)
	SumFieldsGrad(SumFieldsGradArgs) (Kernel, error)
}

// NormalizeRowsArgs binds Y[r] = X[r] / |X[r]| for the valid rows of X [R, C]: rows of length 1, whose products are cosines. A row of
// zeros stays one. Y may be X. Squares are added in float64, where those of Float32 do not overflow.
type NormalizeRowsArgs struct{ X, Y Matrix }

// Name implements Args.
func (a NormalizeRowsArgs) Name() string { return "normalize rows" }

// Check implements Args.
func (a NormalizeRowsArgs) Check() error {
	return checkOperands("normalize rows", floatDtype(a.Y), operand{"Y", a.Y, -1, -1, false}, operand{"X", a.X, a.Y.Rows, a.Y.Cols, false})
}

// Work implements Args.
func (a NormalizeRowsArgs) Work(rows Rows) Cost {
	c := float64(a.Y.Cols)
	return perRow(a.Y, rows(a.Y, a.X), 3*c, 2*c, 0)
}

// NormalizeRowsGradArgs binds the gradient of NormalizeRows: DX[r] = (DY[r] − Y[r]·(Y[r]·DY[r])) / |X[r]|, all [R, C], with Y the
// normalized X; 0 where X[r] is. DX may be DY.
type NormalizeRowsGradArgs struct{ X, DY, DX Matrix }

// Name implements Args.
func (a NormalizeRowsGradArgs) Name() string { return "normalize rows gradient" }

// Check implements Args.
func (a NormalizeRowsGradArgs) Check() error {
	r, c := a.X.Rows, a.X.Cols
	return checkOperands("normalize rows gradient", floatDtype(a.X), operand{"X", a.X, -1, -1, false}, operand{"DY", a.DY, r, c, false},
		operand{"DX", a.DX, r, c, false})
}

// Work implements Args.
func (a NormalizeRowsGradArgs) Work(rows Rows) Cost {
	c := float64(a.X.Cols)
	return perRow(a.X, rows(a.X, a.DY, a.DX), 7*c, 3*c, 0)
}

// SumFieldsArgs binds Y[r] = Σ_f Weights[r, f] · X[r, f·D … (f+1)·D−1] + Bias, in the order of the fields, the bias last: X is [R, F·D], Weights [R, F],
// absent: ones, Bias [1, D], absent: zeros, Y [R, D]. Of embeddings side by side it makes one, such as their mean.
type SumFieldsArgs struct{ X, Weights, Bias, Y Matrix }

// Name implements Args.
func (a SumFieldsArgs) Name() string { return "sum of fields" }

// Check implements Args.
func (a SumFieldsArgs) Check() error {
	if err := checkFields("sum of fields", "X", a.X, "Y", a.Y, a.Weights); err != nil {
		return err
	}
	return checkOperands("sum of fields", floatDtype(a.Y), operand{"Bias", a.Bias, 1, a.Y.Cols, true})
}

// Work implements Args.
func (a SumFieldsArgs) Work(rows Rows) Cost {
	x, f, d := float64(a.X.Cols), float64(a.Weights.Cols), float64(a.Y.Cols)
	return perRow(a.Y, rows(a.Y, a.X, a.Weights), 2*x, x+f+d, float64(a.Bias.Cols))
}

// SumFieldsGradArgs binds the gradient of SumFields with respect to X: DX[r, f·D … (f+1)·D−1] = Weights[r, f] · DY[r]; DY is [R, D],
// Weights [R, F], absent: ones, DX [R, F·D].
type SumFieldsGradArgs struct{ DY, Weights, DX Matrix }

// Name implements Args.
func (a SumFieldsGradArgs) Name() string { return "sum of fields gradient" }

// Check implements Args.
func (a SumFieldsGradArgs) Check() error {
	return checkFields("sum of fields gradient", "DX", a.DX, "DY", a.DY, a.Weights)
}

// Work implements Args.
func (a SumFieldsGradArgs) Work(rows Rows) Cost {
	x, f, d := float64(a.DX.Cols), float64(a.Weights.Cols), float64(a.DY.Cols)
	return perRow(a.DY, rows(a.DY, a.DX, a.Weights), x, x+f+d, 0)
}

// checkFields checks the operands of a sum of fields: those side by side, and their sum.
func checkFields(kernel, fieldsName string, fields Matrix, sumName string, sum, weights Matrix) error {
	cols := -1
	if weights.Present() {
		if cols = weights.Cols * sum.Cols; weights.Cols < 1 {
			return fmt.Errorf("%s: kernels: weights of %d fields: %w", kernel, weights.Cols, ErrShape)
		}
	}
	if err := checkOperands(kernel, floatDtype(sum), operand{sumName, sum, -1, -1, false}, operand{"Weights", weights, sum.Rows, -1, true},
		operand{fieldsName, fields, sum.Rows, cols, false}); err != nil {
		return err
	}
	if fields.Cols%max(sum.Cols, 1) != 0 || fields.Cols < sum.Cols {
		return fmt.Errorf("%s: kernels: %s of %d columns is no fields of %d: %w", kernel, fieldsName, fields.Cols, sum.Cols, ErrShape)
	}
	return nil
}
