package gradient

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"

	"debut/datasets/configfile"
	"debut/datasets/wording"
	"debut/engine/optim"
	"debut/kernels"
	"debut/trainers/metrics"
	"debut/trainers/run"
)

// Config is the train section of a run file.
type Config struct {
	Epochs         int               `yaml:"epochs,omitempty" jsonschema:"description=Most passes over the training rows; 0: by their number and the task.,minimum=0"`
	Batch          int               `yaml:"batch,omitempty" jsonschema:"description=Most rows of a batch; batches of an epoch differ by at most one row; 0: by the number of training rows.,minimum=0"`
	Accumulate     int               `yaml:"accumulate,omitempty" jsonschema:"description=Batches whose gradients are added up for one step (default: 1).,minimum=0"`
	Loss           string            `yaml:"loss,omitempty" jsonschema:"description=Of a target that is a number: squared (default); mae; huber; quantile; poisson for counts: the model is of the logarithm. Classes have the cross-entropy; or focal; which counts little what is right already and leaves probabilities off unless decision.calibration mends them.,enum=squared,enum=mae,enum=huber,enum=quantile,enum=poisson,enum=focal"`
	Quantile       float64           `yaml:"quantile,omitempty" jsonschema:"description=Of loss quantile: the share of targets below the prediction; 0.9 predicts what nine of ten stay below.,minimum=0,maximum=1"`
	Delta          float64           `yaml:"delta,omitempty" jsonschema:"description=Of loss huber (default: 1): the difference in standard deviations of the target from which it grows linearly.,minimum=0"`
	Gamma          *float64          `yaml:"gamma,omitempty" jsonschema:"description=Of loss focal (default: 2): a row counts by this power of how wrong it is.,exclusiveMinimum=0,maximum=100"`
	LabelSmoothing float64           `yaml:"label_smoothing,omitempty" jsonschema:"description=Of classes: this share of a target (default: 0) is spread over all of them alike; probabilities are then nearer to each other too.,minimum=0,exclusiveMaximum=1"`
	ClassWeight    string            `yaml:"class_weight,omitempty" jsonschema:"description=Of classes: balanced weights rows so that all classes weigh the same in training; metrics stay as they are and probabilities are off unless decision.calibration mends them.,enum=balanced"`
	Shuffle        *bool             `yaml:"shuffle,omitempty" jsonschema:"description=A new order of the rows in each epoch (default: true)."`
	Optimizer      Optimizer         `yaml:"optimizer,omitempty" jsonschema:"description=The optimizer."`
	Tables         Tables            `yaml:"tables,omitempty" jsonschema:"description=What embeddings have of their own."`
	ClipNorm       float64           `yaml:"clip_norm,omitempty" jsonschema:"description=Scale gradients down to this global norm; 0: not at all.,minimum=0"`
	Schedule       Schedule          `yaml:"schedule,omitempty" jsonschema:"description=The course of the learning rate."`
	EarlyStopping  run.EarlyStopping `yaml:"early_stopping,omitempty" jsonschema:"description=When to stop and which epoch's model to keep: judged on the validation rows."`
	Augment        Augment           `yaml:"augment,omitempty" jsonschema:"description=Change the training rows a little at each sight; off by default."`
	Divergence     run.Divergence    `yaml:"divergence,omitempty" jsonschema:"description=What to do when the loss is no number any more."`
}

