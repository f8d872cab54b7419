package publish

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"debut/datasets/filelock"
	"debut/datasets/manifest"
)

// Locks of data are those of their description. Readers that open files of the data again and again share one, and the writer that
// replaces the data has it alone. They are no protection from other programs.

// Hold keeps the data of a folder from being replaced, by programs that know of such locks, until it is closed or the process
// ends. The error matches ErrBusy where they are being replaced. Where there are no data, or no locks, nothing is held.
func Hold(dir string) (io.Closer, error) {
	held, err := lockData(dir, filelock.TryShared)
	if errors.Is(err, errTaken) {
		err = fmt.Errorf("%w: the data in %s are being replaced; wait for its end", ErrBusy, filepath.Base(dir))
	}
	if held == nil {
		return unheld{}, err
	}
	return held, err
}

// claim locks the data of a folder that are to be replaced; nil where there are none, or no locks. The error matches ErrBusy
// while somebody reads them.
func claim(dir string) (*os.File, error) {
	held, err := lockData(dir, filelock.Try)
	if errors.Is(err, errTaken) {
		err = fmt.Errorf("%w: a training reads the data in %s, or they are being replaced already; wait for its end, or choose another folder", ErrBusy, filepath.Base(dir))
	}
	return held, err
}

// unheld is a lock where there are none.
type unheld struct{}

func (unheld) Close() error { return nil }

var errTaken = errors.New("the lock is taken")

func lockData(dir string, try func(*os.File) (bool, error)) (*os.File, error) {
	path := filepath.Join(dir, manifest.File)
	for {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		file, err := os.OpenFile(path, os.O_RDWR, 0) // file systems of networks want it for a lock that is exclusive
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
			file, err = os.Open(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		taken, err := try(file)
		if err == nil && taken {
			// Meanwhile another description may have come in the place of that.
			opened, oerr := file.Stat()
			now, nerr := os.Stat(path)
			if oerr == nil && nerr == nil && os.SameFile(opened, now) {
				return file, nil
			}
		}
		if cerr := file.Close(); cerr != nil {
			return nil, cerr
		}
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			return nil, nil
		case err != nil:
			return nil, err
		case !taken:
			return nil, errTaken
		}
	}
}
