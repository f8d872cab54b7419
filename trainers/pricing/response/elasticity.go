package response

import (
	"math"
	"slices"

	"debut/trainers/pricing/mixed"
)

// arc is by how much prices differ over which elasticities are told, up and down.
const arc = .05

// late is how many of the last periods elasticities are told of.
const late = 8

// Elasticity is that of the demand of a product to its own price, in all stores at once: the logarithm of the ratio of demand at prices five percent higher and lower over
// that of the prices, the rest being as it is, on average over the last eight periods.
type Elasticity struct {
	Product, Category string
	Value             float64
	Error             float64 // standard deviation of the posterior
	Low, High         float64 // that it lies between with a probability of nine in ten
	Prices            int     // how many different prices were seen
	Told              float64 // how much the product's own rows say, from 0 to 1; the rest is its category's
	Price             float64 // the last
	Units             float64 // sold in training
	Note              string
}

// gradients finds what elasticities are of coefficients: a sum with these weights.
func (m *Model) gradients(c *Category, f *mixed.Fit, r *Rows, used []int, products []int32, around *surroundings) {
	if !slices.ContainsFunc(c.Features, func(f feature) bool { return f.Kind == ownPrice }) {
		return // no price has changed: that those elsewhere did says nothing of ours
	}
	weights := make([]float64, len(m.Products))
	for k, i := range used {
		if r.Period[i] <= m.Last-late {
			continue
		}
		m.gradient(c, f, r, used, k, around, weights)
	}
	for k, i := range used { // products that were not sold lately: of all their rows
		if weights[r.Product[i]] == 0 || m.Products[r.Product[i]].Gradient == nil {
			m.gradient(c, f, r, used, k, around, nil)
		}
	}
	for _, j := range products {
		q := &m.Products[j]
		n := weights[j]
		if n == 0 {
			for _, i := range used {
				if r.Product[i] == j {
					n++
				}
			}
		}
		for k := range q.Gradient {
			q.Gradient[k] /= n
		}
	}
	sum, n := make([]float64, len(c.Features)), 0.0
	for _, j := range products {
		for k, v := range m.Products[j].Gradient {
			sum[k] += v
		}
		n++
	}
	for _, j := range c.Products {
		if q := &m.Products[j]; q.Gradient == nil {
			for _, v := range sum {
				q.Gradient = append(q.Gradient, v/n)
			}
		}
	}
}

// gradient adds a row's.
func (m *Model) gradient(c *Category, f *mixed.Fit, r *Rows, used []int, k int, around *surroundings, weights []float64) {
	i := used[k]
	q := &m.Products[r.Product[i]]
	w := 1.0
	if weights != nil {
		w = math.Exp(f.Fitted[k])
		if m.Options.Shares {
			w = r.Exposure[i] / (1 + math.Exp(-f.Fitted[k]))
		}
		weights[r.Product[i]] += w
	}
	if q.Gradient == nil {
		q.Gradient = make([]float64, len(c.Features))
	}
	var p point
	around.at(m, r, i, &p)
	rest := 1.0 // the share that demand by the linear predictor grows on
	switch {
	case m.Options.Kind == Logit: // who does not choose it takes another one, or none
		rest = 1 - r.Units[i]/math.Max(r.Exposure[i], r.Units[i])
	case m.Options.Shares:
		rest = 1 / (1 + math.Exp(f.Fitted[k]))
	}
	m.slopes(c, &p, w*rest, q.Gradient)
}

// slopes adds what a coefficient changes in the elasticity at a point, times a weight.
func (m *Model) slopes(c *Category, p *point, w float64, to []float64) {
	span := math.Log((1 + arc) / (1 - arc))
	up, down := *p, *p
	up.price, down.price = p.price*(1+arc), p.price*(1-arc)
	up.everywhere += m.Options.transform(up.price, p.usual) - m.Options.transform(p.price, p.usual)
	down.everywhere += m.Options.transform(down.price, p.usual) - m.Options.transform(p.price, p.usual)
	for x, feature := range c.Features {
		switch feature.Kind {
		case ownPrice, curvature, everywhere, dearer:
			to[x] += w * (m.Options.value(feature, &up) - m.Options.value(feature, &down)) / span
		}
	}
}

// Elasticities lists those of all products, in their order.
func (m *Model) Elasticities() []Elasticity {
	var out []Elasticity
	for j := range m.Products {
		q := &m.Products[j]
		c := &m.Categories[q.Category]
		e := Elasticity{Product: q.Name, Category: c.Name, Prices: q.Prices, Told: q.Told, Price: q.Price, Units: q.Units}
		e.Value, e.Error = q.functional(q.Gradient)
		const ninety = 1.6448536269514722
		e.Low, e.High = e.Value-ninety*e.Error, e.Value+ninety*e.Error
		switch {
		case len(q.Gradient) == 0:
			e.Note = "no price of the category has changed: nothing is known"
		case q.Units == 0:
			e.Note = "nothing was sold: the elasticity is that of its category"
		case q.Prices < 2:
			e.Note = "the price has never changed: the elasticity is that of its category"
		case q.Told < .1:
			e.Note = "the price has hardly changed: the elasticity is nearly that of its category"
		}
		out = append(out, e)
	}
	return out
}

// functional is the mean and the deviation of a sum of coefficients.
func (q *Product) functional(weights []float64) (value, deviation float64) {
	variance, at := 0.0, 0
	for k, w := range weights {
		value += w * q.Coefficients[k]
		for l := range k + 1 {
			v := w * weights[l] * q.Covariance[at]
			if l < k {
				v *= 2
			}
			variance += v
			at++
		}
	}
	return value, math.Sqrt(math.Max(0, variance))
}

// ElasticitiesAt returns those at the prices and circumstances of rows, by their linear predictors and expected units, and their errors; NaN where nothing is known.
func (m *Model) ElasticitiesAt(r *Rows, etas, expected []float64) (values, deviations []float64) {
	values, deviations = make([]float64, len(etas)), make([]float64, len(etas))
	var p point
	for i, eta := range etas {
		q := &m.Products[r.Product[i]]
		c := &m.Categories[q.Category]
		values[i], deviations[i] = math.NaN(), math.NaN()
		if math.IsNaN(eta) || len(q.Gradient) == 0 {
			continue
		}
		p = point{price: r.Price[i], usual: q.Usual, elsewhere: q.Elsewhere, regular: math.NaN(), competitor: math.NaN()}
		p.everywhere = m.Options.transform(p.price, p.usual)
		if r.Competitor != nil {
			p.competitor = r.Competitor[i]
		}
		rest := 1.0
		switch {
		case m.Options.Kind == Logit:
			rest = 1 - expected[i]/r.Exposure[i]
		case m.Options.Shares:
			rest = 1 / (1 + math.Exp(eta))
		}
		weights := make([]float64, len(c.Features))
		m.slopes(c, &p, rest, weights)
		values[i], deviations[i] = q.functional(weights)
	}
	return values, deviations
}
