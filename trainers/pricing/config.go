// Package pricing is the family of price response: what is sold at which prices, and from that the price to set. Its demand is that of package response, fitted by
// package mixed; package setting chooses prices, package markdown those of a limited stock, package rivals reads prices of competitors. Kind linear is the
// formula price = α0 + α1·demand + α2·competitor, by least squares.
package pricing

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/trainers/pricing/response"
	"debut/trainers/run"
)

// Family is the name of the family in run files and model folders.
const Family = "pricing"

// Linear is the kind that explains the price by demand and competitor.
const Linear = "linear"

// kinds of models.
var kinds = []string{response.LogLog, response.SemiLog, response.Logit, Linear}

// Kinds of noise.
const (
	noiseLog    = "lognormal"
	noiseCounts = "counts"
	noiseShares = "shares"
)

// Templates are commented run files to start from.
//
//go:embed templates/*.yaml
var Templates embed.FS

// Config is a run file.
type Config struct {
	run.Header  `yaml:",inline"`
	Data        DataConfig  `yaml:"data" jsonschema:"description=What was sold of which product; when; at which prices."`
	Model       ModelConfig `yaml:"model,omitempty" jsonschema:"description=How demand answers to prices."`
	Evaluation  Evaluation  `yaml:"evaluation,omitempty" jsonschema:"description=How forecasts at given prices are measured."`
	run.Keeping `yaml:",inline"`
}

// DataConfig is the data section of a run file.
type DataConfig struct {
	Source      table.Source `yaml:"source" jsonschema:"description=Files or a query: a row for each product; store and period."`
	Product     string       `yaml:"product" jsonschema:"description=Column of the product."`
	Store       string       `yaml:"store,omitempty" jsonschema:"description=Column of the store; left out where there is one."`
	Category    string       `yaml:"category,omitempty" jsonschema:"description=Column of the category of the product; whose products share what their own sales do not tell."`
	Time        string       `yaml:"time" jsonschema:"description=Column of the first day of the period; or of its number."`
	Price       string       `yaml:"price" jsonschema:"description=Column of the price that was paid."`
	Units       string       `yaml:"units" jsonschema:"description=Column of the units sold. Empty where they are not known."`
	Exposure    string       `yaml:"exposure,omitempty" jsonschema:"description=Column of how many saw the product; such as views: units are explained by it. Of kind logit: how many could have bought of the category."`
	Promotions  []string     `yaml:"promotions,omitempty" jsonschema:"description=Columns of numbers that say what else was done for the product; such as a feature in a leaflet."`
	Competitors []string     `yaml:"competitors,omitempty" jsonschema:"description=Columns of prices elsewhere. Empty where they are not known."`
	Rivals      *Rivals      `yaml:"rivals,omitempty" jsonschema:"description=A table of prices elsewhere with the times at which they were seen."`
	Regular     string       `yaml:"regular,omitempty" jsonschema:"description=Column of the price without promotion; discounts from model.notice on are noticed."`
	Cost        string       `yaml:"cost,omitempty" jsonschema:"description=Column of what one costs; for debut price."`
	Available   string       `yaml:"available,omitempty" jsonschema:"description=Column of the units that could be sold: of rows that sold all of them demand is not known; and they are left out."`
	Currency    string       `yaml:"currency,omitempty" jsonschema:"description=Column of the currency: there is to be one."`
}

// Rivals are prices elsewhere in a table of their own.
type Rivals struct {
	Source  table.Source `yaml:"source" jsonschema:"description=Files or a query: a row for each price that was seen."`
	Product string       `yaml:"product" jsonschema:"description=Column of the product."`
	Seller  string       `yaml:"seller" jsonschema:"description=Column of who asks for it."`
	Time    string       `yaml:"time" jsonschema:"description=Column of when it was seen."`
	Price   string       `yaml:"price" jsonschema:"description=Column of the price."`
	MaxAge  float64      `yaml:"max_age,omitempty" jsonschema:"minimum=0,description=Days after which a price that was seen says nothing any more. Default 28."`
}

