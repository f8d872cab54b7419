package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Dir is a folder, and what is below it, wherever that is moved: where another folder comes in its place, nothing is written
// there. Paths still begin with the path that it was opened by. It is an FS for files in the folder.
type Dir struct {
	path string
	root *os.Root
}

// OpenDir opens a folder. It must be closed.
func OpenDir(path string) (*Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Dir{path, root}, nil
}

// Close closes the folder.
func (d *Dir) Close() error { return d.root.Close() }

// below is the path from the folder to what is named by a path.
func (d *Dir) below(path string) (string, error) {
	name, err := filepath.Rel(d.path, path)
	if err == nil && !filepath.IsLocal(name) {
		err = fs.ErrInvalid
	}
	if err != nil {
		return "", fmt.Errorf("%s is not in %s: %w", path, d.path, err)
	}
	return name, nil
}

// attempts is how often another name is tried for a temporary file.
const attempts = 1000

// Create makes a new file, as FS says.
func (d *Dir) Create(dir, pattern string) (File, error) {
	before, after, _ := strings.Cut(pattern, "*")
	for i := 0; ; i++ {
		path := filepath.Join(dir, before+strconv.FormatUint(uint64(rand.Uint32()), 10)+after)
		name, err := d.below(path)
		if err != nil {
			return nil, err
		}
		f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) && i < attempts {
			continue
		}
		if err != nil {
			return nil, err
		}
		return dirFile{f, path}, nil
	}
}

// dirFile is a file under the path that it is known by.
type dirFile struct {
	*os.File
	path string
}

// Name is the path of the file.
func (f dirFile) Name() string { return f.path }

// Open opens a regular file.
func (d *Dir) Open(path string) (Reader, error) {
	name, err := d.below(path)
	if err != nil {
		return nil, err
	}
	return openRegular(path, func(flag int) (*os.File, error) { return d.root.OpenFile(name, flag, 0) }, func() (fs.FileInfo, error) { return d.root.Stat(name) })
}

// Rename renames a file.
func (d *Dir) Rename(from, to string) error {
	was, err := d.below(from)
	if err != nil {
		return err
	}
	now, err := d.below(to)
	if err != nil {
		return err
	}
	return d.root.Rename(was, now)
}

// Remove removes a file.
func (d *Dir) Remove(path string) error {
	name, err := d.below(path)
	if err != nil {
		return err
	}
	return d.root.Remove(name)
}

// SyncDir flushes the folder, one below it, or, by its name, any other.
func (d *Dir) SyncDir(path string) error {
	name, err := d.below(path)
	if err != nil {
		return OS.SyncDir(path)
	}
	return syncDir(func() (*os.File, error) { return d.root.Open(name) })
}

// ReadDir lists the folder, or one below it.
func (d *Dir) ReadDir(path string) ([]fs.DirEntry, error) {
	name, err := d.below(path)
	if err != nil {
		return nil, err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	entries, err := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, errors.Join(err, f.Close())
}

// MkdirAll makes a folder below.
func (d *Dir) MkdirAll(path string, perm fs.FileMode) error {
	name, err := d.below(path)
	if err != nil {
		return err
	}
	return d.root.MkdirAll(name, perm)
}

// Free asks the system.
func (d *Dir) Free(path string) (uint64, error) { return free(path) }

var _ FS = (*Dir)(nil)

// openRegular opens what is a regular file.
func openRegular(path string, open func(flag int) (*os.File, error), stat func() (fs.FileInfo, error)) (Reader, error) {
	refuse := func(info fs.FileInfo) error {
		if info.Mode().IsRegular() {
			return nil
		}
		return fmt.Errorf("open %s: %w: not a regular file", path, fs.ErrInvalid)
	}
	// Asked before opening: to open a named pipe waits for a writer.
	info, err := stat()
	if err == nil {
		err = refuse(info)
	}
	if err != nil {
		return nil, err
	}
	f, err := open(os.O_RDONLY | syscall.O_NONBLOCK) // it may have become one
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = refuse(info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return reader{f, info.Size()}, nil
}
