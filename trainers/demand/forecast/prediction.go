package forecast

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Prediction is the forecast of a series.
type Prediction struct {
	Method    string      // what was fitted, such as "ETS(M,Ad,M)"
	Mean      []float64   // a value a step
	Levels    []float64   // probabilities of Quantiles
	Quantiles [][]float64 // one slice a level, of a value a step; for a step they ascend with the level
	Notes     []string    // what a person should know: methods that failed and were left out, spreads that nothing is known of
}

// flatPrediction says that all stays as it was.
func (h *history) flatPrediction(o Options) *Prediction {
	p := h.normal("constant", repeat(h.y[0], h.steps(o)), make([]float64, h.steps(o)), o)
	if h.known == 1 {
		p.Notes = append(p.Notes, "one observation says nothing of the spread: all quantiles are the mean")
	} else {
		p.Notes = append(p.Notes, "all observations are equal: all quantiles are the mean")
	}
	return p
}

// normal makes a prediction of means and standard deviations from the last observation on, with quantiles of normal distributions.
func (h *history) normal(method string, mean, sd []float64, o Options) *Prediction {
	p := &Prediction{Method: method, Mean: mean, Levels: o.Levels}
	for _, level := range o.Levels {
		z := distuv.UnitNormal.Quantile(level)
		q := make([]float64, len(mean))
		for i := range q {
			q[i] = mean[i] + z*sd[i]
		}
		p.Quantiles = append(p.Quantiles, q)
	}
	return h.finish(p, o)
}

// sampled makes a prediction whose quantiles are those of simulated paths, of which paths[i] are the values of step i; it sorts them.
func (h *history) sampled(method string, mean []float64, paths [][]float64, o Options) *Prediction {
	p := &Prediction{Method: method, Mean: mean, Levels: o.Levels}
	for range o.Levels {
		p.Quantiles = append(p.Quantiles, make([]float64, len(mean)))
	}
	for i, values := range paths {
		slices.Sort(values)
		for j, level := range o.Levels {
			p.Quantiles[j][i] = quantile(values, level)
		}
	}
	return h.finish(p, o)
}

// finish cuts a prediction that begins after the last observation to the horizon, and brings it back into the unit of the series.
func (h *history) finish(p *Prediction, o Options) *Prediction {
	at := func(v []float64) []float64 {
		v = v[h.lag:]
		for i := range v {
			v[i] *= h.scale
			if o.NonNegative && v[i] <= 0 {
				v[i] = 0
			}
		}
		return v
	}
	p.Mean = at(p.Mean)
	for i := range p.Quantiles {
		p.Quantiles[i] = at(p.Quantiles[i])
	}
	return p
}

// check refuses a prediction that is not all numbers, or of which values are so far off that the fit must have failed.
func (p *Prediction) check() error {
	for _, v := range append([][]float64{p.Mean}, p.Quantiles...) {
		for i, x := range v {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("%w: %s gives %v for step %d", ErrUnfit, p.Method, x, i+1)
			}
		}
	}
	return nil
}

// ordered makes quantiles ascend at each step, by sorting them.
func (p *Prediction) ordered() {
	step := make([]float64, len(p.Quantiles))
	for i := range p.Mean {
		for j, q := range p.Quantiles {
			step[j] = q[i]
		}
		slices.Sort(step)
		for j, q := range p.Quantiles {
			q[i] = step[j]
		}
	}
}

// quantile of sorted values, by lines between them (the default of R and NumPy).
func quantile(sorted []float64, level float64) float64 {
	at := level * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	t := at - float64(i)
	return sorted[i]*(1-t) + sorted[i+1]*t
}

func repeat(v float64, n int) []float64 {
	r := make([]float64, n)
	for i := range r {
		r[i] = v
	}
	return r
}

// Move puts other means in the place of a prediction's; quantiles go along, by the ratio of the means, or, where that is not to be had, by their difference.
func (p *Prediction) Move(mean []float64, nonNegative bool) {
	for i, m := range mean {
		for _, q := range p.Quantiles {
			if ratio := m / p.Mean[i]; p.Mean[i] > 0 && m > 0 && ratio < 10 && ratio > 0.1 {
				q[i] *= ratio
			} else {
				q[i] += m - p.Mean[i]
			}
			if nonNegative && q[i] <= 0 {
				q[i] = 0
			}
		}
		p.Mean[i] = m
	}
}

// Before puts so many steps of nothing before a prediction's.
func (p *Prediction) Before(steps int) {
	if steps <= 0 {
		return
	}
	p.Mean = append(make([]float64, steps), p.Mean...)
	for k, q := range p.Quantiles {
		p.Quantiles[k] = append(make([]float64, steps), q...)
	}
}