// ModelConfig is the model section of a run file.
type ModelConfig struct {
	Kind        string    `yaml:"kind,omitempty" jsonschema:"description=loglog (default): elasticities are constant; semilog: demand falls exponentially with the price; logit: a choice among the products of a category; linear: price = a + b demand + c competitor.,enum=loglog,enum=semilog,enum=logit,enum=linear"`
	Noise       string    `yaml:"noise,omitempty" jsonschema:"description=lognormal: logarithms of units have normal noise; counts: units are counts; shares: units are how many of the exposure buy; and log-odds follow prices. Default: shares where there is an exposure; else counts where some are 0.,enum=lognormal,enum=counts,enum=shares"`
	Cross       *int      `yaml:"cross,omitempty" jsonschema:"minimum=0,maximum=60,description=Categories of at most so many products have effects of each product's price on each. Default 20."`
	Notice      *float64  `yaml:"notice,omitempty" jsonschema:"minimum=0,maximum=1,description=Share below the regular price from which a discount is noticed. Default 0.1."`
	Endings     []float64 `yaml:"endings,omitempty" jsonschema:"description=Ends of prices that make them look lower such as 0.99."`
	Instruments []string  `yaml:"instruments,omitempty" jsonschema:"description=Columns that move prices and demand by them alone such as costs: elasticities are those of two-stage least squares."`
}

// Evaluation is the section of a run file that says how forecasts are measured.
type Evaluation struct {
	Origins *int `yaml:"origins,omitempty" jsonschema:"minimum=0,maximum=50,description=Ends from which the periods behind are forecast and compared; 0 for none. Default 1."`
	Periods int  `yaml:"periods,omitempty" jsonschema:"minimum=1,maximum=1000,description=Periods that are forecast from each. Default 8."`
}

// New returns what a run file is laid over.
func New() *Config { return &Config{Header: run.Header{Seed: 1}} }

// Defaults of a run file.
const (
	defaultCross   = 20
	defaultNotice  = .1
	defaultPeriods = 8
	defaultAge     = 28
	maxCross       = 60
	maxPeriods     = 1000
	maxOrigins     = 50
)

// SetDefaults fills empty fields, so that the configuration can be written out as it will be used.
func (c *Config) SetDefaults() {
	run.SetDefaults(c, Family, false)
	c.Data.Source.SetDefaults()
	if r := c.Data.Rivals; r != nil {
		r.Source.SetDefaults()
		if r.MaxAge == 0 {
			r.MaxAge = defaultAge
		}
	}
	if c.Model.Kind == "" {
		c.Model.Kind = response.LogLog
	}
	if c.Model.Cross == nil {
		c.Model.Cross = new(defaultCross)
	}
	if c.Model.Notice == nil {
		c.Model.Notice = new(defaultNotice)
	}
	if c.Evaluation.Origins == nil {
		c.Evaluation.Origins = new(1)
	}
	if c.Evaluation.Periods == 0 {
		c.Evaluation.Periods = defaultPeriods
	}
}

// Validate reports everything in the configuration that cannot be used. Its errors carry the field's path.
func (c *Config) Validate() error {
	errs := []error{run.Validate(c, Family, false), run.OnCPU(&c.Header), configfile.Prefix("data", c.Data.validate())}
	bad := func(path, format string, args ...any) { errs = append(errs, configfile.Errorf(path, format, args...)) }
	if c.InitFrom != "" {
		bad("init_from", "the response to prices is found anew from all data, and there is nothing to begin with; leave it out")
	}
	m := &c.Model
	if m.Kind != "" {
		if err := configfile.OneOf("model.kind", m.Kind, kinds...); err != nil {
			errs = append(errs, err)
		}
	}
	if m.Noise != "" {
		if err := configfile.OneOf("model.noise", m.Noise, noiseLog, noiseCounts, noiseShares); err != nil {
			errs = append(errs, err)
		}
	}
	if m.Kind == response.Logit {
		if c.Data.Exposure == "" {
			bad("data.exposure", "kind logit needs it: how many could have bought a product of the category, in the store and period")
		}
		if m.Noise != "" && m.Noise != noiseLog {
			bad("model.noise", "of kind logit the shares have noise; leave it out")
		}
	}
	if m.Noise == noiseShares && c.Data.Exposure == "" {
		bad("model.noise", "shares are of an exposure; name its column with data.exposure")
	}
	if m.Kind == Linear {
		if len(c.Data.Competitors) != 1 {
			bad("data.competitors", "kind linear is price = a + b·demand + c·competitor; name the column of the competitor's price, and that alone")
		}
		if len(m.Instruments) > 0 || len(c.Data.Promotions) > 0 || c.Data.Rivals != nil || m.Noise != "" || len(m.Endings) > 0 {
			bad("model.kind", "kind linear knows demand and competitor alone; leave promotions, rivals, instruments, noise and endings out")
		}
	}
	if v := m.Cross; v != nil && (*v < 0 || *v > maxCross) {
		bad("model.cross", "%d products; give a number from 0 to %d", *v, maxCross)
	}
	if v := m.Notice; v != nil && !(*v >= 0 && *v < 1) {
		bad("model.notice", "%v is no share of a price; give a number from 0 to below 1", *v)
	}
	for i, v := range m.Endings {
		if !(v >= 0 && v < 1) {
			bad(fmt.Sprintf("model.endings[%d]", i), "%v is no end of a price; give what is behind the point, such as 0.99", v)
		}
	}
	if n := c.Evaluation.Origins; n != nil && (*n < 0 || *n > maxOrigins) {
		bad("evaluation.origins", "%d origins; give a number from 0 to %d", *n, maxOrigins)
	}
	if n := c.Evaluation.Periods; n < 0 || n > maxPeriods {
		bad("evaluation.periods", "%d periods; give a number from 1 to %d", n, maxPeriods)
	}
	used := c.Data.columns()
	for i, name := range m.Instruments {
		path := fmt.Sprintf("model.instruments[%d]", i)
		if name == "" {
			bad(path, "it names no column")
		} else if at := slices.IndexFunc(used, func(u usedColumn) bool { return u.column == name && u.path != "cost" }); at >= 0 {
			bad(path, "%q is the column of data.%s, too, and says nothing more of the price", name, used[at].path)
		}
	}
	return errors.Join(errs...)
}

