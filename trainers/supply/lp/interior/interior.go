// Package interior solves linear programs by Mehrotra's predictor–corrector method (On the implementation of a primal-dual interior point
// method, 1992), with normal equations, a sparse Cholesky factorization in an order of least degrees, and dense columns kept out of it by the
// formula of Sherman, Morrison and Woodbury.
//
// Its points are inside of bounds, not at vertices: a basis is guessed from them, from which the simplex method goes on.
package interior

import (
	"context"
	"math"
	"slices"
	"time"

	"debut/trainers/supply/lp/problem"
	"debut/trainers/supply/lp/simplex"
)

// Result is where the method ended. Converged says that residuals and the gap are small.
type Result struct {
	Converged     bool
	Iterations    int
	Objective     float64            // of the point, without the constant, of a minimization
	Columns, Rows []simplex.Position // a guess at the basis
	Stopped       bool
}

// Limits end the method early.
type Limits struct {
	Deadline time.Time // zero: none
	Progress func(iterations int, primal, dual, gap float64)
}

// method is a problem in the form min c·v, A·v = b, v ≥ 0 or free, v + w = u where there is an upper bound.
type method struct {
	m, n  int // rows, columns with the slacks of rows that are no equations
	given int // columns without them

	start []int
	index []int32
	value []float64
	b, c  []float64
	upper []float64 // +Inf: none
	free  []bool
	flip  []float64 // −1 where the column was turned round
	slack []int     // of a row, −1 for an equation

	v, w, y, z, q                []float64
	dv, dw, dy, dz, dq           []float64
	rp, ru, rd, rxz, rwq, theta  []float64
	affineV, affineW, affineZ    []float64
	affineQ                      []float64
	factor                       *cholesky
	slots                        []int32 // pairs of entries of a column, with the place in factor.aValue of their product
	columnOf                     []int32 // of an entry
	dense                        []int32
	denseColumn                  []bool
	denseSolved                  [][]float64
	denseMatrix                  []float64
	rowScale, columnScale, right []float64
}

// Solve runs the method on a problem without its integrality.
func Solve(ctx context.Context, p *problem.Problem, limits Limits) Result {
	s := build(p)
	s.analyze()
	s.begin()
	r := Result{}
	best, since := math.Inf(1), 0
	for r.Iterations = 0; r.Iterations < 200; r.Iterations++ {
		if ctx.Err() != nil || !limits.Deadline.IsZero() && time.Now().After(limits.Deadline) {
			r.Stopped = true
			break
		}
		primal, dual, gap := s.residuals()
		if limits.Progress != nil {
			limits.Progress(r.Iterations, primal, dual, gap)
		}
		worst := max(primal, dual, gap)
		if worst < 1e-9 || math.IsNaN(worst) {
			r.Converged = !math.IsNaN(worst)
			break
		}
		if worst < 0.9*best {
			best, since = worst, 0
		} else if since++; since > 15 {
			break
		}
		s.step()
	}
	r.Converged = r.Converged || best < 1e-6
	for j := range s.given {
		r.Objective += s.c[j] * s.v[j]
	}
	r.Columns, r.Rows = s.guess(p)
	return r
}

// build makes the form of the method.
func build(p *problem.Problem) *method {
	m, n := p.Size()
	s := &method{m: m, given: n}
	s.start, s.index, s.value = slices.Clone(p.Matrix.Start), slices.Clone(p.Matrix.Index), slices.Clone(p.Matrix.Value)
	lower, upper := slices.Clone(p.Lower), slices.Clone(p.Upper)
	s.c = slices.Clone(p.Cost)
	if p.Maximize {
		for j := range s.c {
			s.c[j] = 0 - s.c[j]
		}
	}
	s.b = make([]float64, m)
	s.slack = make([]int, m)
	for i := range m {
		if s.slack[i] = -1; p.RowLower[i] == p.RowUpper[i] {
			s.b[i] = p.RowLower[i]
			continue
		}
		s.slack[i] = len(s.c)
		s.index, s.value = append(s.index, int32(i)), append(s.value, -1)
		s.start = append(s.start, len(s.index))
		s.c, lower, upper = append(s.c, 0), append(lower, p.RowLower[i]), append(upper, p.RowUpper[i])
	}
	s.n = len(s.c)
	s.scale()
	s.upper, s.free, s.flip = make([]float64, s.n), make([]bool, s.n), make([]float64, s.n)
	for j := range s.n {
		l, u := lower[j]/s.columnScale[j], upper[j]/s.columnScale[j]
		s.flip[j] = 1
		s.upper[j] = math.Inf(1)
		shift := 0.0
		switch {
		case math.IsInf(l, -1) && math.IsInf(u, 1):
			s.free[j] = true
		case math.IsInf(l, -1):
			s.flip[j], shift = -1, u
			s.c[j] = -s.c[j]
		default:
			shift = l
			s.upper[j] = u - l
		}
		for k := s.start[j]; k < s.start[j+1]; k++ {
			s.b[s.index[k]] -= s.value[k] * shift
			s.value[k] *= s.flip[j]
		}
	}
	return s
}

