package forecast

import (
	"fmt"
	"math"
)

// Theta is the Theta method in its four state space forms (Fiorucci, Pellegrini, Louzada, Petropoulos, Koehler,
// International Journal of Forecasting 32, 2016): standard, optimized – the coefficient θ is estimated – and
// dynamic, where the line is that of the values so far. Level, weight and θ minimize the squared errors. Seasons are taken out
// beforehand where a test finds them, and put back.
type Theta struct {
	Optimized bool
	Dynamic   bool
}

// Name is the abbreviation of the paper: STM, OTM, DSTM, DOTM.
func (m Theta) Name() string {
	name := "STM"
	if m.Optimized {
		name = "OTM"
	}
	if m.Dynamic {
		name = "D" + name
	}
	return name
}

const seasonalityTest = 1.6448536269514722 // normal quantile of a two-sided test at 10 %

// thetaFit holds the states of a Theta model.
type thetaFit struct {
	dynamic          bool
	alpha, theta     float64
	level, line, raw float64 // line: intercept, raw: slope, of the values so far
	mean             float64
	n                int     // values seen
	decay            float64 // (1−α)ⁿ
}

// Forecast needs four observations.
func (m Theta) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 4)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	y, season := h.adjusted()
	fit, sigma2 := fitTheta(y, m)
	mean, sd := make([]float64, h.steps(o)), make([]float64, h.steps(o))
	for i := range mean {
		mean[i] = fit.next()
		sd[i] = math.Sqrt(sigma2 * (1 + float64(i)*fit.alpha*fit.alpha))
		fit.see(mean[i])
	}
	season.put(mean, sd)
	p := h.normal(m.Name(), mean, sd, o)
	return p, p.check()
}

// next is the mean of the value to come.
func (t *thetaFit) next() float64 {
	return t.level + (1-1/t.theta)*(t.line*t.decay+t.raw*(1-(1-t.alpha)*t.decay)/t.alpha)
}

// see moves the states past a value.
func (t *thetaFit) see(y float64) {
	t.level += t.alpha * (y - t.level)
	if t.dynamic {
		k := float64(t.n)
		t.raw = ((k-1)*t.raw + 6*(y-t.mean)/(k+1)) / (k + 2)
		if t.n == 0 {
			t.raw = 0
		}
		t.mean += (y - t.mean) / (k + 1)
		t.line = t.mean - t.raw*(k+2)/2
	}
	t.n++
	t.decay *= 1 - t.alpha
}

// fitTheta estimates level, weight and, where it is optimized, θ; it returns the states after the last value and the variance of errors.
//
// For a weight α, the errors are linear in the first level and in 1 − 1/θ: these follow by least squares within their bounds, so that
// the search is one over α.
func fitTheta(y []float64, m Theta) (thetaFit, float64) {
	a, b := line(y)
	a -= b // at step 0: the first value is at step 1
	size := 0.0
	for _, v := range y {
		size += math.Abs(v) / float64(len(y))
	}
	low, high := -4*size, 4*size // a first level as far off as the paper's search goes; it is forgotten soon
	const warmup = 2             // errors before the dynamic line means something
	start := func(alpha, share float64) thetaFit {
		t := thetaFit{dynamic: m.Dynamic, alpha: alpha, theta: 1 / (1 - math.Min(share, 1-1e-10)), line: a, raw: b, decay: 1}
		if m.Dynamic {
			t.line, t.raw = y[0], 0
		}
		return t
	}
	solve := func(alpha float64) (sse, level, share float64) {
		// e = r − level·d − share·l
		var rr, rd, rl, dd, dl, ll float64
		t := start(alpha, 0)
		for i, v := range y {
			if i >= warmup {
				r, d := v-t.level, t.decay
				l := t.line*t.decay + t.raw*(1-(1-alpha)*t.decay)/alpha
				rr, rd, rl, dd, dl, ll = rr+r*r, rd+r*d, rl+r*l, dd+d*d, dl+d*l, ll+l*l
			}
			t.see(v)
		}
		at := func(level, share float64) float64 {
			return rr - 2*(level*rd+share*rl) + level*level*dd + 2*level*share*dl + share*share*ll
		}
		levelFor := func(share float64) float64 {
			if dd == 0 {
				return low
			}
			return math.Min(math.Max((rd-share*dl)/dd, low), high)
		}
		if share = 0.5; !m.Optimized {
			level = levelFor(share)
			return at(level, share), level, share
		}
		shareFor := func(level float64) float64 {
			if ll == 0 {
				return 0
			}
			return math.Min(math.Max((rl-level*dl)/ll, 0), 1)
		}
		sse = math.Inf(1)
		try := func(l, w float64) {
			if v := at(l, w); v < sse {
				sse, level, share = v, l, w
			}
		}
		if det := dd*ll - dl*dl; det > 1e-12*dd*ll {
			if l, w := (rd*ll-rl*dl)/det, (dd*rl-dl*rd)/det; l >= low && l <= high && w >= 0 && w <= 1 {
				try(l, w)
				return sse, level, share
			}
		}
		for _, l := range []float64{low, high} {
			try(l, shareFor(l))
		}
		for _, w := range []float64{0, 1} {
			try(levelFor(w), w)
		}
		return sse, level, share
	}
	alpha := minimum(func(alpha float64) float64 { sse, _, _ := solve(alpha); return sse }, 0.1, 0.99)
	_, level, share := solve(alpha)
	t := start(alpha, share)
	t.level = level
	sse := 0.0
	for i, v := range y {
		if i >= warmup {
			e := v - t.next()
			sse += e * e
		}
		t.see(v)
	}
	parameters := 2.0
	if m.Optimized {
		parameters = 3
	}
	return t, sse / math.Max(float64(len(y))-parameters, 1)
}

