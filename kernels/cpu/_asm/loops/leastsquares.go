package main

import (
	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

var _ = writes(leastSquares)

// rowsAhead is how many rows ahead of its use a product asks for one: enough to hide the way to memory, as rows are short.
const rowsAhead = 16

// leastSquares writes the loops of sparse least squares.
func leastSquares(l simd.Level) {
	columns(l, "subtractRows", signature{moving: []string{"x"}, fixed: []string{"y"}, extra: []string{"w *float32", "wStride int"}}, 4, func(r *routine) {
		sum := r.loads("y")
		w, stride := GP64(), GP64()
		MOVQ(param("w"), w)
		MOVQ(param("wStride"), stride)
		factor := r.Vector()
		r.top()
		r.everyRow(func() {
			VBROADCASTSS(Mem{Base: w}, factor)
			r.each(func(i int) { VFNMADD231PS(r.load("x"), factor, sum[i]) })
			ADDQ(stride, w)
		})
		r.stores(sum, "y")
	}, "subtracts from y the rows of x, each times an element of w.")

	{
		s := signature{moving: []string{"y", "x"}, extra: []string{"factor float32"}}
		pass(l, "scale", s, 4, func(r *routine) func() {
			factor := r.scalar("factor")
			return func() {
				v := r.load("x")
				VMULPS(factor, v, v)
				r.store(v, "y")
			}
		}, "sets y to x times a factor.")
	}

	s := signature{
		moving: []string{"out", "p"}, fixed: []string{"table"},
		extra:  []string{"stride int", "limit int", "ids *int32", "w *float32", "t *float32", "count int"},
		result: "float64",
	}
	r := begin(l, "projectRows", s, "adds to out Σ w·(y·p − t)·y over count rows y of a table, which ids name and which lie a stride in bytes", "apart, and returns Σ w·(y·p − t)². An id that is not in 0 … limit−1 stands for a row of zeros.")
	ids, w, t, left := Load(Param("ids"), GP64()), Load(Param("w"), GP64()), Load(Param("t"), GP64()), Load(Param("count"), GP64())
	row := GP64()
	r.pointers["row"] = row
	total := XMM()
	VXORPS(total, total, total)
	id := func(ahead int) { MOVL(Mem{Base: ids, Disp: 4 * ahead}, row.As32()) }
	find := func() {
		IMULQ(param("stride"), row)
		ADDQ(r.pointers["table"], row)
	}
	TESTQ(left, left)
	JLE(LabelRef("done"))
	Label("row")
	CMPQ(left, U32(rowsAhead))
	JLE(LabelRef("near"))
	id(rowsAhead)
	CMPQ(row, param("limit"))
	JAE(LabelRef("near"))
	find()
	r.touch(row)
	Label("near")
	miss := XMM()
	VXORPS(miss, miss, miss)
	id(0)
	CMPQ(row, param("limit"))
	JAE(LabelRef("absent"))
	find()
	sum := r.sums(4)
	r.panels(4, func() {
		r.each(func(i int) { VFMADD231PS(r.load("row"), r.load("p"), sum[i]) })
	})
	VMOVAPS(r.total(sum.fold(VADDPS), false), miss)
	VSUBSS(Mem{Base: t}, miss, miss)
	weighted, factor := XMM(), r.Vector()
	VMULSS(Mem{Base: w}, miss, weighted)
	VBROADCASTSS(weighted, factor)
	r.panels(4, func() {
		r.each(func(int) {
			v := r.load("out")
			VFMADD231PS(r.load("row"), factor, v)
			r.store(v, "out")
		})
	})
	JMP(LabelRef("next"))
	Label("absent")
	VSUBSS(Mem{Base: t}, miss, miss)
	Label("next")
	// w·(y·p − t)² in float64.
	wide, wideW := XMM(), XMM()
	VXORPS(wideW, wideW, wideW)
	VCVTSS2SD(miss, miss, wide)
	VCVTSS2SD(Mem{Base: w}, wideW, wideW)
	VMULSD(wide, wide, wide)
	VFMADD231SD(wideW, wide, total)
	ADDQ(U32(4), ids)
	ADDQ(U32(4), w)
	ADDQ(U32(4), t)
	DECQ(left)
	JNZ(LabelRef("row"))
	Label("done")
	r.give(total)
	r.finish()
}
