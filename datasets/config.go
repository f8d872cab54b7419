package datasets

import (
	"cmp"
	"maps"
	"reflect"

	"debut/datasets/bytesize"
)

// Config is the data section of a run file: where rows come from, what they
// mean, and how they are cleaned, split and encoded. Call SetDefaults and
// Validate before use; Load does both.
type Config struct {
	Source      Source            `yaml:"source,omitempty" jsonschema:"description=Where the rows come from."`
	Prepared    string            `yaml:"prepared,omitempty" jsonschema:"description=A folder of prepared data (debut data prepare) instead of source; it is read in blocks while training and may be larger than memory."`
	Memory      bytesize.Size     `yaml:"memory,omitempty" jsonschema:"description=prepared: what the data may take of memory such as 2GiB. Default: no limit."`
	Decrypt     *Decryption       `yaml:"decrypt,omitempty" jsonschema:"description=prepared: what opens encrypted data."`
	ShuffleRows int               `yaml:"shuffle_rows,omitempty" jsonschema:"minimum=0,description=prepared: about so many rows are in memory and shuffled together. Default 1048576 or what fits."`
	FitRows     int               `yaml:"fit_rows,omitempty" jsonschema:"minimum=0,description=prepared: statistics of numbers are learned from so many training rows. Default 1000000."`
	Validation  *Source           `yaml:"validation,omitempty" jsonschema:"description=Separate validation rows; unset keys are taken from source."`
	Test        *Source           `yaml:"test,omitempty" jsonschema:"description=Separate test rows; unset keys are taken from source."`
	Target      string            `yaml:"target" jsonschema:"description=The column to predict."`
	Task        string            `yaml:"task,omitempty" jsonschema:"enum=auto,enum=binary,enum=multiclass,enum=regression,description=What is predicted. auto: two distinct values are binary; text or at most 20 distinct whole numbers multiclass; anything else regression."`
	Positive    string            `yaml:"positive,omitempty" jsonschema:"description=Binary: the value that counts as positive. Default: true or yes or 1 where present; else the later value in sort order."`
	DropMissing bool              `yaml:"drop_missing_target,omitempty" jsonschema:"description=Leave out rows without a target instead of stopping with an error."`
	ID          Strings           `yaml:"id,omitempty" jsonschema:"description=Columns carried through to predictions and never used as features."`
	Weight      string            `yaml:"weight,omitempty" jsonschema:"description=The column of sample weights."`
	Ignore      Strings           `yaml:"ignore,omitempty" jsonschema:"description=Columns left out."`
	Features    Strings           `yaml:"features,omitempty" jsonschema:"description=If given only these columns are features."`
	Deduplicate bool              `yaml:"deduplicate,omitempty" jsonschema:"description=Drop rows equal to an earlier row in every column that is not ignored."`
	Columns     map[string]Column `yaml:"columns,omitempty" jsonschema:"description=Settings of single columns by name."`
	Defaults    Defaults          `yaml:"defaults,omitempty" jsonschema:"description=Settings of all columns of a type."`
	Split       Split             `yaml:"split,omitempty" jsonschema:"description=How rows are divided into training and validation and test."`
}

