package training

import (
	"testing"

	"debut/kernels/devices"
)

func newMLP(t *testing.T, batch int) *MLP {
	t.Helper()
	dev, err := devices.Open("cpu", devices.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := New(dev, []int{6, 8, 1}, batch)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Batches of any size are trained on, whole or not, and training learns.
func TestBatches(t *testing.T) {
	for _, batch := range []int{16, 40} {
		s := newMLP(t, batch)
		first, err := s.LossAfter(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SetRows(batch / 2); err != nil {
			t.Fatal(err)
		}
		last, err := s.LossAfter(t.Context(), 400)
		if err != nil {
			t.Fatal(err)
		}
		if !(last < first) {
			t.Errorf("batches of %d: the loss is %v, at first %v", batch, last, first)
		}
		if s.at != (batch+401*(batch/2))%len(s.Order) {
			t.Errorf("batches of %d: it is at row %d", batch, s.at)
		}
		if err := s.SetRows(batch + 1); err == nil {
			t.Error("more rows than a batch has: no error")
		}
	}
	if _, err := New(nil, []int{1, 1}, 0); err == nil {
		t.Error("batches of nothing: no error")
	}
}

// What a peer is told has the shapes of the network.
func TestDescribe(t *testing.T) {
	s := newMLP(t, 16)
	d, err := s.Describe()
	if err != nil {
		t.Fatal(err)
	}
	if d.Batch != 16 || d.Rows != 16*Batches || len(d.X) != d.Rows*6 || len(d.Y) != d.Rows || len(d.Parameters["hidden.0.weight"]) != 48 ||
		len(d.Parameters["output.bias"]) != 1 {
		t.Errorf("%d rows in batches of %d, parameters %v", d.Rows, d.Batch, d.Parameters)
	}
}
