package ops

import (
	"gorgonia.org/gorgonia"

	"debut/engine/onnx"
	"debut/kernels"
)

// PReLU is the rectifier with a learned slope: X [B, C], slope [C] → X where X > 0, slope ⊙ X elsewhere [B, C]. It is an op of its own
// and not a kernels.Activation, because it has a parameter, and with it an operand and a gradient that no other activation
// has.
type PReLU struct{ spec }

var _ = example(func() []Op { return []Op{NewPReLU()} })

var _ = learned(Learned{Name: "prelu", Parameter: "slope", Initial: 0.25, Rectifier: true, New: func() Op { return NewPReLU() }})

// NewPReLU returns the op.
func NewPReLU() *PReLU { return made(&PReLU{differentiable("prelu", "B C, C -> B C")}) }

// OverwriteInputs implements InPlace.
func (o *PReLU) OverwriteInputs() []int { return []int{0} }

// Bind implements Op.
func (o *PReLU) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Rectification.PReLU, kernels.PReLUArgs{X: in[0], Slope: in[1], Y: out})
}

// ONNX implements Exported.
func (o *PReLU) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value { return to.Node("PRelu", in...) }

// SymDiff implements gorgonia.SDOp.
func (o *PReLU) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dslope, err := Apply(made(&preluGradSlope{newSpec("prelu-slope-gradient", "B C, B C -> C")}), in[0], grad)
	if err != nil {
		return nil, err
	}
	dx, err := Apply(made(&preluGradInput{newSpec("prelu-input-gradient", "B C, C, B C -> B C")}), in[0], in[1], grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx, dslope}, nil
}

// preluGradInput: X, slope, dY → dX.
type preluGradInput struct{ spec }

func (o *preluGradInput) OverwriteInputs() []int { return []int{2} }

func (o *preluGradInput) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Rectification.PReLUGrad, kernels.PReLUGradArgs{X: in[0], Slope: in[1], DY: in[2], DX: out})
}

// preluGradSlope: X, dY → dslope [C].
type preluGradSlope struct{ spec }

func (o *preluGradSlope) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Rectification.PReLUGrad, kernels.PReLUGradArgs{X: in[0], DY: in[1], DSlope: out})
}
