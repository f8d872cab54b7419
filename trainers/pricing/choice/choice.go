// Package choice has the multinomial logit: which of several things a person takes, by what they offer and cost, and the prices that follow.
//
// The probability of an alternative is proportional to exp(utility), utility being linear in its attributes (McFadden, "Conditional Logit Analysis of
// Qualitative Choice Behavior", 1974). Fitted by Newton's method on the log-likelihood, which is concave.
package choice

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Data are choices: each situation has alternatives, of which one was taken.
type Data struct {
	Names      []string    // of the attributes
	Attributes [][]float64 // a row for each alternative of each situation, one situation after another
	Start      []int       // the first row of each situation, and behind the last
	Taken      []int       // the row that was taken in each situation
}

// Fit is a fitted model.
type Fit struct {
	Names         []string
	Coefficients  []float64
	Errors        []float64 // standard errors by the information matrix
	LogLikelihood float64
	Null          float64 // the log-likelihood where all alternatives are as likely
	Iterations    int
	Situations    int
}

func (d *Data) check() error {
	n := len(d.Start) - 1
	switch {
	case n < 1 || d.Start[0] != 0 || d.Start[n] != len(d.Attributes):
		return errors.New("choice: situations must begin with row 0 and end with the last one, and there must be one at least")
	case len(d.Taken) != n:
		return fmt.Errorf("choice: %d choices for %d situations", len(d.Taken), n)
	case len(d.Names) == 0:
		return errors.New("choice: there are no attributes")
	}
	for s := range n {
		if d.Start[s+1] <= d.Start[s] {
			return fmt.Errorf("choice: situation %d has no alternatives", s+1)
		}
		if t := d.Taken[s]; t < d.Start[s] || t >= d.Start[s+1] {
			return fmt.Errorf("choice: situation %d has rows %d to %d, and row %d was taken", s+1, d.Start[s], d.Start[s+1]-1, t)
		}
	}
	for i, row := range d.Attributes {
		if len(row) != len(d.Names) {
			return fmt.Errorf("choice: row %d has %d attributes, not %d", i+1, len(row), len(d.Names))
		}
		for j, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("choice: row %d, attribute %q is %g: it must be a number", i+1, d.Names[j], v)
			}
		}
	}
	return nil
}

// mostSteps bounds Newton's method, which takes five to ten, and mostOdds a coefficient for a spread of one of its attribute: odds of e¹⁵
// to one are those of a likelihood without a maximum.
const (
	mostSteps = 100
	mostOdds  = 15
)

var errNoMaximum = errors.New("choice: attributes tell without fail what was taken: their coefficients have no bound; leave some out, or group alternatives")

// Estimate fits the model. Attributes that never differ within a situation, or that others give, are an error that names them; so are attributes
// that tell without fail what was taken, for which there is no estimate.
func Estimate(d *Data) (*Fit, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	k := len(d.Names)
	scale := d.scales()
	for j, s := range scale {
		if s == 0 {
			return nil, fmt.Errorf("choice: attribute %q never differs between the alternatives of a situation: nothing can be learned of it", d.Names[j])
		}
	}
	f := &Fit{Names: d.Names, Situations: len(d.Taken)}
	beta := make([]float64, k) // of scaled attributes
	value, gradient, information := d.evaluate(beta, scale)
	f.Null = value
	var chol mat.Cholesky
	for ; ; f.Iterations++ {
		if f.Iterations == mostSteps || largest(beta) > mostOdds {
			return nil, errNoMaximum
		}
		if !chol.Factorize(information) || chol.Cond() > 1e13 {
			return nil, fmt.Errorf("choice: the attributes %q are combinations of each other within situations: leave one of them out", d.Names)
		}
		step := mat.NewVecDense(k, nil)
		if err := chol.SolveVecTo(step, mat.NewVecDense(k, gradient)); err != nil {
			return nil, fmt.Errorf("choice: %w", err)
		}
		decrement := mat.Dot(step, mat.NewVecDense(k, gradient))
		if decrement < 1e-20*math.Max(1, math.Abs(value)) {
			break
		}
		// Newton's step may go too far: halves of it until the likelihood rises enough.
		length, next := 1.0, make([]float64, k)
		for {
			for j := range next {
				next[j] = beta[j] + length*step.AtVec(j)
			}
			nextValue, nextGradient, nextInformation := d.evaluate(next, scale)
			if nextValue >= value+1e-4*length*decrement || length < 1e-10 {
				beta, value, gradient, information = next, nextValue, nextGradient, nextInformation
				break
			}
			length /= 2
		}
		if length < 1e-10 {
			break // rounding: there is no higher place near
		}
	}
	if largest(beta) > mostOdds {
		return nil, errNoMaximum
	}
	var inverse mat.SymDense
	if err := chol.InverseTo(&inverse); err != nil {
		return nil, fmt.Errorf("choice: %w", err)
	}
	f.LogLikelihood = value
	f.Coefficients, f.Errors = make([]float64, k), make([]float64, k)
	for j := range k {
		f.Coefficients[j], f.Errors[j] = beta[j]/scale[j], math.Sqrt(inverse.At(j, j))/scale[j]
	}
	return f, nil
}

