package kerneltest

import (
	"fmt"
	"math"

	"debut/kernels"
)

var _ = register("dense algebra", offers[kernels.DenseAlgebra], denseForms)

func denseForms(s scale) []form {
	shapes := [][3]int{{65, 33, 40}}
	switch s {
	case conformance:
		shapes = [][3]int{
			{1, 1, 1}, {3, 17, 5}, {17, 3, 64}, {64, 64, 64}, {65, 129, 33}, {70, 65, 300}, {66, 270, 20}, {2, 1030, 3}, {7, 8, 1},
			{1, 70, 300}, {1, 300, 17}, {5, 1, 300}, {300, 1, 129}, {3, 1, 1}, {1, 1, 130}, {0, 5, 4}, {4, 0, 5}, {4, 5, 0}, {5, 1, 0}, {1, 5, 0},
		}
	case large:
		shapes = [][3]int{{300, 270, 300}, {70, 1100, 20}, {700, 1, 330}, {1, 700, 330}}
	}
	activations := kernels.Activations()
	var forms []form
	for i, shape := range shapes {
		m, n, k := shape[0], shape[1], shape[2]
		for j, trans := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
			forms = append(forms, gemm(m, n, k, trans, true, false, activations[(i+j)%len(activations)]))
			forms = append(forms, gemm(m, n, k, trans, false, true, kernels.Identity))
			if s == large {
				continue
			}
			forms = append(forms, gemm(m, n, k, trans, false, false, activations[(i+j+1)%len(activations)]))
			if i == 1 {
				for _, a := range activations {
					forms = append(forms, gemm(m, n, k, trans, true, false, a), gemm(m, n, k, trans, false, false, a))
				}
			}
		}
	}
	if s == conformance {
		forms = append(forms, gemmNaN())
	}
	return forms
}

func gemm(m, n, k int, trans [2]bool, bias, accumulate bool, act kernels.Activation) form {
	a := operand{name: "A", rows: m, cols: k, count: batchCount, fill: uniform(1, -1, 1)}
	b := operand{name: "B", rows: k, cols: n, fill: uniform(2, -1, 1)}
	c := operand{name: "C", rows: m, cols: n}
	if trans[0] {
		// The batch is what is summed over.
		a.rows, a.cols = k, m
		if !trans[1] {
			b.count = batchCount
		}
	} else {
		c.count = batchCount
	}
	if trans[1] {
		b.rows, b.cols = n, k
	}
	if accumulate {
		c.fill = uniform(3, -1, 1)
	}
	f := form{
		name:     fmt.Sprintf("gemm %d×%d×%d, transposed %v, bias %t, accumulate %t, %v", m, n, k, trans, bias, accumulate, act),
		operands: []operand{a, b, c},
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.DenseAlgebra](d).Gemm(kernels.GemmArgs{
				TransA: trans[0], TransB: trans[1], A: m("A"), B: m("B"), C: m("C"), Bias: m("bias"), Activation: act, Accumulate: accumulate,
			})
		},
	}
	if bias {
		f.operands = append(f.operands, operand{name: "bias", rows: 1, cols: n, fill: uniform(4, -1, 1), optional: true})
	}
	formula := FormulaOf(act)
	f.want = func(valid int, x *trial) {
		rows, depth := m, k
		if trans[0] {
			depth = valid
		} else {
			rows = valid
		}
		u, ta, tb := x.roundoff(), x.tensors["A"], x.tensors["B"]
		for i := range rows {
			for j := range n {
				sum, size := 0.0, 0.0
				for l := range depth {
					ar, ac, br, bc := i, l, l, j
					if trans[0] {
						ar, ac = l, i
					}
					if trans[1] {
						br, bc = j, l
					}
					p := ta.at(ar, ac) * tb.at(br, bc)
					sum += p
					size += math.Abs(p)
				}
				if bias {
					sum += x.at("bias", 0, j)
					size += math.Abs(x.at("bias", 0, j))
				}
				if accumulate {
					sum += x.at("C", i, j)
					size += math.Abs(x.at("C", i, j))
				}
				want := formula.Apply(sum)
				// Each term is rounded once as a product and at most depth+1 times in sums.
				x.expect("C", i, j, want, formula.Steepest*float64(depth+2)*u*size+functionError*u*math.Abs(want))
			}
		}
	}
	return f
}

// gemmNaN checks that a NaN reaches its row of the product, through the activation, and no other.
func gemmNaN() form {
	const m, n, k = 6, 9, 5
	f := gemm(m, n, k, [2]bool{}, true, false, kernels.ReLU)
	f.name = "gemm with NaN"
	clean := f.operands[0].fill
	f.operands[0].fill = func(r, c int) float64 {
		if r == 2 && c == 3 {
			return math.NaN()
		}
		return clean(r, c)
	}
	return f
}
