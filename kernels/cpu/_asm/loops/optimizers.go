package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The fields of cpu.hyper, in their order; a test of the package compares it with the assembly.
var hyperFields = []string{"rate", "factor", "correct1", "correct2", "momentum", "beta1", "beta2", "oneMinus1", "oneMinus2", "epsilon", "l2", "keep", "share", "l1", "beta"}

var _ = writes(optimizers)

// rule is one of package kernels, operation by operation as in plain Go; square roots and quotients are exact.
type rule struct {
	name, doc  string
	hasM, hasV bool
	// setup loads constants by h, and returns what is done to a vector of weights, gradients times the factor, and state, given what L2
	// adds for a vector of weights to one of gradients.
	setup func(r *routine, h func(string) VecVirtual) func(w, g, m, v VecVirtual, l2 func(w, g VecVirtual))
}

// optimizers writes the rules, for elements that lie together and for chosen rows of tables.
func optimizers(l simd.Level) {
	for _, k := range rules {
		elements(l, k)
		k.rows(l)
	}
	rowwiseAdagrad(l)
}

// field addresses a field of cpu.hyper.
func field(h Register, name string) Mem {
	for i, f := range hyperFields {
		if f == name {
			return Mem{Base: h, Disp: 4 * i}
		}
	}
	panic("no field " + name)
}

// everywhere returns a vector full of a number in memory.
func (r *routine) everywhere(at Mem) VecVirtual {
	v := r.Vector()
	VBROADCASTSS(at, v)
	return v
}

// states lists the pointers to a rule's state.
func (k rule) states() (names []string) {
	if k.hasM {
		names = append(names, "m")
	}
	if k.hasV {
		names = append(names, "v")
	}
	return names
}

// vector writes what is done to the vector that is being visited. With AVX2 registers are few: the factor and L2 are read each time.
func (k rule) vector(r *routine, h Register, l2At Mem) func() {
	constant := func(name string) VecVirtual { return r.everywhere(field(h, name)) }
	apply := k.setup(r, constant)
	var factor VecVirtual
	if r.Width == 16 {
		factor = constant("factor")
	}
	return func() {
		w, g := r.load("w"), r.load("grad") // g is a register of the assembler
		if r.Width == 8 {
			factor = constant("factor")
		}
		VMULPS(factor, g, g)
		var m, v VecVirtual
		if k.hasM {
			m = r.load("m")
		}
		if k.hasV {
			v = r.load("v")
		}
		apply(w, g, m, v, func(w, g VecVirtual) { VFMADD231PS(r.everywhere(l2At), w, g) })
		if k.hasM {
			r.store(m, "m")
		}
		if k.hasV {
			r.store(v, "v")
		}
		r.store(w, "w")
	}
}

// elements writes a rule for elements that lie together.
func elements(l simd.Level, k rule) {
	s := signature{moving: append([]string{"w", "grad"}, k.states()...), extra: []string{"h *float32"}}
	pass(l, k.name, s, 2, func(r *routine) func() {
		h := Load(Param("h"), GP64())
		return k.vector(r, h, field(h, "l2"))
	}, k.doc)
}

// rows writes a rule for rows of tables.
func (k rule) rows(l simd.Level) {
	r := beginRows(l, k.name+"Rows", k.states(), k.doc)
	describe := k.vector(r.routine, r.h, r.l2)
	r.everyID(func() { r.panels(1, func() { r.each(func(int) { describe() }) }) })
}

// rowRoutine is a routine that updates rows of tables.
type rowRoutine struct {
	*routine
	tensors []string // that lie in tables: w and state
	h       Register
	l2      Mem // of the row at hand
}

// beginRows begins a routine that updates rows.
func beginRows(l simd.Level, name string, states []string, doc string) *rowRoutine {
	s := signature{moving: []string{"grad"}, extra: []string{"gradStride int"}}
	tensors := append([]string{"w"}, states...)
	for _, t := range tensors {
		s.extra = append(s.extra, t+"Table *float32", t+"Stride int")
	}
	s.extra = append(s.extra, "rows *int32", "count int", "limit int", "ahead int", "starts *int32", "h *float32")
	r := &rowRoutine{routine: begin(l, name, s, doc, "It does so for the rows of tables that count row numbers name, where they are in 0 … limit−1; strides are in bytes.", "Rows are asked for so many ahead. Starts may be nil."), tensors: tensors}
	r.h = Load(Param("h"), GP64())
	r.l2 = AllocLocal(8)
	for _, t := range tensors {
		r.pointers[t] = GP64()
	}
	return r
}

// address returns where a tensor has the row of an id.
func (r *rowRoutine) address(id Register, tensor string, to Register) {
	MOVQ(id, to)
	IMULQ(param(tensor+"Stride"), to)
	ADDQ(param(tensor+"Table"), to)
}

