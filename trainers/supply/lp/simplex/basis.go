package simplex

import (
	"math"
)

// addColumn adds a multiple of a column of (A, I) to a vector.
func (s *Solver) addColumn(j int32, times float64, add func(i int32, v float64)) {
	if int(j) >= s.n {
		add(j-int32(s.n), times)
		return
	}
	for k := s.start[j]; k < s.start[j+1]; k++ {
		add(s.index[k], times*s.value[k])
	}
}

// dot returns the product of a dense vector with a column.
func (s *Solver) dot(y []float64, j int32) float64 {
	if int(j) >= s.n {
		return y[int(j)-s.n]
	}
	index, value := s.index[s.start[j]:s.start[j+1]], s.value[s.start[j]:s.start[j+1]]
	sum := 0.0
	for k, i := range index {
		sum += value[k] * y[i]
	}
	return sum
}

// place puts a column that is not basic at a bound that it has.
func (s *Solver) place(j int) {
	if s.status[j] == isBasic {
		return
	}
	l, u := s.wl[j], s.wu[j]
	noLower, noUpper := math.IsInf(l, -1), math.IsInf(u, 1)
	switch {
	case noLower && noUpper:
		s.status[j], s.x[j] = isFree, 0
	case noLower || s.status[j] == atUpper && !noUpper:
		s.status[j], s.x[j] = atUpper, u
	default:
		s.status[j], s.x[j] = atLower, l
	}
}

// useTrueBounds takes the bounds as they are given.
func (s *Solver) useTrueBounds() {
	copy(s.wl, s.lower)
	copy(s.wu, s.upper)
	s.boundShift = false
	for j := range s.total {
		s.place(j)
	}
	s.basicBounds()
}

func (s *Solver) basicBounds() {
	for i, j := range s.head {
		s.bl[i], s.bu[i] = s.wl[j], s.wu[j]
	}
}

// useTrueCosts undoes perturbation and shifts.
func (s *Solver) useTrueCosts() {
	copy(s.work, s.cost)
	s.costShift = false
}

// factorize makes the factors anew, with the weights kept by column.
func (s *Solver) factorize() {
	s.Factorizations++
	for i, j := range s.head {
		s.x[j] = s.weight[i] // values of basic columns are by row, so that this place is free
	}
	replaced := s.factor.Factorize(s.start, s.index, s.value, s.head)
	for _, j := range replaced { // it depends on the others
		s.status[j] = atLower
		s.x[j] = 0
	}
	for i, j := range s.head {
		if s.status[j] != isBasic {
			s.status[j] = isBasic
			s.x[j] = 1
		}
		s.weight[i] = s.x[j]
	}
	if len(replaced) > 0 {
		for i := range s.weight {
			s.weight[i] = 1
		}
		for _, j := range replaced {
			s.place(int(j))
		}
	}
	s.basicBounds()
	s.fresh = true
	for _, i := range s.taboo {
		s.isTaboo[i] = false
	}
	s.taboo = s.taboo[:0]
}

// computePrimal finds the values of basic columns: B·xb = −N·xn.
func (s *Solver) computePrimal() {
	v := s.tau
	v.Clear()
	clear(v.Value)
	for j := range s.total {
		if s.status[j] == isBasic {
			continue
		}
		if x := s.x[j]; x != 0 {
			if j >= s.n {
				v.Value[j-s.n] -= x
				continue
			}
			for k := s.start[j]; k < s.start[j+1]; k++ {
				v.Value[s.index[k]] -= s.value[k] * x
			}
		}
	}
	for i, x := range v.Value {
		if x != 0 {
			v.Index = append(v.Index, int32(i))
		}
	}
	s.factor.Solve(v, 1, false)
	copy(s.xb, v.Value)
	v.Clear()
}

// computeDual finds multipliers and reduced costs of the costs at work.
func (s *Solver) computeDual() {
	y := s.multipliers(s.work)
	for j := range int32(s.total) {
		if s.status[j] == isBasic {
			s.d[j] = 0
			continue
		}
		s.d[j] = s.work[j] - s.dot(y, j)
	}
	s.tau.Clear()
}

// multipliers solves Bᵀ·y = c_B, into tau.
func (s *Solver) multipliers(cost []float64) []float64 {
	v := s.tau
	v.Clear()
	clear(v.Value)
	for i, j := range s.head {
		if c := cost[j]; c != 0 {
			v.Value[i] = c
			v.Index = append(v.Index, int32(i))
		}
	}
	s.factor.SolveTransposed(v, 1, false)
	return v.Value
}

// dualInfeasibilities counts reduced costs of a wrong sign which no flip to another bound can mend.
func (s *Solver) dualInfeasibilities() (count int) {
	for j := range s.total {
		if s.status[j] == isBasic {
			continue
		}
		d := s.d[j]
		if d < -s.dualTolerance && math.IsInf(s.wu[j], 1) || d > s.dualTolerance && math.IsInf(s.wl[j], -1) {
			count++
		}
	}
	return count
}

// correctDual makes the basis dual feasible: boxed columns go to their other bound, the costs of others are shifted.
func (s *Solver) correctDual(shift bool) {
	for j := range s.total {
		if s.status[j] == isBasic || s.wl[j] == s.wu[j] {
			continue
		}
		d := s.d[j]
		switch {
		case d < -s.dualTolerance && s.status[j] != atUpper:
			if !math.IsInf(s.wu[j], 1) {
				s.status[j], s.x[j] = atUpper, s.wu[j]
				continue
			}
		case d > s.dualTolerance && s.status[j] != atLower:
			if !math.IsInf(s.wl[j], -1) {
				s.status[j], s.x[j] = atLower, s.wl[j]
				continue
			}
		default:
			continue
		}
		if shift {
			s.work[j] -= d
			s.d[j] = 0
			s.costShift = true
		}
	}
}

// primalInfeasibility returns the largest violation of a bound by a basic column.
func (s *Solver) primalInfeasibility() float64 {
	most := 0.0
	for i, x := range s.xb {
		most = max(most, s.bl[i]-x, x-s.bu[i])
	}
	return most
}

// perturb moves costs a little into the direction in which their columns are dual feasible, so that ratios are unlike each other.
func (s *Solver) perturb() {
	most, boxed, count := 0.0, 0, 0
	for j := range s.n {
		most = max(most, math.Abs(s.cost[j]))
	}
	for j := range s.total {
		if !math.IsInf(s.wl[j], -1) && !math.IsInf(s.wu[j], 1) {
			boxed++
		}
		count++
	}
	if most > 100 {
		most = math.Sqrt(math.Sqrt(most))
	}
	if 100*boxed < count {
		most = min(most, 1)
	}
	base := 5e-7 * max(most, 1e-3)
	for j := range s.total {
		l, u := s.lower[j], s.upper[j]
		size := (1 + s.random[j]) * (1 + math.Abs(s.work[j])) * base
		if j >= s.n {
			size = s.random[j] * 1e-12 // logicals hardly at all
		}
		switch noLower, noUpper := math.IsInf(l, -1), math.IsInf(u, 1); {
		case noLower && noUpper || l == u:
		case noUpper:
			s.work[j] += size
		case noLower:
			s.work[j] -= size
		case s.work[j] >= 0:
			s.work[j] += size
		default:
			s.work[j] -= size
		}
	}
	s.costShift = true
}
