package factorization_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/warning"
	"debut/trainers/export"
	"debut/trainers/factorization"
	"debut/trainers/model"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
)

// twoMonths writes events of users of four tastes: many of the first months, and of the last a few of most of them, of new users, and with new items.
func twoMonths(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, part := range map[string]struct{ users, first, events, items int }{"old": {160, 0, 14, 19}, "new": {220, 40, 4, 20}} {
		random := rand.New(rand.NewPCG(11, uint64(part.users)))
		var b strings.Builder
		b.WriteString("user,item,rating\n")
		for u := part.first; u < part.users; u++ {
			for range part.events {
				taste := u % 4
				if random.IntN(5) < 2 {
					taste = random.IntN(4)
				}
				rating := 2
				if taste == u%4 {
					rating = 4 + random.IntN(2)
				}
				fmt.Fprintf(&b, "u%03d,i%d,%d\n", u, 20*taste+random.IntN(part.items), rating)
			}
		}
		recommendertest.Write(t, filepath.Join(dir, name+".csv"), b.String())
	}
	return dir
}

func opened(t *testing.T, folder string) *factorization.Model {
	t.Helper()
	m, err := open(t, folder, 1)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rowsOf are the rows of a tensor by their ids.
func rowsOf(t *testing.T, m *factorization.Model, name string) map[string]string {
	t.Helper()
	list, err := m.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, tensor := range list {
		if tensor.Name != name {
			continue
		}
		width := 4
		for _, n := range tensor.Shape[1:] {
			width *= n
		}
		row := 0
		for id := range tensor.RowIDs {
			b := make([]byte, width)
			if err := tensor.Read(b, int64(row*width)); err != nil {
				t.Fatal(err)
			}
			out[id] = string(b)
			row++
		}
	}
	return out
}

// A training on new data that goes on from a model of older ones finds more of what is to come than one on the new data alone, has rows for
// new users and items, and keeps the rows of those that the new data lack.
func TestInitFrom(t *testing.T) {
	dir := twoMonths(t)
	file := func(name, section, more string) string {
		return fmt.Sprintf("family: factorization\nname: %s\nseed: 3\ndata: {sources: [{path: %s.csv}], columns: {value: rating}, split: {method: random, validation: 0.1, test: 0.2}}\nmodel: %s\n%s", name, strings.TrimRight(name, "0123456789"), section, more)
	}
	for section, measure := range map[string]string{
		"{algorithm: als, factors: 6, regularization: 0.01, unobserved: 0.3, confidence: none}": "recall@10",
		"{algorithm: bpr, factors: 6, learning_rate: 0.05}":                                     "recall@10",
		"{algorithm: sgd, factors: 4, regularization: 0.02, learning_rate: 0.05}":               "rmse",
		"{algorithm: als, feedback: explicit, factors: 3}":                                      "rmse",
		"{algorithm: simplex, factors: 8, negatives: 32, batch: 64, margin: 0.3}":               "recall@10",
	} {
		t.Run(section, func(t *testing.T) {
			before := train(t, dir, file("old", section, "train: {epochs: 60}\n"), run.Options{})
			cold := train(t, dir, file("new", section, "train: {epochs: 4}\n"), run.Options{})
			warm := train(t, dir, file("new2", section, "train: {epochs: 4}\ninit_from: "+before.Folder+"\n"), run.Options{})
			value := func(o *run.Outcome) float64 {
				v, ok := o.Result.Metrics[run.PartTest].Values.Get(measure)
				if !ok {
					t.Fatalf("there is no %s", measure)
				}
				return v
			}
			x, y := value(cold), value(warm)
			if better := y > x; better == (measure == "rmse") || math.IsNaN(x+y) {
				t.Errorf("%s is %v after a warm start, %v without", measure, y, x)
			}
			t.Logf("%s: cold %v, warm %v (before %v)", measure, x, y, value(before))
			old, grown := opened(t, before.Folder), opened(t, warm.Folder)
			for _, name := range []string{"users.factors", "items.factors"} {
				was, is := rowsOf(t, old, name), rowsOf(t, grown, name)
				if len(is) <= len(was) {
					t.Errorf("%s: %d rows, before %d", name, len(is), len(was))
				}
				for _, id := range []string{"u000", "u039"} { // whom the new data lack
					if name == "users.factors" && is[id] != was[id] {
						t.Errorf("the row of %s is another", id)
					}
				}
				for id := range was {
					if _, ok := is[id]; !ok {
						t.Errorf("%s lost %s", name, id)
					}
				}
			}
			if !strings.Contains(warm.Result.Protocol, "begun with") || !strings.Contains(warm.Result.Protocol, "60 new") {
				t.Errorf("%s", warm.Result.Protocol)
			}
			if err := os.RemoveAll(filepath.Dir(warm.Folder)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What cannot be gone on from is an error with the key.
func TestInitFromMistakes(t *testing.T) {
	dir := twoMonths(t)
	base := "family: factorization\nname: x\ndata: {sources: [{path: new.csv}], split: {method: none}}\n"
	for text, want := range map[string]string{
		"init_from: runs/none\n":     "no such file",
		"init_from: w.safetensors\n": "no such file",
	} {
		_, err := start(t.Context(), t, dir, base+text, run.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "init_from") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// What users had before is left out of their lists, and kept with the model; a model of biases is that of all ratings together.
func TestInitFromHistories(t *testing.T) {
	dir := twoMonths(t)
	old, anew := recommendertest.Read(t, filepath.Join(dir, "old.csv")), recommendertest.Read(t, filepath.Join(dir, "new.csv"))
	_, more, _ := strings.Cut(anew, "\n")
	recommendertest.Write(t, filepath.Join(dir, "all.csv"), old+more)
	file := func(name, section, more string) string {
		return fmt.Sprintf("family: factorization\nname: %s\nseed: 3\ndata: {sources: [{path: %s.csv}], columns: {value: rating}, aggregate: max, split: {method: none}}\nmodel: %s\n%s", name, strings.TrimRight(name, "0123456789"), section, more)
	}
	bpr := "{algorithm: bpr, factors: 6, learning_rate: 0.05}"
	before := train(t, dir, file("old", bpr, "train: {epochs: 10}\n"), run.Options{})
	warm := train(t, dir, file("new", bpr, "train: {epochs: 2}\ninit_from: "+before.Folder+"\n"), run.Options{})
	had := map[string]map[string]bool{}
	for line := range strings.Lines(old + more) {
		user, rest, _ := strings.Cut(line, ",")
		item, _, _ := strings.Cut(rest, ",")
		if had[user] == nil {
			had[user] = map[string]bool{}
		}
		had[user][item] = true
	}
	users := 0
	for l, err := range opened(t, warm.Folder).Recommend(t.Context(), model.Request{K: 10}) {
		if err != nil {
			t.Fatal(err)
		}
		users++
		for _, item := range l.Items {
			if had[l.User][item] {
				t.Fatalf("%s had %s before", l.User, item)
			}
		}
	}
	if users != 220 {
		t.Errorf("lists of %d users", users)
	}

	bias := "{algorithm: bias, regularization: 2}"
	first := train(t, dir, file("old2", bias, ""), run.Options{})
	then := train(t, dir, file("new2", bias, "init_from: "+first.Folder+"\n"), run.Options{})
	whole := train(t, dir, file("all", bias, ""), run.Options{})
	got, want := recommendertest.Contents(t, then), recommendertest.Contents(t, whole)
	for _, name := range []string{"factors.safetensors", "histories.safetensors", "users.ids"} {
		if got[name] != want[name] || want[name] == "" {
			t.Errorf("%s is another than of all ratings at once", name)
		}
	}
}

// A file of factors, with the ids of its rows beside, is gone on from as the folder of its model is.
func TestInitFromFile(t *testing.T) {
	dir := twoMonths(t)
	base := "family: factorization\nname: %s\nseed: 3\ndata: {sources: [{path: %s.csv}], columns: {value: rating}, split: {method: none}}\nmodel: %s\ntrain: {epochs: 3}\n"
	for i, section := range []string{"{algorithm: sgd, factors: 4, regularization: 0.02, learning_rate: 0.05}", "{algorithm: simplex, factors: 8, negatives: 32, batch: 64}"} {
		before := train(t, dir, fmt.Sprintf(base, fmt.Sprint("old", i), "old", section), run.Options{})
		folder := filepath.Join(dir, fmt.Sprint("tensors", i))
		if _, err := export.Write(t.Context(), opened(t, before.Folder), export.Options{Format: export.Safetensors, Folder: folder, Graph: model.GraphOptions{K: 1}}); err != nil {
			t.Fatal(err)
		}
		a := train(t, dir, fmt.Sprintf(base, fmt.Sprint("a", i), "new", section)+"init_from: "+before.Folder+"\n", run.Options{})
		b := train(t, dir, fmt.Sprintf(base, fmt.Sprint("b", i), "new", section)+"init_from: "+filepath.Join(folder, "model.safetensors")+"\n", run.Options{})
		if x, y := recommendertest.Contents(t, a), recommendertest.Contents(t, b); x["factors.safetensors"] != y["factors.safetensors"] {
			t.Errorf("%s: the file gives other factors than the folder", section)
		}
		if told := b.Result.Warnings.Named(warning.LeftOut); len(told) == 0 || !strings.Contains(told[0].Message, "what users had before") {
			t.Errorf("%+v", b.Result.Warnings)
		}
		// Without what its rows belong to, or with half of it, it is an error.
		for _, of := range []string{"users", "items"} {
			path := filepath.Join(folder, of+".rows.csv")
			text := recommendertest.Read(t, path)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if _, err := start(t.Context(), t, dir, fmt.Sprintf(base, "c", "new", section)+"init_from: "+filepath.Join(folder, "model.safetensors")+"\n", run.Options{}); err == nil || !strings.Contains(err.Error(), "whose its rows are") {
				t.Errorf("without %s: %v", path, err)
			}
			recommendertest.Write(t, path, text[:len(text)/2])
			if _, err := start(t.Context(), t, dir, fmt.Sprintf(base, "c", "new", section)+"init_from: "+filepath.Join(folder, "model.safetensors")+"\n", run.Options{}); err == nil {
				t.Errorf("half of %s", path)
			}
			recommendertest.Write(t, path, text)
		}
	}
}
