package behavior

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"debut/datasets/atomicfile"
	"debut/datasets/configfile"
	"debut/kernels/philox"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// countdown is a context that ends after so many looks at it, counted from the training loop's first: it ends between batches and in
// the midst of an evaluation.
type countdown struct {
	context.Context
	slog.Handler
	armed bool
	left  int
	text  bytes.Buffer
}

// newCountdown makes one that ends after so many looks at it.
func newCountdown(events int) *countdown {
	c := &countdown{Context: context.Background(), left: events}
	c.Handler = slog.NewTextHandler(&c.text, nil)
	return c
}

// Err counts down.
func (c *countdown) Err() error {
	if !c.armed {
		looker, _, _, _ := runtime.Caller(1)
		if c.armed = strings.Contains(runtime.FuncForPC(looker).Name(), "run.(*driver)"); !c.armed {
			return nil
		}
	}
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Value keeps the methods of the two embedded interfaces apart.
func (c *countdown) Value(key any) any { return c.Context.Value(key) }

// interruptedRun trains and ends at every one of the moments, each time resuming on another number of threads, and then to the
// end.
func interruptedRun(t *testing.T, c *Config, moments ...int) *run.Outcome {
	t.Helper()
	from := run.ResumeNot
	for i, events := range moments {
		c.Threads = 1 + i%3
		ctx := newCountdown(events)
		o, err := run.Train(ctx, c, run.Options{ConfigPath: "run.yaml", Resume: from, Log: slog.New(ctx)})
		if err == nil {
			return o // it ended before
		}
		if err.Error() != run.ErrInterrupted.Error() {
			t.Fatalf("interrupted after %d events: %v", events, err)
		}
		if o.Result.Status != runfolder.Interrupted {
			t.Fatalf("status %v", o.Result.Status)
		}
		from = run.ResumeLast
	}
	c.Threads = 2
	o, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Resume: from})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestInterruptedMeasuring ends at some of the last looks at the context, while the trained model is measured. Resuming measures what is
// missing.
func TestInterruptedMeasuring(t *testing.T) {
	c := streamed(t, prepared(t, 9000), "")
	all := newCountdown(1 << 30)
	want, err := run.Train(all, c, run.Options{ConfigPath: "run.yaml", Log: slog.New(all)})
	if err != nil {
		t.Fatal(err)
	}
	looks := 1<<30 - all.left
	for _, before := range []int{1, 2, 6} {
		c.Name = fmt.Sprint("before-", before)
		ctx := newCountdown(looks - before)
		o, err := run.Train(ctx, c, run.Options{ConfigPath: "run.yaml", Log: slog.New(ctx)})
		if !errors.Is(err, run.ErrInterrupted) || o.Result.Status != runfolder.Interrupted || len(o.Result.Metrics) >= len(want.Result.Metrics) {
			t.Fatalf("%d looks before the end: %v, %+v", before, err, o.Result)
		}
		open(t, o.Folder)
		if o, err = run.Train(t.Context(), c, run.Options{ConfigPath: "run.yaml", Resume: run.ResumeLast}); err != nil {
			t.Fatal(err)
		}
		sameRun(t, o, want)
		if !slices.Equal(o.Result.Metrics[run.PartTest].Values, want.Result.Metrics[run.PartTest].Values) {
			t.Error("other figures after resuming")
		}
	}
}

