package cpu

// avx512Tiling keeps 12×32 sums in 24 of the 32 registers.
func avx512Tiling() tiling[float32] {
	return tiling[float32]{tileRows: 12, tileCols: 32, depth: 256, packA: packer(12, pack12AVX512), packB: packer(32, pack32AVX512), packTransposed: transposer(16, packTransposedAVX512), tile: func(k int, a []float32, rowStride, stepStride int, b, c []float32, stride int, bias []float32, flags tileFlags) {
		checkTile(12, 32, k, a, rowStride, stepStride, b, c, stride, bias)
		gemmTileAVX512(k, &a[0], 4*rowStride, 4*stepStride, &b[0], &c[0], 4*stride, first(bias), int(flags))
	}}
}

// avx2Tiling keeps 6×16 sums in 12 of the 16 registers.
func avx2Tiling() tiling[float32] {
	return tiling[float32]{tileRows: 6, tileCols: 16, depth: 256, packA: packer(6, pack6AVX2), packB: packer(16, pack16AVX2), packTransposed: transposer(8, packTransposedAVX2), tile: func(k int, a []float32, rowStride, stepStride int, b, c []float32, stride int, bias []float32, flags tileFlags) {
		checkTile(6, 16, k, a, rowStride, stepStride, b, c, stride, bias)
		gemmTileAVX2(k, &a[0], 4*rowStride, 4*stepStride, &b[0], &c[0], 4*stride, first(bias), int(flags))
	}}
}

// checkTile panics, as an index out of range does, where the assembly would reach beyond a slice. k is positive.
func checkTile(rows, cols, k int, a []float32, rowStride, stepStride int, b, c []float32, stride int, bias []float32) {
	_ = a[(rows-1)*rowStride+(k-1)*stepStride]
	_ = b[k*cols-1]
	_ = c[(rows-1)*stride+cols-1]
	if bias != nil {
		_ = bias[cols-1]
	}
}

func first(s []float32) *float32 {
	if s == nil {
		return nil
	}
	return &s[0]
}

// packer returns the packing of so many elements a step by a function in assembly.
func packer(elements int, pack func(dst, src *float32, stride, steps int)) func(dst, src []float32, stride, steps int) {
	return func(dst, src []float32, stride, steps int) {
		if steps == 0 {
			return
		}
		_ = dst[steps*elements-1]
		_ = src[(steps-1)*stride+elements-1]
		pack(&dst[0], &src[0], 4*stride, steps)
	}
}

// transposer returns the packing of two vectors of elements a step, in squares, by a function in assembly.
func transposer(lanes int, pack func(dst, src *float32, stride, squares int)) func(dst, src []float32, stride, steps int) int {
	return func(dst, src []float32, stride, steps int) int {
		squares := steps / lanes
		if squares == 0 {
			return 0
		}
		done := squares * lanes
		_ = dst[2*lanes*done-1]
		_ = src[(2*lanes-1)*stride+done-1]
		pack(&dst[0], &src[0], 4*stride, squares)
		pack(&dst[lanes], &src[lanes*stride], 4*stride, squares)
		return done
	}
}
