package forecast

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// estimate finds coefficients of one or several groups of series by Newton's method on the likelihood of a Poisson regression in which the level of each
// series is the best for it.
type estimate struct {
	p      *pooledDemand
	coefs  [][]float64
	h      [][]float64 // lower half of the negative Hessian, with the prior's
	g      [][]float64
	moment [5]float64 // of the variance: Σμ²/v², Σμ³/v², Σμ⁴/v², Σe²μ/v², Σe²μ²/v²
}

func newEstimate(p *pooledDemand, groups int) *estimate {
	e := &estimate{p: p}
	for range groups {
		e.coefs = append(e.coefs, make([]float64, p.columns))
		e.h = append(e.h, make([]float64, p.columns*p.columns))
		e.g = append(e.g, make([]float64, p.columns))
	}
	return e
}

// run takes Newton steps until coefficients stay where they are, at most so many.
func (e *estimate) run(series iter.Seq[Series], group func(Series) int, prior shrinkage, most int) error {
	for step := range most {
		for i := range e.coefs {
			clear(e.h[i])
			clear(e.g[i])
		}
		clear(e.moment[:])
		used := 0
		for s := range series {
			if g := group(s); g >= 0 && e.p.usable(s) && e.add(s, g) {
				used++
			}
		}
		if used == 0 {
			return fmt.Errorf("%w: nothing was sold of any series", ErrShort)
		}
		e.dispersion()
		n, moved := e.p.columns, 0.0
		for i := range e.coefs {
			for a := range n {
				e.h[i][a*n+a] += prior.precision[a]
				e.g[i][a] -= prior.precision[a] * (e.coefs[i][a] - prior.mean[a])
			}
			move := solveNormal(slices.Clone(e.h[i]), e.g[i], n, 0)
			for a, v := range move {
				v = math.Min(math.Max(v, -1), 1)
				e.coefs[i][a] += v
				moved = math.Max(moved, math.Abs(v))
			}
		}
		if moved < 1e-3 && step > 0 {
			break
		}
	}
	return nil
}

// add adds what a series says of a group; false where nothing was sold.
func (e *estimate) add(s Series, group int) bool {
	p := e.p
	x := p.expand(s)
	coefs, n := e.coefs[group], p.columns
	factors := make([]float64, len(s.Values))
	r := &seriesRows{values: s.Values, lower: s.Lower, factors: factors}
	sum := 0.0
	for t, v := range s.Values {
		if math.IsNaN(v) {
			continue
		}
		sum += v
		z := 0.0
		index, value := x.row(t, 1)
		for k, i := range index {
			z += coefs[i] * value[k]
		}
		factors[t] = math.Exp(math.Min(math.Max(z, -30), 30))
	}
	if sum == 0 {
		return false
	}
	_, level := p.level(r, 1)
	h, g := e.h[group], e.g[group]
	total, first := 0.0, make([]float64, n)
	for t, v := range s.Values {
		if math.IsNaN(v) {
			continue
		}
		mu := level * factors[t]
		omega := 1 / (p.phi + p.alpha*mu)
		y := p.amount(r, t, mu)
		weight, residual := omega*mu, omega*(y-mu)
		total += weight
		index, value := x.row(t, 1)
		for k, i := range index {
			g[i] += residual * value[k]
			w := weight * value[k]
			first[i] += w
			for l := range k + 1 { // columns ascend, but for the season's first
				a, b := i, index[l]
				if a < b {
					a, b = b, a
				}
				h[a*n+b] += w * value[l]
			}
		}
		if mu > 0 && !s.lower(t) {
			va := p.phi*mu + p.alpha*mu*mu
			w := 1 / (va * va)
			square := math.Min((v-mu)*(v-mu), 50*va)
			e.moment[0] += mu * mu * w
			e.moment[1] += mu * mu * mu * w
			e.moment[2] += mu * mu * mu * mu * w
			e.moment[3] += square * mu * w
			e.moment[4] += square * mu * mu * w
		}
	}
	for a := range n {
		if first[a] == 0 {
			continue
		}
		for b := range a + 1 {
			h[a*n+b] -= first[a] * first[b] / total
		}
	}
	return true
}

