package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// touch asks for all lines of the row at p.
func (r *routine) touch(p Register) {
	at := GP64()
	loop := r.label("touch")
	XORQ(at, at)
	Label(loop)
	PREFETCHT0(Mem{Base: p, Index: at, Scale: 1})
	ADDQ(U32(64), at)
	CMPQ(at, r.end)
	JL(LabelRef(loop))
}

// prefetch writes the request for a row that is soon to be read, the same at all levels.
func prefetch() {
	TEXT("prefetch", NOSPLIT, "func(n int, x *float32)")
	Doc("prefetch asks for the memory of n elements.")
	Pragma("noescape")
	r := &routine{end: Load(Param("n"), GP64()).(GPVirtual)}
	SHLQ(Imm(2), r.end)
	r.touch(Load(Param("x"), GP64()))
	RET()
}

// prefetchRows writes the request for rows of a table, the same at all levels.
func prefetchRows() {
	TEXT("prefetchRows", NOSPLIT, "func(n int, table *float32, stride int, limit int, ids *int32, count int)")
	Doc("prefetchRows asks for count rows of n elements of a table, a stride in bytes apart, that ids name; those that are not in", "0 … limit−1 are left out.")
	Pragma("noescape")
	r := &routine{end: Load(Param("n"), GP64()).(GPVirtual)}
	SHLQ(Imm(2), r.end)
	table, stride, limit := Load(Param("table"), GP64()), Load(Param("stride"), GP64()), Load(Param("limit"), GP64())
	ids, left, row := Load(Param("ids"), GP64()), Load(Param("count"), GP64()), GP64()
	TESTQ(left, left)
	JLE(LabelRef("done"))
	Label("row")
	MOVL(Mem{Base: ids}, row.As32())
	CMPQ(row, limit) // a negative id is beyond every limit when taken without a sign
	JAE(LabelRef("next"))
	IMULQ(stride, row)
	ADDQ(table, row)
	r.touch(row)
	Label("next")
	ADDQ(U32(4), ids)
	DECQ(left)
	JNZ(LabelRef("row"))
	Label("done")
	RET()
}

var _ = writes(gather)

// gather writes the copy of rows of a table that is larger than a cache.
func gather(l simd.Level) {
	s := signature{moving: []string{"out"}, fixed: []string{"table"}, extra: []string{"stride int", "limit int", "ids *int32", "count int", "ahead int"}}
	r := begin(l, "gather", s, "sets count rows of n elements, one behind the other, to the rows of a table that ids name, a", "stride in bytes apart, and to 0 where an id is not in 0 … limit−1. Rows are asked for so many ahead.")
	limit, ids, left := Load(Param("limit"), GP64()), Load(Param("ids"), GP64()), Load(Param("count"), GP64())
	zero := r.Vector()
	r.Zero(zero)
	row := GP64()
	r.pointers["row"] = row
	// A negative id is beyond every limit when taken without a sign.
	find := func() {
		IMULQ(param("stride"), row)
		ADDQ(r.pointers["table"], row)
	}
	TESTQ(left, left)
	JLE(LabelRef("done"))

	// The first rows are asked for at once.
	at, first := GP64(), GP64()
	MOVQ(param("ahead"), first)
	CMPQ(left, first)
	CMOVQLT(left, first)
	XORQ(at, at)
	Label("first")
	MOVL(Mem{Base: ids, Index: at, Scale: 4}, row.As32())
	CMPQ(row, limit)
	JAE(LabelRef("none"))
	find()
	r.touch(row)
	Label("none")
	INCQ(at)
	CMPQ(at, first)
	JL(LabelRef("first"))

	Label("row")
	MOVQ(param("ahead"), at)
	CMPQ(left, at)
	JLE(LabelRef("copy"))
	MOVL(Mem{Base: ids, Index: at, Scale: 4}, row.As32())
	CMPQ(row, limit)
	JAE(LabelRef("copy"))
	find()
	r.touch(row)
	Label("copy")
	MOVL(Mem{Base: ids}, row.As32())
	CMPQ(row, limit)
	JAE(LabelRef("absent"))
	find()
	r.panels(1, func() { r.store(r.load("row"), "out") })
	JMP(LabelRef("next"))
	Label("absent")
	r.panels(1, func() { r.store(zero, "out") })
	Label("next")
	ADDQ(r.end, r.pointers["out"])
	ADDQ(U32(4), ids)
	DECQ(left)
	JNZ(LabelRef("row"))
	Label("done")
	r.finish()
}

var _ = writes(sumSegments)

// sumSegments writes the sums of rows by segment. Rows are independent of each other, so that the processor itself looks ahead.
func sumSegments(l simd.Level) {
	s := signature{moving: []string{"sum"}, fixed: []string{"grad"}, extra: []string{"sumStride int", "starts *int32", "places *int32", "count int"}}
	r := begin(l, "sumSegments", s, "sets count rows to the sums of their segments: of the rows of grad, one behind the other, that places name from", "starts[i] to starts[i+1]−1, none of them empty.")
	starts, places, left := Load(Param("starts"), GP64()), Load(Param("places"), GP64()), Load(Param("count"), GP64())
	first, last, at, row := GP64(), GP64(), GP64(), GP64()
	r.pointers["row"] = row
	find := func() {
		MOVLQSX(Mem{Base: places, Index: at, Scale: 4}, row)
		IMULQ(r.end, row)
		ADDQ(r.pointers["grad"], row)
	}
	TESTQ(left, left)
	JLE(LabelRef("done"))
	MOVLQSX(Mem{Base: starts}, first)
	Label("segment")
	MOVLQSX(Mem{Base: starts, Disp: 4}, last)
	r.panels(1, func() {
		again, summed := r.label("again"), r.label("summed")
		MOVQ(first, at)
		find()
		sum := r.load("row")
		Label(again)
		INCQ(at)
		CMPQ(at, last)
		JGE(LabelRef(summed))
		find()
		VADDPS(r.load("row"), sum, sum)
		JMP(LabelRef(again))
		Label(summed)
		r.store(sum, "sum")
	})
	MOVQ(last, first)
	ADDQ(param("sumStride"), r.pointers["sum"])
	ADDQ(U32(4), starts)
	DECQ(left)
	JNZ(LabelRef("segment"))
	Label("done")
	r.finish()
}

