package factorization

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"

	"debut/datasets/interactions"
	"debut/datasets/warning"
	"debut/kernels"
	"debut/trainers/loop"
	"debut/trainers/metrics"
	"debut/trainers/modelfolder"
	"debut/trainers/recommender"
	"debut/trainers/run"
)

// Prepare loads the interactions, checks that there is memory, and chooses what is left open.
func (c *Config) Prepare(ctx context.Context, env *run.Env) (run.Task, error) {
	from, err := c.openDonor(env)
	if err != nil {
		return nil, err
	}
	data, err := c.loadGrown(ctx, env, from)
	if err != nil {
		return nil, c.Locate(err)
	}
	sides, err := c.loadSides(ctx, env, data)
	if err != nil {
		return nil, c.Locate(err)
	}
	data.Folder = c.Folder
	if err := data.Reweight(c.Reweight); err != nil {
		return nil, c.Locate(err)
	}
	b := &task{problem: problem{Data: data, cfg: c, log: env.Log, sides: sides, profile: env.Profile}, algorithm: find(c.Model.Algorithm)}
	if err := b.open(env); err != nil {
		return nil, err
	}
	b.validated = b.hasValidation()
	if c.Model.Factors == 0 && slices.Contains(b.keys, "factors") {
		b.openFactors = true
		if c.Model.rates() {
			c.Model.Factors = ratingFactors(&c.Model) // fewer where that is better
		} else {
			c.Model.Factors = usualFactors(data.Train)
			b.chosen = fmt.Sprintf("%d factors by how many pairs there are", c.Model.Factors)
		}
	}
	for _, s := range sides {
		if s != nil {
			if err := s.network(c.Model.Hidden, c.Model.Factors); err != nil {
				return nil, err
			}
		}
	}
	if err := b.checkMemory(env); err != nil {
		return nil, err
	}
	if b.solve != nil {
		if from != nil {
			b.addClause(fmt.Sprintf("begun with %d pairs of %d users and %d items of %s", from.from.Histories.Len(), from.from.Users.Len(), from.from.Items.Len(), from.place))
		}
		return &solving{b}, nil
	}
	t := &training{task: b}
	if t.metric, t.higher, err = c.metric(); err != nil {
		return nil, err
	}
	clause, err := t.settle(ctx, &t.problem)
	if err != nil {
		return nil, err
	}
	if clause != "" {
		t.addClause(clause)
	}
	if t.fit, err = t.begin(ctx, &t.problem); err != nil {
		return nil, err
	}
	t.model = t.fit.factors
	return t, t.goOn(from)
}

// Where a run file leaves it open, there are usualFactors factors for usualPairs pairs, the more pairs the more, by their square root, in steps
// of powers of 2. On logs of a shop of a million pairs, als found with 512 two thirds more than with 64.
const (
	usualPairs       = 16_000
	usualOfPairs     = 64
	leastFactors     = 8
	mostByPairs      = 512
	mostNumbersOf    = 1 << 28 // of all users and items
	factorsOfSmaller = 2       // so many times as many users and items there are
)

// usualFactors is how many factors a matrix is worth.
func usualFactors(m *interactions.Matrix) int {
	n := usualOfPairs * math.Sqrt(float64(m.Len())/usualPairs)
	n = math.Exp2(math.Round(math.Log2(max(n, 1))))
	d := int(min(n, mostByPairs))
	for d > leastFactors && (d*factorsOfSmaller > min(m.Rows, m.Columns) || int64(d)*int64(m.Rows+m.Columns) > mostNumbersOf) {
		d /= 2
	}
	return max(d, leastFactors)
}

// open opens the devices: that of the run file, and the processor, which has all else to do. A model that is found in one go is found there.
func (t *task) open(env *run.Env) (err error) {
	if t.solve == nil {
		if t.dev, err = env.Device(); err != nil {
			return err
		}
		if onProcessor(t.dev) {
			t.cpu = t.dev
			return nil
		}
	}
	if t.cpu, err = env.CPU(); t.dev == nil {
		t.dev = t.cpu
	}
	return err
}

