// Package demand is the family of forecasts: of series of sales, by keys such as store and item, it says what comes, with quantiles. Its
// methods are those of package forecast; package panel makes regular series of rows. A run keeps the history of the series, and what was learned of all
// of them; local methods are fitted when they forecast.
package demand

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"iter"
	"slices"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/trainers/demand/forecast"
	"debut/trainers/demand/panel"
	"debut/trainers/run"
)

// Family is the name of the family in run files and model folders.
const Family = "demand"

// Templates are commented run files to start from.
//
//go:embed templates/*.yaml
var Templates embed.FS

// Config is a run file.
type Config struct {
	run.Header  `yaml:",inline"`
	Data        DataConfig  `yaml:"data" jsonschema:"description=What was sold; when; of what."`
	Horizon     int         `yaml:"horizon" jsonschema:"minimum=1,description=Steps to forecast."`
	Hierarchy   *Hierarchy  `yaml:"hierarchy,omitempty" jsonschema:"description=Sums of series that are forecast too; so that all forecasts add up."`
	Levels      []float64   `yaml:"levels,omitempty" jsonschema:"description=Probabilities of the quantiles. Default: 0.1; 0.5 and 0.9."`
	Model       ModelConfig `yaml:"model,omitempty" jsonschema:"description=Which methods forecast."`
	Evaluation  Evaluation  `yaml:"evaluation,omitempty" jsonschema:"description=How forecasts are measured."`
	run.Keeping `yaml:",inline"`
}

// DataConfig is the data section of a run file.
type DataConfig struct {
	Source      table.Source `yaml:"source" jsonschema:"description=Files or a query: a row for each series and step."`
	Keys        []string     `yaml:"keys,omitempty" jsonschema:"description=Columns that name the series of a row such as store and item; none where there is one series."`
	Time        string       `yaml:"time" jsonschema:"description=Column of the date or time of a row."`
	Target      string       `yaml:"target" jsonschema:"description=Column of what is forecast. Rows without it say what covariates will be."`
	Frequency   string       `yaml:"frequency,omitempty" jsonschema:"description=Step of the series; found out where it is left out.,enum=hourly,enum=daily,enum=weekly,enum=monthly,enum=quarterly,enum=yearly"`
	Gaps        string       `yaml:"gaps,omitempty" jsonschema:"description=What steps without a row mean: refuse (default) is an error; zero: nothing was sold; missing: nothing is known.,enum=refuse,enum=zero,enum=missing"`
	Known       []string     `yaml:"known,omitempty" jsonschema:"description=Columns of covariates that are numbers and known ahead such as price and promotion."`
	Holidays    []string     `yaml:"holidays,omitempty" jsonschema:"description=Holidays that are covariates; on their day of each year."`
	Static      []string     `yaml:"static,omitempty" jsonschema:"description=Columns of what a series is such as category and brand: texts or numbers that are the same in all of its rows. Series of one value of the first are a group that pooled demand learns of; those without history are forecast by analogy with others."`
	Stockout    string       `yaml:"stockout,omitempty" jsonschema:"description=Column that is not 0 in rows of steps in which something had run out: what was sold then is less than what was wanted and counts as a bound."`
	Weight      string       `yaml:"weight,omitempty" jsonschema:"description=Column of the weights of rows in wmae."`
	NonNegative *bool        `yaml:"non_negative,omitempty" jsonschema:"description=Forecasts below 0 become 0 (default: true)."`
}

// ModelConfig is the model section of a run file.
type ModelConfig struct {
	Members []string `yaml:"members,omitempty" jsonschema:"description=Methods whose median is the forecast. By default a rule on the seasons names them: damped_ets; arima; ces and dynamic_theta for seasons of at most 24 steps; for longer ones seasonal_naive; mstl; profile and regressions over all series; croston and tsb for series that are mostly 0; where data.static names groups of amounts pooled alone."`
}

// Evaluation is the section of a run file that says how forecasts are measured.
type Evaluation struct {
	Origins *int `yaml:"origins,omitempty" jsonschema:"minimum=0,maximum=50,description=Origins a horizon apart from which the end of the series is forecast and compared; 0 for none. Default 1."`
}

// New returns what a run file is laid over.
func New() *Config { return &Config{Header: run.Header{Seed: 1}} }

// SetDefaults fills empty fields, so that the configuration can be written out as it will be used.
func (c *Config) SetDefaults() {
	run.SetDefaults(c, Family, false)
	c.Data.Source.SetDefaults()
	if c.Data.Gaps == "" {
		c.Data.Gaps = panel.GapsRefused
	}
	if c.Data.NonNegative == nil {
		c.Data.NonNegative = new(true)
	}
	if c.Hierarchy != nil {
		c.Hierarchy.setDefaults()
	}
	if len(c.Levels) == 0 {
		c.Levels = []float64{0.1, 0.5, 0.9}
	}
	if c.Evaluation.Origins == nil {
		c.Evaluation.Origins = new(1)
	}
}

