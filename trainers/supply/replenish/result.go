package replenish

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"debut/kernels/pool"
	"debut/trainers/supply/lp"
)

// finish makes the plan of flows; d is the search that found it, nil where the program was solved as a whole.
func (r *planning) finish(f *flows, prices priced, d *decomposed, plan Plan) (*Plan, error) {
	n := r.n
	plan.Weeks, plan.Warnings = n.m.Weeks, slices.Clone(n.warnings)
	n.evaluate(f, &plan)
	if plan.Gap = plan.Cost - plan.Bound; plan.Gap != 0 {
		plan.Gap /= math.Max(math.Abs(plan.Cost), 1e-9)
	}
	n.bind(f, &plan, prices)
	return &plan, r.waiting(f, &plan, d)
}

// nothing is the plan of ordering nothing, where the context ended before there was a better one.
func (r *planning) nothing() (*Plan, error) {
	plan := &Plan{Weeks: r.n.m.Weeks, Method: "none", Status: r.ended(), Warnings: slices.Clone(r.n.warnings), Bound: math.Inf(-1), Gap: math.Inf(1)}
	f := r.n.noFlows()
	r.n.evaluate(f, plan)
	plan.Cost = plan.Costs.Total()
	r.n.bind(f, plan, priced{})
	return plan, nil
}

// waiting fills in what it costs to place an order of week 1 a week later at the earliest.
func (r *planning) waiting(f *flows, plan *Plan, d *decomposed) error {
	n := r.n
	now := map[[3]string]int{} // orders of week 1
	for i := range plan.Orders {
		if o := &plan.Orders[i]; o.Week == 1 {
			now[[3]string{o.Item, o.Supplier, o.Site}] = i
		}
	}
	left := n.given()
	for i, v := range n.used(f, plan) {
		left[i] -= v
	}
	var list []int
	for b := range n.blocks {
		if slices.ContainsFunc(n.ways[b].edges, func(e int) bool { return f.orders[e][0] > 0 }) {
			list = append(list, b)
		}
	}
	w := &waits{r: r, d: d, f: f, plan: plan, left: left, list: list, now: now, failed: make([]error, len(list))}
	workers := pool.New(r.o.Threads)
	defer workers.Close()
	workers.Run(len(list), w)
	if r.ctx.Err() != nil {
		return nil // what is not known is nil
	}
	return errors.Join(w.failed...)
}

// waits finds the costs of waiting, block by block, on the pool.
type waits struct {
	r      *planning
	d      *decomposed
	f      *flows
	plan   *Plan
	left   []float64
	list   []int
	now    map[[3]string]int
	failed []error
}

// Part does a block.
func (w *waits) Part(i int) {
	n, b := w.r.n, w.list[i]
	if w.d != nil && n.single(b) {
		base, _ := n.byRecursion(b, w.d.prices, w.d.short[b], -1)
		for k, ei := range n.ways[b].edges {
			if w.f.orders[ei][0] > 0 && w.r.ctx.Err() == nil {
				later, _ := n.byRecursion(b, w.d.prices, w.d.short[b], k)
				cost := math.Max(0, later.value-base.value)
				w.plan.Orders[w.now[[3]string{n.edges[ei].Item, n.edges[ei].Supplier, n.edges[ei].Site}]].Wait = &cost
			}
		}
		return
	}
	most := make([]float64, len(w.left))
	n.usedBy(b, w.f, w.plan, most)
	for k := range most {
		most[k] = math.Max(0, most[k]+w.left[k])
	}
	p := n.build([]int{b}, asked{most: most})
	solve := func() (float64, bool) {
		q := &p.lp
		if !w.plan.exact {
			q = relaxed(q)
		}
		s, err := lp.Solve(w.r.ctx, q, lp.Options{Method: lp.Simplex, Gap: 1e-6})
		if err != nil || s.Status != lp.Optimal {
			w.failed[i] = err
			return 0, false
		}
		return s.Objective, true
	}
	base, ok := solve()
	for _, o := range p.orders {
		if o.week > 0 || w.f.orders[o.edge][0] == 0 || !ok {
			continue
		}
		columns := []int{o.column}
		if o.opened >= 0 {
			columns = append(columns, o.opened)
		}
		upper := slices.Clone(p.lp.Upper)
		for _, j := range columns {
			p.lp.Upper[j] = 0
		}
		if later, solved := solve(); solved {
			e := &n.edges[o.edge]
			cost := math.Max(0, later-base)
			w.plan.Orders[w.now[[3]string{e.Item, e.Supplier, e.Site}]].Wait = &cost
		}
		p.lp.Upper = upper
	}
}

