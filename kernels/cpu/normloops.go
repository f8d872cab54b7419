package cpu

// The loops of batch norm in plain Go.

func blockMoments[T float](block []T, x *view[T], lo, hi int) {
	clear(block)
	cols := x.cols
	mean, deviation, square := block[:cols], block[cols:2*cols], block[2*cols:]
	for r := lo; r < hi; r++ {
		add(mean, mean, x.row(r))
	}
	n := T(hi - lo)
	for c := range mean {
		mean[c] /= n
	}
	for r := lo; r < hi; r++ {
		for c, v := range x.row(r) {
			d := v - mean[c]
			deviation[c] += d
			square[c] += d * d
		}
	}
}

func combineMoments[T float](mean, variance, partial []T, first, cols, rows int) {
	for c := range mean {
		origin := float64(partial[first+c])
		var sum, squares float64 // of x − origin
		for lo := 0; lo < rows; lo += rowsPerSum {
			at := 3*(lo/rowsPerSum)*cols + first + c
			n := float64(min(rowsPerSum, rows-lo))
			d, deviation := float64(partial[at])-origin, float64(partial[at+cols])
			s := n*d + deviation
			sum += s
			squares += float64(partial[at+2*cols]) + d*(s+deviation)
		}
		sum /= float64(rows)
		mean[c], variance[c] = T(origin+sum), T(max(squares/float64(rows)-sum*sum, 0))
	}
}

func normalize[T float](y, x *view[T], lo, hi int, mean, scale, shift []T) {
	for r := lo; r < hi; r++ {
		out := y.row(r)
		for c, v := range x.row(r) {
			out[c] = (v-mean[c])*scale[c] + shift[c]
		}
	}
}

func normalizeReLU[T float](y, x *view[T], lo, hi int, mean, scale, shift []T) {
	for r := lo; r < hi; r++ {
		out := y.row(r)
		for c, v := range x.row(r) {
			out[c] = max((v-mean[c])*scale[c]+shift[c], 0)
		}
	}
}

func normGradParams[T float](sums []T, x, dy *view[T], lo, hi int, mean, inverse []T) {
	clear(sums)
	dgamma, dbeta := sums[:x.cols], sums[x.cols:]
	for r := lo; r < hi; r++ {
		g := dy.row(r)
		for c, v := range x.row(r) {
			dgamma[c] += g[c] * ((v - mean[c]) * inverse[c])
			dbeta[c] += g[c]
		}
	}
}

func normGradInput[T float](dx, x, dy *view[T], lo, hi int, mean, scale, shift, slope []T) {
	for r := lo; r < hi; r++ {
		out, g := dx.row(r), dy.row(r)
		for c, v := range x.row(r) {
			out[c] = scale[c] * (g[c] - shift[c] - (v-mean[c])*slope[c])
		}
	}
}
