package interactions

import (
	"cmp"

	"debut/datasets/configfile"
	"debut/datasets/table"
)

// Config is the interactions section of a run file: where events come from, what they weigh, and how they are split.
// Call SetDefaults and Validate before use; Load does both.
type Config struct {
	Sources     []Source           `yaml:"sources" jsonschema:"description=Where events come from; all sources together."`
	Validation  []Source           `yaml:"validation,omitempty" jsonschema:"description=split given: separate events for validation."`
	Test        []Source           `yaml:"test,omitempty" jsonschema:"description=split given: separate events for testing."`
	Columns     Columns            `yaml:"columns,omitempty" jsonschema:"description=What the columns of CSV and Parquet and JSON are; a source may have its own."`
	TimeFormat  string             `yaml:"time_format,omitempty" jsonschema:"description=CSV and JSON: how times are written such as %d.%m.%Y %H:%M. Default: integers or ISO 8601."`
	Weights     map[string]float64 `yaml:"weights,omitempty" jsonschema:"description=The weight of each kind of event; 0 leaves its events out. Default: 1 for all."`
	Aggregate   string             `yaml:"aggregate,omitempty" jsonschema:"enum=sum,enum=mean,enum=max,enum=last,enum=count,enum=once,description=What several events of a user with an item come to: their sum (default); their mean (default of models of ratings); the largest; the last by time; their number; once: the largest of each kind added up."`
	DropMissing bool               `yaml:"drop_missing,omitempty" jsonschema:"description=Leave out rows without a user or an item instead of stopping with an error."`
	Split       Split              `yaml:"split,omitempty" jsonschema:"description=How events are divided into training and validation and test."`
}

// Columns names the columns of a table. A log or an adjacency list knows its own.
type Columns struct {
	User  string `yaml:"user,omitempty" jsonschema:"description=The column of users. Default user."`
	Item  string `yaml:"item,omitempty" jsonschema:"description=The column of items. Default item."`
	Value string `yaml:"value,omitempty" jsonschema:"description=The column of values: ratings or quantities. Default: each event counts 1."`
	Time  string `yaml:"time,omitempty" jsonschema:"description=The column of times: integers or dates."`
	Event string `yaml:"event,omitempty" jsonschema:"description=The column of the kind of event such as view or buy."`
}

// Source names files of events.
type Source struct {
	Path      configfile.Strings `yaml:"path" jsonschema:"description=Files: one or a list; globs; .gz and .zst; relative to the run file; ${VAR} and ${VAR:-default} are expanded."`
	Format    string             `yaml:"format,omitempty" jsonschema:"enum=auto,enum=csv,enum=parquet,enum=json,enum=log,enum=adjacency,description=File format; auto goes by the extension. log: user item rating time; adjacency: user item item …"`
	Delimiter table.Delimiter    `yaml:"delimiter,omitempty" jsonschema:"description=CSV and log and adjacency: what separates fields (or tab); found out when not given."`
	Header    *bool              `yaml:"header,omitempty" jsonschema:"description=CSV and log: whether the first line names the columns; found out when not given."`
	Names     []string           `yaml:"names,omitempty" jsonschema:"description=Column names of files without a header or instead of it; _ leaves a field of a log out."`
	Null      configfile.Strings `yaml:"null,omitempty" jsonschema:"description=CSV: texts that mean a missing value besides the empty one."`
	Comment   string             `yaml:"comment,omitempty" jsonschema:"description=CSV: what a line begins with that is left out such as #. Default: nothing but # in lines above the header."`
	Encoding  string             `yaml:"encoding,omitempty" jsonschema:"enum=utf-8,enum=utf-16,enum=latin-1,enum=windows-1252,description=CSV: how characters are written. Default: utf-8."`
	Columns   Columns            `yaml:"columns,omitempty" jsonschema:"description=Names of columns that differ from those of the section."`
	Event     string             `yaml:"event,omitempty" jsonschema:"description=The kind of all events of the source such as view."`
}

