package forecast

import (
	"fmt"
	"iter"
	"math"
	"slices"
)

// design says what the rows of a pooled regression are made of: columns of the season, the trend, the launch and covariates.
type design struct {
	period     int // steps of the season; 0 where there is none
	nodes      int // of the season: columns
	year       float64
	inputs     int // columns of Series.Known
	covariates int // of them that vary
	used       []covariate
	effects    int // columns of covariates, the last
	columns    int
}

// covariate is a column of Series.Known as a regression takes it.
type covariate struct {
	column   int
	relative bool    // logarithms, relative to what is usual for the series
	center   float64 // of others, of all series
	scale    float64
	usual    float64   // the value, so transformed, that is the most frequent
	knots    []float64 // where its effect bends
	unusual  bool      // being another value than usual has an effect of its own
}

// ages are the steps after a launch at which the launch curve bends; at the last it has ended.
var ages = []float64{0, 1, 2, 3, 5, 8, 13, 21}

const trendColumns = 2

// newDesign looks at an even sample of the series. Counts says that all values are whole numbers.
func newDesign(series iter.Seq[Series]) (d *design, counts bool, err error) {
	d, counts = &design{year: 52}, true
	observations := 0
	var periods []int
	for s := range series {
		d.inputs, periods = len(s.Known), s.Periods
		for _, v := range s.Values {
			if v < 0 {
				return nil, false, fmt.Errorf("%w: pooled demand is for amounts, and %v is below 0", ErrUnfit, v)
			}
			if !math.IsNaN(v) {
				observations++
				counts = counts && v == math.Trunc(v)
			}
		}
	}
	if observations < fewestPooled {
		return nil, false, fmt.Errorf("%w: %d observations in all series, where pooled demand takes %d", ErrShort, observations, fewestPooled)
	}
	if len(periods) > 0 {
		d.period = periods[len(periods)-1]
		d.nodes = min(d.period, 60)
		d.year = float64(d.period)
	}
	sample := evenly(series, 200, func(s Series) bool { return len(s.Known) == d.inputs })
	for k := range d.inputs {
		if c, ok := describe(sample, k); ok {
			d.used = append(d.used, c)
		}
	}
	d.covariates = len(d.used)
	d.columns = d.nodes + trendColumns + len(ages) - 1
	for _, c := range d.used {
		d.effects += c.width()
	}
	d.columns += d.effects
	return d, counts, nil
}

// width is how many columns a covariate has.
func (c *covariate) width() int {
	n := 1 + len(c.knots)
	if c.unusual {
		n++
	}
	return n
}

// describe finds out how a covariate is to be taken; false where it never changes within a series.
func describe(sample []Series, column int) (covariate, bool) {
	c := covariate{column: column, relative: true, scale: 1}
	var all []float64
	varies := false
	for _, s := range sample {
		known := s.Known[column][:len(s.Values)]
		for _, v := range known {
			c.relative = c.relative && v > 0
			varies = varies || v != known[0]
		}
		all = append(all, known...)
	}
	if !varies {
		return c, false
	}
	if !c.relative {
		c.center = mean(all)
		if c.scale = math.Sqrt(variance(all)); c.scale == 0 {
			return c, false
		}
	}
	var z []float64
	for _, s := range sample {
		z = append(z, c.transform(s)[:len(s.Values)]...)
	}
	slices.Sort(z)
	// The most frequent value, and whether it is one of many or half of all.
	most, run := 0, 0
	for i := range z {
		if run++; i > 0 && z[i] != z[i-1] {
			run = 1
		}
		if run > most {
			most, c.usual = run, z[i]
		}
	}
	var others []float64
	for _, v := range z {
		if v != c.usual {
			others = append(others, v)
		}
	}
	c.unusual = most > len(z)/4 && len(others) > len(z)/50
	for _, level := range []float64{0.2, 0.4, 0.6, 0.8} {
		knot := quantile(others, level)
		if len(c.knots) == 0 || knot > c.knots[len(c.knots)-1]+1e-9 {
			c.knots = append(c.knots, knot)
		}
	}
	if len(c.knots) < 3 { // a switch has no bends
		c.knots, c.unusual = nil, false
	}
	return c, true
}