// Optimizer names the optimizer; empty numbers take the usual settings of its kind.
type Optimizer struct {
	Kind         string   `yaml:"kind,omitempty"`
	LearningRate *float64 `yaml:"learning_rate,omitempty" jsonschema:"description=Learning rate (default: 0.001 for adam and adamw; 0.01 for the others; by task and batch of auto)."`
	Momentum     *float64 `yaml:"momentum,omitempty" jsonschema:"description=Of momentum and nesterov (default: 0.9)."`
	Beta1        *float64 `yaml:"beta1,omitempty" jsonschema:"description=Of adam and adamw (default: 0.9)."`
	Beta2        *float64 `yaml:"beta2,omitempty" jsonschema:"description=Of adam and adamw (default: 0.999)."`
	Epsilon      *float64 `yaml:"epsilon,omitempty" jsonschema:"description=Of adam; adamw (default: 1e-8) and adagrad; rowwise_adagrad (1e-10)."`
	L1           *float64 `yaml:"l1,omitempty" jsonschema:"description=Of ftrl (default: 0): weights that gradients move less than this are 0."`
	Beta         *float64 `yaml:"beta,omitempty" jsonschema:"description=Of ftrl (default: 1): what the root of the sum of squared gradients begins with."`
	L2           *float64 `yaml:"l2,omitempty" jsonschema:"description=L2 times a weight is added to its gradient; biases and batch norm and embeddings are left alone. Of tables: of all rows by how often they occur in a batch over its rows."`
	WeightDecay  *float64 `yaml:"weight_decay,omitempty" jsonschema:"description=Of adamw (default: 0.01; by the number of steps of auto): weights shrink by this share times the learning rate."`
}

// Tables is what embedding tables have of their own.
type Tables struct {
	Optimizer Optimizer `yaml:"optimizer,omitempty" jsonschema:"description=The optimizer of embeddings (default: that of all parameters); the schedule and clip_norm are shared."`
}

// own says whether tables have an optimizer of their own.
func (t *Tables) own() bool { return t.Optimizer.Kind != "" && t.Optimizer.Kind != KindAuto }

// KindAuto is the optimizer of a network whose run file names none, until its rows are known: defaultKind with a rate and a decay that
// follow from them. Linear models have Adam.
const (
	KindAuto    = "auto"
	defaultKind = kernels.AdamW
)

// kind is the optimizer's.
func (o *Optimizer) kind() (kernels.OptimizerKind, error) {
	if o.Kind == KindAuto {
		return defaultKind, nil
	}
	return optim.ParseKind(o.Kind)
}

// JSONSchemaExtend lists the optimizers in the schema of run files.
func (Optimizer) JSONSchemaExtend(s *jsonschema.Schema) {
	p, ok := s.Properties.Get("kind")
	if !ok {
		return
	}
	names := append([]string{KindAuto}, optim.Kinds()...)
	p.Enum = nil
	for _, name := range names {
		p.Enum = append(p.Enum, name)
	}
	names[0] += " (default): " + defaultKind.String() + " with a learning rate and weight decay by rows and task; of a linear model adam; of tables that of all parameters"
	p.Description = strings.Join(names, "; ") + "."
}

// Schedule is the course of the learning rate, in epochs.
type Schedule struct {
	Kind         string  `yaml:"kind,omitempty" jsonschema:"description=cosine (default of networks); constant (of linear models); step.,enum=constant,enum=step,enum=cosine"`
	WarmupEpochs float64 `yaml:"warmup_epochs,omitempty" jsonschema:"description=The rate rises linearly over so many epochs; 0.5 where a network's schedule is left open.,minimum=0"`
	StepEpochs   float64 `yaml:"step_epochs,omitempty" jsonschema:"description=Of step: the rate is multiplied by gamma each time so many epochs are over.,minimum=0"`
	Gamma        float64 `yaml:"gamma,omitempty" jsonschema:"description=Of step (default: 0.1)."`
	Floor        float64 `yaml:"floor,omitempty" jsonschema:"description=Of cosine: the share of the rate at the end (default: 0).,minimum=0,maximum=1"`
}

// SetDefaults fills empty fields, but for those of a network that [Config.Fit] fills when the training rows are known.
func (c *Config) SetDefaults(network bool) {
	kind, schedule := KindAuto, "cosine"
	if !network {
		kind, schedule = kernels.Adam.String(), "constant"
		c.Epochs, c.Batch = cmp.Or(c.Epochs, 20), cmp.Or(c.Batch, 256)
	}
	if c.Accumulate == 0 {
		c.Accumulate = 1
	}
	if c.Shuffle == nil {
		yes := true
		c.Shuffle = &yes
	}
	if c.Optimizer.Kind == "" || c.Optimizer.Kind == KindAuto {
		c.Optimizer.Kind = kind
	}
	c.Optimizer.setDefaults()
	if c.Tables.own() {
		c.Tables.Optimizer.setDefaults()
	}
	if c.Loss == LossHuber && c.Delta == 0 {
		c.Delta = 1
	}
	if c.Loss == LossFocal && c.Gamma == nil {
		c.Gamma = new(float64(defaultGamma))
	}
	c.Divergence.SetDefaults()
	if c.Schedule.Kind == "" {
		c.Schedule.Kind = schedule
		if network && c.Schedule.WarmupEpochs == 0 {
			c.Schedule.WarmupEpochs = warmupEpochs
		}
	}
	if c.Schedule.Kind == "step" && c.Schedule.Gamma == 0 {
		c.Schedule.Gamma = 0.1
	}
}

