// Package lu factorizes the bases of the simplex method and solves with them.
//
// A basis of m columns becomes B = L·U by Gaussian elimination in Markowitz's order with threshold pivoting (Suhl and Suhl, Computing
// sparse LU factorizations for large-scale linear programming bases, 1990); columns and rows with one entry go first, which is most of
// them. A column that is replaced changes U and adds a row transformation (Forrest and Tomlin, Updated triangular factors of the basis,
// 1972). Solves with few numbers other than zero visit nothing else, found by depth-first search (Gilbert and Peierls, 1988; Hall and
// McKinnon, Hyper-sparsity in the revised simplex method, 2005).
//
// Every pivot belongs to a row, so that places of solutions are rows throughout: Factorize orders the basis such that column head[i] is
// the one that row i is the pivot of.
package lu

// threshold is how small a pivot may be beside the largest entry of its column.
const threshold = 0.1

// smallest is the size below which no number is a pivot.
const smallest = 1e-10

// hyperStart and hyperEnd are the shares of places other than zero, known and expected, below which a solve searches.
const (
	hyperStart = 0.05
	hyperEnd   = 0.10
)

// lists are triangular columns, or rows, by pivot row.
type lists struct {
	start, end []int
	index      []int32
	value      []float64
}

// Factor is a factorized basis. It is used by one goroutine at a time.
type Factor struct {
	m int

	lower      lists // columns of L below the pivot
	lowerRows  lists // rows of L left of the pivot
	lowerOrder []int32
	rowsOrder  []int32

	// Row transformations of updates: x[etaPivot[t]] −= Σ etaValue·x[etaIndex].
	etaPivot []int32
	etaStart []int
	etaIndex []int32
	etaValue []float64

	upper     lists // columns of U above the pivot
	upperRows lists // rows of U right of the pivot
	rowsCap   []int // ends of the room of rows of U
	pivot     []float64
	sequence  []int32 // pivot rows in order of elimination, −1 where replaced
	position  []int32 // of a pivot row in sequence

	saved *Vector // the part of the last SolveTransposed that Update needs
	spike *Vector // the part of the last Solve that Update needs

	mark    []bool
	stack   []int32
	next    []int
	reached []int32
	build   builder

	Entries int // of L and U after Factorize
}

// New returns a factorization for bases of m rows.
func New(m int) *Factor {
	f := &Factor{
		m: m, pivot: make([]float64, m), position: make([]int32, m), rowsCap: make([]int, m), saved: NewVector(m), spike: NewVector(m),
		mark: make([]bool, m), stack: make([]int32, 0, m), next: make([]int, m), reached: make([]int32, 0, m),
	}
	for _, l := range []*lists{&f.lower, &f.lowerRows, &f.upper, &f.upperRows} {
		l.start, l.end = make([]int, m), make([]int, m)
	}
	return f
}

// Updates returns the number of updates since Factorize.
func (f *Factor) Updates() int { return len(f.etaPivot) }

// Grown says that updates have made the factors so much larger that solves gain by factorizing anew.
func (f *Factor) Grown() bool {
	return len(f.etaIndex)+len(f.upper.index)+len(f.lower.index) > 3*f.Entries+4*f.m+1000
}

// hyper says whether a solve should search.
func (f *Factor) hyper(v *Vector, density float64) bool {
	return density < hyperEnd && float64(len(v.Index)) < hyperStart*float64(f.m)
}

