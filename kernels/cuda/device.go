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
	"runtime"
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

	dev             cu.Device
	ctx             cu.CUContext
	module          cu.Module
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

// New opens a GPU and loads the kernels. The driver's compiler makes machine code of them the first time that takes seconds;
// it keeps them in a cache of its own.
func New(opt Options) (kernels.Device, error) {
	report := Probe()
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

// open makes the context and loads the module.
func (d *Device) open() (err error) {
	if d.dev, err = cu.GetDevice(d.index); err != nil {
		return fmt.Errorf("asking for it: %s", reason(err))
	}
	if d.multiprocessors, err = d.dev.Attribute(cu.MultiprocessorCount); err != nil {
		return fmt.Errorf("asking for its multiprocessors: %s", reason(err))
	}
	if d.ctx, err = d.dev.RetainPrimaryCtx(); err != nil {
		return fmt.Errorf("no context can be made on it: %s", reason(err))
	}
	if err = d.locked(func() error {
		m, err := cu.LoadData(ptx)
		d.module = m
		return err
	}); err != nil {
		err = fmt.Errorf("loading the kernels: %s", whyNoModule(err, d.driver))
		if e := d.dev.ReleasePrimaryCtx(); e != nil {
			err = fmt.Errorf("%w; releasing its context: %s", err, reason(e))
		}
	}
	return err
}

// whyNoModule explains why the driver does not take the kernels.
func whyNoModule(err error, driver Driver) string {
	if r, ok := cudrv.ResultOf(err); ok && r == cudrv.UnsupportedPTX {
		return fmt.Sprintf("%s: the driver (for CUDA %v) is older than CUDA 11.8; install a newer one", r.Name(), driver.Version)
	}
	return reason(err)
}

// prepare makes streams and what every step needs.
func (d *Device) prepare() error {
	d.queue = (*C.queue)(C.calloc(1, C.size_t(unsafe.Sizeof(C.queue{}))))
	d.queue.context = *(*C.CUcontext)(unsafe.Pointer(&d.ctx))
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
func (d *Device) locked(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cu.SetCurrentContext(d.ctx); err != nil {
		return err
	}
	return f()
}

// function returns a kernel of the module.
func (d *Device) function(name string) (C.CUfunction, error) {
	f, ok := d.functions[name]
	if !ok {
		if err := d.locked(func() (err error) {
			f, err = d.module.Function(name)
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
	if e := d.locked(func() error {
		err := d.memory.close()
		if e := d.module.Unload(); err == nil {
			err = e
		}
		return err
	}); err == nil {
		err = e
	}
	if d.failed != nil {
		err = nil // that is known, and nothing else can be had from it
	}
	if e := d.dev.ReleasePrimaryCtx(); err == nil && d.failed == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("cuda:%d: closing: %s", d.index, reason(err))
	}
	return nil
}
