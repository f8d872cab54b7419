// Package duck runs DuckDB through its C interface: database/sql boxes every
// value and reads a fifth as fast. A DB never fetches extensions, so nothing
// that is computed depends on the network; its zone is UTC, so nothing depends on
// that of the host. Statement says what the rows of somebody else's query hang on.
package duck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"debut/datasets/memoryguard"
	"debut/datasets/scratch"
	"debut/kernels/hostmemory"
)

// DB is a DuckDB with one connection. Its methods must not be called
// concurrently, but for Close.
type DB struct {
	db   mapping.Database
	conn mapping.Connection

	mu     sync.Mutex // guards closed against a late interrupt
	closed bool

	// busy is closed when a statement that was left behind has been prepared;
	// nil when there is none.
	busy chan struct{}

	sources   []*source
	closing   []func()
	functions *functions // known once they were asked for
	external  bool       // Options.External
	checked   struct {   // the last text of a user that there was nothing to say against
		sql  string
		tree node
	}

	defined  map[string]bool // names of the functions that Go computes
	failures failures        // of them, in the last statement

	timeout time.Duration // of a statement; 0 for none

	shares bool // the memory is limited to a share of what the control groups of the process allow
}

// Options say how a database is opened. The zero value is a database in memory
// that uses all processors.
type Options struct {
	// Path is the file of the database, "" for one in memory. There must be no such file. Only the process that opens it can read
	// it, whose end is that of the database: on Linux and macOS the file has no name any more once it is open, and there is no log.
	Path string
	// Threads is the number of worker threads, 0 for one a processor. On one
	// thread the order of a query's rows and its floating-point sums do not
	// depend on timing.
	Threads int
	// Memory limits what the database holds in memory, in bytes; 0 leaves
	// DuckDB's own limit, or two thirds of what the control groups of the process allow. Beyond it, it writes to TempDir.
	Memory int64
	// TempDir receives what does not fit into memory; "" leaves DuckDB's choice:
	// beside the file, or .tmp in the working folder.
	TempDir string
	// External lets the SQL of a user read whatever file it names. Without it there
	// is nothing but the tables there are, see Check and Confine.
	External bool
	// Search is the folder that relative names in the SQL of External start from where the working folder has no such file, so that a
	// query finds its files wherever the program runs; "" for none.
	Search string
	// Timeout is the most time that a statement may take, but for what is done meanwhile with its rows; 0 for no limit.
	Timeout time.Duration
	// Secret has what does not fit into memory encrypted on its way to TempDir, which by default is a folder of package scratch
	// then. The key is in memory alone; it comes of random numbers that DuckDB does not call secure, so that it keeps out who
	// finds the file and not who attacks the cipher.
	Secret bool
}

// workDatabase is the name of a database in a file.
const workDatabase = Reserved + "work"

