package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// activations are those that have routines. Each turns x into y, and its gradient dy into dx, given x or y, as
// kernels.Activation.OfInput tells.
var activations = []struct {
	kind      string // its constant in package kernels
	name      string // of the routine; Grad and GradSum are appended for gradients
	vectors   int    // side by side
	doc       string
	apply     func(r *routine) func(x VecVirtual) VecVirtual
	gradWidth int
	gradDoc   string
	grad      func(r *routine) func(at, dy VecVirtual)
}{
	{"ReLU", "relu", 4, "is y = max(x, 0)", func(r *routine) func(x VecVirtual) VecVirtual {
		zero := r.Vector()
		r.Zero(zero)
		return func(x VecVirtual) VecVirtual {
			VMAXPS(x, zero, x) // returns x where it is NaN
			return x
		}
	}, 4, "is dx = dy where y > 0 or NaN, 0 elsewhere", func(r *routine) func(y, dy VecVirtual) {
		zero := r.Vector()
		r.Zero(zero)
		return func(y, dy VecVirtual) { r.keep(r.compare(notLessOrEqual, y, zero), dy) }
	}},
	{"Sigmoid", "sigmoid", 2, "is y = 1/(1+exp(−x))", (*routine).sigmoid, 4, "is dx = dy·y·(1−y)", func(r *routine) func(y, dy VecVirtual) {
		one := r.register(oneBits)
		return func(y, dy VecVirtual) {
			t := r.Vector()
			VSUBPS(y, one, t)
			VMULPS(y, t, t)
			VMULPS(t, dy, dy)
		}
	}},
	{"Tanh", "tanh", 2, "is y = tanh x", (*routine).tanh, 4, "is dx = dy·(1−y)·(1+y)", func(r *routine) func(y, dy VecVirtual) {
		one := r.register(oneBits)
		return func(y, dy VecVirtual) {
			t := r.Vector()
			VSUBPS(y, one, t)
			VADDPS(one, y, y)
			VMULPS(y, t, t)
			VMULPS(t, dy, dy)
		}
	}},
	{"SiLU", "silu", 2, "is y = x/(1+exp(−x))", func(r *routine) func(x VecVirtual) VecVirtual {
		sigmoid := r.sigmoid()
		return func(x VecVirtual) VecVirtual {
			q := sigmoid(x)
			VMULPS(x, q, q)
			return q
		}
	}, 2, "is dx = dy·(q + x·q·(1−q)) with q = 1/(1+exp(−x))", func(r *routine) func(x, dy VecVirtual) {
		exp, negate, one := r.exp(), r.magnitude(true), r.register(oneBits)
		return func(x, dy VecVirtual) {
			q, rest := r.logisticPair(exp(negate(x)), one)
			t := r.Vector()
			VMULPS(q, rest, t)
			r.choose(r.negative(x), rest, q)
			VFMADD231PS(x, t, q)
			VMULPS(q, dy, dy)
		}
	}},
	{"GELU", "gelu", 2, "is y = x·Φ(x)", func(r *routine) func(x VecVirtual) VecVirtual {
		normal := r.normal()
		return func(x VecVirtual) VecVirtual {
			phi, _ := normal(x)
			VMULPS(x, phi, phi)
			return phi
		}
	}, 2, "is dx = dy·(Φ(x) + x·Φ′(x))", func(r *routine) func(x, dy VecVirtual) {
		normal, density := r.normal(), r.number(0.39894228040143268)
		return func(x, dy VecVirtual) {
			phi, e := normal(x)
			VMULPS(density, e, e)
			VFMADD231PS(x, e, phi)
			VMULPS(phi, dy, dy)
		}
	}},
}

var _ = writes(activate)

