// Package run is the life of a run, whatever is trained in it: the folder and its lock, checkpoints and resumption,
// interruption, divergence, the estimate of memory, batches gathered ahead, progress, and the result.
//
// A family of models has a [Config], which embeds [Header] and [Keeping] and is read from a run file, and makes of it a
// [Task]. [Train] drives the task: a [Solver] finds its model in one go, a [Gradual] one is trained step by step as
// the state machine of package loop says, and its state is saved on the way. The parts:
//
//	header.go       what run files of all families have      task.go        what a family implements
//	run.go          Train, from the folder to the result
//	drive.go        the training loop                        prefetch.go    batches gathered one ahead
//	checkpoints.go  what is saved, and when                  resume.go      what a resumption checks and loads
//	diverge.go      losses that are no numbers, rollbacks    memory.go      too little memory is an error beforehand
//	recorder.go     metrics.jsonl, TensorBoard, progress     argument.go    what the command line's argument stands for
//	watch.go        what a person should know of the result
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"filippo.io/age"

	"debut/datasets/atomicfile"
	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/engine"
	"debut/kernels"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
	"debut/trainers/runfolder"
)

// ErrInterrupted is returned by Train when its context ends: training stopped at a step's boundary, and the model so
// far is saved.
var ErrInterrupted = errors.New("interrupted")

// ErrDiverged is matched by the error of a training whose loss is no longer a number.
var ErrDiverged = errors.New("training diverged")

// Options are what a training needs beside its configuration. The zero value works.
type Options struct {
	BaseDir      string   // what paths in the data section are relative to
	ConfigPath   string   // the run file, for run.json
	Command      []string // the command line, for run.json
	Log          *slog.Logger
	Progress     func(Progress)  // called at most about ten times a second, and after every evaluation
	Profile      *engine.Profile // adds up where the time of steps goes; steps are slower
	Overwrite    bool            // replace an earlier run of the same name
	Resume       ResumeFrom      // go on with the run of this name
	Version      string          // of debut, for run.json
	ExplainGraph io.Writer       // receives the compiled program
	// Measured is told what will be measured on which parts, before anything is trained; an error of its ends the run.
	Measured     func(task metrics.Task, parts []string) error
	CheckpointFS atomicfile.FS // where checkpoints are written; nil: the machine's file system
	MostCopied   int64         // bytes of a state up to which the best one is copied in memory, beyond on the disk; 0: 1 GiB
}

// Outcome is what a training leaves behind. Where the model is encrypted, the result is without values of the data, as run.json is,
// and there are no coefficients.
type Outcome struct {
	Folder       string // the run folder
	Result       *runfolder.RunResult
	Coefficients *model.Coefficients // of a linear model
}

// Train runs a configuration. Where the context ends early the outcome is returned beside ErrInterrupted; where it ends while a model
// that is trained is measured, without the measures that are missing.
func Train(ctx context.Context, cfg Config, opt Options) (_ *Outcome, err error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Progress == nil {
		opt.Progress = func(Progress) {}
	}
	header := cfg.Base()
	s := &session{header: header, keeping: cfg.Kept(), opt: opt, started: time.Now()}
	if header.file == nil { // made by a program
		cfg.SetDefaults()
		if err := cfg.Validate(); err != nil {
			return nil, err
		}
	}
	if e := s.keeping.Encrypt; e != nil {
		if s.readers, err = e.Read(opt.BaseDir, "encrypt", opt.Log); err != nil {
			return nil, header.Locate(err)
		}
	}
	if err := s.readIdentity(); err != nil {
		return nil, header.Locate(err)
	}
	if err := s.foresee(); err != nil {
		return nil, err
	}
	s.env = &Env{BaseDir: opt.BaseDir, Log: opt.Log, Profile: opt.Profile, ExplainGraph: opt.ExplainGraph, header: header}
	defer func() { err = errors.Join(err, s.env.close()) }()
	if s.task, err = cfg.Prepare(ctx, s.env); err != nil {
		return nil, header.Locate(err)
	}
	defer func() { err = errors.Join(err, s.task.Close()) }()
	if opt.Measured != nil {
		if err := opt.Measured(s.task.Describe().Task, s.task.Parts()); err != nil {
			return nil, err
		}
	}
	s.gradual, _ = s.task.(Gradual)
	if s.gradual != nil {
		s.course = s.gradual.Course()
	}
	out, err := s.run(ctx)
	return out, header.Locate(err)
}

