package factorization

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/trainers/recommender"
)

// denseBiases solves the normal equations of the biases written out, in float64; where there is no penalty, for the smallest solution.
func denseBiases(t *testing.T, m *interactions.Matrix, l2 float64) *biases {
	t.Helper()
	n := 1 + m.Rows + m.Columns
	a, b := mat.NewSymDense(n, nil), mat.NewVecDense(n, nil)
	for k := 1; k < n; k++ {
		a.SetSym(k, k, l2)
	}
	for u := range m.Rows {
		columns, values := m.Row(u)
		for k, i := range columns {
			at := []int{0, 1 + u, 1 + m.Rows + int(i)}
			for _, x := range at {
				b.SetVec(x, b.AtVec(x)+float64(values[k]))
				for _, y := range at {
					if y >= x {
						a.SetSym(x, y, a.At(x, y)+1)
					}
				}
			}
		}
	}
	var e mat.EigenSym
	if !e.Factorize(a, true) {
		t.Fatal("no eigenvalues")
	}
	var v mat.Dense
	e.VectorsTo(&v)
	values := e.Values(nil)
	var image, x mat.VecDense
	image.MulVec(v.T(), b)
	for k, value := range values {
		if value < 1e-10*values[n-1] {
			image.SetVec(k, 0)
		} else {
			image.SetVec(k, image.AtVec(k)/value)
		}
	}
	x.MulVec(&v, &image)
	raw := x.RawVector().Data
	return &biases{raw[0], raw[1 : 1+m.Rows], raw[1+m.Rows:]}
}

// The bias model is the least-squares solution to 1e-6, in what it predicts for all pairs there are, and with a penalty in each bias.
func TestBiasesDense(t *testing.T) {
	r := philox.New(3, 3)
	stars := func(u, i int) float64 { return 1 + float64(u%4)/2 + float64(i%3) + 0.7*math.Abs(r.NormFloat64()) }
	_, p := trainingOn(t, 2)
	for _, c := range []struct {
		name  string
		m     *interactions.Matrix
		l2    float64
		scale float64
	}{
		{"dense", drawn(40, 30, 0.6, stars), 5, 1},
		{"sparse, with users and items of no rating", drawn(70, 50, 0.05, stars), 0.5, 1},
		{"sparse, in hundreds", drawn(70, 50, 0.05, func(u, i int) float64 { return 100 * stars(u, i) }), 3, 100},
		{"without a penalty", drawn(40, 30, 0.4, stars), 0, 1},
		{"a chain, slow to solve", chain(60), 0.01, 1},
	} {
		got, steps, err := fitBiases(t.Context(), c.m, c.l2, p)
		if err != nil {
			t.Fatal(err)
		}
		want := denseBiases(t, c.m, c.l2)
		f := got.factors()
		off, offPairs := math.Abs(got.mean-want.mean), 0.0
		for k, pair := range [][2][]float64{{got.users, want.users}, {got.items, want.items}} {
			for i := range pair[0] {
				off = max(off, math.Abs(pair[0][i]-pair[1][i]))
				if k == 0 && c.m.Offsets[i] == c.m.Offsets[i+1] && pair[0][i] != 0 {
					t.Errorf("%s: user %d has no rating, and the bias %v", c.name, i, pair[0][i])
				}
			}
		}
		for u := range c.m.Rows {
			columns, _ := c.m.Row(u)
			for _, i := range columns {
				offPairs = max(offPairs, math.Abs(f.Rate(int32(u), i)-want.mean-want.users[u]-want.items[i]))
			}
		}
		t.Logf("%s: %d steps, biases off by %.2g, predictions by %.2g", c.name, steps, off, offPairs)
		if !(offPairs <= 1e-6*c.scale) || c.l2 > 0 && !(off <= 1e-6*c.scale) {
			t.Errorf("%s: biases are off by %v, predictions by %v", c.name, off, offPairs)
		}
	}
}

// chain is ratings of which each user has two and each item two, so that what one end says goes through all of them to the other.
func chain(n int) *interactions.Matrix {
	m := &interactions.Matrix{Rows: n, Columns: n + 1, Offsets: []int64{0}}
	for u := range n {
		m.Indices = append(m.Indices, int32(u), int32(u+1))
		m.Values = append(m.Values, float32(u%5), float32((3*u)%7))
		m.Offsets = append(m.Offsets, m.Len())
	}
	return m
}

