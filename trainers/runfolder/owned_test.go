package runfolder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Files of somebody else are found wherever they are in a run's folder, and none of a run's own is taken for one.
func TestForeignFilesAnywhere(t *testing.T) {
	root := t.TempDir()
	f := create(t, root, "a", false)
	for name, text := range map[string]string{
		ConfigFile: "", MetricsFile: "", ReportFile: "", eventsPrefix + "1": "", ".run.json.tmp-1": "",
		"model/model.json": `{"sha256": {"a.bin": "", "network.json": ""}}`, "model/a.bin": "", "model/network.json.age": "", "model/.a.bin.tmp-12": "",
		"checkpoints/step-000000000012.json": "", "checkpoints/step-000000000012.safetensors": "", "checkpoints/step-000000000012-2.json": "", "checkpoints/.step-000000000012.json.tmp-1": "",
	} {
		put(t, f.Join(name), text)
	}
	if err := errors.Join(f.WriteResult(&RunResult{Status: Finished, Name: "a"}), f.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"notes.txt", "model/notes.txt", "model/b.bin", "model/deep/a.bin", "checkpoints/notes.txt", "checkpoints/step-1.json", "checkpoints/sub/step-000000000012.json", "mine/x", "run.json.bak"} {
		put(t, f.Join(name), "mine")
		if _, err := Create(root, "a", true); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), `"`+name+`"`) || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%s: %v", name, err)
		}
		if text, err := os.ReadFile(f.Join(name)); err != nil || string(text) != "mine" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
		if err := os.RemoveAll(f.Join(name)); err != nil {
			t.Fatal(err)
		}
		if dir := filepath.Dir(name); dir != "." && dir != ModelDir && dir != CheckpointsDir {
			if _, err := Create(root, "a", true); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), `"`+dir+`/"`) {
				t.Errorf("an empty folder %s: %v", dir, err)
			}
			if err := os.Remove(f.Join(dir)); err != nil {
				t.Fatal(err)
			}
		}
	}
	g := create(t, root, "a", true)
	if err := errors.Join(g.Discard(), g.Close()); err != nil {
		t.Fatal(err)
	}
	// Of a model that was not finished, the kinds of files tell.
	if err := os.WriteFile(f.Join("model/model.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(f.Join("model/a.bin")), os.WriteFile(f.Join("model/users.ids.age"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	g = create(t, root, "a", true)
	if err := errors.Join(g.Commit(), g.Close()); err != nil {
		t.Fatal(err)
	}
}

// A run whose folder is gone writes nothing any more, nowhere, and takes nothing from the run that is there now.
func TestGone(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"removed": os.RemoveAll,
		"moved":   func(path string) error { return os.Rename(path, path+"-moved") },
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := earlier(t, root, "old").Close(); err != nil {
				t.Fatal(err)
			}
			f := create(t, root, "a", true)
			if err := errors.Join(f.Check(), take(f.Path())); err != nil {
				t.Fatal(err)
			}
			refused := func() {
				t.Helper()
				_, _, modelErr := f.Subfolder(ModelDir)
				_, logErr := f.Metrics()
				for what, err := range map[string]error{
					"check": f.Check(), "write": f.WriteFile(ConfigFile, nil), "result": f.WriteResult(&RunResult{Status: Failed}), "model": modelErr, "log": logErr, "commit": f.Commit(), "discard": f.Discard(),
				} {
					if !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), f.Path()) {
						t.Errorf("%s: %v", what, err)
					}
				}
			}
			refused()
			if _, err := os.Lstat(f.Path()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the folder is back: %v", err)
			}
			second, err := Create(root, "a", false)
			if err == nil || !errors.Is(err, ErrExists) { // the earlier run was put back, to which a run without --overwrite does nothing
				t.Fatalf("%v, %v", second, err)
			}
			if second, err = Resume(root, "a"); err != nil {
				t.Fatal(err)
			}
			before := list(t, second.Path())
			refused()
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if after := list(t, second.Path()); after != before {
				t.Errorf("the second run's folder holds %s, before %s", after, before)
			}
			if err := errors.Join(second.Check(), second.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

// No file is made where a link leads, and nothing waits for the other end of a pipe.
func TestLinksAndPipes(t *testing.T) {
	root, elsewhere := t.TempDir(), t.TempDir()
	link := func(name string) {
		t.Helper()
		if err := os.Symlink(filepath.Join(elsewhere, "made"), name); err != nil {
			t.Fatal(err)
		}
	}
	f := create(t, root, "a", false)
	if err := errors.Join(f.Close(), os.Remove(f.Join(LockFile))); err != nil {
		t.Fatal(err)
	}
	for _, make := range []func(string){link, func(name string) {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}} {
		make(f.Join(LockFile))
		if _, err := Resume(root, "a"); err == nil || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("the lock: %v", err)
		}
		if err := os.Remove(f.Join(LockFile)); err != nil {
			t.Fatal(err)
		}
		g, err := Resume(root, "a")
		if err != nil {
			t.Fatal(err)
		}
		make(f.Join(MetricsFile))
		if _, err := g.Metrics(); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("the log: %v", err)
		}
		if err := errors.Join(os.Remove(f.Join(MetricsFile)), g.Close(), os.Remove(f.Join(LockFile))); err != nil {
			t.Fatal(err)
		}
	}
	if got := list(t, elsewhere); got != "" {
		t.Errorf("made elsewhere: %s", got)
	}
}

