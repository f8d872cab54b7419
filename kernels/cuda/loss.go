//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import "debut/kernels"

type lossArgs struct {
	head
	p, target, weight, scale, upstream, dp mat
	sums                                   uint64
	parameter                              float64
	kind, lanes                            int32
}

type lossTotalArgs struct {
	head
	scale     mat
	sums, out uint64
	count     int32
}

// Loss binds a loss, its gradient, or both.
func (d *Device) Loss(a kernels.LossArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	args := lossArgs{
		head: b.head(), p: b.matrix("P", a.P), target: b.matrix("Target", a.Target), weight: b.matrix("Weight", a.Weight),
		scale: b.matrix("Scale", a.Scale), upstream: b.matrix("Upstream", a.Upstream), dp: b.matrix("DP", a.DP),
		parameter: a.Parameter, kind: int32(a.Kind), lanes: int32(powerOfTwo(a.P.Cols, 32)),
	}
	out := b.matrix("Out", a.Out)
	grid := blocks(int(args.p.rows), 256/int(args.lanes))
	if a.Out.Present() {
		args.sums = b.scratch(2 * max(grid, 1))
	}
	launch(b, "loss_rows", dim{grid, 1, 1}, 256, args)
	if a.Out.Present() {
		launch(b, "loss_total", dim{1, 1, 1}, 256, lossTotalArgs{b.head(), args.scale, args.sums, out.data, int32(grid)})
	}
	return b.finish()
}
