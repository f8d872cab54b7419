package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"debut/datasets/atomicfile"
	"debut/datasets/configfile"
	"debut/engine"
	"debut/trainers/checkpoint"
	"debut/trainers/loop"
	"debut/trainers/runfolder"
)

// ResumeFrom says from which checkpoint of a run a training goes on.
type ResumeFrom string

// The points to go on from.
const (
	ResumeNot  ResumeFrom = ""     // a new run
	ResumeLast ResumeFrom = "last" // the newest intact checkpoint; a new run where there is none
	ResumeBest ResumeFrom = "best" // the one with the best score so far
)

// foresee names the run, and returns the errors that its folder is refused with, before the data are read.
func (s *session) foresee() error {
	if s.name = s.header.Name; s.name == "" {
		stem := filepath.Base(s.opt.ConfigPath)
		s.name = runfolder.DefaultName(stem[:len(stem)-len(filepath.Ext(stem))], s.started)
	}
	if s.opt.Resume == ResumeNot {
		return runfolder.Foresee(s.header.Output, s.name, s.opt.Overwrite)
	}
	folder, err := runfolder.Open(filepath.Join(s.header.Output, s.name))
	if err == nil {
		return s.sameFamily(folder)
	}
	if s.opt.Resume == ResumeBest && errors.Is(err, fs.ErrNotExist) {
		return noRun(s.name, err)
	}
	return nil // the folder decides when it is opened
}

func noRun(name string, err error) error {
	return fmt.Errorf("there is no run %q to resume: %w", name, err)
}

// sameFamily returns an error where the run in a folder is of another family than the run file.
func (s *session) sameFamily(folder *runfolder.Folder) error {
	if earlier, err := folder.Result(); err == nil && earlier.Family != "" && earlier.Family != s.header.Family {
		return fmt.Errorf("the run in %s is of the family %s, the run file of %s: go on with it by its own run file, or start a new run under another name",
			folder.Path(), earlier.Family, s.header.Family)
	}
	return nil
}

// openFolder makes the folder of a new run, or opens that of the one to go on with.
func (s *session) openFolder(name string) (err error) {
	output := s.header.Output
	if s.opt.Resume == ResumeNot {
		s.folder, err = runfolder.Create(output, name, s.opt.Overwrite)
		return err
	}
	s.folder, err = runfolder.Resume(output, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, runfolder.ErrNotRun) {
		if s.opt.Resume == ResumeBest {
			return noRun(name, err)
		}
		s.opt.Log.Info("there is no run to resume; it starts from the beginning", "output", output, "name", name)
		// Where a replacement of an earlier run was killed before it left anything, it goes on as such.
		s.folder, err = runfolder.Create(output, name, true)
	}
	if err != nil {
		return err
	}
	if err := s.sameFamily(s.folder); err != nil {
		return errors.Join(err, s.folder.Close())
	}
	return nil
}

// restored is a checkpoint whose tensors have been loaded.
type restored struct {
	state savedState
	loop  *loop.Loop
	step  int64
}

// loadCheckpoint loads the checkpoint to go on from, where there are any; nil where the run begins.
func (s *session) loadCheckpoint(ctx context.Context) (_ *restored, err error) {
	if s.gradual == nil {
		if s.opt.Resume == ResumeBest {
			return nil, errors.New("the model is found in one go: the run has no checkpoints, a best one neither; leave --resume=best out")
		}
		return nil, s.checkAnew()
	}
	if s.keep, err = newCheckpointer(ctx, s); err != nil {
		return nil, err
	}
	if s.course.Divergence.Rollbacks > 0 && !s.keep.onDisk {
		if s.initial, err = s.keep.state.Snapshot(nil); err != nil {
			return nil, err
		}
	}
	return s.resume()
}

// resume finds the checkpoint to go on from and loads it.
func (s *session) resume() (*restored, error) {
	if s.opt.Resume == ResumeNot {
		return nil, nil
	}
	var from *checkpoint.Loaded
	var err error
	if s.opt.Resume == ResumeBest {
		from, err = s.keep.store.Best()
	} else {
		from, err = s.keep.store.Latest()
	}
	switch {
	case errors.Is(err, checkpoint.ErrNone) && s.opt.Resume == ResumeBest:
		return nil, fmt.Errorf("resume %s: no checkpoint has a best score yet: resume from the last: %w", s.folder.Path(), err)
	case errors.Is(err, checkpoint.ErrNone):
		return nil, s.checkAnew()
	case err != nil:
		return nil, fmt.Errorf("resume %s: %w", s.folder.Path(), err)
	}
	r, err := s.accept(from)
	if err = errors.Join(err, from.Close()); err != nil {
		return nil, err
	}
	info := s.info()
	s.opt.Log.Info("resumed", "step", r.step, "epoch", r.state.Loop.Epoch+1, "best", s.opt.Resume == ResumeBest)
	if now := (savedDevice{info.Kind, info.Level}); now != r.state.Device {
		s.opt.Log.Warn("the device is not that of the checkpoint: the training goes on, but not with the same bits",
			"was", r.state.Device.Kind+" "+r.state.Device.Level, "now", now.Kind+" "+now.Level)
	}
	return r, nil
}

