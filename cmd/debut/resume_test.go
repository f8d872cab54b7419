package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"debut/trainers/checkpoint"
	"debut/trainers/runfolder"
)

// A run with all that has a state: dropout, batch norm, embeddings, gradients that are added up, early stopping.
const everythingRun = `name: r
seed: 3
data: {source: {path: visits.csv}, target: y, id: id}
model:
  hidden: [{units: 16, dropout: 0.2, batch_norm: true}, {units: 8, dropout: 0.1, batch_norm: true}]
  embedding: 4
  input_dropout: 0.05
train:
  epochs: 8
  batch: 20
  accumulate: 2
  optimizer: {learning_rate: 0.01}
  schedule: {kind: constant}
  early_stopping: {metric: auc, patience: 7}
`

// workplace makes a folder with a table of made-up visits and a run file.
func workplace(t testing.TB, runFile string) string {
	t.Helper()
	dir := t.TempDir()
	furnish(t, dir, runFile)
	return dir
}

func furnish(t testing.TB, dir, runFile string) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 1))
	var b bytes.Buffer
	b.WriteString("id,a,b,city,shop,y\n")
	for i := range 400 {
		x, z, city, shop := rnd.NormFloat64(), rnd.NormFloat64(), rnd.IntN(3), rnd.IntN(40)
		y := "no"
		if x*z+float64(city+shop%2) > 1.5+0.3*rnd.NormFloat64() {
			y = "yes"
		}
		fmt.Fprintf(&b, "r%d,%.5f,%.5f,%s,s%d,%s\n", i, x, z, []string{"Ulm", "Bonn", "Kiel"}[city], shop, y)
	}
	for name, data := range map[string][]byte{"visits.csv": b.Bytes(), "run.yaml": []byte(runFile)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// process is a debut under way.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan error // gets what Wait returns
}

func start(t testing.TB, dir string, args ...string) *process {
	t.Helper()
	return startCommand(t, dir, exec.Command("debut", args...))
}

// startIn is start in a control group, whose file of processes is given.
func startIn(t testing.TB, dir, procs string, args ...string) *process {
	t.Helper()
	return startCommand(t, dir, exec.Command("sh", append([]string{"-c", `echo $$ >"$0" && exec debut "$@"`, procs}, args...)...))
}

func startCommand(t testing.TB, dir string, command *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: command, ended: make(chan error, 1)}
	p.Dir, p.Stdout, p.Stderr = dir, &p.stdout, &p.stderr
	p.Env = append(os.Environ(), "DEBUT_CPU=generic")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	t.Cleanup(func() { _ = p.Process.Kill() }) // it has ended unless the test failed
	return p
}

// finish waits for the end and checks the exit code; -1 is that of a process that a signal ended.
func (p *process) finish(t testing.TB, code int) {
	t.Helper()
	select {
	case err := <-p.ended:
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
	case <-time.After(2 * time.Minute):
		t.Fatalf("debut %q does not end; stderr:\n%s", p.Args[1:], p.stderr.String())
	}
	if got := p.ProcessState.ExitCode(); got != code {
		t.Fatalf("debut %q: exit code %d, want %d; stderr:\n%s", p.Args[1:], got, code, p.stderr.String())
	}
}

// await waits until done says so while the process is under way.
func (p *process) await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !done(); time.Sleep(2 * time.Millisecond) {
		select {
		case err := <-p.ended:
			t.Fatalf("debut %q ended (%v) before %s; stderr:\n%s", p.Args[1:], err, what, p.stderr.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("debut %q: no %s; stderr:\n%s", p.Args[1:], what, p.stderr.String())
		}
	}
}

func (p *process) awaitFile(t testing.TB, path string) {
	t.Helper()
	p.await(t, filepath.Base(path), func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() > 0
	})
}

// debut runs the program to its end and returns what it wrote to standard error.
func debut(t testing.TB, dir string, code int, args ...string) string {
	t.Helper()
	p := start(t, dir, args...)
	p.finish(t, code)
	return p.stderr.String()
}

// ending is what a run has left, without what depends on the clock.
type ending struct {
	parameters  map[string]string // files of tensors
	evaluations []runfolder.Evaluation
	result      *runfolder.RunResult
}

// endOf reads a run folder.
func endOf(t testing.TB, folder string) ending {
	t.Helper()
	f, err := runfolder.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	e := ending{parameters: map[string]string{}}
	tensors, err := filepath.Glob(f.Join("model/*.safetensors"))
	if err != nil || len(tensors) == 0 {
		t.Fatalf("the model has no tensors: %v", err)
	}
	for _, path := range tensors {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e.parameters[filepath.Base(path)] = string(text)
	}
	if e.evaluations, err = f.Evaluations(); err != nil {
		t.Fatal(err)
	}
	if e.result, err = f.Result(); err != nil {
		t.Fatal(err)
	}
	return e
}

