// Package runfolder owns the folder that a training run leaves behind:
//
//	runs/<name>/
//	  run.yaml       the configuration as resolved
//	  run.json       the result, a [RunResult]; "running" while the run goes on
//	  run.json.age   all of the result, where the model is encrypted: run.json is without values of the data then
//	  metrics.jsonl  one line an evaluation, or an epoch where nothing is evaluated
//	  events.out.tfevents.*   the same for TensorBoard
//	  checkpoints/   model/   report.html
//	  .lock          empty; locked while the run goes on
//
// Files are written aside and renamed, so that they are complete or absent; the
// two logs are appended to by whole lines and records. Nothing is ever removed but what
// a run has written.
package runfolder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"filippo.io/age"

	"debut/datasets/atomicfile"
	"debut/datasets/nearest"
	"debut/datasets/sealed"
	"debut/datasets/wording"
	"debut/trainers/tensorboard"
)

// Names of what a run writes.
const (
	ConfigFile  = "run.yaml"
	ResultFile  = "run.json"
	SealedFile  = ResultFile + sealed.Extension // all of the result, of a run whose model is encrypted
	MetricsFile = "metrics.jsonl"
	ReportFile  = "report.html"
	// ElasticitiesFile is the table that a run of prices leaves.
	ElasticitiesFile = "elasticities.csv"
	CheckpointsDir   = "checkpoints"
	ModelDir         = "model"
	LockFile         = ".lock" // held while a run is under way
	eventsPrefix     = "events.out.tfevents."
)

// ModelFile is the file of a model folder that describes the model; every model has it.
const ModelFile = "model.json"

// ErrExists is matched by the error of [Create] where the folder holds something already.
var ErrExists = errors.New("the run folder exists")

// ErrNotRun is matched by errors about a folder that no run has written.
var ErrNotRun = errors.New("not a run folder")

// ErrNoModel is matched by errors about a folder that holds no model.
var ErrNoModel = errors.New("not a model folder")

// Folder is the folder of one run.
type Folder struct {
	path   string
	name   string
	locked *os.File          // nil where the folder was opened and not created, and after Close
	files  []*atomicfile.Dir // that are open as long as it is locked; first the folder itself
	aside  string            // the folder that holds the earlier run, "" where there is none
}

// DefaultName returns "<stem>-<yyyymmdd-hhmmss>", the name of a run that has none. stem is
// usually the run file's name without extension; what cannot be in a name is replaced.
func DefaultName(stem string, at time.Time) string {
	stem = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, strings.TrimLeft(stem, "."))
	if stem == "" {
		stem = "run"
	}
	const most = 100 // bytes; leaves room for the date in any file system
	return strings.ToValidUTF8(stem[:min(len(stem), most)], "") + "-" + at.Format("20060102-150405")
}

// CheckName returns an error for names that would lead out of the root, hide the folder, or cannot be shown as they are.
func CheckName(name string) error {
	r, hidden := wording.Hidden(name)
	switch {
	case name == "":
		return errors.New("runfolder: the run has no name; set \"name:\"")
	case strings.ContainsAny(name, "/\\\x00") || !filepath.IsLocal(name) || strings.HasPrefix(name, "."):
		return fmt.Errorf("runfolder: the name %q cannot be a folder's; use letters, digits, \"-\" and \"_\"", name)
	case !utf8.ValidString(name):
		return fmt.Errorf("runfolder: the name %q is not text in UTF-8; use letters, digits, \"-\" and \"_\"", name)
	case hidden:
		return fmt.Errorf("runfolder: the name %q holds the character %U, which is not shown; use letters, digits, \"-\" and \"_\"", name, r)
	case len(name) > 200:
		return fmt.Errorf("runfolder: the name %.20q… is longer than 200 bytes", name)
	}
	return nil
}