// accept checks a checkpoint against configuration and data, and loads it.
func (s *session) accept(from *checkpoint.Loaded) (*restored, error) {
	r := &restored{step: from.Step}
	fail := func(err error) (*restored, error) {
		return nil, fmt.Errorf("resume %s at step %d: %w", s.folder.Path(), from.Step, err)
	}
	if err := json.Unmarshal(from.State, &r.state); err != nil {
		return fail(fmt.Errorf("its state is not that of a training: %w", err))
	}
	if err := s.checkState(&r.state); err != nil {
		return nil, err
	}
	var counted struct {
		Steps int64 `json:"steps"`
	}
	if err := json.Unmarshal(r.state.Trainer, &counted); err != nil {
		return fail(fmt.Errorf("its counters: %w", err))
	}
	if r.state.Loop.Step != from.Step || counted.Steps != from.Step {
		return fail(fmt.Errorf("its state is of steps %d and %d: the checkpoint is damaged", r.state.Loop.Step, counted.Steps))
	}
	var err error
	if r.loop, err = loop.Restore(s.course.Plan, r.state.Loop); err != nil {
		return fail(err)
	}
	if err := s.loadBest(from); err != nil {
		return fail(err)
	}
	if from.Best == nil || *from.Best != from.Step { // else the best state is this one, and is loaded
		if err := s.load(from, r.state.Trainer); err != nil {
			return fail(err)
		}
	}
	return r, nil
}

// load puts a state in the place of the present one.
func (s *session) load(from engine.StateReader, counters json.RawMessage) error {
	s.keep.finite = nil
	return errors.Join(s.keep.state.Load(from, counters), closeState(from))
}

// loadBest loads the best state that a checkpoint names, which may be its own, and copies it into memory where it is not too large.
func (s *session) loadBest(from *checkpoint.Loaded) error {
	s.best, s.keep.bestSaved = nil, true
	if from.Best == nil {
		return nil
	}
	best := from.BestState()
	var state savedState
	if err := json.Unmarshal(best.State, &state); err != nil {
		return fmt.Errorf("the state of its best checkpoint: %w", err)
	}
	if err := s.load(best, state.Trainer); err != nil {
		return err
	}
	s.keep.bestStep, s.keep.bestState = *from.Best, slices.Clone(best.State)
	if s.keep.onDisk {
		kept, err := newStored(s.keep.store, s.keep.state)
		s.best = kept
		return err
	}
	var err error
	s.best, err = s.keep.state.Snapshot(nil)
	return err
}

// changeable are keys that may be changed when a training is resumed, with all below them, beside those that the task names.
var changeable = []string{"name", "output", "relative_to", "device", "threads", "precision", "checkpoint"}

// mayChange says whether a key is one that may be changed when a training is resumed, and what to warn of then.
func (s *session) mayChange(path string) (warning string, ok bool) {
	below := func(key string) bool { return path == key || strings.HasPrefix(path, key+".") }
	for key, warning := range s.course.Changeable {
		if below(key) {
			return warning, true
		}
	}
	return "", slices.ContainsFunc(changeable, below)
}

// compareConfig returns an error that names every difference between the configuration that a run was made with and the
// present one that would make another training of it. Those that would not are returned.
func (s *session) compareConfig(was string, sameData bool) (accepted []configfile.Difference, err error) {
	now, err := s.resolved()
	if err != nil {
		return nil, err
	}
	list, err := configfile.Differences([]byte(was), now)
	if err != nil {
		return nil, fmt.Errorf("resume %s: the configuration of the run: %w", s.folder.Path(), err)
	}
	var refused []error
	for _, d := range list {
		if d.Path == "family" && d.Was == "" { // of a version that had one family alone
			continue
		}
		if s.openStill(d) {
			continue
		}
		_, ok := s.mayChange(d.Path)
		if ok || sameData && strings.HasPrefix(d.Path, "data.") {
			accepted = append(accepted, d)
			continue
		}
		refused = append(refused, configfile.Errorf(d.Path, "was %s when the checkpoint was made, is %s now", settingText(d.Was), settingText(d.Now)))
	}
	if len(refused) > 0 {
		return nil, fmt.Errorf("%w\nthe run in %s cannot go on with these changes: take them back, or start a new run under another name", s.header.Locate(errors.Join(refused...)), s.folder.Path())
	}
	return accepted, nil
}