// evaluate fills in what flows lead to, by the curves themselves.
func (n *network) evaluate(f *flows, plan *Plan) {
	weeks := n.m.Weeks
	arriving := make([][]float64, len(n.series))
	for i := range n.series {
		arriving[i] = slices.Clone(n.series[i].arriving)
	}
	for i := range n.edges {
		e := &n.edges[i]
		for t, q := range f.orders[i] {
			if q == 0 {
				continue
			}
			arriving[e.series][t+e.Lead] += q
			plan.Costs.Purchase += e.Cost * q
			plan.Costs.Fixed += e.Fixed
			plan.Orders = append(plan.Orders, Order{e.Item, e.Supplier, e.Site, t + 1, t + 1 + e.Lead, q, e.Cost*q + e.Fixed, nil})
		}
	}
	for i := range n.lanes {
		l := &n.lanes[i]
		for t, q := range f.moves[i] {
			if q == 0 {
				continue
			}
			arriving[l.from][t] -= q
			arriving[l.to][t+l.Lead] += q
			plan.Costs.Transport += l.Cost * q
			plan.Transfers = append(plan.Transfers, Transfer{n.m.Items[l.item].Name, l.From, l.To, t + 1, t + 1 + l.Lead, q, l.Cost * q})
		}
	}
	unmet := 0.0
	for i := range n.series {
		s := &n.series[i]
		carried := 0.0
		for t := range weeks {
			c := s.curves[t]
			y := carried + arriving[i][t]
			if !n.m.Waits {
				y = math.Max(0, y)
			}
			g := c.at(y)
			stock := math.Max(0, y-c.mean+g)
			if carried = y - c.mean; !n.m.Waits {
				carried = stock
			}
			l := Level{n.m.Items[s.item].Name, n.m.Sites[s.site].Name, t + 1, c.mean, y, stock, g, c.unmet(y)}
			plan.Levels = append(plan.Levels, l)
			plan.Costs.Holding += s.holding * stock
			plan.Costs.Shortage += s.shortage * g
			plan.Demand += c.mean
			unmet += l.Unmet
		}
		plan.Costs.Terminal -= s.terminal * carried
	}
	plan.Lost = unmet
	if plan.FillRate = 1; plan.Demand > 0 {
		plan.FillRate = 1 - unmet/plan.Demand
	}
	slices.SortStableFunc(plan.Orders, func(a, b Order) int { return cmp.Compare(a.Week, b.Week) })
	slices.SortStableFunc(plan.Transfers, func(a, b Transfer) int { return cmp.Compare(a.Week, b.Week) })
}

// priced are what a unit more of the limits is worth.
type priced struct {
	limits       []float64 // nil: not known
	edges, lanes map[[2]int]float64
	fills        map[int]float64 // by series
	short        map[int]float64 // by series, by how much a fill rate is missed, in units
}

// priced reads prices from a solution of the program: those of rows, and reduced costs of what is at its capacity.
func (p *program) priced(s *lp.Solution) priced {
	out := priced{
		limits: make([]float64, len(p.n.limits)), edges: map[[2]int]float64{}, lanes: map[[2]int]float64{},
		fills: map[int]float64{}, short: map[int]float64{},
	}
	for i, row := range p.rowOf {
		if row >= 0 {
			out.limits[i] = -s.Dual[row]
		}
	}
	for _, f := range p.fills {
		out.fills[f.series], out.short[f.series] = -s.Dual[f.row], s.X[f.slack]
	}
	m := &p.lp
	reduced := func(j int) float64 {
		d := m.Cost[j]
		for k := m.Matrix.Start[j]; k < m.Matrix.Start[j+1]; k++ {
			d -= s.Dual[m.Matrix.Index[k]] * m.Matrix.Value[k]
		}
		return d
	}
	for _, o := range p.orders {
		if !m.Integer[o.column] && o.opened < 0 {
			out.edges[[2]int{o.edge, o.week}] = math.Max(0, -reduced(o.column)/o.scale)
		}
	}
	for _, v := range p.moves {
		out.lanes[[2]int{v.lane, v.week}] = math.Max(0, -reduced(v.column))
	}
	return out
}

