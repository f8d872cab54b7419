// Package kerneltest holds the tests that every kernels.Device must pass.
//
// [Run] compares every kernel, in every form, with formulas written out here in float64, straight from the contract's words. Operands
// lie in dense and in strided, unaligned views; whatever a kernel must not touch, or not read, holds a marked NaN. [RunDeterminism]
// checks that results have the same bits for any number of threads. Both use nothing but the contract.
//
// Tolerances are worst-case bounds of rounding for any order of summation (Higham, "Accuracy and Stability of Numerical
// Algorithms", chapter 3): with u the unit roundoff of the type, a sum of n terms may be wrong by n·u times the sum of their magnitudes.
package kerneltest

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"debut/kernels"
	"debut/kernels/philox"
)

// The names of the row counts that operands may carry.
const (
	noCount    = ""
	batchCount = "batch" // set before a run
	foundCount = "found" // written by a kernel, or what the form gives
)

// operand describes an operand of a form.
type operand struct {
	name       string
	dtype      kernels.Dtype // 0 stands for the type that the form is tried in
	rows, cols int
	count      string
	fill       func(r, c int) float64 // nil: what is there before a run is a marked NaN
	optional   bool                   // may be absent
	free       bool                   // any number of columns will do
	anyType    bool                   // any type will do
}

// form is a kernel with one choice of its arguments.
type form struct {
	name     string
	operands []operand
	// given says that foundCount is found before a run, and stays.
	given bool
	found int
	// aliased says that an operand stands for two, so that spoiling one would spoil both.
	aliased bool
	bind    func(d kernels.Device, m func(name string) kernels.Matrix) (kernels.Kernel, error)
	// want tells what elements must hold after a run with n valid rows; all others must keep their bits.
	want func(n int, x *trial)
}

// tensor is an operand in memory.
type tensor struct {
	operand
	m                    kernels.Matrix
	marked               []byte // marks all over
	filled               []byte // marked, but for what fill makes of all rows of the view
	before               []byte
	filledValues, values []float64 // filled and before, in float64
	after                []byte
	set                  []bool // the elements that want told about
}

// trial is a form bound on a device, and one run of it.
type trial struct {
	t       *testing.T
	dev     kernels.Device
	dt      kernels.Dtype
	form    *form
	tensors map[string]*tensor
	counts  map[string]kernels.RowCount
	kernel  kernels.Kernel
	bad     int
}

// roundoff returns u of the type in trial.
func (x *trial) roundoff() float64 {
	if x.dt == kernels.Float64 {
		return 0x1p-53
	}
	return 0x1p-24
}

// smallest returns the smallest normal number: what is less may be lost.
func (x *trial) smallest() float64 {
	if x.dt == kernels.Float64 {
		return 0x1p-1022
	}
	return 0x1p-126
}

// layout says how operands lie in their buffers.
type layout struct{ padded, counted bool }

func (l layout) String() string {
	return fmt.Sprintf("padded=%t,counted=%t", l.padded, l.counted)
}

var layouts = []layout{{false, false}, {true, false}, {false, true}, {true, true}}

// newTrial allocates a form's operands and binds it.
func newTrial(t *testing.T, dev kernels.Device, dt kernels.Dtype, f *form, l layout) *trial {
	t.Helper()
	x := &trial{t: t, dev: dev, dt: dt, form: f, tensors: make(map[string]*tensor), counts: make(map[string]kernels.RowCount)}
	for _, o := range f.operands {
		x.add(o, l)
	}
	k, err := f.bind(dev, x.matrix)
	if err != nil {
		t.Fatalf("%s, %v, %v: bind: %v", f.name, dt, l, err)
	}
	if k.Name() == "" {
		t.Errorf("%s: the kernel has no name", f.name)
	}
	x.kernel = k
	t.Cleanup(func() {
		for _, o := range x.tensors {
			dev.Release(o.m.Buf)
		}
	})
	return x
}

