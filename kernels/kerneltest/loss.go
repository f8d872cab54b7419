package kerneltest

import (
	"fmt"
	"math"

	"debut/kernels"
)

var _ = register("loss", offers[kernels.Loss], lossForms)

func lossForms(s scale) []form {
	var forms []form
	for _, shape := range shapesOf(s) {
		r, c := shape[0], shape[1]
		if c == 0 {
			continue // a mean over no columns
		}
		for _, k := range kernels.Losses() {
			for _, asked := range [][3]bool{{true, true, true}, {true, true, false}, {true, false, false}, {false, true, true}} {
				forms = append(forms, loss(r, c, k, asked[0], asked[1], asked[2], uniform(1, -4, 4)))
			}
		}
	}
	if s == conformance {
		// Logits at the ends of the range: neither overflow nor a lost digit.
		ends := []float64{1e4, -1e4, 88, -88, 0, 1e-6}
		huge := func(r, c int) float64 { return ends[(r+2*c+c/3)%len(ends)] }
		forms = append(forms, loss(13, 5, kernels.LogisticLoss, true, true, true, huge), loss(13, 5, kernels.SoftmaxLoss, true, true, true, huge), loss(13, 6, kernels.SoftmaxLoss, true, true, true, huge))
		// A logit of −∞ takes a class out.
		clean := uniform(1, -4, 4)
		forms = append(forms, loss(13, 5, kernels.SoftmaxLoss, true, true, true, func(r, c int) float64 {
			if c == (class(r, 5)+1)%5 {
				return math.Inf(-1)
			}
			return clean(r, c)
		}))
		nan := func(r, c int) float64 {
			if r == 7 && c == 2 {
				return math.NaN()
			}
			return clean(r, c)
		}
		for _, k := range kernels.Losses() {
			forms = append(forms, loss(13, 5, k, true, true, false, nan))
		}
		forms = append(forms, wrongClass())
	}
	return forms
}

// class is the target of a row.
func class(r, c int) int { return (r*7 + 3) % c }

func loss(r, c int, kind kernels.LossKind, out, gradient, upstream bool, logits func(r, c int) float64) form {
	target := operand{name: "Target", rows: r, cols: c, count: batchCount, fill: uniform(2, 0, 1)}
	if kind.OfClass() {
		target.cols = 1
		target.fill = func(r, _ int) float64 { return float64(class(r, c)) }
	}
	parameter := map[kernels.LossKind]float64{kernels.HuberLoss: 1.25, kernels.QuantileLoss: 0.8, kernels.FocalLoss: 1.5, kernels.SoftmaxFocalLoss: 0.75}[kind]
	if kind == kernels.SoftmaxLoss && c%2 == 1 {
		parameter = 0.15
	}
	f := form{
		name: fmt.Sprintf("%v loss %d×%d, loss %t, gradient %t, upstream %t", kind, r, c, out, gradient, upstream),
		operands: []operand{
			{name: "P", rows: r, cols: c, count: batchCount, fill: logits, free: kind.OfClass() && !gradient},
			target,
			{name: "Weight", rows: r, cols: 1, count: batchCount, fill: uniform(3, 0, 2)},
			{name: "Scale", rows: 1, cols: 1, fill: constant(0.07)},
		},
	}
	if out {
		f.operands = append(f.operands, operand{name: "Out", rows: 1, cols: 1, optional: gradient})
	}
	if gradient {
		f.operands = append(f.operands, operand{name: "DP", rows: r, cols: c, count: batchCount, optional: out})
	}
	if upstream {
		f.operands = append(f.operands, operand{name: "Upstream", rows: 1, cols: 1, fill: constant(-1.7), optional: true})
	}
	f.bind = func(d kernels.Device, m func(string) kernels.Matrix) (kernels.Kernel, error) {
		return must[kernels.Loss](d).Loss(kernels.LossArgs{
			Kind: kind, Parameter: parameter, P: m("P"), Target: m("Target"), Weight: m("Weight"), Scale: m("Scale"), Upstream: m("Upstream"), Out: m("Out"), DP: m("DP"),
		})
	}
	f.want = func(n int, x *trial) {
		u, factor := x.roundoff(), x.at("Scale", 0, 0)
		scale := factor
		if upstream {
			factor *= x.at("Upstream", 0, 0)
		}
		sum, lost := 0.0, 0.0
		for i := range n {
			w := x.at("Weight", i, 0)
			value, size, grad := rowLoss(x, kind, parameter, i, c)
			sum += w * value
			lost += w * size
			if !gradient {
				continue
			}
			for j := range c {
				want := w * factor * grad[j]
				// A gradient is lost to rounding by some u of the terms that it is a difference of.
				terms := 1.0
				switch both := func() float64 { return math.Abs(x.at("P", i, j)) + math.Abs(x.at("Target", i, j)) }; kind {
				case kernels.SquaredLoss:
					terms = 2 * both() / float64(c)
				case kernels.HuberLoss:
					terms = both() / float64(c)
				case kernels.PoissonLoss:
					terms = (math.Exp(x.at("P", i, j)) + both()) / float64(c)
				case kernels.FocalLoss:
					terms = (1 + math.Abs(x.at("P", i, j))) / float64(c)
				case kernels.SoftmaxLoss:
					terms += float64(c) / 32
				case kernels.SoftmaxFocalLoss:
					terms += float64(c)/32 + math.Abs(x.at("P", i, j))
				case kernels.ChainLoss:
					terms = float64(c) // sums over the later steps
				}
				x.expect("DP", i, j, want, 32*u*w*math.Abs(factor)*terms+x.smallest())
			}
		}
		if out {
			x.expect("Out", 0, 0, scale*sum, 32*u*scale*lost)
		}
	}
	return f
}

