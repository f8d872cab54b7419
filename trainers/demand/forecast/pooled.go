package forecast

import (
	"fmt"
	"iter"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// Pooled is a method that learns from many series and then forecasts each.
type Pooled interface {
	Name() string
	// Train learns from the series, one after another, for o.Horizon steps. Memory does not grow with their number.
	Train(series iter.Seq[Series], o Options) (Method, error)
}

// PooledRidge is a linear regression of each step ahead on the last values, one for all series, with a penalty on the squares of its weights.
// Values are relative to the level of their window, the average of Level values at its end: quotients, or differences of logarithms.
type PooledRidge struct {
	Lags   int
	Level  int     // values that make the level; Lags where it is 0
	Log    bool    // logarithms, for series whose values are above 0
	Ridge  float64 // penalty, as a share of the average square of an input; 0 stands for 1e-3
	Stride int     // one window in so many is learned from; 0 stands for 1
}

// Name says how many lags.
func (m PooledRidge) Name() string {
	if m.Log {
		return fmt.Sprintf("log pooled ridge(%d)", m.Lags)
	}
	return fmt.Sprintf("pooled ridge(%d)", m.Lags)
}

// farthest is how many scales from the level a value counts: what comes after a window of almost nothing would outweigh all else.
const farthest = 20

// pooledRidge is the trained method.
type pooledRidge struct {
	PooledRidge
	horizon int
	weights []float64 // of Lags inputs and a one, for each step
	spread  []float64 // standard deviation of the errors of a step, relative
	windows int
}

// window writes the values y, of which the last Level make the level, relative to it and to their distance from it; false where the
// level is not above 0 or nothing changes.
func (m PooledRidge) window(y, x []float64) (level, scale float64, ok bool) {
	tail := y[len(y)-m.Level:]
	for _, v := range tail {
		if m.Log {
			level += math.Log(v)
		} else {
			level += v
		}
	}
	level /= float64(len(tail))
	if m.Log {
		for i, v := range y {
			x[i] = math.Log(v) - level
		}
	} else {
		if !(level > 0) {
			return 0, 0, false
		}
		for i, v := range y {
			x[i] = v/level - 1
		}
	}
	for _, v := range x[:len(y)] {
		scale += v * v
	}
	scale = math.Sqrt(scale / float64(len(y)))
	if !(scale > 1e-9) || math.IsInf(level, 0) {
		return 0, 0, false
	}
	for i := range y {
		x[i] /= scale
	}
	return level, scale, true
}

// Train needs windows of Lags values with Horizon after them, more of them than inputs.
func (m PooledRidge) Train(series iter.Seq[Series], o Options) (Method, error) {
	if m.Level == 0 {
		m.Level = m.Lags
	}
	if m.Lags < 1 || m.Level < 1 || m.Level > m.Lags || o.Horizon < 1 || m.Ridge < 0 || m.Stride < 0 {
		return nil, fmt.Errorf("%w: a pooled ridge of %d lags, %d of them the level, for %d steps", ErrInput, m.Lags, m.Level, o.Horizon)
	}
	if m.Ridge == 0 {
		m.Ridge = 1e-3
	}
	const block = 256
	k, steps := m.Lags+1, o.Horizon
	gram := make([]float64, k*k)
	cross := make([]float64, k*steps)
	squares := make([]float64, steps)
	x, y := make([]float64, block*k), make([]float64, block*steps)
	rows, windows := 0, 0
	flush := func() {
		if rows == 0 {
			return
		}
		xs := blas64.General{Rows: rows, Cols: k, Stride: k, Data: x}
		blas64.Syrk(blas.Trans, 1, xs, 1, blas64.Symmetric{N: k, Stride: k, Data: gram, Uplo: blas.Lower})
		blas64.Gemm(blas.Trans, blas.NoTrans, 1, xs, blas64.General{Rows: rows, Cols: steps, Stride: steps, Data: y}, 1,
			blas64.General{Rows: k, Cols: steps, Stride: steps, Data: cross})
		rows = 0
	}
	for s := range series {
		h, err := begin(s, o, m.Lags+1)
		if err != nil || m.Log && !h.positive() {
			continue // it is not forecast by this method either
		}
		for end := len(h.y) - steps; end >= m.Lags; end -= max(m.Stride, 1) {
			in := x[rows*k : rows*k+m.Lags]
			level, scale, ok := m.window(h.y[end-m.Lags:end], in)
			if !ok {
				continue
			}
			x[rows*k+m.Lags] = 1
			out := y[rows*steps : (rows+1)*steps]
			for i, v := range h.y[end : end+steps] {
				out[i] = m.relative(v, level, scale)
				squares[i] += out[i] * out[i]
			}
			rows++
			windows++
			if rows == block {
				flush()
			}
		}
	}
	flush()
	if windows <= k {
		return nil, fmt.Errorf("%w: %d windows of %d lags and %d steps in all series; use fewer lags", ErrShort, windows, m.Lags, steps)
	}
	trace := 0.0
	for i := range m.Lags {
		trace += gram[i*k+i]
	}
	penalty := m.Ridge * trace / float64(m.Lags)
	full := append([]float64(nil), gram...)
	weights := append([]float64(nil), cross...)
	solveMany(gram, weights, k, steps, penalty)
	// The errors: Σy² − 2·w'X'y + w'X'X w.
	p := &pooledRidge{PooledRidge: m, horizon: steps, weights: weights, windows: windows, spread: make([]float64, steps)}
	product := make([]float64, k*steps)
	blas64.Symm(blas.Left, 1, blas64.Symmetric{N: k, Stride: k, Data: full, Uplo: blas.Lower},
		blas64.General{Rows: k, Cols: steps, Stride: steps, Data: weights}, 0, blas64.General{Rows: k, Cols: steps, Stride: steps, Data: product})
	for h := range steps {
		sse := squares[h]
		for i := range k {
			w := weights[i*steps+h]
			sse += w * (product[i*steps+h] - 2*cross[i*steps+h])
		}
		p.spread[h] = math.Sqrt(math.Max(sse, 0) / float64(windows-k))
	}
	return p, nil
}

// solveMany solves (A + ridge·I)·X = B for a symmetric A of k rows, of which the lower half is read, and columns of B.
func solveMany(a, b []float64, k, columns int, ridge float64) {
	for j := range k {
		d := a[j*k+j] + ridge
		for _, v := range a[j*k : j*k+j] {
			d -= v * v
		}
		d = math.Sqrt(math.Max(d, 1e-300))
		a[j*k+j] = d
		for i := j + 1; i < k; i++ {
			v := a[i*k+j]
			ri := a[i*k : i*k+j]
			for l, c := range a[j*k : j*k+j] {
				v -= ri[l] * c
			}
			a[i*k+j] = v / d
		}
	}
	t := blas64.Triangular{N: k, Stride: k, Data: a, Uplo: blas.Lower, Diag: blas.NonUnit}
	m := blas64.General{Rows: k, Cols: columns, Stride: columns, Data: b}
	blas64.Trsm(blas.Left, blas.NoTrans, 1, t, m)
	blas64.Trsm(blas.Left, blas.Trans, 1, t, m)
}

// Forecast needs as many values as lags, and a horizon of no more than what was trained.
func (p *pooledRidge) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 1)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	steps := h.steps(o)
	switch {
	case len(h.y) < p.Lags:
		return nil, fmt.Errorf("%w: %d values, where %s takes %d", ErrShort, len(h.y), p.Name(), p.Lags)
	case steps > p.horizon:
		return nil, fmt.Errorf("%w: %d steps from the last observation, where %s was trained for %d", ErrUnfit, steps, p.Name(), p.horizon)
	case p.Log && !h.positive():
		return nil, fmt.Errorf("%w: not all values are above 0, as logarithms need", ErrUnfit)
	}
	x := make([]float64, p.Lags+1)
	level, scale, ok := p.window(h.y[len(h.y)-p.Lags:], x)
	if !ok {
		return nil, fmt.Errorf("%w: the last values have a level of 0 or below, or do not change", ErrUnfit)
	}
	x[p.Lags] = 1
	mean, sd := make([]float64, steps), make([]float64, steps)
	p.apply(x, mean)
	p.errors(h.y, sd)
	for j := range mean {
		mean[j] *= scale
		sd[j] *= scale
	}
	if !p.Log {
		for j := range mean {
			mean[j] = (mean[j] + 1) * level
			sd[j] *= level
		}
		out := h.normal(p.Name(), mean, sd, o)
		return out, out.check()
	}
	unit := *h
	unit.scale, unit.lag = 1, 0
	plain := o
	plain.NonNegative = false
	out := unit.normal(p.Name(), mean, sd, plain)
	for _, v := range append([][]float64{out.Mean}, out.Quantiles...) {
		for j := range v {
			v[j] = math.Exp(level + math.Min(v[j], 50))
		}
	}
	out = h.finish(out, o)
	return out, out.check()
}

