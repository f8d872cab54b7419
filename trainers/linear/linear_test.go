package linear

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"debut/kernels/pool"
)

// random returns a problem of rows with numbers and fields, whose targets follow from a linear model.
func random(seed uint64, loss Loss, rows, d int, cardinalities []int, outputs int, l2 float64) *Problem {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := &Problem{Rows: rows, D: d, Cardinalities: cardinalities, Outputs: outputs, Loss: loss, L2: l2, Delta: 1}
	truth := make([]float64, p.features()*outputs)
	for i := range truth {
		truth[i] = rng.NormFloat64() * .5
	}
	p.Numeric = make([]float32, rows*d)
	for i := range p.Numeric {
		p.Numeric[i] = float32(rng.NormFloat64())
	}
	for range rows {
		for _, c := range cardinalities {
			p.IDs = append(p.IDs, int32(rng.IntN(c)))
		}
		p.Weight = append(p.Weight, []float64{1, 1, 1, .5, 2, 0}[rng.IntN(6)])
	}
	p.Target = make([]float64, rows)
	s := newSolver(p, pool.New(1))
	s.forward(truth, s.z)
	for r := range rows {
		z := s.z[r*outputs : (r+1)*outputs]
		switch loss {
		case Logistic:
			if rng.Float64() < 1/(1+math.Exp(-z[0])) {
				p.Target[r] = 1
			}
		case Softmax:
			best := math.Inf(-1)
			for k, v := range z {
				if g := v - math.Log(-math.Log(rng.Float64())); g > best {
					best, p.Target[r] = g, float64(k)
				}
			}
		case Poisson:
			for t := rng.ExpFloat64(); t < math.Exp(z[0]); t += rng.ExpFloat64() {
				p.Target[r]++
			}
		default:
			p.Target[r] = z[0] + rng.NormFloat64()
		}
	}
	return p
}

// dense returns the design matrix [Rows, features].
func dense(p *Problem) *mat.Dense {
	x := mat.NewDense(p.Rows, p.features(), nil)
	for r := range p.Rows {
		x.Set(r, 0, 1)
		for j := range p.D {
			x.Set(r, 1+j, float64(p.Numeric[r*p.D+j]))
		}
		at := 1 + p.D
		for f, c := range p.Cardinalities {
			x.Set(r, at+int(p.IDs[r*len(p.Cardinalities)+f]), 1)
			at += c
		}
	}
	return x
}

// slope returns the gradient of the objective at θ, of formulas of its own, and the objective.
func slope(p *Problem, theta []float64) ([]float64, float64) {
	x := dense(p)
	k, n := p.Outputs, p.features()
	g := make([]float64, n*k)
	total := 0.0
	for r := range p.Rows {
		z := make([]float64, k)
		for i := range n {
			for o := range k {
				z[o] += x.At(r, i) * theta[i*k+o]
			}
		}
		y, w := p.Target[r], p.Weight[r]
		d := make([]float64, k)
		switch p.Loss {
		case Squared:
			d[0] = z[0] - y
			total += w * (z[0] - y) * (z[0] - y) / 2
		case Logistic:
			d[0] = 1/(1+math.Exp(-z[0])) - y
			total += w * (math.Log(1+math.Exp(z[0])) - y*z[0])
		case Poisson:
			d[0] = math.Exp(z[0]) - y
			total += w * (math.Exp(z[0]) - y*z[0])
		case Huber:
			d[0] = min(max(z[0]-y, -p.Delta), p.Delta)
			if a := math.Abs(z[0] - y); a > p.Delta {
				total += w * p.Delta * (a - p.Delta/2)
			} else {
				total += w * a * a / 2
			}
		case Softmax:
			sum := 0.0
			for _, v := range z {
				sum += math.Exp(v)
			}
			for o, v := range z {
				d[o] = math.Exp(v) / sum
			}
			d[int(y)]--
			total += w * (math.Log(sum) - z[int(y)])
		}
		for i := range n {
			for o := range k {
				g[i*k+o] += w * x.At(r, i) * d[o]
			}
		}
	}
	for i := k; i < n*k; i++ {
		g[i] += p.L2 * theta[i]
		total += p.L2 / 2 * theta[i] * theta[i]
	}
	return g, total
}

