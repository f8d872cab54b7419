package behavior

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"debut/datasets/bytesize"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/warning"
	"debut/engine"
	"debut/layers"
	"debut/trainers/gradient"
	"debut/trainers/linear"
	"debut/trainers/metrics"
	"debut/trainers/run"
)

// ErrCollinear is matched by the error of a linear model without a penalty on columns that determine each other.
var ErrCollinear = linear.ErrCollinear

// defaultL2 is the penalty where nothing is said, and there has to be one.
const defaultL2 = 1.0

// newExact builds the problem whose optimum is the model.
func newExact(ctx context.Context, t *task, env *run.Env) (*exact, error) {
	for _, f := range t.net.Numeric {
		if f.Edges != nil {
			return nil, configfile.Errorf("model.solver", "%s does not go with the piecewise-linear encoding of column %q; use solver: %s", SolverExact, f.Name, SolverGradient)
		}
	}
	if len(t.net.Lists) > 0 {
		return nil, configfile.Errorf("model.solver", "%s does not go with lists of ids, as in column %q; use solver: %s", SolverExact, t.net.Lists[0].Name, SolverGradient)
	}
	if l := t.cfg.Train.Loss; l == gradient.LossMAE || l == gradient.LossQuantile {
		return nil, configfile.Errorf("model.solver", "%s needs a loss with a second derivative, which %s has not; use solver: %s", SolverExact, l, SolverGradient)
	}
	if l := t.cfg.Train.Loss; l == gradient.LossFocal || t.cfg.Train.LabelSmoothing > 0 {
		return nil, configfile.Errorf("model.solver", "%s has the cross-entropy of classes as they are, without %s or label_smoothing; use solver: %s", SolverExact, gradient.LossFocal, SolverGradient)
	}
	part := t.data.Train
	// Numbers, ids, target and weight of each row, and outputs with two derivatives.
	need := int64(part.Rows()) * int64(4*(len(t.net.Numeric)+len(t.net.Fields))+16+3*8*t.net.Outputs)
	dev, err := env.Device()
	if err != nil {
		return nil, err
	}
	if d, ok := dev.(interface{ Available() int64 }); ok && dev.Info().Kind == "cpu" {
		if free := d.Available(); free > 0 && need > free/2 {
			return nil, configfile.Errorf("model.solver", "%s needs all rows in memory, about %s, and %s are free; use solver: %s", SolverExact, bytesize.Text(need), bytesize.Text(free), SolverGradient)
		}
	}
	if limit := t.cfg.MemoryBudget(); limit > 0 && need > limit {
		return nil, configfile.Errorf("model.solver", "%s needs all rows in memory, about %s, and data.memory is %s; use solver: %s", SolverExact, bytesize.Text(need), bytesize.Text(limit), SolverGradient)
	}
	rows, err := part.Together(ctx)
	if err != nil {
		return nil, err
	}
	e := &exact{task: t, problem: problemOf(t, rows), log: env.Log, warnings: new(warning.List)}
	if e.workers, err = env.Pool(); err != nil {
		return nil, err
	}
	return e, e.settlePenalty()
}

// problemOf returns the problem of rows. The numbers of a regression are in standard deviations from the mean.
func problemOf(t *task, d *encoding.Encoded) *linear.Problem {
	p := &linear.Problem{
		Rows: d.Rows, Numeric: d.Numeric, D: d.D, IDs: d.IDs, Weight: d.Weight, Target: d.Target, Outputs: t.net.Outputs,
		Loss: map[metrics.Task]linear.Loss{metrics.TaskBinary: linear.Logistic, metrics.TaskMultiClass: linear.Softmax}[t.task],
	}
	switch t.cfg.Train.Loss {
	case gradient.LossPoisson:
		p.Loss = linear.Poisson
	case gradient.LossHuber:
		p.Loss, p.Delta = linear.Huber, t.cfg.Train.Delta
	}
	if t.cfg.Train.ClassWeight == gradient.ClassWeightBalanced {
		classes := t.data.Encoder.Target.Balanced()
		p.Weight = make([]float64, d.Rows)
		for r, y := range d.Target {
			p.Weight[r] = classes[int(y)]
			if d.Weight != nil {
				p.Weight[r] *= d.Weight[r]
			}
		}
	}
	for _, f := range t.net.Fields {
		p.Cardinalities = append(p.Cardinalities, f.Cardinality)
	}
	if t.task == metrics.TaskRegression {
		p.Target = make([]float64, d.Rows)
		for r, y := range d.Target {
			p.Target[r] = t.data.Encoder.Target.Standardize(y)
		}
	}
	return p
}

