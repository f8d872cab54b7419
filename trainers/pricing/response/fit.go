package response

import (
	"context"
	"fmt"
	"math"
	"slices"

	"debut/kernels/pool"
	"debut/trainers/pricing/mixed"
	"debut/trainers/pricing/regress"
)

// Model is a fitted model of demand.
type Model struct {
	Options    Options    `json:"options"`
	Products   []Product  `json:"products"`
	Stores     []string   `json:"stores"`
	Categories []Category `json:"categories"`
	Promotions []string   `json:"promotions"`
	Last       int32      `json:"last"` // the last period
}

// Product is what is known of a product.
type Product struct {
	Name     string `json:"name"`
	Category int    `json:"category"`
	Local    int32  `json:"local"` // its number in the category

	Usual     float64 `json:"usual"`     // the geometric mean of its prices
	Elsewhere float64 `json:"elsewhere"` // and of the cheapest ones elsewhere, 0 where none is known
	Price     float64 `json:"price"`     // the last
	Other     float64 `json:"other"`     // the last cheapest one elsewhere, 0 where it is not known
	Regular   float64 `json:"regular"`   // the last regular price, 0 where none is known
	Prices    int     `json:"prices"`    // how many different prices it had
	Rate      float64 `json:"rate"`      // units a period at the last price, over all stores, by the levels of the end
	Seen      float64 `json:"seen"`      // the exposure of a period
	Units     float64 `json:"units"`     // that were sold

	Coefficients []float64 `json:"coefficients"` // of the category's features
	Covariance   []float64 `json:"covariance"`   // their lower triangle, row by row
	Told         float64   `json:"told"`         // how much its own rows say of its price coefficient, from 0 to 1
	Level        float64   `json:"level"`
	Members      []Member  `json:"members"` // by store
	Gradient     []float64 `json:"gradient"`
}

// Member is a product in a store.
type Member struct {
	Store  int32   `json:"store"`
	Level  float64 `json:"level"`
	Slope  float64 `json:"slope"`  // beside the product's price coefficient
	Recent float64 `json:"recent"` // what sales of the end were above the rest, as a logarithm or share
	Weight float64 `json:"weight"` // of what it was learned from
	Period int32   `json:"period"` // the last with sales
	Mean   float64 `json:"mean"`   // fitted units a period, of the last ones
}

// Category is what the products of a category share.
type Category struct {
	Name      string    `json:"name"`
	Features  []feature `json:"features"`
	Classes   []Shared  `json:"classes"`
	Intercept float64   `json:"intercept"`
	Now       float64   `json:"now"`    // the effect of the last periods
	Season    float64   `json:"season"` // the spread of the effects of periods
	Scale     float64   `json:"scale"`
	Decay     float64   `json:"decay"`
	Pull      float64   `json:"pull"`
	Carry     []float64 `json:"carry"` // by periods ahead: the share of recent levels that is still there
	Products  []int32   `json:"products"`
	First     []Test    `json:"first,omitempty"` // where there are instruments
	Rows      int       `json:"rows"`
	Zeros     int       `json:"zeros"` // rows without sales that were left out
	Dropped   []string  `json:"dropped,omitempty"`
}

// Shared is what the coefficients of a kind have in common.
type Shared struct {
	Name   string  `json:"name"`
	Mean   float64 `json:"mean"`
	Error  float64 `json:"error"`
	Spread float64 `json:"spread"`
}

// Test is a test of instruments.
type Test struct {
	Name      string  `json:"name"`
	Statistic float64 `json:"statistic"`
	P         float64 `json:"p"`
}

