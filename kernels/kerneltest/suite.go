package kerneltest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"debut/kernels"
)

// Run tests a device. The function opens a fresh one; the suite closes it. Families that the device lacks are skipped;
// Float64 is tried where the device can allocate it and binds a kernel of it. Short tests try fewer layouts of operands.
func Run(t *testing.T, open func(t *testing.T) kernels.Device) {
	t.Run("device", func(t *testing.T) { testDevice(t, open) })
	for _, fam := range families {
		runForms(t, open, fam)
		t.Run(fam.name+"/arguments", func(t *testing.T) {
			dev, other := opened(t, open), opened(t, open)
			skipUnsupported(t, dev, fam, kernels.Float32)
			for _, f := range fam.forms(small) {
				testArguments(t, dev, other, &f)
			}
		})
	}
	t.Run("unknown kinds", func(t *testing.T) { testUnknownKinds(t, opened(t, open)) })
}

// RunFamily tests what a device computes by one family's kernels, as Run does: for devices that compute them in another way.
func RunFamily(t *testing.T, name string, open func(t *testing.T) kernels.Device) {
	for _, fam := range families {
		if fam.name == name {
			runForms(t, open, fam)
			return
		}
	}
	t.Fatalf("there is no family %q", name)
}

func runForms(t *testing.T, open func(t *testing.T) kernels.Device, fam family) {
	for _, dt := range []kernels.Dtype{kernels.Float32, kernels.Float64} {
		t.Run(fmt.Sprintf("%s/%v", fam.name, dt), func(t *testing.T) {
			dev := opened(t, open)
			skipUnsupported(t, dev, fam, dt)
			for _, f := range fam.forms(conformance) {
				testForm(t, dev, dt, &f)
			}
		})
	}
}

// RunDeterminism tests that a device's results have the same bits for 1, 2, 3 and 7 threads.
func RunDeterminism(t *testing.T, open func(threads int) kernels.Device) {
	for _, fam := range families {
		t.Run(fam.name, func(t *testing.T) {
			var want map[string][]byte
			counts := []int{1, 2, 3, 7}
			if testing.Short() { // as under the race detector, to which one count of several is like another
				counts = []int{1, 3}
			}
			for _, threads := range counts {
				got := results(t, func(*testing.T) kernels.Device { return open(threads) }, fam)
				if want == nil {
					want = got
				}
				for key, b := range got {
					if !bytes.Equal(b, want[key]) {
						t.Errorf("%s: %d threads and one give different bits", key, threads)
					}
				}
			}
		})
	}
}

// results runs the big forms of a family and returns all that they leave.
func results(t *testing.T, open func(t *testing.T) kernels.Device, fam family) map[string][]byte {
	dev := opened(t, open)
	skipUnsupported(t, dev, fam, kernels.Float32)
	out := make(map[string][]byte)
	for i, f := range fam.forms(large) {
		x := newTrial(t, dev, kernels.Float32, &f, layouts[3])
		rows := batchRows(&f)
		for _, n := range []int{rows, rows - rows/3} {
			x.run(n)
			for name, o := range x.tensors {
				out[fmt.Sprintf("%d, %s, %d rows, %s", i, f.name, n, name)] = bytes.Clone(o.after)
			}
		}
	}
	return out
}

// scale says how large the operands of forms are.
type scale int

const (
	small       scale = iota // one shape
	conformance              // many, about the edges of likely blocks
	large                    // work for many threads
)

// family is a family of kernels with its forms.
type family struct {
	name  string
	has   func(d kernels.Device) error
	forms func(scale) []form
}

// families are registered by their files.
var families []family

// register adds a family.
func register(name string, has func(d kernels.Device) error, forms func(scale) []form) struct{} {
	families = append(families, family{name, has, forms})
	return struct{}{}
}

func offers[F any](d kernels.Device) error {
	_, err := kernels.Family[F](d)
	return err
}

// must returns a family that skipUnsupported has seen.
func must[F any](d kernels.Device) F {
	f, _ := d.(F)
	return f
}

// opened opens a device for the length of a test.
func opened(t *testing.T, open func(t *testing.T) kernels.Device) kernels.Device {
	t.Helper()
	dev := open(t)
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return dev
}

// skipUnsupported skips a family or a type that the device lacks.
func skipUnsupported(t *testing.T, dev kernels.Device, fam family, dt kernels.Dtype) {
	t.Helper()
	if err := fam.has(dev); err != nil {
		t.Skip(err)
	}
	if dt != kernels.Float64 {
		return
	}
	f := fam.forms(small)[0]
	ms := make(map[string]kernels.Matrix)
	for _, o := range f.operands {
		if o.dtype == 0 {
			o.dtype = dt
		}
		b, err := dev.Alloc(o.dtype, o.rows*o.cols, "test")
		if errors.Is(err, kernels.ErrUnsupported) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		ms[o.name] = kernels.NewMatrix(b, o.rows, o.cols)
	}
	if _, err := f.bind(dev, func(name string) kernels.Matrix { return ms[name] }); errors.Is(err, kernels.ErrUnsupported) {
		t.Skip(err)
	}
}

// batchRows returns the rows of a form's batch.
func batchRows(f *form) int {
	for _, o := range f.operands {
		if o.count == batchCount {
			return o.rows
		}
	}
	return 0
}

