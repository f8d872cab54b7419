package datasets

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"debut/datasets/atomicfile"
	"debut/datasets/duck"
)

// OutputColumn is a named column of results. Values is one of []string,
// []float32, []float64, []int32, []int64 and []bool; all columns of a file have
// the same length. An empty string is written as a missing value.
type OutputColumn struct {
	Name   string
	Values any
}

// outputFormat knows how one column is written.
type outputFormat struct {
	sqlType string
	rows    int
	format  func(dst []byte, row int) []byte
}

func (c *OutputColumn) open() (outputFormat, error) {
	switch v := c.Values.(type) {
	case []string:
		return outputFormat{"VARCHAR", len(v), func(b []byte, i int) []byte { return append(b, v[i]...) }}, nil
	case []float32:
		return outputFormat{"FLOAT", len(v), func(b []byte, i int) []byte { return strconv.AppendFloat(b, float64(v[i]), 'g', -1, 32) }}, nil
	case []float64:
		return outputFormat{"DOUBLE", len(v), func(b []byte, i int) []byte { return strconv.AppendFloat(b, v[i], 'g', -1, 64) }}, nil
	case []int32:
		return outputFormat{"INTEGER", len(v), func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(v[i]), 10) }}, nil
	case []int64:
		return outputFormat{"BIGINT", len(v), func(b []byte, i int) []byte { return strconv.AppendInt(b, v[i], 10) }}, nil
	case []bool:
		return outputFormat{"BOOLEAN", len(v), func(b []byte, i int) []byte { return strconv.AppendBool(b, v[i]) }}, nil
	}
	return outputFormat{}, fmt.Errorf("column %q: values of type %T cannot be written", c.Name, c.Values)
}

// WritePredictions writes columns to a .csv (or .tsv) or .parquet file. Numbers
// are written so that reading them gives the same bits. The file appears
// complete or not at all; an existing one is replaced.
func WritePredictions(ctx context.Context, path string, cols []OutputColumn) error {
	if len(cols) == 0 {
		return fmt.Errorf("write %s: no columns", displayName(path))
	}
	formats := make([]outputFormat, len(cols))
	seen := map[string]bool{}
	for i := range cols {
		f, err := cols[i].open()
		if err != nil {
			return fmt.Errorf("write %s: %w", displayName(path), err)
		}
		if f.rows != formats[0].rows && i > 0 {
			return fmt.Errorf("write %s: column %q has %d rows, column %q has %d", displayName(path), cols[i].Name, f.rows, cols[0].Name, formats[0].rows)
		}
		// DuckDB's names are not case-sensitive.
		name := strings.ToLower(cols[i].Name)
		if seen[name] {
			return fmt.Errorf("write %s: two columns are named %q", displayName(path), cols[i].Name)
		}
		seen[name] = true
		formats[i] = f
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return atomicfile.Write(path, 0o644, func(w io.Writer) error { return writeCSV(ctx, w, ',', cols, formats) })
	case ".tsv":
		return atomicfile.Write(path, 0o644, func(w io.Writer) error { return writeCSV(ctx, w, '\t', cols, formats) })
	case ".parquet":
		return writeParquet(ctx, path, cols, formats)
	}
	return fmt.Errorf("write %s: unknown format %q; use .csv, .tsv or .parquet", displayName(path), filepath.Ext(path))
}

// writeCSV writes a header and all rows.
func writeCSV(ctx context.Context, w io.Writer, delimiter rune, cols []OutputColumn, formats []outputFormat) error {
	c := csv.NewWriter(w)
	c.Comma = delimiter
	record := make([]string, len(cols))
	for i := range cols {
		record[i] = cols[i].Name
	}
	if err := c.Write(record); err != nil {
		return err
	}
	var buf []byte
	for row := range formats[0].rows {
		if row%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for i := range formats {
			buf = formats[i].format(buf[:0], row)
			record[i] = string(buf)
		}
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// writeParquet goes through a CSV file beside the result, which DuckDB turns
// into Parquet in bounded memory.
func writeParquet(ctx context.Context, path string, cols []OutputColumn, formats []outputFormat) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	staged := filepath.Join(dir, "rows.csv")
	f, err := os.Create(staged)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	b := bufio.NewWriterSize(f, 1<<16)
	err = writeCSV(ctx, b, ',', cols, formats)
	if err == nil {
		err = b.Flush()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}

	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		return err
	}
	defer db.Close()
	types, names := make([]string, len(cols)), make([]string, len(cols))
	for i := range cols {
		types[i] = duck.Literal(positional(i)) + ": " + duck.Literal(formats[i].sqlType)
		names[i] = positional(i) + " AS " + duck.Name(cols[i].Name)
	}
	parquet := filepath.Join(dir, "rows.parquet")
	err = db.Query(ctx, fmt.Sprintf("COPY (SELECT %s FROM read_csv(%s, auto_detect = false, delim = ',', quote = '\"', escape = '\"', header = true, columns = {%s})) TO %s (FORMAT parquet, COMPRESSION zstd)",
		strings.Join(names, ", "), duck.Literal(staged), strings.Join(types, ", "), duck.Literal(parquet)), nil)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, plain(err))
	}
	in, err := os.Open(parquet)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = atomicfile.Write(path, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
	return errors.Join(err, in.Close())
}
