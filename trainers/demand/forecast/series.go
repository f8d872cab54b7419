package forecast

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// What errors of methods match.
var (
	ErrInput = errors.New("forecast: wrong input")                      // the series or an option makes no sense
	ErrShort = errors.New("forecast: the series is too short")          // fewer observations than the method needs
	ErrUnfit = errors.New("forecast: the method does not fit a series") // a form that such values do not have, or a fit that failed
)

// Series is what was observed at regular steps.
type Series struct {
	Values  []float64 // NaN where nothing was observed
	Periods []int     // lengths of seasons in steps, ascending: 12 for months, 24 and 168 for hours; empty where there are none
	// Known are columns of covariates whose values are known ahead – prices, promotions, holidays –: each as long as Values and the horizon
	// together. Only [Regression], methods that hold one, and [PooledDemand] look at them.
	Known [][]float64
	// Group is what the series is alike with, such as its category. Pooled methods learn of a group what its series have too little for.
	Group string
	// Attributes are further texts and numbers that say what the series is, of which [Analogy] tells of series without history; as many of each.
	Attributes []string
	// Lower marks values that the amounts were at least as large as, since something had run out; nil: none. Methods take them as not observed, and
	// fill them with what is usual, but no less than the value.
	Lower []bool
	// Launched says that it begins with its first value; other series may have been there before.
	Launched bool
	// Phase is the place of each step within the longest season, from 0 to 1, of the values and the horizon: of weeks in years, of which a year
	// has no whole number. nil: that of the step's number.
	Phase []float64
}

// phase is the place of a step within a season of so many.
func (s *Series) phase(t, period int) float64 {
	if t < len(s.Phase) {
		return s.Phase[t]
	}
	return float64(t%period) / float64(period)
}

// lower says whether a value is a bound.
func (s *Series) lower(t int) bool { return t < len(s.Lower) && s.Lower[t] }

// first is the step of the first value.
func (s *Series) first() int {
	return max(slices.IndexFunc(s.Values, func(v float64) bool { return !math.IsNaN(v) }), 0)
}

// known are the values without those that are bounds, unless there are no others.
func (s *Series) known() []float64 {
	if !slices.Contains(s.Lower, true) {
		return s.Values
	}
	out, seen := slices.Clone(s.Values), false
	for i := range out {
		if s.Lower[i] {
			out[i] = math.NaN()
		}
		seen = seen || !math.IsNaN(out[i])
	}
	if !seen {
		return s.Values
	}
	return out
}

// Options say what is asked of a method.
type Options struct {
	Horizon     int       // steps ahead, at least 1
	Levels      []float64 // probabilities of the quantiles wanted, ascending, within (0, 1)
	NonNegative bool      // the values are amounts: what is below 0 becomes 0
	Seed        uint64    // of the paths that are simulated where no formula is known
}

// Method forecasts a series.
type Method interface {
	Name() string
	Forecast(s Series, o Options) (*Prediction, error)
}

// history is a series as methods fit it: trimmed, filled, scaled.
type history struct {
	y       []float64
	period  int   // the shortest season, 1 where there is none or the series has not two of it
	periods []int // all seasons of which the series has two
	lag     int   // steps that the end lacks: the forecast begins so many steps earlier
	scale   float64
	known   int  // observations among y
	first   int  // where y begins in the series
	flat    bool // all observations are equal
}

// Check reports what is wrong with a series and options, by an error that matches ErrInput.
func Check(s Series, o Options) error {
	if err := checkOptions(s, o); err != nil {
		return err
	}
	if s.Lower != nil && len(s.Lower) != len(s.Values) {
		return fmt.Errorf("%w: %d values, of which %d may be bounds", ErrInput, len(s.Values), len(s.Lower))
	}
	seen := false
	for i, v := range s.Values {
		if math.IsInf(v, 0) {
			return fmt.Errorf("%w: value %d is infinite; leave out what was not observed", ErrInput, i+1)
		}
		seen = seen || !math.IsNaN(v)
	}
	if !seen {
		return fmt.Errorf("%w: no value was observed", ErrInput)
	}
	return nil
}

