package cpu

import (
	"fmt"
	"math"
	"math/bits"

	"debut/kernels"
)

// The least places of a block of the sort, which threads do side by side, the most blocks, and the most bits of a digit. The sort is stable, so that the
// order is the same for any number of blocks.
const (
	sortBlock     = 1 << 16
	mostBlocks    = 16
	mostDigitBits = 13
)

// segmentsPerPart is how many segments a part sums.
const segmentsPerPart = 256

// occurrence is an id and its place in the batch.
type occurrence struct{ id, place uint32 }

// segmentPlan sorts occurrences of ids by a stable radix sort, least digit first, so that those of an id stay in the order of their
// places. What is no valid id counts as limit, and comes last.
type segmentPlan struct {
	base
	batch                               batch
	ids, unique, starts, places, number view[int32]
	count                               *rowCount
	limit                               uint32
	passes, digitBits                   int
	items, other                        slot[occurrence] // the sort moves to and fro between them
	histograms                          slot[uint32]     // [blocks][1 << digitBits]

	// Of the present run.
	from, to []occurrence
	counts   []uint32
	block    int // occurrences of a block
	pass     int
	phase    planPhase
	heads    [mostBlocks]int // of a block: segments that begin in it; then those before it
	valid    [mostBlocks]int // of a block: valid occurrences
}

// planPhase is what the parts of a plan do at a time, a block each.
type planPhase uint8

const (
	planCount planPhase = iota
	planScatter
	planHeads
	planList
)

// SegmentPlan binds the segments of ids.
func (d *Device) SegmentPlan(a kernels.SegmentPlanArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	k := &segmentPlan{base: b.base(), batch: b.batchOf(a.IDs), limit: uint32(min(max(a.Limit, 0), math.MaxInt32+1))}
	k.ids, k.unique = operand[int32](b, "IDs", a.IDs), operand[int32](b, "Unique", a.Segments.Unique)
	k.starts, k.places = operand[int32](b, "Starts", a.Segments.Starts), operand[int32](b, "Places", a.Segments.Places)
	k.number = operand[int32](b, "Number", a.Segments.Number)
	k.count = b.count(a.Segments.Unique.Count)
	if b.err != nil {
		return b.finish(nil)
	}
	places := a.IDs.Rows * a.IDs.Cols
	switch distinct := max(0, min(places, a.Limit)); {
	case places > math.MaxInt32:
		b.fail(fmt.Errorf("cpu: segment plan: %d places, there can be %d: %w", places, math.MaxInt32, kernels.ErrShape))
	case k.count.max < distinct:
		b.fail(fmt.Errorf("cpu: segment plan: the count goes to %d, %d distinct ids may come: %w", k.count.max, distinct, kernels.ErrShape))
	}
	k.passes, k.digitBits = sortPasses(bits.Len32(k.limit), places)
	k.items, k.other = slotOf[occurrence](b, places), slotOf[occurrence](b, places)
	k.histograms = slotOf[uint32](b, sortBlocks(places)<<k.digitBits)
	return b.finish(k)
}

// sortBlocks returns how many blocks so many places are sorted in.
func sortBlocks(places int) int { return min(blocks(places, sortBlock), mostBlocks) }

// sortPasses returns the digits that sort so many places by keys of so many bits soonest: few, unless their counts are more than there is
// to count.
func sortPasses(keyBits, places int) (passes, digitBits int) {
	best := math.MaxInt
	for p := max(blocks(keyBits, mostDigitBits), 1); p <= keyBits; p++ {
		width := blocks(keyBits, p)
		if cost := p * (2*places + sortBlocks(places)<<width); cost < best {
			best, passes, digitBits = cost, p, width
		}
	}
	return passes, digitBits
}

