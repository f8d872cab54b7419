package response

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"debut/kernels/philox"
	"debut/trainers/pricing/mixed"
)

// rates finds what products sell in a period at their last prices and without promotions, by the levels of the last eight periods.
func (m *Model) rates(c *Category, f *mixed.Fit, r *Rows, used []int, products []int32) {
	count := map[place]bool{}
	periods := map[int32]float64{}
	for k, i := range used {
		if r.Period[i] <= m.Last-late {
			continue
		}
		j := r.Product[i]
		q := &m.Products[j]
		if at := (place{j, r.Period[i]}); !count[at] {
			count[at] = true
			periods[j]++
		}
		p := point{price: r.Price[i], usual: q.Usual, elsewhere: q.Elsewhere, regular: math.NaN(), competitor: math.NaN()}
		if r.Regular != nil {
			p.regular = r.Regular[i]
		}
		if r.Competitor != nil {
			p.competitor = r.Competitor[i]
		}
		for _, v := range r.Promotions {
			p.promotions = append(p.promotions, v[i])
		}
		p.everywhere = m.Options.transform(p.price, p.usual) // as if all stores had that price
		now := m.present(q, q.Price)
		eta := f.Fitted[k]
		for x, feature := range c.Features {
			if feature.Kind != cross && feature.Kind != control {
				eta += q.Coefficients[x] * (m.Options.value(feature, now) - m.Options.value(feature, &p))
			}
		}
		q.Seen += r.exposure(i)
		switch {
		case m.Options.Kind == Logit:
			q.Rate += r.Units[i]
		case m.Options.Shares:
			q.Rate += r.exposure(i) / (1 + math.Exp(-eta))
		case m.Options.Counts:
			q.Rate += math.Exp(eta)
		default:
			q.Rate += math.Exp(eta + c.Scale/2)
		}
	}
	for _, j := range products {
		if n := periods[j]; n > 0 {
			m.Products[j].Rate /= n
			m.Products[j].Seen /= n
		}
	}
}

// present is the point of a product as it is now, at a price.
func (m *Model) present(q *Product, price float64) *point {
	p := &point{price: price, usual: q.Usual, elsewhere: q.Elsewhere, regular: math.NaN(), competitor: q.Other, promotions: make([]float64, len(m.Promotions))}
	if q.Regular > 0 {
		p.regular = q.Regular
	}
	p.everywhere = m.Options.transform(price, q.Usual)
	return p
}

// Curves are the demand of a category's products as prices differ, in all stores, from what they are now.
type Curves struct {
	m            *Model
	c            *Category
	coefficients [][]float64 // of each product, nil where it cannot be priced
	base         [][]float64 // values of the features now
}

// Curves returns those of a category. With random, coefficients are drawn from what they may be.
func (m *Model) Curves(category int, random *philox.Stream) *Curves {
	c := &m.Categories[category]
	out := &Curves{m: m, c: c}
	for _, j := range c.Products {
		q := &m.Products[j]
		var b, values []float64
		if q.Rate > 0 && q.Usual > 0 {
			b = q.Coefficients
			if random != nil {
				b = q.draw(random)
			}
			now := m.present(q, q.Price)
			for _, f := range c.Features {
				v := 0.0
				if f.Kind != cross {
					v = m.Options.value(f, now)
				}
				values = append(values, v)
			}
		}
		out.coefficients, out.base = append(out.coefficients, b), append(out.base, values)
	}
	return out
}

// draw returns coefficients from their posterior.
func (q *Product) draw(random *philox.Stream) []float64 {
	n := len(q.Coefficients)
	covariance := mat.NewSymDense(n, nil)
	at := 0
	for k := range n {
		for l := range k + 1 {
			covariance.SetSym(k, l, q.Covariance[at])
			at++
		}
	}
	for k := range n { // of features that a product is without nothing is to be drawn
		covariance.SetSym(k, k, covariance.At(k, k)+1e-14)
	}
	z := mat.NewVecDense(n, nil)
	for k := range n {
		z.SetVec(k, random.NormFloat64())
	}
	out := append([]float64(nil), q.Coefficients...)
	var chol mat.Cholesky
	if !chol.Factorize(covariance) {
		return out
	}
	var lower mat.TriDense
	chol.LTo(&lower)
	var shift mat.VecDense
	shift.MulVec(&lower, z)
	for k := range out {
		out[k] += shift.AtVec(k)
	}
	return out
}

// Crossed says whether prices of products move the demand of others.
func (c *Curves) Crossed() bool {
	if c.m.Options.Kind == Logit {
		return true
	}
	for _, f := range c.c.Features {
		if f.Kind == cross {
			return true
		}
	}
	return false
}

// Units returns the expected units of a period of the product of a number in the category, where prices has those of all of them; NaN where nothing is known of it.
func (c *Curves) Units(number int, prices []float64) float64 {
	q := &c.m.Products[c.c.Products[number]]
	if c.m.Options.Kind == Logit {
		return c.chosen(number, prices)
	}
	shift, known := c.shift(number, prices)
	if !known {
		return math.NaN()
	}
	if c.m.Options.Shares {
		p := math.Min(q.Rate/q.Seen, 1-1e-9)
		return q.Seen / (1 + (1-p)/p*math.Exp(-shift))
	}
	return q.Rate * math.Exp(shift)
}

// shift is by how much the linear predictor of a product differs from what it is now.
func (c *Curves) shift(number int, prices []float64) (float64, bool) {
	b := c.coefficients[number]
	if b == nil {
		return 0, false
	}
	q := &c.m.Products[c.c.Products[number]]
	p := c.m.present(q, prices[number])
	shift := 0.0
	for x, f := range c.c.Features {
		switch {
		case f.Kind == control:
		case f.Kind != cross:
			shift += b[x] * (c.m.Options.value(f, p) - c.base[number][x])
		case f.Index != number:
			other := &c.m.Products[c.c.Products[f.Index]]
			if other.Usual > 0 {
				shift += b[x] * (c.m.Options.transform(prices[f.Index], other.Usual) - c.m.Options.transform(other.Price, other.Usual))
			}
		}
	}
	return shift, true
}

// chosen are the units of kind Logit: shares of all that are there, and of nothing.
func (c *Curves) chosen(number int, prices []float64) float64 {
	own, total, rest, seen := math.NaN(), 0.0, 0.0, 0.0
	for k, j := range c.c.Products {
		shift, known := c.shift(k, prices)
		if !known {
			continue
		}
		q := &c.m.Products[j]
		v := q.Rate * math.Exp(shift)
		total, rest, seen = total+v, rest+q.Rate, math.Max(seen, q.Seen)
		if k == number {
			own = v
		}
	}
	if math.IsNaN(own) {
		return own
	}
	return seen * own / (math.Max(seen-rest, 1e-3*seen) + total)
}