// usedColumn is a column and what it is used for.
type usedColumn struct{ path, column string }

// columns lists those that the data section names.
func (c *DataConfig) columns() []usedColumn {
	list := []usedColumn{
		{"product", c.Product}, {"store", c.Store}, {"category", c.Category}, {"time", c.Time}, {"price", c.Price}, {"units", c.Units}, {"exposure", c.Exposure},
		{"regular", c.Regular}, {"cost", c.Cost}, {"available", c.Available}, {"currency", c.Currency},
	}
	for i, name := range c.Promotions {
		list = append(list, usedColumn{fmt.Sprintf("promotions[%d]", i), name})
	}
	for i, name := range c.Competitors {
		list = append(list, usedColumn{fmt.Sprintf("competitors[%d]", i), name})
	}
	return list
}

func (c *DataConfig) validate() error {
	var errs []error
	bad := func(path, format string, args ...any) { errs = append(errs, configfile.Errorf(path, format, args...)) }
	if err := c.Source.Validate("source"); err != nil {
		errs = append(errs, err)
	}
	seen := map[string]string{}
	needed := []string{"product", "time", "price", "units"}
	for _, u := range c.columns() {
		if u.column == "" {
			if slices.Contains(needed, u.path) || strings.Contains(u.path, "[") {
				bad(u.path, "it names no column")
			}
			continue
		}
		if other, twice := seen[u.column]; twice {
			bad(u.path, "%q is the column of %s, too", u.column, other)
		}
		seen[u.column] = u.path
	}
	if r := c.Rivals; r != nil {
		if err := r.Source.Validate("rivals.source"); err != nil {
			errs = append(errs, err)
		}
		for _, u := range []usedColumn{{"product", r.Product}, {"seller", r.Seller}, {"time", r.Time}, {"price", r.Price}} {
			if u.column == "" {
				bad("rivals."+u.path, "it names no column")
			}
		}
		if !(r.MaxAge >= 0) {
			bad("rivals.max_age", "%v days; give a positive number", r.MaxAge)
		}
		if len(c.Competitors) > 0 {
			bad("rivals", "prices elsewhere are columns of the data, too: competitors; leave one of them out")
		}
	}
	return errors.Join(errs...)
}

// options are those of the demand model.
func (c *Config) options(noise string) response.Options {
	o := response.Options{Kind: c.Model.Kind, Counts: noise == noiseCounts, Shares: noise == noiseShares, Cross: *c.Model.Cross, Endings: c.Model.Endings, Horizon: c.Evaluation.Periods}
	if c.Data.Regular != "" {
		o.Notice = *c.Model.Notice
	}
	return o
}

// Prepare reads the sales.
func (c *Config) Prepare(ctx context.Context, env *run.Env) (run.Task, error) {
	p, err := env.Pool()
	if err != nil {
		return nil, err
	}
	s, err := c.read(ctx, env.BaseDir)
	if err != nil {
		return nil, c.DataError(err)
	}
	return newTraining(c, s, p, env.Log), nil
}