// Solve overwrites v by B⁻¹·v. density is the expected share of places other than zero; keep has what Update needs remembered.
func (f *Factor) Solve(v *Vector, density float64, keep bool) {
	sparse := f.hyper(v, density)
	if sparse {
		f.search(&f.lower, nil, v)
	} else {
		l := &f.lower
		for _, p := range f.lowerOrder {
			if x := v.Value[p]; x != 0 {
				index, value := l.index[l.start[p]:l.end[p]], l.value[l.start[p]:l.end[p]]
				for k, i := range index {
					v.Value[i] -= value[k] * x
				}
			}
		}
	}
	for t, p := range f.etaPivot {
		index, value := f.etaIndex[f.etaStart[t]:f.etaStart[t+1]], f.etaValue[f.etaStart[t]:f.etaStart[t+1]]
		old := v.Value[p]
		sum := old
		for k, i := range index {
			sum -= value[k] * v.Value[i]
		}
		if sum != old {
			if sparse && old == 0 {
				v.Index = append(v.Index, p)
			}
			if sum == 0 {
				sum = listedZero
			}
			v.Value[p] = sum
		}
	}
	if !sparse && keep {
		v.list()
	}
	if keep {
		f.spike.Copy(v)
	}
	if sparse && f.hyper(v, density) {
		f.search(&f.upper, f.pivot, v)
		return
	}
	u := &f.upper
	for t := len(f.sequence) - 1; t >= 0; t-- {
		p := f.sequence[t]
		if p < 0 {
			continue
		}
		x := v.Value[p]
		if x == 0 {
			continue
		}
		if x < tiny && x > -tiny {
			v.Value[p] = 0
			continue
		}
		x /= f.pivot[p]
		v.Value[p] = x
		index, value := u.index[u.start[p]:u.end[p]], u.value[u.start[p]:u.end[p]]
		for k, i := range index {
			v.Value[i] -= value[k] * x
		}
	}
	v.list()
}

// SolveTransposed overwrites v by B⁻ᵀ·v; keep has what Update needs remembered, where v was one at the row that is to be replaced.
func (f *Factor) SolveTransposed(v *Vector, density float64, keep bool) {
	if f.hyper(v, density) {
		f.search(&f.upperRows, f.pivot, v)
	} else {
		first := 0
		if len(v.Index) == 1 {
			first = int(f.position[v.Index[0]])
		}
		u := &f.upperRows
		for _, p := range f.sequence[first:] {
			if p < 0 {
				continue
			}
			x := v.Value[p]
			if x == 0 {
				continue
			}
			if x < tiny && x > -tiny {
				v.Value[p] = 0
				continue
			}
			x /= f.pivot[p]
			v.Value[p] = x
			index, value := u.index[u.start[p]:u.end[p]], u.value[u.start[p]:u.end[p]]
			for k, i := range index {
				v.Value[i] -= value[k] * x
			}
		}
		v.list()
	}
	if keep {
		f.saved.Copy(v)
	}
	for t := len(f.etaPivot) - 1; t >= 0; t-- {
		x := v.Value[f.etaPivot[t]]
		if x == 0 {
			continue
		}
		index, value := f.etaIndex[f.etaStart[t]:f.etaStart[t+1]], f.etaValue[f.etaStart[t]:f.etaStart[t+1]]
		for k, i := range index {
			v.Add(i, -value[k]*x)
		}
	}
	if f.hyper(v, density) {
		f.search(&f.lowerRows, nil, v)
		return
	}
	l := &f.lowerRows
	for t := len(f.rowsOrder) - 1; t >= 0; t-- {
		p := f.rowsOrder[t]
		if x := v.Value[p]; x != 0 {
			index, value := l.index[l.start[p]:l.end[p]], l.value[l.start[p]:l.end[p]]
			for k, i := range index {
				v.Value[i] -= value[k] * x
			}
		}
	}
	v.list()
}

