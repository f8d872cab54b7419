package prepare

import (
	"time"

	"github.com/invopop/jsonschema"

	"debut/datasets/configfile"
	"debut/datasets/sealed"
	"debut/datasets/table"
)

// Config is the content of a data.yaml: what is read, what is done to the rows
// one step after another, how they are split, and where they go.
type Config struct {
	Output  string            `yaml:"output" jsonschema:"description=Folder to write; relative to the file."`
	Seed    uint64            `yaml:"seed,omitempty" jsonschema:"description=Seed of everything random: shuffling; splits; negative samples."`
	Memory  Size              `yaml:"memory,omitempty" jsonschema:"description=Limit of what is held in memory such as 2GiB; the rest goes to temporary files. Default: half of what the machine has."`
	Threads int               `yaml:"threads,omitempty" jsonschema:"minimum=0,maximum=4096,description=Worker threads; 0: one for each core. The result does not depend on it."`
	Temp    string            `yaml:"temp,omitempty" jsonschema:"description=Folder for temporary files. Default: beside the output."`
	Sources map[string]Source `yaml:"sources" jsonschema:"description=Tables by name; SQL in the file may use them all."`
	From    string            `yaml:"from,omitempty" jsonschema:"description=The source whose rows are prepared. Default: the only one."`
	Steps   []Step            `yaml:"steps,omitempty" jsonschema:"description=What is done to the rows; in this order."`
	Split   Split             `yaml:"split,omitempty" jsonschema:"description=How rows are divided into training and validation and test."`
	// Columns overrides what columns are taken for.
	Columns  map[string]ColumnType `yaml:"columns,omitempty" jsonschema:"description=What a column is in training where its SQL type does not say it: text or vector or list or categorical or numeric."`
	RowGroup int                   `yaml:"row_group,omitempty" jsonschema:"minimum=0,description=Rows of a row group of the Parquet files. Default 65536."`
	Shuffle  *bool                 `yaml:"shuffle,omitempty" jsonschema:"description=Put the rows of each part in random order. Default true; training reads them in order of row groups."`
	Key      *configfile.Secret    `yaml:"key,omitempty" jsonschema:"description=The secret key of pseudonyms."`
	Encrypt  *sealed.Encryption    `yaml:"encrypt,omitempty" jsonschema:"description=Encrypt the Parquet files with age."`
	External bool                  `yaml:"external_access,omitempty" jsonschema:"description=Let the SQL in the file read any file that it names besides those of its sources. Default false."`
	Timeout  time.Duration         `yaml:"timeout,omitempty" jsonschema:"description=The most time that a statement of SQL may take such as 10m; each source and step has some. Default: no limit."`
	Rejects  Rejects               `yaml:"rejects,omitempty" jsonschema:"description=What happens to rows that cannot be read."`
}

// ColumnType is a type of a column in training, one of those of package manifest.
type ColumnType string

// Source is a table: files as in a run file, a text format of the field, or a
// table of a database. Its query sees the other sources, which Source.Tables are
// of a run file.
type Source struct {
	table.Source `yaml:",inline"`
	IDs          string    `yaml:"ids,omitempty" jsonschema:"description=npy: a text file with one id a line for the rows of the matrix; without it rows are numbered from 0."`
	Layout       string    `yaml:"layout,omitempty" jsonschema:"enum=auto,enum=columns,enum=lists,description=libsvm and libfm and libffm: a column for each feature or lists of indexes and values."`
	Features     int       `yaml:"features,omitempty" jsonschema:"minimum=0,maximum=10000,description=libsvm and libfm: how many features there are where the files may not name the last; each has a column. Default: up to the largest index."`
	Postgres     *Postgres `yaml:"postgres,omitempty" jsonschema:"description=A table of a PostgreSQL database instead of files."`
}

// JSONSchemaExtend says what a source of a data file has of those of a run file.
func (Source) JSONSchemaExtend(s *jsonschema.Schema) {
	s.Properties.Delete("tables")
	s.Properties.Delete("vectors")
	s.Properties.Delete("external_access")
	s.Properties.Delete("timeout")
	if format, ok := s.Properties.Get("format"); ok {
		format.Enum = nil
		for _, name := range append([]string{"auto"}, formats...) {
			format.Enum = append(format.Enum, name)
		}
	}
	if query, ok := s.Properties.Get("query"); ok {
		query.Description = "SQL (DuckDB) over the other sources instead of files; or over the view data where there is a path."
	}
}

