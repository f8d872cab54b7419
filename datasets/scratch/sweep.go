package scratch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"debut/datasets/filelock"
)

// idle is for how long nobody must have touched what has no lock.
const idle = 48 * time.Hour

// begun is for how long a folder without a lock may be one that is about to get it.
const begun = time.Minute

// unlockedKinds are the folders that versions without locks made, and unlockedFile their decrypted data.
var (
	unlockedKinds = []string{"prepare", "head", "text"}
	unlockedFile  = regexp.MustCompile(`^debut-[0-9]+\.parquet$`)
)

// Sweep removes what processes that were killed have left in dir, "" for os.TempDir(), and returns its paths: folders whose lock
// nobody holds, and what versions without locks have left and nobody has used for two days. Only what belongs to the user, and
// nobody else can write to, is touched. Errors are joined; a folder that cannot be read holds nothing of ours.
func Sweep(dir string) (swept []string, err error) {
	if dir == "" {
		dir = os.TempDir()
	}
	entries, readErr := os.ReadDir(dir)
	if readErr != nil {
		return nil, nil
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, statErr := os.Lstat(path)
		if statErr != nil || !owned(info) {
			continue
		}
		var removed bool
		var failed error
		switch {
		case info.IsDir() && info.Mode().Perm() == 0o700:
			removed, failed = sweepDir(path, info)
		case info.Mode() == 0o600 && unlockedFile.MatchString(e.Name()) && time.Since(lastUse(info)) >= idle:
			failed = os.Remove(path)
			removed = failed == nil
		}
		if removed {
			swept = append(swept, path)
		}
		err = errors.Join(err, failed)
	}
	return swept, err
}

// sweepDir removes a folder of which no process lives.
func sweepDir(path string, info fs.FileInfo) (removed bool, err error) {
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return sweepUnlocked(path, info)
	}
	if err != nil {
		return false, err
	}
	taken, err := filelock.Try(lock)
	if taken {
		err = os.RemoveAll(path)
	} else if errors.Is(err, errors.ErrUnsupported) {
		err = nil // nobody can tell
	}
	return taken && err == nil, errors.Join(err, lock.Close())
}

// sweepUnlocked removes a folder without a lock: of a process that was killed before it had one, or of a version that had none.
func sweepUnlocked(path string, info fs.FileInfo) (removed bool, err error) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || time.Since(info.ModTime()) < begun {
		return false, err
	}
	if len(entries) == 0 {
		err := os.Remove(path)
		return err == nil, err
	}
	kind, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), prefix), "-")
	if !slices.Contains(unlockedKinds, kind) {
		return false, nil
	}
	for _, e := range entries {
		if inner, err := e.Info(); err == nil && time.Since(lastUse(inner)) < idle {
			return false, nil
		}
	}
	err = os.RemoveAll(path)
	return err == nil, err
}
