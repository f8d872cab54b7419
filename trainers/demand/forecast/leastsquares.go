package forecast

import "math"

// leastSquares returns c that minimizes |y − X·c|² + ridge·|c|², by the normal equations with a Cholesky factorization. Columns that
// depend on earlier ones have the coefficient 0. Rows of x are observations.
func leastSquares(x [][]float64, y []float64, ridge float64) []float64 {
	if len(x) == 0 {
		return nil
	}
	k := len(x[0])
	a, b := make([]float64, k*k), make([]float64, k)
	for i, row := range x {
		for j, v := range row {
			b[j] += v * y[i]
			for l := 0; l <= j; l++ {
				a[j*k+l] += v * row[l]
			}
		}
	}
	return solveNormal(a, b, k, ridge)
}

// solveNormal solves (A + ridge·I)·c = b for a symmetric positive semidefinite A of k rows, of which the lower half is read. It
// overwrites A and b.
func solveNormal(a, b []float64, k int, ridge float64) []float64 {
	void := make([]bool, k)
	for j := range k {
		d := a[j*k+j] + ridge
		limit := 1e-11 * d
		for l := range j {
			d -= a[j*k+l] * a[j*k+l]
		}
		if void[j] = d <= limit || d <= 0; void[j] {
			for i := j; i < k; i++ {
				a[i*k+j] = 0
			}
			continue
		}
		d = math.Sqrt(d)
		a[j*k+j] = d
		for i := j + 1; i < k; i++ {
			v := a[i*k+j]
			ri, rj := a[i*k:i*k+j], a[j*k:j*k+j]
			for l := range rj {
				v -= ri[l] * rj[l]
			}
			a[i*k+j] = v / d
		}
	}
	for j := range k {
		if void[j] {
			b[j] = 0
			continue
		}
		for l := range j {
			b[j] -= a[j*k+l] * b[l]
		}
		b[j] /= a[j*k+j]
	}
	for j := k - 1; j >= 0; j-- {
		if void[j] {
			continue
		}
		for l := j + 1; l < k; l++ {
			b[j] -= a[l*k+j] * b[l]
		}
		b[j] /= a[j*k+j]
	}
	return b
}
