package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// File is a file that is being written.
type File interface {
	io.Writer
	// Sync flushes what was written to stable storage.
	Sync() error
	Close() error
	// Name is the path of the file.
	Name() string
	Chmod(mode fs.FileMode) error
}

// Reader is a file that is being read, at any place.
type Reader interface {
	io.ReaderAt
	io.Closer
	// Size is the number of bytes when the file was opened.
	Size() int64
}

// FS is what writing files safely needs of a file system. OS is the machine's; tests put one in its place that fails or
// forgets at chosen moments. Paths are those of the machine (package path/filepath).
type FS interface {
	// Create makes a new file in dir, named by pattern as in os.CreateTemp, readable by its owner only.
	Create(dir, pattern string) (File, error)
	// Open opens an existing regular file for reading.
	Open(name string) (Reader, error)
	// Rename puts a file in the place of to; at any moment there is either the old content of that or the new one.
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir makes what was created, renamed and removed in dir durable.
	SyncDir(dir string) error
	// ReadDir lists a folder in the order of names.
	ReadDir(dir string) ([]fs.DirEntry, error)
	MkdirAll(dir string, perm fs.FileMode) error
	// Free is the number of bytes that this user may still write in dir; errors.ErrUnsupported where the
	// system does not tell.
	Free(dir string) (uint64, error)
}

// OS is the machine's file system.
var OS FS = system{}

// system is a file system of package os.
type system struct{}

// Create is os.CreateTemp.
func (system) Create(dir, pattern string) (File, error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err // a nil *os.File must not become a non-nil File
	}
	return f, nil
}

// Rename is os.Rename.
func (system) Rename(from, to string) error { return os.Rename(from, to) }

// Remove is os.Remove.
func (system) Remove(name string) error { return os.Remove(name) }

// ReadDir is os.ReadDir.
func (system) ReadDir(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

// MkdirAll is os.MkdirAll.
func (system) MkdirAll(dir string, perm fs.FileMode) error { return os.MkdirAll(dir, perm) }

// Free asks the system.
func (system) Free(dir string) (uint64, error) { return free(dir) }

// SyncDir flushes the folder, where the system has a way to.
func (system) SyncDir(dir string) error {
	return syncDir(func() (*os.File, error) { return os.Open(dir) })
}

func syncDir(open func() (*os.File, error)) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be opened for flushing there
	}
	d, err := open()
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Open refuses what is not a regular file.
func (system) Open(name string) (Reader, error) {
	return openRegular(name, func(flag int) (*os.File, error) { return os.OpenFile(name, flag, 0) }, func() (fs.FileInfo, error) { return os.Stat(name) })
}

// Read reads a whole regular file of at most limit bytes.
func Read(path string, limit int64) (text []byte, err error) {
	f, err := OS.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err = io.ReadAll(io.NewSectionReader(f, 0, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("read %s: %w: it has more than %d bytes", path, fs.ErrInvalid, limit)
	}
	return text, err
}

// reader is an open file and its size.
type reader struct {
	*os.File
	size int64
}

// Size is that of when it was opened.
func (r reader) Size() int64 { return r.size }
