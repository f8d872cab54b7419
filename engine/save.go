package engine

import (
	"fmt"
	"io"
	"slices"

	"debut/engine/safetensors"
	"debut/kernels"
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

// Load overwrites the parameters, all of which must be declared, with a file that Save wrote. A parameter that the
// file lacks, has in another shape or has beside those declared is an error, and nothing is changed then.
func (p *Parameters) Load(file []byte) error {
	ts, _, err := safetensors.Read(file)
	if err != nil {
		return err
	}
	byName := map[string]safetensors.Tensor{}
	for _, t := range ts {
		q := p.byName[t.Name]
		if q == nil {
			return fmt.Errorf("engine: the file has a parameter %q that the model has not", t.Name)
		}
		if !slices.Equal(q.Spec.Shape, t.Shape) {
			return fmt.Errorf("engine: parameter %q has shape %v in the file, %v in the model: %w", t.Name, t.Shape, q.Spec.Shape, kernels.ErrShape)
		}
		byName[t.Name] = t
	}
	for _, q := range p.order {
		if _, ok := byName[q.Spec.Name]; !ok {
			return fmt.Errorf("engine: the file lacks parameter %q", q.Spec.Name)
		}
	}
	for _, q := range p.order {
		if err := writeFloats(p.dev, q.Matrix.Buf, 0, widen(byName[q.Spec.Name].Data)); err != nil {
			return fmt.Errorf("engine: parameter %q: %w", q.Spec.Name, err)
		}
	}
	return nil
}
