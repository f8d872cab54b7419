package forecast

import "math"

// arma computes the exact likelihood of a stationary ARMA process with mean, y_t − μ = Σφ(y_{t−i} − μ) + ε_t + Σθε_{t−i}, in O(n·r) for
// r = max(p, q+1), by the recursions of Chandrasekhar, which carry a change of the Kalman filter's covariance that has rank one (Morf,
// Sidhu, Kailath 1974; for ARMA Pearlman 1980). Its memory is used again for each evaluation.
type arma struct {
	y        []float64
	phi, th  []float64 // without the ones
	withMean bool
	mu       float64
	sigma2   float64
	state    []float64 // prediction of the state after the last value
	r        int
	gamma    []float64
	psi      []float64
	gain, w  []float64
	ones     []float64
	table    []float64
	whole    []float64
	stepped  []float64
}

// resize makes room for a process of these orders.
func (m *arma) resize(p, q int) {
	m.r = max(p, q+1)
	grow := func(v *[]float64, n int) {
		if cap(*v) < n {
			*v = make([]float64, n)
		}
		*v = (*v)[:n]
	}
	grow(&m.phi, p)
	grow(&m.th, q)
	grow(&m.state, m.r)
	grow(&m.ones, m.r)
	grow(&m.gain, m.r)
	grow(&m.w, m.r)
	grow(&m.psi, m.r+1)
	grow(&m.gamma, 2*m.r+q+2)
	grow(&m.table, (p+1)*(p+1))
	grow(&m.stepped, q+1)
	grow(&m.whole, m.r+1)
}

// stationary fills table with the AR coefficients of all orders below p, row k of order k, and returns the variance of the AR process with
// errors of variance 1; false where it is not stationary, or nearly so.
func (m *arma) stationary() (float64, bool) {
	p := len(m.phi)
	row := func(k int) []float64 { return m.table[k*(p+1) : k*(p+1)+k] }
	copy(row(p), m.phi)
	v := 1.0
	for k := p; k > 0; k-- {
		a := row(k)
		kappa := a[k-1]
		rest := 1 - kappa*kappa
		if !(rest > 1e-12) {
			return 0, false
		}
		v /= rest
		b := row(k - 1)
		for i := range b {
			b[i] = (a[i] + kappa*a[k-2-i]) / rest
		}
	}
	return v, true
}

// autocovariances fills gamma with those of the ARMA process, lags 0 … r, errors of variance 1, and psi; false where there are none.
func (m *arma) autocovariances() bool {
	p, q, r := len(m.phi), len(m.th), m.r
	v, ok := m.stationary()
	if !ok {
		return false
	}
	// Those of the AR part, by the recursion of Levinson and Durbin: γ(k) = Σ φ^(k−1)_i γ(k−i) + κ_k σ²_{k−1}.
	ar := m.gamma[:r+q+1]
	ar[0] = v
	left := v // variance of the prediction of order k − 1
	for k := 1; k < len(ar); k++ {
		s := 0.0
		if k <= p {
			a := m.table[(k-1)*(p+1) : (k-1)*(p+1)+k-1]
			for i, c := range a {
				s += c * ar[k-1-i]
			}
			kappa := m.table[k*(p+1)+k-1]
			s += kappa * left
			left *= 1 - kappa*kappa
		} else {
			for i, c := range m.phi {
				s += c * ar[k-1-i]
			}
		}
		ar[k] = s
	}
	if q > 0 {
		// b_k = Σ θ_i θ_{i+k}, with θ_0 = 1
		b := m.stepped
		for k := range b {
			s := 0.0
			if k == 0 {
				s = 1
			} else {
				s = m.th[k-1]
			}
			for i := 0; i+k < q; i++ {
				s += m.th[i] * m.th[i+k]
			}
			b[k] = s
		}
		whole := m.whole[:0]
		for k := range r + 1 {
			s := b[0] * ar[k]
			for j := 1; j <= q; j++ {
				if b[j] != 0 {
					s += b[j] * (ar[k+j] + ar[max(k-j, j-k)])
				}
			}
			whole = append(whole, s)
		}
		copy(m.gamma, whole)
	}
	m.psi[0] = 1
	for k := 1; k < r; k++ {
		s := 0.0
		if k <= q {
			s = m.th[k-1]
		}
		for i, c := range m.phi[:min(p, k)] {
			s += c * m.psi[k-1-i]
		}
		m.psi[k] = s
	}
	return true
}

