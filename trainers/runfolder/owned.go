package runfolder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"debut/datasets/atomicfile"
	"debut/datasets/publish"
	"debut/datasets/sealed"
	"debut/datasets/wording"
	"debut/trainers/checkpoint"
)

// known are the names that a run writes, beside those of TensorBoard's events.
var known = []string{ConfigFile, ResultFile, SealedFile, MetricsFile, ReportFile, ElasticitiesFile, CheckpointsDir, ModelDir, LockFile}

// written reports whether a run writes a file or folder of this name.
func written(name string) bool {
	return slices.Contains(known, name) || strings.HasPrefix(name, eventsPrefix) || leftover(name)
}

// leftover reports whether a write that was cut short leaves a file of this name.
func leftover(name string) bool {
	of, ok := atomicfile.TemporaryOf(name)
	return ok && slices.Contains(known, of)
}

// foreign lists what is in the folder, at any depth, that no run writes.
func (f *Folder) foreign() ([]string, error) {
	model := f.modelFiles()
	return publish.Foreign(f.path, func(name string) bool {
		dir, file, below := strings.Cut(name, "/")
		if of, ok := atomicfile.TemporaryOf(file); ok {
			file = of
		}
		switch {
		case !below:
			return written(name)
		case file == "":
			return dir == ModelDir || dir == CheckpointsDir
		case dir == CheckpointsDir:
			return checkpoint.Named(file)
		case dir == ModelDir:
			return model(file)
		}
		return false
	})
}

// modelFiles recognizes the files of the model in the folder: those that model.json names, or, where that is not written yet, those of
// the kinds that models have.
func (f *Folder) modelFiles() func(name string) bool {
	var model struct {
		Files map[string]string `json:"sha256"`
	}
	text, err := atomicfile.Read(f.Join(filepath.Join(ModelDir, ModelFile)), maxResult)
	if err == nil {
		err = json.Unmarshal(text, &model)
	}
	return func(name string) bool {
		plain := strings.TrimSuffix(name, sealed.Extension)
		if err != nil || len(model.Files) == 0 {
			return slices.Contains([]string{".json", ".safetensors", ".ids"}, filepath.Ext(plain))
		}
		_, ok := model.Files[plain]
		return ok || name == ModelFile
	}
}

// replaceable returns an error unless the folder is empty, or overwrite is set and a run wrote all that is in it.
func (f *Folder) replaceable(overwrite bool) error {
	entries, err := f.entries()
	if err != nil || len(entries) == 0 {
		return err
	}
	isRun := f.isRun()
	switch {
	case !isRun && f.hasCheckpoints():
		return fmt.Errorf("runfolder: %w: %s has no readable %s, but checkpoints: go on from them with --resume and the run file, or choose another \"name:\"", ErrExists, f.path, ResultFile)
	case !overwrite && isRun:
		return fmt.Errorf("runfolder: %w: %s holds an earlier run; go on with it with --resume, choose another \"name:\", or replace it with --overwrite", ErrExists, f.path)
	case !overwrite:
		return fmt.Errorf("runfolder: %w: %s holds files; choose another \"name:\"", ErrExists, f.path)
	case !isRun:
		return fmt.Errorf("runfolder: %w: %s holds files (%s, …) but no readable %s of a run, so nothing replaces it; choose another \"name:\", or move it away",
			ErrExists, f.path, wording.Quote(entries[0].Name()), ResultFile)
	}
	foreign, err := f.foreign()
	if err != nil {
		return fmt.Errorf("runfolder: %w", err)
	}
	if len(foreign) > 0 {
		return fmt.Errorf("runfolder: %w: %s holds %s, which no run writes; move it away before --overwrite, or choose another \"name:\"", ErrExists, f.path, wording.List(foreign, 3))
	}
	return nil
}

// hasCheckpoints reports whether there are files of checkpoints in the folder, intact or not.
func (f *Folder) hasCheckpoints() bool {
	entries, err := os.ReadDir(f.Join(CheckpointsDir))
	return err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool { return checkpoint.Named(e.Name()) })
}

// isRun reports whether the folder has a run.json that a run wrote.
func (f *Folder) isRun() bool {
	r, err := f.Result()
	return err == nil && slices.Contains([]Status{Running, Finished, Interrupted, Failed}, r.Status)
}

// entries lists what is in the folder beside the lock and what writes that were cut short have left.
func (f *Folder) entries() ([]os.DirEntry, error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, fmt.Errorf("runfolder: %w", err)
	}
	return slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.Name() == LockFile || leftover(e.Name()) }), nil
}

// sweep removes what writes that were cut short have left in the folder, which must be locked, and in that of the model. Package
// checkpoint looks after its own.
func (f *Folder) sweep() error {
	var errs []error
	for _, dir := range []string{f.path, f.Join(ModelDir)} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, e := range entries {
			_, temporary := atomicfile.TemporaryOf(e.Name())
			if temporary && (dir != f.path || leftover(e.Name())) {
				errs = append(errs, os.Remove(filepath.Join(dir, e.Name())))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("runfolder: %w", err)
	}
	return nil
}