// setDefaults fills the settings that the optimizer's kind has, but for rate and decay where they follow from the rows. An unknown kind
// has none, which is told by Validate.
func (o *Optimizer) setDefaults() {
	kind, err := o.kind()
	if err != nil {
		return
	}
	usual := optim.Defaults(kind)
	for _, s := range o.particulars(&usual) {
		if *s.field == nil && slices.Contains(s.kinds, kind) && (o.Kind != KindAuto || s.name != "weight_decay") {
			*s.field = &s.usual
		}
	}
	if o.Kind != KindAuto && o.LearningRate == nil {
		o.LearningRate = &usual.LearningRate
	}
	if o.L2 == nil {
		o.L2 = &usual.L2
	}
}

// particular is a setting that not all optimizers have.
type particular struct {
	name  string
	field **float64
	usual float64
	kinds []kernels.OptimizerKind // that have it
}

func (o *Optimizer) particulars(usual *optim.Config) []particular {
	heavy, adams := []kernels.OptimizerKind{kernels.Momentum, kernels.Nesterov}, []kernels.OptimizerKind{kernels.Adam, kernels.AdamW}
	return []particular{
		{"momentum", &o.Momentum, usual.Momentum, heavy}, {"beta1", &o.Beta1, usual.Beta1, adams}, {"beta2", &o.Beta2, usual.Beta2, adams},
		{"epsilon", &o.Epsilon, usual.Epsilon, append(adams, kernels.Adagrad, kernels.RowwiseAdagrad)},
		{"l1", &o.L1, usual.L1, []kernels.OptimizerKind{kernels.FTRL}}, {"beta", &o.Beta, usual.Beta, []kernels.OptimizerKind{kernels.FTRL}},
		{"weight_decay", &o.WeightDecay, usual.WeightDecay, []kernels.OptimizerKind{kernels.AdamW}},
	}
}

// foreign returns an error for a setting that another optimizer has, not this one, where it would change nothing without a word. What is usual
// is let pass – the run file that a run leaves has it, and may be gone on from with another optimizer – and so are a decay and an L1 of 0, which
// say what holds anyway.
func (o *Optimizer) foreign(kind kernels.OptimizerKind) error {
	for i, s := range o.particulars(new(optim.Config)) {
		v := *s.field
		if v == nil || slices.Contains(s.kinds, kind) || *v == 0 && (s.name == "l1" || s.name == "weight_decay") {
			continue
		}
		if usual := optim.Defaults(s.kinds[0]); *v == o.particulars(&usual)[i].usual {
			continue
		}
		names := make([]string, len(s.kinds))
		for i, k := range s.kinds {
			names[i] = k.String()
		}
		return &optim.Error{Setting: "optimizer." + s.name, Msg: fmt.Sprintf("%s is a setting of %s, and the optimizer is %v, which has none; leave it out, or take optimizer: {kind: %s}",
			s.name, wording.List(names, wording.MaxListed), kind, names[0])}
	}
	return nil
}

// Pace is how a model wants to be trained in comparison with hidden layers: learning rate and passes are multiplied by it; 0 stands for 1.
type Pace struct{ Rate, Passes float64 }

