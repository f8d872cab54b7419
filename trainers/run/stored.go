package run

import (
	"encoding/json"
	"errors"
	"time"

	"debut/engine/safetensors"
	"debut/trainers/checkpoint"
)

// mostCopied is the size of a state in bytes up to which copies of it are kept in memory, unless the options say otherwise. Of a larger one,
// such as that of a table of many rows, there is no second copy: the best one is a checkpoint.
const mostCopied = 1 << 30

// stored is a state on the disk: a checkpoint, which the store keeps as the best. It is a Snapshot. Its file is opened, and verified, when it is
// asked for, and must be closed again.
type stored struct {
	store    *checkpoint.Store
	step     int64
	counters json.RawMessage
	infos    []safetensors.Info
	open     *checkpoint.Loaded
}

// newStored is the checkpoint of a step with a state's tensors.
func newStored(store *checkpoint.Store, state State) (*stored, error) {
	s := &stored{store: store, step: state.Steps()}
	for _, source := range state.Sources() {
		n, err := source.Bytes()
		if err != nil {
			return nil, err
		}
		s.infos = append(s.infos, safetensors.Info{Name: source.Name, Dtype: source.Dtype, Shape: source.Shape, Bytes: n})
	}
	var err error
	s.counters, err = state.Counters()
	return s, err
}

// Tensors lists the tensors.
func (s *stored) Tensors() []safetensors.Info { return s.infos }

// Counters returns the counters of the state.
func (s *stored) Counters() (json.RawMessage, error) { return s.counters, nil }

// ReadAt copies bytes of a tensor.
func (s *stored) ReadAt(name string, dst []byte, off int64) error {
	if s.open == nil {
		var err error
		if s.open, err = s.store.Load(s.step); err != nil {
			return err
		}
	}
	return s.open.ReadAt(name, dst, off)
}

// Sources returns the state to be written once more.
func (s *stored) Sources() (list []safetensors.Source) {
	for _, info := range s.infos {
		list = append(list, safetensors.Source{Name: info.Name, Dtype: info.Dtype, Shape: info.Shape, Read: func(dst []byte, off int64) error {
			return s.ReadAt(info.Name, dst, off)
		}})
	}
	return list
}

// Close closes the file.
func (s *stored) Close() error {
	if s.open == nil {
		return nil
	}
	open := s.open
	s.open = nil
	return open.Close()
}

// settleCopies decides whether states are copied in memory.
func (k *checkpointer) settleCopies(most int64) error {
	if most == 0 {
		most = mostCopied
	}
	total := int64(0)
	for _, s := range k.state.Sources() {
		n, err := s.Bytes()
		if err != nil {
			return err
		}
		total += n
	}
	k.onDisk = total > most
	return nil
}

// storeBest writes the present state, which is the best one so far, as a checkpoint.
func (k *checkpointer) storeBest() error {
	step, began := k.state.Steps(), time.Now()
	best, err := newStored(k.store, k.state)
	if err != nil {
		return err
	}
	if err := k.store.Write(checkpoint.Checkpoint{Step: step, Best: &step, State: k.bestState, Tensors: k.state.Sources()}); err != nil {
		return k.unwritten(err)
	}
	k.bestSaved = true
	k.wrote(step, began)
	return errors.Join(k.setBest(best), k.s.folder.Check())
}

// setBest puts the best state in the place of an earlier one.
func (k *checkpointer) setBest(best Snapshot) error {
	old := k.s.best
	k.s.best = best
	return closeState(old)
}

// closeState closes a state that is on the disk.
func closeState(state any) error {
	if s, ok := state.(*stored); ok {
		return s.Close()
	}
	return nil
}
