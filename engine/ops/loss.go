package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"debut/kernels"
)

// Loss is a training loss: predictions P [B, C], targets [B, C] (or class indices [B, 1] for the softmax loss), sample
// weights [B, 1], scale [1, 1] → scalar scale·Σ weight·loss. [kernels.LossKind] has the formulas.
type Loss struct {
	spec
	Kind      kernels.LossKind
	Parameter float64 // of the losses that have one
}

// NewLoss returns the op of a loss, with its parameter where it has one.
func NewLoss(k kernels.LossKind, parameter float64) *Loss {
	return made(&Loss{newSpec(lossName(k, parameter), lossInputs(k)+" -> "), k, parameter})
}

// lossName tells a loss apart from others, and from that with another parameter.
func lossName(k kernels.LossKind, parameter float64) string {
	if parameter == 0 {
		return k.String() + "-loss"
	}
	return fmt.Sprintf("%v-loss(%v)", k, parameter)
}

// Bind implements Op.
func (o *Loss) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return o.BindFused(ctx, out, kernels.Matrix{}, kernels.Matrix{}, in)
}

// lossInputs is the shapes of a loss's inputs.
func lossInputs(k kernels.LossKind) string {
	if k.OfClass() {
		return "B C, B 1, B 1, 1 1"
	}
	return "B C, B C, B 1, 1 1"
}

// BindFused binds the loss, its gradient dp (times upstream), or both in one pass; what is absent is left out.
func (o *Loss) BindFused(ctx Context, out, dp, upstream kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Loss.Loss, kernels.LossArgs{
		Kind: o.Kind, Parameter: o.Parameter, P: in[0], Target: in[1], Weight: in[2], Scale: in[3], Upstream: upstream, Out: out, DP: dp,
	})
}

// DiffWRT implements gorgonia.SDOp: only predictions carry a gradient.
func (o *Loss) DiffWRT(int) []bool { return []bool{true, false, false, false} }

// SymDiff implements gorgonia.SDOp.
func (o *Loss) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dp, err := Apply(made(&LossGrad{newSpec(lossName(o.Kind, o.Parameter)+"-gradient", lossInputs(o.Kind)+",  -> B C"), o.Kind, o.Parameter}),
		in[0], in[1], in[2], in[3], grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dp, nil, nil, nil}, nil
}

// LossGrad is the gradient of a Loss with respect to its predictions: the loss's inputs and the upstream scalar →
// dP [B, C].
type LossGrad struct {
	spec
	Kind      kernels.LossKind
	Parameter float64
}

// Bind implements Op.
func (o *LossGrad) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return NewLoss(o.Kind, o.Parameter).BindFused(ctx, kernels.Matrix{}, out, in[4], in[:4])
}
