//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
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

// opened opens a device: the emulated one, or a GPU where the tests are told to use it.
func opened(t testing.TB, opt Options) *Device {
	t.Helper()
	if noDevice != nil {
		t.Skip(noDevice)
	}
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
