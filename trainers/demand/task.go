package demand

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"slices"

	"debut/datasets/warning"
	"debut/kernels/pool"
	"debut/trainers/demand/forecast"
	"debut/trainers/demand/panel"
	"debut/trainers/metrics"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// Task is that of forecasts, measured at ends of series that were hidden.
const Task metrics.Task = "forecast"

// Names of metrics.
const (
	naive = "seasonal_naive_"
)

func init() {
	metrics.Register(Task, metrics.Catalog{
		Metrics: []metrics.Metric{
			{Name: "smape"}, {Name: "mase"}, {Name: "rmsse"}, {Name: "wmae"}, {Name: "mean_pinball"}, {Name: "msis"}, {Name: "coverage", Higher: true},
			{Name: naive + "smape"}, {Name: naive + "mase"}, {Name: naive + "rmsse"}, {Name: naive + "wmae"}, {Name: naive + "mean_pinball"}, {Name: naive + "msis"},
		},
		Headline: []string{"smape", "mase"}, Unit: "series", Plain: "model: {members: [seasonal_naive]} says the same",
	})
}

// training is a run's task.
type training struct {
	cfg   *Config
	data  *series
	files []runfolder.DataFile
	pool  *pool.Pool
	log   *slog.Logger
	news  warning.List

	calibration *forecast.Calibration
}

func newTraining(cfg *Config, data *series, files []runfolder.DataFile, p *pool.Pool, log *slog.Logger) *training {
	t := &training{cfg: cfg, data: data, files: files, pool: p, log: log}
	log.Info("data ready", "series", len(data.Series), "frequency", data.Frequency.Name, "last", data.TimeText(data.End-1))
	for _, note := range data.Notes {
		t.news = append(t.news, warning.Warning{Name: warning.Read, Message: note})
	}
	t.news.Log(log)
	return t
}

// Describe says what is trained on what.
func (t *training) Describe() run.Description {
	how := "the median of a rule's members"
	if len(t.cfg.Model.Members) > 0 {
		how = fmt.Sprintf("the median of %v", t.cfg.Model.Members)
	}
	return run.Description{
		Task: Task, Data: t.files, Warnings: t.news,
		Protocol: fmt.Sprintf("%d %s series to %s; %s; the last %d steps, %d times over, hidden for the test, and what precedes them for the calibration of its quantiles",
			len(t.data.Series), t.data.Frequency.Name, t.data.TimeText(t.data.End-1), how, t.cfg.Horizon, *t.cfg.Evaluation.Origins),
	}
}

// Resolved is the configuration as it is used.
func (t *training) Resolved() run.Config {
	c := *t.cfg
	c.Data.Frequency = t.data.Frequency.Name
	return &c
}

// Parts are those to measure on: the ends of the series, where some are long enough.
func (t *training) Parts() []string {
	if *t.cfg.Evaluation.Origins == 0 || !slices.ContainsFunc(t.data.Series, func(s panel.Series) bool { return len(s.Values) > t.cfg.Horizon }) {
		return nil
	}
	return []string{run.PartTest}
}

// Close has nothing to end.
func (t *training) Close() error { return nil }

// all are the series, without their last steps; those that are not longer are left out.
func (s *series) all(hide int) (iter.Seq[forecast.Series], []int, error) {
	var list []forecast.Series
	var numbers []int
	for i := range s.Series {
		f, err := s.of(i, 0, false)
		if err != nil {
			return nil, nil, err
		}
		if len(f.Values) > hide && slices.ContainsFunc(f.Values[:len(f.Values)-hide], func(v float64) bool { return !math.IsNaN(v) }) {
			list, numbers = append(list, f.Cut(hide)), append(numbers, i)
		}
	}
	return slices.Values(list), numbers, nil
}

// options are what methods are asked.
func (c *Config) options() forecast.Options {
	return forecast.Options{Horizon: c.Horizon, Levels: c.Levels, NonNegative: *c.Data.NonNegative, Seed: c.Seed}
}

// method makes what forecasts, of series that are known.
func (c *Config) method(known iter.Seq[forecast.Series], periods []int) (forecast.Method, error) {
	members, err := c.members(known, periods)
	if err != nil {
		return nil, err
	}
	if len(members) > 0 {
		return forecast.Median{Members: members}, nil
	}
	return forecast.NewRule(known, periods, c.options()), nil
}

// calibrate learns what quantiles are to be widened by, from the last steps of the series that are known; nil where there is nothing to learn from.
func (c *Config) calibrate(known iter.Seq[forecast.Series], periods []int, p *pool.Pool) (*forecast.Calibration, error) {
	o := c.options()
	o.NonNegative = false // what lies below 0 is told apart
	each := func(n int, f func(int)) { pool.Each(p, n, f) }
	var failed error
	calibration, err := forecast.Calibrate(known, o, 1, each, func(known iter.Seq[forecast.Series]) forecast.Method {
		m, err := c.method(known, periods)
		if err != nil {
			failed = err
			return forecast.SeasonalNaive{}
		}
		return m
	})
	if failed != nil || err != nil {
		return nil, fmt.Errorf("calibration: %w", firstOf(failed, err))
	}
	if calibration.Scores == 0 {
		return nil, nil
	}
	return calibration, nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Solve calibrates on the ends of the series; local methods are fitted when they forecast.
func (t *training) Solve(ctx context.Context) error {
	known, _, err := t.data.all(0)
	if err != nil {
		return err
	}
	if t.calibration, err = t.cfg.calibrate(known, t.data.Frequency.Periods, t.pool); err != nil {
		return err
	}
	return ctx.Err()
}

// calibrated puts a calibration to a method; nil is none.
func calibrated(m forecast.Method, c *forecast.Calibration) forecast.Method {
	if c == nil {
		return m
	}
	return forecast.Calibrated{Method: m, Calibration: c}
}
