package ops

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/kernels"
)

// Activation applies a function to every element: X [B, C] → [B, C].
type Activation struct {
	spec
	Function kernels.Activation
}

// NewActivation returns the op.
func NewActivation(f kernels.Activation) *Activation {
	return &Activation{spec{name: f.String(), in: []int{2}, out: 2}, f}
}

// InferShape implements gorgonia.Op.
func (o *Activation) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	return o.sameShape(ds)
}

// BatchOut implements Op.
func (o *Activation) BatchOut(in []bool) bool { return in[0] }

// OverwriteInputs implements InPlace.
func (o *Activation) OverwriteInputs() []int { return []int{0} }

// Bind implements Op.
func (o *Activation) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Elementwise.Activate, kernels.ActivateArgs{Activation: o.Function, X: in[0], Y: out})
}

// Do implements gorgonia.Op.
func (o *Activation) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }

// DiffWRT implements gorgonia.SDOp.
func (o *Activation) DiffWRT(int) []bool { return []bool{true} }

// SymDiff implements gorgonia.SDOp.
func (o *Activation) SymDiff(_ gorgonia.Nodes, out, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := Apply(NewActivationGrad(o.Function), out, grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx}, nil
}

// ActivationGrad is the gradient of Activation: its output Y and dY → dX, all [B, C].
type ActivationGrad struct {
	spec
	Function kernels.Activation
}

// NewActivationGrad returns the op.
func NewActivationGrad(f kernels.Activation) *ActivationGrad {
	return &ActivationGrad{spec{name: f.String() + "-gradient", in: []int{2, 2}, out: 2}, f}
}

// InferShape implements gorgonia.Op.
func (o *ActivationGrad) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	return o.sameShape(ds)
}

// BatchOut implements Op.
func (o *ActivationGrad) BatchOut(in []bool) bool { return in[0] }

// OverwriteInputs implements InPlace.
func (o *ActivationGrad) OverwriteInputs() []int { return []int{1} }

// Bind implements Op.
func (o *ActivationGrad) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return o.BindFused(ctx, out, kernels.Matrix{}, in)
}

// BindFused binds the gradient together with the column sums of dX, which are a bias's gradient; dbias may be absent.
func (o *ActivationGrad) BindFused(ctx Context, dx, dbias kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Elementwise.ActivateGrad, kernels.ActivateGradArgs{Activation: o.Function, Y: in[0], DY: in[1], DX: dx, DBias: dbias})
}

// Do implements gorgonia.Op.
func (o *ActivationGrad) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }

// sameShape is the shape rule of ops whose inputs and output are all of one shape.
func (s *spec) sameShape(ds []gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := s.shapes(ds)
	if err != nil {
		return nil, err
	}
	for _, other := range shapes[1:] {
		if !other.Eq(shapes[0]) {
			return nil, s.misfit(shapes)
		}
	}
	return shapes[0].Clone(), nil
}
