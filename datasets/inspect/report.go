// Package inspect looks at tables before anybody trains on them: what the
// columns hold, and what is wrong with them.
//
// A table is read as debut reads it for training: table.OpenSurvey decides by
// all rows what the columns are, so that the types are those of a run, and tells
// what such a reading refuses or throws away, texts among numbers and blanks
// around values. From the columns come figures (describe), from these and from the
// values warnings (suspect), hints of leakage from how well a column alone
// predicts the label (predictive), and relations between columns (relate).
// Report is the result; it can be written as JSON and as text (Text).
//
// Tables that would not fit into the memory allowed are sampled by the numbers
// of their rows. The result does not depend on the number of threads.
package inspect

import "debut/datasets/personal"

// Report is what was found.
type Report struct {
	Tables []*Table `json:"tables"`
}

// Table describes one table: one file, or several with the same columns.
type Table struct {
	Name  string   `json:"name"` // of the first file, and how many follow
	Files []string `json:"files,omitempty"`
	// Rows is how many there are, Inspected how many of them were looked at; all
	// other counts are of the rows inspected.
	Rows      int64  `json:"rows"`
	Inspected int64  `json:"rows_inspected"`
	Sampled   string `json:"sampled,omitempty"` // why not all rows were looked at
	Format    string `json:"format,omitempty"`  // csv, parquet or json
	// Delimiter stands between the fields of CSV, whose first line names the columns where Header says so.
	Delimiter string `json:"delimiter,omitempty"`
	Header    *bool  `json:"header,omitempty"`
	Above     int    `json:"above,omitempty"` // lines above the table, which are left out
	// Notes say what a person should know about how the files are read.
	Notes []string `json:"notes,omitempty"`
	// Null lists the texts that were read as missing values besides the empty one.
	Null       []string  `json:"null,omitempty"`
	Duplicates Duplicate `json:"duplicates"`
	Label      *Label    `json:"label,omitempty"`
	Columns    []*Column `json:"columns"`
	Relations  []Pair    `json:"relations,omitempty"`
	Warnings   []Warning `json:"warnings"` // the worst first
}

// Duplicate counts rows that equal an earlier row in every column.
type Duplicate struct {
	Rows     int64     `json:"rows"`
	Examples []Example `json:"examples,omitempty"`
}

// Example is a value and where it stands, "orders.csv:1042".
type Example struct {
	Value string `json:"value,omitempty"`
	Place string `json:"place,omitempty"`

	row     int  // of the frame, counted from 0; -1 where Place is known
	ofTable bool // row is one of the table
}

// Column describes a column.
type Column struct {
	Name string `json:"name"`
	// Type is what the column would be in training: numeric, categorical,
	// boolean, date or vector; "unreadable" where it cannot be read.
	Type string `json:"type"`
	// Refused columns are those that a run would not take as they are. Type is what they nearly are then.
	Refused bool `json:"refused,omitempty"`
	// Notation is how numbers are written where it is not plainly, Layout how dates are.
	Notation string `json:"notation,omitempty"`
	Layout   string `json:"layout,omitempty"`
	// Note says what a person should know about how the values were understood.
	Note         string  `json:"note,omitempty"`
	Missing      int64   `json:"missing"`
	MissingShare float64 `json:"missing_share"`
	Distinct     int64   `json:"distinct"`
	// MissingMarks are values that probably mean that there is none.
	MissingMarks []Count  `json:"missing_marks,omitempty"`
	Numbers      *Numbers `json:"numbers,omitempty"` // of numeric and boolean columns
	Dates        *Dates   `json:"dates,omitempty"`
	Texts        *Texts   `json:"texts,omitempty"`
	Width        int      `json:"width,omitempty"` // of vectors
	// Frequent are the most frequent values. They are withheld where the column
	// holds data that point at persons.
	Frequent  []Count            `json:"frequent,omitempty"`
	Withheld  bool               `json:"withheld,omitempty"`
	Histogram *Histogram         `json:"histogram,omitempty"` // of numbers and dates
	Personal  []personal.Finding `json:"personal,omitempty"`
	// Predicts says how well the column alone predicts the label.
	Predicts *Strength `json:"predicts_label,omitempty"`
}

// Count is a value and the number of its rows.
type Count struct {
	Value string `json:"value"`
	Rows  int64  `json:"rows"`
}