// sameRun compares models and courses of two runs bit by bit, apart from times.
func sameRun(t *testing.T, got, want *run.Outcome) {
	t.Helper()
	for _, name := range []string{parametersFile, encoderFile} {
		if read(t, filepath.Join(got.Folder, "model", name)) != read(t, filepath.Join(want.Folder, "model", name)) {
			t.Errorf("%s differs", name)
		}
	}
	best := func(o *run.Outcome) runfolder.Best {
		if o.Result.Best == nil { // without validation rows
			return runfolder.Best{}
		}
		return *o.Result.Best
	}
	if best(got) != best(want) || got.Result.Stopped != want.Result.Stopped {
		t.Errorf("best %+v, stopped by %q; want %+v, %q", best(got), got.Result.Stopped, best(want), want.Result.Stopped)
	}
	if g, w := len(got.Result.Epochs), len(want.Result.Epochs); g != w {
		t.Errorf("%d epochs, want %d", g, w)
	}
	course := func(o *run.Outcome) (lines []string) {
		folder, err := runfolder.Open(o.Folder)
		if err != nil {
			t.Fatal(err)
		}
		evaluations, err := folder.Evaluations()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range evaluations {
			lines = append(lines, fmt.Sprintf("epoch %d step %d rows %d best %v %v", e.Epoch, e.Step, e.Rows, e.Best, e.Metrics))
		}
		return lines
	}
	if g, w := course(got), course(want); !slices.Equal(g, w) {
		t.Errorf("evaluations\n%s\nwant\n%s", strings.Join(g, "\n"), strings.Join(w, "\n"))
	}
}

// N steps, an end, and M steps of another process are N+M steps: for every optimizer and schedule, with dropout, batch norm,
// embeddings, some with an optimizer of their own, micro-batches, weights and early stopping.
func TestResumedRunIsTheSame(t *testing.T) {
	path := tableFile(t, 700)
	rnd := philox.New(8, 8)
	tables := []string{"", ", tables: {optimizer: {kind: rowwise_adagrad, l2: 0.01}}", ", tables: {optimizer: {kind: ftrl, l1: 0.001}}"}
	for i, optimizer := range []string{"sgd", "momentum", "nesterov", "adam", "adamw", "adagrad"} {
		for j, schedule := range []string{"{kind: constant}", "{kind: step, step_epochs: 2}", "{kind: cosine, warmup_epochs: 1}"} {
			t.Run(optimizer+"/"+schedule, func(t *testing.T) {
				text := fmt.Sprintf(`
seed: %d
data: {source: {path: PATH}, target: y, id: id, ignore: [k, amount], weight: w}
model: {hidden: [{units: 16, dropout: 0.2}, {units: 8}]}
train: {epochs: 7, batch: 48, accumulate: %d, clip_norm: 2, optimizer: {kind: %s, learning_rate: 0.02}, schedule: %s, early_stopping: {metric: auc, patience: 5}%s}
checkpoint: {every_steps: %d, keep: %d}
`, i+1, 1+(i+j)%3, optimizer, schedule, tables[i%len(tables)], 1+3*j, 1+i%2)
				whole := train(t, configure(t, path, text))
				moments := []int{rnd.IntN(4), 1 + rnd.IntN(20), rnd.IntN(40), rnd.IntN(60)}
				o := interruptedRun(t, configure(t, path, text), moments...)
				sameRun(t, o, whole)
				if len(o.Result.Resumed) == 0 {
					t.Error("run.json does not tell that the run was resumed")
				}
			})
		}
	}
}

// More epochs for a run that has ended are the same as having asked for them at first.
func TestMoreEpochs(t *testing.T) {
	path := tableFile(t, 500)
	text := strings.Replace(networkRun, ", patience: 4", "", 1)
	whole := train(t, configure(t, path, text))
	c := configure(t, path, strings.Replace(text, "epochs: 12", "epochs: 5", 1))
	train(t, c)
	c.Train.Epochs = 12
	o, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Resume: run.ResumeLast})
	if err != nil {
		t.Fatal(err)
	}
	sameRun(t, o, whole)
}

