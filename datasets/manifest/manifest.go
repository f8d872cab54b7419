// Package manifest describes prepared data: a folder of Parquet files, one for
// each part, beside a dataset.json that says what is in them and how they came
// about. "debut data prepare" and the storefront simulator write it, streaming
// training reads it.
package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/atomicfile"
)

// File is the name of the description inside a folder of prepared data.
const File = "dataset.json"

// Version is written into dataset.json; it changes when an older program would
// misread a newer folder.
const Version = 1

// maxDescription bounds dataset.json: the vocabulary of a column that is in it has at most 1000 categories.
const maxDescription = 1 << 30

// Names of parts.
const (
	Train      = "train"
	Validation = "validation"
	Test       = "test"
)

// Types of columns, as in the data section of a run file.
const (
	Numeric     = "numeric"     // Parquet DOUBLE or INT64
	Boolean     = "boolean"     // BOOLEAN
	Date        = "date"        // TIMESTAMP in microseconds, no time zone
	Categorical = "categorical" // UTF-8 text, or INT64 where whole numbers of more than 2^53 are ids
	Vector      = "vector"      // list of FLOAT, all of Width values
	Text        = "text"        // UTF-8 text read for its words
	List        = "list"        // list of INT64, DOUBLE or BYTE_ARRAY, as many as a row has, such as the features of a sparse row
)

// ErrNotFound is matched where a folder holds no dataset.json.
var ErrNotFound = errors.New("no prepared data")

