package ops

import (
	"debut/kernels"
)

// ColumnSum adds up the rows of a matrix: X [R, C] → [C]. It appears in gradients and is not differentiated itself.
type ColumnSum struct{ spec }

// NewColumnSum returns the op.
func NewColumnSum() *ColumnSum {
	return made(&ColumnSum{newSpec("column-sum", "R C -> C")})
}

// Bind implements Op.
func (o *ColumnSum) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Reduction.ColumnSum, kernels.ColumnSumArgs{X: in[0], Out: out})
}
