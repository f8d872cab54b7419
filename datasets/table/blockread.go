package table

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"debut/datasets/ahead"
	"debut/datasets/duck"
)

// Blocks reads a source, at most rowsPerBlock rows at a time and each row once,
// in order, as ReadWith does at once: with the types that options declare, the
// same values, and the same errors, in memory for one block. Where there are
// several mistakes the error is that of the whole source, and is known at its end;
// rows before the first mistake have been handed out by then. After an error there
// are no more.
func Blocks(ctx context.Context, src Source, baseDir string, options ReadOptions, rowsPerBlock int) iter.Seq2[*Frame, error] {
	return func(yield func(*Frame, error) bool) {
		b := &blockReading{ctx: ctx, options: options, most: max(1, rowsPerBlock), yield: yield}
		err := b.read(&src, baseDir)
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

// errEnough ends a reading that nobody listens to any more.
var errEnough = errors.New("table: enough blocks")

// blockReading is one reading of a source in blocks.
type blockReading struct {
	ctx     context.Context
	options ReadOptions
	most    int
	yield   func(*Frame, error) bool

	rel     *relation
	chosen  *selection
	joins   []*blockJoin
	readers []blockReader // of chosen.reading, and then of keys
	keys    []int         // by join: its reader
	carried []int         // columns that are carried through; their readers are the last
	plan    *plan

	rows    int // cut so far, in this pass
	pending int // since
	done    int // handed out, in all passes

	failed bool // a column cannot be read
	join   int  // the first of the vectors with a mistake
}

func (b *blockReading) read(src *Source, baseDir string) (err error) {
	db, rel, files, err := openSource(b.ctx, src, baseDir, b.options)
	if err != nil {
		return err
	}
	defer db.Close()
	// Rows that were handed out before are no use without the end of them all.
	defer func() {
		if !errors.Is(err, errEnough) {
			err = files.Checked(err)
		}
	}()
	b.rel = rel
	faults, err := rel.castDeclared(b.ctx, db)
	if err == nil {
		err = rel.firstFault(faults)
	}
	if err != nil {
		return err
	}
	if b.options.Empty {
		nothing, err := rel.nothing(b.ctx, db)
		if err != nil {
			return err
		}
		if nothing {
			f := &Frame{origin: rel.origin}
			for _, name := range b.options.Carried {
				f.Carried = append(f.Carried, &Series{Name: name, Kind: Text})
			}
			b.yield(f, nil)
			return nil
		}
	}
	if b.chosen, err = rel.choose(b.options.Types); err != nil {
		return err
	}
	if b.carried, err = rel.carriedColumns(b.options.Carried); err != nil {
		return err
	}
	defer b.closeJoins()
	b.openJoins()
	if b.plan, err = rel.guess(b.ctx, db, b.chosen); err != nil {
		return err
	}
	err = b.pass(db)
	for errors.Is(err, errGuess) {
		// What has been handed out stands; the rest, and the mistakes in all of it,
		// come by another plan.
		if b.plan, err = rel.revise(b.ctx, db, b.chosen, b.plan); err != nil {
			return err
		}
		b.rows, b.pending, b.failed, b.join = 0, 0, false, len(b.joins)
		for _, j := range b.joins {
			j.reset()
		}
		err = b.pass(db)
	}
	return b.conclude(err)
}

// pass reads all rows once.
func (b *blockReading) pass(db *duck.DB) error {
	rel := b.rel
	b.readers, b.keys = nil, nil
	var items []string
	var failed error
	add := func(i int, declared string) {
		r, sql, err := rel.newReader(db, i, declared, b.plan)
		failed = cmp.Or(failed, err)
		reader, _ := r.(blockReader) // all readers of tables are
		b.readers, items = append(b.readers, reader), append(items, sql)
	}
	for _, i := range b.chosen.reading {
		add(i, b.chosen.types[i])
		isKey := slices.ContainsFunc(b.chosen.joins, func(j vectorJoin) bool { return j.on == i })
		if t, ok := b.readers[len(b.readers)-1].(*textReader); ok && !isKey && !slices.Contains(b.options.Needed, rel.names[i]) {
			t.carried = true
		}
	}
	for _, j := range b.chosen.joins {
		at := slices.Index(b.chosen.reading, j.on)
		if t := b.chosen.types[j.on]; !isTexts(t) {
			at = len(b.readers)
			add(j.on, TypeCategorical)
		}
		b.keys = append(b.keys, at)
	}
	for _, i := range b.carried {
		r, sql := rel.carriedReader(i)
		reader, _ := r.(blockReader) // all readers of tables are
		b.readers, items = append(b.readers, reader), append(items, sql)
	}
	if failed != nil {
		return failed
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
	if err == nil && (b.pending > 0 || b.rows == 0 && b.options.Empty && rel.whole()) {
		err = b.flush()
	}
	var q *duck.Error
	if errors.As(err, &q) {
		if (b.plan.native || b.plan.guessed) && b.ctx.Err() == nil {
			return errGuess
		}
		return b.rel.unreadable(b.ctx, err)
	}
	if err != nil {
		return err
	}
	faults := map[int]*ValueError{}
	for k, r := range b.readers {
		_, err := ahead.Await(b.ctx, func() (struct{}, error) { return struct{}{}, r.end(rel.origin) })
		var bad *ValueError
		switch {
		case k < len(b.chosen.reading) && errors.As(err, &bad):
			faults[b.chosen.reading[k]] = bad
		case err != nil:
			return err
		}
	}
	return rel.firstFault(faults)
}

// conclude returns what is wrong with the source as a whole, where err, which is
// about reading it, does not say so.
func (b *blockReading) conclude(err error) error {
	if b.ctx.Err() != nil && !errors.Is(err, errEnough) {
		return b.ctx.Err()
	}
	switch {
	case err != nil:
		return err
	case b.rows == 0 && (!b.options.Empty || !b.rel.whole()):
		return b.rel.noRows()
	case b.join < len(b.joins):
		return b.joins[b.join].err()
	}
	return nil
}

// flush takes the rows read since the last time.
func (b *blockReading) flush() error {
	f := &Frame{Rows: b.pending, origin: b.rel.origin, Available: b.rel.available(), First: b.rows}
	series := make([]*Series, len(b.readers))
	for k, r := range b.readers {
		if series[k] = r.cut(b.rel.origin); series[k] == nil {
			if g, ok := r.(*convertedReader); b.plan.guessed || ok && g.wrong {
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
		s, err := j.block(b.ctx, b.rel, series[b.keys[k]], f.First)
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
	first := len(b.readers) - len(b.carried)
	f.Carried = series[first:]
	if f.Rows == 0 && !b.yield(f, nil) { // else there is no part
		return errEnough
	}
	for from := max(0, b.done-f.First); from < f.Rows; from += b.most {
		part := f.sliced(from, min(f.Rows, from+b.most))
		b.done = part.First + part.Rows
		if !b.yield(part, nil) {
			return errEnough
		}
	}
	return nil
}
