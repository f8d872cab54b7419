package cpu

import (
	"math"

	"debut/kernels"
)

// loops are the inner loops that a level of instructions may have its own of. Slices given to one call have one
// length, save where a comment says otherwise; an output may be the same slice as an input.
type loops[T float] struct {
	tiling[T] // of matrix products

	// dot returns Σ xᵢ·yᵢ.
	dot func(x, y []T) T
	// axpy is y += alpha·x.
	axpy func(alpha T, x, y []T)

	// sumSquares returns Σ xᵢ², added in float64.
	sumSquares func(x []T) float64

	activate     [4]func(y, x []T)      // by Activation
	activateGrad [4]func(dx, y, dy []T) // by Activation
	add          func(z, x, y []T)
	multiply     func(z, x, y []T)

	// Those below that take views do rows lo … hi−1 of them.

	// activateGradSum is activateGrad by rows, and sets sums to the column sums of these rows of dx. By Activation.
	activateGradSum [4]func(sums []T, dx, y, dy *view[T], lo, hi int)
	// columnSum sets sums to the column sums of the rows.
	columnSum func(sums []T, x *view[T], lo, hi int)
	// addBlocks sets sums[c] to Σ partial[b·stride + c] over blocks b, added in float64.
	addBlocks func(sums, partial []T, stride, blocks int)

	// blockMoments sets block [3][cols] to the rows' means, and their sums of deviations from these and of squares of
	// deviations.
	blockMoments func(block []T, x *view[T], lo, hi int)
	// combineMoments sets means and variances of columns first … from those of blocks of rowsPerSum rows, the last of
	// which may have fewer; rows is positive.
	combineMoments func(mean, variance, partial []T, first, cols, rows int)
	// normalize is y = (x − mean)·scale + shift, normalizeReLU max(y, 0) of that.
	normalize, normalizeReLU func(y, x *view[T], lo, hi int, mean, scale, shift []T)
	// normGradParams sets sums [2][cols] to Σ dy·(x − mean)·inverse and Σ dy.
	normGradParams func(sums []T, x, dy *view[T], lo, hi int, mean, inverse []T)
	// normGradInput is dx = scale·(dy − shift − (x − mean)·slope).
	normGradInput func(dx, x, dy *view[T], lo, hi int, mean, scale, shift, slope []T)

	update [6]func(h *hyper[T], w, g, m, v []T) // by OptimizerKind; m and v as it keeps them

	// gather sets the rows of out, one behind the other and as wide as the table, to those that ids name, or to 0.
	gather func(out []T, table *view[T], ids []int32)
	// prefetch says that x will be needed soon.
	prefetch func(x []T)

	// dropout is y = x ⊙ mask·scale for a row of a batch.
	dropout func(y, x []T, m *mask[T], row int)

	// logisticRow returns the logistic loss of a row and, where dp is not nil, sets dp to factor · its gradient.
	logisticRow func(p, target, dp []T, factor float64) float64
	// logisticColumn does so for rows of one column, each with its weight, and returns their sum.
	logisticColumn func(p, target, weight, dp []T, factor float64) float64
}

// genericLoops returns the loops in plain Go.
func genericLoops[T float]() *loops[T] {
	return &loops[T]{
		tiling:       genericTiling[T](),
		dot:          dot[T],
		axpy:         axpy[T],
		sumSquares:   sumSquares[T],
		activate:     [...]func(y, x []T){kernels.Identity: identity[T], kernels.ReLU: relu[T], kernels.Sigmoid: sigmoid[T], kernels.Tanh: tanh[T]},
		activateGrad: [...]func(dx, y, dy []T){kernels.Identity: identityGrad[T], kernels.ReLU: reluGrad[T], kernels.Sigmoid: sigmoidGrad[T], kernels.Tanh: tanhGrad[T]},
		add:          add[T],
		multiply:     multiply[T],
		activateGradSum: [...]func(sums []T, dx, y, dy *view[T], lo, hi int){
			kernels.Identity: gradSum(identityGrad[T], columnSum[T]), kernels.ReLU: gradSum(reluGrad[T], columnSum[T]),
			kernels.Sigmoid: gradSum(sigmoidGrad[T], columnSum[T]), kernels.Tanh: gradSum(tanhGrad[T], columnSum[T]),
		},
		columnSum:      columnSum[T],
		addBlocks:      addBlocks[T],
		blockMoments:   blockMoments[T],
		combineMoments: combineMoments[T],
		normalize:      normalize[T],
		normalizeReLU:  normalizeReLU[T],
		normGradParams: normGradParams[T],
		normGradInput:  normGradInput[T],
		update: [...]func(h *hyper[T], w, g, m, v []T){
			kernels.SGD: sgd[T], kernels.Momentum: momentum[T], kernels.Nesterov: nesterov[T],
			kernels.Adam: adam[T], kernels.AdamW: adam[T], kernels.Adagrad: adagrad[T],
		},
		gather:         gather[T],
		prefetch:       func([]T) {},
		dropout:        dropout[T],
		logisticRow:    logisticRow[T],
		logisticColumn: logisticColumn[T],
	}
}

func dot[T float](x, y []T) T {
	var s0, s1, s2, s3 T
	for len(x) >= 4 && len(y) >= 4 {
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		x, y = x[4:], y[4:]
	}
	y = y[:len(x)]
	for i, v := range x {
		s0 += v * y[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func axpy[T float](alpha T, x, y []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += alpha * v
	}
}

func identity[T float](y, x []T) { copy(y, x) }

func relu[T float](y, x []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = max(v, 0)
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

func tanh[T float](y, x []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = T(math.Tanh(float64(v)))
	}
}

func identityGrad[T float](dx, _, dy []T) { copy(dx, dy) }

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

func sigmoidGrad[T float](dx, y, dy []T) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		dx[i] = dy[i] * (v * (1 - v))
	}
}

func tanhGrad[T float](dx, y, dy []T) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		dx[i] = dy[i] * ((1 - v) * (1 + v)) // keeps its digits where v is near ±1
	}
}

func add[T float](z, x, y []T) {
	x, y = x[:len(z)], y[:len(z)]
	for i := range z {
		z[i] = x[i] + y[i]
	}
}

func multiply[T float](z, x, y []T) {
	x, y = x[:len(z)], y[:len(z)]
	for i := range z {
		z[i] = x[i] * y[i]
	}
}

// gradSum returns the loop that applies an activation's gradient by rows and sums the columns of what comes out, which is
// in the cache still.
func gradSum[T float](grad func(dx, y, dy []T), columnSum func(sums []T, x *view[T], lo, hi int)) func(sums []T, dx, y, dy *view[T], lo, hi int) {
	return func(sums []T, dx, y, dy *view[T], lo, hi int) {
		for r := lo; r < hi; r++ {
			grad(dx.row(r), y.row(r), dy.row(r))
		}
		columnSum(sums, dx, lo, hi)
	}
}

func columnSum[T float](sums []T, x *view[T], lo, hi int) {
	clear(sums)
	for r := lo; r < hi; r++ {
		add(sums, sums, x.row(r))
	}
}

func addBlocks[T float](sums, partial []T, stride, blocks int) {
	for c := range sums {
		sum := 0.0
		for b := range blocks {
			sum += float64(partial[b*stride+c])
		}
		sums[c] = T(sum)
	}
}
