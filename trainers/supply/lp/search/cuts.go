package search

import (
	"math"
	"slices"

	"debut/trainers/supply/lp/problem"
	"debut/trainers/supply/lp/simplex"
)

// cut is an inequality that all whole points fulfill: Σ value·x[index] ≤ side.
type cut struct {
	index    []int32
	value    []float64
	side     float64
	efficacy float64 // distance of the relaxation's point from it
}

// cutter looks for cuts at a point of the relaxation.
type cutter struct {
	t       *tree
	rows    problem.Matrix // of the relaxation, cuts among them
	x       []float64      // columns, then logicals, −activity of their rows
	lower   []float64
	upper   []float64
	whole   []bool
	found   []cut
	work    []float64
	touched []int32
	terms   []term
	rounded []roundedTerm
	vub     [][]int32 // rows of two columns, one whole, by their continuous column
}

func (t *tree) newCutter() *cutter {
	m, n := t.p.Size()
	c := &cutter{t: t, rows: t.p.Matrix.Transposed(), work: make([]float64, n), vub: make([][]int32, n)}
	c.lower, c.upper = slices.Clone(t.rootLower), slices.Clone(t.rootUpper)
	c.whole = make([]bool, n+m)
	for j := range n {
		c.whole[j] = t.p.IsInteger(j)
	}
	for i := range m {
		c.lower, c.upper = append(c.lower, -t.p.RowUpper[i]), append(c.upper, -t.p.RowLower[i])
		if i < t.own {
			c.whole[n+i] = t.wholeRow(i) && isWhole(t.p.RowLower[i]) && isWhole(t.p.RowUpper[i])
		}
		if from := c.rows.Start[i]; i < t.own && c.rows.Start[i+1]-from == 2 {
			a, b := c.rows.Index[from], c.rows.Index[from+1]
			if c.whole[a] && !c.whole[b] {
				c.vub[b] = append(c.vub[b], int32(i))
			} else if c.whole[b] && !c.whole[a] {
				c.vub[a] = append(c.vub[a], int32(i))
			}
		}
	}
	return c
}

func isWhole(v float64) bool { return math.IsInf(v, 0) || v == math.Round(v) }

// cutRoot adds rounds of cuts to the relaxation at the root as long as they help.
func (t *tree) cutRoot() simplex.Status {
	last := t.s.Objective()
	still := 0
	for round := 0; round < 40 && still < 4; round++ {
		if t.stopping() {
			return simplex.Stopped
		}
		x := t.s.Primal()
		if len(t.fractional(x)) == 0 {
			break
		}
		cuts := t.separate(x)
		if len(cuts) == 0 {
			break
		}
		t.addCuts(cuts)
		status := t.relax(false, 0)
		if status == simplex.Troubled || status == simplex.Unbounded {
			return t.withoutCuts()
		}
		if status != simplex.Optimal {
			return status
		}
		objective := t.s.Objective()
		t.currentBound = objective
		if objective-last < 1e-3*math.Max(1e-2, math.Abs(last))*0.1 {
			still++
		} else {
			still = 0
		}
		last = objective
		t.tryRounding(t.s.Primal())
	}
	t.addCuts(nil) // leaves out those that do not hold the point
	if status := t.relax(false, 0); status != simplex.Optimal {
		if status == simplex.Troubled {
			return t.withoutCuts()
		}
		return status
	}
	t.cuts = t.p.Matrix.Rows - t.own
	return simplex.Optimal
}

// withoutCuts goes back to the rows of the problem.
func (t *tree) withoutCuts() simplex.Status {
	t.rebuild(nil, nil)
	t.s.Reset()
	return t.relax(true, 0)
}

// addCuts makes the relaxation anew with further cuts, and without those of before that are not tight.
func (t *tree) addCuts(cuts []cut) {
	var keep []int
	for i := range t.own {
		keep = append(keep, i)
	}
	for i := t.own; i < t.p.Matrix.Rows; i++ {
		if !t.s.RowIsBasic(i) {
			keep = append(keep, i)
		}
	}
	basis := t.s.Basis().WithRows(len(t.lower), keep, len(cuts))
	t.rebuild(keep[t.own:], cuts)
	t.s.SetBasis(basis)
}