// Open opens or creates a database.
func Open(o Options) (*DB, error) {
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
	if o.Threads > 0 {
		options = append(options, [2]string{"threads", strconv.Itoa(o.Threads)})
	}
	d := &DB{external: o.External, timeout: o.Timeout}
	if limit := hostmemory.Limit() / 3 * 2; limit > 0 && (o.Memory == 0 || o.Memory > limit) {
		o.Memory, d.shares = limit, true
	}
	if o.Memory > 0 {
		options = append(options, [2]string{"memory_limit", strconv.FormatInt(o.Memory, 10) + "B"})
	}
	if o.Secret && o.TempDir == "" {
		dir, err := scratch.NewDir("", "spill")
		if err != nil {
			return nil, err
		}
		d.OnClose(func() { _ = dir.Remove() }) // the next sweep does it
		o.TempDir = filepath.Join(dir.Path(), "spill")
	}
	if o.TempDir != "" {
		options = append(options, [2]string{"temp_directory", o.TempDir})
	}
	for _, o := range options {
		if mapping.SetConfig(config, o[0], o[1]) == mapping.StateError {
			d.close()
			return nil, fmt.Errorf("duckdb: set %s = %s", o[0], o[1])
		}
	}
	var message string
	if mapping.OpenExt("", &d.db, config, &message) == mapping.StateError {
		d.close()
		return nil, fmt.Errorf("duckdb: open the database: %s", message)
	}
	if mapping.Connect(d.db, &d.conn) == mapping.StateError {
		d.close()
		return nil, errors.New("duckdb: connect to the database")
	}
	start := slices.Clone(settings)
	if o.Secret {
		start = append(start, "SET GLOBAL force_mbedtls_unsafe = true", "SET GLOBAL temp_file_encryption = true")
	}
	if o.External && o.Search != "" {
		start = append(start, "SET GLOBAL file_search_path = "+Literal(o.Search))
	}
	if o.Path != "" {
		start = append(start, "ATTACH "+Literal(o.Path)+" AS "+workDatabase+" (RECOVERY_MODE no_wal_writes)", "USE "+workDatabase, "PRAGMA disable_checkpoint_on_shutdown")
	}
	for _, sql := range start {
		if err := d.Query(context.Background(), sql, nil); err != nil {
			d.Close()
			return nil, fmt.Errorf("duckdb: %s: %w", sql, err)
		}
	}
	if o.Path != "" && runtime.GOOS != "windows" { // where an open file keeps its name
		if err := os.Remove(o.Path); err != nil {
			d.Close()
			return nil, fmt.Errorf("duckdb: %w", err)
		}
	}
	if err := d.shadow(context.Background()); err != nil {
		d.Close()
		return nil, fmt.Errorf("duckdb: functions of JSON: %w", err)
	}
	return d, nil
}

// settings make results independent of the host: times with a zone, which are
// taken apart and shown in that of the session, are in UTC.
var settings = []string{"SET GLOBAL TimeZone = 'UTC'", "SET GLOBAL Calendar = 'gregorian'"}

// SetThreads changes the number of worker threads, 0 for one a processor.
func (d *DB) SetThreads(ctx context.Context, n int) error {
	if n <= 0 {
		return d.Query(ctx, "RESET GLOBAL threads", nil)
	}
	return d.Query(ctx, "SET GLOBAL threads = "+strconv.Itoa(n), nil)
}

// Close closes the database. A query under way must have returned. Where the
// preparation of a canceled statement is still going on, the database is closed
// after it, and Close does not wait for that.
func (d *DB) Close() {
	if busy := d.busy; busy != nil {
		go func() {
			<-busy
			d.close()
		}()
		return
	}
	d.close()
}

// OnClose has a function called once the database is closed.
func (d *DB) OnClose(f func()) { d.closing = append(d.closing, f) }

func (d *DB) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.closed = true
	mapping.Disconnect(&d.conn)
	mapping.Close(&d.db)
	for _, s := range d.sources {
		s.free()
	}
	for _, f := range d.closing {
		f()
	}
}

func (d *DB) interrupt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		mapping.Interrupt(d.conn)
	}
}

const (
	// interruptEvery is the time between two interrupts: one that comes between
	// the preparation of a statement and its execution is lost.
	interruptEvery = 10 * time.Millisecond
	// leaveAfter is how long the preparation of a canceled statement is waited for,
	// leaveRunning how long its execution is, which notices interrupts as a rule but
	// writes files too.
	leaveAfter   = 50 * time.Millisecond
	leaveRunning = 500 * time.Millisecond
)

// watch interrupts what the database does once ctx has ended, until the returned
// function is called.
func (d *DB) watch(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	stopped := context.AfterFunc(ctx, func() {
		for {
			d.interrupt()
			select {
			case <-done:
				return
			case <-time.After(interruptEvery):
			}
		}
	})
	return func() {
		stopped()
		close(done)
	}
}

// aside calls f, which calls DuckDB, and reports whether it has returned. Where ctx
// ends and f goes on for longer than patience, it is left behind: later calls, and
// the end of the database, wait for it, and clean is called after it.
func (d *DB) aside(ctx context.Context, patience time.Duration, f, clean func()) bool {
	ready := make(chan struct{})
	go func() {
		f()
		close(ready)
	}()
	select {
	case <-ready:
		return true
	case <-ctx.Done():
	}
	select {
	case <-ready:
		return true
	case <-time.After(patience):
	}
	left := make(chan struct{})
	d.busy = left
	go func() {
		for {
			select {
			case <-ready:
				clean()
				close(left)
				return
			case <-time.After(interruptEvery):
				d.interrupt()
			}
		}
	}()
	return false
}

