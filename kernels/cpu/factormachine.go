package cpu

import "debut/kernels"

var _ kernels.FactorMachines = (*Device)(nil)

// fieldMoments sets sum and square to the sums of the fields that lie side by side in x, and of their squares; each is as long as sum.
func fieldMoments[T float](sum, square, x []T) {
	clear(sum)
	clear(square)
	for ; len(x) > 0; x = x[len(sum):] {
		for c, v := range x[:len(sum)] {
			sum[c] += v
			square[c] += v * v
		}
	}
}

// fieldGradient is dx = shift − factor·x for the fields that lie side by side in x, each as long as shift.
func fieldGradient[T float](dx, x, shift, factor []T) {
	for n := len(shift); len(x) > 0; dx, x = dx[n:], x[n:] {
		for c, v := range x[:n] {
			dx[c] = shift[c] - factor[c]*v
		}
	}
}

// machine is a factorization machine of rows: the shape of a field, and memory for two fields in each part.
type machine[T float] struct {
	dev              *Device
	outputs, factors int
	width            int // of a field
	block            int // rows of a part
	perPart          int // elements of scratch memory: whole cache lines, which threads do not write side by side
	scratch          slot[T]
}

func newMachine[T float](b *binder, x kernels.Matrix, outputs, fields int) *machine[T] {
	if b.err != nil {
		return nil
	}
	width := x.Cols / fields
	block := rowsPerPart(x.Cols)
	perPart := apart[T](2 * width)
	return &machine[T]{b.dev, outputs, width/outputs - 1, width, block, perPart, slotOf[T](b, perPart*blocks(x.Rows, block))}
}

// fields returns the memory of the part of a row.
func (m *machine[T]) fields(row int) (sum, square []T) {
	all := m.scratch.in(m.dev)[m.perPart*(row/m.block):]
	return all[:m.width:m.width], all[m.width : 2*m.width : 2*m.width]
}

// FactorMachine binds factorization machines.
func (d *Device) FactorMachine(a kernels.FactorMachineArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.X) {
		return newFactorMachine(b, d.f64, a)
	}
	return newFactorMachine(b, d.f32, a)
}

func newFactorMachine[T float](b *binder, l *loops[T], a kernels.FactorMachineArgs) (kernels.Kernel, error) {
	x, bias, y := operand[T](b, "X", a.X), operand[T](b, "Bias", a.Bias), operand[T](b, "Y", a.Y)
	m := newMachine[T](b, a.X, a.Y.Cols, a.Fields)
	if b.err != nil {
		return b.finish(nil)
	}
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.X, a.Y), block: m.block}
	k.body = func(lo, hi int) {
		sum, square := m.fields(lo)
		for r := lo; r < hi; r++ {
			l.fieldMoments(sum, square, x.row(r))
			to := y.row(r)
			for o := range to {
				first := m.outputs + o*m.factors
				pairs, q := T(0), square[first:first+m.factors]
				for c, s := range sum[first : first+m.factors] {
					pairs += s*s - q[c]
				}
				to[o] = sum[o] + pairs/2
			}
			if bias.present {
				l.add(to, to, bias.row(0))
			}
		}
	}
	return b.finish(k)
}

// FactorMachineGrad binds the gradient of FactorMachine.
func (d *Device) FactorMachineGrad(a kernels.FactorMachineGradArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.X) {
		return newFactorMachineGrad(b, d.f64, a)
	}
	return newFactorMachineGrad(b, d.f32, a)
}

func newFactorMachineGrad[T float](b *binder, l *loops[T], a kernels.FactorMachineGradArgs) (kernels.Kernel, error) {
	x, dy, dx := operand[T](b, "X", a.X), operand[T](b, "DY", a.DY), operand[T](b, "DX", a.DX)
	m := newMachine[T](b, a.X, a.DY.Cols, a.Fields)
	if b.err != nil {
		return b.finish(nil)
	}
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.X, a.DY, a.DX), block: m.block}
	k.body = func(lo, hi int) {
		shift, factor := m.fields(lo)
		for r := lo; r < hi; r++ {
			from := x.row(r)
			l.fieldMoments(shift, factor, from)
			for o, g := range dy.row(r) {
				shift[o], factor[o] = g, 0
				for c := m.outputs + o*m.factors; c < m.outputs+(o+1)*m.factors; c++ {
					shift[c] *= g
					factor[c] = g
				}
			}
			l.fieldGradient(dx.row(r), from, shift, factor)
		}
	}
	return b.finish(k)
}