// ask asks for a row, if there is one. State of one number is not as long as the row.
func (r *rowRoutine) ask(id Register, single bool) {
	skip, row := r.label("beyond"), GP64()
	CMPQ(id, param("limit"))
	JAE(LabelRef(skip))
	for _, t := range r.tensors {
		r.address(id, t, row)
		if t != "w" && single {
			PREFETCHT0(Mem{Base: row})
		} else {
			r.touch(row)
		}
	}
	Label(skip)
}

// everyID writes a loop over the rows, and ends the routine.
func (r *rowRoutine) everyID(update func()) { r.everyRowOf(false, update) }

func (r *rowRoutine) everyRowOf(single bool, update func()) {
	ids, left, id := Load(Param("rows"), GP64()), Load(Param("count"), GP64()), GP64()
	// A negative id is beyond every limit when taken without a sign.
	read := func(m Mem) { MOVL(m, id.As32()) }
	l2 := XMM()
	VMOVSS(field(r.h, "l2"), l2)
	VMOVSS(l2, r.l2)
	TESTQ(left, left)
	JLE(LabelRef("done"))

	// The first rows are asked for at once.
	at, first := GP64(), GP64()
	MOVQ(param("ahead"), first)
	CMPQ(left, first)
	CMOVQLT(left, first)
	XORQ(at, at)
	Label("first")
	read(Mem{Base: ids, Index: at, Scale: 4})
	r.ask(id, single)
	INCQ(at)
	CMPQ(at, first)
	JL(LabelRef("first"))

	XORQ(at, at)
	Label("row")
	MOVQ(param("ahead"), id)
	CMPQ(left, id)
	JLE(LabelRef("near"))
	read(Mem{Base: ids, Index: id, Scale: 4})
	r.ask(id, single)
	Label("near")
	read(Mem{Base: ids})
	CMPQ(id, param("limit"))
	JAE(LabelRef("next"))
	for _, t := range r.tensors {
		r.address(id, t, r.pointers[t])
	}
	starts, occurrences, scaled := GP64(), GP64(), XMM()
	MOVQ(param("starts"), starts)
	TESTQ(starts, starts)
	JZ(LabelRef("alike"))
	MOVL(Mem{Base: starts, Index: at, Scale: 4, Disp: 4}, occurrences.As32())
	SUBL(Mem{Base: starts, Index: at, Scale: 4}, occurrences.As32())
	VMOVSS(field(r.h, "l2"), scaled)
	VMULSS(field(r.h, "share"), scaled, scaled)
	times := XMM()
	VXORPS(times, times, times)
	VCVTSI2SSL(occurrences.As32(), times, times)
	VMULSS(times, scaled, scaled)
	VMOVSS(scaled, r.l2)
	Label("alike")
	update()
	Label("next")
	ADDQ(param("gradStride"), r.pointers["grad"])
	ADDQ(U32(4), ids)
	INCQ(at)
	DECQ(left)
	JNZ(LabelRef("row"))
	Label("done")
	r.finish()
}

// rowwiseAdagrad writes the rule that has one number for a row.
func rowwiseAdagrad(l simd.Level) {
	r := beginRows(l, "rowwiseAdagradRows", []string{"v"}, "is kernels.RowwiseAdagrad.")
	rate, epsilon, factor := XMM(), XMM(), r.everywhere(field(r.h, "factor"))
	VMOVSS(field(r.h, "rate"), rate)
	VMOVSS(field(r.h, "epsilon"), epsilon)
	columns, one := XMM(), GP64()
	VXORPS(columns, columns, columns)
	MOVQ(r.end, one)
	SHRQ(Imm(2), one)
	VCVTSI2SSQ(one, columns, columns)
	r.everyRowOf(true, func() {
		gradient := func(l2 VecVirtual) (w, g VecVirtual) {
			w, g = r.load("w"), r.load("grad")
			VMULPS(factor, g, g)
			VFMADD231PS(l2, w, g)
			return w, g
		}
		l2, sum := r.everywhere(r.l2), r.Vector()
		r.Zero(sum)
		r.panels(1, func() {
			_, g := gradient(l2)
			VFMADD231PS(g, g, sum)
		})
		total, state, step, scale := r.total(sum, false), Mem{Base: r.pointers["v"]}, XMM(), r.Vector()
		VDIVSS(columns, total, total)
		VADDSS(state, total, total)
		VMOVSS(total, state)
		VSQRTSS(total, total, total)
		VADDSS(epsilon, total, total)
		VDIVSS(total, rate, step)
		VBROADCASTSS(step, scale)
		r.panels(1, func() {
			w, g := gradient(l2)
			VFNMADD231PS(scale, g, w)
			r.store(w, "w")
		})
	})
}

