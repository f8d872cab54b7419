//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import "debut/kernels"

type updateArgs struct {
	head
	param, grad, m, v                            mat
	rows, starts                                 mat
	hyper                                        uint64
	walk                                         walk
	kind                                         int32
	momentum, beta1, beta2, oneMinus1, oneMinus2 float32
	epsilon, l2, decay, l1, beta                 float32
}

// Update binds a parameter update.
func (d *Device) Update(a kernels.UpdateArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	args := updateArgs{
		head: b.head(), param: b.matrix("Param", a.Param), grad: b.matrix("Grad", a.Grad), rows: b.matrix("Rows", a.Rows), starts: b.matrix("Starts", a.Starts),
		hyper: b.matrix("Hyper", a.Hyper).data, kind: int32(a.Kind), momentum: float32(a.Momentum),
		beta1: float32(a.Beta1), beta2: float32(a.Beta2), oneMinus1: float32(1 - a.Beta1), oneMinus2: float32(1 - a.Beta2),
		epsilon: float32(a.Epsilon), l2: float32(a.L2), l1: float32(a.L1), beta: float32(a.Beta),
	}
	if a.Kind == kernels.AdamW {
		args.decay = float32(a.WeightDecay)
	}
	ms := []mat{args.grad, args.param}
	hasM, hasV := a.Kind.States()
	if hasM {
		args.m = b.matrix("M", a.M)
		ms = append(ms, args.m)
	}
	if hasV {
		args.v = b.matrix("V", a.V)
		ms = append(ms, args.v)
	}
	if a.Kind == kernels.RowwiseAdagrad {
		launchRows(b, "update_rows", a.Grad.Rows, args)
		return b.finish()
	}
	var grid dim
	if a.Rows.Present() {
		args.walk, grid = b.walkRows(ms...)
	} else {
		args.walk, grid = b.walk(ms...)
	}
	launch(b, "update", grid, 256, args)
	return b.finish()
}
