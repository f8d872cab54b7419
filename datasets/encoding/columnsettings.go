package encoding

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/datasets/wording"
)

// Column says how a column is treated. Empty fields take the value of the
// type's defaults (Config.Defaults), and then the built-in ones.
type Column struct {
	Type             string             `yaml:"type,omitempty" jsonschema:"enum=auto,enum=numeric,enum=categorical,enum=boolean,enum=date,enum=vector,enum=text,enum=list,enum=ignore,description=What the values are. vector: lists of numbers; text: free text read for its words; list: lists of ids such as what a user has viewed."`
	Fill             string             `yaml:"fill,omitempty" jsonschema:"enum=mean,enum=median,enum=most_frequent,enum=constant,enum=category,enum=zeros,description=What replaces a missing value: mean or median (numbers); most_frequent; constant; category (text: a category of its own); zeros or mean (vectors)."`
	FillValue        string             `yaml:"fill_value,omitempty" jsonschema:"description=The constant of fill: constant."`
	MissingIndicator *bool              `yaml:"missing_indicator,omitempty" jsonschema:"description=Add a 0/1 feature that says whether the value was missing."`
	Transform        configfile.Strings `yaml:"transform,omitempty" jsonschema:"description=Numbers: any of log1p (sign(x) log(1+|x|)) and clip (at quantiles) and standardize; applied in this order; auto: log1p where the column is skewed and standardize; vectors: l2 (to length 1) and standardize (each number); or none."`
	ClipQuantiles    []float64          `yaml:"clip_quantiles,omitempty" jsonschema:"description=The two quantiles of clip. Default 0.001 and 0.999."`
	Encoding         configfile.Strings `yaml:"encoding,omitempty" jsonschema:"description=Numbers: none feeds the value; piecewise_linear spreads it over quantile bins and clamps it to the values of the training rows; buckets turns the bin into a category; a list of both has both views; auto: piecewise_linear and both views where there are no more different values than buckets. Dates: none or piecewise_linear."`
	Bins             int                `yaml:"bins,omitempty" jsonschema:"minimum=0,description=Number of quantile bins of an encoding; one for each value where there are fewer. Default 16."`
	Buckets          int                `yaml:"buckets,omitempty" jsonschema:"minimum=0,description=Number of bins of buckets where it is another. Default: as bins."`
	MinCount         int                `yaml:"min_count,omitempty" jsonschema:"minimum=0,description=Categories seen less often in training share the unknown category. Default 1."`
	MaxVocabulary    int                `yaml:"max_vocabulary,omitempty" jsonschema:"minimum=0,description=At most this many categories: the most frequent ones. Default: no limit."`
	HashBuckets      int                `yaml:"hash_buckets,omitempty" jsonschema:"minimum=0,description=Hash categories into this many ids instead of keeping a vocabulary."`
	Embedding        int                `yaml:"embedding,omitempty" jsonschema:"minimum=0,description=Width of the embedding; 0 leaves it to the model."`
	Dimensions       int                `yaml:"dimensions,omitempty" jsonschema:"minimum=0,description=Free text: number of features its words are hashed into. Default 128."`
	Words            []int              `yaml:"words,omitempty" jsonschema:"description=Free text: least and greatest number of words in a row that make a feature; 0 and 0 for none. Default 1 and 2."`
	// Of lists.
	MaxItems   int    `yaml:"max_items,omitempty" jsonschema:"minimum=0,description=Lists: how many items of a list are taken at most; the first ones. Default 50."`
	Pooling    string `yaml:"pooling,omitempty" jsonschema:"enum=mean,enum=sum,enum=each,description=Lists: what becomes of the items of a row. mean (default without weights): the mean of what is looked up for them; sum (default with weights); each: in a factorization machine each is a field of its own; elsewhere as sum."`
	Weights    string `yaml:"weights,omitempty" jsonschema:"description=Lists: the column that has as many numbers as the list has items; auto (default): items written as item:weight where all are; none: there are no weights."`
	Like       string `yaml:"like,omitempty" jsonschema:"description=Lists: the column of categories whose ids the items have such as item; of which a history is a list."`
	Characters []int  `yaml:"characters,omitempty" jsonschema:"description=Free text: least and greatest number of characters in a row within a word that make a feature; 0 and 0 for none. Default 3 and 5."`
}

