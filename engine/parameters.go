package engine

import (
	"fmt"
	"slices"

	"debut/kernels"
)

// Parameters holds the values of parameters on a device, by name. Graphs compiled with the same Parameters share
// them.
type Parameters struct {
	dev    kernels.Device
	dtype  kernels.Dtype
	seed   uint64
	byName map[string]*Parameter
	order  []*Parameter
	source *source // of the values, nil where parameters are initialized
}

// Parameter is one of Parameters.
type Parameter struct {
	Spec   ParameterSpec
	Matrix kernels.Matrix
}

// NewParameters returns an empty store. The seed decides the first values of every parameter declared in it.
func NewParameters(dev kernels.Device, dt kernels.Dtype, seed uint64) *Parameters {
	return &Parameters{dev: dev, dtype: dt, seed: seed, byName: map[string]*Parameter{}}
}

// Declare returns the parameter of a specification's name, making and initializing it if it is new. One that exists
// must have the same shape. In a store that was opened on a file it takes its values from there.
func (p *Parameters) Declare(spec ParameterSpec) (*Parameter, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	if old := p.byName[spec.Name]; old != nil {
		if !slices.Equal(old.Spec.Shape, spec.Shape) {
			return nil, fmt.Errorf("engine: parameter %q has shape %v, the graph wants %v: %w", spec.Name, old.Spec.Shape, spec.Shape, kernels.ErrShape)
		}
		return old, nil
	}
	if p.source != nil {
		if err := p.source.check(spec); err != nil {
			return nil, err
		}
	}
	buf, err := p.dev.Alloc(p.dtype, spec.size(), "parameters")
	if err != nil {
		return nil, fmt.Errorf("engine: parameter %q: %w", spec.Name, err)
	}
	if _, counting := p.dev.(*meter); counting {
		err = nil // there is nothing to initialize
	} else if p.source != nil {
		err = p.source.load(p.dev, buf, spec)
	} else if p.dtype == kernels.Float64 {
		err = uploadInitial[float64](p.dev, buf, spec, p.seed)
	} else {
		err = uploadInitial[float32](p.dev, buf, spec, p.seed)
	}
	if err != nil {
		return nil, fmt.Errorf("engine: parameter %q: %w", spec.Name, err)
	}
	rows, cols := spec.matrixShape()
	spec.Given = nil // it lives on the device now
	q := &Parameter{Spec: spec, Matrix: kernels.NewMatrix(buf, rows, cols)}
	p.byName[spec.Name] = q
	p.order = append(p.order, q)
	return q, nil
}

// All returns the parameters in the order they were declared.
func (p *Parameters) All() []*Parameter { return p.order }

// Get returns a parameter by name, or nil.
func (p *Parameters) Get(name string) *Parameter { return p.byName[name] }

// Count returns the number of trainable and of frozen values.
func (p *Parameters) Count() (trainable, frozen int) {
	for _, q := range p.order {
		if q.Spec.Frozen {
			frozen += q.Spec.size()
		} else {
			trainable += q.Spec.size()
		}
	}
	return trainable, frozen
}

// Read returns a copy of a parameter's values, row-major.
func (p *Parameters) Read(name string) ([]float64, error) {
	q := p.byName[name]
	if q == nil {
		return nil, fmt.Errorf("engine: there is no parameter %q", name)
	}
	return readFloats(p.dev, q.Matrix.Buf)
}

// ReadFrom copies values of a parameter, row-major, from one on: of one that is too large to be copied whole.
func (p *Parameters) ReadFrom(name string, at int, dst []float64) error {
	q := p.byName[name]
	if q == nil {
		return fmt.Errorf("engine: there is no parameter %q", name)
	}
	if n := q.Spec.size(); at < 0 || at > n-len(dst) {
		return fmt.Errorf("engine: parameter %q has %d values, not %d from %d on: %w", name, n, len(dst), at, kernels.ErrShape)
	}
	return readPiece(p.dev, dst, q.Matrix.Buf, at)
}

// Write overwrites a parameter's values, row-major.
func (p *Parameters) Write(name string, values []float64) error {
	q := p.byName[name]
	if q == nil {
		return fmt.Errorf("engine: there is no parameter %q", name)
	}
	if len(values) != q.Spec.size() {
		return fmt.Errorf("engine: parameter %q has %d values, not %d: %w", name, q.Spec.size(), len(values), kernels.ErrShape)
	}
	return writeFloats(p.dev, q.Matrix.Buf, 0, values)
}

func readFloats(dev kernels.Device, buf kernels.Buffer) ([]float64, error) {
	v := make([]float64, buf.Len())
	return v, readPiece(dev, v, buf, 0)
}

// readPiece reads elements of a buffer of floats, from one on.
func readPiece(dev kernels.Device, dst []float64, buf kernels.Buffer, at int) error {
	if buf.Dtype() == kernels.Float64 {
		return kernels.Download(dev, dst, buf, at)
	}
	v := make([]float32, len(dst))
	if err := kernels.Download(dev, v, buf, at); err != nil {
		return err
	}
	for i, x := range v {
		dst[i] = float64(x)
	}
	return nil
}

func writeFloats(dev kernels.Device, buf kernels.Buffer, off int, v []float64) error {
	if buf.Dtype() == kernels.Float64 {
		return kernels.Upload(dev, buf, off, v)
	}
	n := make([]float32, len(v))
	for i, x := range v {
		n[i] = float32(x)
	}
	return kernels.Upload(dev, buf, off, n)
}
