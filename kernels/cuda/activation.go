//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import "debut/kernels"

type activateArgs struct {
	head
	x, y     mat
	walk     walk
	function int32
}

// Activate binds Y = act(X).
func (d *Device) Activate(a kernels.ActivateArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	x, y := b.matrix("X", a.X), b.matrix("Y", a.Y)
	w, grid := b.walk(y, x)
	launch(b, "activate_rows", grid, 256, activateArgs{b.head(), x, y, w, int32(a.Activation)})
	return b.finish()
}

type activateGradArgs struct {
	head
	at, dy, dx mat
	walk       walk
	function   int32
}

type activateGradSumArgs struct {
	head
	at, dy, dx                   mat
	sums                         uint64
	pitch                        int64
	chunk, lanes, wide, function int32
}

// ActivateGrad binds DX = DY ⊙ act′, and the column sums of DX where they are asked for: in one pass that leaves sums
// of chunks of rows, and a second one over those.
func (d *Device) ActivateGrad(a kernels.ActivateGradArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	name, m := a.At()
	at, dy, dx, bias := b.matrix(name, m), b.matrix("DY", a.DY), b.matrix("DX", a.DX), b.matrix("DBias", a.DBias)
	if !a.DBias.Present() {
		w, grid := b.walk(dx, at, dy)
		launch(b, "activate_grad_rows", grid, 256, activateGradArgs{b.head(), at, dy, dx, w, int32(a.Activation)})
		return b.finish()
	}
	p := planColumns(a.DX.Rows, int(dx.cols))
	sums := bias.data
	if p.chunks > 1 {
		sums = b.scratch(p.chunks * p.pitch)
	}
	launch(b, "activate_grad_sums", dim{p.across, p.chunks, 1}, 256, activateGradSumArgs{
		head: b.head(), at: at, dy: dy, dx: dx, sums: sums, pitch: int64(p.pitch), chunk: int32(p.chunk), lanes: int32(p.lanes),
		wide: flag(at.aligned() && dy.aligned() && dx.aligned()), function: int32(a.Activation),
	})
	if p.chunks > 1 {
		b.sumChunks(p, sums, bias)
	}
	return b.finish()
}
