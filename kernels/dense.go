package kernels

import "fmt"

// Activation is a function applied to every element.
type Activation uint8

// The activations. The gradient of each is a function of its output, so that inputs need not be kept.
const (
	Identity Activation = iota
	ReLU                // max(x, 0); the gradient at 0 is 0
	Sigmoid             // 1 / (1 + e⁻ˣ)
	Tanh
)

// String returns the activation's name as run files spell it.
func (a Activation) String() string {
	switch a {
	case Identity:
		return "identity"
	case ReLU:
		return "relu"
	case Sigmoid:
		return "sigmoid"
	case Tanh:
		return "tanh"
	}
	return fmt.Sprintf("activation(%d)", uint8(a))
}

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

// Check returns ErrShape for operands that do not fit.
func (a GemmArgs) Check() error {
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
