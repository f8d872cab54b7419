package table

import (
	"context"

	"debut/datasets/duck"
	"debut/datasets/memoryguard"
)

// cellBytes is what a value takes in memory, about, while all rows are read: in its column, in the larger one that it moves to where that is
// full, and in what is made of it. 3 million rows of 4 columns took 16 bytes a value to evaluate and 27 to train.
const cellBytes = 28

// expect says what memory the reading of all rows of so many columns will take, for the message where there is less. It is a guess by the
// first rows.
func (r *relation) expect(ctx context.Context, columns int) {
	if !memoryguard.Watched(ctx) || len(r.origin.files) == 0 {
		return
	}
	rows := 0.0
	switch d := r.origin.dialect; {
	case d != nil:
		rows = d.rows
	case r.format == "parquet":
		err := r.db.Query(ctx, "SELECT sum(num_rows)::DOUBLE FROM parquet_file_metadata("+duck.Literals(r.origin.files)+")", func(c *duck.Chunk) error {
			v, _ := duck.Vector[float64](c, 0)
			rows = v[0]
			return nil
		})
		if err != nil {
			return // it is a guess
		}
	}
	memoryguard.Expect(ctx, "reading "+r.origin.name(), int64(rows*float64(columns)*cellBytes))
}
