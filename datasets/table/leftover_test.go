package table

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What a killed writer has left goes with the next writing of the same file, and what one under way needs does not.
func TestLeftoversOfKilledWriters(t *testing.T) {
	for _, ext := range []string{".csv", ".jsonl", ".parquet"} {
		t.Run(ext, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "out"+ext)
			columns := []OutputColumn{{Name: "n", Values: []int64{1, 2, 3}}}
			begin := func(path string) *Writer {
				t.Helper()
				w, err := NewWriter(path, "", columns)
				if err == nil {
					err = w.Append(t.Context(), columns)
				}
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(w.Abort)
				return w
			}
			names := func() (names []string) {
				entries, err := os.ReadDir(dir)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					names = append(names, e.Name())
				}
				return names
			}
			first := begin(path)
			alive := names()
			for _, name := range []string{".out" + ext + ".tmp-17", ".out" + ext + ".tmp-18"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.MkdirAll(filepath.Join(dir, ".out"+ext+".tmp-18.spill", "x"), 0o700); err != nil {
				t.Fatal(err)
			}
			// Of another file, or nobody's.
			others := []string{".out" + ext + "2.tmp-17", ".out" + ext + ".tmp-mine", "out" + ext + ".tmp-17"}
			for _, name := range others {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			second := begin(path)
			got := names()
			for _, name := range slices.Concat(alive, others) {
				if !slices.Contains(got, name) {
					t.Errorf("%s is gone", name)
				}
			}
			for _, name := range []string{".tmp-17", ".tmp-18", ".tmp-18.spill"} {
				if name = ".out" + ext + name; slices.Contains(got, name) {
					t.Errorf("%s is there", name)
				}
			}
			for _, w := range []*Writer{second, first} {
				if err := w.Close(context.Background()); err != nil {
					t.Error(err)
				}
				f, err := Read(t.Context(), Source{Path: []string{path}}, "", nil)
				if err != nil || f.Rows != 3 {
					t.Errorf("%v, %v", f, err)
				}
			}
			if got := names(); len(got) != len(others)+1 {
				t.Errorf("left: %q", got)
			}
		})
	}
}
