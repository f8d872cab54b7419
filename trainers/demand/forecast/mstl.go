package forecast

import (
	"fmt"
	"math"
)

// MSTL takes all seasons out of a series by STL, forecasts what is left by another method, and adds the last season of each length.
// Remainder is ETS{Form: "ZZdN"} where it is nil.
type MSTL struct {
	Remainder Method
}

func (m MSTL) remainder() Method {
	if m.Remainder == nil {
		return ETS{Form: "ZZdN"}
	}
	return m.Remainder
}

// Name is that of the method behind it, too.
func (m MSTL) Name() string { return "MSTL + " + m.remainder().Name() }

// Forecast needs two of the shortest season; of seasons that the series has not two of nothing is seen.
func (m MSTL) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 4)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	if h.period == 1 {
		return nil, fmt.Errorf("%w: a decomposition needs a season, observed twice", ErrShort)
	}
	_, seasons, _ := mstl(h.y, h.periods)
	rest := append([]float64(nil), h.y...)
	for _, season := range seasons {
		for i, v := range season {
			rest[i] -= v
		}
	}
	inner := o
	inner.Horizon, inner.NonNegative = h.steps(o), false
	p, err := m.remainder().Forecast(Series{Values: rest}, inner)
	if err != nil {
		return nil, err
	}
	n := len(h.y)
	for i := range p.Mean {
		add := 0.0
		for k, period := range h.periods {
			add += seasons[k][n-period+i%period]
		}
		p.Mean[i] += add
		for _, q := range p.Quantiles {
			q[i] += add
		}
	}
	p.Method = "MSTL + " + p.Method
	p = h.finish(p, o)
	return p, p.check()
}

// Log forecasts logarithms by another method. The mean becomes the median, which lies below the mean of skewed values.
type Log struct {
	Method
}

// Name says so.
func (m Log) Name() string { return "log " + m.Method.Name() }

// Forecast needs values above 0.
func (m Log) Forecast(s Series, o Options) (*Prediction, error) {
	logs := s
	logs.Values, logs.Lower = make([]float64, len(s.Values)), nil
	highest := math.Inf(-1)
	for i, v := range s.known() {
		if v <= 0 {
			return nil, fmt.Errorf("%w: value %d is %v, which has no logarithm", ErrUnfit, i+1, v)
		}
		logs.Values[i] = math.Log(v)
		if !math.IsNaN(v) {
			highest = math.Max(highest, logs.Values[i])
		}
	}
	o.NonNegative = false
	p, err := m.Method.Forecast(logs, o)
	if err != nil {
		return nil, err
	}
	for _, v := range append([][]float64{p.Mean}, p.Quantiles...) {
		for i := range v {
			v[i] = math.Exp(math.Min(v[i], highest+50)) // a far tail stays a number
		}
	}
	p.Method = "log " + p.Method
	return p, p.check()
}

// SeasonalMean repeats the average of the last seasons of the longest length, at most Seasons of them, 0 for 4.
type SeasonalMean struct {
	Seasons int
}

// Name says "seasonal mean".
func (SeasonalMean) Name() string { return "seasonal mean" }

// Forecast needs one season.
func (m SeasonalMean) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 1)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	period, n := 1, len(h.y)
	if len(h.periods) > 0 {
		period = h.periods[len(h.periods)-1]
	}
	most := m.Seasons
	if most <= 0 {
		most = 4
	}
	seasons := min(most, n/period)
	mean, sd := make([]float64, h.steps(o)), make([]float64, h.steps(o))
	average := make([]float64, period)
	for i := range average {
		for k := range seasons {
			average[i] += h.y[n-(k+1)*period+i] / float64(seasons)
		}
	}
	sse, count := 0.0, 0
	for i := n - seasons*period; i < n; i++ {
		d := h.y[i] - average[(i-(n-seasons*period))%period]
		sse += d * d
		count++
	}
	if seasons == 1 { // one season says nothing of itself: steps do
		sse, count = 0, 0
		for _, d := range difference(h.y, 1) {
			sse += d * d
			count++
		}
	}
	sigma := math.Sqrt(sse / float64(max(count-period, 1)) * (1 + 1/float64(seasons)))
	for i := range mean {
		mean[i] = average[i%period]
		sd[i] = sigma
	}
	return h.normal("seasonal mean", mean, sd, o), nil
}
