package datasets

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// database is an in-memory DuckDB with one connection. The C interface is used
// directly: database/sql boxes every value and reads a fifth as fast.
type database struct {
	db   mapping.Database
	conn mapping.Connection

	mu     sync.Mutex // guards closed against a late interrupt
	closed bool
}

// openDatabase opens an empty database that never fetches extensions. With
// ordered, it runs on one thread, so that the order of a query's rows and its
// floating-point sums do not depend on timing.
func openDatabase(ordered bool) (*database, error) {
	var config mapping.Config
	if mapping.CreateConfig(&config) == mapping.StateError {
		return nil, errors.New("duckdb: create a configuration")
	}
	defer mapping.DestroyConfig(&config)
	options := [][2]string{
		{"autoinstall_known_extensions", "false"},
		{"autoload_known_extensions", "false"},
		{"preserve_insertion_order", "true"},
	}
	if ordered {
		options = append(options, [2]string{"threads", "1"})
	}
	for _, o := range options {
		if mapping.SetConfig(config, o[0], o[1]) == mapping.StateError {
			return nil, fmt.Errorf("duckdb: set %s = %s", o[0], o[1])
		}
	}
	d := new(database)
	var message string
	if mapping.OpenExt("", &d.db, config, &message) == mapping.StateError {
		mapping.Close(&d.db)
		return nil, fmt.Errorf("duckdb: open an in-memory database: %s", message)
	}
	if mapping.Connect(d.db, &d.conn) == mapping.StateError {
		mapping.Close(&d.db)
		return nil, errors.New("duckdb: connect to the in-memory database")
	}
	return d, nil
}

func (d *database) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	mapping.Disconnect(&d.conn)
	mapping.Close(&d.db)
}

func (d *database) interrupt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		mapping.Interrupt(d.conn)
	}
}

// queryError is what DuckDB said about a statement.
type queryError struct{ message string }

func (e *queryError) Error() string { return e.message }

// query runs one statement and hands each chunk of its result to visit, in
// order. visit may be nil. The chunk's memory is valid only during the call.
func (d *database) query(ctx context.Context, sql string, visit func(*chunk) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, d.interrupt)
	defer stop()

	var stmt mapping.PreparedStatement
	defer mapping.DestroyPrepare(&stmt)
	if mapping.Prepare(d.conn, sql, &stmt) == mapping.StateError {
		return &queryError{message: mapping.PrepareError(stmt)}
	}
	var result mapping.Result
	defer mapping.DestroyResult(&result)
	if mapping.ExecutePrepared(stmt, &result) == mapping.StateError {
		if err := ctx.Err(); err != nil {
			return err
		}
		return &queryError{message: mapping.ResultError(&result)}
	}
	if visit == nil {
		return nil
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		c := mapping.FetchChunk(result)
		if c.Ptr == nil {
			return nil
		}
		rows := int(mapping.DataChunkGetSize(c))
		var err error
		if rows > 0 {
			err = visit(&chunk{data: c, rows: rows})
		}
		mapping.DestroyDataChunk(&c)
		if err != nil || rows == 0 {
			return err
		}
	}
}

// resultColumn is a column of a statement's result.
type resultColumn struct {
	name string
	typ  mapping.Type
	json bool // text that DuckDB says is JSON
}

// describe returns the columns of a statement without running it. Statements
// that return no rows, and several statements in one text, are errors.
func (d *database) describe(ctx context.Context, sql string) ([]resultColumn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var stmt mapping.PreparedStatement
	defer mapping.DestroyPrepare(&stmt)
	if mapping.Prepare(d.conn, sql, &stmt) == mapping.StateError {
		return nil, &queryError{message: mapping.PrepareError(stmt)}
	}
	if mapping.PreparedStatementType(stmt) != mapping.StatementTypeSelect {
		return nil, &queryError{message: "not a SELECT statement"}
	}
	n := mapping.PreparedStatementColumnCount(stmt)
	columns := make([]resultColumn, n)
	for i := range columns {
		logical := mapping.PreparedStatementColumnLogicalType(stmt, mapping.IdxT(i))
		columns[i] = resultColumn{
			name: mapping.PreparedStatementColumnName(stmt, mapping.IdxT(i)),
			typ:  mapping.PreparedStatementColumnType(stmt, mapping.IdxT(i)),
			json: logical.Ptr != nil && mapping.LogicalTypeGetAlias(logical) == "JSON",
		}
		mapping.DestroyLogicalType(&logical)
	}
	return columns, nil
}

// chunk is a batch of result rows, column by column.
type chunk struct {
	data mapping.DataChunk
	rows int
}

// validity is the bit mask of present values; nil means all are present.
type validity []uint64

func (v validity) valid(i int) bool { return v == nil || v[i/64]>>(i%64)&1 != 0 }

// vector returns column i as values of type T, which must be the C layout of
// the column's physical type.
func vector[T any](c *chunk, i int) ([]T, validity) {
	v := mapping.DataChunkGetVector(c.data, mapping.IdxT(i))
	values := unsafe.Slice((*T)(mapping.VectorGetData(v)), c.rows)
	mask := (*uint64)(mapping.VectorGetValidity(v))
	if mask == nil {
		return values, nil
	}
	return values, unsafe.Slice(mask, (c.rows+63)/64)
}

// duckString is the layout of duckdb_string_t: up to 12 bytes in place, longer
// texts behind a pointer.
type duckString struct {
	length uint32
	prefix [4]byte
	rest   [8]byte // the pointer, or bytes 4 to 11
}

// text returns the string's bytes without copying: valid as long as the chunk.
func (s *duckString) text() string {
	const inlined = 12
	if s.length <= inlined {
		return unsafe.String(&s.prefix[0], s.length)
	}
	return unsafe.String(*(**byte)(unsafe.Pointer(&s.rest)), s.length)
}

// sqlString quotes a string literal.
func sqlString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// sqlName quotes an identifier.
func sqlName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// sqlStrings renders a list literal of strings.
func sqlStrings(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = sqlString(v)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
