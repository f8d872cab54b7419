package main

import (
	"math"

	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// group is kernels.FactorGroup.
const group = 8

// The fields of cpu.factorStep, in their order; a test of the package compares it with the assembly.
var factorStepFields = []string{"rate", "biasRate", "keepUser", "keepItem", "keepOther", "userBiasL2", "itemBiasL2", "mean"}

// noMargin is a margin that has neither loss nor gradient.
const noMargin = 127

var _ = writes(factorUpdates)

// factorUpdates writes the steps of factorizations, a group of samples at a time: the products of all, then what follows from them, in
// one vector, then the steps of each. Neither the sums within a vector nor the exponential are then waited for sample by sample.
// Rows of the group after are asked for meanwhile.
func factorUpdates(l simd.Level) {
	ratingUpdates(l)
	preferenceUpdates(l)
}

// factorRoutine is a routine that takes samples. Memory of a group is on the stack, a place for each sample.
type factorRoutine struct {
	*routine
	width   int // ids of a sample
	samples GPVirtual
	left    GPVirtual
	step    GPVirtual
	place   GPVirtual // in the group
	memory  Mem       // of the group
	taken   func()    // what comes after each sample of the first pass, may be nil
}

// What a place in a group has: half a vector of a product, its known part or what follows, and the ids. A sample without effect has a
// user of −1.
const (
	groupProducts = 0
	groupKnown    = group * 32
	groupSteps    = groupKnown + group*4
	groupIDs      = groupSteps + group*4 // of users, then of items, then of others
	groupCount    = groupIDs + 3*group*8 // samples of the group
	groupBytes    = groupCount + 8
)

// factorExtra are the parameters that such routines share. Strides are in bytes.
var factorExtra = []string{"users *float32", "items *float32", "userStride int", "itemStride int", "userCount int", "itemCount int", "samples *int32", "count int", "step *float32"}

// beginFactors begins a routine that takes samples.
func beginFactors(l simd.Level, name string, width int, result string, extra []string, doc ...string) *factorRoutine {
	s := signature{extra: append(extra, factorExtra...), result: result}
	r := &factorRoutine{routine: begin(l, name, s, doc...), width: width}
	r.samples = Load(Param("samples"), GP64()).(GPVirtual)
	r.left = Load(Param("count"), GP64()).(GPVirtual)
	r.step = Load(Param("step"), GP64()).(GPVirtual)
	r.place = GP64()
	r.memory = AllocLocal(groupBytes)
	return r
}

// in addresses the memory of the place at hand: elements of a size, from an offset on.
func (r *factorRoutine) in(offset int, size uint8) Mem {
	m := r.memory.Offset(offset)
	m.Index, m.Scale = r.place, size
	return m
}

// idAt addresses the i-th id of the place at hand.
func (r *factorRoutine) idAt(i int) Mem { return r.in(groupIDs+i*group*8, 8) }

// field addresses a field of factorStep.
func (r *factorRoutine) field(name string) Mem {
	for i, f := range factorStepFields {
		if f == name {
			return Mem{Base: r.step, Disp: 4 * i}
		}
	}
	panic("no field " + name)
}

// everywhere returns a vector full of a field of factorStep.
func (r *factorRoutine) everywhere(name string) VecVirtual {
	v := r.Vector()
	VBROADCASTSS(r.field(name), v)
	return v
}

// id loads the i-th id of the sample so many ahead.
func (r *factorRoutine) id(ahead, i int) GPVirtual {
	v := GP64()
	MOVL(Mem{Base: r.samples, Disp: 4 * (ahead*r.width + i)}, v.As32())
	return v
}

// table returns which table the i-th id is of.
func table(i int) string {
	if i == 0 {
		return "user"
	}
	return "item"
}

// row returns the address of the row that the i-th id names.
func (r *factorRoutine) row(id Register, i int) GPVirtual {
	row := GP64()
	MOVQ(id, row)
	IMULQ(param(table(i)+"Stride"), row)
	ADDQ(param(table(i)+"s"), row)
	return row
}

// ask asks for the row at p, four lines at a time.
func (r *factorRoutine) ask(p GPVirtual) {
	const lines = 4
	last, loop, rest := GP64(), r.label("ask"), r.label("askRest")
	LEAQ(Mem{Base: p, Index: r.end, Scale: 1, Disp: -64 * lines}, last)
	CMPQ(p, last)
	JG(LabelRef(rest))
	Label(loop)
	for i := range lines {
		PREFETCHT0(Mem{Base: p, Disp: 64 * i})
	}
	ADDQ(U32(64*lines), p)
	CMPQ(p, last)
	JLE(LabelRef(loop))
	Label(rest)
	done := r.label("asked")
	ADDQ(U32(64*lines), last)
	CMPQ(p, last)
	JGE(LabelRef(done))
	again := r.label("askOne")
	Label(again)
	PREFETCHT0(Mem{Base: p})
	ADDQ(U32(64), p)
	CMPQ(p, last)
	JL(LabelRef(again))
	Label(done)
}

// everyGroup writes a loop over groups. For each sample that has an effect, product writes its product to memory and what is known
// besides; without is what is known where a sample has none. Between makes of these the scalars that steps read. Rows are
// "p", "q" and "o".
func (r *factorRoutine) everyGroup(without float32, product, between, steps func()) {
	rows := []string{"p", "q", "o"}[:r.width]
	count := r.memory.Offset(groupCount)
	JMP(LabelRef("groups"))
	Label("group")
	n := GP64()
	MOVQ(U32(group), n)
	CMPQ(r.left, n)
	CMOVQLT(r.left, n)
	MOVQ(n, count)
	XORQ(r.place, r.place)

	Label("sample")
	CMPQ(r.left, U32(group))
	JLE(LabelRef("take"))
	for i := range rows {
		skip, id := r.label("absent"), r.id(group, i)
		CMPQ(id, param(table(i)+"Count"))
		JAE(LabelRef(skip))
		r.ask(r.row(id, i))
		Label(skip)
	}
	Label("take")
	ids := make([]GPVirtual, r.width)
	for i := range rows { // a negative id is beyond every table
		ids[i] = r.id(0, i)
		CMPQ(ids[i], param(table(i)+"Count"))
		JAE(LabelRef("without"))
	}
	if r.width == 3 {
		CMPQ(ids[1], ids[2])
		JE(LabelRef("without"))
	}
	for i, name := range rows {
		MOVQ(ids[i], r.idAt(i))
		r.pointers[name] = r.row(ids[i], i)
	}
	product()
	Label("taken")
	if r.taken != nil {
		r.taken()
	}
	ADDQ(U32(uint32(4*r.width)), r.samples)
	DECQ(r.left)
	INCQ(r.place)
	CMPQ(r.place, count)
	JL(LabelRef("sample"))

	between()

	XORQ(r.place, r.place)
	Label("step")
	for i, name := range rows {
		id := GP64()
		MOVQ(r.idAt(i), id)
		if i == 0 {
			TESTQ(id, id)
			JS(LabelRef("stepped"))
		}
		r.pointers[name] = r.row(id, i)
	}
	steps()
	Label("stepped")
	INCQ(r.place)
	CMPQ(r.place, count)
	JL(LabelRef("step"))

	Label("groups")
	TESTQ(r.left, r.left)
	JG(LabelRef("group"))
	JMP(LabelRef("done"))

	Label("without")
	none, zero := GP64(), YMM()
	MOVQ(I32(-1), none)
	MOVQ(none, r.idAt(0))
	VXORPS(zero, zero, zero)
	VMOVUPS(zero, r.products())
	MOVL(U32(math.Float32bits(without)), r.in(groupKnown, 4))
	JMP(LabelRef("taken"))
	Label("done")
}

// products addresses the product of the place at hand.
func (r *factorRoutine) products() Mem {
	at := GP64()
	MOVQ(r.place, at)
	SHLQ(Imm(5), at)
	m := r.memory.Offset(groupProducts)
	m.Index, m.Scale = at, 1
	return m
}

// product writes what a description adds to registers, of which eight lanes are left, to the memory of the place.
func (r *factorRoutine) product(describe func(sum VecVirtual)) {
	sum := r.sums(4)
	r.panels(4, func() { r.each(func(i int) { describe(sum[i]) }) })
	all := sum.fold(VADDPS)
	if r.Width == 16 {
		y := all.AsY()
		VADDPS(r.half(all, true), y, y)
		VMOVUPS(y, r.products())
		return
	}
	VMOVUPS(all, r.products())
}

// totals returns the products of the group, one a lane. Pairs of vectors are interleaved and added, then pairs of pairs, which leaves the
// sums of four in each half; then halves come together.
func (r *factorRoutine) totals() VecVirtual {
	var v [group]VecVirtual
	for i := range v {
		v[i] = YMM()
		VMOVUPS(r.memory.Offset(groupProducts+32*i), v[i])
	}
	join := func(low, high func(...Op), x, y VecVirtual) VecVirtual {
		l, h := YMM(), YMM()
		low(y, x, l)
		high(y, x, h)
		VADDPS(h, l, l)
		return l
	}
	var quarter [2]VecVirtual
	for i := range quarter {
		w := v[4*i:]
		quarter[i] = join(VUNPCKLPD, VUNPCKHPD, join(VUNPCKLPS, VUNPCKHPS, w[0], w[1]), join(VUNPCKLPS, VUNPCKHPS, w[2], w[3]))
	}
	halves := func(control uint64) func(...Op) {
		return func(ops ...Op) {
			if r.Width == 16 {
				VSHUFF32X4(Imm(control&1*3), ops[0], ops[1], ops[2])
			} else {
				VPERM2F128(Imm(control), ops[0], ops[1], ops[2])
			}
		}
	}
	return join(halves(0x20), halves(0x31), quarter[0], quarter[1])
}

// upper returns the upper half of a vector of eight.
func (r *factorRoutine) upper(v VecVirtual) VecVirtual {
	x := XMM()
	if r.Width == 16 {
		VEXTRACTF32X4(Imm(1), v, x) // reaches all 32 registers
	} else {
		VEXTRACTF128(Imm(1), v, x)
	}
	return x
}

// bias loads the bias of the place's i-th id, and says where it lies.
func (r *factorRoutine) bias(i int) (Register, Mem) {
	base, id, b := GP64(), GP64(), XMM()
	MOVQ(r.idAt(i), id)
	MOVQ(param(table(i)+"Bias"), base)
	at := Mem{Base: base, Index: id, Scale: 4}
	VMOVSS(at, b)
	return b, at
}

// biasStep writes b + ηb(g − λ·b) for the bias b of the place's i-th id, given the gradient g.
func (r *factorRoutine) biasStep(i int, g Register) {
	b, at := r.bias(i)
	t := XMM()
	VMOVAPS(g, t)
	VFNMADD231SS(r.field(table(i)+"BiasL2"), b, t)
	VFMADD132SS(r.field("biasRate"), b, t)
	VMOVSS(t, at)
}

// stepOf returns a scalar of the place in all lanes, times the rate.
func (r *factorRoutine) stepOf(g Register) VecVirtual {
	x, step := XMM(), r.Vector()
	VMULSS(r.field("rate"), g, x)
	VBROADCASTSS(x, step)
	return step
}

func ratingUpdates(l simd.Level) {
	r := beginFactors(l, "ratingUpdates", 2, "float64", []string{"userBias *float32", "itemBias *float32", "ratings *float32", "ratingStride int"},
		"takes count samples of users and items with their ratings and returns the sum of squared", "errors; strides are in bytes.")
	ratings := Load(Param("ratings"), GP64())
	keepUser, keepItem := r.everywhere("keepUser"), r.everywhere("keepItem")
	loss := []VecVirtual{YMM(), YMM()}
	for _, v := range loss {
		VXORPS(v, v, v)
	}
	r.taken = func() { ADDQ(param("ratingStride"), ratings) }
	r.everyGroup(0, func() {
		r.product(func(sum VecVirtual) { VFMADD231PS(r.load("p"), r.load("q"), sum) })
		bu, _ := r.bias(0)
		bi, _ := r.bias(1)
		known := XMM()
		VADDSS(r.field("mean"), bu, bu)
		VADDSS(bi, bu, bu)
		VMOVSS(Mem{Base: ratings}, known)
		VSUBSS(bu, known, known)
		VMOVSS(known, r.in(groupKnown, 4))
	}, func() {
		products, e := r.totals(), YMM()
		VMOVUPS(r.memory.Offset(groupKnown), e)
		VSUBPS(products, e, e)
		VMOVUPS(e, r.memory.Offset(groupSteps))
		// Places of a last group that have no sample hold what was there before.
		here := GP64()
		MOVQ(r.memory.Offset(groupCount), here)
		r.keep(r.firstMask(here), e)
		for h, v := range loss {
			wide, half := YMM(), e.AsX()
			if h == 1 {
				half = r.upper(e)
			}
			VCVTPS2PD(half, wide)
			VFMADD231PD(wide, wide, v)
		}
	}, func() {
		e := XMM()
		VMOVSS(r.in(groupSteps, 4), e)
		r.biasStep(0, e)
		r.biasStep(1, e)
		step := r.stepOf(e)
		r.panels(2, func() {
			r.each(func(int) {
				p, q := r.load("p"), r.load("q")
				newP, newQ := r.Vector(), r.Vector()
				VMULPS(keepUser, p, newP)
				VMULPS(keepItem, q, newQ)
				VFMADD231PS(step, q, newP)
				VFMADD231PS(step, p, newQ)
				r.store(newP, "p")
				r.store(newQ, "q")
			})
		})
	})
	VADDPD(loss[1], loss[0], loss[0])
	sum, next := loss[0].AsX(), XMM()
	VADDPD(r.upper(loss[0]), sum, sum)
	VPERMILPD(Imm(1), sum, next)
	VADDPD(next, sum, sum)
	r.give(sum.(VecVirtual))
	r.finish()
}

func preferenceUpdates(l simd.Level) {
	r := beginFactors(l, "preferenceUpdates", 3, "", []string{"itemBias *float32", "margins *float32"},
		"takes count samples of users, items and others and writes their margins x, 127 where a", "sample has no effect, in whole groups of eight; strides are in bytes.")
	margins := Load(Param("margins"), GP64())
	sigmoid, minus := r.sigmoid(), r.words(1<<31)
	keepUser, keepItem, keepOther := r.everywhere("keepUser"), r.everywhere("keepItem"), r.everywhere("keepOther")
	r.everyGroup(noMargin, func() {
		r.product(func(sum VecVirtual) {
			q := r.load("q")
			VSUBPS(r.load("o"), q, q)
			VFMADD231PS(r.load("p"), q, sum)
		})
		bi, _ := r.bias(1)
		bj, _ := r.bias(2)
		VSUBSS(bj, bi, bi)
		VMOVSS(bi, r.in(groupKnown, 4))
	}, func() {
		x := r.Vector()
		r.Zero(x)
		y := x.AsY()
		VADDPS(r.memory.Offset(groupKnown), r.totals(), y)
		VMOVUPS(y, Mem{Base: margins})
		ADDQ(Imm(4*group), margins)
		VXORPS(minus, x, x)
		VMOVUPS(sigmoid(x).AsY(), r.memory.Offset(groupSteps))
	}, func() {
		z, against := XMM(), XMM()
		VMOVSS(r.in(groupSteps, 4), z)
		VXORPS(against, against, against)
		VSUBSS(z, against, against)
		r.biasStep(1, z)
		r.biasStep(2, against)
		step := r.stepOf(z)
		r.panels(2, func() {
			r.each(func(int) {
				p, q, o := r.load("p"), r.load("q"), r.load("o")
				apart, newP := r.Vector(), r.Vector()
				VSUBPS(o, q, apart)
				VMULPS(keepUser, p, newP)
				VMULPS(keepItem, q, q)
				VMULPS(keepOther, o, o)
				VFMADD231PS(step, apart, newP)
				VFMADD231PS(step, p, q)
				VFNMADD231PS(step, p, o)
				r.store(newP, "p")
				r.store(q, "q")
				r.store(o, "o")
			})
		})
	})
	r.finish()
}
