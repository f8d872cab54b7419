package datasets

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"debut/datasets/bytesize"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/sealed"
	"debut/datasets/table"
)

// Config is the data section of a run file: where rows come from, what they
// mean, and how they are cleaned, split and encoded. Call SetDefaults and
// Validate before use; Load does both.
type Config struct {
	Source      table.Source               `yaml:"source,omitempty" jsonschema:"description=Where the rows come from."`
	Prepared    string                     `yaml:"prepared,omitempty" jsonschema:"description=A folder of prepared data (debut data prepare) instead of source; it is read in blocks while training and may be larger than memory."`
	Memory      bytesize.Size              `yaml:"memory,omitempty" jsonschema:"description=prepared: what the data may take of memory such as 2GiB. Default: no limit."`
	Decrypt     *sealed.Decryption         `yaml:"decrypt,omitempty" jsonschema:"description=prepared: what opens encrypted data."`
	ShuffleRows int                        `yaml:"shuffle_rows,omitempty" jsonschema:"minimum=0,description=prepared: about so many rows are in memory and shuffled together. Default 1048576 or what fits."`
	FitRows     int                        `yaml:"fit_rows,omitempty" jsonschema:"minimum=0,description=prepared: statistics of numbers are learned from so many training rows. Default 1000000."`
	Validation  *table.Source              `yaml:"validation,omitempty" jsonschema:"description=Separate validation rows; unset keys are taken from source."`
	Test        *table.Source              `yaml:"test,omitempty" jsonschema:"description=Separate test rows; unset keys are taken from source."`
	Target      string                     `yaml:"target" jsonschema:"description=The column to predict."`
	Steps       configfile.Strings         `yaml:"steps,omitempty" jsonschema:"description=Of a binary target that nobody comes to but by others: columns of truth values of what comes before it; first to last; such as [carted] before purchased. A network learns of each step among those who took the one before; from all rows (ESMM)."`
	Task        string                     `yaml:"task,omitempty" jsonschema:"enum=auto,enum=binary,enum=multiclass,enum=regression,description=What is predicted. auto: two distinct values are binary; text or at most 20 distinct whole numbers multiclass; anything else regression."`
	Positive    string                     `yaml:"positive,omitempty" jsonschema:"description=Binary: the value that counts as positive. Default: true or yes or 1 where present; else the later value in sort order."`
	DropMissing bool                       `yaml:"drop_missing_target,omitempty" jsonschema:"description=Leave out rows without a target instead of stopping with an error."`
	ID          configfile.Strings         `yaml:"id,omitempty" jsonschema:"description=Columns carried through to predictions and never used as features."`
	Weight      string                     `yaml:"weight,omitempty" jsonschema:"description=The column of sample weights."`
	Ignore      configfile.Strings         `yaml:"ignore,omitempty" jsonschema:"description=Columns left out."`
	Features    configfile.Strings         `yaml:"features,omitempty" jsonschema:"description=If given only these columns are features."`
	Deduplicate bool                       `yaml:"deduplicate,omitempty" jsonschema:"description=Drop rows equal to an earlier row in every column that is not ignored."`
	Columns     map[string]encoding.Column `yaml:"columns,omitempty" jsonschema:"description=Settings of single columns by name."`
	Codes       string                     `yaml:"codes,omitempty" jsonschema:"enum=numbers,enum=categories,description=What columns of whole numbers are that by their name stand for things (user; store; zip) and of which nothing is said under columns: categories or numbers of which a warning tells. Default: categories for networks."`
	Trends      string                     `yaml:"trends,omitempty" jsonschema:"enum=keep,enum=drop,description=What becomes of numbers and parts of dates that lie beyond the training rows in nearly all validation rows; such as the week of a split by time; of training rows of less than a year the time of year too. drop: they are left out unless the file names them; keep. Default: drop for networks which cannot follow a trend."`
	Defaults    encoding.Defaults          `yaml:"defaults,omitempty" jsonschema:"description=Settings of all columns of a type."`
	Split       Split                      `yaml:"split,omitempty" jsonschema:"description=How rows are divided into training and validation and test."`
}

