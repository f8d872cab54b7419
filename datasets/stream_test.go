package datasets_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/prepare"
	"debut/datasets/table"
	"debut/datasets/warning"
)

// streamed loads prepared data of small row groups.
func streamed(t *testing.T, rows int) *datasets.Dataset {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("n,city,w,y\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,c%d,%d,%d\n", i, i%7, 1+i%3, i%2)
	}
	file := filepath.Join(dir, "rows.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &prepare.Config{Output: filepath.Join(dir, "data"), RowGroup: 2048, Seed: 3, Sources: map[string]prepare.Source{"rows": {Source: table.Source{Path: configfile.Strings{file}}}}}
	if _, err := prepare.Run(t.Context(), p, prepare.Options{}); err != nil {
		t.Fatal(err)
	}
	d, err := datasets.Load(t.Context(), &datasets.Config{Prepared: p.Output, Target: "y", Weight: "w", ShuffleRows: 3000}, "", 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// A streamed part hands out what its file holds, a row group at a time.
func TestStreamedPart(t *testing.T) {
	d := streamed(t, 9000)
	p := d.Train
	if !p.Streamed() || p.Encoded() != nil {
		t.Fatal("prepared data are in memory")
	}
	f, err := d.Encoder.Read(t.Context(), table.Source{Path: configfile.Strings{d.Report.Files[0].Path}}, "", true)
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := d.Encoder.Encode(t.Context(), f, true)
	if err != nil {
		t.Fatal(err)
	}
	got, blocks := new(encoding.Encoded), 0
	for b, err := range p.Blocks(t.Context()) {
		if err == nil {
			err = got.Append(b)
		}
		if err != nil {
			t.Fatal(err)
		}
		if blocks++; b.Rows > 2048 {
			t.Errorf("a block of %d rows", b.Rows)
		}
	}
	var a, b bytes.Buffer
	if err := errors.Join(got.Hash(t.Context(), &a), want.Hash(t.Context(), &b)); err != nil {
		t.Fatal(err)
	}
	if blocks < 2 || p.Rows() != want.Rows || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("%d blocks of %d rows are not the %d rows of the file", blocks, got.Rows, want.Rows)
	}
	for _, err := range p.Blocks(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		break // and the part can be read again
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	blocks = 0
	for _, err := range p.Blocks(ctx) {
		if blocks++; blocks == 1 {
			cancel()
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("block %d after the end of the context: %v", blocks, err)
		}
	}
	if blocks != 2 {
		t.Errorf("%d blocks, want one and an error", blocks)
	}
}

// Each epoch has every row once, in an order of its own, the same again, whether
// or not somebody gave up waiting on the way.
func TestStreamedBatches(t *testing.T) {
	d := streamed(t, 9000)
	order := func(impatient bool) (epochs [2][]float32) {
		b := d.Train.Batches(datasets.Order{Shuffle: true, Seed: 5, Window: d.Resolved.ShuffleRows})
		defer b.Close()
		for epoch := range epochs {
			const batch = 1000
			for from := 0; from < d.Train.Rows(); from += batch {
				n := min(batch, d.Train.Rows()-from)
				out := encoding.Batch{Numeric: make([]float32, n)}
				visit := func(e *encoding.Encoded, rows []int32, done int) { e.Gather(&out, done, rows) }
				if impatient {
					ctx, cancel := context.WithCancel(t.Context())
					cancel()
					if err := b.Rows(ctx, epoch, from, n, nil, visit); err != nil && !errors.Is(err, context.Canceled) {
						t.Fatal(err)
					}
				}
				if err := b.Rows(t.Context(), epoch, from, n, nil, visit); err != nil {
					t.Fatal(err)
				}
				epochs[epoch] = append(epochs[epoch], out.Numeric...)
			}
		}
		return epochs
	}
	want := order(false)
	if again := order(true); !slices.Equal(again[0], want[0]) || !slices.Equal(again[1], want[1]) {
		t.Error("the order depends on who waits for it")
	}
	if slices.Equal(want[0], want[1]) {
		t.Error("two epochs have the same order")
	}
	for _, epoch := range want {
		slices.Sort(epoch)
		if n := len(slices.Compact(epoch)); n != d.Train.Rows() {
			t.Errorf("%d different rows of %d in an epoch", n, d.Train.Rows())
		}
	}
}

// Columns that dataset.json calls ids are no features unless they are asked for.
func TestIDsOfPreparedDataAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("user,n,y\n")
	for i := range 300 {
		fmt.Fprintf(&b, "%d,%d,%d\n", 1000+i%50, i, i%2)
	}
	file := filepath.Join(dir, "rows.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &prepare.Config{Output: filepath.Join(dir, "data"), Sources: map[string]prepare.Source{"rows": {Source: table.Source{Path: configfile.Strings{file}}}}}
	if _, err := prepare.Run(t.Context(), p, prepare.Options{}); err != nil {
		t.Fatal(err)
	}
	described := filepath.Join(p.Output, "dataset.json")
	text, err := os.ReadFile(described)
	if err != nil {
		t.Fatal(err)
	}
	marked := strings.Replace(string(text), `"name": "user",`, `"name": "user", "id": true,`, 1)
	if marked == string(text) {
		t.Fatal("there is no column to mark")
	}
	if err := os.WriteFile(described, []byte(marked), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, cfg := range map[string]datasets.Config{
		"n":      {},
		"user n": {Columns: map[string]encoding.Column{"user": {Type: table.TypeCategorical}}},
		"user":   {Features: configfile.Strings{"user"}},
	} {
		cfg.Prepared, cfg.Target = p.Output, "y"
		d, err := datasets.Load(t.Context(), &cfg, "", 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range d.Encoder.Columns {
			names = append(names, c.Name)
		}
		told := slices.ContainsFunc(d.Report.Warnings, func(w warning.Warning) bool { return strings.Contains(w.String(), "holds ids") })
		if got := strings.Join(names, " "); got != want || told != (want == "n") {
			t.Errorf("features %q, want %q; warnings %q", got, want, d.Report.Warnings)
		}
		d.Close()
	}
}

// What lies beyond the training rows of prepared data is left out where that is asked for.
func TestTrendsOfPreparedData(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("week,noise,y\n")
	for i := range 9000 {
		fmt.Fprintf(&b, "%d,%d,%d\n", i/50, i*37%101, i%2)
	}
	if err := os.WriteFile(filepath.Join(dir, "rows.csv"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &prepare.Config{
		Output: filepath.Join(dir, "data"), RowGroup: 2048, Seed: 3, Split: prepare.Split{Method: prepare.SplitTime, Column: "week", Validation: new(0.1), Test: new(0.2)},
		Sources: map[string]prepare.Source{"rows": {Source: table.Source{Path: configfile.Strings{filepath.Join(dir, "rows.csv")}}}},
	}
	if _, err := prepare.Run(t.Context(), p, prepare.Options{}); err != nil {
		t.Fatal(err)
	}
	for trends, want := range map[string]int{datasets.TrendsDrop: 1, datasets.TrendsKeep: 2} {
		d, err := datasets.Load(t.Context(), &datasets.Config{Prepared: p.Output, Target: "y", Trends: trends}, "", 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(d.Encoder.NumericFeatures()); got != want {
			t.Errorf("%s: %d features, want %d", trends, got, want)
		}
		d.Close()
	}
}