// Split says how events are divided.
type Split struct {
	Method         string   `yaml:"method,omitempty" jsonschema:"enum=none,enum=random,enum=time,enum=leave_last_out,enum=leave_random_out,enum=given,description=none; random (pairs of user and item drawn by a hash of their ids); time (the latest events are the test part); leave_last_out (the latest items of each user); leave_random_out (items of each user drawn by a hash); given (separate files). Default: given where there are some; else none."`
	Validation     *float64 `yaml:"validation,omitempty" jsonschema:"description=random and time: share of pairs or events for validation. Default 0.1."`
	Test           *float64 `yaml:"test,omitempty" jsonschema:"description=random and time: share of pairs or events for testing. Default 0.2."`
	ValidationFrom string   `yaml:"validation_from,omitempty" jsonschema:"description=time: validation begins here instead of at a share; an integer or a date as in the data."`
	TestFrom       string   `yaml:"test_from,omitempty" jsonschema:"description=time: testing begins here instead of at a share."`
	ValidationLeft *int     `yaml:"validation_items,omitempty" jsonschema:"minimum=0,description=leave_last_out and leave_random_out: items of each user for validation. Default 0."`
	TestLeft       *int     `yaml:"test_items,omitempty" jsonschema:"minimum=0,description=leave_last_out and leave_random_out: items of each user for testing. Default 1."`
	Event          string   `yaml:"event,omitempty" jsonschema:"description=leave_last_out and leave_random_out: only items the user had such an event with are left out."`
}

// Values of Config.Aggregate.
const (
	AggregateSum   = "sum"
	AggregateMean  = "mean"
	AggregateMax   = "max"
	AggregateLast  = "last"
	AggregateCount = "count"
	AggregateOnce  = "once"
)

// Values of Split.Method.
const (
	SplitNone           = "none"
	SplitRandom         = "random"
	SplitTime           = "time"
	SplitLeaveLastOut   = "leave_last_out"
	SplitLeaveRandomOut = "leave_random_out"
	SplitGiven          = "given"
)

// SetDefaults fills every empty field that has a default. It may be called repeatedly.
func (c *Config) SetDefaults() {
	c.Columns.User = cmp.Or(c.Columns.User, "user")
	c.Columns.Item = cmp.Or(c.Columns.Item, "item")
	c.Aggregate = cmp.Or(c.Aggregate, AggregateSum)
	for _, list := range [][]Source{c.Sources, c.Validation, c.Test} {
		for i := range list {
			s := &list[i]
			s.Format = cmp.Or(s.Format, "auto")
			if !s.text() {
				s.Columns.inherit(&c.Columns)
			}
		}
	}
	c.Split.setDefaults(len(c.Validation)+len(c.Test) > 0)
}

func (c *Columns) inherit(from *Columns) {
	c.User = cmp.Or(c.User, from.User)
	c.Item = cmp.Or(c.Item, from.Item)
	c.Value = cmp.Or(c.Value, from.Value)
	c.Time = cmp.Or(c.Time, from.Time)
	c.Event = cmp.Or(c.Event, from.Event)
}

func (s *Split) setDefaults(given bool) {
	if given {
		s.Method = cmp.Or(s.Method, SplitGiven)
	}
	s.Method = cmp.Or(s.Method, SplitNone)
	switch s.Method {
	case SplitRandom, SplitTime:
		if s.Validation == nil && s.ValidationFrom == "" {
			s.Validation = new(0.1)
		}
		if s.Test == nil && s.TestFrom == "" {
			s.Test = new(0.2)
		}
	case SplitLeaveLastOut, SplitLeaveRandomOut:
		if s.ValidationLeft == nil {
			s.ValidationLeft = new(0)
		}
		if s.TestLeft == nil {
			s.TestLeft = new(1)
		}
	}
}

// files are a source's that is a table.
func (s *Source) files() table.Source {
	return table.Source{Path: s.Path, Format: s.Format, Delimiter: s.Delimiter, Header: s.Header, Names: s.Names, Null: s.Null, Comment: s.Comment, Encoding: s.Encoding}
}

// text reports a source that package textformat reads.
func (s *Source) text() bool { return s.Format == "log" || s.Format == "adjacency" }
