//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"debut/kernels"
	"debut/kernels/cuda/cublas"
	"debut/kernels/cuda/cudrv"
	"debut/kernels/cuda/emulator"
)

// childContexts opens a GPU again and again: one after another, beside each other, and after it has failed.
func childContexts() {
	try := func(err error) {
		if err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
	}
	open := func() *Device {
		dev, err := New(Options{Index: 1})
		try(err)
		d := dev.(*Device)
		try(func() error {
			b, err := d.Alloc(kernels.Float32, 4, "test")
			if err != nil {
				return err
			}
			k, err := d.Fill(kernels.FillArgs{X: kernels.NewMatrix(b, 1, 4), Value: 2})
			if err != nil {
				return err
			}
			got := make([]float32, 4)
			if err := errors.Join(k.Run(), kernels.Download(d, got, b, 0)); err != nil {
				return err
			}
			if got[3] != 2 {
				return fmt.Errorf("computed %v", got)
			}
			return nil
		}())
		return d
	}
	first := open()
	second := open()
	try(first.Close())
	try(second.Close())
	try(open().Close())
	fmt.Println("once")
	if os.Getenv("DEBUT_EMU_TRACE") == "" {
		return
	}
	d := open()
	d.failed = errors.New("the GPU has failed")
	try(d.Close())
	try(open().Close())
	fmt.Println("again")
}

// A process makes one context, on the GPU that is used, and loads the kernels once. Those of a GPU that has failed are not used again.
func TestContexts(t *testing.T) {
	needsDevice(t)
	if realGPU() {
		t.Skip("the GPU's driver does not tell")
	}
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), child+"=contexts", "DEBUT_EMU_DEVICES=9.0,8.0,9.0", "DEBUT_EMU_TRACE=1")
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	once, again, _ := strings.Cut(string(text), "once\n")
	const made = "debut's emulated CUDA driver: device 1: context made\ndebut's emulated CUDA driver: device 1: kernels loaded\n"
	if once != made || again != made+"again\n" {
		t.Errorf("it said:\n%s", text)
	}
}

// What the driver's compiler has against the kernels is told.
func TestCompilerLog(t *testing.T) {
	if realGPU() {
		t.Skip("what the GPU's compiler says is its own business")
	}
	d := opened(t, Options{})
	closed(t, d)
	var err error
	must(t, d.locked(func() error {
		_, err = loadModule(strings.Replace(ptx, ".entry unpack(", ".entry nothing(", 1), d.driver)
		return nil
	}))
	if r, ok := cudrv.ResultOf(err); !ok || r.Name() != "CUDA_ERROR_INVALID_PTX" {
		t.Fatalf("error %v", err)
	}
	wantReason(t, "error", err.Error(), "CUDA_ERROR_INVALID_PTX; the driver's compiler says: kernel nothing is not in the sources")
	err = whyNoModule(cudrv.UnsupportedPTX, Driver{Version: 11040})
	wantReason(t, "error", err.Error(), "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "11.4", "older than CUDA 11.8")
}

// A library that opens and does not serve the GPU gives way to the next one.
func TestNextLibrary(t *testing.T) {
	if realGPU() {
		t.Skip("the next library is the emulator's")
	}
	if os.Getenv(blasChild) == "" {
		lib, err := emulator.Build()
		if errors.Is(err, emulator.ErrUnavailable) {
			t.Skipf("the emulated GPU cannot be built here: %v", err)
		} else if err != nil {
			t.Fatal(err)
		}
		for _, define := range []string{"REFUSES", "STARTS"} {
			t.Run(define, func(t *testing.T) {
				folder := t.TempDir()
				gcc, err := exec.LookPath("gcc")
				if err != nil {
					t.Skip("gcc, which compiles the stand-in, is not in the path")
				}
				newest := filepath.Join(folder, "libcublasLt.so.13")
				if out, err := exec.Command(gcc, "-shared", "-fPIC", "-DVERSION=130000", "-D"+define, "-o", newest,
					filepath.Join("cublas", "testdata", "fakeblas.c")).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				must(t, os.Symlink(lib.BLAS, filepath.Join(folder, "libcublasLt.so.12")))
				self, err := os.Executable()
				must(t, err)
				for name, path := range map[string]string{"both": folder, "newest": newest} {
					cmd := exec.Command(self, "-test.run=^TestNextLibrary$")
					cmd.Env = append(os.Environ(), blasChild+"="+name, cublas.Variable+"="+path)
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Errorf("%s: %v\n%s", name, err, out)
					}
				}
			})
		}
		return
	}
	d := opened(t, Options{})
	closed(t, d)
	f := productForm{m: 9, n: 10, k: 11}
	x := bindProduct(t, d, f)
	f.check(t, "a library", x.run(t, x.kernel.Run), 0)
	notes, both := d.Info().Notes, os.Getenv(blasChild) == "both"
	if (x.kernel.full != nil) != both {
		t.Errorf("by cuBLAS: %t; %s", x.kernel.full != nil, notes)
	}
	if both {
		wantReason(t, "notes", notes, "cuBLAS 12.4.5")
	} else {
		wantReason(t, "notes", notes, "own kernels for products", "cuBLAS 13.0.0", "libcublasLt.so.13", "CUBLAS_STATUS_")
	}
}