// Numbers are statistics of a column of numbers.
type Numbers struct {
	Min  float64 `json:"min"`
	Max  float64 `json:"max"`
	Mean float64 `json:"mean"`
	// Std is the standard deviation of the sample, 0 for a single value.
	Std       float64  `json:"std"`
	Quantiles Quantile `json:"quantiles"`
	Zeros     int64    `json:"zeros"`
	Negative  int64    `json:"negative"`
	Whole     bool     `json:"whole"` // whole numbers only
	IQR       Outliers `json:"outliers_iqr"`
	MAD       Outliers `json:"outliers_mad"`
}

// Quantile holds quantiles, each the smallest value that is not below the share
// of the values.
type Quantile struct {
	P01 float64 `json:"p01"`
	P05 float64 `json:"p05"`
	P25 float64 `json:"p25"`
	P50 float64 `json:"p50"`
	P75 float64 `json:"p75"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

// Outliers are the values outside of bounds: of the quartiles widened by 1.5
// interquartile ranges (Tukey 1977), or of the median plus and minus 3.5 median
// absolute deviations times 1.4826 (Iglewicz and Hoaglin 1993). Where the
// measure of spread is 0, which is so where most values are the same, there are
// no bounds and no outliers.
type Outliers struct {
	Rows     int64     `json:"rows"`
	Low      *float64  `json:"low,omitempty"`
	High     *float64  `json:"high,omitempty"`
	Examples []Example `json:"examples,omitempty"` // the farthest
}

// Dates are statistics of a column of dates, in ISO 8601.
type Dates struct {
	Min    string `json:"min"`
	Median string `json:"median"`
	Max    string `json:"max"`
}

// Texts are statistics of a column of texts, in characters.
type Texts struct {
	MinLength  int     `json:"min_length"`
	MeanLength float64 `json:"mean_length"`
	MaxLength  int     `json:"max_length"`
}

// Histogram counts values in bins of equal width. Values outside From to To, which
// are the 1 % and the 99 % quantile where values beyond would flatten the rest,
// count in the first and the last bin.
type Histogram struct {
	From   float64 `json:"from"` // dates: microseconds since 1970-01-01
	To     float64 `json:"to"`
	Counts []int64 `json:"counts"`
}

// Label describes the column to predict.
type Label struct {
	Column  string `json:"column"`
	Guessed bool   `json:"guessed,omitempty"`
	Task    string `json:"task"` // binary, multiclass or regression
	// Positive is the class of a binary label that counts as positive.
	Positive string  `json:"positive,omitempty"`
	Classes  []Count `json:"classes,omitempty"`
	Missing  int64   `json:"missing"`
}

// Strength says how well a column alone predicts the label, from 0 (not at all;
// 0.5 for AUC) to 1.
type Strength struct {
	// Measure is auc (binary labels; the better direction), information (the
	// share of the label's entropy that the column explains) or r2 (the share of
	// its variance). All but the rank of numbers is measured on rows that were
	// not used to fit, so that an identifier predicts nothing.
	Measure string  `json:"measure"`
	Value   float64 `json:"value"`
}

// Pair is a relation between two columns.
type Pair struct {
	A string `json:"a"`
	B string `json:"b"`
	// Relation is equal (the same values), recoded (each value of one belongs to
	// one value of the other) or correlated.
	Relation    string  `json:"relation"`
	Correlation float64 `json:"correlation,omitempty"` // Pearson's
	// Rows is how many rows the correlation was computed from.
	Rows int `json:"rows,omitempty"`
}

// Severity says how much a warning matters.
type Severity string

// Severities, the worst first.
const (
	Severe  Severity = "severe"  // a model trained on this is wrong, or is not trained
	Warn    Severity = "warning" // probably a mistake in the data
	Notable Severity = "note"    // good to know
)

// Warning is something suspicious.
type Warning struct {
	Severity Severity `json:"severity"`
	// Code names the check that found it, such as leakage or constant.
	Code     string    `json:"code"`
	Column   string    `json:"column,omitempty"` // "" for the table
	Message  string    `json:"message"`
	Rows     int64     `json:"rows,omitempty"`
	Examples []Example `json:"examples,omitempty"`
	// Remedies are what can be done, the likeliest first.
	Remedies []Remedy `json:"remedies,omitempty"`
}
