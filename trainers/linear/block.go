package linear

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// block is the part of the Hessian that belongs to one output, factorized: all of it where it is small enough, else that of intercept
// and numbers, and the diagonal of the rest.
type block struct {
	order    int // of the factorized part: the first weights
	factor   mat.Cholesky
	diagonal []float64 // [width]: of the weights behind
}

// determined is the share of a weight's curvature that must be left after removing what earlier ones explain.
const determined = 1e-11

// order returns how many weights of an output are factorized. Of several outputs the blocks are no more than preconditioners: beyond
// some size, solving with the diagonal for what is behind the numbers takes more products but less time than factorizing all of them.
func (s *solver) order() int {
	switch {
	case s.Outputs > 1 && s.L2 > 0 && s.width > blockLimit && 1+s.D <= hessianLimit:
		return 1 + s.D
	case s.width <= hessianLimit:
		return s.width
	case 1+s.D <= hessianLimit:
		return 1 + s.D
	}
	return 0
}

// exactBlocks says whether the blocks are the Hessian's own.
func (s *solver) exactBlocks() bool { return s.order() == s.width }

// factorize computes the blocks at the present outputs.
func (s *solver) factorize() error {
	if s.blocks == nil {
		s.blocks = make([]block, s.Outputs)
	}
	order := s.order()
	for o := range s.blocks {
		h, diagonal := s.hessian(o, order)
		b := &s.blocks[o]
		b.order, b.diagonal = order, diagonal
		for i := range diagonal {
			if i > 0 {
				diagonal[i] += s.L2
			}
			if !s.free[i] || diagonal[i] <= 0 {
				diagonal[i] = 1
			}
		}
		if order == 0 {
			continue
		}
		s.complete(h, order)
		// Whether columns determine each other does not depend on the outputs: once is enough.
		if s.L2 == 0 && s.Loss != Huber && s.exactBlocks() && !s.independent {
			if i := dependent(h, determined); i >= 0 {
				return &CollinearError{Index: i}
			}
			s.independent = true
		}
		for lift := 1e-12; !b.factor.Factorize(h) && lift < 1; lift *= 100 {
			// Probabilities of 0 and 1, or rows beyond delta alone: a little of the diagonal makes it definite, for a direction
			// that is not quite Newton's.
			for i := range order {
				h.SetSym(i, i, h.At(i, i)*(1+lift)+lift)
			}
		}
	}
	return nil
}

// complete adds the penalty, and makes rows of weights that are not free those of the identity.
func (s *solver) complete(h *mat.SymDense, order int) {
	for i := range order {
		if i > 0 {
			h.SetSym(i, i, h.At(i, i)+s.L2)
		}
		if !s.free[i] {
			for j := range order {
				h.SetSym(i, j, 0)
			}
			h.SetSym(i, i, 1)
		}
	}
}

// hessian returns the leading part, of so many weights, of the loss's second derivative by the weights of output o, and its diagonal.
func (s *solver) hessian(o, order int) (*mat.SymDense, []float64) {
	weigh := func(r int) float64 {
		c := s.curve[r*s.Outputs+o]
		if s.Loss == Softmax {
			c *= 1 - c
		}
		return s.weight(r) * c
	}
	return s.gram(weigh, order)
}

// gram returns Σᵣ weigh(r)·x(r)x(r)ᵀ of the first features, and the diagonal for all.
func (s *solver) gram(weigh func(r int) float64, order int) (*mat.SymDense, []float64) {
	// As many partial sums as memory allows, by the sizes alone.
	size := order*order + s.width
	groups := min(s.segments, max(1, segmentBytes/(8*size)))
	sums := make([][]float64, groups)
	d, fields := s.D, len(s.offsets)
	withIDs := order > 1+d
	s.pool.Run(groups, part(func(g int) {
		sum := make([]float64, size)
		sums[g] = sum
		h, diagonal := sum[:order*order], sum[order*order:]
		x := make([]float64, 1+d)
		at := make([]int, fields)
		for r := g * s.Rows / groups; r < (g+1)*s.Rows/groups; r++ {
			c := weigh(r)
			if c == 0 {
				continue
			}
			x[0] = 1
			for j, v := range s.Numeric[r*d : (r+1)*d] {
				x[1+j] = float64(v)
			}
			for f, id := range s.IDs[r*fields : (r+1)*fields] {
				at[f] = s.offsets[f] + int(id)
				diagonal[at[f]] += c
			}
			if order == 0 {
				for i, v := range x {
					diagonal[i] += c * v * v
				}
				continue
			}
			for i, v := range x { // the lower triangle, row by row
				if v != 0 {
					floats.AddScaled(h[i*order:i*order+i+1], c*v, x[:i+1])
				}
			}
			if !withIDs {
				continue
			}
			for f, i := range at {
				row := h[i*order : i*order+i+1]
				floats.AddScaled(row[:1+d], c, x)
				for _, j := range at[:f+1] {
					row[j] += c
				}
			}
		}
	}))
	total := sums[0]
	for _, sum := range sums[1:] {
		floats.Add(total, sum)
	}
	diagonal := total[order*order:]
	if order == 0 {
		return nil, diagonal
	}
	h := mat.NewSymDense(order, nil)
	for i := range order {
		for j := range i + 1 {
			h.SetSym(i, j, total[i*order+j])
		}
		diagonal[i] = total[i*order+i]
	}
	return h, diagonal
}