// Whatever became of run.json, checkpoints can be gone on from, and nothing replaces them or tells anybody to.
func TestCheckpointsWithoutResult(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"missing": os.Remove,
		"empty":   func(path string) error { return os.Truncate(path, 0) },
		"damaged": func(path string) error { return os.WriteFile(path, []byte(`{"status": "runniog"}`), 0o600) },
		"pipe":    func(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
		"link":    func(path string) error { return errors.Join(os.Remove(path), os.Symlink("nowhere", path)) },
		"folder":  func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			f := create(t, root, "a", false)
			saved := f.Join("checkpoints/step-000000000012.json")
			put(t, saved, "{}")
			if err := errors.Join(f.Close(), damage(f.Join(ResultFile))); err != nil {
				t.Fatal(err)
			}
			for _, overwrite := range []bool{false, true} {
				_, err := Create(root, "a", overwrite)
				if !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "but checkpoints: go on from them with --resume") || strings.Contains(err.Error(), "remove") {
					t.Errorf("overwrite %v: %v", overwrite, err)
				}
			}
			if _, err := Open(f.Path()); !errors.Is(err, ErrNotRun) || !strings.Contains(err.Error(), "but checkpoints: go on") {
				t.Errorf("%v", err)
			}
			g, err := Resume(root, "a")
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(saved); err != nil {
				t.Fatal(err)
			}
			if _, err := Resume(root, "a"); !errors.Is(err, ErrNotRun) {
				t.Errorf("there are no checkpoints: %v", err)
			}
		})
	}
}

// A damaged run.json of a run that replaces another is no reason to put that back over the checkpoints of the later one.
func TestCheckpointsWithoutResultInAReplacement(t *testing.T) {
	root := t.TempDir()
	earlier(t, root, "old")
	f := create(t, root, "a", true)
	saved := f.Join("checkpoints/step-000000000012.json")
	put(t, saved, "{}")
	if err := errors.Join(f.Close(), os.Truncate(f.Join(ResultFile), 0)); err != nil {
		t.Fatal(err)
	}
	for _, overwrite := range []bool{false, true} {
		if _, err := Create(root, "a", overwrite); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "--resume") {
			t.Errorf("overwrite %v: %v", overwrite, err)
		}
	}
	g, err := Resume(root, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(saved); err != nil || !g.Replaces() {
		t.Errorf("%v; the earlier run is aside: %v", err, g.Replaces())
	}
	if err := errors.Join(g.Discard(), g.Close()); err != nil {
		t.Fatal(err)
	}
	holds(t, g, "old")
}