// settlePenalty fills in the penalty where nothing is said. Of a regression there is none where there is a single solution without.
func (e *exact) settlePenalty() error {
	m := &e.cfg.Model
	if m.L2 == nil {
		l2 := defaultL2
		if e.problem.Loss == linear.Squared {
			err := e.problem.Independent(e.workers)
			switch {
			case err == nil:
				l2 = 0
			case errors.Is(err, linear.ErrCollinear):
				w := warning.Warning{
					Name: warning.Penalty, Message: fmt.Sprintf("a penalty is added, l2: %v, for without one there is no single solution: %v", l2, e.named(err)),
					Remedy: "to do without, put the column under data.ignore",
				}.With("l2", l2)
				w.Log(e.log)
				*e.warnings = append(*e.warnings, w)
			case !errors.Is(err, linear.ErrLarge):
				return err
			}
		}
		m.L2 = &l2
	}
	e.problem.L2 = *m.L2
	if *m.L2 > 0 {
		return nil
	}
	err := e.problem.Independent(e.workers)
	if errors.Is(err, linear.ErrCollinear) {
		return configfile.Errorf("model.l2", "without a penalty there is no single solution: %w; put the column under data.ignore, or set l2: %v", e.named(err), defaultL2)
	}
	if errors.Is(err, linear.ErrLarge) {
		return nil // conjugate gradients find one of the solutions
	}
	return err
}

// named words an error about a weight by its column.
func (e *exact) named(err error) error {
	var c *linear.CollinearError
	if !errors.As(err, &c) {
		return err
	}
	return fmt.Errorf("%s follows from the columns before it: %w", weightName(e.net, e.data.Encoder, c.Index), ErrCollinear)
}

// weightName names a weight of a linear model by its place among those of an output, the intercept's first.
func weightName(n layers.Network, e *encoding.Encoder, i int) string {
	if i == 0 {
		return "the intercept"
	}
	if i--; i < len(n.Numeric) {
		return fmt.Sprintf("column %q", n.Numeric[i].Name)
	}
	i -= len(n.Numeric)
	for _, f := range n.Fields {
		if i < f.Cardinality {
			return fmt.Sprintf("value %q of column %q", namerOf(e, f)(i), f.Name)
		}
		i -= f.Cardinality
	}
	return fmt.Sprintf("weight %d", i)
}

// Describe says what is trained on what.
func (e *exact) Describe() run.Description {
	d := e.task.Describe()
	d.Warnings = append(slices.Clone(d.Warnings), *e.warnings...)
	return d
}

// Solve finds the optimum.
func (e *exact) Solve(ctx context.Context) error {
	fit, err := linear.Fit(ctx, e.problem, e.workers, nil)
	if errors.Is(err, linear.ErrSeparated) {
		return e.cfg.Locate(configfile.Errorf("model.l2", "without a penalty there is no optimum, for the weights grow without bound: %w; set l2: %v", linear.ErrSeparated, defaultL2))
	}
	if err != nil {
		return fmt.Errorf("behavior: %w", e.named(err))
	}
	e.log.Info("the optimum is found", "iterations", fit.Iterations, "loss", fit.Objective/float64(e.problem.Rows), "l2", e.problem.L2)
	w := weightsOf(e.problem, fit)
	if err := w.write(e.params); err != nil {
		return err
	}
	e.model.Coefficients = coefficients(e.net, e.data.Encoder, w)
	return nil
}

// weightsOf takes the weights of a fit apart. Those of a squared loss scatter by the noise that the fit leaves.
func weightsOf(p *linear.Problem, fit *linear.Fitted) linearWeights {
	k := p.Outputs
	w := linearWeights{bias: fit.Theta[:k], numeric: fit.Theta[k : k*(1+p.D)], fields: fit.Theta[k*(1+p.D):], covariance: fit.Covariance, noise: 1}
	if p.Loss == linear.Squared {
		w.noise = p.Noise(fit)
	}
	if !(w.noise > 0) || math.IsInf(w.noise, 0) { // as many weights as rows leave no noise to estimate it from
		w.covariance = nil
	}
	return w
}

// write puts the weights into the network's parameters.
func (w linearWeights) write(p *engine.Parameters) error {
	if len(w.numeric) > 0 {
		if err := p.Write("output.weight", w.numeric); err != nil {
			return err
		}
	}
	if len(w.fields) > 0 {
		if err := p.Write("output.fields", w.fields); err != nil {
			return err
		}
	}
	return p.Write("output.bias", w.bias)
}
