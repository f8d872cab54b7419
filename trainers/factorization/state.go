package factorization

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"debut/engine"
	"debut/engine/safetensors"
	"debut/kernels"
	"debut/trainers/run"
)

// counters are the state of a training beside its tensors.
type counters struct {
	Steps  int64   `json:"steps"`
	Factor float64 `json:"factor,omitempty"`
}

// Steps is how many are done.
func (t *training) Steps() int64 { return t.steps }

// Counters implements run.State.
func (t *training) Counters() (json.RawMessage, error) {
	return json.Marshal(counters{t.steps, t.factor})
}

// Factor scales the learning rate.
func (t *training) Factor() float64 {
	if t.factor == 0 {
		return 1
	}
	return t.factor
}

// SetFactor sets it.
func (t *training) SetFactor(f float64) error {
	t.factor = f
	return nil
}

// Sources are the tensors. Where they cannot be had, reading them says why.
func (t *training) Sources() []safetensors.Source {
	list, err := t.fit.tensors()
	if err != nil {
		return []safetensors.Source{{Name: usersTensor, Dtype: safetensors.F32, Shape: []int{1}, Read: func([]byte, int64) error { return err }}}
	}
	return sources(list)
}

func sources(list []tensor) (out []safetensors.Source) {
	for _, x := range list {
		out = append(out, safetensors.Matrix(x.name, x.values, x.columns))
	}
	return out
}

// NonFinite names the first tensor that holds what is no finite number.
func (t *training) NonFinite() (name string, value float64, err error) {
	list, err := t.fit.tensors()
	if err != nil {
		return "", 0, err
	}
	for _, x := range list {
		for _, v := range x.values {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return x.name, float64(v), nil
			}
		}
	}
	return "", 0, nil
}

// Load sets tensors and counters.
func (t *training) Load(from engine.StateReader, text json.RawMessage) error {
	var c counters
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("factorization: the counters of the training: %w", err)
	}
	own, err := t.fit.tensors()
	if err != nil {
		return err
	}
	have := from.Tensors()
	if len(have) != len(own) {
		return fmt.Errorf("factorization: %d tensors in the checkpoint, %d in the training: it is of another algorithm", len(have), len(own))
	}
	for i, s := range sources(own) {
		at := slices.IndexFunc(have, func(h safetensors.Info) bool { return h.Name == s.Name })
		if at < 0 {
			return fmt.Errorf("factorization: the checkpoint has no tensor %q: it is of another algorithm", own[i].name)
		}
		if h := have[at]; h.Dtype != s.Dtype || !slices.Equal(h.Shape, s.Shape) {
			return fmt.Errorf("factorization: tensor %q is %s of shape %v in the checkpoint, %s of %v in the training: %w", s.Name, h.Dtype, h.Shape, s.Dtype, s.Shape, kernels.ErrShape)
		}
	}
	for _, x := range own {
		if err := from.ReadAt(x.name, kernels.Bytes(x.values), 0); err != nil {
			return err
		}
	}
	t.steps, t.factor = c.Steps, c.Factor
	t.losses = nil
	return t.fit.loaded()
}

// snapshot is a state in memory.
type snapshot struct {
	list  []tensor
	count json.RawMessage
}

// Snapshot copies the state, into an earlier snapshot where one is given.
func (t *training) Snapshot(reuse run.Snapshot) (run.Snapshot, error) {
	list, err := t.fit.tensors()
	if err != nil {
		return nil, err
	}
	s, ok := reuse.(*snapshot)
	if !ok {
		s = &snapshot{}
		for _, x := range list {
			x.values = make([]float32, len(x.values))
			s.list = append(s.list, x)
		}
	}
	for i, x := range list {
		copy(s.list[i].values, x.values)
	}
	s.count, err = t.Counters()
	return s, err
}

// Counters implements run.Snapshot.
func (s *snapshot) Counters() (json.RawMessage, error) { return s.count, nil }

// Sources implements run.Snapshot.
func (s *snapshot) Sources() []safetensors.Source { return sources(s.list) }

// Tensors implements engine.StateReader.
func (s *snapshot) Tensors() (out []safetensors.Info) {
	for _, x := range s.Sources() {
		out = append(out, safetensors.Info{Name: x.Name, Dtype: x.Dtype, Shape: x.Shape})
	}
	return out
}

// ReadAt implements engine.StateReader.
func (s *snapshot) ReadAt(name string, dst []byte, off int64) error {
	for _, x := range s.list {
		if x.name == name {
			copy(dst, kernels.Bytes(x.values)[off:])
			return nil
		}
	}
	return fmt.Errorf("factorization: there is no tensor %q", name)
}
