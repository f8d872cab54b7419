package neighbors

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"debut/kernels/cpu"
)

// The blocked inverse agrees with a dense one in float64, for sizes around those of blocks, and has the same bits for any
// number of threads.
func TestInverse(t *testing.T) {
	for _, n := range []int{1, 2, 255, 256, 257, 700} {
		rnd := rand.New(rand.NewPCG(uint64(n), 1))
		x := mat.NewDense(n+20, n, nil)
		x.Apply(func(_, _ int, _ float64) float64 { return rnd.NormFloat64() }, x)
		want := mat.NewSymDense(n, nil)
		want.SymOuterK(1, x.T())
		a := make([]float32, n*n)
		for r := range n {
			want.SetSym(r, r, want.At(r, r)+10)
			for c := range n {
				if a[r*n+c] = float32(math.NaN()); c <= r { // what is above the diagonal does not matter
					a[r*n+c] = float32(want.At(r, c))
				}
			}
		}
		var factors mat.Cholesky
		if !factors.Factorize(want) {
			t.Fatal("not positive definite")
		}
		if err := factors.InverseTo(want); err != nil {
			t.Fatal(err)
		}
		var first []float32
		for _, threads := range []int{1, 2, 7} {
			dev, err := cpu.New(cpu.Options{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			got := append([]float32(nil), a...)
			done := 0
			if err := inverse(t.Context(), dev, got, n, func(n int) { done = n }); err != nil || done != n {
				t.Fatal(err, done)
			}
			if err := dev.Close(); err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = got
				scale := want.At(0, 0)
				for r := range n {
					for c := range r + 1 {
						if d := math.Abs(float64(got[r*n+c]) + want.At(r, c)); !(d <= 1e-4*scale) {
							t.Fatalf("%d columns: element %d, %d is %v, want %v", n, r, c, got[r*n+c], -want.At(r, c))
						}
					}
				}
				continue
			}
			for r := range n {
				for c := range r + 1 {
					if math.Float32bits(got[r*n+c]) != math.Float32bits(first[r*n+c]) {
						t.Fatalf("%d columns, %d threads: element %d, %d is %v, with one thread %v", n, threads, r, c, got[r*n+c], first[r*n+c])
					}
				}
			}
		}
	}
}

// A matrix that is not positive definite is an error.
func TestInverseIndefinite(t *testing.T) {
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dev.Close() }()
	for _, a := range [][]float32{{0}, {1, 0, 2, 1}, {float32(math.NaN())}} {
		n := int(math.Sqrt(float64(len(a))))
		if err := inverse(t.Context(), dev, a, n, nil); !errors.Is(err, errIndefinite) {
			t.Errorf("%v: %v", a, err)
		}
	}
}
