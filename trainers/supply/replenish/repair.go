package replenish

import (
	"context"
	"fmt"
	"math"
	"slices"

	"debut/trainers/supply/lp"
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

// integers plans blocks as integer programs at the best prices and has limits kept. The flows given are those of the linear program,
// which blocks fall back on, rounded down, where the context ends.
func (d *decomposed) integers(f *flows) (*flows, float64, error) {
	all := make([]int, len(d.blocks))
	for b := range all {
		all[b] = b
	}
	const part = 64 // blocks between two looks at the progress
	plans := make([]blockPlan, 0, len(all))
	for len(plans) < len(all) {
		list := all[len(plans):min(len(all), len(plans)+part)]
		found := d.each(list, func(b int) blockPlan {
			p := d.solveBlock(d.ctx, b, asked{prices: d.prices}, true)
			if p.failed != nil && d.ctx.Err() != nil {
				p = d.roundedDown(b, f)
			}
			return p
		})
		for i := range found {
			if found[i].failed != nil {
				return nil, 0, found[i].failed
			}
		}
		plans = append(plans, found...)
		d.progress("integer programs of blocks", len(plans), math.NaN(), d.bound)
	}
	bound := -dot(d.prices, d.most)
	for b := range plans {
		bound += plans[b].value
	}
	d.bound = math.Max(d.bound, bound)
	if err := d.repair(plans, f); err != nil {
		return nil, 0, err
	}
	out, cost := d.n.noFlows(), 0.0
	left := slices.Clone(d.most)
	for b := range plans {
		d.n.put(out, b, &plans[b], 1)
		cost += plans[b].cost
		for _, u := range plans[b].taken {
			left[u.limit] -= u.much
		}
	}
	for i, v := range left {
		if v < 0 && d.n.limits[i].elastic {
			cost -= d.n.penalty * v
		}
	}
	return out, cost, nil
}

// roundedDown is what is left of a plan of the linear program when orders become whole multiples and too small ones fall away, with nothing
// transferred: it takes no more of any limit on orders, as no order opens that did not.
func (d *decomposed) roundedDown(block int, f *flows) blockPlan {
	n := d.n
	p := n.build([]int{block}, asked{prices: d.prices})
	q := relaxed(&p.lp)
	q.Lower, q.Upper = slices.Clone(q.Lower), slices.Clone(q.Upper)
	for _, o := range p.orders {
		e := &n.edges[o.edge]
		units := f.orders[o.edge][o.week]
		if e.Multiple > 0 {
			units = e.Multiple * math.Floor(units/e.Multiple+1e-9)
		}
		if units < e.least() || n.budget >= 0 && e.Fixed > 0 {
			units = 0
		}
		q.Lower[o.column], q.Upper[o.column] = units/o.scale, units/o.scale
		if o.opened >= 0 {
			q.Lower[o.opened], q.Upper[o.opened] = boolean(units > 0), boolean(units > 0)
		}
	}
	for _, m := range p.moves {
		q.Upper[m.column] = 0
	}
	s, err := lp.Solve(context.WithoutCancel(d.ctx), q, lp.Options{Method: lp.Simplex})
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

// candidates are how many blocks are tried at a time for keeping a limit.
const candidates = 12

// repair plans blocks again until no limit is exceeded that can be kept.
func (d *decomposed) repair(plans []blockPlan, f *flows) error {
	left := slices.Clone(d.most)
	for b := range plans {
		for _, u := range plans[b].taken {
			left[u.limit] -= u.much
		}
	}
	hopeless := make([]bool, len(left))
	for round := 0; ; round++ {
		worst, by := -1, 1e-7
		for i, v := range left {
			if over := -v / math.Max(1, math.Abs(d.most[i])); over > by && !hopeless[i] {
				worst, by = i, over
			}
		}
		if worst < 0 {
			return nil
		}
		// Those who take most of it: few are to be planned again.
		type taker struct {
			block int
			much  float64
		}
		var takers []taker
		for b := range plans {
			for _, u := range plans[b].taken {
				if u.limit == worst {
					takers = append(takers, taker{b, u.much})
				}
			}
		}
		need := -left[worst]
		slices.SortStableFunc(takers, func(a, b taker) int {
			// One that alone is enough, the smallest of these first; then the largest.
			x, y := a.much >= need, b.much >= need
			switch {
			case x && !y:
				return -1
			case y && !x:
				return 1
			case x:
				return sign(a.much - b.much)
			}
			return sign(b.much - a.much)
		})
		var list []int
		for _, t := range takers[:min(candidates, len(takers))] {
			list = append(list, t.block)
		}
		found := d.each(list, func(b int) blockPlan {
			if d.ctx.Err() != nil {
				return d.roundedDown(b, f)
			}
			return d.solveBlock(d.ctx, b, asked{most: allowed(left, &plans[b]), prices: d.prices}, true)
		})
		type change struct {
			at   int     // in list
			loss float64 // of a unit that becomes free
		}
		var changes []change
		for i := range found {
			if found[i].failed != nil {
				continue
			}
			now, then := plans[list[i]].of(worst), found[i].of(worst)
			if relief := math.Min(need, now-then); relief > 1e-9*math.Max(1, now) {
				changes = append(changes, change{i, (d.valued(&found[i]) - d.valued(&plans[list[i]])) / relief})
			}
		}
		if len(changes) == 0 {
			// Nobody can give anything: stock that is there already, or on its way.
			hopeless[worst] = true
			continue
		}
		slices.SortStableFunc(changes, func(a, b change) int { return sign(a.loss - b.loss) })
		for k, c := range changes {
			b := list[c.at]
			if left[worst] >= 0 || k > 0 && !fits(left, &plans[b], &found[c.at]) {
				continue // each was planned as if it were the only one
			}
			for _, u := range plans[b].taken {
				left[u.limit] += u.much
			}
			plans[b] = found[c.at]
			for _, u := range plans[b].taken {
				left[u.limit] -= u.much
			}
		}
		d.progress("repair", round+1, math.NaN(), d.bound)
	}
}

func sign(v float64) int {
	switch {
	case v < 0:
		return -1
	case v > 0:
		return 1
	}
	return 0
}

// fits says that a plan in the place of another one takes of no limit more than is left.
func fits(left []float64, was, now *blockPlan) bool {
	for _, u := range now.taken {
		if more := u.much - was.of(u.limit); more > 0 && more > left[u.limit] {
			return false
		}
	}
	return true
}

// of is what a plan takes of a limit.
func (p *blockPlan) of(limit int) float64 {
	for _, u := range p.taken {
		if u.limit == limit {
			return u.much
		}
	}
	return 0
}

// valued is what a plan costs at the prices.
func (d *decomposed) valued(p *blockPlan) float64 {
	v := p.cost
	for _, u := range p.taken {
		v += d.prices[u.limit] * u.much
	}
	return v
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
