package behavior

import (
	"context"
	"fmt"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/engine"
	"debut/kernels"
	"debut/layers"
	"debut/trainers/gradient"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// task is a training, whatever finds the parameters.
type task struct {
	cfg    *Config
	data   *datasets.Dataset
	net    layers.Network
	task   metrics.Task
	params *engine.Parameters
	model  *Model
}

// gradual is a training by gradients.
type gradual struct {
	*task
	*gradient.Trainer
}

// exact is a training by least squares.
type exact struct{ *task }

// newTask builds everything that can fail before anything is written.
func newTask(c *Config, env *run.Env, data *datasets.Dataset) (run.Task, error) {
	dev, err := env.Device()
	if err != nil {
		return nil, err
	}
	t := &task{
		cfg: c, data: data, net: describe(c.Model, data.Encoder), task: taskOf(data.Encoder),
		params: engine.NewParameters(dev, kernels.Float32, c.Seed),
	}
	if c.Model.Solver == SolverExact {
		if err := t.checkExact(); err != nil {
			return nil, err
		}
		t.model, err = newModel(t.net, data.Encoder, dev, t.params)
		return exact{t}, err
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
	t.model, err = newModel(t.net, data.Encoder, dev, t.params)
	return gradual{t, trainer}, err
}

// checkExact returns an error where least squares cannot find the model.
func (t *task) checkExact() error {
	if t.data.Train.Streamed() {
		return configfile.Errorf("model.solver", "%s needs all rows in memory; use solver: %s, or give the Parquet files as a source", SolverExact, SolverGradient)
	}
	if t.task != metrics.TaskRegression {
		return configfile.Errorf("model.solver", "%s is for regression; the target %q is %s: use solver: %s", SolverExact, t.data.Encoder.Target.Name, t.task, SolverGradient)
	}
	for _, f := range t.net.Numeric {
		if f.Edges != nil {
			return configfile.Errorf("model.solver", "%s does not go with the piecewise-linear encoding of column %q", SolverExact, f.Name)
		}
	}
	return nil
}

// Describe says what is trained on what.
func (t *task) Describe() run.Description {
	trainable, _ := t.params.Count()
	d := run.Description{Task: t.task, Protocol: t.protocol(), Parameters: int64(trainable), Warnings: t.data.Report.Warnings}
	for _, f := range t.data.Report.Files {
		d.Data = append(d.Data, runfolder.DataFile{Path: f.Path, Bytes: f.Bytes, SHA256: f.SHA256})
	}
	if r := t.data.Report.Read; r != nil {
		d.Read = r
	}
	return d
}

// Resolved is the configuration as it is used.
func (t *task) Resolved() run.Config { return t.cfg }

// protocol says in a sentence how the figures came about.
func (t *task) protocol() string {
	r := t.data.Report
	split := t.cfg.Data.Split.Method
	if split == "" {
		split = "the file that prepared the data"
	}
	text := fmt.Sprintf("%d rows for training, %d for validation, %d for test, split by %s; encoding fitted on training rows", r.Train, r.Validation, r.Test, split)
	if t.cfg.Model.Solver == SolverExact {
		text += "; least squares by QR"
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
	return t.model.measurePart(ctx, t.part(part), limit)
}

// Save writes the model, with the coefficients of a linear one.
func (t *task) Save(to *modelfolder.Writer) error {
	if t.cfg.Model.Kind == KindLinear && t.cfg.Model.Solver != SolverExact {
		w, err := readLinear(t.net, t.params)
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

// Solve finds the model by least squares.
func (e exact) Solve(context.Context) error {
	w, err := solveExact(e.net, e.data.Encoder, e.data.Train.Encoded())
	if err != nil {
		return err
	}
	if err := w.write(e.params); err != nil {
		return err
	}
	e.model.Coefficients = coefficients(e.net, e.data.Encoder, w)
	return nil
}
