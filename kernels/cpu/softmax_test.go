package cpu

import (
	"math"
	"testing"

	"debut/kernels/philox"
)

// Rows of many classes have the loss and the gradient of the plain loop, to the precision of float32.
func TestSoftmaxWide(t *testing.T) {
	r := philox.New(1, 1)
	for _, classes := range []int{64, 65, 1000} {
		for _, spread := range []float64{0.1, 3, 30, 300} {
			p, wide, plain := make([]float32, classes), make([]float32, classes), make([]float32, classes)
			for c := range p {
				p[c] = float32(spread * r.NormFloat64())
			}
			p[3] = -1e4
			for _, class := range []float32{0, 3, float32(classes - 1)} {
				target := []float32{class}
				got, want := softmaxWide(p, target, wide, 0.5), softmaxRow(p, target, plain, 0.5, 0)
				if !(math.Abs(got-want) <= 1e-8*math.Abs(want)+1e-7) || got != softmaxWide(p, target, nil, 0.5) {
					t.Errorf("%d classes, spread %v: the loss is %v, want %v", classes, spread, got, want)
				}
				for c := range wide {
					if !(math.Abs(float64(wide[c]-plain[c])) <= 3e-7*math.Abs(float64(plain[c]))+1e-38) {
						t.Fatalf("%d classes, spread %v: the gradient of class %d is %v, want %v", classes, spread, c, wide[c], plain[c])
					}
				}
			}
		}
	}
	dp := make([]float32, 64)
	for _, class := range []float32{-1, 64, 0.5, float32(math.NaN())} {
		if loss := softmaxWide(make([]float32, 64), []float32{class}, dp, 1); !math.IsNaN(loss) || !math.IsNaN(float64(dp[5])) {
			t.Errorf("class %v has the loss %v", class, loss)
		}
	}
	bad := make([]float32, 64)
	bad[7] = float32(math.NaN())
	if loss := softmaxWide(bad, []float32{0}, dp, 1); !math.IsNaN(loss) || !math.IsNaN(float64(dp[7])) {
		t.Errorf("a logit that is no number has the loss %v", loss)
	}
}

// The exponential is right to nine digits wherever it is no underflow.
func TestExpDown(t *testing.T) {
	for x := 0.0; x > leastExpArg; x -= 0.00917 {
		if got, want := expDown(x), math.Exp(x); !(math.Abs(got-want) <= 1e-9*want) {
			t.Fatalf("e^%v is %v, want %v", x, got, want)
		}
	}
	if expDown(0) != 1 || expDown(math.Inf(-1)) != 0 || expDown(-1e4) != 0 || !math.IsNaN(expDown(math.NaN())) {
		t.Error("the ends")
	}
}
