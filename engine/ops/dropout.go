package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

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

// NewDropout returns the op. The name of the layer tells one dropout's mask from another's; 0 ≤ rate < 1.
func NewDropout(layer string, rate float64, seed uint64) *Dropout {
	name := fmt.Sprintf("dropout[%s rate=%v seed=%d]", layer, rate, seed)
	return &Dropout{spec{name: name, in: []int{2}, out: 2}, rate, seed, philox.StreamOf("dropout/" + layer)}
}

// InferShape implements gorgonia.Op.
func (o *Dropout) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) { return o.sameShape(ds) }

// BatchOut implements Op.
func (o *Dropout) BatchOut(in []bool) bool { return in[0] }

// OverwriteInputs implements InPlace.
func (o *Dropout) OverwriteInputs() []int { return []int{0} }

// Bind implements Op.
func (o *Dropout) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Elementwise.Dropout, kernels.DropoutArgs{X: in[0], Y: out, Rate: o.rate, Seed: o.seed, Stream: o.stream, Step: ctx.Step})
}

// Do implements gorgonia.Op, with the mask of step 0.
func (o *Dropout) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }

// DiffWRT implements gorgonia.SDOp.
func (o *Dropout) DiffWRT(int) []bool { return []bool{true} }

// SymDiff implements gorgonia.SDOp: the gradient passes where the value did, by the same op.
func (o *Dropout) SymDiff(_ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	again := *o
	dx, err := Apply(&again, grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx}, nil
}
