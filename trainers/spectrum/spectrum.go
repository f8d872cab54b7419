// Package spectrum finds what users and items have in common at large: the leading eigenvectors of the graph that interactions make of them.
//
// The graph is X̃ = A^−½·X·B^−½ for a matrix X of users × items whose rows and columns add up to A and B, as in spectral clustering and graph
// convolution. X̃ᵀX̃ has no eigenvalue above 1; its eigenvectors of large ones vary little between items that the same users have.
package spectrum

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/cpu"
	"debut/kernels/philox"
	"debut/kernels/pool"
)

// Graph is a normalized matrix of users × items.
type Graph struct {
	Users *interactions.Matrix // X̃
	Items *interactions.Matrix // X̃ᵀ
	Sums  []float64            // of the items' values before, B
}

// New normalizes a matrix, none of whose values is below 0.
func New(m *interactions.Matrix) *Graph {
	users, items := make([]float64, m.Rows), make([]float64, m.Columns)
	for u := range m.Rows {
		columns, values := m.Row(u)
		for k, i := range columns {
			users[u] += float64(values[k])
			items[i] += float64(values[k])
		}
	}
	out := &interactions.Matrix{Rows: m.Rows, Columns: m.Columns, Offsets: m.Offsets, Indices: m.Indices, Values: make([]float32, len(m.Values))}
	for u := range m.Rows {
		for k := m.Offsets[u]; k < m.Offsets[u+1]; k++ {
			if v := float64(m.Values[k]); v > 0 {
				out.Values[k] = float32(v / math.Sqrt(users[u]) / math.Sqrt(items[m.Indices[k]]))
			}
		}
	}
	return &Graph{Users: out, Items: out.Transpose(), Sums: items}
}

// Options say how eigenvectors are found.
type Options struct {
	Rounds int // at most; a round takes 4·pairs·k + 6·items·k² operations, k with some vectors more
	// Tolerance is by how much of the largest eigenvalue a round changes any of those wanted when they have settled. The error of an
	// eigenvector is about the root of that of its value: as many rounds again settle the vectors.
	Tolerance float64
	Seed      uint64
	Told      func(done int) // rounds; nil: nobody
}

// More is how many vectors there are beside those that are wanted, which speed the others up.
const More = 32

// nothing is the share of the largest eigenvalue of which an eigenvalue is none in float32.
const nothing = 1e-6

var stream = philox.StreamOf("trainers/spectrum: first vectors of a subspace")

// Vectors returns the eigenvectors of X̃ᵀX̃ of its k largest eigenvalues, [items, k], the largest first: by subspace iteration with Rayleigh and
// Ritz's values (Halko, Martinsson, Tropp, "Finding Structure with Randomness", SIAM Review 2011; Saad, "Numerical Methods for Large
// Eigenvalue Problems", 5.2). Columns of eigenvalues that are nothing, as beyond the number of users or items, are 0. The device must be the
// processor; any number of threads of it and of the pool gives the same bits. An error is one of the context, or of values that are too far apart.
func (g *Graph) Vectors(ctx context.Context, dev kernels.Device, p *pool.Pool, k int, o Options) ([]float32, error) {
	algebra, err := kernels.Family[kernels.DenseAlgebra](dev)
	if err != nil {
		return nil, err
	}
	n := g.Items.Rows
	width := min(k+More, n)
	if width == 0 {
		return make([]float32, n*k), nil
	}
	s := &subspace{algebra: algebra, n: n, width: width, q: make([]float32, n*width), next: make([]float32, n*width)}
	r := philox.New(o.Seed, stream)
	for i := range s.q {
		s.q[i] = float32(r.NormFloat64())
	}
	between := make([]float32, g.Users.Rows*width)
	before := make([]float64, min(k, width))
	last := o.Rounds - 1
	for round := 0; ; round++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		// Twice: once leaves what the rounding of the first has added.
		for range 2 {
			if err := s.orthonormalize(); err != nil {
				return nil, err
			}
		}
		multiply(p, between, g.Users, s.q, width)
		multiply(p, s.next, g.Items, between, width)
		values, vectors, err := s.ritz()
		if err != nil {
			return nil, err
		}
		change, largest := 0.0, values[width-1]
		for i := range before {
			change = max(change, math.Abs(values[width-1-i]-before[i]))
			before[i] = values[width-1-i]
		}
		if o.Told != nil {
			o.Told(round + 1)
		}
		switch {
		case width == n:
			last = round
		case change <= o.Tolerance*largest:
			last = min(last, 2*round)
		}
		if round >= last {
			return s.combine(vectors, values, k)
		}
		s.q, s.next = s.next, s.q
	}
}

