package onnxruntime

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Variable is the environment variable that names the library, or a folder with it.
const Variable = "DEBUT_ONNXRUNTIME"

// ErrUnavailable is matched by errors of a library that is not there, or cannot be used.
var ErrUnavailable = errors.New("ONNX Runtime is not available")

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
		for _, pattern := range []string{name, filepath.Join("bin", "napi-v*", runtime.GOOS, arch, name), filepath.Join("node_modules", "onnxruntime-node", "bin", "napi-v*", runtime.GOOS, arch, name)} {
			if found, err := filepath.Glob(filepath.Join(dir, pattern)); err == nil && len(found) > 0 {
				return found[len(found)-1]
			}
		}
	}
	return ""
}
