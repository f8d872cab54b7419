//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package filelock

import (
	"errors"
	"fmt"
	"os"
)

// Try cannot lock: the system has no flock, whose locks end with the process.
func Try(file *os.File) (bool, error) {
	return false, fmt.Errorf("lock %s: %w", file.Name(), errors.ErrUnsupported)
}

// TryShared cannot lock either.
func TryShared(file *os.File) (bool, error) { return Try(file) }
