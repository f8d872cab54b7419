package neighbors

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
	"debut/trainers/ranking"
)

// How eigenvectors are found.
const (
	spectralMore      = 32   // vectors beside those that are wanted, which speed the others up
	spectralRounds    = 60   // at most
	spectralTolerance = 1e-6 // of the largest eigenvalue, that a round changes any at most
)

var streamSpectral = philox.StreamOf("trainers/neighbors: first vectors of a subspace")

// FitSpectral is a filter of the graph of users and items (Shen and others, "How Powerful is Graph Convolution for Recommendation?", CIKM
// 2021: GF-CF). With X̃ = A^−½·X·B^−½, where A and B are the sums of values of users and items, the weights are X̃ᵀX̃ + ideal·B^−½·V·Vᵀ·B^½, V being
// the eigenvectors of the factors largest eigenvalues of X̃ᵀX̃: a smooth filter, which relates items with common users, and an ideal low-pass
// one, which leaves of the history what many share. Of each item's weights the keep of the largest size are kept; 0 keeps all. The score of an
// item is the sum over what a user has of value times weight, as with [FitItems]; that of an item for itself is left out.
//
// Eigenvectors are found by subspace iteration in float32. It takes items² · factors operations a round and 4·items² bytes. An error is one
// of the numbers given, or of the context.
func FitSpectral(ctx context.Context, train *interactions.Matrix, ties *ranking.Ties, factors int, ideal float64, keep int, p *pool.Pool) (*Items, error) {
	n := train.Columns
	if factors < 0 || factors > n {
		return nil, fmt.Errorf("neighbors: %d factors; give a number from 0 to that of the items, %d", factors, n)
	}
	if !(ideal >= 0) || math.IsInf(ideal, 1) {
		return nil, fmt.Errorf("neighbors: the share of the ideal filter is %v; it must be a finite number that is not negative", ideal)
	}
	if err := checkKept(ties, n, keep); err != nil {
		return nil, err
	}
	if p == nil {
		p = pool.New(1)
		defer p.Close()
	}
	scaled, items := normalized(train)
	a := make([]float32, n*n)
	gram(ctx, a, scaled, 0, p)
	mirror(a, n, p)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if factors > 0 && ideal > 0 {
		dev, err := cpu.New(cpu.Options{Threads: p.Threads()})
		if err != nil {
			return nil, err
		}
		s := &subspace{dev: dev, n: n, a: a}
		v, err := s.largest(ctx, factors)
		if err == nil {
			err = s.lowPass(v, items, ideal)
		}
		if err = errors.Join(err, dev.Close()); err != nil {
			return nil, err
		}
	}
	g, err := strongest(ctx, n, ties, keep, p, func(j int, weights []float32) { copy(weights, a[j*n:(j+1)*n]) })
	if err != nil {
		return nil, err
	}
	return &Items{g, g.transpose()}, nil
}

// normalized divides values by the roots of the sums of their rows and columns, and returns the sums of columns.
func normalized(m *interactions.Matrix) (*interactions.Matrix, []float64) {
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
				out.Values[k] = float32(v / math.Sqrt(users[u]*items[m.Indices[k]]))
			}
		}
	}
	return out, items
}

// subspace finds eigenvectors of a symmetric matrix a, [n, n], none of whose eigenvalues is below 0.
type subspace struct {
	dev *cpu.Device
	n   int
	a   []float32
}

// largest returns the eigenvectors of the k largest eigenvalues, [n, k], by subspace iteration with Rayleigh and Ritz's values (Halko, Martinsson,
// Tropp, "Finding Structure with Randomness", 2011; Saad, "Numerical Methods for Large Eigenvalue Problems", 5.2).
func (s *subspace) largest(ctx context.Context, k int) ([]float32, error) {
	width := min(k+spectralMore, s.n)
	q, next := make([]float32, s.n*width), make([]float32, s.n*width)
	r := philox.New(1, streamSpectral)
	for i := range q {
		q[i] = float32(r.NormFloat64())
	}
	meter := newMeter(ctx, spectralRounds)
	before := make([]float64, k)
	// The error of an eigenvector is about the root of that of its value: once values have settled, as many rounds again settle the vectors.
	last := spectralRounds - 1
	for round := range spectralRounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		// Twice: once leaves what the rounding of the first has added.
		for range 2 {
			if err := s.orthonormalize(q, next, width); err != nil {
				return nil, err
			}
		}
		if err := s.multiply(kernels.GemmArgs{A: s.matrix(s.a, s.n), B: s.matrix(q, width), C: s.matrix(next, width)}); err != nil {
			return nil, err
		}
		values, vectors, err := s.ritz(q, next, width)
		if err != nil {
			return nil, err
		}
		change := 0.0
		for i := range before {
			v := values[width-1-i]
			if v > 0 {
				change = max(change, math.Abs(v-before[i])/values[width-1])
			}
			before[i] = v
		}
		meter.add(1)
		switch {
		case width == s.n:
			last = round
		case change <= spectralTolerance:
			last = min(last, 2*round)
		}
		if round >= last {
			meter.add(spectralRounds - 1 - round)
			return s.combine(q, vectors, width, k)
		}
		q, next = next, q
	}
	panic("unreachable")
}

