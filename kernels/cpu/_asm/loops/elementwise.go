package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

var _ = writes(elementwise)

// elementwise writes sums and products of slices.
func elementwise(l simd.Level) {
	s := signature{moving: []string{"z", "x", "y"}}
	binary := func(name, doc string, op func(ops ...Op)) {
		pass(l, name, s, 4, func(r *routine) func() {
			return func() {
				x, y := r.load("x"), r.load("y")
				op(y, x, x)
				r.store(x, "z")
			}
		}, doc)
	}
	binary("add", "is z = x + y.", VADDPS)
	binary("multiply", "is z = x·y.", VMULPS)
	pass(l, "axpy", signature{moving: []string{"y", "x"}, extra: []string{"alpha float32"}}, 4, func(r *routine) func() {
		alpha := r.scalar("alpha")
		return func() {
			y := r.load("y")
			VFMADD231PS(r.load("x"), alpha, y)
			r.store(y, "y")
		}
	}, "is y += alpha·x.")
}

// sums is a sum in several registers, so that additions do not wait for each other.
type sums []VecVirtual

func (r *routine) sums(n int) sums {
	s := make(sums, n)
	for i := range s {
		s[i] = r.Vector()
		r.Zero(s[i])
	}
	return s
}

// fold adds the registers up into the first, pairwise.
func (s sums) fold(add func(ops ...Op)) VecVirtual {
	for n := len(s); n > 1; n /= 2 {
		for i := range n / 2 {
			add(s[i+n/2], s[i], s[i])
		}
	}
	return s[0]
}
