package timing

import (
	"context"
	"errors"
	"testing"
	"time"

	"debut/kernels"
	"debut/kernels/cuda"
	"debut/kernels/cuda/cudatest"
	"debut/kernels/devices"
)

// filler is a small kernel.
func filler(t *testing.T, dev kernels.Device) kernels.Kernel {
	t.Helper()
	b, err := dev.Alloc(kernels.Float32, 1<<12, "test")
	if err != nil {
		t.Fatal(err)
	}
	k, err := dev.(kernels.Elementwise).Fill(kernels.FillArgs{X: kernels.NewMatrix(b, 1, 1<<12), Value: 1})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func try(t *testing.T, dev kernels.Device) {
	t.Helper()
	s, err := New(dev)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	k := filler(t, dev)
	if d, err := s.Kernels(t.Context(), 0, 50, k, k); err != nil || d <= 0 {
		t.Errorf("a kernel takes %v, %v", d, err)
	}
	runs := 0
	if _, err := s.Median(t.Context(), 0, func() error { runs++; return k.Run() }); err != nil || runs != 4 {
		t.Errorf("%d runs, %v", runs, err)
	}
	broken := errors.New("broken")
	if _, err := s.Median(t.Context(), 0, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Median(ctx, time.Hour, k.Run); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestStopwatch(t *testing.T) {
	dev, err := devices.Open("cpu", devices.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	try(t, dev)
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
}

func TestStopwatchOnGPU(t *testing.T) { try(t, cudatest.Open(t, cuda.Options{})) }
