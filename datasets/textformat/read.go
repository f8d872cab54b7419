package textformat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Missing values of a Batch; a missing rating is NaN.
const (
	NoQuery = -1
	NoTime  = math.MinInt64
)

// Batch is a part of the rows, column by column. Which columns have values is a
// matter of the format; the others are empty. Its memory is used again for the
// next batch.
type Batch struct {
	Rows int

	// Of sparse rows: the label and the query of each row, NoQuery where it has
	// none, and the entries of row i, from Offsets[i] to Offsets[i+1]. Fields are
	// those of libffm.
	Labels  []float64
	Queries []int64
	Offsets []int32
	Fields  []int32
	Indexes []int32
	Values  []float64

	// Of logs and adjacency lists, whose rows are pairs: Ratings are the weights
	// of the latter. Times are integers as in the file or, where TextTimes,
	// microseconds since 1970.
	Users, Items Texts
	Ratings      []float64
	Times        []int64
	TextTimes    bool

	entries entries // for sorting those of a row
}

// Texts are texts, one after another in Bytes: text i from Offsets[i] to
// Offsets[i+1].
type Texts struct {
	Offsets []int32
	Bytes   []byte
}

// At returns text i. It is valid as long as the batch.
func (t *Texts) At(i int) []byte { return t.Bytes[t.Offsets[i]:t.Offsets[i+1]] }

func (t *Texts) add(b []byte) {
	t.Bytes = append(t.Bytes, b...)
	t.Offsets = append(t.Offsets, int32(len(t.Bytes)))
}

func (t *Texts) reset() {
	t.Bytes = t.Bytes[:0]
	t.Offsets = append(t.Offsets[:0], 0)
}

// The sizes beyond which a batch is handed on. Longer is only a batch whose
// last line is: of adjacency lists, only one whose last pair is.
const (
	batchRows    = 1 << 13
	batchEntries = 1 << 18
	batchBytes   = 1 << 20
)

func (b *Batch) full() bool {
	return b.Rows >= batchRows || len(b.Indexes) >= batchEntries || len(b.Users.Bytes)+len(b.Items.Bytes) >= batchBytes
}

func (b *Batch) reset() {
	b.Rows = 0
	b.Labels, b.Queries = b.Labels[:0], b.Queries[:0]
	b.Offsets = append(b.Offsets[:0], 0)
	b.Fields, b.Indexes, b.Values = b.Fields[:0], b.Indexes[:0], b.Values[:0]
	b.Users.reset()
	b.Items.reset()
	b.Ratings, b.Times = b.Ratings[:0], b.Times[:0]
}

// undo takes back the entries of a row that was not ended.
func (b *Batch) undo() {
	n := b.Offsets[len(b.Offsets)-1]
	b.Indexes, b.Values = b.Indexes[:n], b.Values[:n]
	if len(b.Fields) > 0 {
		b.Fields = b.Fields[:n]
	}
}

// Sink receives the rows in their order. Its error ends the reading.
type Sink func(*Batch) error

// Result says what was read.
type Result struct {
	Rows     int64 // handed on; pairs of adjacency lists
	Lines    int64 // read, with those that are no rows
	Rejected int64 // malformed rows
	First    []Reject
	// Delimiter is what separates the fields of logs and adjacency lists, " " for
	// runs of blanks and tabs.
	Delimiter string
	// Weighted says that adjacency lists have weights.
	Weighted bool
	// Columns are the names of user, item, rating (or weight) and time in this
	// order, "" for those that logs and adjacency lists do not have.
	Columns [4]string
}

// parser is a format.
type parser interface {
	// start sees the first lines that are not blank of each file.
	start(first [][]byte) error
	// header says whether the first line of a file is no row.
	header(line []byte) bool
	// row appends a line that is not blank to the batch or says what is wrong with
	// it. It may flush the batch, whose error it returns.
	row(b *Batch, line []byte, flush func() error) (problem string, err error)
}

// reader is the state of one Read.
type reader struct {
	ctx   context.Context
	o     Options
	parse parser
	sink  Sink
	batch Batch
	res   Result
	lines lines
}

func newReader(ctx context.Context, o Options, sink Sink) (*reader, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	r := &reader{ctx: ctx, o: o, sink: sink}
	r.batch.reset()
	var err error
	switch o.Format {
	case "log":
		r.parse, err = newLog(&r.o, &r.res)
	case "adjacency":
		r.parse, err = newAdjacency(&r.o, &r.res)
	default:
		r.parse = &sparse{fields: o.Format == "libffm", base: o.Base}
	}
	return r, err
}

// Read reads files one after another, as one table, and hands their rows to
// sink. The Result is what was read until an error, too. An error names the
// file and, where there is one, the line; one of too many malformed rows is, or
// wraps, a *RejectError, one of the context is wrapped.
func Read(ctx context.Context, paths []string, o Options, sink Sink) (Result, error) {
	r, err := newReader(ctx, o, sink)
	if err != nil {
		return Result{}, fmt.Errorf("read %s: %w", o.Format, err)
	}
	for _, path := range paths {
		if err := r.file(path); err != nil {
			return r.res, err
		}
	}
	return r.res, r.flush()
}

func (r *reader) file(path string) error {
	in, err := open(path)
	if err != nil {
		return err
	}
	return errors.Join(r.stream(path, in), in.Close())
}

// stream reads the text of a file.
func (r *reader) stream(path string, in io.Reader) error {
	l := &r.lines
	l.reset(r.ctx, in, r.o.MaxLine)
	first, err := l.start()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(first) > 0 {
		if err := r.parse.start(first); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	flush := r.flush // once: a method's value is an allocation
	for header := true; ; {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, l.line, err)
		}
		r.res.Lines++
		if len(trim(line)) == 0 {
			continue
		}
		if header {
			if header = false; r.parse.header(line) {
				continue
			}
		}
		problem, err := r.parse.row(&r.batch, line, flush)
		if err != nil {
			return err
		}
		if problem != "" {
			r.batch.undo()
			if err := r.reject(Reject{path, l.line, problem, line}); err != nil {
				return err
			}
		}
		if r.batch.full() {
			if err := r.flush(); err != nil {
				return err
			}
		}
	}
}

func (r *reader) reject(row Reject) error {
	r.res.Rejected++
	if len(r.res.First) < firstRejects {
		kept := row
		kept.Text = nil
		r.res.First = append(r.res.First, kept)
	}
	if r.res.Rejected > r.o.MaxRejects {
		return &RejectError{First: slices.Clone(r.res.First), Limit: r.o.MaxRejects}
	}
	if r.o.Rejects == nil {
		return nil
	}
	if err := r.o.Rejects(row); err != nil {
		return fmt.Errorf("%s:%d: keep the malformed row aside: %w", row.File, row.Line, err)
	}
	return nil
}

// flush hands the batch on.
func (r *reader) flush() error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.batch.Rows == 0 {
		return nil
	}
	err := r.sink(&r.batch)
	r.res.Rows += int64(r.batch.Rows)
	r.batch.reset()
	return err
}
