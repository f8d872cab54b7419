package kernels

import "fmt"

// Embedding is the family of kernels for tables of which a step touches few rows.
type Embedding interface {
	Gather(GatherArgs) (Kernel, error)
	GatherSum(GatherSumArgs) (Kernel, error)
	SegmentPlan(SegmentPlanArgs) (Kernel, error)
	SegmentSum(SegmentSumArgs) (Kernel, error)
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

// GatherSumArgs binds Out[r] = Σ_f Weights[r, f] · Table[IDs[r, f]], in the order of f, for the valid rows of IDs (Int32 [R, F]): the pooling of
// lists, padded with negative ids. Table is [T, D], Weights [R, F], Out [R, D]. An id that is negative, or beyond the table, adds nothing,
// whatever its weight. Weights of 1 make sums, of one over the length of a list means.
type GatherSumArgs struct{ Table, IDs, Weights, Out Matrix }

// Name implements Args.
func (a GatherSumArgs) Name() string { return "gather and sum" }

// Work implements Args: with all ids taken as valid.
func (a GatherSumArgs) Work(rows Rows) Cost {
	places, d := float64(a.IDs.Cols), float64(a.Out.Cols)
	cost := perRow(a.Out, rows(a.IDs, a.Weights, a.Out), 2*places*d, places*(d+1)+d, 0)
	cost.Bytes += float64(rows(a.IDs, a.Weights, a.Out)) * places * size(a.IDs)
	return cost
}

// Check implements Args.
func (a GatherSumArgs) Check() error {
	if err := checkOperands(a.Name(), Int32, operand{"IDs", a.IDs, -1, -1, false}); err != nil {
		return err
	}
	return checkOperands(a.Name(), floatDtype(a.Table), operand{"Table", a.Table, -1, -1, false},
		operand{"Weights", a.Weights, a.IDs.Rows, a.IDs.Cols, false}, operand{"Out", a.Out, a.IDs.Rows, a.Table.Cols, false})
}

// Segments are the valid places of a batch of ids [R, F] in the order of their ids, and of the places where ids are the same: all that
// sums by id need to know of the ids. Lookups of several tables with the same ids share them. A segment is the places of one id.
type Segments struct {
	Unique Matrix // Int32 [N, 1]: the distinct ids, ascending; its count, which must be present, is how many there are
	Starts Matrix // Int32 [N+1, 1]: where in Places each segment begins, and behind the last of them where that ends
	Places Matrix // Int32 [R·F, 1]: r·F + f of each valid id
	Number Matrix // Int32 [R·F, 1]: the segment that each of Places belongs to
}

// check checks segments of so many places.
func (s Segments) check(kernel string, places int) error {
	if err := checkOperands(kernel, Int32, operand{"Unique", s.Unique, -1, 1, false}, operand{"Starts", s.Starts, s.Unique.Rows + 1, 1, false},
		operand{"Places", s.Places, places, 1, false}, operand{"Number", s.Number, places, 1, false}); err != nil {
		return err
	}
	if s.Unique.Count == nil {
		return fmt.Errorf("%s: Unique must have a count: %w", kernel, ErrShape)
	}
	return nil
}

// SegmentPlanArgs binds the segments of ids, Int32 [R, F]. Negative ids are left out, and so are those from Limit on, which is the number
// of rows of the tables. What lies in Segments beyond their counts is left alone.
//
// N must be at least min(R·F, Limit). The cost grows with R·F, never with Limit.
type SegmentPlanArgs struct {
	IDs      Matrix
	Segments Segments
	Limit    int
}

// Name implements Args.
func (a SegmentPlanArgs) Name() string { return "segment plan" }

// Work implements Args: with all ids taken as valid and distinct, and without what a device takes to sort them.
func (a SegmentPlanArgs) Work(rows Rows) Cost {
	return Cost{Bytes: 5 * float64(rows(a.IDs)) * float64(a.IDs.Cols) * size(a.IDs)}
}

// Check implements Args.
func (a SegmentPlanArgs) Check() error {
	if err := checkOperands(a.Name(), Int32, operand{"IDs", a.IDs, -1, -1, false}); err != nil {
		return err
	}
	places := a.IDs.Rows * a.IDs.Cols
	if err := a.Segments.check(a.Name(), places); err != nil {
		return err
	}
	if need := min(places, a.Limit); a.Segments.Unique.Rows < need {
		return fmt.Errorf("segment plan: room for %d distinct ids, %d may come: %w", a.Segments.Unique.Rows, need, ErrShape)
	}
	return nil
}

// SegmentSumArgs binds the sums of gradients by segment: row i of Sums [N, D] is the sum of those of segment i, in the order of the places.
// Of Grad [R, F·D], place r·F + f is row r from column f·D on. Where Weights [R, F] are present, places of a row share its gradient: Grad is
// [R, D], and place r·F + f is Weights[r, f] · Grad[r], as the gradient of [GatherSumArgs] is. Sums must share the count of Unique; rows
// beyond it are left alone.
type SegmentSumArgs struct {
	Segments   Segments
	Grad, Sums Matrix
	Weights    Matrix // optional
}

// Name implements Args.
func (a SegmentSumArgs) Name() string { return "segment sum" }

// Work implements Args: with all ids taken as valid and distinct.
func (a SegmentSumArgs) Work(rows Rows) Cost {
	values := float64(rows(a.Grad)) * float64(a.Fields()) * float64(a.Sums.Cols)
	if a.Weights.Present() {
		return Cost{FLOPs: 2 * values, Bytes: (values + float64(rows(a.Grad))*float64(a.Grad.Cols+a.Weights.Cols)) * size(a.Grad)}
	}
	return Cost{FLOPs: values, Bytes: 2 * values * size(a.Grad)}
}

// Fields returns F.
func (a SegmentSumArgs) Fields() int {
	if a.Weights.Present() {
		return a.Weights.Cols
	}
	return a.Grad.Cols / max(a.Sums.Cols, 1)
}

// Check implements Args.
func (a SegmentSumArgs) Check() error {
	if err := checkOperands(a.Name(), floatDtype(a.Grad), operand{"Grad", a.Grad, -1, -1, false},
		operand{"Sums", a.Sums, a.Segments.Unique.Rows, -1, false}); err != nil {
		return err
	}
	if a.Weights.Present() {
		if err := checkOperands(a.Name(), floatDtype(a.Grad), operand{"Weights", a.Weights, a.Grad.Rows, -1, false}, operand{"Grad", a.Grad, -1, a.Sums.Cols, false}); err != nil {
			return err
		}
	} else if a.Grad.Cols != a.Fields()*a.Sums.Cols {
		return fmt.Errorf("segment sum: gradients of %d columns are no rows of %d side by side: %w", a.Grad.Cols, a.Sums.Cols, ErrShape)
	}
	places := a.Grad.Rows * a.Fields()
	if a.Sums.Cols == 0 && !a.Weights.Present() {
		places = a.Segments.Places.Rows
	}
	if err := a.Segments.check(a.Name(), places); err != nil {
		return err
	}
	if a.Sums.Count != a.Segments.Unique.Count {
		return fmt.Errorf("segment sum: Sums and Unique must share a count: %w", ErrShape)
	}
	return nil
}
