package behavior

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/nearest"
	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/datasets/wording"
	"debut/engine"
	"debut/kernels"
	"debut/kernels/pool"
	"debut/layers"
	"debut/trainers/decision"
	"debut/trainers/gradient"
	"debut/trainers/linear"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
	"debut/trainers/run"
)

// task is a training, whatever finds the parameters.
type task struct {
	cfg    *Config
	data   *datasets.Dataset
	net    layers.Network
	task   metrics.Task
	params *engine.Parameters
	model  *Model
	loss   *trainedFor
	per    int          // the field whose rows are ranked among themselves; -1: none
	begun  string       // what was taken from another model; "" for nothing
	doubts warning.List // about that
}

// gradual is a training by gradients.
type gradual struct {
	*task
	*gradient.Trainer
}

// exact is a training that finds the optimum.
type exact struct {
	*task
	problem  *linear.Problem
	workers  *pool.Pool
	log      *slog.Logger
	warnings *warning.List
}

// newTask builds everything that can fail before anything is written.
func newTask(ctx context.Context, c *Config, env *run.Env, data *datasets.Dataset, from *donor) (run.Task, error) {
	dev, err := env.Device()
	if err != nil {
		return nil, err
	}
	t := &task{
		cfg: c, data: data, net: describe(c.Model, data.Encoder), task: taskOf(data.Encoder),
		params: engine.NewParameters(dev, kernels.Float32, c.Seed),
	}
	if err := c.Model.checkWidths(data.Encoder); err != nil {
		return nil, err
	}
	if c.Model.arms().widths {
		unknown := settleEmbeddings(&c.Model, &t.net, data.Encoder)
		if len(unknown) > 0 {
			env.Log.Warn("model.embeddings names columns that are no categories here", "columns", unknown)
		}
		if c.Encrypt != nil { // the names of columns are to be read with the key alone
			c.Model.Embeddings = nil
		}
	}
	if err := t.checkDecision(); err != nil {
		return nil, err
	}
	if t.per, err = fieldOf(data.Encoder, c.Train.EarlyStopping.Per); err != nil {
		return nil, err
	}
	if err := c.Train.CheckLoss(t.task); err != nil {
		return nil, configfile.Prefix("train", err)
	}
	t.loss = lossOf(c.Train)
	if c.Train.Loss == gradient.LossPoisson {
		if err := t.countTarget(ctx); err != nil {
			return nil, err
		}
		data.Encoder.Target.Link = encoding.LinkLog
	}
	if c.Model.Solver == SolverExact && from != nil && c.Model.settled {
		c.Model.Solver, c.Model.L2 = SolverGradient, nil // nobody asked for the optimum, which is the same wherever it is begun from
		c.SetDefaults()
	}
	if c.Model.Solver == SolverExact {
		if from != nil {
			return nil, configfile.Errorf("init_from", "the optimum of solver: %s is the same wherever it is begun from; leave init_from out, or train by gradient: model: {solver: %s}", SolverExact, SolverGradient)
		}
		e, err := newExact(ctx, t, env)
		if err == nil {
			t.model, err = newModel(t.net, data.Encoder, t.loss, dev, t.params)
			return e, err
		}
		if !c.Model.settled {
			return nil, err
		}
		env.Log.Info("the linear model is trained by gradient, for its optimum cannot be found in one go", "reason", err)
		c.Model.Solver, c.Model.L2 = SolverGradient, nil
		c.SetDefaults()
	}
	if err := t.net.Check(); err != nil {
		return nil, err
	}
	g, out := scoreGraph(t.net)
	if err := g.Err(); err != nil {
		return nil, err
	}
	scoring, err := engine.EstimateProgram(g, engine.Options{Device: dev, Outputs: []*engine.Node{out}})
	if err != nil {
		return nil, err
	}
	trainer, err := gradient.New(gradient.Options{
		Env: env, Config: &c.Train, Network: t.net, Task: t.task, Data: data, ShuffleRows: c.Data.ShuffleRows, Seed: c.Seed,
		Parameters: t.params, Scoring: scoring,
	})
	if err != nil {
		return nil, err
	}
	if t.model, err = newModel(t.net, data.Encoder, t.loss, dev, t.params); err != nil {
		return nil, err
	}
	return gradual{t, trainer}, t.begin(env, from)
}

// fieldOf returns the place among the fields of ids of the column that rows are grouped by, and -1 where there is none.
func fieldOf(e *encoding.Encoder, column string) (int, error) {
	if column == "" {
		return -1, nil
	}
	var names []string
	for i, f := range e.CategoricalFields() {
		if f.Name == column {
			return i, nil
		}
		names = append(names, f.Name)
	}
	return 0, configfile.Errorf("train.early_stopping.per", "%s is no column of categories among the features%s", wording.Quote(column), nearest.DidYouMean(column, names))
}

// countTarget returns an error where a target is no count.
func (t *task) countTarget(ctx context.Context) error {
	for d, err := range t.data.Train.Blocks(ctx) {
		if err != nil {
			return err
		}
		for _, y := range d.Target {
			if y < 0 {
				return configfile.Errorf("train.loss", "%s is of counts, and the target %q has the value %v; take another loss, or leave such rows out by a query", gradient.LossPoisson, t.data.Encoder.Target.Name, y)
			}
		}
	}
	return nil
}

// checkDecision returns an error where the decision section is not for the data.
func (t *task) checkDecision() error {
	return configfile.Prefix("decision", t.cfg.Decision.Validate(t.task, t.data.Validation != nil))
}