// activate writes activations and their gradients.
func activate(l simd.Level) {
	for _, a := range activations {
		pass(l, a.name, signature{moving: []string{"y", "x"}}, a.vectors, func(r *routine) func() {
			apply := a.apply(r)
			return func() { r.store(apply(r.load("x")), "y") }
		}, a.doc+".")
		pass(l, a.name+"Grad", signature{moving: []string{"dx", "at", "dy"}}, a.gradWidth, func(r *routine) func() {
			gradient := a.grad(r)
			return func() {
				at, dy := r.load("at"), r.load("dy")
				gradient(at, dy)
				r.store(dy, "dx")
			}
		}, a.gradDoc+".")
		columnsWith(l, a.name+"GradSum", signature{moving: []string{"dx", "at", "dy"}, fixed: []string{"sum"}}, a.gradWidth, func(r *routine) func() {
			gradient := a.grad(r)
			return func() {
				sum := r.zeros()
				r.top()
				r.everyRow(func() {
					r.each(func(i int) {
						at, dy := r.load("at"), r.load("dy")
						gradient(at, dy)
						VADDPS(dy, sum[i], sum[i])
						r.store(dy, "dx")
					})
				})
				r.stores(sum, "sum")
			}
		}, a.gradDoc+", and sets sum to the sums of its columns.")
	}
}

// oneBits is 1 in float32.
const oneBits = 0x3f800000

// Where exp is 0, and what makes float32 hold an integer in its lowest bits.
const (
	expLowest = -87.33654 // the logarithm of the smallest normal number
	roundBias = 0x1.8p23
)

// exp prepares exp(x) for x ≤ 0, with a relative error below 3·2⁻²⁴. Below the smallest normal number the result is 0; NaN stays. x = n·ln 2 + r, |r| ≤ ln 2/2, and exp r is the polynomial of expf in the Cephes library (Moshier, 1989);
// ln 2 is in two parts, so that r is exact to a rounding.
func (r *routine) exp() func(x VecVirtual) VecVirtual {
	var (
		lowest = r.number(expLowest)
		log2e  = r.number(1.44269504088896341)
		bias   = r.number(roundBias)
		ln2    = r.number(0.693359375)
		ln2low = r.number(-2.12194440e-4)
		one    = r.words(oneBits)
		coeffs []Op
	)
	for _, c := range []float64{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1} {
		coeffs = append(coeffs, r.number(c))
	}
	return func(x VecVirtual) VecVirtual {
		power, n, p, square := r.Vector(), r.Vector(), r.Vector(), r.Vector()
		vanish := r.compare(lessThan, x, lowest)
		rest := r.Vector()
		VMULPS(log2e, x, power)
		VADDPS(bias, power, power) // rounds to an integer, which its lowest bits hold
		VSUBPS(bias, power, n)
		VMOVAPS(x, rest)
		VFNMADD231PS(ln2, n, rest)
		VFNMADD231PS(ln2low, n, rest)
		VMULPS(rest, rest, square)
		VMOVUPS(coeffs[0], p)
		for _, c := range coeffs[1:] {
			VFMADD213PS(c, rest, p)
		}
		VFMADD213PS(rest, square, p)
		VADDPS(one, p, p)
		VPSLLD(Imm(23), power, power)
		VPADDD(one, power, power) // 2ⁿ
		VMULPS(power, p, p)
		r.drop(vanish, p)
		return p
	}
}

// magnitude returns |x|, or with the sign set −|x|.
func (r *routine) magnitude(negative bool) func(x VecVirtual) VecVirtual {
	sign := r.words(1 << 31)
	return func(x VecVirtual) VecVirtual {
		v := r.Vector()
		VORPS(sign, x, v)
		if !negative {
			VXORPS(sign, v, v)
		}
		return v
	}
}

// sigmoid prepares 1/(1+exp(−x)), from exp(−|x|), which cannot overflow: relative error below 4·2⁻²⁴.
func (r *routine) sigmoid() func(x VecVirtual) VecVirtual {
	exp, negate, one := r.exp(), r.magnitude(true), r.register(oneBits)
	return func(x VecVirtual) VecVirtual {
		return r.logistic(exp(negate(x)), x, one)
	}
}

// logistic returns 1/(1+exp(−x)), given e = exp(−|x|).
func (r *routine) logistic(e, x, one VecVirtual) VecVirtual {
	q, small := r.logisticPair(e, one)
	r.choose(r.negative(x), small, q)
	return q
}

