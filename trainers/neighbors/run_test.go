package neighbors_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"debut/datasets/configfile"
	"debut/datasets/sealed"
	"debut/datasets/table"
	"debut/kernels/cpu"
	"debut/trainers/families"
	"debut/trainers/model"
	"debut/trainers/neighbors"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

const small = "family: neighbors\nname: r\nseed: 3\ndata: {sources: [{path: events.csv}], split: {method: leave_random_out}}\nmodel: {neighbors: 15}\nevaluation: {cutoffs: [3, 10]}\n"

// start trains a run file in a folder, output below it.
func start(ctx context.Context, t testing.TB, dir, text string, opt run.Options, overrides ...string) (*run.Outcome, error) {
	t.Helper()
	c, err := families.Parse("run.yaml", []byte(text), append(overrides, fmt.Sprintf("output=%q", filepath.Join(dir, "runs"))))
	if err != nil {
		t.Fatal(err)
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
func open(t testing.TB, path string, threads int, keys ...age.Identity) (*neighbors.Model, error) {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dev.Close() })
	m, err := families.Open(path, dev, keys...)
	if err != nil {
		return nil, err
	}
	n, ok := m.(*neighbors.Model)
	if !ok {
		t.Fatalf("a %T", m)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n, nil
}

// The same model, to the last bit of its files, and the same lists, for any number of threads, of both kinds and every similarity.
func TestSameBits(t *testing.T) {
	dir := recommendertest.Events(t, 400)
	for _, set := range [][]string{
		{"model.kind=item"}, {"model.kind=user"}, {"model.kind=user", "model.neighbors=0", "model.weighting=bm25"},
		{"model.kind=ease", "model.l2=20"}, {"model.kind=ease", "model.neighbors=0"}, {"model.kind=slim", "model.l2=3"},
		{"model.similarity=jaccard", "model.shrinkage=5"}, {"model.similarity=pearson", "data.aggregate=count"},
	} {
		var first map[string]string
		var figures string
		var want []model.List
		for _, threads := range []int{1, 2, 7} {
			o := train(t, dir, small, run.Options{Overwrite: true}, append(set, fmt.Sprintf("threads=%d", threads))...)
			got, values := recommendertest.Contents(t, o), fmt.Sprint(o.Result.Metrics[run.PartTest].Values)
			m, err := open(t, o.Folder, threads)
			if err != nil {
				t.Fatal(err)
			}
			if all := recommendertest.Lists(t, m); first == nil {
				first, figures, want = got, values, all
			} else if !maps.Equal(got, first) || values != figures || !recommendertest.Same(all, want) {
				t.Errorf("%v: %d threads give another model, other figures or other lists", set, threads)
			}
		}
		if len(first) != 5 || len(want) != 403 || want[401].Known || !want[402].Known {
			t.Errorf("%v: %d files; %d lists, the last of %+v", set, len(first), len(want), want[401:])
		}
	}
}

// The lists of the saved model are those that the run was measured by: on the pairs of its test part they have its figures.
func TestEvaluateAgain(t *testing.T) {
	dir := recommendertest.Events(t, 300)
	for _, kind := range []string{"item", "user", "ease", "slim"} {
		// The second file has a user and an item that training has not.
		text := "family: neighbors\nname: r\nseed: 3\ndata: {sources: [{path: events.csv}], test: [{path: test.csv}]}\n"
		recommendertest.Write(t, filepath.Join(dir, "test.csv"), "user,item\nu1,i79\nu2,i5\nu2,i44\nnew,i7\nu5,new\nu7,i60\n")
		o := train(t, dir, text, run.Options{}, "model.kind="+kind, "name="+kind)
		m, err := open(t, o.Folder, 2)
		if err != nil {
			t.Fatal(err)
		}
		r, report, err := m.Evaluate(t.Context(), table.Source{Path: configfile.Strings{"test.csv"}}, dir)
		if err != nil {
			t.Fatal(err)
		}
		if want := o.Result.Metrics[run.PartTest]; fmt.Sprint(r.Values) != fmt.Sprint(want.Values) || r.Rows != want.Rows {
			t.Errorf("%s: the model has\n%v, the run\n%v", kind, r.Values, want.Values)
		}
		// Those are ids of the run, as its test part has them; of another file they are not.
		recommendertest.Write(t, filepath.Join(dir, "other.csv"), "item,shop,user\ni79,x,u1\ni5,x,u2\ni5,x,stranger\nnothing,x,u2\nnothing,x,u3\n")
		r, report, err = m.Evaluate(t.Context(), table.Source{Path: configfile.Strings{"other.csv"}}, dir)
		if err != nil || report.Rows != 5 || r.Rows != 2 {
			t.Fatalf("%+v, %+v, %v", r, report, err)
		}
		if u := report.Unseen; len(u) != 2 || u[0].Rows != 1 || u[0].Examples[0] != "stranger" || u[1].Rows != 2 || u[1].Examples[0] != "nothing" {
			t.Errorf("unknown: %+v", u)
		}
		recommendertest.Write(t, filepath.Join(dir, "other.csv"), "user,item\nU1,I79\n")
		if _, _, err = m.Evaluate(t.Context(), table.Source{Path: configfile.Strings{"other.csv"}}, dir); err == nil || !strings.Contains(err.Error(), "that the model both knows") {
			t.Errorf("nothing is known: %v", err)
		}
		warnings := o.Result.Warnings.String()
		for _, want := range []string{"1 users of the test part", "1 items of the test part, in 1 of its 6 pairs"} {
			if !strings.Contains(warnings, want) {
				t.Errorf("the warnings %q lack %q", warnings, want)
			}
		}
	}
}

// A log without names, whose kinds of event weigh differently, is read by evaluate as training read it.
func TestEvaluateLog(t *testing.T) {
	dir := t.TempDir()
	recommendertest.Write(t, filepath.Join(dir, "view.txt"), "u1 a\nu1 b\nu2 a\nu2 b\nu2 c\nu3 b\nu3 c\n")
	recommendertest.Write(t, filepath.Join(dir, "buy.txt"), "u1 d\nu3 d\n")
	recommendertest.Write(t, filepath.Join(dir, "held.txt"), "u1 c\nu2 d\n")
	o := train(t, dir, `{family: neighbors, name: r, data: {sources: [{path: view.txt, format: log, event: view}, {path: buy.txt, format: log, event: buy}],
  weights: {view: 1, buy: 3}, test: [{path: held.txt, format: log, event: buy}]}, evaluation: {cutoffs: [1, 2]}}`, run.Options{})
	m, err := open(t, o.Folder, 1)
	if err != nil {
		t.Fatal(err)
	}
	recommendertest.Write(t, filepath.Join(dir, "held.csv"), "user,item\nu1,c\nu2,d\n")
	for _, file := range []string{"held.txt", "held.csv"} {
		r, _, err := m.Evaluate(t.Context(), table.Source{Path: configfile.Strings{file}, Format: "auto"}, dir)
		if err != nil || fmt.Sprint(r.Values) != fmt.Sprint(o.Result.Metrics[run.PartTest].Values) {
			t.Errorf("%s: %v, %v", file, r, err)
		}
	}
}

// Parts in which nothing can be found, or nothing is, are told of and left out: the run does not fail for it.
func TestNothingToFind(t *testing.T) {
	dir := t.TempDir()
	recommendertest.Write(t, filepath.Join(dir, "events.csv"), "user,item\nu1,a\nu1,b\nu2,a\n")
	recommendertest.Write(t, filepath.Join(dir, "test.csv"), "user,item\nu1,a\nu2,a\n")
	const text = "{family: neighbors, name: r, data: {sources: [{path: events.csv}], test: [{path: test.csv}]}}"
	o := train(t, dir, text, run.Options{})
	if len(o.Result.Metrics) != 0 || len(o.Result.Warnings) != 1 || !strings.Contains(o.Result.Warnings[0].String(), "keep_seen: true") {
		t.Errorf("%v, %q", o.Result.Metrics, o.Result.Warnings)
	}
	o = train(t, dir, text, run.Options{Overwrite: true}, "evaluation.keep_seen=true")
	if r := o.Result.Metrics[run.PartTest]; r == nil || r.Rows != 2 || len(o.Result.Warnings) != 0 {
		t.Errorf("with what was seen: %v, %q", r, o.Result.Warnings)
	}
	recommendertest.Write(t, filepath.Join(dir, "events.csv"), "user,item\nu1,a\nu2,a\n")
	o = train(t, dir, "{family: neighbors, name: r, data: {sources: [{path: events.csv}], split: {method: leave_random_out}}}", run.Options{Overwrite: true})
	if len(o.Result.Metrics) != 0 || len(o.Result.Warnings) != 1 || !strings.Contains(o.Result.Warnings[0].String(), "the test part is empty") {
		t.Errorf("nobody has two items: %v, %q", o.Result.Metrics, o.Result.Warnings)
	}
}

func TestEncrypted(t *testing.T) {
	dir := recommendertest.Events(t, 120)
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	plain := train(t, dir, small, run.Options{}, "name=plain")
	secret := train(t, dir, small, run.Options{}, "name=secret", "encrypt.recipients="+key.Recipient().String())
	for name, text := range recommendertest.Contents(t, secret) {
		if name != runfolder.ModelFile && !strings.HasPrefix(text, "age-encryption.org/") || strings.Contains(text, "events.csv") || strings.Contains(text, "cosine") {
			t.Errorf("%s is in the clear", name)
		}
	}
	if _, err := open(t, secret.Folder, 1); !errors.Is(err, sealed.ErrNoKey) {
		t.Errorf("no key: %v", err)
	}
	if _, err := open(t, secret.Folder, 1, other); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("another key: %v", err)
	}
	a, err := open(t, plain.Folder, 1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := open(t, secret.Folder, 1, key)
	if err != nil {
		t.Fatal(err)
	}
	if !recommendertest.Same(recommendertest.Lists(t, a), recommendertest.Lists(t, b)) {
		t.Error("the encrypted model has other lists")
	}
}

// A finished run may be computed again where nothing has changed; the resolved run file is a run file of the same.
func TestResume(t *testing.T) {
	dir := recommendertest.Events(t, 150)
	o := train(t, dir, small, run.Options{})
	want := recommendertest.Contents(t, o)
	if got := recommendertest.Contents(t, train(t, dir, small, run.Options{Resume: run.ResumeLast}, "threads=3")); !maps.Equal(got, want) {
		t.Error("the model is another when it is resumed")
	}
	resolved, err := os.ReadFile(filepath.Join(o.Folder, runfolder.ConfigFile))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(resolved, []byte("checkpoint")) {
		t.Errorf("a resolved run file with checkpoints:\n%s", resolved)
	}
	if got := recommendertest.Contents(t, train(t, dir, string(resolved), run.Options{}, "name=again")); !maps.Equal(got, want) {
		t.Error("the resolved run file makes another model")
	}
	if _, err := start(t.Context(), t, dir, small, run.Options{Resume: run.ResumeBest}); err == nil || !strings.Contains(err.Error(), "found in one go") {
		t.Errorf("--resume=best: %v", err)
	}
	if _, err := start(t.Context(), t, dir, small, run.Options{Resume: run.ResumeLast}, "model.shrinkage=3"); err == nil || !strings.Contains(err.Error(), "model.shrinkage") {
		t.Errorf("another setting: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "events.csv"))
	if err != nil {
		t.Fatal(err)
	}
	recommendertest.Write(t, filepath.Join(dir, "events.csv"), string(text)+"u1,i1\n")
	if _, err := start(t.Context(), t, dir, small, run.Options{Resume: run.ResumeLast}); err == nil || !strings.Contains(err.Error(), "its data have changed") {
		t.Errorf("other data: %v", err)
	}
	if got := recommendertest.Contents(t, o); !maps.Equal(got, want) {
		t.Error("what was refused has changed the run")
	}
}

// interrupter is a log that ends a context at a message.
type interrupter struct {
	slog.Handler
	at   string
	stop context.CancelFunc
}

func (i interrupter) Handle(_ context.Context, r slog.Record) error {
	if r.Message == i.at {
		i.stop()
	}
	return nil
}

func (i interrupter) Enabled(context.Context, slog.Level) bool { return true }

// A run that is interrupted before its neighbors are found leaves nothing behind of a model; the one it was to replace is kept; the same
// command makes it whole.
func TestInterrupted(t *testing.T) {
	dir := recommendertest.Events(t, 150)
	want := recommendertest.Contents(t, train(t, dir, small, run.Options{}))
	cut := func(opt run.Options, overrides ...string) (*run.Outcome, error) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		opt.Log = slog.New(interrupter{slog.DiscardHandler, "memory", stop}) // the last before the search
		return start(ctx, t, dir, small, opt, overrides...)
	}
	o, err := cut(run.Options{Overwrite: true}, "model.shrinkage=1")
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "was not found yet") {
		t.Fatalf("%v", err)
	}
	if got := recommendertest.Contents(t, o); !maps.Equal(got, want) {
		t.Error("the run that was to be replaced is not what it was")
	}
	o, err = cut(run.Options{}, "name=new")
	if !errors.Is(err, context.Canceled) || o.Result.Status != runfolder.Failed {
		t.Fatalf("%v, %+v", err, o.Result)
	}
	if _, err := os.Stat(filepath.Join(o.Folder, runfolder.ModelDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a model: %v", err)
	}
	if got := recommendertest.Contents(t, train(t, dir, small, run.Options{Resume: run.ResumeLast}, "name=new")); !maps.Equal(got, want) {
		t.Error("taken up again, the run makes another model")
	}
}

func TestRefusedConfigurations(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"device=cuda", "computed on the CPU; leave device out"},
		{"precision=tf32", "leave it out"},
		{"checkpoint.every_steps=5", "found in one go"},
		{"checkpoint.keep=3", "found in one go"},
		{"model.kind=users", `"users" is not one of item, user, ease, slim, spectral; did you mean "user"?`},
		{"reweight.popularity=9", "reweight.popularity: a power of 9"},
		{"reweight.popularity=.nan", "is not a number"},
		{"reweight.shares={buy: -11}", "reweight.shares.buy: a power of -11"},
		{"model.l2=3", "kind is item; leave it out"},
		{"model={kind: ease, l1: 1}", "kind is ease; leave it out"},
		{"model={kind: ease, l2: 0}", "above 0"},
		{"model={kind: slim, l1: -1}", "not negative"},
		{"model={kind: slim, l1: 1e25}", "at most 1e+24"},
		{"model={kind: ease, l2: 1e300}", "at most 1e+24"},
		{"model={kind: slim, l2: .inf}", "finite"},
		{"model={kind: slim, neighbors: -1}", "is negative"},
		{"model={kind: ease, similarity: cosine}", "finds the weights of all together; leave it out"},
		{"model={kind: slim, bm25: {k1: 1}}", "finds the weights of all together; leave it out"},
		{"model.similarity=cosin", `did you mean "cosine"`},
		{"model.neighbours=3", `did you mean "neighbors"`},
		{"evaluation.cutoffs=[0]", "a list of 0 items"},
		{"data.split.method=leave_one_out", "leave_last_out"},
		{"data.sources=[]", "no source of events"},
	} {
		_, err := families.Parse("run.yaml", []byte(small), []string{c.set})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.set, err, c.want)
		}
	}
	// What earlier versions wrote into resolved run files is no reason to refuse one.
	if _, err := families.Parse("run.yaml", []byte(small+"checkpoint: {keep: 2}\n"), nil); err != nil {
		t.Error(err)
	}
}

