package cpu

import "debut/kernels"

// Activate binds Y = act(X).
func (d *Device) Activate(a kernels.ActivateArgs) (kernels.Kernel, error) {
	b := d.bind(a.Activation.String(), a.Check())
	if double(a.Y) {
		return newActivate(b, d.f64, a)
	}
	return newActivate(b, d.f32, a)
}

func newActivate[T float](b *binder, l *loops[T], a kernels.ActivateArgs) (kernels.Kernel, error) {
	y, x := operand[T](b, "Y", a.Y), operand[T](b, "X", a.X)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.Y, a.X), block: rowsPerPart(y.cols)}
	k.flops, k.bytes = activationCost(a.Activation)*float64(y.cols), 2*sizeOf[T]()*float64(y.cols)
	if int(a.Activation) >= len(l.activate) {
		b.unsupported(a.Activation)
		return b.finish(k)
	}
	f := l.activate[a.Activation]
	k.body = func(lo, hi int) { each2(lo, hi, &y, &x, f) }
	return b.finish(k)
}

// activationCost counts the operations of an activation on one element, an exponential as ten.
func activationCost(a kernels.Activation) float64 {
	switch a {
	case kernels.ReLU:
		return 1
	case kernels.Sigmoid, kernels.Tanh:
		return 12
	}
	return 0
}

// activationGradCost counts the operations of an activation's gradient on one element.
func activationGradCost(a kernels.Activation) float64 {
	switch a {
	case kernels.ReLU:
		return 1
	case kernels.Sigmoid, kernels.Tanh:
		return 3
	}
	return 0
}

// ActivateGrad binds DX = DY ⊙ act′, and the column sums of DX where they are asked for.
func (d *Device) ActivateGrad(a kernels.ActivateGradArgs) (kernels.Kernel, error) {
	name := a.Activation.String() + " gradient"
	if a.DBias.Present() {
		name += "+column sum"
	}
	b := d.bind(name, a.Check())
	if double(a.DX) {
		return newActivateGrad(b, d.f64, a)
	}
	return newActivateGrad(b, d.f32, a)
}

func newActivateGrad[T float](b *binder, l *loops[T], a kernels.ActivateGradArgs) (kernels.Kernel, error) {
	dx, y, dy := operand[T](b, "DX", a.DX), operand[T](b, "Y", a.Y), operand[T](b, "DY", a.DY)
	rows := b.batchOf(a.DX, a.Y, a.DY)
	var f func(dx, y, dy []T)
	if int(a.Activation) < len(l.activateGrad) {
		f = l.activateGrad[a.Activation]
	} else {
		b.unsupported(a.Activation)
	}
	flops, bytes := activationGradCost(a.Activation)*float64(dx.cols), 3*sizeOf[T]()*float64(dx.cols)
	if !a.DBias.Present() {
		k := &rowKernel{base: b.base(), batch: rows, block: rowsPerPart(dx.cols), flops: flops, bytes: bytes}
		k.body = func(lo, hi int) { each3(lo, hi, &dx, &y, &dy, f) }
		return b.finish(k)
	}
	bias := operand[T](b, "DBias", a.DBias)
	k := newColumnSums(b, l, rows, dx.cols, bias.row(0))
	k.rowFLOPs, k.rowBytes, k.fixedBytes = flops+float64(dx.cols), bytes, sizeOf[T]()*float64(dx.cols)
	if f == nil {
		return b.finish(k)
	}
	sum := l.activateGradSum[a.Activation]
	k.block = func(lo, hi int, sums []T) { sum(sums, &dx, &y, &dy, lo, hi) }
	return b.finish(k)
}

// Binary binds C = A ∘ B.
func (d *Device) Binary(a kernels.BinaryArgs) (kernels.Kernel, error) {
	b := d.bind(a.Kind.String(), a.Check())
	if double(a.C) {
		return newBinary(b, d.f64, a)
	}
	return newBinary(b, d.f32, a)
}

func newBinary[T float](b *binder, l *loops[T], a kernels.BinaryArgs) (kernels.Kernel, error) {
	z, x, y := operand[T](b, "C", a.C), operand[T](b, "A", a.A), operand[T](b, "B", a.B)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.C, a.A, a.B), block: rowsPerPart(z.cols)}
	k.flops, k.bytes = float64(z.cols), 3*sizeOf[T]()*float64(z.cols)
	var f func(z, x, y []T)
	switch a.Kind {
	case kernels.Add:
		f = l.add
	case kernels.Multiply:
		f = l.multiply
	default:
		b.unsupported(a.Kind)
	}
	k.body = func(lo, hi int) { each3(lo, hi, &z, &x, &y, f) }
	return b.finish(k)
}

// Copy binds Dst = Src, of any element type.
func (d *Device) Copy(a kernels.CopyArgs) (kernels.Kernel, error) {
	b := d.bind("copy", a.Check())
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
	k.bytes = 2 * sizeOf[T]() * float64(dst.cols)
	f := func(dst, src []T) { copy(dst, src) }
	k.body = func(lo, hi int) { each2(lo, hi, &dst, &src, f) }
	return b.finish(k)
}

// Fill binds X = Value, of any element type, in all rows. Integers take the value without its fraction.
func (d *Device) Fill(a kernels.FillArgs) (kernels.Kernel, error) {
	b := d.bind("fill", a.Check())
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
	k.bytes = sizeOf[T]() * float64(x.cols)
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
	b := d.bind("piecewise linear", a.Check())
	if double(a.Y) {
		return newPiecewiseLinear[float64](b, a)
	}
	return newPiecewiseLinear[float32](b, a)
}

func newPiecewiseLinear[T float](b *binder, a kernels.PiecewiseLinearArgs) (kernels.Kernel, error) {
	y, x, edges := operand[T](b, "Y", a.Y), operand[T](b, "X", a.X), operand[T](b, "Edges", a.Edges)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.Y, a.X), block: rowsPerPart(y.cols + x.cols)}
	k.flops = 4 * float64(y.cols)
	k.bytes = sizeOf[T]() * float64(x.cols+y.cols)
	k.fixed = sizeOf[T]() * float64(edges.cols)
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
