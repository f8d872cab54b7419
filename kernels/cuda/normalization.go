//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import "debut/kernels"

// Columns that a block of normalization's threads has side by side, and rows below each other.
const (
	normAcross = 32
	normDown   = 8
)

// The rows of a chunk, whose sums are taken in float32: at least normChunk, and as many as keep chunks few.
const (
	normChunk  = 64
	normChunks = 128
)

type normSumsArgs struct {
	head
	x, stats, dy mat
	chunks       uint64
	chunk        int32
	epsilon      float32
}

type normCombineArgs struct {
	head
	x, out       mat
	chunks       uint64
	count, chunk int32
}

type normApplyArgs struct {
	head
	x, stats, gamma, beta, y mat
	epsilon                  float32
	function                 int32
}

type normGradInputArgs struct {
	head
	x, stats, gamma, dy, grad, dx mat
	epsilon                       float32
}

type normRunningArgs struct {
	head
	x, stats, running, out mat
	momentum, keep         float32
}

// normChunksOf returns how many chunks so many rows are cut into, and the rows of each.
func normChunksOf(rows int) (count, chunk int) {
	chunk = max(normChunk, blocks(blocks(rows, normChunks), normDown)*normDown)
	return max(blocks(rows, chunk), 1), chunk
}

// normSums appends the two passes of sums over the rows of a batch: of chunks, then over those.
func (b *binder) normSums(first, second string, x, stats, dy, out mat, epsilon float64) {
	count, chunk := normChunksOf(int(x.rows))
	chunks := b.scratch(3 * count * int(x.cols))
	launch(b, first, dim{blocks(int(x.cols), normAcross), count, 1}, normAcross*normDown,
		normSumsArgs{b.head(), x, stats, dy, chunks, int32(chunk), float32(epsilon)})
	launch(b, second, dim{blocks(int(x.cols), 64), 1, 1}, 64, normCombineArgs{b.head(), x, out, chunks, int32(count), int32(chunk)})
}

// normGrid is the grid of a kernel whose threads go down the rows of their columns.
func (b *binder) normGrid(m mat) dim {
	across := blocks(int(m.cols), normAcross)
	return dim{across, max(1, min(blocks(int(m.rows), normDown), b.multiprocessors*blocksPerMultiprocessor/max(across, 1))), 1}
}

// BatchNormStats binds the means and variances of a batch's columns.
func (d *Device) BatchNormStats(a kernels.BatchNormStatsArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	x, stats := b.matrix("X", a.X), b.matrix("Stats", a.Stats)
	b.normSums("norm_moments", "norm_statistics", x, mat{}, mat{}, stats, 0)
	return b.finish()
}

// BatchNormApply binds the normalization of a batch.
func (d *Device) BatchNormApply(a kernels.BatchNormApplyArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	args := normApplyArgs{
		head: b.head(), x: b.matrix("X", a.X), stats: b.matrix("Stats", a.Stats), gamma: b.matrix("Gamma", a.Gamma),
		beta: b.matrix("Beta", a.Beta), y: b.matrix("Y", a.Y), epsilon: float32(a.Epsilon), function: int32(a.Activation),
	}
	launch(b, "norm_apply", b.normGrid(args.y), normAcross*normDown, args)
	return b.finish()
}

// BatchNormGradParams binds the gradients of gamma and beta.
func (d *Device) BatchNormGradParams(a kernels.BatchNormGradParamsArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	x, stats, dy, grad := b.matrix("X", a.X), b.matrix("Stats", a.Stats), b.matrix("DY", a.DY), b.matrix("Grad", a.Grad)
	b.normSums("norm_grad_sums", "norm_grad_params", x, stats, dy, grad, a.Epsilon)
	return b.finish()
}

// BatchNormGradInput binds the gradient of a batch.
func (d *Device) BatchNormGradInput(a kernels.BatchNormGradInputArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	args := normGradInputArgs{
		head: b.head(), x: b.matrix("X", a.X), stats: b.matrix("Stats", a.Stats), gamma: b.matrix("Gamma", a.Gamma),
		dy: b.matrix("DY", a.DY), grad: b.matrix("Grad", a.Grad), dx: b.matrix("DX", a.DX), epsilon: float32(a.Epsilon),
	}
	launch(b, "norm_grad_input", b.normGrid(args.dx), normAcross*normDown, args)
	return b.finish()
}

// BatchNormRunning binds the update of running statistics.
func (d *Device) BatchNormRunning(a kernels.BatchNormRunningArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	args := normRunningArgs{
		head: b.head(), x: b.matrix("X", a.X), stats: b.matrix("Stats", a.Stats), running: b.matrix("Running", a.Running),
		out: b.matrix("Out", a.Out), momentum: float32(a.Momentum), keep: float32(1 - a.Momentum),
	}
	launch(b, "norm_running", dim{blocks(int(args.out.cols), 64), 1, 1}, 64, args)
	return b.finish()
}
