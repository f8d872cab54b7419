//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

/*
#include "queue.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"debut/kernels"
	"debut/kernels/cuda/cublas"
)

// dim is the size of a grid, or of a block of threads.
type dim [3]int

// mat mirrors Mat and IntMat: a matrix as kernels see it.
type mat struct {
	data, count uint64
	stride      int64
	rows, cols  int32
}

// head is what the arguments of every kernel begin with.
type head struct{ halted uint64 }

func (d *Device) head() head { return head{d.control.address(0)} }

// ops is a list of operations with the arguments of all: C reads both, so they hold no Go pointers.
type ops struct {
	list  []C.queue_op
	args  []byte
	names []string // of the kernels, for errors
}

// append adds the operations of another list.
func (o *ops) append(p *ops) {
	base := len(o.args)
	for _, op := range p.list {
		op.args += C.uint(base)
		o.list = append(o.list, op)
	}
	o.args = append(o.args, p.args...)
	o.names = append(o.names, p.names...)
}

// run queues the operations.
func (d *Device) run(o *ops) error {
	if len(o.list) == 0 {
		return nil
	}
	r := C.queue_run(d.queue, &o.list[0], C.int(len(o.list)), (*C.char)(unsafe.Pointer(unsafe.SliceData(o.args))))
	if r != 0 {
		return d.check(d.at(o), r)
	}
	return nil
}

// at names the operation of a list that failed.
func (d *Device) at(o *ops) string {
	if i := int(d.queue.failed); i >= 0 && i < len(o.names) {
		return o.names[i]
	}
	return "launching"
}

// kernel is a bound kernel: a list of operations. Those that may compute full batches otherwise have two.
type kernel struct {
	dev     *Device
	args    kernels.Args
	name    string
	ops     ops
	full    *ops        // by cuBLAS, where all of counts are at their maximum; nil: ops
	refused bool        // full is of no use: cuBLAS planned it and then did not run it
	counts  []*rowCount // what full depends on
	buffers []kernels.Buffer
}

// Name says what the kernel is.
func (k *kernel) Name() string { return k.name }

// Cost is the work of one run at the present row counts.
func (k *kernel) Cost() kernels.Cost { return k.args.Work(validRows) }

// Run queues the kernel.
func (k *kernel) Run() error {
	if err := k.dev.flush(); err != nil {
		return err
	}
	return k.run()
}

// run is Run behind a flush.
func (k *kernel) run() error {
	if k.full != nil && !k.refused && allFull(k.counts) {
		err := k.dev.run(k.full)
		if !k.refuses(err) {
			return err
		}
	}
	return k.dev.run(&k.ops)
}

// refuses says whether an error of running full is cuBLAS's own. Then nothing of it was queued, since the product comes first, and the
// own kernel serves from now on. If it is the GPU that has failed, that shows with the own kernel.
func (k *kernel) refuses(err error) bool {
	if err == nil {
		return false
	}
	var status cublas.Status
	if !errors.As(err, &status) {
		return false
	}
	k.refused = true // lists that were made before still have the plan in full
	k.dev.blas.refusals++
	k.dev.decline("%s: %w", k.name, status)
	return true
}

// binder turns a kernel's arguments into a list of launches, and keeps the first error.
type binder struct {
	dev             *Device
	k               *kernel
	multiprocessors int // of the GPU, for the sizes of grids: results must not depend on it
	err             error
}

// bind begins the binding of a kernel and checks its arguments.
func (d *Device) bind(a kernels.Args) *binder {
	b := &binder{dev: d, k: &kernel{dev: d, args: a, name: a.Name()}, multiprocessors: d.multiprocessors}
	b.fail(d.usable())
	if err := a.Check(); err != nil {
		b.fail(fmt.Errorf("cuda: %w", err))
	}
	return b
}

func (b *binder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// head returns what arguments begin with.
func (b *binder) head() head { return b.dev.head() }

// matrix returns a checked matrix as kernels see it, and none of an absent one. Memory and count must be the device's.
func (b *binder) matrix(name string, m kernels.Matrix) mat {
	if b.err != nil || !m.Present() {
		return mat{}
	}
	if m.Buf.Dtype() == kernels.Float64 {
		b.fail(fmt.Errorf("cuda: %s: %s of float64: %w", b.k.name, name, kernels.ErrUnsupported))
		return mat{}
	}
	buf, err := b.dev.own(m.Buf)
	if err != nil {
		b.fail(fmt.Errorf("cuda: %s: %s: %w", b.k.name, name, err))
		return mat{}
	}
	if m.Rows > 1<<31-1 || m.Cols > 1<<31-1 {
		b.fail(fmt.Errorf("cuda: %s: %s of %d×%d is too large: %w", b.k.name, name, m.Rows, m.Cols, kernels.ErrShape))
		return mat{}
	}
	out := mat{data: buf.address(m.Offset), stride: int64(m.Stride), rows: int32(m.Rows), cols: int32(m.Cols)}
	if c := b.count(m.Count); c != nil {
		out.count = c.buf.address(0)
	}
	b.k.buffers = append(b.k.buffers, buf)
	return out
}

// count returns a row count of the device's own, or nil where there is none.
func (b *binder) count(c kernels.RowCount) *rowCount {
	if c == nil || b.err != nil {
		return nil
	}
	own, ok := c.(*rowCount)
	if !ok || own.dev != b.dev {
		b.fail(fmt.Errorf("cuda: %s: row count: %w", b.k.name, kernels.ErrForeign))
		return nil
	}
	b.k.buffers = append(b.k.buffers, own.buf)
	return own
}

// scratch returns memory of the kernel's own, zeroed at first.
func (b *binder) scratch(words int) uint64 {
	if b.err != nil || words == 0 {
		return 0
	}
	buf, err := b.dev.alloc(kernels.Uint32, words, "scratch")
	if err != nil {
		b.fail(err)
		return 0
	}
	b.k.buffers = append(b.k.buffers, buf)
	return buf.address(0)
}

// launch appends a launch of a function over blocks of a row of threads. Grids of nothing are left out.
func launch[T any](b *binder, function string, grid dim, threads int, args T) {
	launchBlock(b, function, grid, dim{threads, 1, 1}, args)
}

// launchBlock is launch for blocks of any shape.
func launchBlock[T any](b *binder, function string, grid, block dim, args T) {
	if b.err != nil || grid[0] <= 0 || grid[1] <= 0 || grid[2] <= 0 {
		return
	}
	f, err := b.dev.function(function)
	if err != nil {
		b.fail(err)
		return
	}
	o := &b.k.ops
	for len(o.args)%16 != 0 {
		o.args = append(o.args, 0)
	}
	op := C.queue_op{function: f, args: C.uint(len(o.args))}
	for i := range 3 {
		op.grid[i], op.block[i] = C.uint(grid[i]), C.uint(block[i])
	}
	o.list = append(o.list, op)
	o.args = append(o.args, unsafe.Slice((*byte)(unsafe.Pointer(&args)), unsafe.Sizeof(args))...)
	o.names = append(o.names, b.k.name)
}

// validRows implements kernels.Rows for checked matrices of the device's own; a count that the GPU writes stands for its maximum.
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

// mostRows returns the rows that matrices sharing a batch can have; absent ones do not count.
func mostRows(ms ...kernels.Matrix) int {
	rows := -1
	for _, m := range ms {
		if m.Present() && (rows < 0 || m.Rows < rows) {
			rows = m.Rows
		}
	}
	return max(rows, 0)
}

// finish returns the kernel, or the first error.
func (b *binder) finish() (kernels.Kernel, error) {
	if b.err != nil {
		return nil, b.err
	}
	return b.k, nil
}

// blocks returns how many blocks of a size n things fill.
func blocks(n, per int) int { return (n + per - 1) / per }
