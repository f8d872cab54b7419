//go:build gpu && cgo && linux && (amd64 || arm64)

package cublas

/*
#include "library.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// Status is an error code of the library.
type Status int

var statusNames = map[Status]string{
	1: "NOT_INITIALIZED", 3: "ALLOC_FAILED", 7: "INVALID_VALUE", 8: "ARCH_MISMATCH", 11: "MAPPING_ERROR", 13: "EXECUTION_FAILED",
	14: "INTERNAL_ERROR", 15: "NOT_SUPPORTED", 16: "LICENSE_ERROR",
}

// Error returns the library's name of the status, such as CUBLAS_STATUS_NOT_SUPPORTED.
func (s Status) Error() string {
	if name, ok := statusNames[s]; ok {
		return "CUBLAS_STATUS_" + name
	}
	return fmt.Sprintf("cuBLAS status %d", int(s))
}

// Compute is how a product is computed, by the numbers of cublasComputeType_t. Matrices and sums are float32.
type Compute int

// The ways to compute.
const (
	FP32 Compute = 68 // float32 throughout
	BF16 Compute = 75 // factors are rounded to bfloat16
	TF32 Compute = 77 // factors are rounded to TF32
)

// Handle is the library's use of one GPU.
type Handle struct {
	library *Library
	c       unsafe.Pointer
}

// NewHandle opens the library for the GPU whose primary context is current on the calling thread.
func (l *Library) NewHandle() (*Handle, error) {
	h := &Handle{library: l}
	if status := C.cublas_create(l.c, &h.c); status != 0 {
		return nil, fmt.Errorf("starting cuBLAS %s, %s: %w", l.version, l.file, Status(status))
	}
	return h, nil
}

// Try has the library plan a product as any has it, and computes nothing: a library that does not know the GPU says so only then.
func (h *Handle) Try() error {
	const n = 64
	at := func(i int) Matrix { return Matrix{Address: uint64(i) << 20, Rows: n, Cols: n, Stride: n} }
	plan, err := h.Plan(Product{A: at(1), B: at(2), C: at(3), Compute: FP32, Workspace: 4 << 20, WorkspaceBytes: 1 << 20})
	if err != nil {
		return fmt.Errorf("trying cuBLAS %s, %s: %w", h.library.version, h.library.file, err)
	}
	plan.Free()
	return nil
}

// Close ends the use. The GPU's context must be current, and nothing that was planned may run again.
func (h *Handle) Close() error {
	if status := C.cublas_destroy(h.library.c, h.c); status != 0 {
		return fmt.Errorf("ending cuBLAS: %w", Status(status))
	}
	return nil
}

// Matrix is a row-major matrix of float32 in the GPU's memory.
type Matrix struct {
	Address    uint64
	Rows, Cols int // at least one each
	Stride     int // elements from a row to the next
}

// columns returns the matrix as the library sees it: its transpose, column-major.
func (m Matrix) columns() C.cublas_matrix {
	return C.cublas_matrix{at: C.uint64_t(m.Address), rows: C.uint64_t(m.Cols), cols: C.uint64_t(m.Rows), ld: C.int64_t(max(m.Stride, m.Cols))}
}

// Product is C = op(A)·op(B) + bias, or C += op(A)·op(B). The shapes must fit.
type Product struct {
	TransA, TransB bool
	A, B, C        Matrix
	Bias           uint64 // address of one number for each column of C, or 0; not with Accumulate
	Accumulate     bool
	Compute        Compute
	// Workspace is memory that products on one stream may share, and its bytes.
	Workspace      uint64
	WorkspaceBytes int
}

// Plan is a product that is ready to run.
type Plan struct{ c *C.cublas_plan }

// Plan has the library choose how to compute a product. The GPU's context must be current. The error says what the library
// does not do; it wraps a [Status].
func (h *Handle) Plan(p Product) (*Plan, error) {
	// Cᵀ = op(B)ᵀ·op(A)ᵀ, and what is row-major here is the transpose there.
	c := C.cublas_product{
		a: p.B.columns(), b: p.A.columns(), c: p.C.columns(), transpose_a: truth(p.TransB), transpose_b: truth(p.TransA),
		bias: C.uint64_t(p.Bias), accumulate: truth(p.Accumulate), compute: C.int(p.Compute),
		workspace: C.uint64_t(p.Workspace), workspace_size: C.uint64_t(p.WorkspaceBytes),
	}
	var plan Plan
	var step *C.char
	if status := C.cublas_plan_make(h.library.c, h.c, &c, &plan.c, &step); status != 0 {
		return nil, fmt.Errorf("%s: %w", C.GoString(step), Status(status))
	}
	return &plan, nil
}

// State returns what [Runner] takes. It is C's memory.
func (p *Plan) State() unsafe.Pointer { return unsafe.Pointer(p.c) }

// Free gives the plan's memory back; work that is queued needs it no more. It may be called on any thread.
func (p *Plan) Free() { C.cublas_plan_free(p.c) }

// Runner returns the C function int (*)(void *state, CUstream) that queues a plan on a stream of the GPU whose context is current.
// It returns 0, or what [Refusal] knows.
func Runner() unsafe.Pointer { return unsafe.Pointer(C.cublas_plan_run) }

// Refusal returns the status in a result of [Runner]'s, and false for results of the driver's. The library has queued nothing then; the
// GPU need not be at fault.
func Refusal(result int) (Status, bool) {
	if result < C.CUBLAS_REFUSED {
		return 0, false
	}
	return Status(result - C.CUBLAS_REFUSED), true
}

func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
