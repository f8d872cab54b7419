package replenish

import (
	"math"
	"slices"
)

// After prices are found, each block gets one of its plans, in about the shares of the mixture that is best; at most as many blocks as there are
// limits have more than one there, so that what is chosen is near the bound where blocks are many. What limits are exceeded by then costs more and
// more, and blocks change their plans while that pays: for another one of the rounds, for the best one at the prices of the moment, or
// by moving, splitting and leaving out single orders.

// choice is one plan for each block.
type choice struct {
	*decomposed
	plans  []blockPlan
	left   []float64 // of limits
	prices []float64
	weight []float64 // cost of a unit by which a limit is exceeded
	sweeps int
}

// sweepPart is how many blocks look for a better plan at the same time; they are then changed one after the other.
const sweepPart = 64

// settle chooses a plan for each block, and returns flows and cost. f are flows of the mixture.
func (d *decomposed) settle(f *flows) (*flows, float64, error) {
	c := &choice{decomposed: d, prices: d.prices, left: slices.Clone(d.most), weight: make([]float64, len(d.most))}
	if err := c.begin(f); err != nil {
		return nil, 0, err
	}
	for b := range c.plans {
		c.take(&c.plans[b], -1)
	}
	for i := range c.weight {
		c.weight[i] = math.Min(1.5*c.prices[i]+1e-3*d.n.penalty, d.n.penalty)
	}
	c.keep()
	// What is exceeded at last is not worth anything: orders fall away that exceed what no plan may.
	for i := range c.weight {
		if c.weight[i] = d.n.penalty; !d.n.limits[i].elastic {
			c.weight[i] = 1e4 * d.n.penalty
		}
	}
	for range maxSweeps {
		if c.sweep(d.ctx.Err() != nil) == 0 || d.ctx.Err() != nil && !c.exceeded() {
			break
		}
	}
	out, cost := d.n.noFlows(), 0.0
	for b := range c.plans {
		d.n.put(out, b, &c.plans[b], 1)
		cost += c.plans[b].cost
	}
	for i, v := range c.left {
		if v < 0 && d.n.limits[i].elastic {
			cost -= d.n.penalty * v
		}
	}
	return out, cost, nil
}

const (
	maxSweeps = 40
	enough    = 1e-6 // gain of a sweep, relative to the bound, below which there is no other one
)

// begin chooses by the shares of the mixture.
func (c *choice) begin(f *flows) error {
	all := make([]int, len(c.blocks))
	for b := range all {
		all[b] = b
	}
	rounds := len(c.mixture) / c.groups
	c.plans = c.each(all, func(b int) blockPlan {
		if !c.n.single(b) {
			return c.joined(b, f)
		}
		g := c.group(b)
		place, total := float64(b/c.groups)+.5, float64((len(c.blocks)-g+c.groups-1)/c.groups)
		sum, last := 0.0, 0
		for k := range rounds {
			share := c.mixture[g*rounds+k]
			if share <= 0 {
				continue
			}
			last = k
			if sum += share * total; sum >= place {
				break
			}
		}
		return c.rounds[last][b]
	})
	for b := range c.plans {
		if c.plans[b].failed != nil {
			return c.plans[b].failed
		}
	}
	return nil
}

// take adds what a plan takes to what is left, times a sign.
func (c *choice) take(p *blockPlan, sign float64) {
	for _, u := range p.taken {
		c.left[u.limit] += sign * u.much
	}
}

// exceeded says whether a limit is that must not be.
func (c *choice) exceeded() bool {
	for i, v := range c.left {
		if !c.n.limits[i].elastic && v < -slackOf(c.most[i]) {
			return true
		}
	}
	return false
}

// slackOf is by how much a limit may be exceeded by rounding.
func slackOf(most float64) float64 { return 1e-9 * math.Max(1, math.Abs(most)) }

// keep raises the cost of what is exceeded until nothing is that can be kept, or all costs what it is worth.
func (c *choice) keep() {
	for range maxSweeps {
		if c.ctx.Err() != nil {
			return
		}
		gain := c.sweep(false)
		if gain > 10*enough*math.Abs(c.bound) {
			continue
		}
		more := false
		for i, v := range c.left {
			if v < -slackOf(c.most[i]) && c.weight[i] < c.n.penalty {
				c.weight[i] = math.Min(3*c.weight[i], c.n.penalty)
				more = true
			}
		}
		if !more && gain <= enough*math.Abs(c.bound) {
			return
		}
	}
}

// sweep lets each block change its plan where that pays, and returns by how much the cost fell. quick leaves recursions out.
func (c *choice) sweep(quick bool) (gain float64) {
	pressed := slices.Clone(c.prices)
	for i, v := range c.left {
		if v < -slackOf(c.most[i]) {
			pressed[i] = math.Max(pressed[i], c.weight[i])
		}
	}
	for first := 0; first < len(c.plans); first += sweepPart {
		list := make([]int, min(sweepPart, len(c.plans)-first))
		for k := range list {
			list[k] = first + k
		}
		found := c.each(list, func(b int) blockPlan { return c.better(b, pressed, quick) })
		for k, b := range list {
			if found[k].flows == nil {
				continue
			}
			change := c.change(&c.plans[b], &found[k])
			if change > -1e-9*math.Max(1, math.Abs(c.plans[b].cost)) {
				continue // others took what it wanted
			}
			gain -= change
			c.take(&c.plans[b], 1)
			c.plans[b] = found[k]
			c.take(&c.plans[b], -1)
		}
	}
	c.sweeps++
	c.progress("choice of plans", c.sweeps, c.cost(), c.bound)
	return gain
}

