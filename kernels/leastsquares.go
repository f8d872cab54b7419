package kernels

import (
	"fmt"
	"math"
)

// LeastSquares is the family of kernels that fit the rows of a factor to sparse observations, the other factor held fixed: half a sweep
// of alternating least squares.
type LeastSquares interface {
	SolveRows(SolveRowsArgs) (Kernel, error)
}

// SolveRowsArgs binds, for each valid row r of X [R, D] in the window, the search for the x that has the least
//
//	Σₖ wₖ (tₖ − x·yₖ)² + GramWeight · xᵀ·Gram·x + Ridge[r] · |x|²
//
// over the row's entries Offsets[r] ≤ k < Offsets[r+1], where yₖ is row Columns[k] of Y [M, D]. With the Gram matrix YᵀY the second
// term is that of all rows of Y, at a cost that does not grow with their number (Hu, Koren and Volinsky, "Collaborative Filtering for
// Implicit Feedback Datasets", 2008).
//
// Steps = 0 solves the normal equations by Cholesky's method, and X need not hold anything before. Otherwise so many steps of conjugate
// gradients go on from what X holds (Takács, Pilászy and Tikk, "Applications of the Conjugate Gradient Method for Implicit Feedback
// Collaborative Filtering", 2011); each makes the sum smaller, D of them come to the same.
//
// A row without entries becomes 0. Where more than one x has the least sum, as without a ridge and with fewer entries than columns, it is one of them. A column that Y
// does not have stands for a row of zeros, and entries beyond N for none.
type SolveRowsArgs struct {
	X, Y       Matrix
	Offsets    Matrix // Int32 [R+1, 1]
	Columns    Matrix // Int32 [N, 1]
	Weights    Matrix // [N, 1], not negative
	Targets    Matrix // [N, 1]; absent: ones
	Gram       Matrix // [D, D], symmetric and not negative; may be absent
	GramWeight float64
	Ridge      Matrix // [R, 1], not negative
	Loss       Matrix // [R, 1], set to the sums that are left; may be absent
	// Window, Int32 [1, 2], is the first row that is fitted and the one behind the last, as they are when the kernel runs; all others stay.
	// Absent: all rows.
	Window Matrix
	Steps  int
}

// Name implements Args.
func (a SolveRowsArgs) Name() string {
	if a.Steps > 0 {
		return "least squares by conjugate gradients"
	}
	return "least squares by cholesky"
}

// Work implements Args: as if the N entries were those of the valid rows, whatever the window.
func (a SolveRowsArgs) Work(rows Rows) Cost {
	n, d, entries := float64(rows(a.X, a.Ridge, a.Loss)), float64(a.X.Cols), float64(a.Columns.Rows)
	if a.X.Rows > 0 {
		entries *= n / float64(a.X.Rows)
	}
	each, solve := d*(d+1), d*d*d/3 // half of a symmetric matrix; its triangular factor
	if a.Steps > 0 {
		products := float64(a.Steps + 1)
		each, solve = 4*d*products, 2*d*d*products
		if !a.Gram.Present() {
			solve = 0
		}
		solve += 10 * d * products
	}
	element := size(a.X)
	bytes := entries*(d*element+2*element+4) + n*(2*d+2)*element
	if a.Gram.Present() {
		bytes += d * d * element
	}
	return Cost{FLOPs: entries*each + n*solve, Bytes: bytes}
}

// Check implements Args.
func (a SolveRowsArgs) Check() error {
	const kernel = "least squares"
	if err := checkOperands(kernel, Int32, operand{"Offsets", a.Offsets, a.X.Rows + 1, 1, false}, operand{"Columns", a.Columns, -1, 1, false},
		operand{"Window", a.Window, 1, 2, true}); err != nil {
		return err
	}
	n := a.Columns.Rows
	if err := checkOperands(kernel, floatDtype(a.X), operand{"X", a.X, -1, -1, false}, operand{"Y", a.Y, -1, a.X.Cols, false},
		operand{"Weights", a.Weights, n, 1, false}, operand{"Targets", a.Targets, n, 1, true}, operand{"Gram", a.Gram, a.X.Cols, a.X.Cols, true},
		operand{"Ridge", a.Ridge, a.X.Rows, 1, false}, operand{"Loss", a.Loss, a.X.Rows, 1, true}); err != nil {
		return err
	}
	if a.Steps < 0 {
		return fmt.Errorf("%s: %d steps; give 0 for an exact solution, or a positive number: %w", kernel, a.Steps, ErrShape)
	}
	if !(a.GramWeight >= 0) || math.IsInf(a.GramWeight, 0) {
		return fmt.Errorf("%s: the weight %v of the Gram matrix must be finite and not negative: %w", kernel, a.GramWeight, ErrShape)
	}
	return nil
}
