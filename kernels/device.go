// Package kernels is the contract between the engine and what it computes on.
//
// A [Device] is a small core: memory, copies, row counts and the execution of bound kernels. What it can compute
// it offers as families, interfaces beside the core ([DenseAlgebra], [Elementwise], [Normalization], [Loss],
// [Optimizer], [Embedding], [FactorUpdates], [LeastSquares], [Selection], [Reduction]), asked for with [Family].
//
// A kernel is bound once and run many times. Binding checks shapes, picks an algorithm, reserves scratch memory and
// captures addresses; running does arithmetic and nothing else, and never allocates. What changes from step to step
// is read from memory when the kernel runs: the number of valid rows from a [RowCount], rates and counters from
// small buffers. A step is therefore a fixed list of kernels, which a GPU can capture once as a graph.
//
// All matrices are row-major. Results do not depend on the number of threads: work is cut by data, and sums run in
// an order fixed by shapes alone.
package kernels

import (
	"errors"
	"fmt"

	"debut/kernels/rawbytes"
)

// Dtype is the element type of a buffer.
type Dtype uint8

// The element types that devices know. A device computes in Float32; the CPU also in Float64, for checks.
const (
	Float32 Dtype = iota + 1
	Float64
	Int32
	Uint32
)

// Size returns the bytes of an element, or 0 for an unknown type.
func (d Dtype) Size() int {
	switch d {
	case Float32, Int32, Uint32:
		return 4
	case Float64:
		return 8
	}
	return 0
}

// String returns the type's name in Go's spelling.
func (d Dtype) String() string {
	switch d {
	case Float32:
		return "float32"
	case Float64:
		return "float64"
	case Int32:
		return "int32"
	case Uint32:
		return "uint32"
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}

// Errors of the contract; devices wrap them.
var (
	// ErrUnsupported says that a device lacks a family, or a family a form of a kernel.
	ErrUnsupported = errors.New("not supported by the device")
	// ErrShape says that operands do not fit each other or their buffers.
	ErrShape = errors.New("shapes do not fit")
	// ErrForeign says that a buffer belongs to another device.
	ErrForeign = errors.New("buffer of another device")
	// ErrOutOfMemory says that a device has not the memory asked for.
	ErrOutOfMemory = errors.New("out of device memory")
)

// Buffer is memory of a device: a fixed number of elements of one type. Its content is reached by the device's
// copies only.
type Buffer interface {
	Dtype() Dtype
	Len() int // elements
}

// RowCount is the number of valid rows of a batch, set between steps and read by the kernels when they run. On a
// GPU it lives in device memory, so that a captured graph serves every batch. Some kernels write one
// ([SegmentPlanArgs]).
type RowCount interface {
	Set(n int) error // 0 ≤ n ≤ the maximum it was made for
	Get() (int, error)
	Max() int
}

// Kernel is an operation bound to its operands.
type Kernel interface {
	// Name says what the kernel is, with its fused parts, for profiles: "gemm+bias+relu".
	Name() string
	// Cost is the work of one run at the present row counts.
	Cost() Cost
	// Run computes. On an asynchronous device it returns when the work is queued.
	Run() error
}

// Cost is a kernel's work: floating-point operations, and bytes that must cross memory at least once.
type Cost struct{ FLOPs, Bytes float64 }

// Executable is a list of kernels made ready to run in order, as one piece where the device can.
type Executable interface {
	Run() error
}

// Info describes a device for people and for run.json.
type Info struct {
	Kind    string `json:"kind"`           // "cpu", "cuda"
	Name    string `json:"name"`           // the processor's name
	Level   string `json:"level"`          // instruction level that decides the bits: "generic", "avx2", "sm_90"
	Threads int    `json:"threads"`        // worker threads, 0 where it has no meaning
	Memory  int64  `json:"memory"`         // bytes in all, 0 if unknown
	Reason  string `json:"reason"`         // why this device and level were chosen
	Notes   string `json:"note,omitempty"` // anything else worth saying
}

// Device is the core that every device has. A device and what is bound on it are used by one goroutine at a time.
type Device interface {
	Info() Info
	// Alloc returns a zeroed buffer of n elements. The purpose ("parameters", "optimizer state", …) is for the
	// accounts that Memory returns.
	Alloc(dt Dtype, n int, purpose string) (Buffer, error)
	// Release gives a buffer back. Kernels bound to it must not run again.
	Release(Buffer)
	// Upload copies host bytes to elements off… of dst; src may be reused on return.
	Upload(dst Buffer, off int, src []byte) error
	// Download copies elements off… of src to host memory, after all queued work.
	Download(dst []byte, src Buffer, off int) error
	// NewRowCount returns a row count of at most limit, at first limit.
	NewRowCount(limit int) (RowCount, error)
	// Prepare makes kernels of this device ready to run in order.
	Prepare(ks []Kernel) (Executable, error)
	// Synchronize waits for all queued work and returns its first error.
	Synchronize() error
	// Memory returns the bytes allocated by purpose.
	Memory() map[string]int64
	// Close frees everything. The device must not be used again.
	Close() error
}

// Family returns the kernels of family F of a device, or ErrUnsupported with the family's name.
func Family[F any](d Device) (F, error) {
	if f, ok := d.(F); ok {
		return f, nil
	}
	var none F
	return none, fmt.Errorf("kernels: %s: %T: %w", d.Info().Name, (*F)(nil), ErrUnsupported)
}

// Element is a type that buffers hold.
type Element interface {
	float32 | float64 | int32 | uint32
}

// DtypeOf returns the Dtype of T.
func DtypeOf[T Element]() Dtype {
	switch any(*new(T)).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case int32:
		return Int32
	default:
		return Uint32
	}
}

// Bytes views a slice as bytes, for Upload and Download.
func Bytes[T Element](s []T) []byte {
	return rawbytes.Of(s)
}

// Upload copies src to elements off… of dst, whose type must be T's.
func Upload[T Element](d Device, dst Buffer, off int, src []T) error {
	if dst.Dtype() != DtypeOf[T]() {
		return fmt.Errorf("kernels: upload of %v to a buffer of %v: %w", DtypeOf[T](), dst.Dtype(), ErrShape)
	}
	return d.Upload(dst, off, Bytes(src))
}

// Download copies elements off… of src to dst, whose type must be that of src.
func Download[T Element](d Device, dst []T, src Buffer, off int) error {
	if src.Dtype() != DtypeOf[T]() {
		return fmt.Errorf("kernels: download of %v from a buffer of %v: %w", DtypeOf[T](), src.Dtype(), ErrShape)
	}
	return d.Download(Bytes(dst), src, off)
}
