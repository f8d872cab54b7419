package encoding

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"

	"debut/datasets/notation"
	"debut/datasets/table"
)

// The version is written into saved encoders; it changes when an older program
// would misread a newer file. Encoders without vectors and texts are as they
// were before these came, and keep that version.
const (
	encoderVersion = 2
	wideVersion    = 3 // with vectors or texts
	writtenVersion = 4 // with numbers in another notation than the plain one
	viewsVersion   = 5 // with numbers that are features and categories, or dates that are spread over bins
	rangesVersion  = 6 // with the ranges of the training rows
	listsVersion   = 7 // with lists of ids
	stepsVersion   = 8 // with steps before the target
)

// Encoder is what was learned from the training rows: which columns are
// features, of which type, what replaces missing values, statistics,
// vocabularies, and the meaning of the target. It is saved with a model and
// applied unchanged to later rows. It is safe for concurrent use; once it has
// been used it must not be changed.
type Encoder struct {
	Version int              `json:"version"` // of the file; Save sees to it
	Columns []ColumnEncoding `json:"columns"`
	Target  TargetEncoding   `json:"target"`
	ID      []string         `json:"id,omitempty"`
	Weight  string           `json:"weight,omitempty"`
	// Rows is how many training rows it was learned from; 0 in files of earlier versions.
	Rows int `json:"rows,omitempty"`
	// Written says by an example, such as 1.234,5, how the numbers of columns of texts were written that are not plain.
	Written map[string]string `json:"written,omitempty"`

	once     sync.Once
	compiled *compiled
}

// ColumnEncoding turns one column into numeric features or one categorical
// field, a number into one of each where it has Features and Bounds. A value is
// filled, transformed (sign(x)·log(1+|x|), then clipping to [Low, High]), and
// then standardized, bucketed or looked up; vectors and texts become many
// features.
type ColumnEncoding struct {
	Name string `json:"name"`
	Type string `json:"type"` // a Type constant, neither table.TypeAuto nor table.TypeIgnore

	Fill       string  `json:"fill"`
	FillNumber float64 `json:"fill_number,omitempty"` // before transformations
	FillText   string  `json:"fill_text,omitempty"`
	FillMicros int64   `json:"fill_micros,omitempty"`
	// Range is the least and the greatest value of a number or date in the training rows, a date in microseconds since 1970; nil in
	// files of earlier versions. Nothing is computed with it: it tells what nothing was learned of.
	Range []float64 `json:"range,omitempty"`

	Log1p bool    `json:"log1p,omitempty"`
	Clip  bool    `json:"clip,omitempty"`
	Low   float64 `json:"low,omitempty"`
	High  float64 `json:"high,omitempty"`

	// Features are the numeric features: one for numbers and booleans, one for
	// each part of a date that varied in training. Those of vectors and texts are
	// not listed here: NumericFeatures has them all.
	Features []NumericFeature `json:"features,omitempty"`
	// Parts names the part of the date behind each of Features.
	Parts []string `json:"parts,omitempty"`
	// DateLayout is how dates are written, as a layout of package time, where
	// they were read from texts. Later texts are read the same way: which of day
	// and month comes first must not depend on the other rows of a file. Without
	// it, texts must put the year first.
	DateLayout string `json:"date_layout,omitempty"`
	// Indicator adds a feature that is 1 where the value was missing.
	Indicator bool `json:"indicator,omitempty"`

	// Bounds cut numbers into buckets: bucket k holds values above k bounds.
	// Its id is k+1; 0 is a missing value.
	Bounds []float64 `json:"bounds,omitempty"`
	// Vocabulary lists categories by decreasing count, then by value; the id of
	// entry k is k+1. Id 0 is any other value.
	Vocabulary []string `json:"vocabulary,omitempty"`
	// MissingID is the id of a missing value where that is a category of its
	// own, else 0.
	MissingID int32 `json:"missing_id,omitempty"`
	// HashBuckets, if positive, replaces the vocabulary: the id is 1 + hash mod
	// HashBuckets, and 0 for a missing value.
	HashBuckets int `json:"hash_buckets,omitempty"`
	// Whole says that whole numbers are hashed as such, however they are written: 1.0 as 1.
	Whole bool `json:"whole,omitempty"`
	// Embedding is the width asked for in the configuration, 0 for the model's
	// own choice.
	Embedding int `json:"embedding,omitempty"`

	// Width is how many numeric features a vector or a text becomes.
	Width int `json:"width,omitempty"`
	// L2 scales vectors to length 1, before they are filled and standardized.
	L2 bool `json:"l2,omitempty"`
	// FillVector replaces a missing vector; nil stands for zeros.
	FillVector []float64 `json:"fill_vector,omitempty"`
	// Means and Scales standardize each number of a vector; nil: it is fed as it
	// is.
	Means  []float64 `json:"means,omitempty"`
	Scales []float64 `json:"scales,omitempty"`
	// Words and Characters are the least and greatest length of the n-grams of a
	// text; both 0 for none.
	Words      []int `json:"words,omitempty"`
	Characters []int `json:"characters,omitempty"`

	// Length is how many items of a list are taken, the first ones; those that are longer lose the others.
	Length int `json:"length,omitempty"`
	// Pooling is one of the Pooling constants. Weighted says that items are written as item:weight; Weights names the column of their
	// weights, "" for none.
	Pooling  string `json:"pooling,omitempty"`
	Weighted bool   `json:"weighted,omitempty"`
	Weights  string `json:"weights,omitempty"`
}