// session is one training.
type session struct {
	header   *Header
	keeping  *Keeping
	opt      Options
	env      *Env
	name     string              // of the run
	readers  []age.Recipient     // who can read the model; nil: everyone
	identity *age.X25519Identity // of the checkpoints; nil: they are in the clear
	task     Task
	gradual  Gradual // nil for a Solver
	course   Course  // of gradual

	folder  *runfolder.Folder
	record  *recorder
	result  *runfolder.RunResult
	started time.Time
	saved   bool // the model is written
	// undefined says that it was told that the validation rows do not define the metric that decides.
	undefined bool
	// finished is the result of a run found in one go that is there already and has nothing to go on with.
	finished *runfolder.RunResult

	best    Snapshot
	initial Snapshot      // before the first step, where a rollback may go back to it
	keep    *checkpointer // nil for a Solver
	before  float64       // seconds that the run took in earlier processes
}

func (s *session) run(ctx context.Context) (*Outcome, error) {
	name := s.name
	if err := s.openFolder(name); err != nil {
		return nil, err
	}
	from, err := s.loadCheckpoint(ctx)
	if err != nil { // what was there is as it was
		if s.opt.Resume == ResumeNot {
			err = errors.Join(err, s.folder.Discard())
		}
		return nil, errors.Join(err, s.folder.Close())
	}
	if s.finished != nil {
		s.opt.Log.Info("the run has finished, and its model is that of these data; nothing is left to do", "folder", s.folder.Path())
		return &Outcome{Folder: s.folder.Path(), Result: s.finished}, s.folder.Close()
	}
	if err := s.begin(name, from); err != nil {
		return nil, errors.Join(err, s.folder.Close())
	}
	err = s.writeConfig()
	if err == nil {
		err = s.fit(ctx, from)
	}
	if err == nil || errors.Is(err, ErrInterrupted) {
		if err != nil && s.gradual != nil { // the model of an interrupted training is measured too
			ctx = context.WithoutCancel(ctx)
		}
		if ferr := s.saveAndMeasure(ctx); ferr != nil {
			err = errors.Join(ferr, err)
		}
	}
	err = errors.Join(s.end(err), s.folder.Close())
	out := &Outcome{Folder: s.folder.Path(), Result: s.result}
	if s.readers != nil {
		out.Result = s.result.WithoutValues()
	} else if l, ok := s.task.(Linear); ok {
		out.Coefficients = l.Coefficients()
	}
	return out, err
}

// end writes the result. The run that this one is to replace is removed when it has finished. Where a new one failed
// before its first checkpoint the earlier one gets its place back, and what went wrong is told by the error alone; with a
// checkpoint it can be resumed, and the earlier one stays aside until then.
func (s *session) end(err error) error {
	s.result.Finished = time.Now().UTC()
	kept := s.opt.Resume != ResumeNot
	if s.keep != nil && s.keep.stats != (runfolder.CheckpointStats{}) {
		s.result.Checkpoints = &s.keep.stats
		kept = kept || s.keep.stats.Written > 0
	}
	switch {
	case err == nil:
		s.result.Status = runfolder.Finished
	case errors.Is(err, ErrInterrupted) && s.saved:
		s.result.Status = runfolder.Interrupted
		kept = true
	default:
		s.result.Status = runfolder.Failed
		s.result.Error = err.Error()
	}
	if errors.Is(err, runfolder.ErrGone) {
		return err // there is nowhere to write it
	}
	if err != nil && !kept && s.folder.Replaces() {
		return errors.Join(err, s.folder.Discard())
	}
	write := s.folder.WriteResult
	if s.readers != nil {
		write = func(r *runfolder.RunResult) error { return s.folder.WriteSealedResult(r, s.readers) }
		s.opt.Log.Info("the model is encrypted, and so is what names values of the data: coefficients and classes are not printed", "file", s.folder.Join(runfolder.SealedFile))
	}
	if werr := write(s.result); werr != nil {
		return errors.Join(err, werr)
	}
	if err == nil {
		return s.folder.Commit()
	}
	if aside := s.folder.Aside(); aside != "" {
		s.opt.Log.Warn("the run that was to be replaced is kept until this one has finished; resume this one, or move that back", "kept", aside)
	}
	return err
}

