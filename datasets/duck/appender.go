package duck

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// ColumnType is the type of a column that an Appender fills.
type ColumnType uint8

// The column types that an Appender fills.
const (
	BigInt ColumnType = iota + 1
	Double
	Varchar
	Timestamp // microseconds since 1970, without time zone
	Boolean
	IntegerList
	FloatList
	DoubleList
	Integer
	Float
)

// columnTypes describes each type: its name, DuckDB's type of a value, or of a
// list's elements, and the bytes of one of them.
var columnTypes = [...]struct {
	name  string
	id    mapping.Type
	bytes int
	list  bool
}{
	BigInt:      {"BIGINT", mapping.TypeBigInt, 8, false},
	Double:      {"DOUBLE", mapping.TypeDouble, 8, false},
	Varchar:     {"VARCHAR", mapping.TypeVarchar, 16, false},
	Timestamp:   {"TIMESTAMP", mapping.TypeTimestamp, 8, false},
	Boolean:     {"BOOLEAN", mapping.TypeBoolean, 1, false},
	IntegerList: {"INTEGER[]", mapping.TypeInteger, 4, true},
	FloatList:   {"FLOAT[]", mapping.TypeFloat, 4, true},
	DoubleList:  {"DOUBLE[]", mapping.TypeDouble, 8, true},
	Integer:     {"INTEGER", mapping.TypeInteger, 4, false},
	Float:       {"FLOAT", mapping.TypeFloat, 4, false},
}

func (t ColumnType) valid() bool { return t > 0 && int(t) < len(columnTypes) }

// logical returns DuckDB's name for the type, which must be destroyed.
func (t ColumnType) logical() mapping.LogicalType {
	l := mapping.CreateLogicalType(columnTypes[t].id)
	if columnTypes[t].list {
		element := l
		l = mapping.CreateListType(element)
		mapping.DestroyLogicalType(&element)
	}
	return l
}

// String returns the type as SQL spells it.
func (t ColumnType) String() string {
	if !t.valid() {
		return fmt.Sprintf("column type %d", uint8(t))
	}
	return columnTypes[t].name
}

// ColumnDef is the name and type of a column of a new table.
type ColumnDef struct {
	Name string
	Type ColumnType
}

// CreateTable creates an empty table; one that exists already is an error.
func (d *DB) CreateTable(ctx context.Context, table string, columns []ColumnDef) error {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + Name(table) + " (")
	for i, c := range columns {
		if !c.Type.valid() {
			return fmt.Errorf("duckdb: create table %s: column %q has no type that exists: %v", table, c.Name, c.Type)
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(Name(c.Name) + " " + c.Type.String())
	}
	b.WriteString(")")
	return d.Query(ctx, b.String(), nil)
}

// chunkBytes of texts and lists end a chunk before it has all its rows, so that
// long values do not add up to more memory than was asked for.
const chunkBytes = 16 << 20

// Appender adds rows to a table of a DB, many times faster than INSERT. It
// fills one of DuckDB's chunks in place: a value costs no call into C, and a
// row no allocation.
//
// A row is made by setting its columns in any order and EndRow; columns not
// set are NULL. Errors of the setters (a value of another type than the
// column, text that is not UTF-8) stay and are returned by EndRow, Flush and
// Close. Like the methods of its DB, those of an Appender must not be called
// concurrently with others of the same DB.
//
// Rows are in the table once Flush or Close has returned nil. Unless the caller
// has begun a transaction, parts of the table may be there before.
type Appender struct {
	table    string
	appender mapping.Appender
	chunk    mapping.DataChunk
	columns  []appendColumn
	row, cap int
	lists    bool
	bytes    int // of texts and lists in the chunk
	err      error

	texts textArena // until the chunk is handed over
}

// appendColumn is where a column's values of the current chunk lie.
type appendColumn struct {
	kind     ColumnType
	vector   mapping.Vector
	data     unsafe.Pointer
	validity unsafe.Pointer // []uint64

	child     unsafe.Pointer // elements of lists
	used, cap int            // of child, in elements
}

