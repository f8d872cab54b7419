package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// samplesAhead is how many samples ahead of its use a factor update asks for rows: enough to hide the way to the cache that is shared
// by all cores.
const samplesAhead = 6

// The fields of cpu.factorStep, in their order; a test of the package compares it with the assembly.
var factorStepFields = []string{"rate", "biasRate", "keepUser", "keepItem", "keepOther", "userBiasL2", "itemBiasL2", "mean"}

var _ = writes(factorUpdates)

// factorUpdates writes the steps of factorizations, sample by sample.
//
// A sample is two passes over its rows, which the first leaves in the nearest cache: the product, then the steps. Samples that share
// no row do not wait for each other, so that what a processor has in flight hides the sums and the exponential in between.
func factorUpdates(l simd.Level) {
	ratingUpdates(l)
	preferenceUpdates(l)
}

// factorRoutine is a routine that takes samples.
type factorRoutine struct {
	*routine
	width   int // ids of a sample
	samples GPVirtual
	left    GPVirtual
	step    GPVirtual
}

// factorExtra are the parameters that such routines share. Strides are in bytes.
var factorExtra = []string{"userStride int", "itemStride int", "userCount int", "itemCount int", "samples *int32", "count int", "step *float32"}

// beginFactors begins a routine that takes samples; users and items are its pointers.
func beginFactors(l simd.Level, name string, width int, result string, extra []string, doc ...string) *factorRoutine {
	s := signature{moving: []string{"users", "items"}, extra: append(extra, factorExtra...), result: result}
	r := &factorRoutine{routine: begin(l, name, s, doc...), width: width}
	r.samples = Load(Param("samples"), GP64()).(GPVirtual)
	r.left = Load(Param("count"), GP64()).(GPVirtual)
	r.step = Load(Param("step"), GP64()).(GPVirtual)
	return r
}

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

// rowOf turns an id into the address of its row in a table, "user" or "item". A negative id is beyond every table.
func (r *factorRoutine) rowOf(id GPVirtual, table, beyond string) GPVirtual {
	CMPQ(id, param(table+"Count"))
	JAE(LabelRef(beyond))
	row := GP64()
	MOVQ(id, row)
	IMULQ(param(table+"Stride"), row)
	ADDQ(r.pointers[table+"s"], row)
	return row
}

// everySample writes a description for the samples one after another; it may go on to the label "next".
func (r *factorRoutine) everySample(describe func()) {
	TESTQ(r.left, r.left)
	JLE(LabelRef("done"))
	Label("sample")
	CMPQ(r.left, U32(samplesAhead))
	JLE(LabelRef("take"))
	for i := range r.width {
		table := "item"
		if i == 0 {
			table = "user"
		}
		skip := r.label("absent")
		r.touch(r.rowOf(r.id(samplesAhead, i), table, skip))
		Label(skip)
	}
	Label("take")
	describe()
	Label("next")
	ADDQ(U32(uint32(4*r.width)), r.samples)
	DECQ(r.left)
	JNZ(LabelRef("sample"))
	Label("done")
}

// product returns the sum of what a description adds to registers, in the lowest lane.
func (r *factorRoutine) product(describe func(sum VecVirtual)) Register {
	sum := r.sums(4)
	r.panels(4, func() { r.each(func(i int) { describe(sum[i]) }) })
	return r.total(sum.fold(VADDPS), false)
}

// bias loads an element of a vector of biases, and says where it lies.
func (r *factorRoutine) bias(vector string, id Register) (Register, Mem) {
	base, b := GP64(), XMM()
	MOVQ(param(vector), base)
	at := Mem{Base: base, Index: id, Scale: 4}
	VMOVSS(at, b)
	return b, at
}

// biasStep writes b + ηb(g − λ·b) to where the bias b lies, given the gradient g.
func (r *factorRoutine) biasStep(at Mem, b, g Register, l2 string) {
	t := XMM()
	VMOVAPS(g, t)
	VFNMADD231SS(r.field(l2), b, t)
	VFMADD132SS(r.field("biasRate"), b, t)
	VMOVSS(t, at)
}