// Fit estimates the demand of all categories.
func Fit(ctx context.Context, r *Rows, n *Names, o Options, p *pool.Pool) (*Model, error) {
	if err := r.check(n); err != nil {
		return nil, err
	}
	m := &Model{Options: o, Stores: n.Stores, Promotions: n.Promotions, Categories: make([]Category, len(n.Categories)), Products: make([]Product, len(n.Products))}
	for _, t := range r.Period {
		m.Last = max(m.Last, t)
	}
	for c, name := range n.Categories {
		m.Categories[c].Name = name
	}
	for j, name := range n.Products {
		c := int(n.Category[j])
		m.Products[j] = Product{Name: name, Category: c, Local: int32(len(m.Categories[c].Products))}
		m.Categories[c].Products = append(m.Categories[c].Products, int32(j))
	}
	m.usual(r)
	order := r.order(n)
	for from := 0; from < len(order); {
		c := n.Category[r.Product[order[from]]]
		to := from
		for to < len(order) && n.Category[r.Product[order[to]]] == c {
			to++
		}
		if err := m.category(ctx, int(c), r, order[from:to], p); err != nil {
			return nil, fmt.Errorf("category %s: %w", n.Categories[c], err)
		}
		from = to
	}
	return m, nil
}

// usual finds the usual and last prices of products.
func (m *Model) usual(r *Rows) {
	count, others := make([]float64, len(m.Products)), make([]float64, len(m.Products))
	last := make([]int32, len(m.Products))
	same := make([]float64, len(m.Products))
	prices := make([]map[float64]bool, len(m.Products))
	for i, j := range r.Product {
		q := &m.Products[j]
		q.Usual += math.Log(r.Price[i])
		count[j]++
		if prices[j] == nil {
			prices[j] = map[float64]bool{}
		}
		prices[j][r.Price[i]] = true
		if r.Competitor != nil && r.Competitor[i] > 0 {
			q.Elsewhere += math.Log(r.Competitor[i])
			others[j]++
		}
		if u := r.Units[i]; u > 0 {
			q.Units += u
		}
		switch t := r.Period[i]; {
		case t > last[j] || same[j] == 0:
			last[j], same[j], q.Price, q.Other, q.Regular = t, 1, r.Price[i], 0, 0
		case t == last[j]:
			same[j]++
			q.Price += (r.Price[i] - q.Price) / same[j]
		default:
			continue
		}
		if r.Competitor != nil && r.Competitor[i] > 0 {
			q.Other = r.Competitor[i]
		}
		if r.Regular != nil && r.Regular[i] > 0 {
			q.Regular = r.Regular[i]
		}
	}
	for j := range m.Products {
		q := &m.Products[j]
		if count[j] > 0 {
			q.Usual = math.Exp(q.Usual / count[j])
		}
		if others[j] > 0 {
			q.Elsewhere = math.Exp(q.Elsewhere / others[j])
		}
		q.Prices = len(prices[j])
	}
}

// candidates are the features that a category might have.
func (m *Model) candidates(r *Rows, products int) []feature {
	out := []feature{{Kind: ownPrice}, {Kind: everywhere}}
	if m.Options.Shares { // what many see tells enough to bend the curve
		out = append(out, feature{Kind: curvature})
	}
	for k := range r.Promotions {
		out = append(out, feature{Kind: promotion, Index: k})
	}
	if r.Regular != nil && m.Options.Notice > 0 {
		out = append(out, feature{Kind: noticed})
	}
	for k := range m.Options.Endings {
		out = append(out, feature{Kind: ending, Index: k})
	}
	if r.Competitor != nil {
		out = append(out, feature{Kind: competitor})
		for k := range len(knots) - 1 {
			out = append(out, feature{Kind: dearer, Index: k})
		}
	}
	if products > 1 && products <= m.Options.Cross {
		for k := range products {
			out = append(out, feature{Kind: cross, Index: k})
		}
	}
	return out
}

// label names a feature.
func (m *Model) label(c *Category, f feature) string {
	switch f.Kind {
	case promotion:
		return m.Promotions[f.Index]
	case ending:
		return fmt.Sprintf("ends in %.2f", m.Options.Endings[f.Index])
	case dearer:
		return fmt.Sprintf("dearer than elsewhere by over %.0f %%", 100*(math.Exp(knots[f.Index])-1))
	case cross:
		return "price of " + m.Products[c.Products[f.Index]].Name
	}
	return f.Kind
}

// spreads to begin with.
var beginning = map[string]float64{ownPrice: .7, curvature: .3, everywhere: .5, promotion: .3, noticed: .1, ending: .05, competitor: .3, dearer: .5, cross: .2, control: .5}

