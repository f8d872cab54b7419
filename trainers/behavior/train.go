package behavior

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"debut/datasets"
	"debut/datasets/atomicfile"
	"debut/engine"
	"debut/kernels"
	"debut/kernels/devices"
	"debut/layers"
	"debut/trainers/loop"
	"debut/trainers/metrics"
	"debut/trainers/runfolder"
)

// ErrInterrupted is returned by Train when its context ends: training stopped at a step's boundary, and the model so
// far is saved.
var ErrInterrupted = errors.New("interrupted")

// ErrDiverged is matched by the error of a training whose loss is no longer a number.
var ErrDiverged = errors.New("training diverged")

// Parts of the data.
const (
	PartTrain      = "train"
	PartValidation = "validation"
	PartTest       = "test"
)

// Progress tells how far a training is.
type Progress struct {
	Epoch, Epochs int   // from 1
	Step, Steps   int64 // of the whole run
	Rows          int64 // of this epoch
	RowsPerEpoch  int64
	RowsPerSecond float64
	Loss          float64 // mean over the rows since the last report
	LearningRate  float64
	ETA           time.Duration   // without early stopping
	Metrics       *metrics.Result // after an evaluation, else nil
	Part          string          // of Metrics
	Best          bool            // Metrics are the best so far
}

// Options are what a training needs beside its configuration. The zero value works.
type Options struct {
	BaseDir      string // what paths in the data section are relative to
	ConfigPath   string // the run file, for run.json
	Log          *slog.Logger
	Progress     func(Progress)  // called at most about ten times a second, and after every evaluation
	Profile      *engine.Profile // adds up where the time of steps goes; steps are slower
	Overwrite    bool            // replace an earlier run of the same name
	Resume       ResumeFrom      // go on with the run of this name
	Version      string          // of debut, for run.json
	ExplainGraph io.Writer       // receives the compiled program

	checkpointFS atomicfile.FS // nil but in tests
}

// Outcome is what a training leaves behind.
type Outcome struct {
	Folder       string // the run folder
	Result       *runfolder.RunResult
	Report       datasets.Report
	Coefficients *Coefficients // of a linear model
}

// Train runs a configuration. Where the context ends early the outcome is returned beside ErrInterrupted.
func Train(ctx context.Context, cfg *Config, opt Options) (*Outcome, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Progress == nil {
		opt.Progress = func(Progress) {}
	}
	var readers []age.Recipient
	if cfg.Encrypt != nil {
		var err error
		if readers, err = cfg.Encrypt.Read(opt.BaseDir, "encrypt"); err != nil {
			return nil, cfg.locate(err)
		}
	}
	dev, err := devices.Open(cfg.Device, devices.Options{Threads: cfg.Threads, Precision: cfg.Precision})
	if err != nil {
		return nil, err
	}
	data, err := datasets.Load(ctx, &cfg.Data, opt.BaseDir, cfg.Seed, opt.Log)
	if err != nil {
		return nil, errors.Join(cfg.dataError(err), dev.Close())
	}
	resolved := *cfg // the caller's stays as it is
	resolved.Data = *data.Resolved
	cfg = &resolved
	s := &session{cfg: cfg, opt: opt, dev: dev, data: data, readers: readers, started: time.Now()}
	defer data.Close()
	out, err := s.run(ctx)
	return out, errors.Join(cfg.locate(err), dev.Close())
}

// session is one training.
type session struct {
	cfg     *Config
	opt     Options
	dev     kernels.Device
	data    *datasets.Dataset
	readers []age.Recipient // who can read the model; nil: everyone
	net     layers.Network
	task    metrics.Task
	model   *Model
	trainer *engine.Trainer // nil for an exact solution
	plan    loop.Plan
	metric  string // that decides
	folder  *runfolder.Folder
	record  *recorder
	result  *runfolder.RunResult
	started time.Time

	saved      bool    // the model is written
	weightMean float64 // of the training rows: weights are divided by it
	best       *engine.TrainerSnapshot
	initial    *engine.TrainerSnapshot // before the first step, where a rollback may go back to it
	keep       *keeper                 // nil for an exact solution
	before     float64                 // seconds that the run took in earlier processes
}

