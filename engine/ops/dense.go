package ops

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/kernels"
)

// Dense is a fully connected layer: X [B, I], W [I, O], b [O] → X·W + b [B, O].
type Dense struct{ spec }

// NewDense returns the op.
func NewDense() *Dense {
	return &Dense{spec{name: "dense", in: []int{2, 2, 1}, out: 2}}
}

// InferShape implements gorgonia.Op.
func (o *Dense) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	if s[0][1] != s[1][0] || s[1][1] != s[2][0] {
		return nil, o.misfit(s)
	}
	return tensor.Shape{s[0][0], s[1][1]}, nil
}

// BatchOut implements Op.
func (o *Dense) BatchOut(in []bool) bool { return in[0] }

// Bind implements Op.
func (o *Dense) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return o.BindFused(ctx, out, in, kernels.Identity)
}

// BindFused binds the layer with an activation applied to its output in the same pass.
func (o *Dense) BindFused(ctx Context, out kernels.Matrix, in []kernels.Matrix, act kernels.Activation) ([]kernels.Kernel, error) {
	return one(ctx, kernels.DenseAlgebra.Gemm, kernels.GemmArgs{A: in[0], B: in[1], Bias: in[2], C: out, Activation: act})
}

// Do implements gorgonia.Op.
func (o *Dense) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }

// DiffWRT implements gorgonia.SDOp.
func (o *Dense) DiffWRT(int) []bool { return []bool{true, true, true} }

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
