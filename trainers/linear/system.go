package linear

import (
	"context"
	"math"

	"gonum.org/v1/gonum/floats"

	"debut/kernels/pool"
)

// solver holds what Fit computes with. Rows are cut into segments, the same for any number of threads; each adds up what it has in
// memory of its own, and the segments' sums are added in order.
type solver struct {
	*Problem
	pool     *pool.Pool
	width    int   // weights of an output
	offsets  []int // of each field's first value in θ, in features
	free     []bool
	segments int
	parts    [][]float64 // sums of each segment, [width·Outputs]

	theta, grad  []float64
	z, dz, curve []float64 // [Rows, Outputs]
	blocks       []block   // preconditioners, one an output
	independent  bool      // no column follows from others
	far          bool      // from the optimum, of Huber's loss
}

const (
	maxSegments  = 64
	segmentBytes = 256 << 20 // that sums of all segments may take
	chunk        = 256       // rows whose outputs are kept between two sweeps
)

func newSolver(p *Problem, workers *pool.Pool) *solver {
	s := &solver{Problem: p, pool: workers, width: p.features(), far: p.Loss == Huber}
	at := 1 + p.D
	for _, c := range p.Cardinalities {
		s.offsets = append(s.offsets, at)
		at += c
	}
	n := s.width * p.Outputs
	s.segments = min(maxSegments, max(1, segmentBytes/(8*n)), max(1, p.Rows/chunk))
	s.parts = make([][]float64, s.segments)
	for i := range s.parts {
		s.parts[i] = make([]float64, n)
	}
	s.theta, s.grad = make([]float64, n), make([]float64, n)
	s.z, s.dz, s.curve = make([]float64, p.Rows*p.Outputs), make([]float64, p.Rows*p.Outputs), make([]float64, p.Rows*p.Outputs)
	s.free = s.freeWeights()
	return s
}

// freeWeights says which weights are fitted: all, but without a penalty not those of values that do not occur, nor of each field's first.
func (s *solver) freeWeights() []bool {
	free := make([]bool, s.width)
	for i := range 1 + s.D {
		free[i] = true
	}
	for i := 1 + s.D; i < s.width; i++ {
		free[i] = s.L2 > 0
	}
	if s.L2 > 0 {
		return free
	}
	fields := len(s.Cardinalities)
	for r := range s.Rows {
		if s.weight(r) == 0 {
			continue
		}
		for f, at := range s.offsets {
			free[at+int(s.IDs[r*fields+f])] = true
		}
	}
	for f, at := range s.offsets {
		for i := range s.Cardinalities[f] {
			if free[at+i] {
				free[at+i] = false
				break
			}
		}
	}
	return free
}

// part is a task of the pool.
type part func(i int)

func (p part) Part(i int) { p(i) }

// each calls do for every segment with its rows.
func (s *solver) each(do func(segment, lo, hi int)) {
	s.pool.Run(s.segments, part(func(i int) {
		do(i, i*s.Rows/s.segments, (i+1)*s.Rows/s.segments)
	}))
}

// outputs sets z [hi−lo, Outputs] to the products of rows with θ.
func (s *solver) outputs(theta []float64, lo, hi int, z []float64) {
	k, d, fields := s.Outputs, s.D, len(s.offsets)
	if k == 1 {
		w := theta[1 : 1+d]
		for r := lo; r < hi; r++ {
			sum := theta[0]
			for j, v := range s.Numeric[r*d : (r+1)*d] {
				sum += float64(v) * w[j]
			}
			for f, id := range s.IDs[r*fields : (r+1)*fields] {
				sum += theta[s.offsets[f]+int(id)]
			}
			z[r-lo] = sum
		}
		return
	}
	for r := lo; r < hi; r++ {
		out := z[(r-lo)*k : (r-lo+1)*k]
		copy(out, theta[:k])
		for j, v := range s.Numeric[r*d : (r+1)*d] {
			floats.AddScaled(out, float64(v), theta[(1+j)*k:(2+j)*k])
		}
		for f, id := range s.IDs[r*fields : (r+1)*fields] {
			at := (s.offsets[f] + int(id)) * k
			floats.Add(out, theta[at:at+k])
		}
	}
}

// gather adds to sum the products of rows, transposed, with u [hi−lo, Outputs].
func (s *solver) gather(u []float64, lo, hi int, sum []float64) {
	k, d, fields := s.Outputs, s.D, len(s.offsets)
	if k == 1 {
		w := sum[1 : 1+d]
		for r := lo; r < hi; r++ {
			v := u[r-lo]
			sum[0] += v
			for j, x := range s.Numeric[r*d : (r+1)*d] {
				w[j] += float64(x) * v
			}
			for f, id := range s.IDs[r*fields : (r+1)*fields] {
				sum[s.offsets[f]+int(id)] += v
			}
		}
		return
	}
	for r := lo; r < hi; r++ {
		v := u[(r-lo)*k : (r-lo+1)*k]
		floats.Add(sum[:k], v)
		for j, x := range s.Numeric[r*d : (r+1)*d] {
			floats.AddScaled(sum[(1+j)*k:(2+j)*k], float64(x), v)
		}
		for f, id := range s.IDs[r*fields : (r+1)*fields] {
			at := (s.offsets[f] + int(id)) * k
			floats.Add(sum[at:at+k], v)
		}
	}
}

