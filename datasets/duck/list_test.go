package duck

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

func TestLists(t *testing.T) {
	ctx := context.Background()
	db, err := Open(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const rows = 5000 // more than a chunk
	sql := fmt.Sprintf("SELECT CASE WHEN i %% 5 = 0 THEN NULL WHEN i %% 5 = 1 THEN [] ELSE [i, NULL, 2 * i]::DOUBLE[] END AS l FROM range(%d) AS r(i)", rows)
	row := 0
	err = db.Query(ctx, sql, func(c *Chunk) error {
		entries, valid, values, elements := Lists[float64](c, 0)
		for i, e := range entries {
			got := "null"
			if valid.Valid(i) {
				got = ""
				for k := int(e.Offset); k < int(e.Offset+e.Length); k++ {
					if elements.Valid(k) {
						got += fmt.Sprint(values[k], " ")
					} else {
						got += "null "
					}
				}
			}
			want := fmt.Sprintf("%d null %d ", row, 2*row)
			switch row % 5 {
			case 0:
				want = "null"
			case 1:
				want = ""
			}
			if got != want {
				return fmt.Errorf("row %d: %q, want %q", row, got, want)
			}
			row++
		}
		return nil
	})
	if err != nil || row != rows {
		t.Fatalf("%d rows: %v", row, err)
	}
}

func TestElementTypes(t *testing.T) {
	db, err := Open(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	columns, err := db.Describe(context.Background(), "SELECT [1.5::FLOAT] AS a, [1, 2]::INTEGER[2] AS b, ['x'] AS c, 1 AS d, [[1]] AS e, {'k': 1} AS f")
	if err != nil {
		t.Fatal(err)
	}
	var got []mapping.Type
	for _, c := range columns {
		got = append(got, c.Element)
	}
	if want := []mapping.Type{mapping.TypeFloat, mapping.TypeInteger, mapping.TypeVarchar, mapping.TypeInvalid, mapping.TypeList, mapping.TypeInvalid}; !slices.Equal(got, want) {
		t.Errorf("elements of type %v, want %v", got, want)
	}
}
