package run

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"

	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/engine"
	"debut/engine/safetensors"
	"debut/kernels"
	"debut/kernels/devices"
	"debut/kernels/pool"
	"debut/trainers/loop"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
	"debut/trainers/runfolder"
)

// Parts of the data.
const (
	PartTrain      = "train"
	PartValidation = "validation"
	PartTest       = "test"
)

// Config is a run file of a family: a pointer to a struct that embeds Header and Keeping.
type Config interface {
	Base() *Header
	Kept() *Keeping
	SetDefaults()
	Validate() error
	// Prepare makes the task: everything that can fail before a folder is touched. Errors about fields have their paths.
	Prepare(ctx context.Context, env *Env) (Task, error)
}

// Sampler is a configuration that can read a part of its data again and have the model of its run answer for it.
type Sampler interface {
	// SamplePart answers for a part, whose paths are relative to baseDir. Nothing is learned. log may be nil.
	SamplePart(ctx context.Context, m model.Model, baseDir, part string, log *slog.Logger) (*Sampled, error)
}

// Sampled is a part with a model's answers.
type Sampled struct {
	*metrics.Sample
	Files []runfolder.DataFile // that were read
	// Rows are the settings that decide, beside the files, which rows are in the part, by their keys.
	Rows map[string]string
}

// PartPredictor is a configuration that can read a part of its data again and have the model of its run answer for its rows.
type PartPredictor interface {
	// PredictPart answers for a part, with columns of the data to keep, in their order; log may be nil.
	PredictPart(ctx context.Context, m model.Model, baseDir, part string, keep []string, log *slog.Logger) (*PartAnswers, error)
}

// PartReader is a configuration that can read rows of a part of its data again.
type PartReader interface {
	// ReadPart reads the columns that a model takes, of the first rows of a part; log may be nil.
	ReadPart(ctx context.Context, m model.Model, baseDir, part string, limit int, log *slog.Logger) (*table.Frame, []runfolder.DataFile, error)
}

// PartAnswers are a model's answers for the rows of a part.
type PartAnswers struct {
	Predictions iter.Seq2[*model.Predictions, error]
	Files       []runfolder.DataFile // that are read
	Close       func()               // when the predictions have been taken
}

// ErrNoPart is matched by errors about a part of the data that a run has not.
var ErrNoPart = errors.New("the run has no such part")

// Env is what a task finds around it.
type Env struct {
	BaseDir      string // what paths in the data section are relative to
	Log          *slog.Logger
	Profile      *engine.Profile // adds up where the time of steps goes; may be nil
	ExplainGraph io.Writer       // receives the compiled program; may be nil

	header *Header
	device kernels.Device
	cpu    kernels.Device // of a family that computes on the processor alone
	pool   *pool.Pool
	info   kernels.Info // of the processor, where there is a pool
	free   func() int64 // bytes of memory, where there is a pool
}

// Device opens the device that the run file names, the first time it is called. It is the run's to close.
func (e *Env) Device() (kernels.Device, error) {
	if e.device == nil {
		h := e.header
		d, err := devices.Open(h.Device, devices.Options{Threads: h.Threads, Precision: h.Precision})
		if err != nil {
			return nil, err
		}
		e.device = d
	}
	return e.device, nil
}

// Pool returns the goroutines that a task without a device computes on, as many as the run file says. They are the run's to end.
func (e *Env) Pool() (*pool.Pool, error) {
	if e.pool == nil {
		d, err := devices.Open("cpu", devices.Options{Threads: e.header.Threads})
		if err != nil {
			return nil, err
		}
		e.info = d.Info()
		if a, ok := d.(interface{ Available() int64 }); ok {
			e.free = a.Available // asks the system, and so does after Close
		}
		e.info.Reason = "the family computes on the CPU"
		if err := d.Close(); err != nil {
			return nil, err
		}
		e.pool = pool.New(e.info.Threads)
	}
	return e.pool, nil
}

// CPU opens the processor as a device, of as many threads, for a family that computes there alone. It is the run's to close.
func (e *Env) CPU() (kernels.Device, error) {
	if e.cpu == nil {
		if _, err := e.Pool(); err != nil { // and what run.json says of it
			return nil, err
		}
		d, err := devices.Open("cpu", devices.Options{Threads: e.header.Threads})
		if err != nil {
			return nil, err
		}
		e.cpu = d
	}
	return e.cpu, nil
}

