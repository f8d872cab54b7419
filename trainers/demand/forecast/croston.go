package forecast

import (
	"fmt"
	"math"

	"debut/kernels/philox"
)

// Croston forecasts demand that comes now and then by the size of a demand over the interval between two, both smoothed exponentially
// (Croston 1972), with the correction of Syntetos and Boylan (2005) where SBA is set. Alpha 0 stands for 0.1.
type Croston struct {
	Alpha float64
	SBA   bool
}

// Name says which.
func (m Croston) Name() string {
	if m.SBA {
		return "Croston-SBA"
	}
	return "Croston"
}

// Forecast needs one observation; values are 0 or above.
func (m Croston) Forecast(s Series, o Options) (*Prediction, error) {
	alpha, err := weight(m.Alpha)
	if err != nil {
		return nil, err
	}
	h, demands, err := intermittent(s, o, m.Name())
	if err != nil || h.flat {
		return flatOr(h, o, err)
	}
	size, interval, since, first := 0.0, 0.0, 1.0, true
	for _, v := range h.y {
		if v == 0 {
			since++
			continue
		}
		if first {
			size, interval, first = v, since, false
		} else {
			size += alpha * (v - size)
			interval += alpha * (since - interval)
		}
		since = 1
	}
	rate := size / interval
	if m.SBA {
		rate *= 1 - alpha/2
	}
	return h.compound(m.Name(), rate, 1/interval, demands, o)
}

// TSB forecasts the probability of a demand, updated at each step, times the size of a demand, updated at demands (Teunter, Syntetos,
// Babai 2011), so that what is sold no more fades away. Weights of 0 stand for 0.1.
type TSB struct {
	Alpha, Beta float64 // weights of sizes and of probabilities
}

// Name says "TSB".
func (TSB) Name() string { return "TSB" }

// Forecast needs one observation; values are 0 or above.
func (m TSB) Forecast(s Series, o Options) (*Prediction, error) {
	alpha, err := weight(m.Alpha)
	if err != nil {
		return nil, err
	}
	beta, err := weight(m.Beta)
	if err != nil {
		return nil, err
	}
	h, demands, err := intermittent(s, o, m.Name())
	if err != nil || h.flat {
		return flatOr(h, o, err)
	}
	size, first := 0.0, true
	probability := float64(len(demands)) / float64(len(h.y))
	for _, v := range h.y {
		if v == 0 {
			probability -= beta * probability
			continue
		}
		if first {
			size, first = v, false
		} else {
			size += alpha * (v - size)
		}
		probability += beta * (1 - probability)
	}
	return h.compound(m.Name(), size*probability, probability, demands, o)
}

func weight(alpha float64) (float64, error) {
	if alpha == 0 {
		return 0.1, nil
	}
	if !(alpha > 0 && alpha <= 1) {
		return 0, fmt.Errorf("%w: a weight of %v; weights are above 0, up to 1", ErrInput, alpha)
	}
	return alpha, nil
}

func flatOr(h *history, o Options, err error) (*Prediction, error) {
	if err != nil {
		return nil, err
	}
	return h.flatPrediction(o), nil
}

// intermittent begins with a series of amounts and lists those that are not 0.
func intermittent(s Series, o Options, name string) (*history, []float64, error) {
	h, err := begin(s, o, 1)
	if err != nil {
		return nil, nil, err
	}
	var demands []float64
	for i, v := range h.y {
		if v < 0 {
			return nil, nil, fmt.Errorf("%w: observation %d is %v, and %s is for amounts", ErrUnfit, i+1, v*h.scale, name)
		}
		if v > 0 {
			demands = append(demands, v)
		}
	}
	return h, demands, nil
}

// compound forecasts a constant rate, with quantiles of a demand that comes with a probability and is one of those seen, brought to the
// rate by its size.
func (h *history) compound(name string, rate, probability float64, demands []float64, o Options) (*Prediction, error) {
	steps := h.steps(o)
	probability = math.Min(math.Max(probability, 0), 1)
	size := rate
	if probability > 0 {
		size = rate / (probability * mean(demands))
	}
	draws := make([]float64, simulated)
	stream := philox.New(o.Seed, philox.StreamOf("intermittent"))
	for i := range draws {
		d := demands[stream.IntN(len(demands))] * size
		if stream.Float64() < probability {
			draws[i] = d
		}
	}
	paths := make([][]float64, steps)
	for i := range paths {
		paths[i] = draws
	}
	p := h.sampled(name, repeat(rate, steps), paths, o)
	return p, p.check()
}

// Intermittent says whether a series has so many zeros among its values – more than half – that methods of a level see little.
func Intermittent(s Series) bool {
	zeros, n := 0, 0
	for _, v := range s.known() {
		if v < 0 {
			return false
		}
		if !math.IsNaN(v) {
			n++
			if v == 0 {
				zeros++
			}
		}
	}
	return 2*zeros > n
}