// add allocates an operand.
func (x *trial) add(o operand, l layout) {
	x.t.Helper()
	if o.dtype == 0 {
		o.dtype = x.dt
	}
	m := kernels.Matrix{Rows: o.rows, Cols: o.cols, Stride: o.cols}
	size := o.rows * o.cols
	if l.padded {
		m.Offset, m.Stride = 3, o.cols+5
		size = m.Offset + o.rows*m.Stride + 2
	}
	b, err := x.dev.Alloc(o.dtype, size, "test")
	if err != nil {
		x.t.Fatalf("%s: alloc of %s: %v", x.form.name, o.name, err)
	}
	m.Buf = b
	if o.count == foundCount || o.count != noCount && l.counted {
		if x.counts[o.count] == nil {
			c, err := x.dev.NewRowCount(o.rows)
			if err != nil {
				x.t.Fatalf("%s: row count of %s: %v", x.form.name, o.name, err)
			}
			x.counts[o.count] = c
		}
		m.Count = x.counts[o.count]
	}
	length := size * o.dtype.Size()
	s := &tensor{
		operand: o, m: m, marked: make([]byte, length), before: make([]byte, length), after: make([]byte, length),
		filledValues: make([]float64, size), values: make([]float64, size), set: make([]bool, size),
	}
	for i := range size {
		putMark(s.marked, o.dtype, i)
		s.filledValues[i] = math.NaN()
	}
	s.filled = bytes.Clone(s.marked)
	if o.fill != nil {
		for i := range o.rows * o.cols {
			at := m.Offset + i/o.cols*m.Stride + i%o.cols
			put(s.filled, o.dtype, at, o.fill(i/o.cols, i%o.cols))
			s.filledValues[at] = get(s.filled, o.dtype, at)
		}
	}
	x.tensors[o.name] = s
}

// matrix returns an operand's matrix.
func (x *trial) matrix(name string) kernels.Matrix {
	o := x.tensors[name]
	if o == nil {
		return kernels.Matrix{}
	}
	return o.m
}

// Marked bits: what must be neither read nor written. As floats they are NaN.
const (
	mark32 = 0x7fc0dead
	mark64 = 0x7ff8deaddeaddead
)

// prepare uploads the operands with n valid rows.
func (x *trial) prepare(n int) {
	x.t.Helper()
	for _, f := range x.form.operands {
		o := x.tensors[f.name]
		clear(o.set)
		copy(o.before, o.filled)
		copy(o.values, o.filledValues)
		if o.count == batchCount {
			invalid := o.m.Offset + min(n, o.rows)*o.m.Stride
			if invalid < len(o.values) {
				copy(o.before[invalid*o.dtype.Size():], o.marked)
				for i := range o.values[invalid:] {
					o.values[invalid+i] = math.NaN()
				}
			}
		}
		if err := x.dev.Upload(o.m.Buf, 0, o.before); err != nil {
			x.t.Fatalf("%s: upload of %s: %v", x.form.name, o.name, err)
		}
	}
	set := func(count string, rows int) {
		if c := x.counts[count]; c != nil {
			if err := c.Set(rows); err != nil {
				x.t.Fatalf("%s: %v", x.form.name, err)
			}
		}
	}
	set(batchCount, n)
	if x.form.given {
		set(foundCount, x.form.found)
	}
}

// run runs the kernel with n valid rows and downloads the operands.
func (x *trial) run(n int) {
	x.t.Helper()
	x.prepare(n)
	if err := x.kernel.Run(); err != nil {
		x.t.Fatalf("%s, %d rows: run: %v", x.form.name, n, err)
	}
	if err := x.dev.Synchronize(); err != nil {
		x.t.Fatalf("%s, %d rows: %v", x.form.name, n, err)
	}
	for _, o := range x.tensors {
		if err := x.dev.Download(o.after, o.m.Buf, 0); err != nil {
			x.t.Fatalf("%s: download of %s: %v", x.form.name, o.name, err)
		}
	}
	if c := x.kernel.Cost(); !(c.FLOPs >= 0 && c.Bytes >= 0) {
		x.t.Errorf("%s, %d rows: cost %+v", x.form.name, n, c)
	}
}