// apply adds what the weights say of a window to out, by step.
func (p *pooledRidge) apply(x, out []float64) {
	for i, v := range x {
		w := p.weights[i*p.horizon:]
		for j := range out {
			out[j] += v * w[j]
		}
	}
}

// errors writes the standard deviation of errors in scales of a window, by step: that of the series' own windows, next to which those of all
// series count as five windows, since some series are much harder than others.
func (p *pooledRidge) errors(y, sd []float64) {
	const weight, most = 5, 100
	n := 0.0
	x, out := make([]float64, p.Lags+1), make([]float64, len(sd))
	for end := len(y) - len(sd); end >= p.Lags && n < most; end -= max(p.Stride, 1) {
		level, scale, ok := p.window(y[end-p.Lags:end], x)
		if !ok {
			continue
		}
		x[p.Lags] = 1
		clear(out)
		p.apply(x, out)
		for i, v := range y[end : end+len(sd)] {
			e := p.relative(v, level, scale) - out[i]
			sd[i] += e * e
		}
		n++
	}
	for i := range sd {
		sd[i] = math.Sqrt((sd[i] + weight*p.spread[i]*p.spread[i]) / (n + weight))
	}
}

// relative is what a value is to a window: its distance from the level, in scales.
func (m PooledRidge) relative(v, level, scale float64) float64 {
	if m.Log {
		v = math.Log(v) - level
	} else {
		v = v/level - 1
	}
	return math.Min(math.Max(v/scale, -farthest), farthest)
}
