package kerneltest

import (
	"fmt"
	"math"

	"debut/kernels"
)

const epsilon = 1e-3

var _ = register("normalization", offers[kernels.Normalization], normalizationForms)

func normalizationForms(s scale) []form {
	var forms []form
	for _, shape := range shapesOf(s) {
		r, c := shape[0], shape[1]
		forms = append(forms, normStats(r, c, 0, 1), normGradParams(r, c), normRunning(r, c, false), normRunning(r, c, true))
		for _, a := range kernels.Activations() {
			forms = append(forms, normApply(r, c, a, false), normApply(r, c, a, true))
		}
		forms = append(forms, normGradInput(r, c, false), normGradInput(r, c, true))
		if s != small {
			// A mean far from 0 betrays a variance taken as a difference of squares.
			forms = append(forms, normStats(r, c, 1000, 1), normStats(r, c, -3, 1e-3))
		}
	}
	return forms
}

// norm reaches the family.
func norm(d kernels.Device) kernels.Normalization { return must[kernels.Normalization](d) }

// batch and statistics operands, the latter with plausible values.
func normX(r, c int) operand {
	return operand{name: "X", rows: r, cols: c, count: batchCount, fill: uniform(1, -2, 3)}
}

func normStatsOperand(c int) operand {
	mean, variance := uniform(2, -1, 1), uniform(3, 0.1, 2)
	return operand{name: "Stats", rows: 2, cols: c, fill: func(r, c int) float64 {
		if r == 0 {
			return mean(0, c)
		}
		return variance(0, c)
	}}
}

func normVector(name string, stream uint64, c int) operand {
	return operand{name: name, rows: 1, cols: c, fill: uniform(stream, -2, 2)}
}

func normStats(r, c int, mean, spread float64) form {
	f := form{
		name:     fmt.Sprintf("batch norm statistics %d×%d about %v ± %v", r, c, mean, spread),
		operands: []operand{normX(r, c), {name: "Stats", rows: 2, cols: c}},
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return norm(d).BatchNormStats(kernels.BatchNormStatsArgs{X: m("X"), Stats: m("Stats")})
		},
	}
	f.operands[0].fill = uniform(1, mean-spread, mean+spread)
	f.want = func(n int, x *trial) {
		u := x.roundoff()
		for j := range c {
			sum, size := 0.0, 0.0
			for i := range n {
				sum += x.at("X", i, j)
				size += math.Abs(x.at("X", i, j))
			}
			rows := max(float64(n), 1)
			mean := sum / rows
			squares := 0.0
			for i := range n {
				d := x.at("X", i, j) - mean
				squares += d * d
			}
			variance := squares / rows
			lost := (rows + 4) * u * size / rows
			x.expect("Stats", 0, j, mean, lost)
			// Squares about a wrong mean are too large by the square of its error.
			x.expect("Stats", 1, j, variance, (2*rows+16)*u*variance+lost*lost)
		}
	}
	return f
}

// normalized returns x̂ of an element and 1/√(variance+ε), with the magnitude x̂ has before the mean is taken away.
func (x *trial) normalized(i, j int) (hat, size, inverse float64) {
	inverse = 1 / math.Sqrt(x.at("Stats", 1, j)+epsilon)
	v, mean := x.at("X", i, j), x.at("Stats", 0, j)
	return (v - mean) * inverse, (math.Abs(v) + math.Abs(mean)) * inverse, inverse
}

func normApply(r, c int, a kernels.Activation, inPlace bool) form {
	formula := FormulaOf(a)
	f := form{
		name:     fmt.Sprintf("batch norm %d×%d, %v, in place %t", r, c, a, inPlace),
		operands: []operand{normX(r, c), normStatsOperand(c), normVector("Gamma", 4, c), normVector("Beta", 5, c)},
		aliased:  inPlace,
	}
	out := "X"
	if !inPlace {
		out = "Y"
		f.operands = append(f.operands, operand{name: "Y", rows: r, cols: c, count: batchCount})
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return norm(d).BatchNormApply(kernels.BatchNormApplyArgs{
			X: m("X"), Stats: m("Stats"), Gamma: m("Gamma"), Beta: m("Beta"), Y: m(out), Epsilon: epsilon, Activation: a,
		})
	}
	f.want = func(n int, x *trial) {
		u := x.roundoff()
		for i := range n {
			for j := range c {
				hat, size, _ := x.normalized(i, j)
				gamma, beta := x.at("Gamma", 0, j), x.at("Beta", 0, j)
				want := formula.Apply(gamma*hat + beta)
				x.expect(out, i, j, want, formula.Steepest*8*u*(size*math.Abs(gamma)+math.Abs(beta))+functionError*u*math.Abs(want))
			}
		}
	}
	return f
}

