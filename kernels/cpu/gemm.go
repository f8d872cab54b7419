package cpu

import (
	"runtime"
	"sync/atomic"

	"debut/kernels"
)

// The blocks of a matrix product, in the manner of Goto, van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication", ACM TOMS 34 (2008). A panel of B, depth × columnsPacked, is packed for all threads; a part of the
// work is rowBlock × columnBlock of C, for which a thread packs its rows of A. Each element of C is a sum over blocks
// of depth, and within a block over single steps, both in order: bits do not depend on who computes it.
const (
	rowBlock      = 96 // at most; a smaller C is cut finer, so that all threads find work
	rowParts      = 8
	columnBlock   = 256
	columnsPacked = 4 * columnBlock
	packColumns   = 64 // columns of B that a part packs
)

// tileFlags say what a tile does beside multiplying.
type tileFlags int

const (
	tileAdd  tileFlags = 1 << iota // add to C
	tileReLU                       // apply ReLU last
)

// Gemm binds C = act(op(A)·op(B) + bias), or C += op(A)·op(B).
func (d *Device) Gemm(a kernels.GemmArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.C) {
		return newGemm(b, d.f64, a)
	}
	return newGemm(b, d.f32, a)
}

func newGemm[T float](b *binder, l *loops[T], a kernels.GemmArgs) (kernels.Kernel, error) {
	p := product[T]{base: b.base(), loops: l, accumulate: a.Accumulate, act: a.Activation}
	va, vb := operand[T](b, "A", a.A), operand[T](b, "B", a.B)
	p.c, p.bias = operand[T](b, "C", a.C), operand[T](b, "bias", a.Bias)
	p.a, p.b = stridedOf(&va, a.TransA), stridedOf(&vb, a.TransB)
	// The batch is whichever dimension the rows of A and B are.
	p.m, p.n = b.batchOf(a.C), batch{rows: a.C.Cols}
	rows := b.batchOf(a.A)
	if a.TransA {
		p.k = rows
	} else {
		p.m.counts = append(p.m.counts, rows.counts...)
		p.k = batch{rows: a.A.Cols}
	}
	rows = b.batchOf(a.B)
	if a.TransB {
		p.n = rows
	} else {
		p.k.counts = append(p.k.counts, rows.counts...)
	}
	if b.err != nil {
		return b.finish(nil)
	}
	if a.C.Cols == 1 || a.C.Rows == 1 {
		return newMatrixVector(b, p, a)
	}
	k := &gemm[T]{product: p}
	depth := min(p.k.rows, l.depth)
	k.rowPart = min(rowBlock/l.tileRows, blocks(p.m.rows, rowParts*l.tileRows)) * l.tileRows
	k.rowPanel = l.tileRows * depth
	if !k.direct() {
		k.rowPanel = k.rowPart * depth
	}
	k.columnPanel = blocks(min(p.n.rows, columnBlock), l.tileCols) * l.tileCols * depth
	across := min(blocks(p.n.rows, columnBlock), columnsPacked/columnBlock)
	k.phasePanel = across * k.columnPanel
	k.panels = 2
	if b.dev.pool.Threads() == 1 || p.k.rows <= l.depth && p.n.rows <= columnsPacked {
		k.panels = 1
	}
	k.packedB = slotOf[T](b, k.panels*k.phasePanel)
	k.done = make([]atomic.Int32, across*blocks(p.m.rows, max(k.rowPart, 1)))
	k.perThread = k.rowPanel + l.tileRows*l.tileCols
	k.packedA = slotOf[T](b, b.dev.pool.Threads()*k.perThread)
	return b.finish(k)
}

// product is what the ways to multiply have in common.
type product[T float] struct {
	base
	loops      *loops[T]
	a, b       strided[T] // op(A) [m, k], op(B) [k, n]
	c, bias    view[T]
	m, n, k    batch
	accumulate bool
	act        kernels.Activation
}

// gemm is the product of matrices.
//
// A run is one list of items, taken in order: first the packs of phase 0, then the blocks of each phase, with the packs of
// the next one in their midst. So threads wait for each other at the end, and not at each panel. What an item needs has been taken by
// somebody before it, so that waiting for it comes to an end.
type gemm[T float] struct {
	product[T]
	packedB slot[T] // panels of column blocks
	packedA slot[T] // for each thread, packed rows of A and a tile of C
	rowPart int     // rows of C that a part computes
	// rowPanel is the elements of a thread's packed rows of A, columnPanel of a column block of B, phasePanel of a phase's
	// column blocks, perThread of a thread's own memory.
	rowPanel, columnPanel, phasePanel, perThread int
	panels                                       int // of B in memory: 2, or 1 where nobody packs while others compute

	// The present run.
	rows, cols, depth int             // valid dimensions
	packs, across     int             // packs of a phase; blocks of a phase side by side
	total, before     int             // blocks of a phase; those of them before the packs of the next
	deep, phases      int             // phases of the same columns of C; phases in all
	next              atomic.Int64    // the first item nobody has taken
	packed, computed  [2]atomic.Int64 // packs and blocks done in even and in odd phases
	done              []atomic.Int32  // phases done of each block of C
	broken            atomic.Bool     // a thread has panicked: its items will never be done
}