// testForm runs a form in all layouts, and bound once with a count, for several counts.
func testForm(t *testing.T, dev kernels.Device, dt kernels.Dtype, f *form) {
	t.Helper()
	rows := batchRows(f)
	for _, l := range layouts {
		if (dt == kernels.Float64 || testing.Short()) && l.padded != l.counted {
			continue // the two types share their ways through memory
		}
		x := newTrial(t, dev, dt, f, l)
		counts := []int{rows}
		if x.counts[batchCount] != nil {
			counts = []int{rows, rows / 2, 0, min(1, rows), max(rows-1, 0)}
		}
		for _, n := range counts {
			x.run(n)
			x.check(n, l)
		}
	}
}

// stranger is a buffer of no device.
type stranger struct{ kernels.Buffer }

// testArguments spoils the operands of a form one by one.
func testArguments(t *testing.T, dev, other kernels.Device, f *form) {
	t.Helper()
	x := newTrial(t, dev, kernels.Float32, f, layouts[1])
	for _, o := range f.operands {
		o := x.tensors[o.name].operand
		m := x.tensors[o.name].m
		try := func(what string, want error, spoiled kernels.Matrix) {
			t.Helper()
			_, err := f.bind(dev, func(name string) kernels.Matrix {
				if name == o.name {
					return spoiled
				}
				return x.matrix(name)
			})
			if !errors.Is(err, want) {
				t.Errorf("%s: %s %s: error %v, want %v", f.name, o.name, what, err, want)
			}
		}
		foreign := func(dt kernels.Dtype) kernels.Buffer {
			b, err := other.Alloc(dt, m.Buf.Len(), "test")
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		spoiled := m
		spoiled.Buf = foreign(o.dtype)
		try("of another device", kernels.ErrForeign, spoiled)
		spoiled.Buf = stranger{m.Buf}
		try("of no device", kernels.ErrForeign, spoiled)
		if o.count == batchCount && !f.aliased {
			c, err := other.NewRowCount(o.rows)
			if err != nil {
				t.Fatal(err)
			}
			spoiled = m
			spoiled.Count = c
			try("with another device's count", kernels.ErrForeign, spoiled)
		}
		if o.rows > 0 && o.cols > 0 {
			spoiled = m
			spoiled.Offset = m.Buf.Len()
			try("beyond its buffer", kernels.ErrShape, spoiled)
		}
		if !o.optional {
			try("missing", kernels.ErrShape, kernels.Matrix{})
		}
		if !o.free && !f.aliased {
			spoiled = m
			spoiled.Cols++
			spoiled.Buf = grown(t, dev, m.Buf)
			try("with a column too many", kernels.ErrShape, spoiled)
		}
		if !o.anyType && !f.aliased {
			wrong := kernels.Uint32
			if o.dtype == kernels.Uint32 {
				wrong = kernels.Int32
			}
			b, err := dev.Alloc(wrong, m.Buf.Len(), "test")
			if err != nil {
				t.Fatal(err)
			}
			spoiled = m
			spoiled.Buf = b
			try("of a wrong type", kernels.ErrShape, spoiled)
		}
	}
}

// grown returns a longer buffer of the same type.
func grown(t *testing.T, dev kernels.Device, b kernels.Buffer) kernels.Buffer {
	t.Helper()
	longer, err := dev.Alloc(b.Dtype(), b.Len()+16, "test")
	if err != nil {
		t.Fatal(err)
	}
	return longer
}

// testUnknownKinds asks for forms that no device has.
func testUnknownKinds(t *testing.T, dev kernels.Device) {
	b, err := dev.Alloc(kernels.Float32, 16, "test")
	if err != nil {
		t.Fatal(err)
	}
	x, y := kernels.NewMatrix(b, 1, 4), kernels.Matrix{Buf: b, Offset: 8, Rows: 1, Cols: 4, Stride: 4}
	one := kernels.Matrix{Buf: b, Offset: 12, Rows: 1, Cols: 1, Stride: 1}
	try := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, kernels.ErrUnsupported) {
			t.Errorf("%s: error %v, want %v", what, err, kernels.ErrUnsupported)
		}
	}
	if f, ok := dev.(kernels.Elementwise); ok {
		_, err := f.Activate(kernels.ActivateArgs{Activation: 200, X: x, Y: y})
		try("activation", err)
		_, err = f.ActivateGrad(kernels.ActivateGradArgs{Activation: 200, Y: x, DY: y, DX: y})
		try("activation gradient", err)
		_, err = f.Binary(kernels.BinaryArgs{Kind: 200, A: x, B: y, C: y})
		try("binary operation", err)
	}
	if f, ok := dev.(kernels.Loss); ok {
		_, err := f.Loss(kernels.LossArgs{Kind: 200, P: x, Target: y, Weight: one, Scale: one, Out: one})
		try("loss", err)
	}
	if f, ok := dev.(kernels.Optimizer); ok {
		h := kernels.Matrix{Buf: b, Rows: 1, Cols: kernels.HyperLen, Stride: kernels.HyperLen}
		_, err := f.Update(kernels.UpdateArgs{Kind: 200, Param: x, Grad: y, Hyper: h})
		try("optimizer", err)
	}
	if f, ok := dev.(kernels.DenseAlgebra); ok {
		_, err := f.Gemm(kernels.GemmArgs{A: one, B: x, C: y, Activation: 200})
		try("gemm", err)
	}
}
