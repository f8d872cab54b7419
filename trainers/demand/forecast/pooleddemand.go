package forecast

import (
	"fmt"
	"iter"
	"math"
	"slices"
)

// PooledDemand is a Poisson regression of amounts over all series, by which short and thin ones lean on those they are alike with. The logarithm of what
// is expected is a level of the series, and of its group a season, a trend, a launch curve and what covariates do, of which each series may differ:
//
//	log E y = level(series, time) + season(group, phase) + trend(group, time) + launch(group, age) + (effects(group) + slopes(series))·covariates
//
// Groups are shrunk to all series and series to their groups, by as much as they turn out to differ (empirical Bayes, whose variances are found by EM on a
// Laplace approximation; Gelman, Hill 2007, chapter 13). The variance of a value is φμ + αμ². Levels are discounted averages (Harvey, Fernandes 1989); how fast they
// forget and how long trends go on is chosen by the forecasts of the last horizon, which are hidden for that. Positive covariates, such as prices, count by their logarithm
// relative to what is usual for the series.
type PooledDemand struct{}

// Name says "pooled demand".
func (PooledDemand) Name() string { return "pooled demand" }

// fewestPooled is how many observations of all series the method needs.
const fewestPooled = 50

// How fast levels forget, and how long trends go on, that are tried.
var (
	discounts = []float64{1, 0.99, 0.98, 0.96, 0.93, 0.88, 0.8, 0.65}
	dampings  = []float64{0, 0.9, 0.97, 1}
)

// pooledDemand is the trained method.
type pooledDemand struct {
	design
	coefs          [][]float64 // of all series, then by group
	groups         map[string]int
	phi, alpha     float64   // variance of a value about what is expected
	ahead          float64   // α of forecasts, which the levels add to
	slopes         []float64 // precision of the slopes of series, by covariate
	discount, damp float64
	counts         bool // all values are whole numbers
}

