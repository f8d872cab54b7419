package factorization_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/kernels/cpu"
	"debut/trainers/factorization"
	"debut/trainers/families"
	"debut/trainers/model"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

const small = `family: factorization
name: r
seed: 3
data: {sources: [{path: events.csv}], split: {method: leave_random_out, validation_items: 1}}
model: {factors: 6, unobserved: 0.1, regularization: 0.01}
train: {epochs: 6}
evaluation: {cutoffs: [3, 10]}
checkpoint: {every_steps: 1, every_minutes: 0}
`

// start trains a run file in a folder, output below it.
func start(ctx context.Context, t testing.TB, dir, text string, opt run.Options, overrides ...string) (*run.Outcome, error) {
	t.Helper()
	c, err := families.Parse("run.yaml", []byte(text), append(overrides, fmt.Sprintf("output=%q", filepath.Join(dir, "runs"))))
	if err != nil {
		return nil, err
	}
	opt.BaseDir, opt.ConfigPath = dir, "run.yaml"
	return run.Train(ctx, c, opt)
}

func train(t testing.TB, dir, text string, opt run.Options, overrides ...string) *run.Outcome {
	t.Helper()
	out, err := start(t.Context(), t, dir, text, opt, overrides...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// open opens a model for the time of the test.
func open(t testing.TB, path string, threads int) (*factorization.Model, error) {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dev.Close() })
	m, err := families.Open(path, dev)
	if err != nil {
		return nil, err
	}
	var f *factorization.Model
	if r, ok := m.(*factorization.RatingModel); ok {
		f = r.Model
	} else {
		f = m.(*factorization.Model)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, nil
}

// ratings writes made-up ratings of users who agree in part. It returns the folder.
func ratings(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("user,item,stars\n")
	for u := range 90 {
		for i := range 60 {
			if (u*31+i*17)%7 < 2 {
				fmt.Fprintf(&b, "u%d,i%d,%d\n", u, i, 1+(u%3+i%4)%5)
			}
		}
	}
	dir := t.TempDir()
	recommendertest.Write(t, filepath.Join(dir, "events.csv"), b.String())
	return dir
}

// The same model, to the last bit of its files, and the same lists, for any number of threads.
func TestSameBits(t *testing.T) {
	implicit, explicit := recommendertest.Events(t, 400), ratings(t)
	for _, c := range []struct {
		dir string
		set []string
	}{
		{implicit, nil},
		{implicit, []string{"model.solver=cholesky", "model.confidence=log"}},
		{implicit, []string{"model={factors: 5}", "train.epochs=2"}}, // settings are chosen
		{explicit, []string{"model={factors: 5, feedback: explicit}", "data.columns={value: stars}", "evaluation={}"}},
		{explicit, []string{"model={algorithm: sgd, factors: 5}", "data.columns={value: stars}", "evaluation={}"}},
		{explicit, []string{"model={algorithm: bias}", "data.columns={value: stars}", "evaluation={}", "train={}", "checkpoint={}"}},
		{implicit, []string{"model={algorithm: bpr, factors: 5, learning_rate: 0.2}"}},
		{implicit, []string{"model={algorithm: bpr, factors: 17, negative_power: 0.7, decay: 0.9}"}},
		{implicit, []string{"model={algorithm: simplex, factors: 9, negatives: 50, history: 5, batch: 700}", "train.epochs=2"}},
	} {
		var first map[string]string
		var figures string
		var want []model.List
		for _, threads := range []int{1, 2, 7} {
			o := train(t, c.dir, small, run.Options{Overwrite: true}, append(c.set, fmt.Sprintf("threads=%d", threads))...)
			got, values := recommendertest.Contents(t, o), fmt.Sprint(o.Result.Metrics[run.PartTest].Values, losses(o))
			m, err := open(t, o.Folder, threads)
			if err != nil {
				t.Fatal(err)
			}
			if all := recommendertest.Lists(t, m); first == nil {
				first, figures, want = got, values, all
			} else if !maps.Equal(got, first) || values != figures || !recommendertest.Same(all, want) {
				t.Errorf("%v: %d threads give another model, other figures or other lists", c.set, threads)
			}
		}
		if len(first) != 5 || first["factors.safetensors"] == "" {
			t.Errorf("%v: %d files", c.set, len(first))
		}
	}
}

// losses are those of the epochs.
func losses(o *run.Outcome) (list []float64) {
	for _, e := range o.Result.Epochs {
		list = append(list, float64(e.Loss))
	}
	return list
}

// A run that is interrupted at any step, and resumed, leaves the same bits, losses too, as one that is not.
func TestResume(t *testing.T) {
	implicit, explicit := recommendertest.Events(t, 150), ratings(t)
	for _, c := range []struct {
		dir string
		set []string
	}{{implicit, nil}, {explicit, []string{"model={factors: 5, feedback: explicit}", "data.columns={value: stars}", "evaluation={}"}},
		{ratings(t), []string{"model={algorithm: sgd, factors: 5}", "data.columns={value: stars}", "evaluation={}"}}, {recommendertest.Events(t, 150), []string{"model={algorithm: bpr, factors: 5, learning_rate: 0.2, negative_power: 0}"}},
		{recommendertest.Events(t, 150), []string{"model={algorithm: simplex, factors: 5, negatives: 50, history: 5, batch: 300, learning_rate: 0.01, margin: 0, negative_weight: 5}"}}} {
		o := train(t, c.dir, small, run.Options{}, c.set...)
		want, figures := recommendertest.Contents(t, o), losses(o)
		if len(figures) != 6 {
			t.Fatalf("%d epochs", len(figures))
		}
		for i := 1; i < len(figures); i++ {
			if !(figures[i] < figures[i-1]) {
				t.Errorf("%v: the loss of epoch %d is %v after %v", c.set, i+1, figures[i], figures[i-1])
			}
		}
		for steps := 1; steps <= 5; steps += 2 {
			ctx, stop := context.WithCancel(t.Context())
			seen := 0
			opt := run.Options{Resume: run.ResumeLast, Progress: func(p run.Progress) {
				if seen++; p.Metrics != nil && p.Epoch == steps {
					stop()
				}
			}}
			_, err := start(ctx, t, c.dir, small, opt, append(c.set, fmt.Sprintf("name=cut%d", steps))...)
			stop()
			if !errors.Is(err, run.ErrInterrupted) {
				t.Fatalf("epoch %d: %v", steps, err)
			}
			o := train(t, c.dir, small, run.Options{Resume: run.ResumeLast}, append(c.set, fmt.Sprintf("name=cut%d", steps), "threads=3")...)
			if got := recommendertest.Contents(t, o); !maps.Equal(got, want) || !slices.Equal(losses(o), figures) {
				t.Errorf("%v: interrupted in epoch %d, the run makes another model, or losses %v in the place of %v", c.set, steps, losses(o), figures)
			}
		}
	}
	// No remedy is of settings that the family has not.
	for _, w := range train(t, implicit, small, run.Options{}, "name=short", "train.epochs=2").Result.Warnings {
		if strings.Contains(w.String(), "learning_rate") || !strings.Contains(w.String(), "train.epochs=4") {
			t.Errorf("%s", w)
		}
	}
	if _, err := start(t.Context(), t, implicit, small, run.Options{Resume: run.ResumeLast}, "model.unobserved=0.2"); err == nil || !strings.Contains(err.Error(), "model.unobserved") {
		t.Errorf("another setting: %v", err)
	}
	if o := train(t, implicit, small, run.Options{Resume: run.ResumeLast}, "train.epochs=8"); len(o.Result.Epochs) != 8 {
		t.Errorf("%d epochs", len(o.Result.Epochs))
	}
}

// What a run file leaves open is chosen, and told: on the validation part, on what is held back where there is none, and not at all where
// nobody has two items. The resolved run file makes the same model.
func TestChosen(t *testing.T) {
	dir := recommendertest.Events(t, 200)
	for _, c := range []struct{ split, want string }{
		{"{method: leave_random_out, validation_items: 1}", "of the validation part"},
		{"{method: leave_random_out}", "an item of each of 200 users held back from training"},
	} {
		o := train(t, dir, small, run.Options{Overwrite: true}, "model={factors: 6}", "data.split="+c.split)
		if p := o.Result.Protocol; !strings.Contains(p, "both chosen from") || !strings.Contains(p, c.want) || !strings.Contains(p, "recall@10") {
			t.Errorf("%s: the protocol is %q", c.split, p)
		}
		resolved, err := os.ReadFile(filepath.Join(o.Folder, runfolder.ConfigFile))
		if err != nil {
			t.Fatal(err)
		}
		again := train(t, dir, string(resolved), run.Options{}, "name=again-"+fmt.Sprint(len(c.split)))
		if !maps.Equal(recommendertest.Contents(t, o), recommendertest.Contents(t, again)) || strings.Contains(again.Result.Protocol, "chosen from") {
			t.Error("the resolved run file makes another model, or chooses again")
		}
	}
	recommendertest.Write(t, filepath.Join(dir, "events.csv"), "user,item\nu1,i1\nu2,i2\n")
	o := train(t, dir, small, run.Options{Overwrite: true}, "model={factors: 6}", "data.split={method: none}")
	if strings.Contains(o.Result.Protocol, "chosen") || len(o.Result.Metrics) != 0 {
		t.Errorf("%q, %v", o.Result.Protocol, o.Result.Metrics)
	}
}

// Evaluated again, the model has the figures of its run; similar items are those of the same taste.
func TestModel(t *testing.T) {
	dir := recommendertest.Events(t, 300)
	recommendertest.Write(t, filepath.Join(dir, "test.csv"), "user,item\nu1,i79\nu2,i5\nu2,i44\nnew,i7\nu5,new\nu7,i60\n")
	parts := "data={sources: [{path: events.csv}], test: [{path: test.csv}]}"
	plain := train(t, dir, small, run.Options{}, parts, "name=plain").Result.Metrics[run.PartTest]
	o := train(t, dir, small, run.Options{}, parts, "reweight.popularity=-2")
	if fmt.Sprint(plain.Values) == fmt.Sprint(o.Result.Metrics[run.PartTest].Values) {
		t.Error("reweighting changes no figure")
	}
	m, err := open(t, o.Folder, 2)
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := m.Evaluate(t.Context(), table.Source{Path: configfile.Strings{"test.csv"}}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := o.Result.Metrics[run.PartTest]; fmt.Sprint(r.Values) != fmt.Sprint(want.Values) || r.Rows != want.Rows {
		t.Errorf("the model has\n%v, the run\n%v", r.Values, want.Values)
	}
	l, err := m.Similar("i3", 10)
	if err != nil || len(l.Items) != 10 || l.User != "i3" {
		t.Fatalf("%+v, %v", l, err)
	}
	for k, item := range l.Items {
		var n int
		if _, err := fmt.Sscanf(item, "i%d", &n); err != nil || n >= 20 || item == "i3" || k > 0 && l.Scores[k] > l.Scores[k-1] || l.Scores[k] > 1 {
			t.Errorf("like i3 is %s, with %v", item, l.Scores[k])
		}
	}
	if _, err := m.Similar("nothing", 3); !errors.Is(err, model.ErrUnknown) {
		t.Errorf("%v", err)
	}
	if l, err := m.Similar("i3", 1000); err != nil || len(l.Items) != 79 { // all others that somebody has
		t.Errorf("%d items, %v", len(l.Items), err)
	}
	// Lists of more items than there are have all of them.
	for l, err := range m.Recommend(t.Context(), model.Request{Users: []string{"u4"}, K: 500, Seen: true}) {
		if err != nil || len(l.Items) != m.Items() {
			t.Errorf("%d items, %v", len(l.Items), err)
		}
	}
}

// Somebody new gets lists by what he has.
func TestFoldIn(t *testing.T) {
	dir := recommendertest.Events(t, 300)
	for _, set := range [][]string{nil, {"model={algorithm: bpr, factors: 8, learning_rate: 0.1}", "train.epochs=60"},
		{"model={algorithm: simplex, factors: 4, negatives: 50, batch: 300, margin: 0.7, negative_weight: 50}"}} {
		foldsIn(t, dir, set)
	}
}

func foldsIn(t *testing.T, dir string, set []string) {
	t.Helper()
	o := train(t, dir, small, run.Options{Overwrite: true}, set...)
	m, err := open(t, o.Folder, 1)
	if err != nil {
		t.Fatal(err)
	}
	l, err := m.RecommendTo("somebody", []factorization.Event{{"i23", 1}, {"i21", 2}, {"unheard of", 1}, {"i30", 1}, {"i21", 1}}, 8)
	if err != nil || len(l.Items) != 8 || l.User != "somebody" {
		t.Fatalf("%+v, %v", l, err)
	}
	for _, item := range l.Items {
		var n int
		if _, err := fmt.Sscanf(item, "i%d", &n); err != nil || n < 20 || n >= 40 || slices.Contains([]int{23, 21, 30}, n) {
			t.Errorf("somebody of the second taste is recommended %s", item)
		}
	}
	// The lists of somebody new are reweighted as those of others: by popularity, which says all at such a power.
	w, err := open(t, train(t, dir, small, run.Options{Overwrite: true}, append(slices.Clone(set), "reweight.popularity=8")...).Folder, 1)
	if err != nil {
		t.Fatal(err)
	}
	reweighted, err := w.RecommendTo("somebody", []factorization.Event{{"i23", 1}, {"i21", 1}, {"i30", 1}}, 8)
	if err != nil || slices.Equal(reweighted.Items, l.Items) || len(reweighted.Items) != 8 {
		t.Errorf("reweighted: %+v, %v, and plain %v", reweighted, err, l.Items)
	}
	if _, err := m.FoldIn([]factorization.Event{{"unheard of", 1}}); !errors.Is(err, model.ErrUnknown) {
		t.Errorf("nothing is known: %v", err)
	}
	for _, v := range []float64{-1, math.NaN(), math.Inf(1), 1e30} {
		if _, err := m.FoldIn([]factorization.Event{{"i1", v}}); err == nil || !strings.Contains(err.Error(), `item "i1" has the value`) {
			t.Errorf("%v: %v", v, err)
		}
	}
	// A new item of the second taste is to be shown to users of that.
	row, err := m.FoldInItem([]factorization.Taker{{User: "u1", Value: 1}, {User: "u5", Value: 1}, {User: "u41", Value: 1}, {User: "nobody", Value: 1}})
	if err != nil {
		t.Fatal(err)
	}
	audience, err := m.Audience("new", row, 20)
	if err != nil || len(audience.Items) != 20 || audience.User != "new" {
		t.Fatalf("%+v, %v", audience, err)
	}
	of := 0
	for _, user := range audience.Items {
		var n int
		if _, err := fmt.Sscanf(user, "u%d", &n); err == nil && n%4 == 1 {
			of++
		}
	}
	if of < 18 {
		t.Errorf("%v: %d of 20 users are of the taste: %v", set, of, audience.Items)
	}
	if _, err := m.FoldInItem([]factorization.Taker{{User: "nobody", Value: 1}}); !errors.Is(err, model.ErrUnknown) {
		t.Errorf("nothing is known of the item: %v", err)
	}
}

// Somebody who is in a file of histories gets the list that he gets in a Go program, whether the model knows him or not; who is not in it gets
// what he gets without it, and one of whose items none is known what most users have.
func TestHistories(t *testing.T) {
	implicit, explicit := recommendertest.Events(t, 200), ratings(t)
	for _, c := range []struct {
		dir   string
		set   []string
		value string
	}{
		{implicit, nil, ""},
		{implicit, []string{"model={algorithm: bpr, factors: 5}", "reweight.popularity=-0.5"}, ""},
		{implicit, []string{"model={algorithm: simplex, factors: 5, negatives: 50}"}, ""},
		{explicit, []string{"model={factors: 5, feedback: explicit}", "data.columns={value: stars}", "evaluation={}"}, "stars"},
		{explicit, []string{"model={algorithm: sgd, factors: 5}", "data.columns={value: stars}", "evaluation={}"}, "stars"},
		{explicit, []string{"model={algorithm: bias}", "data.columns={value: stars}", "evaluation={}", "train={}", "checkpoint={}"}, "stars"},
	} {
		m, err := open(t, train(t, c.dir, small, run.Options{Overwrite: true}, c.set...).Folder, 2)
		if err != nil {
			t.Fatal(err)
		}
		own := []factorization.Event{{Item: "i3", Value: 5}, {Item: "i8", Value: 1}, {Item: "i17", Value: 4}}
		if c.value == "" {
			own = []factorization.Event{{Item: "i3", Value: 1}, {Item: "i8", Value: 1}, {Item: "i17", Value: 1}}
		}
		header := strings.TrimSuffix("user,item,"+c.value, ",")
		text := header + "\n"
		for _, user := range []string{"🙂, new", "u7"} {
			for _, e := range own {
				text += strings.TrimSuffix(fmt.Sprintf("%q,%s,%v", user, e.Item, map[bool]any{true: "", false: e.Value}[c.value == ""]), ",") + "\n"
			}
		}
		text += strings.TrimSuffix("lost,moon,"+map[bool]string{true: "", false: "3"}[c.value == ""], ",") + "\n"
		recommendertest.Write(t, filepath.Join(c.dir, "histories.csv"), text)
		h, report, err := m.ReadHistories(t.Context(), table.Source{Path: configfile.Strings{"histories.csv"}}, c.dir)
		if err != nil {
			t.Fatal(err)
		}
		if u := report.Unseen; report.Rows != 7 || len(u) != 1 || u[0].Rows != 1 || !slices.Equal(u[0].Examples, []string{"moon"}) {
			t.Errorf("%v: the report is %+v", c.set, report)
		}
		lists := func(r model.Request) (all []model.List) {
			for l, err := range m.Recommend(t.Context(), r) {
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, l)
			}
			return all
		}
		want, err := m.RecommendTo("🙂, new", own, 6)
		if err != nil {
			t.Fatal(err)
		}
		all := lists(model.Request{K: 6, Histories: h})
		if len(all) != 3 || all[0].User != "lost" || all[0].Known || all[0].Folded || all[1].User != "u7" || !all[1].Known || !all[1].Folded || all[2].User != "🙂, new" || all[2].Known || !all[2].Folded {
			t.Fatalf("%v: %+v", c.set, all)
		}
		for _, l := range all[1:] {
			if !slices.Equal(l.Items, want.Items) || !slices.Equal(l.Scores, want.Scores) {
				t.Errorf("%v: the list of %s is %v, %v, want %v, %v", c.set, l.User, l.Items, l.Scores, want.Items, want.Scores)
			}
		}
		some := lists(model.Request{Users: []string{"u5", "nobody", "🙂, new"}, K: 6, Histories: h})
		plain := lists(model.Request{Users: []string{"u5", "nobody"}, K: 6})
		if !recommendertest.Same(some[:2], plain) || !slices.Equal(some[2].Items, want.Items) || some[0].Folded || some[1].Folded {
			t.Errorf("%v: beside a history there are %+v, without it %+v", c.set, some, plain)
		}
		if seen := lists(model.Request{Users: []string{"🙂, new"}, K: 500, Histories: h, Seen: true})[0]; len(seen.Items) != m.Items() {
			t.Errorf("%v: %d of %d items with those he has", c.set, len(seen.Items), m.Items())
		}
		recommendertest.Write(t, filepath.Join(c.dir, "histories.csv"), header+"\n")
		if _, _, err := m.ReadHistories(t.Context(), table.Source{Path: configfile.Strings{"histories.csv"}}, c.dir); err == nil || !strings.Contains(err.Error(), "there are no rows in") {
			t.Errorf("%v: no rows: %v", c.set, err)
		}
	}
}

// Ids are texts as they are, users without items and events that are there twice are no trouble, and what cannot be is refused with its
// place.
func TestInput(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "events.csv")
	text := "user,item,n\n\"a, b\",\"tea, green\",1\n\"a, b\",☕,2\n🙂,☕,1\n🙂,\"tea, green\",1\n🙂,\"tea, green\",1\nc,☕,0\nc,\"tea, green\",1\n"
	recommendertest.Write(t, file, text)
	recommendertest.Write(t, filepath.Join(dir, "test.csv"), "user,item,n\nstranger,☕,1\n")
	o := train(t, dir, small, run.Options{}, "data={sources: [{path: events.csv}], columns: {value: n}, test: [{path: test.csv}]}", "model.factors=9")
	m, err := open(t, o.Folder, 2)
	if err != nil {
		t.Fatal(err)
	}
	for l, err := range m.Recommend(t.Context(), model.Request{Users: []string{"a, b", "🙂", "stranger"}, K: 3, Seen: true}) {
		if err != nil || len(l.Items) != 2 || l.Known == (l.User == "stranger") || !slices.Contains(l.Items, "tea, green") || !slices.Contains(l.Items, "☕") {
			t.Errorf("%+v, %v", l, err)
		}
	}
	for _, c := range []struct{ row, want string }{
		{"d,☕,-1", "events.csv:9"}, {"d,☕,NaN", "events.csv:9"}, {"d,☕,inf", "events.csv:9"}, {"d,☕,much", "events.csv:9"}, {",☕,1", "events.csv:9"},
	} {
		recommendertest.Write(t, file, text+c.row+"\n")
		_, err := start(t.Context(), t, dir, small, run.Options{Overwrite: true}, "data={sources: [{path: events.csv}], columns: {value: n}}")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.row, err, c.want)
		}
	}
	// The greatest values that data may have are not too great.
	recommendertest.Write(t, file, "user,item,n\na,x,1e12\na,y,1e12\nb,x,1e12\nb,y,1\n")
	for _, set := range [][]string{{"model.regularization=0"}, {"model={algorithm: simplex, factors: 9}"}, {"model={feedback: explicit, factors: 3}", "evaluation={}"}, {"model={algorithm: sgd, factors: 3}", "evaluation={}"}, {"model={algorithm: bias}", "evaluation={}", "train={}", "checkpoint={}"}} {
		o := train(t, dir, small, run.Options{Overwrite: true}, append(set, "data={sources: [{path: events.csv}], columns: {value: n}}")...)
		for _, loss := range losses(o) {
			if math.IsNaN(loss) || math.IsInf(loss, 0) {
				t.Errorf("%v: the losses are %v", set, losses(o))
			}
		}
	}
}

