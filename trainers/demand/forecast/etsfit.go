package forecast

import "math"

// Bounds of smoothing parameters: the usual ones, within which weights are positive; besides, a model must be admissible (its errors can
// be found from the values).
const (
	leastWeight, mostWeight   = 1e-4, 0.9999
	leastDamping, mostDamping = 0.8, 0.98
)

// fitter fits forms to a series, in memory that all of them use.
type fitter struct {
	y       []float64
	period  int
	form    form
	season  []float64 // by position in the season
	poly    []float64 // of the admissibility check
	x       []float64
	simplex nelderMead

	alpha, beta, gamma, phi float64
	level, slope            float64
	squares                 float64
	residuals               []float64 // filled where it is not nil
	fitted                  int       // evaluations, for tests
}

func newFitter(h *history) *fitter {
	m := h.period
	return &fitter{y: h.y, period: m, season: make([]float64, m), poly: make([]float64, 2*(m+2)), x: make([]float64, m+6)}
}

// run passes over the values from the states in f, which become those at the end, and returns minus twice the log-likelihood without its
// constant, n·log Σe² + 2·Σ log|ŷ|, where the second term is that of errors that are factors; +Inf where the forms break down.
func (f *fitter) run() float64 {
	var (
		multiply   = f.form.errors == 'M'
		trend      = f.form.trend
		a, be, g   = f.alpha, f.beta, f.gamma
		phi        = f.phi
		l, b       = f.level, f.slope
		sse, logs  float64
		product    = 1.0
		at, period = 0, f.period
		season     = f.season
		add, mul   = f.form.season == 'A', f.form.season == 'M'
	)
	for i, y := range f.y {
		q, pb := l, b
		switch trend {
		case 'A':
			pb = phi * b
			q = l + pb
		case 'M':
			if phi != 1 {
				pb = math.Pow(b, phi)
			}
			q = l * pb
		}
		yhat, s := q, 0.0
		if add {
			s = season[at]
			yhat = q + s
		} else if mul {
			s = season[at]
			yhat = q * s
		}
		e := y - yhat
		move := e // of the level
		if multiply {
			e /= yhat // the one division of most forms: the others follow from it
			product *= yhat
			if size := math.Abs(product); size > 1e150 || size < 1e-150 { // a logarithm costs more than all the rest of a step
				logs += math.Log(size)
				product = 1
			}
			if mul {
				move = q * e
			}
		} else if mul {
			move = e / s
		}
		sse += e * e
		if f.residuals != nil {
			f.residuals[i] = e
		}
		switch {
		case add:
			season[at] = s + g*move
		case mul && multiply:
			season[at] = s + g*s*e
		case mul:
			season[at] = s + g*e/q
		}
		if at++; at == period {
			at = 0
		}
		switch trend {
		case 'A':
			b = pb + be*move
		case 'M':
			b = pb + be*move/l
		}
		l = q + a*move
	}
	f.level, f.slope, f.squares = l, b, sse
	n := float64(len(f.y))
	lik := n * math.Log(sse)
	if multiply {
		lik += 2 * (logs + math.Log(math.Abs(product)))
	}
	if math.IsNaN(lik) {
		return math.Inf(1)
	}
	return math.Max(lik, -1e10)
}

// set takes the parameters of a point, in the order α, β, γ, φ, level, slope, seasons from the second on; false where they are out of
// bounds.
func (f *fitter) set(x []float64) bool {
	f.beta, f.gamma, f.phi = 0, 0, 1
	f.alpha, x = x[0], x[1:]
	if f.form.trend != 'N' {
		f.beta, x = x[0], x[1:]
	}
	if f.form.season != 'N' {
		f.gamma, x = x[0], x[1:]
	}
	if f.form.damped {
		f.phi, x = x[0], x[1:]
	}
	within := func(v, low, high float64) bool { return v >= low && v <= high }
	if !within(f.alpha, leastWeight, mostWeight) ||
		f.form.trend != 'N' && !within(f.beta, leastWeight, math.Min(f.alpha, mostWeight)) ||
		f.form.season != 'N' && !within(f.gamma, leastWeight, math.Min(1-f.alpha, mostWeight)) ||
		f.form.damped && !within(f.phi, leastDamping, mostDamping) || !f.admissible() {
		return false
	}
	f.level, x = x[0], x[1:]
	f.slope = 0
	if f.form.trend != 'N' {
		f.slope, x = x[0], x[1:]
	}
	if f.form.season == 'N' {
		return true
	}
	rest := 0.0
	if f.form.season == 'M' {
		rest = float64(f.period)
	}
	for i, v := range x[:f.period-1] {
		f.season[i+1] = v
		rest -= v
		if f.form.season == 'M' && v < 0 {
			return false
		}
	}
	f.season[0] = rest
	return f.form.season != 'M' || rest >= 0
}

