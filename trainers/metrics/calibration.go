package metrics

import "math"

// Calibration compares predicted probabilities with what happened: a reliability table over bins of equal width. Of two classes it is
// about the probability of the positive one, of several about that of the predicted one.
type Calibration struct {
	// Method is by which the model's probabilities were calibrated: "platt", "isotonic", "temperature"; "" for none.
	Method string `json:"method,omitempty"`
	// Before are the figures of the probabilities before that.
	Before Values `json:"before,omitempty"`
	Bins   []Bin  `json:"bins"` // that have rows
}

// Bin is the rows whose probability lies in [Low, High), the last bin with its end.
type Bin struct {
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Weight    float64 `json:"weight"`    // of the rows
	Predicted float64 `json:"predicted"` // mean probability
	Observed  float64 `json:"observed"`  // share of the rows where it happened
}

// ECE is the expected calibration error, the mean distance over the rows between what a bin predicts and what was observed in it
// (Naeini, Cooper and Hauskrecht, AAAI 2015).
func (c *Calibration) ECE() float64 {
	var distance, total sum
	for _, b := range c.Bins {
		distance.add(b.Weight * math.Abs(b.Predicted-b.Observed))
		total.add(b.Weight)
	}
	return ratio(distance.value(), total.value())
}

// CalibrationBin is the number of the bin of a probability, from 0 to CalibrationBins−1.
func CalibrationBin(p float64) int { return min(int(p*CalibrationBins), CalibrationBins-1) }

// CalibrationBins is how many bins a reliability table has at most: as in Guo et al., "On Calibration of Modern Neural Networks",
// ICML 2017.
const CalibrationBins = 15

// curve adds up the bins of a reliability table.
type curve [CalibrationBins]struct{ weight, predicted, observed sum }

// add counts a row of a weight for which something of probability p happened (1) or not (0).
func (c *curve) add(p, happened, weight float64) {
	b := &c[CalibrationBin(p)]
	b.weight.add(weight)
	b.predicted.add(weight * p)
	b.observed.add(weight * happened)
}

func (c *curve) table() *Calibration {
	t := &Calibration{Bins: []Bin{}}
	for i := range c {
		if w := c[i].weight.value(); w > 0 {
			t.Bins = append(t.Bins, Bin{
				Low: float64(i) / CalibrationBins, High: float64(i+1) / CalibrationBins, Weight: w,
				Predicted: c[i].predicted.value() / w, Observed: c[i].observed.value() / w,
			})
		}
	}
	return t
}