// NumericFeature is a column of Encoded.Numeric. The value fed to the model is
// (x − Mean) / Scale, where x is the filled value, transformed if Transformed.
type NumericFeature struct {
	Name        string  `json:"name"`
	Source      string  `json:"source"` // the column it comes from
	Mean        float64 `json:"mean"`   // 0 when not standardized
	Scale       float64 `json:"scale"`  // population standard deviation; 1 when not standardized or constant
	Transformed bool    `json:"transformed,omitempty"`
	// Edges bound the bins of a piecewise-linear encoding in the space of the
	// value fed to the model, strictly increasing also as float32; nil when the
	// feature is not encoded that way. Parts of dates are clamped to them.
	Edges []float64 `json:"edges,omitempty"`
}

// Field is a categorical column of Encoded.IDs.
type Field struct {
	Name         string `json:"name"`
	Cardinality  int    `json:"cardinality"`             // ids are 0 … Cardinality−1
	EmbeddingDim int    `json:"embedding_dim,omitempty"` // 0: the model's own choice
}

// categorical reports whether the column yields ids.
func (c *ColumnEncoding) categorical() bool {
	return c.Type == table.TypeCategorical || c.Bounds != nil
}

// views reports what earlier versions did not know: a number that is a feature and a category, a part of a date that is
// spread over bins.
func (c *ColumnEncoding) views() bool {
	if c.Type == table.TypeDate {
		return slices.ContainsFunc(c.Features, func(f NumericFeature) bool { return f.Edges != nil })
	}
	return c.Bounds != nil && len(c.Features) > 0
}

// Cardinality is the number of ids of a categorical column.
func (c *ColumnEncoding) Cardinality() int {
	switch {
	case c.Bounds != nil:
		return len(c.Bounds) + 2
	case c.HashBuckets > 0:
		return c.HashBuckets + 1
	case c.MissingID > 0:
		return len(c.Vocabulary) + 2
	default:
		return len(c.Vocabulary) + 1
	}
}

// NewEncoder makes an encoder of no columns yet.
func NewEncoder(target TargetEncoding, id []string, weight string) *Encoder {
	return &Encoder{Version: encoderVersion, Target: target, ID: id, Weight: weight}
}

// RowBytes is what an encoded row takes.
func (e *Encoder) RowBytes() int64 {
	by := e.compile()
	target, weight := int64(8), int64(0)
	if e.Weight != "" {
		weight = 8
	}
	return 4*int64(by.numeric+by.fields+2*by.lists) + target + weight
}

// NumericFeatures lists the columns of Encoded.Numeric in order.
func (e *Encoder) NumericFeatures() []NumericFeature {
	var out []NumericFeature
	for i := range e.Columns {
		out = e.Columns[i].appendFeatures(out)
	}
	return out
}

// CategoricalFields lists the columns of Encoded.IDs in order.
func (e *Encoder) CategoricalFields() []Field {
	var out []Field
	for i := range e.Columns {
		if c := &e.Columns[i]; c.categorical() {
			out = append(out, Field{Name: c.Name, Cardinality: c.Cardinality(), EmbeddingDim: c.Embedding})
		}
	}
	return out
}

