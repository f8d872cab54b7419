package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"syscall"

	"debut/datasets/atomicfile"
	"debut/engine/safetensors"
)

// spaceMargin is what a checkpoint leaves free on the disk for the other files of a run.
const spaceMargin = 1 << 20

// Checkpoint is what is written.
type Checkpoint struct {
	Step int64 // from 0 up
	// Best is the step of the checkpoint that holds the best parameters so far, this one or one before it in the
	// store; nil: none yet.
	Best *int64
	// State is JSON, given back in its compact form; nil is JSON's null.
	State   json.RawMessage
	Tensors []safetensors.Source
}

// Write writes a checkpoint, which becomes the newest one, and then removes the ones that need not be kept.
//
// On an error the earlier checkpoints are as they were and no temporary file is left. The new one is then not there,
// but for one case: where only the last act fails, giving the state file its name and flushing that, it may be there and
// complete, though a power failure may take it back. Where the disk is full the error matches ErrNoSpace; where the checkpoint named as the best
// is not in the store, ErrNone, or damaged, as far as its state file and sizes tell, ErrDamaged.
//
// A checkpoint of a step that is in the store already, or before the newest, stands for a run that went back: it
// replaces the one of its step and all after it.
func (s *Store) Write(c Checkpoint) error {
	if err := s.write(c); err != nil {
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			err = fmt.Errorf("%w: %w; free some, or keep fewer checkpoints", ErrNoSpace, err)
		}
		return fmt.Errorf("checkpoint of step %d in %s: %w", c.Step, s.dir, err)
	}
	return nil
}

func (s *Store) write(c Checkpoint) error {
	if c.Step < 0 {
		return errors.New("the step must not be negative")
	}
	l, err := s.list()
	if err != nil {
		return err
	}
	self := id{1, c.Step}
	if len(l.states) > 0 {
		newest := l.states[len(l.states)-1]
		self.attempt = newest.attempt
		if c.Step <= newest.step {
			self.attempt++
		}
	}
	if c.Best != nil && *c.Best != c.Step {
		if err := s.checkBest(l, self, *c.Best); err != nil {
			return err
		}
	}
	st, sources, err := describe(c, self)
	if err != nil {
		return err
	}
	if err := s.checkSpace(st); err != nil {
		return err
	}
	if err := s.writeTensors(st, sources); err != nil {
		return err
	}
	if err := s.writeState(st, self); err != nil {
		return err
	}
	s.prune()
	return nil
}

// checkBest makes sure that the new checkpoint will not be worthless for naming a best one that is not there.
func (s *Store) checkBest(l listing, self id, step int64) error {
	best, ok := inLine(l.complete(), self, step)
	if step > self.step || !ok {
		return fmt.Errorf("it names step %d as the best, which is not in the store before it: %w", step, ErrNone)
	}
	st, err := s.readState(best)
	if err != nil {
		return fmt.Errorf("it names step %d as the best: %w", step, err)
	}
	r, err := s.openTensors(best, st)
	if err != nil {
		return fmt.Errorf("it names step %d as the best: %w", step, err)
	}
	return r.Close()
}

// describe makes the state file's content but for the sums of the tensors, which the sources it returns fill in while
// they are read.
func describe(c Checkpoint, self id) (*state, []safetensors.Source, error) {
	header, err := safetensors.Header(c.Tensors, nil)
	if err != nil {
		return nil, nil, err
	}
	h := sha256.Sum256(header)
	st := &state{Format: format, Version: version, Step: c.Step, Best: c.Best, State: c.State, Tensors: tensors{
		File: self.tensorsName(), Bytes: int64(len(header)), HeaderBytes: int64(len(header)),
		HeaderSum: sum(hex.EncodeToString(h[:])), Sums: make(map[string]sum, len(c.Tensors)),
	}}
	sources := slices.Clone(c.Tensors)
	for i := range sources {
		n, err := sources[i].Bytes()
		if err != nil {
			return nil, nil, err
		}
		st.Tensors.Bytes += n
		empty := sha256.Sum256(nil)
		st.Tensors.Sums[sources[i].Name] = sum(hex.EncodeToString(empty[:]))
		sources[i].Read = summed(sources[i], n, st.Tensors.Sums)
	}
	return st, sources, nil
}