// Postgres names a table, or a query, of a PostgreSQL server. The connection
// string is a secret and stands in a file or in the environment.
type Postgres struct {
	DSN   configfile.Secret `yaml:"dsn" jsonschema:"description=Where the connection string is such as {env: DATABASE_URL}."`
	Table string            `yaml:"table,omitempty" jsonschema:"description=The table; schema.table where it is not in the search path."`
	Query string            `yaml:"query,omitempty" jsonschema:"description=A SELECT in the server's SQL instead of a table."`
	Order string            `yaml:"order,omitempty" jsonschema:"description=The columns that fix the order of rows. Default: the primary key or else all columns."`
}

// Rejects says what happens to rows that cannot be read.
type Rejects struct {
	Limit int64  `yaml:"limit,omitempty" jsonschema:"minimum=0,description=How many rows that cannot be read are kept aside before it is an error. Default 0: the first is."`
	File  string `yaml:"file,omitempty" jsonschema:"description=Where they are kept; in the output folder. Default rejects.csv."`
}

// Step is one thing done to the rows: exactly one of its keys is given.
type Step struct {
	Cast         map[string]Cast           `yaml:"cast,omitempty" jsonschema:"description=Give columns another type."`
	Rename       map[string]string         `yaml:"rename,omitempty" jsonschema:"description=New names by old ones."`
	Select       configfile.Strings        `yaml:"select,omitempty" jsonschema:"description=Keep only these columns."`
	Drop         configfile.Strings        `yaml:"drop,omitempty" jsonschema:"description=Leave these columns out."`
	Derive       map[string]string         `yaml:"derive,omitempty" jsonschema:"description=New columns: SQL expressions by name."`
	Filter       *Filter                   `yaml:"filter,omitempty" jsonschema:"description=Keep the rows for which a condition holds."`
	Count        map[string]string         `yaml:"count,omitempty" jsonschema:"description=Count the rows for which conditions hold; by name. Nothing is changed."`
	Deduplicate  *Deduplicate              `yaml:"deduplicate,omitempty" jsonschema:"description=Leave out repeated rows."`
	Fill         map[string]Fill           `yaml:"fill,omitempty" jsonschema:"description=Replace missing values."`
	Clip         map[string]Clip           `yaml:"clip,omitempty" jsonschema:"description=Bring outliers back to a bound learned from the training rows."`
	Join         *Join                     `yaml:"join,omitempty" jsonschema:"description=Add columns of another source."`
	Aggregate    *Aggregate                `yaml:"aggregate,omitempty" jsonschema:"description=Add features of what happened before each row."`
	Series       *Series                   `yaml:"series,omitempty" jsonschema:"description=Make regular series of events: a row for each series and step such as what an item sold in a week."`
	Label        *Label                    `yaml:"label,omitempty" jsonschema:"description=Add a column of what happens after each row; such as whether the user buys within 30 days."`
	Negatives    *Negatives                `yaml:"negatives,omitempty" jsonschema:"description=Add rows of items that the user did not choose."`
	Resample     *Resample                 `yaml:"resample,omitempty" jsonschema:"description=Repeat or leave out training rows by class. Validation and test rows stay as they are."`
	Pseudonymize map[string]string         `yaml:"pseudonymize,omitempty" jsonschema:"description=Replace ids by keyed pseudonyms; the value names the kind of id: equal ids of one kind get equal pseudonyms."`
	Generalize   map[string]Generalization `yaml:"generalize,omitempty" jsonschema:"description=Make values coarser."`
	Mask         configfile.Strings        `yaml:"mask,omitempty" jsonschema:"description=Text columns in which e-mail addresses and phone and card numbers are replaced."`
	Anonymize    *Anonymize                `yaml:"k_anonymity,omitempty" jsonschema:"description=Count or leave out rows whose quasi-identifiers are too rare."`
	SQL          string                    `yaml:"sql,omitempty" jsonschema:"description=A SELECT over the view input; keep the column __row or the rows are numbered anew in the order of all columns."`
}

// Cast is a conversion: a type, or a mapping with more.
type Cast struct {
	To      string `yaml:"to" jsonschema:"description=SQL type such as INTEGER or DOUBLE or TIMESTAMP or DATE or VARCHAR or BOOLEAN."`
	Format  string `yaml:"format,omitempty" jsonschema:"description=How a date or time is written such as %d.%m.%Y %H:%M."`
	OnError string `yaml:"on_error,omitempty" jsonschema:"enum=fail,enum=null,description=A value that cannot be converted: fail (default) or a missing value."`
}

