//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"fmt"
	"math"

	"debut/kernels"
)

// The length of Control in words, and where its history begins.
const (
	controlWords   = controlHistory + kernels.GuardHistory
	controlHistory = 4
)

type guardArgs struct {
	head
	x       mat
	control uint64
}

// Guard binds a look at X [1, 1]: a number that is not finite halts the device.
func (d *Device) Guard(a kernels.GuardArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	x := b.matrix("X", a.X)
	launch(b, "guard", dim{1, 1, 1}, 1, guardArgs{b.head(), x, d.control.address(0)})
	return b.finish()
}

// Guarded waits for queued work and returns what guards have seen since the last call.
func (d *Device) Guarded() (kernels.GuardState, error) {
	c := &d.seen
	if err := d.Download(kernels.Bytes(c[:]), d.control, 0); err != nil {
		return kernels.GuardState{}, err
	}
	passed := int(math.Float32bits(c[2]))
	if passed > kernels.GuardHistory {
		return kernels.GuardState{}, fmt.Errorf("cuda: guards looked at %d numbers, more than the %d remembered", passed, kernels.GuardHistory)
	}
	s := kernels.GuardState{
		Halted: math.Float32bits(c[0]) != 0, Value: float64(c[1]), Passed: c[controlHistory : controlHistory+passed],
	}
	if s.Halted {
		d.thaws++ // counts that were set while nothing was done are not what the host believes
	}
	return s, d.reset()
}

// reset clears what guards have seen, and lets the device go on. It is no kernel: those do nothing on a halted device.
func (d *Device) reset() error {
	return d.zero(d.control)
}
