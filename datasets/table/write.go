package table

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"debut/datasets/atomicfile"
	"debut/datasets/wording"
)

// OutputColumn is a named column of a table that is written. Values is one of
// []string, TypedTexts, []float32, []float64, []int32, []int64 and []bool; all columns of a
// block have the same length. An empty string is written as a missing value.
type OutputColumn struct {
	Name   string
	Values any
}

// TypedTexts are values of an SQL type as texts: Parquet has them as that type, and JSON has numbers and truth values as such.
type TypedTexts struct {
	Values []string // "" where missing
	SQL    string   // Series.SQL
}

// rows returns the number of values, -1 where they are of a type that is not
// written.
func (c *OutputColumn) rows() int {
	switch v := c.Values.(type) {
	case []string:
		return len(v)
	case TypedTexts:
		return len(v.Values)
	case []float32:
		return len(v)
	case []float64:
		return len(v)
	case []int32:
		return len(v)
	case []int64:
		return len(v)
	case []bool:
		return len(v)
	}
	return -1
}

// Write writes columns to a file, as a Writer does.
func Write(ctx context.Context, path string, columns []OutputColumn) error {
	w, err := NewWriter(path, "", columns)
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := w.Append(ctx, columns); err != nil {
		return err
	}
	return w.Close(ctx)
}

// Formats of tables that are written.
const (
	CSV     = "csv"
	TSV     = "tsv"
	JSON    = "jsonl" // one object a line
	Parquet = "parquet"
)

// tableExtensions are the formats by the extensions of files.
var tableExtensions = map[string]string{".csv": CSV, ".tsv": TSV, ".jsonl": JSON, ".ndjson": JSON, ".parquet": Parquet}

// Writer writes a table block by block, in memory for one block. Numbers are
// written so that reading them gives the same bits. The file appears complete,
// with Close, or not at all; an existing one is replaced. Its methods must not be
// called concurrently.
type Writer struct {
	path    string
	columns []OutputColumn // names and types
	sink    tableSink      // nil once closed
	failed  error
}

// tableSink is a format.
type tableSink interface {
	append(ctx context.Context, columns []OutputColumn, rows int) error
	// finish makes the file appear.
	finish(ctx context.Context) error
	// discard removes what was written. It may follow finish.
	discard() error
}

// NewWriter begins to write a table, in the given format or, where that is
// empty, in that of path's extension: .csv, .tsv, .jsonl or .parquet. columns say
// names and types; their values are not looked at. The writer must be closed or
// aborted.
func NewWriter(path, format string, columns []OutputColumn) (*Writer, error) {
	bad := func(err error) (*Writer, error) { return nil, fmt.Errorf("write %s: %w", wording.FileName(path), err) }
	if err := checkColumns(columns); err != nil {
		return bad(err)
	}
	if format == "" {
		if format = tableExtensions[strings.ToLower(filepath.Ext(path))]; format == "" {
			return bad(fmt.Errorf("unknown format %q; use .csv, .tsv, .jsonl or .parquet", filepath.Ext(path)))
		}
	}
	w := &Writer{path: path, columns: slices.Clone(columns)}
	var err error
	switch format {
	case CSV:
		w.sink, err = newTextSink(path, &csvRows{delimiter: ',', columns: w.columns})
	case TSV:
		w.sink, err = newTextSink(path, &csvRows{delimiter: '\t', columns: w.columns})
	case JSON:
		w.sink, err = newTextSink(path, &jsonRows{columns: w.columns})
	case Parquet:
		w.sink, err = newParquetSink(path, w.columns)
	default:
		err = fmt.Errorf("unknown format %q; it is one of csv, tsv, jsonl and parquet", format)
	}
	if err != nil {
		return bad(err)
	}
	return w, nil
}

// NewStream begins to write a table to a stream, block by block: what is written when an error comes stays. Parquet cannot be streamed.
// name is what errors call it.
func NewStream(to io.Writer, name, format string, columns []OutputColumn) (*Writer, error) {
	err := checkColumns(columns)
	w := &Writer{path: name, columns: slices.Clone(columns)}
	var rows textRows
	switch format {
	case CSV:
		rows = &csvRows{delimiter: ',', columns: w.columns}
	case TSV:
		rows = &csvRows{delimiter: '\t', columns: w.columns}
	case JSON:
		rows = &jsonRows{columns: w.columns}
	default:
		err = errors.Join(err, fmt.Errorf("the format %q cannot be written as it comes; use csv, tsv or jsonl, or name a file", format))
	}
	if err == nil {
		w.sink, err = newStreamSink(to, rows)
	}
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return w, nil
}

// checkColumns returns an error for columns that are no table.
func checkColumns(columns []OutputColumn) error {
	if len(columns) == 0 {
		return errors.New("no columns")
	}
	seen := map[string]bool{}
	for _, c := range columns {
		if c.rows() < 0 {
			return fmt.Errorf("column %q: values of type %T cannot be written", c.Name, c.Values)
		}
		// DuckDB's names are not case-sensitive.
		name := strings.ToLower(c.Name)
		if seen[name] {
			return fmt.Errorf("two columns are named %q", c.Name)
		}
		seen[name] = true
	}
	return nil
}

