package cpu

import (
	"math"
	"testing"
)

// TestReaches finds an element at every place of slices of every length about those of vectors, and nothing behind their end.
func TestReaches(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, level := range levels() {
		find := loopsOf(level).reaches
		for n := range 70 {
			memory := make([]float32, n+64)
			for i := range memory {
				memory[i] = -1
				if i >= n {
					memory[i] = inf // never to be looked at
				}
			}
			x := memory[:n]
			for _, floor := range []float32{0, inf} {
				if got := find(x, floor); got != n {
					t.Fatalf("%s: %d of %d elements below %v are found", level, got, n, floor)
				}
			}
			if n == 0 {
				continue
			}
			if got := find(x, -inf); got != 0 {
				t.Fatalf("%s: element %d reaches −∞ first", level, got)
			}
			for at := range n {
				for _, v := range []float32{0, 1, inf, nan} {
					x[at] = v
					x[n-1] = max(x[n-1], 0) // a later one does not matter
					if got := find(x, 0); got != at {
						t.Fatalf("%s: %v at %d of %d is found at %d", level, v, at, n, got)
					}
					x[at], x[n-1] = -1, -1
				}
			}
		}
	}
}