// category fits one category, of whose rows list has those in order.
func (m *Model) category(ctx context.Context, number int, r *Rows, list []int, p *pool.Pool) error {
	c := &m.Categories[number]
	local := make([]int32, len(m.Products))
	for k, j := range c.Products {
		local[j] = int32(k)
	}
	wide := len(c.Products) > 1 && len(c.Products) <= m.Options.Cross
	around := m.around(r, list, local, wide, len(c.Products))
	shares := m.shares(r, list)
	var used []int
	for _, i := range list {
		switch u := r.Units[i]; {
		case math.IsNaN(u):
		case u == 0 && !m.counted():
			c.Zeros++
		default:
			used = append(used, i)
		}
	}
	c.Rows = len(used)
	if c.Rows == 0 {
		return fmt.Errorf("no row has units above zero")
	}
	candidates := m.candidates(r, len(c.Products))
	columns := make([][]float64, len(candidates))
	var at point
	for k := range columns {
		columns[k] = make([]float64, len(used))
	}
	for k, i := range used {
		around.at(m, r, i, &at)
		for f := range candidates {
			columns[f][k] = m.Options.value(candidates[f], &at)
			if candidates[f].Kind == cross && candidates[f].Index == int(local[r.Product[i]]) {
				columns[f][k] = 0
			}
		}
	}
	d := &mixed.Data{Group: []int{}}
	if m.Options.Counts {
		d.Noise = mixed.Poisson
	}
	if m.Options.Shares {
		d.Noise = mixed.Binomial
	}
	stores := map[int32]bool{}
	week := mixed.Effect{Name: "period"}
	groups := map[int32]int{} // of products with rows
	members := make([][]int32, 0)
	var products []int32
	first := r.Period[used[0]]
	for _, i := range used {
		first = min(first, r.Period[i])
	}
	for k, i := range used {
		j := r.Product[i]
		if _, there := groups[j]; !there {
			groups[j] = len(products)
			products = append(products, j)
			members = append(members, nil)
			d.Group = append(d.Group, k)
		}
		g := groups[j]
		if n := len(members[g]); n == 0 || members[g][n-1] != r.Store[i] {
			members[g] = append(members[g], r.Store[i])
		}
		stores[r.Store[i]] = true
		d.Member = append(d.Member, int32(len(members[g])-1))
		d.Period = append(d.Period, r.Period[i]-first)
		week.Level = append(week.Level, r.Period[i]-first)
		d.Y = append(d.Y, m.explained(r, i, shares))
		d.Offset = append(d.Offset, m.offset(r, i))
		if m.Options.Shares {
			d.Trials = append(d.Trials, r.Exposure[i])
		}
	}
	d.Group = append(d.Group, len(used))
	several := len(stores) > 1
	if !several {
		d.Period, d.Member = nil, nil
	}
	if len(products) > 1 {
		d.Effects = []mixed.Effect{week}
	}
	if err := m.choose(c, candidates, columns, several, d, groupOf(products, local, len(c.Products))); err != nil {
		return err
	}
	if r.Instruments != nil {
		if err := m.instrument(c, d, r, used); err != nil {
			return err
		}
	}
	f, err := mixed.Solve(ctx, d, p)
	if err != nil {
		return err
	}
	m.keep(c, d, f, products, members)
	m.recent(c, d, f, r, used, groups, first)
	m.gradients(c, f, r, used, products, around)
	m.rates(c, f, r, used, products)
	return nil
}

// groupOf maps the products of a category to the groups of those that have rows, −1 where one has none.
func groupOf(products, local []int32, n int) []int {
	out := make([]int, n)
	for k := range out {
		out[k] = -1
	}
	for g, j := range products {
		out[local[j]] = g
	}
	return out
}

// explained is what is explained of a row: counts, logarithms, or the logarithm of what was chosen over what was not.
func (m *Model) explained(r *Rows, i int, taken map[place]float64) float64 {
	switch {
	case m.Options.Kind == Logit:
		rest := r.Exposure[i] - taken[place{r.Store[i], r.Period[i]}]
		return math.Log(r.Units[i] / math.Max(rest, 1e-3*r.Exposure[i]))
	case m.counted():
		return r.Units[i]
	}
	return math.Log(r.Units[i])
}