// search solves with one triangular factor, visiting only what v leads to. pivot is nil for a unit diagonal.
func (f *Factor) search(l *lists, pivot []float64, v *Vector) {
	reached := f.reached[:0]
	stack := f.stack[:0]
	for _, s := range v.Index {
		if f.mark[s] {
			continue
		}
		f.mark[s] = true
		if l.start[s] == l.end[s] {
			reached = append(reached, s)
			continue
		}
		stack = append(stack, s)
		f.next[s] = l.start[s]
		for len(stack) > 0 {
			p := stack[len(stack)-1]
			k, end := f.next[p], l.end[p]
			for ; k < end; k++ {
				i := l.index[k]
				if f.mark[i] {
					continue
				}
				f.mark[i] = true
				if l.start[i] == l.end[i] {
					reached = append(reached, i)
					continue
				}
				f.next[i] = l.start[i]
				stack = append(stack, i)
				k++
				break
			}
			f.next[p] = k
			if stack[len(stack)-1] == p {
				reached = append(reached, p)
				stack = stack[:len(stack)-1]
			}
		}
	}
	v.Index = v.Index[:0]
	for t := len(reached) - 1; t >= 0; t-- {
		p := reached[t]
		f.mark[p] = false
		x := v.Value[p]
		if x < tiny && x > -tiny {
			v.Value[p] = 0
			continue
		}
		if pivot != nil {
			x /= pivot[p]
			v.Value[p] = x
		}
		v.Index = append(v.Index, p)
		index, value := l.index[l.start[p]:l.end[p]], l.value[l.start[p]:l.end[p]]
		for k, i := range index {
			v.Value[i] -= value[k] * x
		}
	}
	f.reached, f.stack = reached, stack
}

// Update replaces the column of row p by the one that was solved for last with keep; the last SolveTransposed with keep was of the unit
// vector of p. alpha is that solution's value at p. It reports whether what it comes upon agrees with alpha; where not, factorize anew.
func (f *Factor) Update(p int32, alpha float64) bool {
	pivot := f.pivot[p] * alpha
	if len(f.etaStart) == 0 {
		f.etaStart = append(f.etaStart, 0)
	}
	at := f.saved.Value[p]
	check := f.spike.Value[p]
	for _, i := range f.saved.Index {
		if i != p {
			r := -f.saved.Value[i] / at
			f.etaIndex, f.etaValue = append(f.etaIndex, i), append(f.etaValue, r)
			check -= r * f.spike.Value[i]
		}
	}
	f.etaPivot = append(f.etaPivot, p)
	f.etaStart = append(f.etaStart, len(f.etaIndex))

	cols, rows := &f.upper, &f.upperRows
	for k := cols.start[p]; k < cols.end[p]; k++ {
		rows.remove(cols.index[k], p)
	}
	for k := rows.start[p]; k < rows.end[p]; k++ {
		cols.remove(rows.index[k], p)
	}
	rows.end[p] = rows.start[p]
	f.sequence[f.position[p]] = -1
	f.position[p] = int32(len(f.sequence))
	f.sequence = append(f.sequence, p)
	f.pivot[p] = pivot
	cols.start[p] = len(cols.index)
	for _, i := range f.spike.Index {
		x := f.spike.Value[i]
		if i == p || x < tiny && x > -tiny {
			continue
		}
		cols.index, cols.value = append(cols.index, i), append(cols.value, x)
		f.insert(i, p, x)
	}
	cols.end[p] = len(cols.index)
	difference := pivot - check
	return difference <= 1e-7*max(1, abs(pivot)) && -difference <= 1e-7*max(1, abs(pivot)) && abs(pivot) > 1e-12
}

// remove takes an entry out of a list.
func (l *lists) remove(of, i int32) {
	last := l.end[of] - 1
	for k := l.start[of]; k <= last; k++ {
		if l.index[k] == i {
			l.index[k], l.value[k] = l.index[last], l.value[last]
			l.end[of] = last
			return
		}
	}
}

// insert adds an entry to a row of U, which moves to the end where it has no room.
func (f *Factor) insert(row, i int32, x float64) {
	rows := &f.upperRows
	start, end := rows.start[row], rows.end[row]
	if end == f.rowsCap[row] {
		at := len(rows.index)
		room := 2*(end-start) + 6
		rows.index = append(rows.index, rows.index[start:end]...)
		rows.value = append(rows.value, rows.value[start:end]...)
		rows.start[row], rows.end[row] = at, len(rows.index)
		rows.index, rows.value = grown(rows.index, at+room), grown(rows.value, at+room)
		f.rowsCap[row] = at + room
		end = rows.end[row]
	}
	rows.index[end], rows.value[end] = i, x
	rows.end[row] = end + 1
}

// grown returns a slice of length n that begins with s.
func grown[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	out := make([]T, n, n+n/2)
	copy(out, s)
	return out
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}
