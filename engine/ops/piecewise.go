package ops

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/kernels"
)

// PiecewiseLinear encodes numeric features by their place between quantiles: X [B, F] and edges [Σ(Bins+1)] → [B,
// ΣBins]; [kernels.PiecewiseLinearArgs] has the formula. Features are data, so the op is not differentiated.
type PiecewiseLinear struct {
	spec
	bins []int
}

// NewPiecewiseLinear returns the op for features of so many bins each.
func NewPiecewiseLinear(bins []int) *PiecewiseLinear {
	return &PiecewiseLinear{spec{name: fmt.Sprintf("piecewise-linear%v", bins), in: []int{2, 1}, out: 2}, slices.Clone(bins)}
}

// InferShape implements gorgonia.Op.
func (o *PiecewiseLinear) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, b := range o.bins {
		total += b
	}
	if s[0][1] != len(o.bins) || s[1][0] != total+len(o.bins) {
		return nil, o.misfit(s)
	}
	return tensor.Shape{s[0][0], total}, nil
}

// BatchOut implements Op.
func (o *PiecewiseLinear) BatchOut(in []bool) bool { return in[0] }

// Bind implements Op.
func (o *PiecewiseLinear) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Elementwise.PiecewiseLinear, kernels.PiecewiseLinearArgs{X: in[0], Edges: in[1], Y: out, Bins: o.bins})
}

// Do implements gorgonia.Op.
func (o *PiecewiseLinear) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }
