package cpu

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"debut/kernels"
)

func TestLevels(t *testing.T) {
	has := levels()
	best := has[len(has)-1]
	type choice struct {
		option, variable string
		level, reason    string // where the level is to be had
		message          string // of the error, where it is not
	}
	choices := []choice{
		{"", "", best, "best", ""},
		{"", "generic", levelGeneric, LevelVariable, ""},
		{"generic", "nonsense", levelGeneric, "options", ""},
		{"", "sse9", "", "", `"sse9" (asked for by DEBUT_CPU) is unknown: use "generic", "avx2" or "avx512"`},
		{"AVX2", "", "", "", "unknown"},
	}
	for _, level := range []string{levelAVX2, levelAVX512} {
		if slices.Contains(has, level) {
			choices = append(choices, choice{level, "generic", level, "options", ""}, choice{"", level, level, LevelVariable, ""})
		} else {
			choices = append(choices, choice{level, "", "", "", "more than this processor has"})
		}
	}
	for _, c := range choices {
		t.Setenv(LevelVariable, c.variable)
		dev, err := New(Options{Threads: 1, Level: c.option})
		if c.message != "" {
			if err == nil || !strings.Contains(err.Error(), c.message) {
				t.Errorf("option %q, variable %q: error %v, want %q in it", c.option, c.variable, err, c.message)
			}
			continue
		}
		if err != nil {
			t.Errorf("option %q, variable %q: %v", c.option, c.variable, err)
			continue
		}
		i := dev.Info()
		if i.Kind != "cpu" || i.Name == "" || i.Level != c.level || i.Threads != 1 || !strings.Contains(i.Reason, c.reason) {
			t.Errorf("option %q, variable %q: info %+v", c.option, c.variable, i)
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestThreads(t *testing.T) {
	if _, err := New(Options{Threads: -1}); err == nil {
		t.Error("a negative number of threads is taken")
	}
	dev := open(t, 0)
	if n := dev.Info().Threads; n < 1 {
		t.Errorf("%d threads by default", n)
	}
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
}

func TestWrapAndSlice(t *testing.T) {
	dev, other := open(t, 1), open(t, 1)
	s := []float32{1, 2, 3, 4}
	b := Wrap(s)
	if b.Len() != 4 || b.Dtype() != kernels.Float32 {
		t.Fatalf("wrapped as %d %v", b.Len(), b.Dtype())
	}
	for _, d := range []*Device{dev, other} { // a wrapped slice serves any device
		k, err := d.Binary(kernels.BinaryArgs{A: kernels.NewMatrix(b, 2, 2), B: kernels.NewMatrix(b, 2, 2), C: kernels.NewMatrix(b, 2, 2)})
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Run(); err != nil {
			t.Fatal(err)
		}
	}
	if s[3] != 16 {
		t.Errorf("the slice holds %v", s)
	}
	if got := Slice[float32](b); &got[0] != &s[0] {
		t.Error("Slice copies")
	}
	if Slice[int32](b) != nil || Slice[float32](nil) != nil {
		t.Error("Slice makes memory of another type")
	}
	dev.Release(b)
	if Slice[float32](b) == nil {
		t.Error("a device released a wrapped slice")
	}
	for _, d := range []*Device{dev, other} {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAllocAligns(t *testing.T) {
	dev := open(t, 1)
	defer func() { _ = dev.Close() }()
	for _, n := range []int{1, 3, 17, 1000, 100_000} {
		b, err := dev.Alloc(kernels.Float64, n, "test")
		if err != nil {
			t.Fatal(err)
		}
		if at := uintptr(unsafe.Pointer(&Slice[float64](b)[0])); at%alignment != 0 {
			t.Errorf("%d elements at %#x", n, at)
		}
	}
}

// A buffer of many megabytes is zeroed, outside of Go's heap, and gone after its kernels are.
func TestMappedBuffer(t *testing.T) {
	if mapped == math.MaxInt {
		t.Skip("buffers are in Go's heap here")
	}
	dev := open(t, 2)
	defer func() { _ = dev.Close() }()
	const cols = 1 << 12
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b, err := dev.Alloc(kernels.Float32, mapped/4+1, "test")
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("Go's heap grew by %d bytes", grown)
	}
	s := Slice[float32](b)
	if len(s) != mapped/4+1 || s[0] != 0 || s[len(s)-1] != 0 || uintptr(unsafe.Pointer(&s[0]))%hugePage != 0 {
		t.Errorf("%d elements at %p, from %v to %v", len(s), &s[0], s[0], s[len(s)-1])
	}
	m := kernels.Matrix{Buf: b, Offset: mapped/4 + 1 - cols, Rows: 1, Cols: cols, Stride: cols}
	one, err := dev.Fill(kernels.FillArgs{X: m, Value: 1})
	if err != nil {
		t.Fatal(err)
	}
	out := Wrap(make([]float32, cols))
	sum, err := dev.ColumnSum(kernels.ColumnSumArgs{X: m, Out: kernels.NewMatrix(out, 1, cols)})
	if err != nil {
		t.Fatal(err)
	}
	dev.Release(b)
	if b.Len() != 0 || dev.Memory()["test"] != 0 {
		t.Errorf("a released buffer has %d elements; memory is %v", b.Len(), dev.Memory())
	}
	// What was bound before goes on, as long as there is somebody to run it.
	b, s = nil, nil
	runtime.GC()
	if err := errors.Join(one.Run(), sum.Run()); err != nil {
		t.Fatal(err)
	}
	if v := Slice[float32](out); v[0] != 1 || v[cols-1] != 1 {
		t.Errorf("sums of ones are %v … %v", v[0], v[cols-1])
	}
}

func TestMemoryByPurpose(t *testing.T) {
	dev := open(t, 1)
	defer func() { _ = dev.Close() }()
	var bs []kernels.Buffer
	for _, purpose := range []string{"parameters", "parameters", "state"} {
		b, err := dev.Alloc(kernels.Float32, 100, purpose)
		if err != nil {
			t.Fatal(err)
		}
		bs = append(bs, b)
	}
	if m := dev.Memory(); m["parameters"] != 800 || m["state"] != 400 || len(m) != 2 {
		t.Errorf("memory is %v", m)
	}
	if _, err := dev.ColumnSum(kernels.ColumnSumArgs{X: kernels.NewMatrix(bs[0], 10, 10), Out: kernels.NewMatrix(bs[1], 1, 100).Columns(0, 10)}); err != nil {
		t.Fatal(err)
	}
	if dev.Memory()[purposeScratch] == 0 {
		t.Error("scratch memory is not accounted for")
	}
	dev.Release(bs[0])
	dev.Release(bs[0])
	if m := dev.Memory(); m["parameters"] != 400 {
		t.Errorf("after a release, twice, memory is %v", m)
	}
	if _, err := dev.Fill(kernels.FillArgs{X: kernels.Matrix{Buf: bs[0], Rows: 0, Cols: 3, Stride: 3}}); !errors.Is(err, kernels.ErrShape) {
		t.Errorf("binding a released buffer: error %v", err)
	}
}

func TestClosedDevice(t *testing.T) {
	dev := open(t, 2)
	k, err := dev.Fill(kernels.FillArgs{X: kernels.NewMatrix(Wrap(make([]float32, 4)), 2, 2)})
	if err != nil {
		t.Fatal(err)
	}
	e, err := dev.Prepare([]kernels.Kernel{k})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := dev.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, allocErr := dev.Alloc(kernels.Float32, 1, "test")
	_, countErr := dev.NewRowCount(1)
	_, bindErr := dev.Fill(kernels.FillArgs{X: kernels.NewMatrix(Wrap(make([]float32, 4)), 2, 2)})
	for what, err := range map[string]error{"run": k.Run(), "execute": e.Run(), "alloc": allocErr, "row count": countErr, "bind": bindErr, "synchronize": dev.Synchronize()} {
		if err == nil {
			t.Errorf("%s works on a closed device", what)
		}
	}
}

// TestPrepareTakesKernelsOfTheCaller checks that a list may hold kernels that are no device's.
func TestPrepareTakesKernelsOfTheCaller(t *testing.T) {
	dev := open(t, 1)
	defer func() { _ = dev.Close() }()
	ran := 0
	e, err := dev.Prepare([]kernels.Kernel{hostKernel{&ran}, hostKernel{&ran}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Run(); err != nil || ran != 2 {
		t.Errorf("ran %d times, error %v", ran, err)
	}
	if _, err := dev.Prepare([]kernels.Kernel{nil}); err == nil {
		t.Error("a nil kernel is taken")
	}
}

type hostKernel struct{ ran *int }

func (hostKernel) Name() string       { return "host" }
func (hostKernel) Cost() kernels.Cost { return kernels.Cost{} }
func (k hostKernel) Run() error       { *k.ran++; return nil }
