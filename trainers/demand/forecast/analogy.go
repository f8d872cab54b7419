package forecast

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"

	"debut/kernels/philox"
)

// Analogy forecasts series without history by those that they are like: a ridge regression of the logarithms of levels on attributes, which may differ by group,
// with the season, the launch curve and the effects of covariates that pooled demand has of the group. What attributes do not tell, levels differ by as each
// series does from what the others say of it (leave-one-out residuals): that makes the quantiles.
type Analogy struct {
	pooled     *pooledDemand
	columns    []attribute
	groups     []string
	width      int
	weights    []float64
	residuals  []float64 // ascending
	smear      float64   // mean of their exponentials
	attributes int
}

// attribute is a column of Series.Attributes as the regression takes it.
type attribute struct {
	column      int
	numeric     bool
	log         bool
	mean, scale float64
	values      map[string]int // of texts: those that a few series have
}

const (
	fewestAnalogs  = 10  // series with a level
	fewestLaunched = 30  // series that were launched while others were sold
	fewestOfValue  = 3   // series with a value of an attribute
	mostValues     = 200 // of an attribute
)

// NewAnalogy learns from series, which pooled demand is trained on first.
func NewAnalogy(series iter.Seq[Series], o Options) (*Analogy, error) {
	p, err := trainPooled(series, o)
	if err != nil {
		return nil, err
	}
	return newAnalogy(p, series)
}

func newAnalogy(p *pooledDemand, series iter.Seq[Series]) (*Analogy, error) {
	a := &Analogy{pooled: p}
	var all []Series // attributes alone
	var levels, precision []float64
	const spread = 0.5 // variance of logarithms of levels, about, next to which that of few sales counts
	for s := range series {
		if !p.usable(s) || len(all) > 0 && len(s.Attributes) != len(all[0].Attributes) {
			continue
		}
		r := p.rows(s, len(s.Values))
		p.ownSlopes(r)
		level, _ := p.level(r, p.discount)
		sold := 0.0
		for _, v := range s.Values {
			if v > 0 {
				sold += v
			}
		}
		if !(level > 0) {
			continue
		}
		noise := p.phi/sold + p.alpha
		all = append(all, Series{Group: s.Group, Attributes: s.Attributes, Launched: s.Launched})
		levels, precision = append(levels, math.Log(level)), append(precision, spread/(spread+noise))
	}
	if len(levels) < fewestAnalogs {
		return nil, fmt.Errorf("%w: %d series were sold, where at least %d are needed to say how others will", ErrShort, len(levels), fewestAnalogs)
	}
	a.describe(all)
	n, k := len(levels), a.width
	x := make([]float64, n*k)
	center, total := 0.0, 0.0
	for i, s := range all {
		a.fill(s, x[i*k:(i+1)*k])
		center += precision[i] * levels[i]
		total += precision[i]
	}
	center /= total
	best := math.Inf(1)
	for _, ridge := range []float64{0.3, 1, 3, 10, 30, 100} {
		h, b := make([]float64, k*k), make([]float64, k)
		for i := range n {
			row := x[i*k : (i+1)*k]
			for c, v := range row {
				if v == 0 {
					continue
				}
				b[c] += precision[i] * v * (levels[i] - center)
				for d := range c + 1 {
					h[c*k+d] += precision[i] * v * row[d]
				}
			}
		}
		for c := range k {
			h[c*k+c] += ridge
		}
		inverse := invert(h, k)
		w := make([]float64, k)
		for c := range k {
			for d := range k {
				w[c] += inverse[c*k+d] * b[d]
			}
		}
		loss := 0.0
		residuals := make([]float64, n)
		for i := range n {
			row := x[i*k : (i+1)*k]
			fit, leverage := center, 0.0
			for c, v := range row {
				if v == 0 {
					continue
				}
				fit += w[c] * v
				for d, u := range row {
					if u != 0 {
						leverage += v * u * inverse[c*k+d]
					}
				}
			}
			residuals[i] = (levels[i] - fit) / math.Max(1-precision[i]*leverage, 0.05)
			loss += precision[i] * residuals[i] * residuals[i]
		}
		if loss < best {
			best = loss
			a.weights, a.residuals = append(w, center), residuals
		}
	}
	// What is new differs from what attributes say as what was new before does, where that is known of enough.
	var launched []float64
	for i, s := range all {
		if s.Launched {
			launched = append(launched, a.residuals[i])
		}
	}
	if len(launched) >= fewestLaunched {
		a.residuals = launched
	}
	slices.Sort(a.residuals)
	n = len(a.residuals)
	for _, e := range a.residuals {
		a.smear += math.Exp(e) / float64(n)
	}
	return a, nil
}

