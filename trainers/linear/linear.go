// Package linear fits linear models to the optimum of a convex loss: a weight for each number and for each value of each
// categorical field, and an intercept, for one output or several.
//
// [Fit] is Newton's method with a line search. Where there are few weights the Hessian is formed and factorized (for logistic and
// Poisson regression that is iteratively reweighted least squares; McCullagh, Nelder, "Generalized Linear Models", §2.5); where there
// are many, or several outputs, each step comes from preconditioned conjugate gradients on products with the Hessian (Lin, Weng,
// Keerthi, "Trust Region Newton Method for Large-Scale Logistic Regression", JMLR 9, 2008, with a line search for the region).
// The same rows give the same bits for any number of threads.
package linear

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"debut/kernels/pool"
)

// Problem is rows and what is fitted to them: the θ that minimizes
//
//	Σᵣ Weight[r]·loss(θ·x(r), Target[r]) + L2/2·‖θ without the intercepts‖²
//
// where x(r) is 1, the row's numbers, and an indicator for the value of each field. θ is [1 + D + ΣCardinalities, Outputs].
type Problem struct {
	Rows          int
	Numeric       []float32 // [Rows, D]
	D             int
	IDs           []int32   // [Rows, len(Cardinalities)]: 0 … the field's cardinality − 1
	Cardinalities []int     // of the fields
	Weight        []float64 // [Rows], none negative; nil: 1 for every row
	Target        []float64 // [Rows]
	Outputs       int       // more than 1 for Softmax
	Loss          Loss
	Delta         float64 // of Huber
	// L2 is the weight of the penalty. Without one, 0, a field's first value that occurs is its reference, and its weight 0.
	L2 float64
}

// Fitted is the result of a fit.
type Fitted struct {
	Theta []float64 // [1 + D + ΣCardinalities, Outputs]
	// Objective is the value at Theta.
	Objective  float64
	Iterations int // of Newton's method
	Converged  bool
	// Covariance of Theta, in the order of Theta: the inverse of the Hessian, which is that of the estimate's asymptotic distribution
	// where L2 = 0, and that of the posterior under the penalty's Gaussian prior otherwise. For Squared it has to be multiplied by
	// the variance of the noise. Rows of weights that are not free are 0. Nil for more than MaxCovariance weights, and for Huber.
	Covariance *mat.SymDense
}

const (
	// MaxCovariance is the most weights, of all outputs, that a covariance is computed for.
	MaxCovariance = 1024
	// maxIterations is of Newton's method; well-posed fits take 5 to 15.
	maxIterations = 200
	// precision is how large the Newton decrement may be in the end, relative to the penalty's weight: about the square of the
	// distance to the optimum.
	precision = 1e-14
	// maxOutput is the size of outputs from which classes count as separated: probabilities are 0 and 1 there.
	maxOutput = 500
)

// hessianLimit is the most weights of an output whose Hessian is formed, and blockLimit the most of each of several outputs under a
// penalty, where numbers alone are not more. Tests set them lower.
var hessianLimit, blockLimit = 2048, 256

var (
	// ErrSeparated is matched by the error of a fit without a penalty that has no optimum: some weight tells classes apart
	// without a mistake, and grows without bound.
	ErrSeparated = errors.New("a combination of the columns tells the classes apart without a mistake")
	// ErrCollinear is matched by a [*CollinearError].
	ErrCollinear = errors.New("columns determine each other")
)

// CollinearError tells of a weight that others determine.
type CollinearError struct{ Index int } // in θ, counted in features: 0 is the intercept, 1 … D the numbers

// Error implements error.
func (e *CollinearError) Error() string {
	return fmt.Sprintf("linear: feature %d follows from those before it", e.Index)
}

// Unwrap returns ErrCollinear.
func (e *CollinearError) Unwrap() error { return ErrCollinear }

// features is how many weights an output has.
func (p *Problem) features() int {
	n := 1 + p.D
	for _, c := range p.Cardinalities {
		n += c
	}
	return n
}

func (p *Problem) weight(r int) float64 {
	if p.Weight == nil {
		return 1
	}
	return p.Weight[r]
}

// check returns an error where the problem's sizes or targets do not fit together.
func (p *Problem) check() error {
	switch f := len(p.Cardinalities); {
	case p.Rows < 1:
		return fmt.Errorf("linear: there are no rows")
	case len(p.Numeric) != p.Rows*p.D || len(p.IDs) != p.Rows*f || len(p.Target) != p.Rows || p.Weight != nil && len(p.Weight) != p.Rows:
		return fmt.Errorf("linear: %d numbers, %d ids, %d targets and %d weights for %d rows of %d and %d", len(p.Numeric), len(p.IDs), len(p.Target), len(p.Weight), p.Rows, p.D, f)
	case p.Loss >= lossCount || p.Outputs < 1 || p.Outputs > 1 && p.Loss != Softmax:
		return fmt.Errorf("linear: %d outputs for the loss %v", p.Outputs, p.Loss)
	case !(p.L2 >= 0) || math.IsInf(p.L2, 0):
		return fmt.Errorf("linear: a penalty of %v", p.L2)
	case p.Loss == Huber && !(p.Delta > 0):
		return fmt.Errorf("linear: a delta of %v", p.Delta)
	}
	for r, y := range p.Target {
		if p.Loss == Softmax && !(y >= 0 && y < float64(p.Outputs)) || p.Loss == Logistic && !(y >= 0 && y <= 1) || p.Loss == Poisson && !(y >= 0) || math.IsInf(y, 0) || math.IsNaN(y) {
			return fmt.Errorf("linear: the target %v of row %d is none of the loss %v", y, r, p.Loss)
		}
	}
	return nil
}

