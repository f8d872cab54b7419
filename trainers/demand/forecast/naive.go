package forecast

import "math"

// SeasonalNaive repeats the last season – the shortest, or the longest that was seen twice –; without a season, the last value. Its errors
// grow as those of a random walk from season to season.
type SeasonalNaive struct {
	Longest bool
}

// Name says "seasonal naive".
func (SeasonalNaive) Name() string { return "seasonal naive" }

// Forecast needs one observation.
func (m SeasonalNaive) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 1)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	n, period := len(h.y), h.period
	if m.Longest && len(h.periods) > 0 {
		period = h.periods[len(h.periods)-1]
	}
	mse := 0.0
	for i := period; i < n; i++ {
		d := h.y[i] - h.y[i-period]
		mse += d * d
	}
	sigma := math.Sqrt(mse / float64(n-period))
	mean, sd := make([]float64, h.steps(o)), make([]float64, h.steps(o))
	for i := range mean {
		mean[i] = h.y[n-period+i%period]
		sd[i] = sigma * math.Sqrt(float64(i/period+1))
	}
	return h.normal("seasonal naive", mean, sd, o), nil
}

// Drift goes on along the line from the first value to the last.
type Drift struct{}

// Name says "drift".
func (Drift) Name() string { return "drift" }

// Forecast needs two observations.
func (Drift) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 2)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	n := len(h.y)
	slope := (h.y[n-1] - h.y[0]) / float64(n-1)
	sse := 0.0
	for i := 1; i < n; i++ {
		d := h.y[i] - h.y[i-1] - slope
		sse += d * d
	}
	sigma := math.Sqrt(sse / float64(max(n-2, 1)))
	mean, sd := make([]float64, h.steps(o)), make([]float64, h.steps(o))
	for i := range mean {
		k := float64(i + 1)
		mean[i] = h.y[n-1] + k*slope
		sd[i] = sigma * math.Sqrt(k*(1+k/float64(n-1)))
	}
	return h.normal("drift", mean, sd, o), nil
}
