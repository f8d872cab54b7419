//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"fmt"
	"math"

	"debut/kernels"
)

var _ kernels.LeastSquares = (*Device)(nil)

type solveRowsArgs struct {
	head
	x, y, weights, targets, gram, ridge, loss mat
	offsets, columns, window                  mat
	systems                                   uint64
	gramWeight                                float32
	steps, least, most                        int32
}

const (
	// solveColumns is the widest row that there is a kernel for; see leastsquares.cu.
	solveColumns = 1024
	// warpColumns is the widest row that a warp fits; wider ones take a block.
	warpColumns = 256
	// warpEntries is how many entries the row of a warp has at most: the others would wait for a longer one.
	warpEntries = 1024
	// systemBytes bounds the memory of the systems that are solved at a time.
	systemBytes = 256 << 20
)

// SolveRows binds the fit of the rows of a factor.
func (d *Device) SolveRows(a kernels.SolveRowsArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	rows, cols := a.X.Rows, a.X.Cols
	if cols > solveColumns {
		b.fail(fmt.Errorf("cuda: %s: %d columns, there is a kernel for at most %d: %w", a.Name(), cols, solveColumns, kernels.ErrUnsupported))
	}
	args := solveRowsArgs{
		head: b.head(), x: b.matrix("X", a.X), y: b.matrix("Y", a.Y), weights: b.matrix("Weights", a.Weights), targets: b.matrix("Targets", a.Targets),
		gram: b.matrix("Gram", a.Gram), ridge: b.matrix("Ridge", a.Ridge), loss: b.matrix("Loss", a.Loss), offsets: b.matrix("Offsets", a.Offsets),
		columns: b.matrix("Columns", a.Columns), window: b.matrix("Window", a.Window), gramWeight: float32(a.GramWeight), steps: int32(min(a.Steps, math.MaxInt32)), most: math.MaxInt32,
	}
	if a.Steps == 0 {
		grid := min(rows, 2*b.multiprocessors, max(1, systemBytes/4/max(cols*cols, 1)))
		args.systems = b.scratch(grid * cols * cols)
		launch(b, "solve_rows", dim{grid, 1, 1}, 256, args)
		return b.finish()
	}
	blocksAtATime := b.multiprocessors * blocksPerMultiprocessor
	if cols <= warpColumns {
		short := args
		short.most = warpEntries
		launch(b, fmt.Sprintf("fit_warp_%d", powerOfTwo(blocks(cols, 32), 8)), dim{min(blocks(rows, rowWarps), blocksAtATime), 1, 1}, 256, short)
		args.least = warpEntries + 1
	}
	width := 2
	for 32*width < cols {
		width *= 4
	}
	if a.Columns.Rows >= int(args.least) {
		launch(b, fmt.Sprintf("fit_block_%d", width), dim{min(rows, blocksAtATime), 1, 1}, 256, args)
	}
	return b.finish()
}
