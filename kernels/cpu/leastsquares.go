package cpu

import (
	"math"
	"sync/atomic"

	"debut/kernels"
)

// The cuts of sparse least squares.
const (
	// entriesPerTurn is how many entries of a row are gathered at a time: as many steps as a tile takes, and few enough to stay in
	// the nearest caches.
	entriesPerTurn = 256
	// rowsPerTurn is how many rows a thread takes at a time: those that go through conjugate gradients side by side, so that the Gram
	// matrix is read once for several of them, and few enough that their entries stay in a cache. It is a multiple of the rows of any
	// level's tile.
	rowsPerTurn = 12
	// entriesAhead is how many entries of a row are asked for before it is begun: as many as projectRows looks ahead.
	entriesAhead = 16
)

// solveRows fits rows, each by itself. Threads take some rows after others, and have scratch memory of their own; what is done to a row
// does not depend on who does it.
type solveRows[T float] struct {
	base
	loops                        *loops[T]
	batch                        batch
	x, y, weights, targets, gram view[T]
	ridge, loss                  view[T]
	offsets, columns, window     view[int32]
	gramWeight                   T
	steps                        int
	scaled                       slot[T] // the Gram matrix times its weight; for conjugate gradients packed for tiles
	floats                       slot[T] // for each thread
	ids                          slot[int32]
	perThread                    int
	height, width                int // of a system in memory, for Cholesky; of the rows of a turn otherwise
	solvers                      []solver[T]

	first, rows int // of the present run: the first row and the one behind the last
	next        atomic.Int64
}

// SolveRows binds the fit of the rows of a factor.
func (d *Device) SolveRows(a kernels.SolveRowsArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.X) {
		return newSolveRows(b, d.f64, a)
	}
	return newSolveRows(b, d.f32, a)
}

func newSolveRows[T float](b *binder, l *loops[T], a kernels.SolveRowsArgs) (kernels.Kernel, error) {
	k := &solveRows[T]{base: b.base(), loops: l, batch: b.batchOf(a.X, a.Ridge, a.Loss), gramWeight: T(a.GramWeight), steps: a.Steps}
	k.x, k.y, k.weights, k.targets = operand[T](b, "X", a.X), operand[T](b, "Y", a.Y), operand[T](b, "Weights", a.Weights), operand[T](b, "Targets", a.Targets)
	k.gram, k.ridge, k.loss = operand[T](b, "Gram", a.Gram), operand[T](b, "Ridge", a.Ridge), operand[T](b, "Loss", a.Loss)
	k.offsets, k.columns = operand[int32](b, "Offsets", a.Offsets), operand[int32](b, "Columns", a.Columns)
	k.window = operand[int32](b, "Window", a.Window)
	d := a.X.Cols
	k.perThread = 3 * entriesPerTurn
	if k.steps == 0 {
		k.height, k.width = blocks(d, l.tileRows)*l.tileRows, blocks(d, 2*l.tileCols)*2*l.tileCols
		// Entries, with what a tile reads beyond the last one; those packed for the tiles, by columns and, where it wants them, by rows.
		k.perThread += 2*d + entriesPerTurn*d + l.tileRows + entriesPerTurn*k.width + k.height*k.width
		if l.packed {
			k.perThread += entriesPerTurn * k.height
		}
	} else {
		k.height, k.width = rowsPerTurn, blocks(d, l.tileCols)*l.tileCols
		k.perThread += 4 * k.height * k.width
		if l.packed {
			k.perThread += k.height * min(d, l.depth)
		}
	}
	if a.Gram.Present() {
		k.scaled = slotOf[T](b, d*max(d, k.width))
	}
	threads := b.dev.pool.Threads()
	k.solvers = make([]solver[T], threads)
	k.floats, k.ids = slotOf[T](b, threads*k.perThread), slotOf[int32](b, threads*entriesPerTurn)
	return b.finish(k)
}

// Run runs the kernel.
func (k *solveRows[T]) Run() error {
	if err := k.ready(); err != nil {
		return err
	}
	k.first, k.rows = 0, k.batch.n()
	if k.window.present {
		w := k.window.row(0)
		k.first, k.rows = max(int(w[0]), 0), min(int(w[1]), k.rows)
	}
	if k.first >= k.rows {
		return nil
	}
	if k.gram.present {
		k.scale()
	}
	k.next.Store(0)
	k.run(min(blocks(k.rows-k.first, rowsPerTurn), k.dev.pool.Threads()), k)
	return nil
}