// rules are those that are element by element.
var rules = []rule{
	{"sgd", "is kernels.SGD.", false, false, func(_ *routine, h func(string) VecVirtual) func(w, g, m, v VecVirtual, l2 func(w, g VecVirtual)) {
		rate := h("rate")
		return func(w, g, _, _ VecVirtual, l2 func(w, g VecVirtual)) {
			l2(w, g)
			VFNMADD231PS(rate, g, w)
		}
	}},
	{"momentum", "is kernels.Momentum.", true, false, func(_ *routine, h func(string) VecVirtual) func(w, g, m, v VecVirtual, l2 func(w, g VecVirtual)) {
		rate, momentum := h("rate"), h("momentum")
		return func(w, g, m, _ VecVirtual, l2 func(w, g VecVirtual)) {
			l2(w, g)
			VFMADD213PS(g, momentum, m)
			VFNMADD231PS(rate, m, w)
		}
	}},
	{"nesterov", "is kernels.Nesterov.", true, false, func(_ *routine, h func(string) VecVirtual) func(w, g, m, v VecVirtual, l2 func(w, g VecVirtual)) {
		rate, momentum := h("rate"), h("momentum")
		return func(w, g, m, _ VecVirtual, l2 func(w, g VecVirtual)) {
			l2(w, g)
			VFMADD213PS(g, momentum, m)
			VFMADD231PS(momentum, m, g)
			VFNMADD231PS(rate, g, w)
		}
	}},
	{"adam", "is kernels.Adam, and kernels.AdamW where keep is not 1.", true, true, func(r *routine, h func(string) VecVirtual) func(w, g, m, v VecVirtual, l2 func(w, g VecVirtual)) {
		rate, correct1, correct2 := h("rate"), h("correct1"), h("correct2")
		beta1, beta2, one1, one2 := h("beta1"), h("beta2"), h("oneMinus1"), h("oneMinus2")
		epsilon, keep := h("epsilon"), h("keep")
		return func(w, g, m, v VecVirtual, l2 func(w, g VecVirtual)) {
			l2(w, g)
			t := r.Vector()
			VMULPS(g, g, t)
			VMULPS(one1, g, g)
			VFMADD213PS(g, beta1, m)
			VMULPS(one2, t, t)
			VFMADD213PS(t, beta2, v)
			VMULPS(correct2, v, t)
			VSQRTPS(t, t)
			VADDPS(epsilon, t, t)
			VMULPS(correct1, m, g)
			VMULPS(rate, g, g)
			VDIVPS(t, g, g)
			VFMSUB213PS(g, keep, w)
		}
	}},
	{"adagrad", "is kernels.Adagrad.", false, true, func(r *routine, h func(string) VecVirtual) func(w, g, m, v VecVirtual, l2 func(w, g VecVirtual)) {
		rate, epsilon := h("rate"), h("epsilon")
		return func(w, g, _, v VecVirtual, l2 func(w, g VecVirtual)) {
			l2(w, g)
			t := r.Vector()
			VFMADD231PS(g, g, v)
			VSQRTPS(v, t)
			VADDPS(epsilon, t, t)
			VMULPS(rate, g, g)
			VDIVPS(t, g, g)
			VSUBPS(g, w, w)
		}
	}},
	{"ftrl", "is kernels.FTRL.", true, true, func(r *routine, h func(string) VecVirtual) func(w, g, m, v VecVirtual, l2 func(w, g VecVirtual)) {
		rate, beta, l1, l2 := h("rate"), h("beta"), h("l1"), h("l2")
		begin := r.Vector() // what m begins with, over −w
		VDIVPS(rate, beta, begin)
		VADDPS(l2, begin, begin)
		return func(w, g, m, v VecVirtual, _ func(w, g VecVirtual)) {
			t, sign := r.Vector(), r.Vector()
			VORPS(m, v, t)
			r.Zero(sign)
			untouched := r.compare(equal, t, sign)
			VFNMADD231PS(begin, w, sign)
			r.choose(untouched, sign, m)
			VSQRTPS(v, t)
			VFMADD231PS(g, g, v)
			VADDPS(g, m, m)
			VSQRTPS(v, g)
			VSUBPS(t, g, t)
			VDIVPS(rate, t, t)
			VFNMADD231PS(t, w, m)
			VADDPS(beta, g, g)
			VDIVPS(rate, g, g)
			VADDPS(l2, g, g)
			VANDPS(word(1<<31), m, sign)
			VXORPS(sign, m, t) // the size
			VSUBPS(l1, t, t)
			r.Zero(w)
			beyond := r.compare(notLessOrEqual, t, w)
			VDIVPS(g, t, t)
			VXORPS(word(1<<31), sign, sign)
			VXORPS(sign, t, w)
			r.keep(beyond, w)
		}
	}},
}
