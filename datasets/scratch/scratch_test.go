package scratch

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	f, err := NewFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); runtime.GOOS == "linux" && len(got) > 0 {
		t.Errorf("the file has a name: %q", got)
	}
	if _, err := f.WriteString("content"); err != nil {
		t.Fatal(err)
	}
	again, err := os.Open(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 7)
	if _, err := again.Read(p); err != nil || string(p) != "content" { // its own place in the file
		t.Errorf("%q, %v", p, err)
	}
	if info, err := again.Stat(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := errors.Join(again.Close(), f.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(f.Path()); err == nil {
		t.Error("the path is still there")
	}
	if got := names(t, dir); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
	if _, err := NewFile(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestDir(t *testing.T) {
	parent := t.TempDir()
	d, err := NewDir(parent, "kind")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(d.Path()); err != nil || info.Mode().Perm() != 0o700 || !strings.HasPrefix(filepath.Base(d.Path()), "debut-scratch-kind-") {
		t.Errorf("%v, %v", info, err)
	}
	if s, err := Sweep(parent); err != nil || len(s) > 0 {
		t.Errorf("a folder in use: %v, %v", s, err)
	}
	if err := errors.Join(d.Remove(), d.Remove(), (*Dir)(nil).Remove()); err != nil {
		t.Error(err)
	}
	if got := names(t, parent); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
	if s, err := Sweep(filepath.Join(parent, "none")); err != nil || len(s) > 0 {
		t.Errorf("where no folder is: %v, %v", s, err)
	}
}

// TestSweepAfterKill: the folder of a process that was killed is removed, that of a living one is not.
func TestSweepAfterKill(t *testing.T) {
	if parent := os.Getenv("SCRATCH_TEST"); parent != "" {
		d, err := NewDir(parent, "killed")
		if err == nil {
			err = os.WriteFile(filepath.Join(d.Path(), "secret"), []byte("x"), 0o600)
		}
		if err == nil {
			_, err = os.Stdout.WriteString("ready\n")
		}
		if err != nil {
			t.Fatal(err)
		}
		for {
			runtime.GC() // nobody refers to the folder
			time.Sleep(time.Millisecond)
		}
	}
	parent := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestSweepAfterKill$") //nolint:gosec // the test itself
	child.Env = append(os.Environ(), "SCRATCH_TEST="+parent)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	if s, err := Sweep(parent); err != nil || len(s) > 0 {
		t.Errorf("of a living process: %v, %v", s, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	s, err := Sweep(parent)
	if err != nil || len(s) != 1 || len(names(t, parent)) > 0 {
		t.Errorf("of a killed one: %v, %v, left %q", s, err, names(t, parent))
	}
}

// TestSweepTouchesNothingElse: folders of a process that was killed before it had its lock go, and whatever else there is stays.
func TestSweepTouchesNothingElse(t *testing.T) {
	root := t.TempDir()
	old := time.Now().Add(-time.Hour)
	rapid.Check(t, func(r *rapid.T) {
		parent, err := os.MkdirTemp(root, "")
		if err != nil {
			r.Fatal(err)
		}
		name := rapid.OneOf(
			rapid.StringMatching(`debut-scratch-[a-z0-9.-]{0,12}`),
			rapid.StringMatching(`(debut|debit)-(scratch|bench|mine)?-?[0-9]{0,4}(\.parquet|\.csv)?x`),
		).Draw(r, "name")
		mode := fs.FileMode(rapid.SampledFrom([]uint32{0o600, 0o700, 0o700, 0o700, 0o755, 0o770}).Draw(r, "mode"))
		path := filepath.Join(parent, name)
		kind := rapid.SampledFrom([]string{"file", "link", "folder", "full", "locked"}).Draw(r, "kind")
		inside := func(name string) error { return os.WriteFile(filepath.Join(path, name), nil, 0o600) }
		switch kind {
		case "file":
			err = os.WriteFile(path, nil, mode)
		case "link":
			err = errors.Join(os.Mkdir(filepath.Join(parent, "there"), 0o700), os.Symlink("there", path))
		case "folder":
			err = os.Mkdir(path, 0o700)
		case "full":
			err = errors.Join(os.Mkdir(path, 0o700), inside("data"), inside("lock"))
		case "locked": // by a process that has ended
			err = errors.Join(os.Mkdir(path, 0o700), inside("data"), inside(lockFile))
		}
		young := rapid.Bool().Draw(r, "young")
		if kind != "link" {
			err = errors.Join(err, os.Chmod(path, mode))
			if !young {
				err = errors.Join(err, os.Chtimes(path, old, old))
			}
		}
		if err != nil {
			r.Fatal(err)
		}
		swept, err := Sweep(parent)
		if err != nil {
			r.Fatal(err)
		}
		want := strings.HasPrefix(name, prefix) && mode == 0o700 && (kind == "locked" || kind == "folder" && !young)
		if _, err := os.Lstat(path); (err != nil) != want || slices.Contains(swept, path) != want {
			r.Fatalf("%q, a %s, mode %o, young %v: swept %q, want %v", name, kind, mode, young, swept, want)
		}
		if err := errors.Join(os.Chmod(path, 0o700), os.RemoveAll(parent)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.Fatal(err)
		}
	})
}

// TestSweepRaces: folders that are being made are whole for those who made them.
func TestSweepRaces(t *testing.T) {
	parent := t.TempDir()
	done := make(chan struct{})
	var sweeper, makers sync.WaitGroup
	sweeper.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if _, err := Sweep(parent); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 4 {
		makers.Go(func() {
			for range 50 {
				d, err := NewDir(parent, "race")
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(d.Path(), "x"), nil, 0o600); err != nil {
					t.Error(err)
				}
				if err := d.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	makers.Wait()
	close(done)
	sweeper.Wait()
	if got := names(t, parent); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
}
