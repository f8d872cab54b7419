package replenish

import (
	"cmp"
	"math"
	"slices"

	"debut/trainers/supply/inventory"
)

// certain is demand without uncertainty.
type certain float64

// Mean returns the demand.
func (c certain) Mean() float64 { return float64(c) }

// CDF returns one from the demand on.
func (c certain) CDF(x float64) float64 {
	if x < float64(c) {
		return 0
	}
	return 1
}

// Quantile returns the demand.
func (c certain) Quantile(float64) float64 { return float64(c) }

// Loss returns what is beyond x.
func (c certain) Loss(x float64) float64 { return math.Max(0, float64(c)-x) }

// moved is demand to which a constant is added, counted in a unit.
type moved struct {
	of       inventory.Demand
	by, unit float64
}

// Mean returns the mean, in units.
func (m moved) Mean() float64 { return m.by + m.unit*m.of.Mean() }

// CDF returns the probability of at most x units.
func (m moved) CDF(x float64) float64 { return m.of.CDF((x - m.by) / m.unit) }

// Quantile returns the level that demand stays below with probability p.
func (m moved) Quantile(p float64) float64 { return m.by + m.unit*m.of.Quantile(p) }

// Loss returns the expected demand beyond x.
func (m moved) Loss(x float64) float64 { return m.unit * m.of.Loss((x-m.by)/m.unit) }

// cells is how many values the lattice of a sum of demands has: coarser than that of inventory.Sum, as there is one for each item, site
// and week.
const cells = 256

// distribution of the demand of a week.
func (d *Demand) distribution() (inventory.Demand, error) {
	switch {
	case d.Levels != nil:
		q, err := inventory.NewQuantiles(d.Levels, d.Values)
		if err == nil && q.Quantile(0) == q.Quantile(1) {
			return certain(q.Mean()), nil
		}
		return q, err
	case d.Deviation == 0:
		return certain(d.Mean), nil
	}
	return inventory.Normal{Mu: d.Mean, Sigma: d.Deviation}, nil
}

// sum returns the distribution of the sum of independent demands.
func sum(demands []inventory.Demand) (inventory.Demand, error) {
	var sure, mean float64
	var rest []inventory.Demand
	normal := true
	for _, d := range demands {
		if c, ok := d.(certain); ok {
			sure += float64(c)
			continue
		}
		_, is := d.(inventory.Normal)
		normal = normal && is
		rest = append(rest, d)
		mean += d.Mean()
	}
	switch {
	case len(rest) == 0:
		return certain(sure), nil
	case len(rest) == 1 || normal:
		total, err := inventory.Sum(rest...)
		if sure != 0 && err == nil {
			return moved{total, sure, 1}, nil
		}
		return total, err
	}
	const tail = 1e-7
	var low, high float64
	for _, d := range rest {
		low, high = low+d.Quantile(tail), high+d.Quantile(1-tail)
	}
	unit := (high - low) / cells
	lattices := make([]inventory.Demand, len(rest))
	for i, d := range rest {
		l, err := onLattice(d, unit, tail)
		if err != nil {
			return nil, err
		}
		lattices[i] = l
	}
	total, err := inventory.Sum(lattices...) // whole numbers a step of one apart: exact
	if err != nil {
		return nil, err
	}
	// Rounding to the lattice moves the mean a little; it is put back.
	return moved{total, sure + mean - unit*total.Mean(), unit}, nil
}

// onLattice returns demand counted in a unit, each value with the probability of the interval around it.
func onLattice(d inventory.Demand, unit, tail float64) (*inventory.Lattice, error) {
	first, last := math.Floor(d.Quantile(tail)/unit), math.Ceil(d.Quantile(1-tail)/unit)
	mass := make([]float64, int(last-first)+1)
	before := 0.0
	for i := range mass {
		upTo := 1.0
		if i < len(mass)-1 {
			upTo = d.CDF((first + float64(i) + .5) * unit)
		}
		mass[i], before = upTo-before, upTo
	}
	return inventory.NewLattice(first, 1, mass)
}

