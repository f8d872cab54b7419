// Package simd is what the generators of package cpu's assembly share: vectors of float32 in AVX2 and AVX-512.
package simd

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Level is a set of vector instructions.
type Level struct {
	Name  string
	Width int // float32 lanes of a register
}

// The levels.
var (
	AVX2   = Level{"AVX2", 8}
	AVX512 = Level{"AVX512", 16}
)

// Bytes is the size of a register.
func (l Level) Bytes() int { return 4 * l.Width }

// Vector returns a fresh register.
func (l Level) Vector() VecVirtual {
	if l.Width == 16 {
		return ZMM()
	}
	return YMM()
}

// Zero clears a register.
func (l Level) Zero(v VecVirtual) {
	if l.Width == 16 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

// At addresses the i-th vector from a pointer.
func (l Level) At(p Register, i int) Mem { return Mem{Base: p, Disp: i * l.Bytes()} }
