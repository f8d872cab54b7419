package inspect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/table"
)

// The bound on memory holds for what a query takes too.
func TestMemoryOfQuery(t *testing.T) {
	file := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(file, []byte("a,b\n1,2\n3,4\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"SELECT data.*, (SELECT len(list(range)) FROM range(4000000000)) AS n FROM data": "let it select, sort and collect less at a time, or give it more memory",
		"SELECT data.*, (SELECT sum(range) FROM range(1000)) AS n FROM data":             "",
	} {
		_, err := Inspect(t.Context(), table.Source{Path: configfile.Strings{file}, Query: query}, "", Options{Memory: 1 << 20})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// A bound on the memory of the process is kept, or refused: what is held and read with fits into it.
func TestWithin(t *testing.T) {
	if _, _, err := (Options{}).Within(LeastMemory - 1); err == nil || !strings.Contains(err.Error(), "320MiB") {
		t.Errorf("%v", err)
	}
	for _, bytes := range []int64{LeastMemory, 1 << 30, 1 << 40} {
		o, heap, err := Options{Label: "y"}.Within(bytes)
		if err != nil || o.Label != "y" || o.Readers < 1 || o.Memory < 1<<20 || o.Memory > heap || heap+int64(o.Readers)*readerMemory+ownMemory > bytes {
			t.Errorf("%d: %+v, heap %d, %v", bytes, o, heap, err)
		}
	}
	// Small buffers read the same.
	file := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(file, []byte("a,b\n1,"+strings.Repeat("x", 1_900_000)+"\n3,\"4\n\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := Inspect(t.Context(), table.Source{Path: configfile.Strings{file}}, "", Options{Readers: 1})
	if err != nil || r.Tables[0].Rows != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}
