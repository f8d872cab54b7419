// Package rivals matches prices that were seen elsewhere with rows of sales, and finds who follows whom.
package rivals

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Quote is a price that a seller asked for a product at a time.
type Quote struct {
	Product, Seller string
	Time            float64 // days
	Price           float64 // above 0
}

// Match is what is known of rows.
type Match struct {
	Sellers []string
	Prices  [][]float64 // of each seller, by row; NaN where none is known
	Ages    []Age
	Unknown int // rows whose product nobody was seen to sell
}

// Age says how old the prices of a seller are at the rows that they are used for.
type Age struct {
	Seller string
	Rows   int     // with a price
	Stale  int     // whose last price is too old to be used
	Days   float64 // mean age of those that are used
}

// Prices matches quotes with rows of products and times, in days: the price of a row is the last that was seen up to its time, unless that was longer
// ago than most days.
func Prices(quotes []Quote, products []string, times []float64, most float64) (*Match, error) {
	type key struct{ product, seller string }
	by := map[key][]Quote{}
	sold := map[string]bool{}
	m := &Match{}
	for i, q := range quotes {
		if !(q.Price > 0) || math.IsInf(q.Price, 0) || math.IsNaN(q.Time) {
			return nil, fmt.Errorf("rivals: quote %d, of %s by %s, has a price of %g: it must be above zero, and have a time", i+1, q.Product, q.Seller, q.Price)
		}
		k := key{q.Product, q.Seller}
		by[k] = append(by[k], q)
		sold[q.Product] = true
		if !slices.Contains(m.Sellers, q.Seller) {
			m.Sellers = append(m.Sellers, q.Seller)
		}
	}
	slices.Sort(m.Sellers)
	for _, list := range by {
		slices.SortStableFunc(list, func(a, b Quote) int {
			switch {
			case a.Time < b.Time:
				return -1
			case a.Time > b.Time:
				return 1
			}
			return 0
		})
	}
	for _, seller := range m.Sellers {
		prices, age := make([]float64, len(products)), Age{Seller: seller}
		for i, product := range products {
			list := by[key{product, seller}]
			n, _ := slices.BinarySearchFunc(list, times[i], func(q Quote, t float64) int {
				if q.Time <= t {
					return -1
				}
				return 1
			})
			prices[i] = math.NaN()
			if n == 0 {
				continue
			}
			old := times[i] - list[n-1].Time
			if old > most {
				age.Stale++
				continue
			}
			prices[i] = list[n-1].Price
			age.Rows++
			age.Days += old
		}
		if age.Rows > 0 {
			age.Days /= float64(age.Rows)
		}
		m.Prices, m.Ages = append(m.Prices, prices), append(m.Ages, age)
	}
	for _, product := range products {
		if !sold[product] {
			m.Unknown++
		}
	}
	return m, nil
}

// Following says how the price changes of a seller go together with ours.
type Following struct {
	Seller      string  `json:"seller"`
	Lag         int     `json:"lag"`         // periods by which he comes after us; below 0 he comes before
	Correlation float64 `json:"correlation"` // of changes at that lag
	SameTime    float64 `json:"same_time"`   // of changes of the same period
	Changes     int     `json:"changes"`     // pairs that were compared
}

// Sentence says it in words.
func (f Following) Sentence() string {
	switch {
	case f.Changes < 30 || math.Abs(f.Correlation) < .05:
		return f.Seller + " changes prices without regard to ours, as far as can be seen"
	case f.Lag > 0:
		return fmt.Sprintf("%s follows our price changes %s later", f.Seller, periods(f.Lag))
	case f.Lag < 0:
		return fmt.Sprintf("%s changes prices %s before us", f.Seller, periods(-f.Lag))
	}
	return f.Seller + " changes prices when we do"
}

func periods(n int) string {
	if n == 1 {
		return "one period"
	}
	return fmt.Sprintf("%d periods", n)
}

// Lags is how many periods before and after are looked at.
const Lags = 3

// Follow compares changes of the logarithms of our prices with those of each seller, so many periods later or earlier. own and other are prices by
// series and period, one period after another, NaN where none is known.
func Follow(sellers []string, own [][]float64, others [][][]float64) []Following {
	var out []Following
	for s, name := range sellers {
		f := Following{Seller: name}
		for lag := -Lags; lag <= Lags; lag++ {
			var xx, yy, xy float64
			n := 0
			for k := range own {
				x, y := changes(own[k]), changes(others[s][k])
				for t := range x {
					if u := t + lag; u >= 0 && u < len(y) && !math.IsNaN(x[t]) && !math.IsNaN(y[u]) {
						xx, yy, xy = xx+x[t]*x[t], yy+y[u]*y[u], xy+x[t]*y[u]
						n++
					}
				}
			}
			r := 0.0
			if xx > 0 && yy > 0 {
				r = xy / math.Sqrt(xx*yy)
			}
			if lag == 0 {
				f.SameTime, f.Changes = r, n
			}
			// Who answers does what was done: a correlation below 0 is that of prices that go back.
			if r > f.Correlation {
				f.Lag, f.Correlation = lag, r
			}
		}
		out = append(out, f)
	}
	return out
}

func changes(v []float64) []float64 {
	out := make([]float64, max(0, len(v)-1))
	for t := range out {
		out[t] = math.Log(v[t+1] / v[t])
	}
	return out
}

// Stale tells of sellers whose prices are old, or nothing.
func (m *Match) Stale() string {
	var list []string
	for _, a := range m.Ages {
		if a.Stale > 0 {
			list = append(list, fmt.Sprintf("%s of %d rows", a.Seller, a.Stale))
		}
	}
	return strings.Join(list, ", ")
}
