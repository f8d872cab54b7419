package table

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"debut/datasets/wording"
)

// ErrChanged is matched where a file is not the one any more that was found when its reading began: it was replaced,
// removed, or written to.
var ErrChanged = errors.New("it was replaced or written to while it was read")

// File is a file that is read, as it was found. Files are opened by their names, and most of them several times: to find out how
// they are written, for each part of the rows, and for their hashes. Check tells whether all of that was one and the same.
type File struct {
	Path  string
	found fs.FileInfo
}

// FindFile returns the file at a path, links followed.
func FindFile(path string) (File, error) {
	found, err := os.Stat(path)
	return File{Path: path, found: found}, err
}

// Check returns an error that matches ErrChanged where there is another file at the path than the one that was found, or where it
// was written to since: another inode, size, or time of modification.
func (f File) Check() error {
	now, err := os.Stat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("read %s: %w", wording.FileName(f.Path), err)
	case os.SameFile(f.found, now) && f.found.Size() == now.Size() && f.found.ModTime().Equal(now.ModTime()):
		return nil
	}
	return fmt.Errorf("%s: %w; put it back, or begin anew when nothing writes there", wording.FileName(f.Path), ErrChanged)
}

// Size is the number of bytes that the file had.
func (f File) Size() int64 { return f.found.Size() }

// Hash is Files.Hash of the file alone.
func (f File) Hash(ctx context.Context) (FileHash, error) {
	hashes, err := Files{f}.Hash(ctx)
	if err != nil {
		return FileHash{}, err
	}
	return hashes[0], nil
}

// Files are the files of a source, as they were found.
type Files []File

// Paths returns the names of the files.
func (f Files) Paths() []string {
	paths := make([]string, len(f))
	for i := range f {
		paths[i] = f[i].Path
	}
	return paths
}

// Contains reports whether a path is among the files.
func (f Files) Contains(path string) bool {
	return slices.ContainsFunc(f, func(file File) bool { return file.Path == path })
}

// Check is File.Check of all files.
func (f Files) Check() error {
	for _, file := range f {
		if err := file.Check(); err != nil {
			return err
		}
	}
	return nil
}

// Checked returns err, of reading the files, or, where they have changed, that, which is then the reason for anything.
func (f Files) Checked(err error) error {
	if changed := f.Check(); errors.Is(changed, ErrChanged) {
		return changed
	}
	return err
}

// Hash returns the hashes of the files. It comes when they have been read: the hashes are of what was.
func (f Files) Hash(ctx context.Context) ([]FileHash, error) {
	hashes := make([]FileHash, len(f))
	for i, file := range f {
		var err error
		if hashes[i], err = HashFile(ctx, file.Path); err != nil {
			return nil, f.Checked(err)
		}
	}
	return hashes, f.Check()
}
