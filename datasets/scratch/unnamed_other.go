//go:build !linux

package scratch

import (
	"errors"
	"os"
)

// unnamed cannot: only Linux opens an unlinked file a second time as a file of its own.
func unnamed(string) (*os.File, string, error) { return nil, "", errors.ErrUnsupported }