// choice says, behind the task's protocol, which epoch's model of a gradual training is kept; defined is whether evaluations have a
// value of the metric that decides.
func (s *session) choice(defined bool) string {
	switch {
	case s.gradual == nil:
		return ""
	case !s.course.Plan.Evaluate:
		return "; the model is that of the last epoch"
	case !defined:
		return fmt.Sprintf("; the model is that of the last epoch, for the validation %s is undefined", s.course.Metric)
	}
	return "; the model is that of the epoch with the best validation " + s.course.Metric
}

// info describes the device that the task computes on: without one of its own it is the CPU.
func (s *session) info() kernels.Info {
	if s.env.device == nil {
		return s.env.info
	}
	return s.env.device.Info()
}

// begin fills what run.json knows from the start, and writes it.
func (s *session) begin(name string, from *restored) error {
	info, d := s.info(), s.task.Describe()
	s.result = &runfolder.RunResult{
		Status: runfolder.Running, Name: name, Family: s.header.Family, Task: d.Task, Protocol: d.Protocol + s.choice(true), Parameters: d.Parameters,
		Device: info.Name, DeviceReason: info.Reason, SIMD: info.Level, Threads: info.Threads, Seed: s.header.Seed,
		Config: s.opt.ConfigPath, Warnings: d.Warnings, Metrics: map[string]*metrics.Result{}, Data: d.Data, Read: d.Read,
		Versions: runfolder.CurrentVersions("gorgonia.org/gorgonia", "gorgonia.org/tensor", "gonum.org/v1/gonum", "github.com/duckdb/duckdb-go/v2"),
		Started:  s.started.UTC(),
	}
	if dir, err := os.Getwd(); err == nil { // without it the run can be resumed from the same folder only
		s.result.Directory = dir
	}
	for _, word := range s.opt.Command {
		s.result.Command = append(s.result.Command, configfile.Mask(word))
	}
	if s.opt.Version != "" {
		s.result.Versions.Debut = s.opt.Version
	}
	if s.opt.Resume != ResumeNot {
		earlier, err := s.folder.Result()
		if err != nil && from != nil { // the checkpoint has all that decides on the training
			s.opt.Log.Warn("run.json cannot be read; the run goes on from its checkpoint, and run.json is written anew", "error", err)
			earlier, err = new(runfolder.RunResult), nil
		}
		if err != nil {
			return err
		}
		if !earlier.Started.IsZero() {
			s.result.Started = earlier.Started
		}
		s.result.Resumed = earlier.Resumed
		if from != nil { // until there are new ones
			s.result.Metrics, s.result.Best, s.result.Epochs, s.result.Trained = earlier.Metrics, earlier.Best, runfolder.LastEpochs(earlier.Epochs), earlier.Trained
			if s.result.Metrics == nil {
				s.result.Metrics = map[string]*metrics.Result{}
			}
		}
	}
	if from != nil {
		s.result.Resumed = append(s.result.Resumed, runfolder.Resumption{
			Step: from.step, Best: s.opt.Resume == ResumeBest, Device: info.Kind + " " + info.Level, At: s.started.UTC(),
		})
	}
	if s.readers != nil { // what is left out here is written, encrypted, in the end
		return s.folder.WriteResult(s.result.WithoutValues())
	}
	return s.folder.WriteResult(s.result)
}

