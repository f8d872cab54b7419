//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

/*
#include "queue.h"
*/
import "C"

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"gorgonia.org/cu"

	"debut/kernels"
	"debut/kernels/cuda/cudrv"
)

// Blocks are multiples of grain bytes, large ones of largeGrain, so that a block given back fits what is asked for next.
const (
	grain      = 512
	largeGrain = 2 << 20
)

// block is memory of the GPU.
type block struct {
	at   cu.DevicePtr
	size int64
}

// memory keeps the blocks of a device and accounts for them.
type memory struct {
	used   map[string]int64 // bytes asked for, by purpose
	blocks map[cu.DevicePtr]int64
	free   map[int64][]cu.DevicePtr // blocks by size
	idle   int64                    // bytes in free

	poisoned map[string]bool // the purposes whose memory begins as NaN, see Poison
}

func (m *memory) init() {
	m.used, m.blocks, m.free = make(map[string]int64), make(map[cu.DevicePtr]int64), make(map[int64][]cu.DevicePtr)
}

// rounded returns the size of the block for n bytes.
func rounded(n int64) int64 {
	unit := int64(grain)
	if n >= largeGrain {
		unit = largeGrain
	}
	return max(n+unit-1, unit) / unit * unit
}

// take returns a block, from those that are free or from the driver.
func (m *memory) take(n int64) (block, error) {
	size := rounded(n)
	if list := m.free[size]; len(list) > 0 {
		at := list[len(list)-1]
		m.free[size] = list[:len(list)-1]
		m.idle -= size
		return block{at, size}, nil
	}
	at, err := cu.MemAlloc(size)
	if err != nil {
		return block{}, err
	}
	m.blocks[at] = size
	return block{at, size}, nil
}

// give takes a block back.
func (m *memory) give(b block) {
	m.free[b.size] = append(m.free[b.size], b.at)
	m.idle += b.size
}

// trim gives all free blocks back to the driver.
func (m *memory) trim() error {
	for size, list := range m.free {
		for _, at := range list {
			if err := cu.MemFree(at); err != nil {
				return err
			}
			delete(m.blocks, at)
		}
		delete(m.free, size)
	}
	m.idle = 0
	return nil
}

// close gives everything back to the driver.
func (m *memory) close() error {
	var first error
	for at := range m.blocks {
		if err := cu.MemFree(at); err != nil && first == nil {
			first = err
		}
	}
	m.init()
	return first
}

// buffer is memory of the GPU with its use.
type buffer struct {
	dev      *Device
	dtype    kernels.Dtype
	n        int
	life     *life
	released bool
	cleanup  runtime.Cleanup
}

// life is what is left to give back when a buffer goes.
type life struct {
	block   block
	bytes   int64
	purpose string
}

// Dtype returns the type of the elements.
func (b *buffer) Dtype() kernels.Dtype { return b.dtype }

// Len returns the number of elements.
func (b *buffer) Len() int { return b.n }

// address returns where element i lies.
func (b *buffer) address(i int) uint64 { return uint64(b.life.block.at) + 4*uint64(i) }

// corpse is something of the GPU's that the program has dropped: memory or a graph.
type corpse struct {
	life  *life
	graph C.CUgraphExec
}

// drop is what a cleanup does: the goroutine that uses the device does the rest, in bury.
func (d *Device) drop(c corpse) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = append(d.dead, c)
}

// bury takes back what has been dropped.
func (d *Device) bury() {
	d.mu.Lock()
	dead := d.dead
	d.dead = nil
	d.mu.Unlock()
	for _, c := range dead {
		if c.life != nil {
			d.reclaim(c.life)
		}
		if c.graph != nil && d.queue != nil {
			C.queue_forget(d.queue, c.graph)
		}
	}
}

// reclaim takes memory back. What is queued may still use it: whatever gets it next is queued behind.
func (d *Device) reclaim(l *life) {
	d.memory.give(l.block)
	if d.memory.used[l.purpose] -= l.bytes; d.memory.used[l.purpose] == 0 {
		delete(d.memory.used, l.purpose)
	}
}

