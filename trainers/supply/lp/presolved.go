package lp

import (
	"fmt"
	"math"

	"debut/trainers/supply/lp/interior"
	"debut/trainers/supply/lp/presolve"
	"debut/trainers/supply/lp/problem"
	"debut/trainers/supply/lp/simplex"
)

// presolved solves a linear program by the dual simplex method after making it smaller, from the basis of logicals or from one that start
// finds. The basis of the whole is then gone on from, which mostly takes no iteration.
func (r *run) presolved(start func(*problem.Problem) (columns, rows []simplex.Position)) *Solution {
	whole := func() *Solution {
		if start == nil {
			return r.bySimplex(nil, nil)
		}
		return r.bySimplex(start(r.p))
	}
	small := presolve.Reduce(r.p)
	if small == nil || small.Problem.Matrix.Rows == r.p.Matrix.Rows && small.Problem.Matrix.Columns == r.p.Matrix.Columns {
		return whole()
	}
	s := simplex.New(small.Problem)
	fresh := true
	if start != nil {
		if columns, rows := start(small.Problem); columns != nil {
			s.SetPositions(columns, rows)
			fresh = false
		}
	}
	switch status := s.Solve(r.ctx, fresh, r.limits()); status {
	case simplex.Optimal:
		columns, rows := s.Positions()
		out := r.bySimplex(small.Restore(columns, rows, s.Dual()))
		out.Iterations += s.Iterations
		return out
	case simplex.Stopped:
		return &Solution{Status: r.stopped(), Iterations: s.Iterations, Bound: math.Inf(int(-r.sense()))}
	}
	return r.bySimplex(nil, nil) // proofs are of the whole
}

// byInterior solves a linear program by the interior point method, and goes on by the simplex method from the basis that its point hints at:
// there is no other crossover. Where it does not converge, as where there is no optimum, the simplex method begins anew.
func (r *run) byInterior() *Solution {
	method := ""
	s := r.presolved(func(p *problem.Problem) (columns, rows []simplex.Position) {
		limits := interior.Limits{Deadline: r.deadline}
		if r.o.Progress != nil {
			limits.Progress = func(iterations int, primal, dual, gap float64) {
				r.progress(Progress{Iterations: iterations, Best: math.NaN(), Bound: math.NaN(), Infeasibility: max(primal, dual, gap)})
			}
		}
		found := interior.Solve(r.ctx, p, limits)
		if !found.Converged {
			method = "dual simplex method (the interior point method did not converge)"
			return nil, nil
		}
		method = fmt.Sprintf("interior point method, %d iterations, and the simplex method from its basis", found.Iterations)
		return found.Columns, found.Rows
	})
	if s.Method = method; method == "" {
		s.Method = "dual simplex method (presolve left nothing to the interior point method)"
	}
	return s
}
