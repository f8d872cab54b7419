package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"debut/kernels"
	"debut/kernels/philox"
)

// Dropout sets elements to zero at random and scales the others up by 1/(1−rate): X [B, C] → [B, C]. The mask
// depends on the seed, the layer's name, the step, the row and the column, and on nothing else; the gradient makes it
// again instead of keeping it. Evaluation graphs leave the op out.
type Dropout struct {
	spec
	rate         float64
	seed, stream uint64
}

var _ = example(func() []Op { return []Op{NewDropout("d", 0.4, 3)} })

// NewDropout returns the op. The name of the layer tells one dropout's mask from another's; 0 ≤ rate < 1.
func NewDropout(layer string, rate float64, seed uint64) *Dropout {
	name := fmt.Sprintf("dropout[%s rate=%v seed=%d]", layer, rate, seed)
	return made(&Dropout{differentiable(name, "B C -> B C"), rate, seed, philox.StreamOf("dropout/" + layer)})
}

// OverwriteInputs implements InPlace.
func (o *Dropout) OverwriteInputs() []int { return []int{0} }

// Bind implements Op.
func (o *Dropout) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Elementwise.Dropout, kernels.DropoutArgs{X: in[0], Y: out, Rate: o.rate, Seed: o.seed, Stream: o.stream, Step: ctx.Step})
}

// SymDiff implements gorgonia.SDOp: the gradient passes where the value did, by the same op.
func (o *Dropout) SymDiff(_ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	again := *o
	dx, err := Apply(made(&again), grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx}, nil
}
