// Package gradient trains networks of package layers on encoded rows, by the engine's gradients and optimizers: the train section of
// a run file ([Config]), what feeds a program with batches ([Feeder]), and the part of a run's task that every family on the
// engine shares ([Trainer]).
package gradient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/warning"
	"debut/engine"
	"debut/engine/safetensors"
	"debut/kernels"
	"debut/layers"
	"debut/trainers/loop"
	"debut/trainers/metrics"
	"debut/trainers/run"
)

// Options are what a Trainer is made of.
type Options struct {
	Env     *run.Env
	Config  *Config
	Network layers.Network
	Task    metrics.Task
	Data    *datasets.Dataset
	// ShuffleRows and Seed decide on the order of rows and on dropout masks.
	ShuffleRows int
	Seed        uint64
	Parameters  *engine.Parameters
	// Scoring is what the program that scores rows takes of memory, by purpose.
	Scoring map[string]int64
}

// Trainer trains a network on a data set. It is what a run.Gradual does beside describing, measuring and saving.
type Trainer struct {
	o       Options
	dev     kernels.Device
	course  run.Course
	labels  labels
	trainer *engine.Trainer
	rows    *datasets.Batches
	feeders [2]*Feeder
	// warnings are what is to be known of how it trains.
	warnings warning.List
}

// labels is how targets and weights are scaled.
type labels struct {
	regression *encoding.TargetEncoding // what standardizes the targets of a regression; nil for another task
	weight     float64                  // mean of the training rows: weights are divided by it
	classes    []float64                // weight of a row of each class, beside its own; nil for ones
	smoothing  float64                  // share by which targets of two classes are moved towards one half
}

// New builds the program that trains, after the estimate of the memory it takes. It fills the metric of the configuration, which the
// task decides on.
func New(o Options) (*Trainer, error) {
	dev, err := o.Env.Device()
	if err != nil {
		return nil, err
	}
	t := &Trainer{o: o, dev: dev}
	c := o.Config
	if err := c.Augment.fits(o.Network, o.Task); err != nil {
		return nil, err
	}
	metric, higher, err := c.metric(o.Task)
	if err != nil {
		return nil, err
	}
	train, validated := o.Data.Train, o.Data.Validation != nil
	if validated {
		c.EarlyStopping.Metric = metric
	}
	t.course = run.Course{
		Plan: loop.Plan{
			Rows: train.Rows(), Batch: min(c.Batch, train.Rows()), Streamed: train.Streamed(), Accumulate: c.Accumulate, Epochs: c.Epochs, Shuffle: *c.Shuffle, Seed: o.Seed,
			Evaluate: validated, Higher: higher, MinDelta: c.EarlyStopping.MinDelta, Patience: c.EarlyStopping.Patience,
		},
		Metric: metric, Divergence: c.Divergence, Rollbacks: true,
		Faster:     "a higher train.optimizer.learning_rate",
		Calmer:     "a lower train.optimizer.learning_rate, train.clip_norm, or clip in a column's transform",
		Changeable: map[string]string{"train.epochs": "", "train.divergence": "", "train.early_stopping.patience": "", "train.early_stopping.min_delta": ""},
	}
	if c.Schedule.Kind == "cosine" {
		t.course.Changeable["train.epochs"] = "with other epochs the cosine schedule takes another course from here on"
	}
	if o.Task == metrics.TaskRegression {
		t.labels.regression = &o.Data.Encoder.Target
	}
	if o.Task == metrics.TaskBinary { // the loss of more classes has it
		t.labels.smoothing = c.LabelSmoothing
	}
	if c.ClassWeight == ClassWeightBalanced {
		t.labels.classes = o.Data.Encoder.Target.Balanced()
	}
	t.checkBatches()
	return t, t.build()
}

// checkBatches warns of batches of a single row where layers are normalized over the batch: what is normalized over one row is nothing.
func (t *Trainer) checkBatches() {
	plan := t.course.Plan
	if plan.Rows/plan.Batches() > 1 || !slices.ContainsFunc(t.o.Network.Hidden, layers.Block.Normalized) {
		return
	}
	w := warning.Warning{
		Name:    warning.BatchOfOne,
		Message: "batches of one row and batch norm: over a single row every unit is its own mean, so that nothing of the row is left, and nothing is learned",
		Remedy:  "train: {batch: 32}, or batch_norm: false in each layer under model.hidden",
	}.With("batch", float64(plan.Batch))
	w.Log(t.o.Env.Log)
	t.warnings = append(t.warnings, w)
}

