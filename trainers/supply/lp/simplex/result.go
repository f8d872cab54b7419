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

// ReducedCosts returns the reduced costs of the columns for the costs of the last solve, of a minimization.
func (s *Solver) ReducedCosts() []float64 {
	out := make([]float64, s.n)
	for j := range out {
		if s.status[j] != isBasic {
			out[j] = s.d[j] / s.scale[j]
		}
	}
	return out
}

// BasicColumns returns the columns of the basis, logicals not among them, with the places by which TableauRow knows them.
func (s *Solver) BasicColumns() (columns, places []int) {
	for i, j := range s.head {
		if int(j) < s.n {
			columns, places = append(columns, int(j)), append(places, i)
		}
	}
	return columns, places
}

// TableauRow returns multipliers of the rows whose sum has the coefficient one for the basic column at a place, and none for other basic ones.
func (s *Solver) TableauRow(place int) []float64 {
	s.rho.Clear()
	s.rho.Add(int32(place), 1)
	s.factor.SolveTransposed(s.rho, 1, false)
	out := make([]float64, s.m)
	c := s.scale[s.head[place]]
	for _, i := range s.rho.Index {
		out[i] = s.rho.Value[i] * c / s.scale[s.n+int(i)]
	}
	return out
}

// RowIsBasic says whether the logical of a row is in the basis, so that the row does not hold x where it is.
func (s *Solver) RowIsBasic(i int) bool { return s.status[s.n+i] == isBasic }

// WithRows returns the basis of a problem that has the rows listed of this one, of n columns, and others after them. Rows that are left
// out must be basic.
func (b Basis) WithRows(n int, keep []int, more int) Basis {
	out := Basis{status: append([]int8(nil), b.status[:n]...)}
	for _, i := range keep {
		out.status = append(out.status, b.status[n+i])
	}
	for range more {
		out.status = append(out.status, isBasic)
	}
	return out
}

// DualBound returns, after Stopped in the second phase, a bound of the objective that the reduced costs prove for the costs as shifted.
func (s *Solver) DualBound() float64 { return s.dualObjective() }

// Position is where a column or a row stands relative to a basis.
type Position int8

// Where columns and rows stand. A row at its lower side has the activity of that side.
const (
	AtLower Position = iota
	AtUpper
	Free
	Basic
)

// Positions returns where columns and rows stand.
func (s *Solver) Positions() (columns, rows []Position) {
	columns, rows = make([]Position, s.n), make([]Position, s.m)
	for j := range columns {
		columns[j] = Position(s.status[j])
	}
	for i := range rows {
		switch s.status[s.n+i] { // the logical is −activity
		case atLower:
			rows[i] = AtUpper
		case atUpper:
			rows[i] = AtLower
		default:
			rows[i] = Position(s.status[s.n+i])
		}
	}
	return columns, rows
}

// SetPositions makes a basis of positions of all columns and rows the present one. Too few or too many basic ones are completed, or cut, by
// logicals.
func (s *Solver) SetPositions(columns, rows []Position) {
	b := Basis{status: make([]int8, 0, s.total)}
	for _, p := range columns {
		b.status = append(b.status, int8(p))
	}
	for _, p := range rows {
		switch p {
		case AtLower:
			p = AtUpper
		case AtUpper:
			p = AtLower
		}
		b.status = append(b.status, int8(p))
	}
	s.SetBasis(b)
}