// NewAppender starts to append to a table whose columns have the types given,
// in order. It must be closed.
func (d *DB) NewAppender(table string, types []ColumnType) (*Appender, error) {
	a := &Appender{table: table, cap: int(mapping.VectorSize()), columns: make([]appendColumn, len(types))}
	logical := make([]mapping.LogicalType, len(types))
	defer func() {
		for i := range logical {
			if logical[i].Ptr != nil {
				mapping.DestroyLogicalType(&logical[i])
			}
		}
	}()
	for i, t := range types {
		if !t.valid() {
			return nil, fmt.Errorf("duckdb: append to table %s: column %d has no type that exists: %v", table, i, t)
		}
		logical[i] = t.logical()
		a.lists = a.lists || columnTypes[t].list
		a.columns[i].kind = t
	}
	if d.busy != nil {
		<-d.busy
		d.busy = nil
	}
	if mapping.AppenderCreateExt(d.conn, "", "", table, &a.appender) == mapping.StateError {
		err := fmt.Errorf("duckdb: append to table %s: %s", table, mapping.AppenderError(a.appender))
		mapping.AppenderDestroy(&a.appender)
		return nil, err
	}
	if n := int(mapping.AppenderColumnCount(a.appender)); n != len(types) {
		mapping.AppenderDestroy(&a.appender)
		return nil, fmt.Errorf("duckdb: append to table %s: it has %d columns, %d types are given", table, n, len(types))
	}
	a.chunk = mapping.CreateDataChunk(logical)
	a.begin()
	return a, nil
}

// begin finds the memory of an empty chunk and makes every value NULL: setting
// one makes it valid.
func (a *Appender) begin() {
	for i := range a.columns {
		c := &a.columns[i]
		c.vector = mapping.DataChunkGetVector(a.chunk, mapping.IdxT(i))
		c.data = mapping.VectorGetData(c.vector)
		mapping.VectorEnsureValidityWritable(c.vector)
		c.validity = mapping.VectorGetValidity(c.vector)
		clear(unsafe.Slice((*uint64)(c.validity), (a.cap+63)/64))
		c.child, c.used, c.cap = nil, 0, 0
		if columnTypes[c.kind].list {
			// The entries of NULL lists are read as well.
			clear(unsafe.Slice((*ListEntry)(c.data), a.cap))
		}
	}
}

// column returns column i for a value of one of two types, which becomes
// valid, or nil.
func (a *Appender) column(i int, kind, or ColumnType) *appendColumn {
	if uint(i) >= uint(len(a.columns)) || a.err != nil {
		a.fail(i, kind)
		return nil
	}
	c := &a.columns[i]
	if c.kind != kind && c.kind != or {
		a.fail(i, kind)
		return nil
	}
	*(*uint64)(unsafe.Add(c.validity, uintptr(a.row)/64*8)) |= 1 << (a.row % 64)
	return c
}

func (a *Appender) fail(i int, kind ColumnType) {
	switch {
	case a.err != nil:
	case uint(i) >= uint(len(a.columns)):
		a.err = fmt.Errorf("duckdb: append to table %s: column %d of %d", a.table, i, len(a.columns))
	default:
		a.err = fmt.Errorf("duckdb: append to table %s: column %d is %v, not %v", a.table, i, a.columns[i].kind, kind)
	}
}

// Int sets a BIGINT, or a TIMESTAMP in microseconds since 1970.
func (a *Appender) Int(column int, v int64) {
	if c := a.column(column, BigInt, Timestamp); c != nil {
		*(*int64)(unsafe.Add(c.data, a.row*8)) = v
	}
}

// Float sets a DOUBLE.
func (a *Appender) Float(column int, v float64) {
	if c := a.column(column, Double, Double); c != nil {
		*(*float64)(unsafe.Add(c.data, a.row*8)) = v
	}
}

// Int32 sets an INTEGER.
func (a *Appender) Int32(column int, v int32) {
	if c := a.column(column, Integer, Integer); c != nil {
		*(*int32)(unsafe.Add(c.data, a.row*4)) = v
	}
}

// Float32 sets a FLOAT.
func (a *Appender) Float32(column int, v float32) {
	if c := a.column(column, Float, Float); c != nil {
		*(*float32)(unsafe.Add(c.data, a.row*4)) = v
	}
}

// Bool sets a BOOLEAN.
func (a *Appender) Bool(column int, v bool) {
	if c := a.column(column, Boolean, Boolean); c != nil {
		*(*bool)(unsafe.Add(c.data, a.row)) = v
	}
}

// Text sets a VARCHAR to a copy of text, which must be UTF-8.
func (a *Appender) Text(column int, text []byte) {
	c := a.column(column, Varchar, Varchar)
	if c == nil {
		return
	}
	v, long, err := a.texts.put(text)
	if err != nil {
		a.err = fmt.Errorf("duckdb: append to table %s: column %d: %w", a.table, column, err)
		return
	}
	a.bytes += long
	*(*String)(unsafe.Add(c.data, a.row*16)) = v
}

