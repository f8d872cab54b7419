package metrics

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The order of a radix sort is that of comparing: for numbers of every size, ties, both zeros, and few distinct digits.
func TestDescending(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sources := map[string]func() float64{
		"bits": func() float64 {
			for {
				if v := math.Float64frombits(r.Uint64()); v-v == 0 {
					return v
				}
			}
		},
		"logits": func() float64 { return float64(float32(r.NormFloat64() * 3)) },
		"ties":   func() float64 { return float64(r.IntN(7)-3) / 2 },
		"zeros":  func() float64 { return math.Copysign(0, r.Float64()-0.5) },
		"same":   func() float64 { return -1.5 },
		"tiny":   func() float64 { return math.Copysign(math.SmallestNonzeroFloat64*float64(r.IntN(5)), r.Float64()-0.5) },
	}
	for name, draw := range sources {
		for _, n := range []int{0, 1, 2, 100, fewScores, fewScores + 1, 20_000} {
			scores := make([]float64, n)
			want := make([]uint32, n)
			for i := range scores {
				scores[i], want[i] = draw(), uint32(i)
			}
			slices.SortFunc(want, func(a, b uint32) int { return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b)) })
			if got := descending[uint32](scores); !slices.Equal(got, want) {
				t.Errorf("%s, %d scores: another order", name, n)
			}
			for i, k := range descending[uint64](scores) {
				if uint32(k) != want[i] {
					t.Fatalf("%s, %d scores, 64 bits: another order", name, n)
				}
			}
		}
	}
}

func BenchmarkDescending(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	scores := make([]float64, 1_000_000)
	for i := range scores {
		scores[i] = float64(float32(r.NormFloat64()))
	}
	for b.Loop() {
		descending[uint32](scores)
	}
}
