package cpu

import (
	"testing"

	"debut/kernels"
	"debut/kernels/kerneltest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns a plain device with a number of threads.
func open(t testing.TB, threads int) *Device { return openAt(t, levelGeneric, threads) }

// openAt returns a device of a level.
func openAt(t testing.TB, level string, threads int) *Device {
	t.Helper()
	dev, err := New(Options{Threads: threads, Level: level})
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// eachLevel runs a test at every level that this processor has. A short run, as under the race detector, takes the best
// one only: levels share the code that goroutines run, but for the innermost loops.
func eachLevel(t *testing.T, test func(t *testing.T, level string)) {
	ls := levels()
	if testing.Short() {
		best, _, err := chooseLevel("")
		if err != nil {
			t.Fatal(err)
		}
		ls = []string{best}
	}
	for _, level := range ls {
		t.Run(level, func(t *testing.T) { test(t, level) })
	}
}

func TestConformance(t *testing.T) {
	eachLevel(t, func(t *testing.T, level string) {
		kerneltest.Run(t, func(t *testing.T) kernels.Device { return openAt(t, level, 3) })
	})
}

func TestDeterminism(t *testing.T) {
	eachLevel(t, func(t *testing.T, level string) {
		kerneltest.RunDeterminism(t, func(threads int) kernels.Device { return openAt(t, level, threads) })
	})
}

func TestAllocations(t *testing.T) {
	eachLevel(t, func(t *testing.T, level string) {
		kerneltest.RunAllocations(t, func(t *testing.T) kernels.Device { return openAt(t, level, 2) })
	})
}
