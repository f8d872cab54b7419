// Package emulator builds an emulated CUDA driver, and a stand-in for cuBLASLt, for tests on machines without a GPU. They
// are shared libraries that take the place of libcuda.so.1 and libcublasLt.so.12: the kernels of the CUDA backend, compiled
// from the same sources as for GPUs, run on the CPU. src/driver.cpp says what is emulated and which environment variables
// change that.
package emulator

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Library is where the libraries lie.
type Library struct {
	Driver string // stands in for libcuda.so.1
	BLAS   string // stands in for libcublasLt.so.12
}

// Variable is the environment variable that names a folder with libraries that are already built.
const Variable = "DEBUT_EMULATOR"

// The files' names, which are those that the loader knows the libraries by.
const (
	driverName = "libcuda.so.1"
	blasName   = "libcublasLt.so.12"
)

// ErrUnavailable is the kind of error of machines on which the emulator cannot be built: tests skip what needs it.
var ErrUnavailable = errors.New("the emulated CUDA driver cannot be built here")

// Build returns the libraries with the kernels of kernels/cuda/source. They are built when no build of the same sources is
// found in .tools/emulator under the repository's root, which is the nearest folder above the working directory that has a
// go.mod; where that folder cannot be written, in the user's cache. It is safe to call from several processes at once.
var Build = sync.OnceValues(func() (Library, error) {
	root, err := root()
	if err != nil {
		return Library{}, err
	}
	return BuildFrom(filepath.Join(root, "kernels", "cuda", "source"))
})

// BuildFrom is Build with the kernels of another folder: of its file common.cuh, if there is one, and its files *.cu.
func BuildFrom(folder string) (Library, error) {
	if dir := os.Getenv(Variable); dir != "" {
		return in(dir)
	}
	if runtime.GOOS != "linux" || (runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64") {
		return Library{}, fmt.Errorf("emulator: %w: it needs Linux on amd64 or arm64, this is %s on %s", ErrUnavailable, runtime.GOOS, runtime.GOARCH)
	}
	compiler, err := exec.LookPath(cmp.Or(os.Getenv("CXX"), "g++"))
	if err != nil {
		return Library{}, fmt.Errorf("emulator: %w: %w; install g++, or name a folder with a build in %s", ErrUnavailable, err, Variable)
	}
	root, err := root()
	if err != nil {
		return Library{}, err
	}
	b, err := newBuild(root, folder, compiler)
	if err != nil {
		return Library{}, fmt.Errorf("emulator: %w", err)
	}
	lib, err := b.cached(filepath.Join(root, ".tools", "emulator"))
	if errors.Is(err, fs.ErrPermission) {
		var cache string
		if cache, err = os.UserCacheDir(); err == nil {
			lib, err = b.cached(filepath.Join(cache, "debut", "emulator"))
		}
	}
	if err != nil {
		return Library{}, fmt.Errorf("emulator: %w", err)
	}
	return lib, nil
}

// root returns the repository's root.
func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("emulator: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("emulator: %w: no go.mod in %s or above it; work in the repository, or name a folder with a build in %s",
				ErrUnavailable, dir, Variable)
		}
	}
}

// in returns the libraries of a folder.
func in(dir string) (Library, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Library{}, fmt.Errorf("emulator: %w", err)
	}
	lib := Library{Driver: filepath.Join(dir, driverName), BLAS: filepath.Join(dir, blasName)}
	for _, f := range []string{lib.Driver, lib.BLAS} {
		if _, err := os.Stat(f); err != nil {
			return Library{}, fmt.Errorf("emulator: %w", err)
		}
	}
	return lib, nil
}

// build is all that goes into the libraries.
type build struct {
	compiler string
	flags    []string          // of every file
	files    map[string][]byte // the emulator's sources, the driver's header and kernels.cpp
}

// Files of the emulator that make up one library or the other.
var (
	ofDriver = []string{"kernels.cpp", "watched.cpp", "fibers.cpp", "driver.cpp", "streams.cpp", "queue.cpp", "memory.cpp", "races.cpp", "ptx.cpp"}
	ofBLAS   = []string{"blaslt.cpp"}
)

