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
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"debut/datasets/configfile"
	"debut/datasets/nearest"
	"debut/datasets/npy"
	"debut/datasets/scratch"
	"debut/datasets/sealed"
	"debut/datasets/table"
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
	Words   table.Wording  // of remedies in messages
}

// Read reads the beginning of a source: of its first file, of its query's result, or of
// a folder of prepared data. Format may be one of package textformat besides those of
// table.Source. Relative paths are resolved against baseDir.
func Read(ctx context.Context, src table.Source, baseDir string, o Options) (t *Table, err error) {
	if o.Rows == 0 {
		o.Rows = 10
	}
	if o.Rows < 0 {
		return nil, fmt.Errorf("head: %d rows cannot be shown; give a positive number", o.Rows)
	}
	dir, err := scratch.NewDir("", "head")
	if err != nil {
		return nil, fmt.Errorf("head: %w", err)
	}
	r := &reading{ctx: ctx, baseDir: baseDir, dir: dir.Path(), o: o}
	defer func() {
		if r.plain != nil {
			err = errors.Join(err, r.plain.Close())
		}
		err = errors.Join(err, dir.Remove())
	}()
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
	dir     string        // of temporary files
	plain   *scratch.File // what was decrypted
	o       Options
}

func (r *reading) path(src table.Source) (*Table, error) {
	path, err := configfile.ExpandPath(src.Path[0], r.baseDir)
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
	first := files[0].Path
	if encrypted, err := sealed.Is(first); err != nil {
		return nil, err
	} else if encrypted {
		return nil, fmt.Errorf("%s is encrypted; name the folder of prepared data that it is in", src.Path[0])
	}
	src.Path = configfile.Strings{first}
	t, err := r.file(src, first)
	if err != nil {
		return nil, err
	}
	t.Name, t.Format = filepath.Base(first), formatOf(src, first)
	if len(files) > 1 {
		t.Name += fmt.Sprintf(" (the first of %d files)", len(files))
		t.Total = -1
	}
	return t, nil
}

// formatOf goes by the source, then by the file's extension, as a run does.
func formatOf(src table.Source, file string) string {
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

func (r *reading) file(src table.Source, file string) (*Table, error) {
	format := formatOf(src, file)
	if slices.Contains(table.Formats, format) {
		if err := src.Validate("source"); err != nil {
			return nil, err
		}
	}
	switch {
	case format == "npy":
		return r.matrix(file)
	case format == "parquet":
		return r.parquet(src)
	case format == "csv" || format == "json":
		return r.text(src, file, format)
	case slices.Contains(textformat.Formats, format):
		return r.sparse(src, file)
	default:
		formats := slices.Concat(table.Formats, []string{"npy"}, textformat.Formats)
		return nil, fmt.Errorf("format %q is not one of auto, %s%s", format, strings.Join(formats, ", "), nearest.DidYouMean(format, formats))
	}
}

// text reads the beginning of a CSV or JSON file.
func (r *reading) text(src table.Source, file, format string) (*Table, error) {
	cut, more, err := r.cut(src, file, format, max(r.o.Rows, sampleRows))
	if errors.Is(err, errUncut) {
		cut, more, err = file, false, nil // reading will say what is wrong with it
	}
	if err != nil {
		return nil, err
	}
	if src.Path, src.Format = (configfile.Strings{cut}), format; cut != file {
		src.Encoding = "" // it is in UTF-8 now
	}
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
func (r *reading) parquet(src table.Source) (*Table, error) {
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

// read reads columns as a run does.
func (r *reading) read(src table.Source, baseDir string, types map[string]string) (*table.Frame, error) {
	f, _, err := table.ReadWith(r.ctx, &src, baseDir, table.ReadOptions{Types: types, Words: r.o.Words})
	return f, err
}

// query reads the result of a query.
func (r *reading) query(src table.Source) (*Table, error) {
	f, err := r.read(src, r.baseDir, nil)
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
	vectors, err := table.NewVectors("vector", in.Width(), values)
	if err != nil {
		return nil, err
	}
	ids := &table.Series{Name: "id", Kind: table.Numeric}
	for i := range n {
		ids.Floats = append(ids.Floats, float64(i))
	}
	return &Table{Total: int64(in.Rows()), Columns: []Column{
		{Name: "id", Type: table.TypeNumeric, SQL: "BIGINT", series: ids},
		{Name: "vector", Type: table.TypeVector, SQL: "FLOAT[]", series: vectors},
	}}, nil
}
