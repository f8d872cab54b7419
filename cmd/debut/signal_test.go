package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"debut/trainers/runfolder"
)

// Long enough for a signal to find it under way: each evaluation is flushed to the disk.
const longRun = `name: r
seed: 5
data: {source: {path: visits.csv}, target: y, id: id}
model: {hidden: [{units: 16, dropout: 0.2}], embedding: 4}
train: {epochs: 300, batch: 20, accumulate: 2, optimizer: {kind: momentum}}
checkpoint: {every_minutes: 0}
`

func (p *process) signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatalf("send %v: %v", s, err)
	}
}

// stop stops the process and waits until all of its threads stand still: what one is writing is written before.
func (p *process) stop(t testing.TB) {
	t.Helper()
	p.signal(t, syscall.SIGSTOP)
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(p.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the process does not stop: %v, status %x", err, status)
	}
}

// progressed waits until a training has added to its metrics.jsonl.
func (p *process) progressed(t testing.TB, folder string) {
	t.Helper()
	size := func() int64 {
		info, err := os.Stat(filepath.Join(folder, runfolder.MetricsFile))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	began := size()
	p.await(t, "further evaluations", func() bool { return size() > began+500 || size() > 0 && size() < began })
}

// A run that is interrupted again and again, by whichever signal, ends as if it had never been.
func TestSignalsAndResume(t *testing.T) {
	// Where the test's own process ignores SIGHUP, as under nohup, so would the trainings: what is handled is not handed down.
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, syscall.SIGHUP)
	defer signal.Stop(handled)
	dir := workplace(t, longRun)
	debut(t, dir, 0, "train", "run.yaml", "--output", "whole", "-q")
	want := endOf(t, filepath.Join(dir, "whole", "r"))
	folder := filepath.Join(dir, "cut", "r")
	args := []string{"train", "run.yaml", "--output", "cut", "-q"}
	last := int64(-1)
	for i, c := range []struct {
		signal  syscall.Signal
		code    int
		message string
	}{{syscall.SIGINT, 130, "debut: interrupted\n"}, {syscall.SIGTERM, 143, "debut: ended by SIGTERM\n"}, {syscall.SIGHUP, 129, "debut: ended by SIGHUP\n"}} {
		p := start(t, dir, args...)
		p.progressed(t, folder)
		p.signal(t, c.signal)
		p.finish(t, c.code)
		if text := p.stderr.String(); !strings.HasSuffix(text, c.message) {
			t.Errorf("%v: %q", c.signal, text)
		}
		f, err := runfolder.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Result()
		if err != nil {
			t.Fatal(err)
		}
		step := newest(t, folder)
		if r.Status != runfolder.Interrupted || r.Checkpoints == nil || r.Checkpoints.Written == 0 || r.Checkpoints.Step != step || step <= last {
			t.Fatalf("%v: run.json says %s with the checkpoints %+v; the newest is of step %d, the one before of %d", c.signal, r.Status, r.Checkpoints, step, last)
		}
		if len(r.Resumed) != i || i > 0 && r.Resumed[i-1].Step != last {
			t.Errorf("%v: resumed %+v, the last time at step %d", c.signal, r.Resumed, last)
		}
		last = step
		args = []string{"train", "run.yaml", "--output", "cut", "-q", "--resume"}
	}
	debut(t, dir, 0, args...)
	endOf(t, folder).same(t, want)
}

// A training under nohup does not end with its terminal.
func TestIgnoredHangup(t *testing.T) {
	dir := workplace(t, longRun)
	signal.Ignore(syscall.SIGHUP) // children have it ignored too
	p := start(t, dir, "train", "run.yaml", "-q")
	signal.Reset(syscall.SIGHUP)
	p.progressed(t, filepath.Join(dir, "runs", "r"))
	p.signal(t, syscall.SIGHUP)
	p.progressed(t, filepath.Join(dir, "runs", "r"))
	p.signal(t, syscall.SIGTERM)
	p.finish(t, 143)
}