// same checks that a run ended as another one did, to the last bit of the parameters and of the scores.
func (e ending) same(t testing.TB, want ending) {
	t.Helper()
	if e.result.Status != runfolder.Finished || e.result.Error != "" {
		t.Errorf("the run is %s: %s", e.result.Status, e.result.Error)
	}
	if !maps.Equal(e.parameters, want.parameters) {
		t.Error("the parameters are others")
	}
	if e.result.Best == nil || *e.result.Best != *want.result.Best || e.result.Stopped != want.result.Stopped {
		t.Errorf("best %+v, stopped by %s; want %+v, %s", e.result.Best, e.result.Stopped, want.result.Best, want.result.Stopped)
	}
	for part, m := range want.result.Metrics {
		if got := e.result.Metrics[part]; got == nil || fmt.Sprint(got.Values) != fmt.Sprint(m.Values) {
			t.Errorf("metrics of %s: %v, want %v", part, got, m)
		}
	}
	if len(e.result.Epochs) != len(want.result.Epochs) {
		t.Errorf("%d epochs, want %d", len(e.result.Epochs), len(want.result.Epochs))
	}
	for i, epoch := range e.result.Epochs {
		if epoch.Epoch != i+1 || epoch.Rows != want.result.Epochs[i].Rows {
			t.Errorf("epoch %d in the place of %d, with %d rows", epoch.Epoch, i+1, epoch.Rows)
		}
	}
	if len(e.evaluations) != len(want.evaluations) {
		t.Fatalf("%d evaluations in metrics.jsonl, want %d", len(e.evaluations), len(want.evaluations))
	}
	for i, got := range e.evaluations {
		w := want.evaluations[i]
		// The mean loss is added up in pieces that depend on the time of checkpoints and reports.
		if math.Abs(float64(got.Loss-w.Loss)) > 1e-5 {
			t.Errorf("evaluation %d: loss %v, want %v", i, got.Loss, w.Loss)
		}
		got.Loss, got.Seconds = w.Loss, w.Seconds
		if fmt.Sprint(got) != fmt.Sprint(w) {
			t.Errorf("evaluation %d: %v, want %v", i, got, w)
		}
	}
}

// newest is the step of a run's newest checkpoint, all of which is verified; -1 where there is none.
func newest(t testing.TB, folder string) int64 {
	t.Helper()
	s, err := checkpoint.Open(filepath.Join(folder, runfolder.CheckpointsDir), checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.Latest()
	if errors.Is(err, checkpoint.ErrNone) {
		return -1
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Step
}

// files lists a folder, with all below it.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, strings.TrimPrefix(path, dir+string(filepath.Separator)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// damage changes one byte in the middle of a file.
func damage(t testing.TB, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A damaged checkpoint is told of, and the one before it is gone on from.
func TestResumeFromDamagedCheckpoints(t *testing.T) {
	dir := workplace(t, everythingRun+"checkpoint: {every_steps: 5, every_minutes: 0, keep: 3}\n")
	debut(t, dir, 0, "train", "run.yaml", "-q")
	folder := filepath.Join(dir, "runs", "r")
	want := endOf(t, folder)
	tensors, err := filepath.Glob(filepath.Join(folder, "checkpoints", "*.safetensors"))
	if err != nil || len(tensors) < 3 {
		t.Fatalf("%q, %v", tensors, err)
	}
	last := newest(t, folder)
	i := slices.IndexFunc(tensors, func(path string) bool { return strings.Contains(path, fmt.Sprintf("-%012d", last)) })
	damage(t, tensors[i])
	text := debut(t, dir, 0, "train", "run.yaml", "--resume")
	if !strings.Contains(text, "a damaged one is passed over") || !strings.Contains(text, filepath.Base(tensors[i])) || !strings.Contains(text, "INF resumed step=") ||
		strings.Contains(text, fmt.Sprintf("INF resumed step=%d", last)) {
		t.Errorf("a damaged newest checkpoint: %s", text)
	}
	endOf(t, folder).same(t, want)

	if tensors, err = filepath.Glob(filepath.Join(folder, "checkpoints", "*.safetensors")); err != nil {
		t.Fatal(err)
	}
	for _, path := range tensors {
		damage(t, path)
	}
	before := files(t, folder)
	text = debut(t, dir, 1, "train", "run.yaml", "--resume", "-q")
	_, message, found := strings.Cut(text, "debut: ")
	if !found || !strings.Contains(message, "start the run anew") {
		t.Errorf("no intact checkpoint: %s", text)
	}
	for _, path := range tensors {
		if !strings.Contains(message, filepath.Base(path)) {
			t.Errorf("%s is not named: %s", path, message)
		}
	}
	if after := files(t, folder); !slices.Equal(before, after) {
		t.Errorf("the folder holds %q, before %q", after, before)
	}
}