// Column says how a column is treated. Empty fields take the value of the
// type's defaults (Config.Defaults), and then the built-in ones.
type Column struct {
	Type             string    `yaml:"type,omitempty" jsonschema:"enum=auto,enum=numeric,enum=categorical,enum=boolean,enum=date,enum=vector,enum=text,enum=ignore,description=What the values are. vector: lists of numbers; text: free text read for its words."`
	Fill             string    `yaml:"fill,omitempty" jsonschema:"enum=mean,enum=median,enum=most_frequent,enum=constant,enum=category,enum=zeros,description=What replaces a missing value: mean or median (numbers); most_frequent; constant; category (text: a category of its own); zeros or mean (vectors)."`
	FillValue        string    `yaml:"fill_value,omitempty" jsonschema:"description=The constant of fill: constant."`
	MissingIndicator *bool     `yaml:"missing_indicator,omitempty" jsonschema:"description=Add a 0/1 feature that says whether the value was missing."`
	Transform        Strings   `yaml:"transform,omitempty" jsonschema:"description=Numbers: any of log1p (sign(x) log(1+|x|)) and clip (at quantiles) and standardize; applied in this order; vectors: l2 (to length 1) and standardize (each number); or none."`
	ClipQuantiles    []float64 `yaml:"clip_quantiles,omitempty" jsonschema:"description=The two quantiles of clip. Default 0.001 and 0.999."`
	Encoding         string    `yaml:"encoding,omitempty" jsonschema:"enum=none,enum=piecewise_linear,enum=buckets,description=Numbers: none feeds the value; piecewise_linear spreads it over quantile bins; buckets turns the quantile bin into a category."`
	Bins             int       `yaml:"bins,omitempty" jsonschema:"minimum=0,description=Number of quantile bins of an encoding. Default 16."`
	MinCount         int       `yaml:"min_count,omitempty" jsonschema:"minimum=0,description=Categories seen less often in training share the unknown category. Default 1."`
	MaxVocabulary    int       `yaml:"max_vocabulary,omitempty" jsonschema:"minimum=0,description=At most this many categories: the most frequent ones. Default: no limit."`
	HashBuckets      int       `yaml:"hash_buckets,omitempty" jsonschema:"minimum=0,description=Hash categories into this many ids instead of keeping a vocabulary."`
	Embedding        int       `yaml:"embedding,omitempty" jsonschema:"minimum=0,description=Width of the embedding; 0 leaves it to the model."`
	Dimensions       int       `yaml:"dimensions,omitempty" jsonschema:"minimum=0,description=Free text: number of features its words are hashed into. Default 128."`
	Words            []int     `yaml:"words,omitempty" jsonschema:"description=Free text: least and greatest number of words in a row that make a feature; 0 and 0 for none. Default 1 and 2."`
	Characters       []int     `yaml:"characters,omitempty" jsonschema:"description=Free text: least and greatest number of characters in a row within a word that make a feature; 0 and 0 for none. Default 3 and 5."`
}

// Defaults are settings for all columns of a type.
type Defaults struct {
	Numeric     Column `yaml:"numeric,omitempty" jsonschema:"description=Columns of numbers."`
	Categorical Column `yaml:"categorical,omitempty" jsonschema:"description=Columns of text."`
	Boolean     Column `yaml:"boolean,omitempty" jsonschema:"description=Columns of true and false."`
	Date        Column `yaml:"date,omitempty" jsonschema:"description=Columns of dates and times."`
	Vector      Column `yaml:"vector,omitempty" jsonschema:"description=Columns of vectors."`
	Text        Column `yaml:"text,omitempty" jsonschema:"description=Columns of free text (type: text)."`
}

// Split says how rows are divided. Fractions are of all rows of the source.
type Split struct {
	Method           string   `yaml:"method,omitempty" jsonschema:"enum=random,enum=time,enum=group,enum=column,enum=none,description=random; time (the latest rows are the test part); group (all rows of a group in one part); column (a column says it); none (all rows are for training)."`
	Validation       *float64 `yaml:"validation,omitempty" jsonschema:"description=Fraction of rows for validation. Default 0.1."`
	Test             *float64 `yaml:"test,omitempty" jsonschema:"description=Fraction of rows for testing. Default 0.2; 0 where a separate test source is given."`
	Stratify         *bool    `yaml:"stratify,omitempty" jsonschema:"description=random and column: keep the shares of the classes equal in all parts. Default: true for classification."`
	Column           string   `yaml:"column,omitempty" jsonschema:"description=The column of time or group or column."`
	TrainValues      Strings  `yaml:"train_values,omitempty" jsonschema:"description=column: values of training rows; when not given all values not listed elsewhere."`
	ValidationValues Strings  `yaml:"validation_values,omitempty" jsonschema:"description=column: values of validation rows."`
	TestValues       Strings  `yaml:"test_values,omitempty" jsonschema:"description=column: values of test rows."`
}

// Values of Config.Task.
const (
	TaskAuto       = "auto"
	TaskBinary     = "binary"
	TaskMulticlass = "multiclass"
	TaskRegression = "regression"
)

// Values of Column.Type.
const (
	TypeAuto        = "auto"
	TypeNumeric     = "numeric"
	TypeCategorical = "categorical"
	TypeBoolean     = "boolean"
	TypeDate        = "date"
	TypeVector      = "vector"
	TypeText        = "text"
	TypeIgnore      = "ignore"
)

// Values of Column.Fill.
const (
	FillMean         = "mean"
	FillMedian       = "median"
	FillMostFrequent = "most_frequent"
	FillConstant     = "constant"
	FillCategory     = "category"
	FillZeros        = "zeros"
)

// Entries of Column.Transform.
const (
	TransformNone        = "none"
	TransformLog1p       = "log1p"
	TransformClip        = "clip"
	TransformStandardize = "standardize"
	TransformL2          = "l2"
)

