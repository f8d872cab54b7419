package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"debut/datasets/filelock"
)

// SpillOf is the folder beside a temporary file for what its writer has no room for in memory.
func SpillOf(temporary string) string { return temporary + ".spill" }

// Temporary makes an empty file beside path, for what is to come in its place by Commit, that only its owner can read. Temporary
// files of the same path, with their folders SpillOf, are removed where the process has ended that made them: until release is
// called, which comes after Commit, the file is locked.
func Temporary(path string) (file *os.File, release func(), err error) {
	return temporary(filepath.Dir(path), "."+filepath.Base(path)+mark)
}

func temporary(dir, prefix string) (*os.File, func(), error) {
	sweep(dir, prefix)
	for i := 0; ; i++ {
		file, err := os.CreateTemp(dir, prefix+"*")
		if err != nil {
			return nil, nil, err
		}
		// The lock is another open file's, as what is written is closed before it is renamed.
		lock, err := os.Open(file.Name())
		if errors.Is(err, fs.ErrNotExist) && i < attempts {
			_ = file.Close() // nothing is in it
			continue
		}
		if err != nil {
			return nil, nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
		}
		taken, err := filelock.Try(lock)
		if errors.Is(err, errors.ErrUnsupported) {
			taken, err = true, nil
		}
		if err == nil && taken && filelock.At(lock, file.Name()) {
			return file, func() { _ = lock.Close() }, nil // it was read only
		}
		// Somebody who sweeps takes it for one of the ended before it is locked.
		_ = errors.Join(lock.Close(), file.Close())
		if err != nil || i == attempts {
			return nil, nil, errors.Join(err, os.Remove(file.Name()))
		}
	}
}

// sweep removes temporary files whose writers have ended, as far as it can: they are in nobody's way.
func sweep(dir, prefix string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" || !e.Type().IsRegular() {
			continue
		}
		name := filepath.Join(dir, e.Name())
		file, err := os.Open(name)
		if err != nil {
			continue
		}
		if taken, err := filelock.Try(file); err == nil && taken && filelock.At(file, name) {
			if err := os.RemoveAll(SpillOf(name)); err == nil {
				_ = os.Remove(name)
			}
		}
		_ = file.Close()
	}
}

// holding is a file system that makes temporary files as Temporary does.
type holding struct {
	FS
	release func()
}

// Create makes one file, which stays locked until release is called.
func (h *holding) Create(dir, pattern string) (File, error) {
	file, release, err := temporary(dir, strings.TrimSuffix(pattern, "*"))
	if err != nil {
		return nil, err // a nil *os.File must not become a non-nil File
	}
	h.release = release
	return file, nil
}
