package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/inspect"
	"debut/datasets/table"
)

// The page of a report shows what was found, nothing personal, and texts as texts.
func TestPageOfInspectedData(t *testing.T) {
	t.Chdir(t.TempDir())
	var b strings.Builder
	b.WriteString("email,<script>alert(1)</script>,kind,when,bought\n")
	for i := range 400 {
		fmt.Fprintf(&b, "p%d@mail.example,%d,\"<img src=x onerror=alert(2)>%d\",2025-%02d-01,%t\n", i, i*i%97, i%3, 1+i%12, i%5 == 0)
	}
	if err := os.WriteFile("t.csv", []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := inspect.Inspect(t.Context(), table.Source{Path: configfile.Strings{"t.csv"}}, "", inspect.Options{Label: "bought"})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := inspected(r).Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{"p17@mail.example", "<script", "<img", "http"} {
		if strings.Contains(out.String(), raw) {
			t.Errorf("the page has %s", raw)
		}
	}
	for _, want := range []string{"<svg", "&lt;script&gt;alert(1)&lt;/script&gt;", "400 rows, 5 columns", "<b>bought</b>", "Remedy: ", "withheld", "histogram from 2025-01-01 … 2025-12-01"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the page lacks %s: %s", want, out.String())
		}
	}
}
