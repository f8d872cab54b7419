package demand

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"debut/trainers/demand/forecast"
	"debut/trainers/demand/panel"
	"debut/trainers/model"
)

// chosen says which series are asked for by their keys; all where none are named.
func (s *series) chosen(keys [][]string) (func(key string) bool, error) {
	if keys == nil {
		return func(string) bool { return true }, nil
	}
	there := map[string]bool{}
	for _, list := range [][]panel.Series{s.Series, s.Unsold} {
		for i := range list {
			there[list[i].Key] = true
		}
	}
	wanted := map[string]bool{}
	for _, fields := range keys {
		if len(fields) != max(len(s.cfg.Keys), 1) && len(s.cfg.Keys) > 0 {
			return nil, fmt.Errorf("%d texts of a series, whose keys are %s; give each a text", len(fields), strings.Join(s.cfg.Keys, ", "))
		}
		key := strings.Join(fields, separator)
		if !there[key] {
			return nil, fmt.Errorf("%s: %w", s.named(key), model.ErrUnknown)
		}
		wanted[key] = true
	}
	return func(key string) bool { return wanted[key] }, nil
}

// analogy makes what forecasts series without history.
func (c *Config) analogy(m forecast.Method, known iter.Seq[forecast.Series]) (*forecast.Analogy, error) {
	if len(c.Data.Static) == 0 {
		return nil, errors.New("nothing says what series are like")
	}
	if rule, ok := m.(*forecast.Rule); ok {
		return rule.Analogy(known)
	}
	return forecast.NewAnalogy(known, c.options())
}

// unsold forecasts a series without history, with quantiles that are calibrated as those of others, from the first step that there is a row of, up to the horizon after the end of the others.
func (c *Config) unsold(s *series, i int, a *forecast.Analogy, k *forecast.Calibration) (*forecast.Prediction, error) {
	p := &s.Unsold[i]
	steps := s.End + c.Horizon - p.First
	if steps < 1 {
		return nil, fmt.Errorf("%s begins on %s, after the horizon of %d steps; give a longer one", s.named(p.Key), s.TimeText(p.First), c.Horizon)
	}
	f, err := s.make(p, steps, true)
	if err != nil {
		return nil, err
	}
	o := c.options()
	o.Horizon = steps
	o.Seed += uint64(len(s.Series)+i) * 0x9E3779B97F4A7C15
	out, err := a.Forecast(f, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.named(p.Key), err)
	}
	if k != nil {
		err = k.Apply(out, o.NonNegative)
	}
	return out, err
}

// forecastLevels forecasts all series and their sums, and makes them add up.
func (m *Model) forecastLevels(ctx context.Context, c *Config, s *series, list []forecast.Series, method forecast.Method, a *forecast.Analogy, wanted func(string) bool, out *sender) error {
	all := slices.Concat(s.Series, s.Unsold)
	bottom := make([]*forecast.Prediction, len(all))
	err := forecast.All(ctx, m.pool, slices.Values(list), method, c.options(), func(i int, p *forecast.Prediction, err error) error {
		if bottom[i] = p; err != nil {
			return fmt.Errorf("%s: %w", s.label(i), err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range s.Unsold {
		p, err := c.unsold(s, i, a, m.calibration)
		if err != nil {
			return err
		}
		p.Before(c.Horizon - len(p.Mean)) // nothing is sold of it
		bottom[len(list)+i] = p
	}
	names, sums := s.sums(c.Hierarchy, all)
	first := 0
	for first < len(names) && names[first].level == 0 {
		first++
	}
	above, err := c.reconciled(ctx, s, m.pool, list, bottom, sums, first)
	if err != nil {
		return err
	}
	for j, p := range above {
		if err = out.sum(names[j], p); err != nil {
			break
		}
	}
	for i := range all {
		if err == nil && wanted(all[i].Key) {
			err = out.send(&all[i], s.End, bottom[i])
		}
	}
	if err == nil {
		err = out.flush()
	}
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

// sender hands out answers, some series at a time.
type sender struct {
	*answer
	yield         func(*model.Predictions) bool
	series, first int
}

func (o *sender) send(s *panel.Series, from int, p *forecast.Prediction) error {
	o.add(s, from, p)
	return o.next()
}

func (o *sender) sum(of sum, p *forecast.Prediction) error {
	o.addSum(of, p)
	return o.next()
}

func (o *sender) next() error {
	if o.series++; o.series%batch == 0 {
		return o.flush()
	}
	return nil
}

// flush hands out what there is.
func (o *sender) flush() error {
	if len(o.mean) == 0 && o.first > 0 {
		return nil
	}
	p := o.predictions(o.first)
	o.first += p.Rows
	o.answer = newAnswer(o.s, o.c)
	if !o.yield(p) {
		return errStop
	}
	return nil
}

// answer gathers the columns of forecasts.
type answer struct {
	s         *series
	c         *Config
	level     []string   // names of levels, where there are sums
	keys      [][]string // those of the series, then further columns of sums
	times     []string
	mean      []float64
	quantiles [][]float64
	method    []string
	notes     []string
}

func newAnswer(s *series, c *Config) *answer {
	return &answer{s: s, c: c, keys: make([][]string, len(s.cfg.Keys)+len(c.Hierarchy.columns(s.cfg))), quantiles: make([][]float64, len(c.Levels))}
}

// add puts in the forecast of a series.
func (a *answer) add(s *panel.Series, from int, p *forecast.Prediction) {
	var fields []string
	for _, name := range a.columns() {
		fields = append(fields, a.s.value(s.Key, name))
	}
	a.rows("series", fields, from, p)
}

// addSum puts in that of a sum.
func (a *answer) addSum(of sum, p *forecast.Prediction) {
	var fields []string
	for _, name := range a.columns() {
		fields = append(fields, of.values[name])
	}
	name := strings.Join(a.c.Hierarchy.Levels[of.level], ", ")
	if name == "" {
		name = "all"
	}
	a.rows(name, fields, a.s.End, p)
}

// columns are those that say what a row is of.
func (a *answer) columns() []string {
	return append(slices.Clone(a.s.cfg.Keys), a.c.Hierarchy.columns(a.s.cfg)...)
}

func (a *answer) rows(level string, fields []string, from int, p *forecast.Prediction) {
	notes := strings.Join(p.Notes, "; ")
	for k, v := range p.Mean {
		a.level = append(a.level, level)
		for j := range a.keys {
			a.keys[j] = append(a.keys[j], fields[j])
		}
		a.times = append(a.times, a.s.TimeText(from+k))
		a.mean = append(a.mean, v)
		for j, q := range p.Quantiles {
			a.quantiles[j] = append(a.quantiles[j], q[k])
		}
		a.method, a.notes = append(a.method, p.Method), append(a.notes, notes)
	}
}

func (a *answer) predictions(first int) *model.Predictions {
	p := &model.Predictions{First: first, Rows: len(a.mean)}
	if a.c.Hierarchy != nil {
		p.Add("level", a.level)
	}
	for j, name := range a.columns() {
		p.Add(name, a.keys[j])
	}
	p.Add(a.s.cfg.Time, a.times)
	p.Add("mean", a.mean)
	for j, level := range a.c.Levels {
		p.Add("q"+strconv.FormatFloat(level, 'g', -1, 64), a.quantiles[j])
	}
	p.Add("method", a.method)
	p.Add("notes", a.notes)
	return p
}