// admissible says whether the errors of the model can be found from its values: roots of the characteristic equation lie within the unit
// circle (Hyndman, Akram, Archibald 2008; the book's chapter 10).
func (f *fitter) admissible() bool {
	a, b, g, phi, m := f.alpha, f.beta, f.gamma, f.phi, float64(f.period)
	if f.form.season == 'N' {
		return a >= 1-1/phi && a <= 1+1/phi && (f.form.trend == 'N' || b >= a*(phi-1) && b <= (1+phi)*(2-a))
	}
	if g < math.Max(1-1/phi-a, 0) || g > 1+1/phi-a || a < 1-1/phi-g*(1-m+phi+phi*m)/(2*phi*m) || b < -(1-phi)*(g/m+a) {
		return false
	}
	// z^{m+1} + (α+β−φ)z^m + (α+β−αφ)(z^{m-1} + … + z²) + (α+β−αφ+γ−1)z + φ(1−α−γ)
	n := f.period + 1
	c := f.poly[:n+1]
	c[0], c[1] = 1, a+b-phi
	for i := 2; i < n-1; i++ {
		c[i] = a + b - a*phi
	}
	c[n-1], c[n] = a+b-a*phi+g-1, phi*(1-a-g)
	if n == 3 { // a season of two: the second and the last but one are the same power
		c[1], c[2] = a+b-phi, a+b-a*phi+g-1
	}
	return stable(c, f.poly[n+1:])
}

// stable says by the recursion of Schur and Cohn whether all roots of c[0]·zⁿ + … + c[n] lie within or on the unit circle. It overwrites c;
// spare has the length of c.
func stable(c, spare []float64) bool {
	const onCircle = 1 + 1e-10
	for n := len(c) - 1; n > 0; n-- {
		k := c[n] / c[0]
		if math.Abs(k) >= 1 {
			return math.Abs(k) <= onCircle && n == 1
		}
		next := spare[:n]
		for i := range next {
			next[i] = c[i] - k*c[n-i]
		}
		c, spare = next, c[:n]
	}
	return true
}

// start returns first values of all parameters of the form: small weights, a line through the first seasons, and seasons by
// decomposition.
func (f *fitter) start() []float64 {
	x := f.x[:0]
	m := 1
	seasonal := f.form.season
	adjusted := f.y
	var pattern []float64
	if seasonal != 'N' {
		m = f.period
		pattern, adjusted = f.initialSeason(seasonal == 'M')
	}
	alpha := leastWeight + 0.2*(mostWeight-leastWeight)/float64(m)
	x = append(x, alpha)
	if f.form.trend != 'N' {
		x = append(x, leastWeight+0.1*(alpha-leastWeight))
	}
	if seasonal != 'N' {
		x = append(x, leastWeight+0.05*(math.Min(mostWeight, 1-alpha)-leastWeight))
	}
	if f.form.damped {
		x = append(x, leastDamping+0.99*(mostDamping-leastDamping))
	}
	head := adjusted[:min(max(10, 2*m), len(adjusted))]
	switch a, b := line(head); f.form.trend {
	case 'N':
		x = append(x, mean(head))
	case 'A':
		l := a - b
		if math.Abs(l+b) < 1e-8 {
			l, b = l*(1+1e-3), b*(1-1e-3)
		}
		x = append(x, l, b)
	default: // the line's value before the first, and the ratio of its first two
		l := a
		if math.Abs(l) < 1e-8 {
			l = 1e-7
		}
		b = (a + b) / l
		l /= b
		if l < 1e-8 || b < 1e-8 || math.Abs(b) > 1e10 {
			l = math.Max(adjusted[0], 1e-3)
			b = math.Max(adjusted[1]/adjusted[0], 1e-3)
		}
		x = append(x, l, b)
	}
	if seasonal != 'N' {
		x = append(x, pattern[1:]...)
	}
	return x
}

