// Package tables trains embedding tables, of which a step touches few rows.
//
// A table is a parameter that no graph holds: a lookup copies rows out, and the gradient of a step is that of the
// rows copied. [Sparse] adds up the gradients of rows that were looked up several times – ids are sorted and segments
// summed in the order of their places, so that the bits depend on the batch alone – and updates the rows touched.
// The cost grows with the batch, never with the table.
//
// Optimizers with state are lazy: the state of a row moves when the row is touched, and momentum does not coast
// meanwhile. Adam corrects its bias by the number of steps of the run, as for dense parameters.
package tables

import (
	"fmt"

	"debut/kernels"
)

// Sparse binds the gradient of one lookup to its table.
type Sparse struct {
	reduce kernels.Kernel
	unique kernels.Matrix // Int32 [N, 1]: the rows touched
	sums   kernels.Matrix // [N, D]: their gradients
}

// NewSparse binds the reduction for ids (Int32 [R, F], negative ones ignored) and gradients ([R, F·D]) of lookups in
// a table of so many rows.
func NewSparse(dev kernels.Device, ids, grad kernels.Matrix, tableRows int) (*Sparse, error) {
	n := min(ids.Rows*ids.Cols, tableRows)
	dim := grad.Cols / max(ids.Cols, 1)
	count, err := dev.NewRowCount(n)
	if err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}
	ub, err := dev.Alloc(kernels.Int32, n, "gradients")
	if err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}
	sb, err := dev.Alloc(grad.Buf.Dtype(), n*dim, "gradients")
	if err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}
	s := &Sparse{unique: kernels.NewMatrix(ub, n, 1), sums: kernels.NewMatrix(sb, n, dim)}
	s.unique.Count, s.sums.Count = count, count
	f, err := kernels.Family[kernels.Embedding](dev)
	if err != nil {
		return nil, err
	}
	s.reduce, err = f.SegmentReduce(kernels.SegmentReduceArgs{IDs: ids, Grad: grad, Unique: s.unique, Sums: s.sums, Limit: tableRows})
	if err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}
	return s, nil
}

// Reduce returns the kernel that sums gradients by row. It runs before clipping and the update.
func (s *Sparse) Reduce() kernels.Kernel { return s.reduce }

// Gradient returns the summed gradients of the rows touched, [N, D] with a count.
func (s *Sparse) Gradient() kernels.Matrix { return s.sums }

// Rows returns the rows touched, Int32 [N, 1] with the same count, ascending.
func (s *Sparse) Rows() kernels.Matrix { return s.unique }