// summed is a source's Read that notes the sum of all bytes when the last one has passed.
func summed(source safetensors.Source, total int64, sums map[string]sum) func([]byte, int64) error {
	var h hash.Hash
	return func(dst []byte, off int64) error {
		if source.Read == nil {
			return errors.New("the tensor has no Read function")
		}
		if err := source.Read(dst, off); err != nil {
			return err
		}
		if h == nil {
			h = sha256.New()
		}
		h.Write(dst)
		if off+int64(len(dst)) == total {
			sums[source.Name] = sum(hex.EncodeToString(h.Sum(nil)))
		}
		return nil
	}
}

// checkSpace refuses a checkpoint that will not fit before it fills the disk for everybody else.
func (s *Store) checkSpace(st *state) error {
	file, err := st.encode() // sums have the same length whatever they are
	if err != nil {
		return err
	}
	free, err := s.fs.Free(s.dir)
	if err != nil {
		return nil // writing will tell
	}
	need := uint64(st.Tensors.Bytes) + uint64(len(file)) + spaceMargin
	if need > free {
		return fmt.Errorf("%w: it needs %s with a reserve of %s, %s are free; free some, or keep fewer checkpoints",
			ErrNoSpace, bytesText(need), bytesText(spaceMargin), bytesText(free))
	}
	return nil
}

func (s *Store) writeTensors(st *state, sources []safetensors.Source) error {
	path := filepath.Join(s.dir, st.Tensors.File)
	err := atomicfile.WriteTo(s.fs, path, 0o644, func(w io.Writer) error {
		return safetensors.Stream(w, sources, nil)
	})
	if err != nil {
		s.discard(st.Tensors.File) // renamed, but not flushed
	}
	return err
}

func (s *Store) writeState(st *state, self id) error {
	file, err := st.encode()
	if err == nil {
		err = atomicfile.WriteTo(s.fs, filepath.Join(s.dir, self.stateName()), 0o644, func(w io.Writer) error {
			_, err := w.Write(file)
			return err
		})
	}
	if err == nil {
		return nil
	}
	// Where the state file is in place the checkpoint is whole, and taking it back could only harm.
	r, openErr := s.fs.Open(filepath.Join(s.dir, self.stateName()))
	switch {
	case openErr == nil:
		return errors.Join(err, r.Close())
	case errors.Is(openErr, fs.ErrNotExist):
		s.discard(st.Tensors.File)
	}
	return err
}

// discard removes a file of a failed write, of which the error that is returned anyway says enough.
func (s *Store) discard(name string) {
	if err := s.fs.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("checkpoint: the file of a failed write stays", "file", filepath.Join(s.dir, name), "error", err)
	}
}

// prune removes what is no longer needed after a checkpoint was written. The newest ones are kept with the best ones
// that they name, without which they could not be loaded. Its failures are logged: the checkpoint is safe.
func (s *Store) prune() {
	l, err := s.list()
	if err != nil {
		s.log.Warn("checkpoint: old checkpoints stay", "folder", s.dir, "error", err)
		return
	}
	if len(l.states) == 0 {
		return
	}
	newest := line(l.states, l.states[len(l.states)-1])
	kept := slices.Clone(newest[:min(s.keep, len(newest))])
	for _, c := range slices.Clone(kept) {
		st, err := s.readState(c)
		if err != nil {
			// It may be readable again, and need the best one that it names: nothing is removed until it is
			// no longer among the kept.
			s.log.Warn("checkpoint: old checkpoints stay", "folder", s.dir, "error", err)
			return
		}
		if st.Best == nil {
			continue
		}
		if best, ok := inLine(l.states, c, *st.Best); ok {
			kept = append(kept, best)
		}
	}
	for _, c := range l.states {
		if !slices.Contains(kept, c) {
			s.remove(c.stateName())
		}
	}
	if l, err = s.list(); err != nil {
		s.log.Warn("checkpoint: old checkpoints stay", "folder", s.dir, "error", err)
		return
	}
	s.removeOrphans(l)
}

// bytesText prints a size for people.
func bytesText(n uint64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	e := min(int(math.Log2(float64(n))/10), len(units))
	return fmt.Sprintf("%.1f %ciB (%d bytes)", float64(n)/math.Exp2(float64(10*e)), units[e-1], n)
}
