// Package recommender is what families share that recommend items to users: the interactions a run is about ([Data]), their
// evaluation as full rankings or, of ratings, by how far predictions are off ([TaskRating]), the part of a model folder with users, items and
// what users have already ([Shop]), lists for users the model knows and for others, and predictions of ratings ([Predictor]).
package recommender

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"debut/datasets/configfile"
	"debut/datasets/interactions"
	"debut/datasets/warning"
	"debut/kernels/pool"
	"debut/trainers/metrics"
	"debut/trainers/ranking"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// Evaluation is the section of a run file that says how lists are measured.
type Evaluation struct {
	Cutoffs   []int `yaml:"cutoffs,omitempty" jsonschema:"description=Lengths of list at which metrics are computed (default: 10 and 20)."`
	KeepSeen  bool  `yaml:"keep_seen,omitempty" jsonschema:"description=Items that a user has already may be recommended and count. By default they are left out."`
	Negatives int   `yaml:"negatives,omitempty" jsonschema:"minimum=0,description=Rank so many items for a user beside what he is to find; drawn alike from those that he has not; in the place of all items. Such figures are higher and compare with no others. Default 0: all items."`
}

// SetDefaults fills empty fields.
func (e *Evaluation) SetDefaults() {
	if len(e.Cutoffs) == 0 {
		e.Cutoffs = []int{10, 20}
	}
}

// Validate reports what cannot be used, with the path below the section.
func (e *Evaluation) Validate() error {
	for i, k := range e.Cutoffs {
		if k < 1 || k > maxList || slices.Contains(e.Cutoffs[:i], k) {
			return configfile.Errorf(fmt.Sprintf("cutoffs.%d", i), "a list of %d items; give different numbers from 1 to %d", k, maxList)
		}
	}
	if e.Negatives < 0 {
		return configfile.Errorf("negatives", "%d items; give a number from 1, or 0 for all", e.Negatives)
	}
	return nil
}

// maxList bounds lists: all users' lists are in memory while they are measured.
const maxList = 10_000

// Data are the interactions of a run, with the order of equal scores.
type Data struct {
	*interactions.Dataset
	Ties *ranking.Ties
	Pool *pool.Pool
	// Folder says what the model folder has of them.
	Folder Folder

	task    metrics.Task
	cfg     *interactions.Config
	eval    Evaluation
	weights []float32 // of items, that scores are multiplied by; nil: none
	files   []runfolder.DataFile
	before  *interactions.Matrix // what users had of a model that is gone on from; nil: nothing
	all     *interactions.Matrix // before and training
	known   *interactions.Matrix // all and validation, what is left out at testing
	news    warning.List         // what validation and test have that training has not, and what else is to be known
	parts   []string             // that there is something to find in
}

// Load reads the interactions that a run file describes in its data section, to rank items by, and what is known of a model that is gone on from; nil:
// there is none. Errors about fields have their paths.
func Load(ctx context.Context, cfg *interactions.Config, eval Evaluation, env *run.Env, seed uint64, from *Earlier) (*Data, error) {
	return load(ctx, cfg, eval, env, seed, ranking.Task, from)
}

