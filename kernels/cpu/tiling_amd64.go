package cpu

// avx512Tiling keeps 12×32 sums in 24 of the 32 registers.
func avx512Tiling() tiling[float32] {
	return tiling[float32]{tileRows: 12, tileCols: 32, tile: func(k int, a []float32, rowStride, stepStride int, b, c []float32, stride int, bias []float32, flags tileFlags) {
		checkTile(12, 32, k, a, rowStride, stepStride, b, c, stride, bias)
		gemmTileAVX512(k, &a[0], 4*rowStride, 4*stepStride, &b[0], &c[0], 4*stride, first(bias), int(flags))
	}}
}

// avx2Tiling keeps 6×16 sums in 12 of the 16 registers.
func avx2Tiling() tiling[float32] {
	return tiling[float32]{tileRows: 6, tileCols: 16, tile: func(k int, a []float32, rowStride, stepStride int, b, c []float32, stride int, bias []float32, flags tileFlags) {
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
