// Package cudatest gives tests a GPU: the emulated one, or with the environment variable DEBUT_TEST_GPU=1 the machine's own.
package cudatest

import (
	"errors"
	"os"
	"sync"
	"testing"

	"debut/kernels"
	"debut/kernels/cuda"
	"debut/kernels/cuda/emulator"
	"debut/kernels/devices"
)

// driver and blas name what is loaded instead of the machine's driver and cuBLAS.
const (
	driver = "DEBUT_CUDA_DRIVER"
	blas   = "DEBUT_CUBLAS"
	races  = "DEBUT_EMU_RACES" // of the emulator
)

var prepare = sync.OnceValue(func() error {
	if Real() {
		return nil
	}
	lib, err := emulator.Build()
	if err != nil {
		return err
	}
	for name, file := range map[string]string{driver: lib.Driver, blas: lib.BLAS} {
		if _, given := os.LookupEnv(name); !given {
			if err := os.Setenv(name, file); err != nil {
				return err
			}
		}
	}
	return nil
})

// Real says whether tests are told to use the machine's GPU.
func Real() bool { return os.Getenv("DEBUT_TEST_GPU") == "1" }

// Main is for packages whose other tests ask for a driver too, which a process looks for but once: a TestMain calls it before it
// runs the tests. What those tests call "auto" is the CPU all the same. Blocks that race are not looked for: that takes two
// thirds of the time, and such packages train whole models; the kernels' and the engine's tests look.
func Main() error {
	for name, value := range map[string]string{devices.Variable: "cpu", races: "0"} {
		if _, given := os.LookupEnv(name); !given {
			if err := os.Setenv(name, value); err != nil {
				return err
			}
		}
	}
	if cuda.Built {
		_ = prepare() // the tests that need it say so
	}
	return nil
}

// Use has this process, and those that it starts, use the emulated GPU. It must be called before the driver is first asked
// for. A machine that cannot build it has the test skipped, with the reason; kernels that do not compile fail it.
func Use(t testing.TB) {
	t.Helper()
	if !cuda.Built {
		t.Skip("this build has no CUDA support: the tag gpu is missing")
	}
	switch err := prepare(); {
	case errors.Is(err, emulator.ErrUnavailable):
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
}

// Open opens a GPU for the length of a test.
func Open(t testing.TB, opt cuda.Options) kernels.Device {
	t.Helper()
	Use(t)
	dev, err := cuda.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return dev
}
