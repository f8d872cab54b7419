package forecast

import (
	"math"

	"debut/kernels/philox"
)

// simulated is how many paths quantiles are taken of where no formula is known.
const simulated = 2000

// predict forecasts by the states at the end. Where the error is added and so are trend and season, the variance is σ²(1 + Σc_j²); where
// the error is a factor of additive states it follows the recursion of the book's chapter 6; quantiles of other forms are those of
// simulated paths, whose mean is the point forecast only about.
func (m *ETSModel) predict(h *history, o Options) *Prediction {
	steps := h.steps(o)
	mean := make([]float64, steps)
	l, b := m.Level, m.Trend
	for i := range mean {
		l, b = m.ahead(l, b)
		mean[i] = m.withSeason(l, i)
	}
	if m.form.trend == 'M' || m.form.season == 'M' {
		return h.sampled(m.Form, mean, m.paths(steps, o.Seed), o)
	}
	sd := make([]float64, steps)
	c := make([]float64, steps) // effect of an error on the value j steps later
	damping, power := 0.0, 1.0
	for j := 1; j < steps; j++ {
		power *= m.Phi
		damping += power
		c[j] = m.Alpha + m.Beta*damping
		if m.form.season == 'A' && j%m.period == 0 {
			c[j] += m.Gamma
		}
	}
	sum := 0.0
	theta := make([]float64, steps) // E ŷ², of errors that are factors
	for i := range sd {
		if m.form.errors == 'A' {
			sd[i] = math.Sqrt(m.Sigma2 * (1 + sum))
			if i+1 < steps {
				sum += c[i+1] * c[i+1]
			}
			continue
		}
		theta[i] = mean[i] * mean[i]
		for j := 1; j <= i; j++ {
			theta[i] += m.Sigma2 * c[j] * c[j] * theta[i-j]
		}
		sd[i] = math.Sqrt(math.Max((1+m.Sigma2)*theta[i]-mean[i]*mean[i], 0))
	}
	return h.normal(m.Form, mean, sd, o)
}

// ahead returns level and slope one step on, without an error.
func (m *ETSModel) ahead(l, b float64) (float64, float64) {
	switch m.form.trend {
	case 'A':
		b *= m.Phi
		return l + b, b
	case 'M':
		if m.Phi != 1 {
			b = math.Pow(b, m.Phi)
		}
		return l * b, b
	}
	return l, b
}

// withSeason is the value at a level, i steps after the end (0 is the first).
func (m *ETSModel) withSeason(l float64, i int) float64 {
	switch m.form.season {
	case 'A':
		return l + m.Season[(m.n+i)%m.period]
	case 'M':
		return l * m.Season[(m.n+i)%m.period]
	}
	return l
}

// paths simulates what may follow: values by step. Errors are normal, those of path k + 1 the opposite of those of path k for even k.
func (m *ETSModel) paths(steps int, seed uint64) [][]float64 {
	values := make([][]float64, steps)
	for i := range values {
		values[i] = make([]float64, simulated)
	}
	sigma := math.Sqrt(m.Sigma2)
	if m.form.errors == 'M' {
		sigma = math.Min(sigma, 1e3)
	}
	season := make([]float64, len(m.Season))
	errors := make([]float64, steps)
	var stream philox.Stream
	for k := range simulated {
		if k%2 == 0 {
			stream.Reset(seed, philox.StreamOf("ets paths")+uint64(k/2))
			for i := range errors {
				errors[i] = sigma * stream.NormFloat64()
			}
		}
		copy(season, m.Season)
		l, b := m.Level, m.Trend
		for i, e := range errors {
			if k%2 == 1 {
				e = -e
			}
			if m.form.errors == 'M' {
				e = math.Max(e, -1) // a value does not change its sign
			}
			before := l
			q, pb := m.ahead(l, b)
			y := q
			if len(season) == 0 {
				if m.form.errors == 'M' {
					e *= y
				}
				y += e
				l = q + m.Alpha*e
			} else {
				s := &season[(m.n+i)%m.period]
				mul := m.form.season == 'M'
				if y += *s; mul {
					y = q * *s
				}
				if m.form.errors == 'M' {
					e *= y
				}
				y += e
				move, turn := e, e
				if mul {
					move, turn = e / *s, e/q
				}
				l = q + m.Alpha*move
				*s += m.Gamma * turn
			}
			switch m.form.trend {
			case 'A':
				b = pb + m.Beta/m.Alpha*(l-before-pb)
			case 'M':
				b = pb + m.Beta/m.Alpha*(l/before-pb)
			}
			if math.IsNaN(y) || math.Abs(y) > 1e200 { // a path that ran away counts as far as numbers go
				y = math.Copysign(1e200, y)
			}
			values[i][k] = y
		}
	}
	return values
}
