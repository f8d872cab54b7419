package replenish

import (
	"math"

	"debut/trainers/supply/lp"
)

// program is the program of some blocks.
type program struct {
	n      *network
	lp     lp.Problem
	orders []orderColumn
	moves  []moveColumn
	levels []levelColumns // by series of the blocks and week
	fills  []fillRow
	rowOf  []int // of a limit; −1: none
	uses   [][]use
	prices []float64
}

// orderColumn is a quantity ordered: scale units for each unit of the column.
type orderColumn struct {
	edge, week     int
	column, opened int // opened: the binary column of an order that is not empty; −1: none
	scale          float64
}

type moveColumn struct{ lane, week, column int }

// levelColumns are the segments of a level, from the first point of its curve upwards; below is the column of what it lies under that.
type levelColumns struct {
	series, week int
	first, count int
	below        int // −1: none
}

type fillRow struct{ series, row, slack int }

// asked are the limits of a program.
type asked struct {
	most   []float64 // by limit; nil: none is a row
	prices []float64 // by limit, for what is taken of each; nil: none
}

// rowsOf are the rows of series, the first week's: that what comes is what goes, and, where shortages wait, that no more leaves by lanes
// than is there.
type rowsOf struct{ of, ship map[int]int }

// arrives are the entries of what arrives at a series in a week, or with a negative sign leaves.
func (r rowsOf) arrives(series, week int, units float64) []entry {
	list := []entry{{r.of[series] + week, -units}}
	if ship, ok := r.ship[series]; ok {
		list = append(list, entry{ship + week, -units})
	}
	return list
}

// entry is a number in a column.
type entry struct {
	row   int
	value float64
}

// build makes the program of some blocks.
func (n *network) build(blocks []int, a asked) *program {
	p := &program{n: n, prices: a.prices}
	m := &p.lp
	m.Matrix.Start = []int{0}
	weeks := n.m.Weeks
	balance := rowsOf{map[int]int{}, map[int]int{}}
	for _, b := range blocks {
		for _, s := range n.blocks[b] {
			balance.of[s] = p.rows(weeks)
			ships := n.m.Waits && len(n.series[s].out) > 0
			if ships {
				balance.ship[s] = p.rows(weeks)
			}
			for t := range weeks {
				side := n.series[s].arriving[t]
				c := n.series[s].curves
				if ships {
					most := side
					if t > 0 {
						most += c[t-1].x[0] - c[t-1].mean + c[t-1].g[0]
					}
					p.side(balance.ship[s]+t, math.Inf(-1), most)
				}
				// The segments count from the first point of a curve: its part is on the other side.
				if side -= c[t].x[0]; t > 0 {
					side += n.series[s].carried(c[t-1], n.m.Waits)
				}
				p.side(balance.of[s]+t, side, side)
			}
		}
	}
	p.rowOf = make([]int, len(n.limits))
	touched := make([]bool, len(n.limits))
	if a.most != nil {
		for _, b := range blocks {
			n.touch(b, touched)
		}
	}
	for i := range n.limits {
		if p.rowOf[i] = -1; touched[i] {
			p.rowOf[i] = p.rows(1)
			most := a.most[i]
			p.side(p.rowOf[i], math.Inf(-1), most)
		}
	}
	for _, b := range blocks {
		p.addLevels(b, balance)
		p.addOrders(b, balance)
		p.addMoves(b, balance)
	}
	for i := range n.limits {
		if p.rowOf[i] >= 0 && n.limits[i].elastic {
			p.column(n.penalty, 0, math.Inf(1), false, nil, entry{p.rowOf[i], -1})
		}
	}
	m.Matrix.Rows, m.Matrix.Columns = len(m.RowLower), len(m.Cost)
	return p
}

// touch marks the limits that a block may take of.
func (n *network) touch(block int, touched []bool) {
	var list []use
	for t := range n.m.Weeks {
		for _, s := range n.blocks[block] {
			if k := n.storage[n.series[s].site]; k >= 0 && n.m.Items[n.series[s].item].Volume > 0 {
				touched[k+t] = true
			}
		}
		for _, e := range n.ways[block].edges {
			if t+n.edges[e].Lead < n.m.Weeks {
				list = n.orderUses(list, &n.edges[e], t)
			}
			if n.budget >= 0 {
				touched[n.budget+t] = true
			}
		}
		for _, l := range n.ways[block].lanes {
			list = n.laneUses(list, &n.lanes[l], t)
		}
	}
	for _, u := range list {
		touched[u.limit] = true
	}
}

// carried is what the first point of a curve leaves for the next week.
func (s *series) carried(c *curve, waits bool) float64 {
	if waits {
		return c.x[0] - c.mean
	}
	return c.x[0] - c.mean + c.g[0]
}

func (p *program) rows(n int) (first int) {
	first = len(p.lp.RowLower)
	for range n {
		p.lp.RowLower, p.lp.RowUpper = append(p.lp.RowLower, math.Inf(-1)), append(p.lp.RowUpper, math.Inf(1))
	}
	return first
}

