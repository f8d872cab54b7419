package kerneltest

import (
	"fmt"
	"math"

	"debut/kernels"
)

var _ = register("rectification", offers[kernels.Rectification], preluForms)

func preluForms(s scale) []form {
	var forms []form
	for _, shape := range shapesOf(s) {
		r, c := shape[0], shape[1]
		forms = append(forms, prelu(r, c, false), prelu(r, c, true), preluGrad(r, c, true, true, true))
		for _, asked := range [][2]bool{{true, false}, {false, true}, {true, true}} {
			forms = append(forms, preluGrad(r, c, asked[0], asked[1], false))
		}
	}
	if s == conformance {
		special := prelu(3, 4, false)
		values := []float64{0, math.Inf(1), math.Inf(-1), math.NaN()}
		special.name = "prelu of special numbers"
		special.operands[0].fill = func(r, c int) float64 { return values[(r+c)%4] }
		forms = append(forms, special)
	}
	return forms
}

func prelu(r, c int, inPlace bool) form {
	f := form{
		name: fmt.Sprintf("prelu %d×%d, in place %t", r, c, inPlace),
		operands: []operand{
			{name: "X", rows: r, cols: c, count: batchCount, fill: uniform(1, -2, 2)},
			{name: "Slope", rows: 1, cols: c, fill: uniform(2, -1, 1)},
		},
		aliased: inPlace,
	}
	out := "X"
	if !inPlace {
		out = "Y"
		f.operands = append(f.operands, operand{name: "Y", rows: r, cols: c, count: batchCount})
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return must[kernels.Rectification](d).PReLU(kernels.PReLUArgs{X: m("X"), Slope: m("Slope"), Y: m(out)})
	}
	f.want = func(n int, x *trial) {
		for i := range n {
			for j := range c {
				want := x.at("X", i, j)
				if want <= 0 {
					want *= x.at("Slope", 0, j)
				}
				x.expect(out, i, j, want, x.roundoff()*math.Abs(want))
			}
		}
	}
	return f
}

func preluGrad(r, c int, dx, dslope, inPlace bool) form {
	f := form{
		name: fmt.Sprintf("prelu gradient %d×%d, dx %t, dslope %t, in place %t", r, c, dx, dslope, inPlace),
		operands: []operand{
			// Some are 0, where the slope counts and its gradient is 0.
			{name: "X", rows: r, cols: c, count: batchCount, fill: func(r, c int) float64 {
				if (r+c)%7 == 0 {
					return 0
				}
				return uniform(1, -2, 2)(r, c)
			}},
			{name: "DY", rows: r, cols: c, count: batchCount, fill: uniform(3, -1, 1)},
			{name: "Slope", rows: 1, cols: c, fill: uniform(2, -1, 1), optional: !dx},
		},
		aliased: inPlace,
	}
	out := "DY"
	if dx && !inPlace {
		out = "DX"
		f.operands = append(f.operands, operand{name: "DX", rows: r, cols: c, count: batchCount, optional: dslope})
	}
	if dslope {
		f.operands = append(f.operands, operand{name: "DSlope", rows: 1, cols: c, optional: dx})
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		a := kernels.PReLUGradArgs{X: m("X"), Slope: m("Slope"), DY: m("DY"), DSlope: m("DSlope")}
		if dx {
			a.DX = m(out)
		}
		return must[kernels.Rectification](d).PReLUGrad(a)
	}
	f.want = func(n int, x *trial) {
		u := x.roundoff()
		for j := range c {
			sum, size := 0.0, 0.0
			for i := range n {
				v, dy := x.at("X", i, j), x.at("DY", i, j)
				want := dy
				if v <= 0 {
					want *= x.at("Slope", 0, j)
				}
				if dx {
					x.expect(out, i, j, want, u*math.Abs(want))
				}
				sum += dy * min(v, 0)
				size += math.Abs(dy * v)
			}
			if dslope {
				x.expect("DSlope", 0, j, sum, float64(n+2)*u*size)
			}
		}
	}
	return f
}
