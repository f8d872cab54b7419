package ops

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/kernels"
)

// ColumnSum adds up the rows of a matrix: X [R, C] → [C]. It appears in gradients and is not differentiated itself.
type ColumnSum struct{ spec }

// NewColumnSum returns the op.
func NewColumnSum() *ColumnSum {
	return &ColumnSum{spec{name: "column-sum", in: []int{2}, out: 1}}
}

// InferShape implements gorgonia.Op.
func (o *ColumnSum) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{s[0][1]}, nil
}

// BatchOut implements Op.
func (o *ColumnSum) BatchOut([]bool) bool { return false }

// Bind implements Op.
func (o *ColumnSum) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Reduction.ColumnSum, kernels.ColumnSumArgs{X: in[0], Out: out})
}

// Do implements gorgonia.Op.
func (o *ColumnSum) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }
