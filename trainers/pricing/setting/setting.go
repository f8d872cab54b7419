// Package setting chooses the prices of the products of a category, jointly where prices of some move the demand of others: those that earn most, under bounds, by
// going over the prices that each may have, one product after another, until none changes.
package setting

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Goals.
const (
	Profit  = "profit"
	Revenue = "revenue"
	Units   = "units"
)

// Product is one whose price is to be set.
type Product struct {
	Name  string
	Now   float64 // its price, above 0
	Cost  float64 // of one, 0 where it is not known
	Other float64 // the cheapest price elsewhere, 0 where it is not known
	Stock float64 // units for all periods, infinite where there is no end of them
	Min   float64 // bounds of its own, 0 for none
	Max   float64
}

// Ladder holds a product's price below another's, at most Share of it.
type Ladder struct {
	Lower, Upper int // products
	Share        float64
}

// Bounds are what prices have to keep. The zero value has none.
type Bounds struct {
	Margin    float64    // the least share of the price above the cost
	Change    float64    // the largest share by which a price moves, 0 for any
	Endings   []float64  // what prices end in behind the point; nil: any
	Band      [2]float64 // shares below and above the cheapest price elsewhere, where Banded
	Banded    bool
	Ladders   []Ladder
	Steps     int // prices that are looked at where they may end in anything, 0 for 61
	Periods   float64
	Goal      string
	LargeStep float64 // how far prices go where Change is 0: a share, 0 for a half
}

// bound is one side of what a price may be.
type bound struct {
	what  string
	price float64
}

