// Package trend says where series rise and fall: it takes the seasons out, finds the steps at which the course of a series changes, and
// measures the course since the last of them, with an interval.
package trend

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"debut/trainers/demand/forecast"
)

// Course is what a series does since its last change.
type Course struct {
	Changes []int // steps of the series at which its course changed, ascending
	Since   int   // the step at which the present course began
	Steps   int   // how many steps it has lasted, the last observed one counted
	// Level is the value at the last observed step without season and noise.
	Level float64
	// Change is by how much the course has changed the level since it began, as a share of what it was then; NaN where that was not above 0.
	Change float64
	// PerYear is the change of the level in a year, as a share of it, going on as since the last change; Low and High are its interval.
	PerYear, Low, High float64
	// P is the probability of a slope at least as steep, up or down, where there is none (t-test).
	P float64
}

// Options say how courses are found.
type Options struct {
	StepsPerYear float64 // such as 52.18 of weeks; at least 1
	Level        float64 // probability of the interval, such as 0.9
}

const (
	// most is how many points are looked at: of longer series means over so many steps.
	most = 400
	// shortest is how many points a course has at least.
	shortest = 8
)

// Find returns the course of a series; false where it has too few observations to speak of one.
//
// Where all values are above 0, logarithms are looked at. Changes are sought in the series without the seasons that it has at least two of, by STL; they are the
// places between lines fitted to segments, each at least 8 points long, chosen together by dynamic programming so that the sum of squares
// and a penalty of 3 log n variances for each further segment (the Bayesian criterion for place, level and slope) is least; the variance is that of
// differences of second order, whose median nothing but noise enters, and is inflated by their autocorrelation. Slopes are those of a
// regression on a line for each segment and waves for the seasons; the error of the last is that of least squares times √((1+ρ)/(1−ρ)) for residuals
// of autocorrelation ρ.
func Find(s forecast.Series, o Options) (Course, bool) {
	y, first, ok := adjusted(s)
	if !ok {
		return Course{}, false
	}
	logs := !slices.ContainsFunc(y, func(v float64) bool { return !(v > 0) })
	if logs {
		for i, v := range y {
			y[i] = math.Log(v)
		}
	}
	points, wide := thinned(y)
	if len(points) < shortest {
		return Course{}, false
	}
	var periods []float64
	for _, p := range s.Periods {
		if len(y) >= 2*p && p > wide {
			periods = append(periods, float64(p)/float64(wide))
		}
	}
	// Of m seasons their mean takes one m-th of the noise along.
	inflated := 1.0
	if len(periods) > 0 {
		m := math.Floor(float64(len(points)) / periods[len(periods)-1])
		inflated = m / (m - 1)
	}
	cuts := segments(without(points, s.Periods, wide), inflated)
	c := Course{}
	for _, at := range cuts {
		c.Changes = append(c.Changes, first+at*wide)
	}
	begin := 0
	if len(cuts) > 0 {
		begin = cuts[len(cuts)-1]
	}
	c.Since, c.Steps = first+begin*wide, len(y)-begin*wide
	a, b, se, df := slope(points, append([]int{0}, cuts...), periods)
	end := a + b*float64(len(points)-begin-1)
	perYear, unit := b*o.StepsPerYear/float64(wide), se*o.StepsPerYear/float64(wide)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}
	half := t.Quantile(0.5+o.Level/2) * unit
	switch {
	case se > 0:
		c.P = 2 * t.CDF(-math.Abs(b)/se)
	case b == 0:
		c.P = 1
	}
	if logs {
		c.Level, c.Change = math.Exp(end), math.Expm1(end-a)
		c.PerYear, c.Low, c.High = math.Expm1(perYear), math.Expm1(perYear-half), math.Expm1(perYear+half)
		return c, true
	}
	c.Level, c.Change = end, math.NaN()
	if a > 0 {
		c.Change = (end - a) / a
	}
	// Of what may be 0 the share is that of the mean of its course.
	size := 0.0
	for _, v := range points[begin:] {
		size += math.Abs(v) / float64(len(points)-begin)
	}
	if size == 0 {
		c.P = 1
		return c, true
	}
	c.PerYear, c.Low, c.High = perYear/size, (perYear-half)/size, (perYear+half)/size
	return c, true
}

