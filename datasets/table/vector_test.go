package table

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
)

func TestParseVector(t *testing.T) {
	for text, want := range map[string]string{
		"[0.5, -1, 2]":           "[0.5, -1, 2]",
		"0.5 -1 2":               "[0.5, -1, 2]",
		" (1;2 ; 3) ":            "[1, 2, 3]",
		"[ 0.1  2.\n 3e-2]":      "[0.1, 2, 0.03]",
		"[]":                     "[]",
		"[ ]":                    "[]",
		"7":                      "[7]",
		"[1, null]":              "[1, NaN]",
		"[1,,2]":                 errVectorText.Error(),
		"[1, 2,]":                errVectorText.Error(),
		"1 2, 3":                 errVectorText.Error(), // decimal commas
		"0,5 0,7":                errVectorText.Error(),
		"[1, 2":                  errVectorText.Error(),
		"1, x":                   errVectorText.Error(),
		"[1 2 ... 3]":            errVectorText.Error(), // numpy leaves some out
		"[1, inf]":               errVectorSize.Error(),
		"[1, 1e39]":              errVectorSize.Error(),
		"":                       errVectorText.Error(),
		"1-2":                    errVectorText.Error(),
		"[[1, 2]]":               errVectorText.Error(),
		"0x10 1":                 errVectorText.Error(),
		"1_000 2":                errVectorText.Error(),
		"[1e-60, 340282346e30]":  "[0, 3.4028235e+38]",
		"[1.00000001, 16777217]": "[1, 1.6777216e+07]",
	} {
		v, err := parseVector(nil, text)
		got := FormatVector(v)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func FuzzParseVector(f *testing.F) {
	for _, seed := range []string{"[0.5, -1, 2]", "1 2 3", "(1;2)", "[]", "nan null", "1,,2", "[1, 1e39]", "[[1]]", "é", "1\t2\r\n3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseVector(nil, text)
		if err != nil {
			return
		}
		if len(v) > len(text) {
			t.Fatalf("%q has %d numbers", text, len(v))
		}
		// What was read can be written and read again.
		again, err := parseVector(nil, FormatVector(v))
		same := func(a, b float32) bool { return a == b || a != a && b != b }
		if err != nil || !slices.EqualFunc(v, again, same) {
			t.Fatalf("%q: %v becomes %v (%v)", text, v, again, err)
		}
		if present, err := checkVector(v); err == nil && present != (len(v) > 0 && v[0] == v[0]) {
			t.Fatalf("%q: present %v", text, present)
		}
	})
}

// vectorForms are the same four rows with a vector column, the second of them
// without one, in each form that is read.
func vectorForms(t *testing.T) map[string]Source {
	t.Helper()
	dir := t.TempDir()
	writeTo(t, dir, "a.csv", "v,y\n\"[0.5, -1]\",1\n,0\n 2 3 ,1\n\"(4,5)\",0\n")
	writeTo(t, dir, "a.jsonl", "{\"v\": [0.5, -1], \"y\": 1}\n{\"v\": null, \"y\": 0}\n{\"v\": [2, 3], \"y\": 1}\n{\"v\": [4, 5], \"y\": 0}\n")
	writeTo(t, dir, "text.jsonl", "{\"v\": [0.5, -1], \"y\": 1}\n{\"v\": \"\", \"y\": 0}\n{\"v\": \"2 3\", \"y\": 1}\n{\"v\": [4, 5], \"y\": 0}\n")
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	forms := map[string]Source{}
	for name, columns := range map[string]string{"float": "FLOAT[]", "double": "DOUBLE[]", "fixed": "FLOAT[2]", "wide": "DOUBLE[2]"} {
		path := filepath.Join(dir, name+".parquet")
		sql := fmt.Sprintf("COPY (SELECT CAST(v AS %s) AS v, y FROM (VALUES ([0.5, -1], 1), (NULL, 0), ([2, 3], 1), ([4, 5], 0)) AS t(v, y)) TO %s (FORMAT parquet)", columns, duck.Literal(path))
		if err := db.Query(context.Background(), sql, nil); err != nil {
			t.Fatal(err)
		}
		forms[name] = Source{Path: configfile.Strings{path}}
	}
	for _, name := range []string{"a.csv", "a.jsonl", "text.jsonl"} {
		forms[name] = Source{Path: configfile.Strings{filepath.Join(dir, name)}}
	}
	forms["query"] = Source{Path: configfile.Strings{forms["float"].Path[0]}, Query: "SELECT CAST(v AS DOUBLE[2]) AS v, y FROM data"}
	forms["query over csv"] = Source{Path: configfile.Strings{filepath.Join(dir, "a.csv")}, Query: "SELECT v, y FROM data"}
	forms["split texts"] = Source{Path: configfile.Strings{filepath.Join(dir, "a.jsonl")}, Query: "SELECT CAST(v AS INTEGER[]) AS w, v, y FROM data"}
	return forms
}

func TestReadVectors(t *testing.T) {
	for name, src := range vectorForms(t) {
		for _, declared := range []string{TypeAuto, TypeVector} {
			if declared == TypeAuto && (strings.Contains(name, "csv") || name == "text.jsonl") {
				continue // texts are vectors only where declared
			}
			f, err := Read(context.Background(), src, "", map[string]string{"v": declared})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			s := f.Column("v")
			if s.Kind != Vector || s.Width != 2 || formatted(s) != "[0.5, -1]||[2, 3]|[4, 5]" || s.MissingCount() != 1 {
				t.Errorf("%s: %v of width %d: %s", name, s.Kind, s.Width, formatted(s))
			}
		}
	}
}

func TestNewVectors(t *testing.T) {
	nan := float32(math.NaN())
	s, err := NewVectors("v", 2, []float32{1, 2, nan, nan, 3, 4})
	if err != nil || formatted(s) != "[1, 2]||[3, 4]" {
		t.Fatalf("%v %v", s, err)
	}
	for _, bad := range [][]float32{{1, nan}, {1, float32(math.Inf(1))}, {1, 2, 3}} {
		if _, err := NewVectors("v", 2, bad); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
	f, err := NewFrame(s)
	if err != nil {
		t.Fatal(err)
	}
	if got := formatted(f.Pick([]int32{2, 1, 2}).Column("v")); got != "[3, 4]||[3, 4]" {
		t.Errorf("picked %s", got)
	}
}
