package replenish

import (
	"math"
	"slices"
	"sync"
)

// A series without lanes is planned exactly by recursion over the weeks: what the rest of the weeks costs at best is a function of the stock
// at hand made of straight lines, as the curves are, whatever minimum orders, multiples and fixed costs there are (Zangwill, "A Backlogging Model
// and a Multi-Echelon Model of a Dynamic Economic Lot Size Production System", Management Science 15, 1969, has the recursion for concave costs).

// rates are what a unit, an order and a unit short cost in a recursion.
type rates struct {
	unit, fixed [][]float64 // of edges of the series, by week of the order
	storage     []float64   // of a unit of stock before demand
	short       float64     // of a unit short, besides its cost
}

// recursion has room for the functions of a recursion.
type recursion struct {
	stages       [][]lines // by week: the cost of a level, and after each edge in turn what remains at best
	a, b         lines
	from         []float64 // by week: the least that can be at hand
	level, bring []float64
	orders       [][]float64
	taken        []float64 // of limits
	list         []use
	rates
}

var recursions = sync.Pool{New: func() any { return &recursion{} }}

// prepare makes room.
func (r *recursion) prepare(weeks, edges int) {
	grow := func(list *[][]float64) {
		for len(*list) < edges {
			*list = append(*list, nil)
		}
		*list = (*list)[:edges]
		for i := range *list {
			(*list)[i] = zeros((*list)[i], weeks)
		}
	}
	grow(&r.unit)
	grow(&r.fixed)
	grow(&r.orders)
	r.storage, r.from, r.level, r.bring = zeros(r.storage, weeks), zeros(r.from, weeks+1), zeros(r.level, weeks), zeros(r.bring, weeks)
	for len(r.stages) < weeks+1 {
		r.stages = append(r.stages, nil)
	}
	for t := range r.stages {
		for len(r.stages[t]) < edges+1 {
			r.stages[t] = append(r.stages[t], lines{})
		}
	}
}

func zeros(list []float64, n int) []float64 {
	if cap(list) < n {
		return make([]float64, n)
	}
	list = list[:n]
	clear(list)
	return list
}

// price fills in the rates of a series at prices of limits.
func (r *recursion) price(n *network, si int, prices []float64, short float64) {
	s := &n.series[si]
	var list []use
	for k, ei := range s.edges {
		e := &n.edges[ei]
		for t := 0; t+e.Lead < n.m.Weeks; t++ {
			r.unit[k][t], r.fixed[k][t] = e.Cost, e.Fixed
			if prices == nil {
				continue
			}
			list = n.orderUses(list[:0], e, t)
			for _, u := range list {
				r.unit[k][t] += prices[u.limit] * u.much
			}
			if n.budget >= 0 {
				r.fixed[k][t] += prices[n.budget+t] * e.Fixed
			}
		}
	}
	if first := n.storage[s.site]; first >= 0 && prices != nil {
		for t := range r.storage {
			r.storage[t] = prices[first+t] * n.m.Items[s.item].Volume
		}
	}
	r.short = short
}

// line returns the expected shortage at a level by straight lines between the points.
func (c *curve) line(y float64) float64 {
	if y <= c.x[0] {
		if c.waits {
			return c.g[0] + c.x[0] - y
		}
		return c.g[0]
	}
	i := len(c.x) - 1
	if y >= c.x[i] {
		return c.g[i]
	}
	for c.x[i-1] > y {
		i--
	}
	return c.g[i-1] + c.slope(i-1)*(y-c.x[i-1])
}

// carry is what a level leaves for the next week.
func (c *curve) carry(y float64) float64 {
	if c.waits {
		return y - c.mean
	}
	return math.Max(0, y-c.mean+c.line(y))
}

