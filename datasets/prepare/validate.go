package prepare

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/manifest"
	"debut/datasets/nearest"
	"debut/datasets/wording"
)

// SetDefaults fills every field that has a default.
func (c *Config) SetDefaults() {
	if c.From == "" && len(c.Sources) == 1 {
		for name := range c.Sources {
			c.From = name
		}
	}
	if c.RowGroup == 0 {
		c.RowGroup = 65536
	}
	if c.Shuffle == nil {
		yes := true
		c.Shuffle = &yes
	}
	if c.Rejects.File == "" {
		c.Rejects.File = "rejects.csv"
	}
	s := &c.Split
	s.rename()
	if s.Method == "" {
		s.Method = SplitRandom
	}
	fractions := s.Method == SplitRandom || s.Method == SplitGroup || s.Method == SplitTime && s.ValidationFrom == "" && s.TestFrom == ""
	for _, f := range []struct {
		field **float64
		value float64
	}{{&s.Validation, 0.1}, {&s.Test, 0.2}} {
		if *f.field == nil && fractions {
			*f.field = &f.value
		}
	}
}

func oneOf(path, value string, allowed ...string) error {
	if err := configfile.OneOf(path, value, allowed...); err != nil {
		return err
	}
	return nil
}

// Validate returns the first mistake that can be seen without the data.
func (c *Config) Validate() error {
	if strings.TrimSpace(c.Output) == "" {
		return configfile.Errorf("output", "is not given; name the folder to write")
	}
	if r, hidden := wording.Hidden(c.Output); hidden {
		return configfile.Errorf("output", "%q holds the character %U, which is not shown; leave it out", c.Output, r)
	}
	if len(c.Sources) == 0 {
		return configfile.Errorf("sources", "there are none; name at least one: sources: {orders: {path: orders.csv}}")
	}
	names := slices.Sorted(maps.Keys(c.Sources))
	if c.From == "" {
		return configfile.Errorf("from", "is not given; say which of %s the rows come from", list(names))
	}
	if err := c.checkSource("from", c.From); err != nil {
		return err
	}
	for _, name := range names {
		s := c.Sources[name]
		if err := s.validate("sources."+name, name); err != nil {
			return err
		}
	}
	if c.RowGroup < 1024 || c.RowGroup > 1<<24 {
		return configfile.Errorf("row_group", "%d is not between 1024 and %d", c.RowGroup, 1<<24)
	}
	if c.Memory != 0 && c.Memory < 64<<20 {
		return configfile.Errorf("memory", "%s is too little to work with; give at least 64MiB", c.Memory)
	}
	if err := configfile.CheckThreads(c.Threads); err != nil {
		return configfile.Errorf("threads", "%w", err)
	}
	if c.Timeout < 0 {
		return configfile.Errorf("timeout", "must be more than 0; leave it out for no limit")
	}
	if c.Rejects.Limit < 0 {
		return configfile.Errorf("rejects.limit", "must not be negative")
	}
	if !filepath.IsLocal(c.Rejects.File) || filepath.Base(c.Rejects.File) != c.Rejects.File || reserved(c.Rejects.File) {
		return configfile.Errorf("rejects.file", "%q is not the name of a file in the output folder, or one that is taken", c.Rejects.File)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Columns)) {
		if c.Columns[name] == "" {
			return configfile.Errorf("columns."+name, "is empty; name a type, or remove the key")
		}
		if err := oneOf("columns."+name, string(c.Columns[name]), manifest.Numeric, manifest.Boolean, manifest.Date, manifest.Categorical, manifest.Vector, manifest.Text, manifest.List); err != nil {
			return err
		}
	}
	for i := range c.Steps {
		if err := c.Steps[i].validate(c, fmt.Sprintf("steps.%d", i)); err != nil {
			return err
		}
	}
	return c.Split.validate()
}

// reserved reports names of files that the output has anyway.
func reserved(name string) bool {
	return name == manifest.File || strings.Contains(name, ".parquet") || name == vocabularyDir
}

// checkSource makes sure that a name is that of a source.
func (c *Config) checkSource(path, name string) error {
	if _, ok := c.Sources[name]; ok {
		return nil
	}
	names := slices.Sorted(maps.Keys(c.Sources))
	return configfile.Errorf(path, "there is no source %q; there are %s%s", name, list(names), nearest.DidYouMean(name, names))
}

// kind returns the key of the step that is given, "" unless exactly one is.
func (s *Step) kind() string {
	kinds := s.kinds()
	if len(kinds) != 1 {
		return ""
	}
	return kinds[0]
}

func (s *Step) kinds() []string {
	var kinds []string
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			kinds = append(kinds, tag)
		}
	}
	return kinds
}

// learns reports a step that learns from the training rows.
func (s *Step) learns() bool {
	if s.Resample != nil {
		return true
	}
	for _, f := range s.Fill {
		if f.Method == FillMean || f.Method == FillMedian || f.Method == FillMostFrequent {
			return true
		}
	}
	for _, c := range s.Clip {
		if c.Quantiles != nil || c.MAD != 0 {
			return true
		}
	}
	return false
}

// The methods of Fill.
const (
	FillConstant     = "constant"
	FillMean         = "mean"
	FillMedian       = "median"
	FillMostFrequent = "most_frequent"
	FillPrevious     = "previous"
)

