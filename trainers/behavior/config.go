// Package behavior trains models of what users will do: will this session buy, which of several things happens, how
// much of it. A run file ([Config]) names the data and the model – a linear model, or a network over encoded numbers and
// embeddings, of one arm or several that add up: hidden layers, a linear path, a factorization machine, a cross network. Package run trains it; [Open] reads the model for evaluation and prediction.
package behavior

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"reflect"
	"strings"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/layers"
	"debut/trainers/decision"
	"debut/trainers/gradient"
	"debut/trainers/metrics"
	"debut/trainers/run"
)

// Family is the name of the family in run files and model folders.
const Family = "behavior"

// Templates are commented run files to start from.
//
//go:embed templates/*.yaml
var Templates embed.FS

// Config is a run file.
type Config struct {
	run.Header  `yaml:",inline"`
	Data        datasets.Config `yaml:"data" jsonschema:"description=Rows and columns and how they are cleaned and split and encoded."`
	Model       ModelConfig     `yaml:"model" jsonschema:"description=What is trained."`
	Train       gradient.Config `yaml:"train" jsonschema:"description=How it is trained."`
	Decision    decision.Config `yaml:"decision,omitempty" jsonschema:"description=How probabilities and predictions are made of a classifier's scores: a threshold and a calibration."`
	run.Keeping `yaml:",inline"`
}

// New returns what a run file is laid over.
func New() *Config {
	return &Config{Header: run.Header{Seed: 1}, Model: ModelConfig{Kind: KindNetwork}}
}

// Parse reads a run file in memory, with overrides as --set has them; path only names it in errors.
func Parse(path string, src []byte, overrides []string) (*Config, error) {
	f, err := configfile.New(path, src, overrides)
	if err != nil {
		return nil, err
	}
	c := New()
	return c, run.Decode(f, c)
}

// SetDefaults fills empty fields, so that the configuration can be written out as it will be used.
func (c *Config) SetDefaults() {
	m := &c.Model
	if m.Kind == "" {
		m.Kind = KindNetwork
	}
	if m.Kind == KindLinear && m.Solver == "" {
		m.Solver, m.settled = SolverExact, m.L2 == nil
		if m.settled && c.descends() {
			m.Solver = SolverGradient
		}
	}
	if c.Train.Loss != "" && c.Train.Loss != gradient.LossFocal && (c.Data.Task == "" || c.Data.Task == encoding.TaskAuto) {
		c.Data.Task = encoding.TaskRegression // all other losses that can be named are of numbers
	}
	run.SetDefaults(c, Family, m.Solver != SolverExact)
	m.setArms()
	if !m.linear() {
		c.setViews()
	}
	for _, blocks := range [][]layers.Block{m.Hidden, m.Second} {
		for i := range blocks {
			blocks[i].SetDefaults()
		}
	}
	c.Data.SetDefaults()
	if o := &c.Train.Optimizer; m.arms().factors && (o.Kind == "" || o.Kind == gradient.KindAuto) {
		o.L2 = cmp.Or(o.L2, new(machineL2))
		if m.Kind == KindFM {
			o.WeightDecay = cmp.Or(o.WeightDecay, new(0.0))
		}
	}
	c.Train.SetDefaults(!m.linear())
}

// setViews fills what is said of no column by what a network learns most of: numbers spread over bins and as categories, dates
// spread over bins, rare categories together. Linear models, whose coefficients are to be read, have numbers as they are.
func (c *Config) setViews() {
	d := &c.Data.Defaults
	if n := &d.Numeric; n.Encoding == nil {
		n.Encoding = configfile.Strings{encoding.EncodingAuto}
		if c.Model.arms().widths {
			n.Embedding = cmp.Or(n.Embedding, bucketEmbedding)
		}
		if n.Bins == 0 {
			n.Bins, n.Buckets = bins, cmp.Or(n.Buckets, buckets)
		}
	}
	if d.Numeric.Transform == nil {
		d.Numeric.Transform = configfile.Strings{encoding.TransformAuto}
	}
	d.Categorical.MinCount = cmp.Or(d.Categorical.MinCount, minCount)
	if date := &d.Date; date.Encoding == nil {
		date.Encoding, date.Bins = configfile.Strings{encoding.EncodingPiecewiseLinear}, cmp.Or(date.Bins, bins)
	}
	c.Data.Codes = cmp.Or(c.Data.Codes, datasets.CodesCategories)
	c.Data.Trends = cmp.Or(c.Data.Trends, datasets.TrendsDrop)
}