// Defaults are settings for all columns of a type.
type Defaults struct {
	Numeric     Column `yaml:"numeric,omitempty" jsonschema:"description=Columns of numbers."`
	Categorical Column `yaml:"categorical,omitempty" jsonschema:"description=Columns of text."`
	Boolean     Column `yaml:"boolean,omitempty" jsonschema:"description=Columns of true and false."`
	Date        Column `yaml:"date,omitempty" jsonschema:"description=Columns of dates and times."`
	Vector      Column `yaml:"vector,omitempty" jsonschema:"description=Columns of vectors."`
	List        Column `yaml:"list,omitempty" jsonschema:"description=Columns of lists of ids (type: list)."`
	Text        Column `yaml:"text,omitempty" jsonschema:"description=Columns of free text (type: text)."`
}

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
	TransformAuto        = "auto"
	TransformLog1p       = "log1p"
	TransformClip        = "clip"
	TransformStandardize = "standardize"
	TransformL2          = "l2"
)

// Values of Column.Encoding.
const (
	EncodingNone            = "none"
	EncodingAuto            = "auto"
	EncodingPiecewiseLinear = "piecewise_linear"
	EncodingBuckets         = "buckets"
)

const (
	defaultBins       = 16
	maxBins           = 4096
	defaultDimensions = 128
)

// SetDefaults fills the empty fields; those of vectors, texts and lists where
// they are mentioned.
func (d *Defaults) SetDefaults(vectors, texts, lists bool) {
	d.Numeric.setDefaults(Column{
		Type: table.TypeNumeric, Fill: FillMedian, Transform: configfile.Strings{TransformStandardize},
		ClipQuantiles: []float64{0.001, 0.999}, Encoding: configfile.Strings{EncodingNone}, Bins: defaultBins,
	})
	d.Categorical.setDefaults(Column{Type: table.TypeCategorical, Fill: FillCategory, MinCount: 1})
	d.Boolean.setDefaults(Column{Type: table.TypeBoolean, Fill: FillMostFrequent, Transform: configfile.Strings{TransformNone}})
	d.Date.setDefaults(Column{Type: table.TypeDate, Fill: FillMedian, Transform: configfile.Strings{TransformStandardize}})
	if vectors {
		d.Vector = d.vector()
	}
	if texts {
		d.Text = d.text()
	}
	if lists {
		d.List = d.list()
	}
}

// Complete fills the empty fields of a column's settings by the defaults of its
// type.
func (d *Defaults) Complete(c Column, typ string) Column {
	of := map[string]Column{table.TypeNumeric: d.Numeric, table.TypeCategorical: d.Categorical, table.TypeBoolean: d.Boolean, table.TypeDate: d.Date,
		table.TypeVector: d.vector(), table.TypeText: d.text(), table.TypeList: d.list()}[typ]
	// A fill of one's own must not meet the constant of the defaults.
	if c.Fill != "" {
		of.FillValue = ""
	}
	c.setDefaults(of)
	return c
}

// vector returns the settings of columns of vectors.
func (d *Defaults) vector() Column {
	c := d.Vector
	c.setDefaults(Column{Type: table.TypeVector, Fill: FillZeros, Transform: configfile.Strings{TransformNone}})
	return c
}

// text returns the settings of columns of free text.
func (d *Defaults) text() Column {
	c := d.Text
	c.setDefaults(Column{Type: table.TypeText, Fill: FillZeros, Dimensions: defaultDimensions, Words: []int{1, 2}, Characters: []int{3, 5}})
	return c
}

// list returns the settings of columns of lists; pooling follows from the weights that there are.
func (d *Defaults) list() Column {
	c := d.List
	c.setDefaults(Column{Type: table.TypeList, Fill: FillZeros, MinCount: cmp.Or(d.Categorical.MinCount, 1), MaxItems: defaultMaxItems, Weights: WeightsAuto})
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
	if c.Encoding == nil {
		c.Encoding = d.Encoding
	}
	// Bins of one's own are those of the buckets too.
	if c.Bins == 0 {
		c.Buckets = cmp.Or(c.Buckets, d.Buckets)
	}
	c.Bins = cmp.Or(c.Bins, d.Bins)
	c.MinCount = cmp.Or(c.MinCount, d.MinCount)
	c.MaxVocabulary = cmp.Or(c.MaxVocabulary, d.MaxVocabulary)
	c.HashBuckets = cmp.Or(c.HashBuckets, d.HashBuckets)
	c.Embedding = cmp.Or(c.Embedding, d.Embedding)
	c.Dimensions = cmp.Or(c.Dimensions, d.Dimensions)
	c.MaxItems = cmp.Or(c.MaxItems, d.MaxItems)
	c.Pooling = cmp.Or(c.Pooling, d.Pooling)
	c.Weights = cmp.Or(c.Weights, d.Weights)
	c.Like = cmp.Or(c.Like, d.Like)
	if c.Words == nil {
		c.Words = d.Words
	}
	if c.Characters == nil {
		c.Characters = d.Characters
	}
}

