//go:build !linux

package scratch

import (
	"io/fs"
	"time"
)

// lastUse is when a file was last written, as far as package os tells.
func lastUse(info fs.FileInfo) time.Time { return info.ModTime() }