func ratingUpdates(l simd.Level) {
	r := beginFactors(l, "ratingUpdates", 2, "float64", []string{"userBias *float32", "itemBias *float32", "ratings *float32", "ratingStride int"},
		"takes count samples of users and items with their ratings and returns the sum of squared", "errors; strides are in bytes.")
	ratings := Load(Param("ratings"), GP64())
	keepUser, keepItem := r.everywhere("keepUser"), r.everywhere("keepItem")
	loss := XMM()
	VXORPS(loss, loss, loss)
	r.everySample(func() {
		user, item := r.id(0, 0), r.id(0, 1)
		r.pointers["p"], r.pointers["q"] = r.rowOf(user, "user", "skip"), r.rowOf(item, "item", "skip")
		product := r.product(func(sum VecVirtual) { VFMADD231PS(r.load("p"), r.load("q"), sum) })
		bu, toUser := r.bias("userBias", user)
		bi, toItem := r.bias("itemBias", item)
		biases, e, wide := XMM(), XMM(), XMM()
		VADDSS(r.field("mean"), bu, biases)
		VADDSS(bi, biases, biases)
		VMOVSS(Mem{Base: ratings}, e)
		VSUBSS(biases, e, e)
		VSUBSS(product, e, e)
		r.biasStep(toUser, bu, e, "userBiasL2")
		r.biasStep(toItem, bi, e, "itemBiasL2")
		VCVTSS2SD(e, e, wide)
		VFMADD231SD(wide, wide, loss)
		step := r.Vector()
		VMULSS(r.field("rate"), e, e)
		VBROADCASTSS(e, step)
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
		Label("skip")
		ADDQ(param("ratingStride"), ratings)
	})
	r.give(loss)
	r.finish()
}

func preferenceUpdates(l simd.Level) {
	r := beginFactors(l, "preferenceUpdates", 3, "int", []string{"itemBias *float32", "margins *float32"},
		"takes count samples of users, items and others, writes the margins x of those that have", "an effect one behind the other, and returns how many these are; strides are in bytes.")
	margins := Load(Param("margins"), GP64())
	sigmoid := r.sigmoid()
	minus := r.words(1 << 31)
	keepUser, keepItem, keepOther := r.everywhere("keepUser"), r.everywhere("keepItem"), r.everywhere("keepOther")
	r.everySample(func() {
		user, item, other := r.id(0, 0), r.id(0, 1), r.id(0, 2)
		CMPQ(item, other)
		JE(LabelRef("next"))
		r.pointers["p"] = r.rowOf(user, "user", "next")
		r.pointers["q"], r.pointers["o"] = r.rowOf(item, "item", "next"), r.rowOf(other, "item", "next")
		product := r.product(func(sum VecVirtual) {
			q := r.load("q")
			VSUBPS(r.load("o"), q, q)
			VFMADD231PS(r.load("p"), q, sum)
		})
		bi, toItem := r.bias("itemBias", item)
		bj, toOther := r.bias("itemBias", other)
		margin, x := XMM(), r.Vector()
		VSUBSS(bj, bi, margin)
		VADDSS(product, margin, margin)
		VMOVSS(margin, Mem{Base: margins})
		ADDQ(Imm(4), margins)
		VBROADCASTSS(margin, x)
		VXORPS(minus, x, x)
		z := sigmoid(x)
		r.biasStep(toItem, bi, z.AsX(), "itemBiasL2")
		against := r.Vector()
		VXORPS(minus, z, against)
		r.biasStep(toOther, bj, against.AsX(), "itemBiasL2")
		step := r.everywhere("rate")
		VMULPS(z, step, step)
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
	first := Load(Param("margins"), GP64())
	SUBQ(first, margins)
	SHRQ(Imm(2), margins)
	Store(margins, ReturnIndex(0))
	r.finish()
}