// Append writes a block of rows: columns of the names and types, and in the order,
// that the writer was made with. They are not kept. After an error the table
// cannot be finished.
func (w *Writer) Append(ctx context.Context, columns []OutputColumn) error {
	if w.sink == nil {
		return w.wrap(errors.New("the table is closed"))
	}
	if w.failed == nil {
		w.failed = w.append(ctx, columns)
	}
	return w.wrap(w.failed)
}

func (w *Writer) append(ctx context.Context, columns []OutputColumn) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(columns) != len(w.columns) {
		return fmt.Errorf("%d columns in a table of %d", len(columns), len(w.columns))
	}
	for i := range columns {
		c, first := &columns[i], &columns[0]
		switch {
		case c.Name != w.columns[i].Name:
			return fmt.Errorf("column %q in the place of column %q", c.Name, w.columns[i].Name)
		case !sameType(c.Values, w.columns[i].Values):
			return fmt.Errorf("column %q: values of type %T, not %T", c.Name, c.Values, w.columns[i].Values)
		case c.rows() != first.rows():
			return fmt.Errorf("column %q has %d rows, column %q has %d", c.Name, c.rows(), first.Name, first.rows())
		}
	}
	return w.sink.append(ctx, columns, columns[0].rows())
}

func sameType(a, b any) bool { return fmt.Sprintf("%T", a) == fmt.Sprintf("%T", b) }

// Close makes the file appear. On an error there is nothing new at its path.
func (w *Writer) Close(ctx context.Context) error {
	if w.sink == nil {
		return w.wrap(errors.New("the table is closed"))
	}
	err := w.failed
	if err == nil {
		err = w.sink.finish(ctx)
	}
	err = errors.Join(err, w.sink.discard())
	w.sink = nil
	return w.wrap(err)
}

// Abort ends the writing and leaves nothing behind. After Close it does nothing.
func (w *Writer) Abort() {
	if w.sink != nil {
		_ = w.sink.discard() // what is left has a name of its own
		w.sink = nil
	}
}

func (w *Writer) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write %s: %w", wording.FileName(w.path), err)
}

// textRows formats rows as lines.
type textRows interface {
	head(dst []byte) []byte
	rows(dst []byte, columns []OutputColumn, from, to int) []byte
	// texts is what the format makes of texts that have a type.
	texts(TypedTexts) any
}

// textSink writes lines to a temporary file beside its path, or to a stream.
type textSink struct {
	path    string
	file    *os.File // nil once closed, and of a stream
	name    string   // of the temporary file; "" once it is gone
	release func()   // of its lock; nil once it is
	out     *bufio.Writer
	format  textRows
	buffer  []byte
}

// newStreamSink writes lines as they come.
func newStreamSink(to io.Writer, format textRows) (*textSink, error) {
	s := &textSink{out: bufio.NewWriterSize(to, 1<<16), format: format}
	_, err := s.out.Write(format.head(nil))
	return s, err
}

// textRowsAtOnce is how many rows are formatted between two looks at the context.
const textRowsAtOnce = 1024

func newTextSink(path string, format textRows) (*textSink, error) {
	f, release, err := atomicfile.Temporary(path)
	if err != nil {
		return nil, err
	}
	s := &textSink{path: path, file: f, name: f.Name(), release: release, out: bufio.NewWriterSize(f, 1<<16), format: format}
	if _, err := s.out.Write(format.head(nil)); err != nil {
		return nil, errors.Join(err, s.discard())
	}
	return s, nil
}

func (s *textSink) append(ctx context.Context, columns []OutputColumn, rows int) error {
	columns = slices.Clone(columns)
	for i := range columns {
		if typed, ok := columns[i].Values.(TypedTexts); ok {
			columns[i].Values = s.format.texts(typed)
		}
	}
	for from := 0; from < rows; from += textRowsAtOnce {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.buffer = s.format.rows(s.buffer[:0], columns, from, min(rows, from+textRowsAtOnce))
		if _, err := s.out.Write(s.buffer); err != nil {
			return err
		}
	}
	if s.file == nil { // somebody waits for it
		return s.out.Flush()
	}
	return nil
}

func (s *textSink) finish(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.out.Flush()
	if s.file == nil {
		return err
	}
	if err == nil {
		err = s.file.Chmod(0o644) // whatever the umask
	}
	if err = errors.Join(err, s.close()); err != nil {
		return err
	}
	if err := atomicfile.Commit(s.name, s.path); err != nil {
		return err
	}
	s.name = ""
	return nil
}

func (s *textSink) close() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}

func (s *textSink) discard() error {
	err := s.close()
	if s.name != "" {
		err = errors.Join(err, os.Remove(s.name))
		s.name = ""
	}
	if s.release != nil {
		s.release()
		s.release = nil
	}
	return err
}
