// Package lp solves linear and integer programs: min or max c·x over ranges of rows, bounds and integrality, matrices being sparse.
//
// It is the door of the packages below: problem has the type, modelfile reads and writes it, presolve makes it smaller, simplex and interior
// solve linear programs, search integer ones, kept runs solvers that are installed, and verify checks what is answered before it is told.
package lp

import (
	"context"
	"fmt"
	"math"
	"time"

	"debut/trainers/supply/lp/problem"
	"debut/trainers/supply/lp/search"
	"debut/trainers/supply/lp/simplex"
	"debut/trainers/supply/lp/verify"
)

// Problem is what is solved.
type Problem = problem.Problem

// Matrix is a sparse matrix by columns.
type Matrix = problem.Matrix

// Status is how a solve ended.
type Status string

// How a solve ends. The first three are proven.
const (
	Optimal    Status = "optimal"
	Infeasible Status = "infeasible"
	Unbounded  Status = "unbounded"
	TimeLimit  Status = "time limit"  // X is the best so far, where there is one
	Canceled   Status = "interrupted" // the same
	Troubled   Status = "not settled" // rounding kept the methods from an answer that could be verified
)

// Methods that can be asked for.
const (
	Auto     = "auto"
	Simplex  = "simplex"  // the dual simplex method, and branch and bound on it
	Interior = "interior" // the interior point method; linear programs only
	Clp      = "clp"      // installed programs
	Cbc      = "cbc"
	HiGHS    = "highs"
)

// Methods lists them.
func Methods() []string { return []string{Auto, Simplex, Interior, Clp, Cbc, HiGHS} }

// Options are how to solve. The zero value is automatic, without a limit and to a proof.
type Options struct {
	Method    string
	TimeLimit time.Duration  // 0: none
	Gap       float64        // relative gap at which an integer program counts as solved
	Progress  func(Progress) // called now and then, by the goroutine of Solve
}

// Progress is how far a solve has come. What is not known is NaN.
type Progress struct {
	Seconds       float64
	Iterations    int
	Nodes, Open   int // of a search
	Best, Bound   float64
	Infeasibility float64 // of the dual simplex method: what violations of bounds add up to
}

// Solution is an answer. Vectors are nil where there are none: X without a point, Dual and Reduced after a search.
type Solution struct {
	Status    Status
	Method    string // what was taken, with the reason where it was chosen
	Objective float64
	Bound     float64 // no feasible point is better
	Gap       float64 // |objective − bound| relative to the objective; 0 where it is proven
	X         []float64
	Activity  []float64 // of rows
	Dual      []float64 // multipliers of rows: what a unit more of the side is worth
	Reduced   []float64 // reduced costs of columns

	Proof     []float64 // after Infeasible: multipliers that verify.Infeasible accepts; nil after a search, which is the proof itself
	Direction []float64 // after Unbounded: one that verify.Unbounded accepts

	PrimalViolation, DualViolation float64 // as verify.Primal and verify.Dual find them
	Iterations, Nodes              int
	Seconds                        float64
}

// Solve solves a problem. It is an error where the problem cannot be meant or the method cannot be had; that there is no solution is an
// answer. A canceled context and a time limit end it with the best so far.
func Solve(ctx context.Context, p *Problem, o Options) (*Solution, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	began := time.Now()
	r := &run{ctx: ctx, p: p, o: o, began: began}
	if o.TimeLimit > 0 {
		r.deadline = began.Add(o.TimeLimit)
	}
	if math.IsNaN(o.Gap) || o.Gap < 0 {
		return nil, fmt.Errorf("lp: the gap is %v; it is a share of the objective, 0 or more", o.Gap)
	}
	s, err := r.solve()
	if err != nil {
		return nil, err
	}
	r.complete(s)
	s.Seconds = time.Since(began).Seconds()
	return s, nil
}

// run is a solve under way.
type run struct {
	ctx      context.Context
	p        *Problem
	o        Options
	began    time.Time
	deadline time.Time
}

func (r *run) progress(p Progress) {
	if r.o.Progress != nil {
		p.Seconds = time.Since(r.began).Seconds()
		r.o.Progress(p)
	}
}

// sense is −1 where the objective is to be large.
func (r *run) sense() float64 {
	if r.p.Maximize {
		return -1
	}
	return 1
}

