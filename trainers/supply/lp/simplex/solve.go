package simplex

import (
	"context"
	"math"
	"time"
)

// Status is how a solve ended.
type Status int

// How a solve ends.
const (
	Optimal    Status = iota
	Infeasible        // Ray proves it
	Unbounded         // Ray and the point prove it
	Stopped           // a limit or the context
	CutOff            // the optimum is above the cutoff
	Troubled          // rounding kept it from an answer
)

// Limits end a solve early.
type Limits struct {
	Iterations int       // 0: none
	Deadline   time.Time // zero: none
	Cutoff     *float64  // an objective, as one to be minimized and without the constant, from which on the optimum is of no interest
	Progress   func(Progress)
}

// Progress is how far a solve has come.
type Progress struct {
	Iterations    int
	Objective     float64 // of the dual
	Infeasibility float64 // sum of the violations of bounds, scaled
	Phase         int
}

// stopping says whether a limit is reached.
func (s *Solver) stopping(ctx context.Context) bool {
	if s.limits.Iterations > 0 && s.iterations >= s.limits.Iterations {
		return true
	}
	if s.iterations%16 != 0 {
		return false
	}
	if s.limits.Progress != nil && s.iterations%512 == 0 {
		sum := 0.0
		for i, x := range s.xb {
			sum += max(0, s.bl[i]-x, x-s.bu[i])
		}
		phase := 2
		if s.phaseOne {
			phase = 1
		}
		s.limits.Progress(Progress{s.Iterations, s.dualObjective(), sum, phase})
	}
	return ctx.Err() != nil || !s.limits.Deadline.IsZero() && time.Now().After(s.limits.Deadline)
}

// Solve solves from the present basis. fresh says that costs are to be perturbed from the beginning, as is right where the basis is far from
// the optimum.
func (s *Solver) Solve(ctx context.Context, fresh bool, limits Limits) Status {
	s.limits, s.iterations = limits, 0
	s.primalTolerance, s.dualTolerance = 1e-7, 1e-7
	status := s.solve(ctx, fresh)
	for range 3 {
		if status != Optimal || s.cleanEnough() {
			return status
		}
		// What is feasible as scaled is not so as given: again, more strictly.
		s.primalTolerance, s.dualTolerance = s.primalTolerance/10, s.dualTolerance/10
		status = s.solve(ctx, false)
	}
	return status
}

// cleanEnough says whether the tolerances hold for the problem as it was given, too.
func (s *Solver) cleanEnough() bool {
	const tolerance = 5e-7
	for i, x := range s.xb {
		j := s.head[i]
		if v := max(s.lower[j]-x, x-s.upper[j]) * s.scale[j]; v > tolerance*max(1, math.Abs(x)*s.scale[j]) {
			return false
		}
	}
	for j := range s.total {
		if s.status[j] == isBasic || s.lower[j] == s.upper[j] {
			continue
		}
		d := s.d[j] / s.scale[j]
		if bound := tolerance * max(1, math.Abs(s.cost[j]/s.scale[j])); d < -bound && s.status[j] != atUpper || d > bound && s.status[j] != atLower {
			return false
		}
	}
	return true
}

func (s *Solver) solve(ctx context.Context, fresh bool) Status {
	s.phaseOne = false
	s.useTrueCosts()
	s.useTrueBounds()
	if fresh {
		s.perturb()
	}
	s.factorize()
	s.ready = true
	s.computeDual()
	primalFirst := false
	if s.dualInfeasibilities() > 0 {
		s.computePrimal()
		primalFirst = fresh && s.primalInfeasibility() <= s.primalTolerance
	}
	if primalFirst {
		s.costShift = true // so that the primal method follows at once
	} else if s.dualInfeasibilities() > 0 {
		if out := s.firstPhase(ctx, fresh); out != feasible {
			return s.told(out, Troubled)
		}
	}
	for round := range 20 {
		out := feasible
		if !primalFirst {
			out = s.dual(ctx)
		}
		primalFirst = false
		switch out {
		case unbounded:
			return Infeasible
		case feasible:
		case troubled:
			if round > 3 {
				return Troubled
			}
			s.useTrueCosts()
			s.perturb()
			s.resetWeights()
			s.ready = false
			continue
		default:
			return s.told(out, Troubled)
		}
		if !s.costShift {
			return Optimal
		}
		s.useTrueCosts()
		s.computeDual()
		if s.wrongSigns() == 0 {
			return Optimal
		}
		out = s.primal(ctx)
		if out != feasible {
			if out == unbounded && s.boundShift {
				s.useTrueBounds()
				s.ready = false
				continue
			}
			return s.told(out, Unbounded)
		}
		if !s.boundShift {
			return Optimal
		}
		s.useTrueBounds()
		s.computePrimal()
		if s.primalInfeasibility() <= s.primalTolerance {
			return Optimal
		}
	}
	return Troubled
}

// told makes an outcome a status.
func (s *Solver) told(out outcome, ifUnbounded Status) Status {
	switch out {
	case stopped:
		return Stopped
	case cutOff:
		return CutOff
	case unbounded:
		return ifUnbounded
	}
	return Troubled
}

func (s *Solver) resetWeights() {
	for i := range s.weight {
		s.weight[i] = 1
	}
}

// wrongSigns counts reduced costs beyond the tolerance for where their columns stand.
func (s *Solver) wrongSigns() (count int) {
	for j := range s.total {
		if s.status[j] == isBasic || s.wl[j] == s.wu[j] {
			continue
		}
		if d := s.d[j]; d < -s.dualTolerance && s.status[j] != atUpper || d > s.dualTolerance && s.status[j] != atLower {
			count++
		}
	}
	return count
}

// firstPhase finds a dual feasible basis: the dual of the problem whose bounds are those of directions in which columns may go
// (Koberstein's subproblem approach, after Pan). Where there is none, it makes the problem feasible without costs and goes on by the primal
// method, which then finds a ray.
func (s *Solver) firstPhase(ctx context.Context, fresh bool) outcome {
	s.phaseOne = true
	for j := range s.total {
		noLower, noUpper := math.IsInf(s.lower[j], -1), math.IsInf(s.upper[j], 1)
		switch {
		case noLower && noUpper:
			s.wl[j], s.wu[j] = -1000, 1000
		case noLower:
			s.wl[j], s.wu[j] = -1, 0
		case noUpper:
			s.wl[j], s.wu[j] = 0, 1
		default:
			s.wl[j], s.wu[j] = 0, 0
		}
		s.place(j)
	}
	s.basicBounds()
	s.ready = true
	out := s.dual(ctx)
	s.phaseOne = false
	if out == stopped {
		return out
	}
	s.useTrueBounds()
	s.computeDual()
	if out == feasible && s.dualInfeasibilities() > 0 && s.costShift {
		s.useTrueCosts()
		if fresh {
			s.perturb()
		}
		s.computeDual()
	}
	s.ready = false
	if out == feasible && s.dualInfeasibilities() == 0 {
		return feasible
	}
	// Without costs any basis is dual feasible; small ones keep the method from standing still.
	s.resetWeights()
	clear(s.work)
	for j := range s.total {
		s.place(j)
		switch {
		case s.lower[j] == s.upper[j] || s.status[j] == isBasic:
		case s.status[j] == atLower:
			s.work[j] = 1e-3 * (1 + s.random[j])
		case s.status[j] == atUpper:
			s.work[j] = -1e-3 * (1 + s.random[j])
		}
	}
	s.costShift = true
	return feasible
}
