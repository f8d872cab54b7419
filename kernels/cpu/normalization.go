package cpu

import (
	"math"

	"debut/kernels"
)

// batchNormStats takes means and variances in one pass over memory: a block of rows, which stays in the cache, is
// read twice, for its mean and for the deviations from it and their squares. The sum of the deviations corrects for
// the rounding of the mean. Blocks are brought together in their order, in float64, as sums about the first block's mean. These
// are stable: if that lies far from the mean of all, so do the rows it came from, and the variance is as large.
type batchNormStats[T float] struct {
	base
	loops    *loops[T]
	x, stats view[T]
	batch    batch
	partial  slot[T] // [blocks][mean, deviations, squares][cols]

	rows      int // valid rows of the present run
	combining bool
}

// BatchNormStats binds the means and variances of a batch's columns.
func (d *Device) BatchNormStats(a kernels.BatchNormStatsArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.X) {
		return newBatchNormStats(b, d.f64, a)
	}
	return newBatchNormStats(b, d.f32, a)
}

func newBatchNormStats[T float](b *binder, l *loops[T], a kernels.BatchNormStatsArgs) (kernels.Kernel, error) {
	k := &batchNormStats[T]{base: b.base(), loops: l, batch: b.batchOf(a.X)}
	k.x, k.stats = operand[T](b, "X", a.X), operand[T](b, "Stats", a.Stats)
	k.partial = slotOf[T](b, blocks(k.batch.rows, rowsPerSum)*3*k.x.cols)
	return b.finish(k)
}

// Run runs the kernel.
func (k *batchNormStats[T]) Run() error {
	if err := k.ready(); err != nil {
		return err
	}
	k.rows = k.batch.n()
	k.combining = false
	k.runGrains(blocks(k.rows, rowsPerSum), sumGrain(k.x.cols), k)
	k.combining = true
	k.run(blocks(k.x.cols, columnsPerPart), k)
	return nil
}

// Part takes the statistics of a block of rows, or brings together those of some columns.
func (k *batchNormStats[T]) Part(i int) {
	cols := k.x.cols
	partial := k.partial.in(k.dev)
	if k.combining {
		lo, hi := i*columnsPerPart, min((i+1)*columnsPerPart, cols)
		mean, variance := k.stats.row(0)[lo:hi], k.stats.row(1)[lo:hi]
		if k.rows == 0 {
			clear(mean)
			clear(variance)
			return
		}
		k.loops.combineMoments(mean, variance, partial, lo, cols, k.rows)
		return
	}
	k.loops.blockMoments(partial[3*i*cols:3*(i+1)*cols], &k.x, i*rowsPerSum, min((i+1)*rowsPerSum, k.rows))
}

// inverse sets out to 1/√(variance+epsilon) of each column.
func inverse[T float](out []T, stats *view[T], epsilon float64) {
	for c, v := range stats.row(1) {
		out[c] = T(1 / math.Sqrt(float64(v)+epsilon))
	}
}

// BatchNormApply binds Y = act(Gamma·(X−mean)/√(variance+Epsilon) + Beta).
func (d *Device) BatchNormApply(a kernels.BatchNormApplyArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Y) {
		return newBatchNormApply(b, d.f64, a)
	}
	return newBatchNormApply(b, d.f32, a)
}

func newBatchNormApply[T float](b *binder, l *loops[T], a kernels.BatchNormApplyArgs) (kernels.Kernel, error) {
	x, y, stats := operand[T](b, "X", a.X), operand[T](b, "Y", a.Y), operand[T](b, "Stats", a.Stats)
	gamma, beta := operand[T](b, "Gamma", a.Gamma), operand[T](b, "Beta", a.Beta)
	scale := slotOf[T](b, x.cols)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.Y, a.X), block: rowsPerPart(x.cols)}
	if b.err != nil {
		return b.finish(k)
	}
	dev, act := b.dev, l.activate[a.Activation]
	k.begin = func() {
		s := scale.in(dev)
		inverse(s, &stats, a.Epsilon)
		l.multiply(s, s, gamma.row(0))
	}
	k.body = func(lo, hi int) {
		s, mean, shift := scale.in(dev), stats.row(0), beta.row(0)
		switch a.Activation {
		case kernels.Identity:
			l.normalize(&y, &x, lo, hi, mean, s, shift)
		case kernels.ReLU:
			l.normalizeReLU(&y, &x, lo, hi, mean, s, shift)
		default:
			for r := lo; r < hi; r++ {
				l.normalize(&y, &x, r, r+1, mean, s, shift)
				act(y.row(r), y.row(r))
			}
		}
	}
	return b.finish(k)
}

