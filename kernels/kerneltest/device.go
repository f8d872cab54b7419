package kerneltest

import (
	"errors"
	"testing"

	"debut/kernels"
)

// testDevice tests the core: memory, copies, row counts and lists of kernels.
func testDevice(t *testing.T, open func(t *testing.T) kernels.Device) {
	t.Run("info", func(t *testing.T) {
		if i := opened(t, open).Info(); i.Kind == "" || i.Name == "" || i.Level == "" || i.Reason == "" {
			t.Errorf("%+v is not complete", i)
		}
	})
	t.Run("memory", func(t *testing.T) { testMemory(t, opened(t, open), opened(t, open)) })
	t.Run("row count", func(t *testing.T) { testRowCount(t, opened(t, open)) })
	t.Run("prepare", func(t *testing.T) { testPrepare(t, opened(t, open), opened(t, open)) })
}

func testMemory(t *testing.T, dev, other kernels.Device) {
	for _, dt := range []kernels.Dtype{kernels.Float32, kernels.Int32, kernels.Uint32} {
		for _, n := range []int{0, 1, 17, 1000} {
			b, err := dev.Alloc(dt, n, "one")
			if err != nil {
				t.Fatalf("alloc of %d %v: %v", n, dt, err)
			}
			if b.Len() != n || b.Dtype() != dt {
				t.Errorf("alloc of %d %v gave %d %v", n, dt, b.Len(), b.Dtype())
			}
			got := make([]byte, n*dt.Size())
			for i := range got {
				got[i] = 1
			}
			if err := dev.Download(got, b, 0); err != nil {
				t.Fatal(err)
			}
			for i, v := range got {
				if v != 0 {
					t.Fatalf("byte %d of a fresh buffer of %d %v is %d", i, n, dt, v)
				}
			}
			dev.Release(b)
		}
	}
	if m := dev.Memory()["one"]; m != 0 {
		t.Errorf("%d bytes are left after all was released", m)
	}
	b, err := dev.Alloc(kernels.Float32, 10, "two")
	if err != nil {
		t.Fatal(err)
	}
	if m := dev.Memory()["two"]; m < 40 {
		t.Errorf("memory says %d bytes for 40", m)
	}
	if err := kernels.Upload(dev, b, 4, []float32{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 5)
	if err := kernels.Download(dev, got, b, 3); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{0, 1, 2, 3, 0} {
		if got[i] != want {
			t.Errorf("downloaded %v", got)
			break
		}
	}
	theirs, err := other.Alloc(kernels.Float32, 10, "two")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"upload beyond the end", dev.Upload(b, 8, make([]byte, 12)), kernels.ErrShape},
		{"upload before the beginning", dev.Upload(b, -1, make([]byte, 4)), kernels.ErrShape},
		{"upload of half an element", dev.Upload(b, 0, make([]byte, 6)), kernels.ErrShape},
		{"upload of another type", kernels.Upload(dev, b, 0, []int32{1}), kernels.ErrShape},
		{"upload to another device", dev.Upload(theirs, 0, make([]byte, 4)), kernels.ErrForeign},
		{"upload to no device", dev.Upload(stranger{b}, 0, make([]byte, 4)), kernels.ErrForeign},
		{"download beyond the end", dev.Download(make([]byte, 44), b, 0), kernels.ErrShape},
		{"download of another type", kernels.Download(dev, make([]uint32, 1), b, 0), kernels.ErrShape},
		{"download from another device", dev.Download(make([]byte, 4), theirs, 0), kernels.ErrForeign},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: error %v, want %v", c.name, c.err, c.want)
		}
	}
	if _, err := dev.Alloc(kernels.Float32, -1, "two"); !errors.Is(err, kernels.ErrShape) {
		t.Errorf("alloc of less than nothing: error %v, want %v", err, kernels.ErrShape)
	}
	if _, err := dev.Alloc(0, 1, "two"); !errors.Is(err, kernels.ErrShape) {
		t.Errorf("alloc of no type: error %v, want %v", err, kernels.ErrShape)
	}
	if _, err := dev.Alloc(kernels.Float32, 1<<56, "two"); !errors.Is(err, kernels.ErrOutOfMemory) {
		t.Errorf("alloc of more than there is: error %v, want %v", err, kernels.ErrOutOfMemory)
	}
}

func testRowCount(t *testing.T, dev kernels.Device) {
	c, err := dev.NewRowCount(5)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.Get(); n != 5 || err != nil || c.Max() != 5 {
		t.Errorf("a fresh count of at most 5 is %d of %d, error %v", n, c.Max(), err)
	}
	for _, n := range []int{0, 3, 5} {
		if err := c.Set(n); err != nil {
			t.Errorf("set to %d of 5: %v", n, err)
		}
		if got, err := c.Get(); got != n || err != nil {
			t.Errorf("set to %d, got %d, error %v", n, got, err)
		}
	}
	for _, n := range []int{-1, 6} {
		if err := c.Set(n); !errors.Is(err, kernels.ErrShape) {
			t.Errorf("set to %d of 5: error %v, want %v", n, err, kernels.ErrShape)
		}
	}
	if got, err := c.Get(); got != 5 || err != nil {
		t.Errorf("a refused set left %d, error %v", got, err)
	}
	if _, err := dev.NewRowCount(-1); !errors.Is(err, kernels.ErrShape) {
		t.Errorf("a count of at most -1: error %v, want %v", err, kernels.ErrShape)
	}
}

func testPrepare(t *testing.T, dev, other kernels.Device) {
	f, err := kernels.Family[kernels.Elementwise](dev)
	if err != nil {
		t.Skip(err)
	}
	var ms [2]kernels.Matrix
	for i := range ms {
		b, err := dev.Alloc(kernels.Float32, 6, "test")
		if err != nil {
			t.Fatal(err)
		}
		ms[i] = kernels.NewMatrix(b, 2, 3)
	}
	var list []kernels.Kernel
	add := func(k kernels.Kernel, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, k)
	}
	add(f.Fill(kernels.FillArgs{X: ms[0], Value: 2}))
	add(f.Binary(kernels.BinaryArgs{Kind: kernels.Multiply, A: ms[0], B: ms[0], C: ms[1]}))
	add(f.Binary(kernels.BinaryArgs{Kind: kernels.Add, A: ms[0], B: ms[1], C: ms[0]}))
	e, err := dev.Prepare(list)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := e.Run(); err != nil {
			t.Fatal(err)
		}
		got := make([]float32, 6)
		if err := kernels.Download(dev, got, ms[0].Buf, 0); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if v != 6 {
				t.Fatalf("element %d is %v, want 6", i, v)
			}
		}
	}
	if e, err := dev.Prepare(nil); err != nil {
		t.Errorf("an empty list: %v", err)
	} else if err := e.Run(); err != nil {
		t.Errorf("an empty list: %v", err)
	}
	if _, err := other.Prepare(list); !errors.Is(err, kernels.ErrForeign) {
		t.Errorf("kernels of another device: error %v, want %v", err, kernels.ErrForeign)
	}
}
