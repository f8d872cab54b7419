// Package safetensors reads and writes tensors in the safetensors format: eight bytes of header length, a JSON header
// that names types, shapes and places, and the raw little-endian data without gaps.
//
// Stream and Open work piece by piece, so that a table of many gigabytes passes through a small buffer; Write and Read
// are the short way for float32 in memory.
//
// Format: https://huggingface.co/docs/safetensors.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrFormat says that a file is no intact safetensors file.
var ErrFormat = errors.New("not an intact safetensors file")

// Tensor is a named array of float32, row-major.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

// Write writes tensors and text metadata. The same input gives the same bytes.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	sources := make([]Source, len(tensors))
	for i, t := range tensors {
		n, err := size(F32, t.Shape)
		if err != nil || n != 4*int64(len(t.Data)) {
			return fmt.Errorf("safetensors: tensor %q of shape %v has %d values", t.Name, t.Shape, len(t.Data))
		}
		sources[i] = Source{Name: t.Name, Dtype: F32, Shape: t.Shape, Read: func(dst []byte, off int64) error {
			for j, v := range t.Data[off/4:][:len(dst)/4] {
				binary.LittleEndian.PutUint32(dst[4*j:], math.Float32bits(v))
			}
			return nil
		}}
	}
	return Stream(w, sources, metadata)
}

// Read parses a whole file of float32 tensors. What it allocates is bounded by the file's size. Tensors come in the
// order of their data. Errors match ErrFormat.
func Read(file []byte) (tensors []Tensor, metadata map[string]string, err error) {
	f, err := Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, nil, err
	}
	for _, info := range f.tensors {
		if info.Dtype != F32 {
			return nil, nil, fmt.Errorf("safetensors: tensor %q is %s, only F32 is read: %w", info.Name, info.Dtype, ErrFormat)
		}
		raw := file[info.Offset : info.Offset+info.Bytes]
		t := Tensor{Name: info.Name, Shape: info.Shape, Data: make([]float32, info.Bytes/4)}
		for i := range t.Data {
			t.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		tensors = append(tensors, t)
	}
	return tensors, f.metadata, nil
}
