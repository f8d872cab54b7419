package datasets

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// Numbers that are not finite are told with the first row and what to set; what is set makes them missing, in every way
// to read a table.
func TestNotFinite(t *testing.T) {
	dir := t.TempDir()
	const selected = "SELECT CASE i WHEN 37 THEN 'nan' WHEN 52 THEN '-inf' WHEN 60 THEN 'inf' ELSE i::VARCHAR END::%s AS x, (i %% 5)::DOUBLE AS label FROM range(80) r(i)"
	copyTo(t, filepath.Join(dir, "double.parquet"), fmt.Sprintf(selected, "DOUBLE"))
	copyTo(t, filepath.Join(dir, "float.parquet"), fmt.Sprintf(selected, "FLOAT"))
	writeTo(t, dir, "large.json", numbered(80, func(i int) string {
		x := fmt.Sprint(i)
		switch i {
		case 37, 60:
			x = "1e400"
		case 52:
			x = "-1e400"
		}
		return fmt.Sprintf(`{"x": %s, "label": %d}`, x, i%5)
	}))
	rows := "SELECT x, label FROM data WHERE label >= 0"
	for _, file := range []string{"double.parquet", "float.parquet", "large.json"} {
		cfg := Config{Source: table.Source{Path: configfile.Strings{"double.parquet"}, Null: configfile.Strings{"nan", "inf", "-inf"}}, Target: "label", Task: encoding.TaskRegression}
		d, err := Load(t.Context(), &cfg, dir, 7, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range []string{"", rows} {
			src := table.Source{Path: configfile.Strings{file}, Query: query}
			_, err := table.Read(t.Context(), src, dir, nil)
			var v *table.ValueError
			if !errors.As(err, &v) {
				t.Fatalf("%s %q: %v", file, query, err)
			}
			place := file + ": row 38"
			if query != "" {
				place = "row 38 of the query's result"
			}
			wantError(t, err, place+`: column "x"`, "is not a finite number", "(nor are 2 other values of the column)", "if it stands for a missing value, set null: [")
			for _, err := range d.Encoder.Blocks(t.Context(), src, dir, true, encoding.Input{}, 16) {
				if err != nil {
					wantError(t, err, place, "is not a finite number", "pass --null ")
				}
			}
			src = v.Remedies[0].Apply(src)
			f, err := table.Read(t.Context(), src, dir, nil)
			if err != nil {
				t.Fatalf("%s %q after the remedy: %v", file, query, err)
			}
			if s := f.Column("x"); s.MissingCount() != 3 || s.Kind != table.Numeric || !s.Missing(37) || !s.Missing(52) || !s.Missing(60) {
				t.Errorf("%s %q: %s", file, query, formatted(s))
			}
			n := 0
			for b, err := range d.Encoder.Blocks(t.Context(), src, dir, true, encoding.Input{}, 16) {
				if err != nil {
					t.Fatal(err)
				}
				n += b.Rows
			}
			if n != 80 {
				t.Errorf("%s %q: %d rows", file, query, n)
			}
		}
	}
	// One that is declared does not stand for others.
	_, err := table.Read(t.Context(), table.Source{Path: configfile.Strings{"double.parquet"}, Null: configfile.Strings{"nan"}}, dir, nil)
	wantError(t, err, `row 53: column "x": "-inf" is not`, `null: ["inf", "-inf"]`)
	// SQL sees them as missing.
	f, err := table.Read(t.Context(), table.Source{Path: configfile.Strings{"double.parquet"}, Null: configfile.Strings{"NaN", "inf", "-inf"}, Query: "SELECT count(x) AS n, max(x) AS most FROM data"}, dir, nil)
	if err != nil || formatted(f.Columns[0]) != "77" || formatted(f.Columns[1]) != "79" {
		t.Errorf("%v %v", f, err)
	}
	db, err := duck.Open(duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	table2, err := table.Open(t.Context(), db, table.Source{Path: configfile.Strings{"float.parquet"}, Null: configfile.Strings{"NaN", "inf", "-inf"}}, dir, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table2.Stage(t.Context(), "staged", table.StageOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := db.Query(t.Context(), "SELECT count(x) FROM staged", func(c *duck.Chunk) error {
		if v, _ := duck.Vector[int64](c, 0); v[0] != 77 {
			t.Errorf("%d values staged", v[0])
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	// A query makes them of finite numbers.
	_, err = readText(t, "x\n"+strings.Repeat("1\n", 5)+"0\n", table.Source{Query: "SELECT 1 / x AS y, ln(x + 1) AS z FROM data"}, nil)
	wantError(t, err, "row 6 of the query's result", `"inf" is not a finite number`)
}
