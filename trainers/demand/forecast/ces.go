package forecast

import (
	"fmt"
	"math"
)

// CES is complex exponential smoothing (Svetunkov, Kourentzes, Ord, "Complex exponential smoothing", 2022): a level and an information
// part smoothed by a complex weight, which describes stationary series and trends without a choice between them. The season – none,
// that of the states themselves, added, or complex – has the lowest AICc. First states come from passes forward and backward.
type CES struct{}

// Name says "CES".
func (CES) Name() string { return "CES" }

type cesKind int

const (
	cesPlain   cesKind = iota
	cesSimple          // states of a season before
	cesPartial         // and real seasons, added
	cesFull            // and complex seasons, added
)

var cesNames = [...]string{"CES", "CES(simple)", "CES(partial)", "CES(full)"}

// cesFilter runs a kind over values; states wander in rings of a season.
type cesFilter struct {
	y                  []float64
	kind               cesKind
	m                  int
	a0, a1, b0, b1     float64
	level, info        []float64 // one state, or a ring
	season, seasonInfo []float64
	at                 int
}

// Forecast needs four observations.
func (CES) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 4)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	kinds := []cesKind{cesPlain}
	if h.period > 1 && h.period <= maxETSPeriod {
		kinds = []cesKind{cesPlain, cesSimple, cesPartial, cesFull}
	}
	var best *cesFilter
	var bestX []float64
	bestScore, sigma2 := math.Inf(1), 0.0
	for _, kind := range kinds {
		f := newCES(h, kind)
		x := append([]float64(nil), [][]float64{{1.3, 1}, {1.3, 1}, {1.3, 1, 0.1}, {1.3, 1, 1.3, 1}}[kind]...)
		n, k := float64(len(h.y)), float64(len(x)+1)
		if n-k-1 <= 0 {
			continue
		}
		objective := func(x []float64) float64 {
			if !f.set(x) {
				return math.Inf(1)
			}
			return f.backcast()
		}
		if math.IsInf(objective(x), 1) {
			continue
		}
		var simplex nelderMead
		simplex.minimize(objective, x, 0.1, 400, 1e-8)
		sse := simplex.minimize(objective, x, 0.05, 400, 1e-8)
		if !(sse > 0) {
			continue
		}
		if score := n*math.Log(sse/n) + 2*k + 2*k*(k+1)/(n-k-1); score < bestScore {
			best, bestX, bestScore, sigma2 = f, x, score, sse/math.Max(n-k+1, 1)
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w: complex exponential smoothing", ErrUnfit)
	}
	best.set(bestX)
	best.backcast()
	mean, sd := make([]float64, h.steps(o)), make([]float64, h.steps(o))
	for i := range mean {
		mean[i] = best.value()
		best.move(0)
	}
	// The variance is σ² times the sum of the squared effects of an error of 1.
	unit := newCES(h, best.kind)
	unit.set(bestX)
	unit.clear()
	unit.move(1)
	sum := 1.0
	for i := range sd {
		sd[i] = math.Sqrt(sigma2 * sum)
		c := unit.value()
		sum += c * c
		unit.move(0)
	}
	p := h.normal(cesNames[best.kind], mean, sd, o)
	return p, p.check()
}

func newCES(h *history, kind cesKind) *cesFilter {
	f := &cesFilter{y: h.y, kind: kind, m: h.period}
	n := 1
	if kind == cesSimple {
		n = f.m
	}
	f.level, f.info = make([]float64, n), make([]float64, n)
	if kind >= cesPartial {
		f.season, f.seasonInfo = make([]float64, f.m), make([]float64, f.m)
	}
	return f
}

// set takes weights; false where the model would run away.
func (f *cesFilter) set(x []float64) bool {
	f.a0, f.a1 = x[0], x[1]
	// Eigenvalues of the matrix that carries states without a look at the value: within the unit circle.
	trace, det := 2-2*f.a0+f.a1, (1-f.a0+f.a1)*(1-f.a0)+(1-f.a1)*(1-f.a0-f.a1)
	if math.Abs(det) >= 1 || math.Abs(trace) >= 1+det {
		return false
	}
	switch f.kind {
	case cesPartial:
		f.b0 = x[2]
		return f.b0 >= 0 && f.b0 <= 1
	case cesFull:
		f.b0, f.b1 = x[2], x[3]
		return f.b0 >= 0.01 && f.b0 <= 1.8 && f.b1 >= 0.01 && f.b1 <= 1.9
	}
	return true
}

func (f *cesFilter) clear() {
	for _, v := range [][]float64{f.level, f.info, f.season, f.seasonInfo} {
		clear(v)
	}
	f.at = 0
}

// value is the prediction of the next one.
func (f *cesFilter) value() float64 {
	v := f.level[f.at%len(f.level)]
	if f.season != nil {
		v += f.season[f.at%f.m]
	}
	return v
}

// move goes a step on, after the error e.
func (f *cesFilter) move(e float64) {
	k := f.at % len(f.level)
	l, c := f.level[k], f.info[k]
	f.level[k] = l - (1-f.a1)*c + (f.a0-f.a1)*e
	f.info[k] = l + (1-f.a0)*c + (f.a0+f.a1)*e
	if f.season != nil {
		k := f.at % f.m
		s, c := f.season[k], f.seasonInfo[k]
		if f.kind == cesPartial {
			f.season[k] = s + f.b0*e
		} else {
			f.season[k] = s - (1-f.b1)*c + (f.b0-f.b1)*e
			f.seasonInfo[k] = s + (1-f.b0)*c + (f.b0+f.b1)*e
		}
	}
	if f.at++; f.at == f.m {
		f.at = 0
	}
}

// start sets states before the first value.
func (f *cesFilter) start() {
	f.clear()
	if f.kind == cesSimple {
		copy(f.level, f.y)
	} else {
		f.level[0] = mean(f.y[:min(10, len(f.y))])
	}
	for i, v := range f.level {
		f.info[i] = v / 1.1
	}
	if f.season != nil {
		copy(f.season, decompose(f.y, f.m, false))
		if f.kind == cesFull {
			for i, v := range f.season {
				f.seasonInfo[i] = v / 1.1
			}
		}
	}
}

// backcast passes over the values forward, backward and forward again, and returns the sum of squared errors of the last pass.
func (f *cesFilter) backcast() float64 {
	f.start()
	n := len(f.y)
	for _, y := range f.y {
		f.move(y - f.value())
	}
	f.turn()
	for i := n - 1; i >= 0; i-- {
		f.move(f.y[i] - f.value())
	}
	f.turn()
	sse := 0.0
	for _, y := range f.y {
		e := y - f.value()
		sse += e * e
		f.move(e)
	}
	if math.IsNaN(sse) {
		return math.Inf(1)
	}
	return sse
}

// turn makes the rings those of time running the other way: what came last comes next.
func (f *cesFilter) turn() {
	for _, ring := range [][]float64{f.level, f.info, f.season, f.seasonInfo} {
		n := len(ring)
		if n < 2 {
			continue
		}
		// Next in line is at, at+1, …; backwards it is at−1, at−2, …, which are to stand at 0, 1, ….
		rotate(ring, f.at%n)
		for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
			ring[i], ring[j] = ring[j], ring[i]
		}
	}
	f.at = 0
}

// rotate moves what is at k to the front.
func rotate(x []float64, k int) {
	reverse := func(x []float64) {
		for i, j := 0, len(x)-1; i < j; i, j = i+1, j-1 {
			x[i], x[j] = x[j], x[i]
		}
	}
	reverse(x[:k])
	reverse(x[k:])
	reverse(x)
}
