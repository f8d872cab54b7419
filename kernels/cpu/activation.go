package cpu

import (
	"math"

	"debut/kernels"
)

// activation is the loops of an activation. Its gradient takes at, which is the activation's input or output, as
// kernels.Activation.OfInput tells.
type activation[T float] struct {
	apply func(y, x []T)
	grad  func(dx, at, dy []T)
}

// activations returns the loops in plain Go, by Activation.
func activations[T float]() []activation[T] {
	return []activation[T]{
		kernels.Identity: {identity[T], identityGrad[T]},
		kernels.ReLU:     {relu[T], reluGrad[T]},
		kernels.Sigmoid:  {sigmoid[T], sigmoidGrad[T]},
		kernels.Tanh:     {tanh[T], tanhGrad[T]},
		kernels.SiLU:     {silu[T], siluGrad[T]},
		kernels.GELU:     {gelu[T], geluGrad[T]},
	}
}

func identity[T float](y, x []T) { copy(y, x) }

func identityGrad[T float](dx, _, dy []T) { copy(dx, dy) }

func relu[T float](y, x []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = max(v, 0)
	}
}

func reluGrad[T float](dx, y, dy []T) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		g := dy[i]
		if v <= 0 {
			g = 0
		}
		dx[i] = g
	}
}

func sigmoid[T float](y, x []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = T(logistic(float64(v)))
	}
}

// logistic returns 1/(1+e⁻ˣ). Where the exponential overflows, the quotient is 0, as it should be.
func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func sigmoidGrad[T float](dx, y, dy []T) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		dx[i] = dy[i] * (v * (1 - v))
	}
}

func tanh[T float](y, x []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = T(math.Tanh(float64(v)))
	}
}

func tanhGrad[T float](dx, y, dy []T) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		dx[i] = dy[i] * ((1 - v) * (1 + v)) // keeps its digits where v is near ±1
	}
}

func silu[T float](y, x []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = T(float64(v) * logistic(float64(v)))
	}
}

func siluGrad[T float](dx, x, dy []T) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		q := logistic(float64(v))
		// 1 − sigmoid(x), of which no digit is lost to a difference, is sigmoid(−x).
		dx[i] = T(float64(dy[i]) * (q + float64(v)*q*logistic(-float64(v))))
	}
}

func gelu[T float](y, x []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = T(float64(v) * normal(float64(v)))
	}
}

// normal returns Φ(x), the distribution function of the normal distribution. Rounding its argument costs tails some x²/2 roundings
// of float64.
func normal(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

func geluGrad[T float](dx, x, dy []T) {
	const density = 0.39894228040143267793994605993438 // at 0: 1/√(2π)
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		v := float64(v)
		dx[i] = T(float64(dy[i]) * (normal(v) + v*density*math.Exp(-v*v/2)))
	}
}

// gradSum returns the loop that applies an activation's gradient by rows and sums the columns of what comes out, which is
// in the cache still.
func gradSum[T float](grad func(dx, at, dy []T), columnSum func(sums []T, x *view[T], lo, hi int)) func(sums []T, dx, at, dy *view[T], lo, hi int) {
	return func(sums []T, dx, at, dy *view[T], lo, hi int) {
		for r := lo; r < hi; r++ {
			grad(dx.row(r), at.row(r), dy.row(r))
		}
		columnSum(sums, dx, lo, hi)
	}
}

// Activate binds Y = act(X).
func (d *Device) Activate(a kernels.ActivateArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Y) {
		return newActivate(b, d.f64, a)
	}
	return newActivate(b, d.f32, a)
}

func newActivate[T float](b *binder, l *loops[T], a kernels.ActivateArgs) (kernels.Kernel, error) {
	y, x := operand[T](b, "Y", a.Y), operand[T](b, "X", a.X)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.Y, a.X), block: rowsPerPart(y.cols)}
	if b.err != nil {
		return b.finish(k)
	}
	f := l.activate[a.Activation]
	k.body = func(lo, hi int) { each2(lo, hi, &y, &x, f) }
	return b.finish(k)
}

// ActivateGrad binds DX = DY ⊙ act′, and the column sums of DX where they are asked for.
func (d *Device) ActivateGrad(a kernels.ActivateGradArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.DX) {
		return newActivateGrad(b, d.f64, a)
	}
	return newActivateGrad(b, d.f32, a)
}

func newActivateGrad[T float](b *binder, l *loops[T], a kernels.ActivateGradArgs) (kernels.Kernel, error) {
	name, m := a.At()
	dx, at, dy := operand[T](b, "DX", a.DX), operand[T](b, name, m), operand[T](b, "DY", a.DY)
	bias := operand[T](b, "DBias", a.DBias)
	rows := b.batchOf(a.DX, m, a.DY)
	if b.err != nil {
		return b.finish(nil)
	}
	if !bias.present {
		f := l.activateGrad[a.Activation]
		k := &rowKernel{base: b.base(), batch: rows, block: rowsPerPart(dx.cols)}
		k.body = func(lo, hi int) { each3(lo, hi, &dx, &at, &dy, f) }
		return b.finish(k)
	}
	sum := l.activateGradSum[a.Activation]
	k := newColumnSums(b, l, rows, dx.cols, bias.row(0))
	k.block = func(lo, hi int, sums []T) { sum(sums, &dx, &at, &dy, lo, hi) }
	return b.finish(k)
}
