package cpu

import (
	"math"
	"sort"

	"debut/kernels"
)

// rowsPerSum is how many rows a column sum takes in the kernel's own type before it goes on in float64: few enough
// that rounding stays small, many enough that the float64 part costs little.
const rowsPerSum = 64

// sumGrain returns how many blocks of rowsPerSum rows of so many columns a thread takes at a time.
func sumGrain(cols int) int { return rowsPerPart(cols) / rowsPerSum }

// columnsPerPart is how many columns one part brings together from the blocks' sums.
const columnsPerPart = 256

// columnSums is a kernel that sums over the rows of a batch, column by column, one or more sums side by side. Blocks of rows
// sum in T, in the order of rows; the blocks' sums are added in float64, in the order of blocks.
type columnSums[T float] struct {
	base
	loops   *loops[T]
	batch   batch
	cols    int
	out     [][]T   // where the sums go, [groups][cols]
	partial slot[T] // [blocks][groups][cols]
	// block sets sums [groups][cols] to those of rows lo … hi−1.
	block func(lo, hi int, sums []T)
	// begin, if any, comes first in each run.
	begin func()

	rows      int // valid rows of the present run
	combining bool
}

func newColumnSums[T float](b *binder, l *loops[T], rows batch, cols int, out ...[]T) *columnSums[T] {
	return &columnSums[T]{
		base:    b.base(),
		loops:   l,
		batch:   rows,
		cols:    cols,
		out:     out,
		partial: slotOf[T](b, blocks(rows.rows, rowsPerSum)*len(out)*cols),
	}
}

// Run runs the kernel.
func (k *columnSums[T]) Run() error {
	if err := k.ready(); err != nil {
		return err
	}
	k.rows = k.batch.n()
	if k.begin != nil {
		k.begin()
	}
	k.combining = false
	k.runGrains(blocks(k.rows, rowsPerSum), sumGrain(k.cols), k)
	k.combining = true
	k.run(blocks(k.cols, columnsPerPart), k)
	return nil
}

// Part sums a block of rows, or adds the blocks' sums of some columns.
func (k *columnSums[T]) Part(i int) {
	partial, width := k.partial.in(k.dev), len(k.out)*k.cols
	if !k.combining {
		sums := partial[i*width : (i+1)*width]
		k.block(i*rowsPerSum, min((i+1)*rowsPerSum, k.rows), sums)
		return
	}
	n := blocks(k.rows, rowsPerSum)
	lo, hi := i*columnsPerPart, min((i+1)*columnsPerPart, k.cols)
	for g, out := range k.out {
		if n == 0 {
			clear(out[lo:hi])
		} else {
			k.loops.addBlocks(out[lo:hi], partial[g*k.cols+lo:], width, n)
		}
	}
}

// ColumnSum binds the sums of a matrix's columns.
func (d *Device) ColumnSum(a kernels.ColumnSumArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.X) {
		return newColumnSum(b, d.f64, a)
	}
	return newColumnSum(b, d.f32, a)
}

func newColumnSum[T float](b *binder, l *loops[T], a kernels.ColumnSumArgs) (kernels.Kernel, error) {
	x, out := operand[T](b, "X", a.X), operand[T](b, "Out", a.Out)
	k := newColumnSums(b, l, b.batchOf(a.X), x.cols, out.row(0))
	k.block = func(lo, hi int, sums []T) { l.columnSum(sums, &x, lo, hi) }
	return b.finish(k)
}

// clipFactor sums the squares of matrices in blocks of rows, in float64, and adds the blocks' sums in their order.
type clipFactor[T float] struct {
	base
	loops        *loops[T]
	xs           []view[T]
	batches      []batch
	first        []int // of each matrix, the number of its first block
	parts        int
	partial      slot[float64] // [parts]
	norm, factor view[T]
	maxNorm      float64
}

// ClipFactor binds the norm of gradients and the factor that clips it.
func (d *Device) ClipFactor(a kernels.ClipFactorArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	if double(a.Norm) {
		return newClipFactor(b, d.f64, a)
	}
	return newClipFactor(b, d.f32, a)
}

func newClipFactor[T float](b *binder, l *loops[T], a kernels.ClipFactorArgs) (kernels.Kernel, error) {
	k := &clipFactor[T]{base: b.base(), loops: l, maxNorm: a.MaxNorm}
	k.norm, k.factor = operand[T](b, "Norm", a.Norm), operand[T](b, "Factor", a.Factor)
	for _, x := range a.X {
		k.xs = append(k.xs, operand[T](b, "X", x))
		k.batches = append(k.batches, b.batchOf(x))
		k.first = append(k.first, k.parts)
		k.parts += blocks(x.Rows, rowsPerPart(x.Cols))
	}
	k.partial = slotOf[float64](b, k.parts)
	return b.finish(k)
}

// Run runs the kernel.
func (k *clipFactor[T]) Run() error {
	if err := k.ready(); err != nil {
		return err
	}
	k.run(k.parts, k)
	sum := 0.0
	for _, s := range k.partial.in(k.dev) {
		sum += s
	}
	norm := math.Sqrt(sum)
	factor := 1.0
	switch {
	case math.IsInf(norm, 0) || math.IsNaN(norm):
		factor = math.NaN()
	case k.maxNorm > 0:
		factor = min(1, k.maxNorm/norm)
	}
	k.norm.data[0], k.factor.data[0] = T(norm), T(factor)
	return nil
}

// Part sums the squares of a block of rows of a matrix.
func (k *clipFactor[T]) Part(i int) {
	m := sort.Search(len(k.first), func(m int) bool { return k.first[m] > i }) - 1
	x := &k.xs[m]
	block := rowsPerPart(x.cols)
	lo := (i - k.first[m]) * block
	hi := min(lo+block, k.batches[m].n())
	sum := 0.0
	if x.dense && lo < hi {
		sum = k.loops.sumSquares(x.span(lo, hi))
	} else {
		for r := lo; r < hi; r++ {
			sum += k.loops.sumSquares(x.row(r))
		}
	}
	k.partial.in(k.dev)[i] = sum
}

// sumSquares adds squares in float64, in four interleaved sums.
func sumSquares[T float](x []T) float64 {
	var s0, s1, s2, s3 float64
	for len(x) >= 4 {
		a, b, c, d := float64(x[0]), float64(x[1]), float64(x[2]), float64(x[3])
		s0 += a * a
		s1 += b * b
		s2 += c * c
		s3 += d * d
		x = x[4:]
	}
	for _, v := range x {
		s0 += float64(v) * float64(v)
	}
	return (s0 + s1) + (s2 + s3)
}
