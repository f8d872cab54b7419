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
	KindEASE = "ease"
	KindSLIM = "slim"

	KindSpectral = "spectral"
)

// Templates are commented run files to start from.
//
//go:embed templates/*.yaml
var Templates embed.FS

// Examples are run files on real data, with settings that were chosen for them: examples/DATA-ALGORITHM.yaml.
//
//go:embed examples/*.yaml
var Examples embed.FS

// Config is a run file.
type Config struct {
	run.Header         `yaml:",inline"`
	Data               interactions.Config    `yaml:"data" jsonschema:"description=Who did what with which item and how that is split."`
	Model              ModelConfig            `yaml:"model,omitempty" jsonschema:"description=Which neighbors are found and how."`
	Reweight           recommender.Reweight   `yaml:"reweight,omitempty" jsonschema:"description=Raises or lowers items for everybody: scores are multiplied by powers of what is known of an item."`
	Evaluation         recommender.Evaluation `yaml:"evaluation,omitempty" jsonschema:"description=How lists are measured."`
	recommender.Folder `yaml:",inline"`
	run.Keeping        `yaml:",inline"`
}

// ModelConfig is the model section of a run file. The defaults of L2 and L1 were chosen as those of Settings.
type ModelConfig struct {
	Kind     string `yaml:"kind,omitempty" jsonschema:"description=item (default): items like those that a user has; user: what users with a like history have; ease and slim: items by weights that are learned: ease by a dense matrix of all items; slim by few weights above 0; spectral: items by a filter of the graph of users and items.,enum=item,enum=user,enum=ease,enum=slim,enum=spectral"`
	Settings `yaml:",inline"`
	L2       *float64 `yaml:"l2,omitempty" jsonschema:"minimum=0,description=ease and slim: the penalty of the weights' squares; above 0 for ease. Default 300; 100 of slim."`
	Factors  *int     `yaml:"factors,omitempty" jsonschema:"minimum=0,description=spectral: eigenvectors of the low-pass filter; at most as many as items. Default 256."`
	Ideal    *float64 `yaml:"ideal,omitempty" jsonschema:"minimum=0,description=spectral: the share of the low-pass filter beside that of common users. Default 0.3."`
	L1       *float64 `yaml:"l1,omitempty" jsonschema:"minimum=0,description=slim: the penalty of the weights' sizes. The more; the fewer weights. Default 5."`
}

// learned says that weights of items are found from all of them together, and not by comparing two.
func (c *ModelConfig) learned() bool {
	return c.Kind == KindEASE || c.Kind == KindSLIM || c.Kind == KindSpectral
}

// dense says that a matrix of items by items is held while the model is found.
func (c *ModelConfig) dense() bool { return c.Kind == KindEASE || c.Kind == KindSpectral }

// setDefaults fills empty fields.
func (c *ModelConfig) setDefaults() {
	if c.Kind == "" {
		c.Kind = KindItem
	}
	if !c.learned() {
		c.SetDefaults(c.Kind)
		return
	}
	if c.Neighbors == nil {
		c.Neighbors = new(50)
	}
	switch {
	case c.Kind == KindSLIM:
		if c.L1 == nil {
			c.L1 = new(5.0)
		}
		if c.L2 == nil {
			c.L2 = new(100.0)
		}
	case c.Kind == KindSpectral:
		if c.Factors == nil {
			c.Factors = new(256)
		}
		if c.Ideal == nil {
			c.Ideal = new(0.3)
		}
	case c.L2 == nil:
		c.L2 = new(300.0)
	}
}

// New returns what a run file is laid over.
func New() *Config { return &Config{Header: run.Header{Seed: 1}} }

// SetDefaults fills empty fields, so that the configuration can be written out as it will be used.
func (c *Config) SetDefaults() {
	run.SetDefaults(c, Family, false)
	c.Data.SetDefaults()
	c.Model.setDefaults()
	c.Evaluation.SetDefaults()
}

