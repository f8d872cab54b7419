package safetensors

import (
	"fmt"
	"math"

	"debut/kernels/rawbytes"
)

// Number is what vectors are of.
type Number interface{ float32 | int32 | int64 }

// dtypeOf returns the type of T in a file.
func dtypeOf[T Number]() Dtype {
	switch any(*new(T)).(type) {
	case int32:
		return I32
	case int64:
		return I64
	}
	return F32
}

// Vector is a slice to be written as a tensor of one dimension. It must not change before it is.
func Vector[T Number](name string, v []T) Source {
	return Source{Name: name, Dtype: dtypeOf[T](), Shape: []int{len(v)}, Read: func(dst []byte, off int64) error {
		copy(dst, rawbytes.Of(v)[off:])
		return nil
	}}
}

// ReadVector reads a tensor that Vector wrote. A name that the file has not, another type or shape, and floats that are not finite are
// errors that match ErrFormat.
func ReadVector[T Number](f *File, name string) ([]T, error) {
	for _, info := range f.Tensors() {
		if info.Name != name {
			continue
		}
		if want := dtypeOf[T](); info.Dtype != want || len(info.Shape) != 1 {
			return nil, fmt.Errorf("safetensors: tensor %q is %s of shape %v, not a vector of %s: %w", name, info.Dtype, info.Shape, want, ErrFormat)
		}
		v := make([]T, info.Shape[0])
		if err := f.ReadAt(info, rawbytes.Of(v), 0); err != nil {
			return nil, err
		}
		if floats, ok := any(v).([]float32); ok {
			for i, x := range floats {
				if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
					return nil, fmt.Errorf("safetensors: tensor %q holds %v at %d: %w", name, x, i, ErrFormat)
				}
			}
		}
		return v, nil
	}
	return nil, fmt.Errorf("safetensors: there is no tensor %q: %w", name, ErrFormat)
}
