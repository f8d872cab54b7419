package table

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
)

func TestFilesOnce(t *testing.T) {
	dir := write(t, "a.csv", "a,b\n1,2\n")
	_, err := Read(context.Background(), Source{Path: configfile.Strings{"a.csv", "./a.csv"}}, dir, nil)
	wantError(t, err, "a.csv", "twice")
	_, err = Read(context.Background(), Source{Path: configfile.Strings{"*.csv", "a.csv"}}, dir, nil)
	wantError(t, err, "a.csv", "twice")
}

func TestDecimalCommas(t *testing.T) {
	for _, whole := range []bool{false, true} {
		content := "p;y\n" + numbered(100, func(i int) string {
			if whole && i%3 > 0 {
				return fmt.Sprintf("%d;a", i)
			}
			return fmt.Sprintf("%d,5;a", i)
		})
		_, err := readText(t, content, Source{}, nil)
		wantError(t, err, "data.csv:2", `"p"`, `"0,5"`, "decimal comma", `decimal: ","`, "categorical")
		mustRead(t, content, Source{}, map[string]string{"p": TypeCategorical})
		for _, src := range []Source{{Query: `SELECT * REPLACE (CAST(replace("p", ',', '.') AS DOUBLE) AS "p") FROM data`}, {Decimal: ","}} {
			f := mustRead(t, content, src, nil)
			if p := f.Column("p"); p.Kind != Numeric || p.Floats[0] != 0.5 {
				t.Errorf("the remedy gives %v", p.Kind)
			}
		}
	}
}

func TestMistakesInJSON(t *testing.T) {
	dir := write(t, "r.jsonl", numbered(100, func(i int) string {
		if i == 40 {
			return `{"price": "cheap"}`
		}
		return fmt.Sprintf(`{"price": %d.5}`, i)
	}))
	_, err := Read(context.Background(), Source{Path: configfile.Strings{"r.jsonl"}}, dir, nil)
	wantError(t, err, "r.jsonl: row 41", `"price"`, `cheap`, "is not a number")
}

func TestLineEndsInQuotes(t *testing.T) {
	f := mustRead(t, "a,\"b\nc\"\r\n"+strings.Repeat("1,2\r\n", 10), Source{}, nil)
	if f.Rows != 10 || formatted(f.Columns[1])[:3] != "2|2" {
		t.Errorf("%d rows, %q", f.Rows, formatted(f.Columns[1]))
	}
	dir := write(t, "m.csv", "a,b\r\n1,\"x\ny\"\r\n")
	if err := (&dialect{ctx: t.Context()}).lineFault(filepath.Join(dir, "m.csv")); err != nil {
		t.Error(err)
	}
	writeTo(t, dir, "m.csv", "a,b\r\n1,2\n")
	wantError(t, (&dialect{ctx: t.Context()}).lineFault(filepath.Join(dir, "m.csv")), "m.csv:2")
}

func TestForeignContent(t *testing.T) {
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	for i := range 100000 {
		if _, err := fmt.Fprintf(w, "%d,%d\n", i, i*i%7919); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := readText(t, gz.String(), Source{}, nil)
	wantError(t, err, "data.csv", "gzip", ".gz")
	_, err = readText(t, "\xff\xfea\x00,\x00b\x00\n\x00", Source{}, nil)
	wantError(t, err, "data.csv", "UTF-16", `encoding: "utf-16"`)
	dir := write(t, "cut.csv.gz", gz.String()[:gz.Len()*9/10])
	_, err = Read(context.Background(), Source{Path: configfile.Strings{"cut.csv.gz"}}, dir, nil)
	wantError(t, err, "cut.csv.gz", "cut off")
	_, err = readText(t, "a,b\n"+strings.Repeat("1,2\n", 50)+"1e400,2\n", Source{}, nil)
	wantError(t, err, "data.csv:52", "out of range")
}
