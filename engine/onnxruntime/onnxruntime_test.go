package onnxruntime_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"debut/engine/onnx"
	"debut/engine/onnxruntime"
	"debut/engine/onnxruntime/onnxruntimetest"
)

// What is no library is told with its place.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lib.so")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{path, filepath.Join(dir, "none.so")} {
		if _, err := onnxruntime.Open(place); !errors.Is(err, onnxruntime.ErrUnavailable) || !strings.Contains(err.Error(), place) {
			t.Errorf("%v", err)
		}
	}
	t.Setenv(onnxruntime.Variable, path)
	if got := onnxruntime.Find(""); got != path {
		t.Errorf("%s, not that of the environment", got)
	}
}

// Inputs and outputs of every type go through the library; what does not fit is an error.
func TestRun(t *testing.T) {
	r := onnxruntimetest.Open(t)
	g := onnx.NewGraph("types")
	in := map[string]onnx.Tensor{
		"float32": onnx.NewTensor([]float32{1, -2}, 1), "float64": onnx.NewTensor([]float64{1e300, 0.1}, 1), "int32": onnx.NewTensor([]int32{-7, 7}, 1),
		"int64": onnx.NewTensor([]int64{1 << 40, 0}, 1), "bool": onnx.NewTensor([]bool{true, false}, 1), "string": onnx.NewTensor([]string{"", "né"}, 1),
	}
	for name, v := range in {
		typ, _, err := v.Type()
		if err != nil || typ.String() != name {
			t.Fatalf("%v %v", typ, err)
		}
		g.Output(g.Input(name, typ, []int{onnx.Batch, 1}, ""), name+" out", typ, []int{onnx.Batch, 1}, "")
	}
	out := onnxruntimetest.Run(t, r, g, in)
	for name, want := range in {
		got, _, err := out[name+" out"].Type()
		if typ, n, _ := want.Type(); err != nil || got != typ || n != 2 {
			t.Errorf("%s: %v %v", name, got, err)
		}
		if !equal(out[name+" out"], want) {
			t.Errorf("%s: %v, not %v", name, out[name+" out"], want)
		}
	}
	path := filepath.Join(t.TempDir(), "no.onnx")
	if _, err := r.Load(path, 1); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
	model := filepath.Join(t.TempDir(), "model.onnx")
	f, err := os.Create(model)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Write(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := r.Load(model, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if len(s.Inputs()) != len(in) || len(s.Outputs()) != len(in) {
		t.Errorf("%q, %q", s.Inputs(), s.Outputs())
	}
	for want, change := range map[string]func(map[string]onnx.Tensor){
		`"int64" has no value`:   func(m map[string]onnx.Tensor) { delete(m, "int64") },
		"a zero byte":            func(m map[string]onnx.Tensor) { m["string"] = onnx.NewTensor([]string{"a\x00b", ""}, 1) },
		"[2 1] has 3 values":     func(m map[string]onnx.Tensor) { m["bool"] = onnx.Tensor{Shape: []int{2, 1}, Data: make([]bool, 3)} },
		"tensors of []uint8":     func(m map[string]onnx.Tensor) { m["bool"] = onnx.Tensor{Shape: []int{1, 1}, Data: []byte{1}} },
		"Unexpected input data":  func(m map[string]onnx.Tensor) { m["bool"] = m["float32"] },
		"Got invalid dimensions": func(m map[string]onnx.Tensor) { m["bool"] = onnx.NewTensor([]bool{true, false}, 2) },
	} {
		wrong := map[string]onnx.Tensor{}
		for name, v := range in {
			wrong[name] = v
		}
		change(wrong)
		if _, err := s.Run(wrong); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Run(in); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a closed model: %v", err)
	}
	ended, err := onnxruntime.Open(r.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := ended.Close(); err != nil {
		t.Error(err)
	}
	if _, err := ended.Load(model, 1); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a closed runtime: %v", err)
	}
}

// The library of npm's package is found whatever the folder is called, that of the latest interface first.
func TestFind(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a[1] *")
	want := filepath.Join(folder, "bin", "napi-v10")
	for _, version := range []string{"napi-v6", "napi-v10", "napi-vx"} {
		for _, arch := range []string{"x64", "arm64"} {
			dir := filepath.Join(folder, "bin", version, runtime.GOOS, arch)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"libonnxruntime.so.1", "libonnxruntime.dylib"} {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if got := onnxruntime.Find(folder); !strings.HasPrefix(got, want) {
		t.Errorf("%s, want one of %s", got, want)
	}
}

func equal(a, b onnx.Tensor) bool {
	switch x := a.Data.(type) {
	case []float32:
		return same(x, b.Data)
	case []float64:
		return same(x, b.Data)
	case []int32:
		return same(x, b.Data)
	case []int64:
		return same(x, b.Data)
	case []bool:
		return same(x, b.Data)
	case []string:
		return same(x, b.Data)
	}
	return false
}

func same[T comparable](a []T, b any) bool {
	y, ok := b.([]T)
	if !ok || len(a) != len(y) {
		return false
	}
	for i := range a {
		if a[i] != y[i] {
			return false
		}
	}
	return true
}
