package behavior

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"debut/kernels/cpu"
	"debut/trainers/checkpoint"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// The folder of each version of the golden run is made once and stays: go test ./trainers/behavior -run TestGolden -update
// makes that of goldenVersion where there is none. A change of what checkpoints hold, or of what they mean, takes a
// new version; the old ones must go on to be resumed, or be refused with a message of their own in the test.
var updateGolden = flag.Bool("update", false, "make the golden run of this version where there is none")

const goldenVersion = "v1"

const goldenRun = `name: golden
output: runs
seed: 11
device: cpu
data: {source: {path: data.csv}, target: y, id: id}
model: {hidden: [{units: 12, dropout: 0.2, batch_norm: true}, {units: 6, dropout: 0.1, batch_norm: true}], embedding: 3}
train:
  epochs: 3
  batch: 20
  accumulate: 2
  optimizer: {kind: adamw, learning_rate: 0.02}
  early_stopping: {metric: auc, patience: 9}
checkpoint: {every_steps: 5, every_minutes: 0, keep: 2}
`

// goldenFacts are what is known of a golden run and of its resumption to six epochs.
type goldenFacts struct {
	Step      int64   // of the newest checkpoint
	Best      float64 // the best AUC of the validation rows until then
	FinalStep int64   // after six epochs
	FinalLoss float64 // log loss of the test rows then
	SHA256    string  // of the model's parameters then: at the level "generic" of amd64; others may fuse multiplications and additions
}

const factsFile = "expected.json"

// trainGolden trains in the working directory: the run in goldenRun, or that of a folder to six epochs.
func trainGolden(t *testing.T, resume run.ResumeFrom, log *slog.Logger) (*run.Outcome, error) {
	t.Helper()
	opt := run.Options{BaseDir: ".", ConfigPath: "run.yaml", Resume: resume, Version: "golden", Log: log}
	c, err := Parse("run.yaml", []byte(goldenRun), nil)
	if resume != run.ResumeNot {
		folder := filepath.Join("runs", "golden")
		opt.BaseDir = folder
		c, err = load(filepath.Join(folder, runfolder.ConfigFile), []string{"train.epochs=6"})
	}
	if err != nil {
		t.Fatal(err)
	}
	return run.Train(context.Background(), c, opt)
}

// goldenEnd is what a resumption has come to.
func goldenEnd(t *testing.T, o *run.Outcome) goldenFacts {
	t.Helper()
	h := sha256.Sum256([]byte(read(t, filepath.Join(o.Folder, "model", "parameters.safetensors"))))
	last := o.Result.Resumed[len(o.Result.Resumed)-1]
	return goldenFacts{
		Step: last.Step, FinalStep: o.Result.Checkpoints.Step, FinalLoss: metric(t, o, run.PartTest, "log_loss"), SHA256: hex.EncodeToString(h[:]),
	}
}