// cost of the plans with what is exceeded; not known where a limit is that must not be.
func (c *choice) cost() (sum float64) {
	for b := range c.plans {
		sum += c.plans[b].cost
	}
	for i, v := range c.left {
		if v < -slackOf(c.most[i]) {
			if !c.n.limits[i].elastic {
				return math.NaN()
			}
			sum -= v * c.n.penalty
		}
	}
	return sum
}

// change is by how much the cost rises where a plan takes the place of another one.
func (c *choice) change(was, now *blockPlan) float64 {
	sum := now.cost - was.cost
	i, k := 0, 0
	for i < len(was.taken) || k < len(now.taken) {
		var limit int
		var more float64
		switch {
		case k == len(now.taken) || i < len(was.taken) && was.taken[i].limit < now.taken[k].limit:
			limit, more = was.taken[i].limit, -was.taken[i].much
			i++
		case i == len(was.taken) || now.taken[k].limit < was.taken[i].limit:
			limit, more = now.taken[k].limit, now.taken[k].much
			k++
		default:
			limit, more = now.taken[k].limit, now.taken[k].much-was.taken[i].much
			i, k = i+1, k+1
		}
		if more != 0 {
			tolerance := slackOf(c.most[limit])
			over := math.Max(0, -c.left[limit]-tolerance)
			sum += c.weight[limit] * (math.Max(0, more-c.left[limit]-tolerance) - over)
		}
	}
	return sum
}

// better returns the plan of a block that is cheapest while the others stay, without flows where that is the present one.
func (c *choice) better(b int, pressed []float64, quick bool) blockPlan {
	now := &c.plans[b]
	if len(c.blocks[b].limits) == 0 {
		return blockPlan{} // it was planned by itself
	}
	var best blockPlan
	least := -1e-9 * math.Max(1, math.Abs(now.cost))
	try := func(p *blockPlan) {
		if v := c.change(now, p); v < least {
			best, least = *p, v
		}
	}
	if !c.n.single(b) {
		if slices.ContainsFunc(now.taken, func(u use) bool { return c.left[u.limit] < -slackOf(c.most[u.limit]) }) {
			for _, p := range c.less(b, now) {
				try(&p)
			}
		}
		return best
	}
	var last *float64
	for k := range c.rounds {
		p := &c.rounds[k][b]
		if len(p.flows) == 0 || &p.flows[0] == last {
			continue // the same as in the round before
		}
		last = &p.flows[0]
		try(p)
	}
	if !quick && slices.ContainsFunc(c.blocks[b].limits, func(i int) bool { return pressed[i] != c.prices[i] }) {
		p, _ := c.n.byRecursion(b, pressed, c.short[b], -1)
		try(&p)
	}
	c.neighbors(b, now, try)
	return best
}

// neighbors tries plans in which one order is another one: less or more, none, a week earlier or later, or of another edge.
func (c *choice) neighbors(b int, now *blockPlan, try func(*blockPlan)) {
	weeks := c.n.m.Weeks
	edges := c.n.ways[b].edges
	orders := make([][]float64, len(edges))
	for k := range edges {
		orders[k] = slices.Clone(now.flows[weeks*k : weeks*(k+1)])
	}
	attempt := func() {
		p := c.n.lotPlan(b, orders)
		try(&p)
	}
	for k, ei := range edges {
		e := &c.n.edges[ei]
		step := e.Multiple
		for t, q := range orders[k] {
			if q == 0 {
				continue
			}
			if e.Multiple == 0 {
				step = q / 8
			}
			for _, by := range []float64{-2, -1, 1, 2} {
				if v := q + by*step; v >= e.least()-1e-9 && v > 0 && v <= e.Capacity {
					orders[k][t] = v
					attempt()
				}
			}
			orders[k][t] = 0
			attempt()
			for j, to := range edges { // the quantity goes over to another order, or a part of it
				other := &c.n.edges[to]
				for _, u := range []int{t - 1, t, t + 1} {
					if j == k && u == t || u < 0 || u+other.Lead >= weeks {
						continue
					}
					had := orders[j][u]
					v := other.round(had + q)
					if v <= 0 || v > other.Capacity {
						continue
					}
					orders[j][u] = v
					attempt()
					if orders[k][t] = q - step; orders[k][t] >= e.least()-1e-9 && had > 0 {
						if orders[j][u] = other.round(had + step); orders[j][u] <= other.Capacity {
							attempt()
						}
					}
					orders[j][u], orders[k][t] = had, 0
				}
			}
			orders[k][t] = q
		}
	}
}

// round is a quantity as an edge may bring it, the nearest.
func (e *Edge) round(q float64) float64 {
	if e.Multiple > 0 {
		q = e.Multiple * math.Round(q/e.Multiple)
	}
	return math.Max(q, e.least())
}
