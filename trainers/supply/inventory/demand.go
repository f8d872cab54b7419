package inventory

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Demand is the distribution of the demand of a period, or of several.
type Demand interface {
	// Mean returns the expected demand, in units.
	Mean() float64

	// CDF returns the probability that demand is at most x.
	CDF(x float64) float64

	// Quantile returns the least x with CDF(x) ≥ p, for p between zero and one.
	Quantile(p float64) float64

	// Loss returns the expected demand beyond x, E[(D−x)⁺].
	Loss(x float64) float64
}

// Normal is demand by the normal distribution. It may fall below zero, as the models that use it have it.
type Normal struct {
	Mu    float64 // units
	Sigma float64 // units, above zero
}

// Mean returns the mean, in units.
func (n Normal) Mean() float64 { return n.Mu }

// CDF returns the probability of at most x units.
func (n Normal) CDF(x float64) float64 { return distuv.UnitNormal.CDF((x - n.Mu) / n.Sigma) }

// Quantile returns the level that demand stays below with probability p.
func (n Normal) Quantile(p float64) float64 { return n.Mu + n.Sigma*distuv.UnitNormal.Quantile(p) }

// Loss returns the expected demand beyond x.
func (n Normal) Loss(x float64) float64 {
	z := (x - n.Mu) / n.Sigma
	return n.Sigma * (distuv.UnitNormal.Prob(z) - z*distuv.UnitNormal.Survival(z))
}

// secondLoss returns ½·E[((D−x)⁺)²], the integral of the loss from x to infinity.
func (n Normal) secondLoss(x float64) float64 {
	z := (x - n.Mu) / n.Sigma
	return n.Sigma * n.Sigma / 2 * ((z*z+1)*distuv.UnitNormal.Survival(z) - z*distuv.UnitNormal.Prob(z))
}

// Poisson is demand by the Poisson distribution.
type Poisson struct {
	Lambda float64 // units, above zero
}

// Mean returns the mean, in units.
func (p Poisson) Mean() float64 { return p.Lambda }

// CDF returns the probability of at most x units.
func (p Poisson) CDF(x float64) float64 {
	if x < 0 {
		return 0
	}
	return mathext.GammaIncRegComp(math.Floor(x)+1, p.Lambda)
}

// Quantile returns the least whole number of units that demand stays at or below with probability q.
func (p Poisson) Quantile(q float64) float64 {
	// From a normal guess to the exact place: the distance is a few units.
	x := math.Max(0, math.Floor(p.Lambda+math.Sqrt(p.Lambda)*distuv.UnitNormal.Quantile(q)))
	for p.CDF(x) < q {
		x++
	}
	for x > 0 && p.CDF(x-1) >= q {
		x--
	}
	return x
}

// Loss returns the expected demand beyond x.
func (p Poisson) Loss(x float64) float64 {
	if x <= 0 {
		return p.Lambda - x
	}
	// E[D; D > k] = λ·P(D > k−1), k = ⌊x⌋: no sum of differences that cancel.
	k := math.Floor(x)
	return p.Lambda*(1-p.CDF(k-1)) - x*(1-p.CDF(k))
}

// Lattice is demand that takes values a step apart: Low, Low+Step, Low+2·Step and so on.
type Lattice struct {
	low, step  float64
	mass       []float64 // the probability of each value
	cumulative []float64 // of that value or less
	loss       []float64 // expected demand beyond it
	mean       float64
}

// NewLattice returns demand that is low + i·step with probability mass[i]. The masses are not negative and add up to one, but
// for rounding, which is scaled away.
func NewLattice(low, step float64, mass []float64) (*Lattice, error) {
	if math.IsNaN(low) || math.IsInf(low, 0) {
		return nil, fmt.Errorf("inventory: the least demand is %g: it must be a number", low)
	}
	if err := positive("the step between demands", step); err != nil {
		return nil, err
	}
	if len(mass) == 0 {
		return nil, errors.New("inventory: demand has no values")
	}
	var sum float64
	for i, p := range mass {
		if err := notNegative(fmt.Sprintf("the probability of a demand of %g", low+float64(i)*step), p); err != nil {
			return nil, err
		}
		sum += p
	}
	if math.Abs(sum-1) > 1e-6 {
		return nil, fmt.Errorf("inventory: the probabilities of demand add up to %g, not to 1", sum)
	}
	l := &Lattice{low: low, step: step, mass: slices.Clone(mass)}
	for i := range l.mass {
		l.mass[i] /= sum
	}
	l.accumulate()
	return l, nil
}

