package kerneltest

import (
	"fmt"
	"math"

	"debut/kernels"
)

var _ = register("reduction", offers[kernels.Reduction], reductionForms)

func reductionForms(s scale) []form {
	var forms []form
	for _, shape := range shapesOf(s) {
		r, c := shape[0], shape[1]
		forms = append(forms, columnSum(r, c))
		for _, most := range []float64{0, 0.5, 1e9} {
			forms = append(forms, clipFactor(r, c, most, uniform(1, -1, 1)))
		}
	}
	if s == conformance {
		forms = append(forms, clipFactor(9, 4, 1, constant(0)))
		for _, v := range []float64{math.NaN(), math.Inf(1)} {
			for _, most := range []float64{0, 1} {
				forms = append(forms, clipFactor(9, 4, most, constant(v)))
			}
		}
		// Squares beyond float32's range.
		forms = append(forms, clipFactor(9, 4, 1, constant(1e30)), clipFactor(9, 4, 1, constant(1e-30)))
	}
	return forms
}

func columnSum(r, c int) form {
	return form{
		name: fmt.Sprintf("column sum %d×%d", r, c),
		operands: []operand{
			{name: "X", rows: r, cols: c, count: batchCount, fill: uniform(1, -1, 1)},
			{name: "Out", rows: 1, cols: c},
		},
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.Reduction](d).ColumnSum(kernels.ColumnSumArgs{X: m("X"), Out: m("Out")})
		},
		want: func(n int, x *trial) {
			for j := range c {
				sum, size := 0.0, 0.0
				for i := range n {
					sum += x.at("X", i, j)
					size += math.Abs(x.at("X", i, j))
				}
				x.expect("Out", 0, j, sum, float64(n)*x.roundoff()*size)
			}
		},
	}
}

func clipFactor(r, c int, most float64, fill func(r, c int) float64) form {
	return form{
		name: fmt.Sprintf("clip factor of %d×%d and others to %v", r, c, most),
		operands: []operand{
			{name: "X0", rows: r, cols: c, count: batchCount, fill: fill, free: true},
			{name: "X1", rows: 5, cols: 3, fill: uniform(2, -1, 1), free: true},
			{name: "X2", rows: 0, cols: 3, free: true},
			{name: "X3", rows: 1, cols: 1, fill: uniform(3, -1, 1), free: true},
			{name: "Norm", rows: 1, cols: 1},
			{name: "Factor", rows: 1, cols: 1},
		},
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return must[kernels.Reduction](d).ClipFactor(kernels.ClipFactorArgs{
				X: []kernels.Matrix{m("X0"), m("X1"), m("X2"), m("X3")}, Norm: m("Norm"), Factor: m("Factor"), MaxNorm: most,
			})
		},
		want: func(n int, x *trial) {
			sum := 0.0
			for _, o := range []struct {
				name       string
				rows, cols int
			}{{"X0", n, c}, {"X1", 5, 3}, {"X3", 1, 1}} {
				for i := range o.rows {
					for j := range o.cols {
						v := x.at(o.name, i, j)
						sum += v * v
					}
				}
			}
			norm, factor := math.Sqrt(sum), 1.0
			if most > 0 {
				factor = math.Min(1, most/norm)
			}
			if math.IsNaN(norm) || math.IsInf(norm, 0) {
				factor = math.NaN()
			}
			// Squares and sums are float64's: what is lost is the rounding of the results, and some u of float64.
			lost := 2*x.roundoff() + float64(n*c+30)*0x1p-53
			x.expect("Norm", 0, 0, norm, lost*norm)
			x.expect("Factor", 0, 0, factor, lost*factor)
		},
	}
}