// Course is the plan of the training. What is decided when it is over may be changed on the way.
func (g gradual) Course() run.Course {
	c := g.Trainer.Course()
	c.Changeable["decision"] = ""
	return c
}

// Decide learns on the validation rows how probabilities and predictions are made of the model's scores.
func (t *task) Decide(ctx context.Context) (clause string, warnings warning.List, err error) {
	if t.cfg.Decision == (decision.Config{}) {
		warnings, err := t.undecided(ctx)
		return "", warnings, err
	}
	t.model.Decision = nil
	var s *metrics.Sample
	if t.data.Validation != nil {
		if s, err = t.model.samplePart(ctx, t.data.Validation, 0, -1); err != nil {
			return "", nil, err
		}
	}
	d, learned, err := t.cfg.Decision.Learn(s)
	if err != nil {
		return "", nil, configfile.Prefix("decision", err)
	}
	t.model.Decision = d
	return learned.Protocol, learned.Warnings, nil
}

// undecided warns of a model that, by the usual threshold, predicts nobody positive.
func (t *task) undecided(ctx context.Context) (warning.List, error) {
	if t.task != metrics.TaskBinary || t.data.Validation == nil || t.data.Validation.Streamed() {
		return nil, nil
	}
	s, err := t.model.samplePart(ctx, t.data.Validation, 0, -1)
	if err != nil {
		return nil, err
	}
	positives, highest := false, 0.0
	for i, z := range s.Outputs {
		positives = positives || s.Targets[i] == 1
		highest = max(highest, metrics.Sigmoid(z))
	}
	if !positives || highest >= s.Threshold {
		return nil, nil
	}
	return warning.List{warning.Warning{
		Name: warning.Nobody, Part: run.PartValidation,
		Message: fmt.Sprintf("no validation row is predicted %q, for the highest probability is %.2g and the threshold %v", s.Classes[1], highest, s.Threshold),
		Remedy:  "decision: {threshold: {choose: f1}} in the run file chooses one on the validation rows",
	}.With("highest", highest).With("threshold", s.Threshold)}, nil
}

// Describe says what is trained on what.
func (t *task) Describe() run.Description {
	trainable, _ := t.params.Count()
	d := run.Description{Task: t.task, Protocol: t.protocol(), Parameters: int64(trainable), Warnings: append(slices.Clone(t.data.Report.Warnings), t.doubts...), Data: filesOf(t.data)}
	if r := t.data.Report.Read; r != nil {
		d.Read = r
	}
	for _, src := range []*table.Source{&t.cfg.Data.Source, t.cfg.Data.Validation, t.cfg.Data.Test} {
		if src != nil && src.ExternalAccess {
			d.Unlisted = "files that the query names itself (external_access)"
		}
	}
	return d
}

// Resolved is the configuration as it is used.
func (t *task) Resolved() run.Config { return t.cfg }

// Watch tells what the rows of a part have that the training rows have not. What was told of all rows to come, when they were split by
// time, is not told again of each part.
func (t *task) Watch(part string) warning.List {
	report := t.part(part).Report()
	if report == nil {
		return nil
	}
	told := t.data.Report.Warnings.Named(warning.SplitDate)
	return slices.DeleteFunc(report.Warnings(part), func(w warning.Warning) bool {
		return slices.ContainsFunc(told, func(of warning.Warning) bool { return of.Column == w.Column })
	})
}

// Describe adds what the training by gradients has to say.
func (g gradual) Describe() run.Description {
	d := g.task.Describe()
	d.Warnings = append(slices.Clone(d.Warnings), g.Warnings()...)
	return d
}

// protocol says in a sentence how the figures came about.
func (t *task) protocol() string {
	r := t.data.Report
	split := t.cfg.Data.Split.Method
	if split == "" {
		split = "the file that prepared the data"
	}
	text := fmt.Sprintf("%d rows for training, %d for validation, %d for test, split by %s; encoding fitted on training rows", r.Train, r.Validation, r.Test, split)
	if t.cfg.Model.Solver == SolverExact {
		text += fmt.Sprintf("; the optimum by Newton's method, l2 %v", *t.cfg.Model.L2)
	}
	if t.begun != "" {
		text += "; " + t.begun
	}
	return text
}

// part returns a part of the data by its name.
func (t *task) part(name string) *datasets.Part {
	switch name {
	case run.PartTrain:
		return t.data.Train
	case run.PartValidation:
		return t.data.Validation
	}
	return t.data.Test
}

// Parts lists those that there are.
func (t *task) Parts() (names []string) {
	for _, name := range []string{run.PartTrain, run.PartValidation, run.PartTest} {
		if t.part(name) != nil {
			names = append(names, name)
		}
	}
	return names
}

// Evaluate measures the model on a part; of streamed training rows on the first ones.
func (t *task) Evaluate(ctx context.Context, part string) (*metrics.Result, error) {
	limit := 0
	if part == run.PartTrain {
		limit = t.cfg.Data.FitRows
	}
	return t.model.measurePart(ctx, t.part(part), limit, t.per)
}

// Save writes the model, with the coefficients of a linear one.
func (t *task) Save(to *modelfolder.Writer) error {
	if t.cfg.Model.linear() && t.cfg.Model.Solver != SolverExact {
		w, err := readLinear(t.net, t.data.Encoder, t.params)
		if err != nil {
			return err
		}
		t.model.Coefficients = coefficients(t.net, t.data.Encoder, w)
	}
	return t.model.save(to)
}

// Coefficients are those of a linear model that is saved.
func (t *task) Coefficients() *model.Coefficients { return t.model.Coefficients }

// Close ends the streams.
func (t *task) Close() error {
	t.data.Close()
	return nil
}
