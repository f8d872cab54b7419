// Package head reads the first rows of tables, with the types that a run gives
// their columns, and no more of the files than that takes.
//
// Of CSV and JSON files the beginning is copied aside, decompressed, and read like
// any source. Types follow from the rows looked at (Table.Sampled), while a run
// looks at all: a later value can make another type of a column. A query is computed
// as a whole, since only all of its rows are in their order.
package head

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"debut/datasets"
	"debut/datasets/nearest"
	"debut/datasets/npy"
	"debut/datasets/sealed"
	"debut/datasets/textformat"
)

// sampleRows are looked at for types.
const sampleRows = 1000

// Options say what is read. The zero value reads ten rows.
type Options struct {
	Rows    int            // at most; 0 stands for 10
	Columns []string       // the ones to show, in this order; none stands for all
	Part    string         // of prepared data; "" is the training part
	Keys    []age.Identity // of encrypted prepared data
}

// Column is a column with its values, by row.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // as in a run file, or "list"
	// SQL is the type that a source of a data file has, "" where that is not known.
	SQL string `json:"sql,omitempty"`
	// Format is how dates are written that data prepare takes for texts, as strptime has
	// it: what a step cast needs.
	Format string `json:"format,omitempty"`
	// Problem is why a run cannot read the column; values are texts then.
	Problem string `json:"problem,omitempty"`

	texts  []string
	series *datasets.Series // nil where only texts can be had
}

// Table is the beginning of a table.
type Table struct {
	Name    string   `json:"name"`
	Format  string   `json:"format,omitempty"` // of the file, as a data file names it
	Part    string   `json:"part,omitempty"`   // of prepared data
	Columns []Column `json:"columns"`
	// Rows holds a value for each column: float64, bool, string, []float32, or nil
	// where there is none. Dates are texts.
	Rows [][]any `json:"rows"`
	// Total is how many rows the table has, -1 where finding out takes reading it.
	Total int64 `json:"total"`
	// Sampled is how many rows types follow from, 0 where the file declares them or
	// all rows were looked at.
	Sampled int `json:"sampled,omitempty"`
	// Others names columns that Options.Columns left out.
	Others []string `json:"-"`
}

// Text is the value of a row as text, "" where there is none.
func (c *Column) Text(row int) string {
	if c.series == nil {
		return c.texts[row]
	}
	return c.series.Format(row)
}

// Missing reports whether a row has no value.
func (c *Column) Missing(row int) bool {
	if c.series == nil {
		return c.texts[row] == ""
	}
	return c.series.Missing(row)
}

// Distinct counts the rows looked at with a value, and their different values.
func (c *Column) Distinct() (rows, values int) {
	n, seen := len(c.texts), map[string]bool{}
	if c.series != nil {
		n = c.series.Len()
	}
	for row := range n {
		if !c.Missing(row) {
			rows, seen[c.Text(row)] = rows+1, true
		}
	}
	return rows, len(seen)
}

// missingMarks are texts that people write where there is no value.
var missingMarks = []string{"NA", "N/A", "NULL", "NaN", "None", "nil", "?", "-", "--", "."}

// Marks returns those of the values that seem to stand for a missing one, in order.
func (c *Column) Marks() (found []string) {
	if c.Type != datasets.TypeCategorical && c.Problem == "" {
		return nil
	}
	n := len(c.texts)
	if c.series != nil {
		n = c.series.Len()
	}
	for row := range n {
		text := strings.TrimSpace(c.Text(row))
		if !slices.Contains(found, text) && slices.ContainsFunc(missingMarks, func(m string) bool { return strings.EqualFold(m, text) }) {
			found = append(found, text)
		}
	}
	slices.Sort(found)
	return found
}

// value is that of Table.Rows.
func (c *Column) value(row int) any {
	switch {
	case c.Missing(row):
		return nil
	case c.series == nil:
		return c.texts[row]
	}
	switch c.series.Kind {
	case datasets.Numeric:
		if v := c.series.Floats[row]; !math.IsInf(v, 0) { // which JSON has no word for
			return v
		}
	case datasets.Boolean:
		return c.series.Floats[row] != 0
	case datasets.Vector:
		return c.series.Vector(row)
	}
	return c.series.Format(row)
}

