package kernels

import "fmt"

// LossKind is a training loss.
type LossKind uint8

// The losses, of a row of predictions p [1, C] and its target.
const (
	// LogisticLoss is the cross-entropy of logits p against probabilities t [1, C], averaged over the columns:
	// max(p, 0) − p·t + log(1 + e^−|p|).
	LogisticLoss LossKind = iota
	// SquaredLoss is (p − t)², averaged over the columns.
	SquaredLoss
	// SoftmaxLoss is the cross-entropy of the softmax of logits p against a class: the target [1, 1] holds its
	// index, 0 … C−1. Rows whose target is outside that range contribute NaN.
	SoftmaxLoss
)

// String returns the loss's name.
func (k LossKind) String() string {
	switch k {
	case LogisticLoss:
		return "logistic"
	case SquaredLoss:
		return "squared"
	case SoftmaxLoss:
		return "softmax"
	}
	return fmt.Sprintf("loss(%d)", uint8(k))
}

// Loss is the family of training losses.
type Loss interface {
	Loss(LossArgs) (Kernel, error)
}

// LossArgs binds Out [1, 1] = Scale · Σᵣ Weight[r]·loss(P[r], Target[r]) over the valid rows, and, or instead,
// DP [R, C] = Upstream · its gradient with respect to P.
//
// Scale [1, 1] is usually 1/ΣWeight of the whole effective batch, so that micro-batches add up. Weight is [R, 1].
// Sums are taken in float64, in an order that R alone fixes.
type LossArgs struct {
	Kind          LossKind
	P, Target     Matrix
	Weight, Scale Matrix
	Upstream      Matrix // [1, 1], with DP; absent: 1
	Out, DP       Matrix // at least one of them
}

// Check returns ErrShape for operands that do not fit.
func (a LossArgs) Check() error {
	r, c := a.P.Rows, a.P.Cols
	tc := c
	if a.Kind == SoftmaxLoss {
		tc = 1
	}
	if !a.Out.Present() && !a.DP.Present() {
		return fmt.Errorf("%v loss: neither the loss nor its gradient is asked for: %w", a.Kind, ErrShape)
	}
	return checkOperands(a.Kind.String()+" loss", floatDtype(a.P), operand{"P", a.P, -1, -1, false},
		operand{"Target", a.Target, r, tc, false}, operand{"Weight", a.Weight, r, 1, false}, operand{"Scale", a.Scale, 1, 1, false},
		operand{"Upstream", a.Upstream, 1, 1, true}, operand{"Out", a.Out, 1, 1, true}, operand{"DP", a.DP, r, c, true})
}
