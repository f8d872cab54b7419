package filelock

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// However often the file is removed, at most one has the lock of the one that is there.
func TestOpenWhileTheFileIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var holders, most atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				file, err := Open(path)
				if err != nil {
					t.Error(err)
					return
				}
				if file == nil {
					continue
				}
				if n := holders.Add(1); n > most.Load() {
					most.Store(n)
				}
				holders.Add(-1)
				if err := errors.Join(os.Remove(path), file.Close()); err != nil { // the holder alone removes it
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if most.Load() != 1 {
		t.Errorf("%d had the lock at a time", most.Load())
	}
}

func TestOpenAndAt(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lock")
	file, err := Open(path)
	if err != nil || file == nil {
		t.Fatal(file, err)
	}
	if second, err := Open(path); second != nil || err != nil {
		t.Errorf("a second lock: %v, %v", second, err)
	}
	if !At(file, path) || At(file, filepath.Join(dir, "none")) {
		t.Error("At")
	}
	if err := os.Rename(path, path+"2"); err != nil {
		t.Fatal(err)
	}
	other, err := Open(path)
	if err != nil || other == nil || At(file, path) || !At(file, path+"2") {
		t.Errorf("the file was moved: %v, %v", other, err)
	}
	if err := errors.Join(file.Close(), other.Close(), os.Remove(path), os.Symlink("elsewhere", path)); err != nil {
		t.Fatal(err)
	}
	if file, err := Open(path); file != nil || err == nil || !strings.Contains(err.Error(), "a link") {
		t.Errorf("a link: %v, %v", file, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "elsewhere")); err == nil {
		t.Error("a file was made where the link leads")
	}
}
