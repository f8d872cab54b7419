package cpu

// strided is op(X) of a matrix: element (i, j) is at i·row + j·col.
type strided[T float] struct {
	data     []T
	row, col int
}

func stridedOf[T float](v *view[T], transposed bool) strided[T] {
	if transposed {
		return strided[T]{v.data, 1, v.stride}
	}
	return strided[T]{v.data, v.stride, 1}
}

func (s strided[T]) transpose() strided[T] { return strided[T]{s.data, s.col, s.row} }

// pack copies rows i0 … i0+rows−1 and columns j0 … j0+cols−1 of op(X) into panels of height rows each, one column
// after another; rows that the last panel lacks are zero.
//
// columns and rowwise, where not nil, pack whole panels whose elements of a step, or whose steps, lie side by side; rowwise returns
// how many steps it did.
func (s strided[T]) pack(dst []T, i0, rows, j0, cols, height int, columns func(dst, src []T, stride, steps int), rowwise func(dst, src []T, stride, steps int) int) {
	for i := 0; i < rows; i += height {
		panel := dst[:cols*height]
		dst = dst[cols*height:]
		n := min(height, rows-i)
		if n < height {
			clear(panel)
		}
		at := (i0+i)*s.row + j0*s.col
		switch {
		case s.row == 1 && n == height && columns != nil:
			columns(panel, s.data[at:], s.col, cols)
		case s.row == 1:
			for j := range cols {
				copy(panel[j*height:j*height+n], s.data[at+j*s.col:])
			}
		default:
			done := 0
			if n == height && rowwise != nil {
				done = rowwise(panel, s.data[at:], s.row, cols)
			}
			interleave(panel[done*height:], s.data[at+done:], s.row, n, cols-done, height)
		}
	}
}

// interleave packs n rows of cols elements, which lie stride apart, into a panel of a height.
func interleave[T float](panel, src []T, stride, n, cols, height int) {
	if cols == 0 {
		return
	}
	r := 0
	for ; r+4 <= n; r += 4 { // four rows a turn write whole stretches of the panel
		s0, s1, s2, s3 := src[r*stride:][:cols], src[(r+1)*stride:][:cols], src[(r+2)*stride:][:cols], src[(r+3)*stride:][:cols]
		to := panel[r:]
		for j, v := range s0 {
			q := to[:4]
			q[0], q[1], q[2], q[3] = v, s1[j], s2[j], s3[j]
			to = to[min(height, len(to)):]
		}
	}
	for ; r < n; r++ {
		to := r
		for _, v := range src[r*stride:][:cols] {
			panel[to] = v
			to += height
		}
	}
}
