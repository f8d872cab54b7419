package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/head"
	"debut/datasets/table"
)

func TestHeadFitsTheTerminal(t *testing.T) {
	var header, row []string
	for i := range 20 {
		header = append(header, fmt.Sprintf("column_%d", i))
		row = append(row, fmt.Sprint(i))
	}
	header, row = append(header, "text", "name"), append(row, "日本語"+strings.Repeat("x", 100), "\"a\tb\x1b[31m\"")
	path := filepath.Join(t.TempDir(), "wide.csv")
	if err := os.WriteFile(path, []byte(strings.Join(header, ",")+"\n"+strings.Join(row, ",")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, columns := range [][]string{nil, {"text", "name", "column_3"}, {"text"}} {
		table, err := head.Read(context.Background(), table.Source{Path: configfile.Strings{path}}, "", head.Options{Columns: columns})
		if err != nil {
			t.Fatal(err)
		}
		for _, width := range []int{0, 5, 20, 60, 80, 1000} {
			text := headText(table, width)
			if strings.ContainsAny(text, "\t\x1b") {
				t.Errorf("%q would move the cursor", text)
			}
			widest := 0
			for line := range strings.Lines(text) {
				widest = max(widest, cells(strings.TrimSuffix(line, "\n")))
			}
			if width > 0 && widest > width {
				t.Errorf("%v in %d cells: a line has %d:\n%s", columns, width, widest, text)
			}
			// In 20 cells the note itself is cut.
			if told := strings.Contains(text, "do not fit"); width != 5 && width != 20 && told != (columns == nil && (width == 60 || width == 80)) {
				t.Errorf("%v in %d cells:\n%s", columns, width, text)
			}
		}
	}
	table, err := head.Read(context.Background(), table.Source{Path: configfile.Strings{path}}, "", head.Options{Columns: []string{"text", "column_11", "name"}})
	if err != nil {
		t.Fatal(err)
	}
	want := `text                                      column_11  name
categorical                                 numeric  categorical
日本語xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…         11  a·b·[31m

wide.csv: 1 row, 22 columns
`
	if got := headText(table, 0); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := strings.SplitN(headText(table, 40), "\n", 2)[0]; got != "text              column_11  name" {
		t.Errorf("in 40 cells: %q", got)
	}
}

// What follows from the first rows is said to be a guess.
func TestHeadSaysThatItGuesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long.csv")
	if err := os.WriteFile(path, []byte("n\n"+strings.Repeat("1\n", 5000)+"oops\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := head.Read(context.Background(), table.Source{Path: configfile.Strings{path}}, "", head.Options{Rows: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := "      n\nnumeric\n      1\n\nlong.csv: the first row, 1 column\ntypes are guessed from the first 1,000 rows; a run looks at all of them\n"
	if got := headText(table, 0); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
