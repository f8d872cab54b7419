package interactions

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/datasets/textformat"
)

// maxEvents is how many kinds of event there may be: a pair keeps those it had as bits.
const maxEvents = 16

// Validate reports the first value that cannot be used, as a *configfile.FieldError. It looks at the configuration alone.
func (c *Config) Validate() error {
	if err := c.validate(); err != nil {
		return err
	}
	return nil
}

func (c *Config) validate() *configfile.FieldError {
	if len(c.Sources) == 0 {
		return configfile.Errorf("sources", "no source of events is given; name its files, for example sources: [{path: events.csv}]")
	}
	for _, list := range []struct {
		path    string
		sources []Source
	}{{"sources", c.Sources}, {"validation", c.Validation}, {"test", c.Test}} {
		for i := range list.sources {
			if err := list.sources[i].validate(fmt.Sprintf("%s[%d]", list.path, i)); err != nil {
				return err
			}
		}
	}
	if err := c.Columns.validate("columns"); err != nil {
		return err
	}
	return c.validateRules()
}

// validateRules checks what applies to events wherever they come from.
func (c *Config) validateRules() *configfile.FieldError {
	if len(c.Weights) > maxEvents {
		return configfile.Errorf("weights", "%d kinds of event; there can be at most %d: give rarer ones one name", len(c.Weights), maxEvents)
	}
	some := len(c.Weights) == 0
	for _, kind := range slices.Sorted(maps.Keys(c.Weights)) {
		w := c.Weights[kind]
		if !isWeight(w) {
			return configfile.Errorf("weights."+kind, "%v %s; 0 leaves such events out", w, noWeight)
		}
		some = some || w > 0
	}
	if !some {
		return configfile.Errorf("weights", "all weights are 0, so that no event is left; give at least one kind a positive weight")
	}
	if err := configfile.OneOf("aggregate", c.Aggregate, AggregateSum, AggregateMean, AggregateMax, AggregateLast, AggregateCount, AggregateOnce); err != nil {
		return err
	}
	return c.Split.validate(c)
}

func (s *Source) validate(path string) *configfile.FieldError {
	if len(s.Path) == 0 {
		return configfile.Errorf(path+".path", "no file is named")
	}
	if err := configfile.OneOf(path+".format", s.Format, slices.Concat([]string{"auto"}, table.Formats, []string{"log", "adjacency"})...); err != nil {
		return err
	}
	if s.text() {
		if s.Columns != (Columns{}) {
			return configfile.Errorf(path+".columns", "a %s names its fields with names", s.Format)
		}
		for _, f := range []struct {
			key string
			is  bool
		}{{"null", len(s.Null) > 0}, {"comment", s.Comment != ""}, {"encoding", s.Encoding != ""}} {
			if f.is {
				return configfile.Errorf(path+"."+f.key, "is of tables, not of a %s; read it as csv", s.Format)
			}
		}
		return nil
	}
	files := s.files()
	if err := files.Validate(path); err != nil {
		return err
	}
	if s.Event != "" && s.Columns.Event != "" {
		return configfile.Errorf(path+".event", "all events are said to be %q, and column %q to say what they are; remove one of the two", s.Event, s.Columns.Event)
	}
	return s.Columns.validate(path + ".columns")
}

func (c *Columns) validate(path string) *configfile.FieldError {
	taken := map[string]string{}
	for _, f := range []struct{ key, name string }{{"user", c.User}, {"item", c.Item}, {"value", c.Value}, {"time", c.Time}, {"event", c.Event}} {
		if f.name == "" {
			continue
		}
		if other := taken[f.name]; other != "" {
			return configfile.Errorf(path+"."+f.key, "column %q is the %s already", f.name, other)
		}
		taken[f.name] = f.key
	}
	return nil
}

// needsTime says why events must have times, "" where they need none.
func (c *Config) needsTime() string {
	switch {
	case c.Split.Method == SplitTime || c.Split.Method == SplitLeaveLastOut:
		return "split: {method: " + c.Split.Method + "}"
	case c.Aggregate == AggregateLast:
		return "aggregate: last"
	}
	return ""
}

func (s *Split) validate(c *Config) *configfile.FieldError {
	if err := configfile.OneOf("split.method", s.Method, SplitNone, SplitRandom, SplitTime, SplitLeaveLastOut, SplitLeaveRandomOut, SplitGiven); err != nil {
		return err
	}
	given := len(c.Validation)+len(c.Test) > 0
	if given && s.Method != SplitGiven && s.Method != "" {
		return configfile.Errorf("split.method", "is %s, and there are separate sources for validation or test; remove the method, or the sources", s.Method)
	}
	if !given && s.Method == SplitGiven {
		return configfile.Errorf("split.method", "is given, but neither validation nor test names a source")
	}
	shares, left := s.Method == SplitRandom || s.Method == SplitTime, s.Method == SplitLeaveLastOut || s.Method == SplitLeaveRandomOut
	for _, f := range []struct {
		key     string
		is, may bool
	}{
		{"validation", s.Validation != nil, shares}, {"test", s.Test != nil, shares},
		{"validation_from", s.ValidationFrom != "", s.Method == SplitTime}, {"test_from", s.TestFrom != "", s.Method == SplitTime},
		{"validation_items", s.ValidationLeft != nil, left}, {"test_items", s.TestLeft != nil, left}, {"event", s.Event != "", left},
	} {
		if f.is && !f.may {
			return configfile.Errorf("split."+f.key, "does not go with method: %s", s.Method)
		}
	}
	sum := 0.0
	for _, f := range []struct {
		key   string
		share *float64
		from  string
	}{{"validation", s.Validation, s.ValidationFrom}, {"test", s.Test, s.TestFrom}} {
		if f.from != "" {
			if f.share != nil {
				return configfile.Errorf("split."+f.key, "a share and %s_from are both given; remove one", f.key)
			}
			if _, _, ok := parseTime(f.from); !ok {
				return configfile.Errorf("split."+f.key+"_from", "%q is neither an integer nor a date YYYY-MM-DD with or without a time", f.from)
			}
		}
		if f.share == nil {
			continue
		}
		if !(*f.share >= 0 && *f.share < 1) {
			return configfile.Errorf("split."+f.key, "%v is no share; give a number from 0 to less than 1", *f.share)
		}
		sum += *f.share
	}
	if sum >= 1 {
		return configfile.Errorf("split.test", "validation and test together take %v, so that nothing is left for training", sum)
	}
	for _, f := range []struct {
		key string
		n   *int
	}{{"validation_items", s.ValidationLeft}, {"test_items", s.TestLeft}} {
		if f.n != nil && *f.n < 0 {
			return configfile.Errorf("split."+f.key, "%d is negative", *f.n)
		}
	}
	return nil
}

// parseTime reads an integer, or a date in microseconds since 1970.
func parseTime(s string) (v int64, date, ok bool) {
	if v, err := strconv.ParseInt(s, 10, 64); err == nil {
		return v, false, v != NoTime
	}
	v, ok = textformat.ParseTime([]byte(s))
	return v, true, ok
}

// maxWeight bounds values and weights. What counts is how they compare; products and sums of millions of larger ones would not be
// numbers in 32 bits any more.
const maxWeight = 1e12

// noWeight says what is wrong with a number that isWeight refuses.
const noWeight = "is no weight: it must be finite, not negative, and at most 1e12"

func isWeight(x float64) bool { return x >= 0 && x <= maxWeight }
