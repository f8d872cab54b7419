package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// level is a set of vector instructions.
type level struct {
	name  string
	width int // float32 lanes of a register
}

var (
	avx2   = level{"AVX2", 8}
	avx512 = level{"AVX512", 16}
)

// bytes is the size of a register.
func (l level) bytes() int { return 4 * l.width }

// vector returns a fresh register.
func (l level) vector() VecVirtual {
	if l.width == 16 {
		return ZMM()
	}
	return YMM()
}

// zero clears a register.
func (l level) zero(v VecVirtual) {
	if l.width == 16 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

// at addresses the i-th vector from a pointer.
func (l level) at(p Register, i int) Mem { return Mem{Base: p, Disp: i * l.bytes()} }
