package cpu

// tiling is how a level multiplies: the micro-kernel at the heart of a matrix product, and how it wants its operands.
type tiling[T float] struct {
	// tileRows × tileCols is the piece of C that tile computes.
	tileRows, tileCols int
	// depth is the most steps of a call: as many as leave a panel of B in the nearest cache.
	depth int
	// packed says that tile wants A in panels of tileRows elements a step; otherwise it reads A where it lies.
	packed bool
	// packA and packB copy tileRows and tileCols neighboring elements of each of so many steps, which lie a stride apart,
	// into a panel; nil: in plain Go.
	packA, packB func(dst, src []T, stride, steps int)
	// packTransposed copies steps of tileCols elements that lie a stride apart, where steps are neighbors, into a panel; it
	// returns how many steps it did, from the first. nil: in plain Go.
	packTransposed func(dst, src []T, stride, steps int) int
	// tile computes the sum over k steps of a column of A and a row of B, a packed panel of tileCols elements a step,
	// and leaves it in c as flags say. The element of A of row r in step s is at r·rowStride + s·stepStride, the
	// rows of c lie stride apart. A bias of tileCols elements that is not nil is added to every row.
	tile func(k int, a []T, rowStride, stepStride int, b, c []T, stride int, bias []T, flags tileFlags)
}

// genericTiling is the tiling in plain Go.
func genericTiling[T float]() tiling[T] {
	return tiling[T]{tileRows: 2, tileCols: 4, depth: 256, packed: true, tile: tile2x4[T]}
}

// tile2x4 keeps eight sums in registers, as many as hide the latency of an addition without spilling, and takes two
// steps of k a turn. A is packed, two rows a step.
func tile2x4[T float](k int, a []T, _, _ int, b, c []T, stride int, bias []T, flags tileFlags) {
	var c00, c01, c02, c03, c10, c11, c12, c13 T
	a, b = a[:2*k], b[:4*k]
	for len(a) >= 4 && len(b) >= 8 {
		a0, a1 := a[0], a[1]
		b0 := b[0]
		c00 += a0 * b0
		c10 += a1 * b0
		b1 := b[1]
		c01 += a0 * b1
		c11 += a1 * b1
		b2 := b[2]
		c02 += a0 * b2
		c12 += a1 * b2
		b3 := b[3]
		c03 += a0 * b3
		c13 += a1 * b3
		a0, a1 = a[2], a[3]
		b0 = b[4]
		c00 += a0 * b0
		c10 += a1 * b0
		b1 = b[5]
		c01 += a0 * b1
		c11 += a1 * b1
		b2 = b[6]
		c02 += a0 * b2
		c12 += a1 * b2
		b3 = b[7]
		c03 += a0 * b3
		c13 += a1 * b3
		a, b = a[4:], b[8:]
	}
	if len(a) >= 2 && len(b) >= 4 {
		a0, a1 := a[0], a[1]
		c00 += a0 * b[0]
		c10 += a1 * b[0]
		c01 += a0 * b[1]
		c11 += a1 * b[1]
		c02 += a0 * b[2]
		c12 += a1 * b[2]
		c03 += a0 * b[3]
		c13 += a1 * b[3]
	}
	if len(bias) > 4 {
		bias = bias[:4]
	}
	sum := [4]T{c00, c01, c02, c03}
	finishTile(c[:4], sum[:], bias, flags)
	sum = [4]T{c10, c11, c12, c13}
	finishTile(c[stride:stride+4], sum[:], bias, flags)
}