// charge is what a level costs in a week.
func (r *recursion) charge(s *series, t int, y float64) float64 {
	c := s.curves[t]
	g := c.line(y)
	v := s.holding*(y-c.mean+g) + (s.shortage+r.short)*g + r.storage[t]*math.Max(0, y)
	if y < 0 && !c.waits { // more is to leave by lanes than is there
		v -= s.missing() * y
	}
	if t == len(s.curves)-1 {
		v -= s.terminal * c.carry(y)
	}
	return v
}

// solve returns what a series costs at best, with the stock that arrives anyway, and leaves orders and levels in r. closed is the edge, of those of
// the series, that brings nothing of an order of week 1; −1: none.
func (r *recursion) solve(n *network, si int, arriving []float64, closed int) float64 {
	s := &n.series[si]
	weeks := n.m.Weeks
	r.from[0] = arriving[0]
	for t := range weeks - 1 {
		r.from[t+1] = s.curves[t].carry(r.from[t]) + arriving[t+1]
	}
	tolerance := thinning * r.scale(s)
	var rest *lines // what the weeks after t cost
	for t := weeks - 1; t >= 0; t-- {
		stages := r.stages[t]
		after := 0.0
		if t+1 < weeks {
			after = arriving[t+1]
		}
		r.week(&stages[0], s, t, rest, after)
		stages[0].thin(tolerance)
		for k, ei := range s.edges {
			e := &n.edges[ei]
			if o := t - e.Lead; o < 0 || o == 0 && k == closed {
				stages[k+1].copy(&stages[k])
			} else {
				r.order(&stages[k+1], &stages[k], e, r.from[t], r.unit[k][o], r.fixed[k][o], s.sensible(t, n.m.Waits, e.least()))
				stages[k+1].thin(tolerance)
			}
		}
		rest = &stages[len(s.edges)]
	}
	value := rest.at(arriving[0])
	r.forward(n, s, arriving, closed)
	return value
}

// thinning is by how much the cost of the weeks to come may be taken for too low, of what the demand of all weeks costs.
const thinning = 4e-6

// scale is about what the demand of a series costs.
func (*recursion) scale(s *series) (sum float64) {
	worth := s.shortage + s.holding
	if !math.IsInf(s.landed, 1) {
		worth += s.landed
	}
	for _, v := range s.mean {
		sum += v * worth
	}
	return sum
}

// week makes out what a level in week t and what follows of it cost.
func (r *recursion) week(out *lines, s *series, t int, rest *lines, arriving float64) {
	c := s.curves[t]
	storage := r.storage[t]
	if rest == nil {
		out.reset(s.holding + storage - s.terminal)
	} else {
		out.reset(s.holding + storage + rest.right)
	}
	from := r.from[t]
	worth := func(y float64) float64 {
		v := r.charge(s, t, y)
		if rest != nil {
			v += rest.at(c.carry(y) + arriving)
		}
		return v
	}
	k := 0
	for k < len(c.x) && c.x[k] <= from {
		k++
	}
	next := 0 // point of rest
	y := from
	for {
		out.add(y, worth(y))
		to := math.Inf(1)
		if k < len(c.x) {
			to = c.x[k]
		}
		if rest != nil {
			z := c.carry(y) + arriving
			slope := 1.0
			if !c.waits && !math.IsInf(to, 1) {
				slope = (c.carry(to) + arriving - z) / (to - y)
			}
			for next < len(rest.x) && rest.x[next] <= z {
				next++
			}
			for ; next < len(rest.x) && slope > 0; next++ {
				at := y + (rest.x[next]-z)/slope
				if at >= to {
					break
				}
				out.add(at, r.charge(s, t, at)+rest.v[next])
			}
		}
		if math.IsInf(to, 1) {
			return
		}
		y = to
		k++
	}
}