// Validate checks the defaults, the path of which is "defaults".
func (d *Defaults) Validate() *configfile.FieldError {
	for _, t := range []struct {
		path, typ string
		column    *Column
	}{
		{"defaults.numeric", table.TypeNumeric, &d.Numeric},
		{"defaults.categorical", table.TypeCategorical, &d.Categorical},
		{"defaults.boolean", table.TypeBoolean, &d.Boolean},
		{"defaults.date", table.TypeDate, &d.Date},
		{"defaults.vector", table.TypeVector, &d.Vector},
		{"defaults.text", table.TypeText, &d.Text},
		{"defaults.list", table.TypeList, &d.List},
	} {
		if typ := t.column.Type; typ != "" && typ != t.typ {
			return configfile.Errorf(t.path+".type", "defaults cannot change the type to %s; set it for single columns under columns", wording.Quote(typ))
		}
		if err := t.column.Validate(t.path, t.typ); err != nil {
			return err
		}
	}
	return nil
}

// Validate checks a column's settings; typ is its type, "" or auto when the
// data decide.
func (c *Column) Validate(path, typ string) *configfile.FieldError {
	if err := configfile.OneOf(path+".type", c.Type, table.TypeAuto, table.TypeNumeric, table.TypeCategorical, table.TypeBoolean, table.TypeDate, table.TypeVector, table.TypeText, table.TypeList, table.TypeIgnore); err != nil {
		return err
	}
	if err := configfile.OneOf(path+".fill", c.Fill, FillMean, FillMedian, FillMostFrequent, FillConstant, FillCategory, FillZeros); err != nil {
		return err
	}
	if err := c.validateList(path, typ); err != nil {
		return err
	}
	if typ == table.TypeVector || typ == table.TypeText {
		if err := c.validateWide(path, typ); err != nil {
			return err
		}
	} else if c.Fill == FillZeros && typ != table.TypeList && typ != "" && typ != table.TypeAuto && typ != table.TypeIgnore {
		return configfile.Errorf(path+".fill", "only vectors are filled with zeros; for a %s column use constant with its fill_value", typ)
	}
	if (c.Fill == FillMean || c.Fill == FillMedian) && (typ == table.TypeCategorical || typ == table.TypeBoolean) {
		return configfile.Errorf(path+".fill", "a %s column has no %s; use most_frequent or constant", typ, c.Fill)
	}
	if c.Fill == FillCategory && typ != table.TypeCategorical && typ != table.TypeAuto && typ != "" {
		return configfile.Errorf(path+".fill", "a %s column has no categories; use most_frequent or constant, with missing_indicator: true to keep the fact", typ)
	}
	if c.Fill == FillConstant && c.FillValue == "" {
		return configfile.Errorf(path+".fill_value", "fill: constant needs a fill_value")
	}
	if c.FillValue != "" && c.Fill != FillConstant && c.Fill != "" {
		return configfile.Errorf(path+".fill_value", "only fill: constant uses a fill_value; fill is %s", c.Fill)
	}
	for i, t := range c.Transform {
		at := path + ".transform." + strconv.Itoa(i)
		if err := configfile.OneOf(at, t, TransformNone, TransformAuto, TransformLog1p, TransformClip, TransformStandardize, TransformL2); err != nil {
			return err
		}
		if t == "" {
			return configfile.Errorf(at, "the name of a transformation is empty")
		}
		if (t == TransformNone || t == TransformAuto) && len(c.Transform) > 1 {
			return configfile.Errorf(at, "%s excludes other transformations", t)
		}
		if t == TransformAuto && typ != table.TypeNumeric && typ != table.TypeAuto && typ != "" {
			return configfile.Errorf(at, "auto is about numbers, not a %s column", typ)
		}
		if t == TransformL2 && typ != table.TypeVector && typ != table.TypeAuto && typ != "" {
			return configfile.Errorf(at, "l2 scales vectors, not a %s column", typ)
		}
		if slices.Contains(c.Transform[:i], t) {
			return configfile.Errorf(at, "%s is listed twice", t)
		}
	}
	if q := c.ClipQuantiles; q != nil {
		// The negated form also catches NaN.
		if len(q) != 2 || !(q[0] >= 0 && q[0] < q[1] && q[1] <= 1) {
			return configfile.Errorf(path+".clip_quantiles", "want two quantiles 0 ≤ low < high ≤ 1, such as [0.001, 0.999]")
		}
	}
	if err := c.validateEncoding(path, typ); err != nil {
		return err
	}
	if c.Dimensions < 0 || c.Dimensions > table.MaxWidth {
		return configfile.Errorf(path+".dimensions", "%d is out of range; want 1 to %d", c.Dimensions, table.MaxWidth)
	}
	for _, r := range []struct {
		key   string
		value []int
	}{{"words", c.Words}, {"characters", c.Characters}} {
		if v := r.value; v != nil && (len(v) != 2 || v[0] > v[1] || v[1] > maxGram || v[0] < 1 && v[1] != 0 || v[0] < 0) {
			return configfile.Errorf(path+"."+r.key, "want two numbers 1 ≤ least ≤ greatest ≤ %d, such as [1, 2], or [0, 0] for none", maxGram)
		}
	}
	for _, f := range []struct {
		key   string
		value int
	}{{"min_count", c.MinCount}, {"max_vocabulary", c.MaxVocabulary}, {"hash_buckets", c.HashBuckets}, {"embedding", c.Embedding}} {
		if f.value < 0 || f.value > math.MaxInt32-2 {
			return configfile.Errorf(path+"."+f.key, "%d is out of range; want 0 to %d", f.value, math.MaxInt32-2)
		}
	}
	return nil
}

