package forecast

import (
	"fmt"
	"math"
)

// Order of a seasonal ARIMA model (p,d,q)(P,D,Q). Constant adds the mean of the differenced series.
type Order struct {
	P, D, Q    int
	SP, SD, SQ int
	Constant   bool
}

// ARIMA is the seasonal model of Box and Jenkins, of the order given or, where Order is nil, of one that a stepwise search finds
// (Hyndman, Khandakar, "Automatic Time Series Forecasting", 2008). It is fitted by exact maximum likelihood.
type ARIMA struct {
	Order *Order
}

// The largest orders of the search.
const (
	maxARMA, maxSeasonal = 5, 2
	maxTried             = 94
	maxARIMAPeriod       = 400
)

// Name is the order.
func (m ARIMA) Name() string {
	if m.Order == nil {
		return "ARIMA"
	}
	return fmt.Sprintf("ARIMA(%d,%d,%d)(%d,%d,%d)", m.Order.P, m.Order.D, m.Order.Q, m.Order.SP, m.Order.SD, m.Order.SQ)
}

// ARIMAModel is a fitted model.
type ARIMAModel struct {
	Order             Order
	Period            int
	AR, MA, SAR, SMA  []float64 // the signs of the model's equation: AR as φ, MA as +θ
	Mean              float64   // of the differenced series
	Sigma2            float64
	LogLik, AIC, AICc float64
	phi, theta        []float64 // of the differenced series, multiplied out
	state             []float64
	x                 []float64 // the parameters of the search
}

// String names the orders as they are usually written.
func (m *ARIMAModel) String() string {
	s := fmt.Sprintf("ARIMA(%d,%d,%d)", m.Order.P, m.Order.D, m.Order.Q)
	if m.Period > 1 {
		s += fmt.Sprintf("(%d,%d,%d)[%d]", m.Order.SP, m.Order.SD, m.Order.SQ, m.Period)
	}
	if m.Order.Constant {
		if m.Order.D+m.Order.SD > 0 {
			return s + " with drift"
		}
		return s + " with mean"
	}
	return s
}

// FitARIMA fits a series.
func FitARIMA(s Series, m ARIMA) (*ARIMAModel, error) {
	h, err := begin(s, Options{Horizon: 1}, 3)
	if err != nil {
		return nil, err
	}
	fit, err := h.fitARIMA(m)
	if err != nil {
		return nil, err
	}
	n := float64(len(h.y) - fit.Order.D - fit.Order.SD*h.period)
	fit.Sigma2 *= h.scale * h.scale
	fit.Mean *= h.scale
	fit.LogLik -= n * math.Log(h.scale)
	fit.AIC += 2 * n * math.Log(h.scale)
	fit.AICc += 2 * n * math.Log(h.scale)
	return fit, nil
}

// Forecast needs three observations, and more for larger orders.
func (m ARIMA) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 3)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	fit, err := h.fitARIMA(m)
	if err != nil {
		return nil, err
	}
	mean, sd := fit.ahead(h.y, h.steps(o))
	p := h.normal(fit.String(), mean, sd, o)
	return p, p.check()
}

// ahead forecasts the values y so many steps on.
func (m *ARIMAModel) ahead(y []float64, steps int) (mean, sd []float64) {
	// The differenced series by its state.
	a := append([]float64(nil), m.state...)
	w := make([]float64, steps)
	for i := range w {
		first := a[0]
		w[i] = first + m.Mean
		copy(a, a[1:])
		a[len(a)-1] = 0
		for j, c := range m.phi {
			a[j] += c * first
		}
	}
	// Then y_t = w_t + Σ δ_j y_{t−j}, where 1 − Σ δ_j B^j is the polynomial of differences.
	delta := []float64{1}
	for range m.Order.D {
		delta = multiply(delta, []float64{1, -1})
	}
	if m.Order.SD > 0 {
		seasonal := make([]float64, m.Period+1)
		seasonal[0], seasonal[m.Period] = 1, -1
		for range m.Order.SD {
			delta = multiply(delta, seasonal)
		}
	}
	n := len(y)
	whole := append(append(make([]float64, 0, n+steps), y...), w...)
	for t := n; t < n+steps; t++ {
		for j := 1; j < len(delta); j++ {
			if delta[j] != 0 {
				whole[t] -= delta[j] * whole[t-j]
			}
		}
	}
	// The weights ψ of past errors: φ(B)·δ(B)·ψ(B) = θ(B).
	ar := make([]float64, len(m.phi)+1)
	ar[0] = 1
	for i, c := range m.phi {
		ar[i+1] = -c
	}
	ar = multiply(ar, delta)
	psi := make([]float64, steps)
	sd = make([]float64, steps)
	sum := 0.0
	for i := range psi {
		if i == 0 {
			psi[i] = 1
		} else if i <= len(m.theta) {
			psi[i] = m.theta[i-1]
		}
		for j := 1; j < len(ar) && j <= i; j++ {
			psi[i] -= ar[j] * psi[i-j]
		}
		sum += psi[i] * psi[i]
		sd[i] = math.Sqrt(m.Sigma2 * sum)
	}
	return whole[n:], sd
}

