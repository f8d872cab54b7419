package neighbors_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/engine/safetensors"
	"debut/trainers/model"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// Scores are multiplied by powers of an item's users and of its share of a kind of event, in the run's measures as in the saved
// model's lists.
func TestReweight(t *testing.T) {
	dir := recommendertest.Events(t, 200)
	var more strings.Builder
	for u := range 200 {
		fmt.Fprintf(&more, "u%d,i%d\n", u, 20*(u%4)+u%3)
	}
	recommendertest.Write(t, filepath.Join(dir, "buys.csv"), "user,item\n"+more.String())
	recommendertest.Write(t, filepath.Join(dir, "test.csv"), "user,item\nu1,i39\nu2,i45\nu3,i66\nu9,i27\nu17,i30\n")
	const text = `{family: neighbors, name: r, seed: 3, data: {sources: [{path: events.csv, event: view}, {path: buys.csv, event: buy}], test: [{path: test.csv, event: buy}]},
  model: {neighbors: 0}, evaluation: {cutoffs: [3, 10]}}`
	scores := func(sets ...string) map[string]float32 {
		o := train(t, dir, text, run.Options{Overwrite: true}, sets...)
		m, err := open(t, o.Folder, 2)
		if err != nil {
			t.Fatal(err)
		}
		r, _, err := m.Evaluate(t.Context(), table.Source{Path: configfile.Strings{"test.csv"}}, dir)
		if err != nil || fmt.Sprint(r.Values) != fmt.Sprint(o.Result.Metrics[run.PartTest].Values) {
			t.Errorf("%q: the model has %v, %v, the run %v", sets, r, err, o.Result.Metrics[run.PartTest])
		}
		out := map[string]float32{}
		for l, err := range m.Recommend(t.Context(), model.Request{Users: []string{"u5"}, K: 80, Seen: true}) {
			if err != nil {
				t.Fatal(err)
			}
			for k, i := range l.Items {
				out[i] = l.Scores[k]
			}
		}
		return out
	}
	plain := scores()
	// i20, i21, i22 are bought, the others not; how many have an item follows from the files.
	users := map[string]map[string]bool{}
	for _, line := range strings.Split(read(t, filepath.Join(dir, "events.csv"))+more.String(), "\n") {
		if user, item, ok := strings.Cut(line, ","); ok && user != "user" {
			if users[item] == nil {
				users[item] = map[string]bool{}
			}
			users[item][user] = true
		}
	}
	popular := scores("reweight.popularity=-0.5")
	ratio := func(a, b map[string]float32, x, y string) float64 {
		return float64(a[x]) / float64(b[x]) / (float64(a[y]) / float64(b[y]))
	}
	want := math.Sqrt(float64(1+len(users["i30"])) / float64(1+len(users["i21"])))
	if got := ratio(popular, plain, "i21", "i30"); math.Abs(got-want) > 1e-5 {
		t.Errorf("of popularity -0.5, i21 gains %v over i30, want %v", got, want)
	}
	bought := scores("reweight.shares={buy: 1}")
	if a, b := ratio(bought, plain, "i21", "i30"), ratio(bought, plain, "i39", "i30"); !(a > 3) || !(b > 0.5 && b < 2) {
		t.Errorf("of shares of buys, i21 gains %v over i30, and i39 %v", a, b)
	}
	if got := scores("reweight.popularity=0"); !maps.Equal(got, plain) {
		t.Error("a power of 0 changes something")
	}
	for set, want := range map[string]string{
		"reweight.shares={purchase: 1}": `reweight.shares.purchase: there is no kind of event "purchase"; there are "buy", "view"`,
		"reweight.shares={buys: 1}":     `did you mean "buy"?`,
	} {
		if _, err := start(t.Context(), t, dir, text, run.Options{Overwrite: true}, set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", set, err, want)
		}
	}
}

// Weights of a model folder that cannot be meant are refused.
func TestTamperedWeights(t *testing.T) {
	dir := recommendertest.Events(t, 100)
	o := train(t, dir, small, run.Options{}, "reweight.popularity=-1")
	if _, err := open(t, o.Folder, 1); err != nil {
		t.Fatal(err)
	}
	files := recommendertest.Contents(t, o)
	const file = "weights.safetensors"
	for want, change := range map[string]func(w []float32) []float32{
		"79 weights are not those of 80 items": func(w []float32) []float32 { return w[1:] },
		"item 3 has the weight 0":              func(w []float32) []float32 { w[3] = 0; return w },
		"item 0 has the weight -1":             func(w []float32) []float32 { w[0] = -1; return w },
		"holds NaN":                            func(w []float32) []float32 { w[7] = float32(math.NaN()); return w },
	} {
		w := make([]float32, 80)
		for i := range w {
			w[i] = 1
		}
		var changed bytes.Buffer
		if err := safetensors.Stream(&changed, []safetensors.Source{safetensors.Vector("weights", change(w))}, nil); err != nil {
			t.Fatal(err)
		}
		place := t.TempDir()
		for name, text := range files {
			switch name {
			case file:
				text = changed.String()
			case runfolder.ModelFile:
				text = strings.Replace(text, hash(files[file]), hash(changed.String()), 1)
			}
			recommendertest.Write(t, filepath.Join(place, name), text)
		}
		if _, err := open(t, place, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
