package prepare

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/manifest"
	"debut/datasets/table"
)

// The columns of an export that programs like to take for something else: what each is, and its first value.
var export = []struct {
	name  string
	typ   string
	value func(i int) string
	first string // as it is read
	sql   string // DuckDB's type in prepared data
}{
	{"member", "categorical", func(i int) string { return fmt.Sprintf("184467440737095%05d", 51000+i%40) }, "18446744073709551000", "VARCHAR"},
	{"long", "categorical", func(i int) string { return fmt.Sprintf("271828182845904523536028%02d", i%40) }, "27182818284590452353602800", "VARCHAR"},
	{"day", "date", func(i int) string { return fmt.Sprintf("%02d/%02d/24", i%28+1, i%12+1) }, "2024-01-01", "TIMESTAMP"},
	{"american", "date", func(i int) string { return fmt.Sprintf("%d/%d/2023 %d:05 PM", i%12+1, i%28+1, i%12+1) }, "2023-01-01T13:05:00", "TIMESTAMP"},
	{"short", "date", func(i int) string { return fmt.Sprintf("2024-%d-%d", i%12+1, i%28+1) }, "2024-01-01", "TIMESTAMP"},
	{"stamp", "date", func(i int) string { return fmt.Sprintf("2024-03-%02d %02d:30:00 UTC", i%28+1, i%24) }, "2024-03-01T00:30:00", "TIMESTAMP"},
	{"month", "date", func(i int) string { return fmt.Sprintf("%02d-Feb-2024", i%28+1) }, "2024-02-01", "TIMESTAMP"},
	{"slot", "categorical", func(i int) string { return fmt.Sprintf("%02d:30", i%4) }, "00:30", "VARCHAR"},
	{"sku", "categorical", func(i int) string { return fmt.Sprintf("%d-12-%d", 20+i%5, 26+i%5) }, "20-12-26", "VARCHAR"},
	{"piece", "categorical", func(i int) string { return fmt.Sprintf("41_10_%d", i%5) }, "41_10_0", "VARCHAR"},
	{"version", "categorical", func(i int) string { return fmt.Sprintf("4.%d.2", i%5) }, "4.0.2", "VARCHAR"},
	{"week", "categorical", func(i int) string { return fmt.Sprintf("2024-W%02d", i%5+1) }, "2024-W01", "VARCHAR"},
	{"paid", "categorical", func(i int) string { return []string{"yes", "no"}[i/2%2] }, "yes", "VARCHAR"},
	{"flag", "categorical", func(i int) string { return []string{"t", "f"}[i/3%2] }, "t", "VARCHAR"},
	{"truth", "boolean", func(i int) string { return []string{"true", "FALSE"}[i/5%2] }, "true", "BOOLEAN"},
	{"zip", "categorical", func(i int) string { return []string{"01220", "94107", "00501"}[i%3] }, "01220", "VARCHAR"},
	{"blank", "numeric", func(i int) string { return map[bool]string{true: "  ", false: fmt.Sprintf("%d.5", i)}[i == 5] }, "0.5", "DOUBLE"},
	{"padded", "numeric", func(i int) string { return fmt.Sprintf(" %d.25 ", i) }, "0.25", "DOUBLE"},
	{"signed", "numeric", func(i int) string { return fmt.Sprintf("%+d", i%50-3) }, "-3", "BIGINT"},
	{"minus", "numeric", func(i int) string { return fmt.Sprintf("−%d.5", i) }, "-0.5", "DOUBLE"},
	{"marked", "numeric", func(i int) string { return map[bool]string{true: "n/a", false: fmt.Sprint(i)}[i%9 == 8] }, "0", "BIGINT"},
	{"large", "numeric", func(i int) string { return fmt.Sprint(i, "e3") }, "0", "DOUBLE"},
}

