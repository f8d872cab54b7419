package datasets

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"debut/datasets/ahead"
	"debut/datasets/duck"
)

// Block is a run of consecutive rows of a source, encoded. It has memory of its own,
// and may be kept.
type Block struct {
	*Encoded
	First  int          // number of its first row in the source, from 0
	Report EncodeReport // of this block and all before it
}

// Blocks reads a source and encodes it, at most rowsPerBlock rows at a time: what
// Read and Encode would make of it, and the same errors, in memory for one block.
// Where there are several mistakes the error is that of the whole source, and is
// known at its end; blocks before the first mistake have been handed out by then.
// After an error there are no more.
//
// What a query sorts or joins, DuckDB keeps, on the disk where it must. Of files
// with vectors, the ids are in memory; of JSON files DuckDB looks through all
// rows first.
func (e *Encoder) Blocks(ctx context.Context, src Source, baseDir string, needTarget bool, rowsPerBlock int) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		b := &blockReading{ctx: ctx, encoder: e, needTarget: needTarget, most: max(1, rowsPerBlock), yield: yield, stage: e.stages()}
		err := b.read(&src, baseDir)
		if err != nil && !errors.Is(err, errEnough) {
			yield(Block{}, err)
		}
	}
}

// errEnough ends a reading that nobody listens to any more.
var errEnough = errors.New("datasets: enough blocks")

// blockReading is one reading of a source in blocks.
type blockReading struct {
	ctx        context.Context
	encoder    *Encoder
	needTarget bool
	most       int
	yield      func(Block, error) bool

	rel     *relation
	chosen  *selection
	joins   []*blockJoin
	readers []blockReader // of chosen.reading, and then of keys
	keys    []int         // by join: its reader
	guesses map[int]*convertedReader

	rows    int // cut so far, in this pass
	pending int // since
	done    int // handed out, in all passes
	report  EncodeReport
	weight  float64

	// The first mistake, of the earliest stage. Rows are no longer encoded after
	// one, but for the stages before it.
	failed bool // a column cannot be read
	join   int  // of the vectors with the first mistake
	stage  int  // of encoding
	err    error
	labels labelTally
}

// labelTally counts missing labels.
type labelTally struct {
	missing, first int
	frame          *Frame
}

func (b *blockReading) read(src *Source, baseDir string) error {
	options := b.encoder.readOptions(b.needTarget)
	options.applied = true
	db, rel, _, err := openSource(b.ctx, src, baseDir, options)
	if err != nil {
		return err
	}
	defer db.Close()
	b.rel = rel
	if b.chosen, err = rel.choose(options.types); err != nil {
		return err
	}
	defer b.closeJoins()
	b.openJoins()
	// Keys of vectors are read as they are written, not as numbers.
	guessable := slices.DeleteFunc(slices.Clone(b.chosen.reading), func(i int) bool {
		return slices.ContainsFunc(b.chosen.joins, func(j vectorJoin) bool { return j.on == i })
	})
	if b.guesses, err = rel.guess(b.ctx, db, guessable, b.chosen.types); err != nil {
		return err
	}
	if len(b.guesses) > 0 {
		err := b.pass(db, rel.guessed(b.guesses))
		if err == nil || b.ctx.Err() != nil || errors.Is(err, errEnough) {
			return b.conclude(err)
		}
		// A guess was wrong. What has been handed out stands; the rest, and the
		// mistakes in all of it, come without guesses.
		b.guesses, b.rows, b.pending, b.failed = nil, 0, 0, false
		b.join, b.stage, b.err, b.labels = len(b.joins), b.encoder.stages(), nil, labelTally{}
		for _, j := range b.joins {
			j.reset()
		}
	}
	return b.conclude(b.pass(db, rel))
}

// errGuess is a guess that turned out wrong.
var errGuess = errors.New("datasets: a column is not what its first values are")

