package factorization

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"log/slog"
	"math"
	"slices"

	"debut/datasets/configfile"
	"debut/datasets/interactions"
	"debut/layers"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/ranking"
	"debut/trainers/recommender"
	"debut/trainers/run"
)

// Family is the name of the family in run files and model folders.
const Family = "factorization"

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
	Model              ModelConfig            `yaml:"model,omitempty" jsonschema:"description=Which factors are found and how."`
	Items              *Attributes            `yaml:"items,omitempty" jsonschema:"description=two_tower: what items are like; those that nobody has yet among them."`
	Users              *Attributes            `yaml:"users,omitempty" jsonschema:"description=two_tower: what users are like."`
	Train              TrainConfig            `yaml:"train,omitempty" jsonschema:"description=How long; not of bias."`
	Reweight           recommender.Reweight   `yaml:"reweight,omitempty" jsonschema:"description=Raises or lowers items for everybody: scores are multiplied by powers of what is known of an item."`
	Evaluation         recommender.Evaluation `yaml:"evaluation,omitempty" jsonschema:"description=How lists are measured; not of models of ratings."`
	recommender.Folder `yaml:",inline"`
	run.Keeping        `yaml:",inline"`
}

// ModelConfig is the model section of a run file. Which of the keys there are for an algorithm is said in algorithm.go.
type ModelConfig struct {
	Algorithm      string         `yaml:"algorithm,omitempty" jsonschema:"enum=als,enum=bpr,enum=simplex,enum=two_tower,enum=sgd,enum=bias,description=als (default): alternating least squares; bpr: Bayesian personalized ranking: that users prefer items that they have to others; by stochastic gradient steps; simplex: cosines of items and of users with their histories against many other items. Of ratings: sgd: factors and biases by stochastic gradient steps; bias: what is known of a user and of an item each for itself; and als with feedback: explicit."`
	Factors        int            `yaml:"factors,omitempty" jsonschema:"minimum=1,maximum=4096,description=Numbers for each user and each item; not of bias. Default: of implicit als and bpr and simplex the more the more pairs there are: 64 for some 16000; 512 for a million and more; of ratings by trials on some that are held back where users and items have few; else 16 of sgd and 64 of explicit als."`
	Feedback       string         `yaml:"feedback,omitempty" jsonschema:"enum=implicit,enum=explicit,description=als. implicit (default): what a user has is wanted and the greater its value the surer; the rest is not. explicit: values are ratings to be met."`
	Regularization *float64       `yaml:"regularization,omitempty" jsonschema:"minimum=0,description=The penalty of the square of factors. Default: of implicit als chosen on validation; of ratings the smaller the more there are of each user and item or by trials where these are few; of bpr 0.01; of simplex 0; of bias 5."`
	Exponent       *float64       `yaml:"exponent,omitempty" jsonschema:"minimum=0,maximum=2,description=als: how the penalty grows with the pairs of a user or item; 0: not at all; 1 (default): in proportion."`
	Unobserved     *float64       `yaml:"unobserved,omitempty" jsonschema:"exclusiveMinimum=0,description=als implicit: what a pair of user and item weighs that did not occur; one that did weighs its value. Default: chosen on validation."`
	Confidence     string         `yaml:"confidence,omitempty" jsonschema:"enum=value,enum=log,enum=none,description=als implicit and simplex: what a pair that occurred weighs. value (default); log: ln(1+value); none: 1."`
	Solver         string         `yaml:"solver,omitempty" jsonschema:"enum=conjugate_gradient,enum=cholesky,description=als. conjugate_gradient (default): steps from the last solution; cholesky: exact."`
	Steps          int            `yaml:"steps,omitempty" jsonschema:"minimum=1,description=als: of conjugate_gradient. Default 3."`
	LearningRate   *float64       `yaml:"learning_rate,omitempty" jsonschema:"exclusiveMinimum=0,description=bpr and sgd and simplex and two_tower: the size of steps. Default 0.05; of simplex 0.001; of two_tower 0.01 by the square root of the factors; of sgd the larger the fewer ratings there are of each user and item; which are measured in their standard deviation."`
	Decay          *float64       `yaml:"decay,omitempty" jsonschema:"exclusiveMinimum=0,maximum=1,description=bpr and sgd: what the learning rate is multiplied by after each epoch. Default 1; of sgd such that a twentieth is left after as many epochs as there are by default."`
	NegativePower  *float64       `yaml:"negative_power,omitempty" jsonschema:"minimum=0,maximum=1,description=bpr: other items are drawn by the number of users who have them to this power. Default 0.5; 0: all alike."`
	Margin         *float64       `yaml:"margin,omitempty" jsonschema:"minimum=-1,maximum=1,description=simplex: the cosine up to which an item that a user has not may be like him. Default 0.1."`
	Negatives      int            `yaml:"negatives,omitempty" jsonschema:"minimum=1,maximum=65536,description=simplex: items drawn for a batch that its users have not. Default 512."`
	NegativeWeight *float64       `yaml:"negative_weight,omitempty" jsonschema:"minimum=0,description=simplex: what they weigh together; the item that the user has weighs 1. Default 100."`
	Dropout        *float64       `yaml:"dropout,omitempty" jsonschema:"minimum=0,maximum=0.99,description=simplex: the share of numbers of users' vectors that is dropped in training. Default 0.2."`
	Gate           *float64       `yaml:"gate,omitempty" jsonschema:"minimum=0,maximum=1,description=simplex: the share of what is a user's own in his vector; the rest is of the items that he has. Default 0.5."`
	History        int            `yaml:"history,omitempty" jsonschema:"minimum=1,maximum=1024,description=simplex and two_tower: most items of a user that a step takes for all; of more as many are drawn. Lists are made from all. Default 16; of two_tower 32."`
	Temperature    *float64       `yaml:"temperature,omitempty" jsonschema:"exclusiveMinimum=0,description=two_tower: what cosines are divided by before items compete; the smaller the harder. Default 0.2."`
	Unknown        *float64       `yaml:"unknown,omitempty" jsonschema:"minimum=0,maximum=1,description=two_tower: the share of pairs in training whose item (or user) is known by its attributes alone; so that new ones can be scored. Default 0.2."`
	LogQ           *float64       `yaml:"log_q,omitempty" jsonschema:"minimum=0,maximum=1,description=two_tower: how far it is corrected for popular items being drawn more often: 1 for scores of what is likely; 0 for what is likelier for a user than for anybody. Default 0.5."`
	Hidden         []layers.Block `yaml:"hidden,omitempty" jsonschema:"description=two_tower: hidden layers between attributes and factors. Default: 64 units."`
	Start          string         `yaml:"start,omitempty" jsonschema:"enum=spectral,enum=random,description=simplex and two_tower: first factors. spectral (default): of items those of leading singular vectors; random."`
	Batch          int            `yaml:"batch,omitempty" jsonschema:"minimum=1,maximum=65536,description=simplex and two_tower: pairs of user and item in a step. Default 1024."`
}

