package demand

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"debut/datasets/configfile"
	"debut/kernels/pool"
	"debut/trainers/demand/forecast"
	"debut/trainers/demand/panel"
)

// Hierarchy is the section of a run file that names sums of series.
type Hierarchy struct {
	Levels [][]string `yaml:"levels" jsonschema:"description=Of each level the columns – keys and static – by whose values series are added up; [] is the sum of all."`
	Method string     `yaml:"method,omitempty" jsonschema:"description=What makes forecasts add up: bottom_up: sums are those of the series; proportional: the sums of the first level are divided as the forecasts of series are; mint (default): all change as their errors in the past say.,enum=bottom_up,enum=proportional,enum=mint"`
}

func (h *Hierarchy) setDefaults() {
	if h.Method == "" {
		h.Method = forecast.MinTrace
	}
}

func (h *Hierarchy) validate(d *DataConfig) error {
	var errs []error
	bad := func(path, format string, args ...any) { errs = append(errs, configfile.Errorf(path, format, args...)) }
	if len(h.Levels) == 0 {
		bad("levels", "it names no level; give some, such as [[], [%s]], or leave hierarchy out", firstColumn(d))
	}
	if h.Method != "" {
		if err := configfile.OneOf("method", h.Method, forecast.Reconciliations()...); err != nil {
			errs = append(errs, err)
		}
	}
	for i, level := range h.Levels {
		for k, name := range level {
			if !slices.Contains(d.Keys, name) && !slices.Contains(d.Static, name) {
				bad(fmt.Sprintf("levels[%d][%d]", i, k), "%q is no column of data.keys or data.static; add it there", name)
			}
			if slices.Contains(level[:k], name) {
				bad(fmt.Sprintf("levels[%d][%d]", i, k), "%q is there twice", name)
			}
		}
		if slices.ContainsFunc(h.Levels[:i], func(other []string) bool { return slices.Equal(other, level) }) {
			bad(fmt.Sprintf("levels[%d]", i), "the level is there twice")
		}
	}
	return errors.Join(errs...)
}

func firstColumn(d *DataConfig) string {
	for _, name := range append(slices.Clone(d.Static), d.Keys...) {
		return name
	}
	return ""
}