func TestRefusedConfigurations(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"device=cuda", ""},
		{"device=gpu", "there is no device"},
		{"model.algorithm=alx", `did you mean "als"`},
		{"model={algorithm: bpr, unobserved: 1}", "the algorithm bpr has no such setting; leave it out"},
		{"model={algorithm: bpr, feedback: explicit}", "the algorithm bpr has no such setting; leave it out"},
		{"model={learning_rate: 0.1}", "the algorithm als has no such setting; leave it out"},
		{"model={algorithm: bpr, learning_rate: 0}", "must be from"},
		{"model={algorithm: bpr, decay: 1.5}", "must be from 0.001 to 1"},
		{"model={algorithm: bpr, negative_power: -1}", "must be from 0 to 1"},
		{"model={algorithm: bpr, regularization: -1}", "finite number from 0"},
		{"model={algorithm: bpr, margin: 0.5}", "the algorithm bpr has no such setting; leave it out"},
		{"model={algorithm: simplex, decay: 0.5}", "the algorithm simplex has no such setting; leave it out"},
		{"model={algorithm: simplex, margin: 1.5}", "must be from -1 to 1"},
		{"model={algorithm: simplex, negatives: -5}", "-5 must be from 1 to 65536"},
		{"model={algorithm: simplex, history: 5000}", "must be from 1 to 1024"},
		{"model={algorithm: simplex, dropout: 1}", "must be from 0 to 0.99"},
		{"model={algorithm: simplex, gate: -1}", "must be from 0 to 1"},
		{"model={algorithm: simplex, start: spectrel}", `did you mean "spectral"`},
		{"model.factors=-1", "from 1 to 4096"},
		{"model.factors=5000", "from 1 to 4096"},
		{"model.regularization=-1", "finite number from 0"},
		{"model.regularization=.nan", "is not a number"},
		{"model.unobserved=0", "finite number from"},
		{"model.exponent=3", "from 0 to 2"},
		{"model.solver=choleski", `did you mean "cholesky"`},
		{"model={solver: cholesky, steps: 3}", "leave it out, or set solver: conjugate_gradient"},
		{"model={feedback: explicit, unobserved: 0.1}", "leave it out, or set feedback: implicit"},
		{"model={feedback: explicit, confidence: log}", "leave it out, or set feedback: implicit"},
		{"model.steps=-2", "give a positive number"},
		{"model.facters=3", `did you mean "factors"`},
		{"train.epochs=-3", "-3 epochs"},
		{"train.early_stopping={metric: recall@7}", "such as recall@10"},
		{"train.early_stopping={metric: auc}", "train.early_stopping.metric"},
		{"train={early_stopping: {patience: 2}, epochs: 3}", ""},
		{"evaluation.cutoffs=[0]", "a list of 0 items"},
	} {
		_, err := families.Parse("run.yaml", []byte(small), []string{c.set})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want an error with %q", c.set, err, c.want)
		}
	}
	if _, err := families.Parse("run.yaml", []byte(small), []string{"model={algorithm: bias}", "evaluation={}", "train={}", "checkpoint={}", "device=cuda"}); err == nil || !strings.Contains(err.Error(), "computed on the CPU; leave device out") {
		t.Errorf("%v", err)
	}
	if _, err := families.Parse("run.yaml", []byte(small), []string{"data.split={method: leave_random_out}", "train.early_stopping={patience: 2}"}); err == nil || !strings.Contains(err.Error(), "no validation rows to stop by") {
		t.Errorf("%v", err)
	}
}
