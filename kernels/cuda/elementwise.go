//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"math"
	"math/bits"

	"debut/kernels"
	"debut/kernels/philox"
)

// blocksPerMultiprocessor bounds grids whose threads walk: enough to fill a GPU several times over.
const blocksPerMultiprocessor = 16

// powerOfTwo returns the least power of two that is at least n, but no more than limit, itself one.
func powerOfTwo(n, limit int) int {
	if n >= limit {
		return limit
	}
	return 1 << bits.Len(uint(max(n, 1)-1))
}

// aligned says that rows of a matrix can be read in groups of four elements.
func (m mat) aligned() bool { return m.data%16 == 0 && m.stride%4 == 0 }

// flag is a truth as kernels take it.
func flag(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// walk mirrors Walk: how a grid goes over matrices of one shape.
type walk struct{ flat, wide, across int32 }

// walk returns how to go over every element of matrices of one shape, and the grid that does.
func (b *binder) walk(ms ...mat) (walk, dim) {
	rows, cols := int(ms[0].rows), int(ms[0].cols)
	flat, wide := true, true
	for _, m := range ms {
		flat = flat && (m.stride == int64(cols) || rows <= 1)
	}
	for _, m := range ms {
		wide = wide && (m.aligned() || flat && m.data%16 == 0)
	}
	group := 1
	if wide {
		group = 4
	}
	most := b.multiprocessors * blocksPerMultiprocessor
	if flat {
		return walk{1, flag(wide), 256}, dim{min(blocks(rows*cols, 256*group), most), 1, 1}
	}
	across, grid := b.across(rows, blocks(cols, group))
	return walk{0, flag(wide), int32(across)}, grid
}

// walkRows is walk over the rows of the first matrix where the others' are chosen among more.
func (b *binder) walkRows(ms ...mat) (walk, dim) {
	wide, group := true, 1
	for _, m := range ms {
		wide = wide && m.aligned()
	}
	if wide {
		group = 4
	}
	across, grid := b.across(int(ms[0].rows), blocks(int(ms[0].cols), group))
	return walk{0, flag(wide), int32(across)}, grid
}

// across returns how many threads of a block stand side by side over rows of so many groups of elements, and a grid of
// such blocks, which the rows walk down.
func (b *binder) across(rows, groups int) (int, dim) {
	across := powerOfTwo(groups, 32)
	most := b.multiprocessors * blocksPerMultiprocessor
	x := min(blocks(groups, across), most)
	return across, dim{x, min(blocks(rows, 256/across), max(1, most/max(x, 1))), 1}
}

type sumChunksArgs struct {
	head
	sums, out           uint64
	pitch               int64
	chunks, cols, lanes int32
}

// sumChunks appends the sum of the sums of chunks.
func (b *binder) sumChunks(p columnPlan, sums uint64, out mat) {
	lanes := chunkLanes(p.chunks)
	launch(b, "elementwise_sum_chunks", dim{blocks(int(out.cols), 4*lanes), 1, 1}, 256, sumChunksArgs{
		b.head(), sums, out.data, int64(p.pitch), int32(p.chunks), out.cols, int32(lanes),
	})
}

// columnPlan cuts sums of columns for sum_columns: blocks of columns by chunks of rows. It depends on the shape alone, as
// the order of the sums does.
type columnPlan struct {
	lanes         int // threads of a block side by side, four columns each
	across        int // blocks of columns
	chunk, chunks int // rows in a chunk; chunks, at least one
	pitch         int // words from a chunk's sums to the next one's, a multiple of four
}

// columnBlocks is how many blocks sums of columns are cut into where there are rows enough: four for each multiprocessor
// of an H100.
const columnBlocks = 528

func planColumns(rows, cols int) columnPlan {
	p := columnPlan{lanes: powerOfTwo(blocks(cols, 4), 32), pitch: blocks(cols, 4) * 4}
	p.across = blocks(cols, 4*p.lanes)
	down := 256 / p.lanes // rows that a block takes at a time; at least eight of them make it worth its while
	p.chunk = max(blocks(rows, down*blocks(columnBlocks, max(p.across, 1))), 8) * down
	p.chunks = max(blocks(rows, p.chunk), 1)
	return p
}

// chunkLanes returns the lanes that sum up chunks: threads below each other for eight of them at a time, or for all.
func chunkLanes(chunks int) int { return 256 / powerOfTwo(chunks, 8) }

type binaryArgs struct {
	head
	x, y, z  mat
	walk     walk
	multiply int32
}

// Binary binds C = A ∘ B.
func (d *Device) Binary(a kernels.BinaryArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	x, y, z := b.matrix("A", a.A), b.matrix("B", a.B), b.matrix("C", a.C)
	w, grid := b.walk(z, x, y)
	launch(b, "binary_rows", grid, 256, binaryArgs{b.head(), x, y, z, w, flag(a.Kind == kernels.Multiply)})
	return b.finish()
}

type copyArgs struct {
	head
	src, dst mat
	walk     walk
}

// Copy binds Dst = Src, of any element type of four bytes.
func (d *Device) Copy(a kernels.CopyArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	src, dst := b.matrix("Src", a.Src), b.matrix("Dst", a.Dst)
	w, grid := b.walk(dst, src)
	launch(b, "copy_rows", grid, 256, copyArgs{b.head(), src, dst, w})
	return b.finish()
}

type fillArgs struct {
	head
	x    mat
	walk walk
	bits uint32
}

// Fill binds X = Value, of any element type of four bytes, in all rows. Integers take the value without its fraction.
func (d *Device) Fill(a kernels.FillArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	x := b.matrix("X", a.X)
	word := math.Float32bits(float32(a.Value))
	if a.X.Present() && a.X.Buf.Dtype() != kernels.Float32 {
		word = uint32(int64(a.Value))
	}
	w, grid := b.walk(x)
	launch(b, "fill_rows", grid, 256, fillArgs{b.head(), x, w, word})
	return b.finish()
}

type dropoutArgs struct {
	head
	x, y, step mat
	key        [2]uint32
	threshold  uint32
	scale      float32
	across     int32
	wide       int32
}

// Dropout binds Y = X ⊙ mask / (1−Rate).
func (d *Device) Dropout(a kernels.DropoutArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	x, y, step := b.matrix("X", a.X), b.matrix("Y", a.Y), b.matrix("Step", a.Step)
	across, grid := b.across(int(y.rows), blocks(int(y.cols), 4)) // four columns share a block of random words
	launch(b, "dropout_rows", grid, 256, dropoutArgs{
		head: b.head(), x: x, y: y, step: step, key: philox.Key(a.Seed, a.Stream), threshold: uint32(math.Floor(a.Rate * (1 << 32))),
		scale: float32(1 / (1 - a.Rate)), across: int32(across), wide: flag(x.aligned() && y.aligned()),
	})
	return b.finish()
}

// piecewiseFeatures is PIECEWISE_FEATURES: how many features a launch encodes, as their bins are among its arguments.
const piecewiseFeatures = 64

type piecewiseArgs struct {
	head
	x, edges, y     mat
	features        int32
	feature, column int32
	starts          [piecewiseFeatures + 1]int32
	lanes           int32
}

// PiecewiseLinear binds the piecewise-linear encoding of numeric features.
func (d *Device) PiecewiseLinear(a kernels.PiecewiseLinearArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	x, edges, y := b.matrix("X", a.X), b.matrix("Edges", a.Edges), b.matrix("Y", a.Y)
	args := piecewiseArgs{head: b.head(), x: x, edges: edges, y: y}
	for at := 0; at < len(a.Bins) && b.err == nil; at += piecewiseFeatures {
		bins := a.Bins[at:min(at+piecewiseFeatures, len(a.Bins))]
		args.features, args.feature = int32(len(bins)), int32(at)
		for i, n := range bins {
			args.starts[i+1] = args.starts[i] + int32(n)
		}
		width := int(args.starts[len(bins)])
		lanes := powerOfTwo(width, 32)
		args.lanes = int32(lanes)
		across := blocks(width, lanes)
		down := min(blocks(int(y.rows), 256/lanes), max(1, b.multiprocessors*blocksPerMultiprocessor/across))
		launch(b, "piecewise_linear", dim{down, across, 1}, 256, args)
		args.column += int32(width)
	}
	return b.finish()
}
