package scratch

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// unnamed makes a file without a name. The error matches errors.ErrUnsupported where it could not be opened a second time.
func unnamed(dir string) (*os.File, string, error) {
	var f *os.File
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	switch {
	case err == nil:
		f = os.NewFile(uintptr(fd), "a temporary file in "+dir)
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EISDIR), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EINTR):
		// The file system, or an old kernel, has none: it gets a name for a moment.
		if f, err = os.CreateTemp(dir, prefix+"file-*"); err != nil {
			return nil, "", err
		}
		if err := os.Remove(f.Name()); err != nil {
			return nil, "", errors.Join(err, f.Close())
		}
	default:
		return nil, "", &os.PathError{Op: "make a temporary file in", Path: dir, Err: err}
	}
	path := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	own, err := f.Stat()
	if err != nil {
		return nil, "", errors.Join(err, f.Close())
	}
	if there, err := os.Stat(path); err != nil || !os.SameFile(own, there) {
		return nil, "", errors.Join(errors.ErrUnsupported, f.Close()) // there is no /proc
	}
	return f, path, nil
}
