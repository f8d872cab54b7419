package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The fields of cpu.hyper, in their order; a test of the package compares it with the assembly.
var hyperFields = []string{"rate", "factor", "correct1", "correct2", "momentum", "beta1", "beta2", "oneMinus1", "oneMinus2", "epsilon", "l2", "keep"}

var _ = writes(optimizers)

// optimizers writes the rules of package kernels, operation by operation as in plain Go; square roots and quotients are exact.
func optimizers(l simd.Level) {
	rule := func(name, doc string, hasM, hasV bool, setup func(r *routine, h func(string) VecVirtual) func(w, g, m, v VecVirtual)) {
		s := signature{moving: []string{"w", "grad"}, extra: []string{"h *float32"}}
		if hasM {
			s.moving = append(s.moving, "m")
		}
		if hasV {
			s.moving = append(s.moving, "v")
		}
		pass(l, name, s, 2, func(r *routine) func() {
			at := Load(Param("h"), GP64())
			h := func(field string) VecVirtual {
				for i, f := range hyperFields {
					if f == field {
						v := r.Vector()
						VBROADCASTSS(Mem{Base: at, Disp: 4 * i}, v)
						return v
					}
				}
				panic("no field " + field)
			}
			apply := setup(r, h)
			var factor, l2 VecVirtual
			if l.Width == 16 {
				factor, l2 = h("factor"), h("l2")
			}
			return func() {
				w, g := r.load("w"), r.load("grad") // g is a register of the assembler
				if l.Width == 8 {                   // registers are few
					factor, l2 = h("factor"), h("l2")
				}
				VMULPS(factor, g, g)
				VFMADD231PS(l2, w, g)
				var m, v VecVirtual
				if hasM {
					m = r.load("m")
				}
				if hasV {
					v = r.load("v")
				}
				apply(w, g, m, v)
				if hasM {
					r.store(m, "m")
				}
				if hasV {
					r.store(v, "v")
				}
				r.store(w, "w")
			}
		}, doc)
	}
	rule("sgd", "is kernels.SGD.", false, false, func(_ *routine, h func(string) VecVirtual) func(w, g, m, v VecVirtual) {
		rate := h("rate")
		return func(w, g, _, _ VecVirtual) { VFNMADD231PS(rate, g, w) }
	})
	rule("momentum", "is kernels.Momentum.", true, false, func(_ *routine, h func(string) VecVirtual) func(w, g, m, v VecVirtual) {
		rate, momentum := h("rate"), h("momentum")
		return func(w, g, m, _ VecVirtual) {
			VFMADD213PS(g, momentum, m)
			VFNMADD231PS(rate, m, w)
		}
	})
	rule("nesterov", "is kernels.Nesterov.", true, false, func(_ *routine, h func(string) VecVirtual) func(w, g, m, v VecVirtual) {
		rate, momentum := h("rate"), h("momentum")
		return func(w, g, m, _ VecVirtual) {
			VFMADD213PS(g, momentum, m)
			VFMADD231PS(momentum, m, g)
			VFNMADD231PS(rate, g, w)
		}
	})
	rule("adam", "is kernels.Adam, and kernels.AdamW where keep is not 1.", true, true, func(r *routine, h func(string) VecVirtual) func(w, g, m, v VecVirtual) {
		rate, correct1, correct2 := h("rate"), h("correct1"), h("correct2")
		beta1, beta2, one1, one2 := h("beta1"), h("beta2"), h("oneMinus1"), h("oneMinus2")
		epsilon, keep := h("epsilon"), h("keep")
		return func(w, g, m, v VecVirtual) {
			t := r.Vector()
			VMULPS(g, g, t)
			VMULPS(one1, g, g)
			VFMADD213PS(g, beta1, m)
			VMULPS(one2, t, t)
			VFMADD213PS(t, beta2, v)
			VMULPS(correct2, v, t)
			VSQRTPS(t, t)
			VADDPS(epsilon, t, t)
			VMULPS(correct1, m, g)
			VMULPS(rate, g, g)
			VDIVPS(t, g, g)
			VFMSUB213PS(g, keep, w)
		}
	})
	rule("adagrad", "is kernels.Adagrad.", false, true, func(r *routine, h func(string) VecVirtual) func(w, g, m, v VecVirtual) {
		rate, epsilon := h("rate"), h("epsilon")
		return func(w, g, _, v VecVirtual) {
			t := r.Vector()
			VFMADD231PS(g, g, v)
			VSQRTPS(v, t)
			VADDPS(epsilon, t, t)
			VMULPS(rate, g, g)
			VDIVPS(t, g, g)
			VSUBPS(g, w, w)
		}
	})
}
