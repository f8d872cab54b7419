package forecast

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"debut/kernels/philox"
)

// coherent says by how much sums differ from their parts at most.
func coherent(s Sums, bottom, sums [][]float64) float64 {
	worst := 0.0
	for j, parts := range s.Parts {
		for t := range sums[j] {
			v := sums[j][t]
			for _, i := range parts {
				v -= bottom[i][t]
			}
			worst = math.Max(worst, math.Abs(v))
		}
	}
	return worst
}

func copies(list [][]float64) (out [][]float64) {
	for _, v := range list {
		out = append(out, slices.Clone(v))
	}
	return out
}

// MinTrace is that of the formula with matrices as a whole, and what adds up is nearer to the truth than what was forecast one by one.
func TestReconcile(t *testing.T) {
	s := Sums{Bottom: 6, Parts: [][]int{{0, 1, 2, 3, 4, 5}, {0, 1, 2}, {3, 4, 5}}}
	r := philox.New(1, 1)
	const steps, past = 4, 10
	truth := make([][]float64, 9)
	errors, base := make([][]float64, 9), make([][]float64, 9)
	for i := range 9 {
		sd := 1 + float64(i%3)
		for k := range past {
			errors[i] = append(errors[i], sd*r.NormFloat64()+0.3*float64(k%2))
		}
		truth[i] = make([]float64, steps)
		for k := range steps {
			if i < 6 {
				truth[i][k] = 20 + 5*float64(i)
			} else {
				for _, b := range s.Parts[i-6] {
					truth[i][k] += truth[b][k]
				}
			}
			base[i] = append(base[i], truth[i][k]+sd*r.NormFloat64())
		}
	}
	bottom, sums := copies(base[:6]), copies(base[6:])
	if err := s.Reconcile(MinTrace, bottom, sums, 1, errors, false); err != nil {
		t.Fatal(err)
	}
	if d := coherent(s, bottom, sums); d > 1e-9 {
		t.Errorf("sums differ by %v", d)
	}
	variances, lambda, _ := shrunkCovariance(errors)
	if !(lambda > 0.05 && lambda <= 1) {
		t.Errorf("λ = %v", lambda)
	}
	w := mat.NewDense(9, 9, nil)
	for i := range 9 {
		for j := range 9 {
			v := 0.0
			for k := range past {
				v += errors[i][k] * errors[j][k] / past
			}
			v *= 1 - lambda
			if i == j {
				v = variances[i]
			}
			w.Set(i, j, v)
		}
	}
	// G = (S'W⁻¹S)⁻¹S'W⁻¹ of the original formula.
	sum := mat.NewDense(9, 6, nil)
	for i := range 6 {
		sum.Set(i, i, 1)
	}
	for j, parts := range s.Parts {
		for _, i := range parts {
			sum.Set(6+j, i, 1)
		}
	}
	var inverse, left, right, middle mat.Dense
	if err := inverse.Inverse(w); err != nil {
		t.Fatal(err)
	}
	left.Mul(sum.T(), &inverse)
	middle.Mul(&left, sum)
	if err := right.Inverse(&middle); err != nil {
		t.Fatal(err)
	}
	var g mat.Dense
	g.Mul(&right, &left)
	before, after := 0.0, 0.0
	for i := range 6 {
		for k := range steps {
			want := 0.0
			for j := range 9 {
				want += g.At(i, j) * base[j][k]
			}
			if math.Abs(bottom[i][k]-want) > 1e-9 {
				t.Errorf("series %d, step %d: %v, want %v", i, k, bottom[i][k], want)
			}
			was, is := base[i][k]-truth[i][k], bottom[i][k]-truth[i][k]
			before += was * was
			after += is * is
		}
	}
	if !(after < before) {
		t.Errorf("squared errors %v, before %v", after, before)
	}
	for _, how := range []string{BottomUp, Proportional} {
		bottom, sums := copies(base[:6]), copies(base[6:])
		if err := s.Reconcile(how, bottom, sums, 1, nil, true); err != nil || coherent(s, bottom, sums) > 1e-9 {
			t.Errorf("%s: %v, differ by %v", how, err, coherent(s, bottom, sums))
		}
		want := base[0][0]
		if how == Proportional {
			want = base[0][0] * base[6][0] / (base[0][0] + base[1][0] + base[2][0] + base[3][0] + base[4][0] + base[5][0])
		}
		if math.Abs(bottom[0][0]-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", how, bottom[0][0], want)
		}
	}
	// With bounds: nothing below 0, and all adds up still.
	bottom, sums = copies(base[:6]), copies(base[6:])
	bottom[2][1], sums[1][1] = -50, 0
	if err := s.Reconcile(MinTrace, bottom, sums, 1, errors, true); err != nil || coherent(s, bottom, sums) > 1e-9 || slices.Min(slices.Concat(bottom...)) < 0 {
		t.Errorf("%v, %v", bottom, err)
	}
	if err := s.Reconcile("top_down", bottom, sums, 1, errors, true); err == nil {
		t.Error("top_down")
	}
}
