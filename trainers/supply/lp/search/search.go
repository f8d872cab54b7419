// Package search solves integer programs by branch and bound on the dual simplex method.
//
// Bounds are tightened by activities of rows (Savelsbergh, Preprocessing and probing techniques, 1994); the relaxation at the root is cut by
// mixed-integer rounding of tableau rows (Gomory, 1960) and of aggregated rows (Marchand and Wolsey, 2001) and by lifted covers (Gu, Nemhauser
// and Savelsbergh, 1998); columns to branch on are chosen by pseudocosts that strong branching makes reliable (Achterberg, Koch and Martin,
// 2005); the next node is a child of the last one, or that of the best bound. Solutions are found in relaxations, by rounding and by dives.
// All is deterministic.
package search

import (
	"container/heap"
	"context"
	"math"
	"time"

	"debut/trainers/supply/lp/problem"
	"debut/trainers/supply/lp/simplex"
)

// integrality is how far from whole a number may be that counts as one.
const integrality = 1e-6

// Status is how a search ended.
type Status int

// How a search ends.
const (
	Optimal Status = iota
	Infeasible
	Unbounded // the relaxation is, and there is a feasible point
	Stopped   // by a limit or the context: X is the best so far, where there is one
	Troubled  // rounding kept it from a proof
)

// Options are the limits of a search.
type Options struct {
	Gap      float64   // the relative gap at which to stop; 0 is a proof
	Deadline time.Time // zero: none
	Progress func(Progress)
}

// Progress is how far a search has come. Objectives are of the problem as given.
type Progress struct {
	Nodes, Open, Iterations int
	Best, Bound             float64 // Best is NaN where nothing was found yet
}

// Result is what a search found. X is nil where there is nothing.
type Result struct {
	Status           Status
	X                []float64
	Objective, Bound float64 // of the problem as given
	Nodes            int
	Iterations       int
	Cuts             int
	Direction        []float64 // after Unbounded
}

// change is a bound of a column, as of a node.
type change struct {
	column       int
	lower, upper float64
}

// node is a part of the space: that of its parent with some bounds changed.
type node struct {
	parent   *node
	changes  []change
	bound    float64
	depth    int
	order    int
	basis    *simplex.Basis
	column   int // branched on to get here
	up       bool
	distance float64 // by which its bound went
}

// queue is the open nodes, the best bound first, the deeper and then the older of equals.
type queue []*node

// Len, Less, Swap, Push and Pop make a heap of the queue, for container/heap.
func (q queue) Len() int { return len(q) }
func (q queue) Less(a, b int) bool {
	switch {
	case q[a].bound != q[b].bound:
		return q[a].bound < q[b].bound
	case q[a].depth != q[b].depth:
		return q[a].depth > q[b].depth
	}
	return q[a].order < q[b].order
}
func (q queue) Swap(a, b int) { q[a], q[b] = q[b], q[a] }
func (q *queue) Push(x any) {
	if n, ok := x.(*node); ok {
		*q = append(*q, n)
	}
}
func (q *queue) Pop() any {
	old := *q
	n := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return n
}

// tree is a search under way.
type tree struct {
	ctx      context.Context
	options  Options
	given    *problem.Problem // with its cost as one to be minimized
	p        *problem.Problem // tightened, with cuts
	s        *simplex.Solver
	polish   *simplex.Solver // of the problem as given, made when it is needed
	rows     problem.Matrix  // of p, by rows
	integers []int
	own      int // rows that are no cuts

	lower, upper     []float64 // of the present node
	inLP             []float64 // bounds that the solver has: lower, then upper
	grain            float64   // objectives of solutions are multiples of it, the constant apart; 0: not known
	best             []float64
	bestValue        float64
	open             queue
	nodes, orders    int
	costs            pseudocosts
	rootReduced      []float64
	rootObjective    float64
	rootLower        []float64
	rootUpper        []float64
	queued           []int32
	isQueued         []bool
	cuts             int
	lost             bool // a node could not be settled
	interrupted      bool
	lastReport       int
	currentBound     float64
	diveIterations   int
	strongIterations int
	iterations       int
}

