package scratch

import (
	"io/fs"
	"syscall"
	"time"
)

// lastUse is when a file was last read or written. Most file systems note at least the first reading of a day.
func lastUse(info fs.FileInfo) time.Time {
	last := info.ModTime()
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if read := time.Unix(st.Atim.Unix()); read.After(last) {
			last = read
		}
	}
	return last
}
