package kernels

import (
	"fmt"
	"math"
)

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
	// index, 0 … C−1. Rows whose target is outside that range contribute NaN. The parameter, from 0 to less than 1, is the share of the
	// target that is spread over all classes alike (label smoothing: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception
	// Architecture for Computer Vision", CVPR 2016).
	SoftmaxLoss
	// PoissonLoss is the negative log-likelihood of counts t [1, C] under rates e^p, but for a constant of t, averaged over the
	// columns: e^p − p·t.
	PoissonLoss
	// HuberLoss is (p − t)²/2 up to |p − t| = δ, the parameter, and δ·(|p − t| − δ/2) beyond, averaged over the columns.
	HuberLoss
	// QuantileLoss is the pinball loss, averaged over the columns: τ·(t − p) where p is below t, and (1 − τ)·(p − t) above; τ, the
	// parameter, is between 0 and 1. Its gradient where they are the same is 0.
	QuantileLoss
	// FocalLoss is the cross-entropy of logits p against probabilities t [1, C], in which what is right already counts little (Lin, Goyal,
	// Girshick, He, Dollár, "Focal Loss for Dense Object Detection", ICCV 2017), averaged over the columns: with q = 1/(1 + e^−p) and γ,
	// the parameter, −t·(1 − q)^γ·log q − (1 − t)·q^γ·log(1 − q).
	FocalLoss
	// SoftmaxFocalLoss is SoftmaxLoss in which rows that are right already count little: −(1 − q)^γ·log q, of the softmax's probability q of
	// the target's class and γ, the parameter.
	SoftmaxFocalLoss
	// ChainLoss is of steps that can each be taken by who has taken the one before: the logits p are those of each step among them, and what
	// the targets t [1, C] are of is all steps up to each. It is LogisticLoss of the logits of the products σ(p₁)·…·σ(pₖ), averaged over
	// the columns (Ma, Zhao, Huang, Wang, Hu, Zhu, Gai, "Entire Space Multi-Task Model", SIGIR 2018). Its work grows with the square of C.
	ChainLoss

	lossCount
)

// losses says what the contract knows of each.
var losses = [lossCount]struct {
	name  string
	flops float64 // operations on one prediction, with the gradient
	// parameter says which numbers its parameter can be; nil: it has none, and LossArgs.Parameter is 0.
	parameter func(x float64) bool
}{
	LogisticLoss: {name: "logistic", flops: 30},
	SquaredLoss:  {name: "squared", flops: 5},
	SoftmaxLoss:  {"softmax", 25, func(x float64) bool { return x >= 0 && x < 1 }},
	PoissonLoss:  {name: "poisson", flops: 15},
	HuberLoss:    {"huber", 8, func(x float64) bool { return x > 0 && !math.IsInf(x, 0) }},
	QuantileLoss: {"quantile", 6, func(x float64) bool { return x > 0 && x < 1 }},
	FocalLoss:    {"focal", 100, func(x float64) bool { return x > 0 && x <= 100 }},

	SoftmaxFocalLoss: {"softmax-focal", 25, func(x float64) bool { return x > 0 && x <= 100 }},
	ChainLoss:        {name: "chain", flops: 150},
}

// Losses lists all losses.
func Losses() []LossKind { return valuesOf[LossKind](len(losses)) }

// String returns the loss's name.
func (k LossKind) String() string {
	if known(k, len(losses)) {
		return losses[k].name
	}
	return fmt.Sprintf("loss(%d)", uint8(k))
}

// OfClass says that a target is the index of a class [1, 1], rather than a value for each prediction.
func (k LossKind) OfClass() bool { return k == SoftmaxLoss || k == SoftmaxFocalLoss }

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
	Parameter     float64 // δ of HuberLoss, τ of QuantileLoss, γ of FocalLoss and SoftmaxFocalLoss, SoftmaxLoss's share; 0 of the others
	P, Target     Matrix
	Weight, Scale Matrix
	Upstream      Matrix // [1, 1], with DP; absent: 1
	Out, DP       Matrix // at least one of them
}

// Name implements Args.
func (a LossArgs) Name() string {
	name := a.Kind.String() + " loss"
	switch {
	case a.Out.Present() && a.DP.Present():
		return name + "+gradient"
	case a.DP.Present():
		return name + " gradient"
	}
	return name
}

// Work implements Args.
func (a LossArgs) Work(rows Rows) Cost {
	c := float64(a.P.Cols)
	elements := c + float64(a.Target.Cols) + 1
	if a.DP.Present() {
		elements += c
	}
	return perRow(a.P, rows(a.P, a.Target, a.Weight, a.DP), losses[a.Kind].flops*c, elements, 2)
}

// Check implements Args.
func (a LossArgs) Check() error {
	if !known(a.Kind, len(losses)) {
		return fmt.Errorf("loss: kernels: %v: %w", a.Kind, ErrUnsupported)
	}
	if fits := losses[a.Kind].parameter; fits == nil && a.Parameter != 0 || fits != nil && !fits(a.Parameter) {
		return fmt.Errorf("%v loss: kernels: a parameter of %v: %w", a.Kind, a.Parameter, ErrUnsupported)
	}
	r, c := a.P.Rows, a.P.Cols
	tc := c
	if a.Kind.OfClass() {
		tc = 1
	}
	if !a.Out.Present() && !a.DP.Present() {
		return fmt.Errorf("%v loss: neither the loss nor its gradient is asked for: %w", a.Kind, ErrShape)
	}
	return checkOperands(a.Kind.String()+" loss", floatDtype(a.P), operand{"P", a.P, -1, -1, false},
		operand{"Target", a.Target, r, tc, false}, operand{"Weight", a.Weight, r, 1, false}, operand{"Scale", a.Scale, 1, 1, false},
		operand{"Upstream", a.Upstream, 1, 1, true}, operand{"Out", a.Out, 1, 1, true}, operand{"DP", a.DP, r, c, true})
}