// Filter is a condition, or a mapping with a reason.
type Filter struct {
	Where  string `yaml:"where" jsonschema:"description=SQL condition of the rows to keep."`
	Reason string `yaml:"reason,omitempty" jsonschema:"description=Why the other rows are left out."`
}

// Deduplicate leaves out repeated rows: equal in all columns, or in a key.
type Deduplicate struct {
	Key  configfile.Strings `yaml:"key,omitempty" jsonschema:"description=Rows are the same if these columns are. Default: all columns. Rows with a missing key are kept."`
	Keep string             `yaml:"keep,omitempty" jsonschema:"enum=first,enum=last,enum=newest,enum=oldest,description=Which row of a key is kept: first (default) or last in the order of the source; newest or oldest by time."`
	Time string             `yaml:"time,omitempty" jsonschema:"description=The column of newest and oldest."`
}

// Fill replaces missing values: a constant, or a mapping with a method.
type Fill struct {
	Value  string `yaml:"value,omitempty" jsonschema:"description=A constant."`
	Method string `yaml:"method,omitempty" jsonschema:"enum=constant,enum=mean,enum=median,enum=most_frequent,enum=previous,description=constant (default) or a statistic of the training rows; or the previous value of the same group in order of time."`
	By     string `yaml:"by,omitempty" jsonschema:"description=previous: the column of groups."`
	Time   string `yaml:"time,omitempty" jsonschema:"description=previous: the column of time."`
}

// Clip bounds a column of numbers.
type Clip struct {
	Quantiles []float64 `yaml:"quantiles,omitempty" jsonschema:"description=Two quantiles of the training rows such as [0.001; 0.999]."`
	MAD       float64   `yaml:"mad,omitempty" jsonschema:"description=Bounds are the median plus and minus so many median absolute deviations (times 1.4826)."`
	Min       *float64  `yaml:"min,omitempty" jsonschema:"description=A fixed lower bound."`
	Max       *float64  `yaml:"max,omitempty" jsonschema:"description=A fixed upper bound."`
}

// Join adds columns of another source. Each row finds at most one row there.
type Join struct {
	Table   string             `yaml:"table" jsonschema:"description=The other source."`
	On      configfile.Strings `yaml:"on,omitempty" jsonschema:"description=Columns that are equal in both."`
	Keys    map[string]string  `yaml:"keys,omitempty" jsonschema:"description=Columns that are equal: name in the other source by name here."`
	How     string             `yaml:"how,omitempty" jsonschema:"enum=left,enum=inner,description=left (default) keeps rows that find nothing; inner leaves them out."`
	Columns configfile.Strings `yaml:"columns,omitempty" jsonschema:"description=The columns to add. Default: all others."`
	Prefix  string             `yaml:"prefix,omitempty" jsonschema:"description=Put before the names of the added columns."`
	AsOf    *AsOf              `yaml:"as_of,omitempty" jsonschema:"description=Take the latest row of the other source that was known at the row's time."`
}

// AsOf joins by time: of the other rows with the same key the latest one before
// the row's own time.
type AsOf struct {
	At      string `yaml:"at" jsonschema:"description=The column of time here."`
	Time    string `yaml:"time,omitempty" jsonschema:"description=The column of time there. Default: the same name."`
	Gap     string `yaml:"gap,omitempty" jsonschema:"description=How long it takes until a row there is known such as 1d. Default 0: a row of the same moment is known."`
	Require bool   `yaml:"require,omitempty" jsonschema:"description=Leave out rows that find nothing."`
}

// Aggregate adds features computed from the events of the same key that came
// before the row's own time: no row sees its future, nor its own moment.
type Aggregate struct {
	Events   string             `yaml:"events,omitempty" jsonschema:"description=The source of events. Default: the rows themselves."`
	Key      configfile.Strings `yaml:"key,omitempty" jsonschema:"description=Columns that are equal in rows and events such as the user. Default: all events."`
	Keys     map[string]string  `yaml:"keys,omitempty" jsonschema:"description=Columns that are equal: name in the events by name here."`
	At       string             `yaml:"at" jsonschema:"description=The column of a row's time."`
	Time     string             `yaml:"time,omitempty" jsonschema:"description=The column of an event's time. Default: the same name."`
	Gap      string             `yaml:"gap,omitempty" jsonschema:"description=How long it takes until an event is known such as 1h. Default 0: events before the row's time are."`
	Where    string             `yaml:"where,omitempty" jsonschema:"description=SQL condition of the events that count."`
	Features map[string]Feature `yaml:"features" jsonschema:"description=New columns by name."`
	// Future switches the guard off.
	Future bool `yaml:"see_the_future,omitempty" jsonschema:"description=Count events after the row's time too. It leaks; for demonstrations alone."`
}