// order makes out what remains at best where an edge may bring something first.
func (r *recursion) order(out, f *lines, e *edge, from, unit, fixed, sensible float64) {
	most := math.Min(e.Capacity, sensible)
	least := e.least()
	if e.Multiple == 0 {
		if fixed == 0 && least == 0 {
			out.leastAhead(from, f, unit, 0, most)
			return
		}
		r.a.leastAhead(from, f, unit, least, most)
		out.lower(from, f, &r.a, 0, fixed)
		return
	}
	m := e.Multiple
	first := int(math.Round(least / m))
	if last := f.x[len(f.x)-1]; most > last-from+least+m { // beyond the last point nothing becomes less
		most = last - from + least + m
	}
	count := int(math.Floor(most/m+1e-9)) - first + 1
	if count < 1 {
		out.copy(f)
		return
	}
	free := fixed == 0 && first == 1
	if free { // nothing is a multiple as well
		first, count = 0, count+1
	}
	// The least over 2, 4, 8 … quantities, and at last over so many that two runs of them overlap.
	lots := func(k int) (by, plus float64) { return float64(k) * m, float64(k) * m * unit }
	a, b := &r.a, &r.b
	by, plus := lots(first)
	a.move(from, f, by, plus+fixed)
	done := 1
	for done < count {
		step := min(done, count-done)
		by, plus = lots(step)
		b.lower(from, a, a, by, plus)
		a, b = b, a
		done += step
	}
	if free {
		out.copy(a)
		return
	}
	out.lower(from, f, a, 0, 0)
}

// forward finds the orders that the functions of a recursion stand for.
func (r *recursion) forward(n *network, s *series, arriving []float64, closed int) {
	z := arriving[0]
	for t := range n.m.Weeks {
		for k := len(s.edges) - 1; k >= 0; k-- {
			e := &n.edges[s.edges[k]]
			o := t - e.Lead
			if o < 0 {
				continue
			}
			r.orders[k][o] = 0
			if o == 0 && k == closed {
				continue
			}
			q := r.choose(&r.stages[t][k], e, z, r.unit[k][o], r.fixed[k][o], s.sensible(t, n.m.Waits, e.least()))
			r.orders[k][o] = q
			z += q
		}
		r.level[t] = z
		if z = s.curves[t].carry(z); t+1 < n.m.Weeks {
			z += arriving[t+1]
		}
	}
}

// choose returns the quantity of an edge that is best before what remains by f: the least of equals.
func (r *recursion) choose(f *lines, e *edge, at, unit, fixed, sensible float64) float64 {
	most, least := math.Min(e.Capacity, sensible), e.least()
	best, value := 0.0, f.at(at)
	try := func(q float64) {
		if v := fixed + unit*q + f.at(at+q); v < value-1e-9*math.Max(1, math.Abs(value)) {
			best, value = q, v
		}
	}
	last := f.x[len(f.x)-1] - at
	if m := e.Multiple; m > 0 {
		for k := math.Round(least / m); k*m <= most*(1+1e-12); k++ {
			try(k * m)
			if k*m > last {
				break
			}
		}
		return best
	}
	if least > 0 {
		try(least)
	}
	i, _ := slices.BinarySearch(f.x, at+least)
	for ; i < len(f.x) && f.x[i]-at < most; i++ {
		if q := f.x[i] - at; q > 0 {
			try(q)
		}
	}
	if most < last {
		try(most)
	}
	return best
}

// single says whether a block is one series without lanes, so that a recursion plans it.
func (n *network) single(block int) bool {
	return len(n.blocks[block]) == 1 && len(n.ways[block].lanes) == 0
}

// Tries at the price of what is short, where a fill rate is asked for: at first, and from the price of an earlier plan on.
const (
	firstTries = 14
	laterTries = 3
)