// initialSeason returns the seasonal pattern that the search begins with and the values without it.
func (f *fitter) initialSeason(factor bool) (pattern, adjusted []float64) {
	n, m := len(f.y), f.period
	adjusted = make([]float64, n)
	pattern = make([]float64, m)
	all := make([]float64, n)
	if n < 3*m {
		a, b := harmonicTrend(f.y, m)
		for i, y := range f.y {
			t := a + b*float64(i+1)
			if all[i] = y - t; factor {
				all[i] = y / t
			}
		}
	} else {
		p := decompose(f.y, m, factor)
		for i := range all {
			all[i] = p[i%m]
		}
	}
	copy(pattern, all)
	if !factor {
		for i, y := range f.y {
			adjusted[i] = y - all[i]
		}
		return pattern, adjusted
	}
	sum := 0.0
	for i := 1; i < m; i++ {
		pattern[i] = math.Max(pattern[i], 1e-2)
		sum += pattern[i]
	}
	if sum > float64(m) {
		for i := 1; i < m; i++ {
			pattern[i] /= sum + 1e-2*float64(m-1)
		}
	}
	for i, y := range f.y {
		adjusted[i] = y / math.Max(all[i], 1e-2)
	}
	return pattern, adjusted
}

// fit finds the parameters of a form; nil where the series is too short for it.
func (f *fitter) fit(form form) *ETSModel {
	f.form, f.residuals = form, nil
	if f.period > len(f.season) || form.season == 'N' {
		f.period = 1
	}
	defer func() { f.period = len(f.season) }()
	x := f.start()
	n := len(f.y)
	if len(x) >= n-1 {
		return nil
	}
	largest := 0.0
	for _, v := range x {
		largest = math.Max(largest, math.Abs(v))
	}
	objective := func(x []float64) float64 {
		f.fitted++
		if !f.set(x) {
			return math.Inf(1)
		}
		return f.run()
	}
	if math.IsInf(objective(x), 1) {
		return nil
	}
	lik := f.simplex.minimize(objective, x, 0.1*largest, 2000, 1.5e-8)
	if math.IsInf(lik, 1) || !f.set(x) {
		return nil
	}
	m := &ETSModel{
		Form: form.String(), Alpha: f.alpha, Beta: f.beta, Gamma: f.gamma, Phi: f.phi, form: form, period: f.period, n: n,
		initLevel: f.level, initTrend: f.slope, bestResidual: make([]float64, n),
	}
	if form.season != 'N' {
		m.initSeason = append(m.initSeason, f.season...)
	}
	f.residuals = m.bestResidual
	lik = f.run()
	k := float64(len(x) + 1)
	m.Level, m.Trend, m.Sigma2 = f.level, f.slope, f.squares/math.Max(float64(n)-k, 1)
	if form.season != 'N' {
		m.Season = append(m.Season, f.season...)
	}
	m.LogLik = -lik / 2
	m.AIC = lik + 2*k
	m.AICc = m.AIC + 2*k*(k+1)/(float64(n)-k-1)
	return m
}

// harmonicTrend fits a line and one wave of the season together, and returns the line a + b·t, t = 1, 2, ….
func harmonicTrend(y []float64, period int) (a, b float64) {
	columns := 4
	if period == 2 {
		columns = 3
	}
	x := make([][]float64, len(y))
	for i := range x {
		w := 2 * math.Pi * float64(i+1) / float64(period)
		x[i] = []float64{1, float64(i + 1), math.Cos(w), math.Sin(w)}[:columns]
	}
	c := leastSquares(x, y, 0)
	return c[0], c[1]
}