// Feature is a figure about events.
type Feature struct {
	Function string `yaml:"function" jsonschema:"enum=count,enum=distinct,enum=sum,enum=mean,enum=min,enum=max,enum=last,enum=since_last,enum=since_first,enum=active_days,enum=ratio,enum=list,description=count; distinct values; sum; mean; min; max; last value; days since the last or the first event; days with events; ratio: the share of events for which where holds; list: the latest values such as the items that a user has viewed; the newest first."`
	Value    string `yaml:"value,omitempty" jsonschema:"description=The column or SQL expression over events that it is about."`
	Last     int    `yaml:"last,omitempty" jsonschema:"minimum=1,maximum=1000,description=list and mean of vectors: of how many events at most; the latest. Default 20."`
	Window   string `yaml:"window,omitempty" jsonschema:"description=Only events so long before the row such as 30d. Default: all."`
	Where    string `yaml:"where,omitempty" jsonschema:"description=SQL condition of the events that count."`
}

// Label adds a column of what the events of the same key say about the time after
// a row: those later than the row's own time and at most Within later. The moment of
// the row itself belongs neither to it nor to Aggregate, which ends before that.
type Label struct {
	Name       string             `yaml:"name" jsonschema:"description=The new column."`
	Events     string             `yaml:"events,omitempty" jsonschema:"description=The source of events. Default: the rows themselves."`
	Key        configfile.Strings `yaml:"key,omitempty" jsonschema:"description=Columns that are equal in rows and events such as the user. Default: all events."`
	Keys       map[string]string  `yaml:"keys,omitempty" jsonschema:"description=Columns that are equal: name in the events by name here."`
	At         string             `yaml:"at" jsonschema:"description=The column of a row's time. Events of that very moment do not count."`
	Time       string             `yaml:"time,omitempty" jsonschema:"description=The column of an event's time. Default: the same name."`
	Within     string             `yaml:"within" jsonschema:"description=How far the label looks beyond the row's time such as 30d; its last moment counts. Where times are whole numbers: so many of their units."`
	Function   string             `yaml:"function,omitempty" jsonschema:"enum=any,enum=count,enum=sum,description=any (default): whether there is an event; count: how many; sum: of a value; 0 where there are none."`
	Value      string             `yaml:"value,omitempty" jsonschema:"description=sum: the column or SQL expression over events."`
	Where      string             `yaml:"where,omitempty" jsonschema:"description=SQL condition of the events that count."`
	Until      string             `yaml:"until,omitempty" jsonschema:"description=Up to when the events are complete such as 2026-01-31. Default: the time of the latest event of the source."`
	Incomplete string             `yaml:"incomplete,omitempty" jsonschema:"enum=drop,enum=keep,enum=fail,description=Rows whose label cannot be known for the events end earlier: drop (default: leave out) or keep with what there is or fail."`
}

// Negatives adds rows for items that a user has not chosen.
type Negatives struct {
	User  string `yaml:"user" jsonschema:"description=The column of users."`
	Item  string `yaml:"item" jsonschema:"description=The column of items."`
	Label string `yaml:"label" jsonschema:"description=A new column: true in the rows there were; false in those added."`
	Ratio int    `yaml:"ratio,omitempty" jsonschema:"minimum=1,description=Rows to add for each row. Default 4."`
	By    string `yaml:"by,omitempty" jsonschema:"enum=uniform,enum=popularity,description=How items are drawn: uniform (default) or in proportion to their rows."`
}

// Resample changes how often classes occur in the training rows.
type Resample struct {
	Label string             `yaml:"label" jsonschema:"description=The column of classes."`
	Rates map[string]float64 `yaml:"rates" jsonschema:"description=How often a row of a class is to occur on average; by class: 3 repeats; 0.1 leaves nine in ten out."`
}

