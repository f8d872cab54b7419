package engine

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"debut/engine/safetensors"
	"debut/kernels"
)

// ErrFile is matched by errors about a file of parameters that does not fit a model.
var ErrFile = errors.New("the file is of another model, or was changed")

// source is a file that parameters take their values from.
type source struct {
	file  *safetensors.File
	infos map[string]safetensors.Info
	taken map[string]bool
}

// OpenParameters returns a store whose parameters take their values, as they are declared, from a file that Save wrote. A
// parameter that the file lacks, has in another shape or with values that cannot be its is an error, which matches ErrFile; the
// file's shapes are compared before anything is allocated. The file must stay open until Complete has been called.
func OpenParameters(dev kernels.Device, dt kernels.Dtype, file *safetensors.File) *Parameters {
	p := NewParameters(dev, dt, 0)
	p.source = newSource(file)
	return p
}

func newSource(file *safetensors.File) *source {
	s := &source{file: file, infos: map[string]safetensors.Info{}, taken: map[string]bool{}}
	for _, info := range file.Tensors() {
		s.infos[info.Name] = info
	}
	return s
}

// CheckParameters returns an error, which matches ErrFile, where a file does not have just the parameters of a graph, in their
// shapes, and perhaps constants that models of earlier versions have. It reads no values.
func CheckParameters(g *Graph, file *safetensors.File, retired ...ParameterSpec) error {
	s := newSource(file)
	for _, spec := range retired {
		if _, ok := s.infos[spec.Name]; !ok {
			continue
		}
		if err := s.check(spec); err != nil {
			return err
		}
		s.taken[spec.Name] = true
	}
	for _, spec := range g.specs() {
		if err := s.check(spec); err != nil {
			return err
		}
		s.taken[spec.Name] = true
	}
	return s.complete()
}

// specs lists the parameters and tables of a graph.
func (g *Graph) specs() []ParameterSpec {
	var list []ParameterSpec
	for _, b := range g.params {
		list = append(list, b.spec)
	}
	for _, l := range g.lookups {
		if !slices.ContainsFunc(list, func(s ParameterSpec) bool { return s.Name == l.Table.Name }) {
			list = append(list, l.Table)
		}
	}
	return list
}

// DeclareAll declares the parameters and tables of a graph.
func (p *Parameters) DeclareAll(g *Graph) error {
	for _, spec := range g.specs() {
		if _, err := p.Declare(spec); err != nil {
			return err
		}
	}
	return nil
}

// Retire looks at a constant that the file of an earlier version may have, and that the model has no use for: its values must be its own.
func (p *Parameters) Retire(spec ParameterSpec) error {
	if p.source == nil {
		return nil
	}
	if _, ok := p.source.infos[spec.Name]; !ok {
		return nil
	}
	if err := cmp.Or(spec.check(), p.source.check(spec)); err != nil {
		return err
	}
	if err := p.source.read(spec, func(int, []float64) error { return nil }); err != nil {
		return fmt.Errorf("engine: parameter %q: %w", spec.Name, err)
	}
	return nil
}

// Complete returns an error, which matches ErrFile, where the file has parameters that were not declared. What is declared
// later is initialized.
func (p *Parameters) Complete() error {
	if p.source == nil {
		return nil
	}
	err := p.source.complete()
	p.source = nil
	return err
}

func (s *source) complete() error {
	for _, name := range slices.Sorted(maps.Keys(s.infos)) {
		if !s.taken[name] {
			return fmt.Errorf("engine: the file has a parameter %q that the model has not: %w", name, ErrFile)
		}
	}
	return nil
}

// check compares a specification with the file's header.
func (s *source) check(spec ParameterSpec) error {
	info, ok := s.infos[spec.Name]
	switch {
	case !ok:
		return fmt.Errorf("engine: the file lacks parameter %q: %w", spec.Name, ErrFile)
	case info.Dtype != safetensors.F32:
		return fmt.Errorf("engine: parameter %q is %s in the file, not %s: %w", spec.Name, info.Dtype, safetensors.F32, ErrFile)
	case !slices.Equal(info.Shape, spec.Shape):
		return fmt.Errorf("engine: parameter %q has shape %v in the file, %v in the model: %w: %w", spec.Name, info.Shape, spec.Shape, kernels.ErrShape, ErrFile)
	}
	return nil
}

// load copies a parameter's values from the file.
func (s *source) load(dev kernels.Device, buf kernels.Buffer, spec ParameterSpec) error {
	return s.read(spec, func(at int, values []float64) error { return writeFloats(dev, buf, at, values) })
}

// read hands on a parameter's values from the file, piece by piece, and looks at each.
func (s *source) read(spec ParameterSpec, take func(at int, values []float64) error) error {
	const most = 1 << 18 // values
	info := s.infos[spec.Name]
	raw := make([]byte, 4*min(most, spec.size()))
	values := make([]float64, len(raw)/4)
	var want []float32 // of constants, which a file can only repeat
	if spec.Frozen && spec.Init != UnitVariance {
		want = make([]float32, len(values))
	}
	for at := 0; at < spec.size(); at += len(values) {
		raw, values = raw[:4*min(len(values), spec.size()-at)], values[:min(len(values), spec.size()-at)]
		if err := s.file.ReadAt(info, raw, 4*int64(at)); err != nil {
			return err
		}
		if want != nil {
			initial(spec, 0, at, want[:len(values)])
		}
		for i := range values {
			v := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
			switch {
			case !(math.Abs(float64(v)) <= math.MaxFloat32): // NaN, ±Inf
				return fmt.Errorf("value %d is %v: %w", at+i, v, ErrFile)
			case want != nil && v != want[i]:
				return fmt.Errorf("value %d is %v, but the model has %v there: %w", at+i, v, want[i], ErrFile)
			case spec.Init == UnitVariance && at+i >= spec.Shape[1] && v < 0:
				return fmt.Errorf("value %d is a variance of %v: %w", at+i, v, ErrFile)
			}
			values[i] = float64(v)
		}
		if err := take(at, values); err != nil {
			return err
		}
	}
	s.taken[spec.Name] = true
	return nil
}
