package engine

import (
	"fmt"

	"debut/kernels"
)

// Size is how many values a parameter has.
func (s ParameterSpec) Size() int { return s.size() }

// WriteAt overwrites some of a parameter's values, row-major, from one on. It is for values that come piece by piece.
func (p *Parameters) WriteAt(name string, from int, values []float32) error {
	q := p.byName[name]
	if q == nil {
		return fmt.Errorf("engine: there is no parameter %q", name)
	}
	if from < 0 || from > q.Spec.size() || len(values) > q.Spec.size()-from {
		return fmt.Errorf("engine: parameter %q has %d values, not %d from %d on: %w", name, q.Spec.size(), len(values), from, kernels.ErrShape)
	}
	if q.Matrix.Buf.Dtype() == kernels.Float32 {
		return kernels.Upload(p.dev, q.Matrix.Buf, from, values)
	}
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return kernels.Upload(p.dev, q.Matrix.Buf, from, wide)
}
