// Package scratch makes temporary files and folders for data that are nobody's result: rows that were decrypted, raw ids
// before they are pseudonyms, copies of text in another encoding. A process that is killed cleans up nothing, so a file has
// no name where the system allows that and is gone with its last descriptor; a folder is locked while its process lives,
// and the next one that calls [Sweep] removes it.
package scratch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"debut/datasets/filelock"
)

// prefix begins the names of folders.
const prefix = "debut-scratch-"

// lockFile is in every folder, and locked while its process lives.
const lockFile = ".debut-scratch.lock"

// held are the files and locks that are open. Whoever uses one may keep its path alone, and a file that nobody refers to is closed
// by the garbage collector.
var held sync.Map

// File is a file that is gone when it is closed, or when the process ends.
type File struct {
	*os.File
	path string // by which this process opens it again
	dir  *Dir   // that holds it, where it has a name
}

// NewFile makes an empty file, open for reading and writing, that only the user can read, on the file system of dir; "" stands
// for os.TempDir().
func NewFile(dir string) (*File, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	if f, path, err := unnamed(dir); err == nil {
		held.Store(f, nil)
		return &File{File: f, path: path}, nil
	} else if !errors.Is(err, errors.ErrUnsupported) {
		return nil, err
	}
	d, err := NewDir(dir, "file")
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(d.Path(), "data"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, errors.Join(err, d.Remove())
	}
	held.Store(f, nil)
	return &File{File: f, path: f.Name(), dir: d}, nil
}

// Path is a path under which this process, and no other, may open the file, until Close. What stands there tells nothing of the
// file's format.
func (f *File) Path() string { return f.path }

// Close closes the file, which is gone then. Closing it again does nothing.
func (f *File) Close() error {
	if f.File == nil {
		return nil
	}
	held.Delete(f.File)
	err := f.File.Close()
	f.File = nil
	if f.dir != nil {
		err = errors.Join(err, f.dir.Remove())
	}
	return err
}

// Dir is a folder that is removed by Remove, or by the Sweep of a later process.
type Dir struct {
	path string
	lock *os.File
}

// NewDir makes a folder that only the user can enter, in parent; "" stands for os.TempDir(). kind is in its name.
func NewDir(parent, kind string) (*Dir, error) {
	const tries = 100
	for range tries {
		path, err := os.MkdirTemp(parent, prefix+kind+"-") // mode 0700
		if err != nil {
			return nil, err
		}
		lock, err := hold(path)
		if err == nil && lock == nil {
			continue // a sweep came between: it has the folder
		}
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(path))
		}
		held.Store(lock, nil)
		return &Dir{path: path, lock: lock}, nil
	}
	return nil, fmt.Errorf("make a temporary folder: each of %d was removed at once", tries)
}

// hold makes and takes the lock of a folder; nil where a sweep was faster. Where nothing can be locked the folder stays what
// it is, and no sweep touches it.
func hold(path string) (*os.File, error) {
	name := filepath.Join(path, lockFile)
	lock, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	taken, err := filelock.Try(lock)
	if errors.Is(err, errors.ErrUnsupported) {
		return lock, nil
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if !taken || !filelock.At(lock, name) {
		return nil, lock.Close()
	}
	return lock, nil
}

// Path is where the folder is.
func (d *Dir) Path() string { return d.path }

// Remove removes the folder and all in it. Removing it again does nothing.
func (d *Dir) Remove() error {
	if d == nil || d.lock == nil {
		return nil
	}
	held.Delete(d.lock)
	err := errors.Join(removeAll(d.path), d.lock.Close())
	d.lock = nil
	return err
}