// validateEncoding checks what becomes of numbers.
func (c *Column) validateEncoding(path, typ string) *configfile.FieldError {
	for i, e := range c.Encoding {
		at := path + ".encoding"
		if len(c.Encoding) > 1 {
			at += "." + strconv.Itoa(i)
		}
		if err := configfile.OneOf(at, e, EncodingNone, EncodingAuto, EncodingPiecewiseLinear, EncodingBuckets); err != nil {
			return err
		}
		switch {
		case e == "":
			return configfile.Errorf(at, "the name of an encoding is empty")
		case (e == EncodingNone || e == EncodingAuto) && len(c.Encoding) > 1:
			return configfile.Errorf(at, "%s excludes other encodings", e)
		case slices.Contains(c.Encoding[:i], e):
			return configfile.Errorf(at, "%s is listed twice", e)
		case (e == EncodingBuckets || e == EncodingAuto) && typ == table.TypeDate:
			return configfile.Errorf(at, "dates have no %s; use piecewise_linear or none", e)
		}
	}
	for _, b := range []struct {
		key   string
		value int
	}{{"bins", c.Bins}, {"buckets", c.Buckets}} {
		if b.value != 0 && (b.value < 2 || b.value > maxBins) {
			return configfile.Errorf(path+"."+b.key, "%d bins; want 2 to %d", b.value, maxBins)
		}
	}
	return nil
}

// views returns what becomes of a column of sorted numbers.
func (c *Column) views(sorted []float64) (piecewise, buckets bool) {
	if slices.Contains(c.Encoding, EncodingAuto) {
		n := cmp.Or(c.Buckets, c.Bins)
		return true, distinct(sorted, n) <= n
	}
	return slices.Contains(c.Encoding, EncodingPiecewiseLinear), slices.Contains(c.Encoding, EncodingBuckets)
}

// none reports whether a range of n-grams is given as that of no n-grams.
func none(grams []int) bool { return len(grams) == 2 && grams[1] == 0 }

// validateWide checks the settings of a column that becomes many features: of
// vectors or of free text.
func (c *Column) validateWide(path, typ string) *configfile.FieldError {
	if typ == table.TypeText {
		if c.Fill != "" && c.Fill != FillZeros {
			return configfile.Errorf(path+".fill", "a missing text has no words, all of its features are zeros; missing_indicator: true keeps the fact")
		}
		for i, t := range c.Transform {
			if t != TransformNone {
				return configfile.Errorf(path+".transform."+strconv.Itoa(i), "the features of a text are scaled to length 1 as they are; only none is possible")
			}
		}
		if none(c.Words) && none(c.Characters) {
			return configfile.Errorf(path+".words", "neither words nor characters make features; give one of them a range, such as words: [1, 2]")
		}
	} else {
		if c.Fill != "" && c.Fill != FillZeros && c.Fill != FillMean {
			return configfile.Errorf(path+".fill", "a vector column has no %s; use zeros or mean", c.Fill)
		}
		for i, t := range c.Transform {
			if t == TransformLog1p || t == TransformClip {
				return configfile.Errorf(path+".transform."+strconv.Itoa(i), "vectors have no %s; use l2, standardize or none", t)
			}
		}
	}
	for _, e := range c.Encoding {
		if e != EncodingNone {
			return configfile.Errorf(path+".encoding", "a %s column has no %s; only single numbers are spread over bins", typ, e)
		}
	}
	return nil
}