func (p *program) side(row int, lower, upper float64) {
	p.lp.RowLower[row], p.lp.RowUpper[row] = lower, upper
}

// column adds a column; what it takes of limits is an entry where the limit has a row, and costs its price.
func (p *program) column(cost, lower, upper float64, integer bool, uses []use, entries ...entry) int {
	m := &p.lp
	for _, e := range entries {
		if e.value != 0 {
			m.Matrix.Index, m.Matrix.Value = append(m.Matrix.Index, int32(e.row)), append(m.Matrix.Value, e.value)
		}
	}
	for _, u := range uses {
		if r := p.rowOf[u.limit]; r >= 0 && u.much != 0 {
			m.Matrix.Index, m.Matrix.Value = append(m.Matrix.Index, int32(r)), append(m.Matrix.Value, u.much)
		}
		if p.prices != nil {
			cost += p.prices[u.limit] * u.much
		}
	}
	m.Matrix.Start = append(m.Matrix.Start, len(m.Matrix.Index))
	m.Cost, m.Lower, m.Upper = append(m.Cost, cost), append(m.Lower, lower), append(m.Upper, upper)
	m.Integer = append(m.Integer, integer)
	p.uses = append(p.uses, uses)
	return len(m.Cost) - 1
}

// addLevels adds the segments of the levels of a block, and rows of fill rates.
func (p *program) addLevels(block int, balance rowsOf) {
	n, waits, weeks := p.n, p.n.m.Waits, p.n.m.Weeks
	for _, si := range n.blocks[block] {
		s := &n.series[si]
		fill := p.addFill(si)
		volume := n.m.Items[s.item].Volume
		storage := n.storage[s.site]
		for t := range weeks {
			c := s.curves[t]
			h, v := s.holding, 0.0
			if t == weeks-1 {
				v = s.terminal
			}
			// At the first point: the stock at the end is x − mean + g, of which all is worth v where shortages are lost, and x − mean where they wait.
			p.lp.Offset += h*(c.x[0]-c.mean+c.g[0]) + s.shortage*c.g[0] - v*s.carried(c, waits)
			columns := levelColumns{series: si, week: t, first: len(p.lp.Cost), count: len(c.x), below: -1}
			for k := range c.x {
				slope, width := 0.0, math.Inf(1)
				if k+1 < len(c.x) {
					slope, width = c.slope(k), c.x[k+1]-c.x[k]
				}
				p.addSegment(s, t, slope, width, 1, v, si, balance, fill, waits, storage, volume*boolean(c.x[k] >= 0))
			}
			if waits {
				columns.below = len(p.lp.Cost)
				p.addSegment(s, t, -1, math.Inf(1), -1, v, si, balance, fill, waits, -1, 0)
			}
			p.levels = append(p.levels, columns)
		}
	}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// addSegment adds a segment of a level, upwards (sign 1) or downwards, along which the shortage has a slope.
func (p *program) addSegment(s *series, t int, slope, width, sign, v float64, si int, balance rowsOf, fill int, waits bool, storage int, volume float64) {
	carry := sign
	if !waits {
		carry *= 1 + slope
	}
	cost := sign*(s.holding*(1+slope)+s.shortage*slope) - v*carry
	entries := []entry{{balance.of[si] + t, sign}}
	if t+1 < p.n.m.Weeks {
		entries = append(entries, entry{balance.of[si] + t + 1, -carry})
		if ship, ok := balance.ship[si]; ok {
			entries = append(entries, entry{ship + t + 1, -sign * (1 + slope)})
		}
	}
	if fill >= 0 {
		entries = append(entries, entry{fill, sign * slope})
	}
	var uses []use
	if storage >= 0 && volume > 0 {
		uses = []use{{storage + t, volume}}
	}
	p.column(cost, 0, width, false, uses, entries...)
}

// addFill adds the row of a fill rate: shortages are at most what may be, or a penalty is paid.
func (p *program) addFill(si int) (row int) {
	s := &p.n.series[si]
	if s.fill == 0 || s.lead < 0 {
		return -1
	}
	row = p.rows(1)
	most := s.mayBeShort(p.n.m.Waits)
	for _, c := range s.curves {
		most -= c.g[0]
	}
	p.side(row, math.Inf(-1), most)
	p.fills = append(p.fills, fillRow{si, row, p.column(s.missing(), 0, math.Inf(1), false, nil, entry{row, -1})})
	return row
}

// mayBeShort is what may be short of a series with a fill rate: over the weeks that orders can reach the share of demand. Earlier weeks
// count with what is short if nothing is ordered, so that it pays for nobody to go without then.
func (s *series) mayBeShort(waits bool) float64 {
	most, carried := 0.0, 0.0
	for t, c := range s.curves {
		if t >= s.lead {
			most += (1 - s.fill) * s.mean[t]
			continue
		}
		y := carried + s.arriving[t]
		most += c.at(y)
		if carried = y - c.mean; !waits {
			carried = math.Max(0, carried+c.at(y))
		}
	}
	return most
}

// missing is the penalty of a unit by which a fill rate is missed.
func (s *series) missing() float64 {
	worth := s.shortage + 10*s.holding
	if !math.IsInf(s.landed, 1) {
		worth += s.landed
	}
	return 20 * math.Max(worth, 1e-3)
}

// addOrders adds what may be ordered for a block.
func (p *program) addOrders(block int, balance rowsOf) {
	n := p.n
	for _, ei := range n.ways[block].edges {
		e := &n.edges[ei]
		for t := 0; t+e.Lead < n.m.Weeks; t++ {
			scale, most := 1.0, math.Min(e.Capacity, n.sensible(block, t+e.Lead, e.least()))
			integer := e.Multiple > 0
			if integer {
				scale = e.Multiple
			}
			upper := most / scale
			if integer {
				upper = math.Floor(upper + 1e-9)
			}
			o := orderColumn{edge: ei, week: t, scale: scale, opened: -1}
			entries := balance.arrives(e.series, t+e.Lead, scale)
			if least := e.least(); e.Fixed > 0 || least > e.Multiple {
				link := p.rows(1)
				p.side(link, math.Inf(-1), 0)
				opens := []entry{{link, -upper}}
				entries = append(entries, entry{link, 1})
				if least > 0 {
					row := p.rows(1)
					p.side(row, 0, math.Inf(1))
					entries, opens = append(entries, entry{row, 1}), append(opens, entry{row, -least / scale})
				}
				var uses []use
				if n.budget >= 0 && e.Fixed > 0 {
					uses = []use{{n.budget + t, e.Fixed}}
				}
				o.opened = p.column(e.Fixed, 0, 1, true, uses, opens...)
			}
			uses := n.orderUses(nil, e, t)
			for i := range uses {
				uses[i].much *= scale
			}
			o.column = p.column(e.Cost*scale, 0, upper, integer, uses, entries...)
			p.orders = append(p.orders, o)
		}
	}
}

// sensible is a quantity that no good plan exceeds in an order that arrives in a week: all demand from then on, what may wait, and the
// highest level; at least the least order.
func (n *network) sensible(block, week int, least float64) float64 {
	most := 0.0
	for _, si := range n.blocks[block] {
		most += n.series[si].sensible(week, n.m.Waits, 0)
	}
	return most + least
}

func (s *series) sensible(week int, waits bool, least float64) float64 {
	most, top := 0.0, 0.0
	for t := range s.mean {
		if t >= week || waits {
			most += s.mean[t]
		}
		top = math.Max(top, s.curves[t].x[len(s.curves[t].x)-1])
	}
	return most + top + least
}

// addMoves adds transfers.
func (p *program) addMoves(block int, balance rowsOf) {
	n := p.n
	for _, li := range n.ways[block].lanes {
		l := &n.lanes[li]
		for t := 0; t+l.Lead < n.m.Weeks; t++ {
			p.moves = append(p.moves, moveColumn{li, t, p.column(l.Cost, 0, l.Capacity, false, n.laneUses(nil, l, t),
				append(balance.arrives(l.from, t, -1), balance.arrives(l.to, t+l.Lead, 1)...)...)})
		}
	}
}

// flows are quantities by edge and by lane, and week.
type flows struct{ orders, moves [][]float64 }

func (n *network) noFlows() *flows {
	f := &flows{make([][]float64, len(n.edges)), make([][]float64, len(n.lanes))}
	for i := range f.orders {
		f.orders[i] = make([]float64, n.m.Weeks)
	}
	for i := range f.moves {
		f.moves[i] = make([]float64, n.m.Weeks)
	}
	return f
}

// read puts what a point of the program says into flows.
func (p *program) read(x []float64, f *flows) {
	whole := p.whole(x)
	for _, o := range p.orders {
		v := x[o.column]
		if whole && p.lp.Integer[o.column] {
			v = math.Round(v)
		}
		if v *= o.scale; v < 1e-7*math.Max(1, o.scale) || o.opened >= 0 && x[o.opened] < .5 && whole {
			v = 0
		}
		f.orders[o.edge][o.week] = v
	}
	for _, m := range p.moves {
		if f.moves[m.lane][m.week] = x[m.column]; x[m.column] < 1e-7 {
			f.moves[m.lane][m.week] = 0
		}
	}
}

// whole says whether the integer columns are.
func (p *program) whole(x []float64) bool {
	for j, is := range p.lp.Integer {
		if is && math.Abs(x[j]-math.Round(x[j])) > 1e-5 {
			return false
		}
	}
	return true
}

// taken is what a point takes of the limits, added to list.
func (p *program) taken(x, list []float64) {
	for j, uses := range p.uses {
		if x[j] != 0 {
			for _, u := range uses {
				list[u.limit] += u.much * x[j]
			}
		}
	}
}

// worth is the cost of a point without prices of limits.
func (p *program) worth(x []float64) float64 {
	cost := p.lp.Value(x)
	if p.prices == nil {
		return cost
	}
	for j, uses := range p.uses {
		for _, u := range uses {
			cost -= p.prices[u.limit] * u.much * x[j]
		}
	}
	return cost
}
