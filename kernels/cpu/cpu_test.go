package cpu

import (
	"testing"

	"debut/kernels"
	"debut/kernels/kerneltest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns a device with a number of threads.
func open(t testing.TB, threads int) *Device {
	t.Helper()
	dev, err := New(Options{Threads: threads, Level: levelGeneric})
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

func TestConformance(t *testing.T) {
	kerneltest.Run(t, func(t *testing.T) kernels.Device { return open(t, 3) })
}

func TestDeterminism(t *testing.T) {
	kerneltest.RunDeterminism(t, func(threads int) kernels.Device { return open(t, threads) })
}

func TestAllocations(t *testing.T) {
	kerneltest.RunAllocations(t, func(t *testing.T) kernels.Device { return open(t, 2) })
}
