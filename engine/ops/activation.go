package ops

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"debut/engine/onnx"
	"debut/kernels"
)

// Activation applies a function to every element: X [B, C] → [B, C].
type Activation struct {
	spec
	Function kernels.Activation
}

var _ = example(func() []Op {
	var all []Op
	for _, f := range kernels.Activations() {
		all = append(all, NewActivation(f))
	}
	return all
})

// NewActivation returns the op.
func NewActivation(f kernels.Activation) *Activation {
	return made(&Activation{differentiable(f.String(), "B C -> B C"), f})
}

// OverwriteInputs implements InPlace.
func (o *Activation) OverwriteInputs() []int { return []int{0} }

// Bind implements Op.
func (o *Activation) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Elementwise.Activate, kernels.ActivateArgs{Activation: o.Function, X: in[0], Y: out})
}

// ONNX implements Exported.
func (o *Activation) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value {
	x := in[0]
	switch o.Function {
	case kernels.Identity:
		return x
	case kernels.ReLU:
		return to.Node("Relu", x)
	case kernels.Sigmoid:
		return to.Node("Sigmoid", x)
	case kernels.Tanh:
		return to.Node("Tanh", x)
	case kernels.SiLU:
		return to.Node("Mul", x, to.Node("Sigmoid", x))
	case kernels.GELU: // opset 20 has it as one operator
		erf := to.Node("Erf", to.Node("Mul", x, onnx.Scalar(to, float32(1/math.Sqrt2))))
		half := to.Node("Mul", x, onnx.Scalar[float32](to, 0.5))
		return to.Node("Mul", half, to.Node("Add", erf, onnx.Scalar[float32](to, 1)))
	}
	return to.Fail(fmt.Errorf("ops: %s has no form in ONNX: %w", o, kernels.ErrUnsupported))
}

// SymDiff implements gorgonia.SDOp.
func (o *Activation) SymDiff(in gorgonia.Nodes, out, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	at := out
	if o.Function.OfInput() {
		at = in[0]
	}
	dx, err := Apply(NewActivationGrad(o.Function), at, grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx}, nil
}

// ActivationGrad is the gradient of Activation: its output Y, or where [kernels.Activation.OfInput] says so its input X, and dY → dX,
// all [B, C].
type ActivationGrad struct {
	spec
	Function kernels.Activation
}

// NewActivationGrad returns the op.
func NewActivationGrad(f kernels.Activation) *ActivationGrad {
	return made(&ActivationGrad{newSpec(f.String()+"-gradient", "B C, B C -> B C"), f})
}

// OverwriteInputs implements InPlace.
func (o *ActivationGrad) OverwriteInputs() []int { return []int{1} }

// Bind implements Op.
func (o *ActivationGrad) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return o.BindFused(ctx, out, kernels.Matrix{}, in)
}

// BindFused binds the gradient together with the column sums of dX, which are a bias's gradient; dbias may be absent.
func (o *ActivationGrad) BindFused(ctx Context, dx, dbias kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	a := kernels.ActivateGradArgs{Activation: o.Function, Y: in[0], DY: in[1], DX: dx, DBias: dbias}
	if o.Function.OfInput() {
		a.X, a.Y = a.Y, kernels.Matrix{}
	}
	return one(ctx, kernels.Elementwise.ActivateGrad, a)
}

// Learned is a function of an element that has a learned number for each column: an op of X [B, C] and a parameter [C]. Layers
// offer it by its name, beside kernels.Activations.
type Learned struct {
	Name      string
	Parameter string  // what its numbers are called
	Initial   float64 // all of them at first
	Rectifier bool    // as kernels.Activation.Rectifier
	New       func() Op
}

var learnedFunctions []Learned

// learned registers a function.
func learned(l Learned) struct{} {
	learnedFunctions = append(learnedFunctions, l)
	return struct{}{}
}

// LearnedFunctions lists the functions with learned numbers.
func LearnedFunctions() []Learned { return slices.Clone(learnedFunctions) }
