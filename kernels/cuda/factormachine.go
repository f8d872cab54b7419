//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import "debut/kernels"

var _ kernels.FactorMachines = (*Device)(nil)

type factorMachineArgs struct {
	head
	x, bias, y, dx mat
	fields         int32
}

// FactorMachine binds factorization machines.
func (d *Device) FactorMachine(a kernels.FactorMachineArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	launchRows(b, "factor_machine", a.X.Rows, factorMachineArgs{
		head: b.head(), x: b.matrix("X", a.X), bias: b.matrix("Bias", a.Bias), y: b.matrix("Y", a.Y), fields: int32(a.Fields),
	})
	return b.finish()
}

// FactorMachineGrad binds the gradient of FactorMachine.
func (d *Device) FactorMachineGrad(a kernels.FactorMachineGradArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	launchRows(b, "factor_machine_grad", a.X.Rows, factorMachineArgs{
		head: b.head(), x: b.matrix("X", a.X), y: b.matrix("DY", a.DY), dx: b.matrix("DX", a.DX), fields: int32(a.Fields),
	})
	return b.finish()
}
