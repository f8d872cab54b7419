package cpu

import "debut/kernels"

// Binary binds C = A ∘ B.
func (d *Device) Binary(a kernels.BinaryArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.C) {
		return newBinary(b, d.f64, a)
	}
	return newBinary(b, d.f32, a)
}

func newBinary[T float](b *binder, l *loops[T], a kernels.BinaryArgs) (kernels.Kernel, error) {
	z, x, y := operand[T](b, "C", a.C), operand[T](b, "A", a.A), operand[T](b, "B", a.B)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.C, a.A, a.B), block: rowsPerPart(z.cols)}
	f := l.add
	if a.Kind == kernels.Multiply {
		f = l.multiply
	}
	k.body = func(lo, hi int) { each3(lo, hi, &z, &x, &y, f) }
	return b.finish(k)
}

// Copy binds Dst = Src, of any element type.
func (d *Device) Copy(a kernels.CopyArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	switch dtypeOf(a.Dst) {
	case kernels.Float64:
		return newCopy[float64](b, a)
	case kernels.Int32:
		return newCopy[int32](b, a)
	case kernels.Uint32:
		return newCopy[uint32](b, a)
	}
	return newCopy[float32](b, a)
}

func newCopy[T kernels.Element](b *binder, a kernels.CopyArgs) (kernels.Kernel, error) {
	dst, src := operand[T](b, "Dst", a.Dst), operand[T](b, "Src", a.Src)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.Dst, a.Src), block: rowsPerPart(dst.cols)}
	f := func(dst, src []T) { copy(dst, src) }
	k.body = func(lo, hi int) { each2(lo, hi, &dst, &src, f) }
	return b.finish(k)
}

// Fill binds X = Value, of any element type, in all rows. Integers take the value without its fraction.
func (d *Device) Fill(a kernels.FillArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	switch dtypeOf(a.X) {
	case kernels.Float64:
		return newFill(b, a, a.Value)
	case kernels.Int32:
		return newFill(b, a, int32(int64(a.Value)))
	case kernels.Uint32:
		return newFill(b, a, uint32(int64(a.Value)))
	}
	return newFill(b, a, float32(a.Value))
}

func newFill[T kernels.Element](b *binder, a kernels.FillArgs, value T) (kernels.Kernel, error) {
	x := operand[T](b, "X", a.X)
	k := &rowKernel{base: b.base(), batch: batch{rows: a.X.Rows}, block: rowsPerPart(x.cols)}
	k.body = func(lo, hi int) {
		for r := lo; r < hi; r++ {
			row := x.row(r)
			for i := range row {
				row[i] = value
			}
		}
	}
	return b.finish(k)
}

func dtypeOf(m kernels.Matrix) kernels.Dtype {
	if m.Buf == nil {
		return 0
	}
	return m.Buf.Dtype()
}

// PiecewiseLinear binds the piecewise-linear encoding of numeric features.
func (d *Device) PiecewiseLinear(a kernels.PiecewiseLinearArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Y) {
		return newPiecewiseLinear[float64](b, a)
	}
	return newPiecewiseLinear[float32](b, a)
}

func newPiecewiseLinear[T float](b *binder, a kernels.PiecewiseLinearArgs) (kernels.Kernel, error) {
	y, x, edges := operand[T](b, "Y", a.Y), operand[T](b, "X", a.X), operand[T](b, "Edges", a.Edges)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.Y, a.X), block: rowsPerPart(y.cols + x.cols)}
	bins := append([]int(nil), a.Bins...)
	k.body = func(lo, hi int) {
		for r := lo; r < hi; r++ {
			dst, e := y.row(r), edges.data
			for j, v := range x.row(r) {
				n := bins[j]
				for t := range n {
					p := (v - e[t]) / (e[t+1] - e[t])
					if t > 0 {
						p = max(p, 0)
					}
					if t < n-1 {
						p = min(p, 1)
					}
					dst[t] = p
				}
				dst, e = dst[n:], e[n+1:]
			}
		}
	}
	return b.finish(k)
}
