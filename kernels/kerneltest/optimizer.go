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
			forms = append(forms, update(r, c, k, false))
			if r <= tableRows {
				forms = append(forms, update(r, c, k, true))
			}
		}
	}
	return forms
}

func update(r, c int, kind kernels.OptimizerKind, sparse bool) form {
	// Variables, for constants would make 1−β exact, which it is not of the β that a device is given.
	momentum, beta1, beta2 := 0.8, 0.9, 0.999
	epsilon, l2, decay := 1e-6, 0.02, 0.1
	hyper := []float64{kernels.HyperRate: 0.05, kernels.HyperFactor: 0.7, kernels.HyperCorrect1: 1.5, kernels.HyperCorrect2: 40}
	rows, count := r, batchCount
	if sparse {
		rows, count = tableRows, noCount
	}
	f := form{
		name: fmt.Sprintf("%v update of %d×%d, sparse %t", kind, r, c, sparse),
		operands: []operand{
			{name: "Param", rows: rows, cols: c, count: count, fill: uniform(1, -1, 1)},
			{name: "Grad", rows: r, cols: c, count: batchCount, fill: uniform(2, -1, 1)},
			{name: "Hyper", rows: 1, cols: kernels.HyperLen, fill: func(_, c int) float64 { return hyper[c] }},
		},
	}
	hasM, hasV := kind.States()
	if hasM {
		f.operands = append(f.operands, operand{name: "M", rows: rows, cols: c, count: count, fill: uniform(3, -1, 1)})
	}
	if hasV {
		// Some are 0, as before the first step: there the second moment is (1−β₂)g² alone, and its digits show.
		some := uniform(4, 0.1, 1)
		f.operands = append(f.operands, operand{name: "V", rows: rows, cols: c, count: count, fill: func(r, c int) float64 {
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
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return must[kernels.Optimizer](d).Update(kernels.UpdateArgs{
			Kind: kind, Param: m("Param"), Grad: m("Grad"), M: m("M"), V: m("V"), Rows: m("Rows"), Hyper: m("Hyper"),
			Momentum: momentum, Beta1: beta1, Beta2: beta2, Epsilon: epsilon, L2: l2, WeightDecay: decay,
		})
	}
	f.want = func(n int, x *trial) {
		u := x.roundoff()
		rate, factor := x.at("Hyper", 0, kernels.HyperRate), x.at("Hyper", 0, kernels.HyperFactor)
		c1, c2 := x.at("Hyper", 0, kernels.HyperCorrect1), x.at("Hyper", 0, kernels.HyperCorrect2)
		for i := range n {
			for j := range c {
				at := row(i)
				w, grad := x.at("Param", at, j), x.at("Grad", i, j)
				g := factor*grad + l2*w
				var m, v float64
				if hasM {
					m = x.at("M", at, j)
				}
				if hasV {
					v = x.at("V", at, j)
				}
				// size bounds the terms of the step, so that what cancels counts in full.
				size := math.Abs(factor*grad) + math.Abs(l2*w)
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
