package neighbors

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"

	"debut/datasets/configfile"
	"debut/datasets/interactions"
	"debut/trainers/metrics"
	"debut/trainers/ranking"
	"debut/trainers/recommender"
	"debut/trainers/run"
)

// Family is the name of the family in run files and model folders.
const Family = "neighbors"

// Kinds of models.
const (
	KindItem = "item"
	KindUser = "user"
)

// Templates are commented run files to start from.
//
//go:embed templates/*.yaml
var Templates embed.FS

// Config is a run file.
type Config struct {
	run.Header  `yaml:",inline"`
	Data        interactions.Config    `yaml:"data" jsonschema:"description=Who did what with which item and how that is split."`
	Model       ModelConfig            `yaml:"model,omitempty" jsonschema:"description=Which neighbors are found and how."`
	Evaluation  recommender.Evaluation `yaml:"evaluation,omitempty" jsonschema:"description=How lists are measured."`
	run.Keeping `yaml:",inline"`
}

// ModelConfig is the model section of a run file.
type ModelConfig struct {
	Kind     string `yaml:"kind,omitempty" jsonschema:"description=item (default): items like those that a user has; user: what users with a like history have.,enum=item,enum=user"`
	Settings `yaml:",inline"`
}

// New returns what a run file is laid over.
func New() *Config { return &Config{Header: run.Header{Seed: 1}} }

// SetDefaults fills empty fields, so that the configuration can be written out as it will be used.
func (c *Config) SetDefaults() {
	run.SetDefaults(c, Family, false)
	c.Data.SetDefaults()
	if c.Model.Kind == "" {
		c.Model.Kind = KindItem
	}
	c.Model.SetDefaults(c.Model.Kind)
	c.Evaluation.SetDefaults()
}

// Validate reports everything in the configuration that cannot be used. Its errors carry the field's path.
func (c *Config) Validate() error {
	errs := []error{
		run.Validate(c, Family, false), run.OnCPU(&c.Header), configfile.Prefix("data", c.Data.Validate()),
		configfile.Prefix("model", c.Model.validate()), configfile.Prefix("evaluation", c.Evaluation.Validate()),
	}
	return errors.Join(errs...)
}

func (c *ModelConfig) validate() error {
	if c.Kind != KindItem && c.Kind != KindUser {
		return configfile.Errorf("kind", "there is no model %q; there are %s and %s", c.Kind, KindItem, KindUser)
	}
	return c.Validate()
}

// Prepare loads the interactions.
func (c *Config) Prepare(ctx context.Context, env *run.Env) (run.Task, error) {
	data, err := recommender.Load(ctx, &c.Data, c.Evaluation, env, c.Seed)
	if err != nil {
		return nil, c.Locate(err)
	}
	t := &training{Data: data, cfg: c, log: env.Log}
	if err := t.checkMemory(env); err != nil {
		return nil, err
	}
	return t, nil
}

// training is a run's task: the search for neighbors.
type training struct {
	*recommender.Data
	cfg   *Config
	log   *slog.Logger
	graph *Graph
	score ranking.Scorer
}

// Describe says what is trained on what.
func (t *training) Describe() run.Description {
	s := t.cfg.Model.Settings
	return t.Data.Describe(fmt.Sprintf("%s-based, similarity %s", t.cfg.Model.Kind, s.Similarity))
}

// Resolved is the configuration as it is used.
func (t *training) Resolved() run.Config { return t.cfg }

// Close has nothing to end.
func (t *training) Close() error { return nil }

// Solve finds the neighbors.
func (t *training) Solve(ctx context.Context) error {
	ctx = WithProgress(ctx, t.progress())
	switch t.cfg.Model.Kind {
	case KindUser:
		ties := ranking.NewTies(t.Users.Len(), t.Users.ID)
		m, err := FitUsers(ctx, t.Train, ties, t.cfg.Model.Settings, t.Pool)
		if err != nil {
			return err
		}
		t.graph, t.score = m.Graph, m.Scorer()
	default:
		m, err := FitItems(ctx, t.Train, t.Ties, t.cfg.Model.Settings, t.Pool)
		if err != nil {
			return err
		}
		t.graph, t.score = m.Graph, m.Scorer(t.Train)
	}
	return nil
}

// Evaluate measures the lists of a part.
func (t *training) Evaluate(ctx context.Context, part string) (*metrics.Result, error) {
	return t.Data.Evaluate(ctx, t.score, part)
}