// Fit finds the optimum on the pool's goroutines. Progress, if not nil, is told the objective before each iteration. An error
// matches ErrCollinear or ErrSeparated where there is no single optimum, and the context's where it ends.
func Fit(ctx context.Context, p *Problem, workers *pool.Pool, progress func(iteration int, objective float64)) (*Fitted, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	s := newSolver(p, workers)
	k := p.Outputs
	copy(s.theta, p.start())
	fit := &Fitted{Theta: s.theta}
	s.forward(s.theta, s.z)
	f := s.evaluate(s.z, s.theta)
	direction, step := make([]float64, len(s.theta)), make([]float64, len(s.z))
	trial, moved := make([]float64, len(s.theta)), make([]float64, len(s.z))
	tolerance, before := precision, math.Inf(1)
	if p.L2 > 0 {
		tolerance *= min(1, p.L2)
	}
	for fit.Iterations = 0; fit.Iterations < maxIterations; fit.Iterations++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(fit.Iterations, f)
		}
		s.gradient()
		if err := s.solve(ctx, direction); err != nil {
			return nil, err
		}
		decrement := -floats.Dot(s.grad, direction)
		if decrement <= 0 || decrement <= tolerance || decrement < 1e-9*(1+math.Abs(f)) && decrement > before/4 {
			// The last is as far as rounding lets it come.
			fit.Converged = decrement <= max(tolerance, 1e-9*(1+math.Abs(f)))
			if decrement > 0 && decrement <= tolerance { // the step costs nothing more
				floats.Add(s.theta, direction)
				s.forward(s.theta, s.z)
				f = s.evaluate(s.z, s.theta)
			}
			break
		}
		before = decrement
		if p.Loss == Huber && decrement < 1e-6*(1+math.Abs(f)) {
			s.far = false // from the next step on
		}
		s.forward(direction, step)
		at := 1.0
		for {
			copy(trial, s.theta)
			floats.AddScaled(trial, at, direction)
			copy(moved, s.z)
			floats.AddScaled(moved, at, step)
			next := s.evaluate(moved, trial)
			// Where differences drown in rounding a full Newton step is the best there is.
			if next <= f-1e-4*at*decrement || at == 1 && decrement < 1e-9*(1+math.Abs(f)) && !math.IsNaN(next) {
				break
			}
			if at /= 2; at < 1e-12 {
				if p.Loss == Huber && !s.far { // back to steps that are sure
					s.far, before = true, math.Inf(1)
					copy(trial, s.theta)
					break
				}
				return nil, fmt.Errorf("linear: no step leads on from the objective %v after %d iterations; look for extreme values in the columns", f, fit.Iterations)
			}
		}
		copy(s.theta, trial)
		// Anew, so that roundings do not add up; the derivatives are those of these outputs.
		s.forward(s.theta, s.z)
		f = s.evaluate(s.z, s.theta)
		if p.L2 == 0 && (p.Loss == Logistic || p.Loss == Softmax) && s.separated() {
			return nil, fmt.Errorf("linear: the weights grow without bound: %w", ErrSeparated)
		}
	}
	if k > 1 {
		s.center()
	}
	fit.Objective = f
	if len(s.theta) <= MaxCovariance && p.Loss != Huber {
		var err error
		if fit.Covariance, err = s.covariance(); err != nil {
			return nil, err
		}
	}
	return fit, nil
}

// center makes the intercepts of a softmax add up to 0, without a penalty the weights of each feature too: the same number added to all
// of them changes nothing.
func (s *solver) center() {
	k, n := s.Outputs, 1
	if s.L2 == 0 {
		n = s.width
	}
	for i := range n {
		w := s.theta[i*k : (i+1)*k]
		floats.AddConst(-floats.Sum(w)/float64(k), w)
	}
}

// ErrLarge is matched by the error of a question that is not answered for so many weights.
var ErrLarge = errors.New("too many weights")

// Independent returns an error that matches ErrCollinear where the problem has no single solution without a penalty, and one that
// matches ErrLarge where it has too many weights to tell.
func (p *Problem) Independent(workers *pool.Pool) error {
	if err := p.check(); err != nil {
		return err
	}
	if p.features() > hessianLimit {
		return fmt.Errorf("linear: %d weights: %w", p.features(), ErrLarge)
	}
	q := *p
	q.L2 = 0
	s := newSolver(&q, workers)
	h, _ := s.gram(q.weight, s.width)
	s.complete(h, s.width)
	if i := dependent(h, determined); i >= 0 {
		return &CollinearError{Index: i}
	}
	return nil
}

// Noise returns the variance of the targets around a fit of squared losses, for which [Fitted.Covariance] is to be multiplied by it:
// the weighted squares over the rows that count, less the weights that are free. It is NaN where there are no more rows than weights.
func (p *Problem) Noise(fit *Fitted) float64 {
	s := newSolver(p, pool.New(1))
	s.outputs(fit.Theta, 0, p.Rows, s.z)
	squares, rows := 0.0, 0
	for r, z := range s.z {
		if w := p.weight(r); w > 0 {
			squares += w * (z - p.Target[r]) * (z - p.Target[r])
			rows++
		}
	}
	for _, free := range s.free {
		if free {
			rows--
		}
	}
	if rows <= 0 {
		return math.NaN()
	}
	return squares / float64(rows)
}
