// Package simplex solves linear programs by the bounded dual simplex method, and cleans up by the primal one.
//
// The method is that of Koberstein, The dual simplex method, techniques for a fast and stable implementation (2005), and Maros,
// Computational techniques of the simplex method (2003): dual steepest edge weights (Forrest and Goldfarb, 1992), a ratio test that flips
// boxed columns, with Harris' tolerances, costs perturbed against cycling and shifted where rounding would lead back, a first phase on
// artificial bounds. What perturbation and shifts leave is undone by the primal method with Devex weights.
//
// The computational form is A·x + z = 0 with a logical z for each row, l ≤ (x, z) ≤ u; a row's activity is −z. All is deterministic and done
// by one goroutine.
package simplex

import (
	"math"

	"debut/kernels/philox"
	"debut/trainers/supply/lp/lu"
	"debut/trainers/supply/lp/problem"
)

// Where a column stands.
const (
	atLower int8 = iota
	atUpper
	isFree  // not basic, without a bound, at zero
	isBasic // in the basis
)

// Solver is a linear program with a basis. Bounds and costs may change between solves, which then begin where the last one ended.
type Solver struct {
	m, n, total int

	start      []int // scaled matrix by columns
	index      []int32
	value      []float64
	rowStart   []int // and by rows
	rowIndex   []int32
	rowValue   []float64
	scale      []float64 // x = scale·x', logicals included
	cost       []float64 // scaled, as given, to be minimized
	work       []float64 // cost as perturbed and shifted
	lower      []float64 // scaled, as given
	upper      []float64
	wl, wu     []float64 // bounds as a phase has them
	costShift  bool      // work differs from cost
	boundShift bool      // wl and wu differ from lower and upper
	random     []float64 // a number in (0, 1) a column

	head   []int32 // columns of the basis by pivot row
	status []int8
	x      []float64 // values of columns not in the basis
	d      []float64 // reduced costs
	xb     []float64 // values, by row
	bl, bu []float64 // bounds, by row
	weight []float64 // of dual steepest edge, by row
	devex  []float64 // of the primal method, by column

	factor    *lu.Factor
	fresh     bool // no update since the last factorization
	ready     bool // factorized, with xb and d that belong to the basis
	rho       *lu.Vector
	column    *lu.Vector
	tau       *lu.Vector
	flips     *lu.Vector
	row       *lu.Vector // of the tableau, by column
	densities densities
	taboo     []int32 // rows that are not to leave for the time being
	isTaboo   []bool
	ratio     ratioTest
	newWeight []float64

	primalTolerance, dualTolerance float64
	limits                         Limits
	iterations                     int // of the present call
	phaseOne                       bool
	ray                            []float64
	rayColumn                      int32
	raySign                        float64

	// Iterations is the number of iterations since New.
	Iterations int
	// Factorizations is the number of times that a basis was factorized.
	Factorizations int
}

// densities are moving averages of the shares of places other than zero.
type densities struct{ rho, column, tau float64 }

func follow(average *float64, count, of int) {
	*average = 0.9**average + 0.1*float64(count)/float64(max(of, 1))
}

// New returns a solver of the problem without its integrality. The problem is to be as Check has it, and is not kept.
func New(p *problem.Problem) *Solver {
	m, n := p.Size()
	s := &Solver{m: m, n: n, total: m + n, primalTolerance: 1e-7, dualTolerance: 1e-7}
	s.start, s.index = append([]int(nil), p.Matrix.Start...), append([]int32(nil), p.Matrix.Index...)
	s.value = append([]float64(nil), p.Matrix.Value...)
	if len(s.start) == 0 {
		s.start = []int{0}
	}
	s.scaleMatrix()
	a := problem.Matrix{Rows: m, Columns: n, Start: s.start, Index: s.index, Value: s.value}
	t := a.Transposed()
	s.rowStart, s.rowIndex, s.rowValue = t.Start, t.Index, t.Value
	floats := func() []float64 { return make([]float64, s.total) }
	s.cost, s.work, s.lower, s.upper, s.wl, s.wu = floats(), floats(), floats(), floats(), floats(), floats()
	s.random, s.x, s.d, s.devex = floats(), floats(), floats(), floats()
	s.status = make([]int8, s.total)
	rows := func() []float64 { return make([]float64, m) }
	s.xb, s.bl, s.bu, s.weight, s.newWeight = rows(), rows(), rows(), rows(), rows()
	s.head, s.isTaboo = make([]int32, m), make([]bool, m)
	s.factor = lu.New(m)
	s.rho, s.column, s.tau, s.flips, s.row = lu.NewVector(m), lu.NewVector(m), lu.NewVector(m), lu.NewVector(m), lu.NewVector(s.total)
	stream := philox.New(1, philox.StreamOf("simplex"))
	for j := range s.random {
		s.random[j] = stream.Float64()
	}
	sign := 1.0
	if p.Maximize {
		sign = -1
	}
	for j := range n {
		s.cost[j] = sign * p.Cost[j] * s.scale[j]
		s.SetBounds(j, p.Lower[j], p.Upper[j])
	}
	for i := range m {
		s.SetRowBounds(i, p.RowLower[i], p.RowUpper[i])
	}
	s.Reset()
	return s
}