func load(ctx context.Context, cfg *interactions.Config, eval Evaluation, env *run.Env, seed uint64, task metrics.Task, from *Earlier) (*Data, error) {
	p, err := env.Pool()
	if err != nil {
		return nil, err
	}
	d, err := interactions.Load(ctx, cfg, env.BaseDir, seed, p)
	if err != nil {
		var field *configfile.FieldError
		if errors.As(err, &field) {
			err = configfile.Prefix("data", err)
		}
		return nil, err
	}
	if d.Train.Len() == 0 {
		return nil, errors.New("data: there is nothing to train on: no user has an item in the training part")
	}
	out := &Data{Dataset: d, Pool: p, task: task, cfg: cfg, eval: eval}
	if err := out.goOn(from); err != nil {
		return nil, err
	}
	out.Ties = ranking.NewTies(d.Items.Len(), d.Items.ID)
	hashes, err := d.Report.Files.Hash(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range hashes {
		out.files = append(out.files, runfolder.DataFile{Path: f.Path, Bytes: f.Bytes, SHA256: f.SHA256})
	}
	env.Log.Info("data ready", "users", d.Users.Len(), "items", d.Items.Len(), "pairs", d.Train.Len(), "events", d.Report.Events)
	out.survey()
	out.news.Log(env.Log)
	return out, nil
}

// survey looks for parts to measure on, and for users and items that training does not see.
func (d *Data) survey() {
	if n := d.Report.Missing; n > 0 {
		d.news = append(d.news, warning.Warning{Name: warning.LeftOut, Message: fmt.Sprintf("%d rows without a user or an item were left out", n)}.With("rows", float64(n)))
	}
	if d.task == TaskRating {
		d.surveyRatings()
	}
	trained := make([]bool, d.Items.Len())
	for _, i := range d.histories().Indices {
		trained[i] = true
	}
	for _, p := range []struct {
		name  string
		truth *interactions.Matrix
	}{{run.PartValidation, d.Validation}, {run.PartTest, d.Test}} {
		if p.truth == nil {
			continue
		}
		if p.truth.Len() == 0 {
			d.news = append(d.news, warning.Warning{Name: warning.SmallPart, Part: p.name, Message: fmt.Sprintf("the %s part is empty: no user has an item to spare for it, and nothing is measured on it", p.name)})
			continue
		}
		users, items, pairs, found := 0, 0, 0, false
		counted := make([]bool, len(trained))
		for u := range p.truth.Rows {
			has, _ := p.truth.Row(u)
			before, _ := d.histories().Row(u)
			if len(has) > 0 && len(before) == 0 {
				users++
			}
			for _, i := range has {
				if !trained[i] {
					pairs++
					if !counted[i] {
						counted[i] = true
						items++
					}
				}
			}
			if !found && len(has) > 0 {
				seen, _ := d.seen(p.name).Row(u)
				found = d.eval.KeepSeen || d.task == TaskRating || slices.ContainsFunc(has, func(i int32) bool { _, ok := slices.BinarySearch(seen, i); return !ok })
			}
		}
		if users > 0 {
			d.news = append(d.news, warning.Warning{
				Name: warning.Unseen, Part: p.name, Column: "user",
				Message: fmt.Sprintf("%d users of the %s part have nothing in the training part; %s", users, p.name, d.strangers("they are recommended what most users have", "what is known of an item alone predicts their ratings")),
			}.With("users", float64(users)))
		}
		if items > 0 {
			d.news = append(d.news, warning.Warning{
				Name: warning.Unseen, Part: p.name, Column: "item",
				Message: fmt.Sprintf("%d items of the %s part, in %d of its %d pairs, are not in the training part; %s", items, p.name, pairs, p.truth.Len(), d.strangers("nobody is recommended them for a reason", "what is known of a user alone predicts their ratings")),
			}.With("items", float64(items)).With("pairs", float64(pairs)))
		}
		if !found {
			d.news = append(d.news, warning.Warning{
				Name: warning.SmallPart, Part: p.name, Message: fmt.Sprintf("all of the %s part is what its users have already, and nothing is measured on it", p.name),
				Remedy: "with evaluation: {keep_seen: true} that counts",
			})
			continue
		}
		d.parts = append(d.parts, p.name)
	}
}

// strangers says what becomes of who or what training has not seen, by the task.
func (d *Data) strangers(ranked, rated string) string {
	if d.task == TaskRating {
		return rated
	}
	return ranked
}

// Describe says what was read, for run.json; found is how the model was found, in a few words.
func (d *Data) Describe(found string) run.Description {
	r := d.Report
	out := run.Description{Task: d.task, Data: d.files, Warnings: d.news}
	out.Protocol = fmt.Sprintf("%d users and %d items; %d pairs for training, %d for validation, %d for test, split by %s; %s", d.Users.Len(), d.Items.Len(),
		r.Pairs[0], r.Pairs[1], r.Pairs[2], d.cfg.Split.Method, found)
	return out
}

// Parts lists those there are to measure a model on.
func (d *Data) Parts() []string { return d.parts }

// seen is what users have before a part.
func (d *Data) seen(part string) *interactions.Matrix {
	if part != run.PartTest || d.Validation == nil {
		return d.histories()
	}
	if d.known == nil {
		d.known = interactions.Merge(d.histories(), d.Validation, func(a, _ float32) float32 { return a })
	}
	return d.known
}

// Evaluate ranks all items for the users of a part, as Model.Recommend would: those without a history get what most users have. What users have in the training part is left out, at testing what they have in
// the validation part too.
func (d *Data) Evaluate(ctx context.Context, s ranking.Scorer, part string) (*metrics.Result, error) {
	r, _, err := measure(ctx, s, d.weights, d.histories(), d.truth(part), d.seen(part), d.eval, d.Ties, d.Pool)
	return r, err
}

// truth is what users have in a part.
func (d *Data) truth(part string) *interactions.Matrix {
	if part == run.PartTest {
		return d.Test
	}
	return d.Validation
}

// measure compares lists with what users chose. Who has nothing in the histories gets what most users have.
func measure(ctx context.Context, s ranking.Scorer, weights []float32, histories, truth, seen *interactions.Matrix, eval Evaluation, ties *ranking.Ties, p *pool.Pool) (*metrics.Result, *ranking.Evaluation, error) {
	o := ranking.Options{Ties: ties, Seen: seen, Weights: weights, Cold: newPopular(histories.ColumnCounts(), histories.Rows).share, Histories: histories, Pool: p}
	if eval.KeepSeen {
		o.Seen = nil
	}
	if eval.Negatives > 0 {
		var err error
		if o.Candidates, err = ranking.SampleCandidates(truth, seen, eval.Negatives, negativesSeed); err != nil {
			return nil, nil, err
		}
	}
	e, err := ranking.Evaluate(ctx, s, truth, eval.Cutoffs, o)
	if err != nil {
		return nil, nil, err
	}
	e.Protocol.Negatives = eval.Negatives
	r := e.Result()
	r.Plain = e.Plain(o.Cold, o)
	return r, e, nil
}

// negativesSeed is that of sampled candidates, whatever the seed of a run, so that different models are measured on the same lists.
const negativesSeed = 1

// Fingerprint tells the data apart from others.
func (d *Data) Fingerprint() (run.Fingerprint, error) {
	h := sha256.New()
	f := run.Fingerprint{Train: int(d.Train.Len())}
	if _, err := fmt.Fprintln(h, d.Users.Sum(), d.Items.Sum()); err != nil {
		return f, err
	}
	d.Train.Fingerprint(h)
	if d.before != nil {
		d.before.Fingerprint(h)
	}
	if d.Validation != nil {
		f.Validation = int(d.Validation.Len())
		d.Validation.Fingerprint(h)
	}
	f.SHA256 = hex.EncodeToString(h.Sum(nil))
	return f, nil
}
