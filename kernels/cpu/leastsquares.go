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
	// rowsPerTurn is how many rows a thread takes at a time.
	rowsPerTurn = 8
)

// solveRows fits rows, each by itself. Threads take some rows after others, and have scratch memory of their own; what is done to a row
// does not depend on who does it.
type solveRows[T float] struct {
	base
	loops                        *loops[T]
	batch                        batch
	x, y, weights, targets, gram view[T]
	ridge, loss                  view[T]
	offsets, columns             view[int32]
	gramWeight                   T
	steps                        int
	scaled                       slot[T] // the Gram matrix times its weight, negative for conjugate gradients
	floats                       slot[T] // for each thread
	ids                          slot[int32]
	perThread                    int
	height, width                int // of a system in memory, for Cholesky
	solvers                      []solver[T]

	rows int // valid rows of the present run
	next atomic.Int64
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
	d := a.X.Cols
	k.perThread = 3*entriesPerTurn + 4*d
	if k.steps == 0 {
		k.height, k.width = blocks(d, l.tileRows)*l.tileRows, blocks(d, 2*l.tileCols)*2*l.tileCols
		// Entries, with what a tile reads beyond the last one; those packed for the tiles, by columns and, where it wants them, by rows.
		k.perThread += entriesPerTurn*d + l.tileRows + entriesPerTurn*k.width + k.height*k.width
		if l.packed {
			k.perThread += entriesPerTurn * k.height
		}
	}
	if a.Gram.Present() {
		k.scaled = slotOf[T](b, d*d)
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
	if k.rows = k.batch.n(); k.rows == 0 {
		return nil
	}
	if k.gram.present {
		weight := k.gramWeight
		if k.steps > 0 {
			weight = -weight
		}
		scaled, d := k.scaled.in(k.dev), k.gram.cols
		for i := range d {
			k.loops.scale(scaled[i*d:(i+1)*d], k.gram.row(i), weight)
		}
	}
	k.next.Store(0)
	k.run(min(blocks(k.rows, rowsPerTurn), k.dev.pool.Threads()), k)
	return nil
}

// Part fits rows until none is left, with the memory of a thread.
func (k *solveRows[T]) Part(i int) {
	s := k.memory(i)
	for {
		lo := int(k.next.Add(1)-1) * rowsPerTurn
		if lo >= k.rows {
			return
		}
		for r := lo; r < min(lo+rowsPerTurn, k.rows); r++ {
			s.begin(r)
			loss := 0.0
			switch {
			case s.from == s.to: // nothing speaks against 0
				clear(s.x)
			case k.steps == 0:
				loss = s.cholesky()
			default:
				loss = s.conjugateGradients()
			}
			copy(k.x.row(r), s.x)
			if k.loss.present {
				k.loss.row(r)[0] = T(loss)
			}
		}
	}
}

// solver is a thread's memory, and the row it is at.
type solver[T float] struct {
	*solveRows[T]
	x, b, p, q       []T // [D]: the solution, and what a method needs
	weight, target   []T // of the entries of a turn
	zeros            []T // stays so
	id               []int32
	entries          []T // Cholesky: the rows of a turn, [entriesPerTurn][D]
	packedA, packedB []T
	system           []T // [height][width]

	from, to int // entries of the row
	ridge    T
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
	s.x, s.b, s.p, s.q = take(d), take(d), take(d), take(d)
	s.weight, s.target, s.zeros = take(entriesPerTurn), take(entriesPerTurn), take(entriesPerTurn)
	clear(s.zeros)
	if k.steps == 0 {
		s.entries, s.packedB, s.system = take(entriesPerTurn*d+k.loops.tileRows), take(entriesPerTurn*k.width), take(k.height*k.width)
		if k.loops.packed {
			s.packedA = take(entriesPerTurn * k.height)
		}
		clear(s.entries) // what is read beyond the last entry is a number
	}
	return s
}

// begin goes to a row. Offsets that are not in order leave it without entries.
func (s *solver[T]) begin(r int) {
	n := int32(s.columns.rows)
	from := min(max(s.offsets.row(r)[0], 0), n)
	to := min(max(s.offsets.row(r + 1)[0], from), n)
	s.from, s.to = int(from), int(to)
	s.ridge = s.solveRows.ridge.row(r)[0]
	if s.steps > 0 {
		copy(s.x, s.solveRows.x.row(r))
	}
}

// turn returns columns, weights and targets of entries lo … hi−1.
func (s *solver[T]) turn(lo, hi int) (ids []int32, w, t []T) {
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

// conjugateGradients goes on from x and returns the sum that is left.
func (s *solver[T]) conjugateGradients() float64 {
	l, g, p, q := s.loops, s.b, s.p, s.q
	// The gradient, halved: Σ w(x·y − t)y + (Gram + ridge)x.
	s.quadratic(g, s.x)
	left := float64(l.dot(s.x, g))
	for lo := s.from; lo < s.to; lo += entriesPerTurn {
		ids, w, t := s.turn(lo, min(lo+entriesPerTurn, s.to))
		left += l.projectRows(g, s.x, &s.y, ids, w, t)
	}
	l.scale(p, g, -1)
	length := l.dot(g, g)
	steepest := T(0)                                // the greatest curvature along a step
	least := length * roundoff[T]() * roundoff[T]() // what is less is rounding
	for range s.steps {
		if length <= least {
			break
		}
		s.quadratic(q, p)
		for lo := s.from; lo < s.to; lo += entriesPerTurn {
			hi := min(lo+entriesPerTurn, s.to)
			ids, w := piece(&s.columns, lo, hi, s.id), piece(&s.weights, lo, hi, s.weight)
			l.projectRows(q, p, &s.y, ids, w, s.zeros[:hi-lo])
		}
		// Behind a solution there is nothing but rounding, which leads where the sum is flat: there a step would be a leap. NaN goes
		// on, and shows.
		curve := l.dot(p, q)
		curvature := curve / l.dot(p, p)
		steepest = max(steepest, curvature)
		if curve <= 0 || curvature <= steepest*T(len(p))*roundoff[T]() {
			break
		}
		alpha := length / curve
		l.axpy(alpha, p, s.x)
		l.axpy(alpha, q, g)
		left -= float64(alpha) * float64(length)
		before := length
		length = l.dot(g, g)
		l.scale(p, p, length/before)
		l.axpy(-1, g, p)
	}
	return max(left, 0)
}

// quadratic sets out to (GramWeight·Gram + ridge)·v.
func (s *solver[T]) quadratic(out, v []T) {
	s.loops.scale(out, v, s.ridge)
	if s.gram.present {
		d := len(v)
		s.loops.subtractRows(out, s.scaled.in(s.dev), d, d, v, 1)
	}
}

// cholesky solves the row's normal equations and returns the sum that is left.
func (s *solver[T]) cholesky() float64 {
	l, d := s.loops, len(s.x)
	clear(s.system)
	for i := range d {
		row := s.system[i*s.width:]
		if s.gram.present {
			copy(row[i:d], s.scaled.in(s.dev)[i*d+i:(i+1)*d])
		}
		row[i] += s.ridge
	}
	clear(s.b)
	squares := 0.0
	for lo := s.from; lo < s.to; lo += entriesPerTurn {
		squares += s.add(lo, min(lo+entriesPerTurn, s.to))
	}
	copy(s.x, s.b)
	s.factorize()
	for j := d - 1; j >= 0; j-- {
		row := s.system[j*s.width : j*s.width+d]
		if row[j] == 0 {
			s.x[j] = 0
			continue
		}
		s.x[j] = (s.x[j] - l.dot(row[j+1:], s.x[j+1:])) / row[j]
	}
	return max(squares-float64(l.dot(s.b, s.x)), 0)
}

// add adds entries lo … hi−1 to the system, above its diagonal, and to the right side. It returns Σ w·t².
func (s *solver[T]) add(lo, hi int) (squares float64) {
	l, d, n := s.loops, len(s.x), hi-lo
	ids, w, t := s.turn(lo, hi)
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

// factorize puts the upper factor U of the system, UᵀU, in its place and solves Uᵀz = x, into x. A row whose pivot is lost in rounding
// becomes 0: so does its unknown, which others can stand for.
func (s *solver[T]) factorize() {
	l, d, width := s.loops, len(s.x), s.width
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
			s.x[j] = 0
			continue
		}
		root := T(math.Sqrt(float64(row[at])))
		l.scale(row[at:], row[at:], 1/root)
		row[at] = root
		z := s.x[j] / root
		s.x[j] = z
		l.axpy(-z, row[at+1:at+d-j], s.x[j+1:])
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