// Read reads the beginning of a source: of its first file, of its query's result, or of
// a folder of prepared data. Format may be one of package textformat besides those of
// datasets.Source. Relative paths are resolved against baseDir.
func Read(ctx context.Context, src datasets.Source, baseDir string, o Options) (t *Table, err error) {
	if o.Rows == 0 {
		o.Rows = 10
	}
	if o.Rows < 0 {
		return nil, fmt.Errorf("head: %d rows cannot be shown; give a positive number", o.Rows)
	}
	dir, err := os.MkdirTemp("", "debut-head-") // mode 0700
	if err != nil {
		return nil, fmt.Errorf("head: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &reading{ctx: ctx, baseDir: baseDir, dir: dir, o: o}
	switch {
	case src.Query != "":
		t, err = r.query(src)
	case len(src.Path) == 0:
		err = errors.New("head: no file is given")
	default:
		t, err = r.path(src)
	}
	if err != nil {
		return nil, err
	}
	return t, t.complete(o)
}

// reading is one call of Read.
type reading struct {
	ctx     context.Context
	baseDir string
	dir     string // of temporary files
	o       Options
}

func (r *reading) path(src datasets.Source) (*Table, error) {
	path, err := datasets.ExpandPath(src.Path[0], r.baseDir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if len(src.Path) > 1 {
			return nil, fmt.Errorf("%s is a folder; name it alone", src.Path[0])
		}
		return r.prepared(path, src.Path[0])
	}
	if r.o.Part != "" {
		return nil, fmt.Errorf("%s has no parts, which folders of prepared data have", src.Path[0])
	}
	files, err := src.Files(r.baseDir)
	if err != nil {
		return nil, err
	}
	if encrypted, err := sealed.Is(files[0]); err != nil {
		return nil, err
	} else if encrypted {
		return nil, fmt.Errorf("%s is encrypted; name the folder of prepared data that it is in", src.Path[0])
	}
	src.Path = datasets.Strings{files[0]}
	t, err := r.file(src, files[0])
	if err != nil {
		return nil, err
	}
	t.Name, t.Format = filepath.Base(files[0]), formatOf(src, files[0])
	if len(files) > 1 {
		t.Name += fmt.Sprintf(" (the first of %d files)", len(files))
		t.Total = -1
	}
	return t, nil
}

// formatOf goes by the source, then by the file's extension, as a run does.
func formatOf(src datasets.Source, file string) string {
	if src.Format != "" && src.Format != "auto" {
		return src.Format
	}
	name := strings.ToLower(file)
	switch filepath.Ext(uncompressed(name)) {
	case ".parquet", ".pq":
		return "parquet"
	case ".json", ".jsonl", ".ndjson":
		return "json"
	case ".npy":
		return "npy"
	}
	return "csv"
}

// uncompressed is the name of a file without what says that it is compressed.
func uncompressed(name string) string {
	for _, ext := range []string{".gz", ".zst"} {
		if strings.EqualFold(filepath.Ext(name), ext) {
			return name[:len(name)-len(ext)]
		}
	}
	return name
}

func (r *reading) file(src datasets.Source, file string) (*Table, error) {
	switch format := formatOf(src, file); {
	case format == "npy":
		return r.matrix(file)
	case format == "parquet":
		return r.parquet(src)
	case format == "csv" || format == "json":
		return r.text(src, file, format)
	case slices.Contains(textformat.Formats, format):
		return r.sparse(src, file)
	default:
		formats := append([]string{"csv", "parquet", "json", "npy"}, textformat.Formats...)
		return nil, fmt.Errorf("format %q is not one of auto, %s%s", format, strings.Join(formats, ", "), nearest.DidYouMean(format, formats))
	}
}

// text reads the beginning of a CSV or JSON file.
func (r *reading) text(src datasets.Source, file, format string) (*Table, error) {
	cut, more, err := r.cut(file, format, max(r.o.Rows, sampleRows), src.Delimiter)
	if errors.Is(err, errUncut) {
		cut, more, err = file, false, nil // reading will say what is wrong with it
	}
	if err != nil {
		return nil, err
	}
	src.Path, src.Format = datasets.Strings{cut}, format
	t, rows, err := r.columns(src)
	if err != nil {
		return nil, err
	}
	if t.Total = int64(rows); more {
		t.Total, t.Sampled = -1, rows
	}
	return t, nil
}

// parquet reads the beginning of a Parquet file.
func (r *reading) parquet(src datasets.Source) (*Table, error) {
	total, err := r.count(src)
	if err != nil {
		return nil, err
	}
	if total == 0 {
		return nil, fmt.Errorf("%s has no rows", filepath.Base(src.Path[0]))
	}
	src.Format, src.Query = "parquet", fmt.Sprintf("SELECT * FROM data LIMIT %d", r.o.Rows)
	t, _, err := r.columns(src)
	if err != nil {
		return nil, err
	}
	t.Total = total
	return t, nil
}

// query reads the result of a query.
func (r *reading) query(src datasets.Source) (*Table, error) {
	f, err := datasets.Read(r.ctx, src, r.baseDir, nil)
	if err != nil {
		return nil, err
	}
	t := &Table{Name: "the query's result", Total: int64(f.Rows)}
	for _, s := range f.Columns {
		t.Columns = append(t.Columns, Column{Name: s.Name, Type: s.Kind.String(), series: s})
	}
	return t, nil
}

// matrix reads the beginning of a matrix of NumPy, as a source of vectors.
func (r *reading) matrix(file string) (_ *Table, err error) {
	in, err := npy.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	n := min(in.Rows(), r.o.Rows)
	if n < 1 || in.Width() < 1 {
		return nil, fmt.Errorf("%s has %d rows of %d numbers, nothing to show", filepath.Base(file), in.Rows(), in.Width())
	}
	values := make([]float32, n*in.Width())
	for at := 0; at < n; {
		got, err := in.ReadRows(values[at*in.Width():])
		if err != nil {
			return nil, err
		}
		at += got
	}
	vectors, err := datasets.NewVectors("vector", in.Width(), values)
	if err != nil {
		return nil, err
	}
	ids := &datasets.Series{Name: "id", Kind: datasets.Numeric}
	for i := range n {
		ids.Floats = append(ids.Floats, float64(i))
	}
	return &Table{Total: int64(in.Rows()), Columns: []Column{
		{Name: "id", Type: datasets.TypeNumeric, SQL: "BIGINT", series: ids},
		{Name: "vector", Type: datasets.TypeVector, SQL: "FLOAT[]", series: vectors},
	}}, nil
}

// complete chooses columns and lays out rows.
func (t *Table) complete(o Options) error {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	if len(o.Columns) > 0 {
		var chosen []Column
		for _, name := range o.Columns {
			i := slices.Index(names, name)
			if i < 0 {
				return fmt.Errorf("%s has no column %q; it has %s%s", t.Name, name, some(names), nearest.DidYouMean(name, names))
			}
			chosen = append(chosen, t.Columns[i])
		}
		for _, name := range names {
			if !slices.Contains(o.Columns, name) {
				t.Others = append(t.Others, name)
			}
		}
		t.Columns = chosen
	}
	rows := o.Rows
	for i := range t.Columns {
		c := &t.Columns[i]
		n := len(c.texts)
		if c.series != nil {
			n = c.series.Len()
		}
		rows = min(rows, n)
	}
	t.Rows = make([][]any, rows)
	for row := range t.Rows {
		t.Rows[row] = make([]any, len(t.Columns))
		for i := range t.Columns {
			t.Rows[row][i] = t.Columns[i].value(row)
		}
	}
	return nil
}

// some lists names for a message.
func some(names []string) string {
	const most = 12
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
