//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"debut/kernels"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func closed(t testing.TB, d *Device) {
	t.Helper()
	t.Cleanup(func() { must(t, d.Close()) })
}

// Uploads of any size and number arrive, in order, behind what was queued before them.
func TestUploads(t *testing.T) {
	d := opened(t, Options{})
	closed(t, d)
	const n = 3*segmentSize/4 + 1001
	b, err := d.Alloc(kernels.Uint32, n, "test")
	must(t, err)
	want := make([]uint32, n)
	for i := range want {
		want[i] = uint32(i)*2654435761 + 1
	}
	must(t, kernels.Upload(d, b, 0, want))
	for i := range 5 * maxPieces { // small pieces, some over each other, at all alignments
		off, piece := i*37%4096, make([]uint32, 1+i%11)
		for j := range piece {
			piece[j] = uint32(1000*i + j)
		}
		must(t, kernels.Upload(d, b, off, piece))
		copy(want[off:], piece)
		clear(piece) // it is the caller's again
	}
	got := make([]uint32, n)
	must(t, kernels.Download(d, got, b, 0))
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("element %d is %d, want %d", i, got[i], want[i])
		}
	}
}

// Uploads to the same memory keep their order, with nothing between them that would have sent the first ones. The emulated driver fails
// where blocks of the kernel that puts them in their places write the same word, whatever their order.
func TestOverlappingUploads(t *testing.T) {
	d := opened(t, Options{})
	closed(t, d)
	const n = 64
	b, err := d.Alloc(kernels.Uint32, n, "test")
	must(t, err)
	c, err := d.Alloc(kernels.Uint32, n, "test")
	must(t, err)
	want, got := make([]uint32, n), make([]uint32, n)
	next := uint32(0)
	put := func(off, size int) {
		piece := make([]uint32, size)
		for i := range piece {
			next++
			piece[i] = next
		}
		must(t, kernels.Upload(d, b, off, piece))
		copy(want[off:], piece)
		clear(piece)
	}
	for round := range 8 { // the order of blocks changes from launch to launch
		for _, f := range []struct {
			name   string
			pieces [][2]int // first element, and their number
			staged int      // how many are on their way afterwards: what need not be sent is not
		}{
			{"the same place", [][2]int{{4, 4}, {4, 4}, {4, 4}}, 1},
			{"the same place, another between", [][2]int{{4, 4}, {0, 4}, {4, 4}, {0, 4}}, 2},
			{"a part", [][2]int{{0, 16}, {5, 3}}, 1},
			{"more", [][2]int{{5, 3}, {0, 16}}, 1},
			{"the beginning", [][2]int{{8, 8}, {8, 3}}, 1},
			{"the end", [][2]int{{8, 8}, {13, 3}}, 1},
			{"across an end", [][2]int{{8, 8}, {12, 8}}, 1},
			{"across both", [][2]int{{8, 4}, {16, 4}, {10, 8}}, 1},
			{"neighbors", [][2]int{{8, 4}, {4, 4}, {12, 4}}, 3},
			{"nothing", [][2]int{{8, 4}, {9, 0}}, 1},
		} {
			for _, p := range f.pieces {
				put(p[0], p[1])
			}
			if s := d.staging.args.count; int(s) != f.staged {
				t.Errorf("%s: %d pieces are on their way, want %d", f.name, s, f.staged)
			}
			must(t, kernels.Upload(d, c, 0, want)) // of another buffer
			must(t, kernels.Download(d, got, b, 0))
			if !slices.Equal(got, want) {
				t.Fatalf("%s, round %d: %v, want %v", f.name, round, got, want)
			}
		}
	}
}

