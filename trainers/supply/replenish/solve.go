package replenish

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"debut/trainers/supply/lp"
)

// ErrUnsolved is matched by errors of programs that no method could settle.
var ErrUnsolved = errors.New("replenish: the program could not be solved")

// What a plan may be, in Plan.Status.
const (
	Optimal     = "optimal"
	Feasible    = "feasible"
	TimeLimit   = "time limit"
	Interrupted = "interrupted"
)

// From how many columns on a program is solved by prices.
const (
	largeColumns  = 6000
	largeIntegers = 100 // or orders of integers
)

// settled is an error where a block's program was not solved.
func settled(s *lp.Solution) error {
	switch s.Status {
	case lp.Optimal:
		return nil
	case lp.Infeasible:
		return fmt.Errorf("%w: its limits contradict one another", ErrUnsolved)
	}
	return fmt.Errorf("%w: %s", ErrUnsolved, s.Status)
}

// planning is a solve under way.
type planning struct {
	asked context.Context // that of the caller
	ctx   context.Context // that, and the time limit
	n     *network
	o     Options
	began time.Time
}

// Solve makes a plan. An error is one of the model ([InputError], up to 20 at once), or that a program could not be settled ([ErrUnsolved]).
// Where the context or the time ends, the best plan so far is returned, its Status Interrupted or
// TimeLimit: that of ordering nothing, if there is no better one.
func Solve(ctx context.Context, m *Model, o Options) (*Plan, error) {
	x, err := m.check()
	if err != nil {
		return nil, err
	}
	n, err := newNetwork(m, x)
	if err != nil {
		return nil, err
	}
	if o.Gap == 0 {
		o.Gap = 1e-4
	}
	o.Threads = max(1, o.Threads)
	r := &planning{asked: ctx, ctx: ctx, n: n, o: o, began: time.Now()}
	if o.TimeLimit > 0 {
		limited, cancel := context.WithTimeout(ctx, o.TimeLimit)
		defer cancel()
		r.ctx = limited
	}
	columns, integers := n.size()
	large := columns > largeColumns || integers > largeIntegers
	if o.Decompose > 0 {
		large = columns > o.Decompose
	}
	solve := r.whole
	if large && len(n.blocks) > 1 {
		solve = r.byPrices
	}
	plan, err := solve()
	if err != nil {
		return nil, err
	}
	plan.Seconds = since(r.began)
	return plan, nil
}

// size estimates the columns of the program of all blocks, and counts orders that are of integers.
func (n *network) size() (columns, integers int) {
	for i := range n.series {
		for _, c := range n.series[i].curves {
			columns += len(c.x) + 1
		}
	}
	for i := range n.edges {
		e := &n.edges[i]
		columns += n.m.Weeks - e.Lead
		if e.Fixed > 0 || e.Minimum > 0 || e.Multiple > 0 {
			integers += n.m.Weeks - e.Lead
		}
	}
	for i := range n.lanes {
		columns += n.m.Weeks - n.lanes[i].Lead
	}
	return columns, integers
}

// ended is the status of a search that was ended.
func (r *planning) ended() string {
	if r.asked.Err() != nil {
		return Interrupted
	}
	return TimeLimit
}

func (r *planning) progress(phase string, round int, best, bound float64) {
	if r.o.Progress != nil {
		r.o.Progress(Progress{phase, round, best, bound, since(r.began)})
	}
}

// solved runs a program, and says whether it came to an end.
func (r *planning) solved(p *lp.Problem, o lp.Options) (*lp.Solution, error) {
	s, err := lp.Solve(r.ctx, p, o)
	if err != nil || s.Status == lp.Canceled {
		return s, err
	}
	return s, settled(s)
}

// relaxed is a program without integrality.
func relaxed(p *lp.Problem) *lp.Problem {
	q := *p
	q.Integer = nil
	return &q
}

// fixed is a program whose integer columns are those of a point.
func fixed(p *lp.Problem, x []float64) *lp.Problem {
	q := *p
	q.Integer, q.Lower, q.Upper = nil, slices.Clone(p.Lower), slices.Clone(p.Upper)
	for j, is := range p.Integer {
		if is {
			q.Lower[j] = math.Round(x[j])
			q.Upper[j] = q.Lower[j]
		}
	}
	return &q
}

// refinements is how often points of curves are put closer around the levels found.
const refinements = 2

// whole solves the program of all blocks at once.
func (r *planning) whole() (*Plan, error) {
	n := r.n
	blocks := make([]int, len(n.blocks))
	for i := range blocks {
		blocks[i] = i
	}
	a := asked{most: n.given()}
	var p *program
	var s *lp.Solution
	for round := range refinements + 1 {
		next := n.build(blocks, a)
		found, err := r.solved(relaxed(&next.lp), lp.Options{Method: lp.Simplex})
		if err != nil && round > 0 {
			break // the coarser program will do
		}
		if err != nil {
			return nil, err
		}
		if p, s = next, found; s.Status == lp.Canceled {
			return r.nothing()
		}
		r.progress("linear program", round, math.NaN(), s.Objective)
		if round < refinements {
			p.refine(s.X)
		}
	}
	method, duals := "linear program as a whole", "of the linear program"
	status, bound := Optimal, s.Objective
	if p.lp.Integers() > 0 {
		method, duals = "integer program as a whole, by branch and bound", "of the linear program, with the integers of the orders as they are"
		// The search measures its gap without the constant of the objective.
		gap := r.o.Gap * math.Min(1, math.Abs(s.Objective)/math.Max(math.Abs(s.Objective-p.lp.Offset), 1e-9))
		found, err := r.solved(&p.lp, lp.Options{Method: lp.Simplex, Gap: gap, Progress: func(g lp.Progress) { r.progress("branch and bound", g.Nodes, g.Best, g.Bound) }})
		if err != nil {
			return nil, err
		}
		if bound = math.Max(bound, found.Bound); found.Status == lp.Canceled {
			status = r.ended()
		}
		if found.X == nil {
			return r.nothing()
		}
		// What the search cannot tell apart is relative to its own objective.
		if found.Objective-bound > math.Max(r.o.Gap, 1e-6)*math.Abs(found.Objective)+2e-9*math.Abs(found.Objective-p.lp.Offset)+1e-9 && status == Optimal {
			status = Feasible
		}
		integers := found.X
		if s, err = r.solved(fixed(&p.lp, integers), lp.Options{Method: lp.Simplex}); err != nil || s.X == nil {
			s = found // the same point, without prices
		}
	}
	f := n.noFlows()
	p.read(s.X, f)
	prices := priced{}
	if s.Dual != nil {
		prices = p.priced(s)
	}
	return r.finish(f, prices, nil, Plan{Method: method, Status: status, Cost: s.Objective, Bound: math.Min(bound, s.Objective), Duals: duals, exact: true})
}

// level of a series in a week at a point.
func (l *levelColumns) level(n *network, x []float64) float64 {
	y := n.series[l.series].curves[l.week].x[0]
	for k := range l.count {
		y += x[l.first+k]
	}
	if l.below >= 0 {
		y -= x[l.below]
	}
	return y
}

// refine puts points of curves closer around the levels at a point.
func (p *program) refine(x []float64) {
	for i := range p.levels {
		l := &p.levels[i]
		p.n.series[l.series].curves[l.week].refine(l.level(p.n, x))
	}
}
