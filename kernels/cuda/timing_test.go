//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"errors"
	"math"
	"testing"

	"debut/kernels"
)

func TestClock(t *testing.T) {
	d := opened(t, Options{})
	closed(t, d)
	c, err := d.NewClock(2)
	must(t, err)
	b, err := d.Alloc(kernels.Float32, 1<<16, "test")
	must(t, err)
	k, err := d.Fill(kernels.FillArgs{X: kernels.NewMatrix(b, 1, 1<<16), Value: 1})
	must(t, err)
	must(t, c.Mark(0))
	must(t, k.Run())
	must(t, c.Mark(1))
	if e, err := c.Between(0, 1); err != nil || e <= 0 {
		t.Errorf("a kernel takes %v, %v", e, err)
	}
	if err := c.Mark(2); !errors.Is(err, kernels.ErrShape) {
		t.Errorf("mark 2 of 2: %v", err)
	}
	must(t, c.Close())
	must(t, c.Close())
	if err := c.Mark(0); err == nil {
		t.Error("a closed clock marks")
	}
}

func TestTransfers(t *testing.T) {
	d := opened(t, Options{})
	closed(t, d)
	got, err := d.Transfers(1<<20, 3)
	must(t, err)
	if !(got.DeviceToDevice > 0 && got.HostToDevice > 0 && got.DeviceToHost > 0) || math.IsInf(got.DeviceToDevice, 0) {
		t.Errorf("%+v", got)
	}
	if m := d.Memory(); m["transfers"] != 0 {
		t.Errorf("%d bytes are kept", m["transfers"])
	}
	if _, err := d.Transfers(0, 1); !errors.Is(err, kernels.ErrShape) {
		t.Errorf("copies of nothing: %v", err)
	}
}

func TestPoison(t *testing.T) {
	d := opened(t, Options{})
	closed(t, d)
	d.Poison("scratch")
	for purpose, want := range map[string]bool{"scratch": true, "parameters": false} {
		b, err := d.Alloc(kernels.Float32, 5, purpose)
		must(t, err)
		got := make([]float32, 5)
		must(t, kernels.Download(d, got, b, 0))
		for i, v := range got {
			if math.IsNaN(float64(v)) != want {
				t.Errorf("%s: element %d begins as %v", purpose, i, v)
			}
		}
	}
}