// resolved returns the run file as resolved.
func (s *session) resolved() ([]byte, error) {
	c := s.task.Resolved()
	h := c.Base()
	name, to := h.Name, h.RelativeTo
	defer func() { h.Name, h.RelativeTo = name, to }()
	h.Name = s.folder.Name()
	var err error
	if h.RelativeTo, err = relativeTo(s.opt.BaseDir, s.folder.Path()); err != nil {
		return nil, err
	}
	return configfile.Marshal(c)
}

func (s *session) writeConfig() error {
	y, err := s.resolved()
	if err != nil {
		return err
	}
	return s.folder.WriteFile(runfolder.ConfigFile, y)
}

// fit finds the parameters.
func (s *session) fit(ctx context.Context, from *restored) (err error) {
	if solver, ok := s.task.(Solver); ok {
		err := solver.Solve(ctx)
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("the model was not found yet; train again: %w", ctx.Err())
		}
		return err
	}
	if s.record, err = newRecorder(s.folder, s.started); err != nil {
		return err
	}
	if from == nil { // of a run that was killed before its first checkpoint
		err = s.record.log.Cut(0)
	}
	if err == nil {
		err = s.drive(ctx, from)
	}
	if s.best != nil { // the model is that of the best evaluation
		counters, lerr := s.best.Counters()
		if lerr == nil {
			lerr = errors.Join(s.gradual.State().Load(s.best, counters), closeState(s.best))
		}
		err = errors.Join(err, lerr)
	}
	if err == nil {
		err = s.checkImproving()
	}
	return errors.Join(err, s.record.close())
}

// decide lets the task settle how its model answers.
func (s *session) decide(ctx context.Context) error {
	d, ok := s.task.(Decider)
	if !ok {
		return nil
	}
	clause, warnings, err := d.Decide(ctx)
	if err != nil {
		return partError(PartValidation, err)
	}
	if clause != "" {
		s.result.Protocol += "; " + clause
	}
	s.warn(warnings...)
	return nil
}

// saveAndMeasure saves the model and measures it on every part.
func (s *session) saveAndMeasure(ctx context.Context) error {
	if err := s.decide(ctx); err != nil {
		return err
	}
	dir, files, err := s.folder.Subfolder(runfolder.ModelDir)
	if err != nil {
		return err
	}
	if err := s.task.Save(modelfolder.NewWriter(files, dir, s.header.Family, s.readers)); err != nil {
		return err
	}
	s.saved = true
	if err := s.find(ctx); err != nil {
		return err
	}
	for _, part := range s.task.Parts() {
		r, err := s.task.Evaluate(ctx, part)
		if err != nil && ctx.Err() != nil { // the model is whole
			s.result.Stopped = "interrupted"
			return ErrInterrupted
		}
		if err != nil {
			return partError(part, err)
		}
		s.result.Metrics[part] = r
		s.judge(part, r)
	}
	if w, far := metrics.Far(s.result.Metrics[PartValidation], s.result.Metrics[PartTest]); far {
		s.warn(w)
	}
	return nil
}

// find keeps what the task says beside its metrics; tables, which have values of the data, only where the model is not encrypted.
func (s *session) find(ctx context.Context) error {
	f, ok := s.task.(Finder)
	if !ok {
		return nil
	}
	found, tables, warnings := f.Findings()
	s.result.Found = found
	s.warn(warnings...)
	if s.readers != nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if err := s.folder.Check(); err != nil {
			return err
		}
		if err := table.Write(ctx, s.folder.Join(name), tables[name]); err != nil {
			return err
		}
	}
	return nil
}

// validated says whether there are validation rows.
func (s *session) validated() bool { return slices.Contains(s.task.Parts(), PartValidation) }