// scale makes the Gram matrix times its weight.
func (k *solveRows[T]) scale() {
	l, scaled, d := k.loops, k.scaled.in(k.dev), k.gram.cols
	if k.steps == 0 {
		for i := range d {
			l.scale(scaled[i*d:(i+1)*d], k.gram.row(i), k.gramWeight)
		}
		return
	}
	// It is its own transpose: columns may be read for rows.
	g := strided[T]{k.gram.data, 1, k.gram.stride}
	for from := 0; from < d; from += l.depth {
		n := min(l.depth, d-from)
		g.pack(scaled[from*k.width:], 0, d, from, n, l.tileCols, l.packB, nil)
	}
	l.scale(scaled[:d*k.width], scaled[:d*k.width], k.gramWeight)
}

// Part fits rows until none is left, with the memory of a thread.
func (k *solveRows[T]) Part(i int) {
	s := k.memory(i)
	for {
		lo := k.first + int(k.next.Add(1)-1)*rowsPerTurn
		if lo >= k.rows {
			return
		}
		hi := min(lo+rowsPerTurn, k.rows)
		if k.steps > 0 {
			s.conjugateGradients(lo, hi)
			continue
		}
		for r := lo; r < hi; r++ {
			s.begin(&s.at, r)
			s.store(r, s.found, s.cholesky())
		}
	}
}

// store writes a row and what is left of its sum.
func (k *solveRows[T]) store(r int, x []T, left float64) {
	copy(k.x.row(r), x)
	if k.loss.present {
		k.loss.row(r)[0] = T(left)
	}
}

// fitted is a row that is being fitted.
type fitted[T float] struct {
	from, to int // its entries
	ridge    T

	// Conjugate gradients: the sum so far, the square of the gradient, that which is nothing but rounding, and the greatest curvature along
	// a step. active says that there are further steps.
	left                    float64
	length, least, steepest T
	active                  bool
}

// solver is a thread's memory, and what it is at.
type solver[T float] struct {
	*solveRows[T]
	weight, target []T // of the entries of a turn
	zeros          []T // stay so
	id             []int32
	packedA        []T

	// Cholesky
	at               fitted[T]
	found, b         []T // [D]
	entries, packedB []T // the rows of a turn, [entriesPerTurn][D]
	system           []T // [height][width]

	// Conjugate gradients: [rowsPerTurn][width]
	turn                  [rowsPerTurn]fitted[T]
	xs, gradients, ps, qs []T
}

// memory cuts a thread's share of the scratch memory, which may have moved since the last run.
func (k *solveRows[T]) memory(i int) *solver[T] {
	own := k.floats.in(k.dev)[i*k.perThread : (i+1)*k.perThread]
	take := func(n int) []T {
		s := own[:n:n]
		own = own[n:]
		return s
	}
	d := k.x.cols
	s := &k.solvers[i]
	*s = solver[T]{solveRows: k, id: k.ids.in(k.dev)[i*entriesPerTurn : (i+1)*entriesPerTurn]}
	s.weight, s.target, s.zeros = take(entriesPerTurn), take(entriesPerTurn), take(entriesPerTurn)
	clear(s.zeros)
	if k.steps > 0 {
		n := k.height * k.width
		s.xs, s.gradients, s.ps, s.qs = take(n), take(n), take(n), take(n)
		if k.loops.packed {
			s.packedA = take(k.height * min(d, k.loops.depth))
		}
		return s
	}
	s.found, s.b = take(d), take(d)
	s.entries, s.packedB, s.system = take(entriesPerTurn*d+k.loops.tileRows), take(entriesPerTurn*k.width), take(k.height*k.width)
	if k.loops.packed {
		s.packedA = take(entriesPerTurn * k.height)
	}
	clear(s.entries) // what is read beyond the last entry is a number
	return s
}

// begin looks at a row. Offsets that are not in order leave it without entries.
func (k *solveRows[T]) begin(at *fitted[T], r int) {
	n := int32(k.columns.rows)
	from := min(max(k.offsets.row(r)[0], 0), n)
	to := min(max(k.offsets.row(r + 1)[0], from), n)
	*at = fitted[T]{from: int(from), to: int(to), ridge: k.ridge.row(r)[0]}
}

// observed returns columns, weights and targets of entries lo … hi−1.
func (s *solver[T]) observed(lo, hi int) (ids []int32, w, t []T) {
	ids, w = piece(&s.columns, lo, hi, s.id), piece(&s.weights, lo, hi, s.weight)
	if s.targets.present {
		return ids, w, piece(&s.targets, lo, hi, s.target)
	}
	t = s.target[:hi-lo]
	for i := range t {
		t[i] = 1
	}
	return ids, w, t
}

