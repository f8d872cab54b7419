package interior

import (
	"math"
	"slices"

	"debut/trainers/supply/lp/problem"
	"debut/trainers/supply/lp/simplex"
)

// factorize makes the factor of A·Θ·Aᵀ.
func (s *method) factorize() {
	f := s.factor
	clear(f.aValue)
	for k := 0; k < len(s.slots); k += 3 {
		a, b := s.slots[k], s.slots[k+1]
		f.aValue[s.slots[k+2]] += s.value[a] * s.value[b] * s.theta[s.columnOf[a]]
	}
	for k := range s.m { // rows that depend on others
		f.aValue[f.aStart[k+1]-1] += 1e-11
	}
	f.factorize()
	// (S + U·Uᵀ)⁻¹ = S⁻¹ − S⁻¹U·(I + UᵀS⁻¹U)⁻¹·UᵀS⁻¹ for the dense columns U, each times the root of its theta.
	d := len(s.dense)
	if d == 0 {
		return
	}
	s.denseSolved, s.denseMatrix = make([][]float64, d), make([]float64, d*d)
	for a, j := range s.dense {
		root := math.Sqrt(s.theta[j])
		v := make([]float64, s.m)
		for k := s.start[j]; k < s.start[j+1]; k++ {
			v[s.index[k]] = s.value[k] * root
		}
		f.solve(v)
		s.denseSolved[a] = v
	}
	for a, j := range s.dense {
		root := math.Sqrt(s.theta[j])
		for b := range d {
			sum := 0.0
			for k := s.start[j]; k < s.start[j+1]; k++ {
				sum += s.value[k] * root * s.denseSolved[b][s.index[k]]
			}
			s.denseMatrix[a*d+b] = sum
		}
		s.denseMatrix[a*d+a]++
	}
	for k := range d { // Cholesky, in place
		for i := k; i < d; i++ {
			sum := s.denseMatrix[i*d+k]
			for l := range k {
				sum -= s.denseMatrix[i*d+l] * s.denseMatrix[k*d+l]
			}
			if i == k {
				s.denseMatrix[k*d+k] = math.Sqrt(max(sum, 1e-30))
			} else {
				s.denseMatrix[i*d+k] = sum / s.denseMatrix[k*d+k]
			}
		}
	}
}

// solveNormal overwrites r by the solution of the normal equations.
func (s *method) solveNormal(r []float64) {
	d := len(s.dense)
	s.factor.solve(r)
	if d == 0 {
		return
	}
	t := make([]float64, d)
	for a, j := range s.dense {
		root := math.Sqrt(s.theta[j])
		for k := s.start[j]; k < s.start[j+1]; k++ {
			t[a] += s.value[k] * root * r[s.index[k]]
		}
	}
	for k := range d {
		for l := range k {
			t[k] -= s.denseMatrix[k*d+l] * t[l]
		}
		t[k] /= s.denseMatrix[k*d+k]
	}
	for k := d - 1; k >= 0; k-- {
		for l := k + 1; l < d; l++ {
			t[k] -= s.denseMatrix[l*d+k] * t[l]
		}
		t[k] /= s.denseMatrix[k*d+k]
	}
	for a := range d {
		for i, v := range s.denseSolved[a] {
			r[i] -= v * t[a]
		}
	}
}

// times adds f·A·v to out.
func (s *method) times(f float64, v, out []float64) {
	for j := range s.n {
		if x := f * v[j]; x != 0 {
			for k := s.start[j]; k < s.start[j+1]; k++ {
				out[s.index[k]] += s.value[k] * x
			}
		}
	}
}

// dot returns the product of a column with y.
func (s *method) dot(j int, y []float64) float64 {
	sum := 0.0
	for k := s.start[j]; k < s.start[j+1]; k++ {
		sum += s.value[k] * y[s.index[k]]
	}
	return sum
}