// counted says whether rows without sales are as good as others.
func (m *Model) counted() bool { return m.Options.Counts || m.Options.Shares }

// offset is what exposure adds to the linear predictor.
func (m *Model) offset(r *Rows, i int) float64 {
	if r.Exposure == nil || m.Options.Kind == Logit || m.Options.Shares {
		return 0
	}
	return math.Log(r.Exposure[i])
}

// shares adds up what is sold of a category by store and period.
func (m *Model) shares(r *Rows, list []int) map[place]float64 {
	if m.Options.Kind != Logit {
		return nil
	}
	taken := map[place]float64{}
	for _, i := range list {
		if u := r.Units[i]; u > 0 {
			taken[place{r.Store[i], r.Period[i]}] += u
		}
	}
	return taken
}

// choose takes the candidates that differ between rows and from each other.
func (m *Model) choose(c *Category, candidates []feature, columns [][]float64, several bool, d *mixed.Data, group []int) error {
	classes := map[string]int{}
	var kept []int
	for k, f := range candidates {
		if f.Kind == everywhere && !several || f.Kind == cross && group[f.Index] < 0 {
			continue
		}
		if constant(columns[k]) {
			if f.Kind == promotion {
				c.Dropped = append(c.Dropped, m.label(c, f)+" is the same in all rows")
			}
			continue
		}
		if twin := slices.IndexFunc(kept, func(l int) bool { return collinear(columns[l], columns[k]) }); twin >= 0 {
			if f.Kind != everywhere && f.Kind != dearer {
				c.Dropped = append(c.Dropped, fmt.Sprintf("%s goes together with %s without fail", m.label(c, f), m.label(c, candidates[kept[twin]])))
			}
			continue
		}
		kept = append(kept, k)
		name := f.Kind
		if f.Kind != cross {
			name = m.label(c, f)
		}
		class, there := classes[name]
		if !there {
			class = len(d.Classes)
			classes[name] = class
			d.Classes = append(d.Classes, mixed.Class{Name: name, Spread: beginning[f.Kind]})
		}
		f.Class = class
		without := -1
		if f.Kind == cross {
			without = group[f.Index]
		}
		c.Features = append(c.Features, f)
		d.Features = append(d.Features, mixed.Feature{Name: m.label(c, f), Class: class, X: columns[k], Without: without, Members: f.Kind == ownPrice && several})
	}
	return nil
}

func constant(x []float64) bool {
	for _, v := range x {
		if v != x[0] {
			return false
		}
	}
	return true
}

// collinear says whether a column is a multiple of another, but for a constant.
func collinear(a, b []float64) bool {
	n := float64(len(a))
	var ma, mb float64
	for i := range a {
		ma, mb = ma+a[i], mb+b[i]
	}
	ma, mb = ma/n, mb/n
	var aa, bb, ab float64
	for i := range a {
		u, v := a[i]-ma, b[i]-mb
		aa, bb, ab = aa+u*u, bb+v*v, ab+u*v
	}
	return ab*ab >= aa*bb*(1-1e-10)
}

