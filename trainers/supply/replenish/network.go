package replenish

import (
	"fmt"
	"math"
	"slices"

	"debut/trainers/supply/inventory"
)

// series is an item at a site, over the weeks.
type series struct {
	item, site        int
	mean              []float64 // of demand, by week from 0
	arriving          []float64 // what is on hand (in week 0) and on order, by week
	lead              int       // of the quickest way in; −1: none
	landed            float64   // cost of a unit by the cheapest way in; +Inf: none
	holding, shortage float64   // cost of a unit and week, cost of a unit
	terminal          float64   // worth of a unit after the last week
	fill              float64   // least share served, 0: none
	curves            []*curve
	edges, in, out    []int // into network.edges, network.lanes
}

// edge and lane are those of a model, resolved.
type edge struct {
	*Edge
	series, supplier int
	limit            int // the first of its supplier's limits; −1: none
}

type lane struct {
	*Lane
	item, from, to int // to: series
}

// limit is a limit that several series share.
type limit struct {
	kind, name string
	week       int // from 0
	most       float64
	elastic    bool // what is there already may be too much
}

// network is a model, resolved and cut into blocks.
type network struct {
	m                 *Model
	series            []series
	edges             []edge
	lanes             []lane
	limits            []limit
	storage, handling []int // the first limit of a site; −1: none
	budget            int
	penalty           float64   // of a unit of volume or units that is too much: more than anything is worth
	blocks            [][]int   // series that lanes join
	ways              []blockOf // edges and lanes of blocks
	warnings          []string
}

type blockOf struct{ edges, lanes []int }

// newNetwork resolves a checked model.
func newNetwork(m *Model, x *indexes) (*network, error) {
	n := &network{m: m, budget: -1}
	index := map[[2]int]int{}
	at := func(item, site string) int {
		key := [2]int{x.items[item], x.sites[site]}
		i, ok := index[key]
		if !ok {
			i = len(n.series)
			index[key] = i
			t, s := &m.Items[key[0]], &m.Sites[key[1]]
			n.series = append(n.series, series{
				item: key[0], site: key[1], mean: make([]float64, m.Weeks), arriving: make([]float64, m.Weeks),
				lead: -1, landed: math.Inf(1), holding: t.Holding + s.Holding*t.Volume, shortage: t.Shortage, fill: t.FillRate,
			})
		}
		return i
	}
	demand := map[int][]inventory.Demand{}
	for i := range m.Demand {
		d := &m.Demand[i]
		s := at(d.Item, d.Site)
		if d.Week > m.Weeks {
			continue
		}
		if demand[s] == nil {
			demand[s] = make([]inventory.Demand, m.Weeks)
		}
		of, err := d.distribution()
		if err != nil {
			return nil, &InputError{Place: d.Place, Message: trimmed(err)}
		}
		demand[s][d.Week-1], n.series[s].mean[d.Week-1] = of, of.Mean()
	}
	for i := range m.Stock {
		s := &m.Stock[i]
		if k := at(s.Item, s.Site); s.Week <= m.Weeks {
			n.series[k].arriving[max(0, s.Week-1)] += s.Units
		}
	}
	for i := range m.Edges {
		e := &m.Edges[i]
		at(e.Item, e.Site)
	}
	n.shared(x)
	for i := range m.Edges {
		e := &m.Edges[i]
		s := at(e.Item, e.Site)
		n.series[s].edges = append(n.series[s].edges, len(n.edges))
		n.edges = append(n.edges, edge{Edge: e, series: s, supplier: x.suppliers[e.Supplier], limit: -1})
		n.quickest(s, e.Lead)
		n.series[s].landed = math.Min(n.series[s].landed, e.Cost)
	}
	n.expandLanes(x, index)
	n.supplierLimits()
	n.land()
	if err := n.draw(demand); err != nil {
		return nil, err
	}
	n.cut()
	return n, nil
}

// quickest notes a way in.
func (n *network) quickest(s, lead int) {
	if l := n.series[s].lead; l < 0 || lead < l {
		n.series[s].lead = lead
	}
}

