package factorization

import (
	"math"
	"slices"
	"testing"

	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/trainers/recommender"
)

// byChance is a model of factors by chance, of users and items of a matrix, as an algorithm has them.
func byChance(m *interactions.Matrix, cfg ModelConfig) *Model {
	c := &Config{Model: cfg}
	c.SetDefaults()
	r := philox.New(2, 9)
	f := &Factors{Width: c.Model.width(), Biases: c.Model.biased()}
	rows := func(n, bias, one int) (list []float32) {
		for range n {
			x := make([]float32, f.Width)
			for k := range x {
				x[k] = float32(r.NormFloat64())
			}
			if f.Biases {
				x[bias], x[one] = 0, 1
			} else {
				unit(x, slices.Clone(x))
			}
			list = append(list, x...)
		}
		return list
	}
	f.Users, f.Items = rows(m.Rows, 0, f.Width-1), rows(m.Columns, f.Width-1, 0)
	return &Model{cfg: c.Model, factors: f, Model: recommender.Model{Shop: &recommender.Shop{Histories: m}}}
}

// least is where descent in float64 ends from a point, in the columns lo … hi−1: by numerical gradients and halved steps.
func least(x []float64, lo, hi int, objective func(x []float64) float64) float64 {
	value := objective(x)
	for range 300 {
		g, size := make([]float64, len(x)), 0.0
		for c := lo; c < hi; c++ {
			const h = 1e-5
			was := x[c]
			x[c] = was + h
			up := objective(x)
			x[c] = was - h
			g[c] = (up - objective(x)) / (2 * h)
			x[c] = was
			size += g[c] * g[c]
		}
		better := false
		for step := 1.0; step > 1e-9 && size > 0 && !better; step /= 2 {
			next := slices.Clone(x)
			for c := lo; c < hi; c++ {
				next[c] -= step * g[c] / math.Sqrt(size)
			}
			if v := objective(next); v < value {
				copy(x, next)
				value, better = v, true
			}
		}
		if !better {
			break
		}
	}
	return value
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for c, v := range x {
		out[c] = float64(v)
	}
	return out
}

func product(x []float64, y []float32) (sum float64) {
	for c, v := range x {
		sum += v * float64(y[c])
	}
	return sum
}

// A user or an item folded into a model of bpr is nearly where the mean of its objective over all that may be drawn is least, the other side
// staying as it is: steps of one rate end about it.
func TestFoldingPreferences(t *testing.T) {
	m := drawn(40, 30, 0.3, func(_, _ int) float64 { return 1 })
	const l2 = 0.05
	model := byChance(m, ModelConfig{Algorithm: "bpr", Factors: 3, Regularization: new(l2)})
	f := model.factors
	check := func(what string, n int, row []float32, lo, hi int, objective func(x []float64) float64) {
		t.Helper()
		x := wide(row)
		got := objective(x)
		clear(x[lo:hi])
		start := objective(x)
		if best := least(x, lo, hi, objective); !(got-best <= 0.02*(start-best)) {
			t.Errorf("%s %d: the objective is %v, at best %v, without factors %v", what, n, got, best, start)
		}
	}
	for _, u := range []int{0, 11, 25} {
		columns, values := m.Row(u)
		x, err := foldBPR(model, columns, values)
		if err != nil {
			t.Fatal(err)
		}
		check("user", u, x, 1, len(x)-1, func(x []float64) (sum float64) {
			for _, v := range x[1 : len(x)-1] {
				sum += float64(len(columns)) * l2 / 2 * v * v
			}
			for _, i := range columns {
				for j := range m.Columns {
					if _, has := slices.BinarySearch(columns, int32(j)); !has {
						sum += math.Log1p(math.Exp(product(x, f.Item(j))-product(x, f.Item(int(i))))) / float64(m.Columns-len(columns))
					}
				}
			}
			return sum
		})
	}
	for i := 1; i <= 3; i++ {
		var users []int32 // those of a taste
		for u := range int32(m.Rows) {
			if f.User(int(u))[i] > 0.4 {
				users = append(users, u)
			}
		}
		x, err := foldItemBPR(model, users, nil)
		if err != nil {
			t.Fatal(err)
		}
		each := float64(m.Len()/int64(m.Columns)) / float64(m.Len()) // how often a pair is drawn to be compared with the item
		check("item", i, x, 1, len(x), func(x []float64) (sum float64) {
			steps := float64(len(users))
			for u := range m.Rows {
				own, _ := m.Row(u)
				_, has := slices.BinarySearch(users, int32(u))
				for j := range m.Columns {
					_, known := slices.BinarySearch(own, int32(j))
					apart := product(x, f.User(u)) - inner(f.User(u), f.Item(j))
					switch {
					case has && !known:
						sum += math.Log1p(math.Exp(-apart)) / float64(m.Columns-len(own))
					case !has && known:
						sum += each * math.Log1p(math.Exp(apart))
						steps += each
					}
				}
			}
			for _, v := range x[1:] {
				sum += steps * l2 / 2 * v * v
			}
			return sum
		})
	}
}

// An item folded into a model of cosines is where its objective is least on the sphere.
func TestFoldingCosines(t *testing.T) {
	m := drawn(40, 30, 0.3, func(_, _ int) float64 { return 1 })
	model := byChance(m, ModelConfig{Algorithm: "simplex", Factors: 4, NegativeWeight: new(20.0)})
	f, margin, weight := model.factors, *model.cfg.Margin, *model.cfg.NegativeWeight/30
	byItem := m.Transpose()
	for _, i := range []int{0, 8, 20} {
		users, values := byItem.Row(i)
		x, err := foldItemSimplex(model, users, values)
		if err != nil {
			t.Fatal(err)
		}
		objective := func(x []float64) (sum float64) {
			length := 0.0
			for _, v := range x {
				length += v * v
			}
			for u := range m.Rows {
				cos := product(x, f.User(u)) / math.Sqrt(length)
				if _, has := slices.BinarySearch(users, int32(u)); has {
					sum += 1 - cos
				} else {
					sum += weight * float64(m.Offsets[u+1]-m.Offsets[u]) * max(0, cos-margin)
				}
			}
			return sum
		}
		got := objective(wide(x))
		if best := least(wide(x), 0, len(x), objective); !(got-best <= 1e-2*math.Abs(best)) {
			t.Errorf("item %d: the objective is %v, at best %v", i, got, best)
		}
	}
}