// rowsPerTask is how many rows a task of a pool has.
const rowsPerTask = 64

// multiply sets out to the product of a sparse matrix and x, of so many columns. Each row is summed by itself and in order.
func multiply(p *pool.Pool, out []float32, m *interactions.Matrix, x []float32, columns int) {
	pool.Each(p, (m.Rows+rowsPerTask-1)/rowsPerTask, func(b int) {
		for r := b * rowsPerTask; r < min((b+1)*rowsPerTask, m.Rows); r++ {
			row := out[r*columns : (r+1)*columns]
			clear(row)
			ids, values := m.Row(r)
			for k, id := range ids {
				from, w := x[int(id)*columns:(int(id)+1)*columns], values[k]
				for c := range row {
					row[c] += w * from[c]
				}
			}
		}
	})
}

// subspace is one under way: q, [n, width], and its product with the matrix.
type subspace struct {
	algebra  kernels.DenseAlgebra
	n, width int
	q, next  []float32
}

// orthonormalize makes the columns of q orthonormal by the Cholesky factor of qᵀq. It overwrites next.
func (s *subspace) orthonormalize() error {
	w := s.width
	g := make([]float32, w*w)
	if err := s.gemm(kernels.GemmArgs{TransA: true, A: s.matrix(s.q, w), B: s.matrix(s.q, w), C: square(g, w)}); err != nil {
		return err
	}
	m := mat.NewSymDense(w, nil)
	trace := 0.0
	for i := range w {
		trace += float64(g[i*w+i])
	}
	for i := range w {
		for j := range i + 1 {
			m.SetSym(i, j, float64(g[i*w+j]))
		}
		// Directions that vanish, as where users are fewer than vectors, are kept apart from 0 by as much as products are rounded.
		m.SetSym(i, i, m.At(i, i)+nothing*trace/float64(w)+math.SmallestNonzeroFloat32)
	}
	var c mat.Cholesky
	if !c.Factorize(m) {
		return errors.New("spectrum: values are too far apart for eigenvectors in float32; give weights of events, or values, that are closer")
	}
	var upper, inverted mat.TriDense
	c.UTo(&upper)
	if err := inverted.InverseTri(&upper); err != nil {
		return fmt.Errorf("spectrum: eigenvectors: %w", err)
	}
	for i := range w {
		for j := range w {
			g[i*w+j] = float32(inverted.At(i, j))
		}
	}
	if err := s.gemm(kernels.GemmArgs{A: s.matrix(s.q, w), B: square(g, w), C: s.matrix(s.next, w)}); err != nil {
		return err
	}
	s.q, s.next = s.next, s.q
	return nil
}

// ritz returns the eigenvalues of qᵀ·next, ascending, and its eigenvectors in columns.
func (s *subspace) ritz() ([]float64, *mat.Dense, error) {
	w := s.width
	t := make([]float32, w*w)
	if err := s.gemm(kernels.GemmArgs{TransA: true, A: s.matrix(s.q, w), B: s.matrix(s.next, w), C: square(t, w)}); err != nil {
		return nil, nil, err
	}
	m := mat.NewSymDense(w, nil)
	for i := range w {
		for j := range i + 1 {
			m.SetSym(i, j, (float64(t[i*w+j])+float64(t[j*w+i]))/2)
		}
	}
	var e mat.EigenSym
	if !e.Factorize(m, true) {
		return nil, nil, errors.New("spectrum: eigenvectors: no convergence")
	}
	var vectors mat.Dense
	e.VectorsTo(&vectors)
	return e.Values(nil), &vectors, nil
}

// combine returns q times the last k of some vectors, the last first.
func (s *subspace) combine(vectors *mat.Dense, values []float64, k int) ([]float32, error) {
	e := make([]float32, s.width*k)
	for j := range min(k, s.width) {
		if values[s.width-1-j] <= nothing*values[s.width-1] {
			break
		}
		for i := range s.width {
			e[i*k+j] = float32(vectors.At(i, s.width-1-j))
		}
	}
	v := make([]float32, s.n*k)
	return v, s.gemm(kernels.GemmArgs{A: s.matrix(s.q, s.width), B: kernels.NewMatrix(cpu.Wrap(e), s.width, k), C: s.matrix(v, k)})
}

// matrix views n rows.
func (s *subspace) matrix(v []float32, columns int) kernels.Matrix {
	return kernels.NewMatrix(cpu.Wrap(v), s.n, columns)
}

func square(v []float32, n int) kernels.Matrix { return kernels.NewMatrix(cpu.Wrap(v), n, n) }

func (s *subspace) gemm(args kernels.GemmArgs) error {
	k, err := s.algebra.Gemm(args)
	if err != nil {
		return err
	}
	return k.Run()
}
