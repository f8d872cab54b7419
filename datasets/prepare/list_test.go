package prepare

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets"
	"debut/datasets/manifest"
)

// Sparse rows keep their indexes to the last digit, whatever their lengths.
func TestSparseRows(t *testing.T) {
	dir := folder(t, map[string]string{"a.libsvm": "1 16777217:1 16777219:0.5\n0 2147483647:2\n1\n", "same.libsvm": "1 16777217:1\n0 2147483647:2\n"})
	const head = "sources: {s: {path: a.libsvm, format: libsvm}}\nsplit: {method: none}\n"
	d := mustRun(t, dir, head)
	wantRows(t, dir, "SELECT label, indexes, values FROM out ORDER BY label, indexes", "0.0 [2147483647] [2.0]", "1.0 [] []", "1.0 [16777217, 16777219] [1.0, 0.5]")
	if d.Column("indexes").Type != manifest.List || d.Column("indexes").SQL != "BIGINT[]" || d.Column("values").Type != manifest.List {
		t.Errorf("%+v", d.Columns)
	}
	loaded, err := datasets.Load(context.Background(), &datasets.Config{Prepared: filepath.Join(dir, "out"), Target: "label"}, "", 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	lists := loaded.Encoder.ListFields()
	if len(lists) != 1 || lists[0].Length != 2 || !lists[0].Each || loaded.Encoder.Columns[0].Weights != "values" {
		t.Errorf("%+v", loaded.Encoder.Columns)
	}
	rows, err := loaded.Train.Together(context.Background())
	if err != nil || rows.Rows != 3 || rows.L != 2 {
		t.Errorf("%+v, %v", rows, err)
	}
	loaded.Close()
	mustRun(t, dir, strings.Replace(head, "a.lib", "same.lib", 1))
	wantRows(t, dir, "SELECT indexes FROM out ORDER BY label", "[2147483647]", "[16777217]")
	if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	_, err = run(t, dir, head+"columns: {indexes: vector}\n")
	wantError(t, dir, err, "columns.indexes", "from 0 to 2 values")
}
