package runfolder

import (
	"errors"
	"fmt"
	"time"

	"debut/datasets/atomicfile"
	"debut/datasets/filelock"
)

// ErrLocked is matched by the error of [Create] where another run is under way in the folder.
var ErrLocked = errors.New("another run is under way in the folder")

// ErrGone is matched by errors about a folder that was removed, moved or replaced while a run was under way in it.
var ErrGone = errors.New("the run's folder was removed or replaced while the run was under way")

// A lock is tried again so often, after a time much longer than it takes to look whether it is taken.
const (
	lookTries = 5
	lookTime  = 20 * time.Millisecond
)

// lock takes the folder's lock, which Close releases, and the system does when the process ends, however it ends. The
// file itself stays: if it were removed, two processes could hold locks on two files of its name. A training without a lock,
// where the file system has none, is better than no training.
func (f *Folder) lock() error {
	file, err := filelock.Open(f.Join(LockFile))
	for range lookTries { // a list of runs looks whether it is taken, for a moment
		if err != nil || file != nil {
			break
		}
		time.Sleep(lookTime)
		file, err = filelock.Open(f.Join(LockFile))
	}
	if err == nil && file == nil {
		err = f.lockedError()
	}
	if err != nil {
		return fmt.Errorf("runfolder: %w", err)
	}
	dir, err := atomicfile.OpenDir(f.path)
	if err != nil {
		return fmt.Errorf("runfolder: %w", errors.Join(err, file.Close()))
	}
	f.locked, f.files = file, []*atomicfile.Dir{dir}
	if err := f.Check(); err != nil { // then the lock was that of the folder before
		return errors.Join(err, f.Close())
	}
	return nil
}

func (f *Folder) lockedError() error {
	return fmt.Errorf("%w: %s; wait for its end, or choose another \"name:\"", ErrLocked, f.path)
}

// Check returns an error that matches [ErrGone] where the folder of the run under way is not there any more, or another is in its
// place, which may be that of another run. Nothing is written then.
func (f *Folder) Check() error {
	if f.locked != nil && !filelock.At(f.locked, f.Join(LockFile)) {
		return fmt.Errorf("runfolder: %w: %s; what was in it is lost unless it was moved: train again, or go on with --resume where it is", ErrGone, f.path)
	}
	return nil
}

// Close releases the folder for other processes; nothing is written to it afterwards. Commit or Discard come before it.
// A second call does nothing, nor does that of a folder that was opened and not created.
func (f *Folder) Close() error {
	if f.locked == nil {
		return nil
	}
	err := f.locked.Close()
	for _, dir := range f.files {
		err = errors.Join(err, dir.Close())
	}
	f.locked, f.files = nil, nil
	if err != nil {
		return fmt.Errorf("runfolder: %w", err)
	}
	return nil
}
