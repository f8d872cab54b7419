//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

/*
#include <stdlib.h>
#include "queue.h"

// clock_open makes events that keep the time.
static CUresult clock_open(queue *q, CUevent *marks, int n) {
	CUresult result = cuCtxSetCurrent(q->context);
	for (int i = 0; i < n && result == CUDA_SUCCESS; i++) result = cuEventCreate(&marks[i], CU_EVENT_DEFAULT);
	return result;
}

static CUresult clock_close(queue *q, CUevent *marks, int n) {
	CUresult result = cuCtxSetCurrent(q->context);
	for (int i = 0; i < n && result == CUDA_SUCCESS; i++) {
		if (marks[i]) result = cuEventDestroy(marks[i]);
	}
	return result;
}

static CUresult clock_mark(queue *q, CUevent mark) {
	CUresult result = cuCtxSetCurrent(q->context);
	return result == CUDA_SUCCESS ? cuEventRecord(mark, q->compute) : result;
}

static CUresult clock_between(queue *q, CUevent from, CUevent to, float *ms) {
	CUresult result = cuCtxSetCurrent(q->context);
	if (result == CUDA_SUCCESS) result = cuEventSynchronize(to);
	return result == CUDA_SUCCESS ? cuEventElapsedTime(ms, from, to) : result;
}

// transfer queues a copy from a to b on the device, from host to b, or from a to host.
static CUresult transfer(queue *q, int kind, CUdeviceptr a, CUdeviceptr b, void *host, size_t size) {
	CUresult result = cuCtxSetCurrent(q->context);
	if (result != CUDA_SUCCESS) return result;
	if (kind == 0) return cuMemcpyDtoDAsync(b, a, size, q->compute);
	if (kind == 1) return cuMemcpyHtoDAsync(b, host, size, q->compute);
	return cuMemcpyDtoHAsync(host, a, size, q->compute);
}

static CUresult pinned(queue *q, void **host, size_t size) {
	CUresult result = cuCtxSetCurrent(q->context);
	return result == CUDA_SUCCESS ? cuMemHostAlloc(host, size, 0) : result;
}

static CUresult unpinned(queue *q, void *host) {
	CUresult result = cuCtxSetCurrent(q->context);
	return result == CUDA_SUCCESS ? cuMemFreeHost(host) : result;
}

// poison has words be NaN, the same for every one.
static CUresult poison(queue *q, CUdeviceptr at, size_t words) {
	CUresult result = cuCtxSetCurrent(q->context);
	return result == CUDA_SUCCESS ? cuMemsetD32Async(at, 0x7fc0dead, words, q->compute) : result;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"time"
	"unsafe"

	"debut/kernels"
)

// clock times what is queued by events of the driver, whose resolution is about half a microsecond.
type clock struct {
	dev   *Device
	marks *C.CUevent // in C's memory
	n     int
}

// NewClock returns a clock of so many marks.
func (d *Device) NewClock(marks int) (kernels.Clock, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if marks < 1 {
		return nil, fmt.Errorf("cuda: a clock of %d marks: %w", marks, kernels.ErrShape)
	}
	c := &clock{dev: d, n: marks, marks: (*C.CUevent)(C.calloc(C.size_t(marks), C.size_t(unsafe.Sizeof(C.CUevent(nil)))))}
	if err := d.check("making a clock", C.clock_open(d.queue, c.marks, C.int(marks))); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// mark returns the event of a mark.
func (c *clock) mark(i int) (C.CUevent, error) {
	if err := c.dev.usable(); err != nil {
		return nil, err
	}
	if i < 0 || i >= c.n {
		return nil, fmt.Errorf("cuda: mark %d of a clock of %d: %w", i, c.n, kernels.ErrShape)
	}
	return unsafe.Slice(c.marks, c.n)[i], nil
}

// Mark puts mark i behind what is queued.
func (c *clock) Mark(i int) error {
	e, err := c.mark(i)
	if err != nil {
		return err
	}
	if err := c.dev.flush(); err != nil {
		return err
	}
	return c.dev.check("marking the time", C.clock_mark(c.dev.queue, e))
}

// Between returns how much later than mark i the GPU came to mark j.
func (c *clock) Between(i, j int) (time.Duration, error) {
	from, err := c.mark(i)
	if err != nil {
		return 0, err
	}
	to, err := c.mark(j)
	if err != nil {
		return 0, err
	}
	var ms C.float
	if err := c.dev.check("reading the clock", C.clock_between(c.dev.queue, from, to, &ms)); err != nil {
		return 0, err
	}
	return time.Duration(float64(ms) * float64(time.Millisecond)), nil
}

// Close frees the marks. A second call does nothing, nor does one of a device that is closed.
func (c *clock) Close() error {
	if c.n == 0 {
		return nil
	}
	var err error
	if c.dev.usable() == nil {
		err = c.dev.check("closing a clock", C.clock_close(c.dev.queue, c.marks, C.int(c.n)))
	}
	C.free(unsafe.Pointer(c.marks))
	c.marks, c.n = nil, 0
	return err
}

// Transfers measures copies of so many bytes, rounds times each after one that is not measured: what no program on this GPU and this host
// can exceed. It takes twice the bytes on the GPU, and as many of page-locked memory.
func (d *Device) Transfers(bytes, rounds int) (out Transfers, err error) {
	if bytes < 4 || rounds < 1 {
		return out, fmt.Errorf("cuda: %d copies of %d bytes: %w", rounds, bytes, kernels.ErrShape)
	}
	var ends [2]*buffer
	for i := range ends {
		if ends[i], err = d.alloc(kernels.Uint32, bytes/4, "transfers"); err != nil {
			return out, err
		}
		defer d.Release(ends[i])
	}
	var host unsafe.Pointer
	if err := d.check("page-locked memory", C.pinned(d.queue, &host, C.size_t(bytes))); err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, d.check("freeing page-locked memory", C.unpinned(d.queue, host))) }()
	words := unsafe.Slice((*uint32)(host), bytes/4)
	for i := range words { // nothing is compressed where every word differs
		words[i] = uint32(i) * 2654435761
	}
	clock, err := d.NewClock(2)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, clock.Close()) }()
	measure := func(kind int) (float64, error) {
		var times []time.Duration
		for i := range rounds + 1 {
			if err := clock.Mark(0); err != nil {
				return 0, err
			}
			a, b := C.CUdeviceptr(ends[i%2].address(0)), C.CUdeviceptr(ends[1-i%2].address(0))
			if err := d.check("copying", C.transfer(d.queue, C.int(kind), a, b, host, C.size_t(bytes/4*4))); err != nil {
				return 0, err
			}
			if err := clock.Mark(1); err != nil {
				return 0, err
			}
			t, err := clock.Between(0, 1)
			if err != nil {
				return 0, err
			}
			if i > 0 {
				times = append(times, t)
			}
		}
		slices.Sort(times)
		return float64(bytes) / max(times[len(times)/2], time.Nanosecond).Seconds(), nil
	}
	for _, m := range []struct {
		kind int
		to   *float64
	}{{1, &out.HostToDevice}, {0, &out.DeviceToDevice}, {2, &out.DeviceToHost}} {
		if *m.to, err = measure(m.kind); err != nil {
			return out, err
		}
	}
	out.DeviceToDevice *= 2
	return out, nil
}

// Poison has what is allocated for some purposes from now on hold NaN at first, not 0: for checks that nothing is read that was
// not written. Scratch memory of kernels has the purpose "scratch".
func (d *Device) Poison(purposes ...string) {
	for _, p := range purposes {
		if d.memory.poisoned == nil {
			d.memory.poisoned = make(map[string]bool)
		}
		d.memory.poisoned[p] = true
	}
}

// poison fills new memory, if it is for a purpose that Poison named.
func (d *Device) poison(bl block, purpose string) error {
	if !d.memory.poisoned[purpose] {
		return nil
	}
	return d.check("poisoning memory", C.poison(d.queue, C.CUdeviceptr(bl.at), C.size_t(bl.size/4)))
}