// logisticPair returns q = 1/(1+e) and 1−q, of which no digit is lost to a difference.
func (r *routine) logisticPair(e, one VecVirtual) (q, rest VecVirtual) {
	onePlus := r.Vector()
	q, rest = r.Vector(), r.Vector()
	VADDPS(one, e, onePlus)
	VDIVPS(onePlus, one, q)
	VMULPS(e, q, rest)
	return q, rest
}

// tanhSmall is where tanh turns from a polynomial to exponentials.
const tanhSmall = 0.625

// tanh prepares tanh x: for |x| < 0.625 the polynomial of tanhf in the Cephes library, else (1−e)/(1+e) with e = exp(−2|x|);
// relative error below 4·2⁻²⁴.
func (r *routine) tanh() func(x VecVirtual) VecVirtual {
	exp, magnitude, one := r.exp(), r.magnitude(false), r.register(oneBits)
	minusTwo, border, sign := r.number(-2), r.number(tanhSmall), r.words(1<<31)
	var coeffs []Op
	for _, c := range []float64{-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1} {
		coeffs = append(coeffs, r.number(c))
	}
	return func(x VecVirtual) VecVirtual {
		a := magnitude(x)
		double := r.Vector()
		VMULPS(minusTwo, a, double)
		e := exp(double)
		y, below := r.Vector(), r.Vector()
		VADDPS(one, e, below)
		VSUBPS(e, one, y)
		VDIVPS(below, y, y)
		sx := r.Vector()
		VANDPS(sign, x, sx)
		VORPS(sx, y, y)

		square, p := r.Vector(), r.Vector()
		VMULPS(x, x, square)
		VMOVUPS(coeffs[0], p)
		for _, c := range coeffs[1:] {
			VFMADD213PS(c, square, p)
		}
		VMULPS(square, p, p)
		VFMADD213PS(x, x, p)
		r.choose(r.compare(lessThan, a, border), p, y)
		return y
	}
}

// What makes the normal distribution's tail: Φ(−a) = exp(−a²/2)·t·P(t) with t = 1/(1+0.3a), P of degree 9 by interpolation at
// Chebyshev's nodes, up to where float32 ends; relative error of the formula below 0.1·2⁻²⁴. Highest power first.
const normalScale = 0.3

var normalCoeffs = []float64{-0.0208441569, 0.113666144, -0.23117905, 0.195827148, -0.0828487351, 0.0980214165, 0.0777396438, 0.110374917, 0.119555137, 0.119687535}

// normalEnd is a that has no tail any more.
const normalEnd = 16

// normal prepares Φ(x), the distribution function of the normal distribution, and exp(−x²/2). What the square loses to
// rounding is made good behind the exponential, so that tails keep their digits. Relative error of Φ below 6·2⁻²⁴; tails below the
// smallest normal number may be 0.
func (r *routine) normal() func(x VecVirtual) (phi, e VecVirtual) {
	exp, magnitude, one := r.exp(), r.magnitude(false), r.register(oneBits)
	end, scale, minusHalf := r.number(normalEnd), r.number(normalScale), r.number(-0.5)
	var coeffs []Op
	for _, c := range normalCoeffs {
		coeffs = append(coeffs, r.number(c))
	}
	return func(x VecVirtual) (phi, e VecVirtual) {
		a := magnitude(x)
		limit, square, lost := r.Vector(), r.Vector(), r.Vector()
		VMOVUPS(end, limit)
		VMINPS(a, limit, a) // returns a where it is NaN
		VMULPS(a, a, square)
		VMOVAPS(square, lost)
		VFMSUB231PS(a, a, lost) // a·a − square
		VMULPS(minusHalf, square, square)
		VMULPS(minusHalf, lost, lost)
		e = exp(square)
		VFMADD231PS(lost, e, e)

		t, p := r.Vector(), r.Vector()
		VMOVAPS(one, t)
		VFMADD231PS(scale, a, t)
		VDIVPS(t, one, t)
		VMOVUPS(coeffs[0], p)
		for _, c := range coeffs[1:] {
			VFMADD213PS(c, t, p)
		}
		VMULPS(t, p, p)
		VMULPS(e, p, p)
		phi = r.Vector()
		VSUBPS(p, one, phi)
		r.choose(r.negative(x), p, phi)
		return phi, e
	}
}
