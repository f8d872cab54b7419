package publish

import (
	"errors"
	"io"
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
	f, err := Begin(output, known)
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
		put(t, filepath.Join(f.Dir, "known"), text)
		if _, err := Begin(output, known); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "out; wait") {
			t.Errorf("two at once: %v", err)
		}
		if other, err := Begin(output+"2", known); err != nil || other.Discard() != nil {
			t.Errorf("another output: %v", err)
		}
		if err := errors.Join(f.Commit(), f.Discard(), f.Discard()); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(output, "known")); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	f := begin(t, output)
	put(t, filepath.Join(f.Dir, "known"), "never")
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(output, "known")); string(got) != "second" {
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
	put(t, filepath.Join(dir, "file"), "")
	put(t, filepath.Join(dir, "data", "known"), "")
	put(t, filepath.Join(dir, "beside", "known"), "")
	put(t, filepath.Join(dir, "beside", "letter"), "")
	put(t, filepath.Join(dir, "below", "known"), "")
	put(t, filepath.Join(dir, "below", "a", "b", "letter"), "")
	put(t, filepath.Join(dir, "folder", "known"), "")
	put(t, filepath.Join(dir, "other", "letter"), "")
	for _, name := range []string{"empty", "folder/own"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string][2]string{
		"absent": {}, "empty": {}, "data": {"--overwrite replaces", ""},
		"file": {"is a file", "is a file"}, "other": {"other files", "other files"},
		"beside": {"--overwrite replaces", `holds "letter", which is not of the data`},
		"below":  {"--overwrite replaces", `holds "a/b/letter", which is not of the data`},
		"folder": {"--overwrite replaces", `holds "own/", which is not of the data`},
	} {
		for i, overwrite := range []bool{false, true} {
			err := Check(filepath.Join(dir, name), overwrite, known)
			if (err == nil) != (want[i] == "") || err != nil && (!strings.Contains(err.Error(), want[i]) || !errors.Is(err, ErrExists)) {
				t.Errorf("%s, overwrite %v: %v", name, overwrite, err)
			}
		}
	}
}

// known recognizes outputs of a file known, with a description or without.
func known(dir string) (func(string) bool, error) {
	for _, name := range []string{"known", manifest.File} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return func(name string) bool { return name == "known" || name == manifest.File }, nil
		}
	}
	return nil, manifest.ErrNotFound
}

// A file that was put into the folder while the new output came about is not lost either.
func TestForeignFileMeanwhile(t *testing.T) {
	dir := t.TempDir()
	output := filepath.Join(dir, "out")
	put(t, filepath.Join(output, "known"), "earlier")
	f := begin(t, output)
	put(t, filepath.Join(f.Dir, "known"), "new")
	put(t, filepath.Join(output, "letter"), "mine")
	if err := f.Commit(); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), `"letter"`) {
		t.Errorf("a letter is in the folder: %v", err)
	}
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"known": "earlier", "letter": "mine"} {
		if got, err := os.ReadFile(filepath.Join(output, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// Data that somebody reads are not replaced, and data that are being replaced not read.
func TestHold(t *testing.T) {
	output := filepath.Join(t.TempDir(), "out")
	put(t, filepath.Join(output, manifest.File), "earlier")
	hold := func() io.Closer {
		t.Helper()
		held, err := Hold(output)
		if err != nil {
			t.Fatal(err)
		}
		return held
	}
	one, two := hold(), hold()
	for _, held := range []io.Closer{one, two} {
		if _, err := Begin(output, known); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "a training reads the data in out") {
			t.Errorf("data that are read are replaced: %v", err)
		}
		if err := held.Close(); err != nil {
			t.Fatal(err)
		}
	}
	f := begin(t, output)
	if held, err := Hold(output); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "are being replaced") {
		t.Errorf("data that are being replaced are read: %v, %v", held, err)
	}
	put(t, filepath.Join(f.Dir, manifest.File), "new")
	if err := errors.Join(f.Commit(), f.Discard(), hold().Close()); err != nil {
		t.Error(err)
	}
	// Whoever only looks needs no lock, and where there are no data there is none.
	work, err := Begin(output, nil)
	if err == nil {
		err = errors.Join(hold().Close(), work.Discard(), os.Remove(filepath.Join(output, manifest.File)), hold().Close())
	}
	if err != nil {
		t.Error(err)
	}
}

// An output that is named by a link is replaced where it is.
func TestLink(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "disk", "data", "known"), "earlier")
	if err := os.Symlink(filepath.Join("disk", "data"), filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	f := begin(t, filepath.Join(dir, "out"))
	put(t, filepath.Join(f.Dir, "known"), "new")
	if err := errors.Join(f.Commit(), f.Discard()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"out", "disk/data"} {
		if got, err := os.ReadFile(filepath.Join(dir, name, "known")); err != nil || string(got) != "new" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestInside(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "out", "a", "file"), "")
	put(t, filepath.Join(dir, "outer", "file"), "")
	if err := errors.Join(os.Symlink("out", filepath.Join(dir, "link")), os.Symlink(filepath.Join("out", "a", "file"), filepath.Join(dir, "file"))); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"out/a/file": true, "link/a/file": true, "file": true, "outer/file": false, "outer/../out/a/file": true, "none": false} {
		for _, folder := range []string{"out", "link"} {
			if got := Inside(filepath.Join(dir, name), filepath.Join(dir, folder)); got != want {
				t.Errorf("%s in %s: %v", name, folder, got)
			}
		}
	}
}
