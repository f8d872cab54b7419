package factorization

import (
	"math"

	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/philox"
	"debut/kernels/pool"
)

// spectralPasses is how often the subspace is multiplied; spectralNoise what is added to rows of length 1, so that no two items are the same.
const (
	spectralPasses = 8
	spectralNoise  = 0.05
)

// streamSpectral keeps the first subspace, and the noise, apart from other random numbers of a seed.
var streamSpectral = philox.StreamOf("trainers/factorization: first subspace")

// spectralItems returns rows of length 1 for items, of so many columns, that lie together where the same users have the items: those of
// the leading right singular vectors of the matrix w_ui/√(w_u·w_i), w_u and w_i being the sums of a user's and an item's weights, by subspace
// iteration with orthonormalization by Cholesky's method. Rows are summed each by itself and in order, so that any number of threads gives
// the same bits. A pass takes 4·pairs·columns + 2·items·columns² operations.
func spectralItems(dev kernels.Device, p *pool.Pool, m *interactions.Matrix, weights []float32, columns int, seed uint64) ([]float32, error) {
	weighted := *m
	weighted.Values = weights
	byItem := weighted.Transpose()
	users, items := inverseRoots(&weighted), inverseRoots(byItem)
	r := philox.New(seed, streamSpectral)
	x, z := make([]float32, m.Columns*columns), make([]float32, m.Rows*columns)
	for k := range x {
		x[k] = float32(r.NormFloat64())
	}
	g := make([]float32, columns*columns)
	for range spectralPasses {
		multiplySparse(p, z, &weighted, users, items, x, columns)
		multiplySparse(p, x, byItem, items, users, z, columns)
		if err := gram(dev, x, columns, 0, columns, g); err != nil {
			return nil, err
		}
		lower := choleskyOf(g, columns)
		p.Run(blocksOf(m.Columns), part(func(b int) {
			for i := b * rowsPerTask; i < min((b+1)*rowsPerTask, m.Columns); i++ {
				solveRow(lower, x[i*columns:(i+1)*columns])
			}
		}))
	}
	noise := spectralNoise / math.Sqrt(float64(columns))
	for i := range m.Columns {
		row := x[i*columns : (i+1)*columns]
		unit(row, row)
		for c := range row {
			row[c] += float32(noise * r.NormFloat64())
		}
		unit(row, row)
	}
	return x, nil
}

// inverseRoots are 1/√sum of the rows, and 0 of those that weigh nothing.
func inverseRoots(m *interactions.Matrix) []float64 {
	out := make([]float64, m.Rows)
	for r := range out {
		_, values := m.Row(r)
		sum := 0.0
		for _, v := range values {
			sum += float64(v)
		}
		if sum > 0 {
			out[r] = 1 / math.Sqrt(sum)
		}
	}
	return out
}

// multiplySparse sets out to diag(left)·m·diag(right)·x, x being of so many columns.
func multiplySparse(p *pool.Pool, out []float32, m *interactions.Matrix, left, right []float64, x []float32, columns int) {
	p.Run(blocksOf(m.Rows), part(func(b int) {
		for r := b * rowsPerTask; r < min((b+1)*rowsPerTask, m.Rows); r++ {
			row := out[r*columns : (r+1)*columns]
			clear(row)
			ids, values := m.Row(r)
			for k, id := range ids {
				w := float32(left[r] * float64(values[k]) * right[id])
				for c, v := range x[int(id)*columns : (int(id)+1)*columns] {
					row[c] += w * v
				}
			}
		}
	}))
}

// choleskyOf returns the lower triangle L of g = L·Lᵀ, in float64; the diagonal of a column that depends on those before is 0.
func choleskyOf(g []float32, n int) []float64 {
	l := make([]float64, n*n)
	for i := range n {
		for j := range i + 1 {
			sum := float64(g[i*n+j])
			for k := range j {
				sum -= l[i*n+k] * l[j*n+k]
			}
			switch {
			case i > j && l[j*n+j] > 0:
				l[i*n+j] = sum / l[j*n+j]
			case i == j && sum > 1e-5*float64(g[i*n+i]):
				l[i*n+i] = math.Sqrt(sum)
			}
		}
	}
	return l
}

// solveRow sets x to x·L⁻ᵀ; what stands at a column of diagonal 0 becomes 0.
func solveRow(l []float64, x []float32) {
	n := len(x)
	y := make([]float64, n)
	for i := range n {
		if l[i*n+i] == 0 {
			continue
		}
		sum := float64(x[i])
		for k := range i {
			sum -= l[i*n+k] * y[k]
		}
		y[i] = sum / l[i*n+i]
	}
	for i, v := range y {
		x[i] = float32(v)
	}
}
