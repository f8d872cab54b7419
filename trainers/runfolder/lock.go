package runfolder

import (
	"errors"
	"fmt"
	"os"

	"debut/datasets/filelock"
)

// ErrLocked is matched by the error of [Create] where another run is under way in the folder.
var ErrLocked = errors.New("another run is under way in the folder")

// lock takes the folder's lock, which Close releases, and the system does when the process ends, however it ends. The
// file itself stays: if it were removed, two processes could hold locks on two files of its name.
func (f *Folder) lock() error {
	file, err := os.OpenFile(f.Join(LockFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("runfolder: %w", err)
	}
	taken, err := filelock.Try(file)
	switch {
	case errors.Is(err, errors.ErrUnsupported): // a training without a lock is better than none
		err = nil
	case err == nil && !taken:
		err = fmt.Errorf("%w: %s; wait for its end, or choose another \"name:\"", ErrLocked, f.path)
	}
	if err != nil {
		return fmt.Errorf("runfolder: %w", errors.Join(err, file.Close()))
	}
	f.locked = file
	return nil
}

// Close releases the folder for other processes; nothing is written to it afterwards. Commit or Discard come before it.
// A second call does nothing, nor does that of a folder that was opened and not created.
func (f *Folder) Close() error {
	if f.locked == nil {
		return nil
	}
	file := f.locked
	f.locked = nil
	if err := file.Close(); err != nil {
		return fmt.Errorf("runfolder: %w", err)
	}
	return nil
}