// Create makes the folder of a new run, root/name, and a run.json in it that says that the
// run is under way. The folder is locked until Close or the end of the process; the error for a
// folder that another run is under way in matches [ErrLocked].
//
// An existing folder that holds anything is refused with an error that matches [ErrExists],
// unless overwrite is set and a run wrote all that is in it: then that is set aside, in a
// hidden folder beside it, until Commit removes it or Discard puts it back. What a killed
// program has set aside is found by the next Create of the name with overwrite, and counts
// as the earlier run unless the later one had come to its end. Files that no run writes
// are never removed, the error names them.
func Create(root, name string, overwrite bool) (_ *Folder, err error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	f := &Folder{path: filepath.Join(root, name), name: name}
	if err := os.MkdirAll(f.path, 0o755); err != nil {
		return nil, fmt.Errorf("runfolder: %w", err)
	}
	// Before the lock, whose file has no place in a folder of somebody else's, and again with it:
	// another process may have been faster. In a run's folder the lock tells first whether it is under way.
	if !f.isRun() {
		if err := f.replaceable(overwrite); err != nil {
			return nil, err
		}
	}
	if err := f.lock(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if !overwrite {
		if err := f.recover(); err != nil {
			return nil, err
		}
	}
	if err := f.replaceable(overwrite); err != nil {
		return nil, err
	}
	if err := f.sweep(); err != nil {
		return nil, err
	}
	if overwrite {
		if err := f.setAside(); err != nil {
			return nil, err
		}
	}
	if err := f.WriteResult(&RunResult{Status: Running, Name: name}); err != nil {
		return nil, errors.Join(err, f.Discard())
	}
	return f, nil
}

// Foresee returns the errors that Create would have for the folder root/name as it is now, and makes and changes nothing: better before
// hours of reading than after.
func Foresee(root, name string, overwrite bool) error {
	if err := CheckName(name); err != nil {
		return err
	}
	f := &Folder{path: filepath.Join(root, name), name: name}
	if _, err := os.Stat(f.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if taken, err := held(f.path); err == nil && taken && f.isRun() {
		return fmt.Errorf("runfolder: %w", f.lockedError())
	}
	if old, err := f.beside(oldInfix); err != nil || len(old) > 0 {
		return err // which of the two runs counts is Create's to find out
	}
	return f.replaceable(overwrite)
}

// Resume opens the folder of an earlier run, root/name, to go on with it, and locks it as Create does. What the run has
// left is as it was, and where that is checkpoints, run.json may be damaged or missing; an earlier run that it was to replace stays aside until Commit. The error matches [ErrNotRun] where
// the folder holds none, and fs.ErrNotExist where there is no such folder.
func Resume(root, name string) (_ *Folder, err error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	f, err := Open(filepath.Join(root, name))
	if errors.Is(err, ErrNotRun) { // a damaged run.json takes nothing away from the checkpoints
		if f = (&Folder{path: filepath.Join(root, name), name: name}); f.hasCheckpoints() {
			err = nil
		}
	}
	if err != nil {
		return nil, err
	}
	if err := f.lock(); err != nil {
		return nil, err
	}
	if err := errors.Join(f.sweep(), f.settle(true)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Open opens the folder of an earlier run. The error matches [ErrNotRun] where path is none.
func Open(path string) (*Folder, error) {
	f := &Folder{path: path, name: filepath.Base(path)}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("runfolder: %w%s", err, sibling(path))
	case err != nil:
		return nil, fmt.Errorf("runfolder: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("runfolder: %w: %s is a file; name the folder that holds %s", ErrNotRun, path, ResultFile)
	case !f.isRun() && f.hasCheckpoints():
		return nil, fmt.Errorf("runfolder: %w: %s has no readable %s, but checkpoints: go on from them with the run file: debut train RUN.yaml --resume --output %q --name %q",
			ErrNotRun, path, ResultFile, filepath.Dir(path), f.name)
	case !f.isRun():
		return nil, fmt.Errorf("runfolder: %w: %s has no readable %s", ErrNotRun, path, ResultFile)
	}
	return f, nil
}

// Path returns the path of the folder.
func (f *Folder) Path() string { return f.path }

// Name returns the name of the run.
func (f *Folder) Name() string { return f.name }

// Join returns the path of name in the folder.
func (f *Folder) Join(name string) string { return filepath.Join(f.path, name) }

// WriteFile writes a file of the folder, complete or not at all; name may lie in a
// folder below, which is made.
func (f *Folder) WriteFile(name string, data []byte) error {
	return f.Write(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Write is WriteFile for contents that are not in memory at once.
func (f *Folder) Write(name string, fill func(io.Writer) error) error {
	if !filepath.IsLocal(name) {
		return fmt.Errorf("runfolder: %q is not a file below %s", name, f.path)
	}
	path := f.Join(name)
	if err := f.Check(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("runfolder: %w", err)
	}
	to := atomicfile.OS
	if f.locked != nil {
		to = f.files[0]
	}
	if err := atomicfile.WriteTo(to, path, 0o644, fill); err != nil {
		return fmt.Errorf("runfolder: %w", err)
	}
	return nil
}

// Events starts a new event file for TensorBoard; the caller closes it.
func (f *Folder) Events(at time.Time) (*tensorboard.File, error) {
	events, err := tensorboard.Create(f.path, at)
	if err != nil {
		return nil, fmt.Errorf("runfolder: %w", err)
	}
	return events, nil
}

// Subfolder makes a folder below the folder of a run that is under way, ModelDir or CheckpointsDir, where it is not there yet. It
// returns its path, and what files are to be written by: it stays the same folder, even where another run has come to be at the path.
func (f *Folder) Subfolder(name string) (path string, files atomicfile.FS, err error) {
	if err := f.Check(); err != nil {
		return "", nil, err
	}
	path = f.Join(name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return "", nil, fmt.Errorf("runfolder: %w", err)
	}
	dir, err := atomicfile.OpenDir(path)
	if err != nil {
		return "", nil, fmt.Errorf("runfolder: %w", err)
	}
	f.files = append(f.files, dir)
	return path, dir, f.Check()
}

// WriteResult writes run.json.
func (f *Folder) WriteResult(r *RunResult) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("runfolder: %s: %w", ResultFile, err)
	}
	return f.WriteFile(ResultFile, append(data, '\n'))
}

// maxResult bounds run.json and model.json.
const maxResult = 1 << 28

// WriteSealedResult writes the result, encrypted for readers, and then run.json without values of the data.
func (f *Folder) WriteSealedResult(r *RunResult, to []age.Recipient) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("runfolder: %s: %w", SealedFile, err)
	}
	err = f.Write(SealedFile, func(w io.Writer) error {
		in, err := sealed.Encrypt(w, to)
		if err != nil {
			return err
		}
		if _, err := in.Write(append(data, '\n')); err != nil {
			return err
		}
		return in.Close()
	})
	if err != nil {
		return err
	}
	open := r.WithoutValues()
	open.Sealed = SealedFile
	return f.WriteResult(open)
}

// Result reads run.json. Fields that this version does not know are skipped.
func (f *Folder) Result() (*RunResult, error) {
	path := f.Join(ResultFile)
	data, err := atomicfile.Read(path, maxResult)
	if err != nil {
		return nil, fmt.Errorf("runfolder: %w", err)
	}
	r := &RunResult{}
	if err := json.Unmarshal(bytes.TrimSpace(data), r); err != nil {
		return nil, fmt.Errorf("runfolder: %s: %w", path, err)
	}
	return r, nil
}

// OpenModel returns the path of the model folder that path means: itself, or the model/
// in the run folder path. required names further files that the model must have. The
// error matches [ErrNoModel] and says what is missing, or fs.ErrNotExist where there is no such path.
func OpenModel(path string, required ...string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("model folder: %w%s", err, sibling(path))
	}
	if err != nil {
		return "", fmt.Errorf("model folder: %w", err)
	}
	files := append([]string{ModelFile}, required...)
	shape := fmt.Sprintf("a model folder is the %s/ in the folder of a finished run, runs/<name>/%s, and holds %s",
		ModelDir, ModelDir, strings.Join(files, ", "))
	if !info.IsDir() {
		return "", fmt.Errorf("model folder: %w: %s is a file; %s", ErrNoModel, path, shape)
	}
	dir := path
	if !isFile(filepath.Join(path, ModelFile)) {
		run := &Folder{path: path}
		inner := filepath.Join(path, ModelDir)
		switch {
		case isFile(filepath.Join(inner, ModelFile)):
			dir = inner
		case run.isRun():
			return "", fmt.Errorf("model folder: %w: the run in %s has left no %s (%s)", ErrNoModel, path, filepath.Join(ModelDir, ModelFile), run.why())
		default:
			return "", fmt.Errorf("model folder: %w: %s has no %s; %s", ErrNoModel, path, ModelFile, shape)
		}
	}
	for _, name := range required {
		if !isFile(filepath.Join(dir, name)) {
			return "", fmt.Errorf("model folder: %w: %s has no %s; %s", ErrNoModel, dir, name, shape)
		}
	}
	return dir, nil
}

// why says how the run ended, for the message that its model is missing.
func (f *Folder) why() string {
	r, err := f.Result()
	if err != nil {
		return "its " + ResultFile + " cannot be read"
	}
	switch r.Status {
	case Running:
		return "it is still under way, or was killed: train with --resume to go on with it"
	case Failed:
		if r.Error != "" {
			return "it failed: " + r.Error
		}
		return "it failed"
	case Interrupted:
		return "it was interrupted before a model was saved; train with --resume to go on with it"
	}
	return "though it finished: the model was removed"
}

// isFile reports whether path is a regular file or a link to one.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// sibling suggests the name in the same folder that was probably meant.
func sibling(path string) string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if name, ok := nearest.Of(filepath.Base(path), names); ok {
		return fmt.Sprintf("; did you mean %q?", filepath.Join(filepath.Dir(path), name))
	}
	return ""
}