// bind lists the limits that a plan reaches.
func (n *network) bind(f *flows, plan *Plan, prices priced) {
	most := n.given()
	used := n.used(f, plan)
	for i := range n.limits {
		l := &n.limits[i]
		slack := most[i] - used[i]
		tolerance := 1e-6 * math.Max(1, math.Abs(l.most))
		var price *float64
		if prices.limits != nil {
			v := math.Max(0, prices.limits[i])
			price = &v
		}
		if slack > tolerance && (price == nil || *price < 1e-9) {
			continue
		}
		over := -slack
		if over <= tolerance {
			over = 0
		}
		plan.Binding = append(plan.Binding, Binding{l.kind, l.name, l.week + 1, l.most, used[i] + l.most - most[i], price, over})
	}
	for i := range n.edges {
		e := &n.edges[i]
		for t, q := range f.orders[i] {
			if q >= e.Capacity*(1-1e-9) {
				plan.Binding = append(plan.Binding, Binding{"edge", e.Item + " from " + e.Supplier + " to " + e.Site, t + 1, e.Capacity, q, price(prices.edges, i, t), 0})
			}
		}
	}
	for i := range n.lanes {
		l := &n.lanes[i]
		for t, q := range f.moves[i] {
			if q >= l.Capacity*(1-1e-9) {
				plan.Binding = append(plan.Binding, Binding{"lane", n.m.Items[l.item].Name + " from " + l.From + " to " + l.To, t + 1, l.Capacity, q, price(prices.lanes, i, t), 0})
			}
		}
	}
	for i := range n.series {
		s := &n.series[i]
		if over, asked := prices.short[i]; asked && (over > 1e-6 || prices.fills[i] > 1e-9) {
			v := prices.fills[i]
			plan.Binding = append(plan.Binding, Binding{"fill rate", n.m.Items[s.item].Name + " at " + n.m.Sites[s.site].Name, 0, s.fill, n.filled(i, plan), &v, over})
		}
	}
}

// filled is the share of demand that is served at a series, of the weeks that can be reached.
func (n *network) filled(i int, plan *Plan) float64 {
	short, demand := 0.0, 0.0
	for t := n.series[i].lead; t < n.m.Weeks; t++ {
		l := &plan.Levels[i*n.m.Weeks+t]
		short, demand = short+l.Short, demand+l.Demand
	}
	if demand == 0 {
		return 1
	}
	return 1 - short/demand
}

func price(of map[[2]int]float64, i, week int) *float64 {
	if v, ok := of[[2]int{i, week}]; ok {
		return &v
	}
	return nil
}

// used is what a plan takes of the limits.
func (n *network) used(f *flows, plan *Plan) []float64 {
	used := make([]float64, len(n.limits))
	for b := range n.blocks {
		n.usedBy(b, f, plan, used)
	}
	return used
}

// usedBy adds what a block takes.
func (n *network) usedBy(block int, f *flows, plan *Plan, used []float64) {
	var list []use
	for _, i := range n.ways[block].edges {
		e := &n.edges[i]
		for t, q := range f.orders[i] {
			if q == 0 {
				continue
			}
			list = n.orderUses(list[:0], e, t)
			for _, u := range list {
				used[u.limit] += u.much * q
			}
			if n.budget >= 0 {
				used[n.budget+t] += e.Fixed
			}
		}
	}
	for _, i := range n.ways[block].lanes {
		for t, q := range f.moves[i] {
			if q > 0 {
				list = n.laneUses(list[:0], &n.lanes[i], t)
				for _, u := range list {
					used[u.limit] += u.much * q
				}
			}
		}
	}
	for _, i := range n.blocks[block] {
		s := &n.series[i]
		if k := n.storage[s.site]; k >= 0 {
			for t := range n.m.Weeks {
				used[k+t] += n.m.Items[s.item].Volume * math.Max(0, plan.Levels[i*n.m.Weeks+t].Before)
			}
		}
	}
}
