package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The multipliers of Philox4x32, and its rounds.
const (
	philoxMul0   = 0xD2511F53
	philoxMul1   = 0xCD9E8D57
	philoxRounds = 10
)

var _ = writes(dropout)

// dropout writes the dropout of a row.
//
// A counter has a lane of 64 bits in each of four registers, of which the lower half counts: the multiplication of lower halves
// makes both halves of Philox's product, and the upper one never matters. A round of so many counters is then two
// multiplications, two shuffles and the exclusive ors; round keys come from memory. Unpacking leaves a counter's four words side by side;
// counters are dealt to the lanes such that columns come out in order.
func dropout(l simd.Level) {
	s := signature{moving: []string{"y", "x"}, extra: []string{"keys *uint32", "row uint32", "low uint32", "high uint32", "threshold uint32", "scale float32"}}
	r := begin(l, "dropout", s, "is y = x·scale where the random word of the column is at least the threshold, 0 elsewhere; keys are", "the keys of the rounds of Philox, two a round.")
	keys := Load(Param("keys"), GP64())
	mul0, mul1 := r.register(philoxMul0), r.register(philoxMul1)
	row, low, high := r.scalar("row"), r.scalar("low"), r.scalar("high")
	threshold, scale := r.scalar("threshold"), r.scalar("scale")
	blocks := r.Width / 2 // counters a turn, each of four columns
	order := GLOBL("dropout_order"+l.Name, RODATA|NOPTR)
	for i := range blocks {
		DATA(8*i, U64(uint64(blocks/2*(i%2)+i/2)))
	}
	counter, step := r.Vector(), r.register(uint32(blocks))
	VMOVUPS(order, counter)

	xor := func(a, b, c VecVirtual) { // c = a ^ b ^ c
		if l.Width == 16 {
			VPTERNLOGD(Imm(0x96), a, b, c)
		} else {
			VPXOR(a, c, c)
			VPXOR(b, c, c)
		}
	}
	key := func(i int) VecVirtual {
		v := r.Vector()
		VPBROADCASTD(Mem{Base: keys, Disp: 4 * i}, v)
		return v
	}
	// words returns the random words of the next columns, two vectors of them.
	words := func() [2]VecVirtual {
		c := [4]VecVirtual{counter, row, low, high}
		for round := range philoxRounds {
			p0, p1, h0, h1 := r.Vector(), r.Vector(), r.Vector(), r.Vector()
			VPMULUDQ(mul0, c[0], p0)
			VPMULUDQ(mul1, c[2], p1)
			VPSHUFD(Imm(0xB1), p1, h1) // the upper half comes down; a shift would compete with the products
			VPSHUFD(Imm(0xB1), p0, h0)
			xor(c[1], key(2*round), h1)
			xor(c[3], key(2*round+1), h0)
			c = [4]VecVirtual{h1, p1, h0, p0}
		}
		var pair [2]VecVirtual
		for i := range pair {
			pair[i] = r.Vector()
			VPSLLQ(Imm(32), c[2*i+1], pair[i])
			if l.Width == 16 {
				VMOVDQA32(c[2*i], lowHalves(r), pair[i])
			} else {
				VPBLENDD(Imm(0x55), c[2*i], pair[i], pair[i])
			}
		}
		out := [2]VecVirtual{r.Vector(), r.Vector()}
		VPUNPCKLQDQ(pair[1], pair[0], out[0])
		VPUNPCKHQDQ(pair[1], pair[0], out[1])
		VPADDD(step, counter, counter)
		return out
	}
	keep := func(words, x VecVirtual) {
		VMULPS(scale, x, x)
		if l.Width == 16 {
			k := K()
			VPCMPUD(Imm(5), threshold, words, k) // not less
			VMOVAPS_Z(x, k, x)
			return
		}
		m := r.Vector()
		VPMAXUD(threshold, words, m)
		VPCMPEQD(words, m, m)
		VANDPS(m, x, x)
	}
	next, done := GP64(), "done"
	XORQ(r.offset, r.offset)
	r.width = 2
	Label("turn")
	LEAQ(Mem{Base: r.offset, Disp: 2 * r.Bytes()}, next)
	CMPQ(next, r.end)
	JG(LabelRef("rest"))
	w := words()
	r.each(func(i int) {
		x := r.load("x")
		keep(w[i], x)
		r.store(x, "y")
	})
	MOVQ(next, r.offset)
	JMP(LabelRef("turn"))
	Label("rest")
	CMPQ(r.offset, r.end)
	JGE(LabelRef(done))
	w = words()
	tail := r.tail
	left, none, whole := GP64(), GP64(), GP64()
	for i := range w { // each a whole vector, part of one, or nothing
		r.cursor, r.masked = i, true
		MOVQ(r.end, left)
		SUBQ(r.offset, left)
		SUBQ(Imm(uint64(i*r.Bytes())), left)
		SARQ(Imm(2), left)
		XORQ(none, none)
		CMPQ(left, none)
		CMOVQLT(none, left)
		MOVQ(U32(uint32(r.Width)), whole)
		CMPQ(left, whole)
		CMOVQGT(whole, left)
		r.tail = r.firstMask(left)
		x := r.load("x")
		keep(w[i], x)
		r.store(x, "y")
	}
	r.tail = tail
	Label(done)
	r.finish()
}

// lowHalves returns the mask of the lower halves of lanes of 64 bits.
func lowHalves(r *routine) Register {
	g, k := GP32(), K()
	MOVL(U32(0x5555), g)
	KMOVW(g, k)
	return k
}