// piece returns elements lo … hi−1 of a view of one column, side by side: where they are, or copied.
func piece[T kernels.Element](v *view[T], lo, hi int, to []T) []T {
	if v.dense {
		return v.span(lo, hi)
	}
	to = to[:hi-lo]
	for i := range to {
		to[i] = v.data[(lo+i)*v.stride]
	}
	return to
}

// conjugateGradients goes on from what rows lo … hi−1 hold, with all of them side by side.
func (s *solver[T]) conjugateGradients(lo, hi int) {
	l, d := s.loops, s.x.cols
	row := func(m []T, i int) []T { return m[i*s.width : i*s.width+d] }
	n := hi - lo
	for i := range n {
		at := &s.turn[i]
		s.begin(at, lo+i)
		l.prefetchRows(&s.y, piece(&s.columns, at.from, min(at.from+entriesAhead, at.to), s.id))
		if x := row(s.xs, i); s.turn[i].from == s.turn[i].to { // nothing speaks against 0
			clear(x)
		} else {
			copy(x, s.x.row(lo+i))
		}
	}
	// Gradients, halved: Σ w(x·y − t)y + (Gram + ridge)x.
	s.product(s.gradients, s.xs, n)
	for i := range n {
		at, x, g, p := &s.turn[i], row(s.xs, i), row(s.gradients, i), row(s.ps, i)
		l.axpy(at.ridge, x, g)
		at.left = float64(l.dot(x, g))
		for from := at.from; from < at.to; from += entriesPerTurn {
			ids, w, t := s.observed(from, min(from+entriesPerTurn, at.to))
			at.left += l.projectRows(g, x, &s.y, ids, w, t)
		}
		l.scale(p, g, -1)
		at.length = l.dot(g, g)
		at.least, at.active = at.length*roundoff[T]()*roundoff[T](), at.from < at.to
	}
	for range s.steps {
		s.product(s.qs, s.ps, n)
		for i := range n {
			at := &s.turn[i]
			if !at.active || at.length <= at.least { // NaN goes on
				continue
			}
			s.step(at, row(s.xs, i), row(s.gradients, i), row(s.ps, i), row(s.qs, i))
		}
	}
	for i := range n {
		s.store(lo+i, row(s.xs, i), max(s.turn[i].left, 0))
	}
}

// step takes a row's step along p, of whose product with the Gram matrix q holds the one with it.
func (s *solver[T]) step(at *fitted[T], x, g, p, q []T) {
	l := s.loops
	l.axpy(at.ridge, p, q)
	for from := at.from; from < at.to; from += entriesPerTurn {
		to := min(from+entriesPerTurn, at.to)
		l.projectRows(q, p, &s.y, piece(&s.columns, from, to, s.id), piece(&s.weights, from, to, s.weight), s.zeros[:to-from])
	}
	// Behind a solution there is nothing but rounding, which leads where the sum is flat: there a step would be a leap. NaN goes on, and
	// shows.
	curve := l.dot(p, q)
	curvature := curve / l.dot(p, p)
	at.steepest = max(at.steepest, curvature)
	if curve <= 0 || curvature <= at.steepest*T(len(p))*roundoff[T]() {
		at.active = false
		return
	}
	alpha := at.length / curve
	l.axpy(alpha, p, x)
	l.axpy(alpha, q, g)
	at.left -= float64(alpha) * float64(at.length)
	before := at.length
	at.length = l.dot(g, g)
	l.scale(p, p, at.length/before)
	l.axpy(-1, g, p)
}

// product sets the first rows of out to those of v times GramWeight·Gram. Sums run in the order of columns, whatever the row's place.
func (s *solver[T]) product(out, v []T, rows int) {
	l, d := s.loops, s.x.cols
	if !s.gram.present {
		clear(out[:rows*s.width])
		return
	}
	scaled := s.scaled.in(s.dev)
	for from := 0; from < d; from += l.depth {
		n, flags := min(l.depth, d-from), tileAdd
		if from == 0 {
			flags = 0
		}
		if l.packed {
			strided[T]{v, s.width, 1}.pack(s.packedA, 0, s.height, from, n, l.tileRows, l.packA, nil)
		}
		for c := 0; c < d; c += l.tileCols {
			panel := scaled[from*s.width+c*n:]
			for r := 0; r < rows; r += l.tileRows {
				a, rowStride, step := v[r*s.width+from:], s.width, 1
				if l.packed {
					a, rowStride, step = s.packedA[r*n:], 1, l.tileRows
				}
				l.tile(n, a, rowStride, step, panel, out[r*s.width+c:], s.width, nil, flags)
			}
		}
	}
}

