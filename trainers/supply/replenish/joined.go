package replenish

import (
	"context"
	"math"
	"slices"

	"debut/trainers/supply/lp"
)

// A block of several series that lanes join has no recursion. Its orders are those of a linear program rounded, week after week with what
// rounding has left out so far; transfers then follow from the orders by a linear program, and the orders of each series once more from the
// transfers, by recursion.

// passes is how often orders follow from transfers.
const passes = 2

// joined makes the flows of a mixture a plan with whole orders of a block, the best of those that it comes by.
func (d *decomposed) joined(block int, f *flows) blockPlan {
	n := d.n
	if !n.whole(block) {
		return d.fixed(block, f, false)
	}
	orders := n.noFlowsOf(block)
	for _, ei := range n.ways[block].edges {
		e := &n.edges[ei]
		want := 0.0
		for t, q := range f.orders[ei] {
			want += q
			if least := e.least(); want >= .6*math.Max(least, e.Multiple) && want > 1e-6 {
				orders.orders[ei][t] = math.Min(e.round(want), e.largest())
				want -= orders.orders[ei][t]
			}
		}
	}
	best := d.fixed(block, orders, true)
	if d.ctx.Err() == nil { // or each series by itself, as if there were no lanes
		d.n.recast(block, &blockPlan{flows: make([]float64, n.m.Weeks*(len(n.ways[block].edges)+len(n.ways[block].lanes)))}, d.prices, d.short[block], orders)
		if apart := d.fixed(block, orders, true); apart.failed == nil && (best.failed != nil || d.valued(&apart) < d.valued(&best)) {
			best = apart
		}
	}
	now := best
	for range passes {
		if d.ctx.Err() != nil || now.failed != nil {
			break
		}
		d.n.recast(block, &now, d.prices, d.short[block], orders)
		now = d.fixed(block, orders, true)
		if now.failed == nil && d.valued(&now) < d.valued(&best) {
			best = now
		}
	}
	return best
}

// largest is the largest order of an edge that may be.
func (e *Edge) largest() float64 {
	if e.Multiple > 0 && !math.IsInf(e.Capacity, 1) {
		return e.Multiple * math.Floor(e.Capacity/e.Multiple+1e-9)
	}
	return e.Capacity
}

// fixed is the best plan of a block with given orders, whole ones where it is asked for.
func (d *decomposed) fixed(block int, f *flows, whole bool) blockPlan {
	n := d.n
	p := n.build([]int{block}, asked{prices: d.prices})
	q := relaxed(&p.lp)
	q.Lower, q.Upper = slices.Clone(q.Lower), slices.Clone(q.Upper)
	for _, o := range p.orders {
		units := f.orders[o.edge][o.week]
		q.Lower[o.column], q.Upper[o.column] = units/o.scale, units/o.scale
		if o.opened >= 0 && whole {
			q.Lower[o.opened], q.Upper[o.opened] = boolean(units > 0), boolean(units > 0)
		}
	}
	ctx := d.ctx
	if ctx.Err() != nil { // no transfers: little is left to be found
		ctx = context.WithoutCancel(ctx)
		for _, m := range p.moves {
			q.Upper[m.column] = 0
		}
	}
	s, err := lp.Solve(ctx, q, lp.Options{Method: lp.Simplex})
	if err == nil && s.Status == lp.Canceled {
		return d.fixed(block, f, whole)
	}
	if err == nil {
		err = settled(s)
	}
	if err != nil {
		return blockPlan{failed: err}
	}
	out := p.planOf(block, s, false)
	out.value = math.Inf(-1) // no bound
	return out
}

// recast puts the orders that are best for each series of a block into f, where the transfers stay those of a plan.
func (n *network) recast(block int, p *blockPlan, prices []float64, short float64, f *flows) {
	weeks := n.m.Weeks
	ways := &n.ways[block]
	r, _ := recursions.Get().(*recursion)
	defer recursions.Put(r)
	for _, si := range n.blocks[block] {
		s := &n.series[si]
		arriving := slices.Clone(s.arriving)
		for i, li := range ways.lanes {
			l := &n.lanes[li]
			for t := range weeks - l.Lead {
				q := p.flows[weeks*(len(ways.edges)+i)+t]
				if l.from == si {
					arriving[t] -= q
				}
				if l.to == si {
					arriving[t+l.Lead] += q
				}
			}
		}
		r.prepare(weeks, len(s.edges))
		r.price(n, si, prices, math.Max(0, short))
		r.solve(n, si, arriving, -1)
		for k, ei := range s.edges {
			copy(f.orders[ei], r.orders[k])
		}
	}
}

// less returns plans of a block that take less of what is exceeded: with one order less in a week of it, or none at all.
func (c *choice) less(block int, now *blockPlan) (list []blockPlan) {
	weeks, ways := c.n.m.Weeks, &c.n.ways[block]
	orders := c.n.noFlowsOf(block)
	for i, ei := range ways.edges {
		copy(orders.orders[ei], now.flows[weeks*i:])
	}
	var uses []use
	for _, ei := range ways.edges {
		e := &c.n.edges[ei]
		for t, q := range orders.orders[ei] {
			uses = c.n.orderUses(uses[:0], e, t)
			if q == 0 || !slices.ContainsFunc(uses, func(u use) bool { return c.left[u.limit] < -slackOf(c.most[u.limit]) }) {
				continue
			}
			tried := []float64{0}
			if v := e.round(q / 2); v < q {
				tried = append(tried, v)
			}
			for _, v := range tried {
				orders.orders[ei][t] = v
				if p := c.fixed(block, orders, true); p.failed == nil {
					list = append(list, p)
				}
			}
			orders.orders[ei][t] = q
		}
	}
	if len(list) == 0 { // transfers, or stock
		if p := c.solveBlock(c.ctx, block, asked{most: allowed(c.left, now), prices: c.prices}, false); p.failed == nil && !c.n.whole(block) {
			list = append(list, p)
		}
	}
	return list
}

// allowed is what a block may take of each limit: what is left and what it takes now, and nothing of what is exceeded without it.
func allowed(left []float64, p *blockPlan) []float64 {
	most := slices.Clone(left)
	for _, u := range p.taken {
		most[u.limit] += u.much
	}
	for i := range most {
		most[i] = math.Max(0, most[i])
	}
	return most
}

// valued is what a plan costs at the prices.
func (d *decomposed) valued(p *blockPlan) float64 {
	v := p.cost
	for _, u := range p.taken {
		v += d.prices[u.limit] * u.much
	}
	return v
}
