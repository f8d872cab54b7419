package kernels

import "fmt"

// Selection is the family of kernels that choose the best of many scores.
type Selection interface {
	Select(SelectArgs) (Kernel, error)
}

// SelectArgs binds, for each valid row, the choice of the best K of the scores of N columns and, unless First is 0, of those that are kept
// from runs before: lists of all columns are made of some columns at a time. The columns of Scores are those from First on.
//
// The highest scores are best, of equal ones those of the smaller columns. −∞ says that a column is no candidate; NaN is better than
// anything, so that it shows.
type SelectArgs struct {
	// Scores [R, N] are −∞ in the end where a column was left out.
	Scores Matrix
	First  int
	// Weights [1, N], above 0, multiply scores, and divide those below 0, before they are compared; may be absent.
	Weights Matrix
	// Offsets, Int32 [R+1, 1], and LeftOut, Int32 [S, 1], are the columns that are left out of rows: of row r those of entries
	// Offsets[r] … Offsets[r+1]−1, of which such as are not in Scores have no effect. Both may be absent.
	Offsets, LeftOut Matrix
	// Best [R, K] and Columns, Int32 [R, K], are what is kept, the best first; in the places that are left −∞ and −1.
	Best, Columns Matrix
}

// Name implements Args.
func (a SelectArgs) Name() string { return "select" }

// Work implements Args: the scores are read once.
func (a SelectArgs) Work(rows Rows) Cost {
	n := float64(rows(a.Scores, a.Best, a.Columns))
	return Cost{FLOPs: n * float64(a.Scores.Cols), Bytes: n * (size(a.Scores)*float64(a.Scores.Cols+a.Best.Cols) + 4*float64(a.Columns.Cols))}
}

// Check implements Args.
func (a SelectArgs) Check() error {
	name, r := a.Name(), a.Scores.Rows
	if a.LeftOut.Present() != a.Offsets.Present() {
		return fmt.Errorf("%s: kernels: LeftOut and Offsets go together: %w", name, ErrShape)
	}
	if a.First < 0 || a.First > 1<<31-1-a.Scores.Cols {
		return fmt.Errorf("%s: kernels: columns from %d on: %w", name, a.First, ErrShape)
	}
	if err := checkOperands(name, Int32, operand{"Offsets", a.Offsets, r + 1, 1, true}, operand{"LeftOut", a.LeftOut, -1, 1, true},
		operand{"Columns", a.Columns, r, a.Best.Cols, false}); err != nil {
		return err
	}
	return checkOperands(name, floatDtype(a.Scores), operand{"Scores", a.Scores, -1, -1, false}, operand{"Weights", a.Weights, 1, a.Scores.Cols, true},
		operand{"Best", a.Best, r, -1, false})
}
