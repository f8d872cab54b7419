package cpu

import (
	"math"
	"testing"

	"debut/kernels"
	"debut/kernels/kerneltest"
)

// TestFunctionErrors checks the errors that the assembly states of its functions, over all magnitudes, in units of 2⁻²⁴, relative.
func TestFunctionErrors(t *testing.T) {
	const n = 1 << 16
	x := make([]float32, n)
	for i := range x {
		switch i % 4 {
		case 0: // where the functions bend
			x[i] = 20 * (float32(i)/n - 0.5)
		case 1: // up to where an exponential ends
			x[i] = 180 * (float32(i)/n - 0.5)
		case 2: // about the border of two formulas
			x[i] = 0.625 + (float32(i)/n-0.5)/1e3
		default: // everywhere
			x[i] = math.Float32frombits(uint32(i) * (1<<16 + 1))
		}
	}
	eachLevel(t, func(t *testing.T, level string) {
		l := loopsOf(level)
		for _, a := range kernels.Activations() {
			f := kerneltest.FormulaOf(a)
			y := make([]float32, n)
			l.activate[a](y, x)
			worst, where := 0.0, float32(0)
			for i, v := range x {
				if e := relativeError(float64(y[i]), f.Apply(float64(v)), max(f.Lost, 1)); e > worst {
					worst, where = e, v
				}
			}
			if worst > f.Error {
				t.Errorf("%v(%v) is wrong by %.2f·2⁻²⁴, more than %v", a, where, worst, f.Error)
			}
			t.Logf("%v: at most %.2f·2⁻²⁴, at %v", a, worst, where)
		}
		// The logistic loss against a target of 0.5 is log(1+exp(−|p|)) + |p|/2.
		worst, where := 0.0, float32(0)
		one, half := make([]float32, 1), []float32{0.5}
		for i := 0; i < n; i += 3 {
			one[0] = x[i]
			p := math.Abs(float64(x[i]))
			if e := relativeError(l.logisticRow(one, half, nil, 1), math.Log1p(math.Exp(-p))+p/2, 1); e > worst {
				worst, where = e, x[i]
			}
		}
		if worst > 4 {
			t.Errorf("logistic loss of %v is wrong by %.2f·2⁻²⁴", where, worst)
		}
	})
}

// relativeError returns the error in units of 2⁻²⁴; numbers below so many of float32's smallest normal one may be lost.
func relativeError(got, want, lost float64) float64 {
	lost *= 0x1p-126
	switch {
	case math.IsNaN(want):
		if math.IsNaN(got) {
			return 0
		}
		return math.Inf(1)
	case got == want:
		return 0
	case math.Abs(want) < lost:
		if math.Abs(got) <= lost {
			return 0
		}
		return math.Inf(1)
	}
	return math.Abs(got-want) / math.Abs(want) * (1 << 24)
}

// TestLoopsOfAllLengths compares the loops of the levels with plain Go for all short lengths, at all offsets in a vector, with
// canaries before and behind.
func TestLoopsOfAllLengths(t *testing.T) {
	plain := genericLoops[float32]()
	type loop struct {
		name string
		run  func(l *loops[float32], n int, s [4][]float32)
	}
	h := &hyper[float32]{
		rate: 0.1, factor: 0.5, correct1: 2, correct2: 3, momentum: 0.8, beta1: 0.75, beta2: 0.875, oneMinus1: 0.25, oneMinus2: 0.125,
		epsilon: 0x1p-10, l2: 0.25, keep: 0.5,
	}
	m := &mask[float32]{key: [2]uint32{1, 2}, threshold: 1 << 30, scale: 1.5, low: 3, high: 4}
	m.setRounds()
	var all []loop
	for _, a := range kernels.Activations() {
		all = append(all,
			loop{a.String(), func(l *loops[float32], _ int, s [4][]float32) { l.activate[a](s[0], s[1]) }},
			loop{a.String() + " gradient", func(l *loops[float32], _ int, s [4][]float32) { l.activateGrad[a](s[0], s[1], s[2]) }},
		)
	}
	for _, k := range kernels.Optimizers() {
		all = append(all, loop{k.String(), func(l *loops[float32], _ int, s [4][]float32) { l.update[k](h, s[0], s[1], s[2], s[3]) }})
	}
	all = append(all,
		loop{"add", func(l *loops[float32], _ int, s [4][]float32) { l.add(s[0], s[1], s[2]) }},
		loop{"multiply", func(l *loops[float32], _ int, s [4][]float32) { l.multiply(s[0], s[1], s[2]) }},
		loop{"axpy", func(l *loops[float32], _ int, s [4][]float32) { l.axpy(0.3, s[0], s[1]) }},
		loop{"dot", func(l *loops[float32], _ int, s [4][]float32) {
			if d := l.dot(s[0], s[1]); len(s[2]) > 0 {
				s[2][0] = d
			}
		}},
		loop{"squares", func(l *loops[float32], _ int, s [4][]float32) {
			if d := l.sumSquares(s[0]); len(s[2]) > 0 {
				s[2][0] = float32(d)
			}
		}},
		loop{"dropout", func(l *loops[float32], n int, s [4][]float32) { l.dropout(s[0], s[1], m, n) }},
		loop{"logistic loss", func(l *loops[float32], n int, s [4][]float32) {
			sum := l.logisticRow(s[0], s[1], s[2], 0.7) + l.logisticRow(s[0], s[1], nil, 0.7)
			sum += l.logisticColumn(s[0], s[1], s[2], s[3], 0.7) + l.logisticColumn(s[0], s[1], s[2], nil, 0.7)
			if n > 0 {
				s[2][0] = float32(sum)
			}
		}},
	)
	eachLevel(t, func(t *testing.T, level string) {
		l := loopsOf(level)
		for _, f := range all {
			for n := range 150 {
				offset := 16 + n%17
				var got, want [4][]float32
				var memory [4][]float32
				for i := range got {
					memory[i] = make([]float32, offset+n+16)
					want[i] = make([]float32, n)
					for j := range memory[i] {
						memory[i][j] = canary
					}
					got[i] = memory[i][offset : offset+n]
					for j := range n {
						v := float32((j*7919+i*104729)%1000)/500 + 0.001 // positive, as second moments are
						got[i][j], want[i][j] = v, v
					}
				}
				f.run(l, n, got)
				f.run(plain, n, want)
				for i := range got {
					for j, v := range memory[i] {
						if inside := j >= offset && j < offset+n; !inside && math.Float32bits(v) != math.Float32bits(canary) {
							t.Fatalf("%s, %d elements: operand %d: place %d outside was written", f.name, n, i, j-offset)
						}
					}
					for j, w := range want[i] {
						if d := math.Abs(float64(got[i][j] - w)); !(d <= 4e-6*(1+math.Abs(float64(w)))) {
							t.Fatalf("%s, %d elements: operand %d: element %d is %v, want %v", f.name, n, i, j, got[i][j], w)
						}
					}
				}
			}
		}
	})
}
