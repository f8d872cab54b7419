package cpu

import (
	"fmt"
	"math"
	"math/bits"

	"debut/kernels"
)

// Blocks of the sort, which threads do side by side, and the most bits of a digit. Blocks follow from the number of places alone.
const (
	sortBlock     = 1 << 13
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
	shift    int
	phase    planPhase
	heads    [mostBlocks]int // of a block: segments that begin in it; then those before it
	valid    [mostBlocks]int // of a block: valid occurrences
}

// planPhase is what the parts of a plan do at a time, a block each.
type planPhase uint8

const (
	planCollect planPhase = iota
	planCount
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
	parts := sortBlocks(n)
	k.block = blocks(n, max(parts, 1))
	k.from, k.to, k.counts = k.items.in(k.dev), k.other.in(k.dev), k.histograms.in(k.dev)
	k.from, k.to = k.from[:n], k.to[:n]
	k.do(planCollect, parts)
	for pass := range k.passes {
		k.shift = pass * k.digitBits
		k.do(planCount, parts)
		k.offsets(parts)
		k.do(planScatter, parts)
		k.from, k.to = k.to, k.from
	}
	k.do(planHeads, parts)
	segments, valid := 0, 0
	for i := range parts {
		k.heads[i], segments = segments, segments+k.heads[i]
		valid += k.valid[i]
	}
	k.do(planList, parts)
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
	case planCollect:
		k.collect(lo, hi)
	case planCount:
		mask, shift := uint32(1)<<k.digitBits-1, k.shift
		counts := k.histogram(i)
		clear(counts)
		for _, it := range k.from[lo:hi] {
			counts[it.id>>shift&mask]++
		}
	case planScatter:
		mask, shift := uint32(1)<<k.digitBits-1, k.shift
		counts, to := k.histogram(i), k.to
		for _, it := range k.from[lo:hi] {
			at := &counts[it.id>>shift&mask]
			to[*at] = it
			*at++
		}
	case planHeads:
		k.heads[i], k.valid[i] = 0, 0
		for at := lo; at < hi && k.from[at].id < k.limit; at++ {
			k.valid[i]++
			if k.head(at) {
				k.heads[i]++
			}
		}
	case planList:
		k.list(lo, hi, k.heads[i])
	}
}

// histogram returns the counts of a block.
func (k *segmentPlan) histogram(block int) []uint32 {
	return k.counts[block<<k.digitBits : (block+1)<<k.digitBits]
}

// collect lists places lo … hi−1 with their ids.
func (k *segmentPlan) collect(lo, hi int) {
	for lo < hi {
		r := lo / k.ids.cols
		first := r * k.ids.cols
		end := min(hi, first+k.ids.cols)
		for f, id := range k.ids.row(r)[lo-first : end-first] {
			key := uint32(id) // a negative one is beyond every limit
			if key >= k.limit {
				key = k.limit
			}
			k.from[lo+f] = occurrence{key, uint32(lo + f)}
		}
		lo = end
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

// head says whether a segment begins with a valid occurrence.
func (k *segmentPlan) head(at int) bool { return at == 0 || k.from[at].id != k.from[at-1].id }

// list writes the segments of sorted occurrences lo … hi−1, before which so many begin.
func (k *segmentPlan) list(lo, hi, segment int) {
	for at := lo; at < hi && k.from[at].id < k.limit; at++ {
		if k.head(at) {
			k.unique.data[segment*k.unique.stride] = int32(k.from[at].id)
			k.starts.data[segment*k.starts.stride] = int32(at)
			segment++
		}
		k.places.data[at*k.places.stride] = int32(k.from[at].place)
		k.number.data[at*k.number.stride] = int32(segment - 1)
	}
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
