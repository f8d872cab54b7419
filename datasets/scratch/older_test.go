package scratch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestSweepOlderVersions: files without locks go when nobody has touched them for long.
func TestSweepOlderVersions(t *testing.T) {
	parent := t.TempDir()
	t.Setenv("TMPDIR", parent)
	old := time.Now().Add(-3 * 24 * time.Hour)
	file := func(name string, mode fs.FileMode, at time.Time) string {
		t.Helper()
		path := filepath.Join(parent, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, mode), os.Chmod(path, mode), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
		if dir := filepath.Dir(path); dir != parent {
			if err := os.Chtimes(dir, at, at); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	recent := time.Now().Add(-time.Hour)
	gone := []string{file("debut-1234567890.parquet", 0o600, old), filepath.Dir(file("debut-prepare-777777777/work.duckdb", 0o644, old)), filepath.Dir(file("debut-head-888888888/part.parquet", 0o600, old))}
	kept := []string{file("debut-1234567891.parquet", 0o600, recent), filepath.Dir(file("debut-prepare-999999999/work.duckdb", 0o644, recent))}
	others := []string{
		file("debut-1234567892.parquet", 0o644, old), file("debut-mine.parquet", 0o600, old), file("other-1/x", 0o600, old),
		// A user's own, by a year or a day, or beside what was ours.
		file("debut-2024.parquet", 0o600, old), file("debut-20240131.parquet", 0o600, old), file("debut-prepare-555555555/notes.txt", 0o600, old),
		filepath.Dir(file("debut-mine-1/x", 0o600, old)),
	}
	link := filepath.Join(parent, "debut-prepare-link")
	if err := os.Symlink(filepath.Join(parent, "other-1"), link); err != nil {
		t.Fatal(err)
	}
	others = append(others, link)
	open := filepath.Join(parent, "debut-prepare-open") // others may have put something into it
	if err := errors.Join(os.Mkdir(open, 0o755), os.Chmod(open, 0o777), os.Chtimes(open, old, old)); err != nil {
		t.Fatal(err)
	}
	others = append(others, open)
	s, err := Sweep(parent)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(gone)
	if slices.Sort(s); !slices.Equal(s, gone) {
		t.Errorf("removed %q, want %q", s, gone)
	}
	// Where a data file says, no version left parts.
	elsewhere := t.TempDir()
	part := filepath.Join(elsewhere, "debut-1234567890.parquet")
	if err := errors.Join(os.WriteFile(part, nil, 0o600), os.Chtimes(part, old, old)); err != nil {
		t.Fatal(err)
	}
	if s, err := Sweep(elsewhere); err != nil || len(s) > 0 {
		t.Errorf("elsewhere: removed %q, %v", s, err)
	}
	for _, path := range slices.Concat(kept, others) {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
}