// A training whose loss is no number any more says where that comes from, goes back as often as it may, and does so again in the
// same way when it is interrupted.
func TestRollback(t *testing.T) {
	path := tableFile(t, 600)
	text := `
data: {source: {path: PATH}, target: y, id: id, ignore: [k, amount, w]}
model: {hidden: [{units: 16}, {units: 8}]}
train: {epochs: 4, batch: 64, optimizer: {kind: sgd, learning_rate: 1e38}, divergence: {rollbacks: 3, rate_factor: 1.0e-20}}
checkpoint: {every_steps: 3, every_minutes: 0}
`
	o := train(t, configure(t, path, text))
	if n := len(o.Result.Rollbacks); n == 0 || n > 3 {
		t.Fatalf("rollbacks %+v", o.Result.Rollbacks)
	}
	first := o.Result.Rollbacks[0]
	if first.Step != 0 || first.Rate != 1e-20 || !strings.Contains(first.Cause, "layer") && !strings.Contains(first.Cause, "holds") {
		t.Errorf("first rollback %+v", first)
	}
	sameRun(t, interruptedRun(t, configure(t, path, text), 5, 11, 7), o)

	// When checkpoints are written makes no difference.
	sameRun(t, train(t, configure(t, path, strings.Replace(text, "every_steps: 3", "every_steps: 1", 1))), o)

	c := configure(t, path, strings.NewReplacer("rollbacks: 3", "rollbacks: 1", "every_steps: 3", "every_steps: 1").Replace(text))
	_, err := run.Train(context.Background(), c, run.Options{})
	if !errors.Is(err, run.ErrDiverged) || !strings.Contains(err.Error(), "the last good checkpoint is that of step") {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{"epoch 1, step ", "learning_rate", "checkpoints"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
	folder, err := runfolder.Open(filepath.Join(c.Output, "r"))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := folder.Result(); err != nil || r.Status != runfolder.Failed || len(r.Rollbacks) != 1 {
		t.Errorf("result %+v, error %v", r, err)
	}
	// What diverged can be gone on with once it may go back more often.
	c.Train.Divergence.Rollbacks = 3
	again, err := run.Train(context.Background(), c, run.Options{Resume: run.ResumeLast})
	if err != nil {
		t.Fatal(err)
	}
	sameRun(t, again, o)
}

// The best state is the same where it is too large for a copy in memory and is kept on the disk: in one go, and interrupted.
func TestBestStateOnDisk(t *testing.T) {
	path := tableFile(t, 700)
	want := train(t, configure(t, path, networkRun))
	if want.Result.Best.Epoch == len(want.Result.Epochs) {
		t.Fatal("the last state is the best")
	}
	for name, more := range map[string]string{"checkpoints at ends only": "every_minutes: 0", "checkpoints all along": "every_steps: 3, keep: 1"} {
		text := networkRun + "checkpoint: {" + more + "}\n"
		c := configure(t, path, text)
		o, err := run.Train(t.Context(), c, run.Options{ConfigPath: "run.yaml", MostCopied: 1})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sameRun(t, o, want)
		c = configure(t, path, text)
		from := run.ResumeNot
		for _, events := range []int{9, 30, 41, 1 << 20} {
			ctx := newCountdown(events)
			if o, err = run.Train(ctx, c, run.Options{ConfigPath: "run.yaml", Resume: from, MostCopied: 1, Log: slog.New(ctx)}); err == nil {
				break
			}
			if !errors.Is(err, run.ErrInterrupted) {
				t.Fatalf("%s: interrupted after %d events: %v", name, events, err)
			}
			from = run.ResumeLast
		}
		if err != nil || from == run.ResumeNot {
			t.Fatalf("%s: %v, resumed from %q", name, err, from)
		}
		sameRun(t, o, want)
	}
	c := configure(t, path, strings.Replace(networkRun, "optimizer: {kind: adam, learning_rate: 0.01}", "divergence: {rollbacks: 1}, optimizer: {kind: sgd, learning_rate: 1e38}", 1))
	if _, err := run.Train(t.Context(), c, run.Options{MostCopied: 1}); !errors.Is(err, run.ErrDiverged) || !strings.Contains(err.Error(), "too large for a copy") {
		t.Errorf("diverged before there is a best state: %v", err)
	}
}

// failingFS fails to create files while it is told to.
type failingFS struct {
	atomicfile.FS
	fails atomic.Bool
	from  int // creations that succeed before it begins to fail by itself; 0: never
	made  int
}

// Create creates a file, or fails with ENOSPC.
func (f *failingFS) Create(dir, pattern string) (atomicfile.File, error) {
	f.made++
	if f.fails.Load() || f.from > 0 && f.made > f.from {
		return nil, &fs.PathError{Op: "create", Path: filepath.Join(dir, pattern), Err: syscall.ENOSPC}
	}
	return f.FS.Create(dir, pattern)
}

// A checkpoint that cannot be written does not end the training, and what it would have replaced can be resumed from.
func TestTrainingOutlivesFailedCheckpoints(t *testing.T) {
	path := tableFile(t, 500)
	text := networkRun + "checkpoint: {every_steps: 2, keep: 1}\n"
	whole := train(t, configure(t, path, text))
	full := &failingFS{FS: atomicfile.OS, from: 9}
	c := configure(t, path, text)
	var log bytes.Buffer
	o, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", CheckpointFS: full, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	sameRun(t, o, whole)
	if k := o.Result.Checkpoints; k == nil || k.Failed == 0 || !strings.Contains(k.Error, "not enough disk space") || k.Written == 0 {
		t.Errorf("checkpoints %+v", k)
	}
	if !strings.Contains(log.String(), "no checkpoint was written; the training goes on") {
		t.Errorf("log %s", log.String())
	}
	if o, err = run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Resume: run.ResumeLast}); err != nil {
		t.Fatal(err)
	}
	if len(o.Result.Resumed) != 1 || o.Result.Resumed[0].Step == 0 || o.Result.Resumed[0].Step > 9 {
		t.Errorf("resumed %+v", o.Result.Resumed)
	}
	sameRun(t, o, whole)

	// An interruption that cannot be saved is an error of its own.
	full = &failingFS{FS: atomicfile.OS}
	full.fails.Store(true)
	ctx := newCountdown(9)
	_, err = run.Train(ctx, configure(t, path, text), run.Options{CheckpointFS: full, Log: slog.New(ctx)})
	if !errors.Is(err, run.ErrInterrupted) || !strings.Contains(err.Error(), "no checkpoint could be written") {
		t.Errorf("error %v", err)
	}
}

