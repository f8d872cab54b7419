package linear

import (
	"context"
	"testing"

	"debut/kernels/pool"
)

func BenchmarkFit(b *testing.B) {
	for name, p := range map[string]*Problem{
		"adult":   random(1, Logistic, 26000, 6, []int{9, 16, 7, 15, 6, 5, 2, 42}, 1, 1),
		"ids":     random(1, Logistic, 300000, 10, []int{32000, 18000, 5}, 1, 1),
		"numbers": random(1, Logistic, 50000, 100, nil, 1, 1),
		"softmax": random(1, Softmax, 20000, 10, []int{20, 50}, 8, 1),
	} {
		b.Run(name, func(b *testing.B) {
			w := pool.New(2)
			defer w.Close()
			for range b.N {
				f, err := Fit(context.Background(), p, w, func(i int, f float64) { b.Logf("%d %v", i, f) })
				if err != nil {
					b.Fatal(err)
				}
				b.Logf("%d iterations, converged %v", f.Iterations, f.Converged)
			}
		})
	}
}