// Figures of the defaults of networks, chosen by bench/defaults/choose.
const (
	bins                = 16
	buckets             = 128
	bucketEmbedding     = 4
	classesInputDropout = 0.1    // of more than two
	fewRows             = 20_000 // of two classes, whose noise a network learns by heart where there are fewer
	// Validation rows from which on probabilities of several classes are calibrated, and the most outputs that are kept for it.
	calibratedRows, calibratedOutputs = 200, 1 << 23
	minCount                          = 5 // categories seen less often teach what is unseen
)

// settle fills what depends on the training rows.
func (c *Config) settle(data *datasets.Dataset) {
	if c.Model.linear() {
		return
	}
	task := taskOf(data.Encoder)
	c.Model.settle(task, data.Train.Rows())
	c.Train.Fit(data.Train.Rows(), task, data.Validation != nil, c.Model.pace())
	// Of several classes networks are soon too sure of what they have learned by heart.
	if rows := data.Validation.Rows(); task == metrics.TaskMultiClass && c.Decision == (decision.Config{}) && rows >= calibratedRows && rows <= calibratedOutputs/len(data.Encoder.Target.Classes) {
		c.Decision.Calibration = decision.Temperature
	}
}

// descends says whether the file asks for what training by gradients alone has.
func (c *Config) descends() bool {
	untouched := New().Train
	untouched.Loss, untouched.Quantile, untouched.Delta, untouched.ClassWeight = c.Train.Loss, c.Train.Quantile, c.Train.Delta, c.Train.ClassWeight
	if c.Train.Loss == gradient.LossFocal { // which the exact solver has not
		return true
	}
	return !reflect.DeepEqual(c.Train, untouched) || !reflect.DeepEqual(c.Checkpoint, run.Checkpoints{}) || c.Precision != "" || strings.HasPrefix(c.Device, "cuda")
}

// Validate reports everything in the configuration that cannot be used. Its errors carry the field's path.
func (c *Config) Validate() error {
	errs := []error{run.Validate(c, Family, c.Model.Solver != SolverExact), configfile.Prefix("data", c.Data.Validate())}
	errs = append(errs, c.Model.validate()...)
	if len(c.Data.Steps) > 0 && c.Model.linear() {
		errs = append(errs, configfile.Errorf("data.steps", "a linear model has one output; use model: {kind: %s}, or leave steps out", KindFM))
	}
	if len(c.Data.Steps) > 0 && c.Train.Loss == gradient.LossFocal {
		errs = append(errs, configfile.Errorf("train.loss", "%s is of one probability, and steps are products of several; leave it out", c.Train.Loss))
	}
	task := metrics.Task(c.Data.Task)
	if c.Data.Task == encoding.TaskAuto {
		task = ""
	}
	errs = append(errs, configfile.Prefix("decision", c.Decision.Validate(task, c.hasValidation())))
	return errors.Join(append(errs, configfile.Prefix("train", c.Train.Validate(task, c.hasValidation())))...)
}

// hasValidation says whether the configuration leaves rows for validation.
func (c *Config) hasValidation() bool {
	s := c.Data.Split
	if c.Data.Prepared != "" { // seen when they are opened
		return true
	}
	return c.Data.Validation != nil || s.Method != datasets.SplitNone && (s.Validation == nil || *s.Validation > 0 || len(s.ValidationValues) > 0)
}

// MemoryBudget is what the data may take of memory while they are streamed, 0 where nothing is said.
func (c *Config) MemoryBudget() int64 { return int64(c.Data.Memory) }

// Prepare loads the data and builds the model, and what trains it.
func (c *Config) Prepare(ctx context.Context, env *run.Env) (run.Task, error) {
	if _, err := env.Device(); err != nil {
		return nil, err
	}
	from, err := c.openDonor(env)
	if err != nil {
		return nil, err
	}
	data, err := c.load(ctx, env, from)
	if err != nil {
		return nil, err
	}
	resolved := *c // the caller's stays as it is
	resolved.Data = *data.Resolved
	resolved.like(from)
	resolved.settle(data)
	t, err := newTask(ctx, &resolved, env, data, from)
	if err != nil {
		data.Close()
		return nil, err
	}
	return t, nil
}
