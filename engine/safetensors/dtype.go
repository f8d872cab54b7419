package safetensors

import (
	"fmt"
	"math"
)

// Dtype is the type of a tensor's elements, spelled as in the file.
type Dtype string

// The element types that this project writes. Others of the format are read as well.
const (
	F32 Dtype = "F32"
	F64 Dtype = "F64"
	I32 Dtype = "I32"
	I64 Dtype = "I64"
	U8  Dtype = "U8"
	U32 Dtype = "U32"
	U64 Dtype = "U64"
)

// Size is the number of bytes of one element, 0 for a type that is not known.
func (d Dtype) Size() int {
	switch d {
	case "BOOL", U8, "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0":
		return 1
	case "U16", "I16", "F16", "BF16":
		return 2
	case F32, I32, U32:
		return 4
	case F64, I64, U64, "C64":
		return 8
	}
	return 0
}

// size is the number of bytes of a tensor; it fails where they are more than a file can hold.
func size(d Dtype, shape []int) (int64, error) {
	n := int64(d.Size())
	if n == 0 {
		return 0, fmt.Errorf("the type %q is not known: %w", d, ErrFormat)
	}
	for _, k := range shape {
		if k < 0 || k > 0 && n > math.MaxInt64/int64(k) {
			return 0, fmt.Errorf("a shape of %s is impossible: %w", shapeText(shape), ErrFormat)
		}
		n *= int64(k)
	}
	return n, nil
}

// shapeText prints a shape, cut where a damaged header claims a thousand dimensions.
func shapeText(shape []int) string {
	if len(shape) > 16 {
		return fmt.Sprintf("%v… (%d dimensions)", shape[:16], len(shape))
	}
	return fmt.Sprint(shape)
}
