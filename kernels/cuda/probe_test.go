//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"bytes"
	"debug/elf"
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
	"unsafe"

	"gorgonia.org/cu"

	"debut/kernels"
	"debut/kernels/cuda/cudrv"
)

// child tells the test binary, run again with another driver in its path, what to do instead of testing.
const child = "DEBUT_CUDA_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(child) {
	case "":
		if err := withoutBLAS(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		noDevice = emulated()
		os.Exit(m.Run())
	case "probe":
		childProbe()
	case "call":
		childCall()
	case "contexts":
		childContexts()
	}
}

// childProbe prints a report as JSON. Probing twice, at once, must say the same.
func childProbe() {
	var wg sync.WaitGroup
	reports := make([][]byte, 4)
	for i := range reports {
		wg.Go(func() { reports[i], _ = json.Marshal(Probe()) })
	}
	wg.Wait()
	for _, r := range reports[1:] {
		if !bytes.Equal(r, reports[0]) {
			fmt.Println("reports differ")
			os.Exit(1)
		}
	}
	fmt.Println(string(reports[0]))
}

// childCall prints what functions return before the driver is loaded and after, with and without stack arguments.
func childCall() {
	launch := func() error {
		value := uint64(8)
		return cu.Function{}.Launch(1, 2, 3, 4, 5, 6, 7, cu.Stream{}, []unsafe.Pointer{unsafe.Pointer(&value)})
	}
	_, before := cu.NumDevices()
	beforeCode, _ := cudrv.ResultOf(before)
	_ = cudrv.Load()
	_, count := cu.NumDevices()
	countCode, _ := cudrv.ResultOf(count)
	launchCode, _ := cudrv.ResultOf(launch())
	rest, _ := cudrv.ResultOf(cu.Synchronize())
	fmt.Println(int(beforeCode), int(countCode), int(launchCode), int(rest))
}

// run runs the test binary again in a mode, with a driver in the loader's path, and returns what it printed. It must
// succeed and print no errors.
func run(t *testing.T, mode, folder string, env ...string) []byte {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, cudrv.Variable+"=") && !strings.HasPrefix(v, "FAKE_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, child+"="+mode, "LD_LIBRARY_PATH="+folder)
	cmd.Env = append(cmd.Env, env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the program failed: %v\n%s%s", err, out, stderr.Bytes())
	}
	if stderr.Len() > 0 {
		t.Errorf("the program printed errors: %s", stderr.Bytes())
	}
	return out
}

// probe returns what a program reports.
func probe(t *testing.T, folder string, env ...string) Report {
	t.Helper()
	out := run(t, "probe", folder, env...)
	var r Report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !r.Built || r.Devices == nil {
		t.Errorf("the report says that CUDA is not built in, or has no list: %s", out)
	}
	return r
}

// buildFake compiles the fake driver without some functions, and returns its folder.
func buildFake(t *testing.T, without ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc, which compiles the fake driver, is not in the path")
	}
	folder := t.TempDir()
	args := []string{"-shared", "-fPIC", "-O1", "-Wl,-soname,libcuda.so.1", "-Iinclude", "-Icudrv"}
	for _, name := range without {
		args = append(args, "-D"+name+"=absent_"+name)
	}
	args = append(args, "-o", filepath.Join(folder, "libcuda.so.1"), "testdata/fakedriver.c", "testdata/fakerest.c")
	if out, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
		t.Fatalf("compiling the fake driver: %v\n%s", err, out)
	}
	return folder
}

func wantReason(t *testing.T, what, reason string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(reason, part) {
			t.Errorf("%s is %q, without %q", what, reason, part)
		}
	}
}

func TestHere(t *testing.T) {
	r := Probe()
	t.Logf("%+v", r)
	if (r.Reason == "") != (len(r.Usable()) > 0) {
		t.Errorf("reason %q with %d usable GPUs", r.Reason, len(r.Usable()))
	}
}

