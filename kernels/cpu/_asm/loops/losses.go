package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

var _ = writes(losses)

// losses writes the logistic loss, for elements of one weight and of a weight each.
func losses(l simd.Level) {
	for _, each := range []bool{false, true} {
		for _, gradient := range []bool{false, true} {
			logisticLoss(l, each, gradient)
		}
	}
}

// logisticLoss is max(p, 0) − p·t + log(1+e), with e = exp(−|p|). Weights and sums are in float64.
func logisticLoss(l simd.Level, each, gradient bool) {
	name, doc := "logisticLoss", "returns Σ loss of logits p and targets t"
	s := signature{moving: []string{"p", "t"}, result: "float64"}
	if each {
		name, doc = name+"Each", "returns Σ w·loss of logits p and targets t"
		s.moving = append(s.moving, "w")
	}
	if gradient {
		name, doc = name+"Grad", doc+", and sets dp to w·factor times its gradient"
		if !each {
			doc = "returns Σ loss of logits p and targets t, and sets dp to factor times its gradient"
		}
		s.moving = append(s.moving, "dp")
		s.extra = append(s.extra, "factor float32")
	}
	r := begin(l, name, s, doc+".")
	sum := r.sums(2)
	var factor VecVirtual
	if gradient {
		factor = r.scalar("factor")
	}
	exp, negate, log1p, one := r.exp(), r.magnitude(true), r.log1p(), r.register(oneBits)
	zero := r.Vector()
	r.Zero(zero)
	r.panels(1, func() {
		p, t := r.load("p"), r.load("t")
		e := exp(negate(p))
		loss := log1p(e)
		positive := r.Vector()
		VMAXPS(p, zero, positive) // returns p where it is NaN
		VFNMADD231PS(p, t, positive)
		VADDPS(positive, loss, loss)
		if r.masked { // the loss of nothing is log 2
			if r.Width == 16 {
				VMOVAPS_Z(loss, r.tail, loss)
			} else {
				VANDPS(r.tail, loss, loss)
			}
		}
		var w VecVirtual
		if each {
			w = r.load("w")
		}
		for h, v := range r.widen(loss) {
			if each {
				VFMADD231PD(r.wide(w, h == 1), v, sum[h])
			} else {
				VADDPD(v, sum[h], sum[h])
			}
		}
		if gradient {
			q := r.logistic(e, p, one)
			VSUBPS(t, q, q)
			VMULPS(factor, q, q)
			if each {
				VMULPS(w, q, q)
			}
			r.store(q, "dp")
		}
	})
	r.give(r.total(sum.fold(VADDPD), true))
	r.finish()
}

// log1p prepares log(1+e) for 0 ≤ e ≤ 1, as 2·artanh(s) with s = e/(2+e) ≤ 1/3, by the series Σ s²ᵏ⁺¹/(2k+1) up to k = 8, of which the
// rest is below 2⁻³²; relative error below 4·2⁻²⁴.
func (r *routine) log1p() func(e VecVirtual) VecVirtual {
	two := r.number(2)
	var coeffs []Op
	for k := 8; k > 0; k-- {
		coeffs = append(coeffs, r.number(2/float64(2*k+1)))
	}
	return func(e VecVirtual) VecVirtual {
		s, square, p := r.Vector(), r.Vector(), r.Vector()
		VADDPS(two, e, s)
		VDIVPS(s, e, s)
		VMULPS(s, s, square)
		VMOVUPS(coeffs[0], p)
		for _, c := range append(coeffs[1:], two) {
			VFMADD213PS(c, square, p)
		}
		VMULPS(s, p, p)
		return p
	}
}
