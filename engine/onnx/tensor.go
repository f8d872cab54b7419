package onnx

import "fmt"

// Tensor is what a runtime is given or returns: a slice of float32, float64, int32, int64, bool or string, row-major.
type Tensor struct {
	Shape []int
	Data  any
}

// NewTensor returns a tensor of rows of so many columns.
func NewTensor[T Number | string](data []T, columns int) Tensor {
	return Tensor{Shape: []int{len(data) / max(columns, 1), columns}, Data: data}
}

// Type is the type of the elements, and Len how many there are.
func (t Tensor) Type() (Type, int, error) {
	switch v := t.Data.(type) {
	case []float32:
		return Float, len(v), nil
	case []float64:
		return Double, len(v), nil
	case []int32:
		return Int32, len(v), nil
	case []int64:
		return Int64, len(v), nil
	case []bool:
		return Bool, len(v), nil
	case []string:
		return String, len(v), nil
	}
	return 0, 0, fmt.Errorf("onnx: tensors of %T are not known", t.Data)
}