// pass reads all rows once.
func (b *blockReading) pass(db *duck.DB, rel *relation) error {
	b.readers, b.keys = nil, nil
	var items []string
	add := func(i int, declared string) {
		if g := b.guesses[i]; g != nil {
			b.readers, items = append(b.readers, g), append(items, duck.Name(rel.columns[i].Name))
			return
		}
		r, sql := rel.newReader(i, declared)
		reader, _ := r.(blockReader) // all readers of tables are
		b.readers, items = append(b.readers, reader), append(items, sql)
	}
	needed := b.encoder.needed(b.needTarget)
	for _, i := range b.chosen.reading {
		add(i, b.chosen.types[i])
		isKey := slices.ContainsFunc(b.chosen.joins, func(j vectorJoin) bool { return j.on == i })
		if t, ok := b.readers[len(b.readers)-1].(*textReader); ok && !isKey && !slices.Contains(needed, rel.names[i]) {
			t.carried = true
		}
	}
	for _, j := range b.chosen.joins {
		at := slices.Index(b.chosen.reading, j.on)
		if t := b.chosen.types[j.on]; t != TypeCategorical && t != TypeText {
			at = len(b.readers)
			add(j.on, TypeCategorical)
		}
		b.keys = append(b.keys, at)
	}
	err := db.Stream(b.ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+rel.sql, func(c *duck.Chunk) error {
		if b.pending > 0 && b.pending+c.Rows > b.most {
			if err := b.flush(); err != nil {
				return err
			}
		}
		for k, r := range b.readers {
			r.read(c, k)
		}
		if b.pending += c.Rows; b.pending >= b.most {
			return b.flush()
		}
		return nil
	})
	if err == nil && b.pending > 0 {
		err = b.flush()
	}
	var q *duck.Error
	if errors.As(err, &q) {
		if b.guesses != nil {
			return errGuess
		}
		return b.rel.unreadable(b.ctx, err)
	}
	if err != nil {
		return err
	}
	for _, r := range b.readers {
		if _, err := ahead.Await(b.ctx, func() (struct{}, error) { return struct{}{}, r.end(rel.origin) }); err != nil {
			return err
		}
	}
	return nil
}

// conclude returns what is wrong with the source as a whole, where err, which is
// about reading it, does not say so.
func (b *blockReading) conclude(err error) error {
	if b.ctx.Err() != nil && !errors.Is(err, errEnough) {
		return b.ctx.Err()
	}
	e := b.encoder
	switch {
	case err != nil:
		return err
	case b.rows == 0:
		return b.rel.noRows()
	case b.join < len(b.joins):
		return b.joins[b.join].err(b.rel)
	case b.err != nil && b.stage == e.labelStage():
		l := b.labels
		return missingLabels(l.frame, e.Target.Name, l.first, l.missing, b.rows)
	case b.err != nil:
		return b.err
	case b.needTarget && e.Weight != "" && b.weight == 0:
		return noWeight(e.Weight)
	}
	return nil
}

// flush takes the rows read since the last time.
func (b *blockReading) flush() error {
	f := &Frame{Rows: b.pending, origin: b.rel.origin, available: b.rel.available(), first: b.rows}
	series := make([]*Series, len(b.readers))
	for k, r := range b.readers {
		if series[k] = r.cut(b.rel.origin); series[k] == nil {
			if g, ok := r.(*convertedReader); ok && g.wrong {
				return errGuess
			}
			b.failed = true
		}
	}
	b.rows += b.pending
	b.pending = 0
	if b.failed {
		return nil
	}
	for k := range b.chosen.wanted {
		f.Columns = append(f.Columns, series[k])
	}
	for k, j := range b.joins {
		if k > b.join { // of no consequence
			return nil
		}
		s, err := j.block(b.ctx, b.rel, series[b.keys[k]], f.first)
		if err != nil {
			return err
		}
		if s == nil {
			b.join = min(b.join, k)
			continue
		}
		f.Columns = append(f.Columns, s)
	}
	if b.join < len(b.joins) {
		return nil
	}
	if b.err != nil {
		return b.lookBefore(f)
	}
	for from := max(0, b.done-f.first); from < f.Rows; from += b.most {
		if err := b.hand(f.sliced(from, min(f.Rows, from+b.most))); err != nil {
			return err
		}
		if b.err != nil {
			if rest := from + b.most; rest < f.Rows {
				return b.lookBefore(f.sliced(rest, f.Rows))
			}
			return nil
		}
	}
	return nil
}