// Values of Column.Encoding.
const (
	EncodingNone            = "none"
	EncodingPiecewiseLinear = "piecewise_linear"
	EncodingBuckets         = "buckets"
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
	defaultBins       = 16
	maxBins           = 4096
	defaultDimensions = 128
	// maxWidth bounds the features that one vector or text becomes: each is a
	// number in every row.
	maxWidth = 1 << 16
)

// SetDefaults fills every empty field that has a default, so that the
// configuration can be written out as it will be used. It may be called
// repeatedly.
func (c *Config) SetDefaults() {
	c.Task = cmp.Or(c.Task, TaskAuto)
	if c.Prepared != "" {
		c.FitRows = cmp.Or(c.FitRows, defaultFitRows)
	} else {
		c.Source.setDefaults()
	}
	if c.Validation != nil {
		c.Validation.inherit(&c.Source)
	}
	if c.Test != nil {
		c.Test.inherit(&c.Source)
	}
	c.Defaults.Numeric.setDefaults(Column{
		Type: TypeNumeric, Fill: FillMedian, Transform: Strings{TransformStandardize},
		ClipQuantiles: []float64{0.001, 0.999}, Encoding: EncodingNone, Bins: defaultBins,
	})
	c.Defaults.Categorical.setDefaults(Column{Type: TypeCategorical, Fill: FillCategory, MinCount: 1})
	c.Defaults.Boolean.setDefaults(Column{Type: TypeBoolean, Fill: FillMostFrequent, Transform: Strings{TransformNone}})
	c.Defaults.Date.setDefaults(Column{Type: TypeDate, Fill: FillMedian, Transform: Strings{TransformStandardize}})
	// A run that names no vectors or texts does not mention them, so that it
	// equals one of a version that did not know them.
	if c.mentions(TypeVector, &c.Defaults.Vector) || len(c.Source.Vectors) > 0 {
		c.Defaults.Vector = c.Defaults.vector()
	}
	if c.mentions(TypeText, &c.Defaults.Text) {
		c.Defaults.Text = c.Defaults.text()
	}
	if c.Prepared != "" {
		return // the parts are there
	}
	c.Split.setDefaults(c.Validation != nil, c.Test != nil)
}

// clone returns a configuration that SetDefaults and Load may change without
// changing c.
func (c *Config) clone() *Config {
	out := *c
	out.Source = c.Source.clone()
	for _, s := range []**Source{&out.Validation, &out.Test} {
		if *s != nil {
			own := (*s).clone()
			*s = &own
		}
	}
	out.Columns = maps.Clone(c.Columns)
	return &out
}

// mentions reports whether a column is declared to have a type, or the type has
// defaults of the user's.
func (c *Config) mentions(typ string, defaults *Column) bool {
	for _, col := range c.Columns {
		if col.Type == typ {
			return true
		}
	}
	return !reflect.ValueOf(*defaults).IsZero()
}

// vector returns the settings of columns of vectors.
func (d *Defaults) vector() Column {
	c := d.Vector
	c.setDefaults(Column{Type: TypeVector, Fill: FillZeros, Transform: Strings{TransformNone}})
	return c
}

// text returns the settings of columns of free text.
func (d *Defaults) text() Column {
	c := d.Text
	c.setDefaults(Column{Type: TypeText, Fill: FillZeros, Dimensions: defaultDimensions, Words: []int{1, 2}, Characters: []int{3, 5}})
	return c
}

// setDefaults fills the empty fields of c from d.
func (c *Column) setDefaults(d Column) {
	c.Type = cmp.Or(c.Type, d.Type)
	c.Fill = cmp.Or(c.Fill, d.Fill)
	c.FillValue = cmp.Or(c.FillValue, d.FillValue)
	if c.MissingIndicator == nil {
		c.MissingIndicator = d.MissingIndicator
	}
	if c.Transform == nil {
		c.Transform = d.Transform
	}
	if c.ClipQuantiles == nil {
		c.ClipQuantiles = d.ClipQuantiles
	}
	c.Encoding = cmp.Or(c.Encoding, d.Encoding)
	c.Bins = cmp.Or(c.Bins, d.Bins)
	c.MinCount = cmp.Or(c.MinCount, d.MinCount)
	c.MaxVocabulary = cmp.Or(c.MaxVocabulary, d.MaxVocabulary)
	c.HashBuckets = cmp.Or(c.HashBuckets, d.HashBuckets)
	c.Embedding = cmp.Or(c.Embedding, d.Embedding)
	c.Dimensions = cmp.Or(c.Dimensions, d.Dimensions)
	if c.Words == nil {
		c.Words = d.Words
	}
	if c.Characters == nil {
		c.Characters = d.Characters
	}
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