// scale evens out rows and columns.
func (s *method) scale() {
	s.rowScale, s.columnScale = make([]float64, s.m), make([]float64, s.n)
	for i := range s.rowScale {
		s.rowScale[i] = 1
	}
	for j := range s.columnScale {
		s.columnScale[j] = 1
	}
	most := make([]float64, s.m)
	for range 4 {
		clear(most)
		for j := range s.n {
			column := 0.0
			for k := s.start[j]; k < s.start[j+1]; k++ {
				v := math.Abs(s.value[k])
				column = max(column, v)
				most[s.index[k]] = max(most[s.index[k]], v)
			}
			if column > 0 {
				f := 1 / math.Sqrt(column)
				s.columnScale[j] *= f
				for k := s.start[j]; k < s.start[j+1]; k++ {
					s.value[k] *= f
				}
			}
		}
		for i, v := range most {
			if most[i] = 1; v > 0 {
				most[i] = 1 / math.Sqrt(v)
				s.rowScale[i] *= most[i]
			}
		}
		for k, i := range s.index {
			s.value[k] *= most[i]
		}
	}
	for j := range s.c {
		s.c[j] *= s.columnScale[j]
	}
	for i := range s.b {
		s.b[i] *= s.rowScale[i]
	}
}

// analyze finds the pattern of the normal equations, without the columns that would fill them.
func (s *method) analyze() {
	limit := max(50, s.m/20)
	s.denseColumn = make([]bool, s.n)
	neighbors := make([][]int32, s.m)
	for j := range s.n {
		if s.start[j+1]-s.start[j] > limit {
			s.denseColumn[j] = true
			s.dense = append(s.dense, int32(j))
			continue
		}
		for a := s.start[j]; a < s.start[j+1]; a++ {
			for b := s.start[j]; b < s.start[j+1]; b++ {
				if a != b {
					neighbors[s.index[a]] = append(neighbors[s.index[a]], s.index[b])
				}
			}
		}
	}
	for i := range neighbors {
		slices.Sort(neighbors[i])
		neighbors[i] = slices.Compact(neighbors[i])
	}
	s.factor = analyze(s.m, neighbors)
	s.columnOf = make([]int32, len(s.index))
	for j := range s.n {
		for k := s.start[j]; k < s.start[j+1]; k++ {
			s.columnOf[k] = int32(j)
		}
	}
	// Where each product of two entries of a column goes.
	f := s.factor
	where := make([]int32, s.m)
	// Products are collected column by column of the ordered matrix: for that, entries by row.
	rows := problem.Matrix{Rows: s.m, Columns: s.n, Start: s.start, Index: s.index, Value: s.value}
	t := rows.Transposed()
	type pair struct{ a, b, slot int32 }
	var pairs []pair
	for k := range s.m {
		for e := f.aStart[k]; e < f.aStart[k+1]; e++ {
			where[f.aIndex[e]] = int32(e)
		}
		i := f.order[k]
		for e := t.Start[i]; e < t.Start[i+1]; e++ {
			j := t.Index[e]
			if s.denseColumn[j] {
				continue
			}
			own := int32(-1)
			for a := s.start[j]; a < s.start[j+1]; a++ {
				if s.index[a] == i {
					own = int32(a)
				}
			}
			for a := s.start[j]; a < s.start[j+1]; a++ {
				if o := f.place[s.index[a]]; int(o) <= k {
					pairs = append(pairs, pair{own, int32(a), where[o]})
				}
			}
		}
	}
	s.slots = make([]int32, 0, 3*len(pairs))
	for _, p := range pairs {
		s.slots = append(s.slots, p.a, p.b, p.slot)
	}
}
