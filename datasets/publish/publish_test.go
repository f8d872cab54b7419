package publish

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/manifest"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, output string) *Folder {
	t.Helper()
	f, err := Begin(output)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCompleteOrAbsent(t *testing.T) {
	dir := t.TempDir()
	output := filepath.Join(dir, "out")
	for _, text := range []string{"first", "second"} {
		f := begin(t, output)
		put(t, filepath.Join(f.Dir, "a"), text)
		if _, err := Begin(output); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "out; wait") {
			t.Errorf("two at once: %v", err)
		}
		if other, err := Begin(output + "2"); err != nil || other.Discard() != nil {
			t.Errorf("another output: %v", err)
		}
		if err := errors.Join(f.Commit(), f.Discard(), f.Discard()); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(output, "a")); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	f := begin(t, output)
	put(t, filepath.Join(f.Dir, "a"), "never")
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(output, "a")); string(got) != "second" {
		t.Errorf("discarded, but %q", got)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// A killed process leaves its folder; its lock has ended with it.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	output := filepath.Join(dir, "out")
	work := filepath.Join(dir, ".out"+Mark+"123")
	put(t, filepath.Join(work, lockFile), "")
	put(t, filepath.Join(work, outputDir, "a"), "half of it")
	f := begin(t, output)
	if _, err := os.Stat(work); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was left is still there: %v", err)
	}
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
	// Killed between the renames: the earlier output gets its place back.
	put(t, filepath.Join(work, lockFile), "")
	put(t, filepath.Join(work, replacedDir, "a"), "earlier")
	if err := begin(t, output).Discard(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(output, "a")); err != nil || string(got) != "earlier" {
		t.Errorf("%q, %v", got, err)
	}
	// One that has no lock yet is somebody's who has just begun.
	if err := os.MkdirAll(work, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := begin(t, output).Discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(work); err != nil {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	known := func(dir string) error {
		if _, err := os.Stat(filepath.Join(dir, "known")); err != nil {
			return manifest.ErrNotFound
		}
		return nil
	}
	put(t, filepath.Join(dir, "file"), "")
	put(t, filepath.Join(dir, "data", "known"), "")
	put(t, filepath.Join(dir, "other", "letter"), "")
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]string{
		"absent": {}, "empty": {}, "data": {"--overwrite replaces", ""},
		"file": {"is a file", "is a file"}, "other": {"other files", "other files"},
	} {
		for i, overwrite := range []bool{false, true} {
			err := Check(filepath.Join(dir, name), overwrite, known)
			if (err == nil) != (want[i] == "") || err != nil && (!strings.Contains(err.Error(), want[i]) || !errors.Is(err, ErrExists)) {
				t.Errorf("%s, overwrite %v: %v", name, overwrite, err)
			}
		}
	}
}
