// Package behavior trains models of what users will do: will this session buy, which of several things happens, how
// much of it. A run file names the data and the model – a linear model, or a deep network over encoded numbers and
// embeddings – and [Train] leaves behind a run folder with the evaluated model, which [Open] reads for evaluation and
// prediction.
package behavior

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"debut/datasets"
	"debut/engine/optim"
	"debut/kernels"
	"debut/kernels/devices"
	"debut/layers"
	"debut/trainers/metrics"
	"debut/trainers/runfile"
)

// Kinds of models and solvers.
const (
	KindNetwork    = "network"
	KindLinear     = "linear"
	SolverGradient = "gradient"
	SolverExact    = "exact"
)

// maxName is the longest name of a run, in bytes: what file systems allow, less what temporary names add.
const maxName = 200

// Config is a run file.
type Config struct {
	Name    string `yaml:"name,omitempty" jsonschema:"description=Name of the run and of its folder (default: the run file's name and the time)."`
	Seed    uint64 `yaml:"seed" jsonschema:"description=Seed of everything random: splits; first weights; dropout; the order of rows."`
	Device  string `yaml:"device,omitempty" jsonschema:"description=auto (default); cpu; cuda or cuda:N."`
	Threads int    `yaml:"threads,omitempty" jsonschema:"description=Worker threads of the CPU; 0: one for each core. The result does not depend on it.,minimum=0"`
	// Precision is of matrix products on a GPU.
	Precision string          `yaml:"precision,omitempty" jsonschema:"description=Of matrix products on a GPU: fp32 (default); tf32 and bf16 round the factors and are faster.,enum=fp32,enum=tf32,enum=bf16"`
	Output    string          `yaml:"output,omitempty" jsonschema:"description=Folder that run folders are made in (default: runs)."`
	Data      datasets.Config `yaml:"data" jsonschema:"description=Rows and columns and how they are cleaned and split and encoded."`
	Model     ModelConfig     `yaml:"model" jsonschema:"description=What is trained."`
	Train     TrainConfig     `yaml:"train" jsonschema:"description=How it is trained."`
	// Checkpoint does not change what is trained.
	Checkpoint CheckpointConfig `yaml:"checkpoint,omitempty" jsonschema:"description=When the state of the training is saved; --resume goes on from there."`
	// Encrypt does not change what is trained.
	Encrypt *datasets.Encryption `yaml:"encrypt,omitempty" jsonschema:"description=Encrypt the model with age; evaluate and predict then need --identity or --passphrase."`

	file *runfile.File // that the configuration was read from, if any
}

// locate puts file, line and column before errors about fields.
func (c *Config) locate(err error) error {
	if c.file == nil {
		return err
	}
	return c.file.Locate(err)
}

// ModelConfig is the model section of a run file.
type ModelConfig struct {
	Kind   string `yaml:"kind" jsonschema:"description=network (default) or linear: linear regression; or logistic regression where the target is a class.,enum=network,enum=linear"`
	Solver string `yaml:"solver,omitempty" jsonschema:"description=Of linear regression: gradient (default) or exact (least squares by QR).,enum=gradient,enum=exact"`
	// Hidden layers of a network, first to last.
	Hidden       []layers.Block `yaml:"hidden,omitempty" jsonschema:"description=Hidden layers of a network from first to last."`
	Embedding    int            `yaml:"embedding,omitempty" jsonschema:"description=Width of the embeddings of categorical columns; 0: by the number of values.,minimum=0"`
	InputDropout float64        `yaml:"input_dropout,omitempty" jsonschema:"description=Share of the encoded inputs dropped in training.,minimum=0,exclusiveMaximum=1"`
}