// byRecursion plans a block at prices. Where a fill rate is asked for, what is short has a price too, found by bisection: at any such
// price there is a bound, and the plan is the best one that keeps the rate, if there is one. short is that price of an earlier plan, negative where there is none; that of this plan is returned.
func (n *network) byRecursion(block int, prices []float64, short float64, closed int) (blockPlan, float64) {
	si := n.blocks[block][0]
	s := &n.series[si]
	r, _ := recursions.Get().(*recursion)
	defer recursions.Put(r)
	r.prepare(n.m.Weeks, len(s.edges))
	if s.fill == 0 || s.lead < 0 {
		r.price(n, si, prices, 0)
		value := r.solve(n, si, s.arriving, closed)
		p := n.lotPlan(block, r.orders)
		p.value = value
		return p, short
	}
	may, penalty := s.mayBeShort(n.m.Waits), s.missing()
	tries := laterTries
	if short < 0 {
		short, tries = 0, firstTries
	}
	low, high := -1.0, math.Inf(1) // prices at which too much is short, and at which it is not
	var best blockPlan
	bestCost, bound := math.Inf(1), math.Inf(-1)
	for range tries {
		r.price(n, si, prices, short)
		bound = math.Max(bound, r.solve(n, si, s.arriving, closed)-short*may)
		missed := 0.0
		for t, y := range r.level {
			missed += s.curves[t].line(y)
		}
		p := n.lotPlan(block, r.orders)
		cost := p.cost
		for _, u := range p.taken {
			if prices != nil {
				cost += prices[u.limit] * u.much
			}
		}
		if cost < bestCost {
			best, bestCost = p, cost
		}
		if missed > may*(1+1e-9) {
			low = short
		} else {
			high = short
		}
		switch {
		case high == 0 || low >= penalty || high-low <= 1e-3*high:
			best.value = bound
			return best, math.Min(high, penalty)
		case math.IsInf(high, 1):
			short = math.Min(penalty, math.Max(4*short, .25*(s.shortage+s.landed+s.holding)))
		case low < 0 && tries == laterTries:
			short = .8 * high
		case low < 0:
			short = 0
		default:
			short = (low + high) / 2
		}
	}
	best.value = bound
	return best, math.Min(high, penalty)
}

// lotPlan is the plan of the orders of a single block, which are by edge of the series and week; its value is left open.
func (n *network) lotPlan(block int, orders [][]float64) blockPlan {
	weeks := n.m.Weeks
	si := n.blocks[block][0]
	s := &n.series[si]
	r, _ := recursions.Get().(*recursion)
	defer recursions.Put(r)
	r.taken, r.bring = zeros(r.taken, len(n.limits)), zeros(r.bring, weeks)
	out := blockPlan{flows: make([]float64, weeks*len(s.edges))}
	for k, ei := range s.edges {
		e := &n.edges[ei]
		for t, q := range orders[k] {
			if q == 0 {
				continue
			}
			out.flows[weeks*k+t] = q
			out.cost += e.Cost*q + e.Fixed
			r.bring[t+e.Lead] += q
			r.list = n.orderUses(r.list[:0], e, t)
			for _, u := range r.list {
				r.taken[u.limit] += u.much * q
			}
			if n.budget >= 0 {
				r.taken[n.budget+t] += e.Fixed
			}
		}
	}
	cost, short := n.follow(s, r.bring, r.taken)
	out.cost += cost
	if s.fill > 0 && s.lead >= 0 {
		out.cost += s.missing() * math.Max(0, short-s.mayBeShort(n.m.Waits))
	}
	for i, v := range r.taken {
		if v > 1e-9 {
			out.taken = append(out.taken, use{i, v})
		}
	}
	return out
}

// follow is what a series costs, orders apart, where so much is brought by week, and what is short; what it takes of storage is added to taken.
func (n *network) follow(s *series, bring, taken []float64) (cost, short float64) {
	z := 0.0
	first, volume := n.storage[s.site], n.m.Items[s.item].Volume
	for t, c := range s.curves {
		y := z + s.arriving[t] + bring[t]
		g := c.line(y)
		short += g
		cost += s.holding*(y-c.mean+g) + s.shortage*g
		if first >= 0 && y > 0 {
			taken[first+t] += volume * y
		}
		z = c.carry(y)
	}
	return cost - s.terminal*z, short
}
