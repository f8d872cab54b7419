// Package behavior trains models of what users will do: will this session buy, which of several things happens, how
// much of it. A run file ([Config]) names the data and the model – a linear model, or a deep network over encoded numbers and
// embeddings. Package run trains it; [Open] reads the model for evaluation and prediction.
package behavior

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
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

// Kinds of models and solvers.
const (
	KindNetwork    = "network"
	KindLinear     = "linear"
	SolverGradient = "gradient"
	SolverExact    = "exact"
)

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

// ModelConfig is the model section of a run file.
type ModelConfig struct {
	Kind   string `yaml:"kind" jsonschema:"description=network (default) or linear: linear regression; or logistic regression where the target is a class.,enum=network,enum=linear"`
	Solver string `yaml:"solver,omitempty" jsonschema:"description=Of a linear model: exact finds the optimum by Newton's method and is the default; gradient trains by batches and is taken where the run file has a train or checkpoint section or names a GPU and where the rows do not fit into memory.,enum=gradient,enum=exact"`
	// L2 is of the exact solver.
	L2 *float64 `yaml:"l2,omitempty" jsonschema:"description=Of solver exact: the penalty l2/2 times the sum of the squared weights of standardized features is added to the sum of the losses. By default 1; 0 for regression on columns of which none follows from the others.,minimum=0"`
	// Hidden layers of a network, first to last.
	Hidden []layers.Block `yaml:"hidden,omitempty" jsonschema:"description=Hidden layers of a network from first to last. Default: 128 and 64 units with a dropout of 0.3 where the target is a class (0.5 of two classes with fewer than 20000 training rows); else of 0.1."`
	// Wide is nil where the hidden layers are given and nothing is said of it: false.
	Wide      *bool `yaml:"wide,omitempty" jsonschema:"description=Add a linear path from the encoded inputs to the outputs of a network (wide and deep). Default: true where the hidden layers are left open."`
	Embedding int   `yaml:"embedding,omitempty" jsonschema:"description=Width of the embeddings of categorical columns; 0: by the number of values.,minimum=0"`
	// Embeddings are what Embedding leaves open, as it was settled: categories that are added to the data make a model no wider.
	Embeddings map[string]int `yaml:"embeddings,omitempty" jsonschema:"description=Width of the embedding of each categorical column where embedding is left open; of those not named by the number of values. The run.yaml of a run names them all."`
	// InputDropout is nil where nothing is said.
	InputDropout *float64 `yaml:"input_dropout,omitempty" jsonschema:"description=Share of the encoded inputs dropped in training. Default: 0.1 of more than two classes where the hidden layers are left open; else 0.,minimum=0,exclusiveMaximum=1"`

	settled bool // the solver follows from the rest of the file, and from the data
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
	if c.Train.Loss != "" && (c.Data.Task == "" || c.Data.Task == encoding.TaskAuto) {
		c.Data.Task = encoding.TaskRegression // all losses that can be named are of numbers
	}
	run.SetDefaults(c, Family, m.Solver != SolverExact)
	if m.Kind == KindNetwork {
		c.setViews()
	}
	for i := range m.Hidden {
		m.Hidden[i].SetDefaults()
	}
	c.Data.SetDefaults()
	c.Train.SetDefaults(m.Kind == KindNetwork)
}

