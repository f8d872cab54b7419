//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

/*
#include "queue.h"

// try_call has an operation queue its work on a stream that records instead of computing. Kernels that are loaded at their first
// launch are loaded then, which a stream that records for a graph may not allow.
static CUresult try_call(queue *q, const queue_op *op) {
	CUgraph graph = NULL;
	CUresult result = cuCtxSetCurrent(q->context);
	if (result != CUDA_SUCCESS) return result;
	result = cuStreamBeginCapture(q->compute, CU_STREAM_CAPTURE_MODE_RELAXED);
	if (result != CUDA_SUCCESS) return result;
	CUresult called = (CUresult)op->call(op->state, q->compute);
	result = cuStreamEndCapture(q->compute, &graph);
	if (graph) cuGraphDestroy(graph);
	return called != CUDA_SUCCESS ? called : result;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"debut/kernels"
	"debut/kernels/cuda/cublas"
)

// workspaceBytes is the memory that cuBLAS may use during a product, what NVIDIA recommends for Hopper. Products run one after
// another, so they share it.
const workspaceBytes = 32 << 20

// workspacePurpose names that memory in accounts.
const workspacePurpose = "cuBLAS workspace"

// blas is a device's use of cuBLAS. It begins when it is first asked for: the library is large.
type blas struct {
	asked     Precision // for products
	tried     bool
	handle    *cublas.Handle // nil: own kernels alone
	version   string
	workspace *buffer
	reason    string // why there is no handle
	declined  int    // products that are left to own kernels against expectation
	why       error  // of the first of them
	refusals  int    // products that had been planned
}

// blasReady says whether cuBLAS can be used.
func (d *Device) blasReady() bool {
	if d.blas.tried || d.usable() != nil {
		return d.blas.handle != nil
	}
	d.blas.tried = true
	var library *cublas.Library
	if err := d.locked(func() (err error) {
		library, err = cublas.First(d.startBLAS)
		return err
	}); err != nil {
		d.blas.reason = err.Error()
		return false
	}
	d.blas.version = library.Version()
	return true
}

// startBLAS begins the use of a library, if it serves the GPU.
func (d *Device) startBLAS(l *cublas.Library) error {
	h, err := l.NewHandle()
	if err != nil {
		return err
	}
	if err := h.Try(); err != nil {
		return errors.Join(err, h.Close())
	}
	d.blas.handle = h
	return nil
}

// closeBLAS ends the use of cuBLAS.
func (d *Device) closeBLAS() error {
	h := d.blas.handle
	if h == nil {
		return nil
	}
	d.blas.handle = nil
	return d.locked(h.Close)
}

// Precision returns how the factors of matrix products are rounded: as Options asked for, or FP32 where cuBLAS or tensor cores
// are missing. Single products that cuBLAS does not do are in FP32 all the same.
func (d *Device) Precision() Precision {
	if !d.blasReady() || d.gpu.Capability.Major < 8 {
		return FP32
	}
	return d.blas.asked
}

// blasLevel is what cuBLAS adds to the level that decides the bits.
func (d *Device) blasLevel() string {
	if !d.blasReady() {
		return ""
	}
	level := "+cublas" + d.blas.version
	if p := d.Precision(); p != FP32 {
		level += "+" + p.String()
	}
	return level
}

// blasNote says what people should know of products.
func (d *Device) blasNote() string {
	note := "cuBLAS " + d.blas.version
	if !d.blasReady() {
		note = "own kernels for products: " + d.blas.reason
	}
	switch p := d.Precision(); {
	case p == d.blas.asked:
	case d.blas.handle == nil:
		note += fmt.Sprintf("; they are computed in %v, since %v needs cuBLAS", p, d.blas.asked)
	default:
		note += fmt.Sprintf("; products are computed in %v, since %v needs compute capability 8.0", p, d.blas.asked)
	}
	if d.blas.declined > 0 {
		note += fmt.Sprintf("; own kernels for %d products that cuBLAS does not do, the first: %v", d.blas.declined, d.blas.why)
	}
	return note
}

// matmul has cuBLAS compute a product wherever the whole batch is valid; its own kernel has been bound before, for all other
// batches. Whatever is in the way of that leaves everything to the own kernel.
//
// cuBLAS knows nothing of guards. What it computes while the device is halted is of no use and does no harm: the factors are as they
// were, and no product writes what a training keeps, parameters and the state of optimizers.
func (b *binder) matmul(a kernels.GemmArgs) {
	d := b.dev
	if b.err != nil || !suited(a) || !d.blasReady() {
		return
	}
	counts, ok := b.wholeBatch(a.A, a.B, a.C, a.Bias)
	if !ok {
		return
	}
	full, err := b.planned(a)
	if err != nil {
		d.decline("%s, %d×%d to %d×%d: %w", b.k.name, a.A.Rows, a.A.Cols, a.C.Rows, a.C.Cols, err)
		return
	}
	b.k.full, b.k.counts = full, counts
}

// decline counts a product that is left to its own kernel, and keeps the first reason.
func (d *Device) decline(format string, args ...any) {
	if d.blas.declined++; d.blas.declined == 1 {
		d.blas.why = fmt.Errorf(format, args...)
	}
}

// suited says whether a product is one of matrices. Those with vectors only read memory, which own kernels do as fast as it goes.
func suited(a kernels.GemmArgs) bool {
	k := a.A.Cols
	if a.TransA {
		k = a.A.Rows
	}
	return a.C.Rows > 1 && a.C.Cols > 1 && k > 1
}

// wholeBatch returns the row counts of matrices. It returns false where even full ones leave rows out.
func (b *binder) wholeBatch(ms ...kernels.Matrix) (counts []*rowCount, ok bool) {
	for _, m := range ms {
		c := b.count(m.Count)
		if c == nil || slices.Contains(counts, c) && c.limit == m.Rows {
			continue
		}
		if c.limit != m.Rows {
			return nil, false
		}
		counts = append(counts, c)
	}
	return counts, b.err == nil
}

// planned returns the list of operations that computes a product by cuBLAS.
//
// Activations are kernels of their own behind it. cuBLAS has ReLU among its epilogues, but makes 0 of NaN there: that would hide
// from a training that it has gone astray.
func (b *binder) planned(a kernels.GemmArgs) (*ops, error) {
	d := b.dev
	workspace, err := d.blasWorkspace()
	if err != nil {
		return nil, err
	}
	c := b.matrix("C", a.C)
	product := cublas.Product{
		TransA: a.TransA, TransB: a.TransB, Accumulate: a.Accumulate, Bias: b.matrix("bias", a.Bias).data,
		A: b.matrix("A", a.A).operand(), B: b.matrix("B", a.B).operand(), C: c.operand(),
		Workspace: workspace.address(0), WorkspaceBytes: workspaceBytes,
		Compute: map[Precision]cublas.Compute{FP32: cublas.FP32, TF32: cublas.TF32, BF16: cublas.BF16}[d.Precision()],
	}
	if b.err != nil {
		return nil, b.err
	}
	var plan *cublas.Plan
	if err := d.locked(func() (err error) {
		plan, err = d.blas.handle.Plan(product)
		return err
	}); err != nil {
		return nil, err
	}
	// The library's launches are not in its plan; whether they work shows when they are tried.
	op := C.queue_op{call: (*[0]byte)(cublas.Runner()), state: plan.State()}
	if r := C.try_call(d.queue, &op); r != 0 {
		plan.Free()
		return nil, d.check("trying it", r)
	}
	then := &binder{dev: d, k: &kernel{dev: d, name: b.k.name}, multiprocessors: b.multiprocessors}
	runtime.AddCleanup(then.k, (*cublas.Plan).Free, plan) // whoever has the list has then.k
	then.k.ops = ops{list: []C.queue_op{op}, names: []string{b.k.name + " by cuBLAS"}}
	if a.Activation != kernels.Identity {
		w, grid := then.walk(c)
		launch(then, "activate_rows", grid, 256, activateArgs{then.head(), c, c, w, int32(a.Activation)})
	}
	return &then.k.ops, then.err
}

// operand returns a matrix as cuBLAS is told of it.
func (m mat) operand() cublas.Matrix {
	return cublas.Matrix{Address: m.data, Rows: int(m.rows), Cols: int(m.cols), Stride: int(m.stride)}
}

// blasWorkspace returns the memory that products share.
func (d *Device) blasWorkspace() (*buffer, error) {
	if d.blas.workspace == nil {
		w, err := d.alloc(kernels.Uint32, workspaceBytes/4, workspacePurpose)
		if err != nil {
			if errors.Is(err, kernels.ErrOutOfMemory) {
				err = fmt.Errorf("%d MiB for it are not free: %w", workspaceBytes>>20, kernels.ErrOutOfMemory)
			}
			return nil, err
		}
		d.blas.workspace = w
	}
	return d.blas.workspace, nil
}
