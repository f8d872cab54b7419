package cpu

import (
	"fmt"
	"runtime"

	"debut/kernels"
	"debut/kernels/pool"
)

// float is an element type that kernels compute in.
type float interface{ float32 | float64 }

// view is a matrix with its memory at hand.
type view[T kernels.Element] struct {
	data               []T // from the first element to the last
	rows, cols, stride int
	region             *region // that data is in, if any
	dense              bool    // rows follow each other without a gap
	present            bool
}

// row returns the elements of row r.
func (v *view[T]) row(r int) []T {
	at := r * v.stride
	return v.data[at : at+v.cols : at+v.cols]
}

// span returns rows lo … hi−1 of a dense view as one slice.
func (v *view[T]) span(lo, hi int) []T {
	return v.data[lo*v.cols : hi*v.cols : hi*v.cols]
}

// batch is the number of rows that a kernel works on: the least of its operands' counts.
type batch struct {
	rows   int
	counts []*rowCount
}

func (b *batch) n() int {
	n := b.rows
	for _, c := range b.counts {
		n = min(n, c.n)
	}
	return n
}

// binder turns a kernel's arguments into views, lays out its scratch memory, and keeps the first error.
type binder struct {
	dev     *Device
	args    kernels.Args
	kernel  string
	scratch int // bytes laid out
	err     error
}

// bind begins the binding of a kernel and checks its arguments.
func (d *Device) bind(a kernels.Args) *binder {
	b := &binder{dev: d, args: a, kernel: a.Name()}
	b.fail(d.usable())
	if err := a.Check(); err != nil {
		b.fail(fmt.Errorf("cpu: %w", err))
	}
	return b
}