// Ints sets an INTEGER[] to a copy of values.
func (a *Appender) Ints(column int, values []int32) {
	if c := a.column(column, IntegerList, IntegerList); c != nil {
		appendList(a, c, values)
	}
}

// Float32s sets a FLOAT[] to a copy of values.
func (a *Appender) Float32s(column int, values []float32) {
	if c := a.column(column, FloatList, FloatList); c != nil {
		appendList(a, c, values)
	}
}

// Floats sets a DOUBLE[] to a copy of values.
func (a *Appender) Floats(column int, values []float64) {
	if c := a.column(column, DoubleList, DoubleList); c != nil {
		appendList(a, c, values)
	}
}

func appendList[T int32 | float32 | float64](a *Appender, c *appendColumn, values []T) {
	size := int(unsafe.Sizeof(T(0)))
	if need := c.used + len(values); need > c.cap {
		c.cap = max(a.cap, 1<<bits.Len(uint(need)))
		// Reserve copies as many elements as the list says it has.
		if mapping.ListVectorSetSize(c.vector, mapping.IdxT(c.used)) == mapping.StateError ||
			mapping.ListVectorReserve(c.vector, mapping.IdxT(c.cap)) == mapping.StateError {
			a.err = fmt.Errorf("duckdb: append to table %s: no memory for lists of %d elements", a.table, c.cap)
			return
		}
		c.child = mapping.VectorGetData(mapping.ListVectorGetChild(c.vector))
	}
	if len(values) > 0 {
		copy(unsafe.Slice((*T)(unsafe.Add(c.child, c.used*size)), len(values)), values)
	}
	*(*ListEntry)(unsafe.Add(c.data, a.row*16)) = ListEntry{uint64(c.used), uint64(len(values))}
	c.used += len(values)
	a.bytes += len(values) * size
}

// EndRow ends the row and begins the next.
func (a *Appender) EndRow() error {
	if a.err != nil {
		return a.err
	}
	a.row++
	if a.row == a.cap || a.bytes >= chunkBytes {
		return a.hand()
	}
	return nil
}

// hand gives the chunk to DuckDB, which copies it, and empties it.
func (a *Appender) hand() error {
	if a.err != nil {
		return a.err
	}
	if a.row == 0 {
		return nil
	}
	if a.lists {
		for i := range a.columns {
			c := &a.columns[i]
			if columnTypes[c.kind].list && mapping.ListVectorSetSize(c.vector, mapping.IdxT(c.used)) == mapping.StateError {
				a.err = fmt.Errorf("duckdb: append to table %s: set the size of the lists of column %d", a.table, i)
				return a.err
			}
		}
	}
	mapping.DataChunkSetSize(a.chunk, mapping.IdxT(a.row))
	if mapping.AppendDataChunk(a.appender, a.chunk) == mapping.StateError {
		return a.refuse()
	}
	mapping.DataChunkReset(a.chunk)
	a.row, a.bytes = 0, 0
	a.texts.release()
	a.begin()
	return nil
}

func (a *Appender) refuse() error {
	message := mapping.AppenderError(a.appender)
	if message == "" {
		message = "DuckDB refuses the rows"
	}
	a.err = fmt.Errorf("duckdb: append to table %s: %w", a.table, &Error{Message: message})
	return a.err
}

// Flush writes all ended rows to the table.
func (a *Appender) Flush() error {
	if a.chunk.Ptr == nil {
		return errors.New("duckdb: append to table " + a.table + ": the appender is closed")
	}
	if err := a.hand(); err != nil {
		return err
	}
	if mapping.AppenderFlush(a.appender) == mapping.StateError {
		return a.refuse()
	}
	return nil
}

// Close writes all ended rows, as Flush does, and frees the appender. After an
// error, rows not yet in the table are dropped. Closing again does nothing.
func (a *Appender) Close() error {
	if a.chunk.Ptr == nil {
		return nil
	}
	err := a.Flush()
	a.free(err != nil)
	return err
}

// Abort frees the appender and drops the rows that are not yet in the table.
func (a *Appender) Abort() {
	if a.chunk.Ptr != nil {
		a.free(true)
	}
}

func (a *Appender) free(drop bool) {
	if drop {
		// Destroying flushes: what must not be written is cleared before.
		mapping.AppenderClear(a.appender)
	}
	mapping.AppenderDestroy(&a.appender)
	mapping.DestroyDataChunk(&a.chunk)
	a.texts.release()
	a.err = errors.New("duckdb: append to table " + a.table + ": the appender is closed")
}
