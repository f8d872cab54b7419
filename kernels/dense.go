package kernels

import "fmt"

// DenseAlgebra is the family of matrix products.
type DenseAlgebra interface {
	Gemm(GemmArgs) (Kernel, error)
}

// GemmArgs binds C = act(op(A)·op(B) + bias), or C += op(A)·op(B).
//
// op(A) is [M, K], op(B) is [K, N], C is [M, N]; op(X) is X or its transpose. Whichever dimension is the batch has
// its Count on both matrices that share it: A and C in a forward product, A and B where the batch is summed over
// (dW = Xᵀ·dY). C must not overlap A or B.
type GemmArgs struct {
	TransA, TransB bool
	A, B, C        Matrix
	Bias           Matrix // [1, N], optional; not with Accumulate
	Activation     Activation
	Accumulate     bool // add to C instead of overwriting; not with Bias or Activation
}

// Name implements Args.
func (a GemmArgs) Name() string {
	switch {
	case a.Accumulate:
		return "gemm+accumulate"
	case a.Bias.Present():
		return "gemm+bias" + a.Activation.suffix()
	}
	return "gemm" + a.Activation.suffix()
}

// Dimensions returns what the shapes of op(A) [m, k] and C [m, n] are at most.
func (a GemmArgs) Dimensions() (m, n, k int) {
	if a.TransA {
		return a.C.Rows, a.C.Cols, a.A.Rows
	}
	return a.C.Rows, a.C.Cols, a.A.Cols
}

// Work implements Args.
func (a GemmArgs) Work(rows Rows) Cost {
	// The batch is whichever dimension the rows of A and B are.
	high, deep := []Matrix{a.C}, []Matrix(nil)
	_, n, k := a.Dimensions()
	if a.TransA {
		deep = append(deep, a.A)
	} else {
		high = append(high, a.A)
	}
	if a.TransB {
		n = rows(a.B)
	} else {
		deep = append(deep, a.B)
	}
	if len(deep) > 0 {
		k = rows(deep...)
	}
	outs, cols, depth := float64(rows(high...)), float64(n), float64(k)
	flops := 2*outs*cols*depth + outs*cols*a.Activation.cost()
	elements := outs*depth + depth*cols + outs*cols
	if a.Accumulate {
		elements += outs * cols
	}
	if a.Bias.Present() {
		flops += outs * cols
		elements += cols
	}
	return Cost{FLOPs: flops, Bytes: size(a.C) * elements}
}

// Check implements Args.
func (a GemmArgs) Check() error {
	if err := a.Activation.check("gemm"); err != nil {
		return err
	}
	dt := floatDtype(a.C)
	m, k := a.A.Rows, a.A.Cols
	if a.TransA {
		m, k = k, m
	}
	bk, n := a.B.Rows, a.B.Cols
	if a.TransB {
		bk, n = n, bk
	}
	if err := checkOperands("gemm", dt,
		operand{"A", a.A, -1, -1, false}, operand{"B", a.B, -1, -1, false},
		operand{"C", a.C, m, n, false}, operand{"bias", a.Bias, 1, n, true}); err != nil {
		return err
	}
	if k != bk {
		return fmt.Errorf("gemm: inner dimensions %d and %d: %w", k, bk, ErrShape)
	}
	if a.Accumulate && (a.Bias.Present() || a.Activation != Identity) {
		return fmt.Errorf("gemm: accumulating excludes bias and activation: %w", ErrShape)
	}
	return nil
}