func (s *session) run(ctx context.Context) (*Outcome, error) {
	if err := s.prepare(); err != nil {
		return nil, err
	}
	name := s.cfg.Name
	if name == "" {
		stem := filepath.Base(s.opt.ConfigPath)
		name = runfolder.DefaultName(stem[:len(stem)-len(filepath.Ext(stem))], s.started)
	}
	if err := s.openFolder(name); err != nil {
		return nil, err
	}
	from, err := s.recall()
	if err != nil { // what was there is as it was
		if s.opt.Resume == ResumeNot {
			err = errors.Join(err, s.folder.Discard())
		}
		return nil, errors.Join(err, s.folder.Close())
	}
	if err := s.begin(name, from); err != nil {
		return nil, errors.Join(err, s.folder.Close())
	}
	err = s.writeConfig()
	if err == nil {
		err = s.fit(ctx, from)
	}
	if err == nil || errors.Is(err, ErrInterrupted) {
		if ferr := s.finish(); ferr != nil {
			err = errors.Join(ferr, err)
		}
	}
	err = errors.Join(s.conclude(err), s.folder.Close())
	return &Outcome{Folder: s.folder.Path(), Result: s.result, Report: s.data.Report, Coefficients: s.model.Coefficients}, err
}

// recall finds the checkpoint to go on from, where there are any.
func (s *session) recall() (*restored, error) {
	if s.trainer == nil {
		if s.opt.Resume == ResumeBest {
			return nil, fieldError("model.solver", "an exact solution has no checkpoints, a best one neither: leave --resume=best out")
		}
		return nil, s.checkAnew()
	}
	var err error
	if s.keep, err = newKeeper(s, s.folder.Join(runfolder.CheckpointsDir)); err != nil {
		return nil, err
	}
	return s.resume()
}