func normGradParams(r, c int) form {
	return form{
		name: fmt.Sprintf("batch norm parameter gradient %d×%d", r, c),
		operands: []operand{
			normX(r, c), normStatsOperand(c),
			{name: "DY", rows: r, cols: c, count: batchCount, fill: uniform(6, -1, 1)},
			{name: "Grad", rows: 2, cols: c},
		},
		bind: func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
			return norm(d).BatchNormGradParams(kernels.BatchNormGradParamsArgs{
				X: m("X"), Stats: m("Stats"), DY: m("DY"), Grad: m("Grad"), Epsilon: epsilon,
			})
		},
		want: func(n int, x *trial) {
			u := x.roundoff()
			for j := range c {
				var dgamma, dbeta, gammaSize, betaSize float64
				for i := range n {
					hat, size, _ := x.normalized(i, j)
					dy := x.at("DY", i, j)
					dgamma += dy * hat
					dbeta += dy
					gammaSize += math.Abs(dy) * size
					betaSize += math.Abs(dy)
				}
				x.expect("Grad", 0, j, dgamma, float64(n+8)*u*gammaSize)
				x.expect("Grad", 1, j, dbeta, float64(n+2)*u*betaSize)
			}
		},
	}
}

func normGradInput(r, c int, inPlace bool) form {
	f := form{
		name: fmt.Sprintf("batch norm input gradient %d×%d, in place %t", r, c, inPlace),
		operands: []operand{
			normX(r, c), normStatsOperand(c), normVector("Gamma", 4, c),
			{name: "DY", rows: r, cols: c, count: batchCount, fill: uniform(6, -1, 1)},
			{name: "Grad", rows: 2, cols: c, fill: uniform(7, -5, 5)},
		},
		aliased: inPlace,
	}
	out := "DY"
	if !inPlace {
		out = "DX"
		f.operands = append(f.operands, operand{name: "DX", rows: r, cols: c, count: batchCount})
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return norm(d).BatchNormGradInput(kernels.BatchNormGradInputArgs{
			X: m("X"), Stats: m("Stats"), Gamma: m("Gamma"), DY: m("DY"), Grad: m("Grad"), DX: m(out), Epsilon: epsilon,
		})
	}
	f.want = func(n int, x *trial) {
		u, rows := x.roundoff(), float64(n)
		for i := range n {
			for j := range c {
				hat, size, inverse := x.normalized(i, j)
				dy, dgamma, dbeta := x.at("DY", i, j), x.at("Grad", 0, j), x.at("Grad", 1, j)
				scale := x.at("Gamma", 0, j) * inverse
				want := scale * (dy - (dbeta+hat*dgamma)/rows)
				x.expect(out, i, j, want, 16*u*math.Abs(scale)*(math.Abs(dy)+(math.Abs(dbeta)+size*math.Abs(dgamma))/rows))
			}
		}
	}
	return f
}

func normRunning(r, c int, inPlace bool) form {
	const momentum = 0.1
	x := normX(r, c)
	x.fill = nil // gives its count only
	f := form{
		name:     fmt.Sprintf("batch norm running statistics %d×%d, in place %t", r, c, inPlace),
		operands: []operand{x, normStatsOperand(c), {name: "Running", rows: 2, cols: c, fill: uniform(8, -1, 1)}},
		aliased:  inPlace,
	}
	out := "Running"
	if !inPlace {
		out = "Out"
		f.operands = append(f.operands, operand{name: "Out", rows: 2, cols: c})
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return norm(d).BatchNormRunning(kernels.BatchNormRunningArgs{
			X: m("X"), Stats: m("Stats"), Running: m("Running"), Out: m(out), Momentum: momentum,
		})
	}
	f.want = func(n int, x *trial) {
		u := x.roundoff()
		for i := range 2 {
			for j := range c {
				v := x.at("Stats", i, j)
				if i == 1 && n > 1 {
					v *= float64(n) / float64(n-1)
				}
				old := x.at("Running", i, j)
				want := (1-momentum)*old + momentum*v
				x.expect(out, i, j, want, 8*u*(math.Abs(old)+math.Abs(v)))
			}
		}
	}
	return f
}
