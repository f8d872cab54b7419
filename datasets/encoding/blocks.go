package encoding

import (
	"context"
	"iter"
	"slices"

	"debut/datasets/table"
)

// Input says what of a source a model takes, besides its features.
type Input struct {
	// Keep are columns that are carried through as they are written, in this order, behind the id columns.
	Keep []string
	// AllowMissing has values of feature columns that the source lacks count as missing, unless it lacks them all.
	AllowMissing bool
}

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
// Without needTarget, a source without rows is a block of none.
//
// What a query sorts or joins, DuckDB keeps, on the disk where it must. Of files
// with vectors, the ids are in memory; of JSON files DuckDB looks through all
// rows first.
func (e *Encoder) Blocks(ctx context.Context, src table.Source, baseDir string, needTarget bool, in Input, rowsPerBlock int) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		options := e.ReadOptions(needTarget)
		for _, name := range in.Keep { // an id that is named has the place that it is named at
			if slices.Contains(e.ID, name) {
				delete(options.Types, name)
			}
		}
		options.Applied, options.Carried, options.Empty = true, in.Keep, !needTarget
		b := &blockEncoding{ctx: ctx, encoder: e, needTarget: needTarget, in: in, stage: e.stages()}
		for f, err := range table.Blocks(ctx, src, baseDir, options, rowsPerBlock) {
			var block Block
			found := false
			if err == nil {
				block, found, err = b.take(f)
			}
			if err != nil {
				yield(Block{}, err)
				return
			}
			if found && !yield(block, nil) {
				return
			}
		}
		if err := b.mistake(); err != nil {
			yield(Block{}, err)
		}
	}
}

// blockEncoding encodes the blocks of a source.
type blockEncoding struct {
	ctx        context.Context
	encoder    *Encoder
	needTarget bool
	in         Input

	rows   int // so far
	report EncodeReport
	weight float64

	// The first mistake, of the earliest stage. Rows are no longer encoded after
	// one, but for the stages before it.
	stage  int
	err    error
	labels labelTally
}

// labelTally counts missing labels.
type labelTally struct {
	missing, first int
	frame          *table.Frame
}

// take encodes rows. There is no block from the first mistake on, which is no
// error here: one of an earlier stage, or one in reading, may follow.
func (b *blockEncoding) take(f *table.Frame) (block Block, found bool, err error) {
	b.rows += f.Rows
	if b.err != nil {
		return Block{}, false, b.lookBefore(f)
	}
	e := b.encoder
	var absent []string
	switch {
	case f.Rows == 0 && len(f.Available) == 0: // an empty file of JSON lines, of which nobody knows what columns it would have
		f, _ = e.complete(f)
		for _, id := range e.ID {
			if !slices.Contains(b.in.Keep, id) {
				f.Columns = append(f.Columns, &table.Series{Name: id, Kind: table.Text})
			}
		}
	case b.in.AllowMissing:
		if completed, lacks := e.complete(f); len(lacks) < len(e.Columns) {
			f, absent = completed, lacks
		}
	}
	if err := e.CheckColumns(f, b.needTarget); err != nil {
		b.stage, b.err = -1, err
		return Block{}, false, nil
	}
	out, report, stage, err := e.encode(b.ctx, f, b.needTarget, e.stages())
	if err != nil {
		if b.ctx.Err() != nil {
			return Block{}, false, b.ctx.Err()
		}
		b.note(f, stage, err)
		return Block{}, false, nil
	}
	if b.weight == 0 {
		b.weight = sum(out.Weight)
	}
	for _, s := range f.Carried {
		out.Carry(s)
	}
	report.Absent = absent
	e.Merge(&b.report, report)
	return Block{Encoded: out, First: f.First, Report: b.report.clone()}, true, nil
}

// note notes a mistake of a stage before that of any known one.
func (b *blockEncoding) note(f *table.Frame, stage int, err error) {
	b.stage, b.err = stage, err
	if stage == b.encoder.labelStage() {
		b.labels = labelTally{frame: f}
		b.countLabels(f)
	}
}

func (b *blockEncoding) countLabels(f *table.Frame) {
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
func (b *blockEncoding) lookBefore(f *table.Frame) error {
	if b.stage < 0 {
		return nil
	}
	_, _, stage, err := b.encoder.encode(b.ctx, f, b.needTarget, b.stage)
	switch {
	case b.ctx.Err() != nil:
		return b.ctx.Err()
	case err != nil:
		b.note(f, stage, err)
	case b.stage == b.encoder.labelStage():
		b.countLabels(f)
	}
	return nil
}

// mistake returns what is wrong with the rows of the source as a whole.
func (b *blockEncoding) mistake() error {
	e := b.encoder
	switch {
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

// Merge adds the report of further rows to r.
func (e *Encoder) Merge(r *EncodeReport, more EncodeReport) {
	order := func(name string) int {
		return slices.IndexFunc(e.Columns, func(c ColumnEncoding) bool { return c.Name == name })
	}
	r.Rows += more.Rows
	r.Absent = more.Absent // the same in all blocks
	for _, m := range more.Missing {
		place(&r.Missing, MissingCount{Column: m.Column}, func(c MissingCount) int { return order(c.Column) }).Rows += m.Rows
	}
	for _, o := range more.Outside {
		none := o
		none.Rows = 0
		place(&r.Outside, none, func(c OutsideRange) int { return order(c.Column) }).add(o)
	}
	for _, u := range more.Unseen {
		have := place(&r.Unseen, UnseenValues{Column: u.Column}, func(c UnseenValues) int { return order(c.Column) })
		have.Rows += u.Rows
		for _, x := range u.Examples {
			if len(have.Examples) < unseenExamples && !slices.Contains(have.Examples, x) {
				have.Examples = append(have.Examples, x)
			}
		}
	}
}

// place returns the entry of a list, which is sorted by order, that is of the same order as first; first itself, where there is none yet.
func place[T any](list *[]T, first T, order func(T) int) *T {
	i, found := slices.BinarySearchFunc(*list, order(first), func(have T, want int) int { return order(have) - want })
	if !found {
		*list = slices.Insert(*list, i, first)
	}
	return &(*list)[i]
}

// clone returns a report that later ones do not change.
func (r *EncodeReport) clone() EncodeReport {
	out := EncodeReport{Rows: r.Rows, Unseen: slices.Clone(r.Unseen), Missing: slices.Clone(r.Missing), Outside: slices.Clone(r.Outside), Absent: r.Absent}
	for i := range out.Unseen {
		out.Unseen[i].Examples = slices.Clone(out.Unseen[i].Examples)
	}
	return out
}

// EncodeRows encodes rows in memory, without targets: what Blocks makes of a file of them. Columns that are carried through are the id
// columns. It is safe for concurrent use.
func (e *Encoder) EncodeRows(ctx context.Context, f *table.Frame, in Input) (Block, error) {
	var absent []string
	if in.AllowMissing {
		if completed, lacks := e.complete(f); len(lacks) < len(e.Columns) {
			f, absent = completed, lacks
		}
	}
	out, report, err := e.Encode(ctx, f, false)
	report.Absent = absent
	return Block{Encoded: out, Report: report}, err
}