func newBuild(root, folder, compiler string) (*build, error) {
	b := &build{compiler: compiler, files: make(map[string][]byte)}
	src := filepath.Join(root, "kernels", "cuda", "emulator", "src")
	names, err := filepath.Glob(filepath.Join(src, "*"))
	if err != nil {
		return nil, err
	}
	for _, name := range append(names, filepath.Join(root, "kernels", "cuda", "include", "cuda.h")) {
		if b.files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	if b.files["kernels.cpp"], err = kernels(folder); err != nil {
		return nil, err
	}
	// A second time, to have every access to memory watched.
	b.files["watched.cpp"] = []byte("#define WATCHED\n#include \"kernels.cpp\"\n")
	// As the kernels' compiler for GPUs does, multiplications and additions are fused.
	b.flags = []string{"-std=c++17", "-O2", "-g1", "-fPIC", "-fvisibility=hidden", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-pthread", "-Wall"}
	if runtime.GOARCH == "amd64" {
		if cpu, err := os.ReadFile("/proc/cpuinfo"); err == nil && hasV3(cpu) {
			b.flags = append(b.flags, "-march=x86-64-v3")
		}
	}
	return b, nil
}

// hasV3 says whether a processor has what x86-64-v3 asks for.
func hasV3(cpuinfo []byte) bool {
	for line := range bytes.Lines(cpuinfo) {
		if !bytes.HasPrefix(line, []byte("flags")) {
			continue
		}
		has := strings.Fields(string(line))
		for _, want := range []string{"avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"} {
			if !slices.Contains(has, want) {
				return false
			}
		}
		return true
	}
	return false
}

var (
	kernelPattern = regexp.MustCompile(`(?m)^(KERNEL\w*)\(\s*(\w+)\s*,\s*(\w+)`)
	unrollPattern = regexp.MustCompile(`(?m)^(\s*)#pragma unroll\b[^\n]*`)
)

// kernels returns a C++ file with the kernels' sources and the list of what is in them.
func kernels(folder string) ([]byte, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.cu"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	common := filepath.Join(folder, "common.cuh")
	if _, err := os.Stat(common); err == nil {
		names = slices.Insert(names, 0, common)
	}
	var out, list, watched bytes.Buffer
	out.WriteString("#include \"fibers.h\"\n#include \"device.h\"\n\n#ifdef WATCHED\n#define SOURCES watched_sources\n#else\n" +
		"#define SOURCES plain_sources\n#endif\n\nnamespace SOURCES {\n")
	macros := make(map[string]bool)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		// Macros that open kernels pass the parameter by reference: nobody may write to it, and a copy for each thread
		// would take longer than many kernels do.
		for _, m := range kernelPattern.FindAllSubmatch(text, -1) {
			if macro := string(m[1]); !macros[macro] {
				macros[macro] = true
				fmt.Fprintf(&out, "#undef %s\n#define %s(name, Args, ...) static void name(const Args &a)\n", macro, macro)
			}
			run := fmt.Sprintf("[](const void *a) { ::SOURCES::%s(*(const ::SOURCES::%s *)a); }", m[2], m[3])
			fmt.Fprintf(&list, "\t{\"%s\", sizeof(::SOURCES::%s), %s},\n", m[2], m[3], run)
			fmt.Fprintf(&watched, "\t%s,\n", run)
		}
		fmt.Fprintf(&out, "#line 1 \"%s\"\n", filepath.Base(name))
		out.Write(unrollPattern.ReplaceAll(text, []byte("$1#pragma GCC unroll 16")))
		out.WriteByte('\n')
	}
	if list.Len() == 0 {
		return nil, fmt.Errorf("there are no kernels in %s", folder)
	}
	fmt.Fprintf(&out, "} // namespace SOURCES\n\nnamespace emu {\n#ifdef WATCHED\nvoid (*const watched[])(const void *) = {\n%s};\n#else\n"+
		"const Kernel kernels[] = {\n%s};\nconst size_t kernel_count = sizeof kernels / sizeof *kernels;\n#endif\n} // namespace emu\n",
		watched.Bytes(), list.Bytes())
	return out.Bytes(), nil
}

// sum identifies what would be built.
func (b *build) sum() (string, error) {
	version, err := exec.Command(b.compiler, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", b.compiler, err)
	}
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\n%s\n%q\n", runtime.GOARCH, version, b.flags) // hashes do not fail
	names := make([]string, 0, len(b.files))
	for name := range b.files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		_, _ = fmt.Fprintf(h, "%s %d\n%s\n", name, len(b.files[name]), b.files[name])
	}
	return hex.EncodeToString(h.Sum(nil))[:24], nil
}

