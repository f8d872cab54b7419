package response

import (
	"math"
	"slices"

	"debut/trainers/pricing/mixed"
)

// Recent levels: what sales were lately above what the rest of the model says is carried on. Weights of past periods fall by a decay, a pull stands for the weight of
// no deviation, and what of a level is left so many periods later is a regression of its own. Decay and pull are those whose forecasts were best in the second half of the periods.
var (
	decays     = []float64{.6, .75, .9}
	pulls      = []float64{1, 4, 16}
	countPulls = []float64{5, 25, 125, 625}
	// seasonal is the decay of the effects of periods.
	seasonal = .7
)

// step is what a row says of the level of its series: r, with a weight.
type step struct {
	period int32
	r, w   float64
}

// residual makes a step of a row by its linear predictor without recent levels.
func (m *Model) residual(y, eta, exposure float64, period int32) step {
	switch {
	case m.Options.Shares:
		p := 1 / (1 + math.Exp(-eta))
		variance := math.Max(exposure*p*(1-p), 1e-9)
		return step{period, (y - exposure*p) / variance, variance}
	case m.Options.Counts:
		mean := math.Exp(math.Min(eta, 300))
		return step{period, (y - mean) / mean, mean}
	}
	return step{period, y - eta, 1}
}

// level is a running mean.
type level struct {
	sum, weight float64
	period      int32
}

func (l *level) at(pull float64) float64 { return l.sum / (l.weight + pull) }

func (l *level) add(s step, decay float64) {
	if l.weight > 0 {
		fade := math.Pow(decay, float64(s.period-l.period))
		l.sum, l.weight = l.sum*fade, l.weight*fade
	}
	l.sum, l.weight, l.period = l.sum+s.w*s.r, l.weight+s.w, s.period
}

// recent learns levels, and how they last.
func (m *Model) recent(c *Category, d *mixed.Data, f *mixed.Fit, r *Rows, used []int, groups map[int32]int, first int32) {
	var effects []float64
	if len(f.Effects) > 0 {
		effects = f.Effects[0]
		squares := 0.0
		for _, v := range effects {
			squares += v * v
		}
		c.Season = math.Sqrt(squares / float64(len(effects)))
		var now level
		for t, v := range effects {
			now.add(step{int32(t), v, 1}, seasonal)
		}
		c.Now = now.at(0)
	}
	var series [][]step
	var owners []*Member
	for k, i := range used {
		g, t := groups[r.Product[i]], int(r.Period[i]-first)
		eta := f.Fitted[k]
		if f.Periods[g] != nil && len(f.Periods[g]) > t {
			eta -= f.Periods[g][t] // a part of what recent levels follow
		}
		if k == 0 || r.Product[i] != r.Product[used[k-1]] || r.Store[i] != r.Store[used[k-1]] {
			series = append(series, nil)
			q := &m.Products[r.Product[i]]
			at := slices.IndexFunc(q.Members, func(x Member) bool { return x.Store == r.Store[i] })
			owners = append(owners, &q.Members[at])
		}
		n := len(series) - 1
		series[n] = append(series[n], m.residual(d.Y[k], eta, r.exposure(i), r.Period[i]))
	}
	half := first + (m.Last-first)/2
	best := math.Inf(1)
	tries := pulls
	if m.counted() {
		tries = countPulls
	}
	for _, decay := range decays {
		for _, pull := range tries {
			carry, loss := m.carry(series, half, decay, pull)
			if loss < best {
				best, c.Decay, c.Pull, c.Carry = loss, decay, pull, carry
			}
		}
	}
	for n, steps := range series {
		var l level
		for _, s := range steps {
			l.add(s, c.Decay)
		}
		o := owners[n]
		o.Recent, o.Weight, o.Period = l.sum, l.weight, l.period
		late := steps[max(0, len(steps)-4):]
		for _, s := range late {
			mean := s.w
			if !m.counted() {
				mean = 0
			}
			o.Mean += mean / float64(len(late))
		}
	}
}

// carry finds how much of levels is left after 1, 2, … periods, and the squared error of forecasts with them.
func (m *Model) carry(series [][]step, half int32, decay, pull float64) ([]float64, float64) {
	horizon := max(1, m.Options.Horizon)
	cross, square, total := make([]float64, horizon), make([]float64, horizon), make([]float64, horizon)
	var values, means []float64
	for _, steps := range series {
		var l, all level
		values, means = values[:0], means[:0]
		for _, s := range steps {
			l.add(s, decay)
			all.add(s, 1)
			// The model has seen the whole series, around whose mean these steps are: what was known by then is the mean until then.
			mean := all.at(0)
			values, means = append(values, (l.sum-mean*l.weight)/(l.weight+pull)), append(means, mean)
		}
		for h := range horizon {
			k := 0
			for i, s := range steps {
				if s.period < half {
					continue
				}
				for k < i && steps[k].period <= s.period-int32(h)-1 {
					k++
				}
				if k == 0 {
					continue
				}
				v, rest := values[k-1], s.r-means[k-1]
				cross[h] += s.w * rest * v
				square[h] += s.w * v * v
				total[h] += s.w * rest * rest
			}
		}
	}
	out, loss := make([]float64, horizon), 0.0
	for h := range out {
		if square[h] > 0 {
			out[h] = math.Max(0, math.Min(1, cross[h]/square[h]))
		}
		loss += total[h] - 2*out[h]*cross[h] + out[h]*out[h]*square[h]
	}
	return out, loss
}

// carried is what a level adds to a linear predictor h periods after it.
func (m *Model) carried(c *Category, l *level, period int32) float64 {
	if len(c.Carry) == 0 || l.weight == 0 {
		return 0
	}
	h := max(1, int(period-l.period))
	v := l.at(c.Pull) * c.Carry[min(h, len(c.Carry))-1]
	if m.Options.Counts {
		return math.Log1p(math.Max(v, -.9))
	}
	return v
}

