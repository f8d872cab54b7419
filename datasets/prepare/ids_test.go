package prepare

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/manifest"
	"debut/datasets/table"
)

// idRows are 200 rows of ids first, first+1, … with a moment each.
const idRows = "SELECT (%s::HUGEINT + i)::%s AS buyer, i AS n, TIMESTAMP '2026-01-01' + to_hours(i) AS moment, 1e20 * i + 0.5 AS size FROM range(200) r(i)"

func TestIDsKeepTheirDigits(t *testing.T) {
	for _, c := range []struct{ name, file, typ, first, want string }{
		{"CSV of 20 digits", "t.csv", "VARCHAR", "18446744073709560700", "VARCHAR"},
		{"CSV of 26 digits", "t.csv", "VARCHAR", "31415926535897932384626433", "VARCHAR"},
		{"CSV of 19 digits", "t.csv", "VARCHAR", "9007199254741100", "BIGINT"},
		{"JSON of 26 digits", "t.json", "HUGEINT", "31415926535897932384626433", "VARCHAR"},
		{"UBIGINT", "t.parquet", "UBIGINT", "18446744073709551000", "VARCHAR"},
		{"DECIMAL(38, 0)", "t.parquet", "DECIMAL(38, 0)", "31415926535897932384626433", "VARCHAR"},
		{"DECIMAL(38, 9)", "t.parquet", "DECIMAL(38, 9)", "9007199254741100", "BIGINT"},
		{"BIGINT", "t.parquet", "BIGINT", "9007199254741100", "BIGINT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			copyTo(t, filepath.Join(dir, c.file), fmt.Sprintf(idRows, c.first, c.typ))
			config := fmt.Sprintf(`
sources: {t: {path: %[1]s}, more: {path: %[1]s, query: "SELECT buyer, n * 2 AS twice FROM data WHERE n %% 2 = 0"}, days: {query: "SELECT buyer, moment FROM t"}}
from: t
steps:
  - deduplicate: {key: [buyer]}
  - join: {table: more, "on": [buyer]}
  - aggregate: {events: days, key: buyer, at: moment, see_the_future: true, features: {seen: {function: count}}}
  - derive: {person: buyer}
  - pseudonymize: {person: person}
key: {env: IDS_KEY}
split: {method: group, column: buyer, test: 0.2, validation: 0.1}
`, c.file)
			t.Setenv("IDS_KEY", strings.Repeat("k", 32))
			d := mustRun(t, dir, config)
			if column := d.Column("buyer"); d.Rows != 200 || column.SQL != c.want || column.Type != manifest.Categorical || d.Column("size").SQL != "DOUBLE" {
				t.Errorf("%d rows, buyer %+v, size %s", d.Rows, column, d.Column("size").SQL)
			}
			wantRows(t, dir, fmt.Sprintf("SELECT count(DISTINCT buyer), count(*) FILTER (WHERE buyer::VARCHAR = (%s::HUGEINT + n)::VARCHAR), sum(twice), sum(seen), count(DISTINCT person), count(DISTINCT part) FROM out", c.first),
				"200 200 19800 200 200 3")
		})
	}
}

// Numbers that were floating-point ones in the file have lost their digits there;
// that is said. To compare them with others would make it worse.
func TestLostDigitsAreTold(t *testing.T) {
	dir := t.TempDir()
	copyTo(t, filepath.Join(dir, "lost.parquet"), fmt.Sprintf(idRows, "9007199254741100", "DOUBLE"))
	copyTo(t, filepath.Join(dir, "kept.parquet"), fmt.Sprintf(idRows, "9007199254741100", "BIGINT"))
	const one = "sources: {t: {path: lost.parquet}, kept: {path: kept.parquet}}\nfrom: t\nsplit: {method: none}\n"
	var log strings.Builder
	cfg := parse(t, one)
	cfg.Output = "out"
	if _, err := Run(t.Context(), cfg, Options{BaseDir: dir, Overwrite: true, Log: slog.New(slog.NewTextHandler(&log, nil))}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "lost digits") || !strings.Contains(log.String(), "column=buyer") || strings.Contains(log.String(), "column=n") || strings.Contains(log.String(), "column=size") {
		t.Errorf("the log says\n%s", log.String())
	}
	_, err := run(t, t.TempDir(), strings.ReplaceAll(one, "path: ", "path: "+dir+"/")+"steps: [{join: {table: kept, \"on\": [buyer], columns: [n], prefix: k}}]")
	wantError(t, t.TempDir(), err, "steps.0.join", "more than 2^53", "lose digits")
}