func (n *network) expandLanes(x *indexes, index map[[2]int]int) {
	for i := range n.m.Lanes {
		l := &n.m.Lanes[i]
		for item := range n.m.Items {
			if l.Item != "" && x.items[l.Item] != item {
				continue
			}
			from, known := index[[2]int{item, x.sites[l.From]}]
			to, wanted := index[[2]int{item, x.sites[l.To]}]
			if !known || !wanted {
				continue
			}
			n.series[from].out, n.series[to].in = append(n.series[from].out, len(n.lanes)), append(n.series[to].in, len(n.lanes))
			n.lanes = append(n.lanes, lane{Lane: l, item: item, from: from, to: to})
			n.quickest(to, l.Lead)
		}
	}
}

// shared makes the limits of sites and of the budget, and how large penalties are.
func (n *network) shared(*indexes) {
	m := n.m
	add := func(kind, name string, most float64, elastic bool) int {
		if math.IsInf(most, 1) {
			return -1
		}
		for t := range m.Weeks {
			n.limits = append(n.limits, limit{kind, name, t, most, elastic})
		}
		return len(n.limits) - m.Weeks
	}
	for i := range m.Sites {
		s := &m.Sites[i]
		n.storage = append(n.storage, add("storage", s.Name, s.Storage, true))
		n.handling = append(n.handling, add("handling", s.Name, s.Handling, true))
	}
	n.budget = add("budget", "", m.Budget, false)
	worth, volume := 1e-3, math.Inf(1)
	for i := range m.Items {
		worth = math.Max(worth, m.Items[i].Shortage)
		if m.Items[i].Volume > 0 {
			volume = math.Min(volume, m.Items[i].Volume)
		}
	}
	for i := range m.Edges {
		worth = math.Max(worth, m.Edges[i].Cost)
	}
	n.penalty = 20 * worth / math.Min(1, volume)
}

func (n *network) supplierLimits() {
	first := make([]int, len(n.m.Suppliers))
	for i := range n.m.Suppliers {
		s := &n.m.Suppliers[i]
		if first[i] = -1; !math.IsInf(s.Capacity, 1) {
			first[i] = len(n.limits)
			for t := range n.m.Weeks {
				n.limits = append(n.limits, limit{"supplier", s.Name, t, s.Capacity, false})
			}
		}
	}
	for i := range n.edges {
		n.edges[i].limit = first[n.edges[i].supplier]
	}
}

// land finds the cheapest way in, over lanes too, and what stock is worth at the end.
func (n *network) land() {
	for changed := true; changed; { // costs are not negative: it ends
		changed = false
		for i := range n.lanes {
			l := &n.lanes[i]
			if c := n.series[l.from].landed + l.Cost; c < n.series[l.to].landed {
				n.series[l.to].landed, changed = c, true
			}
		}
	}
	for i := range n.series {
		s := &n.series[i]
		if math.IsInf(s.landed, 1) || n.m.RunDown {
			continue
		}
		s.terminal = s.landed
		if !n.m.Waits && s.fill == 0 {
			s.terminal = math.Min(s.terminal, s.shortage)
		}
	}
}

// draw makes the curves.
func (n *network) draw(demand map[int][]inventory.Demand) error {
	for i := range n.series {
		s := &n.series[i]
		weeks := demand[i]
		missing := 0
		for t := range n.m.Weeks {
			if weeks == nil || weeks[t] == nil {
				missing++
			}
		}
		if weeks != nil && missing > 0 {
			n.warn("%s at %s has no demand in %d of %d weeks", n.m.Items[s.item].Name, n.m.Sites[s.site].Name, missing, n.m.Weeks)
		}
		if weeks == nil {
			weeks = make([]inventory.Demand, n.m.Weeks)
		}
		for t := range weeks {
			if weeks[t] == nil {
				weeks[t] = certain(0)
			}
		}
		if s.lead < 0 && slices.Max(s.mean) > 0 {
			n.warn("%s at %s has demand and no way in: what is there is all that can be sold", n.m.Items[s.item].Name, n.m.Sites[s.site].Name)
		}
		best := s.ratios(n.m.Waits)
		s.curves = make([]*curve, n.m.Weeks)
		for t := range s.curves {
			from := 0
			if s.lead >= 0 {
				from = max(0, t-s.lead)
			}
			c, err := newCurve(weeks[t], weeks[from:t], n.m.Waits, best)
			if err != nil {
				return fmt.Errorf("replenish: %s at %s, week %d: %w", n.m.Items[s.item].Name, n.m.Sites[s.site].Name, t+1, err)
			}
			s.curves[t] = c
		}
	}
	return nil
}