// multiply two polynomials by their coefficients.
func multiply(a, b []float64) []float64 {
	c := make([]float64, len(a)+len(b)-1)
	for i, x := range a {
		for j, y := range b {
			c[i+j] += x * y
		}
	}
	return c
}

// arimaSearch fits orders to one differenced series.
type arimaSearch struct {
	arma
	period    int
	d, sd     int
	cheap     bool // conditional sums of squares while searching
	residuals []float64
	blocks    [4][]float64 // coefficients of AR, MA, seasonal AR, seasonal MA
	tried     map[Order]*ARIMAModel
	level     float64 // mean of the differenced series
}

// coefficients turns numbers of any size into those of a stationary AR process, through partial autocorrelations tanh(x) (Monahan 1984).
func coefficients(x, out []float64) {
	for k := range x {
		r := math.Tanh(x[k])
		for i, j := 0, k-1; i <= j; i, j = i+1, j-1 {
			a, b := out[i], out[j]
			out[i] = a - r*b
			if i != j {
				out[j] = b - r*a
			}
		}
		out[k] = r
	}
}

// set takes the parameters of an order.
func (s *arimaSearch) set(o Order, x []float64) {
	for i, n := range [4]int{o.P, o.Q, o.SP, o.SQ} {
		s.blocks[i] = s.blocks[i][:n]
		coefficients(x[:n], s.blocks[i])
		x = x[n:]
	}
	expand := func(short, seasonal, out []float64, sign float64) {
		// (1 − Σa B^i)(1 − Σb B^{mi}): coefficients of 1 − Σ, times sign
		for i := range out {
			out[i] = 0
		}
		for i, a := range short {
			out[i] += sign * a
		}
		for j, b := range seasonal {
			at := (j + 1) * s.period
			out[at-1] += sign * b
			for i, a := range short {
				out[at+i] -= sign * a * b
			}
		}
	}
	expand(s.blocks[0], s.blocks[2], s.phi, 1)
	expand(s.blocks[1], s.blocks[3], s.th, -1)
}

// fit estimates an order; nil where the values are too few, the fit fails or a root is next to the unit circle.
func (s *arimaSearch) fit(o Order, exact bool, from []float64) *ARIMAModel {
	o.D, o.SD = s.d, s.sd
	n := len(s.y)
	k := o.P + o.Q + o.SP + o.SQ
	parameters := float64(k + 1)
	if o.Constant {
		parameters++
	}
	p, q := o.P+o.SP*s.period, o.Q+o.SQ*s.period
	if float64(n)-parameters-1 <= 0 || p >= n || q >= n {
		return nil
	}
	s.resize(p, q)
	s.withMean = o.Constant
	x := make([]float64, k)
	copy(x, from)
	level := 0.0
	if o.Constant {
		level = s.level
	}
	objective := func(x []float64) float64 {
		for _, v := range x {
			if math.Abs(v) > 12 {
				return math.Inf(1)
			}
		}
		s.set(o, x)
		if !exact {
			return s.conditional(level, s.residuals)
		}
		return s.likelihood()
	}
	value := bfgs(objective, x, 100)
	if math.IsInf(value, 0) || math.IsNaN(value) {
		return nil
	}
	objective(x)
	m := &ARIMAModel{Order: o, Period: s.period, Sigma2: s.sigma2, LogLik: -value / 2, AIC: value + 2*parameters, x: x}
	m.AICc = m.AIC + 2*parameters*(parameters+1)/(float64(n)-parameters-1)
	if !exact {
		return m
	}
	m.Sigma2 *= float64(n) / math.Max(float64(n)-parameters+1, 1)
	m.Mean = s.mu
	m.phi, m.theta, m.state = append(m.phi, s.phi...), append(m.theta, s.th...), append(m.state, s.state...)
	m.AR, m.SAR = append(m.AR, s.blocks[0]...), append(m.SAR, s.blocks[2]...)
	for _, v := range s.blocks[1] {
		m.MA = append(m.MA, -v)
	}
	for _, v := range s.blocks[3] {
		m.SMA = append(m.SMA, -v)
	}
	return m
}

// margin says whether all roots of the polynomials just fitted keep a distance from the unit circle: 1.01 and more from the origin.
func (s *arimaSearch) margin() bool {
	apart := func(block []float64, sign float64) bool {
		c, power := make([]float64, len(block)+1), sign
		c[0] = 1
		for i, v := range block {
			power *= 1.01
			c[i+1] = v * power
		}
		return stable(c, make([]float64, len(c)))
	}
	return apart(s.phi, -1) && apart(s.th, 1)
}
