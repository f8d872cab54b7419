// Package filelock tells processes apart that write to one place: the lock of a
// file ends with the process that holds it, however that ends.
package filelock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Open opens the file at a path for the sake of its lock, an empty one where there is none, and takes the lock; the file is nil
// where another process has it. Where there are no locks the file is opened all the same. Links are not followed.
func Open(path string) (*os.File, error) {
	for {
		// A link that leads nowhere would have the file made where it leads.
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			var there fs.FileInfo
			if there, err = os.Lstat(path); err == nil && !there.Mode().IsRegular() {
				return nil, fmt.Errorf("lock %s: it is a link, or otherwise no file; remove it", path)
			}
			if err == nil {
				file, err = os.OpenFile(path, os.O_RDWR, 0)
			}
			if errors.Is(err, fs.ErrNotExist) {
				continue // it was there a moment ago
			}
		}
		if err != nil {
			return nil, err
		}
		taken, err := Try(file)
		if errors.Is(err, errors.ErrUnsupported) {
			taken, err = true, nil
		}
		if err == nil && taken && At(file, path) {
			return file, nil
		}
		if err = errors.Join(err, file.Close()); err != nil || !taken {
			return nil, err
		}
	}
}

// At reports whether an open file is the one at a path: the lock of a file that was removed, or moved away with its folder, says
// nothing of what others do there. Links are not followed.
func At(file *os.File, path string) bool {
	open, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(open, there)
}
