//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filelock

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Try takes an exclusive lock on a file for as long as it is open; false where
// another has one. Where the system or the file system knows no locks, as some on
// networks, the error matches errors.ErrUnsupported.
func Try(file *os.File) (bool, error) { return try(file, unix.LOCK_EX) }

// TryShared is Try for a lock that any number of processes may have at a time, and none with an exclusive one.
func TryShared(file *os.File) (bool, error) { return try(file, unix.LOCK_SH) }

func try(file *os.File, how int) (bool, error) {
	for {
		err := unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOLCK):
			return false, fmt.Errorf("lock %s: %w", file.Name(), errors.ErrUnsupported)
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, fmt.Errorf("lock %s: %w", file.Name(), err)
		}
	}
}