// setViews fills what is said of no column by what a network learns most of: numbers spread over bins and as categories, dates
// spread over bins, rare categories together. Linear models, whose coefficients are to be read, have numbers as they are.
func (c *Config) setViews() {
	d := &c.Data.Defaults
	if n := &d.Numeric; n.Encoding == nil {
		n.Encoding = configfile.Strings{encoding.EncodingAuto}
		n.Embedding = cmp.Or(n.Embedding, bucketEmbedding)
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
	if c.Model.Kind != KindNetwork {
		return
	}
	task := taskOf(data.Encoder)
	if c.Model.Hidden == nil {
		dropout := 0.3
		switch {
		case task == metrics.TaskRegression:
			dropout = 0.1
		case task == metrics.TaskBinary && data.Train.Rows() < fewRows:
			dropout = 0.5
		}
		c.Model.Hidden = []layers.Block{{Units: 128, Dropout: dropout}, {Units: 64, Dropout: dropout}}
		if c.Model.Wide == nil {
			c.Model.Wide = new(true)
		}
		if c.Model.InputDropout == nil && task == metrics.TaskMultiClass {
			c.Model.InputDropout = new(classesInputDropout)
		}
	}
	for i := range c.Model.Hidden {
		c.Model.Hidden[i].SetDefaults()
	}
	if c.Model.Wide == nil {
		c.Model.Wide = new(false)
	}
	c.Train.Fit(data.Train.Rows(), task, data.Validation != nil)
	// Of several classes networks are soon too sure of what they have learned by heart.
	if rows := data.Validation.Rows(); task == metrics.TaskMultiClass && c.Decision == (decision.Config{}) && rows >= calibratedRows && rows <= calibratedOutputs/len(data.Encoder.Target.Classes) {
		c.Decision.Calibration = decision.Temperature
	}
}

// descends says whether the file asks for what training by gradients alone has.
func (c *Config) descends() bool {
	untouched := New().Train
	untouched.Loss, untouched.Quantile, untouched.Delta, untouched.ClassWeight = c.Train.Loss, c.Train.Quantile, c.Train.Delta, c.Train.ClassWeight
	return !reflect.DeepEqual(c.Train, untouched) || !reflect.DeepEqual(c.Checkpoint, run.Checkpoints{}) || c.Precision != "" || strings.HasPrefix(c.Device, "cuda")
}

// Validate reports everything in the configuration that cannot be used. Its errors carry the field's path.
func (c *Config) Validate() error {
	errs := []error{run.Validate(c, Family, c.Model.Solver != SolverExact), configfile.Prefix("data", c.Data.Validate())}
	errs = append(errs, c.Model.validate()...)
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

// inputDropout is the share that is asked for, or settled.
func (m ModelConfig) inputDropout() float64 {
	if m.InputDropout == nil {
		return 0
	}
	return *m.InputDropout
}

func (m ModelConfig) validate() (errs []error) {
	bad := func(path, format string, args ...any) {
		errs = append(errs, configfile.Errorf("model."+path, format, args...))
	}
	switch m.Kind {
	case KindNetwork:
		if m.Solver != "" {
			bad("solver", "a network is trained by gradient; leave solver out")
		}
		if m.L2 != nil {
			bad("l2", "it is of linear models; a network has train.optimizer.l2 and weight_decay")
		}
		if m.Hidden != nil && len(m.Hidden) == 0 {
			bad("hidden", "a network has at least one hidden layer; for none use kind: linear")
		}
	case KindLinear:
		if len(m.Hidden) > 0 {
			bad("hidden", "a linear model has no hidden layers; use kind: network")
		}
		if m.Solver != SolverGradient && m.Solver != SolverExact {
			bad("solver", "there is no solver %q; there are %s and %s", m.Solver, SolverGradient, SolverExact)
		}
		if m.L2 != nil && m.Solver == SolverGradient {
			bad("l2", "it is of solver: %s; by gradient use train.optimizer.l2", SolverExact)
		}
		if m.Embedding != 0 || len(m.Embeddings) > 0 || m.inputDropout() != 0 {
			bad("kind", "a linear model has neither embeddings nor dropout")
		}
	default:
		bad("kind", "there is no model %q; there are %s and %s", m.Kind, KindNetwork, KindLinear)
	}
	if m.L2 != nil && !(*m.L2 >= 0 && !math.IsInf(*m.L2, 0)) {
		bad("l2", "a penalty of %v; give a positive number, or 0 for none", *m.L2)
	}
	for i, h := range m.Hidden {
		if err := h.Check(); err != nil {
			bad(fmt.Sprintf("hidden.%d", i), "%v", err)
		}
	}
	if m.Embedding < 0 {
		bad("embedding", "a width of %d; give a positive number, or 0 for one by the number of values", m.Embedding)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Embeddings)) {
		if width := m.Embeddings[name]; width < 1 {
			bad("embeddings."+name, "a width of %d; give a positive number", width)
		}
	}
	if p := m.inputDropout(); !(p >= 0 && p < 1) {
		bad("input_dropout", "%v is not in [0, 1)", p)
	}
	return errs
}

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
