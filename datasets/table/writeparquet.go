package table

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"debut/datasets/atomicfile"
	"debut/datasets/duck"
)

// parquetMemory is what DuckDB may take while it writes a table.
const parquetMemory = 192 << 20

// parquetTextBytes of texts are handed to DuckDB at a time, but for a single row.
const parquetTextBytes = 16 << 20

// parquetSink lets DuckDB write Parquet, in a goroutine, from blocks of rows that it
// is handed one after another.
type parquetSink struct {
	path string
	file string // the file under way; "" once it is gone
	db   *duck.DB

	release func() // of the file's lock; nil once it is

	blocks chan writtenBlock  // to the statement; closed after the last
	taken  chan struct{}      // a block has been copied
	cancel context.CancelFunc // ends the statement
	done   chan struct{}      // the statement has ended
	err    error              // of the statement, once done is closed

	// What the statement reads: rows from at on of block.
	block    writtenBlock
	at, rows int
	failed   error // of handing rows over
}

// writtenBlock are rows that Append waits for.
type writtenBlock struct {
	ctx     context.Context
	columns []OutputColumn
}

const writtenRows = "rows"

func newParquetSink(path string, columns []OutputColumn) (_ *parquetSink, err error) {
	s := &parquetSink{path: path, blocks: make(chan writtenBlock), taken: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.discard())
		}
	}()
	f, release, err := atomicfile.Temporary(path)
	if err != nil {
		return nil, err
	}
	s.file, s.release = f.Name(), release
	if err = errors.Join(f.Chmod(0o644), f.Close()); err != nil { // whatever the umask
		return nil, err
	}
	// On one thread the rows stay in their order.
	if s.db, err = duck.Open(duck.Options{TempDir: s.spill(), Threads: 1, Memory: parquetMemory}); err != nil {
		return nil, err
	}
	var defs []duck.ColumnDef
	var names []string
	for i := range columns {
		defs = append(defs, duck.ColumnDef{Name: positional(i), Type: outputType(columns[i].Values)})
		value := positional(i)
		if typed, ok := columns[i].Values.(TypedTexts); ok && typed.SQL != "" {
			value = "CAST(" + value + " AS " + typed.SQL + ")"
		}
		names = append(names, value+" AS "+duck.Name(columns[i].Name))
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err = s.db.AddSource(writtenRows, defs, func(r *duck.Rows) error {
		s.failed = s.next(ctx, r)
		return s.failed
	}); err != nil {
		cancel()
		return nil, err
	}
	s.cancel, s.done = cancel, make(chan struct{})
	go func() {
		defer close(s.done)
		s.err = s.db.Query(ctx, fmt.Sprintf("COPY (SELECT %s FROM %s()) TO %s (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)",
			strings.Join(names, ", "), writtenRows, duck.Literal(s.file)), nil)
		if s.failed != nil {
			s.err = s.failed
		}
	}()
	return s, nil
}

// spill is the folder for what DuckDB has no room for, which it makes when it needs it.
func (s *parquetSink) spill() string { return atomicfile.SpillOf(s.file) }

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

// next hands DuckDB its next rows, none after the last.
func (s *parquetSink) next(ctx context.Context, r *duck.Rows) error {
	for s.at == s.rows {
		select {
		case block, ok := <-s.blocks:
			if !ok {
				return nil
			}
			if s.block, s.at, s.rows = block, 0, block.columns[0].rows(); s.rows == 0 {
				s.taken <- struct{}{}
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := s.block.ctx.Err(); err != nil {
		return err
	}
	r.Len = s.fitting(r.Most)
	from, to := s.at, s.at+r.Len
	for i := range s.block.columns {
		switch v := s.block.columns[i].Values.(type) {
		case []string:
			if err := r.Texts(i, v[from:to]); err != nil {
				return err
			}
		case TypedTexts:
			if err := r.Texts(i, v.Values[from:to]); err != nil {
				return err
			}
		case []float32:
			copy(duck.Fill[float32](r, i), v[from:to])
		case []float64:
			copy(duck.Fill[float64](r, i), v[from:to])
		case []int32:
			copy(duck.Fill[int32](r, i), v[from:to])
		case []int64:
			copy(duck.Fill[int64](r, i), v[from:to])
		case []bool:
			copy(duck.Fill[bool](r, i), v[from:to])
		}
	}
	if s.at = to; s.at == s.rows {
		s.block = writtenBlock{}
		s.taken <- struct{}{}
	}
	return nil
}

// fitting returns how many rows, of most, come next: long texts are not to add up.
func (s *parquetSink) fitting(most int) int {
	n := min(most, s.rows-s.at)
	bytes := 0
	for k := range n {
		for i := range s.block.columns {
			if v, ok := s.block.columns[i].Values.([]string); ok {
				bytes += len(v[s.at+k])
			}
		}
		if bytes > parquetTextBytes {
			return max(1, k)
		}
	}
	return n
}

func (s *parquetSink) append(ctx context.Context, columns []OutputColumn, _ int) error {
	select {
	case s.blocks <- writtenBlock{ctx, columns}:
	case <-s.done:
		return s.failure()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-s.taken:
		return nil
	case <-s.done:
		return s.failure()
	case <-ctx.Done():
		s.stop() // the columns are the caller's again
		return ctx.Err()
	}
}

// failure is why the statement has ended.
func (s *parquetSink) failure() error {
	if s.err == nil {
		return errors.New("the database has ended the table before its last rows")
	}
	return plain(s.err)
}

// stop ends the statement and waits until it has ended.
func (s *parquetSink) stop() {
	s.cancel()
	<-s.done
}

func (s *parquetSink) finish(ctx context.Context) error {
	close(s.blocks)
	select {
	case <-s.done:
	case <-ctx.Done():
		s.stop()
		return ctx.Err()
	}
	if s.err != nil {
		return s.failure()
	}
	if err := os.Chmod(s.file, 0o644); err != nil { // DuckDB may have made it anew
		return err
	}
	if err := atomicfile.Commit(s.file, s.path); err != nil {
		return err
	}
	s.file = ""
	return nil
}

func (s *parquetSink) discard() error {
	if s.done != nil {
		s.stop()
		s.done = nil
	}
	if s.db != nil {
		s.db.Close()
		s.db = nil
	}
	if s.release != nil {
		defer s.release()
		s.release = nil
	}
	if s.file == "" {
		return nil
	}
	err := os.RemoveAll(s.spill())
	if gone := os.Remove(s.file); !errors.Is(gone, fs.ErrNotExist) { // DuckDB removes what it did not finish
		err = errors.Join(err, gone)
	}
	s.file = ""
	return err
}
