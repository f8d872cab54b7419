package simplex

import (
	"context"
	"math"
)

// primal runs the primal method from a basis that is feasible, with Devex weights (Harris, 1973) and her ratio test.
func (s *Solver) primal(ctx context.Context) outcome {
	for j := range s.devex {
		s.devex[j] = 1
	}
	trouble, still := 0, 0
	for {
		s.rebuildPrimal()
		out, again := s.primalRun(ctx, &trouble, &still)
		if !again {
			return out
		}
		if trouble > 50 {
			return troubled
		}
	}
}

// rebuildPrimal computes everything anew; bounds that rounding has violated are shifted.
func (s *Solver) rebuildPrimal() {
	if !s.fresh || s.factor.Updates() > 0 || !s.ready {
		s.factorize()
	}
	s.computeDual()
	s.computePrimal()
	s.ready = true
	for i, x := range s.xb {
		j := s.head[i]
		if x < s.bl[i]-s.primalTolerance {
			s.wl[j], s.bl[i] = x, x
			s.boundShift = true
		}
		if x > s.bu[i]+s.primalTolerance {
			s.wu[j], s.bu[i] = x, x
			s.boundShift = true
		}
	}
}

// entering chooses by the reduced cost and its weight.
func (s *Solver) entering() (q int32) {
	best := 0.0
	q = -1
	for j := range s.total {
		d := s.d[j]
		switch s.status[j] {
		case isBasic:
			continue
		case atLower:
			d = -d
		case isFree:
			d = math.Abs(d)
		}
		if d <= s.dualTolerance || s.wl[j] == s.wu[j] {
			continue
		}
		if d *= d; d > best*s.devex[j] {
			best, q = d/s.devex[j], int32(j)
		}
	}
	return q
}

func (s *Solver) primalRun(ctx context.Context, trouble, still *int) (out outcome, again bool) {
	skipped := map[int32]bool{}
	for {
		if s.stopping(ctx) {
			return stopped, false
		}
		q := s.entering()
		if q < 0 {
			if s.factor.Updates() > 0 {
				return feasible, true
			}
			return feasible, false
		}
		s.column.Clear()
		s.addColumn(q, 1, s.column.Add)
		s.factor.Solve(s.column, s.densities.column, true)
		follow(&s.densities.column, len(s.column.Index), s.m)
		exact := s.work[q]
		for _, i := range s.column.Index {
			exact -= s.work[s.head[i]] * s.column.Value[i]
		}
		if math.Abs(exact-s.d[q]) > 1e-7*(1+math.Abs(exact)) && s.factor.Updates() > 0 {
			*trouble++
			return feasible, true
		}
		if s.d[q]*exact <= 0 || math.Abs(exact) <= s.dualTolerance {
			s.d[q] = exact
			if skipped[q] {
				return troubled, false
			}
			skipped[q] = true
			continue
		}
		s.d[q] = exact
		direction := 1.0
		if exact > 0 {
			direction = -1
		}
		r, step := s.blocking(direction)
		span := s.span(q)
		if r < 0 && math.IsInf(span, 1) {
			if s.factor.Updates() > 0 {
				return feasible, true
			}
			s.rayColumn, s.raySign = q, direction
			return unbounded, false
		}
		if step >= span {
			s.moveAlong(direction * span)
			if s.status[q] == atLower {
				s.status[q], s.x[q] = atUpper, s.wu[q]
			} else {
				s.status[q], s.x[q] = atLower, s.wl[q]
			}
			s.iterations++
			s.Iterations++
			continue
		}
		if math.Abs(s.column.Value[r]) < 1e-7 && s.factor.Updates() > 0 {
			*trouble++
			return feasible, true
		}
		if step < 1e-12 {
			if *still++; *still == 300 {
				s.perturbBounds()
				*still = -1 << 30
				return feasible, true
			}
		} else if *still > 0 {
			*still = 0
		}
		if !s.primalPivot(r, q, direction, step) || s.due() {
			return feasible, true
		}
	}
}

// moveAlong changes the basic values by a step of the entering column.
func (s *Solver) moveAlong(step float64) {
	for _, i := range s.column.Index {
		s.xb[i] -= step * s.column.Value[i]
	}
}

// blocking returns the row that limits a step in a direction, of those that tolerances allow the one with the largest pivot.
func (s *Solver) blocking(direction float64) (row int, step float64) {
	const smallest = 1e-9
	limit := math.Inf(1)
	for _, i := range s.column.Index {
		a := direction * s.column.Value[i] // the value falls by a
		if a > smallest {
			if gap := s.xb[i] - s.bl[i] + s.primalTolerance; gap < limit*a {
				limit = max(gap, 0) / a
			}
		} else if a < -smallest {
			if gap := s.bu[i] - s.xb[i] + s.primalTolerance; gap < -limit*a {
				limit = max(gap, 0) / -a
			}
		}
	}
	if math.IsInf(limit, 1) {
		return -1, limit
	}
	best := 0.0
	row = -1
	for _, i := range s.column.Index {
		a := direction * s.column.Value[i]
		gap := s.xb[i] - s.bl[i]
		if a < 0 {
			a, gap = -a, s.bu[i]-s.xb[i]
		}
		if a > smallest && a > best && gap <= limit*a {
			row, best, step = int(i), a, max(gap, 0)/a
		}
	}
	return row, step
}

// primalPivot does one change of the basis.
func (s *Solver) primalPivot(r int, q int32, direction, step float64) bool {
	alpha := s.column.Value[r]
	s.rho.Clear()
	s.rho.Add(int32(r), 1)
	s.factor.SolveTransposed(s.rho, s.densities.rho, true)
	follow(&s.densities.rho, len(s.rho.Index), s.m)
	s.price()
	s.moveAlong(direction * step)
	value := s.x[q] + direction*step
	target := s.bl[r]
	if direction*alpha < 0 {
		target = s.bu[r]
	}
	theta := s.d[q] / alpha
	p := s.head[r]
	w := max(s.devex[q], 1)
	most := 1.0
	for _, j := range s.row.Index {
		a := s.row.Value[j]
		if s.status[j] == isBasic {
			continue
		}
		s.d[j] -= theta * a
		if ratio := a / alpha; ratio*ratio*w > s.devex[j] {
			s.devex[j] = ratio * ratio * w
			most = max(most, s.devex[j])
		}
	}
	s.d[q], s.d[p] = 0, -theta
	s.devex[p] = max(w/(alpha*alpha), 1)
	if most > 1e7 {
		for j := range s.devex {
			s.devex[j] = 1
		}
	}
	s.weight[r] = max(s.rho.Square()/(alpha*alpha), 1e-4)
	s.exchange(r, q, value, target)
	return s.factor.Update(int32(r), alpha)
}

// perturbBounds widens bounds a little, each by another amount, where steps of length zero follow each other.
func (s *Solver) perturbBounds() {
	for j := range s.total {
		if s.wl[j] == s.wu[j] {
			continue
		}
		if l := s.wl[j]; !math.IsInf(l, -1) {
			s.wl[j] -= (1 + s.random[j]) * 1e-7 * max(1, math.Abs(l))
			if s.status[j] == atLower {
				s.x[j] = s.wl[j]
			}
		}
		if u := s.wu[j]; !math.IsInf(u, 1) {
			s.wu[j] += (2 - s.random[j]) * 1e-7 * max(1, math.Abs(u))
			if s.status[j] == atUpper {
				s.x[j] = s.wu[j]
			}
		}
	}
	s.boundShift = true
	s.ready = false
	s.basicBounds()
}
