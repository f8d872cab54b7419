// Package tables trains embedding tables, of which a step touches few rows.
//
// A table is a parameter that no graph holds: a lookup copies rows out, and the gradient of a step is that of the
// rows copied. A [Plan] sorts the ids of a step, which takes nothing but the ids: it comes ahead of the step, and tables that are looked up
// by the same ids share it. With it the gradients of rows that were looked up several times are added up, segments of the sorted
// places in their order, so that the bits depend on the batch alone, and the rows touched are updated.
// The cost grows with the batch, never with the table.
//
// Optimizers with state are lazy: the state of a row moves when the row is touched, and momentum does not coast
// meanwhile. Adam corrects its bias by the number of steps of the run, as for dense parameters.
package tables

import (
	"fmt"

	"debut/kernels"
)

// purpose is the account of what a plan and its sums take.
const purpose = "gradients"

// Plan is the order of a step's ids.
type Plan struct {
	dev      kernels.Device
	family   kernels.Embedding
	kernel   kernels.Kernel
	count    kernels.RowCount
	segments kernels.Segments
}

// NewPlan binds the order of ids (Int32 [R, F], negative ones ignored) of lookups in tables of so many rows.
func NewPlan(dev kernels.Device, ids kernels.Matrix, tableRows int) (*Plan, error) {
	f, err := kernels.Family[kernels.Embedding](dev)
	if err != nil {
		return nil, err
	}
	p := &Plan{dev: dev, family: f}
	places := ids.Rows * ids.Cols
	touched := min(places, tableRows)
	if p.count, err = dev.NewRowCount(touched); err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}
	for _, l := range []struct {
		list *kernels.Matrix
		n    int
	}{{&p.segments.Unique, touched}, {&p.segments.Starts, touched + 1}, {&p.segments.Places, places}, {&p.segments.Number, places}} {
		buf, err := dev.Alloc(kernels.Int32, l.n, purpose)
		if err != nil {
			return nil, fmt.Errorf("tables: %w", err)
		}
		*l.list = kernels.NewMatrix(buf, l.n, 1)
	}
	p.segments.Unique.Count = p.count
	if p.kernel, err = f.SegmentPlan(kernels.SegmentPlanArgs{IDs: ids, Segments: p.segments, Limit: tableRows}); err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}
	return p, nil
}

// Size returns how many Int32 and, for the sums of each table of so many columns, floats are allocated for so many ids.
func Size(places, tableRows, cols int) (ints, floats int) {
	touched := min(places, tableRows)
	return 2*touched + 1 + 2*places, touched * cols
}

// Kernel returns the kernel that orders the ids. It takes nothing but them.
func (p *Plan) Kernel() kernels.Kernel { return p.kernel }

// Rows returns the rows touched, Int32 [N, 1] with a count, ascending.
func (p *Plan) Rows() kernels.Matrix { return p.segments.Unique }

// Starts tells how often rows occur, Int32 [N+1, 1]: row i of Rows so often as element i+1 is more than element i.
func (p *Plan) Starts() kernels.Matrix { return p.segments.Starts }

// Sum binds the sums by row of gradients [R, F·D], and returns them, [N, D] with the count of Rows. With weights [R, F] gradients are [R, D]: the
// places of a row share it, each times its weight.
func (p *Plan) Sum(grad, weights kernels.Matrix) (kernels.Kernel, kernels.Matrix, error) {
	n, cols := p.segments.Unique.Rows, grad.Cols
	if !weights.Present() {
		cols = grad.Rows * grad.Cols / max(p.segments.Places.Rows, 1)
	}
	buf, err := p.dev.Alloc(grad.Buf.Dtype(), n*cols, purpose)
	if err != nil {
		return nil, kernels.Matrix{}, fmt.Errorf("tables: %w", err)
	}
	sums := kernels.NewMatrix(buf, n, cols)
	sums.Count = p.count
	k, err := p.family.SegmentSum(kernels.SegmentSumArgs{Segments: p.segments, Grad: grad, Weights: weights, Sums: sums})
	if err != nil {
		return nil, kernels.Matrix{}, fmt.Errorf("tables: %w", err)
	}
	return k, sums, nil
}