func TestSwitchedOff(t *testing.T) {
	r := probe(t, t.TempDir(), cudrv.Variable+"=none")
	if r.Driver.Found || len(r.Devices) != 0 {
		t.Errorf("found %+v", r)
	}
	wantReason(t, "reason", r.Reason, cudrv.Variable+"=none")
}

func TestNoDriver(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "libcuda.so.1")
	r := probe(t, t.TempDir(), cudrv.Variable+"="+missing)
	if r.Driver.Found || len(r.Devices) != 0 {
		t.Errorf("found %+v", r)
	}
	wantReason(t, "reason", r.Reason, "no CUDA driver", missing, "install")
	if err := r.Check(0); !errors.Is(err, kernels.ErrUnsupported) {
		t.Errorf("Check: %v", err)
	}
}

// Something of the driver's name that is none.
func TestNotADriver(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc, which compiles the library, is not in the path")
	}
	folder := t.TempDir()
	empty, file := filepath.Join(folder, "empty.c"), filepath.Join(folder, "libcuda.so.1")
	if err := os.WriteFile(empty, []byte("int nothing;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(gcc, "-shared", "-fPIC", "-o", file, empty).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := probe(t, folder)
	if r.Driver.Found {
		t.Errorf("found %+v", r)
	}
	wantReason(t, "reason", r.Reason, "cuInit", file)

	if err := os.WriteFile(file, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	r = probe(t, folder, cudrv.Variable+"="+file)
	if r.Driver.Found {
		t.Errorf("found %+v", r)
	}
	wantReason(t, "reason", r.Reason, "no CUDA driver", file)
}

func TestDevices(t *testing.T) {
	folder := buildFake(t)
	r := probe(t, folder, "FAKE_DEVICES=9.0,6.0")
	want := Report{
		Built:  true,
		Driver: Driver{Found: true, File: filepath.Join(folder, "libcuda.so.1"), Version: 12040},
		Devices: []GPU{
			{Index: 0, Name: "Fake GPU 0", Capability: Capability{9, 0}, MemoryTotal: 8 << 30, MemoryFree: 1 << 30, Usable: true},
			{Index: 1, Name: "Fake GPU 1", Capability: Capability{6, 0}, MemoryTotal: 16 << 30, Reason: Capability{6, 0}.tooOld()},
		},
	}
	if got, want := fmt.Sprintf("%+v", r), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if err := r.Check(0); err != nil {
		t.Errorf("Check(0): %v", err)
	}
	wantReason(t, "Check(1)", r.Check(1).Error(), "cuda:1", "6.0", "7.0")
	wantReason(t, "Check(2)", r.Check(2).Error(), "cuda:2", "no such GPU")

	// By its path, and without a usable GPU.
	r = probe(t, t.TempDir(), cudrv.Variable+"="+want.Driver.File, "FAKE_DEVICES=6.0,5.2")
	wantReason(t, "reason", r.Reason, "cuda:0", "6.0", "cuda:1", "5.2")
	if !r.Driver.Found || len(r.Usable()) != 0 {
		t.Errorf("found %+v", r)
	}

	r = probe(t, folder, "FAKE_DEVICES=7.0")
	if len(r.Usable()) != 1 {
		t.Errorf("a GPU of 7.0 is not usable: %+v", r)
	}

	r = probe(t, folder)
	wantReason(t, "reason without GPUs", r.Reason, "no GPU", "CUDA_VISIBLE_DEVICES")
}

// Kernels are loaded when they are first used, unless people have chosen.
func TestLazyLoading(t *testing.T) {
	folder := buildFake(t)
	if r := probe(t, folder, "FAKE_DEVICES=9.0", "FAKE_LOADING=LAZY"); len(r.Usable()) != 1 {
		t.Errorf("not lazily: %s", r.Reason)
	}
	if r := probe(t, folder, "FAKE_DEVICES=9.0", "FAKE_LOADING=EAGER", "CUDA_MODULE_LOADING=EAGER"); len(r.Usable()) != 1 {
		t.Errorf("not as chosen: %s", r.Reason)
	}
}

func TestDriverDoesNotStart(t *testing.T) {
	folder := buildFake(t)
	for code, parts := range map[string][]string{
		"100": {"CUDA_ERROR_NO_DEVICE", "CUDA_VISIBLE_DEVICES"},
		"999": {"CUDA_ERROR_UNKNOWN", "nvidia-smi"},
		"803": {"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "restart"},
		"777": {"CUDA error 777"},
	} {
		r := probe(t, folder, "FAKE_DEVICES=9.0", "FAKE_INIT="+code)
		if !r.Driver.Found || r.Driver.Version != 12040 || len(r.Devices) != 0 {
			t.Errorf("cuInit returns %s: %+v", code, r)
		}
		wantReason(t, "reason", r.Reason, append(parts, "cuInit")...)
	}
}

func TestOldDriver(t *testing.T) {
	// One that lacks what nothing depends on.
	r := probe(t, buildFake(t, "cuMemAllocAsync", "cuMemFreeAsync"), "FAKE_DEVICES=8.0")
	if !slices.Equal(r.Driver.Missing, []string{"cuMemAllocAsync", "cuMemFreeAsync"}) || len(r.Driver.Needed) != 0 || len(r.Usable()) != 1 {
		t.Errorf("found %+v", r)
	}
	// One that lacks what is needed.
	r = probe(t, buildFake(t, "cuMemAllocAsync", "cuGraphInstantiateWithFlags"), "FAKE_DEVICES=8.0")
	if !slices.Equal(r.Driver.Missing, []string{"cuGraphInstantiateWithFlags", "cuMemAllocAsync"}) ||
		!slices.Equal(r.Driver.Needed, []string{"cuGraphInstantiateWithFlags"}) || len(r.Usable()) != 0 {
		t.Errorf("found %+v", r)
	}
	wantReason(t, "reason", r.Reason, "12.4", "cuGraphInstantiateWithFlags", "too old")
	// One that lacks what describes a GPU.
	r = probe(t, buildFake(t, "cuDeviceTotalMem_v2"), "FAKE_DEVICES=8.0")
	wantReason(t, "reason", r.Reason, "its memory", "CUDA_ERROR_NOT_SUPPORTED")
}

func TestUnusableDevices(t *testing.T) {
	folder := buildFake(t)
	r := probe(t, folder, "FAKE_DEVICES=9.0", "FAKE_MODE=2")
	wantReason(t, "reason", r.Reason, "prohibited")
	r = probe(t, folder, "FAKE_DEVICES=9.0", "FAKE_RETAIN=46")
	wantReason(t, "reason", r.Reason, "CUDA_ERROR_DEVICE_UNAVAILABLE", "exclusive")
	r = probe(t, folder, "FAKE_DEVICES=9.0", "FAKE_RETAIN=2")
	wantReason(t, "reason", r.Reason, "CUDA_ERROR_OUT_OF_MEMORY")
}

// Calls reach the driver with all their arguments, and before there is a driver they fail.
func TestCalls(t *testing.T) {
	for _, c := range []struct {
		name, folder, want string
		env                []string
	}{
		{"a driver", buildFake(t), "3 0 0 999", []string{"FAKE_DEVICES=9.0"}},
		{"a driver without a function", buildFake(t, "cuCtxSynchronize"), "3 0 0 801", nil},
		{"a driver that fails", buildFake(t), "3 100 100 100", []string{"FAKE_INIT=100"}},
		{"no driver", t.TempDir(), "3 3 3 3", []string{cudrv.Variable + "=none"}},
	} {
		if got := strings.TrimSpace(string(run(t, "call", c.folder, c.env...))); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// The program asks the loader for no library of the driver, or it would not start where there is none; and it offers
// none of the driver's functions to libraries that are opened later.
func TestLinksNoDriver(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := elf.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range libraries {
		if strings.HasPrefix(l, "libcuda") {
			t.Errorf("the program is linked to %s", l)
		}
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if strings.HasPrefix(s.Name, "cuInit") || strings.HasPrefix(s.Name, "cuMem") {
			t.Errorf("the program has %s in its dynamic symbols", s.Name)
		}
	}
}
