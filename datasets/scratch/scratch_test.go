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
	if info, err := os.Stat(d.Path()); err != nil || info.Mode().Perm() != 0o700 || !strings.HasPrefix(filepath.Base(d.Path()), "debut-kind-") {
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

// TestSweepOlderVersions: files without locks go when nobody has touched them for long.
func TestSweepOlderVersions(t *testing.T) {
	parent := t.TempDir()
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
	gone := []string{file("debut-123.parquet", 0o600, old), filepath.Dir(file("debut-prepare-7/work.duckdb", 0o644, old)), filepath.Dir(file("debut-text-8/a.csv", 0o600, old))}
	kept := []string{file("debut-124.parquet", 0o600, recent), filepath.Dir(file("debut-prepare-9/work.duckdb", 0o644, recent))}
	others := []string{
		file("debut-125.parquet", 0o644, old), file("debut-mine.parquet", 0o600, old), file("other-1/x", 0o600, old),
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
	if slices.Sort(s); !slices.Equal(s, gone) {
		t.Errorf("removed %q, want %q", s, gone)
	}
	for _, path := range slices.Concat(kept, others) {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
}

// TestSweepTouchesNothingElse: whatever else lies in the folder stays.
func TestSweepTouchesNothingElse(t *testing.T) {
	root := t.TempDir()
	old := time.Now().Add(-100 * 24 * time.Hour)
	rapid.Check(t, func(r *rapid.T) {
		parent, err := os.MkdirTemp(root, "")
		if err != nil {
			r.Fatal(err)
		}
		name := rapid.OneOf(
			rapid.StringMatching(`debut-[a-z0-9.-]{0,12}`),
			rapid.StringMatching(`(debut|debit)-(prepare|head|text|mine)?-?[0-9]{0,4}(\.parquet|\.csv)?`),
			rapid.StringMatching(`[A-Za-z. -]{1,20}x`),
		).Draw(r, "name")
		mode := fs.FileMode(rapid.SampledFrom([]uint32{0o600, 0o640, 0o644, 0o700, 0o755, 0o770}).Draw(r, "mode"))
		folder := rapid.Bool().Draw(r, "folder")
		path := filepath.Join(parent, name)
		if folder {
			err = errors.Join(os.Mkdir(path, 0o700), os.WriteFile(filepath.Join(path, "data"), nil, 0o600), os.Chtimes(filepath.Join(path, "data"), old, old))
		} else {
			err = os.WriteFile(path, nil, 0o600)
		}
		if err = errors.Join(err, os.Chmod(path, mode), os.Chtimes(path, old, old)); err != nil {
			r.Fatal(err)
		}
		if _, err := Sweep(parent); err != nil {
			r.Fatal(err)
		}
		ours := !folder && mode == 0o600 && unlockedFile.MatchString(name) ||
			folder && mode == 0o700 && slices.ContainsFunc(unlockedKinds, func(k string) bool { return strings.HasPrefix(name+"-", prefix+k+"-") })
		if _, err := os.Lstat(path); (err == nil) == ours {
			r.Fatalf("%q, folder %v, mode %o: swept %v, want %v", name, folder, mode, err != nil, ours)
		}
		if err := os.RemoveAll(parent); err != nil {
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
