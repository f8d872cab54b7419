package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// tables are the constants in memory, by their bits, and the masks.
var tables = make(map[uint32]Mem)

// maskBits and maskWords are the tables of tail masks, written when first asked for.
var maskBits, maskWords *Mem

// word returns a vector's worth of memory full of a word.
func word(bits uint32) Mem {
	m, ok := tables[bits]
	if !ok {
		m = GLOBL(fmt.Sprintf("word_%08x", bits), RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32(bits))
		}
		tables[bits] = m
	}
	return m
}

// mostConstants is how many registers a routine keeps constants in with AVX-512; with AVX2 there are none to spare.
const mostConstants = 14

// words returns an operand full of a word: a register, or memory where registers are short.
func (r *routine) words(bits uint32) Op {
	if v, ok := r.constants[bits]; ok {
		return v
	}
	if r.Width == 8 || len(r.constants) >= mostConstants {
		return word(bits)
	}
	v := r.register(bits)
	r.constants[bits] = v
	return v
}

// number returns an operand full of a number.
func (r *routine) number(v float64) Op { return r.words(math.Float32bits(float32(v))) }

// register returns a vector full of a word.
func (r *routine) register(bits uint32) VecVirtual {
	v := r.Vector()
	VBROADCASTSS(word(bits), v)
	return v
}

// tailMask returns the mask of the last n mod Width elements.
func (r *routine) tailMask(n Register) Op {
	left := GP64()
	MOVQ(n, left)
	ANDQ(U32(uint32(r.Width-1)), left)
	return r.firstMask(left)
}

// firstMask returns the mask of the first elements, 0 … Width of them.
func (r *routine) firstMask(count Register) Op {
	if r.Width == 16 {
		if maskBits == nil {
			m := GLOBL("mask_bits", RODATA|NOPTR)
			for i := range 17 {
				DATA(2*i, U16(1<<i-1))
			}
			maskBits = &m
		}
		at, k := GP64(), K()
		LEAQ(*maskBits, at)
		KMOVW(Mem{Base: at, Index: count, Scale: 2}, k)
		return k
	}
	if maskWords == nil {
		m := GLOBL("mask_words", RODATA|NOPTR)
		for i := range 16 {
			w := uint32(0)
			if i < 8 {
				w = math.MaxUint32
			}
			DATA(4*i, U32(w))
		}
		maskWords = &m
	}
	at, v := GP64(), YMM()
	LEAQ(*maskWords, at)
	back := GP64()
	MOVQ(count, back)
	NEGQ(back)
	VMOVUPS(Mem{Base: at, Index: back, Scale: 4, Disp: 32}, v)
	return v
}

// The comparisons of VCMPPS that are used. Those with NaN are false, but for the negations.
const (
	equal          = 0x00
	lessThan       = 0x01
	notLess        = 0x05 // true with NaN
	notLessOrEqual = 0x06 // true with NaN
)

// compare returns the condition a ∘ b.
func (r *routine) compare(how uint8, a VecVirtual, b Op) Op {
	if r.Width == 16 {
		k := K()
		VCMPPS(Imm(uint64(how)), b, a, k)
		return k
	}
	v := r.Vector()
	VCMPPS(Imm(uint64(how)), b, a, v)
	return v
}

// keep sets v to 0 where a condition does not hold.
func (r *routine) keep(condition Op, v VecVirtual) {
	if r.Width == 16 {
		VMOVAPS_Z(v, condition, v)
	} else {
		VANDPS(condition, v, v)
	}
}

// drop sets v to 0 where a condition holds.
func (r *routine) drop(condition Op, v VecVirtual) {
	if r.Width == 16 {
		k := K()
		KNOTW(condition, k)
		VMOVAPS_Z(v, k, v)
	} else {
		VANDNPS(v, condition, v)
	}
}

// choose sets v to w where a condition holds.
func (r *routine) choose(condition Op, w, v VecVirtual) {
	if r.Width == 16 {
		VMOVAPS(w, condition, v)
	} else {
		VBLENDVPS(condition, w, v, v)
	}
}

// negative returns the condition that the sign is set.
func (r *routine) negative(v VecVirtual) Op {
	if r.Width == 16 {
		k := K()
		VPMOVD2M(v, k)
		return k
	}
	return v // VBLENDVPS looks at nothing but the sign
}

// half returns the lower or upper half of a register's lanes as a register of half the size.
func (r *routine) half(v VecVirtual, upper bool) VecVirtual {
	if r.Width == 16 {
		if !upper {
			return v.AsY().(VecVirtual)
		}
		y := YMM()
		VEXTRACTF64X4(Imm(1), v, y)
		return y
	}
	if !upper {
		return v.AsX().(VecVirtual)
	}
	x := XMM()
	VEXTRACTF128(Imm(1), v, x)
	return x
}

// wide returns the lower or upper half of a vector's elements in float64.
func (r *routine) wide(v VecVirtual, upper bool) VecVirtual {
	w := r.Vector()
	VCVTPS2PD(r.half(v, upper), w)
	return w
}

// widen returns a vector's elements in float64, in two vectors.
func (r *routine) widen(v VecVirtual) [2]VecVirtual {
	return [2]VecVirtual{r.wide(v, false), r.wide(v, true)}
}

// narrow rounds two vectors of float64 to one of float32.
func (r *routine) narrow(w [2]VecVirtual) VecVirtual {
	v := r.Vector()
	if r.Width == 16 {
		hi := YMM()
		VCVTPD2PS(w[0], v.AsY())
		VCVTPD2PS(w[1], hi)
		VINSERTF64X4(Imm(1), hi, v, v)
		return v
	}
	hi := XMM()
	VCVTPD2PSY(w[0], v.AsX())
	VCVTPD2PSY(w[1], hi)
	VINSERTF128(Imm(1), hi, v, v)
	return v
}

// total adds the lanes of a vector of float32 – of float64 where double is set – in a fixed order, into the lowest lane.
func (r *routine) total(v VecVirtual, double bool) Register {
	add := func(a, b, c Op) {
		if double {
			VADDPD(a, b, c)
		} else {
			VADDPS(a, b, c)
		}
	}
	y := v.AsY()
	if r.Width == 16 {
		hi := r.half(v, true)
		add(hi, y, y)
	}
	x, hi := v.AsX(), XMM()
	VEXTRACTF128(Imm(1), y, hi)
	add(hi, x, x)
	VPERMILPD(Imm(1), x, hi)
	add(hi, x, x)
	if !double {
		VMOVSHDUP(x, hi)
		add(hi, x, x)
	}
	return x
}
