package replenish

import (
	"context"
	"math"
	"slices"

	"debut/kernels/pool"
	"debut/trainers/supply/lp"
)

// A large program falls apart into one for each block – an item at a site, or at the sites that lanes join – once its shared limits have
// prices. Prices come from a linear program that mixes plans of groups of blocks (Dantzig, Wolfe, "Decomposition Principle for Linear
// Programs", Operations Research 8, 1960), and are smoothed towards the best ones so far (Wentges, 1997). At any prices, what the blocks cost at their best, less what the
// limits are worth, is a bound. With integers each block is then solved as an integer program at the best prices, which raises
// the bound, and limits that are exceeded are kept by planning single blocks again, those first that lose least by it.

// blockPlan is a plan of a block.
type blockPlan struct {
	cost   float64   // without prices
	value  float64   // with prices: of an integer program, its bound
	flows  []float64 // by edge and week, then by lane and week
	taken  []use     // of limits
	failed error
}

// decomposed is the state of a solve by prices.
type decomposed struct {
	*planning
	blocks  []blockInput
	most    []float64
	pool    *pool.Pool
	groups  int
	rounds  [][]blockPlan // by round and block
	prices  []float64     // the best ones
	bound   float64
	mixture []float64 // of rounds, by group and round
	short   []float64 // by block, prices of what is short where a fill rate is asked for; negative: none yet
}

// blockInput is what is to be done with a block, for the pool.
type blockInput struct {
	limits []int // that it may take of
}

// task solves some blocks on the pool.
type task struct {
	d      *decomposed
	list   []int
	solve  func(block int) blockPlan
	result []blockPlan
}

// Part solves a block.
func (t *task) Part(i int) { t.result[i] = t.solve(t.list[i]) }

func (d *decomposed) each(list []int, solve func(block int) blockPlan) []blockPlan {
	t := &task{d, list, solve, make([]blockPlan, len(list))}
	d.pool.Run(len(list), t)
	return t.result
}

const (
	maxGroups = 150
	maxRounds = 60
	blockGap  = 1e-3 // of the integer program of a block
	smoothing = .4   // share of the best prices in the next ones
)

// byPrices solves a program block by block.
func (r *planning) byPrices() (*Plan, error) {
	d := &decomposed{planning: r, most: r.n.given(), bound: math.Inf(-1), pool: pool.New(r.o.Threads)}
	defer d.pool.Close()
	d.blocks = make([]blockInput, len(r.n.blocks))
	d.short = make([]float64, len(r.n.blocks))
	touched := make([]bool, len(r.n.limits))
	for b := range d.blocks {
		d.short[b] = -1
		clear(touched)
		r.n.touch(b, touched)
		for i, is := range touched {
			if is {
				d.blocks[b].limits = append(d.blocks[b].limits, i)
			}
		}
	}
	d.groups = min(maxGroups, len(d.blocks))
	cost, err := d.mix()
	if err != nil {
		return nil, err
	}
	if d.mixture == nil { // not even one round
		return r.nothing()
	}
	f := d.mixed()
	status := Feasible
	if cost-d.bound <= 1e-6*math.Abs(cost) {
		status = Optimal
	}
	method := "linear program by prices of the shared limits (Dantzig and Wolfe)"
	if _, integers := r.n.size(); integers > 0 {
		method = "prices of the shared limits (Dantzig and Wolfe), whole orders at them, and local search"
		if f, cost, err = d.settle(f); err != nil {
			return nil, err
		}
		status = Feasible
	}
	if r.ctx.Err() != nil {
		status = r.ended()
	}
	return r.finish(f, priced{limits: d.prices}, d, Plan{Method: method, Status: status, Cost: cost, Bound: math.Min(d.bound, cost), Duals: "of the mixture of plans that is best"})
}

// best plans a block at prices: as an integer program where a recursion can, else as a linear one.
func (d *decomposed) best(block int, prices []float64) blockPlan {
	if err := d.ctx.Err(); err != nil {
		return blockPlan{failed: err}
	}
	if d.n.single(block) && (d.n.series[d.n.blocks[block][0]].fill == 0 || d.n.whole(block)) {
		var p blockPlan
		p, d.short[block] = d.n.byRecursion(block, prices, d.short[block], -1)
		return p
	}
	return d.solveBlock(d.ctx, block, asked{prices: prices}, false)
}

