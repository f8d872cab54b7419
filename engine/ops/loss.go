package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/kernels"
)

// Loss is a training loss: predictions P [B, C], targets [B, C] (or class indices [B, 1] for the softmax loss), sample
// weights [B, 1], scale [1, 1] → scalar scale·Σ weight·loss. [kernels.LossKind] has the formulas.
type Loss struct {
	spec
	Kind kernels.LossKind
}

// NewLoss returns the op.
func NewLoss(k kernels.LossKind) *Loss {
	return &Loss{spec{name: k.String() + "-loss", in: []int{2, 2, 2, 2}, out: 0}, k}
}

// InferShape implements gorgonia.Op.
func (o *Loss) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	p, target, weight, scale := s[0], s[1], s[2], s[3]
	cols := p[1]
	if o.Kind == kernels.SoftmaxLoss {
		cols = 1
	}
	if target[0] != p[0] || target[1] != cols || weight[0] != p[0] || weight[1] != 1 || scale[0] != 1 || scale[1] != 1 {
		return nil, o.misfit(s)
	}
	return tensor.ScalarShape(), nil
}

// BatchOut implements Op.
func (o *Loss) BatchOut([]bool) bool { return false }

// Bind implements Op.
func (o *Loss) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return o.BindFused(ctx, out, kernels.Matrix{}, kernels.Matrix{}, in)
}

// BindFused binds the loss, its gradient dp (times upstream), or both in one pass; what is absent is left out.
func (o *Loss) BindFused(ctx Context, out, dp, upstream kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Loss.Loss, kernels.LossArgs{
		Kind: o.Kind, P: in[0], Target: in[1], Weight: in[2], Scale: in[3], Upstream: upstream, Out: out, DP: dp,
	})
}

// Do implements gorgonia.Op.
func (o *Loss) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }

// DiffWRT implements gorgonia.SDOp: only predictions carry a gradient.
func (o *Loss) DiffWRT(int) []bool { return []bool{true, false, false, false} }

// SymDiff implements gorgonia.SDOp.
func (o *Loss) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dp, err := Apply(&LossGrad{
		spec{name: fmt.Sprintf("%v-loss-gradient", o.Kind), in: []int{2, 2, 2, 2, 0}, out: 2}, o.Kind,
	}, in[0], in[1], in[2], in[3], grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dp, nil, nil, nil}, nil
}

// LossGrad is the gradient of a Loss with respect to its predictions: the loss's inputs and the upstream scalar →
// dP [B, C].
type LossGrad struct {
	spec
	Kind kernels.LossKind
}

// InferShape implements gorgonia.Op.
func (o *LossGrad) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	return s[0].Clone(), nil
}

// BatchOut implements Op.
func (o *LossGrad) BatchOut(in []bool) bool { return in[0] }

// Bind implements Op.
func (o *LossGrad) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return NewLoss(o.Kind).BindFused(ctx, kernels.Matrix{}, out, in[4], in[:4])
}

// Do implements gorgonia.Op.
func (o *LossGrad) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }
