// Package emulator builds the emulated CUDA driver, and a stand-in for cuBLASLt, that tests use in the place of a GPU: shared
// libraries that run the kernels' source on the CPU. See library/driver.cpp for what it checks and how it is told to fail.
package emulator

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"debut/kernels/cuda/source"
)

// Variable is the environment variable that names a folder with libraries built before.
const Variable = "DEBUT_EMULATOR"

//go:embed library/*
var files embed.FS

// Library is the files of the emulated libraries.
type Library struct{ Driver, BLAS string }

func in(folder string) Library {
	return Library{filepath.Join(folder, "libcuda.so.1"), filepath.Join(folder, "libcublasLt.so.12")}
}

// Build compiles the libraries, unless that was done before for the same sources. It is safe for several processes at once. The
// error says what is missing where they cannot be built; tests skip with it.
func Build() (Library, error) {
	if folder := os.Getenv(Variable); folder != "" {
		return in(folder), nil
	}
	root, err := moduleRoot()
	if err != nil {
		return Library{}, err
	}
	header, err := os.ReadFile(filepath.Join(root, "kernels", "cuda", "include", "cuda.h"))
	if err != nil {
		return Library{}, fmt.Errorf("emulator: %w", err)
	}
	contents := map[string]string{"kernels.cpp": kernels(), "cuda.h": string(header)}
	if err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		contents[d.Name()] = string(text)
		return err
	}); err != nil {
		return Library{}, fmt.Errorf("emulator: %w", err)
	}
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		fmt.Fprintf(sum, "%s %d\n%s", name, len(contents[name]), contents[name])
	}
	parent := filepath.Join(root, ".tools", "emulator")
	folder := filepath.Join(parent, fmt.Sprintf("%x", sum.Sum(nil))[:16])
	if _, err := os.Stat(folder); err == nil {
		return in(folder), nil
	}
	return in(folder), build(parent, folder, contents)
}

// build compiles aside and moves the result into its place, which another process may have done meanwhile.
func build(parent, folder string, contents map[string]string) error {
	gxx, err := exec.LookPath("g++")
	if err != nil {
		return errors.New("emulator: g++, which compiles the emulated GPU, is not in the path")
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("emulator: %w", err)
	}
	aside, err := os.MkdirTemp(parent, "new-")
	if err != nil {
		return fmt.Errorf("emulator: %w", err)
	}
	defer os.RemoveAll(aside) //nolint:errcheck // It is gone, or of no use.
	for name, text := range contents {
		if err := os.WriteFile(filepath.Join(aside, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("emulator: %w", err)
		}
	}
	flags := []string{"-std=c++17", "-O2", "-ffp-contract=fast", "-fPIC", "-shared", "-fvisibility=hidden", "-I."}
	if runtime.GOARCH == "amd64" {
		flags = append(flags, "-march=native")
	}
	for _, target := range [][]string{
		{"-o", "libcuda.so.1", "-Wl,-soname,libcuda.so.1", "kernels.cpp", "driver.cpp", "threads.cpp"},
		{"-o", "libcublasLt.so.12", "-Wl,-soname,libcublasLt.so.12", "blaslt.cpp", "-ldl"},
	} {
		cmd := exec.Command(gxx, append(flags, target...)...)
		cmd.Dir = aside
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("emulator: compiling %s: %w\n%s", target[1], err, out)
		}
	}
	if err := os.Rename(aside, folder); err != nil {
		if _, e := os.Stat(folder); e != nil {
			return fmt.Errorf("emulator: %w", err)
		}
	}
	return nil
}

// kernels is the kernels' source with what registers them.
func kernels() string {
	var b strings.Builder
	b.WriteString("#include \"gpu.h\"\n" + source.Text())
	for _, name := range source.Kernels() {
		fmt.Fprintf(&b, "REGISTER(%s)\n", name)
	}
	return b.String()
}

// moduleRoot finds the module's root above the present folder, which for a test is that of its package.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("emulator: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "kernels", "cuda", "include", "cuda.h")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("emulator: the sources are not at hand: " + Variable + " may name a folder with the libraries")
		}
		dir = up
	}
}
