//go:build gpu && cgo && linux && (amd64 || arm64)

package cublas

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// newest and oldest are the major versions whose functions are the ones that this package calls.
const newest, oldest = 13, 11

// sonames returns the library's names from a major version down.
func sonames(major int) []string {
	var names []string
	for v := major; v >= oldest; v-- {
		names = append(names, fmt.Sprintf("libcublasLt.so.%d", v))
	}
	return names
}

// usable returns the newest major version that works with a driver, by the CUDA version that it supports; 0 stands for unknown.
// Libraries work with every later driver, and with earlier ones of the same major version.
func usable(driver int) int {
	if major := driver / 1000; major >= oldest {
		return min(major, newest)
	}
	return newest
}

// named returns what a value of [Variable] stands for: a file, or those of a folder.
func named(value string) ([]string, error) {
	info, err := os.Stat(value)
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(value) // a path without a slash would be looked for by the loader
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	files := present([]string{path}, sonames(newest))
	if len(files) == 0 {
		return nil, fmt.Errorf("the folder %s has none of %s", path, strings.Join(sonames(newest), ", "))
	}
	return files, nil
}

// candidates lists the files to try: what the loader finds by name, then what lies in the folders where CUDA is installed.
func candidates(names []string) []string {
	return append(slices.Clone(names), present(folders(), names)...)
}

// present returns the files of folders that have one of the names, without those that are the same.
func present(folders, names []string) []string {
	var files []string
	seen := make(map[string]bool)
	for _, folder := range folders {
		for _, name := range names {
			file := filepath.Join(folder, name)
			same, err := filepath.EvalSymlinks(file)
			if err != nil || seen[same] {
				continue
			}
			seen[same] = true
			files = append(files, file)
		}
	}
	return files
}

// folders lists where the library may lie that the loader does not look in: CUDA's own installations, those of distributions, and
// the wheels of the Python environments in sight.
func folders() []string {
	var out []string
	add := func(patterns ...string) {
		for _, p := range patterns {
			out = append(out, matches(p)...)
		}
	}
	install := func(root string) { add(root+"/lib64", root+"/targets/*/lib", root+"/lib") }
	for _, variable := range []string{"CUDA_HOME", "CUDA_PATH"} {
		if root := os.Getenv(variable); root != "" {
			install(literal(root))
		}
	}
	install("/usr/local/cuda")
	for _, root := range matches("/usr/local/cuda-*") {
		install(literal(root))
	}
	install("/opt/cuda")
	add("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib")
	for _, variable := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if root := os.Getenv(variable); root != "" {
			add(literal(root)+"/lib", literal(root)+"/targets/*/lib")
			add(wheels(root)...)
		}
	}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		for _, python := range []string{"python3", "python"} {
			program := filepath.Join(folder, python)
			if info, err := os.Stat(program); err != nil || info.IsDir() {
				continue
			}
			add(wheels(filepath.Dir(folder))...)
			// An environment's interpreter may be a link to the one that it was made from, whose packages it may see.
			if original, err := filepath.EvalSymlinks(program); err == nil {
				add(wheels(filepath.Dir(filepath.Dir(original)))...)
			}
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		add(wheels(filepath.Join(home, ".local"))...)
	}
	return out
}

// wheels returns patterns of the folders that NVIDIA's Python packages put the library in, below a prefix of Python's.
func wheels(prefix string) []string {
	var out []string
	for _, lib := range []string{"lib", "lib64", "local/lib"} {
		for _, python := range []string{"python3.*", "python3"} {
			for _, site := range []string{"site-packages", "dist-packages"} {
				at := filepath.Join(literal(prefix), lib, python, site, "nvidia")
				out = append(out, at+"/cu[0-9]*/lib", at+"/cublas/lib")
			}
		}
	}
	return out
}

// literal quotes a path for a pattern.
func literal(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

var number = regexp.MustCompile(`\d+`)

// matches returns the paths of a pattern, the highest versions first.
func matches(pattern string) []string {
	paths, _ := filepath.Glob(pattern) // the patterns are well formed
	slices.SortStableFunc(paths, func(a, b string) int { return compareVersions(b, a) })
	return paths
}

// compareVersions orders texts by the numbers in them.
func compareVersions(a, b string) int {
	x, y := number.FindAllString(a, -1), number.FindAllString(b, -1)
	for i := range min(len(x), len(y)) {
		m, _ := strconv.ParseUint(x[i], 10, 64) // what is too large is the largest
		n, _ := strconv.ParseUint(y[i], 10, 64)
		if c := cmp.Compare(m, n); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}