// orthonormalize makes the columns of q, [n, width], orthonormal by the Cholesky factor of qᵀq. other is as large, for the work.
func (s *subspace) orthonormalize(q, other []float32, width int) error {
	g := make([]float32, width*width)
	if err := s.multiply(kernels.GemmArgs{TransA: true, A: s.matrix(q, width), B: s.matrix(q, width), C: square(g, width)}); err != nil {
		return err
	}
	m := mat.NewSymDense(width, nil)
	trace := 0.0
	for i := range width {
		trace += float64(g[i*width+i])
	}
	for i := range width {
		for j := range i + 1 {
			m.SetSym(i, j, float64(g[i*width+j]))
		}
		// Directions that vanish, as where items are fewer than vectors, are kept apart from 0 by the rounding of the products.
		m.SetSym(i, i, m.At(i, i)+1e-6*trace/float64(width)+math.SmallestNonzeroFloat32)
	}
	var c mat.Cholesky
	if !c.Factorize(m) {
		return errors.New("neighbors: the values are too far apart for eigenvectors in float32; give weights of events, or values, that are closer")
	}
	var upper, inverted mat.TriDense
	c.UTo(&upper)
	if err := inverted.InverseTri(&upper); err != nil {
		return fmt.Errorf("neighbors: eigenvectors: %w", err)
	}
	for i := range width {
		for j := range width {
			g[i*width+j] = float32(inverted.At(i, j))
		}
	}
	if err := s.multiply(kernels.GemmArgs{A: s.matrix(q, width), B: square(g, width), C: s.matrix(other, width)}); err != nil {
		return err
	}
	copy(q, other)
	return nil
}

// ritz returns the eigenvalues of qᵀ·a·q, ascending, and its eigenvectors in columns; product is a·q.
func (s *subspace) ritz(q, product []float32, width int) ([]float64, *mat.Dense, error) {
	t := make([]float32, width*width)
	if err := s.multiply(kernels.GemmArgs{TransA: true, A: s.matrix(q, width), B: s.matrix(product, width), C: square(t, width)}); err != nil {
		return nil, nil, err
	}
	m := mat.NewSymDense(width, nil)
	for i := range width {
		for j := range i + 1 {
			m.SetSym(i, j, (float64(t[i*width+j])+float64(t[j*width+i]))/2)
		}
	}
	var e mat.EigenSym
	if !e.Factorize(m, true) {
		return nil, nil, errors.New("neighbors: eigenvectors: no convergence")
	}
	var vectors mat.Dense
	e.VectorsTo(&vectors)
	return e.Values(nil), &vectors, nil
}

// combine returns q times the last k of some vectors, the last first.
func (s *subspace) combine(q []float32, vectors *mat.Dense, width, k int) ([]float32, error) {
	e := make([]float32, width*k)
	for i := range width {
		for j := range k {
			e[i*k+j] = float32(vectors.At(i, width-1-j))
		}
	}
	v := make([]float32, s.n*k)
	return v, s.multiply(kernels.GemmArgs{A: s.matrix(q, width), B: kernels.NewMatrix(cpu.Wrap(e), width, k), C: s.matrix(v, k)})
}

// lowPass adds to row j of a the weights ideal·√(d_j/d_i)·(V·Vᵀ)_ij of all items i for item j, d being the sums of items.
func (s *subspace) lowPass(v []float32, items []float64, ideal float64) error {
	k := len(v) / max(s.n, 1)
	to, from := make([]float32, len(v)), make([]float32, len(v))
	for i, sum := range items {
		if sum == 0 {
			continue
		}
		for c := range k {
			x := float64(v[i*k+c])
			to[i*k+c], from[i*k+c] = float32(ideal*math.Sqrt(sum)*x), float32(x/math.Sqrt(sum))
		}
	}
	return s.multiply(kernels.GemmArgs{A: s.matrix(to, k), B: s.matrix(from, k), TransB: true, C: s.matrix(s.a, s.n), Accumulate: true})
}

// matrix views n rows.
func (s *subspace) matrix(v []float32, columns int) kernels.Matrix {
	return kernels.NewMatrix(cpu.Wrap(v), s.n, columns)
}

func square(v []float32, n int) kernels.Matrix { return kernels.NewMatrix(cpu.Wrap(v), n, n) }

func (s *subspace) multiply(args kernels.GemmArgs) error {
	k, err := s.dev.Gemm(args)
	if err != nil {
		return err
	}
	return k.Run()
}