// TrainConfig is the train section of a run file.
type TrainConfig struct {
	Epochs        int             `yaml:"epochs" jsonschema:"description=Most passes over the training rows.,minimum=1"`
	Batch         int             `yaml:"batch" jsonschema:"description=Most rows of a batch; batches of an epoch differ by at most one row.,minimum=1"`
	Accumulate    int             `yaml:"accumulate,omitempty" jsonschema:"description=Batches whose gradients are added up for one step (default: 1).,minimum=0"`
	Shuffle       *bool           `yaml:"shuffle,omitempty" jsonschema:"description=A new order of the rows in each epoch (default: true)."`
	Optimizer     OptimizerConfig `yaml:"optimizer,omitempty" jsonschema:"description=The optimizer."`
	ClipNorm      float64         `yaml:"clip_norm,omitempty" jsonschema:"description=Scale gradients down to this global norm; 0: not at all.,minimum=0"`
	Schedule      ScheduleConfig  `yaml:"schedule,omitempty" jsonschema:"description=The course of the learning rate."`
	EarlyStopping EarlyStopping   `yaml:"early_stopping,omitempty" jsonschema:"description=When to stop and which epoch's model to keep: judged on the validation rows."`
	Augment       Augment         `yaml:"augment,omitempty" jsonschema:"description=Change the training rows a little at each sight; off by default."`
	Divergence    Divergence      `yaml:"divergence,omitempty" jsonschema:"description=What to do when the loss is no number any more."`
}

// Divergence says what a training does whose loss is no number any more.
type Divergence struct {
	Rollbacks  int     `yaml:"rollbacks,omitempty" jsonschema:"description=How often to go back to the last checkpoint and on with a lower learning rate; 0: stop (default).,minimum=0"`
	RateFactor float64 `yaml:"rate_factor,omitempty" jsonschema:"description=What the learning rate is multiplied by at each of them (default: 0.5).,exclusiveMinimum=0,maximum=1"`
}

// CheckpointConfig says when checkpoints are written. One is written at the end in any case, and when a training is
// interrupted.
type CheckpointConfig struct {
	EveryMinutes *float64 `yaml:"every_minutes,omitempty" jsonschema:"description=Minutes between checkpoints; 0: not by time. By default 5; more where writing one would take over 1 % of the time.,minimum=0"`
	EverySteps   int      `yaml:"every_steps,omitempty" jsonschema:"description=Optimizer steps between checkpoints; 0: not by steps.,minimum=0"`
	EveryEpochs  int      `yaml:"every_epochs,omitempty" jsonschema:"description=Epochs between checkpoints; 0: not by epochs.,minimum=0"`
	Keep         int      `yaml:"keep,omitempty" jsonschema:"description=How many of the newest are kept (default: 2); the best is kept besides.,minimum=0"`
	// Identity encrypts the checkpoints.
	Identity *datasets.Secret `yaml:"identity,omitempty" jsonschema:"description=Where a secret key of age is (AGE-SECRET-KEY-1…; age-keygen makes one): checkpoints are encrypted and can be read with it alone."`
}

// OptimizerConfig is the optimizer; empty numbers take the usual settings of its kind.
type OptimizerConfig struct {
	Kind         string   `yaml:"kind,omitempty" jsonschema:"description=sgd; momentum; nesterov; adam (default); adamw; adagrad.,enum=sgd,enum=momentum,enum=nesterov,enum=adam,enum=adamw,enum=adagrad"`
	LearningRate *float64 `yaml:"learning_rate,omitempty" jsonschema:"description=Learning rate (default: 0.001 for adam and adamw; 0.01 for the others)."`
	Momentum     *float64 `yaml:"momentum,omitempty" jsonschema:"description=Of momentum and nesterov (default: 0.9)."`
	Beta1        *float64 `yaml:"beta1,omitempty" jsonschema:"description=Of adam and adamw (default: 0.9)."`
	Beta2        *float64 `yaml:"beta2,omitempty" jsonschema:"description=Of adam and adamw (default: 0.999)."`
	Epsilon      *float64 `yaml:"epsilon,omitempty" jsonschema:"description=Of adam; adamw (default: 1e-8) and adagrad (1e-10)."`
	L2           *float64 `yaml:"l2,omitempty" jsonschema:"description=L2 times a weight is added to its gradient; biases and batch norm and embeddings are left alone."`
	WeightDecay  *float64 `yaml:"weight_decay,omitempty" jsonschema:"description=Of adamw (default: 0.01): weights shrink by this share times the learning rate."`
}

