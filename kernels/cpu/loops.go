package cpu

import "unsafe"

// loops are the inner loops that a level of instructions may have its own of. Slices given to one call have one
// length, save where a comment says otherwise; an output may be the same slice as an input.
type loops[T float] struct {
	tiling[T] // of matrix products

	// routines are the level's in assembly, nil where it has none. Those that more than one kernel uses are behind the loops
	// below; a kernel may call its own by itself.
	routines *routines

	// dot returns Σ xᵢ·yᵢ.
	dot func(x, y []T) T
	// axpy is y += alpha·x.
	axpy func(alpha T, x, y []T)

	// sumSquares returns Σ xᵢ², added in float64.
	sumSquares func(x []T) float64

	activate      []func(y, x []T)       // by Activation
	activateGrad  []func(dx, at, dy []T) // by Activation
	add, multiply func(z, x, y []T)

	// Those below that take views do rows lo … hi−1 of them.

	// activateGradSum is activateGrad by rows, and sets sums to the column sums of these rows of dx. By Activation.
	activateGradSum []func(sums []T, dx, at, dy *view[T], lo, hi int)
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

	update []func(h *hyper[T], w, g, m, v []T) // by OptimizerKind; m and v as it keeps them
	// updateRows is update for rows lo … hi−1 of the gradient. By OptimizerKind.
	updateRows []func(h *hyper[T], u *rowUpdate[T], lo, hi int)

	// gather sets the rows of out, one behind the other and as wide as the table, to those that ids name, or to 0.
	gather func(out []T, table *view[T], ids []int32)
	// prefetch says that x will be needed soon.
	prefetch func(x []T)
	// prefetchRows says so of the rows of a table that ids name.
	prefetchRows func(table *view[T], ids []int32)

	// sumSegments sets rows lo … hi−1 of sums to the sums of their segments of gradients, which lie side by side in the rows of grad.
	sumSegments func(sums, grad *view[T], starts, places *view[int32], lo, hi int)
	// sumWeighted is sumSegments of gradients that the places of a row share, each times a weight.
	sumWeighted func(sums, grad, weights *view[T], starts, places *view[int32], lo, hi int)
	// gatherSum sets rows lo … hi−1 of out to weighted sums of the rows of table that those of ids name.
	gatherSum func(out, table *view[T], ids *view[int32], weights *view[T], lo, hi int)

	// subtractRows subtracts from y the rows of x, as many as fit and stride apart, each times an element of w, which lie wStride apart.
	subtractRows func(y, x []T, stride, rows int, w []T, wStride int)
	// scale is y = factor·x.
	scale func(y, x []T, factor T)
	// projectRows adds to out Σ w·(y·p − t)·y over the rows y of table that ids name, and returns Σ w·(y·p − t)². An id that the
	// table does not have stands for a row of zeros. w and t are as long as ids.
	projectRows func(out, p []T, table *view[T], ids []int32, w, t []T) float64

	// reaches returns the index of the first element that is not below a floor, as NaN is not, or len(x).
	reaches func(x []T, floor T) int

	// fieldMoments sets sum and square to the sums of the fields that lie side by side in x, and of their squares.
	fieldMoments func(sum, square, x []T)
	// fieldGradient is dx = shift − factor·x for each of the fields that lie side by side in x.
	fieldGradient func(dx, x, shift, factor []T)

	// dropout is y = x ⊙ mask·scale for a row of a batch.
	dropout func(y, x []T, m *mask[T], row int)

	// logisticRow returns the logistic loss of a row and, where dp is not nil, sets dp to factor · its gradient.
	logisticRow func(p, target, dp []T, factor float64) float64
	// logisticColumn does so for rows of one column, each with its weight, and returns their sum.
	logisticColumn func(p, target, weight, dp []T, factor float64) float64

	// ratingUpdates and preferenceUpdates take samples lo … hi−1, one after another, and return their loss. Margins are scratch memory.
	ratingUpdates     func(f *factors[T], s *factorStep[T], samples *view[int32], ratings *view[T], lo, hi int) float64
	preferenceUpdates func(f *factors[T], s *factorStep[T], samples *view[int32], margins []T, lo, hi int) float64
}

// genericLoops returns the loops in plain Go.
func genericLoops[T float]() *loops[T] {
	l := &loops[T]{
		tiling:         genericTiling[T](),
		dot:            dot[T],
		axpy:           axpy[T],
		sumSquares:     sumSquares[T],
		add:            add[T],
		multiply:       multiply[T],
		columnSum:      columnSum[T],
		addBlocks:      addBlocks[T],
		blockMoments:   blockMoments[T],
		combineMoments: combineMoments[T],
		normalize:      normalize[T],
		normalizeReLU:  normalizeReLU[T],
		normGradParams: normGradParams[T],
		normGradInput:  normGradInput[T],
		update:         updates[T](),
		fieldMoments:   fieldMoments[T],
		fieldGradient:  fieldGradient[T],
		gather:         gather[T],
		prefetch:       func([]T) {},
		prefetchRows:   func(*view[T], []int32) {},
		sumSegments:    sumSegments[T],
		sumWeighted:    sumWeighted[T],
		gatherSum:      gatherSum[T],
		subtractRows:   subtractRows[T],
		scale:          scale[T],
		projectRows:    projectRows[T],
		reaches:        reaches[T],
		dropout:        dropout[T],
		logisticRow:    logisticRow[T],
		logisticColumn: logisticColumn[T],

		ratingUpdates:     ratingUpdates[T],
		preferenceUpdates: preferenceUpdates[T],
	}
	for _, rule := range l.update {
		l.updateRows = append(l.updateRows, byRow(rule))
	}
	for _, a := range activations[T]() {
		l.activate = append(l.activate, a.apply)
		l.activateGrad = append(l.activateGrad, a.grad)
		l.activateGradSum = append(l.activateGradSum, gradSum(a.grad, columnSum[T]))
	}
	return l
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

// memory returns the memory of a slice, which may be empty: no routine touches a slice of no elements.
func memory(x []float32) *float32 { return unsafe.SliceData(x) }

// rowAt returns the memory of a view's row and the bytes from a row to the next.
func rowAt(v *view[float32], r int) (*float32, int) {
	return unsafe.SliceData(v.data[r*v.stride:]), v.stride * int(unsafe.Sizeof(float32(0)))
}
