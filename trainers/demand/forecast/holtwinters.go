package forecast

import (
	"fmt"
	"math"
)

// HoltWinters is the classical method of a level, a trend and a season (Winters 1960), whose weights minimize the squared errors from the
// third season on; before, the states begin with a decomposition of the first two seasons.
type HoltWinters struct {
	Multiplicative bool
}

// Name says which season.
func (m HoltWinters) Name() string {
	if m.Multiplicative {
		return "Holt-Winters multiplicative"
	}
	return "Holt-Winters additive"
}

// HoltWintersModel is a fitted HoltWinters.
type HoltWintersModel struct {
	Alpha, Beta, Gamma float64
	SSE                float64
	Level, Trend       float64
	Season             []float64 // of the steps to come
}

// Forecast needs two seasons and more.
func (m HoltWinters) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 4)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	fit, err := h.fitHoltWinters(m.Multiplicative)
	if err != nil {
		return nil, err
	}
	mean, sd := make([]float64, h.steps(o)), make([]float64, h.steps(o))
	sigma2, sum := fit.SSE/math.Max(float64(len(h.y)-h.period-3), 1), 1.0
	for i := range mean {
		mean[i] = fit.Level + float64(i+1)*fit.Trend
		season, share := fit.Season[i%h.period], 1.0
		if m.Multiplicative {
			mean[i] *= season
			share = season // errors of the level are multiplied too: an approximation to the first order
		} else {
			mean[i] += season
		}
		sd[i] = math.Abs(share) * math.Sqrt(sigma2*sum)
		c := fit.Alpha * (1 + float64(i+1)*fit.Beta)
		if (i+1)%h.period == 0 {
			c += fit.Gamma * (1 - fit.Alpha)
		}
		sum += c * c
	}
	p := h.normal(m.Name(), mean, sd, o)
	return p, p.check()
}

func (h *history) fitHoltWinters(multiply bool) (*HoltWintersModel, error) {
	m, n := h.period, len(h.y)
	if m == 1 || n < 2*m+1 {
		return nil, fmt.Errorf("%w: Holt-Winters needs a season, and more than two of it observed", ErrShort)
	}
	if multiply && !h.positive() {
		return nil, fmt.Errorf("%w: Holt-Winters with factors, of a series that is not positive everywhere; use additive seasons", ErrUnfit)
	}
	// The line is that of the centered average of two seasons.
	pattern := decompose(h.y[:2*m], m, multiply)
	trend := movingAverage(h.y[:2*m], m)
	inner := trend[m/2 : len(trend)-m/2]
	a, b := line(inner)
	a -= b // at the step before the first of them; with the next lines the states before observation m
	season := make([]float64, m)
	run := func(alpha, beta, gamma float64) (sse, l, t float64) {
		copy(season, pattern)
		l, t = a, b
		for i := m; i < n; i++ {
			s := &season[i%m]
			y := h.y[i]
			before := l
			if multiply {
				e := y - (l+t)**s
				sse += e * e
				l = alpha*(y / *s) + (1-alpha)*(l+t)
				*s = gamma*(y/l) + (1-gamma)**s
			} else {
				e := y - (l + t + *s)
				sse += e * e
				l = alpha*(y-*s) + (1-alpha)*(l+t)
				*s = gamma*(y-l) + (1-gamma)**s
			}
			t = beta*(l-before) + (1-beta)*t
		}
		return sse, l, t
	}
	objective := func(x []float64) float64 {
		for _, v := range x {
			if v < 0 || v > 1 {
				return math.Inf(1)
			}
		}
		sse, _, _ := run(x[0], x[1], x[2])
		if math.IsNaN(sse) {
			return math.Inf(1)
		}
		return sse
	}
	x := []float64{0.3, 0.1, 0.1}
	var simplex nelderMead
	for range 3 { // again from where it ended, since a simplex flattens at a bound
		simplex.minimize(objective, x, 0.05, 1000, 1e-10)
	}
	fit := &HoltWintersModel{Alpha: x[0], Beta: x[1], Gamma: x[2]}
	fit.SSE, fit.Level, fit.Trend = run(x[0], x[1], x[2])
	for i := range m {
		fit.Season = append(fit.Season, season[(n+i)%m])
	}
	return fit, nil
}