// close ends what the environment has opened.
func (e *Env) close() (err error) {
	if e.pool != nil {
		e.pool.Close()
	}
	for _, d := range []kernels.Device{e.cpu, e.device} {
		if d != nil {
			err = errors.Join(err, d.Close())
		}
	}
	return err
}

// Description is what a family knows of its training, for run.json.
type Description struct {
	Task       metrics.Task
	Protocol   string               // how rows were split and what was chosen on which part, in a sentence
	Parameters int64                // numbers that are trained
	Warnings   warning.List         // of what was found out before the training; shown when they arose
	Data       []runfolder.DataFile // the files that were read
	Read       any                  // what was found out about them
	Unlisted   string               // what else the rows may come from, "" for nothing
}

// Task is one training. It is a [Solver] or a [Gradual], and may be a [Linear].
type Task interface {
	Describe() Description
	// Resolved is the configuration with everything filled in that the data decided on.
	Resolved() Config
	// Parts lists those that the model is measured on in the end, in order.
	Parts() []string
	// Evaluate measures the model as it is on a part.
	Evaluate(ctx context.Context, part string) (*metrics.Result, error)
	// Save writes the model.
	Save(to *modelfolder.Writer) error
	Close() error
}

// Decider is a task that settles on validation rows how its model answers, once the model is found and before it is saved.
type Decider interface {
	// Decide returns what was settled, a clause of the protocol or "", and what to warn of.
	Decide(ctx context.Context) (clause string, warnings warning.List, err error)
}

// Watcher is a task that knows, once a part has been measured, what else is to be known of its rows.
type Watcher interface {
	Watch(part string) warning.List
}

// Finder is a task that says more than its metrics do, once its model is found.
type Finder interface {
	// Findings returns what run.json has of it, tables by the names of their files in the run folder, and what to warn of.
	Findings() (found any, tables map[string][]table.OutputColumn, warnings warning.List)
}

// Solver is a task that finds its model in one go. It has no checkpoints; the same data give the same model.
type Solver interface {
	Task
	Solve(ctx context.Context) error
}

// Linear is a task whose model has coefficients, after the training.
type Linear interface {
	Coefficients() *model.Coefficients // nil where they are not in the data's units
}

// Gradual is a task that is trained step by step.
type Gradual interface {
	Task
	Course() Course
	// Fingerprint tells the data apart from others, by what a training sees of them.
	Fingerprint(ctx context.Context) (Fingerprint, error)
	// Begin starts what reads the training rows, and returns what ends it.
	Begin(ctx context.Context) (end func(), err error)
	// Gather gets the rows of a batch ready in one of two slots, in another goroutine than Step, at most one batch ahead of it.
	Gather(ev loop.Event, slot int) error
	// Step trains on what a slot holds.
	Step(ev loop.Event, slot int) error
	// Losses returns the mean losses of the steps since the last call, with wait of all of them. An error whose chain has a
	// method Diverged() (step int64, loss float64), of a step counted from 0, tells of one that is no number.
	Losses(wait bool) ([]float64, error)
	// Diagnose says where such a loss comes from.
	Diagnose() (string, error)
	// Rate is the learning rate of the next step.
	Rate() float64
	State() State
}

// Course is how a gradual training goes.
type Course struct {
	Plan       loop.Plan
	Metric     string // of the validation rows, that decides
	Divergence Divergence
	Rollbacks  bool   // the run file has a section train.divergence
	Calmer     string // what to try where the training diverges: "a lower …"
	Faster     string // what to try beside more epochs where it ends while it gets better: "a higher …"
	// Changeable are keys of the run file that a resumed run may have otherwise, all below them too, each with a warning to give then, or "".
	Changeable map[string]string
}

// State is all that decides on the steps to come.
type State interface {
	Steps() int64 // done
	// Counters are what is not in tensors; they hold the steps.
	Counters() (json.RawMessage, error)
	// Factor scales the learning rate; 1 unless SetFactor has set it.
	Factor() float64
	SetFactor(f float64) error
	Sources() []safetensors.Source
	// Load sets tensors and counters, or changes nothing.
	Load(from engine.StateReader, counters json.RawMessage) error
	// Snapshot copies the state into memory, into that of an earlier snapshot where one is given.
	Snapshot(reuse Snapshot) (Snapshot, error)
	// NonFinite names the first tensor that holds a value that is no finite number, and the value, or returns "".
	NonFinite() (tensor string, value float64, err error)
}

// Snapshot is a state in memory.
type Snapshot interface {
	engine.StateReader
	Counters() (json.RawMessage, error)
	Sources() []safetensors.Source
}
