package ops

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/kernels"
)

// Binary combines two matrices of one shape element by element: A, B [B, C] → [B, C].
type Binary struct {
	spec
	kind kernels.BinaryKind
}

// NewAdd returns the op A + B.
func NewAdd() *Binary { return newBinary(kernels.Add) }

// NewMultiply returns the op A ⊙ B.
func NewMultiply() *Binary { return newBinary(kernels.Multiply) }

func newBinary(k kernels.BinaryKind) *Binary {
	return &Binary{spec{name: k.String(), in: []int{2, 2}, out: 2}, k}
}

// InferShape implements gorgonia.Op.
func (o *Binary) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) { return o.sameShape(ds) }

// BatchOut implements Op.
func (o *Binary) BatchOut(in []bool) bool { return in[0] || in[1] }

// OverwriteInputs implements InPlace.
func (o *Binary) OverwriteInputs() []int { return []int{0, 1} }

// Bind implements Op.
func (o *Binary) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Elementwise.Binary, kernels.BinaryArgs{Kind: o.kind, A: in[0], B: in[1], C: out})
}

// Do implements gorgonia.Op.
func (o *Binary) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }

// DiffWRT implements gorgonia.SDOp.
func (o *Binary) DiffWRT(int) []bool { return []bool{true, true} }

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