// adjusted is the series from its first to its last observation, gaps filled by lines.
func adjusted(s forecast.Series) (y []float64, first int, ok bool) {
	last := len(s.Values) - 1
	for first <= last && math.IsNaN(s.Values[first]) {
		first++
	}
	for last >= first && math.IsNaN(s.Values[last]) {
		last--
	}
	y = slices.Clone(s.Values[first : last+1])
	known := 0
	for i, v := range y {
		if math.IsInf(v, 0) || math.Abs(v) > 1e100 {
			return nil, 0, false
		}
		if !math.IsNaN(v) {
			known++
			continue
		}
		end := i
		for math.IsNaN(y[end]) {
			end++
		}
		y[i] = y[i-1] + (y[end]-y[i-1])/float64(end-i+1)
	}
	return y, first, known >= shortest
}

// thinned are means over so many steps that there are at most so many points; steps at the beginning that fill no point are left out of the first.
func thinned(y []float64) (points []float64, wide int) {
	wide = (len(y) + most - 1) / most
	if wide <= 1 {
		return y, 1
	}
	for i := 0; i+wide <= len(y); i += wide {
		sum := 0.0
		for _, v := range y[i : i+wide] {
			sum += v
		}
		points = append(points, sum/float64(wide))
	}
	return points, wide
}

// sums lets the squares left by a line through any segment be had at once.
type sums struct{ y, yy, xy []float64 }

func newSums(y []float64) *sums {
	s := &sums{make([]float64, len(y)+1), make([]float64, len(y)+1), make([]float64, len(y)+1)}
	for i, v := range y {
		s.y[i+1], s.yy[i+1], s.xy[i+1] = s.y[i]+v, s.yy[i]+v*v, s.xy[i]+v*float64(i)
	}
	return s
}

// rest is the sum of squares around the least-squares line through points i to j-1.
func (s *sums) rest(i, j int) float64 {
	n := float64(j - i)
	y, yy, xy := s.y[j]-s.y[i], s.yy[j]-s.yy[i], s.xy[j]-s.xy[i]
	x := (float64(i) + float64(j-1)) / 2
	sxx := n * (n*n - 1) / 12
	sxy := xy - x*y
	return math.Max(0, yy-y*y/n-sxy*sxy/sxx)
}

// segments are the first points of all segments but the first. The noise is so much larger than it looks.
func segments(y []float64, inflated float64) []int {
	center := 0.0
	for _, v := range y {
		center += v / float64(len(y))
	}
	z := make([]float64, len(y))
	for i, v := range y {
		z[i] = v - center // so that sums of squares lose no digits
	}
	n, s := len(z), newSums(z)
	penalty := 3 * noise(z) * math.Log(float64(n)) * inflated
	if penalty == 0 {
		penalty = 1e-12 * s.rest(0, n)
	}
	best, from := make([]float64, n+1), make([]int, n+1)
	for j := shortest; j <= n; j++ {
		best[j] = s.rest(0, j)
		for i := shortest; i+shortest <= j; i++ {
			if c := best[i] + penalty + s.rest(i, j); c < best[j] {
				best[j], from[j] = c, i
			}
		}
	}
	var cuts []int
	for j := from[n]; j > 0; j = from[j] {
		cuts = append(cuts, j)
	}
	slices.Reverse(cuts)
	return cuts
}

// noise is the variance of what a series does from point to point, as sums of it over many points grow: that of white noise whose differences
// of second order have the median seen, times (1+ρ)/(1−ρ), where ρ is the autocorrelation of what lies around a running mean.
func noise(y []float64) float64 {
	d := make([]float64, 0, len(y))
	for i := 2; i < len(y); i++ {
		d = append(d, math.Abs(y[i]-2*y[i-1]+y[i-2]))
	}
	slices.Sort(d)
	sd := d[len(d)/2] / 0.6745 / math.Sqrt(6)
	const half = 6
	r := make([]float64, len(y))
	for i := range y {
		from, to := max(0, i-half), min(len(y), i+half+1)
		sum := 0.0
		for _, v := range y[from:to] {
			sum += v
		}
		r[i] = y[i] - sum/float64(to-from)
	}
	rho := math.Min(0.8, autocorrelation(r)+1/float64(2*half+1)) // the mean itself takes some off
	if rho <= 0 {
		return sd * sd
	}
	// Differences of noise with memory are smaller than those of white noise.
	return sd * sd * 6 / (6 - 8*rho + 2*rho*rho) * (1 + rho) / (1 - rho)
}

// autocorrelation is that of neighbors, within [-1, 1].
func autocorrelation(r []float64) float64 {
	a, b := 0.0, 0.0
	for i, v := range r {
		b += v * v
		if i > 0 {
			a += v * r[i-1]
		}
	}
	if b == 0 {
		return 0
	}
	return a / b
}

