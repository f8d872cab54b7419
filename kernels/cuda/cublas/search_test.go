//go:build gpu && cgo && linux && (amd64 || arm64)

package cublas

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"debut/kernels/cuda/cudrv"
)

// child tells the test binary, run again in another environment, to look for the library instead of testing.
const child = "DEBUT_CUBLAS_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) == "" {
		os.Exit(m.Run())
	}
	reports := make([]Report, 4)
	var wg sync.WaitGroup
	for i := range reports {
		wg.Go(func() { reports[i] = Find() })
	}
	wg.Wait()
	for _, r := range reports {
		if r != reports[0] {
			fmt.Println("reports differ")
			os.Exit(1)
		}
	}
	l, err := Open()
	if (err == nil) != reports[0].Found || err != nil && !errors.Is(err, ErrAbsent) {
		fmt.Println("error", err)
		os.Exit(1)
	}
	if l != nil { // the stand-in has no handles
		if _, err := l.NewHandle(); !errors.Is(err, Status(15)) || !strings.Contains(err.Error(), "CUBLAS_STATUS_NOT_SUPPORTED") {
			fmt.Println("handle:", err)
			os.Exit(1)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(reports[0]); err != nil {
		os.Exit(1)
	}
}

// find returns what a program finds in an environment that has nothing else to find.
func find(t *testing.T, env ...string) Report {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{child + "=1", cudrv.Variable + "=none", "HOME=/nonexistent", "PATH=/nonexistent"}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var r Report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

// compile builds a shared library of testdata.
func compile(t *testing.T, source, to string, define ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc, which compiles the stand-in, is not in the path")
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"-shared", "-fPIC", "-o", to, filepath.Join("testdata", source)}
	for _, d := range define {
		args = append(args, "-D"+d)
	}
	if out, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return to
}

// install puts a stand-in of a version, such as 12.4.5, below a folder.
func install(t *testing.T, folder, version string, define ...string) string {
	t.Helper()
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		t.Fatal(err)
	}
	return compile(t, "fakeblas.c", filepath.Join(folder, fmt.Sprintf("libcublasLt.so.%d", major)),
		append(define, fmt.Sprintf("VERSION=%d", major*10000+minor*100+patch))...)
}

// here skips where the machine has the library itself, which is then found before what tests put into later places.
func here(t *testing.T) {
	if r := find(t); r.Found {
		t.Skipf("the machine has %s", r.File)
	}
}

func wantFound(t *testing.T, r Report, file, version string) {
	t.Helper()
	if r != (Report{Found: true, File: file, Version: version}) {
		t.Errorf("%+v, want %s of version %s", r, file, version)
	}
}

func wantReason(t *testing.T, r Report, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if r.Found || !strings.Contains(r.Reason, p) {
			t.Errorf("%+v does not say %q", r, p)
		}
	}
}

func TestNone(t *testing.T) {
	wantReason(t, find(t, Variable+"=none"), "switched off", Variable)
	here(t)
	wantReason(t, find(t), "libcublasLt.so.13 or libcublasLt.so.12 or libcublasLt.so.11", "Python", Variable)
}