// Train needs amounts that are not below 0.
func (m PooledDemand) Train(series iter.Seq[Series], o Options) (Method, error) {
	p, err := trainPooled(series, o)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func trainPooled(series iter.Seq[Series], o Options) (*pooledDemand, error) {
	d, counts, err := newDesign(series)
	if err != nil {
		return nil, err
	}
	p := &pooledDemand{design: *d, counts: counts, discount: 0.96, damp: 0.9, phi: 1}
	cut := func(yield func(Series) bool) {
		for s := range series {
			if len(s.Values) > o.Horizon+o.Horizon/2 && !yield(s.Cut(o.Horizon)) {
				return
			}
		}
	}
	if err := p.fit(cut); err == nil {
		p.choose(series, o.Horizon)
	} else {
		p.ahead = -1
	}
	if err := p.fit(series); err != nil {
		return nil, err
	}
	if p.ahead < 0 {
		p.ahead = p.alpha + 0.05
	}
	return p, nil
}

// fitted is how many series coefficients are learned of, about: of more, an even sample.
const fitted = 5000

// fit finds the coefficients of all series, then those of groups.
func (p *pooledDemand) fit(every iter.Seq[Series]) error {
	n := 0
	for range every {
		n++
	}
	series := func(yield func(Series) bool) {
		i := 0
		for s := range every {
			if i%max(n/fitted, 1) == 0 && !yield(s) {
				return
			}
			i++
		}
	}
	p.groups = map[string]int{}
	for s := range series {
		if _, ok := p.groups[s.Group]; !ok && len(p.groups) < maxGroups {
			p.groups[s.Group] = len(p.groups)
		}
	}
	p.slopes = repeat(1e6, p.covariates+amplitudes)
	all := newEstimate(p, 1)
	if p.coefs != nil { // of less of the same series
		copy(all.coefs[0], p.coefs[0])
	}
	if err := all.run(series, func(Series) int { return 0 }, p.prior(), 12); err != nil {
		return err
	}
	p.coefs = [][]float64{all.coefs[0]}
	// By how much groups differ from the whole shows when they may.
	spread := p.groupPrior()
	by := newEstimate(p, len(p.groups))
	for i := range by.coefs {
		copy(by.coefs[i], all.coefs[0])
	}
	for range 3 {
		if len(p.groups) == 1 {
			break
		}
		if err := by.run(series, p.group, shrinkage{all.coefs[0], spread}, 2); err != nil {
			return err
		}
		spread = by.spread(all.coefs[0], spread, &p.design)
	}
	p.coefs = append(p.coefs, by.coefs...)
	p.learnSlopes(series)
	return nil
}

// maxGroups bounds the memory of groups; the series of further ones are as all are.
const maxGroups = 1000

func (p *pooledDemand) group(s Series) int {
	if g, ok := p.groups[s.Group]; ok {
		return g
	}
	return -1
}

// of are the coefficients of a series' group.
func (p *pooledDemand) of(s Series) []float64 {
	if len(p.coefs) == 1 {
		return p.coefs[0]
	}
	return p.coefs[1+p.group(s)]
}

// amplitudes are further slopes of a series: how strong season and covariates are, next to its group's.
const amplitudes = 2

// learnSlopes finds by how much series differ in what covariates do, from an even sample.
func (p *pooledDemand) learnSlopes(series iter.Seq[Series]) {
	width := p.covariates + amplitudes
	variances := repeat(0.1, width)
	sample := evenly(series, 400, func(Series) bool { return true })
	for range 4 {
		for k, v := range variances {
			p.slopes[k] = 1 / v
		}
		sums, n := make([]float64, width), 0.0
		for _, s := range sample {
			r := p.rows(s, len(s.Values))
			slopes, posterior := p.ownSlopes(r)
			if posterior == nil {
				continue
			}
			for k, v := range slopes {
				sums[k] += v*v + posterior[k]
			}
			n++
		}
		if n < 2 {
			p.slopes = repeat(1e6, width)
			return
		}
		for k := range variances {
			variances[k] = math.Max(sums[k]/n, 1e-6)
		}
	}
}

// rows of a series, what its group says of them, and its values.
type seriesRows struct {
	values   []float64 // of amounts; NaN where none was observed
	lower    []bool    // values that are bounds
	factors  []float64 // exp of all but the level, of the history and what is to come
	z        [][]float64
	training int
}

// rows makes the rows of a series and so many steps, with the factors of its group.
func (p *pooledDemand) rows(s Series, steps int) *seriesRows {
	x := p.expand(s)
	r := &seriesRows{values: s.Values, lower: s.Lower, factors: make([]float64, steps), z: x.z, training: len(s.Values)}
	coefs := p.of(s)
	season, effect := make([]float64, steps), make([]float64, steps)
	r.z = append(r.z, season, effect)
	first := p.columns - p.effects
	for t := range r.factors {
		sum := 0.0
		index, value := x.row(t, p.damp)
		for k, i := range index {
			v := coefs[i] * value[k]
			sum += v
			switch {
			case i < p.nodes:
				season[t] += v
			case i >= first:
				effect[t] += v
			}
		}
		r.factors[t] = math.Exp(math.Min(math.Max(sum, -30), 30))
	}
	return r
}

// amount is what a value counts as where so much is expected: a bound, which demand was at least, counts as what is expected beyond it.
func (p *pooledDemand) amount(r *seriesRows, t int, expected float64) float64 {
	y := r.values[t]
	if r.lower != nil && r.lower[t] {
		return atLeast(y, expected, p.phi*expected+p.alpha*expected*expected)
	}
	return y
}

// level is the discounted level of a series whose rows have factors, and, of all its history alike, the mean one. Both are 0 where nothing was sold.
func (p *pooledDemand) level(r *seriesRows, discount float64) (now, whole float64) {
	var y, m float64
	n := 0.0
	for t, v := range r.values {
		if !math.IsNaN(v) {
			y += v
			m += r.factors[t]
			n++
		}
	}
	if m == 0 {
		return 0, 0
	}
	whole = y / m
	now = whole
	for range 6 { // weights and bounds depend on the level
		var sy, sm, a, b float64
		w := 1.0
		for t := len(r.values) - 1; t >= 0; t-- {
			if v := r.values[t]; !math.IsNaN(v) {
				f := r.factors[t]
				omega := 1 / (p.phi + p.alpha*now*f)
				a += w * omega * p.amount(r, t, now*f)
				b += w * omega * f
				omega = 1 / (p.phi + p.alpha*whole*f)
				sy += omega * p.amount(r, t, whole*f)
				sm += omega * f
			}
			w *= discount
		}
		before := now
		whole = sy / sm
		prior := sm / n // as much as a step says
		now = (a + prior*whole) / (b + prior)
		if math.Abs(now-before) <= 1e-6*now {
			break
		}
	}
	return now, whole
}

// ownSlopes are those of a series beyond its group's, with their variances; nil where nothing was sold. Factors change to theirs.
func (p *pooledDemand) ownSlopes(r *seriesRows) (slopes, posterior []float64) {
	k := p.covariates + amplitudes
	sum := 0.0
	for _, v := range r.values {
		if v > 0 {
			sum += v
		}
	}
	if sum == 0 {
		return nil, nil
	}
	base := slices.Clone(r.factors)
	slopes = make([]float64, k)
	var h []float64
	for range 5 {
		_, level := p.level(r, 1)
		h = make([]float64, k*k)
		g, s := make([]float64, k), make([]float64, k)
		total := 0.0
		for t, v := range r.values {
			if math.IsNaN(v) {
				continue
			}
			mu := level * r.factors[t]
			omega := 1 / (p.phi + p.alpha*mu)
			e := omega * (p.amount(r, t, mu) - mu)
			total += omega * mu
			for a := range k {
				g[a] += e * r.z[a][t]
				s[a] += omega * mu * r.z[a][t]
				for b := range a + 1 {
					h[a*k+b] += omega * mu * r.z[a][t] * r.z[b][t]
				}
			}
		}
		for a := range k {
			for b := range a + 1 {
				h[a*k+b] -= s[a] * s[b] / math.Max(total, 1e-300)
			}
			h[a*k+a] += p.slopes[a]
			g[a] -= p.slopes[a] * slopes[a]
		}
		move := solveNormal(slices.Clone(h), g, k, 0)
		for a := range k {
			slopes[a] += math.Min(math.Max(move[a], -1), 1)
		}
		for t := range r.factors {
			shift := 0.0
			for a := range k {
				shift += slopes[a] * r.z[a][t]
			}
			r.factors[t] = base[t] * math.Exp(math.Min(math.Max(shift, -5), 5))
		}
	}
	return slopes, inverseDiagonal(h, k)
}

// choose takes the discount and the damping whose forecasts of the last steps, which the coefficients do not know, are the likeliest, and learns the
// variance of forecasts there.
func (p *pooledDemand) choose(series iter.Seq[Series], horizon int) {
	type score struct{ loss, squares, fourth float64 }
	scores := make([]score, len(discounts)*len(dampings))
	seen := 0
	const sample = 300
	for _, s := range evenly(series, sample, func(s Series) bool { return len(s.Values) > horizon+horizon/2 && p.usable(s) }) {
		n := len(s.Values) - horizon
		for j, damp := range dampings {
			p.damp = damp
			r := p.rows(s.Cut(horizon), len(s.Values))
			p.ownSlopes(r)
			for i, discount := range discounts {
				level, _ := p.level(r, discount)
				c := &scores[j*len(discounts)+i]
				for t := n; t < len(s.Values); t++ {
					y := s.Values[t]
					if math.IsNaN(y) {
						continue
					}
					mu := math.Max(level*r.factors[t], 1e-3)
					if s.lower(t) { // how likely so much or more was
						z := (y - 0.5 - mu) / math.Sqrt(p.phi*mu+(p.alpha+0.02)*mu*mu)
						c.loss -= 2 * math.Log(math.Max(math.Erfc(z/math.Sqrt2)/2, 1e-12))
						continue
					}
					seen++
					c.loss += deviance(y, mu, p.phi, p.alpha+0.02)
					v := p.phi*mu + (p.alpha+0.02)*mu*mu
					c.squares += ((y-mu)*(y-mu) - p.phi*mu) * mu * mu / (v * v)
					c.fourth += mu * mu * mu * mu / (v * v)
				}
			}
		}
	}
	if seen == 0 {
		p.discount, p.damp, p.ahead = 0.96, 0.9, -1
		return
	}
	best := 0
	for i := range scores {
		if scores[i].loss < scores[best].loss {
			best = i
		}
	}
	p.discount, p.damp = discounts[best%len(discounts)], dampings[best/len(discounts)]
	p.ahead = math.Max(scores[best].squares/scores[best].fourth, p.alpha)
}

// deviance of a value of variance φμ + αμ²: the quasi-deviance, up to what only the value decides on.
func deviance(y, mu, phi, alpha float64) float64 {
	// ∫ (y − m)/(φm + αm²) dm from 1 to mu, negated and doubled.
	a := math.Max(alpha, 1e-9)
	return -2 * (y/phi*(math.Log(mu)-math.Log(phi+a*mu)) - math.Log(phi+a*mu)/a)
}

// usable says whether the method is for a series: amounts.
func (p *pooledDemand) usable(s Series) bool {
	return !slices.ContainsFunc(s.Values, func(v float64) bool { return v < 0 }) && len(s.Known) == p.inputs
}

// Forecast needs amounts, an observation of them, and the covariates of training.
func (p *pooledDemand) Forecast(s Series, o Options) (*Prediction, error) {
	if err := Check(s, o); err != nil {
		return nil, err
	}
	if !p.usable(s) {
		return nil, fmt.Errorf("%w: pooled demand is for amounts that are not below 0, with the covariates of training", ErrUnfit)
	}
	r := p.rows(s, len(s.Values)+o.Horizon)
	p.ownSlopes(r)
	level, _ := p.level(r, p.discount)
	out := &Prediction{Method: p.Name(), Mean: make([]float64, o.Horizon), Levels: o.Levels}
	for range o.Levels {
		out.Quantiles = append(out.Quantiles, make([]float64, o.Horizon))
	}
	for i := range out.Mean {
		mu := level * r.factors[len(s.Values)+i]
		out.Mean[i] = mu
		for k, q := range o.Levels {
			out.Quantiles[k][i] = amountQuantile(mu, p.phi*mu+p.ahead*mu*mu, q, p.counts)
		}
	}
	return out, out.check()
}

// Name says "pooled demand".
func (p *pooledDemand) Name() string { return PooledDemand{}.Name() }
