package ops

import (
	"fmt"
	"math"
	"slices"

	"debut/engine/onnx"
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

// ONNX implements Exported: each feature is repeated for its bins and laid beside the two edges of each.
func (o *PiecewiseLinear) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value {
	var feature, low, high []int64
	var least, most []float32
	inf := float32(math.Inf(1))
	edge := int64(0)
	for i, bins := range o.bins {
		for t := range bins {
			feature, low, high = append(feature, int64(i)), append(low, edge), append(high, edge+1)
			least, most = append(least, 0), append(most, 1)
			edge++
			if t == 0 {
				least[len(least)-1] = -inf
			}
			if t == bins-1 {
				most[len(most)-1] = inf
			}
		}
		edge++
	}
	edges := func(at []int64) onnx.Value { return to.Node("Gather", in[1], onnx.Vector(to, at...)) }
	from := edges(low)
	x := to.NodeWith("Gather", []onnx.Attribute{onnx.Int("axis", 1)}, in[0], onnx.Vector(to, feature...))
	share := to.Node("Div", to.Node("Sub", x, from), to.Node("Sub", edges(high), from))
	return to.Node("Min", to.Node("Max", share, onnx.Vector(to, least...)), onnx.Vector(to, most...))
}
