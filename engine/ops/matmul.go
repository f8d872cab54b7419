package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"debut/engine/onnx"
	"debut/kernels"
)

// MatMul is the product op(A)·op(B) of two matrices, either of which may be transposed.
type MatMul struct {
	spec
	transA, transB bool
}

var _ = example(func() []Op {
	return []Op{NewMatMul(false, false), NewMatMul(false, true), NewMatMul(true, false), NewMatMul(true, true)}
})

// NewMatMul returns the op.
func NewMatMul(transA, transB bool) *MatMul {
	letter := map[bool]string{false: "n", true: "t"}
	name := fmt.Sprintf("matmul[%s%s]", letter[transA], letter[transB])
	a, b := map[bool]string{false: "M K", true: "K M"}[transA], map[bool]string{false: "K N", true: "N K"}[transB]
	return made(&MatMul{differentiable(name, a+", "+b+" -> M N"), transA, transB})
}

// Bind implements Op.
func (o *MatMul) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.DenseAlgebra.Gemm, kernels.GemmArgs{TransA: o.transA, TransB: o.transB, A: in[0], B: in[1], C: out})
}

// ONNX implements Exported.
func (o *MatMul) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value {
	if !o.transA && !o.transB {
		return to.Node("MatMul", in...)
	}
	flag := map[bool]int{true: 1}
	return to.NodeWith("Gemm", []onnx.Attribute{onnx.Int("transA", flag[o.transA]), onnx.Int("transB", flag[o.transB])}, in...)
}

// SymDiff implements gorgonia.SDOp. With C = op(A)·op(B): d op(A) = dC·op(B)ᵀ and d op(B) = op(A)ᵀ·dC, each transposed
// where its operand is.
func (o *MatMul) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	a, b := in[0], in[1]
	var da, db *gorgonia.Node
	var err error
	if o.transA {
		da, err = Apply(NewMatMul(o.transB, true), b, grad)
	} else {
		da, err = Apply(NewMatMul(false, !o.transB), grad, b)
	}
	if err != nil {
		return nil, err
	}
	if o.transB {
		db, err = Apply(NewMatMul(true, o.transA), grad, a)
	} else {
		db, err = Apply(NewMatMul(!o.transA, false), a, grad)
	}
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{da, db}, nil
}
