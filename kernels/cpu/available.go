package cpu

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Available returns how many bytes more this process can allocate before the system runs short: what the machine has
// free or can free, within the limits of the control groups that it is in. It is 0 where the system does not tell.
func (d *Device) Available() int64 {
	free := procKiB("MemAvailable")
	for _, dir := range controlGroups() {
		limit, ok := numberIn(filepath.Join(dir, "memory.max"))
		used, known := numberIn(filepath.Join(dir, "memory.current"))
		if !ok || !known {
			limit, ok = numberIn(filepath.Join(dir, "memory.limit_in_bytes"))
			used, known = numberIn(filepath.Join(dir, "memory.usage_in_bytes"))
		}
		if !ok || !known {
			continue
		}
		// The page cache counts as used, and gives way.
		if left := limit - used + fileCache(dir); free == 0 || left < free {
			free = max(left, 1)
		}
	}
	return free
}

// procKiB returns a number of /proc/meminfo in bytes, or 0.
func procKiB(key string) int64 {
	kib, err := strconv.ParseInt(strings.TrimSuffix(procValue("/proc/meminfo", key), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}

// controlGroups lists the folders of this process's control groups for memory, from its own to the root, of version 2
// and of version 1.
func controlGroups() []string {
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

// fileCache returns the bytes of a control group's page cache that are not in active use.
func fileCache(dir string) int64 {
	text, err := os.ReadFile(filepath.Join(dir, "memory.stat"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if key == "inactive_file" || key == "total_inactive_file" {
			n, err := strconv.ParseInt(value, 10, 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}
