package forecast

import (
	"fmt"
	"math"
)

// Profile is a level and a profile of the longest season – the hours of a week, where days and weeks are seasons –, both smoothed with weights
// that made the best forecasts of this horizon from origins a shortest season apart: the double seasonal smoothing of Taylor (2003) with a
// profile of one length, which holds the shorter seasons, too.
type Profile struct{}

// Name says "profile".
func (Profile) Name() string { return "profile" }

var (
	profileLevels = []float64{0.001, 0.003, 0.01, 0.03, 0.1, 0.3}
	profileShapes = []float64{0.05, 0.15, 0.3, 0.5}
)

// Forecast needs three of the longest season.
func (Profile) Forecast(s Series, o Options) (*Prediction, error) {
	h, err := begin(s, o, 4)
	if err != nil {
		return nil, err
	}
	if h.flat {
		return h.flatPrediction(o), nil
	}
	var period int
	for _, p := range h.periods {
		if len(h.y) >= 3*p {
			period = p
		}
	}
	if period == 0 {
		return nil, fmt.Errorf("%w: a profile takes three seasons", ErrShort)
	}
	n, steps := len(h.y), h.steps(o)
	profile := make([]float64, period)
	var level float64
	run := func(alpha, gamma float64, squares []float64, counts []int) float64 {
		level = mean(h.y[:2*period])
		for i := range profile {
			profile[i] = (h.y[i]+h.y[i+period])/2 - level
		}
		loss, made := 0.0, 0
		for t := 2 * period; t < n; t++ {
			if (n-t)%h.period == 0 {
				for i := range min(steps, n-t) {
					e := h.y[t+i] - level - profile[(t+i)%period]
					loss += math.Abs(e)
					made++
					if squares != nil {
						squares[i] += e * e
						counts[i]++
					}
				}
			}
			at := t % period
			e := h.y[t] - level - profile[at]
			level += alpha * e
			profile[at] += gamma * e
		}
		return loss / float64(max(made, 1))
	}
	best, alpha, gamma := math.Inf(1), 0.0, 0.0
	for _, a := range profileLevels {
		for _, g := range profileShapes {
			if loss := run(a, g, nil, nil); loss < best {
				best, alpha, gamma = loss, a, g
			}
		}
	}
	if math.IsInf(best, 1) {
		return nil, fmt.Errorf("%w: a profile", ErrUnfit)
	}
	mean, sd := make([]float64, steps), make([]float64, steps)
	counts := make([]int, steps)
	run(alpha, gamma, sd, counts)
	largest := 0.0
	for i := range mean {
		mean[i] = level + profile[(n+i)%period]
		if counts[i] > 0 { // further steps than any origin has are as uncertain as the last
			largest = math.Max(largest, math.Sqrt(sd[i]/float64(counts[i])))
		}
		sd[i] = largest
	}
	p := h.normal("profile", mean, sd, o)
	return p, p.check()
}