// accumulate fills what is derived from the masses.
func (l *Lattice) accumulate() {
	n := len(l.mass)
	l.cumulative, l.loss = make([]float64, n), make([]float64, n)
	var sum float64
	for i, p := range l.mass {
		sum += p
		l.cumulative[i] = math.Min(sum, 1)
		l.mean += p * (l.low + float64(i)*l.step)
	}
	beyond := 0.0 // the probability of more than value i, summed from the far end, where it is small
	for i := n - 2; i >= 0; i-- {
		beyond += l.mass[i+1]
		l.loss[i] = l.loss[i+1] + l.step*beyond
	}
}

// Mean returns the mean, in units.
func (l *Lattice) Mean() float64 { return l.mean }

// place returns the index of the greatest value that is at most x, less than zero where there is none.
func (l *Lattice) place(x float64) int {
	at := math.Floor((x-l.low)/l.step + 1e-9) // a value that was computed as low + i·step is itself
	return int(math.Max(-1, math.Min(at, float64(len(l.mass)))))
}

// CDF returns the probability of at most x units.
func (l *Lattice) CDF(x float64) float64 {
	i := l.place(x)
	switch {
	case i < 0:
		return 0
	case i >= len(l.mass):
		return 1
	}
	return l.cumulative[i]
}

// Quantile returns the least value that demand stays at or below with probability p.
func (l *Lattice) Quantile(p float64) float64 {
	i := sort.SearchFloat64s(l.cumulative, p)
	return l.low + float64(min(i, len(l.mass)-1))*l.step
}

// Loss returns the expected demand beyond x.
func (l *Lattice) Loss(x float64) float64 {
	i := l.place(x)
	switch {
	case i < 0:
		return l.mean - x
	case i >= len(l.mass)-1:
		return 0
	}
	// Between two values the loss is a straight line.
	t := (x - l.low - float64(i)*l.step) / l.step
	return l.loss[i] + t*(l.loss[i+1]-l.loss[i])
}

// Quantiles is demand that is known by some of its quantiles, as forecasts give it: between them the inverse of the
// distribution function is a straight line, and beyond the outermost ones it goes on as between the last two, down to zero
// at the least.
type Quantiles struct {
	levels, values []float64 // with levels 0 and 1 at the ends
	mean           float64
}

// NewQuantiles returns the distribution with the quantiles values[i] at levels[i]: at least two levels, strictly between zero and one
// and rising, and values that do not fall and are not negative.
func NewQuantiles(levels, values []float64) (*Quantiles, error) {
	if len(levels) != len(values) {
		return nil, fmt.Errorf("inventory: %d levels of quantiles and %d values", len(levels), len(values))
	}
	if len(levels) < 2 {
		return nil, errors.New("inventory: a distribution needs two quantiles at least: give .1 and .9, or more")
	}
	for i, level := range levels {
		if err := within("the level of a quantile", level); err != nil {
			return nil, err
		}
		if err := notNegative(fmt.Sprintf("the quantile at %g", level), values[i]); err != nil {
			return nil, err
		}
		if i == 0 {
			continue
		}
		if level <= levels[i-1] {
			return nil, fmt.Errorf("inventory: the levels of quantiles must rise: %g comes after %g", level, levels[i-1])
		}
		if values[i] < values[i-1] {
			return nil, fmt.Errorf("inventory: quantiles cross: %g at level %g is below %g at level %g: sort the values of a forecast",
				values[i], level, values[i-1], levels[i-1])
		}
	}
	n := len(levels)
	first := values[0] - levels[0]*(values[1]-values[0])/(levels[1]-levels[0])
	last := values[n-1] + (1-levels[n-1])*(values[n-1]-values[n-2])/(levels[n-1]-levels[n-2])
	q := &Quantiles{
		levels: slices.Concat([]float64{0}, levels, []float64{1}),
		values: slices.Concat([]float64{math.Max(0, first)}, values, []float64{last}),
	}
	for i := 1; i < len(q.levels); i++ {
		q.mean += (q.levels[i] - q.levels[i-1]) * (q.values[i] + q.values[i-1]) / 2
	}
	return q, nil
}

// Mean returns the mean, in units.
func (q *Quantiles) Mean() float64 { return q.mean }

// CDF returns the probability of at most x units.
func (q *Quantiles) CDF(x float64) float64 {
	i := sort.Search(len(q.values), func(i int) bool { return q.values[i] > x }) // the first beyond x
	switch i {
	case 0:
		return 0
	case len(q.values):
		return 1
	}
	return q.levels[i-1] + (q.levels[i]-q.levels[i-1])*(x-q.values[i-1])/(q.values[i]-q.values[i-1])
}

// Quantile returns the level that demand stays at or below with probability p.
func (q *Quantiles) Quantile(p float64) float64 {
	i := sort.SearchFloat64s(q.levels, p)
	switch {
	case i <= 0:
		return q.values[0]
	case i >= len(q.levels):
		return q.values[len(q.values)-1]
	}
	return q.values[i-1] + (q.values[i]-q.values[i-1])*(p-q.levels[i-1])/(q.levels[i]-q.levels[i-1])
}

