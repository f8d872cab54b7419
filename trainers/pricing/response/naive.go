package response

import (
	"errors"
	"math"

	"debut/trainers/pricing/regress"
)

// Naive returns for each product the slope of a regression of the logarithm of units on that of the price, and of nothing else: what it is where nothing else
// moves sales together with prices. NaN where there is none.
func Naive(r *Rows, n *Names) []float64 {
	type sums struct{ n, x, y, xx, xy float64 }
	all := make([]sums, len(n.Products))
	for i, j := range r.Product {
		if !(r.Units[i] > 0) {
			continue
		}
		x, y, s := math.Log(r.Price[i]), math.Log(r.Units[i]), &all[j]
		s.n, s.x, s.y, s.xx, s.xy = s.n+1, s.x+x, s.y+y, s.xx+x*x, s.xy+x*y
	}
	out := make([]float64, len(all))
	for j, s := range all {
		out[j] = math.NaN()
		if square := s.xx - s.x*s.x/s.n; s.n > 2 && square > 1e-9*s.xx {
			out[j] = (s.xy - s.x*s.y/s.n) / square
		}
	}
	return out
}

// Plain forecasts logarithms of units by least squares, of each product by itself: on the logarithms of its price and, in categories of at most so many
// products as options say, of the others', on promotions, and on effects of stores. NaN where a product has too few rows.
func Plain(train, rows *Rows, n *Names, o Options) ([]float64, error) {
	out := make([]float64, len(rows.Price))
	for i := range out {
		out[i] = math.NaN()
	}
	size := make([]int, len(n.Categories))
	local := make([]int32, len(n.Products))
	for j, c := range n.Category {
		local[j] = int32(size[c])
		size[c]++
	}
	of := func(r *Rows) ([][]int, map[[3]int32]float64) {
		list, prices := make([][]int, len(n.Products)), map[[3]int32]float64{}
		for i, j := range r.Product {
			list[j] = append(list[j], i)
			prices[[3]int32{j, r.Store[i], r.Period[i]}] = math.Log(r.Price[i])
		}
		return list, prices
	}
	known, prices := of(train)
	asked, others := of(rows)
	members := make([][]int32, len(n.Categories))
	for j, c := range n.Category {
		members[c] = append(members[c], int32(j))
	}
	for j := range n.Products {
		if len(asked[j]) == 0 || len(known[j]) == 0 {
			continue
		}
		with := members[n.Category[j]]
		if len(with) > o.Cross {
			with = []int32{int32(j)}
		}
		mean := make([]float64, len(with))
		columns := func(r *Rows, list []int, at map[[3]int32]float64, learn bool) [][]float64 {
			var x [][]float64
			for k, other := range with {
				v := make([]float64, len(list))
				sum, count := 0.0, 0.0
				for l, i := range list {
					p, there := at[[3]int32{other, r.Store[i], r.Period[i]}]
					v[l] = math.NaN()
					if there {
						v[l], sum, count = p, sum+p, count+1
					}
				}
				if learn && count > 0 {
					mean[k] = sum / count
				}
				for l := range v {
					if math.IsNaN(v[l]) {
						v[l] = mean[k]
					}
				}
				x = append(x, v)
			}
			for _, p := range r.Promotions {
				v := make([]float64, len(list))
				for l, i := range list {
					v[l] = p[i]
				}
				x = append(x, v)
			}
			return x
		}
		var used []int
		for _, i := range known[j] {
			if train.Units[i] > 0 {
				used = append(used, i)
			}
		}
		d := &regress.Data{}
		store := make([]int32, len(used))
		level := make([]float64, len(used))
		for k, i := range used {
			v := math.Log(train.Units[i])
			if train.Exposure != nil {
				v -= math.Log(train.Exposure[i])
			}
			level[k], store[k] = v, train.Store[i]
		}
		d.Y = append([]float64(nil), level...)
		d.X = columns(train, used, prices, true)
		d.Names = make([]string, len(d.X))
		raw := make([][]float64, len(d.X))
		for k := range raw {
			raw[k] = append([]float64(nil), d.X[k]...)
		}
		if len(used) == 0 {
			continue
		}
		absorbed, err := regress.Absorb(append([][]float64{d.Y}, d.X...), [][]int32{store}, nil)
		if err != nil {
			return nil, err
		}
		fit, err := regress.Least(d, absorbed)
		if err != nil {
			if len(used) <= absorbed+len(d.X) {
				continue
			}
			return nil, err
		}
		sum, count := map[int32]float64{}, map[int32]float64{}
		for k := range used {
			rest := level[k]
			for c, b := range fit.Coefficients {
				if !math.IsNaN(b) {
					rest -= b * raw[c][k]
				}
			}
			sum[store[k]] += rest
			count[store[k]]++
		}
		x := columns(rows, asked[j], others, false)
		for l, i := range asked[j] {
			if count[rows.Store[i]] == 0 {
				continue
			}
			v := sum[rows.Store[i]] / count[rows.Store[i]]
			for c, b := range fit.Coefficients {
				if !math.IsNaN(b) {
					v += b * x[c][l]
				}
			}
			if rows.Exposure != nil {
				v += math.Log(rows.Exposure[i])
			}
			out[i] = v
		}
	}
	return out, nil
}

// errLinear is of prices that demand and competitor do not explain.
var errLinear = errors.New("response: demand and the competitor's price say the same, or nothing; price = a + b·demand + c·competitor has no single answer")

// Formula is price = a + b·demand + c·competitor, with standard errors robust to unequal variances.
type Formula struct {
	Coefficients []float64 `json:"coefficients"` // a, b and c
	Errors       []float64 `json:"errors"`
	R2           float64   `json:"r2"`
	Rows         int       `json:"rows"`
	Scale        float64   `json:"scale"` // the standard deviation of what is left
}

// Explain fits the formula by least squares.
func Explain(price, demand, competitor []float64) (*Formula, error) {
	ones := make([]float64, len(price))
	for i := range ones {
		ones[i] = 1
	}
	fit, err := regress.Least(&regress.Data{Y: price, X: [][]float64{ones, demand, competitor}, Names: []string{"constant", "demand", "competitor"}}, 0)
	if err != nil {
		return nil, err
	}
	if len(fit.Dropped) > 0 {
		return nil, errLinear
	}
	return &Formula{Coefficients: fit.Coefficients, Errors: fit.Errors, R2: fit.R2, Rows: len(price), Scale: math.Sqrt(fit.Variance)}, nil
}

// Units are those that the formula expects at a price: its inverse, never below 0; NaN where demand has no part in it.
func (f *Formula) Units(price, competitor float64) float64 {
	if f.Coefficients[1] == 0 {
		return math.NaN()
	}
	return math.Max(0, (price-f.Coefficients[0]-f.Coefficients[2]*competitor)/f.Coefficients[1])
}