// checkOptions reports what is wrong with options, seasons and covariates.
func checkOptions(s Series, o Options) error {
	if o.Horizon < 1 {
		return fmt.Errorf("%w: a horizon of %d steps; it is at least 1", ErrInput, o.Horizon)
	}
	for i, l := range o.Levels {
		if !(l > 0 && l < 1) || i > 0 && l <= o.Levels[i-1] {
			return fmt.Errorf("%w: level %v; levels are probabilities between 0 and 1, ascending", ErrInput, l)
		}
	}
	for i, p := range s.Periods {
		if p < 2 || i > 0 && p <= s.Periods[i-1] {
			return fmt.Errorf("%w: a season of %d steps; seasons have at least 2, and ascend", ErrInput, p)
		}
	}
	for k, c := range s.Known {
		if len(c) < len(s.Values)+o.Horizon {
			return fmt.Errorf("%w: covariate %d has %d values, where the series has %d and %d are to come; give its values for all of them", ErrInput,
				k+1, len(c), len(s.Values), o.Horizon)
		}
		for i, v := range c[:len(s.Values)+o.Horizon] {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("%w: covariate %d is missing at step %d; fill it, or leave it out", ErrInput, k+1, i+1)
			}
		}
	}
	return nil
}

// begin checks a series and makes it complete. Ends without observations are cut off, gaps filled by a line between their neighbors,
// on which the seasonal pattern of the whole lies where there are two seasons of it.
func begin(s Series, o Options, needs int) (*history, error) {
	if err := Check(s, o); err != nil {
		return nil, err
	}
	values := s.known()
	first, last := 0, len(values)-1
	for math.IsNaN(values[first]) {
		first++
	}
	for math.IsNaN(values[last]) {
		last--
	}
	h := &history{period: 1, scale: 1, first: first, lag: len(values) - 1 - last, flat: true}
	h.y = append(h.y, values[first:last+1]...)
	largest, start := 0.0, h.y[0]
	for _, v := range h.y {
		if !math.IsNaN(v) {
			h.known++
			largest = math.Max(largest, math.Abs(v))
			h.flat = h.flat && v == start
		}
	}
	// Squares of huge or tiny values would leave the range of numbers. A power of two keeps all digits.
	if largest > 0 && (largest > 1e60 || largest < 1e-60) {
		_, e := math.Frexp(largest)
		for i := range h.y {
			h.y[i] = math.Ldexp(h.y[i], -e)
		}
		h.scale = math.Ldexp(1, max(min(e, 1023), -1022))
		if e > 1023 || e < -1022 { // the ends of the range: what Ldexp(1, e) cannot say
			h.scale *= math.Ldexp(1, e-max(min(e, 1023), -1022))
		}
		if math.IsInf(h.scale, 0) || h.scale == 0 {
			return nil, fmt.Errorf("%w: values as large or as small as %g; give them in another unit", ErrInput, largest)
		}
	}
	for _, p := range s.Periods {
		if len(h.y) >= 2*p {
			h.periods = append(h.periods, p)
		}
	}
	if len(h.periods) > 0 {
		h.period = h.periods[0]
	}
	if h.known < needs {
		return nil, fmt.Errorf("%w: %d observations, where at least %d are needed", ErrShort, h.known, needs)
	}
	h.fill()
	for i := range h.y {
		if s.lower(first+i) && s.Values[first+i]/h.scale > h.y[i] {
			h.y[i] = s.Values[first+i] / h.scale
			h.flat = false
		}
	}
	return h, nil
}

// fill puts numbers into gaps.
func (h *history) fill() {
	if h.known == len(h.y) {
		return
	}
	gaps := make([]bool, len(h.y))
	for i, v := range h.y {
		gaps[i] = math.IsNaN(v)
	}
	interpolate(h.y, gaps)
	if h.period == 1 || h.flat {
		return
	}
	seasonal := decompose(h.y, h.period, false)
	for i := range h.y {
		h.y[i] -= seasonal[i%h.period]
	}
	interpolate(h.y, gaps)
	for i := range h.y {
		h.y[i] += seasonal[i%h.period]
	}
}

// interpolate draws lines over gaps. The ends are no gaps.
func interpolate(y []float64, gaps []bool) {
	for i := 1; i < len(y); i++ {
		if !gaps[i] {
			continue
		}
		end := i
		for gaps[end] {
			end++
		}
		a, b, n := y[i-1], y[end], float64(end-i+1)
		for j := i; j < end; j++ {
			t := float64(j-i+1) / n
			y[j] = a*(1-t) + b*t
		}
		i = end
	}
}

// steps is how many steps a method has to forecast, so that the horizon is reached from the last observation.
func (h *history) steps(o Options) int { return h.lag + o.Horizon }

// positive says whether all values are above zero.
func (h *history) positive() bool {
	for _, v := range h.y {
		if v <= 0 {
			return false
		}
	}
	return true
}

// Cut returns a series without its last steps, which become some of those to come: covariates stay.
func (s Series) Cut(steps int) Series {
	s.Values = s.Values[:len(s.Values)-steps]
	if s.Lower != nil {
		s.Lower = s.Lower[:len(s.Values)]
	}
	return s
}
