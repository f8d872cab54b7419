package table

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
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

func TestWideIDsAreTexts(t *testing.T) {
	const digits20, digits26, digits16 = "18446744073709560700", "31415926535897932384626433", "9007199254741100"
	for _, c := range []struct{ name, typ, first string }{
		{"t.csv", "VARCHAR", digits20}, {"t.csv", "VARCHAR", digits16}, {"t.json", "HUGEINT", digits20}, {"t.json", "HUGEINT", digits26},
		{"t.parquet", "UBIGINT", "18446744073709551000"}, {"t.parquet", "BIGINT", digits16},
		{"t.parquet", "DECIMAL(38, 0)", digits26}, {"t.parquet", "DECIMAL(38, 9)", digits16},
	} {
		path := wideFile(t, c.name, c.typ, c.first)
		for _, query := range []string{"", "SELECT * FROM data"} {
			for _, declared := range []string{TypeAuto, TypeCategorical} {
				f, err := Read(context.Background(), Source{Path: configfile.Strings{path}, Query: query}, "", map[string]string{"buyer": declared})
				if err != nil {
					t.Fatalf("%v: %v", c, err)
				}
				s := f.Column("buyer")
				if s.Kind != Text || len(s.Dict) != 50 || s.Format(0) != c.first || f.Column("size").Kind != Numeric || f.Column("x").Kind != Numeric {
					t.Errorf("%v, query %q, %s: %v of %d values, the first %q", c, query, declared, s.Kind, len(s.Dict), s.Format(0))
				}
				if told := strings.Contains(s.Note, "taken for ids"); told != (declared == TypeAuto) {
					t.Errorf("%v, query %q, %s: note %q", c, query, declared, s.Note)
				}
			}
		}
		f, err := Read(context.Background(), Source{Path: configfile.Strings{path}}, "", map[string]string{"buyer": TypeNumeric})
		if err != nil || f.Column("buyer").Kind != Numeric {
			t.Errorf("%v declared numeric: %v", c, err)
		}
	}
	// What has lost its digits before is told.
	f, err := Read(context.Background(), Source{Path: configfile.Strings{wideFile(t, "t.parquet", "DOUBLE", digits16)}}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := f.Column("buyer"); s.Kind != Numeric || !strings.Contains(s.Note, "lost digits") || f.Column("size").Note != "" {
		t.Errorf("%v, note %q, of size %q", s.Kind, s.Note, f.Column("size").Note)
	}
}

// Rows of a query have an order of their own, and no query has another result
// tomorrow.
func TestQueryOrder(t *testing.T) {
	path := wideFile(t, "t.csv", "VARCHAR", "100")
	read := func(query string) (string, error) {
		f, err := Read(context.Background(), Source{Path: configfile.Strings{path}, Query: query}, "", nil)
		if err != nil {
			return "", err
		}
		return formatted(f.Columns[0]), nil
	}
	for query, want := range map[string]string{
		"SELECT buyer FROM data WHERE x < 1 OR buyer > 148 -- all":                           "100|101|102|149",
		"SELECT buyer FROM data ORDER BY y, buyer DESC LIMIT 3":                              "148|146|144",
		"SELECT buyer % 7 AS k, sum(x) AS s, first(buyer) AS f FROM data GROUP BY k":         "0|1|2|3|4|5|6",
		"SELECT DISTINCT y - buyer % 3 AS k FROM data":                                       "-2|-1|0|1",
		"SELECT b.buyer % 10 AS k FROM data a JOIN data b ON a.buyer = b.buyer AND a.x > 15": "6|7|8|9",
	} {
		if got, err := read(query); err != nil || got != want {
			t.Errorf("%s gives %s, %v; want %s", query, got, err, want)
		}
	}
	for query, want := range map[string]string{
		"SELECT *, random() AS r FROM data":              "query: random() gives something else",
		"SELECT * FROM data WHERE current_date > '2020'": "write the moment out",
	} {
		if _, err := read(query); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want an error with %q", query, err, want)
		}
	}
}