// cholesky solves the row's normal equations and returns the sum that is left.
func (s *solver[T]) cholesky() float64 {
	l, d, at := s.loops, len(s.found), &s.at
	if at.from == at.to { // nothing speaks against 0
		clear(s.found)
		return 0
	}
	clear(s.system)
	for i := range d {
		row := s.system[i*s.width:]
		if s.gram.present {
			copy(row[i:d], s.scaled.in(s.dev)[i*d+i:(i+1)*d])
		}
		row[i] += at.ridge
	}
	clear(s.b)
	squares := 0.0
	for lo := at.from; lo < at.to; lo += entriesPerTurn {
		squares += s.add(lo, min(lo+entriesPerTurn, at.to))
	}
	copy(s.found, s.b)
	s.factorize()
	for j := d - 1; j >= 0; j-- {
		row := s.system[j*s.width : j*s.width+d]
		if row[j] == 0 {
			s.found[j] = 0
			continue
		}
		s.found[j] = (s.found[j] - l.dot(row[j+1:], s.found[j+1:])) / row[j]
	}
	return max(squares-float64(l.dot(s.b, s.found)), 0)
}

// add adds entries lo … hi−1 to the system, above its diagonal, and to the right side. It returns Σ w·t².
func (s *solver[T]) add(lo, hi int) (squares float64) {
	l, d, n := s.loops, len(s.found), hi-lo
	ids, w, t := s.observed(lo, hi)
	rows := s.entries[:n*d]
	l.gather(rows, &s.y, ids)
	for i := range n {
		row := rows[i*d : (i+1)*d]
		squares += float64(w[i]) * float64(t[i]) * float64(t[i])
		l.axpy(w[i]*t[i], row, s.b)
		l.scale(row, row, T(math.Sqrt(float64(w[i]))))
	}
	z := strided[T]{s.entries, 1, d}
	z.pack(s.packedB, 0, d, 0, n, l.tileCols, l.packB, nil)
	if l.packed {
		z.pack(s.packedA, 0, d, 0, n, l.tileRows, l.packA, nil)
	}
	for c := 0; c < d; c += l.tileCols {
		panel := s.packedB[c*n:]
		for r := 0; r < min(c+l.tileCols, d); r += l.tileRows {
			a, step := s.entries[r:], d
			if l.packed {
				a, step = s.packedA[r*n:], l.tileRows
			}
			l.tile(n, a, 1, step, panel, s.system[r*s.width+c:], s.width, nil, tileAdd)
		}
	}
	return squares
}

// factorize puts the upper factor U of the system, UᵀU, in its place and solves Uᵀz = found, into found. A row whose pivot is lost in rounding
// becomes 0: so does its unknown, which others can stand for.
func (s *solver[T]) factorize() {
	l, d, width := s.loops, len(s.found), s.width
	whole := 2 * l.tileCols // columns are done by so many, below the diagonal too, where nothing counts
	lost := T(d) * roundoff[T]()
	for j := range d {
		first := j - j%whole
		row := s.system[j*width+first : (j+1)*width]
		at := j - first
		least := row[at] * lost
		l.subtractRows(row, s.system[first:], width, j, s.system[j:], width)
		clear(row[:at])
		if row[at] <= least { // NaN goes on, and shows
			clear(row)
			s.found[j] = 0
			continue
		}
		root := T(math.Sqrt(float64(row[at])))
		l.scale(row[at:], row[at:], 1/root)
		row[at] = root
		z := s.found[j] / root
		s.found[j] = z
		l.axpy(-z, row[at+1:at+d-j], s.found[j+1:])
	}
}

// roundoff is the unit roundoff of a type.
func roundoff[T float]() T {
	if _, ok := any(T(0)).(float64); ok {
		return 0x1p-53
	}
	return 0x1p-24
}

func subtractRows[T float](y, x []T, stride, rows int, w []T, wStride int) {
	for r := range rows {
		axpy(-w[r*wStride], x[r*stride:][:len(y)], y)
	}
}

func scale[T float](y, x []T, factor T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = factor * v
	}
}

func projectRows[T float](out, p []T, table *view[T], ids []int32, w, t []T) (sum float64) {
	w, t = w[:len(ids)], t[:len(ids)]
	for i, id := range ids {
		miss := -t[i]
		if id >= 0 && int(id) < table.rows {
			row := table.row(int(id))
			miss += dot(row, p)
			axpy(w[i]*miss, row, out)
		}
		sum += float64(w[i]) * float64(miss) * float64(miss)
	}
	return sum
}
