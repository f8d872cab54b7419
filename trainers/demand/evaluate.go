package demand

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"slices"
	"strings"

	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/kernels/pool"
	"debut/trainers/demand/forecast"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/run"
)

// tested are series that forecasts are compared with.
type tested struct {
	data    *series
	pool    *pool.Pool
	options forecast.Options
}

// before are the series as they were known before a step, with covariates for so many steps from there on, and which ones they are. Those without an
// observation before it, and those whose later steps lie beyond the end, are left out.
func (s *series) before(origin, steps int) (iter.Seq[forecast.Series], []int, error) {
	var list []forecast.Series
	var numbers []int
	for i := range s.Series {
		n := origin - s.Series[i].First
		if n <= 0 || origin+steps > s.End {
			continue
		}
		f, err := s.of(i, 0, false)
		if err != nil {
			return nil, nil, err
		}
		f = f.Cut(len(f.Values) - n)
		if slices.ContainsFunc(f.Values, func(v float64) bool { return !math.IsNaN(v) }) {
			list, numbers = append(list, f), append(numbers, i)
		}
	}
	return slices.Values(list), numbers, nil
}

// observed are the values of series i that forecasts are compared with: none where something had run out.
func (s *series) observed(i int) []float64 {
	p := &s.Series[i]
	c := s.stockouts(p)
	if c == nil {
		return p.Values
	}
	out := slices.Clone(p.Values)
	for j := range out {
		if c[j] != 0 && !math.IsNaN(c[j]) {
			out[j] = math.NaN()
		}
	}
	return out
}

// actual is what came of series i from an origin on.
func (s *series) actual(i, origin, steps int) []float64 {
	from := origin - s.Series[i].First
	return s.observed(i)[from : from+steps]
}

// Evaluate hides the ends of the series, one horizon after another, and compares forecasts of a method that was calibrated on what precedes them.
// Metrics are averages over series and origins; one whose metric is undefined, as where nothing changes, does not count there.
func (t *training) Evaluate(ctx context.Context, _ string) (*metrics.Result, error) {
	d, err := t.cfg.backtest(ctx, t.data, t.pool)
	if err != nil {
		return nil, err
	}
	return d.result(), nil
}

// backtest measures the ends of series.
func (c *Config) backtest(ctx context.Context, data *series, p *pool.Pool) (*measured, error) {
	t := &tested{data, p, c.options()}
	d := &measured{}
	for back := 1; back <= *c.Evaluation.Origins; back++ {
		err := d.from(ctx, t, data.End-back*c.Horizon, c.Horizon, func(known iter.Seq[forecast.Series]) (forecast.Method, error) {
			calibration, err := c.calibrate(known, data.Frequency.Periods, p)
			if err != nil {
				return nil, err
			}
			m, err := c.method(known, data.Frequency.Periods)
			return calibrated(m, calibration), err
		})
		if err != nil {
			return nil, err
		}
	}
	d.observed()
	return d, nil
}

// SamplePart reads the run's data again, hides the ends of the series, and measures forecasts of them series by series.
func (c *Config) SamplePart(ctx context.Context, m model.Model, baseDir, part string, _ *slog.Logger) (*run.Sampled, error) {
	trained, ok := m.(*Model)
	if !ok {
		return nil, fmt.Errorf("demand: a model of the family %s has no part of series", m.Family())
	}
	if part != run.PartTest || *c.Evaluation.Origins == 0 {
		return nil, fmt.Errorf("demand: %w", run.ErrNoPart)
	}
	data, files, err := c.Data.read(ctx, baseDir)
	if err != nil {
		return nil, c.DataError(err)
	}
	d, err := c.backtest(ctx, data, trained.pool)
	if err != nil {
		return nil, err
	}
	if len(d.units) == 0 {
		return nil, fmt.Errorf("demand: no series is longer than the horizon: %w", run.ErrNoPart)
	}
	return &run.Sampled{Sample: d.sample(), Files: files, Rows: map[string]string{
		"data.keys": strings.Join(c.Data.Keys, ", "), "data.time": c.Data.Time, "data.target": c.Data.Target, "data.gaps": c.Data.Gaps, "data.weight": c.Data.Weight,
		"horizon": fmt.Sprint(c.Horizon), "evaluation.origins": fmt.Sprint(*c.Evaluation.Origins),
	}}, nil
}

// Task says what is measured.
func (m *Model) Task() metrics.Task { return Task }

// Evaluate measures the model on later rows, from the end of what it was trained on: a horizon, then, with that known, the next, up to the end of the
// rows, whose covariates are known ahead. Rows of steps that training has are read over.
func (m *Model) Evaluate(ctx context.Context, src table.Source, baseDir string) (*metrics.Result, encoding.EncodeReport, error) {
	d, rows, err := m.measure(ctx, src, baseDir)
	if err != nil {
		return nil, encoding.EncodeReport{}, err
	}
	return d.result(), encoding.EncodeReport{Rows: rows}, nil
}

// Sample hands out what Evaluate measures, series by series.
func (m *Model) Sample(ctx context.Context, src table.Source, baseDir string) (*metrics.Sample, encoding.EncodeReport, error) {
	d, rows, err := m.measure(ctx, src, baseDir)
	if err != nil {
		return nil, encoding.EncodeReport{}, err
	}
	return d.sample(), encoding.EncodeReport{Rows: rows}, nil
}

func (m *Model) measure(ctx context.Context, src table.Source, baseDir string) (*measured, int, error) {
	trained, err := m.panel(&read{m.rows, m.static})
	if err != nil {
		return nil, 0, err
	}
	end := trained.Time(trained.End - 1)
	rows, err := m.merged(ctx, model.ForecastRequest{Update: &src, BaseDir: baseDir})
	if err != nil {
		return nil, 0, err
	}
	later := 0
	for i, at := range rows.Times {
		if i < len(m.rows.Times) && at <= end {
			rows.Value[i] = m.rows.Value[i] // what was trained on stays
		}
		if at > end && !math.IsNaN(rows.Value[i]) {
			later++
		}
	}
	if later == 0 {
		return nil, 0, fmt.Errorf("no row is of a time after %s, where the training data end, and has a value of %s; name files of what came later", trained.TimeText(trained.End-1), m.cfg.Data.Target)
	}
	s, err := m.panel(rows)
	if err != nil {
		return nil, 0, err
	}
	origin := 0
	for s.Time(origin) <= end {
		origin++
	}
	t := &tested{s, m.pool, m.cfg.options()}
	d := &measured{}
	for ; origin < s.End; origin += m.cfg.Horizon {
		err := d.from(ctx, t, origin, min(m.cfg.Horizon, s.End-origin), func(known iter.Seq[forecast.Series]) (forecast.Method, error) {
			method, err := m.cfg.method(known, s.Frequency.Periods)
			return calibrated(method, m.calibration), err
		})
		if err != nil {
			return nil, 0, err
		}
	}
	if d.observed(); len(d.units) == 0 {
		return nil, 0, fmt.Errorf("no series of the rows after %s is one that was trained on; name files with the keys %s", s.TimeText(origin-1), strings.Join(m.cfg.Data.Keys, ", "))
	}
	return d, later, nil
}