// check compares the run's results with what the form wants.
func (x *trial) check(n int, l layout) {
	x.t.Helper()
	x.bad = 0
	x.form.want(n, x)
	for name, o := range x.tensors {
		size := o.dtype.Size()
		for i, told := range o.set {
			if told || string(o.before[i*size:(i+1)*size]) == string(o.after[i*size:(i+1)*size]) {
				continue
			}
			x.errorf("%s: element %d of the buffer (view of %d×%d at %d, stride %d) was written: %x", name, i,
				o.rows, o.cols, o.m.Offset, o.m.Stride, o.after[i*size:(i+1)*size])
		}
	}
	if x.bad > 0 {
		x.t.Errorf("%s, %v, %v, %d rows: %d elements are wrong", x.form.name, x.dt, l, n, x.bad)
	}
}

// errorf reports a wrong element, the first few of a run.
func (x *trial) errorf(format string, args ...any) {
	x.t.Helper()
	if x.bad++; x.bad <= 3 {
		x.t.Errorf(x.form.name+": "+format, args...)
	}
}

// at returns an element as it was before the run.
func (x *trial) at(name string, r, c int) float64 {
	return x.tensors[name].at(r, c)
}

// at returns an element as it was before the run.
func (o *tensor) at(r, c int) float64 { return o.values[o.m.Offset+r*o.m.Stride+c] }

// expect tells what an element must hold after the run, up to a tolerance.
func (x *trial) expect(name string, r, c int, want, tolerance float64) {
	o := x.tensors[name]
	i := o.m.Offset + r*o.m.Stride + c
	o.set[i] = true
	got := get(o.after, o.dtype, i)
	switch {
	case math.IsNaN(want):
		if !math.IsNaN(got) {
			x.errorf("%s[%d, %d] = %v, want NaN", name, r, c, got)
		}
	case math.IsInf(want, 0):
		if got != want {
			x.errorf("%s[%d, %d] = %v, want %v", name, r, c, got, want)
		}
	case !(math.Abs(got-want) <= tolerance):
		x.errorf("%s[%d, %d] = %v, want %v ± %.3g", name, r, c, got, want, tolerance)
	}
}

// expectCount tells what a count must be after the run.
func (x *trial) expectCount(name string, want int) {
	x.t.Helper()
	got, err := x.counts[name].Get()
	if err != nil {
		x.t.Fatalf("%s: %v", x.form.name, err)
	}
	if got != want {
		x.errorf("the count is %d, want %d", got, want)
	}
}

// put encodes an element.
func put(b []byte, dt kernels.Dtype, i int, v float64) {
	switch dt {
	case kernels.Float64:
		copy(b[8*i:], kernels.Bytes([]float64{v}))
	case kernels.Int32:
		copy(b[4*i:], kernels.Bytes([]int32{int32(v)}))
	case kernels.Uint32:
		copy(b[4*i:], kernels.Bytes([]uint32{uint32(int64(v))}))
	default:
		copy(b[4*i:], kernels.Bytes([]float32{float32(v)}))
	}
}

// putMark encodes a marked element.
func putMark(b []byte, dt kernels.Dtype, i int) {
	if dt == kernels.Float64 {
		copy(b[8*i:], kernels.Bytes([]float64{math.Float64frombits(mark64)}))
	} else {
		copy(b[4*i:], kernels.Bytes([]uint32{mark32}))
	}
}

// get decodes an element.
func get(b []byte, dt kernels.Dtype, i int) float64 {
	switch dt {
	case kernels.Float64:
		return decode[float64](b[8*i:])
	case kernels.Int32:
		return float64(decode[int32](b[4*i:]))
	case kernels.Uint32:
		return float64(decode[uint32](b[4*i:]))
	}
	return float64(decode[float32](b[4*i:]))
}

func decode[T kernels.Element](b []byte) T {
	var v [1]T
	copy(kernels.Bytes(v[:]), b)
	return v[0]
}

// uniform returns a fill of numbers in [lo, hi), a different one for each stream.
func uniform(stream uint64, lo, hi float64) func(r, c int) float64 {
	key := philox.Key(1, stream)
	return func(r, c int) float64 {
		w := philox.Block(key, [4]uint32{uint32(r), uint32(c)})
		return lo + (hi-lo)*float64(w[0])/(1<<32)
	}
}

// constant returns a fill of one number.
func constant(v float64) func(r, c int) float64 {
	return func(int, int) float64 { return v }
}
