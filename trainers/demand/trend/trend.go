// Package trend says where series rise and fall: it takes the seasons out, finds the steps at which the course of a series changes, and
// measures the course since the last of them, with an interval.
package trend

import (
	"math"
	"slices"

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
	// Window is over how many steps the change is told: those of the present course, at most Options.Window.
	Window int
	// Change is by how much the present course has changed the level over the window, in its unit; Low and High are the interval.
	Change, Low, High float64
	// Share is that change as a share of the level before it; of series that come near 0 as a share of the mean of the values since.
	Share float64
	// P is the probability of a slope at least as steep, up or down, where there is none (t-test).
	P float64
}

// Options say how courses are found.
type Options struct {
	Window int     // steps over which changes are told at most, such as those of a year; at least 2
	Level  float64 // probability of the interval, such as 0.9
}

const (
	// most is how many points are looked at: of longer series means over so many steps.
	most = 400
	// shortest is how many points a course has at least; also a quarter of the longest season.
	shortest = 8
)

// Find returns the course of a series; false where it has too few observations to speak of one.
//
// Where no value is below a twentieth of the median, logarithms are looked at. Changes are sought in the series without the seasons that it has at least two of, by STL; they are the
// places between lines fitted to segments, each at least 8 points and a quarter of a season long, chosen together by dynamic programming so that the sum of squares
// and a penalty of 3 log n variances for each further segment (the Bayesian criterion for place, level and slope) is least; the variance is that of
// differences of second order, whose median nothing but noise enters, and is inflated by their autocorrelation and by m/(m-1), since the mean of m seasons
// takes part of the noise along. The error of the slope is that of least squares, inflated so too.
func Find(s forecast.Series, o Options) (Course, bool) {
	y, first, ok := adjusted(s)
	if !ok {
		return Course{}, false
	}
	sorted := slices.Sorted(slices.Values(y))
	logs := sorted[0] > 0 && sorted[0] >= sorted[len(sorted)/2]/20
	if logs {
		for i, v := range y {
			y[i] = math.Log(v)
		}
	}
	points, wide := thinned(y)
	if len(points) < shortest {
		return Course{}, false
	}
	// The mean of m seasons takes one m-th of the noise along.
	inflated, least := 1.0, shortest
	for _, p := range s.Periods {
		if len(y) >= 2*p && p > wide {
			m := math.Floor(float64(len(y)) / float64(p))
			inflated, least = m/(m-1), max(shortest, p/wide/4)
		}
	}
	points = without(points, s.Periods, wide)
	cuts := segments(points, least, inflated)
	c := Course{}
	for _, at := range cuts {
		c.Changes = append(c.Changes, first+at*wide)
	}
	begin := 0
	if len(cuts) > 0 {
		begin = cuts[len(cuts)-1]
	}
	c.Since, c.Steps = first+begin*wide, len(y)-begin*wide
	a, b, se, df := slope(points[begin:], inflated)
	end := a + b*float64(len(points)-begin-1)
	c.Window = min(c.Steps, max(o.Window, 2))
	span := float64(c.Window-1) / float64(wide) // in points
	half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(0.5+o.Level/2) * se
	switch {
	case se > 0:
		c.P = 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.CDF(-math.Abs(b)/se)
	case b == 0:
		c.P = 1
	}
	if logs {
		c.Level = math.Exp(end)
		since := func(b float64) float64 { return -c.Level * math.Expm1(-b*span) } // the level now without that before
		c.Change, c.Low, c.High, c.Share = since(b), since(b-half), since(b+half), math.Expm1(b*span)
		return c, true
	}
	c.Level, c.Change, c.Low, c.High = end, b*span, (b-half)*span, (b+half)*span
	size := 0.0
	for _, v := range points[begin:] {
		size += math.Abs(v) / float64(len(points)-begin)
	}
	if size > 0 {
		c.Share = c.Change / size
	}
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

// segments are the first points of all segments, of a least length, but the first. The noise is so much larger than it looks.
func segments(y []float64, least int, inflated float64) []int {
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
	for j := least; j <= n; j++ {
		best[j] = s.rest(0, j)
		for i := least; i+least <= j; i++ {
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

// slope is the least-squares line through points, with the error of its slope and that error's degrees of freedom. The noise is so much larger than it looks.
func slope(y []float64, inflated float64) (a, b, se, df float64) {
	n := float64(len(y))
	mean, size := 0.0, 0.0
	for _, v := range y {
		mean += v / n
		size = math.Max(size, math.Abs(v))
	}
	sxy, sxx := 0.0, n*(n*n-1)/12
	for i, v := range y {
		sxy += (float64(i) - (n-1)/2) * (v - mean)
	}
	b = sxy / sxx
	a = mean - b*(n-1)/2
	rest, left := make([]float64, len(y)), 0.0
	for i, v := range y {
		rest[i] = v - a - b*float64(i)
		left += rest[i] * rest[i]
	}
	if math.Sqrt(left/n) <= 1e-13*size { // nothing but rounding
		left = 0
		if math.Abs(b)*n <= 1e-11*size {
			b = 0
		}
	}
	df = math.Max(1, n-2)
	se = math.Sqrt(left / df / sxx * inflated)
	// The autocorrelation of residuals around a line is too low by about 4/n.
	if rho := math.Min(0.9, autocorrelation(rest)+4/n); rho > 0 && left > 0 {
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
