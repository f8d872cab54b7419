// Package hostmemory tells how much of the host's memory this process may have, within the control groups that it is in (version 1 and
// 2).
package hostmemory

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Available returns how many bytes more this process can allocate before the system runs short: what the machine has
// free or can free, within its control groups. It is 0 where the system does not tell.
func Available() int64 {
	free := procKiB("MemAvailable")
	for _, g := range ControlGroups() {
		used, ok := numberIn(g.Usage)
		if !ok {
			continue
		}
		// The page cache counts as used, and gives way.
		if left := g.Limit - used + fileCache(g.Stat); free == 0 || left < free {
			free = max(left, 1)
		}
	}
	return free
}

// Limit returns how many bytes the control groups allow this process and its like, 0 where that is no less than the machine has.
func Limit() int64 {
	limit, total := int64(math.MaxInt64), Total()
	for _, g := range ControlGroups() {
		limit = min(limit, g.Limit)
	}
	if limit == math.MaxInt64 || total > 0 && limit >= total {
		return 0
	}
	return limit
}

// ControlGroup is one that limits memory.
type ControlGroup struct {
	Limit int64  // bytes
	Usage string // the file that says how many bytes are in use, of files too
	Stat  string // the file that says what for
}

// ControlGroups lists those that limit the memory of this process.
func ControlGroups() []ControlGroup {
	var out []ControlGroup
	for _, dir := range groupFolders() {
		for _, names := range [][2]string{{"memory.max", "memory.current"}, {"memory.limit_in_bytes", "memory.usage_in_bytes"}} {
			limit, ok := numberIn(filepath.Join(dir, names[0]))
			if _, known := numberIn(filepath.Join(dir, names[1])); ok && known {
				out = append(out, ControlGroup{limit, filepath.Join(dir, names[1]), filepath.Join(dir, "memory.stat")})
				break
			}
		}
	}
	return out
}

// Total returns how many bytes of memory the machine has, 0 where the system does not tell.
func Total() int64 { return procKiB("MemTotal") }

// procKiB returns a number of /proc/meminfo in bytes, or 0.
func procKiB(key string) int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && k == key {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

// groupFolders lists the folders of this process's control groups for memory, from its own to the root, of version 2
// and of version 1.
func groupFolders() []string {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	var dirs []string
	for line := range strings.Lines(string(text)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) < 3 {
			continue
		}
		root := "/sys/fs/cgroup"
		switch part[1] {
		case "": // version 2
		case "memory":
			root += "/memory"
		default:
			continue
		}
		// In a container the path may be the host's, of which only the root is to be seen.
		for p := filepath.Clean("/" + part[2]); ; p = filepath.Dir(p) {
			dirs = append(dirs, filepath.Join(root, p))
			if p == "/" {
				break
			}
		}
	}
	return dirs
}

// numberIn reads a file that holds one number; false where it does not, such as "max".
func numberIn(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil && n >= 0
}

// fileCache returns the bytes of a control group's page cache, by its statistics.
func fileCache(stat string) (bytes int64) {
	text, err := os.ReadFile(stat)
	if err != nil {
		return 0
	}
	// Version 1 tells of the group alone first, and then of those in it too.
	for _, total := range []string{"", "total_"} {
		sum, found := int64(0), false
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if key == total+"inactive_file" || key == total+"active_file" {
				if n, err := strconv.ParseInt(value, 10, 64); err == nil {
					sum, found = sum+n, true
				}
			}
		}
		if found {
			bytes = sum
		}
	}
	return bytes
}
