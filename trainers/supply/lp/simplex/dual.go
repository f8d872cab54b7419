package simplex

import (
	"context"
	"math"
)

// outcome is how a run of a method ended.
type outcome int

const (
	feasible  outcome = iota // no bound is violated, primal or dual as the method has it
	unbounded                // a ray shows that the method's objective has no end
	stopped                  // a limit
	cutOff                   // the objective passed the limit of the search
	troubled                 // rounding
)

// price computes a row of the tableau, rho·(A, I), over what is not basic.
func (s *Solver) price() {
	row := s.row
	row.Clear()
	n := int32(s.n)
	if float64(len(s.rho.Index)) > 0.2*float64(s.m) {
		// The reduced costs of fixed columns matter to bounds of the objective alone.
		all := s.phaseOne || s.limits.Cutoff != nil || s.limits.Iterations > 0
		for j := range int32(s.total) {
			if s.status[j] == isBasic || !all && s.wl[j] == s.wu[j] {
				continue
			}
			if v := s.dot(s.rho.Value, j); v > 1e-14 || v < -1e-14 {
				row.Value[j] = v
				row.Index = append(row.Index, j)
			}
		}
		return
	}
	index := row.Index
	for _, i := range s.rho.Index {
		x := s.rho.Value[i]
		if s.status[n+i] != isBasic {
			row.Value[n+i] = x
			index = append(index, n+i)
		}
		from, to := s.rowStart[i], s.rowStart[i+1]
		columns, values := s.rowIndex[from:to], s.rowValue[from:to]
		for k, j := range columns {
			old := row.Value[j]
			if old == 0 {
				index = append(index, j)
			}
			if old += x * values[k]; old == 0 {
				old = 1e-50
			}
			row.Value[j] = old
		}
	}
	row.Index = index
}

// rebuild factorizes where the basis was updated, and computes everything of it anew.
func (s *Solver) rebuild(shift bool) {
	if !s.fresh || s.factor.Updates() > 0 || !s.ready {
		s.factorize()
	}
	s.computeDual()
	s.correctDual(shift)
	s.computePrimal()
	s.ready = true
}

// leave chooses the row whose column leaves: the largest violation by its weight.
func (s *Solver) leave() int {
	best, row := 0.0, -1
	tolerance := s.primalTolerance
	bl, bu, weight := s.bl[:len(s.xb)], s.bu[:len(s.xb)], s.weight[:len(s.xb)]
	for i, x := range s.xb {
		v := bl[i] - x
		if v <= tolerance {
			if v = x - bu[i]; v <= tolerance {
				continue
			}
		}
		if v *= v; v > best*weight[i] && !s.isTaboo[i] {
			best, row = v/weight[i], i
		}
	}
	return row
}

// due says whether to factorize anew.
func (s *Solver) due() bool {
	u := s.factor.Updates()
	return u >= 100+s.m/200 || u > 20 && s.factor.Grown()
}

// dual runs the dual method from a basis that flips and shifts make dual feasible.
func (s *Solver) dual(ctx context.Context) outcome {
	trouble := 0
	s.rebuild(true)
	for {
		if out, again := s.dualRun(ctx, &trouble); !again {
			return out
		}
		if trouble > 50 {
			return troubled
		}
		s.rebuild(true)
	}
}

// dualRun iterates until the basis is to be factorized anew, or to the end.
func (s *Solver) dualRun(ctx context.Context, trouble *int) (out outcome, again bool) {
	for {
		if s.stopping(ctx) {
			return stopped, false
		}
		if !s.phaseOne && s.limits.Cutoff != nil && !s.costShift && s.iterations%10 == 0 && s.dualObjective() > *s.limits.Cutoff {
			return cutOff, false
		}
		r := s.leave()
		if r < 0 {
			if s.factor.Updates() > 0 {
				return feasible, true
			}
			if len(s.taboo) > 0 && s.primalInfeasibility() > s.primalTolerance {
				return troubled, false
			}
			return feasible, false
		}
		if s.weight[r] <= 0 || math.IsNaN(s.weight[r]) {
			s.weight[r] = 1
		}
		s.rho.Clear()
		s.rho.Add(int32(r), 1)
		s.factor.SolveTransposed(s.rho, s.densities.rho, true)
		follow(&s.densities.rho, len(s.rho.Index), s.m)
		exact := s.rho.Square()
		if stored := s.weight[r]; stored < 0.25*exact || stored > 4*exact && exact > 0 {
			s.weight[r] = exact
			if stored < 0.25*exact {
				continue // it only seemed to be the steepest
			}
		} else {
			s.weight[r] = exact
		}
		s.price()
		target := s.bl[r]
		if s.xb[r] > s.bu[r] {
			target = s.bu[r]
		}
		delta := s.xb[r] - target
		q, flipped := s.enter(delta)
		if q < 0 {
			if s.factor.Updates() > 0 {
				return feasible, true
			}
			if s.phaseOne || s.proved(delta) {
				return unbounded, false
			}
			*trouble++
			s.forbid(r)
			continue
		}
		if !s.pivot(r, q, flipped, target, trouble) {
			return feasible, true
		}
		if s.due() {
			return feasible, true
		}
	}
}

// forbid keeps a row from leaving until the next factorization.
func (s *Solver) forbid(r int) {
	s.isTaboo[r] = true
	s.taboo = append(s.taboo, int32(r))
}

