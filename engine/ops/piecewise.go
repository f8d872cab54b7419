package ops

import (
	"fmt"
	"slices"

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
	total := 0
	for _, b := range bins {
		total += b
	}
	signature := fmt.Sprintf("B %d, %d -> B %d", len(bins), total+len(bins), total)
	return made(&PiecewiseLinear{newSpec(fmt.Sprintf("piecewise-linear%v", bins), signature), slices.Clone(bins)})
}

// Bind implements Op.
func (o *PiecewiseLinear) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Elementwise.PiecewiseLinear, kernels.PiecewiseLinearArgs{X: in[0], Edges: in[1], Y: out, Bins: o.bins})
}
