package datasets

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// TestDatesReadAsTrained predicts with rows whose dates alone would be read
// with day and month exchanged.
func TestDatesReadAsTrained(t *testing.T) {
	content := "d,y\n" + numbered(60, func(i int) string { return fmt.Sprintf("%02d/%02d/2024,%d", 1+i%28, 1+i%12, i%2) })
	d := mustLoad(t, content, Config{Target: "y"})
	var saved bytes.Buffer
	if err := d.Encoder.Save(&saved); err != nil {
		t.Fatal(err)
	}
	e, err := encoding.LoadEncoder(&saved)
	if err != nil {
		t.Fatal(err)
	}
	dir := write(t, "new.csv", "d\n03/04/2024\n")
	ctx := context.Background()
	f, err := e.Read(ctx, table.Source{Path: configfile.Strings{"new.csv"}}, dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := formatted(f.Columns[0]); got != "2024-04-03" {
		t.Errorf("date %s, want the third of April", got)
	}
	// The same rows, typed without the encoder, are not taken silently.
	if f, err = table.Read(ctx, table.Source{Path: configfile.Strings{"new.csv"}}, dir, nil); err != nil {
		t.Fatal(err)
	}
	_, _, err = e.Encode(ctx, f, false)
	wantError(t, err, `"d"`, "MM/DD/YYYY")
	writeTo(t, dir, "new.csv", "d\n03/04/2024\n03/14/2024\n")
	_, err = e.Read(ctx, table.Source{Path: configfile.Strings{"new.csv"}}, dir, false)
	wantError(t, err, "new.csv:3", `"03/14/2024"`, "DD/MM/YYYY", "--null", "train the model again")
	if len(d.Report.Warnings) != 0 {
		t.Errorf("warnings %q", d.Report.Warnings)
	}
}

func TestAmbiguousDatesWarn(t *testing.T) {
	content := "d,y\n" + numbered(60, func(i int) string { return fmt.Sprintf("%02d/%02d/2024,%d", 1+i%12, 1+i%11, i%2) })
	d := mustLoad(t, content, Config{Target: "y"})
	wantError(t, fmt.Errorf("%s", d.Report.Warnings), "MM/DD/YYYY", "DD/MM/YYYY", `types: {d: "DD/MM/YYYY"}`)
	cfg := Config{Target: "y"}
	cfg.Source.Types = map[string]string{"d": "DD/MM/YYYY"}
	d = mustLoad(t, content, cfg)
	if len(d.Report.Warnings) != 0 {
		t.Errorf("warnings %q", d.Report.Warnings)
	}
}
