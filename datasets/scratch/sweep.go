package scratch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"debut/datasets/filelock"
)

// begun is for how long a folder without a lock may be one that is about to get it.
const begun = time.Minute

// Sweep removes the folders in dir, "" for os.TempDir(), whose processes were killed, and returns their paths: those that NewDir
// made, that belong to the user alone, and whose lock nobody holds; and what versions without locks left, once it has not been
// used for two days. Errors are joined; a dir that cannot be read holds nothing of ours.
func Sweep(dir string) (removed []string, err error) {
	if dir == "" {
		dir = os.TempDir()
	}
	entries, readErr := os.ReadDir(dir)
	if readErr != nil {
		return nil, nil
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		sweep := sweepOlder
		if strings.HasPrefix(e.Name(), prefix) {
			sweep = sweepDir
		} else if !strings.HasPrefix(e.Name(), "debut-") {
			continue
		}
		info, statErr := os.Lstat(path)
		if statErr != nil || !owned(info) {
			continue
		}
		gone, failed := sweep(path, info)
		if gone {
			removed = append(removed, path)
		}
		err = errors.Join(err, failed)
	}
	return removed, err
}

// sweepDir removes a folder of which no process lives.
func sweepDir(path string, info fs.FileInfo) (removed bool, err error) {
	if !info.IsDir() || info.Mode().Perm() != 0o700 {
		return false, nil
	}
	name := filepath.Join(path, lockFile)
	lock, err := os.OpenFile(name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if time.Since(info.ModTime()) < begun {
			return false, nil
		}
		// Its process was killed before it had a lock, so that the folder is empty; what is not is nothing of ours.
		return os.Remove(path) == nil, nil
	}
	if err != nil {
		return false, err
	}
	taken, err := filelock.Try(lock)
	if taken = taken && filelock.At(lock, name); taken { // else its process has just removed it
		err = removeAll(path)
	} else if errors.Is(err, errors.ErrUnsupported) {
		err = nil // nobody can tell
	}
	return taken && err == nil, errors.Join(err, lock.Close())
}

// removeAll removes a folder, its lock last: whoever is killed on the way leaves what the next sweep removes.
func removeAll(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != lockFile {
			err = errors.Join(err, os.RemoveAll(filepath.Join(path, e.Name())))
		}
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(path)
}