// stopped is the status of a solve that a limit ended.
func (r *run) stopped() Status {
	if r.ctx.Err() != nil {
		return Canceled
	}
	return TimeLimit
}

// bySimplex solves a linear program from the basis of logicals, or from positions where they are given.
func (r *run) bySimplex(columns, rows []simplex.Position) *Solution {
	s := simplex.New(r.p)
	if columns != nil {
		s.SetPositions(columns, rows)
	}
	status := s.Solve(r.ctx, columns == nil, r.limits())
	out := &Solution{Iterations: s.Iterations, Bound: math.Inf(int(-r.sense()))}
	switch status {
	case simplex.Optimal:
		out.Status, out.X, out.Dual = Optimal, s.Primal(), s.Dual()
		for i := range out.Dual {
			out.Dual[i] *= r.sense()
		}
	case simplex.Infeasible:
		out.Status, out.Proof = Infeasible, s.Ray()
	case simplex.Unbounded:
		out.Status, out.X, out.Direction = Unbounded, s.Primal(), s.Direction()
	case simplex.Stopped:
		out.Status = r.stopped()
	default:
		out.Status = Troubled
	}
	return out
}

func (r *run) limits() simplex.Limits {
	l := simplex.Limits{Deadline: r.deadline}
	if r.o.Progress != nil {
		l.Progress = func(p simplex.Progress) {
			r.progress(Progress{Iterations: p.Iterations, Best: math.NaN(), Bound: math.NaN(), Infeasibility: p.Infeasibility})
		}
	}
	return l
}

// bySearch solves an integer program.
func (r *run) bySearch() *Solution {
	o := search.Options{Gap: r.o.Gap, Deadline: r.deadline}
	if r.o.Progress != nil {
		o.Progress = func(p search.Progress) {
			best := r.sense()*p.Best + r.p.Offset
			if math.IsInf(best, 0) {
				best = math.NaN()
			}
			r.progress(Progress{Iterations: p.Iterations, Nodes: p.Nodes, Open: p.Open, Best: best, Bound: r.sense()*p.Bound + r.p.Offset})
		}
	}
	f := search.Solve(r.ctx, r.p, o)
	out := &Solution{X: f.X, Bound: f.Bound, Nodes: f.Nodes, Iterations: f.Iterations, Direction: f.Direction}
	switch f.Status {
	case search.Optimal:
		out.Status = Optimal
	case search.Infeasible:
		out.Status, out.X = Infeasible, nil
	case search.Unbounded:
		out.Status = Unbounded
	case search.Stopped:
		out.Status = r.stopped()
	default:
		out.Status = Troubled
	}
	return out
}

// complete verifies an answer and adds what follows from it. What cannot be verified is not told.
func (r *run) complete(s *Solution) {
	p := r.p
	if s.X != nil {
		s.PrimalViolation = verify.Primal(p, s.X)
		s.Objective, s.Activity = p.Value(s.X), p.Activities(s.X)
		if !(s.PrimalViolation <= verify.Tolerance) && s.Status == Optimal {
			s.Status = Troubled
		}
	}
	switch s.Status {
	case Optimal:
		if s.Dual != nil {
			s.Reduced = verify.ReducedCosts(p, s.Dual)
			if s.DualViolation = verify.Dual(p, s.X, s.Dual); !(s.DualViolation <= verify.Tolerance) {
				s.Status = Troubled
				return
			}
			s.Bound = s.Objective
		}
	case Infeasible:
		if s.Proof != nil && verify.Infeasible(p, s.Proof) != nil {
			s.Status, s.Proof = Troubled, nil
		}
	case Unbounded:
		if !(s.PrimalViolation <= verify.Tolerance) || verify.Unbounded(p, s.Direction) != nil {
			s.Status = Troubled
		}
	}
	s.Gap = math.NaN()
	if s.X != nil && s.Status != Unbounded {
		s.Gap = gap(s.Objective, s.Bound)
	}
}

// gap is how far a bound is from an objective, relative to it.
func gap(objective, bound float64) float64 {
	d := math.Abs(objective - bound)
	if d == 0 {
		return 0
	}
	return d / max(math.Abs(objective), 1e-10)
}