// ScheduleConfig is the course of the learning rate, in epochs.
type ScheduleConfig struct {
	Kind         string  `yaml:"kind,omitempty" jsonschema:"description=constant (default); step; cosine.,enum=constant,enum=step,enum=cosine"`
	WarmupEpochs float64 `yaml:"warmup_epochs,omitempty" jsonschema:"description=The rate rises linearly over so many epochs.,minimum=0"`
	StepEpochs   float64 `yaml:"step_epochs,omitempty" jsonschema:"description=Of step: the rate is multiplied by gamma each time so many epochs are over.,minimum=0"`
	Gamma        float64 `yaml:"gamma,omitempty" jsonschema:"description=Of step (default: 0.1)."`
	Floor        float64 `yaml:"floor,omitempty" jsonschema:"description=Of cosine: the share of the rate at the end (default: 0).,minimum=0,maximum=1"`
}

// EarlyStopping says how validation decides.
type EarlyStopping struct {
	Metric   string  `yaml:"metric,omitempty" jsonschema:"description=Metric of the validation rows that decides (default: log_loss for classes; mse for numbers)."`
	Patience int     `yaml:"patience,omitempty" jsonschema:"description=Stop after so many evaluations without an improvement; 0: never. The best epoch's model is kept in any case.,minimum=0"`
	MinDelta float64 `yaml:"min_delta,omitempty" jsonschema:"description=How much better an improvement is.,minimum=0"`
}

// dataError locates an error about a field of the data section. One about the data itself names its own place.
func (c *Config) dataError(err error) error {
	var field interface{ FieldPath() string }
	if !errors.As(err, &field) {
		return err
	}
	return c.locate(runfile.Prefix("data", err))
}

// hasValidation says whether the configuration leaves rows for validation.
func (c *Config) hasValidation() bool {
	s := c.Data.Split
	if c.Data.Prepared != "" { // seen when they are opened
		return true
	}
	return c.Data.Validation != nil || s.Method != datasets.SplitNone && (s.Validation == nil || *s.Validation > 0 || len(s.ValidationValues) > 0)
}

// Load reads and checks a run file. Overrides are key.path=value, as from --set. Errors name file, line and column.
func Load(path string, overrides []string) (*Config, error) {
	f, err := runfile.Open(path, overrides)
	if err != nil {
		return nil, err
	}
	return decode(f)
}

func decode(f *runfile.File) (*Config, error) {
	c := Defaults()
	if err := f.Decode(c); err != nil {
		return nil, err
	}
	c.SetDefaults()
	if err := c.Validate(); err != nil {
		return nil, f.Locate(err)
	}
	c.file = f
	return c, nil
}

// Parse is Load for a run file in memory; path only names it in errors.
func Parse(path string, src []byte, overrides []string) (*Config, error) {
	f, err := runfile.New(path, src, overrides)
	if err != nil {
		return nil, err
	}
	return decode(f)
}

// Schema returns the JSON schema of run files, for editors.
func Schema() ([]byte, error) {
	return runfile.Schema(&Config{}, "debut run file")
}

// Defaults returns what a run file is laid over.
func Defaults() *Config {
	return &Config{Seed: 1, Model: ModelConfig{Kind: KindNetwork}, Train: TrainConfig{Epochs: 20, Batch: 256}}
}

// SetDefaults fills empty fields, so that the configuration can be written out as it will be used.
func (c *Config) SetDefaults() {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&c.Device, "auto")
	set(&c.Output, "runs")
	c.Data.SetDefaults()
	m, t := &c.Model, &c.Train
	set(&m.Kind, KindNetwork)
	if m.Kind == KindLinear {
		set(&m.Solver, SolverGradient)
	}
	if m.Kind == KindNetwork && m.Hidden == nil {
		m.Hidden = []layers.Block{{Units: 128}, {Units: 64}}
	}
	if t.Accumulate == 0 {
		t.Accumulate = 1
	}
	if t.Shuffle == nil {
		yes := true
		t.Shuffle = &yes
	}
	set(&t.Optimizer.Kind, "adam")
	if t.Divergence.Rollbacks > 0 && t.Divergence.RateFactor == 0 {
		t.Divergence.RateFactor = 0.5
	}
	if c.Checkpoint.Keep == 0 {
		c.Checkpoint.Keep = 2
	}
	set(&t.Schedule.Kind, "constant")
	if t.Schedule.Kind == "step" && t.Schedule.Gamma == 0 {
		t.Schedule.Gamma = 0.1
	}
}

func fieldError(path, format string, args ...any) error {
	return &runfile.FieldError{Path: path, Msg: fmt.Sprintf(format, args...)}
}

