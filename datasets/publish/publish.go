// Package publish makes folders of data that are complete or absent: they come
// about beside their place, under another name, and are renamed when they are
// finished.
package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"debut/datasets/filelock"
	"debut/datasets/manifest"
)

// Mark is in the names of folders under work.
const Mark = ".preparing-"

// ErrExists is matched where a folder may not be replaced.
var ErrExists = errors.New("it cannot be replaced")

// Check refuses to replace anything but what recognize knows as an earlier
// output, and that only when told to. What is missing or empty may be written.
func Check(output string, overwrite bool, recognize func(dir string) error) error {
	if info, err := os.Stat(output); err == nil && !info.IsDir() {
		return fmt.Errorf("%w: %s is a file; choose another folder", ErrExists, filepath.Base(output))
	}
	entries, err := os.ReadDir(output)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if err := recognize(output); err != nil {
		if errors.Is(err, manifest.ErrNotFound) {
			return fmt.Errorf("%w: %s holds other files than such data; choose another folder", ErrExists, filepath.Base(output))
		}
		if !overwrite {
			return err
		}
	}
	if !overwrite {
		return fmt.Errorf("%w: %s holds data already; --overwrite replaces them", ErrExists, filepath.Base(output))
	}
	return nil
}

// ErrBusy is matched where another process is making the output.
var ErrBusy = errors.New("another process is at work on it")

// Folder is an output that comes about.
type Folder struct {
	Work string // where temporary files may be
	Dir  string // what becomes the output
	to   string
	lock *os.File
}

// Names under work.
const (
	outputDir   = "output"
	replacedDir = "replaced"
	lockFile    = "lock"
)

// Begin makes the folder in which an output comes about. What processes that
// were killed have left of theirs is removed, or put back where it is the only
// copy of an earlier output. The error matches ErrBusy while another process
// makes the same output.
func Begin(output string) (*Folder, error) {
	parent := filepath.Dir(output)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	if err := sweep(output); err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	work, err := os.MkdirTemp(parent, "."+filepath.Base(output)+Mark)
	if err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	f := &Folder{Work: work, Dir: filepath.Join(work, outputDir), to: output}
	if f.lock, err = os.Create(filepath.Join(work, lockFile)); err == nil {
		if _, lockErr := filelock.Try(f.lock); !errors.Is(lockErr, errors.ErrUnsupported) {
			err = lockErr
		}
	}
	if err == nil {
		err = os.Mkdir(f.Dir, 0o755)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("output: %w", err), f.Discard())
	}
	return f, nil
}

// Commit puts the output in its place. What was there is renamed away first and
// removed by Discard, so that at every moment one of both is whole.
func (f *Folder) Commit() error {
	old := filepath.Join(f.Work, replacedDir)
	err := os.Rename(f.to, old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("output: %w", err)
	}
	replaced := err == nil
	if err := os.Rename(f.Dir, f.to); err != nil {
		err = fmt.Errorf("output: %w", err)
		if replaced {
			err = errors.Join(err, os.Rename(old, f.to))
		}
		return err
	}
	return nil
}

// Discard removes what is under work. It comes after Commit, too.
func (f *Folder) Discard() error {
	err := os.RemoveAll(f.Work)
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
		f.lock = nil
	}
	return err
}

// sweep looks at the work that other processes have begun on an output.
func sweep(output string) error {
	parent, prefix := filepath.Dir(output), "."+filepath.Base(output)+Mark
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), prefix) {
			if err := abandoned(filepath.Join(parent, e.Name()), output); err != nil {
				return err
			}
		}
	}
	return nil
}

// abandoned removes work whose process has ended.
func abandoned(work, output string) (err error) {
	file, err := os.OpenFile(filepath.Join(work, lockFile), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // about to be locked, or about to be removed
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	switch taken, err := filelock.Try(file); {
	case errors.Is(err, errors.ErrUnsupported):
		return nil // nobody can tell
	case err != nil:
		return err
	case !taken:
		return fmt.Errorf("%w: %s; wait for its end, or choose another folder", ErrBusy, filepath.Base(output))
	}
	// Between the two renames of Commit the earlier output is here alone.
	if _, err := os.Stat(output); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(filepath.Join(work, replacedDir), output); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.RemoveAll(work)
}