// Alloc returns a zeroed buffer of n elements. Where the GPU has not the memory, it is an error that wraps
// [kernels.ErrOutOfMemory] and says what the memory is used for.
func (d *Device) Alloc(dt kernels.Dtype, n int, purpose string) (kernels.Buffer, error) {
	b, err := d.alloc(dt, n, purpose)
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (d *Device) alloc(dt kernels.Dtype, n int, purpose string) (*buffer, error) {
	// Pieces on their way may be for memory that is about to be used again.
	if err := d.flush(); err != nil {
		return nil, err
	}
	switch {
	case dt == kernels.Float64:
		return nil, fmt.Errorf("cuda: buffer of %v for %s: %w", dt, purpose, kernels.ErrUnsupported)
	case n < 0 || dt.Size() == 0:
		return nil, fmt.Errorf("cuda: buffer of %d elements of %v for %s: %w", n, dt, purpose, kernels.ErrShape)
	}
	bytes := int64(n) * int64(dt.Size())
	if n > 1<<58 {
		return nil, d.outOfMemory(-1, purpose)
	}
	bl, err := d.reserve(bytes, purpose)
	if err != nil {
		return nil, err
	}
	l := &life{bl, bytes, purpose}
	d.memory.used[purpose] += bytes
	b := &buffer{dev: d, dtype: dt, n: n, life: l}
	if err := d.check("zeroing memory", C.queue_zero(d.queue, C.CUdeviceptr(bl.at), C.size_t(bl.size))); err != nil {
		d.reclaim(l)
		return nil, err
	}
	if err := d.poison(bl, purpose); err != nil {
		d.reclaim(l)
		return nil, err
	}
	b.cleanup = runtime.AddCleanup(b, d.drop, corpse{life: l})
	return b, nil
}

// reserve takes a block; if need be, from what the program has dropped or given back in other sizes.
func (d *Device) reserve(bytes int64, purpose string) (bl block, err error) {
	d.bury()
	err = d.locked(func() (err error) {
		if bl, err = d.memory.take(bytes); !isOutOfMemory(err) {
			return err
		}
		runtime.GC()
		time.Sleep(10 * time.Millisecond) // cleanups run in a goroutine of their own
		d.bury()
		if err := d.memory.trim(); err != nil {
			return err
		}
		bl, err = d.memory.take(bytes)
		return err
	})
	if isOutOfMemory(err) {
		return bl, d.outOfMemory(bytes, purpose)
	}
	if err != nil {
		return bl, fmt.Errorf("cuda:%d: memory for %s: %s", d.index, purpose, reason(err))
	}
	return bl, nil
}

func isOutOfMemory(err error) bool {
	r, ok := cudrv.ResultOf(err)
	return ok && r == cudrv.OutOfMemory
}

// outOfMemory says what the GPU has, and what of it this device uses for what; bytes ≤ 0 stands for an unknown need.
func (d *Device) outOfMemory(bytes int64, purpose string) error {
	need := "memory"
	if bytes > 0 {
		need = fmt.Sprintf("%s for %s", mebibytes(bytes), purpose)
	}
	var free int64
	_ = d.locked(func() (err error) { // where it cannot be asked it is left out
		free, _, err = cu.MemInfo()
		return err
	})
	var parts []string
	for _, p := range slices.Sorted(maps.Keys(d.memory.used)) {
		parts = append(parts, fmt.Sprintf("%s %s", p, mebibytes(d.memory.used[p])))
	}
	return fmt.Errorf("%s of cuda:%d, of whose %s there are %s free; in use by this device: %s; a smaller batch needs less: %w",
		need, d.index, mebibytes(int64(d.gpu.MemoryTotal)), mebibytes(free), strings.Join(parts, ", "), kernels.ErrOutOfMemory)
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// Release gives a buffer back; buffers of other devices and those released before are left alone.
func (d *Device) Release(kb kernels.Buffer) {
	b, ok := kb.(*buffer)
	if !ok || b.dev != d || b.released || d.closed {
		return
	}
	b.released = true
	b.cleanup.Stop()
	d.reclaim(b.life)
}

// Memory returns the bytes allocated by purpose.
func (d *Device) Memory() map[string]int64 {
	d.bury()
	return maps.Clone(d.memory.used)
}
