package forecast

import (
	"fmt"
	"iter"
	"math"
	"slices"
)

// Calibration widens or narrows the quantiles of a method by what a backtest showed: for each level and step the factor on the distance from
// the mean that would have covered the share of values it should (split conformal prediction; Vovk, Gammerman, Shafer 2005).
type Calibration struct {
	Levels  []float64
	Factors [][]float64 // level × step
	Scores  int         // values that the backtest compared
}

// fewest scores of a step that have a factor of their own; with fewer, steps share one.
const fewestScores = 60

// Calibrate forecasts the ends of series that it hides, at so many origins a horizon apart, and learns factors of the errors. Method makes the method
// that is calibrated from what is known at an origin, which a method that is not pooled need not look at.
//
// Memory does not grow with the number of series: of many, an even sample is looked at.
func Calibrate(series iter.Seq[Series], o Options, origins int, run func(n int, f func(i int)), method func(known iter.Seq[Series]) Method) (*Calibration, error) {
	if o.Horizon < 1 || origins < 1 || len(o.Levels) == 0 {
		return nil, fmt.Errorf("%w: a calibration of %d levels at %d origins, %d steps ahead", ErrInput, len(o.Levels), origins, o.Horizon)
	}
	const sample = 400
	c := &Calibration{Levels: o.Levels}
	scores := make([][][]float64, len(o.Levels)) // level × step
	for k := range scores {
		scores[k] = make([][]float64, o.Horizon)
	}
	for origin := 1; origin <= origins; origin++ {
		hide := origin * o.Horizon
		known := func(yield func(Series) bool) {
			for s := range series {
				if len(s.Values) > hide && !yield(s.Cut(hide)) {
					return
				}
			}
		}
		m := method(known)
		long, same := 0, 0
		chosen := evenly(series, sample, func(s Series) bool {
			if len(s.Values) < hide+8 {
				return false
			}
			if long++; !alike(s, hide) {
				return false
			}
			same++
			return true
		})
		if 2*same < long { // a few that are not like the others say nothing of these
			continue
		}
		predictions := make([]*Prediction, len(chosen))
		run(len(chosen), func(i int) {
			s := chosen[i]
			p, err := m.Forecast(s.Cut(hide), o)
			if err == nil {
				predictions[i] = p
			}
		})
		for i, p := range predictions {
			if p == nil {
				continue
			}
			at := len(chosen[i].Values) - hide
			for step := range o.Horizon {
				y := chosen[i].Values[at+step]
				if math.IsNaN(y) {
					continue
				}
				c.Scores++
				for k := range o.Levels {
					if d := p.Quantiles[k][step] - p.Mean[step]; math.Abs(d) > 1e-9*math.Abs(p.Mean[step]) && d != 0 {
						scores[k][step] = append(scores[k][step], (y-p.Mean[step])/d)
					}
				}
			}
		}
	}
	for k, level := range o.Levels {
		factors := make([]float64, o.Horizon)
		var all []float64
		for _, s := range scores[k] {
			all = append(all, s...)
		}
		shared := factor(all, level)
		for step := range factors {
			if factors[step] = shared; len(scores[k][step]) >= fewestScores {
				factors[step] = factor(scores[k][step], level)
			}
		}
		c.Factors = append(c.Factors, factors)
	}
	return c, nil
}

// alike says whether methods see the same seasons in a series without its last steps as with them: two years of weeks without a quarter are
// not two years, and errors there say nothing of those here.
func alike(s Series, hide int) bool {
	n := len(s.Values)
	for _, p := range s.Periods {
		if n/p != (n-hide)/p && (n-hide)/p < 3 {
			return false
		}
	}
	return true
}

// factor is what distances from the mean are to be multiplied by, of scores in units of such distances: their quantile at the level that
// lies outward, with the correction (n + 1)/n of conformal prediction; 1 where the scores are too few, or of quantiles about the mean.
func factor(scores []float64, level float64) float64 {
	outer := math.Max(level, 1-level)
	n := float64(len(scores))
	at := outer * (n + 1) / n
	if n == 0 || at > 1 || outer < 0.55 {
		return 1
	}
	slices.Sort(scores)
	return math.Min(math.Max(quantile(scores, at), 0.05), 20)
}

// evenly takes at most twice so many series, each so-manieth of those that are wanted.
func evenly(series iter.Seq[Series], most int, want func(Series) bool) []Series {
	var kept []Series
	every, i := 1, 0
	for s := range series {
		if !want(s) {
			continue
		}
		if i%every == 0 {
			if len(kept) == 2*most {
				for j := range most {
					kept[j] = kept[2*j]
				}
				kept = slices.Delete(kept, most, 2*most)
				every *= 2
			}
			if i%every == 0 {
				kept = append(kept, s)
			}
		}
		i++
	}
	return kept
}

// Apply calibrates a prediction of the same levels, in place. Steps beyond the backtest's horizon are as the last.
func (c *Calibration) Apply(p *Prediction, nonNegative bool) error {
	if !slices.Equal(c.Levels, p.Levels) {
		return fmt.Errorf("%w: quantiles at %v, calibrated at %v", ErrInput, p.Levels, c.Levels)
	}
	for k, q := range p.Quantiles {
		for i := range q {
			f := c.Factors[k][min(i, len(c.Factors[k])-1)]
			q[i] = p.Mean[i] + f*(q[i]-p.Mean[i])
			if nonNegative && q[i] <= 0 {
				q[i] = 0
			}
		}
	}
	p.ordered()
	return p.check()
}

// Calibrated is a method with calibrated quantiles.
type Calibrated struct {
	Method
	Calibration *Calibration
}

// Forecast calibrates what the method says.
func (c Calibrated) Forecast(s Series, o Options) (*Prediction, error) {
	p, err := c.Method.Forecast(s, o)
	if err != nil {
		return nil, err
	}
	return p, c.Calibration.Apply(p, o.NonNegative)
}
