package cpu

import (
	"fmt"
	"math"
	"testing"

	"debut/kernels"
	"debut/kernels/philox"
)

// sparse makes the arguments of rows with so many entries each, on average, of a factor of so many columns.
func sparse(rows, others, width, entries int) kernels.SolveRowsArgs {
	r := philox.New(3, 4)
	offsets, columns, weights, ridge := []int32{0}, []int32(nil), []float32(nil), []float32(nil)
	for range rows {
		for range r.IntN(2*entries + 1) {
			columns, weights = append(columns, int32(r.IntN(others))), append(weights, float32(r.Float64()))
		}
		offsets, ridge = append(offsets, int32(len(columns))), append(ridge, 0.1)
	}
	n := len(columns)
	return kernels.SolveRowsArgs{
		X: filled(rows, width), Y: filled(others, width), Offsets: kernels.NewMatrix(Wrap(offsets), rows+1, 1), Columns: kernels.NewMatrix(Wrap(columns), n, 1),
		Weights: kernels.NewMatrix(Wrap(weights), n, 1), Ridge: kernels.NewMatrix(Wrap(ridge), rows, 1), Loss: kernels.NewMatrix(Wrap(make([]float32, rows)), rows, 1),
	}
}

// Without a ridge, and with fewer entries than columns or the same rows again, there are many solutions. One of them is found, by both
// methods: the entries are met.
func TestUndeterminedRows(t *testing.T) {
	eachLevel(t, func(t *testing.T, level string) {
		dev := openAt(t, level, 2)
		defer func() { _ = dev.Close() }()
		y := make([]float32, 3*8)
		for i := range 8 {
			y[i], y[8+i], y[16+i] = float32(i), float32(i), float32(8-i*i%5)
		}
		for _, steps := range []int{0, 20} {
			a := kernels.SolveRowsArgs{
				X: kernels.NewMatrix(Wrap(make([]float32, 3*8)), 3, 8), Y: kernels.NewMatrix(Wrap(y), 3, 8), Offsets: kernels.NewMatrix(Wrap([]int32{0, 3, 3, 4}), 4, 1),
				Columns: kernels.NewMatrix(Wrap([]int32{0, 1, 2, 7}), 4, 1), Weights: kernels.NewMatrix(Wrap([]float32{1, 2, 1, 1}), 4, 1),
				Targets: kernels.NewMatrix(Wrap([]float32{5, 5, -3, 2}), 4, 1), Ridge: kernels.NewMatrix(Wrap(make([]float32, 3)), 3, 1),
				Loss: kernels.NewMatrix(Wrap(make([]float32, 3)), 3, 1), Steps: steps,
			}
			k, err := dev.SolveRows(a)
			if err != nil {
				t.Fatal(err)
			}
			if err := k.Run(); err != nil {
				t.Fatal(err)
			}
			x, loss := Slice[float32](a.X.Buf), Slice[float32](a.Loss.Buf)
			for e, want := range []float64{5, 5, -3} {
				if got := dot(x[:8], y[8*e:8*e+8]); math.Abs(float64(got)-want) > 1e-4 {
					t.Errorf("%d steps: entry %d is met with %v, want %v", steps, e, got, want)
				}
			}
			for i, v := range x[8:] {
				if v != 0 {
					t.Errorf("%d steps: a row without entries has %v at %d", steps, v, i)
				}
			}
			if math.Abs(float64(loss[0])) > 1e-3 || loss[1] != 0 || loss[2] != 4 {
				t.Errorf("%d steps: what is left is %v", steps, loss)
			}
		}
	})
}

// Offsets that are out of order or beyond the entries make no kernel read elsewhere.
func TestBrokenOffsets(t *testing.T) {
	dev := open(t, 2)
	defer func() { _ = dev.Close() }()
	a := sparse(4, 5, 3, 4)
	copy(Slice[int32](a.Offsets.Buf), []int32{-7, 1 << 30, 2, -1 << 31, 1<<31 - 1})
	for _, a.Steps = range []int{0, 2} {
		k, err := dev.SolveRows(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Run(); err != nil {
			t.Fatal(err)
		}
	}
}

// What is no number in a factor shows in the rows that see it, and in no other.
func TestNaNShows(t *testing.T) {
	eachLevel(t, func(t *testing.T, level string) {
		dev := openAt(t, level, 1)
		defer func() { _ = dev.Close() }()
		for _, steps := range []int{0, 2} {
			a := sparse(6, 9, 5, 3)
			a.Steps = steps
			Slice[float32](a.Y.Buf)[5*4+1] = float32(math.NaN())
			k, err := dev.SolveRows(a)
			if err != nil {
				t.Fatal(err)
			}
			if err := k.Run(); err != nil {
				t.Fatal(err)
			}
			offsets, columns, x := Slice[int32](a.Offsets.Buf), Slice[int32](a.Columns.Buf), Slice[float32](a.X.Buf)
			for r := range 6 {
				sees := false
				for _, c := range columns[offsets[r]:offsets[r+1]] {
					sees = sees || c == 4
				}
				if bad := math.IsNaN(float64(dot(x[5*r:5*r+5], x[5*r:5*r+5]))); bad != sees {
					t.Errorf("%d steps: row %d sees the NaN: %t, is NaN: %t", steps, r, sees, bad)
				}
			}
		}
	})
}

// BenchmarkSolveRows measures half a sweep of a shop's size.
func BenchmarkSolveRows(b *testing.B) {
	for _, width := range []int{64, 128} {
		for _, steps := range []int{0, 3} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("width=%d/steps=%d/threads=%d", width, steps, threads), func(b *testing.B) {
					dev, err := New(Options{Threads: threads})
					if err != nil {
						b.Fatal(err)
					}
					defer func() { _ = dev.Close() }()
					a := sparse(29858, 40981, width, 27)
					a.Gram, a.GramWeight, a.Steps = filled(width, width), 0, steps
					k, err := dev.SolveRows(a)
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
}
