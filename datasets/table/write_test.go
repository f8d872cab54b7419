package table

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"debut/datasets/configfile"
)

var oddTexts = []string{"", "plain", "a,b", "a\tb", `say "hi"`, "two\nlines", "cr\rlf\r\n", " lead", "trail ", `\.`, "é ü", "007", "null", "<&>", "\u00a0x", "\\"}

// oddColumns are columns of every type, with values that are easily written wrong.
func oddColumns(r *rand.Rand, rows int) []OutputColumn {
	var s []string
	var f []float32
	var d []float64
	var i []int32
	var l []int64
	var b []bool
	for range rows {
		s = append(s, oddTexts[r.IntN(len(oddTexts))])
		f = append(f, math.Float32frombits(r.Uint32()))
		d = append(d, math.Float64frombits(r.Uint64()))
		if x := f[len(f)-1]; x-x != 0 {
			f[len(f)-1] = 0.1
		}
		if x := d[len(d)-1]; x-x != 0 {
			d[len(d)-1] = -1e-300
		}
		i, l, b = append(i, int32(r.Uint32())), append(l, int64(r.Uint64())), append(b, r.IntN(2) == 0)
	}
	return []OutputColumn{{"text", s}, {"half, of it", f}, {"double", d}, {`in"t`, i}, {"long", l}, {"truth", b}}
}

// rowsFrom returns rows from to to of columns.
func rowsFrom(columns []OutputColumn, from, to int) []OutputColumn {
	out := make([]OutputColumn, len(columns))
	for i, c := range columns {
		out[i].Name = c.Name
		switch v := c.Values.(type) {
		case []string:
			out[i].Values = v[from:to]
		case []float32:
			out[i].Values = v[from:to]
		case []float64:
			out[i].Values = v[from:to]
		case []int32:
			out[i].Values = v[from:to]
		case []int64:
			out[i].Values = v[from:to]
		case []bool:
			out[i].Values = v[from:to]
		}
	}
	return out
}