// SetBounds changes the bounds of a column.
func (s *Solver) SetBounds(j int, lower, upper float64) {
	s.lower[j], s.upper[j] = lower/s.scale[j], upper/s.scale[j]
}

// SetRowBounds changes the sides of a row.
func (s *Solver) SetRowBounds(i int, lower, upper float64) {
	j := s.n + i
	s.lower[j], s.upper[j] = 0-upper/s.scale[j], 0-lower/s.scale[j]
}

// SetCost changes the cost of a column, in the sense of a minimization.
func (s *Solver) SetCost(j int, cost float64) {
	s.cost[j] = cost * s.scale[j]
	s.ready = false
}

// Reset makes the basis that of the logicals.
func (s *Solver) Reset() {
	for j := range s.n {
		s.status[j] = atLower
	}
	for i := range s.m {
		s.head[i] = int32(s.n + i)
		s.status[s.n+i] = isBasic
		s.weight[i] = 1
	}
	s.ready = false
}

// Basis is where columns and rows stand.
type Basis struct {
	status []int8
	weight []float32 // of basic columns, in the order of columns
}

// Basis returns the present basis.
func (s *Solver) Basis() Basis {
	b := Basis{status: append([]int8(nil), s.status...), weight: make([]float32, 0, s.m)}
	for i, j := range s.head {
		s.x[j] = s.weight[i] // values of basic columns are by row, so that this place is free
	}
	for j, status := range s.status {
		if status == isBasic {
			b.weight = append(b.weight, float32(s.x[j]))
		}
	}
	return b
}

// SetBasis makes a basis of this solver the present one. One that has fewer rows is completed by the logicals of the others.
func (s *Solver) SetBasis(b Basis) {
	rows := len(b.status) - s.n
	head := s.head[:0]
	for j := range s.total {
		status := isBasic
		if j < s.n+rows {
			status = b.status[j]
		}
		s.status[j] = status
		if status == isBasic && len(head) < s.m {
			head = append(head, int32(j))
		} else if status == isBasic {
			s.status[j] = atLower
		}
	}
	for i := 0; len(head) < s.m && i < s.m; i++ { // too few: logicals complete it
		if j := s.n + i; s.status[j] != isBasic {
			s.status[j] = isBasic
			head = append(head, int32(j))
		}
	}
	s.head = head
	for i := range s.head {
		s.weight[i] = 1
		if len(b.weight) == s.m {
			s.weight[i] = float64(b.weight[i])
		}
	}
	s.ready = false
}

// scaleMatrix scales by geometric means and then columns to a largest entry of one, in powers of two, so that nothing is rounded
// (Curtis and Reid, 1972; Tomlin, 1975).
func (s *Solver) scaleMatrix() {
	m, n := s.m, s.n
	rows, columns := make([]float64, m), make([]float64, n)
	for i := range rows {
		rows[i] = 1
	}
	for j := range columns {
		columns[j] = 1
	}
	least, most := math.Inf(1), 0.0
	for _, v := range s.value {
		if v != 0 {
			least, most = min(least, math.Abs(v)), max(most, math.Abs(v))
		}
	}
	s.scale = make([]float64, s.total)
	if least < 0.2 || most > 5 {
		low, high := make([]float64, m), make([]float64, m)
		for range 6 {
			for i := range low {
				low[i], high[i] = math.Inf(1), 0
			}
			for j := range n {
				for k := s.start[j]; k < s.start[j+1]; k++ {
					if v := math.Abs(s.value[k]) * columns[j]; v > 0 {
						i := s.index[k]
						low[i], high[i] = min(low[i], v), max(high[i], v)
					}
				}
			}
			for i := range rows {
				if high[i] > 0 {
					rows[i] = 1 / math.Sqrt(low[i]*high[i])
				}
			}
			for j := range n {
				l, h := math.Inf(1), 0.0
				for k := s.start[j]; k < s.start[j+1]; k++ {
					if v := math.Abs(s.value[k]) * rows[s.index[k]]; v > 0 {
						l, h = min(l, v), max(h, v)
					}
				}
				if h > 0 {
					columns[j] = 1 / math.Sqrt(l*h)
				}
			}
		}
		for i := range rows {
			rows[i] = powerOfTwo(rows[i])
		}
		for j := range n {
			h := 0.0
			for k := s.start[j]; k < s.start[j+1]; k++ {
				h = max(h, math.Abs(s.value[k])*rows[s.index[k]])
			}
			if h > 0 {
				columns[j] = powerOfTwo(1 / h)
			}
		}
	}
	for j := range n {
		s.scale[j] = columns[j]
		for k := s.start[j]; k < s.start[j+1]; k++ {
			s.value[k] *= columns[j] * rows[s.index[k]]
		}
	}
	for i := range m {
		s.scale[n+i] = 1 / rows[i]
	}
}

func powerOfTwo(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) {
		return 1
	}
	_, exponent := math.Frexp(v * math.Sqrt2 / 2)
	return math.Ldexp(1, min(max(exponent, -30), 30))
}