// whole says whether orders of a block are of integers.
func (n *network) whole(block int) bool {
	return slices.ContainsFunc(n.ways[block].edges, func(i int) bool {
		e := &n.edges[i]
		return e.Fixed > 0 || e.Minimum > 0 || e.Multiple > 0
	})
}

// solveBlock solves a block at prices, within limits where they are given.
func (d *decomposed) solveBlock(ctx context.Context, block int, a asked, integer bool) blockPlan {
	p := d.n.build([]int{block}, a)
	q := &p.lp
	if !integer {
		q = relaxed(q)
	}
	s, err := lp.Solve(ctx, q, lp.Options{Method: lp.Simplex, Gap: blockGap})
	if err == nil {
		err = settled(s)
	}
	if err != nil {
		return blockPlan{failed: err}
	}
	return p.planOf(block, s, integer)
}

// planOf makes a solution of a block's program a plan.
func (p *program) planOf(block int, s *lp.Solution, integer bool) blockPlan {
	n := p.n
	out := blockPlan{value: s.Objective, cost: p.worth(s.X)}
	if integer && s.Dual == nil {
		out.value = s.Bound
	}
	weeks, ways := n.m.Weeks, &n.ways[block]
	out.flows = make([]float64, weeks*(len(ways.edges)+len(ways.lanes)))
	f := n.noFlowsOf(block)
	p.read(s.X, f)
	for i, e := range ways.edges {
		copy(out.flows[weeks*i:], f.orders[e])
	}
	for i, l := range ways.lanes {
		copy(out.flows[weeks*(len(ways.edges)+i):], f.moves[l])
	}
	taken := make([]float64, len(n.limits))
	p.taken(s.X, taken)
	for i, v := range taken {
		if v > 1e-9 {
			out.taken = append(out.taken, use{i, v})
		}
	}
	return out
}

// noFlowsOf are flows with room for those of a block.
func (n *network) noFlowsOf(block int) *flows {
	f := &flows{make([][]float64, len(n.edges)), make([][]float64, len(n.lanes))}
	for _, e := range n.ways[block].edges {
		f.orders[e] = make([]float64, n.m.Weeks)
	}
	for _, l := range n.ways[block].lanes {
		f.moves[l] = make([]float64, n.m.Weeks)
	}
	return f
}

// put adds a share of a block's plan to flows.
func (n *network) put(f *flows, block int, p *blockPlan, share float64) {
	weeks, ways := n.m.Weeks, &n.ways[block]
	for i, e := range ways.edges {
		for t := range weeks {
			f.orders[e][t] += share * p.flows[weeks*i+t]
		}
	}
	for i, l := range ways.lanes {
		for t := range weeks {
			f.moves[l][t] += share * p.flows[weeks*(len(ways.edges)+i)+t]
		}
	}
}

// group of a block: blocks next to one another are often of one item, so they are dealt out.
func (d *decomposed) group(block int) int { return block % d.groups }

// stalled is after how many rounds without a smaller gap the search for prices ends.
const stalled = 8

// mix finds prices, and the best mixture of plans by them. It returns what that costs.
func (d *decomposed) mix() (cost float64, err error) {
	limits := len(d.n.limits)
	c := &course{Prices: make([]float64, limits), Last: make([]float64, limits), Gap: math.Inf(1)}
	if d.o.Kept != nil {
		if c, err = d.restore(); err != nil {
			return 0, err
		}
	}
	for !c.Done {
		more, err := d.round(c)
		if err != nil || !more {
			return c.Cost, err
		}
		if err := d.keep(c); err != nil {
			return 0, err
		}
	}
	return c.Cost, nil
}

