package runfolder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// An earlier run is replaced in two steps. Create moves its files into a hidden folder beside the run folder,
// ".<name>.old-<digits>", run.json last; Commit removes that, Discard moves the files back, run.json first. So at any
// moment at which the program may be killed:
//
//   - a folder aside with run.json is a complete earlier run, and what is in the run folder is the later one's;
//   - a folder aside without run.json is on its way there or back, and its files and those in the run folder belong together.
//
// The run folder itself stays where it is, and with it the lock.
const (
	oldInfix   = ".old-"
	trashInfix = ".trash-" // an earlier run that Commit is removing
)

// setAside moves an earlier run aside. What a killed program left aside is dealt with first.
func (f *Folder) setAside() error {
	if err := f.settle(false); err != nil {
		return err
	}
	entries, err := f.entries()
	if err != nil || len(entries) == 0 {
		return err
	}
	if f.aside != "" { // settle kept it: it is the last run that came to an end
		return f.clear("")
	}
	aside, err := os.MkdirTemp(filepath.Dir(f.path), "."+f.name+oldInfix)
	if err != nil {
		return fmt.Errorf("runfolder: set the earlier run aside: %w", err)
	}
	f.aside = aside
	for _, e := range entries {
		if e.Name() != ResultFile {
			err = errors.Join(err, os.Rename(f.Join(e.Name()), filepath.Join(aside, e.Name())))
		}
	}
	if err == nil {
		err = os.Rename(f.Join(ResultFile), filepath.Join(aside, ResultFile))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("runfolder: set the earlier run aside: %w", err), f.putBack())
	}
	return nil
}

// settle deals with what an earlier program has left beside the folder. Where the later run came to an end, that is the
// one to keep; where it did not, the earlier one is, and stays aside for Discard. One that was interrupted with a model is at its end
// unless it is gone on with.
func (f *Folder) settle(resume bool) error {
	trash, err := f.beside(trashInfix)
	if err != nil {
		return err
	}
	for _, dir := range trash {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("runfolder: remove an earlier run: %w", err)
		}
	}
	old, err := f.beside(oldInfix)
	if err != nil || len(old) == 0 {
		return err
	}
	if len(old) > 1 {
		return fmt.Errorf("runfolder: %w: earlier runs of %s were set aside in %s; keep at most one of these folders", ErrExists, f.path, strings.Join(old, " and "))
	}
	f.aside = old[0]
	switch _, err := os.Lstat(filepath.Join(f.aside, ResultFile)); {
	case errors.Is(err, fs.ErrNotExist):
		return f.putBack()
	case err != nil:
		return fmt.Errorf("runfolder: %w", err)
	}
	r, err := f.Result()
	if err == nil && (r.Status == Finished || r.Status == Interrupted && !resume) && isFile(f.Join(filepath.Join(ModelDir, ModelFile))) {
		return f.Commit()
	}
	return nil
}

// recover puts an earlier run back where the later one that was to replace it was killed before it left anything.
func (f *Folder) recover() error {
	if err := f.settle(false); err != nil {
		return err
	}
	if f.aside == "" || f.isRun() || f.hasCheckpoints() {
		return nil
	}
	return f.putBack()
}

// beside lists the folders beside the run folder that have its name, an infix and digits.
func (f *Folder) beside(infix string) ([]string, error) {
	root := filepath.Dir(f.path)
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("runfolder: %w", err)
	}
	var found []string
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), "."+f.name+infix)
		if ok && digits != "" && strings.Trim(digits, "0123456789") == "" && e.IsDir() {
			found = append(found, filepath.Join(root, e.Name()))
		}
	}
	return found, nil
}

// Commit makes the replacement of an earlier run final: what Create set aside is removed. It is for a run that has come
// to its end, with its model and run.json written. Where nothing was set aside it does nothing.
func (f *Folder) Commit() error {
	if f.aside == "" {
		return nil
	}
	if err := f.Check(); err != nil { // the earlier run is all there is
		return err
	}
	// One rename decides it; what follows may be cut short.
	trash := filepath.Join(filepath.Dir(f.path), "."+f.name+trashInfix+strings.TrimPrefix(filepath.Base(f.aside), "."+f.name+oldInfix))
	if err := os.Rename(f.aside, trash); err != nil {
		return fmt.Errorf("runfolder: remove the earlier run: %w", err)
	}
	f.aside = ""
	if err := os.RemoveAll(trash); err != nil {
		return fmt.Errorf("runfolder: remove the earlier run: %w", err)
	}
	return nil
}

// Discard takes the replacement of an earlier run back: what the new run has written is removed, and the earlier run is
// where it was. Files that no run writes stay. Where nothing was set aside it does nothing, so that the record of a
// failure is kept.
func (f *Folder) Discard() error {
	if f.aside == "" {
		return nil
	}
	if err := f.Check(); err != nil {
		return err
	}
	if err := f.clear(ResultFile); err != nil { // run.json is replaced in one step
		return err
	}
	return f.putBack()
}

// Aside returns the folder that holds the run to be replaced, "" where there is none.
func (f *Folder) Aside() string { return f.aside }

// Replaces reports whether an earlier run is set aside, about which Commit or Discard is to decide.
func (f *Folder) Replaces() bool { return f.aside != "" }

// putBack moves what is aside into the folder, run.json first.
func (f *Folder) putBack() error {
	fail := func(err error) error {
		return fmt.Errorf("runfolder: put the earlier run back from %s: %w", f.aside, err)
	}
	if err := os.Rename(filepath.Join(f.aside, ResultFile), f.Join(ResultFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	entries, err := os.ReadDir(f.aside)
	if err != nil {
		return fail(err)
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(f.aside, e.Name()), f.Join(e.Name())); err != nil {
			return fail(err)
		}
	}
	if err := os.Remove(f.aside); err != nil {
		return fail(err)
	}
	f.aside = ""
	return nil
}

// clear removes what a run wrote but the file keep, run.json last: should the program die half-way, the rest is still
// known to be a run's.
func (f *Folder) clear(keep string) error {
	entries, err := f.entries()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == ResultFile || e.Name() == keep || !written(e.Name()) {
			continue
		}
		if err := os.RemoveAll(f.Join(e.Name())); err != nil {
			return fmt.Errorf("runfolder: remove a run: %w", err)
		}
	}
	if keep == ResultFile {
		return nil
	}
	if err := os.Remove(f.Join(ResultFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("runfolder: remove a run: %w", err)
	}
	return nil
}