// pivot does one iteration of the dual method. It reports false where the factors are too bad for it.
func (s *Solver) pivot(r int, q int32, flipped int, target float64, trouble *int) bool {
	s.column.Clear()
	s.addColumn(q, 1, s.column.Add)
	s.factor.Solve(s.column, s.densities.column, true)
	follow(&s.densities.column, len(s.column.Index), s.m)
	alpha, other := s.column.Value[r], s.row.Value[q]
	if difference := math.Abs(alpha - other); difference > 1e-7*(1+math.Abs(alpha)) || math.Abs(alpha) < 1e-9 {
		if s.factor.Updates() > 0 {
			*trouble++
			return false
		}
		if difference > 1e-3*(1+math.Abs(alpha)) || math.Abs(alpha) < 1e-9 {
			*trouble++
			s.forbid(r)
			return true
		}
	}
	s.flip(flipped)
	delta := s.xb[r] - target
	// Reduced costs. A step back would undo what was gained: the cost is shifted instead.
	theta := s.d[q] / other
	if theta*delta < 0 || s.status[q] == isFree && math.Abs(s.d[q]) > 0 {
		s.work[q] -= s.d[q]
		s.d[q] = 0
		theta = 0
		s.costShift = true
	}
	if theta != 0 {
		for _, j := range s.row.Index {
			s.d[j] -= theta * s.row.Value[j]
		}
	}
	p := s.head[r]
	s.d[q], s.d[p] = 0, -theta
	// Values.
	step := delta / alpha
	for _, i := range s.column.Index {
		s.xb[i] -= step * s.column.Value[i]
	}
	// Weights: Forrest and Goldfarb's recurrence.
	s.tau.Copy(s.rho)
	s.factor.Solve(s.tau, s.densities.tau, false)
	follow(&s.densities.tau, len(s.tau.Index), s.m)
	s.updateWeights(r, alpha)
	s.tau.Clear()
	s.exchange(r, q, s.x[q]+step, target)
	return s.factor.Update(int32(r), alpha)
}

// updateWeights follows the norms of the rows of B⁻¹ through a change of the basis.
func (s *Solver) updateWeights(r int, alpha float64) {
	w := s.weight[r]
	for _, i := range s.column.Index {
		if int(i) == r {
			continue
		}
		ratio := s.column.Value[i] / alpha
		if ratio == 0 {
			continue
		}
		next := s.weight[i] + ratio*(ratio*w-2*s.tau.Value[i])
		s.weight[i] = max(next, 1e-4, ratio*ratio*w*1e-4)
	}
	s.weight[r] = max(w/(alpha*alpha), 1e-4)
}

// exchange has column q enter in row r with a value, and the column there leave for a bound.
func (s *Solver) exchange(r int, q int32, value, target float64) {
	p := s.head[r]
	s.x[p] = target
	switch target {
	case s.wl[p]:
		s.status[p] = atLower
	case s.wu[p]:
		s.status[p] = atUpper
	default:
		s.status[p] = isFree
	}
	s.head[r], s.status[q] = q, isBasic
	s.xb[r], s.bl[r], s.bu[r] = value, s.wl[q], s.wu[q]
	s.fresh = false
	s.iterations++
	s.Iterations++
}

// flip sends the columns of the ratio test before a place to their other bounds.
func (s *Solver) flip(before int) {
	if before == 0 {
		return
	}
	v := s.flips
	v.Clear()
	for _, j := range s.ratio.column[:before] {
		to, status := s.wu[j], atUpper
		if s.status[j] == atUpper {
			to, status = s.wl[j], atLower
		}
		if change := to - s.x[j]; change != 0 {
			s.addColumn(j, -change, v.Add)
		}
		s.x[j], s.status[j] = to, status
	}
	s.factor.Solve(v, s.densities.column, false)
	for _, i := range v.Index {
		s.xb[i] += v.Value[i]
	}
}

// dualObjective is the bound that the reduced costs prove.
func (s *Solver) dualObjective() float64 {
	sum := 0.0
	for j := range s.total {
		if s.status[j] != isBasic {
			sum += s.d[j] * s.x[j]
		}
	}
	return sum
}

// proved checks that a row of the tableau shows that no point fulfills all bounds, and keeps its multipliers as the ray.
func (s *Solver) proved(delta float64) bool {
	// rho·(A, I)·(x, z) = 0 for all points; its largest or smallest value within the bounds has the wrong sign where it is a proof.
	sign := 1.0
	if delta < 0 { // the row holds the column below its lower bound
		sign = -1
	}
	s.ray = append(s.ray[:0], s.rho.Value...)
	for i := range s.ray {
		s.ray[i] *= sign
	}
	return s.verifyRay(s.ray) > 0
}

// verifyRay returns by how much Σ y·(A, I)·(x, z) stays below zero within the given bounds, relative to its terms; 0 where it does not.
func (s *Solver) verifyRay(y []float64) float64 {
	most, size := 0.0, 0.0
	for j := range int32(s.total) {
		v := s.dot(y, j)
		if v == 0 {
			continue
		}
		bound := s.upper[j]
		if v < 0 {
			bound = s.lower[j]
		}
		if math.IsInf(bound, 0) {
			if math.Abs(v) > 1e-9 {
				return 0
			}
			continue
		}
		most += v * bound
		size = max(size, math.Abs(v*bound))
	}
	if most < -1e-9*max(size, 1) {
		return -most
	}
	return 0
}
