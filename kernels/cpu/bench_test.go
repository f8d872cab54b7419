package cpu

import (
	"fmt"
	"testing"

	"debut/kernels"
)

// BenchmarkGemm measures products of the shapes that networks and speed comparisons use.
func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct {
		m, n, k        int
		transA, transB bool
	}{
		{1024, 1024, 1024, false, false},
		{1024, 1024, 1024, true, false},
		{1024, 1024, 1024, false, true},
		{8192, 512, 256, false, false},
		{8192, 512, 256, true, false},
		{8192, 512, 256, false, true},
		{1024, 512, 256, false, false},
		{256, 512, 1024, true, false},
		{1024, 1, 256, false, false},
		{256, 1, 1024, true, false},
		{64, 64, 64, false, false},
		{8, 8, 8, false, false},
	} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%dx%dx%d/transA=%t/transB=%t/threads=%d", s.m, s.n, s.k, s.transA, s.transB, threads), func(b *testing.B) {
				dev, err := New(Options{Threads: threads})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = dev.Close() }()
				args := kernels.GemmArgs{TransA: s.transA, TransB: s.transB, C: filled(s.m, s.n), A: filled(s.m, s.k), B: filled(s.k, s.n)}
				if s.transA {
					args.A = filled(s.k, s.m)
				}
				if s.transB {
					args.B = filled(s.n, s.k)
				}
				k, err := dev.Gemm(args)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := k.Run(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(k.Cost().FLOPs*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

// filled returns a dense matrix of small numbers.
func filled(rows, cols int) kernels.Matrix {
	s := make([]float32, rows*cols)
	for i := range s {
		s[i] = float32(i*7919%1000)/1000 - 0.5
	}
	return kernels.NewMatrix(Wrap(s), rows, cols)
}
