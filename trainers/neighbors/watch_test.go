package neighbors_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/warning"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
)

// Users who choose by chance what is popular are served best by what most have, and a model that knows less says so. Those of a taste are
// served better by neighbors, and nothing is told.
func TestWorseThanPopular(t *testing.T) {
	const text = "{family: neighbors, name: r, seed: 2, data: {sources: [{path: events.csv}], split: {method: leave_random_out}}, evaluation: {cutoffs: [5]}}"
	shop := func(tastes int) string {
		random := rand.New(rand.NewPCG(1, 2))
		var b strings.Builder
		b.WriteString("user,item\n")
		for u := range 400 {
			for range 6 {
				fmt.Fprintf(&b, "u%d,i%d\n", u, int(60*random.Float64()*random.Float64()*random.Float64())*tastes+u%tastes)
			}
		}
		dir := t.TempDir()
		recommendertest.Write(t, filepath.Join(dir, "events.csv"), b.String())
		return dir
	}
	o := train(t, shop(8), text, run.Options{})
	if len(o.Result.Warnings.Named(warning.WorseThanPlain)) > 0 {
		t.Errorf("with tastes: told %q", o.Result.Warnings)
	}
	dir := shop(1)
	o = train(t, dir, text, run.Options{})
	list, p := o.Result.Warnings.Named(warning.WorseThanPlain), o.Result.Metrics[run.PartTest].Plain
	if len(list) != 1 || list[0].Part != run.PartTest || p == nil || p.Metric != "recall@5" || !(p.Model < p.Value) || !(p.Error > 0) || !strings.Contains(list[0].Remedy, "model: {kind: user, neighbors: 0}") {
		t.Fatalf("without: told %q, %+v", o.Result.Warnings, p)
	}
	o = train(t, dir, text, run.Options{Overwrite: true}, "model.kind=user", "model.neighbors=0")
	if after := o.Result.Metrics[run.PartTest].Plain; !(after.Value-after.Model < (p.Value-p.Model)/2) {
		t.Errorf("remedied, %+v, and was %+v", after, p)
	}
}