var _ = writes(sumWeighted)

// sumWeighted writes sums of rows by segment where several places have one row, each with a weight.
func sumWeighted(l simd.Level) {
	s := signature{moving: []string{"sum"}, fixed: []string{"grad", "weights"}, extra: []string{"sumStride int", "gradStride int", "weightsStride int", "starts *int32", "places *int32", "count int", "fields int32"}}
	r := begin(l, "sumWeighted", s, "sets count rows to the sums of their segments: of the places from starts[i] to starts[i+1]−1, a place being",
		"row/fields of grad times the element row%fields of that row of weights. Strides are in bytes.")
	starts, left := Load(Param("starts"), GP64()), Load(Param("count"), GP64())
	at, row := GP64(), GP64()
	r.pointers["row"] = row
	TESTQ(left, left)
	JLE(LabelRef("done"))
	Label("segment")
	r.panels(4, func() {
		again, summed := r.label("again"), r.label("summed")
		sum, weight := r.zeros(), r.Vector()
		MOVLQSX(Mem{Base: starts}, at)
		Label(again)
		MOVLQSX(Mem{Base: starts, Disp: 4}, row)
		CMPQ(at, row)
		JGE(LabelRef(summed))
		MOVQ(param("places"), row)
		MOVL(Mem{Base: row, Index: at, Scale: 4}, EAX)
		XORL(EDX, EDX)
		DIVL(param("fields"))
		MOVL(EAX, row.As32())
		IMULQ(param("weightsStride"), row)
		ADDQ(r.pointers["weights"], row)
		VBROADCASTSS(Mem{Base: row, Index: RDX, Scale: 4}, weight)
		MOVL(EAX, row.As32())
		IMULQ(param("gradStride"), row)
		ADDQ(r.pointers["grad"], row)
		r.each(func(i int) { VFMADD231PS(r.load("row"), weight, sum[i]) })
		INCQ(at)
		JMP(LabelRef(again))
		Label(summed)
		r.stores(sum, "sum")
	})
	ADDQ(param("sumStride"), r.pointers["sum"])
	ADDQ(U32(4), starts)
	DECQ(left)
	JNZ(LabelRef("segment"))
	Label("done")
	r.finish()
}

var _ = writes(gatherSum)

// gatherSum writes weighted sums of rows of a table. The rows of a list are asked for while the one before is added up.
func gatherSum(l simd.Level) {
	s := signature{moving: []string{"out"}, fixed: []string{"table", "weights"}, extra: []string{"outStride int", "stride int", "limit int", "weightsStride int", "ids *int32", "idsStride int", "fields int", "count int"}}
	r := begin(l, "gatherSum", s, "sets count rows to Σ w·row over the rows of a table that fields ids name, where they are in 0 … limit−1. Strides are", "in bytes.")
	ids, left := Load(Param("ids"), GP64()), Load(Param("count"), GP64())
	at, row, list := GP64(), GP64(), GP64()
	r.pointers["row"] = row
	find := func() {
		IMULQ(param("stride"), row)
		ADDQ(r.pointers["table"], row)
	}
	// ask asks for the rows of the list at hand.
	ask := func() {
		again, absent, asked := r.label("ask"), r.label("absent"), r.label("asked")
		XORQ(at, at)
		Label(again)
		CMPQ(at, param("fields"))
		JGE(LabelRef(asked))
		MOVL(Mem{Base: list, Index: at, Scale: 4}, row.As32())
		CMPQ(row, param("limit"))
		JAE(LabelRef(absent))
		find()
		r.touch(row)
		Label(absent)
		INCQ(at)
		JMP(LabelRef(again))
		Label(asked)
	}
	TESTQ(left, left)
	JLE(LabelRef("done"))
	MOVQ(ids, list)
	ask()
	Label("list")
	CMPQ(left, Imm(1))
	JLE(LabelRef("last"))
	MOVQ(ids, list)
	ADDQ(param("idsStride"), list)
	ask()
	Label("last")
	r.panels(4, func() {
		again, absent, summed := r.label("again"), r.label("beyond"), r.label("summed")
		sum, weight := r.zeros(), r.Vector()
		XORQ(at, at)
		Label(again)
		CMPQ(at, param("fields"))
		JGE(LabelRef(summed))
		MOVL(Mem{Base: ids, Index: at, Scale: 4}, row.As32())
		CMPQ(row, param("limit"))
		JAE(LabelRef(absent))
		find()
		VBROADCASTSS(Mem{Base: r.pointers["weights"], Index: at, Scale: 4}, weight)
		r.each(func(i int) { VFMADD231PS(r.load("row"), weight, sum[i]) })
		Label(absent)
		INCQ(at)
		JMP(LabelRef(again))
		Label(summed)
		r.stores(sum, "out")
	})
	ADDQ(param("outStride"), r.pointers["out"])
	ADDQ(param("weightsStride"), r.pointers["weights"])
	ADDQ(param("idsStride"), ids)
	DECQ(left)
	JNZ(LabelRef("list"))
	Label("done")
	r.finish()
}