// precondition sets to = blocks⁻¹·v.
func (s *solver) precondition(to, v []float64) {
	k := s.Outputs
	for o := range s.blocks {
		b := &s.blocks[o]
		if b.order > 0 {
			part := mat.NewVecDense(b.order, nil)
			for i := range b.order {
				part.SetVec(i, v[i*k+o])
			}
			// A warning of the condition is no error: the direction is checked by what it does.
			_ = b.factor.SolveVecTo(part, part)
			for i := range b.order {
				to[i*k+o] = part.AtVec(i)
			}
		}
		for i := b.order; i < s.width; i++ {
			to[i*k+o] = v[i*k+o] / b.diagonal[i]
		}
		for i, free := range s.free {
			if !free {
				to[i*k+o] = 0
			}
		}
	}
}

// dependent returns the first row of a symmetric matrix that those before it determine up to a share, or −1: Cholesky's method, whose
// pivots are what is left.
func dependent(h *mat.SymDense, share float64) int {
	n := h.SymmetricDim()
	l := make([]float64, n*n)
	for i := range n {
		row := l[i*n : (i+1)*n]
		for j := range i {
			row[j] = (h.At(i, j) - floats.Dot(row[:j], l[j*n:j*n+j])) / l[j*n+j]
		}
		pivot := h.At(i, i) - floats.Dot(row[:i], row[:i])
		if !(pivot > share*h.At(i, i)) {
			return i
		}
		row[i] = math.Sqrt(pivot)
	}
	return -1
}

// covariance returns the inverse of the Hessian of all outputs.
func (s *solver) covariance() (*mat.SymDense, error) {
	k, n := s.Outputs, len(s.theta)
	full := mat.NewSymDense(n, nil)
	for o := range k {
		for q := range o + 1 {
			h, _ := s.gram(func(r int) float64 {
				c := s.curve[r*k+o]
				if s.Loss == Softmax {
					if o == q {
						c *= 1 - c
					} else {
						c *= -s.curve[r*k+q]
					}
				}
				return s.weight(r) * c
			}, s.width)
			for i := range s.width {
				for j := range s.width {
					full.SetSym(i*k+o, j*k+q, h.At(i, j))
				}
			}
		}
	}
	for i := range n {
		if i >= k {
			full.SetSym(i, i, full.At(i, i)+s.L2)
		}
		if !s.free[i/k] {
			for j := range n {
				full.SetSym(i, j, 0)
			}
			full.SetSym(i, i, 1)
		}
	}
	// A softmax does not change where all outputs' weights of a feature do by one number. The penalty decides that for all but the
	// intercepts; without one it is decided for all here, that they add up to 0, and taken off afterwards.
	gauged := 0
	if k > 1 {
		gauged = 1
		if s.L2 == 0 {
			gauged = s.width
		}
	}
	strength := make([]float64, gauged)
	for i := range gauged {
		if strength[i] = full.At(i*k, i*k); !s.free[i] {
			continue
		}
		for o := range k {
			for q := range o + 1 {
				full.SetSym(i*k+o, i*k+q, full.At(i*k+o, i*k+q)+strength[i])
			}
		}
	}
	var factor mat.Cholesky
	if !factor.Factorize(full) {
		if i := dependent(full, determined); i >= 0 {
			return nil, &CollinearError{Index: i / k}
		}
	}
	inverse := mat.NewSymDense(n, nil)
	if err := factor.InverseTo(inverse); err != nil && math.IsInf(factor.Cond(), 1) {
		return nil, &CollinearError{}
	}
	for i := range gauged {
		if !s.free[i] {
			continue
		}
		off := 1 / (strength[i] * float64(k) * float64(k))
		for o := range k {
			for q := range o + 1 {
				inverse.SetSym(i*k+o, i*k+q, inverse.At(i*k+o, i*k+q)-off)
			}
		}
	}
	for i := range n {
		if !s.free[i/k] {
			for j := range n {
				inverse.SetSym(i, j, 0)
			}
		}
	}
	return inverse, nil
}
