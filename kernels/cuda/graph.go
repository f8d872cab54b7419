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
	ends     []int  // of the kernels in the second
	graphs   [2]C.CUgraphExec
	variants bool
	refusals int // of the device, when the lists were made
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
	}
	e.assemble()
	return e, nil
}

// assemble makes the lists of operations.
func (e *executable) assemble() {
	e.ops, e.ends, e.counts, e.variants, e.refusals = [2]ops{}, nil, nil, false, e.dev.blas.refusals
	for _, k := range e.kernels {
		e.ops[0].append(&k.ops)
		if k.full == nil || k.refused {
			e.ops[1].append(&k.ops)
		} else {
			e.variants = true
			e.counts = append(e.counts, k.counts...)
			e.ops[1].append(k.full)
		}
		e.ends = append(e.ends, len(e.ops[1].list))
	}
}

// Run queues the list, in one call.
func (e *executable) Run() error {
	d := e.dev
	if err := d.flush(); err != nil {
		return err
	}
	for {
		if e.refusals != d.blas.refusals && e.graphs[1] == nil {
			e.assemble()
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
			err := d.run(o)
			if i, refused := e.refused(err, v); refused {
				return e.runFrom(i)
			}
			return err
		case e.graphs[v] == nil:
			err := e.capture(v)
			if _, refused := e.refused(err, v); refused {
				continue // without that product by cuBLAS; nothing has run
			}
			if err != nil {
				return err
			}
		}
		return d.check("launching a graph", C.queue_launch(d.queue, e.graphs[v]))
	}
}

// refused says whether the error of a variant's list is cuBLAS's own, and of which kernel. When it runs next that one's own launches take
// its place.
func (e *executable) refused(err error, v int) (which int, refused bool) {
	if err == nil || v == 0 {
		return 0, false
	}
	for i, end := range e.ends {
		if int(e.dev.queue.failed) < end {
			return i, e.kernels[i].refuses(err)
		}
	}
	return 0, false
}

// runFrom queues kernels one by one, from one on: those before it are queued already.
func (e *executable) runFrom(which int) error {
	for _, k := range e.kernels[which:] {
		if err := k.run(); err != nil {
			return err
		}
	}
	return nil
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
