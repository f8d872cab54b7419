package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// failing is the machine's file system with one call that fails.
type failing struct {
	FS
	at  string
	err error
}

func (f failing) Create(dir, pattern string) (File, error) {
	if f.at == "create" {
		return nil, f.err
	}
	w, err := f.FS.Create(dir, pattern)
	return failingFile{w, f}, err
}

func (f failing) Rename(from, to string) error {
	if f.at == "rename" {
		return f.err
	}
	return f.FS.Rename(from, to)
}

func (f failing) SyncDir(dir string) error {
	if f.at == "syncdir" {
		return f.err
	}
	return f.FS.SyncDir(dir)
}

type failingFile struct {
	File
	f failing
}

func (w failingFile) Write(p []byte) (int, error) {
	if w.f.at == "write" {
		n, err := w.File.Write(p[:len(p)/2])
		return n, errors.Join(w.f.err, err)
	}
	return w.File.Write(p)
}

func (w failingFile) Sync() error {
	if w.f.at == "sync" {
		return w.f.err
	}
	return w.File.Sync()
}

func (w failingFile) Chmod(mode fs.FileMode) error {
	if w.f.at == "chmod" {
		return w.f.err
	}
	return w.File.Chmod(mode)
}

func (w failingFile) Close() error {
	if w.f.at == "close" {
		return errors.Join(w.f.err, w.File.Close())
	}
	return w.File.Close()
}

func TestWriteToFailures(t *testing.T) {
	broken := errors.New("broken")
	for _, at := range []string{"create", "write", "chmod", "sync", "close", "rename", "syncdir"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		err := WriteTo(failing{OS, at, broken}, path, 0o600, func(w io.Writer) error {
			_, err := io.WriteString(w, "new")
			return err
		})
		if !errors.Is(err, broken) {
			t.Errorf("%s: error = %v", at, err)
		}
		want := "old"
		if at == "syncdir" {
			want = "new" // in place, and only not known to last
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: content %q, error %v; want %q", at, got, err, want)
		}
		if got := names(t, dir); len(got) != 1 {
			t.Errorf("%s: folder holds %q, want only the file", at, got)
		}
	}
}

func TestOSOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := OS.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := make([]byte, 3)
	if _, err := r.ReadAt(p, 2); err != nil || string(p) != "nte" || r.Size() != 7 {
		t.Errorf("read %q of %d bytes: %v", p, r.Size(), err)
	}
	if _, err := OS.Open(dir); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("open a folder: %v", err)
	}
	if _, err := OS.Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open what is not there: %v", err)
	}
	if f, err := OS.Create(filepath.Join(dir, "none"), "x*"); f != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("create where no folder is: %v, %v", f, err)
	}
}

func TestOSFree(t *testing.T) {
	free, err := OS.Free(t.TempDir())
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("error = %v, want errors.ErrUnsupported", err)
		}
		return
	}
	if err != nil || free == 0 {
		t.Errorf("%d bytes are free, %v", free, err)
	}
	if _, err := OS.Free(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}
