package table

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"debut/datasets/configfile"
)

func TestWriteTable(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	cols := []OutputColumn{{"id", []string{"007", ""}}, {"p", []float32{0.25, 1e-9}}}
	path := filepath.Join(dir, "p.csv")
	if err := Write(ctx, path, cols); err != nil {
		t.Fatal(err)
	}
	f, err := Read(ctx, Source{Path: configfile.Strings{path}}, "", map[string]string{"id": TypeCategorical})
	if err != nil {
		t.Fatal(err)
	}
	if got := formatted(f.Column("id")) + " " + formatted(f.Column("p")); got != "007| 0.25|1e-09" {
		t.Errorf("read back %s", got)
	}
	for name, bad := range map[string][]OutputColumn{
		"p.xls":      cols,
		"none.csv":   nil,
		"twice.csv":  {{"a", []int32{1}}, {"A", []int32{1}}},
		"length.csv": {{"a", []int32{1}}, {"b", []int32{1, 2}}},
		"type.csv":   {{"a", 3}},
	} {
		wantError(t, Write(ctx, filepath.Join(dir, name), bad), "write "+name)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	for _, name := range []string{"c.csv", "c.parquet"} {
		if err := Write(canceled, filepath.Join(dir, name), cols); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want context.Canceled", name, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q %v", left, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("files: %q %v", left, err)
	}
}