// rebuild makes the relaxation of the problem's rows, some of the cuts that it has and others.
func (t *tree) rebuild(keep []int, cuts []cut) {
	old := t.p.Matrix.Transposed()
	p := *t.p
	p.RowLower, p.RowUpper = slices.Clone(p.RowLower[:t.own]), slices.Clone(p.RowUpper[:t.own])
	a := problem.Matrix{Rows: p.Matrix.Columns, Start: slices.Clone(old.Start[:t.own+1])}
	a.Index, a.Value = slices.Clone(old.Index[:a.Start[t.own]]), slices.Clone(old.Value[:a.Start[t.own]])
	add := func(index []int32, value []float64, side float64) {
		a.Index, a.Value = append(a.Index, index...), append(a.Value, value...)
		a.Start = append(a.Start, len(a.Index))
		p.RowLower, p.RowUpper = append(p.RowLower, math.Inf(-1)), append(p.RowUpper, side)
	}
	for _, i := range keep {
		add(old.Index[old.Start[i]:old.Start[i+1]], old.Value[old.Start[i]:old.Start[i+1]], t.p.RowUpper[i])
	}
	for _, c := range cuts {
		add(c.index, c.value, c.side)
	}
	a.Columns = len(p.RowLower)
	p.Matrix = a.Transposed()
	p.Lower, p.Upper = slices.Clone(t.lower), slices.Clone(t.upper)
	t.p = &p
	before := t.s.Iterations
	t.s = simplex.New(&p)
	t.s.Iterations = before
	t.inLP = append(append([]float64(nil), t.lower...), t.upper...)
}

// separate returns the best cuts at a point, no two of nearly the same direction.
func (t *tree) separate(x []float64) []cut {
	c := t.newCutter()
	c.x = append(slices.Clone(x), make([]float64, t.p.Matrix.Rows)...)
	for i, a := range t.p.Activities(x) {
		c.x[len(x)+i] = -a
	}
	c.tableau()
	c.aggregations()
	c.covers()
	slices.SortStableFunc(c.found, func(a, b cut) int {
		switch {
		case a.efficacy > b.efficacy:
			return -1
		case a.efficacy < b.efficacy:
			return 1
		}
		return len(a.index) - len(b.index)
	})
	most := 20 + len(t.integers)/2
	most = min(most, 300)
	var out []cut
	for _, candidate := range c.found {
		if len(out) >= most || t.ctx.Err() != nil {
			break
		}
		if !slices.ContainsFunc(out, func(o cut) bool { return c.parallel(&candidate, &o) }) {
			out = append(out, candidate)
		}
	}
	return out
}

// parallel says whether two cuts have nearly the same direction.
func (c *cutter) parallel(a, b *cut) bool {
	for k, j := range a.index {
		c.work[j] = a.value[k]
	}
	dot, second, first := 0.0, 0.0, 0.0
	for k, j := range b.index {
		dot += c.work[j] * b.value[k]
		second += b.value[k] * b.value[k]
	}
	for k, j := range a.index {
		c.work[j] = 0
		first += a.value[k] * a.value[k]
	}
	return dot > 0.9*math.Sqrt(first*second)
}

// offer takes a cut over columns in work, at the places touched, where it is of use: violated, and its numbers of one size.
func (c *cutter) offer(side float64) {
	defer c.clear()
	t := c.t
	most := 0.0
	for _, j := range c.touched {
		most = max(most, math.Abs(c.work[j]))
	}
	if most == 0 || most > 1e12 || math.IsNaN(most) {
		return
	}
	k := cut{side: side / most}
	activity, norm := 0.0, 0.0
	slices.Sort(c.touched)
	least := 1.0
	for e, j := range c.touched {
		if e > 0 && c.touched[e-1] == j {
			continue
		}
		v := c.work[j] / most
		if v == 0 {
			continue
		}
		if math.Abs(v) < 1e-7 { // left out, at the bound that the cut bears
			bound := t.rootLower[j]
			if v < 0 {
				bound = t.rootUpper[j]
			}
			if math.IsInf(bound, 0) {
				return
			}
			k.side -= v * bound
			continue
		}
		least = min(least, math.Abs(v))
		k.index, k.value = append(k.index, j), append(k.value, v)
		activity += v * c.x[j]
		norm += v * v
	}
	if len(k.index) == 0 || least < 1e-6 || len(k.index) > 200+len(t.lower)/5 || math.Abs(k.side) > 1e7 {
		return
	}
	k.side += 1e-10 * max(1, math.Abs(k.side))
	if k.efficacy = (activity - k.side) / math.Sqrt(norm); k.efficacy > 1e-4 {
		c.found = append(c.found, k)
	}
}

func (c *cutter) clear() {
	for _, j := range c.touched {
		c.work[j] = 0
	}
	c.touched = c.touched[:0]
}

func (c *cutter) add(j int32, v float64) {
	c.work[j] += v
	c.touched = append(c.touched, j)
}
