package inspect

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/table"
)

// found returns the warning of a code about a column.
func found(t *testing.T, table *Table, code, column string) Warning {
	t.Helper()
	for _, w := range table.Warnings {
		if w.Code == code && w.Column == column {
			return w
		}
	}
	t.Fatalf("no %s of %s: %+v", code, column, table.Warnings)
	return Warning{}
}

func TestIDsAreCountedExactly(t *testing.T) {
	dir := t.TempDir()
	var text, lines strings.Builder
	text.WriteString("buyer,long,x\n")
	for i := range 120 {
		fmt.Fprintf(&text, "%d,3141592653589793238462%d,%d.5\n", 9007199254741100+i, 100+i, i%9)
		fmt.Fprintf(&lines, `{"buyer": %d, "long": 3141592653589793238462%d, "x": %d.5}`+"\n", 9007199254741100+i, 100+i, i%9)
	}
	files := []string{put(t, dir, "t.csv", text.String()), put(t, dir, "t.jsonl", lines.String()), filepath.Join(dir, "t.parquet")}
	db, err := duck.Open(duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	copied := "COPY (SELECT 9007199254741100 + i AS buyer, (31415926535897932384626::HUGEINT * 1000 + i)::DECIMAL(38, 0) AS long, i % 9 + 0.5::DOUBLE AS x, (9007199254741100 + i)::DOUBLE AS lost FROM range(120) r(i)) TO " + duck.Literal(files[2]) + " (FORMAT parquet)"
	if err := db.Query(t.Context(), copied, nil); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		described := inspectFiles(t, table.Source{Path: configfile.Strings{file}}, Options{}).Tables[0]
		for _, name := range []string{"buyer", "long"} {
			if c := column(t, described, name); c.Distinct != 120 || c.Type != table.TypeCategorical {
				t.Errorf("%s: %s is %s of %d values", filepath.Base(file), name, c.Type, c.Distinct)
			}
		}
		if filepath.Ext(file) == ".parquet" {
			found(t, described, "lost_digits", "lost")
		}
	}
}

// A single impossible date is the one that is shown, and the remedy leaves the others
// as they are.
func TestOneBadDate(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("day,x\n")
	for i := range 90 {
		fmt.Fprintf(&b, "2025-%02d-%02d,%d\n", 1+i/28, 1+i%28, i%7)
	}
	path := put(t, dir, "t.csv", strings.Replace(b.String(), "2025-02-14", "0000-00-00", 1))
	src := table.Source{Path: configfile.Strings{path}}
	w := found(t, inspectFiles(t, src, Options{}).Tables[0], "not_dates", "day")
	if len(w.Examples) != 1 || w.Examples[0].Value != "0000-00-00" || w.Examples[0].Place != "t.csv:43" || w.Rows != 1 || !strings.Contains(w.Remedy(), "null: ['0000-00-00']") {
		t.Errorf("%+v", w)
	}
	src.Null = configfile.Strings{"0000-00-00"}
	if c := column(t, inspectFiles(t, src, Options{}).Tables[0], "day"); c.Type != table.TypeDate || c.Missing != 1 {
		t.Errorf("with the remedy: %+v", c)
	}
}

func TestRemedyOfCodes(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("invoice,x\n")
	for i := range 100 {
		fmt.Fprintf(&b, "%d,%d\n", 536000+i, i%7)
	}
	path := put(t, dir, "t.csv", strings.Replace(b.String(), "536041", "C536041", 1))
	w := found(t, inspectFiles(t, table.Source{Path: configfile.Strings{path}}, Options{}).Tables[0], "not_numbers", "invoice")
	for _, want := range []string{"columns: {invoice: {type: categorical}}", "types: {invoice: categorical}"} {
		if !strings.Contains(w.Remedy(), want) {
			t.Errorf("the remedy lacks %s: %s", want, w.Remedy())
		}
	}
	if _, err := table.Read(t.Context(), table.Source{Path: configfile.Strings{path}}, "", map[string]string{"invoice": table.TypeCategorical}); err != nil {
		t.Error(err)
	}
}

// NaN in files that have types, and columns of structures, have remedies that a run takes.
func TestRemediesOfTypedFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "t.parquet")
	db, err := duck.Open(duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows := "SELECT CASE i WHEN 7 THEN 'nan'::DOUBLE WHEN 9 THEN '-inf'::DOUBLE ELSE i * 0.5 END AS x, i % 3 AS y, i % 2 AS z, {'a': i} AS deep, '1' || i AS n FROM range(120) r(i)"
	if err := db.Query(t.Context(), "COPY ("+rows+") TO "+duck.Literal(path)+" (FORMAT parquet)", nil); err != nil {
		t.Fatal(err)
	}
	src := table.Source{Path: configfile.Strings{path}}
	described := inspectFiles(t, src, Options{}).Tables[0]
	if c := column(t, described, "x"); !c.Refused || c.Type != table.TypeNumeric || c.Missing != 2 {
		t.Errorf("x: %+v", c)
	}
	w := found(t, described, "not_numbers", "x")
	src = w.Remedies[0].Apply(src)
	run, _ := pasted(t, found(t, described, "unreadable", "deep").Remedies[0])
	overrides := map[string]string{"deep": run.Columns["deep"].Type}
	if number, _ := pasted(t, found(t, described, "numbers_as_texts", "n").Remedies[0]); number.Columns["n"].Type != table.TypeNumeric {
		t.Errorf("n: %+v", number)
	}
	overrides["n"] = table.TypeNumeric
	f, err := table.Read(t.Context(), src, "", overrides)
	if err != nil {
		t.Fatal(err)
	}
	if x, n := f.Column("x"), f.Column("n"); x.Kind != table.Numeric || x.MissingCount() != 2 || n.Floats[7] != 17 {
		t.Errorf("x: %v, %d missing", x.Kind, x.MissingCount())
	}
}
