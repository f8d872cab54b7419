package table

import "fmt"

// Sampling says which rows of a table are read: some, spread evenly, chosen by their numbers alone. The zero value is
// all of them.
type Sampling struct{ threshold uint64 }

const (
	// A multiplicative sequence with this constant, the golden ratio's, spreads the
	// sample evenly (Knuth, The Art of Computer Programming 3, 6.4).
	goldenRatio = 2654435761
	rowModulus  = 1 << 31 // keeps the product within SQL's BIGINT
	hashModulus = 1 << 32
)

// SampleOf returns a sampling of about limit out of rows rows.
func SampleOf(limit, rows int64) Sampling {
	if limit >= rows {
		return Sampling{}
	}
	return Sampling{max(1, uint64(float64(limit)/float64(rows)*hashModulus))}
}

// All reports whether all rows are read.
func (s Sampling) All() bool { return s.threshold == 0 }

// Keeps reports whether a row, counted from 0, is read.
func (s Sampling) Keeps(row int64) bool {
	return s.All() || uint64((row+1)%rowModulus)*goldenRatio%hashModulus < s.threshold
}

// from is a FROM item of the rows of another that are read.
func (s Sampling) from(item string) string {
	if s.All() {
		return item
	}
	const number = "__debut_number"
	return fmt.Sprintf("(SELECT * EXCLUDE (%[1]s) FROM (SELECT *, row_number() OVER () AS %[1]s FROM %[2]s) WHERE (%[1]s %% %[3]d) * %[4]d %% %[5]d < %[6]d)",
		number, item, int64(rowModulus), int64(goldenRatio), int64(hashModulus), s.threshold)
}
