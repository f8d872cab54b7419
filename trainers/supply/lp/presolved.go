package lp

import (
	"math"

	"debut/trainers/supply/lp/presolve"
	"debut/trainers/supply/lp/simplex"
)

// presolved solves a linear program by the dual simplex method after making it smaller. The basis of the whole is then gone on from, which
// mostly takes no iteration.
func (r *run) presolved() *Solution {
	small := presolve.Reduce(r.p)
	if small == nil || small.Problem.Matrix.Rows == r.p.Matrix.Rows && small.Problem.Matrix.Columns == r.p.Matrix.Columns {
		return r.bySimplex(nil, nil)
	}
	s := simplex.New(small.Problem)
	status := s.Solve(r.ctx, true, r.limits())
	switch status {
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

func (r *run) byInterior() (*Solution, error) { return r.presolved(), nil }