// conclude writes the result. The run that this one is to replace is removed when it has finished. Where a new one failed
// before its first checkpoint the earlier one gets its place back, and what went wrong is told by the error alone; with a
// checkpoint it can be resumed, and the earlier one stays aside until then.
func (s *session) conclude(err error) error {
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
	if err != nil && !kept && s.folder.Replaces() {
		return errors.Join(err, s.folder.Discard())
	}
	if werr := s.folder.WriteResult(s.result); werr != nil {
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

// prepare builds everything that can fail before anything is written.
func (s *session) prepare() error {
	s.net = describe(s.cfg.Model, s.data.Encoder)
	s.task = task(s.data.Encoder)
	var higher bool
	var err error
	if s.metric, higher, err = s.cfg.Train.EarlyStopping.metric(s.task); err != nil {
		return err
	}
	if s.cfg.Model.Solver == SolverExact {
		if s.train().Streamed() {
			return fieldError("model.solver", "%s needs all rows in memory; use solver: %s, or give the Parquet files as a source", SolverExact, SolverGradient)
		}
		if s.task != metrics.TaskRegression {
			return fieldError("model.solver", "%s is for regression; the target %q is %s: use solver: %s", SolverExact, s.data.Encoder.Target.Name, s.task, SolverGradient)
		}
		for _, f := range s.net.Numeric {
			if f.Edges != nil {
				return fieldError("model.solver", "%s does not go with the piecewise-linear encoding of column %q", SolverExact, f.Name)
			}
		}
	}
	t := s.cfg.Train
	if err := t.Augment.fits(s.net, s.task); err != nil {
		return err
	}
	s.plan = loop.Plan{
		Rows: s.train().Rows(), Batch: min(t.Batch, s.train().Rows()), Streamed: s.train().Streamed(), Accumulate: t.Accumulate, Epochs: t.Epochs, Shuffle: *t.Shuffle, Seed: s.cfg.Seed,
		Evaluate: s.validation() != nil, Higher: higher, MinDelta: t.EarlyStopping.MinDelta, Patience: t.EarlyStopping.Patience,
	}
	params := engine.NewParameters(s.dev, kernels.Float32, s.cfg.Seed)
	if s.cfg.Model.Solver != SolverExact {
		if err := s.buildTrainer(params); err != nil {
			return err
		}
	}
	s.model, err = newModel(s.net, s.data.Encoder, s.dev, params)
	return err
}

func (s *session) buildTrainer(params *engine.Parameters) error {
	if err := s.net.Check(); err != nil {
		return err
	}
	o, err := s.cfg.Train.optimizer(s.plan.Epochs, s.plan.Steps())
	if err != nil {
		return fieldError("train.optimizer", "%v", err)
	}
	graph := func(batch int) (*engine.Graph, engine.TrainerOptions, error) {
		g := engine.NewGraph(kernels.Float32, batch)
		b := &layers.Builder{Graph: g, Training: true, Seed: s.cfg.Seed}
		loss := layers.BuildLoss(b, lossKind(s.task), s.net.Build(b))
		return g, engine.TrainerOptions{
			Options: engine.Options{Device: s.dev, Parameters: params, Log: s.opt.Log},
			Loss:    loss, Optimizer: o, Accumulate: s.plan.Accumulate,
		}, g.Differentiate(loss)
	}
	if err := s.checkMemory(graph); err != nil {
		return err
	}
	g, opt, err := graph(s.plan.Batch)
	if err != nil {
		return err
	}
	if s.trainer, err = engine.NewTrainer(g, opt); err != nil {
		return err
	}
	if s.cfg.Train.Divergence.Rollbacks > 0 {
		if s.initial, err = s.trainer.SnapshotState(nil); err != nil {
			return err
		}
	}
	if s.opt.ExplainGraph != nil {
		return s.trainer.Explain(s.opt.ExplainGraph)
	}
	return nil
}

// begin fills what run.json knows from the start, and writes it.
func (s *session) begin(name string, from *restored) error {
	info := s.dev.Info()
	trainable, _ := s.model.params.Count()
	r := s.data.Report
	s.result = &runfolder.RunResult{
		Status: runfolder.Running, Name: name, Task: s.task, Protocol: s.protocol(), Parameters: int64(trainable),
		Device: info.Name, DeviceReason: info.Reason, SIMD: info.Level, Threads: info.Threads, Seed: s.cfg.Seed,
		Config: s.opt.ConfigPath, Warnings: r.Warnings, Metrics: map[string]*metrics.Result{},
		Versions: runfolder.CurrentVersions("gorgonia.org/gorgonia", "gorgonia.org/tensor", "gonum.org/v1/gonum", "github.com/duckdb/duckdb-go/v2"),
		Started:  s.started.UTC(),
	}
	if dir, err := os.Getwd(); err == nil { // without it the run can be resumed from the same folder only
		s.result.Directory = dir
	}
	if s.opt.Version != "" {
		s.result.Versions.Debut = s.opt.Version
	}
	s.result.Data = s.dataFiles()
	if s.opt.Resume != ResumeNot {
		earlier, err := s.folder.Result()
		if err != nil {
			return err
		}
		if !earlier.Started.IsZero() {
			s.result.Started = earlier.Started
		}
		s.result.Resumed = earlier.Resumed
		if from != nil { // until there are new ones
			s.result.Metrics, s.result.Best, s.result.Epochs = earlier.Metrics, earlier.Best, earlier.Epochs
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
	return s.folder.WriteResult(s.result)
}

// protocol says in a sentence how the figures came about.
func (s *session) protocol() string {
	r := s.data.Report
	split := s.cfg.Data.Split.Method
	if split == "" {
		split = "the file that prepared the data"
	}
	text := fmt.Sprintf("%d rows for training, %d for validation, %d for test, split by %s; encoding fitted on training rows", r.Train, r.Validation, r.Test, split)
	switch {
	case s.cfg.Model.Solver == SolverExact:
		return text + "; least squares by QR"
	case s.validation() == nil:
		return text + "; the model is that of the last epoch"
	}
	return text + fmt.Sprintf("; the model is that of the epoch with the best validation %s", s.metric)
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
	if s.cfg.Model.Solver == SolverExact {
		w, err := solveExact(s.net, s.data.Encoder, s.train().Encoded())
		if err != nil {
			return err
		}
		if err := w.write(s.model.params); err != nil {
			return err
		}
		s.model.Coefficients = coefficients(s.net, s.data.Encoder, w)
		return nil
	}
	if s.weightMean, err = s.meanWeight(); err != nil {
		return err
	}
	if s.record, err = newRecorder(s.folder, s.started); err != nil {
		return err
	}
	if from == nil { // of a run that was killed before its first checkpoint
		err = s.record.log.Cut(0)
	}
	if err == nil {
		err = s.trainLoop(ctx, from)
	}
	if s.best != nil {
		if rerr := s.model.params.LoadParameters(s.best); rerr != nil {
			err = errors.Join(err, rerr)
		}
	}
	if s.cfg.Model.Kind == KindLinear {
		w, rerr := readLinear(s.net, s.model.params)
		if rerr != nil {
			return errors.Join(err, rerr)
		}
		s.model.Coefficients = coefficients(s.net, s.data.Encoder, w)
	}
	return errors.Join(err, s.record.close())
}

// finish saves the model and measures it on every part.
func (s *session) finish() error {
	dir, err := s.folder.Model()
	if err != nil {
		return err
	}
	if err := s.model.save(dir, s.readers); err != nil {
		return err
	}
	s.saved = true
	for _, p := range []struct {
		name  string
		part  *datasets.Part
		limit int
	}{{PartTrain, s.train(), s.cfg.Data.FitRows}, {PartValidation, s.validation(), 0}, {PartTest, s.test(), 0}} {
		if p.part == nil {
			continue
		}
		r, err := s.model.measurePart(context.Background(), p.part, p.limit)
		if err != nil {
			return fmt.Errorf("behavior: %s rows: %w", p.name, err)
		}
		s.result.Metrics[p.name] = r
	}
	return nil
}

func weightMean(w []float32) float64 {
	if len(w) == 0 {
		return 1
	}
	sum := 0.0
	for _, x := range w {
		sum += float64(x)
	}
	if sum == 0 || math.IsInf(sum, 0) {
		return 1
	}
	return sum / float64(len(w))
}