// instrument adds what instruments and the other features leave of the price: with it in the model, the coefficient of the price is that of two-stage
// least squares (Rivers, Vuong, "Limited Information Estimators and Exogeneity Tests for Simultaneous Probit Models", Journal of Econometrics 39, 1988).
func (m *Model) instrument(c *Category, d *mixed.Data, r *Rows, used []int) error {
	at := slices.IndexFunc(c.Features, func(f feature) bool { return f.Kind == ownPrice })
	if at < 0 {
		return fmt.Errorf("instruments: no price changes")
	}
	series := make([]int32, len(used))
	period := make([]int32, len(used))
	n, first := int32(-1), r.Period[used[0]]
	for k, i := range used {
		if k == 0 || r.Product[i] != r.Product[used[k-1]] || r.Store[i] != r.Store[used[k-1]] {
			n++
		}
		series[k] = n
		first = min(first, r.Period[i])
	}
	for k, i := range used {
		period[k] = r.Period[i] - first
	}
	effects := [][]int32{series}
	if d.Effects != nil {
		effects = append(effects, period)
	}
	clone := func(x []float64) []float64 { return append([]float64(nil), x...) }
	data := &regress.Data{Y: make([]float64, len(used)), Clusters: series}
	for k := range used {
		data.Y[k] = d.Y[k] - d.Offset[k]
		switch {
		case m.Options.Shares:
			data.Y[k] = math.Log((d.Y[k] + .5) / (d.Trials[k] - d.Y[k] + .5))
		case m.Options.Counts:
			data.Y[k] = math.Log(d.Y[k]+.5) - d.Offset[k]
		}
	}
	var instruments [][]float64
	all := [][]float64{data.Y}
	for _, f := range d.Features {
		data.X, data.Names = append(data.X, clone(f.X)), append(data.Names, f.Name)
		all = append(all, data.X[len(data.X)-1])
	}
	for _, z := range r.Instruments {
		x := make([]float64, len(used))
		for k, i := range used {
			x[k] = z[i]
		}
		instruments, all = append(instruments, x), append(all, x)
	}
	absorbed, err := regress.Absorb(all, effects, nil)
	if err != nil {
		return err
	}
	two, err := regress.TwoStage(data, []int{at}, instruments, absorbed)
	if err != nil {
		return fmt.Errorf("instruments: %w", err)
	}
	for _, t := range append(append([]regress.Test(nil), two.First...), two.Exogeneity, two.Overidentification) {
		if !math.IsNaN(t.Statistic) && !math.IsInf(t.Statistic, 0) {
			c.First = append(c.First, Test{t.Name, t.Statistic, t.P})
		}
	}
	stage := &regress.Data{Y: data.X[at]}
	for k := range data.X {
		if k != at {
			stage.X, stage.Names = append(stage.X, data.X[k]), append(stage.Names, data.Names[k])
		}
	}
	for k := range instruments {
		stage.X, stage.Names = append(stage.X, instruments[k]), append(stage.Names, fmt.Sprint("instrument ", k+1))
	}
	left, err := regress.Least(stage, absorbed)
	if err != nil {
		return fmt.Errorf("instruments: %w", err)
	}
	c.Features = append(c.Features, feature{Kind: control, Class: len(d.Classes)})
	d.Features = append(d.Features, mixed.Feature{Name: control, Class: len(d.Classes), X: left.Residuals, Without: -1})
	d.Classes = append(d.Classes, mixed.Class{Name: control, Spread: beginning[control]})
	return nil
}

// keep puts what was fitted into the model.
func (m *Model) keep(c *Category, d *mixed.Data, f *mixed.Fit, products []int32, members [][]int32) {
	c.Intercept, c.Scale = f.Intercept, f.Scale
	for k, class := range d.Classes {
		c.Classes = append(c.Classes, Shared{class.Name, f.Means[k], f.MeanError[k], f.Spreads[k]})
	}
	price := slices.IndexFunc(c.Features, func(f feature) bool { return f.Kind == ownPrice })
	for _, j := range c.Products { // of whom there are no rows: the category's
		q := &m.Products[j]
		q.Coefficients = make([]float64, len(c.Features))
		for k, x := range c.Features {
			q.Coefficients[k] = f.Means[x.Class]
			for l := range k + 1 {
				v := 0.0
				if k == l {
					v = f.MeanError[x.Class]*f.MeanError[x.Class] + f.Spreads[x.Class]*f.Spreads[x.Class]
				}
				q.Covariance = append(q.Covariance, v)
			}
		}
	}
	for g, j := range products {
		q := &m.Products[j]
		q.Coefficients, q.Level = f.Coefficients[g], f.Levels[g]
		q.Covariance = q.Covariance[:0]
		for k := range c.Features {
			for l := range k + 1 {
				q.Covariance = append(q.Covariance, f.Covariance[g].At(k, l))
			}
		}
		if price >= 0 {
			q.Told = f.Told[g][price]
		}
		for k, store := range members[g] {
			member := Member{Store: store, Level: f.Members[g][min(k, len(f.Members[g])-1)]}
			if f.Slopes[g] != nil && price >= 0 && f.Slopes[g][price] != nil {
				member.Slope = f.Slopes[g][price][k]
			}
			q.Members = append(q.Members, member)
		}
	}
}