// Run runs the kernel.
func (k *segmentPlan) Run() error {
	if err := k.ready(); err != nil {
		return err
	}
	n := k.batch.n() * k.ids.cols
	parts := min(sortBlocks(n), k.dev.pool.Sharing())
	k.block = blocks(n, max(parts, 1))
	k.from, k.to, k.counts = k.items.in(k.dev), k.other.in(k.dev), k.histograms.in(k.dev)
	k.from, k.to = k.from[:n], k.to[:n]
	for k.pass = range k.passes {
		k.do(planCount, parts)
		k.offsets(parts)
		k.do(planScatter, parts)
		k.from, k.to = k.to, k.from
	}
	if parts > 1 {
		k.do(planHeads, parts)
		before := 0
		for i := range parts {
			k.heads[i], before = before, before+k.heads[i]
		}
	} else {
		k.heads[0] = 0
	}
	k.do(planList, parts)
	segments, valid := 0, 0
	for i := range parts {
		segments, valid = k.heads[i], valid+k.valid[i]
	}
	k.starts.data[segments*k.starts.stride] = int32(valid)
	return k.count.Set(segments)
}

func (k *segmentPlan) do(phase planPhase, parts int) {
	k.phase = phase
	k.run(parts, k)
}

// Part does a block of the present phase.
func (k *segmentPlan) Part(i int) {
	lo, hi := i*k.block, min((i+1)*k.block, len(k.from))
	switch k.phase {
	case planCount:
		counts := k.histogram(i)
		clear(counts)
		if k.pass == 0 {
			k.countIDs(counts, lo, hi)
			return
		}
		mask, shift := uint32(1)<<k.digitBits-1, k.pass*k.digitBits
		for _, it := range k.from[lo:hi] {
			counts[it.id>>shift&mask]++
		}
	case planScatter:
		counts := k.histogram(i)
		if k.pass == 0 {
			k.scatterIDs(counts, lo, hi)
			return
		}
		mask, shift, to := uint32(1)<<k.digitBits-1, k.pass*k.digitBits, k.to
		for _, it := range k.from[lo:hi] {
			at := &counts[it.id>>shift&mask]
			to[*at] = it
			*at++
		}
	case planHeads:
		heads, last := 0, k.before(lo)
		for _, it := range k.from[lo:hi] {
			if it.id >= k.limit {
				break
			}
			if it.id != last {
				heads++
			}
			last = it.id
		}
		k.heads[i] = heads
	case planList:
		k.heads[i], k.valid[i] = k.list(lo, hi, k.heads[i])
	}
}

// histogram returns the counts of a block.
func (k *segmentPlan) histogram(block int) []uint32 {
	return k.counts[block<<k.digitBits : (block+1)<<k.digitBits]
}

// rowIDs returns the ids of places lo … in their row of the batch, up to place hi at most.
func (k *segmentPlan) rowIDs(lo, hi int) []int32 {
	if k.ids.dense {
		return k.ids.data[lo:hi]
	}
	r := lo / k.ids.cols
	first := r * k.ids.cols
	return k.ids.row(r)[lo-first : min(hi-first, k.ids.cols)]
}

// key returns what an id is sorted by.
func (k *segmentPlan) key(id int32) uint32 { return min(uint32(id), k.limit) } // a negative one is beyond every limit

// countIDs counts the first digits of places lo … hi−1.
func (k *segmentPlan) countIDs(counts []uint32, lo, hi int) {
	mask := uint32(1)<<k.digitBits - 1
	for lo < hi {
		ids := k.rowIDs(lo, hi)
		for _, id := range ids {
			counts[k.key(id)&mask]++
		}
		lo += len(ids)
	}
}

// scatterIDs puts places lo … hi−1 in the order of their first digits.
func (k *segmentPlan) scatterIDs(counts []uint32, lo, hi int) {
	mask, to := uint32(1)<<k.digitBits-1, k.to
	for lo < hi {
		ids := k.rowIDs(lo, hi)
		for f, id := range ids {
			key := k.key(id)
			at := &counts[key&mask]
			to[*at] = occurrence{key, uint32(lo + f)}
			*at++
		}
		lo += len(ids)
	}
}

// offsets turns the blocks' counts of digits into the places where they go: digits first, then blocks.
func (k *segmentPlan) offsets(parts int) {
	at := uint32(0)
	for digit := range 1 << k.digitBits {
		for block := range parts {
			count := &k.counts[block<<k.digitBits+digit]
			*count, at = at, at+*count
		}
	}
}

// before returns the key of the occurrence before a place, or one that none has.
func (k *segmentPlan) before(at int) uint32 {
	if at == 0 {
		return math.MaxUint32
	}
	return k.from[at-1].id
}

