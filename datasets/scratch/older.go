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

// Versions without locks left decrypted parts under olderFile in os.TempDir(), and folders under olderDir, with entries under
// olderEntry alone, there and where a data file said. Their numbers are random ones of 32 bits, of which those that may as well
// be a year, a day or a count are left alone.
var (
	olderFile  = regexp.MustCompile(`^debut-[0-9]{9,10}\.parquet$`)
	olderDir   = regexp.MustCompile(`^debut-(prepare|head)-[0-9]{9,10}$`)
	olderEntry = regexp.MustCompile(`^(work\.duckdb(\.wal)?|spill|postgres-[0-9]+\.csv|part\.parquet)$`)
)

// sweepOlder removes what a version without locks has left and nobody has used for long.
func sweepOlder(path string, info fs.FileInfo) (removed bool, err error) {
	name := filepath.Base(path)
	switch {
	case info.Mode() == 0o600 && olderFile.MatchString(name) && filepath.Dir(path) == filepath.Clean(os.TempDir()):
		if time.Since(lastUse(info)) < idle {
			return false, nil
		}
	case info.IsDir() && info.Mode().Perm() == 0o700 && olderDir.MatchString(name):
		entries, err := os.ReadDir(path)
		if err != nil || time.Since(info.ModTime()) < idle {
			return false, err
		}
		for _, e := range entries {
			if inner, err := e.Info(); err != nil || !olderEntry.MatchString(e.Name()) || time.Since(lastUse(inner)) < idle {
				return false, nil
			}
		}
	default:
		return false, nil
	}
	err = os.RemoveAll(path)
	return err == nil, err
}
