package peak_test

import (
	"math"
	"testing"
	"time"

	"debut/bench/peak"
	"debut/kernels/cpu"
)

// A level with wider registers does not reach less, and every level the processor has runs.
func TestFLOPs(t *testing.T) {
	for _, level := range []string{"generic", "avx2", "avx512"} {
		dev, err := cpu.New(cpu.Options{Threads: 1, Level: level})
		if err != nil {
			t.Logf("%s: %v", level, err)
			continue
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
		for _, threads := range []int{0, 2} {
			if x := peak.FLOPs(level, threads, time.Millisecond); !(x > 0) || math.IsInf(x, 0) {
				t.Errorf("%s, %d threads: %v FLOP/s", level, threads, x)
			}
		}
	}
}

func TestCopy(t *testing.T) {
	for _, bytes := range []int{0, 1, 100, 1 << 20} {
		for _, threads := range []int{0, 1, 3} {
			if x := peak.Copy(bytes, threads, time.Millisecond); !(x > 0) || math.IsInf(x, 0) {
				t.Errorf("%d bytes, %d threads: %v bytes/s", bytes, threads, x)
			}
		}
	}
}

// The yardstick measures all of its speeds; one thread alone has nobody to answer.
func TestYardstick(t *testing.T) {
	for _, threads := range []int{0, 1, 2, 5} {
		s := peak.NewYardstick("generic", threads).Measure()
		for _, x := range []float64{s.Compute, s.Memory, s.Answers} {
			if !(x >= 0) || math.IsInf(x, 0) {
				t.Errorf("%d threads: %+v", threads, s)
			}
		}
		if s.Compute == 0 || s.Memory == 0 || (s.Answers > 0) != (threads > 1) {
			t.Errorf("%d threads: %+v", threads, s)
		}
	}
}
