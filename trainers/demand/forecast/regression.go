package forecast

import (
	"fmt"
	"math"
)

// Regression is a ridge regression on a line, waves of the seasons (Fourier terms) and the covariates of a series; what it leaves is
// forecast by another method, whose quantiles it keeps.
type Regression struct {
	Harmonics int     // waves of each season; 0 stands for 3 of the shortest and up to 10 of longer ones, −1 for none
	Ridge     float64 // penalty, as a share of the observations, on standardized columns; 0 stands for 1e-3
	Remainder Method  // ETS{Form: "ANN"} where it is nil
	// KeepPattern takes out what covariates explain alone, next to line and waves, which it leaves to the other method.
	KeepPattern bool
}

func (m Regression) remainder() Method {
	if m.Remainder == nil {
		return ETS{Form: "ANN"}
	}
	return m.Remainder
}

// Name is that of the method behind it, too.
func (m Regression) Name() string { return "regression + " + m.remainder().Name() }

// Forecast needs four observations.
func (m Regression) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 4)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	if m.Ridge < 0 || m.Harmonics < -1 {
		return nil, fmt.Errorf("%w: a regression with a penalty of %v and %d waves", ErrInput, m.Ridge, m.Harmonics)
	}
	ridge := m.Ridge
	if ridge == 0 {
		ridge = 1e-3
	}
	n, steps := len(h.y), h.steps(o)
	columns := m.columns(h, s, n+steps)
	k := len(columns)
	gram, right := make([]float64, k*k), make([]float64, k)
	level := mean(h.y)
	// Columns count by their deviations within the history, in units of their spread; those that do not change there count nothing.
	for _, c := range columns {
		center := mean(c[:n])
		spread := math.Sqrt(variance(c[:n]))
		for i := range c {
			if c[i] -= center; spread > 1e-12*math.Max(math.Abs(center), 1e-300) {
				c[i] /= spread
			} else {
				c[i] = 0
			}
		}
	}
	for a, c := range columns {
		for i, y := range h.y {
			right[a] += c[i] * (y - level)
		}
		for b := range a + 1 {
			sum := 0.0
			for i := range n {
				sum += c[i] * columns[b][i]
			}
			gram[a*k+b] = sum
		}
	}
	weights := solveNormal(gram, right, k, ridge*float64(n))
	explained := make([]float64, n+steps)
	for a, c := range columns {
		if m.KeepPattern && a < k-len(s.Known) {
			continue
		}
		for i, v := range c {
			explained[i] += weights[a] * v
		}
	}
	rest := make([]float64, n)
	for i, y := range h.y {
		rest[i] = y - explained[i]
	}
	inner := o
	inner.Horizon, inner.NonNegative = steps, false
	p, err := m.remainder().Forecast(Series{Values: rest, Periods: h.periods}, inner)
	if err != nil {
		return nil, err
	}
	for _, v := range append([][]float64{p.Mean}, p.Quantiles...) {
		for i := range v {
			v[i] += explained[n+i]
		}
	}
	p.Method = "regression + " + p.Method
	p = h.finish(p, o)
	return p, p.check()
}

// columns are inputs for all steps of the history and the forecast: a line, waves, covariates.
func (m Regression) columns(h *history, s Series, n int) [][]float64 {
	trend := make([]float64, n)
	for i := range trend {
		trend[i] = math.Min(float64(i), float64(len(h.y)-1)) // what it was at the end: the remainder's method knows of trends
	}
	columns := [][]float64{trend}
	for k, period := range h.periods {
		waves := m.Harmonics
		if waves == 0 {
			waves = 3
			if k > 0 || period > maxETSPeriod {
				waves = 10
			}
		}
		for w := 1; w <= min(waves, period/2); w++ {
			cos, sin := make([]float64, n), make([]float64, n)
			for i := range n {
				sin[i], cos[i] = math.Sincos(2 * math.Pi * float64(w*(i%period)) / float64(period))
			}
			columns = append(columns, cos)
			if 2*w != period {
				columns = append(columns, sin)
			}
		}
	}
	for _, c := range s.Known {
		columns = append(columns, append([]float64(nil), c[h.first:h.first+n]...))
	}
	return columns
}
