// Package response is how demand answers to prices: what is sold of the products of categories, in stores and periods, by own and other prices, promotions and
// competitors, with levels of products, stores and periods. Coefficients of products are shrunk towards those of their category (package mixed).
//
// It knows no files. Elasticities, expected demand at other prices, and draws of demand curves follow from a [Model].
package response

import (
	"fmt"
	"math"
	"slices"
)

// Kinds of demand curves.
const (
	LogLog  = "loglog"  // the logarithm of demand is linear in the logarithm of the price: the elasticity is constant
	SemiLog = "semilog" // it is linear in the price
	Logit   = "logit"   // people choose one of the products of a category, or none, with a utility that is linear in the price
)

// Rows are sales. Product and Store are numbers of names.
type Rows struct {
	Product, Store, Period []int32
	Price                  []float64   // above 0
	Units                  []float64   // NaN where they are not known
	Exposure               []float64   // how many saw the product, or could have bought of the category (Logit); nil without
	Promotions             [][]float64 // by promotion
	Competitor             []float64   // the cheapest price elsewhere, NaN where it is not known; nil without
	Regular                []float64   // the price without promotion, NaN where it is not known; nil without
	Instruments            [][]float64 // what moves prices and demand by them alone
}

// Names of what rows are numbered by.
type Names struct {
	Products, Stores, Categories, Promotions []string
	Category                                 []int32 // of each product
}

// Options say how demand is modeled.
type Options struct {
	Kind    string    `json:"kind"`
	Shares  bool      `json:"shares"`  // units are how many of the exposure buy: log-odds are what is linear
	Counts  bool      `json:"counts"`  // units are counts with chance like Poisson's; else their logarithms have normal noise
	Cross   int       `json:"cross"`   // categories of at most so many products have an effect of each product's price on each
	Notice  float64   `json:"notice"`  // share below the regular price from which a discount is noticed
	Endings []float64 `json:"endings"` // cents that make prices look lower, as .99
	Horizon int       `json:"horizon"` // periods ahead that levels are to be carried
}

// transform is what the model sees of a price, around the usual price of its product.
func (o *Options) transform(price, usual float64) float64 {
	if o.Kind == LogLog {
		return math.Log(price / usual)
	}
	return price/usual - 1
}

// knots of how much dearer than the cheapest competitor a price is, as logarithms: demand is piecewise linear between them.
var knots = []float64{0, .03, .08, .16, .32}

// kinds of features.
const (
	ownPrice   = "price"
	curvature  = "curvature"
	everywhere = "price_everywhere"
	promotion  = "promotion"
	noticed    = "noticed"
	ending     = "ending"
	competitor = "competitor"
	dearer     = "dearer"
	cross      = "cross"
	control    = "control"
)

// feature is a column of a category's model.
type feature struct {
	Kind  string `json:"kind"`
	Index int    `json:"index"` // of the promotion, ending, piece, or product of the category
	Class int    `json:"class"`
}

// point is all that the features of a row follow from.
type point struct {
	price, usual float64
	everywhere   float64 // the mean transformed price of the product in the period
	promotions   []float64
	regular      float64 // NaN: not known
	competitor   float64
	elsewhere    float64   // the usual competitor's price
	cross        []float64 // the transformed prices of the category's products at that time, 0 where they are not known
}

