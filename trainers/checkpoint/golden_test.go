package checkpoint

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write a golden checkpoint of this version where there is none")

// TestGolden loads the checkpoint that each version of the format left behind. The bytes of this version's must not
// change either: whoever changes them makes a new version.
func TestGolden(t *testing.T) {
	const this = "testdata/version-1"
	dir := t.TempDir()
	mustWrite(t, open(t, nil, dir, 1), 3, 17, new(int64(17)))
	files := names(t, dir)
	if *update {
		if err := os.CopyFS(this, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range files {
		want, err := os.ReadFile(filepath.Join(this, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != string(want) {
			t.Errorf("%s is written as %d bytes %q, %v; was %d bytes %q", name, len(got), got, err, len(want), want)
		}
	}
	versions, err := filepath.Glob("testdata/version-*")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		if n, best := latestWrite(t, newStore(v, Options{})); n != 3 || best != 3 {
			t.Errorf("%s: write %d, best %d", v, n, best)
		}
	}
}
