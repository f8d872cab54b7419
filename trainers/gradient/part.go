package gradient

import (
	"context"
	"fmt"
	"io"

	"debut/datasets"
	"debut/kernels"
	"debut/trainers/loop"
)

// Part is one part of the data: encoded in memory, or a stream.
type Part struct {
	memory *datasets.Encoded
	stream *datasets.Stream
}

// TrainPart is the part to train on.
func TrainPart(d *datasets.Dataset) Part { return Part{d.Train, d.Streams.Train} }

// ValidationPart is the part that decides.
func ValidationPart(d *datasets.Dataset) Part { return Part{d.Validation, d.Streams.Validation} }

// TestPart is the part that is measured once, in the end.
func TestPart(d *datasets.Dataset) Part { return Part{d.Test, d.Streams.Test} }

// Absent reports a part without rows.
func (p Part) Absent() bool { return p.memory == nil && p.stream == nil }

// InMemory returns the rows where all of them are in memory, else nil.
func (p Part) InMemory() *datasets.Encoded { return p.memory }

// Rows returns the number of rows, 0 of an absent part.
func (p Part) Rows() int {
	switch {
	case p.memory != nil:
		return p.memory.Rows
	case p.stream != nil:
		return p.stream.Rows()
	}
	return 0
}

// Blocks calls use with the rows of the part in their order, some at a time.
func (p Part) Blocks(ctx context.Context, use func(*datasets.Encoded) (more bool, err error)) error {
	if p.stream == nil {
		_, err := use(p.memory)
		return err
	}
	for g := range p.stream.Groups() {
		d, err := p.stream.Read(ctx, []int{g})
		if err != nil {
			return err
		}
		if more, err := use(d); err != nil || !more {
			return err
		}
	}
	return nil
}

// hash adds rows in memory to a hash.
func (p Part) hash(h io.Writer) {
	if p.memory == nil {
		return
	}
	for _, b := range [][]byte{kernels.Bytes(p.memory.Numeric), kernels.Bytes(p.memory.IDs), kernels.Bytes(p.memory.Target), kernels.Bytes(p.memory.Weight)} {
		_, _ = fmt.Fprintf(h, "%d bytes\n", len(b)) // a hash does not fail
		_, _ = h.Write(b)
	}
}

// hashStream adds what a stream is known by.
func (p Part) hashStream(h io.Writer) {
	if p.stream != nil {
		_, _ = fmt.Fprintf(h, "%d rows %s\n", p.stream.Rows(), p.stream.SHA256())
	}
}

// meanWeight is the mean weight of the rows, of a stream's first row group.
func (p Part) meanWeight(ctx context.Context, e *datasets.Encoder) (float64, error) {
	if p.stream == nil {
		return weightMean(p.memory.Weight), nil
	}
	if e.Weight == "" {
		return 1, nil
	}
	d, err := p.stream.Read(ctx, []int{0})
	if err != nil {
		return 0, err
	}
	return weightMean(d.Weight), nil
}

// source hands out the rows of batches.
type source struct {
	data    *datasets.Encoded
	windows *datasets.Windows
}

// rows calls gather with the rows of a batch, in pieces: rows of data, behind so many that are there.
func (s source) rows(ev loop.Event, gather func(d *datasets.Encoded, rows []int32, there int)) error {
	if s.windows != nil {
		return s.windows.Rows(ev.Epoch, ev.From, ev.N, gather)
	}
	gather(s.data, ev.Rows, 0)
	return nil
}

func (s source) close() {
	if s.windows != nil {
		s.windows.Close()
	}
}
