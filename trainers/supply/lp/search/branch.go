package search

import (
	"math"
	"slices"

	"debut/trainers/supply/lp/simplex"
)

// pseudocosts are by how much the objective went for a column's way down, and up, a unit.
type pseudocosts struct {
	sum, count [2][]float64
	total      [2]float64
	samples    [2]float64
}

func newPseudocosts(n int) (c pseudocosts) {
	for side := range 2 {
		c.sum[side], c.count[side] = make([]float64, n), make([]float64, n)
	}
	return c
}

func (c *pseudocosts) add(j int, up bool, gain, way float64) {
	if way < 1e-6 {
		return
	}
	side := 0
	if up {
		side = 1
	}
	unit := max(gain, 0) / way
	c.sum[side][j] += unit
	c.count[side][j]++
	c.total[side] += unit
	c.samples[side]++
}

// of returns the expected gain of a column a unit.
func (c *pseudocosts) of(j int, side int) float64 {
	if c.count[side][j] > 0 {
		return c.sum[side][j] / c.count[side][j]
	}
	if c.samples[side] > 0 {
		return c.total[side] / c.samples[side]
	}
	return 1
}

// learn updates the pseudocosts by a node's relaxation.
func (t *tree) learn(n *node, objective float64) {
	if n.parent != nil && n.column >= 0 && n.distance > 0 {
		t.costs.add(n.column, n.up, objective-n.parent.bound, n.distance)
		n.distance = 0
	}
}

// candidate is a column to branch on.
type candidate struct {
	column   int
	fraction float64
	score    float64
	bounds   [2]float64 // of the children, where known
}

func product(down, up float64) float64 {
	return max(down, 1e-6) * max(up, 1e-6)
}

// branch chooses a column, opens both children and returns the one to go on with.
func (t *tree) branch(n *node, x []float64, list []int, objective float64, basis *simplex.Basis) *node {
	chosen, again := t.choose(n, x, list, objective, basis)
	if t.interrupted {
		return nil
	}
	if again {
		// Strong branching changed bounds: the node is solved anew.
		t.orders++
		return &node{parent: n, bound: n.bound, depth: n.depth, order: t.orders, basis: basis, column: -1}
	}
	if chosen == nil {
		return nil
	}
	j := chosen.column
	var children [2]*node
	for side := range 2 {
		child := t.child(n, basis, j, x[j], side == 1, chosen.bounds[side])
		child.distance = chosen.fraction
		if side == 1 {
			child.distance = 1 - chosen.fraction
		}
		children[side] = child
	}
	// Go on where the bound goes up less; where nothing was found yet, to the nearer whole number.
	first := 0
	down, up := chosen.fraction*t.costs.of(j, 0), (1-chosen.fraction)*t.costs.of(j, 1)
	if t.best == nil && math.Abs(chosen.fraction-0.5) > 0.2 {
		if chosen.fraction > 0.5 {
			first = 1
		}
	} else if up < down {
		first = 1
	}
	t.keep(children[1-first])
	if children[first].bound >= t.cutoff() {
		return nil
	}
	return children[first]
}

func (t *tree) keep(n *node) {
	if n.bound < t.cutoff() {
		t.open.push(n)
	}
}

// choose scores the candidates, by strong branching where pseudocosts are not reliable yet. again says that bounds were tightened instead.
func (t *tree) choose(n *node, x []float64, list []int, objective float64, basis *simplex.Basis) (chosen *candidate, again bool) {
	reliable := 6.0
	if t.strongIterations > t.iterations/2+2000 {
		reliable = 1
	}
	candidates := make([]candidate, 0, len(list))
	for _, j := range list {
		f := x[j] - math.Floor(x[j])
		candidates = append(candidates, candidate{
			column: j, fraction: f, score: product(f*t.costs.of(j, 0), (1-f)*t.costs.of(j, 1)), bounds: [2]float64{n.bound, n.bound},
		})
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return a.column - b.column
	})
	limit := 10 + 2*t.iterations/max(t.nodes, 1)
	limit = min(limit, 100)
	best, since := 0, 0
	tried := false
	for k := range candidates {
		c := &candidates[k]
		if min(t.costs.count[0][c.column], t.costs.count[1][c.column]) >= reliable {
			if k > best && c.score > candidates[best].score {
				best = k
			}
			continue
		}
		if since >= 6 || k >= 40 {
			break
		}
		tried = true
		before := t.iterations
		gains, dead := t.strong(c, x, objective, basis, limit)
		t.strongIterations += t.iterations - before
		if t.interrupted {
			return nil, false
		}
		if dead[0] && dead[1] {
			return nil, false
		}
		if dead[0] || dead[1] {
			v := math.Floor(x[c.column])
			ch := change{c.column, math.Inf(-1), v}
			if dead[0] {
				ch = change{c.column, v + 1, math.Inf(1)}
			}
			n.changes = append(n.changes, ch)
			t.restore(n, basis)
			return nil, true
		}
		c.score = product(gains[0], gains[1])
		if best == k || c.score > candidates[best].score {
			best, since = k, 0
		} else {
			since++
		}
	}
	if tried {
		t.restore(n, basis)
	}
	return &candidates[best], false
}

// strong solves both children for some iterations. dead says which have no point better than the best.
func (t *tree) strong(c *candidate, x []float64, objective float64, basis *simplex.Basis, limit int) (gains [2]float64, dead [2]bool) {
	j := c.column
	for side := range 2 {
		l, u := t.lower[j], t.upper[j]
		way := c.fraction
		if side == 0 {
			t.upper[j] = math.Floor(x[j])
		} else {
			t.lower[j] = math.Floor(x[j]) + 1
			way = 1 - c.fraction
		}
		t.s.SetBasis(*basis)
		status := t.relax(false, limit)
		t.lower[j], t.upper[j] = l, u
		switch status {
		case simplex.Infeasible, simplex.CutOff:
			dead[side] = true
			continue
		case simplex.Optimal:
			value := t.s.Objective()
			if value >= t.cutoff() {
				dead[side] = true
				continue
			}
			gains[side] = max(value-objective, 0)
			c.bounds[side] = max(c.bounds[side], value)
			t.costs.add(j, side == 1, gains[side], way)
			if y := t.s.Primal(); len(t.fractional(y)) == 0 {
				t.accept(y)
			}
		case simplex.Stopped:
			if t.stopping() {
				return gains, dead
			}
			gains[side] = max(t.s.DualBound()-objective, 0)
			t.costs.add(j, side == 1, gains[side], way)
		}
	}
	return gains, dead
}
