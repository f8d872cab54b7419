package kernels

import "fmt"

// Embedding is the family of kernels for tables of which a step touches few rows.
type Embedding interface {
	Gather(GatherArgs) (Kernel, error)
	SegmentReduce(SegmentReduceArgs) (Kernel, error)
}

// GatherArgs binds Out[r, f·D … (f+1)·D−1] = Table[IDs[r, f]] for the valid rows of IDs (Int32 [R, F]); Table is
// [T, D], Out [R, F·D]. A negative id, or one beyond the table, gives zeros.
type GatherArgs struct{ Table, IDs, Out Matrix }

// Name implements Args.
func (a GatherArgs) Name() string { return "gather" }

// Work implements Args.
func (a GatherArgs) Work(rows Rows) Cost {
	n := float64(rows(a.IDs, a.Out))
	return Cost{Bytes: n * (float64(a.IDs.Cols)*size(a.IDs) + 2*float64(a.Out.Cols)*size(a.Out))}
}

// Check implements Args.
func (a GatherArgs) Check() error {
	if err := checkOperands("gather", Int32, operand{"IDs", a.IDs, -1, -1, false}); err != nil {
		return err
	}
	return checkOperands("gather", floatDtype(a.Table), operand{"Table", a.Table, -1, -1, false},
		operand{"Out", a.Out, a.IDs.Rows, a.IDs.Cols * a.Table.Cols, false})
}

// SegmentReduceArgs binds the sum of gradients by id: IDs is Int32 [R, F] and Grad [R, F·D]. Unique (Int32 [N, 1])
// receives the distinct ids in ascending order, Sums [N, D] the sum of the gradients of each, taken in the order of
// their places, and Sums.Count, which must be present and be Unique.Count too, how many there are. Negative ids are
// left out; Limit is the number of rows of the table: ids beyond it are left out too.
//
// N must be at least min(R·F, Limit). The cost grows with R·F, never with Limit.
type SegmentReduceArgs struct {
	IDs, Grad    Matrix
	Unique, Sums Matrix
	Limit        int
}

// Name implements Args.
func (a SegmentReduceArgs) Name() string { return "segment reduce" }

// Work implements Args: with all ids taken as valid and distinct, and without what a device takes to sort them.
func (a SegmentReduceArgs) Work(rows Rows) Cost {
	places := float64(rows(a.IDs, a.Grad)) * float64(a.IDs.Cols)
	values := places * float64(a.Sums.Cols)
	return Cost{FLOPs: values, Bytes: 2*places*size(a.IDs) + 2*values*size(a.Grad)}
}

// Check implements Args.
func (a SegmentReduceArgs) Check() error {
	need := min(a.IDs.Rows*a.IDs.Cols, a.Limit)
	if err := checkOperands("segment reduce", Int32, operand{"IDs", a.IDs, -1, -1, false}, operand{"Unique", a.Unique, -1, 1, false}); err != nil {
		return err
	}
	if err := checkOperands("segment reduce", floatDtype(a.Grad), operand{"Sums", a.Sums, a.Unique.Rows, -1, false},
		operand{"Grad", a.Grad, a.IDs.Rows, a.IDs.Cols * a.Sums.Cols, false}); err != nil {
		return err
	}
	if a.Unique.Rows < need {
		return fmt.Errorf("segment reduce: room for %d distinct ids, %d may come: %w", a.Unique.Rows, need, ErrShape)
	}
	if a.Sums.Count == nil || a.Sums.Count != a.Unique.Count {
		return fmt.Errorf("segment reduce: Sums and Unique must share a count: %w", ErrShape)
	}
	return nil
}
