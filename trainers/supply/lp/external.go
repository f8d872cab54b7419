package lp

import (
	"fmt"
	"math"
	"slices"
	"time"

	"debut/trainers/supply/lp/kept"
	"debut/trainers/supply/lp/simplex"
)

// byKept solves by an installed program. Its basis, or the whole numbers of its point, are gone on from by our simplex method, which has
// all digits of the numbers, finds multipliers, and proofs where it says that there is no answer.
func (r *run) byKept(program *kept.Program, why string) (*Solution, error) {
	limit := time.Duration(0)
	if !r.deadline.IsZero() {
		limit = max(time.Until(r.deadline)-200*time.Millisecond, 10*time.Millisecond)
	}
	answer, err := program.Solve(r.ctx, r.p, limit, r.o.Gap)
	if err != nil {
		return nil, fmt.Errorf("lp: %w", err)
	}
	integers := r.p.Integers() > 0
	method := named(program.Name+", "+program.Path, why)
	var s *Solution
	switch {
	case answer.Status == simplex.Infeasible || answer.Status == simplex.Unbounded || answer.Status == simplex.Troubled:
		// A proof is ours to find.
		s = r.own(integers, "")
		method += ", checked by ours"
	case answer.X == nil:
		s = &Solution{Status: r.stopped(), Bound: math.Inf(int(-r.sense()))}
	case integers:
		s = r.rounded(answer)
	case answer.Columns != nil:
		s = r.bySimplex(answer.Columns, answer.Rows)
	default:
		s = &Solution{Status: Optimal, X: answer.X, Dual: answer.Dual}
		for i := range s.Dual {
			s.Dual[i] *= r.sense()
		}
		if answer.Status == simplex.Stopped {
			s.Status, s.Dual = r.stopped(), nil
			s.Bound = math.Inf(int(-r.sense()))
		}
	}
	s.Method = method
	return s, nil
}

// rounded makes the whole numbers of a point whole, and solves for the others.
func (r *run) rounded(answer *kept.Answer) *Solution {
	s := &Solution{Status: Optimal, X: answer.X}
	fixed := *r.p
	fixed.Integer = nil
	fixed.Lower, fixed.Upper = slices.Clone(fixed.Lower), slices.Clone(fixed.Upper)
	for j := range s.X {
		if r.p.IsInteger(j) {
			s.X[j] = math.Round(s.X[j])
			fixed.Lower[j], fixed.Upper[j] = s.X[j], s.X[j]
		}
	}
	if r.p.Integers() < len(s.X) {
		inner := simplex.New(&fixed)
		if inner.Solve(r.ctx, true, simplex.Limits{Deadline: r.deadline}) == simplex.Optimal {
			s.X = inner.Primal()
		}
	}
	s.Bound = r.p.Value(s.X)
	if answer.Status == simplex.Stopped {
		s.Status = r.stopped()
		s.Bound = r.sense()*answer.Bound + r.p.Offset
	}
	return s
}
