//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"fmt"

	"debut/kernels"
)

type columnSumArgs struct {
	head
	x                  mat
	sums               uint64
	pitch              int64
	chunk, lanes, wide int32
}

// ColumnSum binds the sums of a matrix's columns: of chunks of rows, then over those.
func (d *Device) ColumnSum(a kernels.ColumnSumArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	x, out := b.matrix("X", a.X), b.matrix("Out", a.Out)
	p := planColumns(int(x.rows), int(x.cols))
	sums := out.data
	if p.chunks > 1 {
		sums = b.scratch(p.chunks * p.pitch)
	}
	launch(b, "column_sums", dim{p.across, p.chunks, 1}, 256, columnSumArgs{
		b.head(), x, sums, int64(p.pitch), int32(p.chunk), int32(p.lanes), flag(x.aligned()),
	})
	if p.chunks > 1 {
		b.sumChunks(p, sums, out)
	}
	return b.finish()
}

// clipBlocks is the most blocks of the sum of a matrix's squares.
const clipBlocks = 128

type squaresArgs struct {
	head
	x    mat
	sums uint64
}

type clipArgs struct {
	head
	sums, norm, factor uint64
	most               float32
	count              int32
}

// ClipFactor binds the norm of gradients and the factor that limits it.
func (d *Device) ClipFactor(a kernels.ClipFactorArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	grid := func(m kernels.Matrix) int { // by its shape alone
		if m.Rows == 0 || m.Cols == 0 {
			return 0
		}
		return min(blocks(m.Rows*m.Cols, 1024), clipBlocks)
	}
	total := 0
	for _, m := range a.X {
		total += grid(m)
	}
	sums := b.scratch(2 * total)
	at := sums
	for i, m := range a.X {
		x, n := b.matrix(fmt.Sprintf("X[%d]", i), m), grid(m)
		launch(b, "clip_squares", dim{n, 1, 1}, 256, squaresArgs{b.head(), x, at})
		at += 8 * uint64(n)
	}
	norm, factor := b.matrix("Norm", a.Norm), b.matrix("Factor", a.Factor)
	launch(b, "clip_factor", dim{1, 1, 1}, 256, clipArgs{b.head(), sums, norm.data, factor.data, float32(a.MaxNorm), int32(total)})
	return b.finish()
}
