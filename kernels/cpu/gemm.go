package cpu

import (
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

// strided is op(X) of a matrix: element (i, j) is at i·row + j·col.
type strided[T float] struct {
	data     []T
	row, col int
}

func stridedOf[T float](v *view[T], transposed bool) strided[T] {
	if transposed {
		return strided[T]{v.data, 1, v.stride}
	}
	return strided[T]{v.data, v.stride, 1}
}

func (s strided[T]) transpose() strided[T] { return strided[T]{s.data, s.col, s.row} }

// pack copies rows i0 … i0+rows−1 and columns j0 … j0+cols−1 of op(X) into panels of height rows each, one column
// after another; rows that the last panel lacks are zero.
//
// columns and rowwise, where not nil, pack whole panels whose elements of a step, or whose steps, lie side by side; rowwise returns
// how many steps it did.
func (s strided[T]) pack(dst []T, i0, rows, j0, cols, height int, columns func(dst, src []T, stride, steps int), rowwise func(dst, src []T, stride, steps int) int) {
	for i := 0; i < rows; i += height {
		panel := dst[:cols*height]
		dst = dst[cols*height:]
		n := min(height, rows-i)
		if n < height {
			clear(panel)
		}
		at := (i0+i)*s.row + j0*s.col
		switch {
		case s.row == 1 && n == height && columns != nil:
			columns(panel, s.data[at:], s.col, cols)
		case s.row == 1:
			for j := range cols {
				copy(panel[j*height:j*height+n], s.data[at+j*s.col:])
			}
		default:
			done := 0
			if n == height && rowwise != nil {
				done = rowwise(panel, s.data[at:], s.row, cols)
			}
			interleave(panel[done*height:], s.data[at+done:], s.row, n, cols-done, height)
		}
	}
}

// interleave packs n rows of cols elements, which lie stride apart, into a panel of a height.
func interleave[T float](panel, src []T, stride, n, cols, height int) {
	if cols == 0 {
		return
	}
	r := 0
	for ; r+4 <= n; r += 4 { // four rows a turn write whole stretches of the panel
		s0, s1, s2, s3 := src[r*stride:][:cols], src[(r+1)*stride:][:cols], src[(r+2)*stride:][:cols], src[(r+3)*stride:][:cols]
		to := panel[r:]
		for j, v := range s0 {
			q := to[:4]
			q[0], q[1], q[2], q[3] = v, s1[j], s2[j], s3[j]
			to = to[min(height, len(to)):]
		}
	}
	for ; r < n; r++ {
		to := r
		for _, v := range src[r*stride:][:cols] {
			panel[to] = v
			to += height
		}
	}
}

// Gemm binds C = act(op(A)·op(B) + bias), or C += op(A)·op(B).
func (d *Device) Gemm(a kernels.GemmArgs) (kernels.Kernel, error) {
	b := d.bind(gemmName(a), a.Check())
	if double(a.C) {
		return newGemm(b, d.f64, a)
	}
	return newGemm(b, d.f32, a)
}

func gemmName(a kernels.GemmArgs) string {
	name := "gemm"
	if a.Accumulate {
		return name + "+accumulate"
	}
	if a.Bias.Present() {
		name += "+bias"
	}
	if a.Activation != kernels.Identity {
		name += "+" + a.Activation.String()
	}
	return name
}

func newGemm[T float](b *binder, l *loops[T], a kernels.GemmArgs) (kernels.Kernel, error) {
	p := product[T]{base: b.base(), loops: l, accumulate: a.Accumulate, act: a.Activation}
	if int(a.Activation) >= len(l.activate) {
		b.unsupported(a.Activation)
	}
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
	k.packedB = slotOf[T](b, min(blocks(p.n.rows, columnBlock), columnsPacked/columnBlock)*k.columnPanel)
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

// Cost returns the work at the present row counts.
func (p *product[T]) Cost() kernels.Cost {
	m, n, k := float64(p.m.n()), float64(p.n.n()), float64(p.k.n())
	flops := 2*m*n*k + m*n*activationCost(p.act)
	elements := m*k + k*n + m*n
	if p.accumulate {
		elements += m * n
	}
	if p.bias.present {
		flops += m * n
		elements += n
	}
	return kernels.Cost{FLOPs: flops, Bytes: sizeOf[T]() * elements}
}

// gemm is the product of matrices.
type gemm[T float] struct {
	product[T]
	packedB slot[T] // panels of column blocks
	packedA slot[T] // for each thread, packed rows of A and a tile of C
	rowPart int     // rows of C that a part computes
	// rowPanel is the elements of a thread's packed rows of A, columnPanel of a column block of B, perThread of a thread's
	// own memory.
	rowPanel, columnPanel, perThread int

	// The present run: valid dimensions, the block of depth and of columns being done, what parts do.
	rows, cols, depth int
	k0, kn, j0, jn    int
	packing           bool
	next              atomic.Int64 // the first block of C nobody has taken
	total             int64
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
	for g.j0 = 0; g.j0 < g.cols; g.j0 += columnsPacked {
		g.jn = min(columnsPacked, g.cols-g.j0)
		for g.k0 = 0; g.k0 < g.depth; g.k0 += g.loops.depth {
			g.kn = min(g.loops.depth, g.depth-g.k0)
			across := blocks(g.jn, columnBlock)
			g.packing = true
			g.run(blocks(g.jn, packColumns), g)
			g.packing = false
			g.next.Store(0)
			g.total = int64(across * blocks(g.rows, g.rowPart))
			g.run(int(min(g.total, int64(g.dev.pool.Threads()))), g)
		}
	}
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

// Part packs columns of B, or computes blocks of C until none is left, with the memory of a thread.
func (g *gemm[T]) Part(i int) {
	packedB := g.packedB.in(g.dev)
	if g.packing {
		j := i * packColumns
		to := packedB[j/columnBlock*g.columnPanel+j%columnBlock*g.kn:]
		g.b.transpose().pack(to, g.j0+j, min(packColumns, g.jn-j), g.k0, g.kn, g.loops.tileCols, g.loops.packB, g.loops.packTransposed)
		return
	}
	own := g.packedA.in(g.dev)[i*g.perThread : (i+1)*g.perThread]
	across := int64(blocks(g.jn, columnBlock))
	for packedRow := int64(-1); ; {
		block := g.next.Add(1) - 1
		if block >= g.total {
			return
		}
		row, col := block/across, int(block%across)
		r0 := int(row) * g.rowPart
		rn := min(g.rowPart, g.rows-r0)
		if row != packedRow {
			g.packRows(own, r0, rn)
			packedRow = row
		}
		g.block(own[:g.rowPanel], packedB[col*g.columnPanel:], own[g.rowPanel:], r0, rn, col*columnBlock)
	}
}

// direct says that tiles read A where it lies. Along the columns of a transposed A that would touch a page a step.
func (g *gemm[T]) direct() bool { return !g.loops.packed && g.a.col == 1 }

// packRows packs rows of A where the level wants panels, or else those of the last tile that are too few for one.
func (g *gemm[T]) packRows(own []T, r0, rn int) {
	whole := 0
	if g.direct() {
		whole = rn - rn%g.loops.tileRows
	}
	if whole < rn {
		g.a.pack(own, r0+whole, rn-whole, g.k0, g.kn, g.loops.tileRows, g.loops.packA, nil)
	}
}

// block computes rows r0 … r0+rn−1 of the column block at j of the packed columns.
func (g *gemm[T]) block(a, b, tile []T, r0, rn, j int) {
	l := g.loops
	tr, tc := l.tileRows, l.tileCols
	cn := min(columnBlock, g.jn-j)
	var flags tileFlags
	if g.k0 > 0 || g.accumulate {
		flags = tileAdd
	}
	last := g.k0+g.kn == g.depth
	if last && g.act == kernels.ReLU {
		flags |= tileReLU
	}
	for jj := 0; jj < cn; jj += tc {
		panel := b[jj*g.kn : (jj+tc)*g.kn]
		at := g.j0 + j + jj
		var bias []T
		if last && g.bias.present {
			bias = g.bias.data[at:min(at+tc, g.cols)]
		}
		for ii := 0; ii < rn; ii += tr {
			x, rowStride, step := a, 1, tr
			switch {
			case !g.direct():
				x = a[ii*g.kn:]
			case ii+tr <= rn:
				x, rowStride, step = g.a.data[(r0+ii)*g.a.row+g.k0*g.a.col:], g.a.row, g.a.col
			}
			to := g.c.data[(r0+ii)*g.c.stride+at:]
			if ii+tr <= rn && jj+tc <= cn {
				l.tile(g.kn, x, rowStride, step, panel, to, g.c.stride, bias, flags)
				continue
			}
			l.tile(g.kn, x, rowStride, step, panel, tile, tc, nil, 0)
			for r := range min(tr, rn-ii) {
				width := min(tc, cn-jj)
				finishTile(to[r*g.c.stride:][:width], tile[r*tc:][:width], bias, flags)
			}
		}
	}
	if last && g.act != kernels.Identity && g.act != kernels.ReLU {
		at := g.j0 + j
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
