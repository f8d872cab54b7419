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
	"debut/datasets/wording"
)

// Mark is in the names of folders under work.
const Mark = ".preparing-"

// ErrExists is matched where a folder may not be replaced.
var ErrExists = errors.New("it cannot be replaced")

// A Kind recognizes the outputs of a command: it returns which files in a folder are those of an earlier output, by their
// paths below it with slashes, or an error where there is none, which matches manifest.ErrNotFound where there are no data at all.
type Kind func(dir string) (owns func(name string) bool, err error)

// Check refuses to replace anything but an earlier output of a kind, and that only when told to, and only where nothing else is
// beside it in the folder. What is missing or empty may be written.
func Check(output string, overwrite bool, kind Kind) error {
	name := filepath.Base(output)
	if info, err := os.Stat(output); err == nil && !info.IsDir() {
		return fmt.Errorf("%w: %s is a file; choose another folder", ErrExists, name)
	}
	entries, err := os.ReadDir(output)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	owns, err := kind(output)
	switch {
	case errors.Is(err, manifest.ErrNotFound):
		return fmt.Errorf("%w: %s holds other files than such data; choose another folder", ErrExists, name)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrExists, err)
	case !overwrite:
		return fmt.Errorf("%w: %s holds data already; --overwrite replaces them", ErrExists, name)
	}
	return alone(output, name, owns)
}

// alone returns an error where a folder holds other files than those of an output.
func alone(dir, name string, owns func(string) bool) error {
	foreign, err := Foreign(dir, owns)
	if err != nil {
		return err
	}
	if len(foreign) > 0 {
		return fmt.Errorf("%w: %s holds %s, which is not of the data there and would be lost; move it away, or choose another folder", ErrExists, name, wording.List(foreign, mostForeign))
	}
	return nil
}

// mostForeign is how many files are named that are in the way.
const mostForeign = 3

// ErrBusy is matched where another process is making the output.
var ErrBusy = errors.New("another process is at work on it")

// Folder is an output that comes about.
type Folder struct {
	Work string // where temporary files may be
	Dir  string // what becomes the output
	to   string
	kind Kind
	lock *os.File
	old  *os.File // the lock of the data that are replaced; nil where there are none
}

// Names under work.
const (
	outputDir   = "output"
	replacedDir = "replaced"
	lockFile    = "lock"
)

// Begin makes the folder in which an output of a kind comes about, which replaces what is
// there. What processes that were killed have left of theirs is removed, or put back where
// it is the only copy of an earlier output. The error matches ErrBusy while another process
// makes the same output, or reads the data that are to be replaced. Without a kind the
// folder is for work alone, and cannot be committed.
func Begin(output string, kind Kind) (*Folder, error) {
	if target, err := filepath.EvalSymlinks(output); err == nil {
		output = target // a link stays, and leads to the new output
	}
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
	f := &Folder{Work: work, Dir: filepath.Join(work, outputDir), to: output, kind: kind}
	if f.lock, err = os.Create(filepath.Join(work, lockFile)); err == nil {
		if _, lockErr := filelock.Try(f.lock); !errors.Is(lockErr, errors.ErrUnsupported) {
			err = lockErr
		}
	}
	if err == nil {
		err = os.Mkdir(f.Dir, 0o755)
	}
	if err == nil && kind != nil {
		f.old, err = claim(output)
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
	err = nil
	if replaced { // it may have changed since Begin
		err = f.replaceable(old)
	}
	if err == nil {
		err = os.Rename(f.Dir, f.to)
	}
	if err != nil {
		err = fmt.Errorf("output: %w", err)
		if replaced {
			err = errors.Join(err, os.Rename(old, f.to))
		}
	}
	return err
}

// replaceable returns an error where there are other files in a folder that was set aside than those of an earlier output.
func (f *Folder) replaceable(old string) error {
	entries, err := os.ReadDir(old)
	if err != nil || len(entries) == 0 {
		return err
	}
	owns, err := f.kind(old)
	if err != nil {
		return fmt.Errorf("%w: it has changed meanwhile: %w", ErrExists, err)
	}
	return alone(old, filepath.Base(f.to), owns)
}

// Discard removes what is under work. It comes after Commit, too.
func (f *Folder) Discard() error {
	err := os.RemoveAll(f.Work)
	for _, lock := range []**os.File{&f.lock, &f.old} {
		if *lock != nil {
			err = errors.Join(err, (*lock).Close())
			*lock = nil
		}
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