// columns are what tells sums apart: the columns of levels that are no keys.
func (h *Hierarchy) columns(d *DataConfig) []string {
	var list []string
	if h == nil {
		return nil
	}
	for _, level := range h.Levels {
		for _, name := range level {
			if !slices.Contains(d.Keys, name) && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	return list
}

// sum is a series that is added up.
type sum struct {
	level  int
	values map[string]string // of the level's columns
}

// value is what a series has in a column of keys or static.
func (s *series) value(key, column string) string {
	if k := slices.Index(s.cfg.Keys, column); k >= 0 {
		return strings.Split(key, separator)[k]
	}
	if static := s.static[key]; static != nil {
		return static[slices.Index(s.cfg.Static, column)]
	}
	return ""
}

// sums are those of the levels over series, in the order of levels and values.
func (s *series) sums(h *Hierarchy, bottom []panel.Series) ([]sum, forecast.Sums) {
	var list []sum
	out := forecast.Sums{Bottom: len(bottom)}
	for l, level := range h.Levels {
		parts := map[string][]int{}
		for i := range bottom {
			var name []string
			for _, column := range level {
				name = append(name, s.value(bottom[i].Key, column))
			}
			parts[strings.Join(name, separator)] = append(parts[strings.Join(name, separator)], i)
		}
		var names []string
		for name := range parts {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			one := sum{level: l, values: map[string]string{}}
			for k, v := range strings.Split(name, separator) {
				if k < len(level) {
					one.values[level[k]] = v
				}
			}
			list = append(list, one)
			out.Parts = append(out.Parts, parts[name])
		}
	}
	return list, out
}

// added are the values of sums of series, cut to the time before a step: what is missing of a series counts as it is usual there.
func (s *series) added(list []forecast.Series, parts [][]int, until int) ([]forecast.Series, error) {
	filled := make([][]float64, len(list))
	for i := range list {
		filled[i] = forecast.Filled(list[i])
	}
	out := make([]forecast.Series, len(parts))
	for j, part := range parts {
		first := until
		for _, i := range part {
			first = min(first, s.Series[i].First)
		}
		p := panel.Series{First: first, Values: make([]float64, until-first)}
		for t := range p.Values {
			seen := false
			for _, i := range part {
				if at := first + t - s.Series[i].First; at >= 0 && at < len(filled[i]) && !math.IsNaN(filled[i][at]) {
					p.Values[t] += filled[i][at]
					seen = true
				}
			}
			if !seen {
				p.Values[t] = math.NaN()
			}
		}
		out[j] = forecast.Series{Values: p.Values, Periods: s.Frequency.Periods}
	}
	return out, nil
}

// reconciled makes the forecasts of all series, those without history last, add up, and returns those of the sums, of which the first so many are those of the first level.
func (c *Config) reconciled(ctx context.Context, s *series, p *pool.Pool, list []forecast.Series, bottom []*forecast.Prediction, sums forecast.Sums, first int) ([]*forecast.Prediction, error) {
	known := sums // without the series that have no history
	known.Bottom, known.Parts = len(list), nil
	for _, part := range sums.Parts {
		known.Parts = append(known.Parts, part[:len(part)-count(part, func(i int) bool { return i >= len(list) })])
	}
	rule := Config{Header: c.Header, Data: c.Data, Horizon: c.Horizon, Levels: c.Levels, Evaluation: c.Evaluation}
	rule.Data.Known, rule.Data.Holidays = nil, nil
	of := func(until, steps int, emit func(j int, p *forecast.Prediction)) error {
		cut := make([]forecast.Series, len(list))
		for i := range cut {
			cut[i] = list[i]
			if n := s.Series[i].First + len(list[i].Values) - until; n > 0 && n < len(list[i].Values) {
				cut[i] = list[i].Cut(n)
			} else if n > 0 {
				cut[i].Values, cut[i].Lower = nil, nil
			}
		}
		added, err := s.added(cut, known.Parts, until)
		if err != nil {
			return err
		}
		m, err := rule.method(slices.Values(added), s.Frequency.Periods)
		if err != nil {
			return err
		}
		o := rule.options()
		o.Horizon = steps
		return forecast.All(ctx, p, slices.Values(added), m, o, func(j int, p *forecast.Prediction, err error) error {
			if err != nil { // nothing was sold of it before
				p = &forecast.Prediction{Method: "sum", Mean: make([]float64, steps), Levels: c.Levels}
				for range c.Levels {
					p.Quantiles = append(p.Quantiles, make([]float64, steps))
				}
			}
			emit(j, p)
			return nil
		})
	}
	above := make([]*forecast.Prediction, len(sums.Parts))
	if err := of(s.End, c.Horizon, func(j int, p *forecast.Prediction) { above[j] = p }); err != nil {
		return nil, err
	}
	var past [][]float64
	if c.Hierarchy.Method == forecast.MinTrace {
		var err error
		if past, err = c.pastErrors(ctx, s, p, list, len(bottom), sums, of); err != nil {
			return nil, err
		}
	}
	means := func(list []*forecast.Prediction) (out [][]float64) {
		for _, p := range list {
			out = append(out, slices.Clone(p.Mean))
		}
		return out
	}
	b, a := means(bottom), means(above)
	if err := sums.Reconcile(c.Hierarchy.Method, b, a, first, past, *c.Data.NonNegative); err != nil {
		return nil, fmt.Errorf("hierarchy: %w", err)
	}
	for i, p := range bottom {
		p.Move(b[i], *c.Data.NonNegative)
	}
	for j, p := range above {
		p.Move(a[j], *c.Data.NonNegative)
	}
	return above, nil
}

func count(list []int, is func(int) bool) int {
	n := 0
	for _, v := range list {
		if is(v) {
			n++
		}
	}
	return n
}

// pastErrors are those of the last horizon, of series and then of sums, had it been forecast; NaN where nothing is known.
func (c *Config) pastErrors(ctx context.Context, s *series, p *pool.Pool, list []forecast.Series, bottom int, sums forecast.Sums, of func(until, steps int, emit func(int, *forecast.Prediction)) error) ([][]float64, error) {
	past := make([][]float64, bottom+len(sums.Parts))
	for i := range past {
		past[i] = make([]float64, c.Horizon)
		for k := range past[i] {
			past[i][k] = math.NaN()
		}
	}
	until := s.End - c.Horizon
	known, numbers, err := s.before(until, c.Horizon)
	if err != nil || len(numbers) == 0 {
		return past, err
	}
	m, err := c.method(known, s.Frequency.Periods)
	if err != nil {
		return nil, err
	}
	err = forecast.All(ctx, p, known, m, c.options(), func(k int, p *forecast.Prediction, err error) error {
		if err == nil {
			for t, v := range s.actual(numbers[k], until, c.Horizon) {
				past[numbers[k]][t] = v - p.Mean[t]
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	parts := make([][]int, len(sums.Parts))
	for j, part := range sums.Parts {
		parts[j] = slices.DeleteFunc(slices.Clone(part), func(i int) bool { return i >= len(list) })
	}
	whole, err := s.added(list, parts, s.End)
	if err != nil {
		return nil, err
	}
	err = of(until, c.Horizon, func(j int, p *forecast.Prediction) {
		values := whole[j].Values
		for t := range c.Horizon {
			if at := len(values) - c.Horizon + t; at >= 0 {
				past[bottom+j][t] = values[at] - p.Mean[t]
			}
		}
	})
	return past, err
}