func (b *binder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// finish reserves the scratch memory and returns the kernel, or the first error.
func (b *binder) finish(k kernels.Kernel) (kernels.Kernel, error) {
	if b.err == nil && b.scratch > len(b.dev.arena) {
		if err := b.dev.fits(b.scratch, 1); err != nil {
			b.fail(fmt.Errorf("cpu: %s: scratch memory: %w", b.kernel, err))
		} else {
			b.dev.reserve(b.scratch)
		}
	}
	if b.err != nil {
		return nil, b.err
	}
	return k, nil
}

// base returns what all kernels have.
func (b *binder) base() base { return base{dev: b.dev, args: b.args, name: b.kernel} }

// operand returns the view of a checked matrix, and none of an absent one. Memory and count must be the device's.
func operand[T kernels.Element](b *binder, name string, m kernels.Matrix) view[T] {
	if b.err != nil || !m.Present() {
		return view[T]{}
	}
	h, err := b.dev.own(m.Buf)
	if err != nil {
		b.fail(fmt.Errorf("cpu: %s: %s: %w", b.kernel, name, err))
		return view[T]{}
	}
	b.count(m.Count)
	v := view[T]{rows: m.Rows, cols: m.Cols, stride: m.Stride, dense: m.Dense(), present: true}
	if m.Rows == 0 || m.Cols == 0 {
		v.stride = 0 // so that an empty row is at the beginning of no memory
	} else {
		buf, ok := h.(*buffer[T])
		if !ok { // Check has compared the types; a buffer that lies about its own ends here
			b.fail(fmt.Errorf("cpu: %s: %s is not %v: %w", b.kernel, name, kernels.DtypeOf[T](), kernels.ErrShape))
			return view[T]{}
		}
		end := m.Offset + (m.Rows-1)*m.Stride + m.Cols
		v.data, v.region = buf.data[m.Offset:end:end], buf.region
	}
	return v
}

// batchOf returns the rows that matrices sharing a batch have; absent ones do not count.
func (b *binder) batchOf(ms ...kernels.Matrix) batch {
	out := batch{rows: -1}
	for _, m := range ms {
		if b.err != nil || !m.Present() {
			continue
		}
		if out.rows < 0 || m.Rows < out.rows {
			out.rows = m.Rows
		}
		if c := b.count(m.Count); c != nil {
			out.counts = append(out.counts, c)
		}
	}
	out.rows = max(out.rows, 0)
	return out
}

// count returns a row count of the device's own, or nil where there is none.
func (b *binder) count(c kernels.RowCount) *rowCount {
	if c == nil || b.err != nil {
		return nil
	}
	own, ok := c.(*rowCount)
	if !ok || own.dev != b.dev {
		b.fail(fmt.Errorf("cpu: %s: a row count, a %T: %w", b.kernel, c, kernels.ErrForeign))
		return nil
	}
	return own
}

// double says whether a kernel computes in float64.
func double(m kernels.Matrix) bool {
	return m.Buf != nil && m.Buf.Dtype() == kernels.Float64
}

// base is what all kernels have.
type base struct {
	dev  *Device
	args kernels.Args
	name string
}

func (b *base) Name() string    { return b.name }
func (b *base) device() *Device { return b.dev }

// Cost returns the work at the present row counts.
func (b *base) Cost() kernels.Cost { return b.args.Work(validRows) }

// validRows implements kernels.Rows for checked matrices of the device's own.
func validRows(ms ...kernels.Matrix) int {
	rows := -1
	for _, m := range ms {
		if !m.Present() {
			continue
		}
		n := m.Rows
		if c, ok := m.Count.(*rowCount); ok {
			n = min(n, c.n)
		}
		if rows < 0 || n < rows {
			rows = n
		}
	}
	return max(rows, 0)
}

// run does the parts of a task on the device's threads.
func (b *base) run(parts int, t pool.Task) { b.runGrains(parts, 1, t) }

// runGrains is run for small parts, of which a thread takes so many at a time.
func (b *base) runGrains(parts, grain int, t pool.Task) {
	b.dev.pool.RunGrains(parts, grain, t)
	runtime.KeepAlive(t) // and with it the memory that its assembly works on
}

// ready returns an error where the kernel cannot run any more.
func (b *base) ready() error {
	if err := b.dev.usable(); err != nil {
		return fmt.Errorf("%s: %w", b.name, err)
	}
	return nil
}

// blocks returns how many blocks of a size n things make.
func blocks(n, size int) int { return (n + size - 1) / size }

// elementsPerPart is how much of a pass over memory one part does: enough to outweigh handing it out, little enough
// that threads end together.
const elementsPerPart = 1 << 14

// rowsPerPart returns how many rows of so many columns a part of a pass over memory does.
func rowsPerPart(cols int) int { return max(1, elementsPerPart/max(cols, 1)) }

// rowKernel is a kernel that treats each row of a batch by itself.
type rowKernel struct {
	base
	batch batch
	block int // rows of a part
	rows  int // valid rows of the present run
	// body does rows lo … hi−1.
	body func(lo, hi int)
	// begin, if any, comes before the first row of each run.
	begin func()
}

// Run runs the kernel.
func (k *rowKernel) Run() error {
	if err := k.ready(); err != nil {
		return err
	}
	k.rows = k.batch.n()
	if k.rows == 0 {
		return nil
	}
	if k.begin != nil {
		k.begin()
	}
	k.run(blocks(k.rows, k.block), k)
	return nil
}

// Part does a block of rows.
func (k *rowKernel) Part(i int) {
	lo := i * k.block
	k.body(lo, min(lo+k.block, k.rows))
}

// each2 calls f with corresponding pieces of rows lo … hi−1 of two views of one shape.
func each2[T kernels.Element](lo, hi int, y, x *view[T], f func(y, x []T)) {
	if y.dense && x.dense {
		f(y.span(lo, hi), x.span(lo, hi))
		return
	}
	for r := lo; r < hi; r++ {
		f(y.row(r), x.row(r))
	}
}

// each3 calls f with corresponding pieces of rows lo … hi−1 of three views of one shape.
func each3[T kernels.Element](lo, hi int, z, y, x *view[T], f func(z, y, x []T)) {
	if z.dense && y.dense && x.dense {
		f(z.span(lo, hi), y.span(lo, hi), x.span(lo, hi))
		return
	}
	for r := lo; r < hi; r++ {
		f(z.row(r), y.row(r), x.row(r))
	}
}
