package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/reg"
)

var _ = writes(reductions)

// reductions writes sums of elements, and of columns.
func reductions(l simd.Level) {
	{
		s := signature{moving: []string{"x", "y"}, result: "float32"}
		r := begin(l, "dot", s, "returns Σ x·y.")
		sum := r.sums(4)
		r.panels(4, func() {
			r.each(func(i int) { VFMADD231PS(r.load("x"), r.load("y"), sum[i]) })
		})
		r.give(r.total(sum.fold(VADDPS), false))
		r.finish()
	}
	{
		s := signature{moving: []string{"x"}, result: "float64"}
		r := begin(l, "sumSquares", s, "returns Σ x·x, taken in float64.")
		sum := r.sums(4)
		r.panels(2, func() {
			r.each(func(i int) {
				for h, w := range r.widen(r.load("x")) {
					VFMADD231PD(w, w, sum[2*i+h])
				}
			})
		})
		r.give(r.total(sum.fold(VADDPD), true))
		r.finish()
	}
	columns(l, "columnSum", signature{moving: []string{"x"}, fixed: []string{"sum"}}, 4, func(r *routine) {
		sum := r.zeros()
		r.top()
		r.everyRow(func() {
			r.each(func(i int) { VADDPS(r.load("x"), sum[i], sum[i]) })
		})
		r.stores(sum, "sum")
	}, "sets sum to the sums of the columns of x.")
	columns(l, "addBlocks", signature{moving: []string{"x"}, fixed: []string{"sum"}}, 2, func(r *routine) {
		lo, hi := r.zeros(), r.zeros()
		r.top()
		r.everyRow(func() {
			r.each(func(i int) {
				w := r.widen(r.load("x"))
				VADDPD(w[0], lo[i], lo[i])
				VADDPD(w[1], hi[i], hi[i])
			})
		})
		r.each(func(i int) { r.store(r.narrow([2]VecVirtual{lo[i], hi[i]}), "sum") })
	}, "sets sum to the sums of the columns of x, taken in float64.")
}