// forward sets z to the outputs of all rows.
func (s *solver) forward(theta, z []float64) {
	s.each(func(_, lo, hi int) { s.outputs(theta, lo, hi, z[lo*s.Outputs:hi*s.Outputs]) })
}

// evaluate returns the objective at outputs z of weights θ, and keeps derivatives by outputs, times the rows' weights.
func (s *solver) evaluate(z, theta []float64) float64 {
	k := s.Outputs
	sums := make([]float64, s.segments)
	s.each(func(i, lo, hi int) {
		sum := 0.0
		for r := lo; r < hi; r++ {
			dz, curve := s.dz[r*k:(r+1)*k], s.curve[r*k:(r+1)*k]
			w := s.weight(r)
			if w == 0 {
				clear(dz)
				clear(curve)
				continue
			}
			sum += w * s.at(z[r*k:(r+1)*k], s.Target[r], dz, curve)
			if w != 1 {
				floats.Scale(w, dz)
			}
		}
		sums[i] = sum
	})
	f := floats.Sum(sums)
	if s.L2 > 0 {
		norm := floats.Dot(theta[k:], theta[k:])
		f += s.L2 / 2 * norm
	}
	return f
}

// separated says whether an output is so large that its probability is 0 or 1.
func (s *solver) separated() bool {
	for _, v := range s.z {
		if math.Abs(v) > maxOutput {
			return true
		}
	}
	return false
}

// reduce adds up the segments' sums, the weights that are not free set to 0.
func (s *solver) reduce(to []float64) {
	k := s.Outputs
	const stripe = 1 << 12
	n := len(to)
	s.pool.Run((n+stripe-1)/stripe, part(func(i int) {
		lo, hi := i*stripe, min((i+1)*stripe, n)
		clear(to[lo:hi])
		for _, p := range s.parts {
			floats.Add(to[lo:hi], p[lo:hi])
		}
		for j := lo; j < hi; j++ {
			if !s.free[j/k] {
				to[j] = 0
			}
		}
	}))
}

// gradient computes that of the objective.
func (s *solver) gradient() {
	k := s.Outputs
	s.each(func(i, lo, hi int) {
		clear(s.parts[i])
		s.gather(s.dz[lo*k:hi*k], lo, hi, s.parts[i])
	})
	s.reduce(s.grad)
	floats.AddScaled(s.grad[k:], s.L2, s.theta[k:])
}

// multiply sets to = Hessian·v.
func (s *solver) multiply(to, v []float64) {
	k := s.Outputs
	s.each(func(i, lo, hi int) {
		clear(s.parts[i])
		room := make([]float64, chunk*k)
		for at := lo; at < hi; at += chunk {
			end := min(at+chunk, hi)
			u := room[:(end-at)*k]
			s.outputs(v, at, end, u)
			for r := at; r < end; r++ {
				row := u[(r-at)*k : (r-at+1)*k]
				s.bend(s.curve[r*k:(r+1)*k], row)
				if w := s.weight(r); w != 1 {
					floats.Scale(w, row)
				}
			}
			s.gather(u, at, end, s.parts[i])
		}
	})
	s.reduce(to)
	floats.AddScaled(to[k:], s.L2, v[k:])
}

// solve sets direction to Newton's: the Hessian's inverse times −gradient, or near it.
func (s *solver) solve(ctx context.Context, direction []float64) error {
	if err := s.factorize(); err != nil {
		return err
	}
	if s.exactBlocks() && s.Outputs == 1 {
		s.precondition(direction, s.grad)
		floats.Scale(-1, direction)
		return nil
	}
	return s.conjugate(ctx, direction)
}

// conjugate is the method of preconditioned conjugate gradients from 0, until the residual is small enough for Newton's method to
// converge faster than linearly (Nocedal, Wright, "Numerical Optimization", §7.1).
func (s *solver) conjugate(ctx context.Context, direction []float64) error {
	n := len(s.grad)
	clear(direction)
	residual, y, p, hp := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	copy(residual, s.grad)
	s.precondition(y, residual)
	size := floats.Dot(residual, y)
	if size <= 0 {
		return nil
	}
	goal := size * min(1e-2, math.Sqrt(size)) * 1e-4
	for i := range p {
		p[i] = -y[i]
	}
	for range 10_000 {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.multiply(hp, p)
		curvature := floats.Dot(p, hp)
		if curvature <= 0 { // flat: of rounding, for the loss is convex
			break
		}
		at := size / curvature
		floats.AddScaled(direction, at, p)
		floats.AddScaled(residual, at, hp)
		s.precondition(y, residual)
		next := floats.Dot(residual, y)
		if next <= goal {
			break
		}
		turn := next / size
		size = next
		for i := range p {
			p[i] = turn*p[i] - y[i]
		}
	}
	return nil
}
