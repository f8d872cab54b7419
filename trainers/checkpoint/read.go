package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"

	"debut/datasets/atomicfile"
	"debut/engine/safetensors"
)

// Loaded is a checkpoint that was verified. Its tensors stay on disk until they are asked for.
type Loaded struct {
	Step  int64
	Best  *int64
	State json.RawMessage

	path  string
	r     atomicfile.Reader
	file  *safetensors.File
	infos map[string]safetensors.Info
	best  *Loaded // where that is another
}

// BestState returns the checkpoint that this one names as its best: itself, or another, which is closed with it; nil
// where it names none.
func (l *Loaded) BestState() *Loaded {
	switch {
	case l.Best == nil:
		return nil
	case *l.Best == l.Step:
		return l
	}
	return l.best
}

// Tensors lists the tensors in the order in which they were written, those without elements apart.
func (l *Loaded) Tensors() []safetensors.Info { return l.file.Tensors() }

// ReadAt fills dst with the little-endian bytes of the tensor that begin at byte off. Without such a tensor, the error
// matches fs.ErrNotExist.
func (l *Loaded) ReadAt(name string, dst []byte, off int64) error {
	info, ok := l.infos[name]
	if !ok {
		return fmt.Errorf("checkpoint %s: it has no tensor %q: %w", l.path, name, fs.ErrNotExist)
	}
	if err := l.file.ReadAt(info, dst, off); err != nil {
		return fmt.Errorf("checkpoint %s: %w", l.path, err)
	}
	return nil
}

// Close closes the file of the tensors.
func (l *Loaded) Close() error { return errors.Join(l.r.Close(), l.best.close()) }

// Latest opens the newest checkpoint that verifies wholly, which means its state file, its tensors and the checkpoint
// that it names as its best. Damaged ones are passed over with a warning. Without any checkpoint the error matches
// ErrNone; where none is intact, ErrDamaged, with what is wrong with each; where the newest one that is not damaged is
// of a later version of this program, ErrNewer.
func (s *Store) Latest() (*Loaded, error) {
	l, best, err := s.latest()
	if err != nil {
		return nil, err
	}
	l.best = best
	return l, nil
}

// Best opens the checkpoint that the newest intact one names as its best, with the errors of Latest. Where it names
// none, the error matches ErrNone.
func (s *Store) Best() (*Loaded, error) {
	l, best, err := s.latest()
	switch {
	case err != nil:
		return nil, err
	case l.Best == nil:
		return nil, errors.Join(fmt.Errorf("checkpoint %s: it names no best one, no score was measured before it: %w", l.path, ErrNone), l.Close())
	case best == nil:
		return l, nil
	}
	if err := l.Close(); err != nil {
		return nil, errors.Join(err, best.Close())
	}
	return best, nil
}

// Load opens the checkpoint of a step. Its best one must be intact, too. The errors match ErrNone, ErrDamaged or
// ErrNewer.
func (s *Store) Load(step int64) (*Loaded, error) {
	names, err := s.list()
	if err != nil {
		return nil, err
	}
	for _, c := range slices.Backward(names.states) {
		if c.step != step {
			continue
		}
		l, best, err := s.verify(names, c, map[id]error{})
		if err != nil && errors.Is(err, ErrDamaged) {
			return nil, fmt.Errorf("%w; restore its files, or resume from another checkpoint", err)
		}
		if err != nil {
			return nil, err
		}
		l.best = best
		return l, nil
	}
	return nil, fmt.Errorf("checkpoint of step %d in %s: %w", step, s.dir, ErrNone)
}

func (s *Store) latest() (l, best *Loaded, err error) {
	names, err := s.list()
	if err != nil {
		return nil, nil, err
	}
	var damaged []error
	known := map[id]error{}
	for _, c := range slices.Backward(names.states) {
		l, best, err := s.verify(names, c, known)
		if err == nil {
			return l, best, nil
		}
		if !errors.Is(err, ErrDamaged) {
			return nil, nil, err
		}
		s.log.Warn("checkpoint: a damaged one is passed over", "step", c.step, "error", err)
		damaged = append(damaged, err)
	}
	if len(damaged) == 0 {
		return nil, nil, fmt.Errorf("checkpoint: %s holds none: %w", s.dir, ErrNone)
	}
	return nil, nil, fmt.Errorf("checkpoint: none of the %d in %s is intact; restore them, or start the run anew: %w", len(damaged), s.dir, errors.Join(damaged...))
}

// verify opens a checkpoint and the best one that it names, where that is another. Known remembers the damage of
// checkpoints that were read before.
func (s *Store) verify(names listing, c id, known map[id]error) (l, best *Loaded, err error) {
	if l, err = s.open(c, known); err != nil {
		return nil, nil, err
	}
	if l.Best == nil || *l.Best == l.Step {
		return l, nil, nil
	}
	fail := func(err error) (*Loaded, *Loaded, error) {
		return nil, nil, errors.Join(fmt.Errorf("checkpoint %s: its best one, of step %d: %w", s.path(c.stateName()), *l.Best, err), l.Close())
	}
	b, ok := inLine(names.states, c, *l.Best)
	if !ok {
		return fail(fmt.Errorf("the files of that are missing: %w", ErrDamaged))
	}
	if best, err = s.open(b, known); err != nil {
		return fail(err)
	}
	return l, best, nil
}

