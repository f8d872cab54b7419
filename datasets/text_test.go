package datasets

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// textFeatures returns what an encoder makes of a text.
func textFeatures(t *testing.T, width int, text string) []float32 {
	t.Helper()
	e := &encoding.Encoder{Columns: []encoding.ColumnEncoding{{Name: "t", Type: table.TypeText, Fill: encoding.FillZeros, Width: width, Words: []int{1, 2}, Characters: []int{3, 5}}}}
	f, err := table.NewFrame(&table.Series{Name: "t", Kind: table.Text, Codes: []int32{0}, Dict: []string{text}})
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := e.Encode(t.Context(), f, false)
	if err != nil {
		t.Fatal(err)
	}
	return out.Numeric
}

func TestTextColumn(t *testing.T) {
	ctx := context.Background()
	titles := []string{"red shoes", "blue shoes", "", "garden hose", "Red Shoes"}
	content := "title,n,y\n" + numbered(50, func(i int) string { return fmt.Sprintf("%s,%d,%d", titles[i%5], i, i%2) })
	yes := true
	cfg := Config{Target: "y", Split: Split{Method: SplitNone}, Columns: map[string]encoding.Column{
		"title": {Type: table.TypeText, Dimensions: 32, MissingIndicator: &yes}, "n": {Type: table.TypeText, Dimensions: 8}}}
	d := mustLoad(t, content, cfg)
	if len(d.Report.Warnings) != 0 {
		t.Errorf("warnings %q", d.Report.Warnings)
	}
	if d.Train.Encoded().D != 32+1+8 || d.Train.Encoded().F != 0 {
		t.Fatalf("%d numeric, %d categorical features", d.Train.Encoded().D, d.Train.Encoded().F)
	}
	features := d.Encoder.NumericFeatures()
	if len(features) != d.Train.Encoded().D || features[31].Name != "title[31]" || features[32].Name != "title (missing)" || features[33].Name != "n[0]" {
		t.Errorf("features %+v", features)
	}
	for r := range d.Train.Rows() {
		got := d.Train.Encoded().Numeric[r*d.Train.Encoded().D:][:d.Train.Encoded().D]
		missing := float32(0)
		if titles[r%5] == "" {
			missing = 1
		}
		if !slices.Equal(got[:32], textFeatures(t, 32, titles[r%5])) || got[32] != missing ||
			!slices.Equal(got[33:], textFeatures(t, 8, fmt.Sprint(r))) {
			t.Fatalf("row %d: %v", r, got)
		}
	}
	if r := d.Report.Columns[0]; r.Type != table.TypeText || r.Width != 32 || r.Missing != 10 || r.Distinct != 4 || r.Filled != "zeros" {
		t.Errorf("report %+v", r)
	}
	// Saved, loaded, and applied to a file in which all titles are new and one
	// column has become numbers.
	var b strings.Builder
	if err := d.Encoder.Save(&b); err != nil {
		t.Fatal(err)
	}
	e, err := encoding.LoadEncoder(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	dir := write(t, "new.jsonl", "{\"n\": 5, \"title\": \"a new title\"}\n{\"n\": 5.0, \"title\": 17}\n")
	f, err := e.Read(ctx, table.Source{Path: configfile.Strings{"new.jsonl"}}, dir, false)
	if err != nil {
		t.Fatal(err)
	}
	out, report, err := e.Encode(ctx, f, false)
	if err != nil || len(report.Unseen) != 0 {
		t.Fatalf("%v, %+v", err, report)
	}
	if got := out.Numeric[:32]; !slices.Equal(got, textFeatures(t, 32, "a new title")) {
		t.Errorf("new title: %v", got)
	}
	if !slices.Equal(out.Numeric[33:41], textFeatures(t, 8, "5")) {
		t.Errorf("number: %v", out.Numeric[33:41])
	}
	for _, change := range [][2]string{{`"words": [`, `"words": [-`}, {`"characters": [`, `"characters": [99,`}, {`"width": 32`, `"width": 0`}, {`"width": 32`, `"means": [1], "scales": [1], "width": 1`}} {
		damaged := strings.Replace(b.String(), change[0], change[1], 1)
		if damaged == b.String() {
			t.Fatalf("nothing to change for %q", change[0])
		}
		if _, err := encoding.LoadEncoder(strings.NewReader(damaged)); err == nil {
			t.Errorf("%q is accepted", change[1])
		}
	}
}

func TestConstantText(t *testing.T) {
	d := mustLoad(t, "a,t,y\n"+numbered(20, func(i int) string { return fmt.Sprintf("%d,same title,%d", i, i%2) }),
		Config{Target: "y", Columns: map[string]encoding.Column{"t": {Type: table.TypeText}}})
	wantError(t, fmt.Errorf("%s", d.Report.Warnings), `column "t" is constant ("same title")`)
}

// TestTextIsSuggested checks what is said about a column of categories that
// hardly repeat.
func TestTextIsSuggested(t *testing.T) {
	for name, line := range map[string]string{"titles": "a title of item %d,%d", "ids": "item-%d,%d"} {
		d := mustLoad(t, "t,y\n"+numbered(3000, func(i int) string { return fmt.Sprintf(line, i, i%2) }), Config{Target: "y"})
		if len(d.Report.Warnings) != 1 {
			t.Fatalf("%s: warnings %q", name, d.Report.Warnings)
		}
		wantError(t, fmt.Errorf("%s", d.Report.Warnings), `column "t"`, "identifier", "id or ignore")
		if got := strings.Contains(d.Report.Warnings[0].String(), `columns: {"t": {type: text}}`); got != (name == "titles") {
			t.Errorf("%s: %s", name, d.Report.Warnings[0])
		}
	}
}
