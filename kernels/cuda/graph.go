//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

/*
#include "queue.h"
*/
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"

	"debut/kernels"
)

// executable is a list of kernels, captured as a graph the first time it runs; as two, where kernels compute full batches otherwise.
type executable struct {
	dev      *Device
	kernels  []*kernel // they hold on to the memory
	counts   []*rowCount
	ops      [2]ops // for all batches, and for full ones
	graphs   [2]C.CUgraphExec
	variants bool
}

// Prepare makes kernels of this device ready to run in order.
func (d *Device) Prepare(ks []kernels.Kernel) (kernels.Executable, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	e := &executable{dev: d}
	for _, kk := range ks {
		k, ok := kk.(*kernel)
		if !ok || k.dev != d {
			return nil, fmt.Errorf("cuda: preparing %s: kernel of another device: %w", kk.Name(), kernels.ErrForeign)
		}
		e.kernels = append(e.kernels, k)
		e.ops[0].append(&k.ops)
		if k.full == nil {
			e.ops[1].append(&k.ops)
			continue
		}
		e.variants = true
		e.counts = append(e.counts, k.counts...)
		e.ops[1].append(k.full)
	}
	return e, nil
}

// Run queues the list, in one call.
func (e *executable) Run() error {
	d := e.dev
	if err := d.flush(); err != nil {
		return err
	}
	v := 0
	if e.variants && allFull(e.counts) {
		v = 1
	}
	o := &e.ops[v]
	switch {
	case len(o.list) == 0:
		return nil
	case d.uncaptured || len(o.list) == 1:
		return d.run(o)
	case e.graphs[v] == nil:
		if err := e.capture(v); err != nil {
			return err
		}
	}
	return d.check("launching a graph", C.queue_launch(d.queue, e.graphs[v]))
}

// capture makes the graph of a variant.
func (e *executable) capture(v int) error {
	d, o := e.dev, &e.ops[v]
	var graph C.CUgraphExec
	if r := C.queue_capture(d.queue, &o.list[0], C.int(len(o.list)), (*C.char)(unsafe.Pointer(unsafe.SliceData(o.args))), &graph); r != 0 {
		return d.check("capturing a graph: "+d.at(o), r)
	}
	e.graphs[v] = graph
	runtime.AddCleanup(e, d.drop, corpse{graph: graph})
	return nil
}
