package kerneltest

import (
	"fmt"
	"math"

	"debut/kernels"
)

var _ = register("rows", offers[kernels.RowAlgebra], rowForms)

func rowForms(s scale) []form {
	var forms []form
	for _, shape := range shapesOf(s) {
		r, c := shape[0], shape[1]
		for _, inPlace := range []bool{false, true} {
			forms = append(forms, normalizeRows(r, c, inPlace, 1), normalizeRowsGrad(r, c, inPlace))
		}
	}
	// Rows, fields and width.
	shapes := [][3]int{{17, 3, 5}}
	switch s {
	case conformance:
		shapes = [][3]int{{0, 2, 4}, {1, 1, 1}, {65, 1, 8}, {40, 7, 16}, {129, 2, 17}, {5, 3, 0}, {33, 20, 33}}
		// Lengths whose squares are beyond the numbers of 32 bits, on either side.
		forms = append(forms, normalizeRows(9, 12, false, 1e30), normalizeRows(9, 12, false, 1e-30))
	case large:
		shapes = [][3]int{{700, 20, 64}}
	}
	for _, shape := range shapes {
		for _, weighted := range []bool{true, false} {
			for _, biased := range []bool{false, true} {
				forms = append(forms, sumFields(shape[0], shape[1], shape[2], weighted, biased))
			}
			forms = append(forms, sumFieldsGrad(shape[0], shape[1], shape[2], weighted))
		}
	}
	return forms
}

// rowsWithZeros fills every fifth row with zeros.
func rowsWithZeros(size float64) func(r, c int) float64 {
	u := uniform(1, -2, 2)
	return func(r, c int) float64 {
		if r%5 == 3 {
			return 0
		}
		return size * u(r, c)
	}
}

// rowLength is the length of a row of X.
func rowLength(x *trial, r, cols int) float64 {
	sum := 0.0
	for j := range cols {
		sum += x.at("X", r, j) * x.at("X", r, j)
	}
	return math.Sqrt(sum)
}

func normalizeRows(r, c int, inPlace bool, size float64) form {
	f := form{
		name:     fmt.Sprintf("normalize rows %d×%d of size %v, in place %t", r, c, size, inPlace),
		operands: []operand{{name: "X", rows: r, cols: c, count: batchCount, fill: rowsWithZeros(size)}},
		aliased:  inPlace,
	}
	out := "X"
	if !inPlace {
		out = "Y"
		f.operands = append(f.operands, operand{name: "Y", rows: r, cols: c, count: batchCount})
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return must[kernels.RowAlgebra](d).NormalizeRows(kernels.NormalizeRowsArgs{X: m("X"), Y: m(out)})
	}
	f.want = func(n int, x *trial) {
		for i := range n {
			length := rowLength(x, i, c)
			for j := range c {
				want := 0.0
				if length > 0 {
					want = x.at("X", i, j) / length
				}
				x.expect(out, i, j, want, float64(c+4)*x.roundoff()*math.Abs(want))
			}
		}
	}
	return f
}

func normalizeRowsGrad(r, c int, inPlace bool) form {
	f := form{
		name: fmt.Sprintf("normalize rows gradient %d×%d, in place %t", r, c, inPlace),
		operands: []operand{
			{name: "X", rows: r, cols: c, count: batchCount, fill: rowsWithZeros(1)},
			{name: "DY", rows: r, cols: c, count: batchCount, fill: uniform(2, -1, 1)},
		},
		aliased: inPlace,
	}
	out := "DY"
	if !inPlace {
		out = "DX"
		f.operands = append(f.operands, operand{name: "DX", rows: r, cols: c, count: batchCount})
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return must[kernels.RowAlgebra](d).NormalizeRowsGrad(kernels.NormalizeRowsGradArgs{X: m("X"), DY: m("DY"), DX: m(out)})
	}
	f.want = func(n int, x *trial) {
		for i := range n {
			length := rowLength(x, i, c)
			along, size := 0.0, 0.0
			for j := range c {
				along += x.at("X", i, j) * x.at("DY", i, j)
				size += math.Abs(x.at("X", i, j) * x.at("DY", i, j))
			}
			for j := range c {
				want, wrong := 0.0, 0.0
				if length > 0 {
					y := x.at("X", i, j) / length
					want = (x.at("DY", i, j) - y*along/length) / length
					wrong = (math.Abs(x.at("DY", i, j)) + math.Abs(y)*size/length) / length
				}
				x.expect(out, i, j, want, float64(2*c+8)*x.roundoff()*wrong)
			}
		}
	}
	return f
}

// fieldWeights are the weights of a sum of fields, if it has any, and what the weight of a field is.
func fieldWeights(r, fields int, weighted bool) (list []operand, of func(x *trial, r, f int) float64) {
	if !weighted {
		return nil, func(*trial, int, int) float64 { return 1 }
	}
	list = []operand{{name: "Weights", rows: r, cols: fields, count: batchCount, optional: true, fill: uniform(2, -1, 1)}}
	return list, func(x *trial, r, f int) float64 { return x.at("Weights", r, f) }
}

func sumFields(r, fields, width int, weighted, biased bool) form {
	weights, weight := fieldWeights(r, fields, weighted)
	operands := append(weights, operand{name: "X", rows: r, cols: fields * width, count: batchCount, fill: uniform(1, -2, 2)},
		operand{name: "Y", rows: r, cols: width, count: batchCount})
	if biased {
		operands = append(operands, operand{name: "Bias", rows: 1, cols: width, optional: true, fill: uniform(3, -1, 1)})
	}
	return form{
		name:     fmt.Sprintf("sum of %d fields %d×%d, weighted %t, with a bias %t", fields, r, width, weighted, biased),
		operands: operands,
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.RowAlgebra](d).SumFields(kernels.SumFieldsArgs{X: m("X"), Weights: m("Weights"), Bias: m("Bias"), Y: m("Y")})
		},
		want: func(n int, x *trial) {
			for i := range n {
				for j := range width {
					sum, size := 0.0, 0.0
					add := func(v float64) {
						sum += v
						size += math.Abs(v)
					}
					if biased {
						add(x.at("Bias", 0, j))
					}
					for f := range fields {
						add(weight(x, i, f) * x.at("X", i, f*width+j))
					}
					x.expect("Y", i, j, sum, float64(fields+2)*x.roundoff()*size)
				}
			}
		},
	}
}

func sumFieldsGrad(r, fields, width int, weighted bool) form {
	weights, weight := fieldWeights(r, fields, weighted)
	return form{
		name: fmt.Sprintf("sum of %d fields %d×%d, gradient, weighted %t", fields, r, width, weighted),
		operands: append(weights, operand{name: "DY", rows: r, cols: width, count: batchCount, fill: uniform(1, -2, 2)},
			operand{name: "DX", rows: r, cols: fields * width, count: batchCount}),
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.RowAlgebra](d).SumFieldsGrad(kernels.SumFieldsGradArgs{DY: m("DY"), Weights: m("Weights"), DX: m("DX")})
		},
		want: func(n int, x *trial) {
			for i := range n {
				for f := range fields {
					for j := range width {
						want := weight(x, i, f) * x.at("DY", i, j)
						x.expect("DX", i, f*width+j, want, x.roundoff()*math.Abs(want))
					}
				}
			}
		},
	}
}