// prepare prepares a statement. Preparing one that reads CSV or JSON files looks
// through them for the types of their columns, through all rows where that is
// asked for, and does not notice interrupts; nor does an expression of constants.
func (d *DB) prepare(ctx context.Context, sql string) (mapping.PreparedStatement, error) {
	if d.busy != nil {
		select {
		case <-d.busy:
			d.busy = nil
		case <-ctx.Done():
			return mapping.PreparedStatement{}, ctx.Err()
		}
	}
	d.failures.forget()
	var stmt mapping.PreparedStatement
	var state mapping.State
	if !d.aside(ctx, leaveAfter, func() { state = mapping.Prepare(d.conn, sql, &stmt) }, func() { mapping.DestroyPrepare(&stmt) }) {
		return mapping.PreparedStatement{}, ctx.Err()
	}
	if state == mapping.StateError {
		err := ctx.Err()
		if err == nil {
			err = d.failed(ctx, mapping.PrepareError(stmt))
		}
		mapping.DestroyPrepare(&stmt)
		return mapping.PreparedStatement{}, err
	}
	return stmt, nil
}

// Query runs one statement and hands each chunk of its result to visit, in
// order. visit may be nil. The chunk's memory is valid only during the call.
// The whole result is made before the first chunk is handed out.
func (d *DB) Query(ctx context.Context, sql string, visit func(*Chunk) error) error {
	return d.timed(ctx, visit, func(ctx context.Context, visit func(*Chunk) error) error {
		return d.run(ctx, sql, mapping.ExecutePrepared, visit)
	})
}

// Stream is Query that makes the result while it is read: for results larger
// than memory.
func (d *DB) Stream(ctx context.Context, sql string, visit func(*Chunk) error) error {
	err := d.timed(ctx, visit, func(ctx context.Context, visit func(*Chunk) error) error {
		return d.run(ctx, sql, bindings.ExecutePreparedStreaming, visit)
	})
	if err != nil && ctx.Err() == nil {
		// DuckDB ends a statement that is not read to its end where the next one begins, and what is registered in between
		// goes with it.
		_ = d.run(ctx, "SELECT 1", mapping.ExecutePrepared, nil) // what fails here fails in the next statement too
	}
	return err
}

func (d *DB) run(ctx context.Context, sql string, execute func(mapping.PreparedStatement, *mapping.Result) mapping.State, visit func(*Chunk) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer d.watch(ctx)()

	stmt, err := d.prepare(ctx, sql)
	if err != nil {
		return err
	}
	var result mapping.Result
	var c mapping.DataChunk
	clean := func() {
		mapping.DestroyDataChunk(&c)
		mapping.DestroyResult(&result)
		mapping.DestroyPrepare(&stmt)
	}
	// An expression may take hours for the rows of one chunk, without a look at
	// interrupts. Sources use memory of the caller, who has to wait for them.
	call := func(f func()) bool { return d.aside(ctx, leaveRunning, f, clean) }
	if len(d.sources) > 0 {
		call = func(f func()) bool { f(); return true }
	}
	var state mapping.State
	if !call(func() { state = execute(stmt, &result) }) {
		return ctx.Err()
	}
	left := false
	defer func() {
		if !left {
			clean()
		}
	}()
	if state == mapping.StateError {
		if err := ctx.Err(); err != nil {
			return err
		}
		return d.failed(ctx, mapping.ResultError(&result))
	}
	if visit == nil {
		return nil
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if left = !call(func() { c = mapping.FetchChunk(result) }); left {
			return ctx.Err()
		}
		if c.Ptr == nil {
			if err := ctx.Err(); err != nil {
				return err
			}
			if message := mapping.ResultError(&result); message != "" {
				return d.failed(ctx, message)
			}
			return nil
		}
		rows := int(mapping.DataChunkGetSize(c))
		if rows > 0 {
			err = visit(&Chunk{data: c, Rows: rows})
		}
		mapping.DestroyDataChunk(&c)
		if err != nil || rows == 0 {
			return err
		}
	}
}