// TrainConfig is the train section of a run file.
type TrainConfig struct {
	Epochs        int               `yaml:"epochs,omitempty" jsonschema:"minimum=0,description=Most passes; of als a pass fits all users and then all items. 0: by the algorithm."`
	EarlyStopping run.EarlyStopping `yaml:"early_stopping,omitempty" jsonschema:"description=When to stop and which epoch's model to keep: judged on the validation part."`
}

// biased says whether the model has biases.
func (c *ModelConfig) biased() bool {
	return c.rates() || c.Algorithm == bprAlgorithm.name
}

// rates says whether the model is of ratings, which it predicts, and else of what users have, by which it ranks.
func (c *ModelConfig) rates() bool {
	switch c.Algorithm {
	case algorithmSGD, algorithmBias:
		return true
	}
	return c.Feedback == Explicit
}

// width is that of rows of factors.
func (c *ModelConfig) width() int {
	switch {
	case c.biased():
		return c.Factors + 2
	case c.Algorithm == algorithmTower:
		return c.Factors + 1
	}
	return c.Factors
}

// gradual says whether the model is trained step by step, with checkpoints, and not found in one go.
func (c *ModelConfig) gradual() bool {
	a := find(c.Algorithm)
	return a == nil || a.solve == nil
}

// task is what the model does.
func (c *ModelConfig) task() metrics.Task {
	if c.rates() {
		return recommender.TaskRating
	}
	return ranking.Task
}

