package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"debut/bench/defaults"
	"debut/datasets/configfile"
	"debut/datasets/interactions"
	intervals "debut/trainers/comparison"
	"debut/trainers/factorization"
	"debut/trainers/families"
	"debut/trainers/metrics"
	"debut/trainers/neighbors"
	"debut/trainers/recommender"
	"debut/trainers/run"
)

// listsForm is how a case is written.
const listsForm = "ALGORITHM, by the example that is shipped, or ALGORITHM.defaults, with nothing said about the model; " + defaults.DataVariable + " names the folder of the real log"

// lists is the suite of what recommenders' lists are worth.
var lists = Suite{
	Name: "lists",
	Summary: "lists of 20 items for the users of a marketplace, by every algorithm as its example has it and as it is where nothing is set: " +
		"recall and NDCG with bootstrap intervals over users, the AUC of what is bought beside 100 unseen items a user that are drawn alike, seconds of the whole run",
	Cases: listsCases(),
	Form:  listsForm,
	Metrics: []Metric{
		{Name: recallMetric, Direction: Same}, {Name: ndcgMetric, Direction: Same}, {Name: sampledMetric, Direction: Same}, {Name: secondsMetric, Direction: Lower}, {Name: cpuMetric, Direction: Lower},
	},
	Host:    func(string) bool { return true },
	ByCase:  true,
	measure: measureExample,
}

const (
	ndcgMetric    = "ndcg_at_20"
	sampledMetric = "auc_of_100" // sampled items a user
	sampledItems  = 100
	// examplesOf begins the names of the examples of the log.
	examplesOf = "taobao-"
	// asDefault ends a case in which the model has its defaults.
	asDefault = ".defaults"
)

// listsExamples are the run files of the suite, by algorithm.
func listsExamples() map[string]fs.FS {
	all := map[string]fs.FS{}
	for _, examples := range []fs.FS{neighbors.Examples, factorization.Examples} {
		paths, err := fs.Glob(examples, listsFile("*"))
		if err != nil { // of the pattern, which is fixed
			continue
		}
		for _, path := range paths {
			all[strings.TrimSuffix(strings.TrimPrefix(path, "examples/"+examplesOf), ".yaml")] = examples
		}
	}
	return all
}

// listsCases are the suite's cases: every algorithm by its example, and by its defaults where the example sets something.
func listsCases() (names []string) {
	for name, files := range listsExamples() {
		names = append(names, name)
		if text, err := fs.ReadFile(files, listsFile(name)); err == nil && setsSomething(name, text) {
			names = append(names, name+asDefault)
		}
	}
	slices.Sort(names)
	return names
}

// listsFile is the example of an algorithm.
func listsFile(algorithm string) string { return "examples/" + examplesOf + algorithm + ".yaml" }

// setsSomething says whether a run file has settings of a model beside the kind of it. One that cannot be read has, and fails when it is measured.
func setsSomething(name string, text []byte) bool {
	_, settings, err := example(name, text, false, "", nil)
	if err != nil {
		return true
	}
	_, plain, err := example(name, text, true, "", nil)
	return err != nil || settings != plain
}

// measureExample trains an example, or the same with the model's defaults, and measures its lists as debut compare does.
func measureExample(ctx context.Context, name string, r *runner) (err error) {
	algorithm, plain := strings.CutSuffix(name, asDefault)
	files, ok := listsExamples()[algorithm]
	if !ok {
		return fmt.Errorf("there is no example %s%s.yaml; a case is one of %s", examplesOf, algorithm, strings.Join(listsCases(), ", "))
	}
	text, err := fs.ReadFile(files, listsFile(algorithm))
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "debut-bench-")
	if err != nil {
		return err
	}
	defer removeAll(folder, &err)
	logs := filepath.Join(defaults.NewWork(folder, r.Device.Info().Threads).Data, strings.TrimSuffix(examplesOf, "-"))
	if _, err := os.Stat(logs); err != nil {
		return fmt.Errorf("%w; %s names the folder that %s is in", err, defaults.DataVariable, filepath.Base(logs))
	}
	set := []string{"output=" + filepath.Join(folder, "runs"), "device=cpu", fmt.Sprint("threads=", r.Device.Info().Threads)}
	cfg, settings, err := example(algorithm, text, plain, logs, set)
	if err != nil {
		return err
	}
	r.result.Settings = settings
	began, before := time.Now(), processSeconds()
	out, err := run.Train(ctx, cfg, run.Options{ConfigPath: algorithm + ".yaml"})
	if err != nil {
		return err
	}
	seconds, cpu := time.Since(began).Seconds(), processSeconds()-before
	if err := r.reportLists(ctx, cfg, out); err != nil {
		return err
	}
	r.report(secondsMetric, seconds)
	r.report(cpuMetric, cpu)
	if t := out.Result.Trained; t != nil {
		r.report(epochsOfRun, float64(t.Epochs))
	}
	return nil
}

