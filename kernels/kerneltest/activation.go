package kerneltest

import (
	"fmt"
	"math"

	"debut/kernels"
)

// Formula is an activation in float64, with what an implementation may lose.
type Formula struct {
	Apply func(x float64) float64
	// Slope is the derivative at the activation's output, or at its input where kernels.Activation.OfInput says so.
	Slope func(at float64) float64
	// Error bounds what the assembly of package cpu loses, relative to the value, in units of 2⁻²⁴.
	Error float64
	// Lost is what else may be lost, in smallest normal numbers: a factor of the value may be less than that.
	Lost float64
	// Steepest is the greatest slope; 0 stands for 1.
	Steepest float64

	// lo and hi are between which the gradient is tried.
	lo, hi float64
	// slopeError is what the slope may lose absolutely, in units of rounding. Devices' own functions are within 16 of the truth.
	slopeError float64
}

// formulas, by activation.
var formulas = []Formula{
	kernels.Identity: {
		Apply: func(x float64) float64 { return x }, Slope: func(float64) float64 { return 1 },
		lo: -1, hi: 1, slopeError: 4,
	},
	kernels.ReLU: {
		Apply: func(x float64) float64 {
			if x < 0 {
				return 0
			}
			return x
		},
		Slope: func(y float64) float64 {
			if y <= 0 {
				return 0
			}
			return 1
		},
		lo: -0.5, hi: 1, slopeError: 4,
	},
	kernels.Sigmoid: {
		Apply: sigmoid, Slope: func(y float64) float64 { return y * (1 - y) }, Error: 4,
		lo: 0, hi: 1, slopeError: 4,
	},
	// 1−y² may lose u absolutely, as outputs are at most 1.
	kernels.Tanh: {
		Apply: math.Tanh, Slope: func(y float64) float64 { return 1 - y*y }, Error: 4,
		lo: -1, hi: 1, slopeError: 4,
	},
	kernels.SiLU: {
		Apply: func(x float64) float64 { return x * sigmoid(x) },
		Slope: func(x float64) float64 { return sigmoid(x) * (1 + x*sigmoid(-x)) },
		Error: 4, Lost: 88,
		lo: -6, hi: 6, slopeError: 24, Steepest: 1.1,
	},
	kernels.GELU: {
		Apply: func(x float64) float64 { return x * normal(x) },
		Slope: func(x float64) float64 { return normal(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi) },
		Error: 6, Lost: 14,
		lo: -6, hi: 6, slopeError: 24, Steepest: 1.13,
	},
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// normal is the distribution function of the normal distribution.
func normal(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// FormulaOf returns the formula of an activation; one that has none fails all tests.
func FormulaOf(a kernels.Activation) Formula {
	if int(a) >= len(formulas) || formulas[a].Apply == nil {
		panic(fmt.Sprintf("kerneltest: the activation %v has no formula", a))
	}
	f := formulas[a]
	if f.Steepest == 0 {
		f.Steepest = 1
	}
	return f
}

// functionError is what an activation may lose on any device, in units of rounding.
const functionError = 16

func activationForms(s scale) []form {
	var forms []form
	for _, a := range kernels.Activations() {
		for _, shape := range shapesOf(s) {
			r, c := shape[0], shape[1]
			forms = append(forms, activation(r, c, a, false), activation(r, c, a, true))
			for _, bias := range []bool{false, true} {
				forms = append(forms, activationGrad(r, c, a, bias, false), activationGrad(r, c, a, bias, true))
			}
		}
		if s == conformance {
			forms = append(forms, activationSpecial(a))
		}
	}
	return forms
}

func activation(r, c int, a kernels.Activation, inPlace bool) form {
	f := form{
		name:     fmt.Sprintf("%v %d×%d, in place %t", a, r, c, inPlace),
		operands: []operand{{name: "X", rows: r, cols: c, count: batchCount, fill: uniform(1, -6, 6)}},
		aliased:  inPlace,
	}
	out := "X"
	if !inPlace {
		out = "Y"
		f.operands = append(f.operands, operand{name: "Y", rows: r, cols: c, count: batchCount})
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return must[kernels.Elementwise](d).Activate(kernels.ActivateArgs{Activation: a, X: m("X"), Y: m(out)})
	}
	formula := FormulaOf(a)
	f.want = func(n int, x *trial) {
		for i := range n {
			for j := range c {
				want := formula.Apply(x.at("X", i, j))
				x.expect(out, i, j, want, functionError*x.roundoff()*math.Abs(want)+max(formula.Lost, 1)*x.smallest())
			}
		}
	}
	return f
}

// activationSpecial tries numbers at the ends of the range, infinities, NaN and numbers near 0.
func activationSpecial(a kernels.Activation) form {
	values := []float64{0, 1e-30, -1e-30, 1e-3, -1e-3, 20, -20, 88, -88, 1e4, -1e4, 1e30, -1e30, math.Inf(1), math.Inf(-1), math.NaN()}
	f := activation(3, len(values), a, false)
	f.name = fmt.Sprintf("%v of special numbers", a)
	f.operands[0].fill = func(r, c int) float64 { return values[(r+c)%len(values)] }
	return f
}

func activationGrad(r, c int, a kernels.Activation, bias, inPlace bool) form {
	formula := FormulaOf(a)
	at := "Y"
	if a.OfInput() {
		at = "X"
	}
	v := uniform(1, formula.lo, formula.hi)
	f := form{
		name: fmt.Sprintf("%v gradient %d×%d, bias %t, in place %t", a, r, c, bias, inPlace),
		operands: []operand{
			{name: at, rows: r, cols: c, count: batchCount, fill: func(r, c int) float64 {
				if a == kernels.ReLU {
					return max(v(r, c), 0) // 0 is the place where the gradient must be 0
				}
				return v(r, c)
			}},
			{name: "DY", rows: r, cols: c, count: batchCount, fill: uniform(2, -1, 1)},
		},
		aliased: inPlace,
	}
	out := "DY"
	if !inPlace {
		out = "DX"
		f.operands = append(f.operands, operand{name: "DX", rows: r, cols: c, count: batchCount})
	}
	if bias {
		f.operands = append(f.operands, operand{name: "DBias", rows: 1, cols: c, optional: true})
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return must[kernels.Elementwise](d).ActivateGrad(kernels.ActivateGradArgs{
			Activation: a, X: m("X"), Y: m("Y"), DY: m("DY"), DX: m(out), DBias: m("DBias"),
		})
	}
	f.want = func(n int, x *trial) {
		u := x.roundoff()
		for j := range c {
			sum, size := 0.0, 0.0
			for i := range n {
				dy := x.at("DY", i, j)
				want := dy * formula.Slope(x.at(at, i, j))
				x.expect(out, i, j, want, formula.slopeError*u*math.Abs(dy))
				sum += want
				size += formula.Steepest * math.Abs(dy)
			}
			if bias {
				x.expect("DBias", 0, j, sum, (float64(n)+formula.slopeError)*u*size)
			}
		}
	}
	return f
}
