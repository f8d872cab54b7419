package onnxruntime

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Variable is the environment variable that names the library, or a folder with it.
const Variable = "DEBUT_ONNXRUNTIME"

// ErrUnavailable is matched by errors of a library that is not there, or cannot be used.
var ErrUnavailable = errors.New("ONNX Runtime is not available")

// napi begins the names of folders in npm's package.
const napi = "napi-v"

// names are what the library is called.
func names() []string {
	if runtime.GOOS == "darwin" {
		return []string{"libonnxruntime.dylib", "libonnxruntime.1.dylib"}
	}
	return []string{"libonnxruntime.so.1", "libonnxruntime.so"}
}

// Find returns what to open: the library of that path, or in that folder; else that of the environment variable; else that of npm's
// package onnxruntime-node in a node_modules of the working folder or one above it, as Node.js finds it; else its name alone, for the
// system to find.
func Find(path string) string {
	if path == "" {
		path = os.Getenv(Variable)
	}
	if path != "" {
		if found := within(path); found != "" {
			return found
		}
		if _, err := os.Stat(path); err == nil { // a name alone would be looked for where the system has its libraries
			if whole, err := filepath.Abs(path); err == nil {
				return whole
			}
		}
		return path
	}
	dir, err := os.Getwd()
	for err == nil {
		if found := within(filepath.Join(dir, "node_modules", "onnxruntime-node")); found != "" {
			return found
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	return names()[0]
}

// within looks for the library in a folder, which may be npm's package or hold it.
func within(dir string) string {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	for _, name := range names() {
		places := []string{filepath.Join(dir, name)}
		for _, of := range []string{dir, filepath.Join(dir, "node_modules", "onnxruntime-node")} {
			for _, version := range versions(filepath.Join(of, "bin")) {
				places = append(places, filepath.Join(of, "bin", version, runtime.GOOS, arch, name))
			}
		}
		for _, place := range places {
			if info, err := os.Stat(place); err == nil && !info.IsDir() {
				return place
			}
		}
	}
	return ""
}

// versions are the folders of libraries of npm's package, by the version of Node's interface: the latest first.
func versions(dir string) (list []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	of := func(name string) int {
		n, err := strconv.Atoi(strings.TrimPrefix(name, napi))
		if err != nil {
			return -1
		}
		return n
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), napi) && of(e.Name()) >= 0 {
			list = append(list, e.Name())
		}
	}
	slices.SortFunc(list, func(a, b string) int { return of(b) - of(a) })
	return list
}
