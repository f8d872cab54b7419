package encoding

import (
	"math/rand/v2"
	"testing"
	"time"

	"debut/datasets/table"
)

// Parts of dates that follow one another are those of each date alone: before and after 1970, days that share a place, and missing
// ones.
func TestDateParts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	fill := time.Date(2024, 2, 29, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()
	e := &ColumnEncoding{FillMicros: fill}
	for _, part := range dateNames {
		of := e.datePart(part)
		for range 20_000 {
			day := r.Int64N(7)*512 + r.Int64N(3) - 1
			switch r.IntN(4) {
			case 0:
				day = r.Int64N(40_000)
			case 1:
				day = -r.Int64N(40_000)
			}
			micros := day*microsPerDay + r.Int64N(microsPerDay)
			want := micros
			if r.IntN(50) == 0 {
				micros, want = table.MissingDate, fill
			}
			if got, want := of(micros), dateParts[part](time.UnixMicro(want).UTC()); got != want {
				t.Fatalf("%s of %d: %v, want %v", part, micros, got, want)
			}
		}
	}
}
