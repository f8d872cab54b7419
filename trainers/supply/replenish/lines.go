package replenish

import (
	"math"
	"slices"
)

// lines is a continuous function made of straight lines, from its first point on. It need not be convex.
type lines struct {
	x, v  []float64 // points, x rising
	right float64   // slope beyond the last one
}

// at returns the value at a place; before the first point it is that of the first line.
func (f *lines) at(x float64) float64 {
	n := len(f.x)
	i, _ := slices.BinarySearch(f.x, x)
	switch {
	case i == n:
		return f.v[n-1] + f.right*(x-f.x[n-1])
	case i == 0 && n == 1:
		return f.v[0] + f.right*(x-f.x[0])
	case i == 0:
		i = 1
	}
	return f.between(i, x)
}

// between is the value on the line that ends at point i.
func (f *lines) between(i int, x float64) float64 {
	return f.v[i-1] + (f.v[i]-f.v[i-1])*((x-f.x[i-1])/(f.x[i]-f.x[i-1]))
}

// add appends a point; one in the midst of a straight line falls away.
func (f *lines) add(x, v float64) {
	n := len(f.x)
	if n > 0 && x <= f.x[n-1]+1e-9*math.Max(1, math.Abs(x)) {
		return
	}
	if n > 1 {
		a := (f.v[n-1] - f.v[n-2]) * (x - f.x[n-2])
		b := (v - f.v[n-2]) * (f.x[n-1] - f.x[n-2])
		if math.Abs(a-b) <= 1e-11*(math.Abs(v)+math.Abs(f.v[n-2])+1e-3)*(x-f.x[n-2]) {
			f.x[n-1], f.v[n-1] = x, v
			return
		}
	}
	f.x, f.v = append(f.x, x), append(f.v, v)
}

func (f *lines) reset(right float64) { f.x, f.v, f.right = f.x[:0], f.v[:0], right }

// copy makes f another function.
func (f *lines) copy(of *lines) {
	f.reset(of.right)
	f.x, f.v = append(f.x, of.x...), append(f.v, of.v...)
}

// move makes f a function moved to the left and raised, from a place on.
func (f *lines) move(from float64, of *lines, by, plus float64) {
	f.reset(of.right)
	f.add(from, plus+of.at(from+by))
	for i, x := range of.x {
		if x-by > from {
			f.add(x-by, plus+of.v[i])
		}
	}
}

// walker goes along a function whose places are moved to the left and whose values are raised.
type walker struct {
	f        *lines
	by, plus float64
	i        int // the next point
}

// next is the place of the next point beyond x, +Inf after the last.
func (w *walker) next(x float64) float64 {
	for w.i < len(w.f.x) && w.f.x[w.i]-w.by <= x {
		w.i++
	}
	if w.i == len(w.f.x) {
		return math.Inf(1)
	}
	return w.f.x[w.i] - w.by
}

// value at a place at or before the next point, and not before the one before it.
func (w *walker) value(x float64) float64 {
	n := len(w.f.x)
	switch {
	case w.i == n:
		return w.plus + w.f.v[n-1] + w.f.right*(x+w.by-w.f.x[n-1])
	case w.i == 0 && n == 1:
		return w.plus + w.f.v[0] + w.f.right*(x+w.by-w.f.x[0])
	case w.i == 0:
		return w.plus + w.f.between(1, x+w.by)
	}
	return w.plus + w.f.between(w.i, x+w.by)
}

// lower makes f the least of two functions from a place on, the second one moved to the left and raised. Both have the same slope
// beyond their last points, or cross there once.
func (f *lines) lower(from float64, g, h *lines, by, plus float64) {
	f.reset(math.Min(g.right, h.right))
	a, b := walker{f: g}, walker{f: h, by: by, plus: plus}
	x := from
	xa, xb := a.next(x), b.next(x)
	va, vb := a.value(x), b.value(x)
	f.add(x, math.Min(va, vb))
	for {
		to := math.Min(xa, xb)
		if math.IsInf(to, 1) {
			// Beyond all points: one more where they cross.
			if d, slope := va-vb, g.right-h.right; d*slope < 0 {
				cross := x - d/slope
				f.add(cross, va+g.right*(cross-x))
			}
			return
		}
		na, nb := a.value(to), b.value(to)
		if d0, d1 := va-vb, na-nb; d0*d1 < 0 {
			share := d0 / (d0 - d1)
			f.add(x+share*(to-x), va+share*(na-va))
		}
		f.add(to, math.Min(na, nb))
		x, va, vb = to, na, nb
		xa, xb = a.next(x), b.next(x)
	}
}

