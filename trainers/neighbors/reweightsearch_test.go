package neighbors_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"debut/kernels/philox"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
)

// crowdedShop writes views and buys of users of four tastes. Everybody views some popular items that nobody buys.
func crowdedShop(t *testing.T, users int) string {
	t.Helper()
	dir := t.TempDir()
	r := philox.New(7, 7)
	var views, buys strings.Builder
	views.WriteString("user,item\n")
	buys.WriteString("user,item\n")
	for u := range users {
		for range 8 {
			if r.IntN(2) == 0 {
				fmt.Fprintf(&views, "u%d,crowd%d\n", u, r.IntN(12))
			} else {
				fmt.Fprintf(&views, "u%d,i%d\n", u, 4*r.IntN(40)+u%4)
			}
		}
		for range 3 {
			fmt.Fprintf(&buys, "u%d,i%d\n", u, 4*r.IntN(40)+u%4)
		}
	}
	recommendertest.Write(t, filepath.Join(dir, "views.csv"), views.String())
	recommendertest.Write(t, filepath.Join(dir, "buys.csv"), buys.String())
	return dir
}

// Where nothing is said of it, items are reweighted as is best for what the test part is of, on items held back from training or on a validation
// part; the protocol says so, and a run with what was chosen is the same one. Few users tell nothing, and what is given is left alone.
func TestReweightChosen(t *testing.T) {
	dir := crowdedShop(t, 1200)
	const text = `{family: neighbors, name: r, data: {sources: [{path: views.csv, event: view}, {path: buys.csv, event: buy}], split: {method: leave_random_out, test_items: 1, event: buy}},
  model: {kind: user}, evaluation: {cutoffs: [10]}}`
	recall := func(o *run.Outcome) float64 {
		v, err := o.Result.Metrics[run.PartTest].Get("recall@10")
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	plain := train(t, dir, text, run.Options{Overwrite: true}, "reweight.popularity=0")
	var first map[string]string
	for _, threads := range []int{1, 3} {
		o := train(t, dir, text, run.Options{Overwrite: true}, fmt.Sprint("threads=", threads))
		if p := o.Result.Protocol; !strings.Contains(p, "items reweighted as is best of") || !strings.Contains(p, "users held back from training") {
			t.Errorf("the protocol is %q", p)
		}
		if recall(o) < recall(plain)+0.05 {
			t.Errorf("recall is %.3f, and %.3f of no weights", recall(o), recall(plain))
		}
		got := recommendertest.Contents(t, o)
		if first != nil && !maps.Equal(got, first) {
			t.Errorf("%d threads choose other weights", threads)
		}
		first = got
		again := train(t, dir, recommendertest.Read(t, filepath.Join(o.Folder, "run.yaml")), run.Options{Overwrite: true}, "name=again")
		if p := again.Result.Protocol; strings.Contains(p, "best of") || recall(again) != recall(o) {
			t.Errorf("of the run file that was written recall is %.4f and not %.4f; the protocol is %q", recall(again), recall(o), p)
		}
	}
	o := train(t, dir, text, run.Options{Overwrite: true}, "data.split.validation_items=1")
	if p := o.Result.Protocol; !strings.Contains(p, "recall@10 of the validation part") {
		t.Errorf("the protocol is %q", p)
	}
	o = train(t, crowdedShop(t, 300), text, run.Options{Overwrite: true})
	if p := o.Result.Protocol; strings.Contains(p, "reweighted") {
		t.Errorf("of few users: %q", p)
	}
}