// onProcessor says whether a device computes in the host's memory.
func onProcessor(dev kernels.Device) bool { return dev.Info().Kind == "cpu" }

func (c *Config) load(ctx context.Context, env *run.Env, from *recommender.Earlier) (*recommender.Data, error) {
	if c.Model.rates() {
		return recommender.LoadRatings(ctx, &c.Data, env, c.Seed, from)
	}
	return recommender.Load(ctx, &c.Data, c.Evaluation, env, c.Seed, from)
}

// task is what trainings have in common.
type task struct {
	problem
	*algorithm
	chosen    string // what was, a clause of the protocol
	doubts    warning.List
	validated bool
	model     func() (*Factors, error) // as it is
	score     *scorer
}

// solving is the task of a model that is found in one go.
type solving struct{ *task }

// Solve finds the factors.
func (t *solving) Solve(ctx context.Context) error {
	f, err := t.solve(ctx, &t.problem)
	t.model = func() (*Factors, error) { return f, nil }
	return err
}

// training is the task of a model that is trained step by step.
type training struct {
	*task
	metric string
	higher bool

	fit    fitter
	steps  int64
	factor float64   // of the learning rate, 0: 1
	losses []float64 // that nobody has asked for yet
}

// checkMemory returns an error where the training takes more memory than is free, of the host or of a GPU. Its remedy is so many factors as
// there is room for.
func (t *task) checkMemory(env *run.Env) error {
	err := t.room(env, "")
	if err == nil {
		return nil
	}
	quiet := *env
	quiet.Log = slog.New(slog.DiscardHandler)
	given, remedy := t.cfg.Model.Factors, "data with fewer users or items, or a machine with more memory"
	for t.cfg.Model.Factors = given / 2; t.cfg.Model.Factors > 0; t.cfg.Model.Factors /= 2 {
		if t.room(&quiet, "") == nil {
			remedy = fmt.Sprintf("fewer factors: model: {factors: %d}", t.cfg.Model.Factors)
			break
		}
	}
	t.cfg.Model.Factors = given
	return t.room(&quiet, remedy)
}

// room returns an error where there is too little memory, which tells of a remedy.
func (t *task) room(env *run.Env, remedy string) error {
	need, there := t.need(&t.problem), map[string]int64{}
	if t.onDevice != nil {
		there = t.onDevice(&t.problem)
	}
	t.blocks = 0
	if onProcessor(t.dev) {
		for purpose, n := range there {
			need[purpose] += n
		}
	} else if err := t.onGPU(env, there, remedy+", or device: cpu"); err != nil {
		return fmt.Errorf("factorization: %w", err)
	}
	factors := 4 * int64(t.cfg.Model.width()) * int64(t.Users.Len()+t.Items.Len())
	need["factors"] += factors
	if t.validated {
		need[run.PurposeBest] = max(need[run.PurposeBest], factors)
	} else {
		delete(need, run.PurposeBest)
	}
	longest := int64(slices.Max(append([]int{0}, t.cfg.Evaluation.Cutoffs...)))
	if len(t.Parts()) > 0 && !t.cfg.Model.rates() {
		need["lists to measure"] = int64(t.Users.Len()) * longest * 8
	}
	if err := env.CheckMemory(need, remedy); err != nil {
		return fmt.Errorf("factorization: %w", err)
	}
	return nil
}

// onGPU returns an error where a GPU has too little memory, even for blocks of rows.
func (t *task) onGPU(env *run.Env, there map[string]int64, remedy string) error {
	err := env.CheckDevice(there, remedy)
	if err == nil || t.inBlocks == nil {
		return err
	}
	least := t.inBlocks(&t.problem)
	if err := env.CheckDevice(least, remedy); err != nil {
		return err
	}
	t.blocks = freeOn(t.dev)
	env.Log.Info("the device has not room for all factors and pairs: rows are trained in blocks", "device", t.dev.Info().Name)
	return nil
}

