// Package atomicfile writes files so that a reader, or a process started after
// a crash, sees either the complete previous content or the complete new one.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// mark is in the names of temporary files: a point, the name of the file that is written, mark and digits.
const mark = ".tmp-"

// TemporaryOf returns the name of the file that a temporary file of this name is to become.
func TemporaryOf(name string) (string, bool) {
	i := strings.LastIndex(name, mark)
	if i < 0 || !strings.HasPrefix(name, ".") {
		return "", false
	}
	return name[1:i], true
}

// Write calls fill with a buffered writer and, when fill succeeds, makes what
// it wrote the content of path with the given permissions.
//
// The content goes to a temporary file in path's own folder (a rename is
// atomic only within one file system), is flushed to stable storage, renamed
// over path, and the folder entry is flushed too. On any error, a panic of
// fill included, path is left as it was and the temporary file is removed;
// only where flushing the folder entry fails, the last thing done, path has
// its complete new content already, which a power failure may then undo.
// The folder must exist. What writers of the same path have left that were
// killed is removed.
func Write(path string, perm fs.FileMode, fill func(io.Writer) error) error {
	h := &holding{FS: OS, release: func() {}}
	defer func() { h.release() }()
	return WriteTo(h, path, perm, fill)
}

// WriteTo is Write on the given file system, of one writer at a time: what killed ones have left is for the caller to find.
func WriteTo(fsys FS, path string, perm fs.FileMode, fill func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	tmp, err := fsys.Create(dir, "."+filepath.Base(path)+mark+"*")
	if err != nil {
		return fmt.Errorf("write %s: create a temporary file beside it: %w", path, err)
	}
	closed, renamed := false, false
	defer func() {
		if !closed {
			err = errors.Join(err, tmp.Close())
		}
		if !renamed {
			err = errors.Join(err, fsys.Remove(tmp.Name()))
		}
	}()

	w := bufio.NewWriterSize(tmp, 1<<16)
	if err := fill(w); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	// Create makes the file 0600; the mode is set explicitly so that the
	// umask cannot take away what the caller asked for.
	if err := tmp.Chmod(perm); err != nil {
		return fmt.Errorf("write %s: set mode: %w", path, err)
	}
	if err := tmp.Sync(); err != nil {
		return fmt.Errorf("write %s: flush to disk: %w", path, err)
	}
	closed = true
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return commit(fsys, tmp.Name(), path, &renamed)
}

// Commit flushes the finished file tmp to stable storage and renames it to
// path. It serves writers that insist on opening a file by name themselves,
// such as DuckDB's COPY. Both names must lie in the same folder. On error tmp
// is left for the caller to remove.
func Commit(tmp, path string) error {
	if filepath.Dir(tmp) != filepath.Dir(path) {
		return fmt.Errorf("write %s: the temporary file %s lies in another folder; a rename would not be atomic", path, tmp)
	}
	f, err := os.OpenFile(tmp, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: flush to disk: %w", path, err)
	}
	var renamed bool
	return commit(OS, tmp, path, &renamed)
}

func commit(fsys FS, tmp, path string, renamed *bool) error {
	if err := fsys.Rename(tmp, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	*renamed = true
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write %s: flush the folder entry: %w", path, err)
	}
	return nil
}