// rowLoss returns the loss of row i, the magnitude of the terms it is made of, and its gradient.
func rowLoss(x *trial, kind kernels.LossKind, parameter float64, i, c int) (value, size float64, grad []float64) {
	grad = make([]float64, c)
	if kind == kernels.ChainLoss {
		return chainLoss(x, i, c)
	}
	if kind.OfClass() {
		top := math.Inf(-1)
		for j := range c {
			top = math.Max(top, x.at("P", i, j))
		}
		sum := 0.0
		for j := range c {
			grad[j] = math.Exp(x.at("P", i, j) - top)
			sum += grad[j]
		}
		for j := range c {
			grad[j] /= sum
		}
		target := x.at("Target", i, 0)
		if !(target >= 0 && target < float64(c)) {
			for j := range c {
				grad[j] = math.NaN()
			}
			return math.NaN(), 0, grad
		}
		at := x.at("P", i, int(target))
		value = top + math.Log(sum) - at
		size = math.Abs(top) + math.Abs(at) + float64(c)
		if kind == kernels.SoftmaxFocalLoss {
			// By the product rule, of the weight and of the cross-entropy.
			right := grad[int(target)]
			wrong := 0.0
			for j := range c {
				if j != int(target) {
					wrong += grad[j]
				}
			}
			weight := math.Pow(wrong, parameter)
			by := -parameter * math.Pow(wrong, parameter-1) * right * value // what the weight's slope adds
			if wrong == 0 {
				by = 0
			}
			for j := range c {
				d := -grad[j]
				if j == int(target) {
					d = wrong
				}
				grad[j] = (by - weight) * d
			}
			return weight * value, size, grad
		}
		grad[int(target)] -= 1 - parameter
		value += parameter * at
		for j := range c {
			if parameter > 0 {
				value -= parameter / float64(c) * x.at("P", i, j)
			}
			grad[j] -= parameter / float64(c)
		}
		return value, size, grad
	}
	n := float64(c)
	for j := range c {
		p, t := x.at("P", i, j), x.at("Target", i, j)
		both := math.Abs(p) + math.Abs(t)
		switch kind {
		case kernels.SquaredLoss:
			value += (p - t) * (p - t) / n
			size += both * both / n
			grad[j] = 2 * (p - t) / n
		case kernels.PoissonLoss:
			value += (math.Exp(p) - t*p) / n
			size += (math.Exp(p) + both*both) / n
			grad[j] = (math.Exp(p) - t) / n
		case kernels.HuberLoss:
			// The derivative is the difference, clamped; the loss is its integral.
			grad[j] = math.Max(-parameter, math.Min(p-t, parameter)) / n
			value += (math.Abs(p-t)*math.Abs(grad[j]*n) - grad[j]*n*grad[j]*n/2) / n
			size += parameter * both / n
		case kernels.QuantileLoss:
			value += math.Max(parameter*(t-p), (1-parameter)*(p-t)) / n
			size += both / n
			if p != t {
				grad[j] = (1 - parameter) / n
				if p < t {
					grad[j] = -parameter / n
				}
			}
			if math.IsNaN(p) {
				grad[j] = p
			}
		case kernels.FocalLoss:
			// Written by products of the chain rule, without logarithms of what is nearly 1.
			q, rest := 1/(1+math.Exp(-p)), 1/(1+math.Exp(p))
			right, wrong := math.Pow(rest, parameter), math.Pow(q, parameter)
			value += (t*right*math.Log1p(math.Exp(-p)) + (1-t)*wrong*math.Log1p(math.Exp(p))) / n
			size += (2*math.Abs(p) + 1) / n
			grad[j] = (t*(-parameter*right*q*math.Log1p(math.Exp(-p))-right*rest) + (1-t)*(parameter*wrong*rest*math.Log1p(math.Exp(p))+wrong*q)) / n
		default:
			value += (math.Max(p, 0) - p*t + math.Log1p(math.Exp(-math.Abs(p)))) / n
			size += (2*math.Abs(p) + 1) / n
			grad[j] = (1/(1+math.Exp(-p)) - t) / n
		}
	}
	return value, size, grad
}

// chainLoss is rowLoss of steps that follow on each other, by their probabilities themselves.
func chainLoss(x *trial, i, c int) (value, size float64, grad []float64) {
	grad = make([]float64, c)
	n, log := float64(c), 0.0
	for k := range c {
		log -= math.Log1p(math.Exp(-x.at("P", i, k)))
		p, t := math.Exp(log), x.at("Target", i, k)
		rest := -math.Expm1(log)
		value -= (t*log + (1-t)*math.Log(rest)) / n
		size += (float64(k+1) - log) / n
		for j := range k + 1 {
			// The logarithm of the product moves with that of a step's probability by the probability of not taking it.
			grad[j] += (-t + (1-t)*p/rest) / (1 + math.Exp(x.at("P", i, j))) / n
		}
	}
	return value, size, grad
}

// wrongClass checks that a class that is not there shows as NaN.
func wrongClass() form {
	const r, c = 9, 4
	f := loss(r, c, kernels.SoftmaxLoss, true, true, false, uniform(1, -1, 1))
	f.name = "softmax loss with classes out of range"
	f.operands[1].fill = func(r, _ int) float64 {
		switch r {
		case 4:
			return c
		case 6:
			return -1
		case 8:
			return math.NaN()
		}
		return float64(class(r, c))
	}
	return f
}