// harmonics is how many waves a season has at most in the regression: all of a year of months, the four slowest of longer seasons.
func harmonics(period float64) int {
	if period <= 12 {
		return int(period / 2)
	}
	return 4
}

// slope is the line of the last segment, from its first point on, with the error of its slope and that error's degrees of freedom: least squares of a
// line for each segment, and of waves for the seasons, together.
func slope(y []float64, begins []int, periods []float64) (a, b, se, df float64) {
	n := len(y)
	var columns [][]float64
	add := func(f func(i int) float64) {
		c := make([]float64, n)
		for i := range c {
			c[i] = f(i)
		}
		columns = append(columns, c)
	}
	for _, p := range periods {
		for k := 1; k <= harmonics(p); k++ {
			w := 2 * math.Pi * float64(k) / p
			add(func(i int) float64 { return math.Cos(w * float64(i)) })
			if 2*float64(k) < p { // the fastest wave has one phase only
				add(func(i int) float64 { return math.Sin(w * float64(i)) })
			}
		}
	}
	for k, from := range begins {
		to := n
		if k+1 < len(begins) {
			to = begins[k+1]
		}
		within := func(v func(i int) float64) func(int) float64 {
			return func(i int) float64 {
				if i < from || i >= to {
					return 0
				}
				return v(i - from)
			}
		}
		add(within(func(int) float64 { return 1 }))
		add(within(func(i int) float64 { return float64(i) }))
	}
	if len(columns)*2 > n { // too little for seasons: lines alone
		if len(periods) > 0 {
			return slope(y, begins, nil)
		}
	}
	size := 0.0
	for _, v := range y {
		size = math.Max(size, math.Abs(v))
	}
	if size == 0 {
		return 0, 0, 0, 1
	}
	x := mat.NewDense(n, len(columns), nil)
	for j, c := range columns {
		x.SetCol(j, c)
	}
	var qr mat.QR
	qr.Factorize(x)
	var beta mat.Dense
	if err := qr.SolveTo(&beta, false, mat.NewDense(n, 1, slices.Clone(y))); err != nil {
		if len(periods) > 0 { // waves that the segments have already
			return slope(y, begins, nil)
		}
		return y[n-1], 0, 0, 1
	}
	var r mat.Dense
	qr.RTo(&r)
	last := len(columns) - 1
	rest, left := make([]float64, n), 0.0
	for i := range rest {
		rest[i] = y[i]
		for j, c := range columns {
			rest[i] -= beta.At(j, 0) * c[i]
		}
		left += rest[i] * rest[i]
	}
	a, b = beta.At(last-1, 0), beta.At(last, 0)
	if math.Sqrt(left/float64(n)) <= 1e-13*size { // nothing but rounding
		left = 0
		if math.Abs(b)*float64(n) <= 1e-11*size {
			b = 0
		}
	}
	df = math.Max(1, float64(n-len(columns)))
	// The slope comes last, so that the variance of its error is that of the noise over the square of the last diagonal value.
	se = math.Sqrt(left/df) / math.Abs(r.At(last, last))
	// Residuals of so many columns have an autocorrelation that is too low by about as many over the number of points.
	if rho := math.Min(0.9, autocorrelation(rest)+(1+float64(len(columns)))/float64(n)); rho > 0 && left > 0 {
		se *= math.Sqrt((1 + rho) / (1 - rho))
		df = math.Max(1, df*(1-rho)/(1+rho))
	}
	return a, b, se, df
}

// without are points without their seasons, by STL; of means over several steps the seasons are as much shorter.
func without(points []float64, periods []int, wide int) []float64 {
	var shorter []int
	for _, p := range periods {
		if q := (p + wide/2) / wide; q >= 2 && (len(shorter) == 0 || q > shorter[len(shorter)-1]) {
			shorter = append(shorter, q)
		}
	}
	out := slices.Clone(points)
	if season := forecast.Seasons(points, shorter); season != nil {
		for i := range out {
			out[i] -= season[i]
		}
	}
	return out
}

// Discoveries says which of many tests to believe so that of those believed a share of at most q is wrong on average (Benjamini and Hochberg 1995).
func Discoveries(p []float64, q float64) []bool {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	last := -1
	for k, i := range order {
		if p[i] <= q*float64(k+1)/float64(len(p)) {
			last = k
		}
	}
	found := make([]bool, len(p))
	for _, i := range order[:last+1] {
		found[i] = true
	}
	return found
}
