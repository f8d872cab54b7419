package simplex

// Primal returns the values of the columns.
func (s *Solver) Primal() []float64 {
	all := make([]float64, s.total)
	copy(all, s.x)
	for i, j := range s.head {
		all[j] = s.xb[i]
	}
	out := all[:s.n]
	for j := range out {
		out[j] *= s.scale[j]
	}
	return out
}

// Dual returns the multipliers of the rows for the true costs, of a minimization.
func (s *Solver) Dual() []float64 {
	y := s.multipliers(s.cost)
	out := make([]float64, s.m)
	for i := range out {
		out[i] = y[i] / s.scale[s.n+i]
	}
	s.tau.Clear()
	return out
}

// Ray returns, after Infeasible, multipliers of rows y such that no point within the bounds of columns and rows has Σ y·(row − A·x) = 0.
func (s *Solver) Ray() []float64 {
	out := make([]float64, s.m)
	for i := range out {
		out[i] = s.ray[i] / s.scale[s.n+i]
	}
	return out
}

// Direction returns, after Unbounded, a direction of columns along which the objective falls without end.
func (s *Solver) Direction() []float64 {
	all := make([]float64, s.total)
	all[s.rayColumn] = s.raySign
	for _, i := range s.column.Index {
		all[s.head[i]] = -s.raySign * s.column.Value[i]
	}
	out := all[:s.n]
	for j := range out {
		out[j] *= s.scale[j]
	}
	return out
}

// Objective returns the true costs times the values, without a constant.
func (s *Solver) Objective() float64 {
	sum := 0.0
	for j := range s.total {
		if s.status[j] != isBasic {
			sum += s.cost[j] * s.x[j]
		}
	}
	for i, j := range s.head {
		sum += s.cost[j] * s.xb[i]
	}
	return sum
}

// IsBasic says whether a column is in the basis.
func (s *Solver) IsBasic(j int) bool { return s.status[j] == isBasic }