// phase is a panel of B: columns j0 … j0+jn−1 of C, steps k0 … k0+kn−1 of the sums.
type phase struct {
	number         int
	j0, jn, k0, kn int
}

func (g *gemm[T]) phase(p int) phase {
	j0, k0 := p/g.deep*columnsPacked, p%g.deep*g.loops.depth
	return phase{p, j0, min(columnsPacked, g.cols-j0), k0, min(g.loops.depth, g.depth-k0)}
}

// Run runs the kernel.
func (g *gemm[T]) Run() error {
	if err := g.ready(); err != nil {
		return err
	}
	g.rows, g.cols, g.depth = g.m.n(), g.n.n(), g.k.n()
	if g.rows == 0 || g.cols == 0 {
		return nil
	}
	if g.depth == 0 {
		g.empty()
		return nil
	}
	wide := min(g.cols, columnsPacked)
	g.across, g.packs = blocks(wide, columnBlock), blocks(wide, packColumns)
	g.total = g.across * blocks(g.rows, g.rowPart)
	g.deep = blocks(g.depth, g.loops.depth)
	g.phases = g.deep * blocks(g.cols, columnsPacked)
	g.before = g.total / 2
	if g.panels == 1 {
		g.before = g.total
	}
	g.broken.Store(false)
	g.next.Store(0)
	for i := range 2 {
		g.packed[i].Store(0)
		g.computed[i].Store(0)
	}
	for i := range g.done[:g.total] {
		g.done[i].Store(0)
	}
	g.run(min(g.packs+g.total, g.dev.pool.Threads()), g)
	return nil
}

// empty computes the product of no depth, which is zero.
func (g *gemm[T]) empty() {
	if g.accumulate {
		return
	}
	for r := range g.rows {
		row := g.c.row(r)[:g.cols]
		clear(row)
		g.finishRow(row, 0)
	}
}

// finishRow applies bias and activation to columns j… of a row of C.
func (g *gemm[T]) finishRow(row []T, j int) {
	if g.bias.present {
		g.loops.add(row, row, g.bias.data[j:j+len(row)])
	}
	if g.act != kernels.Identity {
		g.loops.activate[g.act](row, row)
	}
}

// Part does items until none is left, with the memory of a thread.
func (g *gemm[T]) Part(i int) {
	own := g.packedA.in(g.dev)[i*g.perThread : (i+1)*g.perThread]
	packedB := g.packedB.in(g.dev)
	each := g.total + g.packs
	packedRow := -1 // the rows of A in own, counted over all phases
	whole := false
	defer func() {
		if !whole {
			g.broken.Store(true)
		}
	}()
	for {
		item, n := g.take()
		if n == 0 || g.broken.Load() {
			whole = true
			return
		}
		at := item - g.packs
		p, at := at/each, at%each
		switch {
		case item < g.packs:
			g.pack(packedB, 0, item)
		case at >= g.before && at < g.before+g.packs:
			g.pack(packedB, p+1, at-g.before)
		default:
			if at >= g.before {
				at -= g.packs
			}
			for block := at; block < at+n; block++ {
				packedRow = g.compute(own, packedB, p, block, packedRow)
			}
		}
	}
}

// take takes the next items: a whole row of blocks, for which A is packed once, or near the end and among packs a single one.
func (g *gemm[T]) take() (item, n int) {
	each := g.total + g.packs
	end := g.packs + g.phases*each
	for {
		item := int(g.next.Load())
		if item >= end {
			return 0, 0
		}
		n := 1
		if left := end - item; item >= g.packs && left > g.packs+2*g.dev.pool.Threads()*g.across {
			switch at := (item - g.packs) % each; {
			case at < g.before:
				n = min(g.across-at%g.across, g.before-at)
			case at >= g.before+g.packs:
				n = g.across - (at-g.packs)%g.across
			}
		}
		if g.next.CompareAndSwap(int64(item), int64(item+n)) {
			return item, n
		}
	}
}