// Validate reports everything in the configuration that cannot be used. Its errors carry the field's path.
func (c *Config) Validate() error {
	var errs []error
	bad := func(path, format string, args ...any) { errs = append(errs, fieldError(path, format, args...)) }
	if strings.ContainsAny(c.Name, `/\`) || c.Name == "." || c.Name == ".." {
		bad("name", "%q cannot name a folder; leave out slashes, and put the place into output:", c.Name)
	}
	if err := devices.Check(c.Device); err != nil {
		bad("device", "%v", err)
	}
	if c.Precision != "" && !slices.Contains(devices.Precisions(), c.Precision) {
		bad("precision", "there is no precision %q; there are %s", c.Precision, strings.Join(devices.Precisions(), ", "))
	}
	if c.Threads < 0 {
		bad("threads", "%d threads; give a positive number, or 0 for one for each core", c.Threads)
	}
	if err := c.Data.Validate(); err != nil {
		errs = append(errs, runfile.Prefix("data", err))
	}
	errs = append(errs, c.Model.validate()...)
	errs = append(errs, c.Train.validate()...)
	if len(c.Name) > maxName {
		bad("name", "a name of %d bytes; a folder's name has at most %d", len(c.Name), maxName)
	}
	k := c.Checkpoint
	if c.Encrypt != nil && k.Identity == nil && c.Model.Solver != SolverExact {
		bad("encrypt", "the checkpoints, which hold the model too, would be in the clear; name a key for them: checkpoint: {identity: {file: key.txt}}")
	}
	if m := k.EveryMinutes; m != nil && !(*m >= 0 && *m <= 1e6) {
		bad("checkpoint.every_minutes", "%v minutes; give a positive number, or 0 for no checkpoints by time", *m)
	}
	if k.EverySteps < 0 || k.EveryEpochs < 0 || k.Keep < 0 {
		bad("checkpoint", "every %d steps or %d epochs, keep %d: none of them can be negative", k.EverySteps, k.EveryEpochs, k.Keep)
	}
	if m := c.Train.EarlyStopping.Metric; m != "" {
		_, err := metrics.Higher(m)
		if t := c.Data.Task; err == nil && t != "" && t != datasets.TaskAuto {
			err = metrics.Check(metrics.Task(t), m)
		}
		if err != nil {
			bad("train.early_stopping.metric", "%v", err)
		}
	}
	if c.Train.EarlyStopping.Patience > 0 && !c.hasValidation() {
		bad("train.early_stopping.patience", "there are no validation rows to stop by; set data.split.validation, or leave patience out")
	}
	return errors.Join(errs...)
}

func (m ModelConfig) validate() (errs []error) {
	bad := func(path, format string, args ...any) {
		errs = append(errs, fieldError("model."+path, format, args...))
	}
	switch m.Kind {
	case KindNetwork:
		if m.Solver != "" {
			bad("solver", "a network is trained by gradient; leave solver out")
		}
		if len(m.Hidden) == 0 {
			bad("hidden", "a network has at least one hidden layer; for none use kind: linear")
		}
	case KindLinear:
		if len(m.Hidden) > 0 {
			bad("hidden", "a linear model has no hidden layers; use kind: network")
		}
		if m.Solver != SolverGradient && m.Solver != SolverExact {
			bad("solver", "there is no solver %q; there are %s and %s", m.Solver, SolverGradient, SolverExact)
		}
		if m.Embedding != 0 || m.InputDropout != 0 {
			bad("kind", "a linear model has neither embeddings nor dropout")
		}
	default:
		bad("kind", "there is no model %q; there are %s and %s", m.Kind, KindNetwork, KindLinear)
	}
	for i, h := range m.Hidden {
		if err := h.Check(); err != nil {
			bad(fmt.Sprintf("hidden.%d", i), "%v", err)
		}
	}
	if m.Embedding < 0 {
		bad("embedding", "a width of %d; give a positive number, or 0 for one by the number of values", m.Embedding)
	}
	if !(m.InputDropout >= 0 && m.InputDropout < 1) {
		bad("input_dropout", "%v is not in [0, 1)", m.InputDropout)
	}
	return errs
}

func (t TrainConfig) validate() (errs []error) {
	bad := func(path, format string, args ...any) {
		errs = append(errs, fieldError("train."+path, format, args...))
	}
	errs = append(errs, t.Augment.validate()...)
	if t.Epochs < 1 {
		bad("epochs", "%d epochs; at least 1 is needed", t.Epochs)
	}
	if t.Batch < 1 {
		bad("batch", "a batch of %d rows; at least 1 is needed", t.Batch)
	}
	if t.Accumulate < 1 {
		bad("accumulate", "%d batches to a step; at least 1 is needed", t.Accumulate)
	}
	if _, err := t.optimizer(1, 1); err != nil {
		path := "optimizer"
		if strings.Contains(err.Error(), "schedule") || strings.Contains(err.Error(), "warm-up") {
			path = "schedule"
		}
		bad(path, "%v", strings.TrimPrefix(err.Error(), "optim: "))
	}
	s := t.Schedule
	if s.WarmupEpochs < 0 || s.WarmupEpochs >= float64(t.Epochs) && s.WarmupEpochs > 0 {
		bad("schedule.warmup_epochs", "%v epochs of warm-up in %d", s.WarmupEpochs, t.Epochs)
	}
	if d := t.Divergence; d.Rollbacks < 0 || !(d.RateFactor >= 0 && d.RateFactor <= 1) || d.Rollbacks > 0 && d.RateFactor == 0 {
		bad("divergence", "%d rollbacks with the learning rate times %v; give 0 or more, and a factor in (0, 1]", d.Rollbacks, d.RateFactor)
	}
	if t.EarlyStopping.Patience < 0 || !(t.EarlyStopping.MinDelta >= 0) {
		bad("early_stopping", "patience %d or min_delta %v is negative", t.EarlyStopping.Patience, t.EarlyStopping.MinDelta)
	}
	return errs
}

// optimizer returns the optimizer for so many epochs of so many steps.
func (t TrainConfig) optimizer(epochs, steps int) (optim.Config, error) {
	kind, err := optim.ParseKind(t.Optimizer.Kind)
	if err != nil {
		return optim.Config{}, err
	}
	o := optim.Defaults(kind)
	for _, f := range []struct {
		from *float64
		to   *float64
	}{
		{t.Optimizer.LearningRate, &o.LearningRate}, {t.Optimizer.Momentum, &o.Momentum}, {t.Optimizer.Beta1, &o.Beta1},
		{t.Optimizer.Beta2, &o.Beta2}, {t.Optimizer.Epsilon, &o.Epsilon}, {t.Optimizer.L2, &o.L2}, {t.Optimizer.WeightDecay, &o.WeightDecay},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	o.ClipNorm = t.ClipNorm
	sk, err := optim.ParseSchedule(t.Schedule.Kind)
	if err != nil {
		return o, err
	}
	inSteps := func(epochs float64) int64 { return int64(math.Round(epochs * float64(steps))) }
	o.Schedule = optim.Schedule{Kind: sk, Gamma: t.Schedule.Gamma, Floor: t.Schedule.Floor}
	if steps > 1 || epochs > 1 {
		o.Schedule.Warmup = inSteps(t.Schedule.WarmupEpochs)
	}
	switch sk {
	case optim.Step:
		if !(t.Schedule.StepEpochs > 0) {
			return o, fmt.Errorf("optim: a step schedule needs step_epochs, the epochs after which the rate falls")
		}
		o.Schedule.Every = max(1, inSteps(t.Schedule.StepEpochs))
	case optim.Cosine:
		o.Schedule.Total = max(int64(epochs)*int64(steps), o.Schedule.Warmup+1)
	}
	return o, o.Check()
}

// metric returns the metric that decides on validation rows, and whether more of it is better.
func (e EarlyStopping) metric(task metrics.Task) (name string, higher bool, err error) {
	name = e.Metric
	if name == "" {
		name = "log_loss"
		if task == metrics.TaskRegression {
			name = "mse"
		}
	}
	if err := metrics.Check(task, name); err != nil {
		return "", false, fieldError("train.early_stopping.metric", "%v", err)
	}
	higher, err = metrics.Higher(name)
	return name, higher, err
}

// lossKind returns the training loss of a task.
func lossKind(task metrics.Task) kernels.LossKind {
	switch task {
	case metrics.TaskBinary:
		return kernels.LogisticLoss
	case metrics.TaskMultiClass:
		return kernels.SoftmaxLoss
	}
	return kernels.SquaredLoss
}
