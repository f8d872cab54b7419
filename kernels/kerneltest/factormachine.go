package kerneltest

import (
	"fmt"
	"math"

	"debut/kernels"
)

var _ = register("factor machines", offers[kernels.FactorMachines], factorMachineForms)

// fieldShape is rows of fields with so many factors for each output.
type fieldShape struct{ rows, fields, outputs, factors int }

func (s fieldShape) width() int { return s.outputs * (1 + s.factors) }
func (s fieldShape) String() string {
	return fmt.Sprintf("%d rows of %d fields, %d outputs of %d factors", s.rows, s.fields, s.outputs, s.factors)
}

func factorMachineForms(s scale) []form {
	shapes := []fieldShape{{17, 5, 2, 7}}
	switch s {
	case conformance:
		shapes = []fieldShape{{0, 2, 1, 4}, {1, 1, 1, 1}, {65, 10, 1, 16}, {40, 7, 3, 5}, {129, 2, 1, 33}, {33, 39, 1, 10}, {6, 70, 2, 40}}
	case large:
		shapes = []fieldShape{{3000, 20, 1, 32}}
	}
	var forms []form
	for _, shape := range shapes {
		forms = append(forms, factorMachine(shape, false), factorMachine(shape, true), factorMachineGrad(shape, false), factorMachineGrad(shape, true))
	}
	return forms
}

// sumOf is the sum of a column of the fields of a row, and of the sizes of its values.
func (s fieldShape) sumOf(x *trial, r, c int) (sum, size float64) {
	for f := range s.fields {
		v := x.at("X", r, f*s.width()+c)
		sum += v
		size += math.Abs(v)
	}
	return sum, size
}

func factorMachine(s fieldShape, bias bool) form {
	operands := []operand{
		{name: "X", rows: s.rows, cols: s.fields * s.width(), count: batchCount, fill: uniform(1, -1, 2)},
		{name: "Y", rows: s.rows, cols: s.outputs, count: batchCount},
	}
	if bias {
		operands = append(operands, operand{name: "Bias", rows: 1, cols: s.outputs, fill: uniform(2, -1, 1), optional: true})
	}
	return form{
		name:     fmt.Sprintf("factorization machine, %v, bias %t", s, bias),
		operands: operands,
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			a := kernels.FactorMachineArgs{X: m("X"), Y: m("Y"), Fields: s.fields}
			if bias {
				a.Bias = m("Bias")
			}
			return must[kernels.FactorMachines](d).FactorMachine(a)
		},
		want: func(n int, x *trial) {
			for i := range n {
				for o := range s.outputs {
					want, size := s.sumOf(x, i, o)
					if bias {
						want += x.at("Bias", 0, o)
						size++
					}
					for k := range s.factors {
						c := s.outputs + o*s.factors + k
						// Every pair by itself, which the kernel must not do.
						for f := range s.fields {
							for g := range f {
								want += x.at("X", i, f*s.width()+c) * x.at("X", i, g*s.width()+c)
							}
						}
						_, sizes := s.sumOf(x, i, c)
						size += sizes * sizes
					}
					x.expect("Y", i, o, want, float64(s.fields+s.factors+4)*x.roundoff()*size)
				}
			}
		},
	}
}

func factorMachineGrad(s fieldShape, inPlace bool) form {
	cols := s.fields * s.width()
	f := form{
		name: fmt.Sprintf("factorization machine gradient, %v, in place %t", s, inPlace),
		operands: []operand{
			{name: "X", rows: s.rows, cols: cols, count: batchCount, fill: uniform(1, -1, 2)},
			{name: "DY", rows: s.rows, cols: s.outputs, count: batchCount, fill: uniform(2, -1, 1)},
		},
		aliased: inPlace,
	}
	out := "X"
	if !inPlace {
		out = "DX"
		f.operands = append(f.operands, operand{name: "DX", rows: s.rows, cols: cols, count: batchCount})
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return must[kernels.FactorMachines](d).FactorMachineGrad(kernels.FactorMachineGradArgs{X: m("X"), DY: m("DY"), DX: m(out), Fields: s.fields})
	}
	f.want = func(n int, x *trial) {
		for i := range n {
			for c := range s.width() {
				sum, size := s.sumOf(x, i, c)
				for field := range s.fields {
					j := field*s.width() + c
					if c < s.outputs {
						x.expect(out, i, j, x.at("DY", i, c), 0)
						continue
					}
					g := x.at("DY", i, (c-s.outputs)/s.factors)
					x.expect(out, i, j, g*(sum-x.at("X", i, j)), float64(s.fields+4)*x.roundoff()*math.Abs(g)*(size+math.Abs(x.at("X", i, j))))
				}
			}
		}
	}
	return f
}