// list writes the segments of sorted occurrences lo … hi−1, before which so many begin. It returns how many begin before hi, and how many of the
// occurrences are valid.
func (k *segmentPlan) list(lo, hi, segment int) (segments, valid int) {
	unique, starts, last := k.unique, k.starts, k.before(lo)
	places, number := k.places.data[lo*k.places.stride:], k.number.data[lo*k.number.stride:]
	placeStride, numberStride := k.places.stride, k.number.stride
	for i, it := range k.from[lo:hi] {
		if it.id >= k.limit {
			return segment, i
		}
		if it.id != last {
			unique.data[segment*unique.stride] = int32(it.id)
			starts.data[segment*starts.stride] = int32(lo + i)
			segment++
			last = it.id
		}
		places[i*placeStride] = int32(it.place)
		number[i*numberStride] = int32(segment - 1)
	}
	return segment, hi - lo
}

// segmentSum adds up gradients by segment.
type segmentSum[T float] struct {
	base
	loops          *loops[T]
	starts, places view[int32]
	grad, sums     view[T]
	weights        view[T] // of places, where those of a row share its gradient
	count          *rowCount
}

// SegmentSum binds the sums of gradients by segment.
func (d *Device) SegmentSum(a kernels.SegmentSumArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Grad) {
		return newSegmentSum(b, d.f64, a)
	}
	return newSegmentSum(b, d.f32, a)
}

func newSegmentSum[T float](b *binder, l *loops[T], a kernels.SegmentSumArgs) (kernels.Kernel, error) {
	k := &segmentSum[T]{base: b.base(), loops: l}
	operand[int32](b, "Unique", a.Segments.Unique)
	operand[int32](b, "Number", a.Segments.Number)
	k.starts, k.places = operand[int32](b, "Starts", a.Segments.Starts), operand[int32](b, "Places", a.Segments.Places)
	k.grad, k.sums = operand[T](b, "Grad", a.Grad), operand[T](b, "Sums", a.Sums)
	k.weights = operand[T](b, "Weights", a.Weights)
	k.count = b.count(a.Sums.Count)
	return b.finish(k)
}

// Run runs the kernel.
func (k *segmentSum[T]) Run() error {
	if err := k.ready(); err != nil {
		return err
	}
	if k.sums.cols > 0 {
		k.run(blocks(k.count.n, segmentsPerPart), k)
	}
	return nil
}

// Part sums some segments.
func (k *segmentSum[T]) Part(i int) {
	lo, hi := i*segmentsPerPart, min((i+1)*segmentsPerPart, k.count.n)
	if k.weights.present {
		k.loops.sumWeighted(&k.sums, &k.grad, &k.weights, &k.starts, &k.places, lo, hi)
	} else {
		k.loops.sumSegments(&k.sums, &k.grad, &k.starts, &k.places, lo, hi)
	}
}

// sumSegments sums segments lo … hi−1.
func sumSegments[T float](sums, grad *view[T], starts, places *view[int32], lo, hi int) {
	width := sums.cols
	fields := grad.cols / width
	for s := lo; s < hi; s++ {
		sum := sums.row(s)
		first, end := int(starts.data[s*starts.stride]), int(starts.data[(s+1)*starts.stride])
		for at := first; at < end; at++ {
			place := int(places.data[at*places.stride])
			f := place % fields
			g := grad.row(place / fields)[f*width : (f+1)*width]
			if at == first {
				copy(sum, g)
				continue
			}
			add(sum, sum, g)
		}
	}
}

// sumWeighted sums segments lo … hi−1 of gradients that the places of a row share.
func sumWeighted[T float](sums, grad, weights *view[T], starts, places *view[int32], lo, hi int) {
	for s := lo; s < hi; s++ {
		sum := sums.row(s)
		clear(sum)
		for at := int(starts.data[s*starts.stride]); at < int(starts.data[(s+1)*starts.stride]); at++ {
			place := int(places.data[at*places.stride])
			r := place / weights.cols
			axpy(weights.row(r)[place%weights.cols], grad.row(r), sum)
		}
	}
}
