package forecast

import (
	"fmt"
	"slices"
	"strings"
)

// Median is the median of members, of means and quantiles alike, step by step. Members that cannot forecast a series are left out, and
// the prediction says so; where none can, the seasonal naive method answers.
type Median struct {
	Members []Method
}

// Name lists the members.
func (m Median) Name() string {
	names := make([]string, len(m.Members))
	for i, v := range m.Members {
		names[i] = v.Name()
	}
	return "median of " + strings.Join(names, ", ")
}

// Forecast needs one observation.
func (m Median) Forecast(s Series, o Options) (*Prediction, error) {
	if err := Check(s, o); err != nil {
		return nil, err
	}
	var all []*Prediction
	var names, notes []string
	for _, member := range m.Members {
		p, err := member.Forecast(s, o)
		if err != nil {
			notes = append(notes, fmt.Sprintf("left out %s: %v", member.Name(), err))
			continue
		}
		all, names = append(all, p), append(names, p.Method)
		for _, note := range p.Notes {
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	if len(all) == 0 {
		p, err := SeasonalNaive{}.Forecast(s, o)
		if err != nil {
			return nil, err
		}
		p.Notes = append(notes, append(p.Notes, "fell back to the seasonal naive method")...)
		return p, p.check()
	}
	names = slices.Compact(names) // all members say "constant" of a constant
	p := &Prediction{Method: names[0], Mean: make([]float64, o.Horizon), Levels: o.Levels, Notes: notes}
	if len(names) > 1 {
		p.Method = "median of " + strings.Join(names, ", ")
	}
	values := make([]float64, len(all))
	middle := func(of func(*Prediction) []float64, out []float64) {
		for i := range out {
			for j, p := range all {
				values[j] = of(p)[i]
			}
			out[i] = median(values)
		}
	}
	middle(func(p *Prediction) []float64 { return p.Mean }, p.Mean)
	for k := range o.Levels {
		q := make([]float64, o.Horizon)
		middle(func(p *Prediction) []float64 { return p.Quantiles[k] }, q)
		p.Quantiles = append(p.Quantiles, q)
	}
	return p, p.check()
}

// median of values, which it sorts; of an even number the mean of the two in the middle.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return values[n/2-1]/2 + values[n/2]/2
}