// Lists of ids keep their digits or are refused: a vector, or floating-point numbers, would make others of them.
func TestListsOfIDs(t *testing.T) {
	for _, c := range []struct{ name, file, list, want string }{
		{"BIGINT", "t.parquet", "[9007199254740993 + i, 9007199254740995]", "BIGINT[]"},
		{"BIGINT of several lengths", "t.parquet", "range(9007199254740993, 9007199254740994 + i)", "BIGINT[]"},
		{"UBIGINT that fits", "t.parquet", "[(9007199254740993 + i)::UBIGINT]", "BIGINT[]"},
		{"DECIMAL that fits", "t.parquet", "[(9007199254740993 + i)::DECIMAL(38, 0)]", "BIGINT[]"},
		{"JSON", "t.json", "[9007199254740993 + i]", "BIGINT[]"},
		{"UBIGINT", "t.parquet", "[18446744073709551001 + i::HUGEINT]::UBIGINT[]", "more than 64 bits"},
		{"HUGEINT in an array", "t.parquet", "[18446744073709551001 + i::HUGEINT, 1]::DECIMAL(38, 0)[]", "more than 64 bits"},
		{"JSON above 64 bits", "t.json", "[18446744073709551001::HUGEINT * 1000 + i]", "lost digits already"},
		{"DOUBLE", "t.parquet", "[9007199254740993::DOUBLE + i * 2]", "lost digits already"},
		{"quantities", "t.parquet", "[1e17 + i, 0.5, 'nan'::DOUBLE]", "FLOAT[]"},
		{"small", "t.parquet", "[i, 2]", "FLOAT[]"},
		{"none", "t.parquet", "CASE WHEN i = 3 THEN [] WHEN i < 3 THEN [9007199254740993] END", "BIGINT[]"},
	} {
		dir := t.TempDir()
		copyTo(t, filepath.Join(dir, c.file), "SELECT i AS n, "+c.list+" AS ids FROM range(5) r(i)")
		d, err := run(t, dir, "sources: {s: {path: "+c.file+"}}\nsplit: {method: none}\nshuffle: false\n")
		if !strings.HasSuffix(c.want, "[]") {
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `"ids"`) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := d.Column("ids").SQL; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if c.want == "BIGINT[]" {
			wantRows(t, dir, "SELECT count(*) FROM out WHERE n < 3 AND ids[1] >= 9007199254740993 AND ids[1] <= 9007199254740993 + n AND (ids[1] - n = 9007199254740993 OR ids[1] = 9007199254740993)", "3")
		}
	}
}

// Whole numbers of more than 2^53 are called what a run takes them for, with the values that they have.
func TestWideIntegersAreCalledCategories(t *testing.T) {
	dir := t.TempDir()
	copyTo(t, filepath.Join(dir, "t.parquet"), "SELECT CAST(9007199254740993 + 2 * (i % 3) AS BIGINT) AS id, CAST(i % 2 AS BIGINT) AS y FROM range(6) r(i)")
	for config, want := range map[string]string{
		"":                             "categorical BIGINT [{9007199254740993 2} {9007199254740995 2} {9007199254740997 2}]",
		"columns: {id: categorical}\n": "categorical VARCHAR [{9007199254740993 2} {9007199254740995 2} {9007199254740997 2}]",
		"columns: {id: numeric}\n":     "numeric DOUBLE []",
	} {
		d := mustRun(t, dir, "sources: {s: {path: t.parquet}}\nsplit: {method: none}\n"+config)
		id := d.Column("id")
		if got := fmt.Sprintf("%s %s %v", id.Type, id.SQL, id.Vocabulary); got != want {
			t.Errorf("%q: %s, want %s", config, got, want)
		}
		f, err := table.Read(t.Context(), table.Source{Path: configfile.Strings{"out/train.parquet"}}, dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Column("id").Kind.String(); got != id.Type {
			t.Errorf("%q: a run takes it for %s, dataset.json says %s", config, got, id.Type)
		}
		if y := d.Column("y"); y.Type != "numeric" {
			t.Errorf("y is %s", y.Type)
		}
	}
}