// cached returns the libraries from a folder of builds, into which they are built if need be: aside, and moved to their
// place when they are complete.
func (b *build) cached(dir string) (Library, error) {
	sum, err := b.sum()
	if err != nil {
		return Library{}, err
	}
	place := filepath.Join(dir, sum)
	if lib, err := in(place); err == nil {
		now := time.Now()
		_ = os.Chtimes(place, now, now) // So that it is not taken for an old one; it does without.
		return lib, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Library{}, err
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return Library{}, err
	}
	defer unlock()
	if lib, err := in(place); err == nil { // another process was faster
		return lib, nil
	}
	aside, err := os.MkdirTemp(dir, "building-")
	if err != nil {
		return Library{}, err
	}
	defer func() { _ = os.RemoveAll(aside) }() // Nothing is left of it when all went well.
	if err := os.Chmod(aside, 0o755); err != nil {
		return Library{}, err
	}
	if err := b.compile(aside); err != nil {
		return Library{}, err
	}
	if err := os.Rename(aside, place); err != nil {
		if lib, e := in(place); e == nil {
			return lib, nil
		}
		return Library{}, err
	}
	prune(dir, 7*24*time.Hour)
	return in(place)
}

// prune removes builds that have not been used for so long.
func prune(dir string, age time.Duration) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && e.IsDir() && time.Since(info.ModTime()) > age {
			_ = os.RemoveAll(filepath.Join(dir, e.Name())) // Another time then.
		}
	}
}

// compile makes the libraries in a folder, where it leaves nothing else.
func (b *build) compile(dir string) error {
	src := filepath.Join(dir, "src")
	if err := os.Mkdir(src, 0o755); err != nil {
		return err
	}
	for name, text := range b.files {
		if err := os.WriteFile(filepath.Join(src, name), text, 0o644); err != nil {
			return err
		}
	}
	// The kernels take longest, and begin first.
	files := slices.Concat(ofDriver, ofBLAS)
	next := make(chan string, len(files))
	for _, f := range files {
		next <- f
	}
	close(next)
	errs := make([]error, min(runtime.NumCPU(), len(files)))
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for f := range next {
				flags := slices.Clone(b.flags)
				if f == "kernels.cpp" || f == "watched.cpp" || f == "blaslt.cpp" {
					flags = append(flags, "-O3", "-Wno-unknown-pragmas", "-Wno-unused-function")
				}
				if f == "watched.cpp" { // races.cpp has the functions that are called then
					flags = append(flags, "-fsanitize=thread")
				}
				if err := b.run(src, append(flags, "-I.", "-c", f, "-o", object(f))...); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	link := func(name string, files []string, more ...string) error {
		args := []string{"-shared", "-pthread", "-Wl,-soname," + name, "-Wl,--no-undefined", "-o", filepath.Join(dir, name)}
		for _, f := range files {
			args = append(args, object(f))
		}
		return b.run(src, append(args, more...)...)
	}
	if err := link(driverName, ofDriver); err != nil {
		return err
	}
	if err := link(blasName, ofBLAS, "-L..", "-l:"+driverName, "-Wl,-rpath,$ORIGIN"); err != nil {
		return err
	}
	return os.RemoveAll(src)
}

func object(file string) string { return strings.TrimSuffix(file, ".cpp") + ".o" }

// run calls the compiler.
func (b *build) run(dir string, args ...string) error {
	c := exec.Command(b.compiler, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(c.Args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