// Solve searches for the best point of a problem that has integer columns. The problem is to be as Check has it.
func Solve(ctx context.Context, p *problem.Problem, options Options) Result {
	t := &tree{ctx: ctx, options: options, given: minimized(p), bestValue: math.Inf(1), currentBound: math.Inf(-1)}
	r := t.run()
	sign := 1.0
	if p.Maximize {
		sign = -1
	}
	r.X = t.best
	r.Nodes, r.Cuts, r.Iterations = t.nodes, t.cuts, t.iterations
	if t.best != nil {
		r.Objective = p.Value(t.best)
	}
	if r.Status == Optimal && options.Gap == 0 {
		r.Bound = r.Objective
	} else {
		r.Bound = sign*r.Bound + p.Offset
	}
	return r
}

// minimized returns the problem with the cost of a minimization and no constant.
func minimized(p *problem.Problem) *problem.Problem {
	q := *p
	q.Offset, q.Maximize = 0, false
	if p.Maximize {
		q.Cost = make([]float64, len(p.Cost))
		for j, c := range p.Cost {
			q.Cost[j] = 0 - c
		}
	}
	return &q
}

func (t *tree) run() Result {
	if !t.prepare() {
		return Result{Status: Infeasible}
	}
	if t.knapsack() {
		return Result{Status: Optimal, Bound: t.bestValue}
	}
	t.s = simplex.New(t.p)
	t.inLP = append(append([]float64(nil), t.lower...), t.upper...)
	switch status := t.relax(true, 0); status {
	case simplex.Infeasible:
		return Result{Status: Infeasible, Bound: math.Inf(1)}
	case simplex.Unbounded:
		return t.unbounded()
	case simplex.Stopped:
		return Result{Status: Stopped, Bound: math.Inf(-1)}
	case simplex.Troubled:
		return Result{Status: Troubled, Bound: math.Inf(-1)}
	}
	t.currentBound = t.s.Objective()
	x := t.s.Primal()
	t.tryRounding(x)
	if len(t.fractional(x)) > 0 {
		switch status := t.cutRoot(); {
		case status == simplex.Stopped:
			return Result{Status: Stopped, Bound: t.currentBound}
		case status != simplex.Optimal && t.best != nil:
			return Result{Status: Optimal, Bound: t.provenBound(t.bestValue)}
		case status != simplex.Optimal:
			return Result{Status: Infeasible, Bound: math.Inf(1)}
		}
	}
	t.rootObjective, t.rootReduced = t.s.Objective(), t.s.ReducedCosts()
	t.costs = newPseudocosts(len(t.p.Cost))
	basis := t.s.Basis()
	heap.Push(&t.open, &node{bound: t.rootObjective, basis: &basis, column: -1})
	return t.explore()
}

// unbounded answers for a relaxation without a bound: the problem is unbounded where it has a point.
func (t *tree) unbounded() Result {
	direction := t.s.Direction()
	q := *t.given
	q.Cost = make([]float64, len(q.Cost))
	inner := &tree{ctx: t.ctx, options: t.options, given: &q, bestValue: math.Inf(1)}
	r := inner.run()
	t.best, t.nodes = inner.best, inner.nodes
	switch {
	case t.best != nil:
		return Result{Status: Unbounded, Bound: math.Inf(-1), Direction: direction}
	case r.Status == Infeasible:
		return r
	}
	return Result{Status: r.Status, Bound: math.Inf(-1)}
}

// stopping says whether a limit is reached.
func (t *tree) stopping() bool {
	if t.ctx.Err() != nil || !t.options.Deadline.IsZero() && time.Now().After(t.options.Deadline) {
		t.interrupted = true
	}
	return t.interrupted
}

// cutoff is the objective from which on a point is of no interest.
func (t *tree) cutoff() float64 {
	if t.best == nil {
		return math.Inf(1)
	}
	c := t.bestValue - t.tolerance()
	if t.grain > 0 {
		c = min(c, t.bestValue-t.grain+1e-6*min(t.grain, 1))
	}
	return c
}

// relax solves the relaxation of the present bounds; limit is of iterations, 0 for none.
func (t *tree) relax(fresh bool, limit int) simplex.Status {
	n := len(t.lower)
	for j := range n {
		if t.inLP[j] != t.lower[j] || t.inLP[n+j] != t.upper[j] {
			t.inLP[j], t.inLP[n+j] = t.lower[j], t.upper[j]
			t.s.SetBounds(j, t.lower[j], t.upper[j])
		}
	}
	limits := simplex.Limits{Iterations: limit, Deadline: t.options.Deadline}
	if c := t.cutoff(); !math.IsInf(c, 1) {
		limits.Cutoff = &c
	}
	before := t.s.Iterations
	status := t.s.Solve(t.ctx, fresh, limits)
	if status == simplex.Troubled {
		t.s.Reset()
		status = t.s.Solve(t.ctx, true, limits)
	}
	t.iterations += t.s.Iterations - before
	return status
}