// Split says how rows are divided. Fractions are of all rows of the source.
type Split struct {
	Method           string             `yaml:"method,omitempty" jsonschema:"enum=random,enum=time,enum=group,enum=column,enum=none,description=random; time (the latest rows are the test part); group (all rows of a group in one part); column (a column says it); none (all rows are for training)."`
	Validation       *float64           `yaml:"validation,omitempty" jsonschema:"description=Fraction of rows for validation. Default 0.1."`
	Test             *float64           `yaml:"test,omitempty" jsonschema:"description=Fraction of rows for testing. Default 0.2; 0 where a separate test source is given."`
	Stratify         *bool              `yaml:"stratify,omitempty" jsonschema:"description=random and column: keep the shares of the classes equal in all parts. Default: true for classification."`
	Column           string             `yaml:"column,omitempty" jsonschema:"description=The column of time or group or column."`
	TrainValues      configfile.Strings `yaml:"train_values,omitempty" jsonschema:"description=column: values of training rows; when not given all values not listed elsewhere."`
	ValidationValues configfile.Strings `yaml:"validation_values,omitempty" jsonschema:"description=column: values of validation rows."`
	TestValues       configfile.Strings `yaml:"test_values,omitempty" jsonschema:"description=column: values of test rows."`
}

// Values of Config.Codes.
const (
	CodesNumbers    = "numbers"
	CodesCategories = "categories"
)

// Values of Config.Trends.
const (
	TrendsKeep = "keep"
	TrendsDrop = "drop"
)

// Values of Split.Method.
const (
	SplitRandom = "random"
	SplitTime   = "time"
	SplitGroup  = "group"
	SplitColumn = "column"
	SplitNone   = "none"
)

const (
	defaultValidation = 0.1
	defaultTest       = 0.2
)

// SetDefaults fills every empty field that has a default, so that the
// configuration can be written out as it will be used. It may be called
// repeatedly.
func (c *Config) SetDefaults() {
	c.Task = cmp.Or(c.Task, encoding.TaskAuto)
	if c.Prepared != "" {
		c.FitRows = cmp.Or(c.FitRows, defaultFitRows)
	} else {
		c.Source.SetDefaults()
	}
	if c.Validation != nil {
		c.Validation.Inherit(&c.Source)
	}
	if c.Test != nil {
		c.Test.Inherit(&c.Source)
	}
	c.adoptSparse()
	// A run that names no vectors or texts does not mention them, so that it
	// equals one of a version that did not know them.
	c.Defaults.SetDefaults(c.mentions(table.TypeVector, &c.Defaults.Vector) || len(c.Source.Vectors) > 0, c.mentions(table.TypeText, &c.Defaults.Text), c.mentions(table.TypeList, &c.Defaults.List))
	if c.Prepared != "" {
		return // the parts are there
	}
	c.Split.setDefaults(c.Validation != nil, c.Test != nil)
}

// adoptSparse makes lists of what rows of libsvm have.
func (c *Config) adoptSparse() {
	if c.Prepared != "" || !c.Source.Sparse() || slices.Contains(c.Ignore, table.SparseIndexes) {
		return
	}
	column := c.Columns[table.SparseIndexes]
	if column.Type != "" && column.Type != table.TypeList {
		return
	}
	columns := map[string]encoding.Column{}
	maps.Copy(columns, c.Columns)
	columns[table.SparseIndexes] = sparseColumn(column)
	c.Columns = columns
}

// sparseColumn is what becomes of the indexes of sparse rows, by default: their values are weights, and in a factorization machine each is
// a field of its own.
func sparseColumn(c encoding.Column) encoding.Column {
	c.Type = table.TypeList
	c.Weights, c.Pooling = cmp.Or(c.Weights, table.SparseValues), cmp.Or(c.Pooling, encoding.PoolingEach)
	return c
}

// clone returns a configuration that SetDefaults and Load may change without
// changing c.
func (c *Config) clone() *Config {
	out := *c
	out.Source = c.Source.Clone()
	for _, s := range []**table.Source{&out.Validation, &out.Test} {
		if *s != nil {
			own := (*s).Clone()
			*s = &own
		}
	}
	out.Columns = maps.Clone(c.Columns)
	return &out
}

// mentions reports whether a column is declared to have a type, or the type has
// defaults of the user's.
func (c *Config) mentions(typ string, defaults *encoding.Column) bool {
	for _, col := range c.Columns {
		if col.Type == typ {
			return true
		}
	}
	return !reflect.ValueOf(*defaults).IsZero()
}

func (s *Split) setDefaults(separateValidation, separateTest bool) {
	s.Method = cmp.Or(s.Method, SplitRandom)
	fraction := func(f **float64, value float64, zero bool) {
		if *f == nil {
			if zero {
				value = 0
			}
			*f = &value
		}
	}
	none := s.Method == SplitNone
	// A column split takes its test rows from the column alone, and its
	// validation rows too where values are named for them.
	fraction(&s.Validation, defaultValidation, none || separateValidation || len(s.ValidationValues) > 0)
	fraction(&s.Test, defaultTest, none || separateTest || s.Method == SplitColumn)
}