// Any number of threads gives the same biases, and who waits no longer gets none.
func TestBiasesThreads(t *testing.T) {
	m := popular(9000, 5000, 60000, stars)
	var want *biases
	for _, threads := range []int{1, 2, 7} {
		_, p := trainingOn(t, threads)
		got, _, err := fitBiases(t.Context(), m, 5, p)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		} else if got.mean != want.mean || !slices.Equal(got.users, want.users) || !slices.Equal(got.items, want.items) {
			t.Errorf("%d threads give other bits", threads)
		}
	}
	_, p := trainingOn(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := fitBiases(ctx, m, 5, p); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// Somebody folded into a model of ratings has what its objective is least at with all items as they are: by a dense solution in float64.
// Of biases, and of factors after steps.
func TestFoldingRatings(t *testing.T) {
	m := drawn(60, 40, 0.4, func(u, i int) float64 { return 1 + float64((u+i)%5) })
	dev, p := trainingOn(t, 2)
	for _, cfg := range []*ModelConfig{
		{Algorithm: algorithmBias, Regularization: new(2.0)},
		{Algorithm: algorithmSGD, Factors: 5, Regularization: new(0.05), LearningRate: new(0.05), Decay: new(0.95)},
	} {
		var f *Factors
		if cfg.Algorithm == algorithmBias {
			b, _, err := fitBiases(t.Context(), m, 2, p)
			if err != nil {
				t.Fatal(err)
			}
			f = b.factors()
		} else {
			fit, err := sgdAlgorithm.begin(t.Context(), &problem{Data: &recommender.Data{Dataset: &interactions.Dataset{Train: m}, Pool: p}, cfg: &Config{Model: *cfg}, dev: dev})
			if err != nil {
				t.Fatal(err)
			}
			for range 5 {
				if _, err := fit.(*rounds).steps.Epoch(); err != nil {
					t.Fatal(err)
				}
			}
			f = factorsOf(t, fit)
		}
		o, err := newFolding(f, cfg, dev, userSide)
		if err != nil {
			t.Fatal(err)
		}
		for u := range m.Rows {
			columns, values := m.Row(u)
			if len(columns) == 0 {
				continue
			}
			x, err := o.solve(columns, values)
			if err != nil {
				t.Fatal(err)
			}
			// The row is [bias, factors …], an item's [1, factors …].
			n := f.Width - 1
			a, b := mat.NewSymDense(n, nil), mat.NewVecDense(n, nil)
			ridge := *cfg.Regularization
			if cfg.Algorithm == algorithmSGD {
				ridge *= float64(len(columns))
			}
			for c := range n {
				a.SetSym(c, c, ridge)
			}
			for k, i := range columns {
				y := f.Item(int(i))
				want := float64(values[k]) - f.Mean - float64(y[n])
				for c := range n {
					b.SetVec(c, b.AtVec(c)+want*float64(y[c]))
					for e := c; e < n; e++ {
						a.SetSym(c, e, a.At(c, e)+float64(y[c])*float64(y[e]))
					}
				}
			}
			var chol mat.Cholesky
			var want mat.VecDense
			if !chol.Factorize(a) {
				t.Fatal("not positive")
			}
			if err := chol.SolveVecTo(&want, b); err != nil {
				t.Fatal(err)
			}
			for c := range n {
				if math.Abs(float64(x[c])-want.AtVec(c)) > 1e-4 {
					t.Fatalf("%s, user %d: folded in he has %v, the solution is %v", cfg.Algorithm, u, x, fmt.Sprint(want.RawVector().Data))
				}
			}
			if x[n] != 1 {
				t.Fatalf("%s: the column of items' biases is %v", cfg.Algorithm, x[n])
			}
			// Of biases, training has found the same.
			if cfg.Algorithm == algorithmBias && math.Abs(float64(x[0]-f.User(u)[0])) > 1e-6 {
				t.Errorf("user %d: folded in he has the bias %v, trained %v", u, x[0], f.User(u)[0])
			}
		}
	}
}

// Steps of users alone, with all items as they are, come to the row that is folded in.
func TestFoldingIsTraining(t *testing.T) {
	w := plant(30, 60, 2, 40, 0.3)
	dev, p := trainingOn(t, 1)
	own, mean, deviation := standardized(w.train)
	o := RatingSettings{SGD: SGD{Factors: 3, Seed: 1, Rate: 0.02, BiasRate: 0.02, Decay: 0.97, Deviation: 0.1}, UserL2: 0.03, ItemL2: 0.03, UserBiasL2: 0.03, ItemBiasL2: 0.03}
	s, rest, err := NewRatingSteps(dev, p, own, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	epochs(t, s, 40)
	f := factorsOf(t, newRounds(s, int(own.Len()), rounded(mean+deviation*rest), deviation))
	fold, err := newFolding(f, &ModelConfig{Algorithm: algorithmSGD, Factors: 3, Regularization: new(0.03)}, dev, userSide)
	if err != nil {
		t.Fatal(err)
	}
	for u := range 5 {
		columns, values := w.train.Row(u)
		x, err := fold.solve(columns, values)
		if err != nil {
			t.Fatal(err)
		}
		row := make([]float64, f.Width-1)
		const rate = 0.002
		for range 10_000 {
			for k, i := range columns {
				y := f.Item(int(i))
				e := float64(values[k]) - f.Mean - float64(y[f.Width-1])
				for c := range row {
					e -= row[c] * float64(y[c])
				}
				for c := range row {
					row[c] += rate * (e*float64(y[c]) - 0.03*row[c])
				}
			}
		}
		for c := range row {
			if math.Abs(row[c]-float64(x[c])) > 0.01*max(1, math.Abs(row[c])) {
				t.Errorf("user %d: trained he has %v, folded in %v", u, row, x)
				break
			}
		}
	}
}