func fit(t *testing.T, p *Problem, threads int) *Fitted {
	t.Helper()
	workers := pool.New(threads)
	defer workers.Close()
	got, err := Fit(context.Background(), p, workers, nil)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// cases are problems of every loss, with a penalty and without one.
func cases() map[string]*Problem {
	list := map[string]*Problem{}
	for _, l2 := range []float64{0, .01, 1, 100} {
		for loss := range lossCount {
			outputs := 1
			if loss == Softmax {
				outputs = 3
			}
			list[fmt.Sprintf("%v/l2=%v", loss, l2)] = random(uint64(loss)+7, loss, 700, 3, []int{4, 6}, outputs, l2)
		}
	}
	return list
}

// TestOptimum compares the gradient at what was found with 0 in every weight that is free.
func TestOptimum(t *testing.T) {
	for name, p := range cases() {
		t.Run(name, func(t *testing.T) {
			got := fit(t, p, 2)
			if !got.Converged || got.Iterations > 30 {
				t.Fatalf("converged %v after %d iterations", got.Converged, got.Iterations)
			}
			free := newSolver(p, pool.New(1)).free
			g, total := slope(p, got.Theta)
			for i, v := range g {
				if free[i/p.Outputs] && math.Abs(v) > 1e-7 {
					t.Errorf("gradient %v in weight %d", v, i)
				}
				if !free[i/p.Outputs] && got.Theta[i] != 0 {
					t.Errorf("weight %d is %v, and not free", i, got.Theta[i])
				}
			}
			if math.Abs(total-got.Objective) > 1e-9*math.Abs(total) {
				t.Errorf("objective %v, %v by its formula", got.Objective, total)
			}
		})
	}
}

// TestManyWeights compares what conjugate gradients find with what the factorized Hessian does.
func TestManyWeights(t *testing.T) {
	for name, p := range cases() {
		if p.L2 == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			want := fit(t, p, 1)
			for _, limit := range [][2]int{{1 + p.D, 1 + p.D}, {1, 1}, {2048, 1}} {
				hessian, block := hessianLimit, blockLimit
				hessianLimit, blockLimit = limit[0], limit[1]
				got := fit(t, p, 1)
				hessianLimit, blockLimit = hessian, block
				for i := range want.Theta {
					if math.Abs(got.Theta[i]-want.Theta[i]) > 1e-7 {
						t.Fatalf("limit %d: weight %d is %v, not %v", limit, i, got.Theta[i], want.Theta[i])
					}
				}
			}
		})
	}
}

// TestSameBits fits on 1, 2 and 7 threads.
func TestSameBits(t *testing.T) {
	for name, p := range cases() {
		want := fit(t, p, 1)
		for _, threads := range []int{2, 7} {
			got := fit(t, p, threads)
			for i := range want.Theta {
				if math.Float64bits(got.Theta[i]) != math.Float64bits(want.Theta[i]) {
					t.Fatalf("%s: weight %d is %v on %d threads, %v on one", name, i, got.Theta[i], threads, want.Theta[i])
				}
			}
		}
	}
}

// TestLeastSquares compares squared losses with the closed form, the covariance too.
func TestLeastSquares(t *testing.T) {
	p := random(3, Squared, 300, 4, nil, 1, 2.5)
	got := fit(t, p, 1)
	x := dense(p)
	w := mat.NewDiagDense(p.Rows, p.Weight)
	var wx, h, inverse mat.Dense
	wx.Mul(w, x)
	h.Mul(x.T(), &wx)
	for i := 1; i < p.features(); i++ {
		h.Set(i, i, h.At(i, i)+p.L2)
	}
	var rhs, want mat.VecDense
	rhs.MulVec(wx.T(), mat.NewVecDense(p.Rows, p.Target))
	if err := want.SolveVec(&h, &rhs); err != nil {
		t.Fatal(err)
	}
	if err := inverse.Inverse(&h); err != nil {
		t.Fatal(err)
	}
	for i := range p.features() {
		if math.Abs(got.Theta[i]-want.AtVec(i)) > 1e-10 {
			t.Errorf("weight %d is %v, not %v", i, got.Theta[i], want.AtVec(i))
		}
		for j := range p.features() {
			if math.Abs(got.Covariance.At(i, j)-inverse.At(i, j)) > 1e-12 {
				t.Errorf("covariance %d,%d is %v, not %v", i, j, got.Covariance.At(i, j), inverse.At(i, j))
			}
		}
	}
}

