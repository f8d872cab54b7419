package engine

import (
	"fmt"
	"io"

	"debut/engine/safetensors"
)

// Save writes all parameters as safetensors, in float32, in the order they were declared.
func (p *Parameters) Save(w io.Writer, metadata map[string]string) error {
	ts := make([]safetensors.Tensor, 0, len(p.order))
	for _, q := range p.order {
		v, err := readFloats(p.dev, q.Matrix.Buf)
		if err != nil {
			return fmt.Errorf("engine: parameter %q: %w", q.Spec.Name, err)
		}
		t := safetensors.Tensor{Name: q.Spec.Name, Shape: q.Spec.Shape, Data: make([]float32, len(v))}
		for i, x := range v {
			t.Data[i] = float32(x)
		}
		ts = append(ts, t)
	}
	return safetensors.Write(w, ts, metadata)
}
