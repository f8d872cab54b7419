package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
)

var _ = writes(prelu)

// prelu writes the rectifier with a learned slope, and its gradients.
func prelu(l simd.Level) {
	pass(l, "prelu", signature{rows: true, moving: []string{"y", "x"}, fixed: []string{"slope"}}, 4, func(r *routine) func() {
		zero := r.Vector()
		r.Zero(zero)
		return func() {
			x, below := r.load("x"), r.Vector()
			VMINPS(x, zero, below) // both return x where it is NaN
			VMAXPS(x, zero, x)
			VFMADD231PS(r.load("slope"), below, x)
			r.store(x, "y")
		}
	}, "is y = x where x > 0 or NaN, slope·x elsewhere.")
	pass(l, "preluGrad", signature{rows: true, moving: []string{"dx", "x", "dy"}, fixed: []string{"slope"}}, 4, func(r *routine) func() {
		zero := r.Vector()
		r.Zero(zero)
		return func() {
			x, dy, sloped := r.load("x"), r.load("dy"), r.load("slope")
			VMULPS(dy, sloped, sloped)
			r.choose(r.compare(notLessOrEqual, x, zero), dy, sloped)
			r.store(sloped, "dx")
		}
	}, "is dx = dy where x > 0 or NaN, slope·dy elsewhere.")
	columnsWith(l, "preluSlope", signature{moving: []string{"x", "dy"}, fixed: []string{"sum"}}, 4, func(r *routine) func() {
		zero := r.Vector()
		r.Zero(zero)
		return func() {
			sum := r.zeros()
			r.top()
			r.everyRow(func() {
				r.each(func(i int) {
					x := r.load("x")
					VMINPS(x, zero, x) // returns x where it is NaN
					VFMADD231PS(r.load("dy"), x, sum[i])
				})
			})
			r.stores(sum, "sum")
		}
	}, "sets sum to the sums of the columns of dy·min(x, 0).")
}
