package cpu

import (
	"flag"
	"fmt"
	"math"
	"testing"

	"debut/kernels"
	"debut/kernels/kerneltest"
	"debut/kernels/philox"
)

var gemmCases = flag.Int("gemm-cases", 2000, "random products to check at each level")

// canary stands around every operand: an output must leave it alone, an input that is read beyond its view spoils sums.
var canary = math.Float32frombits(0x7fc0dead) // a NaN

// randomMatrix returns a view of rows × cols at a random offset and stride in a buffer of canaries, and its values.
func randomMatrix(rnd *philox.Stream, rows, cols int, fill bool) (kernels.Matrix, []float32) {
	offset, stride := rnd.IntN(20), cols+rnd.IntN(4)*rnd.IntN(9)
	s := make([]float32, offset+rows*stride+rnd.IntN(40))
	for i := range s {
		s[i] = canary
	}
	if fill {
		for r := range rows {
			for c := range cols {
				s[offset+r*stride+c] = float32(rnd.IntN(2001)-1000) / 1000
			}
		}
	}
	return kernels.Matrix{Buf: Wrap(s), Offset: offset, Rows: rows, Cols: cols, Stride: stride}, s
}

func at(m kernels.Matrix, s []float32, r, c int) float64 {
	return float64(s[m.Offset+r*m.Stride+c])
}

// Products of random shapes, strides, offsets, transposes and epilogues against sums in float64.
func TestRandomGemm(t *testing.T) {
	cases := *gemmCases
	if testing.Short() {
		cases /= 20
	}
	eachLevel(t, func(t *testing.T, level string) {
		dev := openAt(t, level, 2)
		defer func() {
			if err := dev.Close(); err != nil {
				t.Error(err)
			}
		}()
		for i := range cases {
			if err := checkRandomGemm(dev, uint64(i)); err != nil {
				t.Fatalf("case %d: %v", i, err)
			}
		}
	})
}

func checkRandomGemm(dev *Device, seed uint64) error {
	rnd := philox.New(seed, 77)
	side := func() int { // mostly about a tile, now and then several, or just none over
		switch rnd.IntN(12) {
		case 0:
			return 1
		case 1:
			return 12 * (1 + rnd.IntN(6))
		case 2:
			return 32 * (1 + rnd.IntN(4))
		case 3:
			return 60 + rnd.IntN(100)
		}
		return 1 + rnd.IntN(40)
	}
	m, n, k := side(), side(), side()
	if rnd.IntN(40) == 0 {
		k = 250 + rnd.IntN(400) // more than one block of depth
	}
	if rnd.IntN(200) == 0 {
		n = 250 + rnd.IntN(1000) // more than one block of columns, or than are packed at once
	}
	args := kernels.GemmArgs{TransA: rnd.IntN(2) == 0, TransB: rnd.IntN(2) == 0}
	shape := func(r, c int, transposed bool) (kernels.Matrix, []float32) {
		if transposed {
			r, c = c, r
		}
		return randomMatrix(rnd, r, c, true)
	}
	var a, b, c, bias []float32
	args.A, a = shape(m, k, args.TransA)
	args.B, b = shape(k, n, args.TransB)
	args.Accumulate = rnd.IntN(4) == 0
	args.C, c = randomMatrix(rnd, m, n, args.Accumulate)
	if !args.Accumulate {
		args.Activation = kernels.Activation(rnd.IntN(4))
		if rnd.IntN(2) == 0 {
			args.Bias, bias = randomMatrix(rnd, 1, n, true)
		}
	}
	old := append([]float32(nil), c...)
	kernel, err := dev.Gemm(args)
	if err != nil {
		return err
	}
	if err := kernel.Run(); err != nil {
		return err
	}
	op := func(x kernels.Matrix, s []float32, transposed bool, i, j int) float64 {
		if transposed {
			i, j = j, i
		}
		return at(x, s, i, j)
	}
	inside := make([]bool, len(c))
	what := fmt.Sprintf("%dx%dx%d transA=%v transB=%v accumulate=%v bias=%v %v", m, n, k, args.TransA, args.TransB, args.Accumulate, bias != nil, args.Activation)
	for i := range m {
		for j := range n {
			sum, size := 0.0, 0.0
			for l := range k {
				p := op(args.A, a, args.TransA, i, l) * op(args.B, b, args.TransB, l, j)
				sum += p
				size += math.Abs(p)
			}
			place := args.C.Offset + i*args.C.Stride + j
			inside[place] = true
			if args.Accumulate {
				sum += float64(old[place])
			}
			if bias != nil {
				sum += at(args.Bias, bias, 0, j)
			}
			sum = kerneltest.FormulaOf(args.Activation).Apply(sum)
			// k+2 roundings, each of half a unit in the last place of a partial sum that is at most size+2
			bound := float64(k+2) * 0x1p-24 * (size + 2)
			if d := math.Abs(float64(c[place]) - sum); !(d <= bound+1e-6) {
				return fmt.Errorf("%s: element (%d, %d) is %v, want %v", what, i, j, c[place], sum)
			}
		}
	}
	for i, v := range c {
		if !inside[i] && math.Float32bits(v) != math.Float32bits(old[i]) {
			return fmt.Errorf("%s: place %d outside of C was written", what, i)
		}
	}
	return nil
}