// Fit fills what a network's section leaves open, by the number of training rows and the task. The figures were chosen by
// bench/defaults/choose. Many rows take larger batches, for fewer steps, and fewer passes. Classes of two are most often
// noisy, and learned by heart in a few passes at a high rate; numbers and several classes gain from many. Nothing but the
// patience depends on a number of epochs that is given: a resumed training may have another.
func (c *Config) Fit(rows int, task metrics.Task, validated bool, pace Pace) {
	passes, fewer, rate := 30.0, 0.25, 0.008
	if task == metrics.TaskBinary {
		passes, fewer, rate = 10, 0.4, 0.002
	}
	rate *= cmp.Or(pace.Rate, 1)
	if c.Batch == 0 {
		c.Batch = smallestBatch
		for c.Batch < largestBatch && c.Batch*rowsToBatch < rows {
			c.Batch *= 2
		}
	}
	epochs := max(fewestEpochs, min(mostEpochs, int(math.Round(passes*math.Pow(passesRows/float64(max(1, rows)), fewer)))))
	epochs = int(math.Round(float64(epochs) * cmp.Or(pace.Passes, 1)))
	if c.Epochs == 0 {
		c.Epochs = max(epochs, int(c.Schedule.WarmupEpochs)+1)
		if validated && c.EarlyStopping.Patience == 0 {
			c.EarlyStopping.Patience = max(3, c.Epochs/3)
		}
	}
	o := &c.Optimizer
	if o.Kind != KindAuto {
		return
	}
	o.Kind = defaultKind.String()
	if o.LearningRate == nil {
		// The noise of a step falls with the root of the rows in it.
		o.LearningRate = new(threeDigits(rate * math.Sqrt(float64(c.Batch)/rateBatch)))
	}
	if o.WeightDecay == nil {
		// Over the whole of a training, however many steps it has, weights that nothing holds shrink by the same factor.
		steps := float64(epochs) * math.Ceil(float64(rows)/float64(c.Batch))
		o.WeightDecay = new(threeDigits(min(strongestDecay, shrinkage/(*o.LearningRate*steps))))
	}
}

// threeDigits rounds what is to be read in a file.
func threeDigits(v float64) float64 {
	v, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		return 0 // which no finite number comes to
	}
	return v
}

// Figures of the defaults of networks.
const (
	warmupEpochs                = 0.5
	smallestBatch, largestBatch = 32, 1024
	rowsToBatch                 = 250 // a batch is at least this part of the rows
	rateBatch                   = 256 // to which the rates belong
	passesRows                  = 20_000
	shrinkage, strongestDecay   = 2.0, 2.0
	fewestEpochs, mostEpochs    = 3, 60
)

// Validate reports everything that cannot be used, with paths below the section. The task, where it is known already, decides on the
// metrics there are; validated says whether there are validation rows.
func (c *Config) Validate(task metrics.Task, validated bool) error {
	var errs []error
	bad := func(path, format string, args ...any) { errs = append(errs, configfile.Errorf(path, format, args...)) }
	errs = append(errs, c.Augment.validate()...)
	if c.Epochs < 0 {
		bad("epochs", "%d epochs; give a positive number, or 0 for one by the number of rows", c.Epochs)
	}
	if c.Batch < 0 {
		bad("batch", "a batch of %d rows; give a positive number, or 0 for one by the number of rows", c.Batch)
	}
	if c.Accumulate < 1 {
		bad("accumulate", "%d batches to a step; at least 1 is needed", c.Accumulate)
	}
	errs = append(errs, c.checkLoss(task)...)
	if _, _, err := c.optimizers(1, 1); err != nil {
		errs = append(errs, err)
	}
	if o := c.Tables.Optimizer; !c.Tables.own() && o != (Optimizer{Kind: o.Kind}) {
		bad("tables.optimizer.kind", "tables take the optimizer of all parameters, and with it its settings; name one of their own, such as %v", kernels.RowwiseAdagrad)
	}
	s := c.Schedule
	if s.WarmupEpochs < 0 || c.Epochs > 0 && s.WarmupEpochs >= float64(c.Epochs) && s.WarmupEpochs > 0 {
		bad("schedule.warmup_epochs", "%v epochs of warm-up in %d", s.WarmupEpochs, c.Epochs)
	}
	if err := c.Divergence.Check(); err != nil {
		bad("divergence", "%v", err)
	}
	errs = append(errs, c.EarlyStopping.Validate(task, validated)...)
	return errors.Join(errs...)
}

