//go:build cgo && (linux || darwin)

package onnxruntime

/*
#cgo linux LDFLAGS: -ldl
#include <stdlib.h>
#include "call.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	"debut/engine/onnx"
	"debut/kernels/rawbytes"
)

// Runtime is the opened library. It may be used by several goroutines.
type Runtime struct {
	c       C.debut_runtime
	path    string
	version string
}

// Open opens the library that [Find] finds by a path, which may be empty. Errors match ErrUnavailable.
func Open(path string) (*Runtime, error) {
	r := &Runtime{path: Find(path)}
	name := C.CString(r.path)
	defer C.free(unsafe.Pointer(name))
	if err := failure(C.debut_ort_open(name, &r.c)); err != nil {
		if !strings.Contains(err.Error(), r.path) {
			err = fmt.Errorf("%s: %w", r.path, err)
		}
		return nil, fmt.Errorf("%w: %w", err, ErrUnavailable)
	}
	r.version = C.GoString(r.c.version)
	return r, nil
}

// Path is where the library lies, and Version which it is.
func (r *Runtime) Path() string { return r.path }

// Version is that of the library.
func (r *Runtime) Version() string { return r.version }

// Close ends the runtime, whose sessions must be closed. The library stays in the memory of the process.
func (r *Runtime) Close() error {
	C.debut_ort_close(&r.c)
	return nil
}

// failure makes an error of a message, and frees it.
func failure(message *C.char) error {
	if message == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(message))
	return errors.New(C.GoString(message))
}

// errClosed is the error of what was closed.
var errClosed = errors.New("it is closed already")

// errZero is the error of a text that C would end early.
var errZero = errors.New("a text has a zero byte, at which ONNX Runtime takes it to end")

// Session is a loaded model. It may be used by several goroutines, until it is closed.
type Session struct {
	r               *Runtime
	c               unsafe.Pointer
	inputs, outputs []string
	closed          atomic.Bool
}

// Load loads a model from a file, to run on so many threads; 0 is one for each core.
func (r *Runtime) Load(path string, threads int) (*Session, error) {
	if r.c.environment == nil {
		return nil, fmt.Errorf("onnxruntime: %s: %w", path, errClosed)
	}
	if strings.IndexByte(path, 0) >= 0 {
		return nil, fmt.Errorf("onnxruntime: %q is no path", path)
	}
	s := &Session{r: r}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if err := failure(C.debut_ort_load(&r.c, name, C.int(threads), &s.c)); err != nil {
		return nil, fmt.Errorf("onnxruntime: %s: %w", path, err)
	}
	for _, list := range []struct {
		outputs C.int
		to      *[]string
	}{{0, &s.inputs}, {1, &s.outputs}} {
		if err := s.names(list.outputs, list.to); err != nil {
			return nil, errors.Join(fmt.Errorf("onnxruntime: %s: %w", path, err), s.Close())
		}
	}
	return s, nil
}

func (s *Session) names(outputs C.int, to *[]string) error {
	var n C.size_t
	if err := failure(C.debut_ort_count(&s.r.c, s.c, outputs, &n)); err != nil {
		return err
	}
	for i := range n {
		var name *C.char
		if err := failure(C.debut_ort_name(&s.r.c, s.c, outputs, i, &name)); err != nil {
			return err
		}
		*to = append(*to, C.GoString(name))
		C.free(unsafe.Pointer(name))
	}
	return nil
}

// Inputs and Outputs are the names of a model's inputs and outputs.
func (s *Session) Inputs() []string { return slices.Clone(s.inputs) }

// Outputs are the names of a model's outputs.
func (s *Session) Outputs() []string { return slices.Clone(s.outputs) }

// Close unloads the model.
func (s *Session) Close() error {
	if !s.closed.Swap(true) {
		C.debut_ort_release_session(&s.r.c, s.c)
	}
	return nil
}

// Run computes all outputs of inputs, which must be those of the model.
func (s *Session) Run(inputs map[string]onnx.Tensor) (map[string]onnx.Tensor, error) {
	if s.closed.Load() {
		return nil, fmt.Errorf("onnxruntime: %w", errClosed)
	}
	in := make([]unsafe.Pointer, 0, len(s.inputs))
	defer func() { s.release(in) }()
	for _, name := range s.inputs {
		t, ok := inputs[name]
		if !ok {
			return nil, fmt.Errorf("onnxruntime: the input %q has no value", name)
		}
		v, err := s.tensor(t)
		if err != nil {
			return nil, fmt.Errorf("onnxruntime: input %q: %w", name, err)
		}
		in = append(in, v)
	}
	inNames, freeIn := texts(s.inputs)
	defer freeIn()
	outNames, freeOut := texts(s.outputs)
	defer freeOut()
	values := pointers(len(s.outputs))
	defer C.free(unsafe.Pointer(unsafe.SliceData(values)))
	given := pointers(len(in))
	defer C.free(unsafe.Pointer(unsafe.SliceData(given)))
	copy(given, in)
	err := failure(C.debut_ort_run(&s.r.c, s.c, inNames, unsafe.SliceData(given), C.size_t(len(in)), outNames, unsafe.SliceData(values), C.size_t(len(values))))
	if err != nil {
		return nil, fmt.Errorf("onnxruntime: %w", err)
	}
	defer s.release(values)
	out := make(map[string]onnx.Tensor, len(values))
	for i, name := range s.outputs {
		if out[name], err = s.read(values[i]); err != nil {
			return nil, fmt.Errorf("onnxruntime: output %q: %w", name, err)
		}
	}
	return out, nil
}

func (s *Session) release(values []unsafe.Pointer) {
	for _, v := range values {
		if v != nil {
			C.debut_ort_release_value(&s.r.c, v)
		}
	}
}

// pointers is a slice in C's memory, all nil.
func pointers(n int) []unsafe.Pointer {
	p := C.calloc(C.size_t(max(n, 1)), C.size_t(unsafe.Sizeof(unsafe.Pointer(nil))))
	return unsafe.Slice((*unsafe.Pointer)(p), n)
}

// texts lays strings out in C's memory.
func texts(list []string) (**C.char, func()) {
	p := pointers(len(list))
	for i, s := range list {
		p[i] = unsafe.Pointer(C.CString(s))
	}
	return (**C.char)(unsafe.Pointer(unsafe.SliceData(p))), func() {
		for _, s := range p {
			C.free(s)
		}
		C.free(unsafe.Pointer(unsafe.SliceData(p)))
	}
}

// tensor copies a tensor to the library.
func (s *Session) tensor(t onnx.Tensor) (v unsafe.Pointer, err error) {
	typ, n, err := t.Type()
	if err != nil {
		return nil, err
	}
	shape, want := make([]C.int64_t, len(t.Shape)), 1
	for i, k := range t.Shape {
		shape[i] = C.int64_t(k)
		want *= k
	}
	if want != n {
		return nil, fmt.Errorf("a tensor of shape %v has %d values", t.Shape, n)
	}
	var raw []byte
	var list **C.char
	switch d := t.Data.(type) {
	case []string:
		if slices.ContainsFunc(d, func(s string) bool { return strings.IndexByte(s, 0) >= 0 }) {
			return nil, errZero
		}
		var free func()
		list, free = texts(d)
		defer free()
	case []float32:
		raw = rawbytes.Of(d)
	case []float64:
		raw = rawbytes.Of(d)
	case []int32:
		raw = rawbytes.Of(d)
	case []int64:
		raw = rawbytes.Of(d)
	case []bool:
		raw = make([]byte, len(d))
		for i, x := range d {
			if x {
				raw[i] = 1
			}
		}
	}
	err = failure(C.debut_ort_tensor(&s.r.c, C.int(typ), unsafe.SliceData(shape), C.size_t(len(shape)), unsafe.Pointer(unsafe.SliceData(raw)), C.size_t(len(raw)), list, C.size_t(n), &v))
	return v, err
}

// maxDims bounds the dimensions of an output.
const maxDims = 16

// read copies a tensor from the library.
func (s *Session) read(v unsafe.Pointer) (t onnx.Tensor, err error) {
	var typ C.int
	var shape [maxDims]C.int64_t
	var dims, count C.size_t
	if err := failure(C.debut_ort_shape(&s.r.c, v, &typ, &shape[0], maxDims, &dims, &count)); err != nil {
		return t, err
	}
	for _, k := range shape[:dims] {
		t.Shape = append(t.Shape, int(k))
	}
	n := int(count)
	if onnx.Type(typ) == onnx.String {
		t.Data, err = s.readTexts(v, n)
		return t, err
	}
	var p unsafe.Pointer
	if n > 0 {
		if err := failure(C.debut_ort_data(&s.r.c, v, &p)); err != nil {
			return t, err
		}
	}
	switch onnx.Type(typ) {
	case onnx.Float:
		t.Data = copied[float32](p, n)
	case onnx.Double:
		t.Data = copied[float64](p, n)
	case onnx.Int32:
		t.Data = copied[int32](p, n)
	case onnx.Int64:
		t.Data = copied[int64](p, n)
	case onnx.Bool:
		t.Data = copied[bool](p, n)
	default:
		return t, fmt.Errorf("a tensor of %v is not read", onnx.Type(typ))
	}
	return t, nil
}

func copied[T any](p unsafe.Pointer, n int) []T {
	return append(make([]T, 0, n), unsafe.Slice((*T)(p), n)...)
}

func (s *Session) readTexts(v unsafe.Pointer, n int) ([]string, error) {
	list := make([]string, n)
	if n == 0 {
		return list, nil
	}
	var size C.size_t
	if err := failure(C.debut_ort_texts_length(&s.r.c, v, &size)); err != nil {
		return nil, err
	}
	text, offsets := make([]byte, size), make([]C.size_t, n)
	if err := failure(C.debut_ort_texts(&s.r.c, v, unsafe.Pointer(unsafe.SliceData(text)), size, &offsets[0], C.size_t(n))); err != nil {
		return nil, err
	}
	for i, at := range offsets {
		end := size
		if i+1 < n {
			end = offsets[i+1]
		}
		list[i] = string(text[at:end])
	}
	return list, nil
}
