package forecast

import (
	"fmt"
	"iter"
	"slices"
)

// Rule is the default: which members the median is of, by frequency and length. It is the same for all data:
//
//   - amounts of series whose groups are named, such as categories: pooled demand alone, with whatever covariates there are;
//   - other series with covariates: the members below, of what a ridge regression on the covariates leaves, in logarithms where all values
//     are positive, so that effects are factors;
//   - demand that comes now and then (more than half of the values are 0): Croston-SBA and TSB;
//   - seasons of at most 24 steps, or none: damped exponential smoothing, ARIMA, complex exponential smoothing and the dynamic optimized
//     Theta method;
//   - longer seasons, or several: seasonal naive, decomposition (MSTL) with damped smoothing, profiles, and a pooled ridge regression over
//     three of the longest season and its like in logarithms, where enough windows exist; of less than three of the longest season, such as two
//     years of weeks: seasonal naive, decomposition, and the last seasons with half of their growth.
//
// Members that do not fit a series leave themselves out.
type Rule struct {
	pooled []Method      // trained on all series; none for short seasons
	demand *pooledDemand // nil where series have no groups
}

// pools are the pooled members for seasons; nil for short ones.
func pools(periods []int) []Pooled {
	if !longSeasons(periods) {
		return nil
	}
	longest := periods[len(periods)-1]
	return []Pooled{
		PooledRidge{Lags: 3 * longest, Level: longest, Stride: 5},
		PooledRidge{Lags: 3 * longest, Level: longest, Stride: 5, Log: true},
	}
}

func longSeasons(periods []int) bool {
	return len(periods) > 1 || len(periods) == 1 && periods[0] > maxETSPeriod
}

// NewRule trains the pooled members that the rule has for these seasons, which all series have; where the series have too little for them,
// it goes without.
func NewRule(series iter.Seq[Series], periods []int, o Options) *Rule {
	r := &Rule{}
	for s := range series {
		if s.Group == "" {
			continue
		}
		if p, err := trainPooled(series, o); err == nil {
			r.demand = p
			return r
		}
		break
	}
	for _, p := range pools(periods) {
		if m, err := p.Train(series, o); err == nil {
			r.pooled = append(r.pooled, m)
		}
	}
	return r
}

// Name says "default".
func (r *Rule) Name() string { return "default" }

// Members lists those of a series.
func (r *Rule) Members(s Series) []Method {
	switch {
	case r.demand != nil && s.Group != "" && r.demand.usable(s):
		return []Method{r.demand}
	case len(s.Known) > 0:
		pattern := s
		pattern.Known = nil
		members := r.Members(pattern)
		if Intermittent(s) {
			members = []Method{ETS{Form: "ANN"}} // what is left of zeros is no amount
		}
		positive := true
		for _, v := range s.known() {
			positive = positive && !(v <= 0)
		}
		var wrapped []Method
		for _, m := range members {
			switch v := m.(type) {
			case *pooledRidge: // takes values as they are
				continue
			case Log:
				m = v.Method
				if slices.ContainsFunc(members, func(other Method) bool { return other.Name() == m.Name() }) {
					continue
				}
			}
			m = Regression{KeepPattern: true, Remainder: m}
			if positive {
				m = Log{m}
			}
			wrapped = append(wrapped, m)
		}
		return wrapped
	case Intermittent(s):
		return []Method{Croston{SBA: true}, TSB{}}
	case longSeasons(s.Periods):
		if len(s.Values) < 3*s.Periods[len(s.Periods)-1] {
			return []Method{SeasonalNaive{}, Log{MSTL{}}, SeasonalGrowth{}}
		}
		return slices.Concat([]Method{SeasonalNaive{}, Log{MSTL{}}, Profile{}, Log{Profile{}}}, r.pooled)
	}
	return []Method{ETS{Form: "ZZdZ"}, ARIMA{}, CES{}, Theta{Optimized: true, Dynamic: true}}
}

// Analogy makes forecasts of series without history of what pooled demand has learned of the others; an error where there is none of it.
func (r *Rule) Analogy(series iter.Seq[Series]) (*Analogy, error) {
	if r.demand == nil {
		return nil, fmt.Errorf("%w: series without history are forecast by analogy with groups of others, which nothing names", ErrInput)
	}
	return newAnalogy(r.demand, series)
}

// Forecast needs one observation.
func (r *Rule) Forecast(s Series, o Options) (*Prediction, error) {
	return Median{r.Members(s)}.Forecast(s, o)
}
