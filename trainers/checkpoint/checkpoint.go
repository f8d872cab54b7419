// Package checkpoint keeps the state of a training run on disk so that it is found again whatever happened.
//
// A checkpoint is two files of one name in the store's folder: step-000000001234.safetensors holds the tensors, and
// step-000000001234.json, the state file, says what they must be: their size and SHA-256, with the state of the caller
// and a checksum over all of it. Each is written aside, flushed, renamed and its folder entry flushed; the state file
// comes last and goes first, so that a checkpoint without it does not exist.
//
// A run that goes back to an earlier checkpoint and writes a step that is there already, or one before the newest,
// replaces nothing: the new files carry the number of the attempt, step-000000001234-2.json, and become the newest in
// one moment, by the rename of the state file. What they leave behind is removed after that. Checkpoints are ordered by
// attempt, then by step, and the line of one is it and those before it, each of a smaller step than the one after.
//
// Nothing is handed out before every byte has been compared with the checksums. A Store expects that no other process
// writes into its folder; the lock of the run's folder sees to that.
package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"

	"debut/datasets/atomicfile"
)

var (
	// ErrNone says that there is no such checkpoint.
	ErrNone = errors.New("no checkpoint")
	// ErrDamaged says that a checkpoint's files are not what was written. The error tells which and what.
	ErrDamaged = errors.New("the checkpoint is damaged")
	// ErrNewer says that a checkpoint is from a later version of this program.
	ErrNewer = errors.New("the checkpoint is from a newer debut")
	// ErrNoSpace says that the disk has no room for another checkpoint.
	ErrNoSpace = errors.New("not enough disk space")
)

// Options of a store.
type Options struct {
	// FS is where the files are; nil: the machine's file system.
	FS atomicfile.FS
	// Keep is the number of newest checkpoints that are kept; 0 means 1. The best ones that these name are kept
	// besides.
	Keep int
	// Log gets warnings of damaged checkpoints and of files that could not be cleared away; nil: nobody does.
	Log *slog.Logger
}

// Store is the checkpoints of a run. It is for one goroutine at a time.
type Store struct {
	dir  string
	fs   atomicfile.FS
	keep int
	log  *slog.Logger
}

// Open opens the store in dir, which it makes where it is missing; dir's parent must exist. It clears away what a writer
// left that was killed: temporary files, and tensors without a state file. Files of other names are never touched.
func Open(dir string, opt Options) (*Store, error) {
	if opt.Keep < 0 {
		return nil, fmt.Errorf("checkpoint: keep %d checkpoints: the number must not be negative", opt.Keep)
	}
	s := newStore(dir, opt)
	l, err := s.list()
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.fs.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("checkpoint: make the folder: %w", err)
		}
	} else if err != nil {
		return nil, err
	}
	for _, name := range l.temporary {
		s.remove(name)
	}
	s.removeOrphans(l)
	// A process that was killed may have left a folder, or a checkpoint, whose name a power failure would still take
	// back. What is handed out from here on should last.
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := s.fs.SyncDir(d); err != nil && !errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("checkpoint: flush the entries of %s: %w", d, err)
		}
	}
	return s, nil
}

func newStore(dir string, opt Options) *Store {
	s := &Store{dir: dir, fs: opt.FS, keep: max(opt.Keep, 1), log: opt.Log}
	if s.fs == nil {
		s.fs = atomicfile.OS
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Dir is the folder of the store.
func (s *Store) Dir() string { return s.dir }

// Steps lists the steps of the checkpoints that lead to the newest one, oldest first, by the names of their files alone.
func (s *Store) Steps() ([]int64, error) {
	l, err := s.list()
	if err != nil {
		return nil, err
	}
	var steps []int64
	all := l.complete()
	if len(all) > 0 {
		for _, id := range line(all, all[len(all)-1]) {
			steps = append([]int64{id.step}, steps...)
		}
	}
	return steps, nil
}

// remove deletes a file of the store that no checkpoint needs. Failing is no reason to stop a run: the next one who
// opens the store, or the next checkpoint, tries again.
func (s *Store) remove(name string) bool {
	err := s.fs.Remove(filepath.Join(s.dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("checkpoint: a file that is no longer needed stays", "file", filepath.Join(s.dir, name), "error", err)
		return false
	}
	return true
}

// removeOrphans deletes tensors without a state file.
func (s *Store) removeOrphans(l listing) {
	var orphans []id
	for _, id := range l.tensors {
		if !l.hasState(id) {
			orphans = append(orphans, id)
		}
	}
	if len(orphans) == 0 {
		return
	}
	// That their state files are gone must be durable first: one that came back after a power failure would have
	// lost its tensors.
	if err := s.fs.SyncDir(s.dir); err != nil {
		s.log.Warn("checkpoint: tensors that are no longer needed stay", "folder", s.dir, "error", err)
		return
	}
	for _, id := range orphans {
		s.remove(id.tensorsName())
	}
}