// Generalization makes values coarser; exactly one key is given.
type Generalization struct {
	Width     float64 `yaml:"width,omitempty" jsonschema:"description=Numbers: the lower end of a band of this width."`
	Prefix    int     `yaml:"prefix,omitempty" jsonschema:"description=Text: the first so many characters."`
	Unit      string  `yaml:"unit,omitempty" jsonschema:"enum=hour,enum=day,enum=week,enum=month,enum=quarter,enum=year,description=Times: the beginning of the unit."`
	RareBelow int64   `yaml:"rare_below,omitempty" jsonschema:"description=Values of fewer rows become other."`
}

// Anonymize asks for k-anonymity.
type Anonymize struct {
	Columns configfile.Strings `yaml:"columns" jsonschema:"description=The quasi-identifiers: columns that together could single somebody out."`
	K       int64              `yaml:"k" jsonschema:"minimum=2,description=Rows that must share each combination."`
	Action  string             `yaml:"action,omitempty" jsonschema:"enum=suppress,enum=report,enum=fail,description=Rows of rarer combinations: suppress (default: leave out) or report alone or fail."`
}

// Split says how the rows are divided.
type Split struct {
	Method     string   `yaml:"method,omitempty" jsonschema:"enum=random,enum=time,enum=group,enum=leave_last_out,enum=column,enum=none,description=random (default); time: the latest rows are the test part; group: all rows of a group such as a user in one part; leave_last_out: the last row of each user is for testing and the one before for validation; column: a column says it; none."`
	Validation *float64 `yaml:"validation,omitempty" jsonschema:"description=Fraction of rows (group: of groups) for validation. Default 0.1."`
	Test       *float64 `yaml:"test,omitempty" jsonschema:"description=Fraction of rows (group: of groups) for testing. Default 0.2."`
	Column     string   `yaml:"column,omitempty" jsonschema:"description=The column of time or groups or users (leave_last_out) or parts."`
	Stratify   string   `yaml:"stratify,omitempty" jsonschema:"description=random: the column whose classes have equal shares in all parts."`
	Time       string   `yaml:"time,omitempty" jsonschema:"description=leave_last_out: the column of time."`
	// Boundaries in time.
	ValidationFrom string             `yaml:"validation_from,omitempty" jsonschema:"description=time: the first moment of the validation part; instead of a fraction."`
	TestFrom       string             `yaml:"test_from,omitempty" jsonschema:"description=time: the first moment of the test part; instead of a fraction."`
	Embargo        string             `yaml:"embargo,omitempty" jsonschema:"description=time: rows so shortly before the next part are left out such as 30d; for their labels were not known when that began. Default: the longest within of the label steps; 0: none."`
	ValidationIs   configfile.Strings `yaml:"validation_values,omitempty" jsonschema:"description=column: values of validation rows."`
	TestIs         configfile.Strings `yaml:"test_values,omitempty" jsonschema:"description=column: values of test rows."`
}

// short lets a mapping be written as a single text, which sets one field.
func short[T any](out *T, field *string, unmarshal func(any) error) error {
	if unmarshal(field) == nil {
		return nil
	}
	return unmarshal(out)
}

// UnmarshalYAML accepts a type alone.
func (c *Cast) UnmarshalYAML(unmarshal func(any) error) error {
	type fields Cast
	return short((*fields)(c), &c.To, unmarshal)
}

// UnmarshalYAML accepts a condition alone.
func (f *Filter) UnmarshalYAML(unmarshal func(any) error) error {
	type fields Filter
	return short((*fields)(f), &f.Where, unmarshal)
}

// UnmarshalYAML accepts a constant alone.
func (f *Fill) UnmarshalYAML(unmarshal func(any) error) error {
	type fields Fill
	return short((*fields)(f), &f.Value, unmarshal)
}

// JSONSchema describes the two ways to write a conversion.
func (Cast) JSONSchema() *jsonschema.Schema { type fields Cast; return orText(fields{}) }

// JSONSchema describes the two ways to write a filter.
func (Filter) JSONSchema() *jsonschema.Schema { type fields Filter; return orText(fields{}) }

// JSONSchema describes the two ways to write a fill.
func (Fill) JSONSchema() *jsonschema.Schema { type fields Fill; return orText(fields{}) }

func orText(v any) *jsonschema.Schema {
	r := jsonschema.Reflector{DoNotReference: true, Anonymous: true, FieldNameTag: "yaml"}
	full := r.Reflect(v)
	full.Version = ""
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, full}}
}
