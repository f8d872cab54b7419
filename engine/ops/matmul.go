package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/kernels"
)

// MatMul is the product op(A)·op(B) of two matrices, either of which may be transposed.
type MatMul struct {
	spec
	transA, transB bool
}

// NewMatMul returns the op.
func NewMatMul(transA, transB bool) *MatMul {
	letter := map[bool]string{false: "n", true: "t"}
	name := fmt.Sprintf("matmul[%s%s]", letter[transA], letter[transB])
	return &MatMul{spec{name: name, in: []int{2, 2}, out: 2}, transA, transB}
}

// InferShape implements gorgonia.Op.
func (o *MatMul) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	m, k := s[0][0], s[0][1]
	if o.transA {
		m, k = k, m
	}
	l, n := s[1][0], s[1][1]
	if o.transB {
		l, n = n, l
	}
	if k != l {
		return nil, o.misfit(s)
	}
	return tensor.Shape{m, n}, nil
}

// BatchOut implements Op.
func (o *MatMul) BatchOut(in []bool) bool { return in[0] && !o.transA }

// Bind implements Op.
func (o *MatMul) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.DenseAlgebra.Gemm, kernels.GemmArgs{TransA: o.transA, TransB: o.transB, A: in[0], B: in[1], C: out})
}

// Do implements gorgonia.Op.
func (o *MatMul) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }

// DiffWRT implements gorgonia.SDOp.
func (o *MatMul) DiffWRT(int) []bool { return []bool{true, true} }

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