// Limits of what a run file may ask for.
const (
	maxHorizon = 10_000
	maxLevels  = 99
	maxOrigins = 50
)

// Validate reports everything in the configuration that cannot be used. Its errors carry the field's path.
func (c *Config) Validate() error {
	errs := []error{run.Validate(c, Family, false), run.OnCPU(&c.Header), configfile.Prefix("data", c.Data.validate())}
	bad := func(path, format string, args ...any) { errs = append(errs, configfile.Errorf(path, format, args...)) }
	if c.InitFrom != "" {
		bad("init_from", "series are forecast anew from all data, and there is nothing to begin with; leave it out")
	}
	if c.Horizon < 1 || c.Horizon > maxHorizon {
		bad("horizon", "%d steps; give a number from 1 to %d", c.Horizon, maxHorizon)
	}
	if len(c.Levels) > maxLevels {
		bad("levels", "%d quantiles; give at most %d", len(c.Levels), maxLevels)
	}
	for i, l := range c.Levels {
		if !(l > 0 && l < 1) || i > 0 && l <= c.Levels[i-1] {
			bad(fmt.Sprintf("levels[%d]", i), "%v is no probability of a quantile; give numbers between 0 and 1, ascending", l)
		}
	}
	for i, name := range c.Model.Members {
		if _, ok := forecast.PooledMember(name, nil, 1); ok {
			continue
		}
		if _, err := forecast.Member(name); err != nil {
			bad(fmt.Sprintf("model.members[%d]", i), "%v", err)
		}
	}
	if len(c.Model.Members) > 0 && len(c.Data.Known)+len(c.Data.Holidays) > 0 && !slices.ContainsFunc(c.Model.Members, func(m string) bool { return m == "regression" || m == "pooled" }) {
		bad("model.members", "none of them looks at covariates, which data.known and data.holidays name; add regression or pooled, or leave members out")
	}
	if c.Hierarchy != nil {
		errs = append(errs, configfile.Prefix("hierarchy", c.Hierarchy.validate(&c.Data)))
	}
	if n := c.Evaluation.Origins; n != nil && (*n < 0 || *n > maxOrigins) {
		bad("evaluation.origins", "%d origins; give a number from 0 to %d", *n, maxOrigins)
	}
	return errors.Join(errs...)
}

func (c *DataConfig) validate() error {
	var errs []error
	bad := func(path, format string, args ...any) { errs = append(errs, configfile.Errorf(path, format, args...)) }
	if err := c.Source.Validate("source"); err != nil {
		errs = append(errs, err)
	}
	used := map[string]string{}
	use := func(path, column string) {
		switch other, twice := used[column]; {
		case column == "":
			bad(path, "it names no column")
		case twice:
			bad(path, "%q is the column of %s, too", column, other)
		}
		used[column] = path
	}
	use("time", c.Time)
	use("target", c.Target)
	for i, k := range c.Keys {
		use(fmt.Sprintf("keys[%d]", i), k)
	}
	for i, k := range c.Known {
		use(fmt.Sprintf("known[%d]", i), k)
	}
	for i, k := range c.Static {
		if !slices.Contains(c.Keys, k) {
			use(fmt.Sprintf("static[%d]", i), k)
		}
	}
	if c.Stockout != "" {
		use("stockout", c.Stockout)
	}
	if c.Frequency != "" {
		if err := configfile.OneOf("frequency", c.Frequency, panel.Frequencies()...); err != nil {
			errs = append(errs, err)
		}
	}
	if c.Gaps != "" {
		if err := configfile.OneOf("gaps", c.Gaps, panel.GapsRefused, panel.GapsMissing, panel.GapsZero); err != nil {
			errs = append(errs, err)
		}
	}
	for i, name := range c.Holidays {
		if err := configfile.OneOf(fmt.Sprintf("holidays[%d]", i), name, forecast.Holidays()...); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// members are the methods that the run file names, those that learn of all series trained on what is known; none where the rule does.
func (c *Config) members(known iter.Seq[forecast.Series], periods []int) ([]forecast.Method, error) {
	var list []forecast.Method
	for _, name := range c.Model.Members {
		if pooled, ok := forecast.PooledMember(name, periods, c.Horizon); ok {
			m, err := pooled.Train(known, c.options())
			if err != nil && len(c.Model.Members) == 1 {
				return nil, fmt.Errorf("model.members: %s: %w", name, err)
			}
			if err == nil {
				list = append(list, m)
			}
			continue
		}
		m, err := forecast.Member(name)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// Prepare reads the series.
func (c *Config) Prepare(ctx context.Context, env *run.Env) (run.Task, error) {
	p, err := env.Pool()
	if err != nil {
		return nil, err
	}
	data, files, err := c.Data.read(ctx, env.BaseDir)
	if err != nil {
		return nil, c.DataError(err)
	}
	return newTraining(c, data, files, p, env.Log), nil
}