// leastAhead makes f the min over q from least to most of of(x + q) + cost·q, from a place on; most may be +Inf.
func (f *lines) leastAhead(from float64, of *lines, cost, least, most float64) {
	g := lines{x: of.x, v: make([]float64, len(of.x)), right: of.right + cost}
	for i, x := range of.x {
		g.v[i] = of.v[i] + cost*x
	}
	// The least of g in a window that moves along: at one of its ends, or at a point within, where the lowest of those is kept.
	f.reset(of.right)
	if most > g.x[len(g.x)-1]-from { // beyond the last point nothing becomes less
		most = math.Inf(1)
	}
	var queue []int // points in the window, their values rising
	enter, x := 0, from
	put := func(x, v float64) { f.add(x, v-cost*x) }
	first, last := walker{f: &g, by: least}, walker{f: &g, by: most}
	for {
		for enter < len(g.x) && g.x[enter]-most <= x {
			for len(queue) > 0 && g.v[queue[len(queue)-1]] >= g.v[enter] {
				queue = queue[:len(queue)-1]
			}
			queue = append(queue, enter)
			enter++
		}
		for len(queue) > 0 && g.x[queue[0]]-least <= x {
			queue = queue[1:]
		}
		// Up to the next point that enters or leaves, the two ends move along straight lines and the lowest point within stays.
		to := first.next(x)
		if !math.IsInf(most, 1) {
			to = math.Min(to, last.next(x))
		}
		end := to
		if math.IsInf(to, 1) {
			end = x + 1
		}
		within := math.Inf(1)
		if len(queue) > 0 {
			within = g.v[queue[0]]
		}
		lines := [3][2]float64{{first.value(x), first.value(end)}, {within, within}, {math.Inf(1), math.Inf(1)}}
		if !math.IsInf(most, 1) {
			lines[2] = [2]float64{last.value(x), last.value(end)}
		}
		at := func(share float64) float64 {
			low := math.Inf(1)
			for _, l := range lines {
				if !math.IsInf(l[0], 1) {
					low = math.Min(low, l[0]+share*(l[1]-l[0]))
				}
			}
			return low
		}
		put(x, at(0))
		if math.IsInf(to, 1) {
			return
		}
		var shares []float64
		for i := range lines {
			for k := range i {
				if d0, d1 := lines[i][0]-lines[k][0], lines[i][1]-lines[k][1]; d0*d1 < 0 && !math.IsInf(d0, 0) {
					shares = append(shares, d0/(d0-d1))
				}
			}
		}
		slices.Sort(shares)
		for _, s := range shares {
			put(x+s*(to-x), at(s))
		}
		x = to
	}
}

// manyPoints is from how many points on a function is made simpler.
const manyPoints = 100

// thin leaves points out, so that the function becomes less by at most a tolerance, and nowhere more.
func (f *lines) thin(tolerance float64) {
	for n := math.MaxInt; len(f.x) > manyPoints && len(f.x) < n; {
		n = len(f.x)
		f.thinOnce(tolerance / 4)
		if tolerance /= 2; len(f.x) > n*9/10 {
			return
		}
	}
}

func (f *lines) thinOnce(tolerance float64) {
	// Peaks fall away, as those between multiples of an order.
	n := 1 // kept
	for i := 1; i < len(f.x); i++ {
		if i+1 < len(f.x) {
			slope := (f.v[i+1] - f.v[n-1]) / (f.x[i+1] - f.x[n-1])
			if over := f.v[i] - f.v[n-1] - slope*(f.x[i]-f.x[n-1]); over >= 0 && over <= tolerance && i+2 < len(f.x) {
				// The one after it stays, so that no second one is measured from a line that left this one out.
				f.x[n], f.v[n] = f.x[i+1], f.v[i+1]
				n, i = n+1, i+1
				continue
			}
		}
		f.x[n], f.v[n] = f.x[i], f.v[i]
		n++
	}
	f.x, f.v = f.x[:n], f.v[:n]
	// Where two points bend upwards, the lines around them meet in one below.
	n = 1
	for i := 1; i < len(f.x); i++ {
		if i+2 < len(f.x) {
			before := (f.v[i] - f.v[n-1]) / (f.x[i] - f.x[n-1])
			within := (f.v[i+1] - f.v[i]) / (f.x[i+1] - f.x[i])
			after := (f.v[i+2] - f.v[i+1]) / (f.x[i+2] - f.x[i+1])
			if before < within && within < after {
				at := f.x[i] + (f.v[i+1]-f.v[i]-after*(f.x[i+1]-f.x[i]))/(before-after)
				if under := (within - before) * (at - f.x[i]); under <= tolerance && at > f.x[i] && at < f.x[i+1] {
					f.x[n], f.v[n] = at, f.v[i]+before*(at-f.x[i])
					f.x[n+1], f.v[n+1] = f.x[i+2], f.v[i+2]
					n, i = n+2, i+2
					continue
				}
			}
		}
		f.x[n], f.v[n] = f.x[i], f.v[i]
		n++
	}
	f.x, f.v = f.x[:n], f.v[:n]
}