// Values of ModelConfig.
const (
	algorithmSGD  = "sgd"
	algorithmBias = "bias"

	algorithmTower = "two_tower"

	Implicit = "implicit"
	Explicit = "explicit"

	ConfidenceValue = "value"
	ConfidenceLog   = "log"
	ConfidenceNone  = "none"

	StartSpectral = "spectral"
	StartRandom   = "random"

	ConjugateGradient = "conjugate_gradient"
	Cholesky          = "cholesky"
)

// New returns what a run file is laid over.
func New() *Config { return &Config{Header: run.Header{Seed: 1}} }

// SetDefaults fills empty fields, so that the configuration can be written out as it will be used.
func (c *Config) SetDefaults() {
	c.Model.Algorithm = cmp.Or(c.Model.Algorithm, algorithms[0].name)
	run.SetDefaults(c, Family, c.Model.gradual())
	if c.Model.rates() {
		c.Data.Aggregate = cmp.Or(c.Data.Aggregate, interactions.AggregateMean)
	} else {
		c.Evaluation.SetDefaults()
	}
	c.Data.SetDefaults()
	if a := find(c.Model.Algorithm); a != nil {
		a.setDefaults(c)
	}
}

// Validate reports everything in the configuration that cannot be used. Its errors carry the field's path.
func (c *Config) Validate() error {
	errs := []error{
		run.Validate(c, Family, c.Model.gradual()), configfile.Prefix("data", c.Data.Validate()),
		configfile.Prefix("model", c.Model.validate()), configfile.Prefix("evaluation", c.Evaluation.Validate()),
		configfile.Prefix("reweight", c.Reweight.Validate()),
	}
	for name, a := range map[string]*Attributes{"users": c.Users, "items": c.Items} {
		if a != nil && c.Model.Algorithm != algorithmTower {
			errs = append(errs, configfile.Errorf(name, "attributes are of model: {algorithm: %s}; leave the section out, or take that", algorithmTower))
		}
		errs = append(errs, configfile.Prefix(name, a.validate()))
	}
	if c.Model.rates() {
		errs = append(errs, configfile.Prefix("data", recommender.CheckRatings(&c.Data)))
		if len(c.Evaluation.Cutoffs) > 0 || c.Evaluation.KeepSeen {
			errs = append(errs, configfile.Errorf("evaluation", "it says how lists are measured, and models of ratings are measured by how far predictions are off; leave the section out"))
		}
	}
	if c.Forgets() && c.Model.rates() {
		errs = append(errs, configfile.Errorf("keep_seen", "a model of ratings predicts by what it knows of users and items; leave keep_seen out"))
	}
	if !c.Model.gradual() {
		errs = append(errs, run.OnCPU(&c.Header))
	}
	if !c.Model.gradual() && c.Train != (TrainConfig{}) {
		errs = append(errs, configfile.Errorf("train", "the algorithm %s has no epochs: the model is found in one go; leave the section out", c.Model.Algorithm))
		return errors.Join(errs...)
	}
	if c.Train.Epochs < 0 {
		errs = append(errs, configfile.Errorf("train.epochs", "%d epochs; give a positive number, or leave it out", c.Train.Epochs))
	}
	for _, err := range c.Train.EarlyStopping.Validate(c.Model.task(), c.validated()) {
		errs = append(errs, configfile.Prefix("train", err))
	}
	if _, _, err := c.metric(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// validated says whether the data section asks for a validation part.
func (c *Config) validated() bool {
	s := c.Data.Split
	switch s.Method {
	case interactions.SplitRandom, interactions.SplitTime:
		return s.ValidationFrom != "" || s.Validation != nil && *s.Validation > 0
	case interactions.SplitLeaveLastOut, interactions.SplitLeaveRandomOut:
		return s.ValidationLeft != nil && *s.ValidationLeft > 0
	}
	return len(c.Data.Validation) > 0
}

// metric returns the metric of validation that decides, and whether more of it is better.
func (c *Config) metric() (name string, higher bool, err error) {
	name = c.Train.EarlyStopping.Metric
	if c.Model.rates() {
		name = cmp.Or(name, "rmse")
		higher, err = metrics.Higher(name)
		return name, higher, err
	}
	longest := 0
	for _, k := range c.Evaluation.Cutoffs {
		longest = max(longest, k)
	}
	if name == "" {
		name = metrics.At("recall@k", longest)
	} else if !c.measured(name) {
		return "", false, configfile.Errorf("train.early_stopping.metric", "%s is not measured; take one at a cutoff of evaluation.cutoffs, %v, such as %s", name, c.Evaluation.Cutoffs, metrics.At("recall@k", longest))
	}
	higher, err = metrics.Higher(name)
	return name, higher, err
}

// measured says whether evaluations have a metric.
func (c *Config) measured(name string) bool {
	for _, k := range c.Evaluation.Cutoffs {
		for _, m := range metrics.Names(ranking.Task) {
			if metrics.At(m, k) == name {
				return true
			}
		}
	}
	return false
}

// validate reports what cannot be used, with the path below the section.
func (c *ModelConfig) validate() error {
	a := find(c.Algorithm)
	if a == nil {
		return configfile.OneOf("algorithm", c.Algorithm, algorithmNames()...)
	}
	if err := a.only(c); err != nil {
		return err
	}
	if slices.Contains(a.keys, "factors") && (c.Factors < 0 || c.Factors > maxFactors) {
		return configfile.Errorf("factors", "%d factors; give a number from 1 to %d", c.Factors, maxFactors)
	}
	return a.validate(c)
}

// maxFactors bounds the width of factors.
const maxFactors = 4096

// within returns an error for a number that is given and not in a range.
func within(path string, v *float64, least, most float64) error {
	if v != nil && !(*v >= least && *v <= most) {
		if math.IsInf(most, 1) || most == math.MaxFloat32 {
			return configfile.Errorf(path, "%v must be a finite number from %v", *v, least)
		}
		return configfile.Errorf(path, "%v must be from %v to %v", *v, least, most)
	}
	return nil
}

// from1 returns an error for a number of things that is below 1 or above the most.
func from1(path string, n, most int) error {
	if n < 1 || n > most {
		return configfile.Errorf(path, "%d must be from 1 to %d", n, most)
	}
	return nil
}

// SamplePart reads the interactions of the run again and measures the lists of its model by a part of them.
func (c *Config) SamplePart(ctx context.Context, m model.Model, baseDir, part string, _ *slog.Logger) (*run.Sampled, error) {
	return recommender.SamplePart(ctx, &c.Header, &c.Data, m, baseDir, part)
}

// PredictPart reads the ratings of the run again and has its model, which is of ratings, predict those of a part.
func (c *Config) PredictPart(ctx context.Context, m model.Model, baseDir, part string, keep []string, _ *slog.Logger) (*run.PartAnswers, error) {
	return recommender.PredictPart(ctx, &c.Header, &c.Data, m, baseDir, part, keep)
}
