package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/reg"
)

var _ = writes(normalization)

// normalization writes the loops of batch norm.
func normalization(l simd.Level) {
	moments(l)
	combineMoments(l)
	for _, relu := range []bool{false, true} {
		name, doc := "normalize", "is y = (x − mean)·scale + shift."
		if relu {
			name, doc = "normalizeReLU", "is y = max((x − mean)·scale + shift, 0)."
		}
		pass(l, name, signature{rows: true, moving: []string{"y", "x"}, fixed: []string{"mean", "scale", "shift"}}, 4, func(r *routine) func() {
			zero := r.Vector()
			if relu {
				r.Zero(zero)
			}
			return func() {
				x, shift := r.load("x"), r.load("shift")
				VSUBPS(r.load("mean"), x, x)
				VFMADD132PS(r.load("scale"), shift, x)
				if relu {
					VMAXPS(x, zero, x) // returns x where it is NaN
				}
				r.store(x, "y")
			}
		}, doc)
	}
	pass(l, "normGradInput", signature{rows: true, moving: []string{"dx", "x", "dy"}, fixed: []string{"mean", "scale", "shift", "slope"}}, 2, func(r *routine) func() {
		return func() {
			x, dy := r.load("x"), r.load("dy")
			VSUBPS(r.load("mean"), x, x)
			VSUBPS(r.load("shift"), dy, dy)
			VFNMADD231PS(r.load("slope"), x, dy)
			VMULPS(r.load("scale"), dy, dy)
			r.store(dy, "dx")
		}
	}, "is dx = scale·(dy − shift − (x − mean)·slope).")
	columns(l, "normGradParams", signature{moving: []string{"x", "dy"}, fixed: []string{"dgamma", "dbeta", "mean", "inverse"}}, l.Width/4, func(r *routine) {
		dgamma, dbeta, mean := r.zeros(), r.zeros(), r.loads("mean")
		r.top()
		r.everyRow(func() {
			r.each(func(i int) {
				x, dy := r.load("x"), r.load("dy")
				VSUBPS(mean[i], x, x)
				VFMADD231PS(x, dy, dgamma[i])
				VADDPS(dy, dbeta[i], dbeta[i])
			})
		})
		r.each(func(i int) { VMULPS(r.load("inverse"), dgamma[i], dgamma[i]) })
		r.stores(dgamma, "dgamma")
		r.stores(dbeta, "dbeta")
	}, "sets dgamma to inverse·Σ dy·(x − mean) and dbeta to Σ dy, column by column.")
}

// moments writes the statistics of a block of rows; the panel that is read twice stays in the nearest cache.
func moments(l simd.Level) {
	s := signature{moving: []string{"x"}, fixed: []string{"mean", "deviation", "square"}, extra: []string{"reciprocal float32"}}
	columns(l, "blockMoments", s, l.Width/4, func(r *routine) {
		mean := r.zeros()
		r.top()
		r.everyRow(func() {
			r.each(func(i int) { VADDPS(r.load("x"), mean[i], mean[i]) })
		})
		reciprocal := r.scalar("reciprocal")
		r.each(func(i int) { VMULPS(reciprocal, mean[i], mean[i]) })
		deviation, square := r.zeros(), r.zeros()
		r.top()
		r.everyRow(func() {
			r.each(func(i int) {
				x := r.load("x")
				VSUBPS(mean[i], x, x)
				VADDPS(x, deviation[i], deviation[i])
				VFMADD231PS(x, x, square[i])
			})
		})
		r.stores(mean, "mean")
		r.stores(deviation, "deviation")
		r.stores(square, "square")
	}, "sets mean to about the means of the columns of x, 1/rows being the reciprocal, deviation to", "Σ (x − mean) and square to Σ (x − mean)².")
}

// combineMoments writes the combination of blocks' statistics, by sums about the mean of the first block.
func combineMoments(l simd.Level) {
	s := signature{
		moving: []string{"mean", "deviation", "square"}, fixed: []string{"outMean", "outVariance"},
		extra: []string{"each float64", "last float64", "reciprocal float64"},
	}
	columns(l, "combineMoments", s, 1, func(r *routine) {
		r.top()
		origin := r.widen(r.load("mean"))
		sum, squares := r.sums(2), r.sums(2)
		double := func(name string) VecVirtual {
			v := r.Vector()
			VBROADCASTSD(param(name), v)
			return v
		}
		block := func(n VecVirtual) {
			for h := range 2 { // a half at a time, as registers are few
				t, a := r.wide(r.load("mean"), h == 1), r.Vector()
				deviation := r.wide(r.load("deviation"), h == 1)
				VSUBPD(origin[h], t, t)
				VMOVAPD(deviation, a)
				VFMADD231PD(n, t, a) // Σ (x − origin) over the block
				VADDPD(a, sum[h], sum[h])
				VADDPD(deviation, a, a)
				square := r.wide(r.load("square"), h == 1)
				VFMADD231PD(t, a, square) // Σ (x − origin)²
				VADDPD(square, squares[h], squares[h])
			}
		}
		n := double("each")
		r.everyRow(func() { block(n) })
		VBROADCASTSD(param("last"), n)
		block(n)
		reciprocal := double("reciprocal")
		zero := r.Vector()
		r.Zero(zero)
		for h := range 2 {
			VMULPD(reciprocal, sum[h], sum[h])
			VMULPD(reciprocal, squares[h], squares[h])
			VFNMADD231PD(sum[h], sum[h], squares[h])
			VMAXPD(squares[h], zero, squares[h]) // returns NaN where there is one
			VADDPD(origin[h], sum[h], sum[h])
		}
		r.store(r.narrow([2]VecVirtual{sum[0], sum[1]}), "outMean")
		r.store(r.narrow([2]VecVirtual{squares[0], squares[1]}), "outVariance")
	}, "brings together the statistics of rows blocks of each rows and one more, of last rows; the", "reciprocal is that of all rows.")
}
