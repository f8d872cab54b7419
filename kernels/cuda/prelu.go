//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import "debut/kernels"

var _ kernels.Rectification = (*Device)(nil)

type preluArgs struct {
	head
	x, slope, y mat
	walk        walk
}

// PReLU binds Y = X where X > 0, Slope ⊙ X elsewhere.
func (d *Device) PReLU(a kernels.PReLUArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	args := preluArgs{head: b.head(), x: b.matrix("X", a.X), slope: b.matrix("Slope", a.Slope), y: b.matrix("Y", a.Y)}
	var grid dim
	args.walk, grid = b.walkRows(args.y, args.x, args.slope)
	launch(b, "prelu_rows", grid, 256, args)
	return b.finish()
}

type preluGradArgs struct {
	head
	x, slope, dy, dx mat
	walk             walk
}

type preluSlopeArgs struct {
	head
	x, dy              mat
	sums               uint64
	pitch              int64
	chunk, lanes, wide int32
}

// PReLUGrad binds the gradients of PReLU, that of the slope first, as DX may be DY: in one pass that leaves sums of chunks of
// rows, and a second one over those.
func (d *Device) PReLUGrad(a kernels.PReLUGradArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	x, slope, dy := b.matrix("X", a.X), b.matrix("Slope", a.Slope), b.matrix("DY", a.DY)
	dx, dslope := b.matrix("DX", a.DX), b.matrix("DSlope", a.DSlope)
	if a.DSlope.Present() {
		p := planColumns(a.X.Rows, int(x.cols))
		sums := dslope.data
		if p.chunks > 1 {
			sums = b.scratch(p.chunks * p.pitch)
		}
		launch(b, "prelu_slope_sums", dim{p.across, p.chunks, 1}, 256, preluSlopeArgs{
			b.head(), x, dy, sums, int64(p.pitch), int32(p.chunk), int32(p.lanes), flag(x.aligned() && dy.aligned()),
		})
		if p.chunks > 1 {
			b.sumChunks(p, sums, dslope)
		}
	}
	if a.DX.Present() {
		w, grid := b.walkRows(dx, x, dy, slope)
		launch(b, "prelu_grad_rows", grid, 256, preluGradArgs{b.head(), x, slope, dy, dx, w})
	}
	return b.finish()
}
