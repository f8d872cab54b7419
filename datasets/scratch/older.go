package scratch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// idle is for how long nobody must have touched what has no lock.
const idle = 48 * time.Hour

// olderFile are the decrypted parts of versions without locks, and olderDir their folders.
var (
	olderFile = regexp.MustCompile(`^debut-[0-9]+\.parquet$`)
	olderDir  = regexp.MustCompile(`^debut-(prepare|head|text)-[0-9]+$`)
)

// sweepOlder removes what a version without locks has left and nobody has used for long.
func sweepOlder(path string, info fs.FileInfo) (removed bool, err error) {
	name := filepath.Base(path)
	switch {
	case info.Mode() == 0o600 && olderFile.MatchString(name):
		if time.Since(lastUse(info)) < idle {
			return false, nil
		}
	case info.IsDir() && info.Mode().Perm() == 0o700 && olderDir.MatchString(name):
		entries, err := os.ReadDir(path)
		if err != nil || time.Since(info.ModTime()) < idle {
			return false, err
		}
		for _, e := range entries {
			if inner, err := e.Info(); err != nil || time.Since(lastUse(inner)) < idle {
				return false, nil
			}
		}
	default:
		return false, nil
	}
	err = os.RemoveAll(path)
	return err == nil, err
}
