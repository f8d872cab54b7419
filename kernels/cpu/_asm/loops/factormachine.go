package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
)

var _ = writes(factorMachine)

// factorMachine writes the loops over fields that lie below each other, column by column.
func factorMachine(l simd.Level) {
	columns(l, "fieldMoments", signature{moving: []string{"x"}, fixed: []string{"sum", "square"}}, l.Width/4, func(r *routine) {
		sum, square := r.zeros(), r.zeros()
		r.top()
		r.everyRow(func() {
			r.each(func(i int) {
				x := r.load("x")
				VADDPS(x, sum[i], sum[i])
				VFMADD231PS(x, x, square[i])
			})
		})
		r.stores(sum, "sum")
		r.stores(square, "square")
	}, "sets sum to the sums of the columns of x, and square to those of their squares.")
	pass(l, "fieldGradient", signature{rows: true, moving: []string{"dx", "x"}, fixed: []string{"shift", "factor"}}, 2, func(r *routine) func() {
		return func() {
			x, d := r.load("x"), r.load("shift")
			VFNMADD231PS(r.load("factor"), x, d)
			r.store(d, "dx")
		}
	}, "is dx = shift − factor·x.")
}