// Warnings are what is to be known of the training before it begins, shown already.
func (t *Trainer) Warnings() warning.List { return t.warnings }

func (t *Trainer) build() error {
	if err := t.o.Network.Check(); err != nil {
		return err
	}
	plan := t.course.Plan
	optimizer, tables, err := t.o.Config.optimizers(plan.Epochs, plan.Steps())
	if err != nil {
		return configfile.Prefix("train", err)
	}
	graph := func(batch int) (*engine.Graph, engine.TrainerOptions, error) {
		g := engine.NewGraph(kernels.Float32, batch)
		b := &layers.Builder{Graph: g, Training: true, Seed: t.o.Seed}
		kind, parameter := t.o.Config.loss(t.o.Task, t.o.Network.Chain)
		loss := layers.BuildLoss(b, kind, parameter, t.o.Network.Build(b))
		return g, engine.TrainerOptions{
			Options: engine.Options{Device: t.dev, Parameters: t.o.Parameters, Log: t.o.Env.Log},
			Loss:    loss, Optimizer: optimizer, Tables: tables, Accumulate: plan.Accumulate,
		}, g.Differentiate(loss)
	}
	if err := t.memory(graph).Check(); err != nil {
		return err
	}
	g, opt, err := graph(plan.Batch)
	if err != nil {
		return err
	}
	if t.trainer, err = engine.NewTrainer(g, opt); err != nil {
		return err
	}
	if w := t.o.Env.ExplainGraph; w != nil {
		return t.trainer.Explain(w)
	}
	return nil
}

// memory is the estimate of what the training takes; graph builds its graph for a size of batch.
func (t *Trainer) memory(graph func(batch int) (*engine.Graph, engine.TrainerOptions, error)) run.Memory {
	copied := t.course.Plan.Evaluate && t.dev.Info().Kind == "cpu" // the copy of the best state is in the machine's memory
	return run.Memory{
		Device: t.dev, Log: t.o.Env.Log, Batch: t.course.Plan.Batch,
		Estimate: func(batch int) (map[string]int64, error) {
			g, opt, err := graph(batch)
			if err != nil {
				return nil, err
			}
			need, err := engine.EstimateTrainer(g, opt)
			if err != nil {
				return nil, err
			}
			if copied {
				need[run.PurposeBest] = need["parameters"] + need["optimizer state"]
			}
			for purpose, n := range t.o.Scoring {
				need[purpose] += n
			}
			return need, nil
		},
		Remedies: map[string]string{
			"parameters":      "narrower embeddings or layers (model.embedding, model.hidden), or fewer values of categorical columns (min_count)",
			"optimizer state": "an optimizer with less state (sgd has none, adagrad half of adam's)",
			"gradients":       "a smaller train.batch or train.accumulate",
			"activations":     "a smaller train.batch, with train.accumulate for the same step",
			"inputs":          "a smaller train.batch",
			run.PurposeBest:   "no validation rows (data.split.validation: 0)",
		},
	}
}

// Course is the plan of the training.
func (t *Trainer) Course() run.Course { return t.course }