// likelihood returns minus twice the log-likelihood with the variance – and the mean – that maximize it, which it leaves in m with the
// state after the last value; +Inf where the process is not stationary.
func (m *arma) likelihood() float64 {
	if !m.autocovariances() {
		return math.Inf(1)
	}
	p, q, r := len(m.phi), len(m.th), m.r
	// w = P·z, the covariances of the state with the value; then the gain K = T·w.
	for i := range r {
		s := 0.0
		for j := i + 1; j <= p; j++ {
			s += m.phi[j-1] * m.gamma[j-i]
		}
		for j := i; j <= q; j++ {
			c := 1.0
			if j > 0 {
				c = m.th[j-1]
			}
			s += c * m.psi[j-i]
		}
		m.w[i] = s
		m.state[i], m.ones[i] = 0, 0
	}
	w, gain, a, ones := m.w, m.gain, m.state, m.ones
	f := w[0]
	phi := m.phi
	shift := func(x, out []float64) { // out = T·x; they may be one
		x0 := x[0]
		for i := range r - 1 {
			out[i] = x[i+1]
		}
		out[r-1] = 0
		for i, c := range phi {
			out[i] += c * x0
		}
	}
	shift(w, gain)
	copy(w, gain)
	change := -1 / f
	var logs, yy, y1, oneone float64
	steady, product := false, 1.0
	for _, y := range m.y {
		v := y - a[0]
		yy += v * v / f
		if product *= f; product > 1e100 || product < 1e-100 {
			logs += math.Log(product)
			product = 1
		}
		k := v / f
		shift(a, a)
		for i, g := range gain {
			a[i] += g * k
		}
		if m.withMean {
			u := 1 - ones[0]
			y1 += u * v / f
			oneone += u * u / f
			k := u / f
			shift(ones, ones)
			for i, g := range gain {
				ones[i] += g * k
			}
		}
		if steady {
			continue
		}
		s := w[0]
		before := f
		f += s * s * change
		if !(f > 0) {
			return math.Inf(1)
		}
		sc := s * change
		shift(w, w)
		largest := 0.0
		for i := range gain {
			gain[i] += w[i] * sc
			w[i] -= gain[i] * (s / f)
			if x := math.Abs(w[i]); x > largest {
				largest = x
			}
		}
		change += change * change * s * s / before
		steady = largest*largest*math.Abs(change) < 1e-14
	}
	n := float64(len(m.y))
	m.mu = 0
	if m.withMean && oneone > 0 {
		m.mu = y1 / oneone
		yy -= y1 * y1 / oneone
		for i := range a {
			a[i] -= m.mu * ones[i]
		}
	}
	m.sigma2 = yy / n
	if !(m.sigma2 > 0) {
		m.sigma2 = 0
		return math.Inf(1)
	}
	return n*(math.Log(2*math.Pi*m.sigma2)+1) + logs + math.Log(product)
}

// conditional returns minus twice the log-likelihood given the first values, without errors before them (conditional sum of squares), by
// lags with coefficients: cheap for long seasons. The mean is that of the values.
func (m *arma) conditional(mean float64, residuals []float64) float64 {
	p := len(m.phi)
	sum := 0.0
	n := 0
	for t := range m.y {
		if t < p {
			residuals[t] = 0
			continue
		}
		e := m.y[t] - mean
		for i, c := range m.phi {
			if c != 0 {
				e -= c * (m.y[t-1-i] - mean)
			}
		}
		for i, c := range m.th[:min(len(m.th), t)] {
			if c != 0 {
				e -= c * residuals[t-1-i]
			}
		}
		residuals[t] = e
		sum += e * e
		n++
	}
	if n == 0 || !(sum > 0) || math.IsInf(sum, 0) {
		return math.Inf(1)
	}
	m.sigma2 = sum / float64(n)
	return float64(len(m.y)) * (math.Log(2*math.Pi*m.sigma2) + 1)
}