// A table is the same read straight from its file, by a query that changes nothing, by one that computes, and from what is
// prepared of it: columns have the same types, and a model the same features.
func TestExportIsReadInOneWay(t *testing.T) {
	var text strings.Builder
	const rows = 240
	for _, c := range export {
		text.WriteString(c.name + ",")
	}
	text.WriteString("label\n")
	for i := range rows {
		for _, c := range export {
			text.WriteString(c.value(i) + ",")
		}
		fmt.Fprintf(&text, "%d\n", i*i%7%2)
	}
	dir := folder(t, map[string]string{"t.csv": text.String()})
	src := table.Source{Path: configfile.Strings{"t.csv"}, Null: configfile.Strings{"n/a"}}
	cfg := datasets.Config{Source: src, Target: "label", ID: configfile.Strings{"member"}, Split: datasets.Split{Method: "none"}}
	d, err := datasets.Load(t.Context(), &cfg, dir, 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := table.Read(t.Context(), src, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range export {
		s := direct.Column(c.name)
		if s.Kind.String() != c.typ || s.Format(0) != c.first {
			t.Errorf("%s is %s, %q; want %s, %q", c.name, s.Kind, s.Format(0), c.typ, c.first)
		}
	}
	prepared := mustRun(t, dir, "sources: {s: {path: t.csv, \"null\": [n/a]}}\nsplit: {method: none}\nshuffle: false\n")
	for _, c := range export {
		if m := prepared.Column(c.name); m.Type != c.typ || m.SQL != c.sql {
			t.Errorf("%s is prepared as %s, %s; want %s, %s", c.name, m.Type, m.SQL, c.typ, c.sql)
		}
	}
	var want *encoding.Encoded
	for _, c := range []struct {
		name string
		src  table.Source
	}{
		{"the file", src},
		{"the same query", table.Source{Query: "SELECT * FROM data"}},
		{"a filter", table.Source{Query: "SELECT * FROM data WHERE padded >= 0 AND day >= DATE '2024-01-01' AND zip <> 'x'"}},
		{"a computation", table.Source{Query: "SELECT * REPLACE (padded + 0 AS padded, day + INTERVAL 0 DAY AS day, paid || '' AS paid) FROM data"}},
		{"prepared data", table.Source{Path: configfile.Strings{filepath.Join("out", "train.parquet")}}},
		{"a query over prepared data", table.Source{Path: configfile.Strings{filepath.Join("out", "train.parquet")}, Query: "SELECT * FROM data"}},
	} {
		if c.src.Path == nil {
			c.src.Path, c.src.Null = src.Path, src.Null
		}
		all := new(encoding.Encoded)
		for b, err := range d.Encoder.Blocks(t.Context(), c.src, dir, true, encoding.Input{}, 100) {
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if len(b.Report.Unseen) > 0 {
				t.Fatalf("%s: unseen %+v", c.name, b.Report.Unseen)
			}
			if err := all.Append(b.Encoded); err != nil {
				t.Fatal(err)
			}
		}
		if want == nil {
			if want = all; want.Rows != rows || want.IDColumns[0].Values[0] != export[0].value(0) {
				t.Fatalf("%d rows, ids %q", want.Rows, want.IDColumns[0].Values[:1])
			}
		}
		if !slices.Equal(all.Numeric, want.Numeric) || !slices.Equal(all.IDs, want.IDs) || !slices.Equal(all.Target, want.Target) || !slices.Equal(all.IDColumns[0].Values, want.IDColumns[0].Values) {
			t.Errorf("%s gives other features than the file", c.name)
		}
	}
	// The latest days are the test part; ids, however long, part people from people.
	mustRun(t, dir, "sources: {s: {path: t.csv, \"null\": [n/a]}}\nsplit: {method: time, column: day, test: 0.2, validation: 0.1}\n")
	wantRows(t, dir, "SELECT (SELECT max(day) FROM out WHERE part = 'train') < (SELECT min(day) FROM out WHERE part = 'validation'), min(day)::DATE, max(day)::DATE, count(DISTINCT part) FROM out",
		"true 2024-01-01 2024-12-28 3")
	for _, id := range []string{"member", "long"} {
		made := mustRun(t, dir, fmt.Sprintf("sources: {s: {path: t.csv, \"null\": [n/a]}}\nsteps: [{deduplicate: {key: [%s]}}]\nsplit: {method: user, column: %[1]s}\n", id))
		if made.Rows != 40 || made.Part(manifest.Test) == nil {
			t.Errorf("%d rows by %s", made.Rows, id)
		}
	}
}
