package engine

import (
	"fmt"
	"slices"

	"debut/engine/safetensors"
	"debut/kernels"
)

// Counters are what decides on the steps of a Trainer beside its tensors.
type Counters struct {
	Steps   int64 `json:"steps"`   // optimizer steps done: schedule, bias correction
	Batches int64 `json:"batches"` // batches done: dropout masks
	// Rate scales the learning rate beside the schedule; 0 means 1.
	Rate float64 `json:"rate,omitempty"`
}

func (c Counters) factor() float64 {
	if c.Rate == 0 {
		return 1
	}
	return c.Rate
}

// Counters returns the trainer's counters.
func (t *Trainer) Counters() Counters { return t.count }

// SetCounters sets the counters, between two steps. Losses that were not taken are forgotten.
func (t *Trainer) SetCounters(c Counters) error {
	if c.Steps < 0 || c.Batches < c.Steps || !(c.Rate >= 0 && c.Rate <= 1) {
		return fmt.Errorf("engine: %d steps of %d batches at %v of the rate cannot be", c.Steps, c.Batches, c.Rate)
	}
	t.count, t.micro = c, 0
	if len(t.losses.expected) > 0 { // of a course that is left: what the device saw of it is of no interest
		if _, err := t.losses.guarding.Guarded(); err != nil {
			return err
		}
	}
	t.losses.forget()
	return nil
}

// namedMatrix is a tensor of the trainer's state.
type namedMatrix struct {
	name   string
	shape  []int
	matrix kernels.Matrix
}

// Prefixes of names in a checkpoint.
const (
	parameterPrefix = "parameter/"
	optimizerPrefix = "optimizer/"
)

// tensors lists all that a step reads and changes: parameters, running statistics among them, and the optimizer's state
// ("<parameter>.m", "<parameter>.v").
func (t *Trainer) tensors() []namedMatrix {
	list := make([]namedMatrix, 0, len(t.params.order)+len(t.state))
	for _, q := range t.params.order {
		list = append(list, namedMatrix{parameterPrefix + q.Spec.Name, q.Spec.Shape, q.Matrix})
	}
	for _, s := range t.state {
		list = append(list, namedMatrix{optimizerPrefix + s.name, s.shape, s.matrix})
	}
	return list
}

func (m namedMatrix) bytes() int64 {
	return int64(m.matrix.Rows) * int64(m.matrix.Cols) * int64(m.matrix.Buf.Dtype().Size())
}

func (m namedMatrix) dtype() safetensors.Dtype {
	if m.matrix.Buf.Dtype() == kernels.Float64 {
		return safetensors.F64
	}
	return safetensors.F32
}

// Sources returns the state to be written to a checkpoint between two steps: every parameter and every tensor of the
// optimizer, read from the device as they are asked for.
func (t *Trainer) Sources() []safetensors.Source {
	var list []safetensors.Source
	for _, m := range t.tensors() {
		list = append(list, safetensors.Source{Name: m.name, Dtype: m.dtype(), Shape: m.shape, Read: func(dst []byte, off int64) error {
			if err := t.dev.Download(dst, m.matrix.Buf, m.matrix.Offset+int(off)/m.matrix.Buf.Dtype().Size()); err != nil {
				return err
			}
			return checkPiece(m.matrix, dst, m.dtype())
		}})
	}
	return list
}

// StateReader is a checkpoint's tensors.
type StateReader interface {
	Tensors() []safetensors.Info
	ReadAt(name string, dst []byte, off int64) error
}

// Load sets parameters and the optimizer's state to those that a checkpoint holds, which must be of this model and this optimizer:
// what is missing, superfluous or of another shape is an error, and nothing is changed then.
func (t *Trainer) Load(r StateReader) error {
	have := map[string]safetensors.Info{}
	for _, info := range r.Tensors() {
		have[info.Name] = info
	}
	list := t.tensors()
	for _, m := range list {
		info, ok := have[m.name]
		switch {
		case !ok:
			return fmt.Errorf("engine: the checkpoint has no tensor %q: it is of another model or optimizer", m.name)
		case !slices.Equal(info.Shape, m.shape) || info.Dtype != m.dtype():
			return fmt.Errorf("engine: tensor %q is %s of shape %v in the checkpoint, %s of %v in the model: %w", m.name, info.Dtype, info.Shape, m.dtype(), m.shape, kernels.ErrShape)
		}
		delete(have, m.name)
	}
	for _, info := range r.Tensors() {
		if _, left := have[info.Name]; left {
			return fmt.Errorf("engine: the checkpoint has a tensor %q that the model has not", info.Name)
		}
	}
	for _, m := range list {
		if err := m.load(t.dev, r); err != nil {
			return err
		}
	}
	return nil
}

