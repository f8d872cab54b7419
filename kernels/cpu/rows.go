package cpu

import (
	"math"

	"debut/kernels"
)

var _ kernels.RowAlgebra = (*Device)(nil)

// NormalizeRows binds Y = X with rows of length 1.
func (d *Device) NormalizeRows(a kernels.NormalizeRowsArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Y) {
		return newNormalizeRows(b, d.f64, a)
	}
	return newNormalizeRows(b, d.f32, a)
}

func newNormalizeRows[T float](b *binder, l *loops[T], a kernels.NormalizeRowsArgs) (kernels.Kernel, error) {
	y, x := operand[T](b, "Y", a.Y), operand[T](b, "X", a.X)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.Y, a.X), block: rowsPerPart(y.cols)}
	k.body = func(lo, hi int) {
		for r := lo; r < hi; r++ {
			from, to := x.row(r), y.row(r)
			inverse := inverseLength(l, from)
			for c, v := range from {
				to[c] = T(float64(v) * inverse)
			}
		}
	}
	return b.finish(k)
}

// inverseLength is 1/|x|, and 0 of zeros.
func inverseLength[T float](l *loops[T], x []T) float64 {
	squares := l.sumSquares(x)
	if squares == 0 {
		return 0
	}
	return 1 / math.Sqrt(squares)
}

// NormalizeRowsGrad binds the gradient of NormalizeRows.
func (d *Device) NormalizeRowsGrad(a kernels.NormalizeRowsGradArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.X) {
		return newNormalizeRowsGrad(b, d.f64, a)
	}
	return newNormalizeRowsGrad(b, d.f32, a)
}

func newNormalizeRowsGrad[T float](b *binder, l *loops[T], a kernels.NormalizeRowsGradArgs) (kernels.Kernel, error) {
	x, dy, dx := operand[T](b, "X", a.X), operand[T](b, "DY", a.DY), operand[T](b, "DX", a.DX)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.X, a.DY, a.DX), block: rowsPerPart(x.cols)}
	k.body = func(lo, hi int) {
		for r := lo; r < hi; r++ {
			at, g, to := x.row(r), dy.row(r), dx.row(r)
			inverse := inverseLength(l, at)
			along := 0.0 // y·dy
			for c, v := range at {
				along += float64(v) * inverse * float64(g[c])
			}
			for c, v := range at {
				to[c] = T((float64(g[c]) - float64(v)*inverse*along) * inverse)
			}
		}
	}
	return b.finish(k)
}

// SumFields binds the weighted sum of fields.
func (d *Device) SumFields(a kernels.SumFieldsArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Y) {
		return newSumFields(b, d.f64, a)
	}
	return newSumFields(b, d.f32, a)
}

func newSumFields[T float](b *binder, l *loops[T], a kernels.SumFieldsArgs) (kernels.Kernel, error) {
	y, x, weights, bias := operand[T](b, "Y", a.Y), operand[T](b, "X", a.X), operand[T](b, "Weights", a.Weights), operand[T](b, "Bias", a.Bias)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.Y, a.X, a.Weights), block: rowsPerPart(x.cols)}
	d := y.cols
	k.body = func(lo, hi int) {
		if d == 0 {
			return
		}
		for r := lo; r < hi; r++ {
			to, from := y.row(r), x.row(r)
			for f := range x.cols / d {
				switch part := from[f*d : (f+1)*d]; {
				case weights.present && f == 0:
					l.scale(to, part, weights.row(r)[f])
				case weights.present:
					l.axpy(weights.row(r)[f], part, to)
				case f == 0:
					copy(to, part)
				default:
					l.add(to, to, part)
				}
			}
			if bias.present {
				l.add(to, to, bias.row(0))
			}
		}
	}
	return b.finish(k)
}

// SumFieldsGrad binds the gradient of SumFields.
func (d *Device) SumFieldsGrad(a kernels.SumFieldsGradArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.DY) {
		return newSumFieldsGrad(b, d.f64, a)
	}
	return newSumFieldsGrad(b, d.f32, a)
}

func newSumFieldsGrad[T float](b *binder, l *loops[T], a kernels.SumFieldsGradArgs) (kernels.Kernel, error) {
	dy, weights, dx := operand[T](b, "DY", a.DY), operand[T](b, "Weights", a.Weights), operand[T](b, "DX", a.DX)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.DY, a.Weights, a.DX), block: rowsPerPart(dx.cols)}
	d := dy.cols
	k.body = func(lo, hi int) {
		if d == 0 {
			return
		}
		for r := lo; r < hi; r++ {
			from, to := dy.row(r), dx.row(r)
			for f := range dx.cols / d {
				if part := to[f*d : (f+1)*d]; weights.present {
					l.scale(part, from, weights.row(r)[f])
				} else {
					copy(part, from)
				}
			}
		}
	}
	return b.finish(k)
}
