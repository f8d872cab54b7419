package main

import (
	"fmt"
	"strings"

	"debut/kernels/cpu/asm/simd"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// signature is what a routine is called with.
type signature struct {
	rows   bool     // rows, and a stride in bytes behind each moving pointer
	moving []string // pointers to elements, one a column; in routines of rows, the first row's
	fixed  []string // pointers to elements, one a column, the same for all rows
	extra  []string // further parameters, as "name type"
	result string   // type of the result, if any
}

// String writes the signature in Go.
func (s signature) String() string {
	var params []string
	if s.rows {
		params = append(params, "rows int")
	}
	params = append(params, "n int")
	for _, p := range s.moving {
		params = append(params, p+" *float32")
		if s.rows {
			params = append(params, p+"Stride int")
		}
	}
	for _, p := range s.fixed {
		params = append(params, p+" *float32")
	}
	params = append(params, s.extra...)
	return strings.TrimSpace("func(" + strings.Join(params, ", ") + ") " + s.result)
}

// routine is a routine being written, at a vector of its elements.
type routine struct {
	simd.Level
	signature
	pointers map[string]Register // to the row that is being visited
	first    map[string]Register // to the first row, where columns are visited from top to bottom
	offset   GPVirtual           // bytes from a row's beginning
	end      GPVirtual           // bytes of a row
	tail     Op                  // the mask of what a row has beyond whole vectors
	masked   bool                // visiting the tail
	cursor   int                 // vectors behind offset
	width    int                 // vectors side by side
	labels   int

	constants map[uint32]VecVirtual // by their bits
}

// begin begins a routine and loads what it is called with.
func begin(l simd.Level, name string, s signature, doc ...string) *routine {
	note(name, s)
	TEXT(name+l.Name, NOSPLIT, s.String())
	doc[0] = name + l.Name + " " + doc[0]
	if s.rows {
		doc = append(doc, "It does so for rows of n elements; strides are in bytes.")
	}
	Doc(doc...)
	Pragma("noescape")
	r := &routine{Level: l, signature: s, pointers: make(map[string]Register), constants: make(map[uint32]VecVirtual)}
	for _, p := range append(append([]string{}, s.moving...), s.fixed...) {
		r.pointers[p] = Load(Param(p), GP64())
	}
	r.end = Load(Param("n"), GP64()).(GPVirtual)
	r.offset = GP64()
	r.tail = r.tailMask(r.end)
	SHLQ(Imm(2), r.end)
	return r
}

// finish ends a routine.
func (r *routine) finish() {
	VZEROUPPER()
	RET()
}

// give returns the lowest lane of a register as the routine's result.
func (r *routine) give(v Register) {
	result, err := ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	if r.result == "float64" {
		VMOVSD(v, result.Addr)
	} else {
		VMOVSS(v, result.Addr)
	}
}

// label returns a fresh label.
func (r *routine) label(what string) string {
	r.labels++
	return fmt.Sprintf("%s%d", what, r.labels)
}

// at addresses the vector that is being visited.
func (r *routine) at(pointer string) Mem {
	p, ok := r.pointers[pointer]
	if !ok {
		panic("no pointer " + pointer)
	}
	return Mem{Base: p, Index: r.offset, Scale: 1, Disp: r.cursor * r.Bytes()}
}

// load reads the vector that is being visited; elements beyond the row are 0.
func (r *routine) load(pointer string) VecVirtual {
	v := r.Vector()
	switch {
	case !r.masked:
		VMOVUPS(r.at(pointer), v)
	case r.Width == 16:
		VMOVUPS_Z(r.at(pointer), r.tail, v)
	default:
		VMASKMOVPS(r.at(pointer), r.tail, v)
	}
	return v
}

// store writes the vector that is being visited.
func (r *routine) store(v VecVirtual, pointer string) {
	switch {
	case !r.masked:
		VMOVUPS(v, r.at(pointer))
	case r.Width == 16:
		VMOVUPS(v, r.tail, r.at(pointer))
	default:
		VMASKMOVPS(v, r.tail, r.at(pointer))
	}
}

// scalar returns a vector all of whose elements are a parameter.
func (r *routine) scalar(name string) VecVirtual {
	v := r.Vector()
	VBROADCASTSS(param(name), v)
	return v
}

// param addresses a parameter.
func param(name string) Mem {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// panels visits the elements of a row: as long as so many vectors are left, a panel of them, then single vectors, then
// the tail. The description writes what is done to a panel.
func (r *routine) panels(vectors int, describe func()) {
	next := GP64()
	XORQ(r.offset, r.offset)
	widths := []int{1}
	if vectors > 1 {
		widths = []int{vectors, 1}
	}
	for _, w := range widths {
		loop, done := r.label("panel"), r.label("short")
		Label(loop)
		LEAQ(Mem{Base: r.offset, Disp: w * r.Bytes()}, next)
		CMPQ(next, r.end)
		JG(LabelRef(done))
		r.width = w
		describe()
		ADDQ(U32(uint32(w*r.Bytes())), r.offset)
		JMP(LabelRef(loop))
		Label(done)
	}
	done := r.label("whole")
	CMPQ(r.offset, r.end)
	JGE(LabelRef(done))
	r.width, r.masked = 1, true
	describe()
	r.masked = false
	Label(done)
}

// each writes a description for each vector of the panel.
func (r *routine) each(describe func(i int)) {
	for i := range r.width {
		r.cursor = i
		describe(i)
	}
	r.cursor = 0
}

// everyRow writes a description for the rows one after another. Pointers move on.
func (r *routine) everyRow(describe func()) {
	left := Load(Param("rows"), GP64())
	loop, done := r.label("row"), r.label("rows")
	TESTQ(left, left)
	JLE(LabelRef(done))
	Label(loop)
	describe()
	for _, p := range r.moving {
		ADDQ(param(p+"Stride"), r.pointers[p])
	}
	DECQ(left)
	JNZ(LabelRef(loop))
	Label(done)
}

// pass writes a routine that visits rows from left to right; setup may load constants and returns what is done to a vector.
func pass(l simd.Level, name string, s signature, vectors int, setup func(r *routine) func(), doc ...string) {
	r := begin(l, name, s, doc...)
	describe := setup(r)
	visit := func() { r.panels(vectors, func() { r.each(func(int) { describe() }) }) }
	if s.rows {
		r.everyRow(visit)
	} else {
		visit()
	}
	r.finish()
}

// columns writes a routine that visits panels of columns; the description writes what is done to a panel and calls top
// before each time it goes through the rows. It is called for each width of panels, any of which may be passed over: what a
// routine keeps for all of them is for columnsWith.
func columns(l simd.Level, name string, s signature, vectors int, describe func(r *routine), doc ...string) {
	columnsWith(l, name, s, vectors, func(r *routine) func() { return func() { describe(r) } }, doc...)
}

// columnsWith is columns with a setup, which may load constants and returns the description.
func columnsWith(l simd.Level, name string, s signature, vectors int, setup func(r *routine) func(), doc ...string) {
	s.rows = true
	r := begin(l, name, s, doc...)
	r.first = make(map[string]Register)
	for _, p := range s.moving {
		r.first[p] = r.pointers[p]
		r.pointers[p] = GP64()
	}
	r.panels(vectors, setup(r))
	r.finish()
}

// top moves back to the first row.
func (r *routine) top() {
	for _, p := range r.moving {
		MOVQ(r.first[p], r.pointers[p])
	}
}

// zeros returns a sum for each vector of the panel.
func (r *routine) zeros() []VecVirtual {
	vs := make([]VecVirtual, r.width)
	for i := range vs {
		vs[i] = r.Vector()
		r.Zero(vs[i])
	}
	return vs
}

// loads reads a vector for each of the panel.
func (r *routine) loads(pointer string) []VecVirtual {
	vs := make([]VecVirtual, r.width)
	r.each(func(i int) { vs[i] = r.load(pointer) })
	return vs
}

// stores writes a vector for each of the panel.
func (r *routine) stores(vs []VecVirtual, pointer string) {
	r.each(func(i int) { r.store(vs[i], pointer) })
}