// value is a feature's at a point.
func (o *Options) value(f feature, p *point) float64 {
	switch f.Kind {
	case ownPrice:
		return o.transform(p.price, p.usual)
	case curvature:
		v := o.transform(p.price, p.usual)
		return v * v
	case everywhere:
		return p.everywhere
	case promotion:
		return p.promotions[f.Index]
	case noticed:
		return truth(p.price <= p.regular*(1-o.Notice)+1e-9)
	case ending:
		return truth(math.Abs(p.price-math.Floor(p.price+1e-9)-o.Endings[f.Index]) < .005)
	case competitor:
		if p.competitor > 0 && p.elsewhere > 0 {
			return math.Log(p.competitor / p.elsewhere)
		}
	case dearer:
		other := p.competitor
		if !(other > 0) {
			other = p.elsewhere
		}
		if other > 0 {
			gap := math.Log(p.price / other)
			return math.Max(0, math.Min(gap, knots[f.Index+1])-knots[f.Index])
		}
	case cross:
		return p.cross[f.Index]
	}
	return 0
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// check refuses rows that mean nothing; place names a row.
func (r *Rows) check(n *Names) error {
	for i, p := range r.Price {
		if !(p > 0) || math.IsInf(p, 0) {
			return fmt.Errorf("response: row %d has a price of %g: it must be above zero", i+1, p)
		}
		if u := r.Units[i]; u < 0 || math.IsInf(u, 0) {
			return fmt.Errorf("response: row %d has %g units: they must not be negative", i+1, u)
		}
		if r.Exposure != nil && !(r.Exposure[i] > 0 && !math.IsInf(r.Exposure[i], 0)) {
			return fmt.Errorf("response: row %d has an exposure of %g: it must be above zero", i+1, r.Exposure[i])
		}
		if int(r.Product[i]) >= len(n.Products) || int(r.Store[i]) >= len(n.Stores) {
			return fmt.Errorf("response: row %d is of product %d and store %d", i+1, r.Product[i], r.Store[i])
		}
	}
	return nil
}

// pick returns some of the rows, in the order of the list.
func (r *Rows) pick(list []int) *Rows {
	of := func(v []float64) []float64 {
		if v == nil {
			return nil
		}
		out := make([]float64, len(list))
		for k, i := range list {
			out[k] = v[i]
		}
		return out
	}
	ints := func(v []int32) []int32 {
		out := make([]int32, len(list))
		for k, i := range list {
			out[k] = v[i]
		}
		return out
	}
	out := &Rows{
		Product: ints(r.Product), Store: ints(r.Store), Period: ints(r.Period), Price: of(r.Price), Units: of(r.Units), Exposure: of(r.Exposure),
		Competitor: of(r.Competitor), Regular: of(r.Regular),
	}
	for _, v := range r.Promotions {
		out.Promotions = append(out.Promotions, of(v))
	}
	for _, v := range r.Instruments {
		out.Instruments = append(out.Instruments, of(v))
	}
	return out
}

// Before returns the rows of periods before one, and those of so many periods from it on.
func (r *Rows) Before(period, periods int32) (before, after *Rows) {
	var a, b []int
	for i, t := range r.Period {
		switch {
		case t < period:
			a = append(a, i)
		case t < period+periods:
			b = append(b, i)
		}
	}
	return r.pick(a), r.pick(b)
}

// order sorts rows by category, product, store and period.
func (r *Rows) order(n *Names) []int {
	list := make([]int, len(r.Price))
	for i := range list {
		list[i] = i
	}
	slices.SortStableFunc(list, func(a, b int) int {
		pa, pb := r.Product[a], r.Product[b]
		if c := n.Category[pa] - n.Category[pb]; c != 0 {
			return int(c)
		}
		if pa != pb {
			return int(pa - pb)
		}
		if c := r.Store[a] - r.Store[b]; c != 0 {
			return int(c)
		}
		return int(r.Period[a] - r.Period[b])
	})
	return list
}

// exposure of a row, 1 where there is none.
func (r *Rows) exposure(i int) float64 {
	if r.Exposure == nil {
		return 1
	}
	return r.Exposure[i]
}

// place is a store and a period, or a product and a period.
type place struct{ of, period int32 }

// surroundings are what rows of the same time say of each other.
type surroundings struct {
	everywhere map[place]float64
	cross      map[place][]float64
}

// around gathers the surroundings of the rows of a category, whose products are numbered by local.
func (m *Model) around(r *Rows, list []int, local []int32, wide bool, products int) *surroundings {
	s := &surroundings{everywhere: map[place]float64{}, cross: map[place][]float64{}}
	count := map[place]float64{}
	for _, i := range list {
		v := m.Options.transform(r.Price[i], m.Products[r.Product[i]].Usual)
		at := place{r.Product[i], r.Period[i]}
		s.everywhere[at] += v
		count[at]++
		if wide {
			at := place{r.Store[i], r.Period[i]}
			if s.cross[at] == nil {
				s.cross[at] = make([]float64, products)
			}
			s.cross[at][local[r.Product[i]]] = v
		}
	}
	for at, n := range count {
		s.everywhere[at] /= n
	}
	return s
}

// at makes the point of a row.
func (s *surroundings) at(m *Model, r *Rows, i int, p *point) {
	j := r.Product[i]
	p.price, p.usual, p.elsewhere = r.Price[i], m.Products[j].Usual, m.Products[j].Elsewhere
	p.everywhere = s.everywhere[place{j, r.Period[i]}]
	p.promotions = p.promotions[:0]
	for _, v := range r.Promotions {
		p.promotions = append(p.promotions, v[i])
	}
	p.regular, p.competitor = math.NaN(), math.NaN()
	if r.Regular != nil {
		p.regular = r.Regular[i]
	}
	if r.Competitor != nil {
		p.competitor = r.Competitor[i]
	}
	p.cross = s.cross[place{r.Store[i], r.Period[i]}]
}
