package simplex

import (
	"math"
)

// ratioTest chooses the column that enters the basis, and those that flip to their other bound on the way.
type ratioTest struct {
	column []int32
	alpha  []float64 // made positive
	d      []float64 // made positive, but for tolerances
	groups []int
}

func (r *ratioTest) swap(a, b int) {
	r.column[a], r.column[b] = r.column[b], r.column[a]
	r.alpha[a], r.alpha[b] = r.alpha[b], r.alpha[a]
	r.d[a], r.d[b] = r.d[b], r.d[a]
}

// least returns the smallest ratio from a place on, with the tolerance added to reduced costs (Harris, 1973).
func (r *ratioTest) least(from, to int, tolerance float64) float64 {
	theta := math.Inf(1)
	for k := from; k < to; k++ {
		if d := max(r.d[k], -tolerance) + tolerance; d < theta*r.alpha[k] {
			theta = d / r.alpha[k]
		}
	}
	return theta
}

// enter chooses from the row of the tableau. delta is by how much the leaving column violates its bound, above where it is positive. It
// returns the column, or −1, and the places in ratio.column of those that flip: all before the number returned.
func (s *Solver) enter(delta float64) (q int32, flipped int) {
	r := &s.ratio
	r.column, r.alpha, r.d = r.column[:0], r.alpha[:0], r.d[:0]
	smallest := 1e-9
	switch updates := s.factor.Updates(); {
	case updates > 20:
		smallest = 1e-7
	case updates > 10:
		smallest = 1e-8
	}
	sign := 1.0
	if delta < 0 {
		sign = -1
	}
	for _, j := range s.row.Index {
		a := sign * s.row.Value[j]
		d := s.d[j]
		switch s.status[j] {
		case isBasic:
			continue
		case atUpper:
			a, d = -a, -d
		case isFree:
			if a < 0 {
				a = -a
			}
			d = 0
		}
		if a <= smallest || s.wl[j] == s.wu[j] {
			continue
		}
		r.column, r.alpha, r.d = append(r.column, j), append(r.alpha, a), append(r.d, d)
	}
	if len(r.column) == 0 {
		return -1, 0
	}
	return s.chooseEntering(math.Abs(delta))
}

// chooseEntering passes breakpoints while the slope of the dual objective stays positive (Maros, A generalized dual phase-2 simplex
// algorithm, 2003). Breakpoints that tolerances cannot tell apart are a group, of which the largest pivot is taken.
func (s *Solver) chooseEntering(slope float64) (q int32, flipped int) {
	r, tolerance := &s.ratio, s.dualTolerance
	total := len(r.column)
	// First, roughly: the breakpoints up to where the slope turns, by steps that grow.
	near, rough := 0, slope
	theta := r.least(0, total, tolerance)
	for near < total && rough >= 0 {
		reach := 10*theta + 1e-7
		for k := near; k < total; k++ {
			if r.d[k] <= reach*r.alpha[k] {
				r.swap(near, k)
				rough -= r.alpha[near] * s.span(r.column[near])
				near++
			}
		}
		if rough >= 0 && near < total {
			theta = max(r.least(near, total, tolerance), theta)
		}
	}
	// Then group by group.
	r.groups = append(r.groups[:0], 0)
	most := 0.0
	for at := 0; at < near && slope >= 0; {
		theta := r.least(at, near, tolerance)
		end := at
		for k := at; k < near; k++ {
			if r.d[k] <= theta*r.alpha[k] {
				r.swap(end, k)
				slope -= r.alpha[end] * s.span(r.column[end])
				most = max(most, r.alpha[end])
				end++
			}
		}
		if end == at { // rounding
			end++
		}
		r.groups = append(r.groups, end)
		at = end
	}
	enough := min(0.1*most, 1)
	bestGroup, bestPlace := 0, 0
	for g := len(r.groups) - 2; g >= 0; g-- {
		best := r.groups[g]
		for k := best + 1; k < r.groups[g+1]; k++ {
			if r.alpha[k] > r.alpha[best] || r.alpha[k] == r.alpha[best] && s.random[r.column[k]] > s.random[r.column[best]] {
				best = k
			}
		}
		if g == len(r.groups)-2 || r.alpha[best] > r.alpha[bestPlace] {
			bestGroup, bestPlace = g, best
		}
		if r.alpha[best] >= enough {
			bestGroup, bestPlace = g, best
			break
		}
	}
	return r.column[bestPlace], r.groups[bestGroup]
}

// span is how far apart a column's bounds are.
func (s *Solver) span(j int32) float64 { return s.wu[j] - s.wl[j] }