// optimizers returns the optimizer for so many epochs of so many steps, and that of tables, nil where it is the same. Errors have their
// paths.
func (c *Config) optimizers(epochs, steps int) (o optim.Config, tables *optim.Config, err error) {
	if o, err = c.checked(&c.Optimizer, "", epochs, steps); err != nil || !c.Tables.own() {
		return o, nil, err
	}
	own, err := c.checked(&c.Tables.Optimizer, "tables.", epochs, steps)
	return o, &own, err
}

// checked returns the settings of an optimizer, whose path in errors begins with a prefix.
func (c *Config) checked(from *Optimizer, prefix string, epochs, steps int) (optim.Config, error) {
	o, err := c.settings(from, epochs, steps)
	if err == nil {
		err = o.Check()
	}
	var wrong *optim.Error
	if errors.As(err, &wrong) {
		if !strings.HasPrefix(wrong.Setting, "optimizer.") {
			prefix = ""
		}
		err = configfile.Errorf(prefix+wrong.Setting, "%s", wrong.Msg)
	}
	return o, err
}

func (c *Config) settings(from *Optimizer, epochs, steps int) (optim.Config, error) {
	kind, err := from.kind()
	if err != nil {
		return optim.Config{}, err
	}
	if err := from.foreign(kind); err != nil {
		return optim.Config{}, err
	}
	o := optim.Defaults(kind)
	for _, f := range []struct {
		from *float64
		to   *float64
	}{
		{from.LearningRate, &o.LearningRate}, {from.Momentum, &o.Momentum}, {from.Beta1, &o.Beta1}, {from.Beta2, &o.Beta2},
		{from.Epsilon, &o.Epsilon}, {from.L1, &o.L1}, {from.Beta, &o.Beta}, {from.L2, &o.L2}, {from.WeightDecay, &o.WeightDecay},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	o.ClipNorm = c.ClipNorm
	sk, err := optim.ParseSchedule(c.Schedule.Kind)
	if err != nil {
		return o, err
	}
	inSteps := func(epochs float64) int64 { return int64(math.Round(epochs * float64(steps))) }
	o.Schedule = optim.Schedule{Kind: sk, Gamma: c.Schedule.Gamma, Floor: c.Schedule.Floor}
	if steps > 1 || epochs > 1 {
		o.Schedule.Warmup = inSteps(c.Schedule.WarmupEpochs)
	}
	switch sk {
	case optim.Step:
		if !(c.Schedule.StepEpochs > 0) {
			return o, &optim.Error{Setting: "schedule.step_epochs", Msg: "a step schedule needs step_epochs, the epochs after which the rate falls"}
		}
		o.Schedule.Every = max(1, inSteps(c.Schedule.StepEpochs))
	case optim.Cosine:
		o.Schedule.Total = max(int64(epochs)*int64(steps), o.Schedule.Warmup+1)
	}
	return o, nil
}

// metric returns the metric that decides on validation rows, and whether more of it is better.
func (c *Config) metric(task metrics.Task) (name string, higher bool, err error) {
	name = c.EarlyStopping.Metric
	switch {
	case name != "":
	case task != metrics.TaskRegression:
		name = "log_loss"
	case c.Loss == LossMAE || c.Loss == LossHuber:
		name = "mae"
	case c.Loss == LossPoisson:
		name = metrics.PoissonDeviance
	case c.Loss == LossQuantile:
		name = metrics.Pinball
	default:
		name = "mse"
	}
	err = metrics.Check(task, name)
	if err == nil && (name == metrics.PoissonDeviance && c.Loss != LossPoisson || name == metrics.Pinball && c.Loss != LossQuantile) {
		err = fmt.Errorf("%s is measured where the model is trained for it; set train.loss, or take another metric", name)
	}
	if err != nil {
		return "", false, configfile.Errorf("train.early_stopping.metric", "%v", err)
	}
	higher, err = metrics.Higher(name)
	return name, higher, err
}
