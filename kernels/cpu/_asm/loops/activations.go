package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// gradients of activations: each turns dy into dx, given y.
var gradients = []struct {
	name, doc string
	setup     func(r *routine) func(y, dy VecVirtual)
}{
	{"relu", "is dx = dy where y > 0 or NaN, 0 elsewhere", func(r *routine) func(y, dy VecVirtual) {
		zero := r.Vector()
		r.Zero(zero)
		return func(y, dy VecVirtual) { r.keep(r.compare(notLessOrEqual, y, zero), dy) }
	}},
	{"sigmoid", "is dx = dy·y·(1−y)", func(r *routine) func(y, dy VecVirtual) {
		one := r.register(oneBits)
		return func(y, dy VecVirtual) {
			t := r.Vector()
			VSUBPS(y, one, t)
			VMULPS(y, t, t)
			VMULPS(t, dy, dy)
		}
	}},
	{"tanh", "is dx = dy·(1−y)·(1+y)", func(r *routine) func(y, dy VecVirtual) {
		one := r.register(oneBits)
		return func(y, dy VecVirtual) {
			t := r.Vector()
			VSUBPS(y, one, t)
			VADDPS(one, y, y)
			VMULPS(y, t, t)
			VMULPS(t, dy, dy)
		}
	}},
}

// activations writes activations and their gradients.
func activations(l simd.Level) {
	s := signature{moving: []string{"y", "x"}}
	pass(l, "relu", s, 4, func(r *routine) func() {
		zero := r.Vector()
		r.Zero(zero)
		return func() {
			x := r.load("x")
			VMAXPS(x, zero, x) // returns x where it is NaN
			r.store(x, "y")
		}
	}, "is y = max(x, 0).")
	pass(l, "sigmoid", s, 2, func(r *routine) func() {
		sigmoid := r.sigmoid()
		return func() { r.store(sigmoid(r.load("x")), "y") }
	}, "is y = 1/(1+exp(−x)).")
	pass(l, "tanh", s, 2, func(r *routine) func() {
		tanh := r.tanh()
		return func() { r.store(tanh(r.load("x")), "y") }
	}, "is y = tanh x.")
	for _, g := range gradients {
		pass(l, g.name+"Grad", signature{moving: []string{"dx", "y", "dy"}}, 4, func(r *routine) func() {
			gradient := g.setup(r)
			return func() {
				y, dy := r.load("y"), r.load("dy")
				gradient(y, dy)
				r.store(dy, "dx")
			}
		}, g.doc+".")
		columns(l, g.name+"GradSum", signature{moving: []string{"dx", "y", "dy"}, fixed: []string{"sum"}}, 4, func(r *routine) {
			gradient := g.setup(r)
			sum := r.zeros()
			r.top()
			r.everyRow(func() {
				r.each(func(i int) {
					y, dy := r.load("y"), r.load("dy")
					gradient(y, dy)
					VADDPS(dy, sum[i], sum[i])
					r.store(dy, "dx")
				})
			})
			r.stores(sum, "sum")
		}, g.doc+", and sets sum to the sums of its columns.")
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
	onePlus, q := r.Vector(), r.Vector()
	VADDPS(one, e, onePlus)
	VDIVPS(onePlus, one, q)
	small := r.Vector()
	VMULPS(e, q, small)
	r.choose(r.negative(x), small, q)
	return q
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
