package cpu

import "debut/kernels"

var _ kernels.Rectification = (*Device)(nil)

// prelu is y = x where x > 0, slope·x elsewhere; NaN stays.
func prelu[T float](y, x *view[T], lo, hi int, slope []T) {
	for r := lo; r < hi; r++ {
		out := y.row(r)
		for c, v := range x.row(r) {
			out[c] = max(v, 0) + slope[c]*min(v, 0)
		}
	}
}

// preluGrad is dx = dy where x > 0 or NaN, slope·dy elsewhere.
func preluGrad[T float](dx, x, dy *view[T], lo, hi int, slope []T) {
	for r := lo; r < hi; r++ {
		out, g := dx.row(r), dy.row(r)
		for c, v := range x.row(r) {
			d := g[c]
			if v <= 0 {
				d *= slope[c]
			}
			out[c] = d
		}
	}
}

// preluSlope sets sums to the column sums of dy·min(x, 0) over the rows.
func preluSlope[T float](sums []T, x, dy *view[T], lo, hi int) {
	clear(sums)
	for r := lo; r < hi; r++ {
		g := dy.row(r)
		for c, v := range x.row(r) {
			sums[c] += g[c] * min(v, 0)
		}
	}
}

// PReLU binds Y = X where X > 0, Slope ⊙ X elsewhere.
func (d *Device) PReLU(a kernels.PReLUArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Y) {
		return newPReLU(b, a, prelu[float64])
	}
	loop := prelu[float32]
	if r := d.f32.routines; r != nil {
		loop = func(y, x *view[float32], lo, hi int, slope []float32) {
			to, toStride := rowAt(y, lo)
			p, stride := rowAt(x, lo)
			r.prelu(hi-lo, x.cols, to, toStride, p, stride, memory(slope[:x.cols]))
		}
	}
	return newPReLU(b, a, loop)
}

func newPReLU[T float](b *binder, a kernels.PReLUArgs, loop func(y, x *view[T], lo, hi int, slope []T)) (kernels.Kernel, error) {
	y, x, slope := operand[T](b, "Y", a.Y), operand[T](b, "X", a.X), operand[T](b, "Slope", a.Slope)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.Y, a.X), block: rowsPerPart(y.cols)}
	k.body = func(lo, hi int) { loop(&y, &x, lo, hi, slope.row(0)) }
	return b.finish(k)
}

// PReLUGrad binds the gradients of PReLU.
func (d *Device) PReLUGrad(a kernels.PReLUGradArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.X) {
		return newPReLUGrad(b, d.f64, a, preluGrad[float64], preluSlope[float64])
	}
	grad, sum := preluGrad[float32], preluSlope[float32]
	if r := d.f32.routines; r != nil {
		grad = func(dx, x, dy *view[float32], lo, hi int, slope []float32) {
			to, toStride := rowAt(dx, lo)
			p, stride := rowAt(x, lo)
			g, gStride := rowAt(dy, lo)
			r.preluGrad(hi-lo, x.cols, to, toStride, p, stride, g, gStride, memory(slope[:x.cols]))
		}
		sum = func(sums []float32, x, dy *view[float32], lo, hi int) {
			p, stride := rowAt(x, lo)
			g, gStride := rowAt(dy, lo)
			r.preluSlope(hi-lo, x.cols, p, stride, g, gStride, memory(sums[:x.cols]))
		}
	}
	return newPReLUGrad(b, d.f32, a, grad, sum)
}

func newPReLUGrad[T float](b *binder, l *loops[T], a kernels.PReLUGradArgs, grad func(dx, x, dy *view[T], lo, hi int, slope []T),
	sum func(sums []T, x, dy *view[T], lo, hi int)) (kernels.Kernel, error) {
	x, slope, dy := operand[T](b, "X", a.X), operand[T](b, "Slope", a.Slope), operand[T](b, "DY", a.DY)
	dx, dslope := operand[T](b, "DX", a.DX), operand[T](b, "DSlope", a.DSlope)
	rows := b.batchOf(a.X, a.DY, a.DX)
	if b.err != nil {
		return b.finish(nil)
	}
	if !dslope.present {
		k := &rowKernel{base: b.base(), batch: rows, block: rowsPerPart(x.cols)}
		k.body = func(lo, hi int) { grad(&dx, &x, &dy, lo, hi, slope.row(0)) }
		return b.finish(k)
	}
	k := newColumnSums(b, l, rows, x.cols, dslope.row(0))
	k.block = func(lo, hi int, sums []T) {
		sum(sums, &x, &dy, lo, hi) // first: dx may be dy
		if dx.present {
			grad(&dx, &x, &dy, lo, hi, slope.row(0))
		}
	}
	return b.finish(k)
}
