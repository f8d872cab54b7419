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

// Matrix is a slice of rows of so many columns, one behind the other, to be written as a tensor. It must not change before it is.
func Matrix[T Number](name string, v []T, columns int) Source {
	s := Vector(name, v)
	s.Shape = []int{0, columns}
	if columns > 0 {
		s.Shape[0] = len(v) / columns
	}
	return s
}

// ReadVector reads a tensor that Vector wrote. A name that the file has not, another type or shape, and floats that are not finite are
// errors that match ErrFormat.
func ReadVector[T Number](f *File, name string) ([]T, error) {
	v, _, err := read[T](f, name, 1)
	return v, err
}

// ReadMatrix is ReadVector for what Matrix wrote; it returns the number of columns, too.
func ReadMatrix[T Number](f *File, name string) (v []T, columns int, err error) {
	v, shape, err := read[T](f, name, 2)
	if err != nil {
		return nil, 0, err
	}
	return v, shape[1], nil
}

// read reads a tensor of so many dimensions.
func read[T Number](f *File, name string, dimensions int) ([]T, []int, error) {
	for _, info := range f.Tensors() {
		if info.Name != name {
			continue
		}
		if want := dtypeOf[T](); info.Dtype != want || len(info.Shape) != dimensions {
			what := "vector"
			if dimensions > 1 {
				what = "matrix"
			}
			return nil, nil, fmt.Errorf("safetensors: tensor %q is %s of shape %v, not a %s of %s: %w", name, info.Dtype, info.Shape, what, want, ErrFormat)
		}
		v := make([]T, info.Bytes/int64(info.Dtype.Size()))
		if err := f.ReadAt(info, rawbytes.Of(v), 0); err != nil {
			return nil, nil, err
		}
		if floats, ok := any(v).([]float32); ok {
			for i, x := range floats {
				if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
					return nil, nil, fmt.Errorf("safetensors: tensor %q holds %v at %d: %w", name, x, i, ErrFormat)
				}
			}
		}
		return v, info.Shape, nil
	}
	return nil, nil, fmt.Errorf("safetensors: there is no tensor %q: %w", name, ErrFormat)
}

// Columns is the columns lo … hi−1 of rows of width numbers, one behind the other, as a tensor of its own. It must not change before it is
// written.
func Columns[T Number](name string, v []T, width, lo, hi int) Source {
	if lo == 0 && hi == width {
		return Matrix(name, v, width)
	}
	bytes := rawbytes.Of(v)
	size := int64(dtypeOf[T]().Size())
	row := int64(hi-lo) * size
	return Source{Name: name, Dtype: dtypeOf[T](), Shape: []int{len(v) / width, hi - lo}, Read: func(dst []byte, off int64) error {
		for at := int64(0); at < int64(len(dst)); {
			r, in := (off+at)/row, (off+at)%row
			from := r*int64(width)*size + int64(lo)*size
			at += int64(copy(dst[at:], bytes[from+in:from+row]))
		}
		return nil
	}}
}