// Validate reports everything in the configuration that cannot be used. Its errors carry the field's path.
func (c *Config) Validate() error {
	errs := []error{
		run.Validate(c, Family, false), run.OnCPU(&c.Header), configfile.Prefix("data", c.Data.Validate()),
		configfile.Prefix("model", c.Model.validate()), configfile.Prefix("evaluation", c.Evaluation.Validate()),
		configfile.Prefix("reweight", c.Reweight.Validate()),
	}
	if c.Forgets() && c.Model.Kind == KindUser {
		errs = append(errs, configfile.Errorf("keep_seen", "a model of kind: %s makes lists of what users of training have; leave keep_seen out, or take another kind", KindUser))
	}
	return errors.Join(errs...)
}

// validate reports the first value that cannot be used, with the path below the section. Model folders of anybody are checked so too, with
// whatever they leave out.
func (c ModelConfig) validate() error {
	c.setDefaults()
	if err := configfile.OneOf("kind", c.Kind, KindItem, KindUser, KindEASE, KindSLIM, KindSpectral); err != nil {
		return err
	}
	if c.Kind != KindSLIM && c.L1 != nil {
		return configfile.Errorf("l1", "it is of kind: %s, and kind is %s; leave it out", KindSLIM, c.Kind)
	}
	if c.Kind != KindEASE && c.Kind != KindSLIM && c.L2 != nil {
		return configfile.Errorf("l2", "it is of kind: %s and kind: %s, and kind is %s; leave it out", KindEASE, KindSLIM, c.Kind)
	}
	for path, given := range map[string]bool{"factors": c.Factors != nil, "ideal": c.Ideal != nil} {
		if given && c.Kind != KindSpectral {
			return configfile.Errorf(path, "it is of kind: %s, and kind is %s; leave it out", KindSpectral, c.Kind)
		}
	}
	if !c.learned() {
		return c.Validate()
	}
	for path, given := range map[string]bool{"similarity": c.Similarity != "", "weighting": c.Weighting != "", "shrinkage": c.Shrinkage != nil, "bm25": c.BM25 != (BM25{})} {
		if given {
			return configfile.Errorf(path, "it says how two items are compared, and kind: %s finds the weights of all together; leave it out", c.Kind)
		}
	}
	if *c.Neighbors < 0 {
		return configfile.Errorf("neighbors", "%d is negative; give a number from 1, or 0 for all", *c.Neighbors)
	}
	if c.Kind == KindSLIM && !(*c.L1 >= 0 && *c.L1 <= maxPenalty) {
		return configfile.Errorf("l1", "%v must be a finite number that is not negative, at most %g", *c.L1, maxPenalty)
	}
	if c.Kind == KindSpectral {
		if *c.Factors < 0 {
			return configfile.Errorf("factors", "%d is negative; give a number from 1, or 0 for no low-pass filter", *c.Factors)
		}
		if !(*c.Ideal >= 0 && *c.Ideal <= maxPenalty) {
			return configfile.Errorf("ideal", "%v must be a finite number that is not negative, at most %g", *c.Ideal, maxPenalty)
		}
		return nil
	}
	if !(*c.L2 >= 0 && *c.L2 <= maxPenalty) || c.Kind == KindEASE && *c.L2 == 0 {
		return configfile.Errorf("l2", "%v must be a finite number %s, at most %g", *c.L2, map[bool]string{true: "above 0", false: "that is not negative"}[c.Kind == KindEASE], maxPenalty)
	}
	return nil
}

// maxPenalty bounds the penalties of weights, which are computed in float32: the square of the largest value that events may have.
const maxPenalty = 1e24

