package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"debut/engine/onnx"
	"debut/kernels"
)

// Binary combines two matrices of one shape element by element: A, B [B, C] → [B, C].
type Binary struct {
	spec
	kind kernels.BinaryKind
}

var _ = example(func() []Op { return []Op{NewAdd(), NewMultiply()} })

// NewAdd returns the op A + B.
func NewAdd() *Binary { return newBinary(kernels.Add) }

// NewMultiply returns the op A ⊙ B.
func NewMultiply() *Binary { return newBinary(kernels.Multiply) }

func newBinary(k kernels.BinaryKind) *Binary {
	return made(&Binary{differentiable(k.String(), "B C, B C -> B C"), k})
}

// OverwriteInputs implements InPlace.
func (o *Binary) OverwriteInputs() []int { return []int{0, 1} }

// Bind implements Op.
func (o *Binary) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Elementwise.Binary, kernels.BinaryArgs{Kind: o.kind, A: in[0], B: in[1], C: out})
}

// ONNX implements Exported.
func (o *Binary) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value {
	switch o.kind {
	case kernels.Add:
		return to.Node("Add", in...)
	case kernels.Multiply:
		return to.Node("Mul", in...)
	}
	return to.Fail(fmt.Errorf("ops: %s has no form in ONNX: %w", o, kernels.ErrUnsupported))
}

// SymDiff implements gorgonia.SDOp.
func (o *Binary) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	if o.kind == kernels.Add {
		return gorgonia.Nodes{grad, grad}, nil
	}
	da, err := Apply(NewMultiply(), grad, in[1])
	if err != nil {
		return nil, err
	}
	db, err := Apply(NewMultiply(), grad, in[0])
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{da, db}, nil
}
