package forecast

import (
	"fmt"
	"math"
)

func (h *history) fitARIMA(m ARIMA) (*ARIMAModel, error) {
	s := &arimaSearch{period: h.period, tried: map[Order]*ARIMAModel{}}
	if s.period > maxARIMAPeriod {
		s.period = 1
	}
	if m.Order != nil {
		o := *m.Order
		for _, v := range []int{o.P, o.D, o.Q, o.SP, o.SD, o.SQ} {
			if v < 0 || v > 10 {
				return nil, fmt.Errorf("%w: an order of %d; orders are 0 to 10", ErrInput, v)
			}
		}
		if o.SP+o.SD+o.SQ > 0 && s.period == 1 {
			return nil, fmt.Errorf("%w: a seasonal order, of a series without two seasons", ErrUnfit)
		}
		s.d, s.sd = o.D, o.SD
	} else {
		s.d, s.sd = differences(h.y, s.period)
	}
	s.y = h.y
	for range s.sd {
		s.y = difference(s.y, s.period)
	}
	for range s.d {
		s.y = difference(s.y, 1)
	}
	if len(s.y) < 2 {
		return nil, fmt.Errorf("%w: %d observations for %d differences", ErrShort, h.known, s.d+s.sd)
	}
	s.level = mean(s.y)
	s.residuals = make([]float64, len(s.y))
	for i := range s.blocks {
		s.blocks[i] = make([]float64, 10)
	}
	if constant(s.y) { // nothing is left to explain: it goes on by its constant
		return &ARIMAModel{Order: Order{D: s.d, SD: s.sd, Constant: s.y[0] != 0}, Period: s.period, Mean: s.y[0], state: make([]float64, 1)}, nil
	}
	if m.Order != nil {
		o := *m.Order
		if fit := s.fit(o, true, nil); fit != nil {
			return fit, nil
		}
		return nil, fmt.Errorf("%w: %s does not fit %d observations; use a smaller order", ErrUnfit, m.Name(), h.known)
	}
	s.cheap = len(h.y) > 150 || s.period > 12
	best := s.stepwise()
	if best == nil {
		return nil, fmt.Errorf("%w: no ARIMA model", ErrUnfit)
	}
	return best, nil
}

// try fits an order once, and says whether it is better than the best so far.
func (s *arimaSearch) try(o Order, best **ARIMAModel, from []float64) bool {
	if _, done := s.tried[o]; done {
		return false
	}
	m := s.fit(o, !s.cheap, from)
	if m != nil && !s.margin() {
		m = nil
	}
	s.tried[o] = m
	if m == nil || *best != nil && m.AICc >= (*best).AICc {
		return false
	}
	*best = m
	return true
}

// stepwise begins with four models and goes to better neighbors, until there are none. Where the search is by conditional sums of squares,
// the best are fitted exactly at its end, the first that keeps clear of unit roots is taken.
func (s *arimaSearch) stepwise() *ARIMAModel {
	n := len(s.y)
	maxP := min(maxARMA, n/3)
	maxSP := 0
	if s.period > 1 {
		maxSP = min(maxSeasonal, n/3/s.period)
	}
	constant := s.d+s.sd <= 1
	start := Order{P: min(2, maxP), Q: min(2, maxP), SP: min(1, maxSP), SQ: min(1, maxSP), Constant: constant}
	var best *ARIMAModel
	s.try(start, &best, nil)
	s.try(Order{Constant: constant}, &best, nil)
	if maxP > 0 || maxSP > 0 {
		s.try(Order{P: min(1, maxP), SP: min(1, maxSP), Constant: constant}, &best, nil)
		s.try(Order{Q: min(1, maxP), SQ: min(1, maxSP), Constant: constant}, &best, nil)
	}
	if constant {
		s.try(Order{}, &best, nil)
	}
	if best == nil {
		return s.plain()
	}
	moves := [...][4]int{ // of p, q, P, Q
		{0, 0, -1, 0}, {0, 0, 0, -1}, {0, 0, 1, 0}, {0, 0, 0, 1}, {0, 0, -1, -1}, {0, 0, -1, 1}, {0, 0, 1, -1}, {0, 0, 1, 1},
		{-1, 0, 0, 0}, {0, -1, 0, 0}, {1, 0, 0, 0}, {0, 1, 0, 0}, {-1, -1, 0, 0}, {-1, 1, 0, 0}, {1, -1, 0, 0}, {1, 1, 0, 0},
	}
	within := func(v, most int) bool { return v >= 0 && v <= most }
search:
	for len(s.tried) < maxTried {
		at := best.Order
		at.D, at.SD = 0, 0
		for _, m := range moves {
			o := at
			o.P, o.Q, o.SP, o.SQ = o.P+m[0], o.Q+m[1], o.SP+m[2], o.SQ+m[3]
			if within(o.P, maxP) && within(o.Q, maxP) && within(o.SP, maxSP) && within(o.SQ, maxSP) && s.try(o, &best, nil) {
				continue search
			}
		}
		o := at
		o.Constant = !o.Constant
		if s.d+s.sd <= 1 && s.try(o, &best, nil) {
			continue
		}
		break
	}
	if !s.cheap {
		return best
	}
	for {
		if m := s.fit(best.Order, true, best.x); m != nil && s.margin() {
			return m
		}
		// The next best. Ties are settled by the order.
		delete(s.tried, bare(best.Order))
		best = nil
		for _, m := range s.tried {
			if m != nil && (best == nil || m.AICc < best.AICc || m.AICc == best.AICc && less(m.Order, best.Order)) {
				best = m
			}
		}
		if best == nil {
			return s.plain()
		}
	}
}

func bare(o Order) Order {
	o.D, o.SD = 0, 0
	return o
}

// less puts orders in a row.
func less(a, b Order) bool {
	x, y := [4]int{a.P, a.Q, a.SP, a.SQ}, [4]int{b.P, b.Q, b.SP, b.SQ}
	for i := range x {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return !a.Constant && b.Constant
}

// plain is the model of differences alone, for series that allow no other; nil where not even that fits.
func (s *arimaSearch) plain() *ARIMAModel {
	m := s.fit(Order{}, true, nil)
	if m == nil {
		return nil
	}
	if math.IsNaN(m.AICc) || math.IsInf(m.AICc, 0) {
		m.AICc = math.MaxFloat64
	}
	return m
}