// fractional lists the integer columns that are not whole.
func (t *tree) fractional(x []float64) (list []int) {
	for _, j := range t.integers {
		if math.Abs(x[j]-math.Round(x[j])) > integrality {
			list = append(list, j)
		}
	}
	return list
}

// explore works through the tree.
func (t *tree) explore() Result {
	var next *node
	for !t.stopping() {
		if next == nil {
			if len(t.open) == 0 {
				break
			}
			if n, ok := heap.Pop(&t.open).(*node); ok {
				next = n
			}
			if next.bound >= t.cutoff() {
				t.open = t.open[:0] // all others are no better
				break
			}
			if !t.enterNode(next, true) {
				next = nil
				continue
			}
		} else if next.bound >= t.cutoff() || !t.enterNode(next, false) {
			next = nil
			continue
		}
		t.nodes++
		t.report(next)
		child := t.work(next)
		if t.interrupted {
			heap.Push(&t.open, next)
			break
		}
		next = child
	}
	return t.verdict(next)
}

// verdict tells how the search ended.
func (t *tree) verdict(under *node) Result {
	bound := t.bestValue
	for _, n := range t.open {
		bound = min(bound, n.bound)
	}
	if under != nil {
		bound = min(bound, under.bound)
	}
	bound = t.provenBound(bound)
	switch {
	case t.interrupted:
		return Result{Status: Stopped, Bound: bound}
	case t.lost:
		return Result{Status: Troubled, Bound: t.currentBound}
	case t.best == nil:
		return Result{Status: Infeasible, Bound: math.Inf(1)}
	}
	return Result{Status: Optimal, Bound: bound}
}

// tolerance is by how much a point must be better than the best one to be of interest.
func (t *tree) tolerance() float64 {
	return max(t.options.Gap, 1e-9) * math.Max(1e-3, math.Abs(t.bestValue))
}

// provenBound is a bound less what was not looked at: points that are better by less than the tolerance.
func (t *tree) provenBound(bound float64) float64 {
	if t.options.Gap > 0 && t.best != nil {
		return min(bound, t.bestValue-t.tolerance())
	}
	return bound
}

// report tells of progress, now and then.
func (t *tree) report(at *node) {
	if t.options.Progress == nil || t.nodes != 1 && t.nodes-t.lastReport < 20 {
		return
	}
	t.lastReport = t.nodes
	bound := at.bound
	if len(t.open) > 0 {
		bound = min(bound, t.open[0].bound)
	}
	t.options.Progress(Progress{Nodes: t.nodes, Open: len(t.open), Iterations: t.iterations, Best: t.bestValue, Bound: bound})
}

// enterNode makes the bounds of a node the present ones. far says that the last node was another branch. It reports false where rows show
// that the node has no point.
func (t *tree) enterNode(n *node, far bool) bool {
	copy(t.lower, t.rootLower)
	copy(t.upper, t.rootUpper)
	var chain []*node
	for a := n; a != nil; a = a.parent {
		chain = append(chain, a)
	}
	for k := len(chain) - 1; k >= 0; k-- {
		for _, c := range chain[k].changes {
			t.lower[c.column], t.upper[c.column] = max(t.lower[c.column], c.lower), min(t.upper[c.column], c.upper)
			if t.lower[c.column] > t.upper[c.column] {
				return false
			}
			t.enqueue(c.column)
		}
	}
	if !t.propagate() {
		return false
	}
	if far && n.basis != nil {
		t.s.SetBasis(*n.basis)
	}
	return true
}

