package engine

import (
	"fmt"

	"debut/kernels"
)

// Program is a compiled graph: a list of bound kernels. It is used by one goroutine at a time.
type Program struct {
	dev     kernels.Device
	dtype   kernels.Dtype
	batch   int
	valid   int // rows of the batch, as set last
	rows    kernels.RowCount
	step    kernels.Buffer
	inputs  map[string]kernels.Matrix
	ids     map[string]kernels.Matrix
	outputs map[*Node]kernels.Matrix
	kernels []kernels.Kernel
	steps   []step
	exec    kernels.Executable
	exact   bool
	stats   Stats

	stepWords [2]uint32 // what SetStep uploads: here, so that a step allocates nothing
}

// step describes the kernels from lo to hi−1 for people.
type step struct {
	name, detail string
	layer        string // of the nearest parameter used, here or before
	outs         []kernels.Matrix
	lo, hi       int
}

// Stats tells what compiling did.
type Stats struct {
	Nodes         int   // nodes of the graph
	Dead          int   // of them, dropped because no output needs them
	Fused         int   // operations that became part of another
	Slots         int   // buffers shared by intermediate values
	Bytes         int64 // their size
	BytesUnshared int64 // their size if no two values shared one
}

// Stats returns what compiling did.
func (p *Program) Stats() Stats { return p.stats }

// Kernels returns the program's kernels in order.
func (p *Program) Kernels() []kernels.Kernel { return p.kernels }

func (p *Program) prepare() error {
	exec, err := p.dev.Prepare(p.kernels)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	p.exec = exec
	return nil
}

// SetRows sets how many rows of the batch are valid: 1 … the graph's batch.
func (p *Program) SetRows(n int) error {
	if n < 1 || n > p.batch {
		return fmt.Errorf("engine: %d rows in a program for 1 … %d: %w", n, p.batch, kernels.ErrShape)
	}
	if p.exact && n != p.batch {
		return fmt.Errorf("engine: %d rows, but an operation without a kernel runs on full batches of %d only: %w", n, p.batch, kernels.ErrUnsupported)
	}
	p.valid = n
	return p.rows.Set(n)
}

// SetStep sets the number of the step, which dropout masks depend on.
func (p *Program) SetStep(n uint64) error {
	p.stepWords = [2]uint32{uint32(n), uint32(n >> 32)}
	return kernels.Upload(p.dev, p.step, 0, p.stepWords[:])
}

// Feed uploads the values of an input, row-major: as many as the valid rows have, or for a fixed input all. Feeding
// an input of the graph that the outputs do not need does nothing.
func Feed[T float32 | float64](p *Program, name string, values []T) error {
	m, ok := p.inputs[name]
	if !ok {
		return nil
	}
	if err := p.checkFeed(name, m, len(values)); err != nil {
		return err
	}
	if m.Buf.Dtype() == kernels.DtypeOf[T]() {
		return kernels.Upload(p.dev, m.Buf, m.Offset, values)
	}
	wide := make([]float64, len(values)) // a float64 program, or float64 data: checks only
	for i, v := range values {
		wide[i] = float64(v)
	}
	return writeFloats(p.dev, m.Buf, m.Offset, wide)
}

// FeedIDs uploads the ids of a lookup, row-major [rows, fields].
func (p *Program) FeedIDs(name string, ids []int32) error {
	m, ok := p.ids[name]
	if !ok {
		return nil
	}
	if err := p.checkFeed(name, m, len(ids)); err != nil {
		return err
	}
	return kernels.Upload(p.dev, m.Buf, m.Offset, ids)
}

func (p *Program) checkFeed(name string, m kernels.Matrix, got int) error {
	rows := m.Rows
	if m.Count != nil {
		n, err := m.Count.Get()
		if err != nil {
			return err
		}
		rows = n
	}
	if got != rows*m.Cols {
		return fmt.Errorf("engine: input %q takes %d×%d values, got %d: %w", name, rows, m.Cols, got, kernels.ErrShape)
	}
	return nil
}

// Run runs the program once.
func (p *Program) Run() error { return p.exec.Run() }

// Output returns the matrix of an output, valid after a run until the next one.
func (p *Program) Output(n *Node) (kernels.Matrix, error) {
	m, ok := p.outputs[n]
	if !ok {
		return kernels.Matrix{}, fmt.Errorf("engine: node %v is no output of the program", n)
	}
	return m, nil
}

// Read copies the valid rows of an output to dst, row-major, and returns how many values there are. dst must have
// the program's element type and room for them.
func Read[T float32 | float64](p *Program, n *Node, dst []T) (int, error) {
	m, err := p.Output(n)
	if err != nil {
		return 0, err
	}
	rows := m.Rows
	if m.Count != nil {
		if rows, err = m.Count.Get(); err != nil {
			return 0, err
		}
	}
	if len(dst) < rows*m.Cols {
		return 0, fmt.Errorf("engine: an output of %d×%d into room for %d: %w", rows, m.Cols, len(dst), kernels.ErrShape)
	}
	if m.Dense() {
		return rows * m.Cols, kernels.Download(p.dev, dst[:rows*m.Cols], m.Buf, m.Offset)
	}
	for r := range rows {
		if err := kernels.Download(p.dev, dst[r*m.Cols:(r+1)*m.Cols], m.Buf, m.Offset+r*m.Stride); err != nil {
			return 0, err
		}
	}
	return rows * m.Cols, nil
}
