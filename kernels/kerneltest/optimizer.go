package kerneltest

import (
	"fmt"
	"math"

	"debut/kernels"
)

// tableRows is the number of rows of the tables that sparse updates and gathers work on.
const tableRows = 300

var _ = register("optimizer", offers[kernels.Optimizer], optimizerForms)

func optimizerForms(s scale) []form {
	var forms []form
	for _, shape := range shapesOf(s) {
		r, c := shape[0], shape[1]
		for _, k := range kernels.Optimizers() {
			forms = append(forms, update(r, c, k, false, false))
			if r <= tableRows {
				forms = append(forms, update(r, c, k, true, false))
				if k == kernels.SGD || k == kernels.AdamW || k == kernels.RowwiseAdagrad {
					forms = append(forms, update(r, c, k, true, true))
				}
			}
		}
	}
	return forms
}

// update is of all rows of a parameter or, sparse, of some, where L2 may be by occurrence.
func update(r, c int, kind kernels.OptimizerKind, sparse, byOccurrence bool) form {
	// Variables, for constants would make 1−β exact, which it is not of the β that a device is given.
	momentum, beta1, beta2 := 0.8, 0.9, 0.999
	epsilon, l2, decay := 1e-6, 0.02, 0.1
	l1, beta := 0.05, 0.5
	hyper := []float64{kernels.HyperRate: 0.05, kernels.HyperFactor: 0.7, kernels.HyperCorrect1: 1.5, kernels.HyperCorrect2: 40, kernels.HyperShare: 0.3}
	rows, count := r, batchCount
	if sparse {
		rows, count = tableRows, noCount
	}
	state := kind.StateCols(c)
	f := form{
		name: fmt.Sprintf("%v update of %d×%d, sparse %t, L2 by occurrence %t", kind, r, c, sparse, byOccurrence),
		operands: []operand{
			{name: "Param", rows: rows, cols: c, count: count, fill: uniform(1, -1, 1)},
			{name: "Grad", rows: r, cols: c, count: batchCount, fill: uniform(2, -1, 1)},
			{name: "Hyper", rows: 1, cols: kernels.HyperLen, fill: func(_, c int) float64 { return hyper[c] }},
		},
	}
	hasM, hasV := kind.States()
	moments := uniform(3, -1, 1)
	if hasM {
		f.operands = append(f.operands, operand{name: "M", rows: rows, cols: state, count: count, fill: func(r, c int) float64 {
			if kind == kernels.FTRL && r%6 == 0 { // as before the first step, with V
				return 0
			}
			return moments(r, c)
		}})
	}
	if hasV {
		// Some are 0, as before the first step: there the second moment is (1−β₂)g² alone, and its digits show.
		some := uniform(4, 0.1, 1)
		f.operands = append(f.operands, operand{name: "V", rows: rows, cols: state, count: count, fill: func(r, c int) float64 {
			if r%3 == 0 {
				return 0
			}
			return some(r, c)
		}})
	}
	row := func(i int) int { return i }
	if sparse {
		row = func(i int) int { return (i*77 + 5) % tableRows } // 77 and 300 share no factor: rows are distinct
		f.operands = append(f.operands, operand{name: "Rows", dtype: kernels.Int32, rows: r, cols: 1, count: batchCount, optional: true, fill: func(r, _ int) float64 {
			return float64(row(r))
		}})
	}
	start := func(i int) float64 { return float64(3*i + i%3) } // three occurrences of a row, or four, or one
	if byOccurrence {
		f.operands = append(f.operands, operand{name: "Starts", dtype: kernels.Int32, rows: r + 1, cols: 1, optional: true, fill: func(r, _ int) float64 { return start(r) }})
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return must[kernels.Optimizer](d).Update(kernels.UpdateArgs{
			Kind: kind, Param: m("Param"), Grad: m("Grad"), M: m("M"), V: m("V"), Rows: m("Rows"), Starts: m("Starts"), Hyper: m("Hyper"),
			Momentum: momentum, Beta1: beta1, Beta2: beta2, Epsilon: epsilon, L1: l1, Beta: beta, L2: l2, WeightDecay: decay,
		})
	}
	f.want = func(n int, x *trial) {
		u := x.roundoff()
		rate, factor := x.at("Hyper", 0, kernels.HyperRate), x.at("Hyper", 0, kernels.HyperFactor)
		c1, c2 := x.at("Hyper", 0, kernels.HyperCorrect1), x.at("Hyper", 0, kernels.HyperCorrect2)
		for i := range n {
			at, l2 := row(i), l2
			if byOccurrence {
				l2 *= x.at("Hyper", 0, kernels.HyperShare) * (start(i+1) - start(i))
			}
			// gradient returns that of a column, and the size of its terms, so that what cancels counts in full.
			gradient := func(j int) (g, size float64) {
				grad, decay := factor*x.at("Grad", i, j), l2*x.at("Param", at, j)
				return grad + decay, math.Abs(grad) + math.Abs(decay)
			}
			var squares, squaresSize float64 // of a row
			if kind == kernels.RowwiseAdagrad && c > 0 {
				for j := range c {
					g, size := gradient(j)
					squares += g * g / float64(c)
					squaresSize += size * size / float64(c)
				}
				v := x.at("V", at, 0)
				squares, squaresSize = squares+v, squaresSize+v
				x.expect("V", at, 0, squares, float64(c+8)*u*squaresSize)
			}
			for j := range c {
				w := x.at("Param", at, j)
				g, size := gradient(j)
				var m, v float64
				if hasM {
					m = x.at("M", at, j)
				}
				if hasV && state == c {
					v = x.at("V", at, j)
				}
				step := g
				switch kind {
				case kernels.Momentum, kernels.Nesterov:
					size += math.Abs(momentum * m)
					m = momentum*m + g
					step = m
					if kind == kernels.Nesterov {
						step = g + momentum*m
						size *= 2
					}
					x.expect("M", at, j, m, 8*u*size)
				case kernels.Adam, kernels.AdamW:
					mSize := beta1*math.Abs(m) + (1-beta1)*size
					m = beta1*m + (1-beta1)*g
					x.expect("M", at, j, m, 8*u*mSize)
					vSize := beta2*v + (1-beta2)*size*size
					v = beta2*v + (1-beta2)*g*g
					x.expect("V", at, j, v, 8*u*vSize)
					root := math.Sqrt(v*c2) + epsilon
					step, size = m*c1/root, mSize*c1/root*(vSize/v)
				case kernels.Adagrad:
					vSize := v + size*size
					v += g * g
					x.expect("V", at, j, v, 8*u*vSize)
					root := math.Sqrt(v) + epsilon
					step, size = g/root, size/root*(vSize/v)
				case kernels.RowwiseAdagrad:
					root := math.Sqrt(squares) + epsilon
					step, size = g/root, size/root*(squaresSize/squares)*float64(c+8)/8
				case kernels.FTRL:
					g := factor * x.at("Grad", i, j)
					if m == 0 && v == 0 {
						m = -w * (beta/rate + l2)
					}
					root := math.Sqrt(v + g*g)
					moved := (root - math.Sqrt(v)) / rate * w
					z := m + g - moved
					// The roots are rounded before they are subtracted.
					wrong := 8 * u * (math.Abs(m) + math.Abs(g) + math.Abs(w)*(root+math.Sqrt(v))/rate)
					x.expect("M", at, j, z, wrong)
					x.expect("V", at, j, v+g*g, 8*u*(v+g*g))
					scale := (beta+root)/rate + l2
					want := 0.0
					if math.Abs(z) > l1 {
						want = (math.Copysign(l1, z) - z) / scale
					}
					x.expect("Param", at, j, want, (wrong+8*u*(math.Abs(z)+l1))/scale)
					continue
				}
				want := w - rate*step
				if kind == kernels.AdamW {
					want -= rate * decay * w
				}
				x.expect("Param", at, j, want, 4*u*math.Abs(w)+32*u*rate*size)
			}
		}
	}
	return f
}