// pack packs some columns of a phase's panel of B.
func (g *gemm[T]) pack(packedB []T, number, i int) {
	if number == g.phases {
		return
	}
	p := g.phase(number)
	if number >= g.panels { // the panel that was in its place must not be in use any more
		need := int64(number/2) * int64(g.total)
		for turn := 1; g.computed[number%2].Load() < need; turn++ {
			g.wait(turn)
		}
	}
	if j := i * packColumns; j < p.jn {
		to := packedB[number%g.panels*g.phasePanel+j/columnBlock*g.columnPanel+j%columnBlock*p.kn:]
		g.b.transpose().pack(to, p.j0+j, min(packColumns, p.jn-j), p.k0, p.kn, g.loops.tileCols, g.loops.packB, g.loops.packTransposed)
	}
	g.packed[number%2].Add(1)
}

// compute adds a phase to a block of C. packedRow is the row of blocks for which own holds A; the new one is returned.
func (g *gemm[T]) compute(own, packedB []T, number, block, packedRow int) int {
	p := g.phase(number)
	row, col := block/g.across, block%g.across
	r0 := row * g.rowPart
	rn := min(g.rowPart, g.rows-r0)
	if row += number * g.total; row != packedRow {
		g.packRows(own, p, r0, rn)
		packedRow = row
	}
	need := int64(number/2+1) * int64(g.packs)
	for turn := 1; g.packed[number%2].Load() < need || g.done[block].Load() < int32(number); turn++ {
		g.wait(turn)
	}
	if col*columnBlock < p.jn {
		g.block(p, own[:g.rowPanel], packedB[number%g.panels*g.phasePanel+col*g.columnPanel:], own[g.rowPanel:], r0, rn, col*columnBlock)
	}
	g.done[block].Store(int32(number + 1))
	g.computed[number%2].Add(1)
	return packedRow
}

// wait is called at each turn of a wait for another thread, which may not have a processor.
func (g *gemm[T]) wait(turn int) {
	if turn%64 == 0 {
		if g.broken.Load() {
			panic("another part of the product panicked")
		}
		runtime.Gosched()
	}
}

// direct says that tiles read A where it lies. Along the columns of a transposed A that would touch a page a step.
func (g *gemm[T]) direct() bool { return !g.loops.packed && g.a.col == 1 }

// packRows packs rows of A where the level wants panels, or else those of the last tile that are too few for one.
func (g *gemm[T]) packRows(own []T, p phase, r0, rn int) {
	whole := 0
	if g.direct() {
		whole = rn - rn%g.loops.tileRows
	}
	if whole < rn {
		g.a.pack(own, r0+whole, rn-whole, p.k0, p.kn, g.loops.tileRows, g.loops.packA, nil)
	}
}

// block computes rows r0 … r0+rn−1 of the column block at j of a phase's columns.
func (g *gemm[T]) block(p phase, a, b, tile []T, r0, rn, j int) {
	l := g.loops
	tr, tc := l.tileRows, l.tileCols
	cn := min(columnBlock, p.jn-j)
	var flags tileFlags
	if p.k0 > 0 || g.accumulate {
		flags = tileAdd
	}
	last := p.k0+p.kn == g.depth
	if last && g.act == kernels.ReLU {
		flags |= tileReLU
	}
	for jj := 0; jj < cn; jj += tc {
		panel := b[jj*p.kn : (jj+tc)*p.kn]
		at := p.j0 + j + jj
		var bias []T
		if last && g.bias.present {
			bias = g.bias.data[at:min(at+tc, g.cols)]
		}
		for ii := 0; ii < rn; ii += tr {
			x, rowStride, step := a, 1, tr
			switch {
			case !g.direct():
				x = a[ii*p.kn:]
			case ii+tr <= rn:
				x, rowStride, step = g.a.data[(r0+ii)*g.a.row+p.k0*g.a.col:], g.a.row, g.a.col
			}
			to := g.c.data[(r0+ii)*g.c.stride+at:]
			if ii+tr <= rn && jj+tc <= cn {
				l.tile(p.kn, x, rowStride, step, panel, to, g.c.stride, bias, flags)
				continue
			}
			l.tile(p.kn, x, rowStride, step, panel, tile, tc, nil, 0)
			for r := range min(tr, rn-ii) {
				width := min(tc, cn-jj)
				finishTile(to[r*g.c.stride:][:width], tile[r*tc:][:width], bias, flags)
			}
		}
	}
	if last && g.act != kernels.Identity && g.act != kernels.ReLU {
		at := p.j0 + j
		for r := r0; r < r0+rn; r++ {
			row := g.c.data[r*g.c.stride+at:][:cn]
			l.activate[g.act](row, row)
		}
	}
}

// finishTile stores a row of a tile that lies partly outside of C.
func finishTile[T float](c, sum, bias []T, flags tileFlags) {
	for i, v := range sum {
		if flags&tileAdd != 0 {
			v += c[i]
		}
		if bias != nil {
			v += bias[i]
		}
		if flags&tileReLU != 0 && v < 0 { // NaN stays
			v = 0
		}
		c[i] = v
	}
}