// Loss returns the expected demand beyond x.
func (q *Quantiles) Loss(x float64) float64 {
	if x <= q.values[0] {
		return q.mean - x
	}
	var loss float64
	for i := len(q.values) - 1; i > 0 && q.values[i] > x; i-- {
		from, to, mass := q.values[i-1], q.values[i], q.levels[i]-q.levels[i-1]
		if from >= x {
			loss += mass * ((from+to)/2 - x)
			continue
		}
		loss += mass * (to - x) * (to - x) / (to - from) / 2
	}
	return loss
}

// cells is how many values [Sum] has for what has no closed form, and tail the probability that a lattice leaves out at either end.
const (
	cells = 4096
	tail  = 1e-12
)

// Sum returns the distribution of the sum of independent demands: that of a lead time, from those of its periods. Normal and
// Poisson demands add up exactly; all others, and mixtures, on a lattice of 4,096 values, whose error is about one of its steps at most.
func Sum(demands ...Demand) (Demand, error) {
	if len(demands) == 0 {
		return nil, errors.New("inventory: a sum of no demands")
	}
	if len(demands) == 1 {
		return demands[0], nil
	}
	normals, poissons := true, true
	var mean, variance float64
	for _, d := range demands {
		n, isNormal := d.(Normal)
		_, isPoisson := d.(Poisson)
		normals, poissons = normals && isNormal, poissons && isPoisson
		mean, variance = mean+d.Mean(), variance+n.Sigma*n.Sigma
	}
	switch {
	case normals:
		return Normal{Mu: mean, Sigma: math.Sqrt(variance)}, nil
	case poissons:
		return Poisson{Lambda: mean}, nil
	}
	var low, high float64
	whole := true
	for _, d := range demands {
		low, high = low+d.Quantile(tail), high+d.Quantile(1-tail)
		switch d := d.(type) {
		case Poisson:
		case *Lattice:
			whole = whole && d.step == 1 && d.low == math.Floor(d.low)
		default:
			whole = false
		}
	}
	step := 1.0 // whole units stay exact
	if !whole || high-low > 1<<16 {
		step = (high - low) / cells
	}
	if step <= 0 {
		return NewLattice(mean, 1, []float64{1}) // every demand is certain
	}
	sum := &Lattice{mass: []float64{1}, step: step}
	for _, d := range demands {
		next := onLattice(d, step)
		sum = &Lattice{low: sum.low + next.low, step: step, mass: convolve(sum.mass, next.mass)}
	}
	return NewLattice(sum.low, sum.step, sum.mass)
}

// onLattice returns the masses of demand at whole multiples of the step: the probability of the interval around each.
func onLattice(d Demand, step float64) *Lattice {
	first, last := math.Floor(d.Quantile(tail)/step), math.Ceil(d.Quantile(1-tail)/step)
	l := &Lattice{low: first * step, step: step, mass: make([]float64, int(last-first)+1)}
	before := 0.0
	for i := range l.mass {
		upTo := 1.0
		if i < len(l.mass)-1 {
			upTo = d.CDF((first + float64(i) + .5) * step)
		}
		l.mass[i], before = upTo-before, upTo
	}
	return l
}

// Whole returns demand in whole units, none of them negative: the probability of k is that of the interval from k−½ to k+½, and
// what lies below zero counts as none. Policies in whole units ask for it. Poisson demand keeps its own probabilities.
func Whole(d Demand) (*Lattice, error) {
	last := math.Ceil(d.Quantile(1 - tail))
	if math.IsNaN(last) || last > 1<<22 {
		return nil, fmt.Errorf("inventory: demand reaches up to %g units, too many to be counted one by one: count in larger units", last)
	}
	mass := make([]float64, int(math.Max(0, last))+1)
	before := 0.0
	for i := range mass {
		upTo := 1.0
		if i < len(mass)-1 {
			upTo = d.CDF(float64(i) + .5)
		}
		mass[i], before = upTo-before, upTo
	}
	return NewLattice(0, 1, mass)
}

// convolve returns the masses of a sum.
func convolve(a, b []float64) []float64 {
	sum := make([]float64, len(a)+len(b)-1)
	for i, p := range a {
		if p == 0 {
			continue
		}
		for j, q := range b {
			sum[i+j] += p * q
		}
	}
	return sum
}

// checkDemand returns an error where a distribution cannot be one of demand.
func checkDemand(d Demand) error {
	switch d := d.(type) {
	case nil:
		return errors.New("inventory: no demand is given")
	case Normal:
		if math.IsNaN(d.Mu) || math.IsInf(d.Mu, 0) {
			return fmt.Errorf("inventory: the mean demand is %g: it must be a number", d.Mu)
		}
		return positive("the standard deviation of demand", d.Sigma)
	case Poisson:
		return positive("the mean demand", d.Lambda)
	}
	return nil
}
