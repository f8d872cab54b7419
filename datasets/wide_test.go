package datasets

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// wideFile writes 50 rows of ids first, first+1, … in the format of its name.
func wideFile(t *testing.T, name, typ, first string) string {
	t.Helper()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	path := filepath.Join(t.TempDir(), name)
	sql := fmt.Sprintf("COPY (SELECT (%s::HUGEINT + i)::%s AS buyer, i %% 2 AS y, i / 3 AS x, CASE WHEN i = 0 THEN 0.5 ELSE 1e18 * i END AS size FROM range(50) r(i)) TO %s (FORMAT %s)",
		first, typ, duck.Literal(path), strings.TrimPrefix(filepath.Ext(name), "."))
	if err := db.Query(context.Background(), sql, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// A model sees the same ids in prepared data, in blocks, and in all formats.
func TestWideIDsInBlocks(t *testing.T) {
	const first = "18446744073709551000"
	cfg := Config{Source: table.Source{Path: configfile.Strings{wideFile(t, "t.csv", "VARCHAR", first)}}, Target: "y", Split: Split{Method: SplitNone}}
	d, err := Load(context.Background(), &cfg, "", 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	e := d.Encoder
	e.ID = []string{"buyer"}
	for _, c := range []struct{ name, typ string }{{"t.csv", "VARCHAR"}, {"t.json", "HUGEINT"}, {"t.parquet", "UBIGINT"}, {"t.parquet", "DECIMAL(38, 0)"}, {"t.parquet", "DECIMAL(28, 4)"}} {
		rows := 0
		for b, err := range e.Blocks(context.Background(), table.Source{Path: configfile.Strings{wideFile(t, c.name, c.typ, first)}}, "", false, encoding.Input{}, 7) {
			if err != nil {
				t.Fatalf("%v: %v", c, err)
			}
			if len(b.Report.Unseen) > 0 {
				t.Errorf("%v: unseen %v", c, b.Report.Unseen)
			}
			for i := range b.Rows {
				if got, want := b.IDColumns[0].Values[i], fmt.Sprintf("184467440737095510%02d", rows+i); got != want {
					t.Fatalf("%v: row %d has the id %s, want %s", c, rows+i, got, want)
				}
			}
			rows += b.Rows
		}
		if rows != 50 {
			t.Errorf("%v: %d rows", c, rows)
		}
	}
}