// Candidates returns the prices that a product may have. Where there is none, the error names the bounds that exclude each other.
func (b *Bounds) Candidates(p *Product) ([]float64, error) {
	change := b.Change
	free := change == 0
	if free {
		if change = b.LargeStep; change == 0 {
			change = .5
		}
	}
	low, high := []bound{{"0", 0}}, []bound{}
	if p.Cost > 0 {
		if b.Margin > 0 {
			low = append(low, bound{fmt.Sprintf("a margin of %g %%", 100*b.Margin), p.Cost / (1 - b.Margin)})
		} else if b.Goal == Profit {
			low = append(low, bound{"the cost", p.Cost})
		}
	}
	if b.Banded && p.Other > 0 {
		low = append(low, bound{"the band around the cheapest price elsewhere", p.Other * (1 + b.Band[0])})
		high = append(high, bound{"the band around the cheapest price elsewhere", p.Other * (1 + b.Band[1])})
	}
	if p.Min > 0 {
		low = append(low, bound{"its own least price", p.Min})
	}
	if p.Max > 0 {
		high = append(high, bound{"its own highest price", p.Max})
	}
	limit := bound{fmt.Sprintf("a change of at most %g %%", 100*change), 0}
	down, up := p.Now*(1-change), p.Now*(1+change)
	if free { // how far to look, and no bound: it moves with the others
		down, up = math.Min(down, tightest(high, up, false).price), math.Max(up, 1.2*tightest(low, 0, true).price)
	}
	low, high = append(low, bound{limit.what, down}), append(high, bound{limit.what, up})
	from, to := tightest(low, 0, true), tightest(high, math.Inf(1), false)
	if from.price > to.price*(1+1e-12) {
		return nil, fmt.Errorf("%s: no price is left: %s asks for %.2f at least, and %s for %.2f at most; loosen one of them", p.Name, from.what, from.price, to.what, to.price)
	}
	var out []float64
	if b.Endings == nil {
		n := b.Steps
		if n == 0 {
			n = 61
		}
		first := math.Max(from.price, .01)
		for k := range n {
			v := first * math.Pow(to.price/first, float64(k)/float64(n-1))
			v = math.Round(v*100) / 100
			if v >= from.price-1e-9 && v <= to.price+1e-9 {
				out = append(out, v)
			}
		}
		if len(out) == 0 {
			out = append(out, from.price)
		}
	} else {
		step := math.Max(1, math.Floor((to.price-from.price)/400))
		for whole := math.Floor(from.price); whole <= to.price; whole += step {
			for _, e := range b.Endings {
				if v := math.Round(100*(whole+e)) / 100; v >= from.price-1e-9 && v <= to.price+1e-9 && v > 0 {
					out = append(out, v)
				}
			}
		}
		if len(out) == 0 {
			return nil, fmt.Errorf("%s: no price is left: %s and %s leave %.2f to %.2f, where none ends in %s; loosen one of them", p.Name, from.what, to.what, from.price, to.price, endings(b.Endings))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func endings(list []float64) string {
	var texts []string
	for _, e := range list {
		texts = append(texts, strings.TrimPrefix(fmt.Sprintf("%.2f", e), "0"))
	}
	return strings.Join(texts, " or ")
}

// tightest is the highest or lowest of bounds.
func tightest(list []bound, without float64, highest bool) bound {
	out := bound{"", without}
	for _, b := range list {
		if highest && b.price >= out.price || !highest && b.price <= out.price {
			out = b
		}
	}
	return out
}

// Demand returns the expected units of a period of a product, at the prices of all; NaN where nothing is known of it.
type Demand func(number int, prices []float64) float64

// value is what a product brings.
func (b *Bounds) value(p *Product, price, units float64) float64 {
	if math.IsNaN(units) {
		return 0
	}
	sold := math.Min(units*b.Periods, p.Stock)
	switch b.Goal {
	case Revenue:
		return price * sold
	case Units:
		return sold
	}
	return (price - p.Cost) * sold
}

// Total is what all products bring in all periods.
func (b *Bounds) Total(products []Product, prices []float64, d Demand) float64 {
	sum := 0.0
	for k := range products {
		sum += b.value(&products[k], prices[k], d(k, prices))
	}
	return sum
}

// broken is by how much ladders are, as shares.
func (b *Bounds) broken(prices []float64) (sum float64, worst int) {
	most := 0.0
	for l, x := range b.Ladders {
		if over := prices[x.Lower]/(x.Share*prices[x.Upper]) - 1; over > 1e-9 {
			sum += over
			if over > most {
				most, worst = over, l
			}
		}
	}
	return sum, worst
}

// mostRounds bounds how often all products are gone over.
const mostRounds = 100

// Best returns the prices. Without crossed, no price moves the demand of another product. Products of whom nothing is known keep their price. candidates are those
// of each product.
func (b *Bounds) Best(products []Product, candidates [][]float64, d Demand, crossed bool) ([]float64, error) {
	prices := make([]float64, len(products))
	for k := range products {
		prices[k] = nearestTo(candidates[k], products[k].Now)
	}
	crossed = crossed || len(b.Ladders) > 0
	for round := 0; round < mostRounds; round++ {
		changed := false
		for k := range products {
			best, broken, at := math.Inf(-1), math.Inf(1), prices[k]
			// As things are, first: another price must be better.
			for _, v := range append([]float64{prices[k]}, candidates[k]...) {
				old := prices[k]
				prices[k] = v
				over, _ := b.broken(prices)
				var value float64
				if crossed {
					value = b.Total(products, prices, d)
				} else {
					value = b.value(&products[k], v, d(k, prices))
				}
				prices[k] = old
				if over < broken-1e-12 || over <= broken+1e-12 && value > best+1e-12*math.Abs(best) {
					best, broken, at = value, over, v
				}
			}
			if at != prices[k] {
				prices[k], changed = at, true
			}
		}
		if !changed || !crossed {
			break
		}
	}
	if over, l := b.broken(prices); over > 0 {
		x := b.Ladders[l]
		return nil, fmt.Errorf("no prices keep the ladder of %s at most %g of %s, with the other bounds: %s may cost %.2f at least, %s %.2f at most; loosen one of them",
			products[x.Lower].Name, x.Share, products[x.Upper].Name, products[x.Lower].Name, candidates[x.Lower][0], products[x.Upper].Name, candidates[x.Upper][len(candidates[x.Upper])-1])
	}
	return prices, nil
}

func nearestTo(list []float64, v float64) float64 {
	best := list[0]
	for _, x := range list {
		if math.Abs(x-v) < math.Abs(best-v) {
			best = x
		}
	}
	return best
}