// Forecast returns the linear predictor of rows to come, by levels as they are at the end of the training, or, with ahead, by all rows of the periods
// before each. Units of earlier periods are needed then.
func (m *Model) Forecast(r *Rows, n *Names, ahead bool) []float64 {
	out := make([]float64, len(r.Price))
	order := r.order(n)
	for from := 0; from < len(order); {
		number := n.Category[r.Product[order[from]]]
		to := from
		for to < len(order) && n.Category[r.Product[order[to]]] == number {
			to++
		}
		m.forecast(int(number), r, order[from:to], ahead, out)
		from = to
	}
	return out
}

func (m *Model) forecast(number int, r *Rows, list []int, ahead bool, out []float64) {
	c := &m.Categories[number]
	if len(c.Features) == 0 && c.Rows == 0 {
		for _, i := range list {
			out[i] = math.NaN()
		}
		return
	}
	base := m.linear(number, r, list)
	byPeriod := make([]int, len(list))
	for k := range byPeriod {
		byPeriod[k] = k
	}
	slices.SortStableFunc(byPeriod, func(a, b int) int { return int(r.Period[list[a]] - r.Period[list[b]]) })
	type series struct{ product, store int32 }
	levels := map[series]*level{}
	of := func(i int) *level {
		k := series{r.Product[i], r.Store[i]}
		if l := levels[k]; l != nil {
			return l
		}
		l := &level{}
		for _, x := range m.Products[k.product].Members {
			if x.Store == k.store {
				*l = level{x.Recent, x.Weight, x.Period}
			}
		}
		levels[k] = l
		return l
	}
	now := level{c.Now, 1, m.Last}
	taken := m.shares(r, list)
	for from := 0; from < len(byPeriod); {
		t := r.Period[list[byPeriod[from]]]
		to := from
		for to < len(byPeriod) && r.Period[list[byPeriod[to]]] == t {
			to++
		}
		var sum, weight float64
		for _, k := range byPeriod[from:to] {
			i := list[k]
			eta := base[k] + now.at(0)
			if m.Products[r.Product[i]].Usual == 0 { // it was never sold
				eta = math.NaN()
			}
			out[i] = eta + m.carried(c, of(i), t)
			if u := r.Units[i]; !math.IsNaN(u) && !math.IsNaN(out[i]) && (u > 0 || m.counted()) {
				s := m.residual(m.explained(r, i, taken), out[i], r.exposure(i), t)
				sum, weight = sum+s.w*s.r, weight+s.w
			}
		}
		if ahead {
			news := 0.0
			if c.Season > 0 && weight > 0 {
				// What all of the category have in common, as far as it is above chance.
				news = sum / (weight + c.Scale/(c.Season*c.Season))
			}
			for _, k := range byPeriod[from:to] {
				i := list[k]
				if u := r.Units[i]; !math.IsNaN(u) && !math.IsNaN(out[i]) && (u > 0 || m.counted()) {
					of(i).add(m.residual(m.explained(r, i, taken), base[k]+now.at(0)+news, r.exposure(i), t), c.Decay)
				}
			}
			if c.Season > 0 {
				now.add(step{t, now.at(0) + news, 1}, seasonal)
			}
		}
		from = to
	}
}

// linear is the linear predictor without what is recent.
func (m *Model) linear(number int, r *Rows, list []int) []float64 {
	c := &m.Categories[number]
	wide := slices.ContainsFunc(c.Features, func(f feature) bool { return f.Kind == cross })
	local := make([]int32, len(m.Products))
	for k, j := range c.Products {
		local[j] = int32(k)
	}
	around := m.around(r, list, local, wide, len(c.Products))
	out := make([]float64, len(list))
	var p point
	for k, i := range list {
		around.at(m, r, i, &p)
		q := &m.Products[r.Product[i]]
		out[k] = m.offset(r, i) + c.Intercept + q.Level
		var slope float64
		for _, x := range q.Members {
			if x.Store == r.Store[i] {
				out[k] += x.Level
				slope = x.Slope
			}
		}
		for f, x := range c.Features {
			if x.Kind == cross && x.Index == int(q.Local) {
				continue
			}
			b := q.Coefficients[f]
			if x.Kind == ownPrice {
				b += slope
			}
			out[k] += b * m.Options.value(x, &p)
		}
	}
	return out
}

// Units makes the expected units of a linear predictor of a row of a category, which so many see.
func (m *Model) Units(category int, eta, exposure float64) float64 {
	switch {
	case m.Options.Shares:
		return exposure / (1 + math.Exp(-eta))
	case m.Options.Counts:
		return math.Exp(eta)
	}
	return math.Exp(eta + m.Categories[category].Scale/2)
}

// Expected returns the expected units of rows by their linear predictors. Of kind Logit what is chosen depends on what else there is: rows of a store and period
// are all that there is of their category.
func (m *Model) Expected(r *Rows, n *Names, etas []float64) []float64 {
	out := make([]float64, len(etas))
	if m.Options.Kind != Logit {
		for i, eta := range etas {
			out[i] = m.Units(int(n.Category[r.Product[i]]), eta, r.exposure(i))
		}
		return out
	}
	type choice struct {
		category int32
		at       place
	}
	total := map[choice]float64{}
	of := func(i int) choice { return choice{n.Category[r.Product[i]], place{r.Store[i], r.Period[i]}} }
	for i, eta := range etas {
		total[of(i)] += math.Exp(eta)
	}
	for i, eta := range etas {
		out[i] = r.Exposure[i] * math.Exp(eta) / (1 + total[of(i)])
	}
	return out
}
