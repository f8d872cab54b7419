//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

/*
#cgo CFLAGS: -I${SRCDIR}/include
#include <stdlib.h>
#include "queue.h"
*/
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"gorgonia.org/cu"

	"debut/kernels"
	"debut/kernels/cuda/cublas"
	"debut/kernels/cuda/cudrv"
)

// errClosed is the error of a device used after Close.
var errClosed = errors.New("cuda: the device is closed")

// Device computes on one GPU. Work is queued on one stream and done in order; Download, Synchronize and Guarded wait for it.
//
// Its memory is the GPU's: what the program drops is taken back by the garbage collector's cleanups, and kept for later allocations.
type Device struct {
	index      int
	gpu        GPU
	driver     Driver
	uncaptured bool
	why        string

	context         *context
	functions       map[string]cu.Function
	multiprocessors int
	gemmBlocks      int // gemmBlocks; tests of small products have fewer

	queue   *C.queue
	memory  memory
	staging staging
	blas    blas
	control *buffer               // what guards write and all kernels look at
	seen    [controlWords]float32 // its content, as Guarded last read it
	thaws   int                   // how often a halted device went on: row counts read before are no longer known

	mu     sync.Mutex // guards dead, which cleanups append to
	dead   []corpse
	closed bool
	failed error // the first error of queued work: the GPU's state is unknown since
}

// landingSize is the page-locked memory, in bytes, that downloads go through.
const landingSize = 4 << 20

// New opens a GPU and loads the kernels. The driver's compiler makes machine code of them, which takes seconds the first time; it keeps
// that in a cache of its own. A process pays for a GPU's context and its kernels once: Close leaves them to later calls.
func New(opt Options) (kernels.Device, error) {
	report := Look()
	if err := report.Check(opt.Index); err != nil {
		return nil, err
	}
	d := &Device{
		index: opt.Index, gpu: report.Devices[opt.Index], driver: report.Driver, uncaptured: opt.Uncaptured, why: opt.Reason,
		functions: make(map[string]cu.Function), blas: blas{asked: opt.Precision}, gemmBlocks: gemmBlocks,
	}
	d.memory.init()
	if err := d.open(); err != nil {
		return nil, fmt.Errorf("cuda:%d: %w", opt.Index, err)
	}
	if err := d.prepare(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// open takes the GPU's context.
func (d *Device) open() (err error) {
	if d.context, err = acquire(d.index, d.driver); err != nil {
		return err
	}
	if d.multiprocessors, err = d.context.dev.Attribute(cu.MultiprocessorCount); err != nil {
		return errors.Join(fmt.Errorf("asking for its multiprocessors: %s", reason(err)), d.context.release(d.index, false))
	}
	return nil
}

// prepare makes streams and what every step needs.
func (d *Device) prepare() error {
	d.queue = (*C.queue)(C.calloc(1, C.size_t(unsafe.Sizeof(C.queue{}))))
	d.queue.context = *(*C.CUcontext)(unsafe.Pointer(&d.context.ctx))
	d.queue.landing_size = landingSize
	if err := d.check("opening its streams", C.queue_open(d.queue)); err != nil {
		return err
	}
	unpack, err := d.function("unpack")
	if err != nil {
		return err
	}
	d.queue.unpack = unpack
	b, err := d.alloc(kernels.Uint32, controlWords, "control")
	if err != nil {
		return err
	}
	d.control = b
	return nil
}

// locked calls f with the GPU's context current. What cu does is done in here: contexts are current on threads.
func (d *Device) locked(f func() error) error { return d.context.locked(f) }

// function returns a kernel of the module.
func (d *Device) function(name string) (C.CUfunction, error) {
	f, ok := d.functions[name]
	if !ok {
		if err := d.locked(func() (err error) {
			f, err = d.context.module.Function(name)
			return err
		}); err != nil {
			return nil, fmt.Errorf("cuda: kernel %s: %s", name, reason(err))
		}
		d.functions[name] = f
	}
	return *(*C.CUfunction)(unsafe.Pointer(&f)), nil
}

// Info describes the GPU.
func (d *Device) Info() kernels.Info {
	return kernels.Info{
		Kind: "cuda", Name: d.gpu.Name, Level: fmt.Sprintf("sm_%d%d%s", d.gpu.Capability.Major, d.gpu.Capability.Minor, d.blasLevel()),
		Reason: cmp.Or(d.why, "asked for"), Memory: int64(d.gpu.MemoryTotal),
		Notes: fmt.Sprintf("cuda:%d, driver for CUDA %v, %s", d.index, d.driver.Version, d.blasNote()),
	}
}

// Available returns how many bytes can still be allocated, less what libraries and scratch memory may take.
func (d *Device) Available() int64 {
	var free int64
	if d.usable() != nil || d.locked(func() (err error) {
		free, _, err = cu.MemInfo()
		return err
	}) != nil {
		return 0
	}
	return max(free+d.memory.idle-free/32-reserved, 1)
}

// reserved is the memory, in bytes, that is left for cuBLAS, staging and small allocations.
const reserved = 64 << 20

// usable returns why the device cannot be used any more, or nil.
func (d *Device) usable() error {
	if d.closed {
		return errClosed
	}
	return d.failed
}

// check turns a result of the driver into an error that says what was being done. Errors that the GPU does not recover from are
// remembered.
func (d *Device) check(what string, r C.CUresult) error {
	if r == 0 {
		return nil
	}
	if status, ok := cublas.Refusal(int(r)); ok {
		return fmt.Errorf("cuda:%d: %s: %w", d.index, what, status)
	}
	result := cudrv.Result(r)
	if result == cudrv.OutOfMemory {
		return fmt.Errorf("cuda:%d: %s: %w", d.index, what, d.outOfMemory(0, ""))
	}
	err := fmt.Errorf("cuda:%d: %s: %w", d.index, what, result)
	if result.Fatal() && d.failed == nil {
		d.failed = fmt.Errorf("%w; the GPU can be used again when the program is started anew", err)
		return d.failed
	}
	return err
}

// Synchronize waits for all queued work and returns its first error.
func (d *Device) Synchronize() error {
	if err := d.flush(); err != nil {
		return err
	}
	return d.check("waiting for queued work", C.queue_synchronize(d.queue))
}

// Close frees everything. The device must not be used again.
func (d *Device) Close() error {
	if d.closed {
		return errClosed
	}
	d.closed = true
	d.bury()
	if d.queue != nil {
		C.queue_close(d.queue)
		C.free(unsafe.Pointer(d.queue))
		d.queue = nil
	}
	err := d.closeBLAS()
	if e := d.locked(d.memory.close); err == nil {
		err = e
	}
	if d.failed != nil {
		err = nil // that is known, and nothing else can be had from it
	}
	if e := d.context.release(d.index, d.failed != nil); err == nil && d.failed == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("cuda:%d: closing: %s", d.index, reason(err))
	}
	return nil
}