// Somebody new with the history of a user of training gets his list, of the models that know items by each other; of like users, the user of
// training is the nearest there is.
func TestHistories(t *testing.T) {
	dir := recommendertest.Events(t, 120)
	for _, kind := range []string{"item", "user", "ease", "slim"} {
		o := train(t, dir, small, run.Options{Overwrite: true}, "model={kind: "+kind+"}")
		m, err := open(t, o.Folder, 2)
		if err != nil {
			t.Fatal(err)
		}
		text := "user,item\n"
		for _, u := range []string{"u3", "u60"} {
			at, _ := m.Shop.Users.Index(u)
			items, values := m.Histories.Row(int(at))
			for k, i := range items {
				for range int(values[k]) {
					text += "new-" + u + "," + m.Shop.Items.ID(int(i)) + "\n"
				}
			}
		}
		recommendertest.Write(t, filepath.Join(dir, "histories.csv"), text+"new-u3,unheard of\n")
		h, report, err := m.ReadHistories(t.Context(), table.Source{Path: configfile.Strings{"histories.csv"}}, dir)
		if err != nil || report.Unseen[0].Rows != 1 {
			t.Fatalf("%+v, %v", report, err)
		}
		var lists [2][]model.List
		for k, r := range []model.Request{{Users: []string{"u3", "u60"}, K: 8}, {K: 8, Histories: h}} {
			for l, err := range m.Recommend(t.Context(), r) {
				if err != nil {
					t.Fatal(err)
				}
				lists[k] = append(lists[k], l)
			}
		}
		for k, l := range lists[1] {
			known := lists[0][k]
			if l.User != "new-"+known.User || l.Known || !l.Folded || len(l.Items) != 8 {
				t.Fatalf("%s: %+v", kind, l)
			}
			if kind != "user" && (!slices.Equal(l.Items, known.Items) || !slices.Equal(l.Scores, known.Scores)) {
				t.Errorf("%s: %s gets %v, and %s %v", kind, l.User, l.Items, known.User, known.Items)
			}
			if kind == "user" { // who has it all is a neighbor too, which adds nothing to what is new
				both := 0
				for _, item := range l.Items {
					if slices.Contains(known.Items, item) {
						both++
					}
				}
				if both < 6 {
					t.Errorf("%s gets %v, and %s %v", l.User, l.Items, known.User, known.Items)
				}
			}
		}
	}
}
