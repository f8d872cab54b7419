package datasets

import (
	"context"
	"fmt"
	"io"
	"iter"

	"debut/datasets/encoding"
	"debut/datasets/manifest"
)

// Part is one part of a run's data: the rows for training, validation or test.
// In memory it is one block; prepared data are streamed, a row group a block, and
// are never in memory as a whole. A nil Part has no rows.
type Part struct {
	memory *encoding.Encoded
	stream *stream
	report *encoding.EncodeReport
}

// InMemory makes a part of encoded rows.
func InMemory(e *encoding.Encoded) *Part { return &Part{memory: e} }

// Rows returns the number of rows.
func (p *Part) Rows() int {
	switch {
	case p == nil:
		return 0
	case p.stream != nil:
		return p.stream.rows()
	}
	return p.memory.Rows
}

// Report tells what the rows have that the training rows have not; nil where that is not known: of training rows, and of rows that are
// streamed before all have been read.
func (p *Part) Report() *encoding.EncodeReport {
	if p == nil {
		return nil
	}
	return p.report
}

// Streamed reports whether the rows are read while they are wanted.
func (p *Part) Streamed() bool { return p != nil && p.stream != nil }

// Encoded returns all rows of a part in memory, nil of one that is streamed.
func (p *Part) Encoded() *encoding.Encoded {
	if p == nil {
		return nil
	}
	return p.memory
}

// Together returns all rows in one block, which a part in memory is and one that is streamed is read into.
func (p *Part) Together(ctx context.Context) (*encoding.Encoded, error) {
	if !p.Streamed() {
		return p.Encoded(), nil
	}
	all := new(encoding.Encoded)
	for d, err := range p.Blocks(ctx) {
		if err != nil {
			return nil, err
		}
		if err := all.Append(d); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Blocks hands out the rows in their order, a block at a time. Blocks stay as they
// are. After an error there are no more.
func (p *Part) Blocks(ctx context.Context) iter.Seq2[*encoding.Encoded, error] {
	return func(yield func(*encoding.Encoded, error) bool) {
		switch {
		case p == nil:
		case p.stream == nil:
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			yield(p.memory, nil)
		default:
			report := new(encoding.EncodeReport)
			for g := range p.stream.groups() {
				block, news, err := p.stream.read(ctx, []int{g})
				if err == nil {
					p.stream.encoder.Merge(report, news)
				}
				if g == p.stream.groups()-1 && err == nil && p.stream.name != manifest.Train {
					p.report = report
				}
				if !yield(block, err) || err != nil {
					return
				}
			}
		}
	}
}

// Hash writes to w, most often a hash, what tells the content apart from any
// other: all rows as encoded, or, where they are streamed, the hash that the file
// was found to have.
func (p *Part) Hash(ctx context.Context, w io.Writer) error {
	switch {
	case p == nil:
		return nil
	case p.stream == nil:
		return p.memory.Hash(ctx, w)
	}
	_, err := fmt.Fprintf(w, "%d rows %s\n", p.stream.rows(), p.stream.sha256)
	return err
}

// Order says how the rows of a part follow one another in an epoch.
type Order struct {
	Shuffle bool
	Seed    uint64
	// Window is about how many rows of a streamed part are in memory, and
	// shuffled together: Config.ShuffleRows as resolved.
	Window int
}

// Batches hands out the rows of batches in the order of epochs. Its methods must
// not be called concurrently.
type Batches struct {
	memory  *encoding.Encoded
	windows *windows // nil for a part in memory
}

// Batches begins to hand out rows. It must be closed.
func (p *Part) Batches(o Order) *Batches {
	if p.Streamed() {
		return &Batches{windows: newWindows(p.stream, o.Window, o.Shuffle, o.Seed)}
	}
	return &Batches{memory: p.Encoded()}
}

// Rows hands n rows of an epoch's order from a position on to visit, in one or
// more pieces: data and the numbers of rows in it; done counts those handed out
// before. They are valid during the call. In memory, chosen are the rows that
// stand there in the caller's order; a streamed part has an order of its own,
// which is a function of Order and epoch, and chosen is not looked at.
func (b *Batches) Rows(ctx context.Context, epoch, from, n int, chosen []int32, visit func(data *encoding.Encoded, rows []int32, done int)) error {
	if b.windows != nil {
		return b.windows.take(ctx, epoch, from, n, visit)
	}
	if len(chosen) != n {
		return fmt.Errorf("datasets: %d rows chosen for a batch of %d", len(chosen), n)
	}
	visit(b.memory, chosen, 0)
	return nil
}

// Close ends what is being read.
func (b *Batches) Close() {
	if b.windows != nil {
		b.windows.close()
	}
}
