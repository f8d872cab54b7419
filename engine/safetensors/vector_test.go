package safetensors

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"
)

func TestVectors(t *testing.T) {
	var b bytes.Buffer
	f32, i32, i64 := []float32{1.5, -2, 0}, []int32{7, math.MinInt32}, []int64{math.MaxInt64, 3}
	if err := Stream(&b, []Source{Vector("a", f32), Vector("b", i32), Vector("c", i64), Vector("none", []int32{}), Matrix("m", []int32{1, 2, 3, 4, 5, 6}, 3), Matrix("n", []float32{}, 0)}, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := ReadVector[float32](f, "a"); err != nil || !slices.Equal(v, f32) {
		t.Errorf("%v, %v", v, err)
	}
	if v, err := ReadVector[int32](f, "b"); err != nil || !slices.Equal(v, i32) {
		t.Errorf("%v, %v", v, err)
	}
	if v, err := ReadVector[int64](f, "c"); err != nil || !slices.Equal(v, i64) {
		t.Errorf("%v, %v", v, err)
	}
	if v, err := ReadVector[int32](f, "none"); err != nil || len(v) != 0 {
		t.Errorf("%v, %v", v, err)
	}
	if v, columns, err := ReadMatrix[int32](f, "m"); err != nil || columns != 3 || !slices.Equal(v, []int32{1, 2, 3, 4, 5, 6}) {
		t.Errorf("%v of %d columns, %v", v, columns, err)
	}
	if v, columns, err := ReadMatrix[float32](f, "n"); err != nil || columns != 0 || len(v) != 0 {
		t.Errorf("%v of %d columns, %v", v, columns, err)
	}
	if _, _, err := ReadMatrix[int32](f, "b"); !errors.Is(err, ErrFormat) {
		t.Errorf("a vector is no matrix: %v", err)
	}
	if _, err := ReadVector[int32](f, "a"); !errors.Is(err, ErrFormat) {
		t.Errorf("another type: %v", err)
	}
	if _, err := ReadVector[int32](f, "d"); !errors.Is(err, ErrFormat) {
		t.Errorf("no such tensor: %v", err)
	}
	b.Reset()
	if err := Stream(&b, []Source{Vector("a", []float32{1, float32(math.NaN())})}, nil); err != nil {
		t.Fatal(err)
	}
	if f, err = Open(bytes.NewReader(b.Bytes()), int64(b.Len())); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadVector[float32](f, "a"); !errors.Is(err, ErrFormat) {
		t.Errorf("NaN: %v", err)
	}
}