// A training whose messages nobody reads goes on; one whose result nobody reads has left it all the same.
func TestNobodyReads(t *testing.T) {
	dir := workplace(t, everythingRun)
	debut(t, dir, 0, "train", "run.yaml", "--output", "whole")
	want := endOf(t, filepath.Join(dir, "whole", "r"))
	for _, c := range []struct {
		name           string
		stdout, stderr bool // broken
		code           int
	}{{"stderr", false, true, 0}, {"stdout", true, false, 141}, {"both", true, true, 141}} {
		broken, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := broken.Close(); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("debut", "train", "run.yaml", "--output", c.name)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "DEBUT_CPU=generic")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if c.stdout {
			cmd.Stdout = w
		}
		if c.stderr {
			cmd.Stderr = w
		}
		err = cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != c.code || strings.Contains(out.String(), "broken pipe") {
			t.Errorf("%s: %v, want exit code %d: %s", c.name, err, c.code, out.String())
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		endOf(t, filepath.Join(dir, c.name, "r")).same(t, want)
	}
}

// The second signal does not wait for the step at hand. What was saved before is as it was.
func TestSecondSignalEndsTheTraining(t *testing.T) {
	// Steps take far longer than the time between the signals.
	dir := workplace(t, `name: r
data: {source: {path: visits.csv}, target: y, id: id}
model: {hidden: [{units: 2048}, {units: 2048}]}
train: {epochs: 100, batch: 280, optimizer: {kind: sgd}}
checkpoint: {every_steps: 1}
`)
	folder := filepath.Join(dir, "runs", "r")
	p := start(t, dir, "train", "run.yaml", "-q", "--threads", "1")
	p.awaitFile(t, filepath.Join(folder, "checkpoints", "step-000000000001.json"))
	p.signal(t, syscall.SIGTERM)
	time.Sleep(20 * time.Millisecond) // two signals at once are one
	// Were it at its end already, this would fail, and so it should.
	p.signal(t, syscall.SIGINT)
	p.finish(t, -1)
	status, ok := p.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("%v, want death by the second signal; stderr:\n%s", p.ProcessState, p.stderr.String())
	}
	if step := newest(t, folder); step < 1 {
		t.Errorf("the newest checkpoint is of step %d", step)
	}
}

// While a run is under way its folder is its own.
func TestTwoProcessesInOneFolder(t *testing.T) {
	processes(t)
	dir := workplace(t, longRun)
	debut(t, dir, 0, "train", "run.yaml", "--output", "whole", "-q")
	want := endOf(t, filepath.Join(dir, "whole", "r"))
	folder := filepath.Join(dir, "runs", "r")
	first := start(t, dir, "train", "run.yaml", "-q", "--set", "checkpoint.every_epochs=1")
	first.awaitFile(t, filepath.Join(folder, "metrics.jsonl"))
	first.stop(t) // it keeps its lock, and does not end before the others have tried
	before := snapshot(t, folder)
	for _, args := range [][]string{
		{"run.yaml", "--resume"}, {"run.yaml", "--resume=best"}, {"runs/r", "--resume"}, {"run.yaml", "--overwrite"}, {"run.yaml"},
	} {
		text := debut(t, dir, 1, append([]string{"train", "-q"}, args...)...)
		if !strings.Contains(text, "another run is under way in the folder: runs/r") {
			t.Errorf("train %q: %s", args, text)
		}
	}
	if after := snapshot(t, folder); after != before {
		t.Errorf("the folder has changed from\n%s\nto\n%s", before, after)
	}
	first.signal(t, syscall.SIGCONT)
	first.finish(t, 0)
	endOf(t, folder).same(t, want)

	// The lock is gone with the process that had it, and the run can be gone on with.
	debut(t, dir, 0, "train", "run.yaml", "-q", "--resume")
	endOf(t, folder).same(t, want)
}

// snapshot tells names and contents of all files below a folder.
func snapshot(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, name := range files(t, dir) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: %d bytes, %x\n", name, len(data), sha256.Sum256(data))
	}
	return b.String()
}
