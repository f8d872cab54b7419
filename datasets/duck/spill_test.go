package duck

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// What does not fit into memory goes to files for a database that reads no others too, and endless SQL ends at the limit.
func TestConfinedSpills(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "spill")} {
		db, _ := confined(t, Options{Memory: 64 << 20, TempDir: dir})
		if err := db.Query(context.Background(), "SELECT error('unsorted') FROM (SELECT lag(h) OVER () > h AS later FROM (SELECT hash(range) AS h FROM range(3000000) ORDER BY h)) WHERE later", nil); err != nil {
			t.Errorf("sorted in %q: %v", dir, err)
		}
		if err := db.Query(context.Background(), "SELECT length(string_agg(repeat('x', 1000))) FROM range(100000)", nil); err == nil {
			t.Errorf("a text of 100 MB in %q: no error", dir)
		} else {
			t.Log(err)
		}
		db.Close()
		if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) > 0 {
			t.Errorf("%q holds %v, %v", dir, entries, err)
		}
	}
}
