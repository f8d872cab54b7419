//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import "debut/kernels"

type gemmArgs struct {
	head
	a, b, c, bias            mat
	partial                  uint64
	pitch                    int64
	chunk, splits            int32
	transposedA, transposedB int32
	function, accumulate     int32
	lanes                    int32
}

// The cutting of products into tiles. Blocks are counted for an H100, whatever the GPU, since cuts of the depth
// decide bits.
const (
	gemmBlocks   = 264 // two blocks for each multiprocessor; half of them are enough
	gemmMinDepth = 256 // the least depth that is worth a chunk of its own
	gemmStep     = 32  // chunks are multiples of the depth of tiles
)

// gemmTiling is how a product is cut: tiles of C, and chunks of the depth.
type gemmTiling struct {
	tile          int // 128 or 64
	chunk, splits int
}

// tileGemm chooses by shape: large tiles unless they would be too few, or much emptier than small ones; and chunks of
// the depth where tiles alone are too few, as for gradients of weights, whose depth is the batch. most is the number of blocks
// that a GPU has room for at once.
func tileGemm(m, n, k, most int) gemmTiling {
	tiles := func(tile int) int { return blocks(m, tile) * blocks(n, tile) }
	splits := func(tile int) int { return max(1, min(most/max(tiles(tile), 1), k/gemmMinDepth)) }
	t := gemmTiling{tile: 128}
	if 4*tiles(128)*4 > 5*tiles(64) || tiles(128)*splits(128) < most/2 {
		t.tile = 64
	}
	t.chunk = max(blocks(blocks(k, splits(t.tile)), gemmStep), 1) * gemmStep
	t.splits = max(blocks(k, t.chunk), 1)
	return t
}

// Gemm binds a product: by kernels of our own, and for full batches by cuBLASLt where it is there and knows the form.
func (d *Device) Gemm(a kernels.GemmArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	p := gemmArgs{
		head: b.head(), a: b.matrix("A", a.A), b: b.matrix("B", a.B), c: b.matrix("C", a.C), bias: b.matrix("bias", a.Bias),
		transposedA: flag(a.TransA), transposedB: flag(a.TransB), function: int32(a.Activation), accumulate: flag(a.Accumulate),
	}
	if b.err != nil {
		return b.finish()
	}
	m, n, k := a.Dimensions()
	switch {
	case n == 1 && !a.TransA, m == 1 && n != 1 && a.TransB:
		b.gemmDots(p, m*n, k)
	case n == 1, m == 1:
		b.gemmColumns(p, m*n, k)
	case k == 1:
		b.gemmOuter(p, m, n)
	default:
		b.gemmTiles(p, m, n, k)
	}
	b.matmul(a)
	return b.finish()
}

// gemmTiles launches a product of matrices.
func (b *binder) gemmTiles(p gemmArgs, m, n, k int) {
	t := tileGemm(m, n, k, b.dev.gemmBlocks)
	p.chunk, p.splits = int32(t.chunk), int32(t.splits)
	b.gemmPartial(&p, m*n)
	name := "gemm_128_"
	if t.tile == 64 {
		name = "gemm_64_"
	}
	for _, transposed := range []int32{p.transposedA, p.transposedB} {
		name += "nt"[transposed : transposed+1]
	}
	launch(b, name, dim{blocks(m, t.tile) * blocks(n, t.tile), t.splits, 1}, 256, p)
	b.gemmCombine(p, m*n)
}

// gemmPartial reserves memory for the sums of chunks, where there is more than one.
func (b *binder) gemmPartial(p *gemmArgs, size int) {
	if p.splits > 1 {
		pitch := blocks(size, 4) * 4
		p.pitch, p.partial = int64(pitch), b.scratch(int(p.splits)*pitch)
	}
}

// gemmCombine launches the second pass of a product whose depth is in chunks.
func (b *binder) gemmCombine(p gemmArgs, size int) {
	if p.splits > 1 {
		lanes := chunkLanes(int(p.splits))
		p.lanes = int32(lanes)
		launch(b, "gemm_combine", dim{blocks(size, 4*lanes), 1, 1}, 256, p)
	}
}

// gemmDots launches a product with a vector by dot products: a few threads of a warp for each of `outs` elements.
func (b *binder) gemmDots(p gemmArgs, outs, k int) {
	lanes := powerOfTwo(blocks(k, 4), 32)
	p.lanes = int32(lanes)
	launch(b, "gemm_dots", dim{min(blocks(outs, 256/lanes), b.multiprocessors*blocksPerMultiprocessor), 1, 1}, 256, p)
}

// gemmColumns launches a product with a vector by sums of rows.
func (b *binder) gemmColumns(p gemmArgs, outs, k int) {
	plan := planColumns(k, outs)
	p.chunk, p.splits, p.lanes = int32(plan.chunk), int32(plan.chunks), int32(plan.lanes)
	b.gemmPartial(&p, outs)
	launch(b, "gemm_columns", dim{plan.across, plan.chunks, 1}, 256, p)
	b.gemmCombine(p, outs)
}

// gemmOuter launches the product of a column and a row.
func (b *binder) gemmOuter(p gemmArgs, m, n int) {
	lanes := powerOfTwo(blocks(n, 4), 32)
	p.lanes = int32(lanes)
	across := blocks(n, 4*lanes)
	down := min(blocks(m, 256/lanes), max(1, b.multiprocessors*blocksPerMultiprocessor/max(across, 1)))
	launch(b, "gemm_outer", dim{across, down, 1}, 256, p)
}