// What the program drops is taken back, and used again.
func TestDroppedMemoryComesBack(t *testing.T) {
	d := opened(t, Options{})
	closed(t, d)
	const large = 64 << 20 // elements; the emulated GPU has 2 GiB
	for range 20 {
		if _, err := d.Alloc(kernels.Float32, large, "dropped"); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for d.Memory()["dropped"] > 8*4*large && time.Now().Before(deadline) {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if m := d.Memory()["dropped"]; m > 8*4*large {
		t.Errorf("%d bytes are still in use", m)
	}
}

func TestOutOfMemory(t *testing.T) {
	d := opened(t, Options{})
	closed(t, d)
	keep, err := d.Alloc(kernels.Float32, 1<<20, "parameters")
	must(t, err)
	_, err = d.Alloc(kernels.Float32, 1<<40, "activations")
	if !errors.Is(err, kernels.ErrOutOfMemory) {
		t.Fatalf("error %v", err)
	}
	wantReason(t, "error", err.Error(), "for activations", "cuda:0", "free", "parameters 4.0 MiB", "smaller batch")
	// The device is as good as before.
	must(t, kernels.Upload(d, keep, 0, []float32{1}))
	must(t, d.Synchronize())
}

func TestClosed(t *testing.T) {
	d := opened(t, Options{})
	b, err := d.Alloc(kernels.Float32, 1, "test")
	must(t, err)
	must(t, d.Close())
	if err := d.Upload(b, 0, make([]byte, 4)); !errors.Is(err, errClosed) {
		t.Errorf("upload: %v", err)
	}
	if _, err := d.Alloc(kernels.Float32, 1, "test"); !errors.Is(err, errClosed) {
		t.Errorf("alloc: %v", err)
	}
	if err := d.Close(); !errors.Is(err, errClosed) {
		t.Errorf("close: %v", err)
	}
	d.Release(b)
}

func TestFloat64IsUnsupported(t *testing.T) {
	d := opened(t, Options{})
	closed(t, d)
	if _, err := d.Alloc(kernels.Float64, 1, "test"); !errors.Is(err, kernels.ErrUnsupported) {
		t.Errorf("error %v", err)
	}
}

func TestGuard(t *testing.T) {
	d := opened(t, Options{})
	closed(t, d)
	xb, err := d.Alloc(kernels.Float32, 1, "test")
	must(t, err)
	yb, err := d.Alloc(kernels.Float32, 1, "test")
	must(t, err)
	x, y := kernels.NewMatrix(xb, 1, 1), kernels.NewMatrix(yb, 1, 1)
	guard, err := d.Guard(kernels.GuardArgs{X: x})
	must(t, err)
	count, err := d.Binary(kernels.BinaryArgs{Kind: kernels.Add, A: y, B: x, C: y})
	must(t, err)
	e, err := d.Prepare([]kernels.Kernel{guard, count})
	must(t, err)
	inf := float32(1)
	for range 200 {
		inf *= 2
	}
	for _, v := range []float32{1, 2, inf, 4} {
		must(t, kernels.Upload(d, xb, 0, []float32{v}))
		must(t, e.Run())
	}
	s, err := d.Guarded()
	must(t, err)
	if len(s.Passed) != 2 || s.Passed[0] != 1 || s.Passed[1] != 2 || !s.Halted || s.Value != float64(inf) {
		t.Errorf("the guard has seen %+v", s)
	}
	got := make([]float32, 2)
	must(t, kernels.Download(d, got[:1], xb, 0))
	must(t, kernels.Download(d, got[1:], yb, 0))
	if got[0] != inf || got[1] != 3 {
		t.Errorf("a halted device holds %v", got)
	}
	must(t, kernels.Upload(d, xb, 0, []float32{5}))
	must(t, e.Run())
	if s, err = d.Guarded(); err != nil || s.Halted || len(s.Passed) != 1 || s.Passed[0] != 5 {
		t.Errorf("going on, the guard has seen %+v, %v", s, err)
	}
}

// A count that was set while the device was halted is what it was before.
func TestRowCountOfAHaltedDevice(t *testing.T) {
	d := opened(t, Options{})
	closed(t, d)
	c, err := d.NewRowCount(10)
	must(t, err)
	must(t, c.Set(7))
	xb, err := d.Alloc(kernels.Float32, 1, "test")
	must(t, err)
	zero := float32(0)
	must(t, kernels.Upload(d, xb, 0, []float32{zero / zero}))
	guard, err := d.Guard(kernels.GuardArgs{X: kernels.NewMatrix(xb, 1, 1)})
	must(t, err)
	must(t, guard.Run())
	must(t, c.Set(3))
	s, err := d.Guarded()
	must(t, err)
	n, err := c.Get()
	must(t, err)
	if !s.Halted || n != 7 {
		t.Errorf("%+v, count %d", s, n)
	}
	must(t, c.Set(3))
	if n, err = c.Get(); n != 3 || err != nil {
		t.Errorf("count %d, %v", n, err)
	}
}

func TestInfo(t *testing.T) {
	d := opened(t, Options{Reason: "because"})
	closed(t, d)
	i := d.Info()
	if i.Kind != "cuda" || !strings.HasPrefix(i.Level, "sm_") || i.Reason != "because" || i.Memory == 0 {
		t.Errorf("%+v", i)
	}
	if a := d.Available(); a <= 0 || a >= i.Memory {
		t.Errorf("%d bytes available of %d", a, i.Memory)
	}
}
