// Package stock makes replenishment plans of files: a plan file in YAML names the tables of items, sites, edges, stock and demand, package
// replenish plans, and the plan becomes a folder of tables.
package stock

import (
	"context"
	_ "embed" // the template
	"errors"
	"math"
	"path/filepath"
	"reflect"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/trainers/supply/replenish"
)

// Template is a commented plan file to begin with.
//
//go:embed template.yaml
var Template []byte

// What becomes of demand that cannot be served, and what stock is worth after the last week.
const (
	Lost  = "lost"
	Waits = "waits"

	AtCost  = "cost"
	Nothing = "nothing"
)

// Config is a plan file.
type Config struct {
	Weeks    int      `yaml:"weeks" jsonschema:"description=How many weeks to plan; more than the longest lead time that matters.,minimum=1,maximum=520"`
	Shortage string   `yaml:"shortage,omitempty" jsonschema:"description=What becomes of demand without stock: lost (default) or waits until there is some; a shortage cost is then of a unit and week.,enum=lost,enum=waits"`
	LeftOver string   `yaml:"left_over,omitempty" jsonschema:"description=What stock is worth after the last week: cost (default) is the cheapest way to get it; nothing.,enum=cost,enum=nothing"`
	Budget   *float64 `yaml:"budget,omitempty" jsonschema:"description=The most that the orders of a week may cost. Default: no limit."`
	Gap      float64  `yaml:"gap,omitempty" jsonschema:"description=Relative gap at which the search ends: of a small plan that of its cost to the bound; of a large one that of the mixture from which a plan is chosen. Default 0.0001."`

	Items     table.Source  `yaml:"items" jsonschema:"description=Table: item; shortage_cost or fill_rate; volume and holding_cost and unit where they matter."`
	Sites     table.Source  `yaml:"sites" jsonschema:"description=Table: site; storage (volume) and handling (units a week) and holding_cost (of a unit of volume and week) where they matter."`
	Suppliers *table.Source `yaml:"suppliers,omitempty" jsonschema:"description=Table: supplier and capacity (units a week). Default: those of the edges without limits."`
	Edges     table.Source  `yaml:"edges" jsonschema:"description=Table: item; supplier; site; unit_cost; lead_time_weeks or lead_time_days; minimum_order and multiple and fixed_cost and capacity_week and unit where they matter."`
	Lanes     *table.Source `yaml:"lanes,omitempty" jsonschema:"description=Table: from; to; lead_time_weeks or lead_time_days; item (default: all) and unit_cost and capacity_week where they matter."`
	Stock     *table.Source `yaml:"stock,omitempty" jsonschema:"description=Table: item; site; units; week of arrival for what is on order (empty or 0: on hand); unit where it matters. Default: there is none."`
	Demand    table.Source  `yaml:"demand" jsonschema:"description=Table: item; site; week; quantiles in columns such as q0.1 and q0.5 and q0.9 or else mean and deviation; unit where it matters."`

	file *configfile.File
}

// Load reads a plan file, with overrides as --set has them. Errors name file, line and column.
func Load(path string, overrides []string) (*Config, error) {
	f, err := configfile.Open(path, overrides)
	if err != nil {
		return nil, err
	}
	c := &Config{}
	if err := f.Decode(c); err != nil {
		return nil, err
	}
	if err := c.validate(); err != nil {
		return nil, f.Locate(err)
	}
	c.file = f
	return c, nil
}

// Schema describes plan files to editors.
func Schema() ([]byte, error) { return configfile.Schema(&Config{}, "debut stock plan") }

func (c *Config) validate() error {
	var errs []error
	add := func(err *configfile.FieldError) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if c.Weeks < 1 || c.Weeks > 520 {
		add(configfile.Errorf("weeks", "there are %d weeks to plan; give 1 to 520", c.Weeks))
	}
	add(configfile.OneOf("shortage", c.Shortage, Lost, Waits))
	add(configfile.OneOf("left_over", c.LeftOver, AtCost, Nothing))
	if c.Budget != nil && !(*c.Budget > 0 && !math.IsInf(*c.Budget, 0)) {
		add(configfile.Errorf("budget", "a budget of %g a week buys nothing; give more, or leave it out where there is no limit", *c.Budget))
	}
	if !(c.Gap >= 0 && c.Gap < 1) {
		add(configfile.Errorf("gap", "%g is no share of the cost; give 0 to less than 1", c.Gap))
	}
	for _, s := range c.sources() {
		if s.source == nil {
			continue
		}
		if reflect.ValueOf(*s.source).IsZero() {
			add(configfile.Errorf(s.name, "no table is named; write %s: %s.csv", s.name, s.name))
			continue
		}
		add(s.source.Validate(s.name))
	}
	return errors.Join(errs...)
}

type named struct {
	name   string
	source *table.Source
}

func (c *Config) sources() []named {
	return []named{
		{"items", &c.Items}, {"sites", &c.Sites}, {"suppliers", c.Suppliers}, {"edges", &c.Edges}, {"lanes", c.Lanes},
		{"stock", c.Stock}, {"demand", &c.Demand},
	}
}

// Input is a model with where its parts were read.
type Input struct {
	Model    *replenish.Model
	Gap      float64
	Warnings []string

	sheets map[string]*sheet
}

// Read reads the tables. Errors name file, line and column, and what to do.
func (c *Config) Read(ctx context.Context) (*Input, error) {
	in := &Input{
		Model: &replenish.Model{Weeks: c.Weeks, Waits: c.Shortage == Waits, RunDown: c.LeftOver == Nothing, Budget: replenish.Unlimited},
		Gap:   c.Gap, sheets: map[string]*sheet{},
	}
	if c.Budget != nil {
		in.Model.Budget = *c.Budget
	}
	base := filepath.Dir(c.file.Path())
	for _, s := range c.sources() {
		if s.source == nil {
			continue
		}
		// Names are texts, though they be numbers.
		frame, err := table.Read(ctx, *s.source, base, nil)
		if err != nil {
			var field interface{ FieldPath() string }
			if errors.As(err, &field) {
				return nil, c.file.Locate(configfile.Prefix(s.name, err))
			}
			return nil, err
		}
		in.sheets[s.name] = &sheet{name: s.name, frame: frame, used: map[string]bool{}}
	}
	if err := in.fill(); err != nil {
		return nil, err
	}
	return in, in.Located(in.Model.Check())
}
