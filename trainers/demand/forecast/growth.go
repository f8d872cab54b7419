package forecast

import (
	"fmt"
	"math"
)

// SeasonalGrowth repeats the average of the last two seasons of the longest length – or the last one, where there is no more – smoothed over
// neighboring steps, times the growth of the last quarter of a season over the same steps a season before, of which the root is taken: half of what grew
// lately stays. It is for long seasons of which few were seen, such as two years of weeks.
type SeasonalGrowth struct{}

// Name says "seasonal growth".
func (SeasonalGrowth) Name() string { return "seasonal growth" }

// Forecast needs one of the longest season and a quarter.
func (SeasonalGrowth) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 4)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	n, period := len(h.y), 0
	for _, p := range s.Periods {
		if n >= p+max(p/4, 1) {
			period = p
		}
	}
	if period == 0 {
		return nil, fmt.Errorf("%w: growth takes a season and a quarter", ErrShort)
	}
	steps := h.steps(o)
	// The forecasts of the last quarter by what precedes it show how far off the method is.
	recent := max(period/4, 1)
	mean := seasonalGrowth(h.y, period, steps)
	sigma, count := 0.0, 0
	if before := n - recent; before >= period+recent {
		for i, f := range seasonalGrowth(h.y[:before], period, recent) {
			e := h.y[before+i] - f
			sigma += e * e
			count++
		}
	} else {
		for i := period; i < n; i++ {
			e := h.y[i] - h.y[i-period]
			sigma += e * e
			count++
		}
	}
	sd := make([]float64, steps)
	for i := range sd {
		sd[i] = math.Sqrt(sigma / float64(count) * float64(1+i/period))
	}
	p := h.normal("seasonal growth", mean, sd, o)
	return p, p.check()
}

// seasonalGrowth forecasts y, which has a season and a quarter at least.
func seasonalGrowth(y []float64, period, steps int) []float64 {
	n, recent := len(y), max(period/4, 1)
	ratio := func(lag int) float64 { // of the last quarter to that of so many steps before
		now, then := 0.0, 0.0
		for i := n - recent; i < n; i++ {
			now += y[i]
			then += y[i-lag]
		}
		if !(now > 0 && then > 0) {
			return 1
		}
		return math.Min(math.Max(math.Sqrt(now/then), 0.5), 2)
	}
	smooth := func(i int) float64 {
		if i < 1 || i+1 >= n {
			return y[i]
		}
		return (y[i-1] + 2*y[i] + y[i+1]) / 4
	}
	one := ratio(period)
	two := 0.0
	if n >= 2*period+recent {
		two = ratio(2 * period)
	} else if n >= 2*period {
		two = one * one
	}
	out := make([]float64, steps)
	for i := range out {
		at := n - period + i%period
		out[i] = one * smooth(at)
		if two > 0 {
			out[i] = (out[i] + two*smooth(at-period)) / 2
		}
	}
	return out
}