// failed makes the error of what DuckDB says.
func (d *DB) failed(ctx context.Context, message string) error {
	if d.shares && strings.Contains(message, "Out of Memory Error") {
		memoryguard.GiveUp(ctx)
	}
	if err := unreachable(message); err != nil {
		return err
	}
	return &Error{Message: message, cause: d.failures.cause(message)}
}

// Column is a column of a statement's result.
type Column struct {
	Name string
	Type mapping.Type
	JSON bool // text that DuckDB says is JSON
	// Element is the type of the elements of a list or an array, else
	// TypeInvalid.
	Element mapping.Type
}

// Describe returns the columns of a statement without running it. Statements
// that return no rows, and several statements in one text, are errors.
func (d *DB) Describe(ctx context.Context, sql string) (columns []Column, err error) {
	err = d.timed(ctx, nil, func(ctx context.Context, _ func(*Chunk) error) error {
		columns, err = d.describe(ctx, sql)
		return err
	})
	return columns, err
}

func (d *DB) describe(ctx context.Context, sql string) ([]Column, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	defer d.watch(ctx)()
	stmt, err := d.prepare(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer mapping.DestroyPrepare(&stmt)
	if mapping.PreparedStatementType(stmt) != mapping.StatementTypeSelect {
		return nil, &Error{Message: "not a SELECT statement"}
	}
	n := mapping.PreparedStatementColumnCount(stmt)
	columns := make([]Column, n)
	for i := range columns {
		logical := mapping.PreparedStatementColumnLogicalType(stmt, mapping.IdxT(i))
		columns[i] = Column{
			Name: mapping.PreparedStatementColumnName(stmt, mapping.IdxT(i)),
			Type: mapping.PreparedStatementColumnType(stmt, mapping.IdxT(i)),
			JSON: logical.Ptr != nil && mapping.LogicalTypeGetAlias(logical) == "JSON",

			Element: elementType(logical),
		}
		mapping.DestroyLogicalType(&logical)
	}
	return columns, nil
}

// Chunk is a batch of result rows, column by column.
type Chunk struct {
	data mapping.DataChunk
	Rows int
}

// Validity is the bit mask of present values; nil means all are present.
type Validity []uint64

// Valid reports whether value i is present.
func (v Validity) Valid(i int) bool { return v == nil || v[i/64]>>(i%64)&1 != 0 }

// Vector returns column i as values of type T, which must be the C layout of
// the column's physical type.
func Vector[T any](c *Chunk, i int) ([]T, Validity) {
	v := mapping.DataChunkGetVector(c.data, mapping.IdxT(i))
	values := unsafe.Slice((*T)(mapping.VectorGetData(v)), c.Rows)
	mask := (*uint64)(mapping.VectorGetValidity(v))
	if mask == nil {
		return values, nil
	}
	return values, unsafe.Slice(mask, (c.Rows+63)/64)
}

// String is the layout of duckdb_string_t: up to 12 bytes in place, longer
// texts behind a pointer.
type String struct {
	length uint32
	prefix [4]byte
	rest   [8]byte // the pointer, or bytes 4 to 11
}

// Text returns the string's bytes without copying: valid as long as the chunk.
func (s *String) Text() string {
	if s.length <= inlined {
		return unsafe.String(&s.prefix[0], s.length)
	}
	return unsafe.String(*(**byte)(unsafe.Pointer(&s.rest)), s.length)
}

// Words returns the text as DuckDB has it in place: two equal pairs of words are
// equal texts. Long texts, which are elsewhere, have none.
func (s *String) Words() (words [2]uint64, short bool) {
	return *(*[2]uint64)(unsafe.Pointer(s)), s.length <= inlined
}

// FromWords is the text that has the given words.
func FromWords(words [2]uint64) String { return *(*String)(unsafe.Pointer(&words)) }

// Literal quotes a string literal.
func Literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Name quotes an identifier.
func Name(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// Literals renders a list literal of strings.
func Literals(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = Literal(v)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