// Prepare loads the interactions, and chooses what is left open.
func (c *Config) Prepare(ctx context.Context, env *run.Env) (run.Task, error) {
	from, begun, err := c.earlier(env)
	if err != nil {
		return nil, err
	}
	data, err := recommender.Load(ctx, &c.Data, c.Evaluation, env, c.Seed, from)
	if err != nil {
		return nil, c.Locate(err)
	}
	data.Folder = c.Folder
	if err := data.Reweight(c.Reweight); err != nil {
		return nil, c.Locate(err)
	}
	t := &training{Data: data, cfg: c, log: env.Log, begun: begun}
	if err := t.checkMemory(env); err != nil {
		return nil, err
	}
	if c.Reweight.Open() {
		if err := t.reweight(ctx); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// training is a run's task: the search for neighbors.
type training struct {
	*recommender.Data
	cfg   *Config
	log   *slog.Logger
	begun string // with what, a clause of the protocol
	graph *Graph
	score ranking.Scorer
	// reweighted says how items were reweighted, a clause of the protocol, where that was left open.
	reweighted string
}

// Describe says what is trained on what.
func (t *training) Describe() run.Description {
	text := t.cfg.Model.text()
	if t.begun != "" {
		text += "; " + t.begun
	}
	if t.reweighted != "" {
		text += "; " + t.reweighted
	}
	return t.Data.Describe(text)
}

// text says in a few words how the model is found.
func (c *ModelConfig) text() string {
	switch c.Kind {
	case KindEASE:
		return fmt.Sprintf("EASE, l2 %v", *c.L2)
	case KindSLIM:
		return fmt.Sprintf("SLIM, l1 %v, l2 %v", *c.L1, *c.L2)
	case KindSpectral:
		return fmt.Sprintf("spectral filter, %d factors, ideal %v", *c.Factors, *c.Ideal)
	}
	return fmt.Sprintf("%s-based, similarity %s", c.Kind, c.Similarity)
}

// Resolved is the configuration as it is used.
func (t *training) Resolved() run.Config { return t.cfg }

// Close has nothing to end.
func (t *training) Close() error { return nil }

// Solve finds the neighbors, unless they were found when it was chosen how items are reweighted.
func (t *training) Solve(ctx context.Context) (err error) {
	if t.score == nil {
		t.graph, t.score, err = t.fit(WithProgress(ctx, t.progress()), t.Train)
	}
	return err
}

// reweight chooses how items are reweighted, by the model itself where there is a validation part, else by another of fewer pairs.
func (t *training) reweight(ctx context.Context) (err error) {
	t.cfg.Reweight, t.reweighted, err = t.ChooseReweight(ctx, t.cfg.Seed, t.log, func(held *recommender.Data) (ranking.Scorer, error) {
		g, s, err := t.fit(WithProgress(ctx, t.progress()), held.Train)
		if held == t.Data {
			t.graph, t.score = g, s
		}
		return s, err
	})
	return err
}

// fit finds the neighbors of a matrix of users and items.
func (t *training) fit(ctx context.Context, train *interactions.Matrix) (*Graph, ranking.Scorer, error) {
	model := &t.cfg.Model
	if model.Kind == KindUser {
		ties := ranking.NewTies(t.Users.Len(), t.Users.ID)
		m, err := FitUsers(ctx, train, ties, model.Settings, t.Pool)
		if err != nil {
			return nil, nil, err
		}
		return m.Graph, m.Scorer(), nil
	}
	var m *Items
	var err error
	switch model.Kind {
	case KindEASE:
		m, err = FitEASE(ctx, train, t.Ties, *model.L2, *model.Neighbors, t.Pool)
	case KindSLIM:
		m, err = FitSLIM(ctx, train, t.Ties, *model.L1, *model.L2, *model.Neighbors, t.Pool)
	case KindSpectral:
		m, err = FitSpectral(ctx, train, t.Ties, min(*model.Factors, t.Items.Len()), *model.Ideal, *model.Neighbors, t.Pool)
	default:
		m, err = FitItems(ctx, train, t.Ties, model.Settings, t.Pool)
	}
	if err != nil {
		return nil, nil, err
	}
	return m.Graph, m.Scorer(train), nil
}

// Evaluate measures the lists of a part.
func (t *training) Evaluate(ctx context.Context, part string) (*metrics.Result, error) {
	return t.Data.Evaluate(ctx, t.score, part)
}