// pattern of a season that was taken out of a series.
type pattern struct {
	of     []float64 // by step after the end
	factor bool
}

// adjusted returns the values without their season, where a test finds one: as factors where all values are positive and no factor
// is near 0.
func (h *history) adjusted() ([]float64, pattern) {
	n, m := len(h.y), h.period
	if n <= 2*m || !seasonal(h.y, m, seasonalityTest) {
		return h.y, pattern{}
	}
	factor := h.positive()
	p := decompose(h.y, m, factor)
	for _, v := range p {
		if factor && v < 0.01 {
			factor, p = false, decompose(h.y, m, false)
			break
		}
	}
	y, after := make([]float64, n), make([]float64, m)
	for i, v := range h.y {
		if y[i] = v - p[i%m]; factor {
			y[i] = v / p[i%m]
		}
	}
	for i := range after {
		after[i] = p[(n+i)%m]
	}
	return y, pattern{after, factor}
}

// put the season into means and standard deviations of the steps after the end.
func (p pattern) put(mean, sd []float64) {
	for i := range mean {
		switch v := 0.0; {
		case len(p.of) == 0:
		case p.factor:
			v = p.of[i%len(p.of)]
			mean[i] *= v
			sd[i] *= v
		default:
			mean[i] += p.of[i%len(p.of)]
		}
	}
}

// ClassicTheta is the method of the M3 competition (Assimakopoulos, Nikolopoulos 2000) as simple exponential smoothing with half the
// slope of the line through all values as drift (Hyndman, Billah 2003).
type ClassicTheta struct{}

// Name says "theta".
func (ClassicTheta) Name() string { return "theta" }

// Forecast needs four observations.
func (ClassicTheta) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 4)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	y, season := h.adjusted()
	smoothed := &history{y: y, period: 1, scale: 1, known: len(y)}
	fit := newFitter(smoothed).fit(form{errors: 'A', trend: 'N', season: 'N'})
	if fit == nil {
		return nil, fmt.Errorf("%w: simple exponential smoothing does not fit", ErrUnfit)
	}
	_, slope := line(y)
	n, alpha := float64(len(y)), fit.Alpha
	mean, sd := make([]float64, h.steps(o)), make([]float64, h.steps(o))
	for i := range mean {
		mean[i] = fit.Level + slope/2*(float64(i)+(1-math.Pow(1-alpha, n))/alpha)
		sd[i] = math.Sqrt(fit.Sigma2 * (1 + float64(i)*alpha*alpha))
	}
	season.put(mean, sd)
	p := h.normal("theta", mean, sd, o)
	return p, p.check()
}
