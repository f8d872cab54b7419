package kernels

import "fmt"

// FactorMachines is the family of kernels of factorization machines (Rendle, "Factorization Machines", ICDM 2010).
type FactorMachines interface {
	FactorMachine(FactorMachineArgs) (Kernel, error)
	FactorMachineGrad(FactorMachineGradArgs) (Kernel, error)
}

// FactorMachineArgs binds factorization machines of fields that lie side by side: X is [R, Fields·D], Bias [1, O] or absent, Y [R, O], and
// a field's D = O·(1+K) values are a weight for each output, then K factors for each. Output o is the sum of the bias, the fields' weights
// and the products of the factors of every two fields,
//
//	Y[r, o] = Bias[o] + Σ_f w_f + ½ Σ_k ((Σ_f v_fk)² − Σ_f v_fk²)
//
// which takes a time that grows with the fields, not with their pairs. A field that is absent is all zeros, and one of a number its
// column's weight and factors times the number.
type FactorMachineArgs struct {
	X, Bias, Y Matrix
	Fields     int
}

// Name implements Args.
func (a FactorMachineArgs) Name() string { return "factorization machine" }

// Check implements Args.
func (a FactorMachineArgs) Check() error {
	if err := checkOperands(a.Name(), floatDtype(a.X), operand{"X", a.X, -1, -1, false}, operand{"Y", a.Y, a.X.Rows, -1, false},
		operand{"Bias", a.Bias, 1, a.Y.Cols, true}); err != nil {
		return err
	}
	return checkFactors(a.Name(), a.X.Cols, a.Y.Cols, a.Fields)
}

// Work implements Args.
func (a FactorMachineArgs) Work(rows Rows) Cost {
	x, y := float64(a.X.Cols), float64(a.Y.Cols)
	return perRow(a.X, rows(a.X, a.Y), 3*x, x+y, 0)
}

// FactorMachineGradArgs binds the gradient of FactorMachine: with S the sums of the fields, DX is DY[r, o] at a weight and
// DY[r, o]·(S − X) at a factor. X and DX are [R, Fields·D], DY [R, O]. DX may be X.
type FactorMachineGradArgs struct {
	X, DY, DX Matrix
	Fields    int
}

// Name implements Args.
func (a FactorMachineGradArgs) Name() string { return "factorization machine gradient" }

// Check implements Args.
func (a FactorMachineGradArgs) Check() error {
	r := a.X.Rows
	if err := checkOperands(a.Name(), floatDtype(a.X), operand{"X", a.X, -1, -1, false}, operand{"DY", a.DY, r, -1, false},
		operand{"DX", a.DX, r, a.X.Cols, false}); err != nil {
		return err
	}
	return checkFactors(a.Name(), a.X.Cols, a.DY.Cols, a.Fields)
}

// Work implements Args.
func (a FactorMachineGradArgs) Work(rows Rows) Cost {
	x, y := float64(a.X.Cols), float64(a.DY.Cols)
	return perRow(a.X, rows(a.X, a.DY, a.DX), 3*x, 2*x+y, 0)
}

// checkFactors checks that columns are fields of weights and factors for so many outputs.
func checkFactors(kernel string, cols, outputs, fields int) error {
	if fields < 1 || outputs < 1 || cols%fields != 0 || cols/fields%outputs != 0 || cols/fields < 2*outputs {
		return fmt.Errorf("%s: kernels: %d columns are no %d fields of a weight and factors for each of %d outputs: %w", kernel, cols, fields, outputs, ErrShape)
	}
	return nil
}