// TestClosedForm compares weights with those of iteratively reweighted least squares on the design matrix, and the covariance with
// (XᵀWX + L2)⁻¹ there, of losses whose second derivative depends on the weights.
func TestClosedForm(t *testing.T) {
	for _, c := range []struct {
		loss    Loss
		mean    func(z float64) float64
		bend    func(mean float64) float64
		l2      float64
		fields  []int
		numbers int
	}{
		{Logistic, func(z float64) float64 { return 1 / (1 + math.Exp(-z)) }, func(q float64) float64 { return q * (1 - q) }, 1, []int{4, 6}, 3},
		{Logistic, func(z float64) float64 { return 1 / (1 + math.Exp(-z)) }, func(q float64) float64 { return q * (1 - q) }, 0, nil, 5},
		{Poisson, math.Exp, func(rate float64) float64 { return rate }, .5, []int{5}, 2},
	} {
		p := random(17, c.loss, 400, c.numbers, c.fields, 1, c.l2)
		x, n := dense(p), p.features()
		want := mat.NewVecDense(n, nil)
		var inverse mat.Dense
		for range 30 {
			var z mat.VecDense
			z.MulVec(x, want)
			slope, curve := mat.NewVecDense(p.Rows, nil), make([]float64, p.Rows)
			for r := range p.Rows {
				mean := c.mean(z.AtVec(r))
				slope.SetVec(r, p.Weight[r]*(mean-p.Target[r]))
				curve[r] = p.Weight[r] * c.bend(mean)
			}
			var h, wx mat.Dense
			var g, step mat.VecDense
			wx.Mul(mat.NewDiagDense(p.Rows, curve), x)
			h.Mul(x.T(), &wx)
			g.MulVec(x.T(), slope)
			for i := 1; i < n; i++ {
				h.Set(i, i, h.At(i, i)+c.l2)
				g.SetVec(i, g.AtVec(i)+c.l2*want.AtVec(i))
			}
			if err := inverse.Inverse(&h); err != nil {
				t.Fatal(err)
			}
			step.MulVec(&inverse, &g)
			want.SubVec(want, &step)
		}
		got := fit(t, p, 1)
		for i := range n {
			if math.Abs(got.Theta[i]-want.AtVec(i)) > 1e-9 {
				t.Errorf("%v, l2 %v: weight %d is %v, not %v", c.loss, c.l2, i, got.Theta[i], want.AtVec(i))
			}
			for j := range n {
				if math.Abs(got.Covariance.At(i, j)-inverse.At(i, j)) > 1e-10 {
					t.Errorf("%v, l2 %v: covariance %d,%d is %v, not %v", c.loss, c.l2, i, j, got.Covariance.At(i, j), inverse.At(i, j))
				}
			}
		}
	}
}

// TestTwoClasses compares a softmax of two classes with the logistic model: half its weights each, and the difference's variance.
func TestTwoClasses(t *testing.T) {
	for _, l2 := range []float64{0, 3} {
		p := random(5, Logistic, 500, 2, []int{3}, 1, l2/2)
		want := fit(t, p, 1)
		q := *p
		q.Loss, q.Outputs, q.L2 = Softmax, 2, l2
		got := fit(t, &q, 1)
		for i := range want.Theta {
			if a, b := got.Theta[2*i+1]-got.Theta[2*i], want.Theta[i]; math.Abs(a-b) > 1e-8 {
				t.Errorf("l2 %v: weight %d is %v, not %v", l2, i, a, b)
			}
			c := got.Covariance
			v := c.At(2*i, 2*i) + c.At(2*i+1, 2*i+1) - 2*c.At(2*i, 2*i+1)
			if w := want.Covariance.At(i, i); math.Abs(v-w) > 1e-8*(1+w) {
				t.Errorf("l2 %v: variance of weight %d is %v, not %v", l2, i, v, w)
			}
		}
	}
}