// load copies the tensor from a checkpoint, piece by piece.
func (m namedMatrix) load(dev kernels.Device, r StateReader) error {
	size := int64(m.matrix.Buf.Dtype().Size())
	buf := make([]byte, min(m.bytes(), 1<<20))
	for off, n := int64(0), m.bytes(); off < n; off += int64(len(buf)) {
		piece := buf[:min(int64(len(buf)), n-off)]
		if err := r.ReadAt(m.name, piece, off); err != nil {
			return err
		}
		if err := dev.Upload(m.matrix.Buf, m.matrix.Offset+int(off/size), piece); err != nil {
			return fmt.Errorf("engine: tensor %q: %w", m.name, err)
		}
	}
	return nil
}

// TrainerSnapshot is a copy of a trainer's state in host memory. It is a StateReader.
type TrainerSnapshot struct {
	Counters Counters
	infos    []safetensors.Info
	data     map[string][]byte
}

// SnapshotState copies the state, reusing the memory of an older snapshot if one is given.
func (t *Trainer) SnapshotState(reuse *TrainerSnapshot) (*TrainerSnapshot, error) {
	s := reuse
	if s == nil {
		s = &TrainerSnapshot{data: map[string][]byte{}}
		for _, m := range t.tensors() {
			s.infos = append(s.infos, safetensors.Info{Name: m.name, Dtype: m.dtype(), Shape: m.shape, Bytes: m.bytes()})
			s.data[m.name] = make([]byte, m.bytes())
		}
	}
	s.Counters = t.count
	for _, m := range t.tensors() {
		if err := t.dev.Download(s.data[m.name], m.matrix.Buf, m.matrix.Offset); err != nil {
			return nil, fmt.Errorf("engine: tensor %q: %w", m.name, err)
		}
	}
	return s, nil
}

// Tensors lists the tensors of the snapshot.
func (s *TrainerSnapshot) Tensors() []safetensors.Info { return s.infos }

// ReadAt copies bytes of a tensor.
func (s *TrainerSnapshot) ReadAt(name string, dst []byte, off int64) error {
	d := s.data[name]
	if off < 0 || off+int64(len(dst)) > int64(len(d)) {
		return fmt.Errorf("engine: bytes %d to %d of tensor %q, which has %d", off, off+int64(len(dst)), name, len(d))
	}
	copy(dst, d[off:])
	return nil
}

// Sources returns the snapshot to be written to a checkpoint.
func (s *TrainerSnapshot) Sources() []safetensors.Source {
	var list []safetensors.Source
	for _, info := range s.infos {
		list = append(list, safetensors.Source{Name: info.Name, Dtype: info.Dtype, Shape: info.Shape, Read: func(dst []byte, off int64) error {
			return s.ReadAt(info.Name, dst, off)
		}})
	}
	return list
}

// LoadParameters sets the parameters alone to those of a checkpoint of the same model, whatever its optimizer.
func (p *Parameters) LoadParameters(r StateReader) error {
	have := map[string]safetensors.Info{}
	for _, info := range r.Tensors() {
		have[info.Name] = info
	}
	for _, q := range p.order {
		info, ok := have[parameterPrefix+q.Spec.Name]
		if n := int64(q.Spec.size()) * int64(p.dtype.Size()); !ok || info.Bytes != n {
			return fmt.Errorf("engine: the checkpoint has no parameter %q of %d bytes", q.Spec.Name, n)
		}
	}
	for _, q := range p.order {
		m := namedMatrix{parameterPrefix + q.Spec.Name, q.Spec.Shape, q.Matrix}
		if err := m.load(p.dev, r); err != nil {
			return err
		}
	}
	return nil
}
