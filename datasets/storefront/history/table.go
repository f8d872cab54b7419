package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// groupRows is the size of row groups.
const groupRows = 1 << 16

// The types of columns.
var (
	integer = arrow.PrimitiveTypes.Int64
	decimal = arrow.PrimitiveTypes.Float64
	text    = arrow.BinaryTypes.String
	truth   = arrow.FixedWidthTypes.Boolean
	moment  = &arrow.TimestampType{Unit: arrow.Microsecond}
	vector  = arrow.ListOf(arrow.PrimitiveTypes.Float32)
)

// tableFile is a Parquet file that is written row by row.
type tableFile struct {
	name   string
	file   *os.File
	out    *pqarrow.FileWriter
	build  *array.RecordBuilder
	column int
	rows   int // in the builder
	total  int64
	groups int
	err    error
	// writing tells when the row group is written that is under way, while the next is built; nil of none.
	writing chan error
}

// field is a column.
func field(name string, typ arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: typ, Nullable: true}
}

func createTable(dir, name string, fields ...arrow.Field) (*tableFile, error) {
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	schema := arrow.NewSchema(fields, nil)
	properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(1),
		parquet.WithMaxRowGroupLength(groupRows), parquet.WithCreatedBy("debut"))
	out, err := pqarrow.NewFileWriter(schema, f, properties, pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &tableFile{name: name, file: f, out: out, build: array.NewRecordBuilder(memory.DefaultAllocator, schema)}, nil
}

// next returns the builder of the next column, of the type that the caller has a
// value for.
func next[T any](t *tableFile) (builder T, ok bool) {
	builder, ok = any(t.build.Field(t.column)).(T)
	if !ok && t.err == nil {
		t.err = fmt.Errorf("column %d is of another type", t.column)
	}
	t.column++
	return builder, ok
}

// Values are appended one column after another.

func (t *tableFile) integer(v int64) {
	if b, ok := next[*array.Int64Builder](t); ok {
		b.Append(v)
	}
}

func (t *tableFile) real(v float64) {
	if b, ok := next[*array.Float64Builder](t); ok {
		b.Append(v)
	}
}

func (t *tableFile) missing() {
	t.build.Field(t.column).AppendNull()
	t.column++
}

func (t *tableFile) text(v string) {
	if b, ok := next[*array.StringBuilder](t); ok {
		b.Append(v)
	}
}

func (t *tableFile) truth(v bool) {
	if b, ok := next[*array.BooleanBuilder](t); ok {
		b.Append(v)
	}
}

func (t *tableFile) moment(micros int64) {
	if b, ok := next[*array.TimestampBuilder](t); ok {
		b.Append(arrow.Timestamp(micros))
	}
}

func (t *tableFile) vector(v []float32) {
	b, ok := next[*array.ListBuilder](t)
	if !ok {
		return
	}
	b.Append(true)
	if values, ok := b.ValueBuilder().(*array.Float32Builder); ok {
		values.AppendValues(v, nil)
	}
}

// end ends a row.
func (t *tableFile) end() {
	t.column = 0
	if t.rows++; t.rows == groupRows {
		t.flush()
	}
}

func (t *tableFile) flush() {
	if t.rows == 0 {
		return
	}
	record := t.build.NewRecordBatch()
	t.wait()
	if t.err == nil {
		done := make(chan error, 1)
		t.writing = done
		go func() {
			defer record.Release()
			done <- t.out.Write(record)
		}()
	} else {
		record.Release()
	}
	t.total += int64(t.rows)
	t.groups++
	t.rows = 0
}

// wait waits for the row group that is being written.
func (t *tableFile) wait() {
	if t.writing != nil {
		t.err = errors.Join(t.err, <-t.writing)
		t.writing = nil
	}
}

// close completes the file.
func (t *tableFile) close() error {
	t.flush()
	t.wait()
	// The writer closes the file.
	if err := errors.Join(t.err, t.out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", t.name, err)
	}
	return nil
}