// Fingerprint reads all of the encoded data once; streamed data are known by the hashes of their files.
func (t *Trainer) Fingerprint(ctx context.Context) (run.Fingerprint, error) {
	d := t.o.Data
	h := sha256.New()
	if err := d.Encoder.Identify(h); err != nil {
		return run.Fingerprint{}, err
	}
	for _, part := range []*datasets.Part{d.Train, d.Validation} {
		if err := part.Hash(ctx, h); err != nil {
			return run.Fingerprint{}, err
		}
	}
	return run.Fingerprint{Train: d.Train.Rows(), Validation: d.Validation.Rows(), SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

// Begin starts what reads the training rows.
func (t *Trainer) Begin(ctx context.Context) (end func(), err error) {
	if t.labels.weight, err = t.meanWeight(ctx); err != nil {
		return nil, err
	}
	t.rows = t.o.Data.Train.Batches(datasets.Order{Shuffle: *t.o.Config.Shuffle, Seed: t.o.Seed, Window: t.o.ShuffleRows})
	for i := range t.feeders {
		t.feeders[i] = NewFeeder(t.o.Network, t.course.Plan.Batch)
	}
	return t.rows.Close, nil
}

// meanWeight is the mean weight of the training rows, of the first block of a part that is streamed.
func (t *Trainer) meanWeight(ctx context.Context) (float64, error) {
	if t.o.Data.Encoder.Weight == "" {
		return 1, nil
	}
	for d, err := range t.o.Data.Train.Blocks(ctx) {
		if err != nil {
			return 0, err
		}
		return weightMean(d.Weight), nil
	}
	return 1, nil
}

// Gather gathers the rows of a batch.
func (t *Trainer) Gather(ev loop.Event, slot int) error {
	f := t.feeders[slot]
	gather := func(d *encoding.Encoded, rows []int32, done int) {
		f.Features(d, rows, done)
		f.labels(t.labels, d, rows, done)
	}
	// An interrupted training ends at a step's boundary, for which it needs the rows of the step.
	if err := t.rows.Rows(context.Background(), ev.Epoch, ev.From, ev.N, ev.Rows, gather); err != nil {
		return err
	}
	f.augment(t.o.Config.Augment, t.o.Seed, ev)
	return nil
}

// Step trains on the rows that a slot holds.
func (t *Trainer) Step(ev loop.Event, slot int) error {
	f, p := t.feeders[slot], t.trainer.Program
	if err := t.trainer.SetRows(ev.N); err != nil {
		return err
	}
	if err := f.Feed(p, ev.N); err != nil {
		return err
	}
	if err := f.feedLabels(p, ev.N, ev.StepRows); err != nil {
		return err
	}
	return t.trainer.Step(ev.Step, t.o.Env.Profile)
}

// Losses returns the losses that are known.
func (t *Trainer) Losses(wait bool) ([]float64, error) { return t.trainer.Losses(wait) }

// Diagnose says where a loss that is no number comes from.
func (t *Trainer) Diagnose() (string, error) { return t.trainer.Diagnose() }

// Rate is the learning rate of the next step.
func (t *Trainer) Rate() float64 { return t.trainer.Rate() }

// State is the trainer's state.
func (t *Trainer) State() run.State { return NewState(t.trainer) }

// NewState is the state of a training whose steps are those of an engine's trainer.
func NewState(t *engine.Trainer) run.State { return state{t} }

// state is the state of an engine's trainer.
type state struct{ t *engine.Trainer }

func (s state) Steps() int64 { return s.t.Steps() }

func (s state) Counters() (json.RawMessage, error) { return json.Marshal(s.t.Counters()) }

func (s state) Factor() float64 {
	if f := s.t.Counters().Rate; f != 0 {
		return f
	}
	return 1
}

func (s state) SetFactor(f float64) error {
	c := s.t.Counters()
	c.Rate = f
	return s.t.SetCounters(c)
}

func (s state) Sources() []safetensors.Source { return s.t.Sources() }

func (s state) NonFinite() (string, float64, error) { return s.t.NonFinite() }

func (s state) Load(from engine.StateReader, counters json.RawMessage) error {
	var c engine.Counters
	if err := json.Unmarshal(counters, &c); err != nil {
		return fmt.Errorf("gradient: the counters of the training: %w", err)
	}
	if err := s.t.Load(from); err != nil {
		return err
	}
	return s.t.SetCounters(c)
}

func (s state) Snapshot(reuse run.Snapshot) (run.Snapshot, error) {
	var old *engine.TrainerSnapshot
	if r, ok := reuse.(snapshot); ok {
		old = r.TrainerSnapshot
	}
	taken, err := s.t.SnapshotState(old)
	if err != nil {
		return nil, err
	}
	return snapshot{taken}, nil
}

// snapshot is an engine's snapshot.
type snapshot struct{ *engine.TrainerSnapshot }

func (s snapshot) Counters() (json.RawMessage, error) {
	return json.Marshal(s.TrainerSnapshot.Counters)
}

func weightMean(w []float64) float64 {
	if len(w) == 0 {
		return 1
	}
	sum := 0.0
	for _, x := range w {
		sum += x
	}
	if sum == 0 || math.IsInf(sum, 0) {
		return 1
	}
	return sum / float64(len(w))
}