// TestStandardErrors simulates targets again and again: estimates scatter as the covariance says.
func TestStandardErrors(t *testing.T) {
	for _, loss := range []Loss{Logistic, Poisson} {
		base := random(11, loss, 400, 2, []int{3}, 1, 0)
		const times = 400
		n := base.features()
		mean, square, variance := make([]float64, n), make([]float64, n), make([]float64, n)
		rng := rand.New(rand.NewPCG(2, 2))
		p := *base
		p.Weight = nil
		truth := []float64{.3, .5, -.4, 0, .2, -.3}
		s := newSolver(&p, pool.New(1))
		s.forward(truth, s.z)
		z := append([]float64(nil), s.z...)
		for range times {
			for r := range p.Rows {
				p.Target[r] = 0
				if loss == Logistic && rng.Float64() < 1/(1+math.Exp(-z[r])) {
					p.Target[r] = 1
				}
				if loss == Poisson {
					for u := rng.ExpFloat64(); u < math.Exp(z[r]); u += rng.ExpFloat64() {
						p.Target[r]++
					}
				}
			}
			got := fit(t, &p, 1)
			for i, v := range got.Theta {
				mean[i] += v / times
				square[i] += v * v / times
				variance[i] += got.Covariance.At(i, i) / times
			}
		}
		for i := range n {
			seen := square[i] - mean[i]*mean[i]
			// The variance of 400 has a standard error of 7 %.
			if i != 3 && math.Abs(seen/variance[i]-1) > .25 {
				t.Errorf("%v: estimates of weight %d have variance %v, the covariance says %v", loss, i, seen, variance[i])
			}
		}
	}
}

func TestNoOptimum(t *testing.T) {
	p := random(1, Logistic, 100, 2, nil, 1, 0)
	for r := range p.Rows {
		p.Target[r] = 0
		if p.Numeric[r*2] > .1 {
			p.Target[r] = 1
		}
	}
	if _, err := Fit(context.Background(), p, pool.New(1), nil); !errors.Is(err, ErrSeparated) {
		t.Errorf("separated classes: %v", err)
	}
	p.L2 = 1
	fit(t, p, 1)

	q := random(1, Poisson, 100, 3, nil, 1, 0)
	for r := range q.Rows {
		q.Numeric[r*3+2] = q.Numeric[r*3] + 2*q.Numeric[r*3+1]
	}
	var c *CollinearError
	if _, err := Fit(context.Background(), q, pool.New(1), nil); !errors.As(err, &c) || c.Index != 3 {
		t.Errorf("a column that follows from two others: %v", err)
	}
	q.L2 = 1
	fit(t, q, 1)
}

// TestCancelled ends a fit by its context.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Fit(ctx, random(1, Logistic, 100, 2, nil, 1, 1), pool.New(1), func(int, float64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestWrong gives problems that do not fit together.
func TestWrong(t *testing.T) {
	for name, change := range map[string]func(p *Problem){
		"no rows":  func(p *Problem) { p.Rows = 0 },
		"targets":  func(p *Problem) { p.Target = p.Target[1:] },
		"class":    func(p *Problem) { p.Target[4] = 2 },
		"infinite": func(p *Problem) { p.Target[4] = math.Inf(1) },
		"nan":      func(p *Problem) { p.Target[4] = math.NaN() },
		"penalty":  func(p *Problem) { p.L2 = -1 },
		"outputs":  func(p *Problem) { p.Outputs = 2 },
		"delta":    func(p *Problem) { p.Loss, p.Delta = Huber, 0 },
	} {
		p := random(1, Logistic, 20, 2, nil, 1, 1)
		change(p)
		if _, err := Fit(context.Background(), p, pool.New(1), nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