// Dataset is the content of dataset.json. The same data, configuration and
// seed give the same bytes.
type Dataset struct {
	Version int      `json:"version"`
	Rows    int64    `json:"rows"` // of all parts
	Columns []Column `json:"columns"`
	Parts   []Part   `json:"parts"` // train first

	Seed    uint64   `json:"seed"`
	Sources []Source `json:"sources,omitempty"`
	// Tables stand beside the parts, and are none.
	Tables []Table `json:"tables,omitempty"`
	Steps  []Step  `json:"steps,omitempty"`
	// Rejected counts rows of sources that could not be parsed and were kept
	// aside.
	Rejected int64  `json:"rejected,omitempty"`
	Rejects  string `json:"rejects,omitempty"` // the file they are in
	// Privacy is what was done to protect the people in the data.
	Privacy *Privacy `json:"privacy,omitempty"`
	// Encrypted says that the parts are files of age.
	Encrypted bool `json:"encrypted,omitempty"`
	// Sparse says which columns are the features of sparse rows; nil where there are none.
	Sparse   *Sparse  `json:"sparse,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// Column is a column of every part, in the order of the files. Statistics are
// of the training part.
type Column struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	SQL      string `json:"sql"`             // DuckDB's name of the type
	ID       bool   `json:"id,omitempty"`    // the values name things: no quantity, and hardly a feature
	Width    int    `json:"width,omitempty"` // of a vector
	Missing  int64  `json:"missing"`
	Distinct int64  `json:"distinct,omitempty"` // of booleans, categories and whole numbers

	// Of numbers: least, greatest, mean, population standard deviation, and
	// Quantiles at 0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1 (nearest rank).
	Min       *float64  `json:"min,omitempty"`
	Max       *float64  `json:"max,omitempty"`
	Mean      *float64  `json:"mean,omitempty"`
	Std       *float64  `json:"std,omitempty"`
	Quantiles []float64 `json:"quantiles,omitempty"`
	// Of dates.
	First string `json:"first,omitempty"`
	Last  string `json:"last,omitempty"`
	// Vocabulary is that of a categorical column: by decreasing count, then by
	// value. A long one is in a CSV file of its own (value,count), named by
	// VocabularyFile.
	Vocabulary     []Category `json:"vocabulary,omitempty"`
	VocabularyFile string     `json:"vocabulary_file,omitempty"`
}

// Sparse are the features of sparse rows that the files had: columns f<index>, from the first index to the last. Any
// other feature has no entry in any row, which means that it is 0 in all.
type Sparse struct {
	First int `json:"first"`
	Last  int `json:"last"`
}

// SparseIndex returns the index of the feature that a column is named for.
func SparseIndex(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, "f")
	if !ok || digits == "" || len(digits) > 1 && digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	index, err := strconv.Atoi(digits)
	return index, err == nil
}

// Absent reports whether a column is a feature that the files had no entry of.
func (s *Sparse) Absent(name string) bool {
	if s == nil {
		return false
	}
	index, ok := SparseIndex(name)
	return ok && (index < s.First || index > s.Last)
}

// Category is a value of a column and the number of training rows it is in.
type Category struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

// Part is a file of rows.
type Part struct {
	Name      string `json:"name"`
	File      string `json:"file"` // relative to the folder
	Rows      int64  `json:"rows"`
	RowGroups int    `json:"row_groups"`
	Bytes     int64  `json:"bytes"`
	SHA256    string `json:"sha256"`
}

// Table is a file of rows beside the parts.
type Table struct {
	File   string `json:"file"` // relative to the folder
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Source is a table that was read.
type Source struct {
	Name  string `json:"name"`
	Rows  int64  `json:"rows"`
	Files []Hash `json:"files,omitempty"`
	From  string `json:"from,omitempty"` // where it is no file: a database, without its credentials
	// Read says what columns of texts were found to be.
	Read []ReadAs `json:"read,omitempty"`
}

// ReadAs is what the texts of a column were read as.
type ReadAs struct {
	Column  string `json:"column"`
	Type    string `json:"type"`
	Written string `json:"written,omitempty"` // how, where that is not plain: DD/MM/YYYY, 1.234,5
}

// Hash identifies the content of a file.
type Hash struct {
	Path   string `json:"path"` // as it was named
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Step is something that was done to the rows, with its effect on their
// number.
type Step struct {
	Kind    string           `json:"kind"`
	RowsIn  int64            `json:"rows_in"`
	RowsOut int64            `json:"rows_out"`
	Dropped int64            `json:"dropped,omitempty"`
	Reason  string           `json:"reason,omitempty"`  // why rows were dropped
	Changed map[string]int64 `json:"changed,omitempty"` // values changed, by column
	SQL     string           `json:"sql,omitempty"`
	Counts  map[string]int64 `json:"counts,omitempty"` // what was asked to be counted
	Notes   []string         `json:"notes,omitempty"`
}

// Privacy is what was done to protect people.
type Privacy struct {
	Pseudonymized []string   `json:"pseudonymized,omitempty"`
	Generalized   []string   `json:"generalized,omitempty"`
	Masked        []string   `json:"masked,omitempty"`
	Dropped       []string   `json:"dropped,omitempty"`
	Anonymity     *Anonymity `json:"k_anonymity,omitempty"`
}

// Anonymity is the report about k-anonymity (Sweeney, "k-anonymity: a model for
// protecting privacy", 2002): each combination of the quasi-identifiers occurs
// at least K times.
type Anonymity struct {
	Columns    []string `json:"columns"`
	K          int64    `json:"k"`          // asked for
	Smallest   int64    `json:"smallest"`   // rows of the smallest class that is left
	Classes    int64    `json:"classes"`    // combinations that are left
	Violations int64    `json:"violations"` // rows in smaller classes, before
	Suppressed int64    `json:"suppressed"` // rows left out
}

// Part returns the part of the given name, nil where there is none.
func (d *Dataset) Part(name string) *Part {
	if i := slices.IndexFunc(d.Parts, func(p Part) bool { return p.Name == name }); i >= 0 {
		return &d.Parts[i]
	}
	return nil
}

// Column returns the column of the given name, nil where there is none.
func (d *Dataset) Column(name string) *Column {
	if i := slices.IndexFunc(d.Columns, func(c Column) bool { return c.Name == name }); i >= 0 {
		return &d.Columns[i]
	}
	return nil
}

// SimulatedBy begins Source.From of data that the storefront simulator has made.
const SimulatedBy = "debut data simulate"

// Simulated reports whether the storefront simulator has made the data, and not data prepare.
func (d *Dataset) Simulated() bool {
	return slices.ContainsFunc(d.Sources, func(s Source) bool { return strings.HasPrefix(s.From, SimulatedBy+":") })
}

// Owns reports whether a file is one of those that the description names, or the description itself; name is its path below the
// folder, with slashes.
func (d *Dataset) Owns(name string) bool {
	names := []string{File, d.Rejects}
	for _, p := range d.Parts {
		names = append(names, p.File)
	}
	for _, t := range d.Tables {
		names = append(names, t.File)
	}
	for _, c := range d.Columns {
		names = append(names, c.VocabularyFile)
	}
	return slices.ContainsFunc(names, func(n string) bool { return n != "" && path.Clean(filepath.ToSlash(n)) == name })
}

// Write writes dataset.json into a folder, complete or not at all. It comes
// last: a folder without it is not prepared data.
func (d *Dataset) Write(dir string) error {
	err := atomicfile.Write(filepath.Join(dir, File), 0o644, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		return enc.Encode(d)
	})
	if err != nil {
		return fmt.Errorf("write the description of prepared data: %w", err)
	}
	return nil
}

// Read reads the dataset.json of a folder. Where there is none the error
// matches ErrNotFound.
func Read(dir string) (*Dataset, error) {
	file := filepath.Join(dir, File)
	text, err := atomicfile.Read(file, maxDescription)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf(`%w in %s: it has no %s; make one with "debut data prepare"`, ErrNotFound, dir, File)
	}
	if err != nil {
		return nil, err
	}
	d := new(Dataset)
	if err := json.Unmarshal(text, d); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w; prepare the data again", file, err)
	}
	if d.Version != Version {
		return nil, fmt.Errorf("%s has version %d, this program reads version %d; prepare the data again", file, d.Version, Version)
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w; prepare the data again", file, err)
	}
	return d, nil
}

// check makes sure that a description read from a file cannot lead its reader
// astray: names of files stay inside the folder.
func (d *Dataset) check() error {
	if len(d.Columns) == 0 {
		return errors.New("no columns")
	}
	names := map[string]bool{}
	for _, c := range d.Columns {
		if c.Name == "" || names[c.Name] {
			return fmt.Errorf("column name %q is empty or occurs twice", c.Name)
		}
		names[c.Name] = true
		if !slices.Contains([]string{Numeric, Boolean, Date, Categorical, Vector, Text, List}, c.Type) {
			return fmt.Errorf("column %q has the unknown type %q", c.Name, c.Type)
		}
		if c.Width < 0 || c.Type == Vector && c.Width == 0 {
			return fmt.Errorf("column %q has width %d", c.Name, c.Width)
		}
		if c.VocabularyFile != "" && !filepath.IsLocal(c.VocabularyFile) {
			return fmt.Errorf("column %q names a file outside the folder", c.Name)
		}
	}
	parts := map[string]bool{}
	total := int64(0)
	for _, p := range d.Parts {
		if p.Name == "" || parts[p.Name] {
			return fmt.Errorf("part %q occurs twice or has no name", p.Name)
		}
		parts[p.Name] = true
		if !filepath.IsLocal(p.File) {
			return fmt.Errorf("part %q names a file outside the folder", p.Name)
		}
		if p.Rows < 0 || p.RowGroups < 0 {
			return fmt.Errorf("part %q has %d rows in %d row groups", p.Name, p.Rows, p.RowGroups)
		}
		total += p.Rows
	}
	for _, t := range d.Tables {
		if !filepath.IsLocal(t.File) {
			return errors.New("it names a table outside the folder")
		}
	}
	if total != d.Rows {
		return fmt.Errorf("%d rows in all, but the parts have %d", d.Rows, total)
	}
	return nil
}