// open opens one checkpoint and compares all of its bytes with the checksums.
func (s *Store) open(c id, known map[id]error) (_ *Loaded, err error) {
	if err := known[c]; err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			known[c] = err
		}
	}()
	st, err := s.readState(c)
	if err != nil {
		return nil, err
	}
	r, err := s.openTensors(c, st)
	if err != nil {
		return nil, err
	}
	file, err := compare(r, st)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("checkpoint %s: %w", s.path(c.tensorsName()), unreadable(err)), r.Close())
	}
	l := &Loaded{Step: st.Step, Best: st.Best, State: st.State, path: s.path(c.tensorsName()), r: r, file: file, infos: map[string]safetensors.Info{}}
	for _, t := range file.Tensors() {
		l.infos[t.Name] = t
	}
	return l, nil
}

func (s *Store) readState(c id) (*state, error) {
	path := s.path(c.stateName())
	r, err := s.fs.Open(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, unreadable(err))
	}
	if r.Size() > maxState {
		return nil, errors.Join(fmt.Errorf("checkpoint %s: %d bytes, a state file has at most %d: %w", path, r.Size(), maxState, ErrDamaged), r.Close())
	}
	file := make([]byte, r.Size())
	if err := errors.Join(readAt(r, file, 0), r.Close()); err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, unreadable(err))
	}
	st, err := decode(file, c)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	return st, nil
}

// openTensors opens the tensors of a checkpoint and looks at their size only.
func (s *Store) openTensors(c id, st *state) (atomicfile.Reader, error) {
	path := s.path(c.tensorsName())
	r, err := s.fs.Open(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, unreadable(err))
	}
	if r.Size() != st.Tensors.Bytes {
		return nil, errors.Join(fmt.Errorf("checkpoint %s: it has %d bytes, %d were written: %w", path, r.Size(), st.Tensors.Bytes, ErrDamaged), r.Close())
	}
	return r, nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

// compare reads a tensors file once, front to back, and opens it if it is what was written. The header is compared
// before it is parsed.
func compare(r atomicfile.Reader, st *state) (*safetensors.File, error) {
	want := st.Tensors
	if want.HeaderBytes < 0 || want.HeaderBytes > want.Bytes {
		return nil, fmt.Errorf("a header of %d bytes in a file of %d: %w", want.HeaderBytes, want.Bytes, ErrDamaged)
	}
	buf := make([]byte, min(max(want.HeaderBytes, want.Bytes-want.HeaderBytes), 1<<20))
	got, err := sumAt(r, 0, want.HeaderBytes, buf)
	if err != nil {
		return nil, fmt.Errorf("its header cannot be read: %w", err)
	}
	if got != want.HeaderSum {
		return nil, fmt.Errorf("its header has changed since it was written: %w", ErrDamaged)
	}
	file, err := safetensors.Open(r, want.Bytes)
	if err != nil && !errors.Is(err, safetensors.ErrFormat) {
		return nil, fmt.Errorf("its header cannot be read again: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("its header has the checksum that it should, but does not fit the file: %w: %w", err, ErrDamaged)
	}
	infos := file.Tensors()
	if file.HeaderBytes() != want.HeaderBytes || len(infos) != len(want.Sums) {
		return nil, fmt.Errorf("it holds other tensors than the state file tells: %w", ErrDamaged)
	}
	for _, t := range infos {
		got, err := sumAt(r, t.Offset, t.Bytes, buf)
		if err != nil {
			return nil, fmt.Errorf("tensor %q cannot be read: %w", t.Name, err)
		}
		if got != want.Sums[t.Name] {
			return nil, fmt.Errorf("tensor %q has changed since it was written: %w", t.Name, ErrDamaged)
		}
	}
	return file, nil
}

func sumAt(r io.ReaderAt, off, n int64, buf []byte) (sum, error) {
	h := sha256.New()
	for n > 0 {
		piece := buf[:min(n, int64(len(buf)))]
		if err := readAt(r, piece, off); err != nil {
			return "", err
		}
		h.Write(piece)
		off += int64(len(piece))
		n -= int64(len(piece))
	}
	return sum(hex.EncodeToString(h.Sum(nil))), nil
}

// readAt fills p.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) { // the last bytes of a file may come with io.EOF
		return nil
	}
	return err
}

// unreadable makes damage of the errors that say that the bytes are gone: a file that is missing, too short or no file,
// and a disk that cannot give it back. Others, such as a missing permission, pass as they are.
func unreadable(err error) error {
	if errors.Is(err, ErrDamaged) {
		return err
	}
	for _, gone := range []error{fs.ErrNotExist, fs.ErrInvalid, io.EOF, io.ErrUnexpectedEOF, safetensors.ErrFormat, syscall.EIO} {
		if errors.Is(err, gone) {
			return fmt.Errorf("%w: %w", err, ErrDamaged)
		}
	}
	return err
}

func (l *Loaded) close() error {
	if l == nil {
		return nil
	}
	return l.Close()
}