func (s *Step) validate(c *Config, path string) error {
	kinds := s.kinds()
	switch len(kinds) {
	case 0:
		return configfile.Errorf(path, "the step says nothing; it has exactly one key, such as filter or join")
	case 1:
	default:
		return configfile.Errorf(path, "the step has the keys %s; write a step for each", strings.Join(kinds, " and "))
	}
	path += "." + kinds[0]
	for _, name := range slices.Sorted(maps.Keys(s.Fill)) {
		f := s.Fill[name]
		if f.Method != "" {
			if err := oneOf(path+"."+name+".method", f.Method, FillConstant, FillMean, FillMedian, FillMostFrequent, FillPrevious); err != nil {
				return err
			}
			if f.Method != FillConstant && f.Value != "" {
				return configfile.Errorf(path+"."+name+".value", "goes with the method constant alone")
			}
		}
		if f.Method == FillPrevious && f.Time == "" {
			return configfile.Errorf(path+"."+name+".time", "is not given; previous needs a column of time")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Clip)) {
		if err := s.Clip[name].validate(path + "." + name); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Cast)) {
		k := s.Cast[name]
		if strings.TrimSpace(k.To) == "" {
			return configfile.Errorf(path+"."+name+".to", "is not given; name a SQL type such as DOUBLE")
		}
		if k.OnError != "" {
			if err := oneOf(path+"."+name+".on_error", k.OnError, "fail", "null"); err != nil {
				return err
			}
		}
	}
	switch {
	case s.Filter != nil && strings.TrimSpace(s.Filter.Where) == "":
		return configfile.Errorf(path, "the condition is empty")
	case s.Deduplicate != nil:
		return s.Deduplicate.validate(path)
	case s.Join != nil:
		return s.Join.validate(c, path)
	case s.Series != nil:
		return s.Series.validate(path)
	case s.Aggregate != nil:
		return s.Aggregate.validate(c, path)
	case s.Label != nil:
		return s.Label.validate(c, path)
	case s.Negatives != nil:
		n := s.Negatives
		if n.User == "" || n.Item == "" || n.Label == "" {
			return configfile.Errorf(path, "user, item and label are needed")
		}
		if n.Ratio < 0 || n.Ratio > 1000 {
			return configfile.Errorf(path+".ratio", "%d is not between 1 and 1000", n.Ratio)
		}
		if n.By != "" {
			return oneOf(path+".by", n.By, "uniform", "popularity")
		}
	case s.Resample != nil:
		if s.Resample.Label == "" || len(s.Resample.Rates) == 0 {
			return configfile.Errorf(path, "label and rates are needed, such as rates: {true: 5}")
		}
		for _, class := range slices.Sorted(maps.Keys(s.Resample.Rates)) {
			if r := s.Resample.Rates[class]; !(r >= 0 && r <= 1000) {
				return configfile.Errorf(path+".rates."+class, "%v is not between 0 and 1000", r)
			}
		}
	case s.Generalize != nil:
		for _, name := range slices.Sorted(maps.Keys(s.Generalize)) {
			if err := s.Generalize[name].validate(path + "." + name); err != nil {
				return err
			}
		}
	case s.Anonymize != nil:
		a := s.Anonymize
		if len(a.Columns) == 0 || a.K < 2 {
			return configfile.Errorf(path, "columns and a k of at least 2 are needed")
		}
		if a.Action != "" {
			return oneOf(path+".action", a.Action, "suppress", "report", "fail")
		}
	}
	return nil
}

func (c Clip) validate(path string) error {
	ways := 0
	if c.Quantiles != nil {
		ways++
		if len(c.Quantiles) != 2 || !(c.Quantiles[0] >= 0 && c.Quantiles[0] < c.Quantiles[1] && c.Quantiles[1] <= 1) {
			return configfile.Errorf(path+".quantiles", "give two rising numbers between 0 and 1, such as [0.001, 0.999]")
		}
	}
	if c.MAD != 0 {
		ways++
		if !(c.MAD > 0) {
			return configfile.Errorf(path+".mad", "must be positive")
		}
	}
	if c.Min != nil || c.Max != nil {
		ways++
		if c.Min != nil && c.Max != nil && !(*c.Min < *c.Max) {
			return configfile.Errorf(path, "min must be below max")
		}
	}
	if ways != 1 {
		return configfile.Errorf(path, "give one of quantiles, mad, and min and max")
	}
	return nil
}

func (d *Deduplicate) validate(path string) error {
	if d.Keep == "" {
		return nil
	}
	if err := oneOf(path+".keep", d.Keep, "first", "last", "newest", "oldest"); err != nil {
		return err
	}
	if byTime := d.Keep == "newest" || d.Keep == "oldest"; byTime != (d.Time != "") {
		return configfile.Errorf(path+".time", "a column of time goes with newest and oldest, and they need it")
	}
	if len(d.Key) == 0 && d.Keep != "first" && d.Keep != "last" {
		return configfile.Errorf(path+".key", "is not given; rows equal in all columns are equally new")
	}
	return nil
}

func (g Generalization) validate(path string) error {
	ways := 0
	for _, given := range []bool{g.Width != 0, g.Prefix != 0, g.Unit != "", g.RareBelow != 0} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return configfile.Errorf(path, "give one of width, prefix, unit and rare_below")
	}
	if !(g.Width >= 0) || g.Prefix < 0 || g.RareBelow < 0 {
		return configfile.Errorf(path, "must be positive")
	}
	if g.Unit != "" {
		return oneOf(path+".unit", g.Unit, "hour", "day", "week", "month", "quarter", "year")
	}
	return nil
}