// curve is the expected shortage by the level before demand: convex, between its points a straight line in a program.
type curve struct {
	mean   float64 // of the week's demand
	before float64 // mean of the weeks of the window before it
	window inventory.Demand
	prior  inventory.Demand // of the weeks of the window before it; nil: none
	waits  bool
	x, g   []float64 // points, x rising
}

// ratios are probabilities around which levels are found, where no limit binds.
var ratios = []float64{.1, .3, .5, .65, .78, .86, .91, .95, .975, .99, .998}

// newCurve makes the points of a curve; best are levels of probability which are likely to be best.
func newCurve(week inventory.Demand, prior []inventory.Demand, waits bool, best []float64) (*curve, error) {
	c := &curve{mean: week.Mean(), waits: waits}
	var err error
	if c.window, err = sum(append(slices.Clone(prior), week)); err != nil {
		return nil, err
	}
	if len(prior) > 0 {
		if c.prior, err = sum(prior); err != nil {
			return nil, err
		}
		c.before = c.prior.Mean()
	}
	var at []float64
	for _, p := range slices.Concat(ratios, best) {
		if p > 1e-6 && p < 1-1e-9 {
			at = append(at, c.window.Quantile(p)-c.before)
		}
	}
	c.setPoints(at)
	return c, nil
}

// refine puts points around a level, in the place of the coarse ones nearby.
func (c *curve) refine(level float64) {
	i, _ := slices.BinarySearch(c.x, level)
	low, high := max(0, i-2), min(len(c.x)-1, i+1)
	at := slices.Clone(c.x)
	const parts = 6
	for k := low; k < high; k++ {
		for j := 1; j < parts; j++ {
			at = append(at, c.x[k]+(c.x[k+1]-c.x[k])*float64(j)/parts)
		}
	}
	c.setPoints(at)
}

// setPoints makes the points the convex hull of the curve at some levels.
func (c *curve) setPoints(at []float64) {
	type point struct{ x, g float64 }
	var points []point
	if c.waits {
		at = append(at, 0) // storage is taken from here on
	} else {
		points = append(points, point{0, c.mean})
	}
	slices.Sort(at)
	for _, x := range at {
		if c.waits || x > 0 {
			points = append(points, point{x, c.loss(x)})
		}
	}
	scale := math.Max(1e-9, math.Abs(points[len(points)-1].x)) * 1e-3
	hull := points[:0:0]
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	for _, p := range points {
		if n := len(hull); n > 0 && p.x-hull[n-1].x <= scale {
			continue
		}
		for len(hull) > 1 {
			a, b := hull[len(hull)-2], hull[len(hull)-1]
			if (b.g-a.g)*(p.x-a.x) < (p.g-a.g)*(b.x-a.x) || c.waits && b.x == 0 {
				break
			}
			hull = hull[:len(hull)-1]
		}
		hull = append(hull, p)
	}
	c.x, c.g = c.x[:0], c.g[:0]
	for _, p := range hull {
		c.x, c.g = append(c.x, p.x), append(c.g, p.g)
	}
}

// loss is E[(D − level)⁺] of the window.
func (c *curve) loss(level float64) float64 { return c.window.Loss(level + c.before) }

// at returns the expected shortage at a level, by the curve itself.
func (c *curve) at(level float64) float64 {
	g := c.loss(level)
	if c.waits {
		return g
	}
	if level <= 0 {
		return c.mean
	}
	if len(c.x) > 1 && level < c.x[1] {
		g = math.Min(g, c.g[0]+(c.g[1]-c.g[0])*level/c.x[1])
	}
	return math.Min(g, c.mean)
}

// unmet returns the expected part of the week's demand that is not served in it.
func (c *curve) unmet(level float64) float64 {
	g := c.at(level)
	if c.waits && c.prior != nil {
		g -= c.prior.Loss(level + c.before)
	} else if c.waits {
		g -= math.Max(0, -level)
	}
	return math.Min(math.Max(0, g), c.mean)
}

// slope is that of the segment from point k to the next one: from −1 to 0.
func (c *curve) slope(k int) float64 {
	return math.Min(0, math.Max(-1, (c.g[k+1]-c.g[k])/(c.x[k+1]-c.x[k])))
}