// BatchNormGradParams binds the gradients of Gamma and Beta.
func (d *Device) BatchNormGradParams(a kernels.BatchNormGradParamsArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.X) {
		return newBatchNormGradParams(b, d.f64, a)
	}
	return newBatchNormGradParams(b, d.f32, a)
}

func newBatchNormGradParams[T float](b *binder, l *loops[T], a kernels.BatchNormGradParamsArgs) (kernels.Kernel, error) {
	x, dy := operand[T](b, "X", a.X), operand[T](b, "DY", a.DY)
	stats, grad := operand[T](b, "Stats", a.Stats), operand[T](b, "Grad", a.Grad)
	inv := slotOf[T](b, x.cols)
	k := newColumnSums(b, l, b.batchOf(a.X, a.DY), x.cols, grad.row(0), grad.row(1))
	dev := b.dev
	k.begin = func() { inverse(inv.in(dev), &stats, a.Epsilon) }
	k.block = func(lo, hi int, sums []T) { l.normGradParams(sums, &x, &dy, lo, hi, stats.row(0), inv.in(dev)) }
	return b.finish(k)
}

// BatchNormGradInput binds the gradient of batch norm with respect to its input.
func (d *Device) BatchNormGradInput(a kernels.BatchNormGradInputArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.DX) {
		return newBatchNormGradInput(b, d.f64, a)
	}
	return newBatchNormGradInput(b, d.f32, a)
}

func newBatchNormGradInput[T float](b *binder, l *loops[T], a kernels.BatchNormGradInputArgs) (kernels.Kernel, error) {
	dx, x, dy := operand[T](b, "DX", a.DX), operand[T](b, "X", a.X), operand[T](b, "DY", a.DY)
	stats, gamma, grad := operand[T](b, "Stats", a.Stats), operand[T](b, "Gamma", a.Gamma), operand[T](b, "Grad", a.Grad)
	scaleSlot, shiftSlot, slopeSlot := slotOf[T](b, x.cols), slotOf[T](b, x.cols), slotOf[T](b, x.cols)
	k := &rowKernel{base: b.base(), batch: b.batchOf(a.DX, a.X, a.DY), block: rowsPerPart(x.cols)}
	dev := b.dev
	// DX = scale·(DY − shift − (X−mean)·slope), with shift = dBeta/R and slope = dGamma/(R·√(variance+Epsilon)).
	k.begin = func() {
		scale, shift, slope := scaleSlot.in(dev), shiftSlot.in(dev), slopeSlot.in(dev)
		inverse(scale, &stats, a.Epsilon)
		n := float64(k.rows)
		dgamma, dbeta, g := grad.row(0), grad.row(1), gamma.row(0)
		for c := range scale {
			shift[c] = T(float64(dbeta[c]) / n)
			slope[c] = T(float64(dgamma[c]) * float64(scale[c]) / n)
			scale[c] *= g[c]
		}
	}
	k.body = func(lo, hi int) {
		scale, shift, slope, mean := scaleSlot.in(dev), shiftSlot.in(dev), slopeSlot.in(dev), stats.row(0)
		l.normGradInput(&dx, &x, &dy, lo, hi, mean, scale, shift, slope)
	}
	return b.finish(k)
}

// batchNormRunning moves running statistics towards a batch's.
type batchNormRunning[T float] struct {
	base
	batch               batch
	stats, running, out view[T]
	momentum            float64
}

// BatchNormRunning binds Out = (1−Momentum)·Running + Momentum·(mean, unbiased variance).
func (d *Device) BatchNormRunning(a kernels.BatchNormRunningArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Out) {
		return newBatchNormRunning[float64](b, a)
	}
	return newBatchNormRunning[float32](b, a)
}

func newBatchNormRunning[T float](b *binder, a kernels.BatchNormRunningArgs) (kernels.Kernel, error) {
	operand[T](b, "X", a.X) // gives its count only, but must be the device's
	k := &batchNormRunning[T]{base: b.base(), batch: b.batchOf(a.X), momentum: a.Momentum}
	k.stats, k.running, k.out = operand[T](b, "Stats", a.Stats), operand[T](b, "Running", a.Running), operand[T](b, "Out", a.Out)
	return b.finish(k)
}

// Run runs the kernel.
func (k *batchNormRunning[T]) Run() error {
	if err := k.ready(); err != nil {
		return err
	}
	unbiased := 1.0
	if n := float64(k.batch.n()); n > 1 {
		unbiased = n / (n - 1)
	}
	keep, take := T(1-k.momentum), [2]T{T(k.momentum), T(k.momentum * unbiased)}
	for i, t := range take {
		out, running := k.out.row(i), k.running.row(i)
		for c, v := range k.stats.row(i) {
			out[c] = keep*running[c] + t*v
		}
	}
	return nil
}