func largest(v []float64) float64 {
	var most float64
	for _, x := range v {
		most = math.Max(most, math.Abs(x))
	}
	return most
}

// scales returns the root mean square of each attribute around its mean in the situation.
func (d *Data) scales() []float64 {
	scale := make([]float64, len(d.Names))
	for s := range d.Taken {
		rows := d.Attributes[d.Start[s]:d.Start[s+1]]
		for j := range scale {
			var mean float64
			for _, row := range rows {
				mean += row[j]
			}
			mean /= float64(len(rows))
			for _, row := range rows {
				if v := row[j] - mean; math.Abs(v) > 1e-12*math.Abs(mean) {
					scale[j] += v * v
				}
			}
		}
	}
	for j := range scale {
		scale[j] = math.Sqrt(scale[j] / float64(len(d.Attributes)))
	}
	return scale
}

// evaluate returns the log-likelihood, its gradient, and the information matrix (the negative of its second derivatives), of scaled attributes.
func (d *Data) evaluate(beta, scale []float64) (value float64, gradient []float64, information *mat.SymDense) {
	k := len(beta)
	gradient, information = make([]float64, k), mat.NewSymDense(k, nil)
	data := information.RawSymmetric()
	mean, centered := make([]float64, k), make([]float64, k)
	for s, taken := range d.Taken {
		rows := d.Attributes[d.Start[s]:d.Start[s+1]]
		p := make([]float64, len(rows))
		for i, row := range rows {
			for j, v := range row {
				p[i] += beta[j] * v / scale[j]
			}
		}
		value += p[taken-d.Start[s]]
		value -= softmax(p)
		clear(mean)
		for i, row := range rows {
			for j, v := range row {
				mean[j] += p[i] * v / scale[j]
			}
		}
		for j, v := range d.Attributes[taken] {
			gradient[j] += v/scale[j] - mean[j]
		}
		for i, row := range rows {
			for j, v := range row {
				centered[j] = v/scale[j] - mean[j]
			}
			for a := range k {
				for b := a; b < k; b++ { // gonum keeps the upper half
					data.Data[a*data.Stride+b] += p[i] * centered[a] * centered[b]
				}
			}
		}
	}
	return value, gradient, information
}

// softmax turns utilities into probabilities, in place, and returns the logarithm of the sum of their exponentials.
func softmax(u []float64) float64 {
	most := math.Inf(-1)
	for _, v := range u {
		most = math.Max(most, v)
	}
	var sum float64
	for i, v := range u {
		u[i] = math.Exp(v - most)
		sum += u[i]
	}
	for i := range u {
		u[i] /= sum
	}
	return most + math.Log(sum)
}

// Probabilities returns how likely each alternative is taken, given its attributes.
func (f *Fit) Probabilities(attributes [][]float64) ([]float64, error) {
	p := make([]float64, len(attributes))
	for i, row := range attributes {
		if len(row) != len(f.Coefficients) {
			return nil, fmt.Errorf("choice: alternative %d has %d attributes, not %d", i+1, len(row), len(f.Coefficients))
		}
		for j, v := range row {
			p[i] += f.Coefficients[j] * v
		}
	}
	softmax(p)
	return p, nil
}
