package datasets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"debut/datasets/atomicfile"
	"debut/datasets/duck"
)

// parquetMemory is what DuckDB may take while it writes a table.
const parquetMemory = 192 << 20

// parquetSink gathers rows in a table of a database on the disk, beside the
// result, which DuckDB then writes as Parquet.
type parquetSink struct {
	path     string
	staging  string // the folder of the database
	file     string // the Parquet file under way; "" once it is gone
	db       *duck.DB
	appender *duck.Appender
	types    []duck.ColumnType
	names    []string
}

const stagedRows = "rows"

func newParquetSink(path string, columns []OutputColumn) (_ *parquetSink, err error) {
	s := &parquetSink{path: path}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.discard())
		}
	}()
	if s.staging, err = os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*"); err != nil {
		return nil, err
	}
	if s.db, err = duck.Open(duck.Options{Path: filepath.Join(s.staging, "rows.duckdb"), TempDir: s.staging, Threads: 1, Memory: parquetMemory}); err != nil {
		return nil, err
	}
	var defs []duck.ColumnDef
	for i := range columns {
		t := outputType(columns[i].Values)
		s.types = append(s.types, t)
		s.names = append(s.names, positional(i)+" AS "+duck.Name(columns[i].Name))
		defs = append(defs, duck.ColumnDef{Name: positional(i), Type: t})
	}
	// In one transaction, which ends with the database: nothing has to be kept.
	ctx := context.Background()
	if err = s.db.Query(ctx, "BEGIN TRANSACTION", nil); err != nil {
		return nil, err
	}
	if err = s.db.CreateTable(ctx, stagedRows, defs); err != nil {
		return nil, err
	}
	s.appender, err = s.db.NewAppender(stagedRows, s.types)
	return s, err
}

func outputType(values any) duck.ColumnType {
	switch values.(type) {
	case []float32:
		return duck.Float
	case []float64:
		return duck.Double
	case []int32:
		return duck.Integer
	case []int64:
		return duck.BigInt
	case []bool:
		return duck.Boolean
	}
	return duck.Varchar
}

func (s *parquetSink) append(ctx context.Context, columns []OutputColumn, rows int) error {
	var text []byte
	for row := range rows {
		if row%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for i := range columns {
			switch v := columns[i].Values.(type) {
			case []string:
				if v[row] != "" {
					text = append(text[:0], v[row]...)
					s.appender.Text(i, text)
				}
			case []float32:
				s.appender.Float32(i, v[row])
			case []float64:
				s.appender.Float(i, v[row])
			case []int32:
				s.appender.Int32(i, v[row])
			case []int64:
				s.appender.Int(i, v[row])
			case []bool:
				s.appender.Bool(i, v[row])
			}
		}
		if err := s.appender.EndRow(); err != nil {
			return err
		}
	}
	return nil
}

func (s *parquetSink) finish(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.appender.Close(); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), "."+filepath.Base(s.path)+".tmp-*")
	if err != nil {
		return err
	}
	s.file = f.Name()
	if err := errors.Join(f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	err = s.db.Query(ctx, fmt.Sprintf("COPY (SELECT %s FROM %s) TO %s (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)",
		strings.Join(s.names, ", "), stagedRows, duck.Literal(s.file)), nil)
	if err != nil {
		return plain(err)
	}
	if err := os.Chmod(s.file, 0o644); err != nil {
		return err
	}
	if err := atomicfile.Commit(s.file, s.path); err != nil {
		return err
	}
	s.file = ""
	return nil
}

func (s *parquetSink) discard() error {
	if s.appender != nil {
		s.appender.Abort()
		s.appender = nil
	}
	if s.db != nil {
		s.db.Close()
		s.db = nil
	}
	var err error
	if s.file != "" {
		if err = os.Remove(s.file); errors.Is(err, fs.ErrNotExist) { // DuckDB removes what it did not finish
			err = nil
		}
		s.file = ""
	}
	if s.staging != "" {
		err = errors.Join(err, os.RemoveAll(s.staging))
		s.staging = ""
	}
	return err
}
