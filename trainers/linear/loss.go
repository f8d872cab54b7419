package linear

import (
	"fmt"
	"math"
)

// Loss is what a fit makes small, of a row's outputs z and its target y.
type Loss uint8

const (
	// Squared is (z − y)²/2.
	Squared Loss = iota
	// Logistic is the cross-entropy of the logit z against y, 0 or 1: log(1 + e^z) − y·z.
	Logistic
	// Softmax is the cross-entropy of the softmax of logits z₀ … z_{K−1} against the class y.
	Softmax
	// Poisson is the negative log-likelihood of the count y under the rate e^z, but for a constant: e^z − y·z.
	Poisson
	// Huber is (z − y)²/2 up to |z − y| = Delta, and Delta·(|z − y| − Delta/2) beyond.
	Huber

	lossCount
)

// String returns the loss's name.
func (l Loss) String() string {
	names := [lossCount]string{"squared", "logistic", "softmax", "poisson", "huber"}
	if l < lossCount {
		return names[l]
	}
	return fmt.Sprintf("loss(%d)", uint8(l))
}

// at returns the loss of a row of outputs z, sets dz to its derivative with respect to them, and curve to what a product with its
// second derivative needs: that itself for one output, the probabilities for the softmax. Beyond Huber's delta, where the second
// derivative is 0, it is that of the parabola which touches the loss from above, as long as the optimum is far (Huber, "Robust
// Statistics", §7.8): steps by it never overshoot.
func (s *solver) at(z []float64, y float64, dz, curve []float64) float64 {
	switch s.Loss {
	case Logistic:
		e := math.Exp(-math.Abs(z[0]))
		q := 1 / (1 + e) // the logistic function of |z|
		curve[0] = e * q * q
		if z[0] < 0 {
			q = e * q
		}
		dz[0] = q - y
		return max(z[0], 0) - y*z[0] + math.Log1p(e)
	case Softmax:
		top := math.Inf(-1)
		for _, v := range z {
			top = max(top, v)
		}
		sum := 0.0
		for k, v := range z {
			curve[k] = math.Exp(v - top)
			sum += curve[k]
		}
		for k := range curve {
			curve[k] /= sum
		}
		copy(dz, curve)
		dz[int(y)]--
		return math.Log(sum) + top - z[int(y)]
	case Poisson:
		rate := math.Exp(z[0])
		dz[0], curve[0] = rate-y, rate
		return rate - y*z[0]
	case Huber:
		d := z[0] - y
		if math.Abs(d) > s.Delta {
			dz[0], curve[0] = math.Copysign(s.Delta, d), 0
			if s.far {
				curve[0] = s.Delta / math.Abs(d)
			}
			return s.Delta * (math.Abs(d) - s.Delta/2)
		}
		dz[0], curve[0] = d, 1
		return d * d / 2
	}
	d := z[0] - y
	dz[0], curve[0] = d, 1
	return d * d / 2
}

// bend replaces u, a change of a row's outputs, by the second derivative of its loss times u.
func (p *Problem) bend(curve, u []float64) {
	if p.Loss != Softmax {
		u[0] *= curve[0]
		return
	}
	mean := 0.0
	for k, q := range curve {
		mean += q * u[k]
	}
	for k, q := range curve {
		u[k] = q * (u[k] - mean)
	}
}

// start returns intercepts to begin with: the model without features, or near it.
func (p *Problem) start() []float64 {
	b := make([]float64, p.Outputs)
	if p.Loss == Squared || p.Loss == Huber {
		return b // one Newton step leads there
	}
	total, sums := 0.0, make([]float64, p.Outputs)
	for r := range p.Rows {
		w := p.weight(r)
		total += w
		if p.Loss == Softmax {
			sums[int(p.Target[r])] += w
		} else {
			sums[0] += w * p.Target[r]
		}
	}
	// Half a row more of everything, so that what does not occur has a logarithm.
	switch p.Loss {
	case Logistic:
		b[0] = math.Log((sums[0] + .5) / (total - sums[0] + .5))
	case Poisson:
		b[0] = math.Log((sums[0] + .5) / (total + .5))
	case Softmax:
		mean := 0.0
		for k, s := range sums {
			b[k] = math.Log(s + .5)
			mean += b[k] / float64(p.Outputs)
		}
		for k := range b {
			b[k] -= mean
		}
	}
	return b
}