// ratios are probabilities at which levels are best where nothing is limited: in the midst of the weeks, and in the last one.
func (s *series) ratios(waits bool) []float64 {
	p, h, c := s.shortage, s.holding, s.landed
	if math.IsInf(c, 1) {
		c = 0
	}
	if waits {
		return []float64{p / (p + h), (p - c + s.terminal) / (p + h)}
	}
	return []float64{(p - c) / (p - c + h), (p - c) / (p + h - s.terminal)}
}

func (n *network) warn(format string, args ...any) {
	if len(n.warnings) < maxErrors {
		n.warnings = append(n.warnings, fmt.Sprintf(format, args...))
	}
}

// cut finds the blocks: series that lanes join.
func (n *network) cut() {
	parent := make([]int, len(n.series))
	for i := range parent {
		parent[i] = i
	}
	var root func(int) int
	root = func(i int) int {
		if parent[i] != i {
			parent[i] = root(parent[i])
		}
		return parent[i]
	}
	for i := range n.lanes {
		a, b := root(n.lanes[i].from), root(n.lanes[i].to)
		parent[max(a, b)] = min(a, b)
	}
	at := make([]int, len(n.series))
	for i := range n.series {
		if r := root(i); r == i {
			at[i] = len(n.blocks)
			n.blocks, n.ways = append(n.blocks, nil), append(n.ways, blockOf{})
		} else {
			at[i] = at[r]
		}
		n.blocks[at[i]] = append(n.blocks[at[i]], i)
		n.ways[at[i]].edges = append(n.ways[at[i]].edges, n.series[i].edges...)
	}
	for i := range n.lanes {
		b := at[n.lanes[i].from]
		n.ways[b].lanes = append(n.ways[b].lanes, i)
	}
}

// use is what a unit of a column takes of a limit.
type use struct {
	limit int
	much  float64
}

// orderUses appends what a unit ordered on an edge in a week takes, the fixed cost apart.
func (n *network) orderUses(list []use, e *edge, t int) []use {
	if e.limit >= 0 {
		list = append(list, use{e.limit + t, 1})
	}
	if n.budget >= 0 && e.Cost > 0 {
		list = append(list, use{n.budget + t, e.Cost})
	}
	if h := n.handling[n.series[e.series].site]; h >= 0 {
		list = append(list, use{h + t + e.Lead, 1})
	}
	return list
}

// laneUses appends what a unit takes that leaves by a lane in a week.
func (n *network) laneUses(list []use, l *lane, t int) []use {
	if h := n.handling[n.series[l.from].site]; h >= 0 {
		list = append(list, use{h + t, 1})
	}
	if h := n.handling[n.series[l.to].site]; h >= 0 && t+l.Lead < n.m.Weeks {
		list = append(list, use{h + t + l.Lead, 1})
	}
	return list
}

// given is what is left of the limits for what is planned: of handling, what is on order takes a part.
func (n *network) given() []float64 {
	most := make([]float64, len(n.limits))
	for i := range n.limits {
		most[i] = n.limits[i].most
	}
	for i := range n.m.Stock {
		s := &n.m.Stock[i]
		if s.Week < 1 || s.Week > n.m.Weeks {
			continue
		}
		for k := range n.m.Sites {
			if n.m.Sites[k].Name == s.Site && n.handling[k] >= 0 {
				most[n.handling[k]+s.Week-1] -= s.Units
			}
		}
	}
	return most
}