// A resumed training may not become another one.
func TestResumeRefuses(t *testing.T) {
	path := tableFile(t, 400)
	c := configure(t, path, networkRun)
	train(t, c)
	before := read(t, filepath.Join(c.Output, "r", "run.json"))
	resume := func(change func(c *Config)) error {
		other := *c
		change(&other)
		_, err := run.Train(context.Background(), &other, run.Options{ConfigPath: "run.yaml", Resume: run.ResumeLast})
		return err
	}
	for _, x := range []struct {
		change func(c *Config)
		want   []string
	}{
		{func(c *Config) { c.Train.Batch, c.Seed = 32, 9 }, []string{"train.batch", "was 64 when the checkpoint was made, is 32 now", "seed", "was 3", "take them back"}},
		{func(c *Config) { c.Train.Optimizer.Kind = "sgd" }, []string{"train.optimizer.kind", "was adam"}},
		{func(c *Config) { c.Data.Ignore = []string{"k", "amount", "w", "b"} }, []string{"data.ignore"}},
		{func(c *Config) { c.Train.EarlyStopping.Metric = "log_loss" }, []string{"train.early_stopping.metric"}},
	} {
		err := resume(x.change)
		for _, want := range x.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v lacks %q", err, want)
			}
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The same data elsewhere are the same; other data in the same place are not.
	moved := filepath.Join(t.TempDir(), "moved.csv")
	if err := os.WriteFile(moved, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(data, []byte("Ulm"), []byte("Kiel"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := resume(func(*Config) {}); err == nil || !strings.Contains(err.Error(), "its data are no longer those of the checkpoint") {
		t.Errorf("error %v", err)
	}
	if after := read(t, filepath.Join(c.Output, "r", "run.json")); after != before {
		t.Errorf("a refused resumption has changed run.json:\n%s\nbefore\n%s", after, before)
	}
	if err := resume(func(c *Config) { c.Data.Source.Path = configfile.Strings{moved} }); err != nil {
		t.Error(err)
	}
}

// A resumption that fails, or is interrupted, takes nothing away: neither the run's checkpoints nor the earlier run that it is to
// replace, which goes when the later one has finished.
func TestFailedResumptionKeepsEverything(t *testing.T) {
	path := tableFile(t, 400)
	c := configure(t, path, networkRun+"checkpoint: {every_steps: 2}\n")
	train(t, c)
	c.Train.Epochs, c.Model.Hidden = 40, c.Model.Hidden[:1]
	ctx := newCountdown(30)
	if _, err := run.Train(ctx, c, run.Options{Overwrite: true, Log: slog.New(ctx)}); !errors.Is(err, run.ErrInterrupted) {
		t.Fatal(err)
	}
	folder := filepath.Join(c.Output, "r")
	aside := func() bool {
		found, err := filepath.Glob(filepath.Join(c.Output, ".r.old-*", "model", "model.json"))
		return err == nil && len(found) == 1
	}
	if !aside() {
		t.Fatal("the run that was to be replaced is gone")
	}
	checkpoints := func() string {
		found, err := filepath.Glob(filepath.Join(folder, "checkpoints", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(found, "\n")
	}
	before, metrics := checkpoints(), filepath.Join(folder, "metrics.jsonl")
	if err := errors.Join(os.Rename(metrics, metrics+".away"), os.Mkdir(metrics, 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := run.Train(context.Background(), c, run.Options{Resume: run.ResumeLast}); err == nil {
		t.Fatal("metrics were written into a folder")
	}
	if checkpoints() != before || !aside() {
		t.Errorf("a failed resumption left the checkpoints\n%s\nof\n%s", checkpoints(), before)
	}
	if err := errors.Join(os.Remove(metrics), os.Rename(metrics+".away", metrics)); err != nil {
		t.Fatal(err)
	}
	if _, err := run.Train(context.Background(), c, run.Options{Resume: run.ResumeLast}); err != nil {
		t.Fatal(err)
	}
	if aside() {
		t.Error("the run that was replaced is still there")
	}
}

// Without a checkpoint a finished model does not silently become another.
func TestResumeWithoutCheckpoints(t *testing.T) {
	path := tableFile(t, 300)
	c := configure(t, path, `
data: {source: {path: PATH}, target: amount, id: id, ignore: [k, y, w]}
model: {kind: linear, solver: exact}
`)
	first := train(t, c)
	again, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Resume: run.ResumeLast})
	if err != nil {
		t.Fatal(err)
	}
	if name := filepath.Join("model", parametersFile); read(t, filepath.Join(again.Folder, name)) != read(t, filepath.Join(first.Folder, name)) {
		t.Error("the same solution differs")
	}
	resume := func(from run.ResumeFrom, change func(c *Config)) error {
		other := *c
		change(&other)
		_, err := run.Train(context.Background(), &other, run.Options{Resume: from})
		return err
	}
	for want, err := range map[string]error{
		"seed: was 1":                resume(run.ResumeLast, func(c *Config) { c.Seed = 5 }),
		"data.ignore":                resume(run.ResumeLast, func(c *Config) { c.Data.Ignore = []string{"k", "y", "w", "b"} }),
		"has no checkpoints, a best": resume(run.ResumeBest, func(*Config) {}),
		"its checkpoints are gone":   resume(run.ResumeLast, func(c *Config) { c.Model.Solver = SolverGradient }),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(data, []byte("Ulm"), []byte("Kiel"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := resume(run.ResumeLast, func(*Config) {}); err == nil || !strings.Contains(err.Error(), "its data have changed since") {
		t.Errorf("error %v", err)
	}
}

// More patience for a training that its patience has ended is the same as having had it from the start.
func TestMorePatience(t *testing.T) {
	path := tableFile(t, 300)
	text := strings.Replace(networkRun, "epochs: 12", "epochs: 40", 1)
	whole := train(t, configure(t, path, strings.Replace(text, "patience: 4", "patience: 9", 1)))
	c := configure(t, path, strings.Replace(text, "patience: 4", "patience: 1", 1))
	short := train(t, c)
	if short.Result.Stopped != "early_stopping" || len(short.Result.Epochs) >= len(whole.Result.Epochs) {
		t.Fatalf("stopped by %q after %d epochs", short.Result.Stopped, len(short.Result.Epochs))
	}
	c.Train.EarlyStopping.Patience = 9
	o, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Resume: run.ResumeLast})
	if err != nil {
		t.Fatal(err)
	}
	sameRun(t, o, whole)
}
