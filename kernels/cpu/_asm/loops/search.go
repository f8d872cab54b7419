package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

var _ = writes(search)

// search writes the loop that looks for an element.
func search(l simd.Level) {
	s := signature{moving: []string{"x"}, extra: []string{"floor float32"}, result: "int"}
	r := begin(l, "reaches", s, "returns the index of the first of n elements that is not below a floor, as NaN is not, or n.")
	floor := r.scalar("floor")
	found := GP32()
	r.panels(1, func() {
		at := r.compare(notLess, r.load("x"), floor)
		switch {
		case r.Width == 16 && r.masked:
			KANDW(at, r.tail, at)
			KMOVW(at, found)
		case r.Width == 16:
			KMOVW(at, found)
		case r.masked:
			VANDPS(r.tail, at, at)
			VMOVMSKPS(at, found)
		default:
			VMOVMSKPS(at, found)
		}
		TESTL(found, found)
		JNZ(LabelRef("found"))
	})
	index := GP64()
	MOVQ(r.end, index)
	SHRQ(Imm(2), index)
	JMP(LabelRef("done"))
	Label("found")
	TZCNTL(found, found)
	MOVQ(r.offset, index)
	SHRQ(Imm(2), index)
	ADDQ(found.As64(), index)
	Label("done")
	Store(index, ReturnIndex(0))
	r.finish()
}