func TestVariable(t *testing.T) {
	root := t.TempDir()
	f12, f11 := install(t, root, "12.4.5"), install(t, root, "11.11.3")
	// What is named is taken, whatever else there is.
	path := "LD_LIBRARY_PATH=" + filepath.Dir(install(t, t.TempDir(), "13.0.1"))
	wantFound(t, find(t, path, Variable+"="+root), f12, "12.4.5")
	wantFound(t, find(t, path, Variable+"="+f11), f11, "11.11.3")
	wantReason(t, find(t, path, Variable+"="+filepath.Join(root, "missing")), Variable, "missing", "no such file")
	wantReason(t, find(t, path, Variable+"="+t.TempDir()), "has none of", "libcublasLt.so.12")
	text := filepath.Join(root, "text")
	if err := os.WriteFile(text, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	wantReason(t, find(t, path, Variable+"="+text), text)
	old := install(t, t.TempDir(), "12.0.0", "INCOMPLETE")
	wantReason(t, find(t, path, Variable+"="+old), old+" has no cublasLtMatmul")
}

// Places in the order in which they are looked at, each taken away when it has been found.
func TestOrder(t *testing.T) {
	here(t)
	root := t.TempDir()
	at := func(folder string) string { return filepath.Join(root, folder) }
	env := []string{
		"LD_LIBRARY_PATH=" + at("loader"), "CUDA_HOME=" + at("home"), "CUDA_PATH=" + at("path"), "VIRTUAL_ENV=" + at("env"),
		"CONDA_PREFIX=" + at("conda [1]"), "PATH=/nonexistent:" + at("python/bin"), "HOME=" + at("user"),
	}
	for _, folder := range []string{"python/bin", "original/bin"} {
		if err := os.MkdirAll(at(folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(at("original/bin/python3.12"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("original/bin/python3.12"), at("python/bin/python3")); err != nil {
		t.Fatal(err)
	}
	folders := []string{
		"loader", "home/lib64", "home/targets/x86_64-linux/lib", "path/lib64", "env/lib/python3.12/site-packages/nvidia/cu13/lib",
		"env/lib/python3.9/site-packages/nvidia/cublas/lib", "conda [1]/lib", "conda [1]/lib/python3.12/site-packages/nvidia/cublas/lib",
		"python/lib64/python3.12/site-packages/nvidia/cublas/lib", "original/lib/python3/dist-packages/nvidia/cublas/lib",
		"user/.local/lib/python3.12/site-packages/nvidia/cublas/lib",
	}
	var files []string
	for i, folder := range folders {
		files = append(files, install(t, at(folder), fmt.Sprintf("12.4.%d", i)))
	}
	for i, file := range files {
		wantFound(t, find(t, env...), file, fmt.Sprintf("12.4.%d", i))
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	// The newest of a place, but none that cannot be used; the next place then.
	f11, f12 := install(t, at("path/lib64"), "11.11.3"), install(t, at("path/lib64"), "12.0.0", "INCOMPLETE")
	f13 := install(t, at("conda [1]/lib"), "13.1.0")
	wantFound(t, find(t, env...), f11, "11.11.3")
	if err := os.Remove(f11); err != nil {
		t.Fatal(err)
	}
	wantFound(t, find(t, env...), f13, "13.1.0")
	if err := os.Remove(f13); err != nil {
		t.Fatal(err)
	}
	wantReason(t, find(t, env...), f12+" has no cublasLtMatmul")
}

// A library newer than the driver is not taken unless it is named.
func TestDriver(t *testing.T) {
	root := t.TempDir()
	f13, f12 := install(t, root, "13.0.0"), install(t, root, "12.4.5")
	path := "LD_LIBRARY_PATH=" + root
	for version, want := range map[string]string{"11080": "", "12020": "12.4.5", "12080": "12.4.5", "13010": "13.0.0", "14000": "13.0.0"} {
		driver := cudrv.Variable + "=" + compile(t, "fakedriver.c", filepath.Join(t.TempDir(), "libcuda.so.1"), "DRIVER="+version)
		switch want {
		case "":
			if r := find(t, path, driver); r.Found && (r.File == f12 || r.File == f13) {
				t.Errorf("driver for %s: %+v", version, r)
			}
		case "12.4.5":
			wantFound(t, find(t, path, driver), f12, want)
		default:
			wantFound(t, find(t, path, driver), f13, want)
		}
		wantFound(t, find(t, path, driver, Variable+"="+f13), f13, "13.0.0")
	}
}

func TestCompareVersions(t *testing.T) {
	list := []string{"/usr/local/cuda-9.2", "/usr/local/cuda-12.10", "/usr/local/cuda-12", "/usr/local/cuda-12.9", "/usr/local/cuda", "/usr/local/cuda-11.8"}
	slices.SortFunc(list, compareVersions)
	want := []string{"/usr/local/cuda", "/usr/local/cuda-9.2", "/usr/local/cuda-11.8", "/usr/local/cuda-12", "/usr/local/cuda-12.9", "/usr/local/cuda-12.10"}
	if !slices.Equal(list, want) {
		t.Errorf("%v", list)
	}
}

func TestVersion(t *testing.T) {
	for n, want := range map[uint64]string{111103: "11.11.3", 120405: "12.4.5", 130100: "13.1.0"} {
		if v := version(n); v != want {
			t.Errorf("%d is %s, want %s", n, v, want)
		}
	}
	if s := Status(99).Error(); s != "cuBLAS status 99" {
		t.Error(s)
	}
}
