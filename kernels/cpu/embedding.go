package cpu

import (
	"fmt"
	"math"
	"math/bits"

	"debut/kernels"
)

// Gather binds the rows of a table that ids name.
func (d *Device) Gather(a kernels.GatherArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Table) {
		return newGather(b, d.f64, a)
	}
	return newGather(b, d.f32, a)
}

func newGather[T float](b *binder, l *loops[T], a kernels.GatherArgs) (kernels.Kernel, error) {
	table, ids, out := operand[T](b, "Table", a.Table), operand[int32](b, "IDs", a.IDs), operand[T](b, "Out", a.Out)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.IDs, a.Out), block: rowsPerPart(2 * out.cols)}
	k.body = func(lo, hi int) {
		if out.dense && ids.dense {
			l.gather(out.span(lo, hi), &table, ids.span(lo, hi))
			return
		}
		for r := lo; r < hi; r++ {
			l.gather(out.row(r), &table, ids.row(r))
		}
	}
	return b.finish(k)
}

func gather[T float](out []T, table *view[T], ids []int32) {
	width := table.cols
	for i, id := range ids {
		to := out[i*width : (i+1)*width]
		if id < 0 || int(id) >= table.rows {
			clear(to)
			continue
		}
		copy(to, table.row(int(id)))
	}
}

// The digits of the radix sort, and how many distinct ids a part sums.
const (
	digitBits       = 11
	digits          = 1 << digitBits
	segmentsPerPart = 64
)

// occurrence is an id and its place in the batch.
type occurrence struct{ id, place uint32 }

// segmentReduce sorts occurrences of ids by a stable radix sort, least digit first, so that those of an id stay in
// the order of their places, and sums each id's gradients in that order.
type segmentReduce[T float] struct {
	base
	loops        *loops[T]
	batch        batch
	ids          view[int32]
	grad         view[T]
	unique       view[int32]
	sums         view[T]
	count        *rowCount
	limit        int
	passes       int
	items, other slot[occurrence] // the sort moves to and fro between them
	starts       slot[uint32]     // of each segment, its first item, and the end of the last
	histogram    slot[uint32]     // [digits]

	segments int // of the present run
	sorted   []occurrence
}

// SegmentReduce binds the sum of gradients by id.
func (d *Device) SegmentReduce(a kernels.SegmentReduceArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Grad) {
		return newSegmentReduce(b, d.f64, a)
	}
	return newSegmentReduce(b, d.f32, a)
}

func newSegmentReduce[T float](b *binder, l *loops[T], a kernels.SegmentReduceArgs) (kernels.Kernel, error) {
	k := &segmentReduce[T]{base: b.base(), loops: l, batch: b.batchOf(a.IDs, a.Grad), limit: a.Limit}
	k.ids, k.grad = operand[int32](b, "IDs", a.IDs), operand[T](b, "Grad", a.Grad)
	k.unique, k.sums = operand[int32](b, "Unique", a.Unique), operand[T](b, "Sums", a.Sums)
	k.count = b.count(a.Sums.Count)
	if b.err != nil {
		return b.finish(nil)
	}
	places := a.IDs.Rows * a.IDs.Cols
	distinct := max(0, min(places, a.Limit))
	switch {
	case uint64(places) > math.MaxUint32:
		b.fail(fmt.Errorf("cpu: segment reduce: %d places, there can be %d: %w", places, uint32(math.MaxUint32), kernels.ErrShape))
	case k.count.max < distinct:
		b.fail(fmt.Errorf("cpu: segment reduce: the count goes to %d, %d distinct ids may come: %w", k.count.max, distinct, kernels.ErrShape))
	}
	if a.Limit > 1 {
		k.passes = blocks(bits.Len32(uint32(min(a.Limit-1, math.MaxInt32))), digitBits)
	}
	k.items, k.other = slotOf[occurrence](b, places), slotOf[occurrence](b, places)
	k.starts = slotOf[uint32](b, distinct+1)
	k.histogram = slotOf[uint32](b, digits)
	return b.finish(k)
}

// Run runs the kernel.
func (k *segmentReduce[T]) Run() error {
	if err := k.ready(); err != nil {
		return err
	}
	k.sorted = k.sort(k.collect())
	starts := k.starts.in(k.dev)
	k.segments = 0
	last := uint32(math.MaxUint32) // no id
	for i, it := range k.sorted {
		if it.id != last {
			last = it.id
			k.unique.data[k.segments*k.unique.stride] = int32(it.id)
			starts[k.segments] = uint32(i)
			k.segments++
		}
	}
	starts[k.segments] = uint32(len(k.sorted))
	k.run(blocks(k.segments, segmentsPerPart), k)
	return k.count.Set(k.segments)
}

// collect lists the valid occurrences in the order of their places.
func (k *segmentReduce[T]) collect() []occurrence {
	items, n := k.items.in(k.dev), 0
	for r := range k.batch.n() {
		place := uint32(r * k.ids.cols)
		for f, id := range k.ids.row(r) {
			if id >= 0 && int(id) < k.limit {
				items[n] = occurrence{uint32(id), place + uint32(f)}
				n++
			}
		}
	}
	return items[:n]
}

// sort returns the occurrences in the order of ids, in either of the two slots.
func (k *segmentReduce[T]) sort(items []occurrence) []occurrence {
	to, histogram := k.other.in(k.dev)[:len(items)], k.histogram.in(k.dev)
	for pass := range k.passes {
		shift := pass * digitBits
		clear(histogram)
		for _, it := range items {
			histogram[it.id>>shift%digits]++
		}
		at := uint32(0)
		for i, n := range histogram {
			histogram[i] = at
			at += n
		}
		for _, it := range items {
			digit := it.id >> shift % digits
			to[histogram[digit]] = it
			histogram[digit]++
		}
		items, to = to, items
	}
	return items
}

// Part sums the gradients of some segments.
func (k *segmentReduce[T]) Part(i int) {
	starts, width, fields := k.starts.in(k.dev), k.sums.cols, k.ids.cols
	for s := i * segmentsPerPart; s < min((i+1)*segmentsPerPart, k.segments); s++ {
		sum := k.sums.row(s)
		for n, it := range k.sorted[starts[s]:starts[s+1]] {
			r, f := int(it.place)/fields, int(it.place)%fields
			g := k.grad.row(r)[f*width : (f+1)*width]
			if n == 0 {
				copy(sum, g)
				continue
			}
			k.loops.add(sum, sum, g)
		}
	}
}