// makeGolden trains the run that is kept, unless it is there.
func makeGolden(t *testing.T, to string) {
	t.Helper()
	if _, err := os.Stat(to); err == nil {
		return
	}
	to, err := filepath.Abs(to)
	if err != nil {
		t.Fatal(err)
	}
	// Only the columns that the run uses.
	var data strings.Builder
	for line := range strings.Lines(read(t, tableFile(t, 300))) {
		data.WriteString(strings.Join(strings.Split(line, ",")[:5], ",") + "\n")
	}
	t.Chdir(t.TempDir()) // no paths of this machine in the files
	if err := os.WriteFile("data.csv", []byte(data.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := trainGolden(t, run.ResumeNot, nil)
	if err != nil {
		t.Fatal(err)
	}
	best := float64(o.Result.Best.Value)
	if err := os.WriteFile(filepath.Join(o.Folder, "data.csv"), []byte(data.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := runfolder.Open(o.Folder)
	if err != nil {
		t.Fatal(err)
	}
	o.Result.Directory = ""
	if err := f.WriteResult(o.Result); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(o.Folder, "events*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(found, filepath.Join(o.Folder, "model"), filepath.Join(o.Folder, runfolder.LockFile)) {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(to, os.DirFS(o.Folder)); err != nil {
		t.Fatal(err)
	}
	if o, err = trainGolden(t, run.ResumeLast, nil); err != nil {
		t.Fatal(err)
	}
	facts := goldenEnd(t, o)
	facts.Best = best
	text, err := json.MarshalIndent(facts, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, factsFile), append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestGolden resumes the run that each version of debut has left behind.
func TestGolden(t *testing.T) {
	t.Setenv(cpu.LevelVariable, "generic")
	versions := filepath.Join("testdata", "golden")
	if *updateGolden {
		t.Run("make", func(t *testing.T) { makeGolden(t, filepath.Join(versions, goldenVersion)) })
	}
	entries, err := os.ReadDir(versions)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) == 0 {
		t.Fatal("there is no golden run")
	}
	for _, e := range entries {
		version, err := filepath.Abs(filepath.Join(versions, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(e.Name(), func(t *testing.T) {
			copyGolden(t, version)
			o, err := trainGolden(t, run.ResumeLast, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkGolden(t, version, o)
		})
		t.Run(e.Name()+" from the best", func(t *testing.T) {
			copyGolden(t, version)
			o, err := trainGolden(t, run.ResumeBest, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r := o.Result.Resumed; len(r) != 1 || !r[0].Best || o.Result.Status != runfolder.Finished || len(o.Result.Epochs) != 6 {
				t.Errorf("resumed %+v, %s, epochs %v", r, o.Result.Status, o.Result.Epochs)
			}
		})
	}
}

// copyGolden makes a copy of a golden run the run in the working directory.
func copyGolden(t *testing.T, version string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.CopyFS(filepath.Join("runs", "golden"), os.DirFS(version)); err != nil {
		t.Fatal(err)
	}
}

// checkGolden compares the end of a run with the facts that a version left.
func checkGolden(t *testing.T, version string, o *run.Outcome) {
	t.Helper()
	var want goldenFacts
	if err := json.Unmarshal([]byte(read(t, filepath.Join(version, factsFile))), &want); err != nil {
		t.Fatal(err)
	}
	got := goldenEnd(t, o)
	if got.Step != want.Step || got.FinalStep != want.FinalStep || o.Result.Status != runfolder.Finished || len(o.Result.Epochs) != 6 {
		t.Errorf("%+v, want %+v; %s after epochs %v", got, want, o.Result.Status, o.Result.Epochs)
	}
	near(t, "log loss of the test rows", got.FinalLoss, want.FinalLoss, 1e-3)
	if runtime.GOARCH == "amd64" && got.SHA256 != want.SHA256 {
		t.Errorf("the parameters have the sum %s, want %s", got.SHA256, want.SHA256)
	}
	// The evaluations of the golden run are still there, its best among them.
	f, err := runfolder.Open(o.Folder)
	if err != nil {
		t.Fatal(err)
	}
	list, err := f.Evaluations()
	if err != nil || len(list) != 6 {
		t.Fatalf("%d evaluations, want 6: %v", len(list), err)
	}
	best := 0.0
	for i, ev := range list {
		if ev.Epoch != i+1 {
			t.Errorf("evaluation %d is of epoch %d", i, ev.Epoch)
		}
		for _, v := range ev.Metrics {
			if i < 3 && v.Name == "auc" {
				best = max(best, v.Value)
			}
		}
	}
	if best != want.Best {
		t.Errorf("best AUC of the first three epochs %v, want %v", best, want.Best)
	}
}

// A checkpoint of a later version says so, and is left alone.
func TestCheckpointOfALaterVersion(t *testing.T) {
	t.Setenv(cpu.LevelVariable, "generic")
	version, err := filepath.Abs(filepath.Join("testdata", "golden", goldenVersion))
	if err != nil {
		t.Fatal(err)
	}
	copyGolden(t, version)
	states, err := filepath.Glob(filepath.Join("runs", "golden", "checkpoints", "*.json"))
	if err != nil || len(states) == 0 {
		t.Fatalf("%q, %v", states, err)
	}
	// The frame of a state file stays: an object whose last field is the SHA-256 of the object without it, and a line end.
	const seal = `,"sha256":"`
	for _, path := range states {
		content := read(t, path)
		content = content[:strings.LastIndex(content, seal)] + "}"
		changed := strings.Replace(content, `"version":1,`, `"version":2,"new":true,`, 1)
		if changed == content {
			t.Fatalf("%s has no version", path)
		}
		changed = changed[:len(changed)-1] + fmt.Sprintf("%s%x\"}\n", seal, sha256.Sum256([]byte(changed)))
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err = trainGolden(t, run.ResumeLast, nil)
	if !errors.Is(err, checkpoint.ErrNewer) || !strings.Contains(err.Error(), "written by a newer debut: version 2, this program reads 1; use the newer program") {
		t.Errorf("the checkpoint of version 2: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join("runs", "golden", "checkpoints", "*")); len(left) != 2*len(states) {
		t.Errorf("of %d checkpoints %q are left", len(states), left)
	}
}