// epochsOfRun is how many epochs a training had that has some.
const epochsOfRun = "epochs"

// example returns a run file of the log in a folder, and its settings in a line; with plain those that a run file without any has.
func example(name string, text []byte, plain bool, folder string, set []string) (run.Config, string, error) {
	f, err := configfile.New(name+".yaml", text, nil)
	if err != nil {
		return nil, "", err
	}
	var tree struct {
		Family, Name                             string
		Seed                                     int
		Data, Model, Train, Reweight, Evaluation map[string]any
	}
	if err := f.Decode(&tree); err != nil {
		return nil, "", err
	}
	if plain {
		for key := range tree.Model {
			if key != "kind" && key != "algorithm" {
				delete(tree.Model, key)
			}
		}
		set = append(set, "model="+inFlow(tree.Model), "reweight={}")
		if tree.Train != nil { // what is found in one go has no such section
			set = append(set, "train={}")
		}
		tree.Train, tree.Reweight = nil, nil
	}
	var settings []string
	for _, section := range []struct {
		name   string
		values map[string]any
	}{{"model", tree.Model}, {"train", tree.Train}, {"reweight", tree.Reweight}} {
		if len(section.values) > 0 {
			settings = append(settings, section.name+": "+inFlow(section.values))
		}
	}
	cfg, err := families.Parse(name+".yaml", text, set)
	if err != nil {
		return nil, "", err
	}
	var data *interactions.Config
	switch c := cfg.(type) {
	case *neighbors.Config:
		data = &c.Data
	case *factorization.Config:
		data = &c.Data
	default:
		return nil, "", fmt.Errorf("the example is one of the family %s", cfg.Base().Family)
	}
	for _, sources := range [][]interactions.Source{data.Sources, data.Test} {
		for _, s := range sources {
			for i, path := range s.Path {
				s.Path[i] = filepath.Join(folder, filepath.Base(path))
			}
		}
	}
	return cfg, strings.Join(settings, ", "), nil
}

// inFlow writes a section as YAML has it in a line, keys in their order.
func inFlow(section map[string]any) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(section)) {
		v := fmt.Sprint(section[key])
		if inner, ok := section[key].(map[string]any); ok {
			v = inFlow(inner)
		}
		parts = append(parts, key+": "+v)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// reportLists measures the lists of a run's model, user by user.
func (r *runner) reportLists(ctx context.Context, cfg run.Config, out *run.Outcome) (err error) {
	m, err := families.Open(out.Folder, r.Device)
	if err != nil {
		return err
	}
	if c, ok := m.(io.Closer); ok {
		defer func() { err = errors.Join(err, c.Close()) }()
	}
	sampler, ok := cfg.(run.Sampler)
	if !ok {
		return fmt.Errorf("models of the family %s are not measured user by user", cfg.Base().Family)
	}
	s, err := sampler.SamplePart(ctx, m, "", run.PartTest, r.Log)
	if err != nil {
		return err
	}
	names := []string{metrics.At("recall@k", listed), metrics.At("ndcg@k", listed)}
	c, err := intervals.Compare(ctx, []string{r.result.Case}, []*metrics.Sample{s.Sample}, intervals.Options{Metrics: names, Seed: 1, Threads: r.Device.Info().Threads})
	if err != nil {
		return err
	}
	for k, metric := range []string{recallMetric, ndcgMetric} {
		e := c.Models[0].Estimates[k]
		r.report(metric, float64(e.Value))
		r.report(metric+"_low", e.Interval.Low)
		r.report(metric+"_high", e.Interval.High)
	}
	recommends, ok := m.(interface{ Recommender() *recommender.Model })
	if !ok {
		return fmt.Errorf("models of the family %s are not measured on sampled items", cfg.Base().Family)
	}
	recommends.Recommender().Evaluation.Negatives = sampledItems
	if s, err = sampler.SamplePart(ctx, m, "", run.PartTest, r.Log); err != nil {
		return err
	}
	sum, n := 0.0, 0
	for _, unit := range s.Units.Metrics {
		if unit.Name == "auc" {
			for _, v := range unit.Values {
				sum += float64(v)
				n++
			}
		}
	}
	r.report(sampledMetric, sum/float64(max(n, 1)))
	return nil
}
