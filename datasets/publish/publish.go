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

	"debut/datasets/manifest"
)

// Mark is in the names of folders under work.
const Mark = ".preparing-"

// ErrExists is matched where a folder may not be replaced.
var ErrExists = errors.New("it cannot be replaced")

// Check refuses to replace anything but what recognize knows as an earlier
// output, and that only when told to. What is missing or empty may be written.
func Check(output string, overwrite bool, recognize func(dir string) error) error {
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

// Folder is an output that comes about.
type Folder struct {
	Work string // where temporary files may be
	Dir  string // what becomes the output
	to   string
}

// Begin makes the folder in which an output comes about.
func Begin(output string) (*Folder, error) {
	parent := filepath.Dir(output)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	work, err := os.MkdirTemp(parent, "."+filepath.Base(output)+Mark)
	if err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	f := &Folder{Work: work, Dir: filepath.Join(work, "output"), to: output}
	if err := os.Mkdir(f.Dir, 0o755); err != nil {
		return nil, errors.Join(fmt.Errorf("output: %w", err), f.Discard())
	}
	return f, nil
}

// Commit puts the output in its place. What was there is renamed away first and
// removed by Discard, so that at every moment one of both is whole.
func (f *Folder) Commit() error {
	old := filepath.Join(f.Work, "replaced")
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
func (f *Folder) Discard() error { return os.RemoveAll(f.Work) }