// dispersion finds φ and α by least squares of squared errors on μ and μ².
func (e *estimate) dispersion() {
	m := e.moment
	det := m[0]*m[2] - m[1]*m[1]
	phi, alpha := 0.0, 0.0
	if det > 1e-9*m[0]*m[2] {
		phi, alpha = (m[3]*m[2]-m[4]*m[1])/det, (m[4]*m[0]-m[3]*m[1])/det
	}
	if alpha <= 0 || det <= 1e-9*m[0]*m[2] {
		phi, alpha = m[3]/m[0], 0
	}
	if phi <= 0 {
		phi, alpha = 0, m[4]/m[2]
	}
	least := 1e-6
	if e.p.counts {
		least = 0.5 // a count varies at least by about as much as Poisson's
	}
	e.p.phi, e.p.alpha = math.Max(phi, least), math.Max(alpha, 1e-6)
}

// spread is the precision of groups about the whole, of columns that shrink alike.
func (e *estimate) spread(mean, before []float64, d *design) []float64 {
	out := slices.Clone(before)
	var posterior [][]float64
	for i := range e.h {
		posterior = append(posterior, inverseDiagonal(e.h[i], d.columns))
	}
	d.blocks(func(from, to int, _ string) {
		sum := 0.0
		for i := range e.coefs {
			for a := from; a < to; a++ {
				v := e.coefs[i][a] - mean[a]
				sum += v*v + posterior[i][a]
			}
		}
		v := sum / float64(len(e.coefs)*(to-from))
		for a := from; a < to; a++ {
			out[a] = 1 / math.Max(v, 1e-6)
		}
	})
	return out
}

// inverseDiagonal is the diagonal of the inverse of a positive definite matrix, of which the lower half is read.
func inverseDiagonal(h []float64, n int) []float64 {
	out, unit := make([]float64, n), make([]float64, n)
	l := slices.Clone(h)
	for j := range n {
		d := l[j*n+j]
		for k := range j {
			d -= l[j*n+k] * l[j*n+k]
		}
		d = math.Sqrt(math.Max(d, 1e-12))
		l[j*n+j] = d
		for i := j + 1; i < n; i++ {
			v := l[i*n+j]
			for k := range j {
				v -= l[i*n+k] * l[j*n+k]
			}
			l[i*n+j] = v / d
		}
	}
	for j := range n { // column j of L⁻¹ has the part of the diagonal
		clear(unit)
		unit[j] = 1
		for i := j; i < n; i++ {
			v := unit[i]
			for k := j; k < i; k++ {
				v -= l[i*n+k] * unit[k]
			}
			unit[i] = v / l[i*n+i]
			out[j] += unit[i] * unit[i]
		}
	}
	return out
}

// atLeast is the mean of an amount, of which so much is expected with such a variance, that is y at least, by a normal distribution that is cut off.
func atLeast(y, mu, variance float64) float64 {
	sd := math.Sqrt(variance)
	a := (y - 0.5 - mu) / math.Max(sd, 1e-300)
	if a < -6 {
		return math.Max(mu, y)
	}
	tail := math.Erfc(a/math.Sqrt2) / 2
	if tail < 1e-12 {
		return y
	}
	return math.Max(mu+sd*math.Exp(-a*a/2)/math.Sqrt(2*math.Pi)/tail, y)
}

// amountQuantile is the quantile of an amount of a mean and variance: of counts the negative binomial one, else that of a gamma distribution.
func amountQuantile(mu, variance, level float64, counts bool) float64 {
	if mu <= 0 {
		return 0
	}
	if counts && mu < 100 {
		variance = math.Max(variance, mu*(1+1e-6))
		size := mu * mu / (variance - mu)
		// P(0) = (size/(size + μ))^size, and each next from the one before.
		p := math.Exp(-size * math.Log1p(mu/size))
		ratio := mu / (size + mu)
		sum := p
		k := 0.0
		for sum < level && k < 1e5 {
			p *= (size + k) / (k + 1) * ratio
			sum += p
			k++
		}
		return k
	}
	variance = math.Max(variance, 1e-12*mu*mu)
	shape := mu * mu / variance
	var q float64
	if shape > 1e6 {
		q = mu + math.Sqrt(variance)*distuv.UnitNormal.Quantile(level)
	} else {
		q = distuv.Gamma{Alpha: shape, Beta: shape / mu}.Quantile(level)
	}
	if counts {
		q = math.Round(q)
	}
	return math.Max(q, 0)
}
