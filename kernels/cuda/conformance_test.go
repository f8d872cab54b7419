//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"errors"
	"os"
	"testing"

	"debut/kernels"
	"debut/kernels/cuda/cudrv"
	"debut/kernels/cuda/emulator"
	"debut/kernels/kerneltest"
)

// noDevice is why there is no device to test, or nil.
var noDevice error

// emulated has the driver be the emulated one, unless the tests are told to use the machine's.
func emulated() error {
	if os.Getenv("DEBUT_TEST_GPU") == "1" {
		return nil
	}
	lib, err := emulator.Build()
	if err != nil {
		return err
	}
	return os.Setenv(cudrv.Variable, lib.Driver)
}

// needsDevice skips a test on a machine that cannot build the emulated GPU. Kernels that do not compile fail it.
func needsDevice(t testing.TB) {
	t.Helper()
	switch {
	case errors.Is(noDevice, emulator.ErrUnavailable):
		t.Skip(noDevice)
	case noDevice != nil:
		t.Fatal(noDevice)
	}
}

// opened opens a device: the emulated one, or a GPU where the tests are told to use it.
func opened(t testing.TB, opt Options) *Device {
	t.Helper()
	needsDevice(t)
	dev, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return dev.(*Device)
}

func open(t *testing.T) kernels.Device { return opened(t, Options{}) }

// Own kernels for everything; TestConformanceWithBLASOnGPU has cuBLAS.
func TestConformanceOnGPU(t *testing.T) {
	kerneltest.Run(t, func(t *testing.T) kernels.Device {
		d := opened(t, Options{})
		if d.blasReady() {
			t.Error("cuBLAS is used: " + d.Info().Notes)
		}
		return d
	})
}

func TestAllocationsOnGPU(t *testing.T) { kerneltest.RunAllocations(t, open) }