// begin finds a first point, as Mehrotra does: that of least norm, moved inside.
func (s *method) begin() {
	vector := func(n int) []float64 { return make([]float64, n) }
	for _, v := range []*[]float64{&s.v, &s.w, &s.z, &s.q, &s.dv, &s.dw, &s.dz, &s.dq, &s.ru, &s.rd, &s.rxz, &s.rwq, &s.theta, &s.affineV, &s.affineW, &s.affineZ, &s.affineQ} {
		*v = vector(s.n)
	}
	for _, v := range []*[]float64{&s.y, &s.dy, &s.rp, &s.right} {
		*v = vector(s.m)
	}
	for j := range s.theta {
		s.theta[j] = 1
	}
	s.factorize()
	r := slices.Clone(s.b)
	s.solveNormal(r)
	least, most := math.Inf(1), 0.0
	for j := range s.n {
		s.v[j] = s.dot(j, r)
		if !s.free[j] {
			least = min(least, s.v[j])
			most = max(most, math.Abs(s.v[j]))
		}
	}
	clear(s.right)
	s.times(1, s.c, s.right)
	copy(s.y, s.right)
	s.solveNormal(s.y)
	shift := max(-1.5*least, 0) + max(1, 1e-3*most)
	cost := 1.0
	for _, c := range s.c {
		cost = max(cost, math.Abs(c))
	}
	for j := range s.n {
		if s.free[j] {
			continue
		}
		s.v[j] += shift
		d := s.c[j] - s.dot(j, s.y)
		s.z[j] = max(d, 0) + math.Sqrt(cost)
		if !math.IsInf(s.upper[j], 1) {
			u := s.upper[j]
			s.v[j] = min(max(s.v[j], 0.1*u), 0.9*u)
			s.w[j] = max(u-s.v[j], 1e-6)
			s.v[j] = max(s.v[j], 1e-6)
			s.q[j] = max(-d, 0) + math.Sqrt(cost)
		}
	}
}

// boxed says whether a column has an upper bound.
func (s *method) boxed(j int) bool { return !math.IsInf(s.upper[j], 1) }

// residuals computes them, and returns their sizes and that of the gap, each relative.
func (s *method) residuals() (primal, dual, gap float64) {
	copy(s.rp, s.b)
	s.times(-1, s.v, s.rp)
	objective, bound, sizeB, sizeC := 0.0, 0.0, 1.0, 1.0
	for i, v := range s.rp {
		primal = max(primal, math.Abs(v))
		sizeB = max(sizeB, math.Abs(s.b[i]))
		bound += s.b[i] * s.y[i]
	}
	for j := range s.n {
		s.rd[j] = s.c[j] - s.dot(j, s.y) - s.z[j] + s.q[j]
		dual = max(dual, math.Abs(s.rd[j]))
		sizeC = max(sizeC, math.Abs(s.c[j]))
		objective += s.c[j] * s.v[j]
		if s.boxed(j) {
			s.ru[j] = s.upper[j] - s.v[j] - s.w[j]
			primal = max(primal, math.Abs(s.ru[j]))
			bound -= s.upper[j] * s.q[j]
		}
	}
	return primal / sizeB, dual / sizeC, math.Abs(objective-bound) / (1 + math.Abs(objective))
}

// direction solves Newton's equations for the right sides rxz and rwq.
func (s *method) direction() {
	copy(s.right, s.rp)
	for j := range s.n {
		h := s.rd[j]
		if !s.free[j] {
			h -= s.rxz[j] / s.v[j]
			if s.boxed(j) {
				h += (s.rwq[j] - s.q[j]*s.ru[j]) / s.w[j]
			}
		}
		s.dv[j] = h // the right side of its own row; below, the direction
	}
	for j := range s.n {
		if x := s.theta[j] * s.dv[j]; x != 0 {
			for k := s.start[j]; k < s.start[j+1]; k++ {
				s.right[s.index[k]] += s.value[k] * x
			}
		}
	}
	copy(s.dy, s.right)
	s.solveNormal(s.dy)
	for range 2 { // refined against rounding
		r := slices.Clone(s.right)
		for j := range s.n {
			if x := s.theta[j] * s.dot(j, s.dy); x != 0 {
				for k := s.start[j]; k < s.start[j+1]; k++ {
					r[s.index[k]] -= s.value[k] * x
				}
			}
		}
		s.solveNormal(r)
		for i, v := range r {
			s.dy[i] += v
		}
	}
	for j := range s.n {
		s.dv[j] = s.theta[j] * (s.dot(j, s.dy) - s.dv[j])
		if s.free[j] {
			continue
		}
		s.dz[j] = (s.rxz[j] - s.z[j]*s.dv[j]) / s.v[j]
		if s.boxed(j) {
			s.dw[j] = s.ru[j] - s.dv[j]
			s.dq[j] = (s.rwq[j] - s.q[j]*s.dw[j]) / s.w[j]
		}
	}
}

