package cpu

import (
	"math"

	"debut/kernels"
	"debut/kernels/philox"
)

// mask is what a dropout mask is made from.
type mask[T float] struct {
	key       [2]uint32
	rounds    [20]uint32 // the keys of Philox's ten rounds, two each
	low, high uint32     // the step of the present run
	threshold uint32     // words below it drop their element
	scale     T
}

// setRounds sets the keys of the rounds from the key: before each round but the first, Philox adds its Weyl constants.
func (m *mask[T]) setRounds() {
	for i := range uint32(len(m.rounds) / 2) {
		m.rounds[2*i] = m.key[0] + i*0x9E3779B9
		m.rounds[2*i+1] = m.key[1] + i*0xBB67AE85
	}
}

// Dropout binds Y = X ⊙ mask / (1−Rate).
func (d *Device) Dropout(a kernels.DropoutArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Y) {
		return newDropout(b, d.f64, a)
	}
	return newDropout(b, d.f32, a)
}

func newDropout[T float](b *binder, l *loops[T], a kernels.DropoutArgs) (kernels.Kernel, error) {
	y, x, step := operand[T](b, "Y", a.Y), operand[T](b, "X", a.X), operand[uint32](b, "Step", a.Step)
	// A row costs more than its memory, so that parts are smaller than those of a mere pass.
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.Y, a.X), block: rowsPerPart(4 * y.cols)}
	m := &mask[T]{key: philox.Key(a.Seed, a.Stream), threshold: uint32(math.Floor(a.Rate * (1 << 32))), scale: T(1 / (1 - a.Rate))}
	m.setRounds()
	k.begin = func() { m.low, m.high = step.data[0], step.data[1] }
	k.body = func(lo, hi int) {
		for r := lo; r < hi; r++ {
			l.dropout(y.row(r), x.row(r), m, r)
		}
	}
	return b.finish(k)
}

func dropout[T float](y, x []T, m *mask[T], row int) {
	for c := 0; c < len(x); c += 4 {
		words := philox.Block(m.key, [4]uint32{uint32(c / 4), uint32(row), m.low, m.high})
		end := min(c+4, len(x))
		for i, v := range x[c:end] {
			if words[i] < m.threshold {
				v = 0
			} else {
				v *= m.scale
			}
			y[c+i] = v
		}
	}
}