// Read reads a source for Encode, with the types the encoder learned: columns
// may stand in any order, and those it does not need are not read. A column
// that is missing is not an error here, unless all are; Encode lists them. Target and
// weight are read only if needTarget.
func (e *Encoder) Read(ctx context.Context, src table.Source, baseDir string, needTarget bool) (*table.Frame, error) {
	options := e.ReadOptions(needTarget)
	options.Applied = true
	frame, _, err := table.ReadWith(ctx, &src, baseDir, options)
	return frame, err
}

// Overrides returns the types with which the function Read would read a source
// for Encode: those the encoder learned, every other column ignored.
func (e *Encoder) Overrides(needTarget bool) map[string]string {
	types := map[string]string{table.OtherColumns: table.TypeIgnore}
	for i := range e.Columns {
		types[e.Columns[i].Name] = e.Columns[i].Type
		if w := e.Columns[i].Weights; w != "" {
			types[w] = table.TypeList
		}
	}
	for _, id := range e.ID {
		types[id] = table.TypeCategorical
	}
	if needTarget {
		types[e.Target.Name] = e.Target.Type
		for _, name := range e.Target.Steps {
			types[name] = table.TypeBoolean
		}
		if e.Weight != "" {
			types[e.Weight] = table.TypeNumeric
		}
	}
	return types
}

// Needed lists the columns that Encode cannot do without.
func (e *Encoder) Needed(needTarget bool) []string {
	var names []string
	for i := range e.Columns {
		names = append(names, e.Columns[i].Name)
		if w := e.Columns[i].Weights; w != "" {
			names = append(names, w)
		}
	}
	if needTarget {
		names = append(append(names, e.Target.Name), e.Target.Steps...)
		if e.Weight != "" {
			names = append(names, e.Weight)
		}
	}
	return names
}

// ReadOptions are Overrides with the layouts of dates.
func (e *Encoder) ReadOptions(needTarget bool) table.ReadOptions {
	o := table.ReadOptions{Types: e.Overrides(needTarget), Needed: e.Needed(needTarget), Learned: true, Layouts: map[string]string{}}
	for i := range e.Columns {
		if c := &e.Columns[i]; c.Type == table.TypeDate {
			o.Layouts[c.Name] = c.DateLayout
		}
	}
	for name, text := range e.Written {
		if style, ok := table.StyleOf(text); ok {
			if o.Styles == nil {
				o.Styles = map[string]notation.Style{}
			}
			o.Styles[name] = style
		}
	}
	return o
}

// Save writes the encoder as JSON; equal encoders give equal bytes.
func (e *Encoder) Save(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	saved := &Encoder{Version: e.fileVersion(), Columns: e.Columns, Target: e.Target, ID: e.ID, Weight: e.Weight, Rows: e.Rows, Written: e.Written}
	if err := enc.Encode(saved); err != nil {
		return fmt.Errorf("save the data encoder: %w", err)
	}
	return nil
}

// Identify writes what decides on how rows are encoded, by which a training tells its data apart from others: what Save writes, without
// the ranges, which change nothing, and which the encoders of earlier versions have not.
func (e *Encoder) Identify(w io.Writer) error {
	plain := &Encoder{Columns: slices.Clone(e.Columns), Target: e.Target, ID: e.ID, Weight: e.Weight, Written: e.Written}
	for i := range plain.Columns {
		plain.Columns[i].Range = nil
	}
	return plain.Save(w)
}

// fileVersion is the version of the file that holds the encoder.
func (e *Encoder) fileVersion() int {
	if len(e.Target.Steps) > 0 {
		return stepsVersion
	}
	if slices.ContainsFunc(e.Columns, func(c ColumnEncoding) bool { return c.Type == table.TypeList }) {
		return listsVersion
	}
	if e.Rows > 0 || slices.ContainsFunc(e.Columns, func(c ColumnEncoding) bool { return c.Range != nil }) {
		return rangesVersion
	}
	if slices.ContainsFunc(e.Columns, func(c ColumnEncoding) bool { return c.views() }) {
		return viewsVersion
	}
	if len(e.Written) > 0 {
		return writtenVersion
	}
	if slices.ContainsFunc(e.Columns, func(c ColumnEncoding) bool { return c.wide() }) {
		return wideVersion
	}
	return encoderVersion
}