// openStill reports a setting that the run file leaves open and an earlier version did not write down, or not as what it came to.
func (s *session) openStill(d configfile.Difference) bool {
	if s.header.file == nil {
		return false
	}
	given, ok := s.header.file.Value(d.Path)
	return (!ok || given == "auto") && (d.Was == "" || d.Was == "auto")
}

// settingText is the value of a setting in a message.
func settingText(v string) string {
	if v == "" {
		return "not set"
	}
	return v
}

// checkState returns an error where configuration or data of a checkpoint are not the present ones.
func (s *session) checkState(was *savedState) error {
	sameData := was.Data == s.keep.data
	accepted, err := s.compareConfig(was.Config, sameData)
	if err != nil {
		return err
	}
	if !sameData {
		values := "other values in them"
		if unlisted := s.task.Describe().Unlisted; unlisted != "" {
			values += ", which may come from " + unlisted
		}
		return fmt.Errorf("the run in %s cannot go on: its data are no longer those of the checkpoint (%d training and %d validation rows then, %d and %d now, or %s); restore them, or start a new run under another name. A regression that a debut began which kept targets to 32 bits starts anew too",
			s.folder.Path(), was.Data.Train, was.Data.Validation, s.keep.data.Train, s.keep.data.Validation, values)
	}
	for _, d := range accepted {
		if d.Path != "name" && d.Path != "output" && d.Path != "relative_to" {
			s.opt.Log.Info("resumed with another setting", "key", d.Path, "was", settingText(d.Was), "now", settingText(d.Now))
		}
		if warning, _ := s.mayChange(d.Path); warning != "" {
			s.opt.Log.Warn(warning)
		}
	}
	return nil
}

// maxConfig bounds run.yaml.
const maxConfig = 1 << 24

// checkAnew returns an error where a run without checkpoints may not begin again: its model is there and would become another.
func (s *session) checkAnew() error {
	if s.opt.Resume == ResumeNot {
		return nil
	}
	earlier, err := s.folder.Result()
	if err != nil {
		return fmt.Errorf("%w; without it and without a checkpoint nobody can tell what the run in %s was: train under another name, or move the folder away", err, s.folder.Path())
	}
	if earlier.Status != runfolder.Finished && earlier.Status != runfolder.Interrupted {
		s.opt.Log.Info("the run has no checkpoint yet; it starts from the beginning", "folder", s.folder.Path())
		return nil
	}
	if s.gradual != nil {
		return fmt.Errorf("the run in %s is %s, and its checkpoints are gone: there is nothing to go on from; train anew with --overwrite, or under another name", s.folder.Path(), earlier.Status)
	}
	// The same data give the same model: what has finished stays as it is, what was interrupted is computed once more.
	if !slices.EqualFunc(earlier.Data, s.task.Describe().Data, func(a, b runfolder.DataFile) bool { return a.SHA256 == b.SHA256 }) {
		return fmt.Errorf("the run in %s is finished, and its data have changed since; train anew with --overwrite, or under another name", s.folder.Path())
	}
	config, err := atomicfile.Read(s.folder.Join(runfolder.ConfigFile), maxConfig)
	if err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	if _, err = s.compareConfig(string(config), false); err != nil {
		return err
	}
	if _, err := runfolder.OpenModel(s.folder.Path()); err == nil && earlier.Status == runfolder.Finished {
		s.finished = earlier
	}
	return nil
}

// restore puts the figures of a checkpoint in the place of the present ones.
func (d *driver) restore(r *restored) error {
	s := d.s
	d.l = r.loop
	d.setFigures(r.state.Figures)
	d.number = r.state.Loop.Epoch + 1
	d.boundary = true
	s.result.Epochs = slices.Clone(r.state.Epochs)
	s.result.Rollbacks = slices.Clone(r.state.Rollbacks)
	d.total(r.state.Loop.Epoch)
	if err := s.record.log.Cut(r.state.Metrics); err != nil {
		return err
	}
	if err := s.record.events.Restart(time.Now(), r.step); err != nil {
		return err
	}
	d.resumed = time.Now()
	return nil
}
