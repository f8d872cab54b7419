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
