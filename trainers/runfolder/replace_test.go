package runfolder

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// earlier makes a finished run with a model, and returns its folder.
func earlier(t *testing.T, root, model string) *Folder {
	t.Helper()
	f := create(t, root, "a", false)
	finish(t, f, model)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f
}

// finish writes a model and that the run is finished.
func finish(t *testing.T, f *Folder, model string) {
	t.Helper()
	put(t, f.Join("model/model.json"), model)
	if err := f.WriteResult(&RunResult{Status: Finished, Name: model}); err != nil {
		t.Fatal(err)
	}
}

// holds checks which run a folder holds, and that nothing is beside it.
func holds(t *testing.T, f *Folder, model string) {
	t.Helper()
	r, err := f.Result()
	data, rerr := os.ReadFile(f.Join("model/model.json"))
	if err := errors.Join(err, rerr); err != nil {
		t.Fatal(err)
	}
	if r.Status != Finished || r.Name != model || string(data) != model {
		t.Errorf("the folder holds run %q, %s, with the model %q; want %q", r.Name, r.Status, data, model)
	}
	if got := list(t, filepath.Dir(f.path)); got != "a" {
		t.Errorf("the root holds %s", got)
	}
	if got, want := list(t, f.path), strings.Join([]string{LockFile, ModelDir, ResultFile}, " "); got != want {
		t.Errorf("the folder holds %s, want %s", got, want)
	}
}

func TestCommitAndDiscard(t *testing.T) {
	root := t.TempDir()
	old := earlier(t, root, "old")
	f := create(t, root, "a", true)
	if !f.Replaces() || list(t, f.path) != LockFile+" "+ResultFile {
		t.Fatalf("the folder of the new run holds %s", list(t, f.path))
	}
	put(t, f.Join(MetricsFile), "")
	put(t, f.Join("model/parameters.safetensors"), "half")
	if err := errors.Join(f.Discard(), f.Discard(), f.Close()); err != nil {
		t.Fatal(err)
	}
	holds(t, old, "old")

	f = create(t, root, "a", true)
	finish(t, f, "new")
	if err := errors.Join(f.Commit(), f.Discard(), f.Close()); err != nil {
		t.Fatal(err)
	}
	holds(t, f, "new")
}

func TestDiscardKeepsTheRecordOfAFirstRun(t *testing.T) {
	f := create(t, t.TempDir(), "a", true)
	if err := f.Discard(); err != nil || f.Replaces() {
		t.Fatal(err)
	}
	if _, err := f.Result(); err != nil {
		t.Error(err)
	}
}

// A program that is killed closes its files, and no more.
func TestCreateAfterAKill(t *testing.T) {
	kill := func(t *testing.T, f *Folder) {
		t.Helper()
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		killed func(t *testing.T, root string, f *Folder) // an open folder that replaces "old"
		want   string                                     // what Discard puts back
	}{
		"while training": {func(t *testing.T, _ string, f *Folder) {
			put(t, f.Join(MetricsFile), "")
			put(t, f.Join("model/parameters.safetensors"), "half")
		}, "old"},
		"before run.json": {func(t *testing.T, _ string, f *Folder) {
			if err := os.Remove(f.Join(ResultFile)); err != nil {
				t.Fatal(err)
			}
		}, "old"},
		"before Commit": {func(t *testing.T, _ string, f *Folder) { finish(t, f, "new") }, "new"},
		"in Commit": {func(t *testing.T, root string, f *Folder) {
			finish(t, f, "new")
			if err := os.Rename(f.aside, filepath.Join(root, ".a.trash-1")); err != nil {
				t.Fatal(err)
			}
		}, "new"},
		"in Discard": {func(t *testing.T, _ string, f *Folder) {
			if err := os.Rename(filepath.Join(f.aside, ResultFile), f.Join(ResultFile)); err != nil {
				t.Fatal(err)
			}
		}, "old"},
		"thrice": {func(t *testing.T, root string, f *Folder) {
			for range 2 {
				kill(t, f)
				f = create(t, root, "a", true)
			}
			kill(t, f)
		}, "old"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			earlier(t, root, "old")
			f := create(t, root, "a", true)
			c.killed(t, root, f)
			kill(t, f)
			f = create(t, root, "a", true)
			if got := list(t, f.path); got != LockFile+" "+ResultFile {
				t.Errorf("the new run begins with %s", got)
			}
			if err := errors.Join(f.Discard(), f.Close()); err != nil {
				t.Fatal(err)
			}
			holds(t, f, c.want)
		})
	}
}

func TestCreateLeavesSimilarNamesAlone(t *testing.T) {
	root := t.TempDir()
	earlier(t, root, "old")
	others := []string{".a.old-x", ".a.old-", ".a.old-1.old-2", ".b.old-1", ".a.trash-1.trash-2"}
	for _, n := range others {
		put(t, filepath.Join(root, n, "x"), "")
	}
	f := create(t, root, "a", true)
	if err := errors.Join(f.Commit(), f.Close()); err != nil {
		t.Fatal(err)
	}
	for _, n := range others {
		if got := list(t, filepath.Join(root, n)); got != "x" {
			t.Errorf("%s holds %q", n, got)
		}
	}
	// Two folders aside: nothing tells which one to keep.
	put(t, filepath.Join(root, ".a.old-1", ResultFile), "")
	put(t, filepath.Join(root, ".a.old-2", ResultFile), "")
	if _, err := Create(root, "a", true); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), ".a.old-1 and ") {
		t.Error(err)
	}
}