// lengths returns how far one can go, at most 1, with all staying positive.
func (s *method) lengths() (primal, dual float64) {
	primal, dual = 1, 1
	for j := range s.n {
		if s.free[j] {
			continue
		}
		if s.dv[j] < 0 {
			primal = min(primal, -s.v[j]/s.dv[j])
		}
		if s.dz[j] < 0 {
			dual = min(dual, -s.z[j]/s.dz[j])
		}
		if s.boxed(j) {
			if s.dw[j] < 0 {
				primal = min(primal, -s.w[j]/s.dw[j])
			}
			if s.dq[j] < 0 {
				dual = min(dual, -s.q[j]/s.dq[j])
			}
		}
	}
	return primal, dual
}

// complementarity returns the sum of products after a step, and their number.
func (s *method) complementarity(primal, dual float64) (sum float64, count int) {
	for j := range s.n {
		if s.free[j] {
			continue
		}
		sum += (s.v[j] + primal*s.dv[j]) * (s.z[j] + dual*s.dz[j])
		count++
		if s.boxed(j) {
			sum += (s.w[j] + primal*s.dw[j]) * (s.q[j] + dual*s.dq[j])
			count++
		}
	}
	return sum, count
}

// step predicts, corrects and goes.
func (s *method) step() {
	for j := range s.n {
		d := 1e-9
		if s.free[j] {
			d = 1e-7
		} else {
			d += s.z[j] / s.v[j]
			s.rxz[j] = -s.v[j] * s.z[j]
			if s.boxed(j) {
				d += s.q[j] / s.w[j]
				s.rwq[j] = -s.w[j] * s.q[j]
			}
		}
		s.theta[j] = 1 / d
	}
	s.factorize()
	now, count := s.complementarity(0, 0)
	s.direction()
	primal, dual := s.lengths()
	then, _ := s.complementarity(primal, dual)
	if count > 0 && now > 0 {
		mu := now / float64(count)
		ratio := then / now
		target := mu * ratio * ratio * ratio
		for j := range s.n {
			if s.free[j] {
				continue
			}
			s.rxz[j] = target - s.v[j]*s.z[j] - s.dv[j]*s.dz[j]
			if s.boxed(j) {
				s.rwq[j] = target - s.w[j]*s.q[j] - s.dw[j]*s.dq[j]
			}
		}
		s.direction()
		primal, dual = s.lengths()
	}
	primal, dual = min(1, 0.9995*primal), min(1, 0.9995*dual)
	for j := range s.n {
		s.v[j] += primal * s.dv[j]
		if s.free[j] {
			continue
		}
		s.z[j] += dual * s.dz[j]
		if s.boxed(j) {
			s.w[j] += primal * s.dw[j]
			s.q[j] += dual * s.dq[j]
		}
	}
	for i := range s.y {
		s.y[i] += dual * s.dy[i]
	}
}

// guess finds a basis: the columns and rows that are furthest from their bounds, beside how strongly they are held there.
func (s *method) guess(p *problem.Problem) (columns, rows []simplex.Position) {
	columns, rows = make([]simplex.Position, s.given), make([]simplex.Position, s.m)
	type candidate struct {
		j    int
		away float64
	}
	list := make([]candidate, 0, s.n)
	for j := range s.n {
		c := candidate{j, math.Inf(1)}
		if !s.free[j] {
			c.away = s.v[j] / (s.z[j] + 1e-300)
			if s.boxed(j) {
				c.away = min(c.away, s.w[j]/(s.q[j]+1e-300))
			}
		}
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(a, b candidate) int {
		switch {
		case a.away > b.away:
			return -1
		case a.away < b.away:
			return 1
		}
		return a.j - b.j
	})
	basic := make([]bool, s.n)
	for k, c := range list {
		if basic[c.j] = k < s.m && c.away > 1; !basic[c.j] && k >= s.m {
			break
		}
	}
	stand := func(j int, lower, upper float64) simplex.Position {
		atUpper := s.flip[j] < 0 || s.boxed(j) && s.w[j] < s.v[j]
		switch {
		case basic[j]:
			return simplex.Basic
		case math.IsInf(lower, -1) && math.IsInf(upper, 1):
			return simplex.Free
		case atUpper:
			return simplex.AtUpper
		}
		return simplex.AtLower
	}
	for j := range columns {
		columns[j] = stand(j, p.Lower[j], p.Upper[j])
	}
	for i := range rows {
		if j := s.slack[i]; j >= 0 {
			rows[i] = stand(j, p.RowLower[i], p.RowUpper[i])
		}
	}
	return columns, rows
}