// round plans the blocks at the prices of the moment, and mixes. It reports false where it was ended.
func (d *decomposed) round(c *course) (bool, error) {
	round := len(d.rounds)
	list := make([]int, 0, len(d.blocks))
	for b := range d.blocks { // blocks whose prices have not changed keep their plans
		if round == 0 || slices.ContainsFunc(d.blocks[b].limits, func(i int) bool { return c.Prices[i] != c.Last[i] }) {
			list = append(list, b)
		}
	}
	if len(list) == 0 {
		c.Done = true
		return true, nil
	}
	short := slices.Clone(d.short)
	found := d.each(list, func(b int) blockPlan { return d.best(b, c.Prices) })
	plans := make([]blockPlan, len(d.blocks))
	if round > 0 {
		copy(plans, d.rounds[round-1])
	}
	for i, b := range list {
		if plans[b] = found[i]; found[i].failed != nil {
			if d.short = short; d.ctx.Err() != nil {
				return false, nil
			}
			return false, found[i].failed
		}
	}
	copy(c.Last, c.Prices)
	d.rounds = append(d.rounds, plans)
	bound := -dot(c.Prices, d.most)
	for b := range plans {
		bound += plans[b].value
	}
	if bound > d.bound || d.prices == nil {
		d.bound, d.prices = bound, slices.Clone(c.Prices)
	}
	s, mix, err := d.master()
	if err != nil || s == nil {
		return false, err
	}
	c.Cost, d.mixture = s.Objective, mix
	d.progress("linear program by prices", round+1, c.Cost, d.bound)
	gap := c.Cost - d.bound
	if c.Idle++; gap < .99*c.Gap {
		c.Gap, c.Idle = gap, 0
	}
	c.Done = gap <= d.o.Gap*math.Abs(c.Cost) || round+1 >= maxRounds || c.Idle >= stalled
	for i := range c.Prices {
		next := math.Max(0, -s.Dual[i])
		if d.n.limits[i].elastic {
			next = math.Min(next, d.n.penalty)
		}
		c.Prices[i] = smoothing*d.prices[i] + (1-smoothing)*next
	}
	return true, nil
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// master is the linear program of mixtures of the rounds so far.
func (d *decomposed) master() (*lp.Solution, []float64, error) {
	limits := len(d.n.limits)
	m := &lp.Problem{Matrix: lp.Matrix{Rows: limits + d.groups, Start: []int{0}}}
	for i := range limits {
		m.RowLower, m.RowUpper = append(m.RowLower, math.Inf(-1)), append(m.RowUpper, d.most[i])
	}
	for range d.groups {
		m.RowLower, m.RowUpper = append(m.RowLower, 1), append(m.RowUpper, 1)
	}
	add := func(cost float64) {
		m.Matrix.Start = append(m.Matrix.Start, len(m.Matrix.Index))
		m.Cost, m.Lower, m.Upper = append(m.Cost, cost), append(m.Lower, 0), append(m.Upper, math.Inf(1))
	}
	put := func(row int, v float64) {
		m.Matrix.Index, m.Matrix.Value = append(m.Matrix.Index, int32(row)), append(m.Matrix.Value, v)
	}
	taken := make([]float64, limits)
	for g := range d.groups {
		for _, plans := range d.rounds {
			clear(taken)
			cost := 0.0
			for b := g; b < len(plans); b += d.groups {
				cost += plans[b].cost
				for _, u := range plans[b].taken {
					taken[u.limit] += u.much
				}
			}
			for i, v := range taken {
				if v > 0 {
					put(i, v)
				}
			}
			put(limits+g, 1)
			add(cost)
		}
	}
	for i := range limits {
		// A limit that nothing elastic gives way to is kept by a plan that orders nothing; until there is one, it may be exceeded as well.
		put(i, -1)
		add(d.n.penalty)
	}
	m.Matrix.Columns = len(m.Cost)
	s, err := d.solved(m, lp.Options{Method: lp.Simplex})
	if err != nil || s.X == nil || s.Dual == nil {
		return nil, nil, err
	}
	return s, s.X[:d.groups*len(d.rounds)], nil
}

// mixed are the flows of the best mixture.
func (d *decomposed) mixed() *flows {
	f := d.n.noFlows()
	rounds := len(d.mixture) / d.groups
	for b := range d.blocks {
		for k := range rounds {
			if share := d.mixture[d.group(b)*rounds+k]; share > 0 {
				d.n.put(f, b, &d.rounds[k][b], share)
			}
		}
	}
	return f
}
