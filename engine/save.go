package engine

import (
	"fmt"
	"io"

	"debut/engine/safetensors"
	"debut/kernels"
)

// Save writes all parameters as safetensors, in float32, in the order they were declared. They are read from the device piece by piece.
func (p *Parameters) Save(w io.Writer, metadata map[string]string) error {
	var sources []safetensors.Source
	for _, q := range p.order {
		sources = append(sources, safetensors.Source{Name: q.Spec.Name, Dtype: safetensors.F32, Shape: q.Spec.Shape, Read: func(dst []byte, off int64) error {
			if err := p.readFloat32(q, dst, int(off/4)); err != nil {
				return fmt.Errorf("engine: parameter %q: %w", q.Spec.Name, err)
			}
			return nil
		}})
	}
	return safetensors.Stream(w, sources, metadata)
}

// readFloat32 copies the bytes of elements of a parameter, from one on, in float32.
func (p *Parameters) readFloat32(q *Parameter, dst []byte, at int) error {
	if p.dtype == kernels.Float32 {
		if err := p.dev.Download(dst, q.Matrix.Buf, at); err != nil {
			return err
		}
	} else {
		wide := make([]float64, len(dst)/4)
		if err := readPiece(p.dev, wide, q.Matrix.Buf, at); err != nil {
			return err
		}
		narrow := make([]float32, len(wide))
		for i, v := range wide {
			narrow[i] = float32(v)
		}
		copy(dst, kernels.Bytes(narrow))
	}
	return checkPiece(q.Matrix, dst, safetensors.F32)
}