// describe finds out what attributes are: numbers where all are and there are many.
func (a *Analogy) describe(all []Series) {
	a.attributes = len(all[0].Attributes)
	groups := map[string]int{}
	for _, s := range all {
		groups[s.Group]++
	}
	for _, s := range all {
		if n := groups[s.Group]; n >= fewestOfValue && len(a.groups) < mostValues {
			a.groups = append(a.groups, s.Group)
			delete(groups, s.Group)
		}
	}
	a.width = len(a.groups) + 1 // and whether it was launched
	for k := range a.attributes {
		c := attribute{column: k, numeric: true, log: true, values: map[string]int{}}
		counts := map[string]int{}
		var numbers []float64
		for _, s := range all {
			text := s.Attributes[k]
			counts[text]++
			if text == "" {
				continue
			}
			v, err := strconv.ParseFloat(text, 64)
			if c.numeric = c.numeric && err == nil && !math.IsInf(v, 0) && !math.IsNaN(v); !c.numeric {
				continue
			}
			c.log = c.log && v >= 0
			numbers = append(numbers, v)
		}
		if c.numeric = c.numeric && len(counts) > 10; c.numeric {
			if c.log {
				for i := range numbers {
					numbers[i] = math.Log1p(numbers[i])
				}
			}
			c.mean, c.scale = mean(numbers), math.Sqrt(variance(numbers))
			if !(c.scale > 0) {
				continue
			}
			a.width += 2 * (1 + len(a.groups)) // a line and a bend, of all and by group
		} else {
			for _, s := range all {
				text := s.Attributes[k]
				if _, ok := c.values[text]; !ok && counts[text] >= fewestOfValue && len(c.values) < mostValues {
					c.values[text] = len(c.values)
				}
			}
			a.width += len(c.values)
		}
		a.columns = append(a.columns, c)
	}
}

// fill writes what the regression takes of a series.
func (a *Analogy) fill(s Series, row []float64) {
	clear(row)
	group := slices.Index(a.groups, s.Group)
	if group >= 0 {
		row[group] = 1
	}
	if s.Launched {
		row[len(a.groups)] = 1
	}
	at := len(a.groups) + 1
	for _, c := range a.columns {
		text := s.Attributes[c.column]
		if !c.numeric {
			if i, ok := c.values[text]; ok {
				row[at+i] = 1
			}
			at += len(c.values)
			continue
		}
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			if c.log {
				v = math.Log1p(math.Max(v, 0))
			}
			v = math.Min(math.Max((v-c.mean)/c.scale, -5), 5)
			row[at], row[at+1] = v, math.Max(v, 0)
			if group >= 0 {
				row[at+2+2*group], row[at+3+2*group] = v, math.Max(v, 0)
			}
		}
		at += 2 * (1 + len(a.groups))
	}
}

// Name says "analogy".
func (a *Analogy) Name() string { return "analogy" }

// Forecast is for series without values, of which covariates begin with the step of the launch.
func (a *Analogy) Forecast(s Series, o Options) (*Prediction, error) {
	switch {
	case len(s.Values) > 0:
		return nil, fmt.Errorf("%w: a series of %d values by analogy, which is for those without", ErrInput, len(s.Values))
	case len(s.Attributes) != a.attributes || len(s.Known) != a.pooled.inputs:
		return nil, fmt.Errorf("%w: %d attributes and %d covariates, where training had %d and %d", ErrInput, len(s.Attributes), len(s.Known), a.attributes, a.pooled.inputs)
	}
	if err := checkOptions(s, o); err != nil {
		return nil, err
	}
	row := make([]float64, a.width)
	s.Launched = true
	a.fill(s, row)
	level := a.weights[a.width]
	for i, v := range row {
		level += a.weights[i] * v
	}
	p := a.pooled
	r := p.rows(s, o.Horizon)
	out := &Prediction{Method: a.Name(), Mean: make([]float64, o.Horizon), Levels: o.Levels}
	for range o.Levels {
		out.Quantiles = append(out.Quantiles, make([]float64, o.Horizon))
	}
	const draws = 1000
	stream := philox.New(o.Seed, philox.StreamOf("analogy"))
	values := make([]float64, draws)
	for t := range out.Mean {
		usual := math.Exp(level) * r.factors[t]
		out.Mean[t] = usual * a.smear
		for i := range values {
			mu := usual * math.Exp(quantile(a.residuals, (float64(i)+0.5)/draws))
			values[i] = amountQuantile(mu, p.phi*mu+p.ahead*mu*mu, stream.Float64(), p.counts)
		}
		slices.Sort(values)
		for k, q := range o.Levels {
			out.Quantiles[k][t] = quantile(values, q)
		}
	}
	out.Notes = append(out.Notes, "no history: by analogy with the series of its group and attributes")
	return out, out.check()
}

// invert returns the inverse of a positive definite matrix, of which the lower half is read.
func invert(h []float64, n int) []float64 {
	out := make([]float64, n*n)
	for i := range n {
		out[i*n+i] = 1
	}
	solveMany(slices.Clone(h), out, n, n, 0)
	return out
}
