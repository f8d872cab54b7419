package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"debut/bench/defaults"
	"debut/bench/peers"
)

// untuned is the suite of what run files of three lines come to.
var untuned = Suite{
	Name: "defaults",
	Summary: "run files that name their data and their target and nothing else, on sets that had no part in choosing the defaults, " +
		"beside scikit-learn's models with theirs: quality on the test rows, seconds of CPU, memory; means of all splits of a set",
	Cases: untunedCases(defaults.Test),
	Form:  "test.SET, or choose.SET for the sets that the defaults were chosen on: " + strings.Join(untunedCases(defaults.Choose), ", ") + "; DEBUT_DATA names the folder of the real ones",
	Peer:  "scikit-learn (HistGradientBoosting, LogisticRegression or Ridge, MLP)",
	Metrics: []Metric{
		{Name: "auc", Direction: Same}, {Name: "r2", Direction: Same}, {Name: "log_loss", Direction: Same}, {Name: cpuMetric, Direction: Lower}, {Name: peakMetric, Direction: Lower},
	},
	Host:    func(string) bool { return true },
	measure: measureUntuned,
}

const (
	cpuMetric  = "cpu_seconds"
	peakMetric = "peak_megabytes"
	// perceptronRows are the most rows that scikit-learn's MLP is given: its default is up to 200 epochs of batches of 200.
	perceptronRows = 50_000
)

func untunedCases(half string) (names []string) {
	for _, s := range defaults.Sets() {
		if s.Half == half {
			names = append(names, s.Case())
		}
	}
	return names
}

func measureUntuned(ctx context.Context, name string, r *runner) (err error) {
	set, err := defaults.Find(name)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "debut-bench-")
	if err != nil {
		return err
	}
	defer removeAll(folder, &err)
	var all untunedTally
	for split := range set.Splits {
		w := defaults.NewWork(filepath.Join(folder, fmt.Sprint(split)), r.Device.Info().Threads)
		if err := w.Prepare(ctx, set, split); err != nil {
			return err
		}
		resettable := resetPeak()
		before := processSeconds()
		t, err := w.Train(ctx)
		if err != nil {
			return err
		}
		seconds := processSeconds() - before
		for _, m := range []string{"auc", "r2", "rmse", "log_loss", "accuracy"} {
			if v, ok := t.Test.Values.Get(m); ok {
				all.add("", m, v)
			}
		}
		all.add("", cpuMetric, seconds)
		if resettable {
			all.add("", peakMetric, float64(peakBytes())/1e6)
		}
		all.add("", "epochs", float64(t.Epochs))
		if r.Peers {
			if err := fitPeers(ctx, r, w, t, &all); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(w.Folder); err != nil {
			return err
		}
	}
	for _, name := range all.names {
		r.report(name, all.mean(name))
	}
	trees, found := all.best(set.Metric)
	if found {
		lead := all.mean(set.Metric) - trees
		if set.Metric == "log_loss" {
			lead = -lead
		}
		r.report("lead_over_hgb", lead)
		r.report("cpu_to_hgb", all.mean(cpuMetric)/min(all.mean(peers.Trees+"_"+cpuMetric), all.mean(peers.TreesNumbers+"_"+cpuMetric)))
	}
	return nil
}

// fitPeers fits scikit-learn's models on the same rows. Where it is not installed, that is said.
func fitPeers(ctx context.Context, r *runner, w *defaults.Work, t *defaults.Trained, all *untunedTally) error {
	python, err := peers.Sklearn(ctx)
	if errors.Is(err, peers.ErrAbsent) {
		r.absent(err)
		return nil
	}
	if err != nil {
		return err
	}
	columns, err := w.Export(ctx)
	if err != nil {
		return err
	}
	table := peers.Table{Target: w.Target(), Task: string(t.Test.Task), Columns: columns}
	for _, model := range []string{peers.Trees, peers.TreesNumbers, peers.Logistic, peers.Perceptron} {
		if model == peers.Perceptron && t.TrainRows > perceptronRows {
			continue
		}
		values, version, err := peers.FitSklearn(ctx, python, w.Folder, table, model)
		if err != nil {
			return err
		}
		r.result.Peer = version
		for _, name := range []string{"auc", "r2", "rmse", "log_loss", "accuracy", cpuMetric, cpuMetric + "_after_imports", peakMetric} {
			if v, ok := values[name]; ok {
				all.add(model+"_", name, v)
			}
		}
	}
	return nil
}

// untunedTally adds up measures of splits.
type untunedTally struct {
	names  []string
	values map[string][]float64
}

func (t *untunedTally) add(prefix, name string, v float64) {
	if t.values == nil {
		t.values = map[string][]float64{}
	}
	name = prefix + name
	if len(t.values[name]) == 0 {
		t.names = append(t.names, name)
	}
	t.values[name] = append(t.values[name], v)
}

func (t *untunedTally) mean(name string) float64 {
	sum := 0.0
	for _, v := range t.values[name] {
		sum += v
	}
	return sum / float64(len(t.values[name]))
}

// best is the better of the trees of categories and those of numbers.
func (t *untunedTally) best(metric string) (float64, bool) {
	if len(t.values[peers.Trees+"_"+metric]) == 0 {
		return 0, false
	}
	a, b := t.mean(peers.Trees+"_"+metric), t.mean(peers.TreesNumbers+"_"+metric)
	if metric == "log_loss" {
		return min(a, b), true
	}
	return max(a, b), true
}