// work solves the relaxation of a node and branches. It returns the child to go on with.
func (t *tree) work(n *node) *node {
	status := t.relax(false, 0)
	switch status {
	case simplex.Infeasible, simplex.CutOff:
		return nil
	case simplex.Stopped:
		t.interrupted = true
		return nil
	case simplex.Troubled, simplex.Unbounded:
		return t.splitBlindly(n)
	}
	objective := t.s.Objective()
	t.learn(n, objective)
	n.bound = max(n.bound, objective)
	if n.bound >= t.cutoff() {
		return nil
	}
	x := t.s.Primal()
	list := t.fractional(x)
	if len(list) == 0 {
		if t.accept(x) || t.best != nil && n.bound >= t.cutoff() {
			return nil
		}
		if t.interrupted {
			return nil
		}
		return t.splitBlindly(n) // it was whole by tolerances alone
	}
	basis, reduced := t.s.Basis(), t.s.ReducedCosts()
	improved := t.tryRounding(x)
	if t.nodes == 1 || t.nodes%t.diveEvery() == 0 {
		if t.dive(x, list, basis) {
			improved = true
		}
		t.restore(n, &basis)
	}
	if improved && n.bound >= t.cutoff() {
		return nil
	}
	if t.interrupted {
		return nil
	}
	t.fixByReducedCosts(n, objective, reduced)
	return t.branch(n, x, list, objective, &basis)
}

// diveEvery is after how many nodes to dive: often as long as there is no solution.
func (t *tree) diveEvery() int {
	if t.best == nil {
		return 10
	}
	return 100
}

// restore makes bounds and basis those of a node again.
func (t *tree) restore(n *node, basis *simplex.Basis) {
	t.enterNode(n, false)
	t.s.SetBasis(*basis)
}

// splitBlindly halves the space at an integer column that is not fixed, where a relaxation gave no answer.
func (t *tree) splitBlindly(n *node) *node {
	for _, j := range t.integers {
		l, u := t.lower[j], t.upper[j]
		if u-l < 0.5 {
			continue
		}
		middle := 0.0
		switch {
		case !math.IsInf(l, 0) && !math.IsInf(u, 0):
			middle = math.Floor((l + u) / 2)
		case !math.IsInf(l, 0):
			middle = max(2*l, 1)
		case !math.IsInf(u, 0):
			middle = min(2*u, -1) - 1
		}
		if n.depth > 5000 {
			break
		}
		t.push(n, nil, j, middle, false, n.bound)
		t.push(n, nil, j, middle, true, n.bound)
		return nil
	}
	t.lost = true
	return nil
}

// push opens a child: the column at most the value, or above it where up.
func (t *tree) push(n *node, basis *simplex.Basis, j int, value float64, up bool, bound float64) *node {
	child := t.child(n, basis, j, value, up, bound)
	heap.Push(&t.open, child)
	return child
}

func (t *tree) child(n *node, basis *simplex.Basis, j int, value float64, up bool, bound float64) *node {
	t.orders++
	c := change{j, math.Inf(-1), math.Floor(value)}
	if up {
		c = change{j, math.Floor(value) + 1, math.Inf(1)}
	}
	return &node{parent: n, changes: []change{c}, bound: max(bound, n.bound), depth: n.depth + 1, order: t.orders, basis: basis, column: j, up: up}
}

// fixByReducedCosts tightens bounds which no point better than the best one passes: those of the node, and at the root those of all.
func (t *tree) fixByReducedCosts(n *node, objective float64, d []float64) {
	c := t.cutoff()
	if math.IsInf(c, 1) {
		return
	}
	for _, j := range t.integers {
		if t.upper[j]-t.lower[j] < 0.5 || math.Abs(d[j]) < 1e-7 {
			continue
		}
		room := math.Floor((c-objective)/math.Abs(d[j]) + 1e-6)
		if room < 0 || room >= t.upper[j]-t.lower[j] {
			continue
		}
		if d[j] > 0 {
			n.changes = append(n.changes, change{j, math.Inf(-1), t.lower[j] + room})
			t.upper[j] = t.lower[j] + room
		} else {
			n.changes = append(n.changes, change{j, t.upper[j] - room, math.Inf(1)})
			t.lower[j] = t.upper[j] - room
		}
	}
}

// tightenRoot does the same for all nodes, by the reduced costs of the root.
func (t *tree) tightenRoot() {
	c := t.cutoff()
	if t.rootReduced == nil || math.IsInf(c, 1) {
		return
	}
	for _, j := range t.integers {
		d := t.rootReduced[j]
		l, u := t.rootLower[j], t.rootUpper[j]
		if u-l < 0.5 || math.Abs(d) < 1e-7 {
			continue
		}
		room := math.Floor((c-t.rootObjective)/math.Abs(d) + 1e-6)
		if room < 0 || room >= u-l {
			continue
		}
		if d > 0 {
			t.rootUpper[j] = l + room
		} else {
			t.rootLower[j] = u - room
		}
	}
}