// hand encodes rows and hands them out.
func (b *blockReading) hand(f *Frame) error {
	e := b.encoder
	if err := e.checkColumns(f, b.needTarget); err != nil {
		b.stage, b.err = -1, err
		return nil
	}
	out, report, stage, err := e.encode(b.ctx, f, b.needTarget, e.stages())
	if err != nil {
		if b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		b.mistake(f, stage, err)
		return nil
	}
	if b.weight == 0 {
		b.weight = sum(out.Weight)
	}
	b.done = f.first + f.Rows
	e.merge(&b.report, report)
	if !b.yield(Block{Encoded: out, First: f.first, Report: b.report.clone()}, nil) {
		return errEnough
	}
	return nil
}

// mistake notes a mistake of a stage before that of any known one.
func (b *blockReading) mistake(f *Frame, stage int, err error) {
	b.stage, b.err = stage, err
	if stage == b.encoder.labelStage() {
		b.labels = labelTally{frame: f}
		b.countLabels(f)
	}
}

func (b *blockReading) countLabels(f *Frame) {
	s := f.Column(b.encoder.Target.Name)
	for i := range s.Len() {
		if s.Missing(i) {
			if b.labels.missing == 0 {
				b.labels.first = i
			}
			b.labels.missing++
		}
	}
}

// lookBefore looks for mistakes of earlier stages than the known one.
func (b *blockReading) lookBefore(f *Frame) error {
	if b.stage < 0 {
		return nil
	}
	_, _, stage, err := b.encoder.encode(b.ctx, f, b.needTarget, b.stage)
	switch {
	case b.ctx.Err() != nil:
		return b.ctx.Err()
	case err != nil:
		b.mistake(f, stage, err)
	case b.stage == b.encoder.labelStage():
		b.countLabels(f)
	}
	return nil
}

// merge adds the report of further rows to r.
func (e *Encoder) merge(r *EncodeReport, more EncodeReport) {
	order := func(name string) int {
		return slices.IndexFunc(e.Columns, func(c ColumnEncoding) bool { return c.Name == name })
	}
	r.Rows += more.Rows
	for _, m := range more.Missing {
		i := slices.IndexFunc(r.Missing, func(have MissingCount) bool { return have.Column == m.Column })
		if i < 0 {
			at := slices.IndexFunc(r.Missing, func(have MissingCount) bool { return order(have.Column) > order(m.Column) })
			if at < 0 {
				at = len(r.Missing)
			}
			r.Missing = slices.Insert(r.Missing, at, m)
			continue
		}
		r.Missing[i].Rows += m.Rows
	}
	for _, u := range more.Unseen {
		i := slices.IndexFunc(r.Unseen, func(have UnseenValues) bool { return have.Column == u.Column })
		if i < 0 {
			at := slices.IndexFunc(r.Unseen, func(have UnseenValues) bool { return order(have.Column) > order(u.Column) })
			if at < 0 {
				at = len(r.Unseen)
			}
			u.Examples = slices.Clone(u.Examples)
			r.Unseen = slices.Insert(r.Unseen, at, u)
			continue
		}
		have := &r.Unseen[i]
		have.Rows += u.Rows
		for _, x := range u.Examples {
			if len(have.Examples) < unseenExamples && !slices.Contains(have.Examples, x) {
				have.Examples = append(have.Examples, x)
			}
		}
	}
}

// clone returns a report that later ones do not change.
func (r *EncodeReport) clone() EncodeReport {
	out := EncodeReport{Rows: r.Rows, Unseen: slices.Clone(r.Unseen), Missing: slices.Clone(r.Missing)}
	for i := range out.Unseen {
		out.Unseen[i].Examples = slices.Clone(out.Unseen[i].Examples)
	}
	return out
}