// Describe says what is trained on what.
func (t *task) Describe() run.Description {
	about := t.about(&t.cfg.Model)
	if t.chosen != "" {
		about += "; " + t.chosen
	}
	d := t.Data.Describe(about)
	d.Warnings = append(slices.Clone(d.Warnings), t.doubts...)
	for _, s := range t.sides {
		if s != nil {
			d.Data = append(d.Data, s.files...)
		}
	}
	d.Parameters = int64(t.cfg.Model.width()) * int64(t.Users.Len()+t.Items.Len())
	return d
}

// Resolved is the configuration as it is used.
func (t *task) Resolved() run.Config { return t.cfg }

// Close has nothing to end.
func (t *task) Close() error { return nil }

// Course is the plan of the training.
func (t *training) Course() run.Course {
	rows, batch, shuffle := t.fit.course()
	stop := t.cfg.Train.EarlyStopping
	c := run.Course{
		Plan: loop.Plan{
			Rows: rows, Batch: min(batch, rows), Epochs: t.cfg.Train.Epochs, Streamed: !shuffle, Shuffle: shuffle, Seed: t.cfg.Seed,
			Evaluate: t.validated, Higher: t.higher, MinDelta: stop.MinDelta,
		},
		Metric: t.metric, Calmer: t.calmer, Faster: t.faster,
		Changeable: map[string]string{"train.epochs": "", "train.early_stopping.patience": "", "train.early_stopping.min_delta": ""},
	}
	if t.validated {
		c.Plan.Patience = stop.Patience
	}
	return c
}

// Fingerprint tells the data apart from others.
func (t *training) Fingerprint(ctx context.Context) (run.Fingerprint, error) {
	f, err := t.Data.Fingerprint()
	if err != nil || t.sides == [2]*side{} {
		return f, err
	}
	h := sha256.New()
	if _, err := io.WriteString(h, f.SHA256); err != nil {
		return f, err
	}
	err = errors.Join(t.sides[userSide].hash(ctx, h), t.sides[itemSide].hash(ctx, h))
	f.SHA256 = hex.EncodeToString(h.Sum(nil))
	return f, err
}

// Begin has nothing to start.
func (t *training) Begin(context.Context) (end func(), err error) { return func() {}, nil }

// Gather has nothing to get ready: all data are in memory.
func (t *training) Gather(loop.Event, int) error { return nil }

// Step trains on a batch.
func (t *training) Step(ev loop.Event, _ int) error {
	loss, err := t.fit.step(ev)
	if err != nil {
		return err
	}
	t.steps++
	t.losses = append(t.losses, loss)
	return nil
}

// Losses returns the losses since the last call.
func (t *training) Losses(bool) ([]float64, error) {
	known := t.losses
	t.losses = nil
	for i, loss := range known {
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return known[:i], &divergedError{t.steps - int64(len(known)-i), loss}
		}
	}
	return known, nil
}

// Diagnose says where a loss that is no number comes from.
func (t *training) Diagnose() (string, error) {
	name, value, err := t.NonFinite()
	if err != nil || name == "" {
		return "sums of squares are beyond the numbers of 32 bits", err
	}
	return fmt.Sprintf("the factors of %s hold %v", name, value), nil
}

// Rate is the learning rate of the next step.
func (t *training) Rate() float64 { return t.fit.rate() }

// State is the training's own, or that of what the fitter trains with.
func (t *training) State() run.State {
	if f, ok := t.fit.(interface{ state() run.State }); ok {
		return f.state()
	}
	return t
}

// Evaluate measures the lists, or the predictions of ratings, of a part.
func (t *task) Evaluate(ctx context.Context, part string) (*metrics.Result, error) {
	f, err := t.model()
	if err != nil {
		return nil, err
	}
	if t.cfg.Model.rates() {
		return t.EvaluateRatings(ctx, f.Rate, part)
	}
	if t.score == nil {
		t.score = newScorer(f, t.cpu) // every call of model returns the same one
	}
	return t.Data.Evaluate(ctx, t.score, part)
}

// Save writes the model.
func (t *task) Save(to *modelfolder.Writer) error {
	f, err := t.model()
	if err != nil {
		return err
	}
	return recommender.Save(to, formatVersion, t.Data, t.cfg.Model, func() error {
		return to.Tensors(factorsFile, f.sources()...)
	})
}