// A table written in blocks is that written at once; CSV is that of encoding/csv;
// numbers come back with the same bits.
func TestTableWriter(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const rows = 5000
	columns := oddColumns(r, rows)
	dir := t.TempDir()
	for _, ext := range []string{".csv", ".tsv", ".jsonl", ".parquet"} {
		whole, parts := filepath.Join(dir, "whole"+ext), filepath.Join(dir, "parts"+ext)
		if err := Write(t.Context(), whole, columns); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(parts, []byte("an earlier one"), 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := NewWriter(parts, "", rowsFrom(columns, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		for from := 0; from < rows; {
			to := min(rows, from+[]int{0, 1, 7, 1000}[r.IntN(4)])
			if err := w.Append(t.Context(), rowsFrom(columns, from, to)); err != nil {
				t.Fatal(err)
			}
			from = to
		}
		if old, err := os.ReadFile(parts); err != nil || string(old) != "an earlier one" {
			t.Errorf("%s: before Close there is %.20q, %v", ext, old, err)
		}
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		a, aerr := os.ReadFile(whole)
		b, berr := os.ReadFile(parts)
		if err := errors.Join(aerr, berr); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) && ext != ".parquet" {
			t.Errorf("%s: blocks give another file", ext)
		}
		if ext == ".csv" || ext == ".tsv" {
			if !bytes.Equal(a, standardCSV(t, columns, ext)) {
				t.Errorf("%s: not what encoding/csv writes", ext)
			}
		}
		for _, path := range []string{whole, parts} {
			readBack(t, path, columns)
		}
		if info, err := os.Stat(parts); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: mode %v, %v", ext, info.Mode(), err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func standardCSV(t *testing.T, columns []OutputColumn, ext string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if ext == ".tsv" {
		w.Comma = '\t'
	}
	record := make([]string, len(columns))
	for i, c := range columns {
		record[i] = c.Name
	}
	err := w.Write(record)
	for row := range columns[0].rows() {
		for i, c := range columns {
			if v, ok := c.Values.([]string); ok {
				record[i] = v[row]
			} else {
				record[i] = string(appendNumber(nil, c.Values, row))
			}
		}
		err = errors.Join(err, w.Write(record))
	}
	w.Flush()
	if err = errors.Join(err, w.Error()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readBack compares numbers, and texts as far as readers leave them alone.
func readBack(t *testing.T, path string, columns []OutputColumn) {
	t.Helper()
	f, err := Read(t.Context(), Source{Path: configfile.Strings{path}}, "", map[string]string{"text": TypeCategorical, "long": TypeCategorical})
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	if f.Rows != columns[0].rows() {
		t.Fatalf("%s: %d rows of %d", filepath.Base(path), f.Rows, columns[0].rows())
	}
	for row := range f.Rows {
		got := []float64{f.Column("half, of it").Floats[row], f.Column("double").Floats[row], f.Column(`in"t`).Floats[row], f.Column("truth").Floats[row]}
		truth := 0.0
		if columns[5].Values.([]bool)[row] {
			truth = 1
		}
		want := []float64{float64(columns[1].Values.([]float32)[row]), columns[2].Values.([]float64)[row], float64(columns[3].Values.([]int32)[row]), truth}
		for k := range want {
			if got[k] != want[k] && (k > 0 || float32(got[k]) != float32(want[k])) {
				t.Fatalf("%s: row %d, number %d: %v, want %v", filepath.Base(path), row, k, got[k], want[k])
			}
		}
		if long := f.Column("long").Format(row); long != strconv.FormatInt(columns[4].Values.([]int64)[row], 10) {
			t.Fatalf("%s: row %d: %s", filepath.Base(path), row, long)
		}
	}
}

// A single empty text is a row, not a blank line.
func TestSingleColumn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "one.csv")
	if err := Write(t.Context(), path, []OutputColumn{{"a", []string{"x", "", "y"}}}); err != nil {
		t.Fatal(err)
	}
	f, err := Read(t.Context(), Source{Path: configfile.Strings{path}}, "", nil)
	if err != nil || formatted(f.Column("a")) != "x||y" {
		t.Errorf("%v, %v", f, err)
	}
}

// What is not finished leaves nothing, and an earlier file as it was.
func TestTableWriterLeavesNothing(t *testing.T) {
	columns := oddColumns(rand.New(rand.NewPCG(5, 6)), 3000)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ext := range []string{".csv", ".tsv", ".jsonl", ".parquet"} {
		for name, end := range map[string]func(*Writer) error{
			"aborted":          func(w *Writer) error { w.Abort(); return errors.New("aborted") },
			"canceled":         func(w *Writer) error { return w.Append(canceled, columns) },
			"canceled midway":  func(w *Writer) error { return w.Append(endsAfter(t, 3), columns) },
			"canceled at last": func(w *Writer) error { return w.Close(canceled) },
			"other type":       func(w *Writer) error { return w.Append(t.Context(), []OutputColumn{{"text", []int32{1}}}) },
			"other column": func(w *Writer) error {
				c := rowsFrom(columns, 0, 1)
				c[0].Name = "x"
				return w.Append(t.Context(), c)
			},
			"different lengths": func(w *Writer) error {
				c := rowsFrom(columns, 0, 2)
				c[1] = rowsFrom(columns, 0, 1)[1]
				return w.Append(t.Context(), c)
			},
		} {
			dir := t.TempDir()
			path := filepath.Join(dir, "out"+ext)
			if err := os.WriteFile(path, []byte("earlier"), 0o600); err != nil {
				t.Fatal(err)
			}
			w, err := NewWriter(path, "", columns)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Append(t.Context(), columns); err != nil {
				t.Fatal(err)
			}
			if err := end(w); err == nil {
				t.Errorf("%s, %s: no error", ext, name)
			}
			if err := w.Close(t.Context()); err == nil {
				t.Errorf("%s, %s: closed after an error", ext, name)
			}
			w.Abort()
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 1 {
				t.Errorf("%s, %s: left %v, %v", ext, name, entries, err)
			}
			if old, err := os.ReadFile(path); err != nil || string(old) != "earlier" {
				t.Errorf("%s, %s: the earlier file is %.20q, %v", ext, name, old, err)
			}
		}
	}
	if _, err := NewWriter(filepath.Join(t.TempDir(), "nowhere", "x.parquet"), "", columns); err == nil {
		t.Error("no folder: no error")
	}
	if _, err := NewWriter(filepath.Join(t.TempDir(), "x"), "xls", columns); err == nil {
		t.Error("unknown format: no error")
	}
}

func BenchmarkTableWriter(b *testing.B) {
	columns := []OutputColumn{{"id", make([]string, 4096)}, {"probability", make([]float64, 4096)}}
	for i := range 4096 {
		columns[0].Values.([]string)[i], columns[1].Values.([]float64)[i] = fmt.Sprint(i), 1/float64(i+1)
	}
	for _, ext := range []string{".csv", ".jsonl", ".parquet"} {
		b.Run(ext, func(b *testing.B) {
			w, err := NewWriter(filepath.Join(b.TempDir(), "x"+ext), "", columns)
			if err != nil {
				b.Fatal(err)
			}
			defer w.Abort()
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Append(b.Context(), columns); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(4096*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