// transform is the covariate of a series as a regression takes it, of the history and what is to come.
func (c *covariate) transform(s Series) []float64 {
	known := s.Known[c.column]
	out := make([]float64, len(known))
	if !c.relative {
		for i, v := range known {
			out[i] = (v - c.center) / c.scale
		}
		return out
	}
	usual := slices.Clone(known[:len(s.Values)])
	if len(usual) == 0 {
		usual = slices.Clone(known)
	}
	usual = slices.DeleteFunc(usual, func(v float64) bool { return !(v > 0) })
	if len(usual) == 0 {
		return out
	}
	slices.Sort(usual)
	level := math.Log(usual[len(usual)/2])
	for i, v := range known {
		if v > 0 {
			out[i] = math.Log(v) - level
		}
	}
	return out
}

// expanded are the rows of a series before they are laid out.
type expanded struct {
	d     *design
	s     Series
	z     [][]float64
	index []int
	value []float64
}

func (d *design) expand(s Series) *expanded {
	x := &expanded{d: d, s: s}
	for i := range d.used {
		x.z = append(x.z, d.used[i].transform(s))
	}
	return x
}

// row is that of a step: which columns are not 0, and what they are. Trends go on after the end with a damping. The slices are the next row's, too.
func (x *expanded) row(t int, damp float64) ([]int, []float64) {
	d := x.d
	x.index, x.value = x.index[:0], x.value[:0]
	put := func(i int, v float64) {
		if v != 0 {
			x.index, x.value = append(x.index, i), append(x.value, v)
		}
	}
	if d.nodes > 0 {
		at := x.s.phase(t, d.period) * float64(d.nodes)
		k := int(at)
		f := at - float64(k)
		put(k%d.nodes, 1-f)
		put((k+1)%d.nodes, f)
	}
	column := d.nodes
	u := float64(t-len(x.s.Values)+1) / d.year
	if u > 0 {
		steps, sum, w := t-len(x.s.Values)+1, 0.0, 1.0
		for range steps {
			w *= damp
			sum += w
		}
		u = sum / d.year
	}
	put(column, u)
	put(column+1, math.Min(u+1, 0))
	column += trendColumns
	if x.s.Launched {
		age := float64(t - x.s.first())
		for k := range len(ages) - 1 {
			if age >= ages[k] && age < ages[k+1] {
				f := (age - ages[k]) / (ages[k+1] - ages[k])
				put(column+k, 1-f)
				if k+1 < len(ages)-1 {
					put(column+k+1, f)
				}
			}
		}
	}
	column += len(ages) - 1
	for i := range d.used {
		c := &d.used[i]
		z := x.z[i][t]
		put(column, z)
		for k, knot := range c.knots {
			if knot < c.usual {
				put(column+1+k, math.Min(z-knot, 0))
			} else {
				put(column+1+k, math.Max(z-knot, 0))
			}
		}
		if c.unusual && z != c.usual {
			put(column+1+len(c.knots), 1)
		}
		column += c.width()
	}
	return x.index, x.value
}

// shrinkage says what coefficients are without data, and how surely, by column.
type shrinkage struct{ mean, precision []float64 }

// prior is that of all series: what is usual in shops.
func (d *design) prior() shrinkage {
	p := shrinkage{make([]float64, d.columns), make([]float64, d.columns)}
	d.blocks(func(from, to int, kind string) {
		for i := from; i < to; i++ {
			p.precision[i] = map[string]float64{"season": 1, "trend": 10, "launch": 4, "covariate": 0.5}[kind]
		}
	})
	return p
}

// groupPrior is how surely groups are as the whole, before it is known.
func (d *design) groupPrior() []float64 {
	p := make([]float64, d.columns)
	d.blocks(func(from, to int, kind string) {
		for i := from; i < to; i++ {
			p[i] = map[string]float64{"season": 10, "trend": 50, "launch": 10, "covariate": 5}[kind]
		}
	})
	return p
}

// blocks are the columns that shrink alike.
func (d *design) blocks(f func(from, to int, kind string)) {
	at := d.nodes
	if at > 0 {
		f(0, at, "season")
	}
	f(at, at+trendColumns, "trend")
	at += trendColumns
	f(at, at+len(ages)-1, "launch")
	at += len(ages) - 1
	for i := range d.used {
		f(at, at+d.used[i].width(), "covariate")
		at += d.used[i].width()
	}
}
