package ops

import (
	"gorgonia.org/gorgonia"

	"debut/engine/onnx"
	"debut/kernels"
)

// Dense is a fully connected layer: X [B, I], W [I, O], b [O] → X·W + b [B, O].
type Dense struct{ spec }

var _ = example(func() []Op { return []Op{NewDense()} })

// NewDense returns the op.
func NewDense() *Dense {
	return made(&Dense{differentiable("dense", "B I, I O, O -> B O")})
}

// Bind implements Op.
func (o *Dense) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return o.BindFused(ctx, out, in, kernels.Identity)
}

// BindFused binds the layer with an activation applied to its output in the same pass.
func (o *Dense) BindFused(ctx Context, out kernels.Matrix, in []kernels.Matrix, act kernels.Activation) ([]kernels.Kernel, error) {
	return one(ctx, kernels.DenseAlgebra.Gemm, kernels.GemmArgs{A: in[0], B: in[1], Bias: in[2], C: out, Activation: act})
}

// ONNX implements Exported.
func (o *Dense) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value { return to.Node("Gemm", in...) }

// SymDiff implements gorgonia.SDOp: dX = dY·Wᵀ, dW = Xᵀ·dY, db = column sums of dY.
func (o *Dense) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := Apply(NewMatMul(false, true), grad, in[1])
	if err != nil {
		return nil, err
	}
	dw, err := Apply(NewMatMul(true, false), in[0], grad)
	if err != nil {
		return nil, err
	}
	db, err := Apply(NewColumnSum(), grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx, dw, db}, nil
}
