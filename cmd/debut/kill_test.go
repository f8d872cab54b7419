package main

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// How often TestKill kills, over all its runs. The full proof: go test ./cmd/debut -run TestKill -kills 100 -v
var (
	kills    = flag.Int("kills", 16, "how often a training is killed")
	killSeed = flag.Uint64("kill-seed", 1, "seed of the moments at which a training is killed")
)

// TestKill kills trainings with SIGKILL at random moments, from the start of the process to its end, resumes them, kills
// them again, until they have come to their end: what is left is what a run leaves that nothing happened to.
func TestKill(t *testing.T) {
	processes(t)
	variants := []struct {
		name, checkpoints string
		first             []string // arguments of the run that is not a resumption
		prepare           bool     // there is a finished run, which the first one replaces
	}{
		{name: "every step", checkpoints: "checkpoint: {every_steps: 1, every_minutes: 0}\n"},
		{name: "rarely", checkpoints: "checkpoint: {every_steps: 23, every_minutes: 0, keep: 1}\n"},
		{name: "every epoch", checkpoints: "checkpoint: {every_epochs: 1, every_minutes: 0, keep: 3}\n"},
		{name: "replacing a run", checkpoints: "checkpoint: {every_steps: 5, every_minutes: 0}\n", first: []string{"--overwrite"}, prepare: true},
	}
	for i, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			share := *kills / len(variants)
			if i < *kills%len(variants) {
				share++
			}
			killTraining(t, workplace(t, everythingRun+v.checkpoints), share, uint64(i), v.first, v.prepare)
		})
	}
}

// killTraining trains run.yaml in a folder, and then as often as it takes for so many kills, at moments drawn from a stream. first are
// arguments of the runs that are no resumption; with prepare there is a finished run, which they replace.
func killTraining(t *testing.T, dir string, share int, stream uint64, first []string, prepare bool) {
	// The length of a run is that of the machine as it is now.
	begin := time.Now()
	debut(t, dir, 0, "train", "run.yaml", "--output", "whole")
	length := time.Since(begin)
	want := endOf(t, filepath.Join(dir, "whole", "r"))
	rnd := rand.New(rand.NewPCG(*killSeed, stream))
	killed, rounds, lengthened := 0, 0, 0
	for ; killed < share; rounds++ {
		output := filepath.Join(dir, "cut")
		if err := os.RemoveAll(output); err != nil {
			t.Fatal(err)
		}
		if prepare {
			if err := os.CopyFS(output, os.DirFS(filepath.Join(dir, "whole"))); err != nil {
				t.Fatal(err)
			}
		}
		args := append([]string{"train", "run.yaml", "--output", "cut"}, first...)
		for {
			p := start(t, dir, args...)
			if killed < share && kill(t, p, time.Duration(rnd.Float64()*float64(length))) {
				killed++
				args = []string{"train", "run.yaml", "--output", "cut", "--resume"}
				continue
			}
			if killed == share {
				p.finish(t, 0)
			} else if code := p.ProcessState.ExitCode(); code != 0 {
				t.Fatalf("round %d after %d kills: exit code %d; stderr:\n%s", rounds, killed, code, p.stderr.String())
			}
			break
		}
		got := endOf(t, filepath.Join(output, "r"))
		got.same(t, want)
		if len(got.result.Resumed) > 0 {
			lengthened++
		}
		if left := files(t, filepath.Join(output, "r", "checkpoints")); slices.ContainsFunc(left, func(name string) bool { return strings.Contains(name, ".tmp-") }) {
			t.Errorf("files of killed writes are left: %q", left)
		}
		// Nothing is beside the run's folder any more.
		entries, err := os.ReadDir(output)
		if err != nil || len(entries) != 1 {
			t.Errorf("beside the run: %v, %v", entries, err)
		}
		if t.Failed() {
			t.Fatalf("round %d, after %d kills", rounds, killed)
		}
	}
	t.Logf("%d kills in %d runs of %v; %d of these went on from a checkpoint", killed, rounds, length.Round(time.Millisecond), lengthened)
}

// kill kills a process after a while; false where it has ended before that.
func kill(t *testing.T, p *process, after time.Duration) bool {
	t.Helper()
	select {
	case err := <-p.ended:
		p.ended <- err
		return false
	case <-time.After(after):
	}
	if err := p.Process.Kill(); err != nil && !strings.Contains(err.Error(), "already finished") {
		t.Fatal(err)
	}
	p.ended <- <-p.ended
	return p.ProcessState.ExitCode() == -1
}

// TestKillPredict kills predictions at random moments: the output is that of before or whole, and of what they have left beside
// it nothing stays when the next one is through.
func TestKillPredict(t *testing.T) {
	processes(t)
	dir := workplace(t, everythingRun)
	debut(t, dir, 0, "train", "run.yaml", "-q")
	rows, err := os.ReadFile(filepath.Join(dir, "visits.csv"))
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(rows), "\n")
	if err := os.WriteFile(filepath.Join(dir, "many.csv"), []byte(head+"\n"+strings.Repeat(body, 60)), 0o600); err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(*killSeed, 99))
	for _, ext := range []string{"csv", "parquet"} {
		folder := filepath.Join(dir, ext)
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		args := []string{"predict", "runs/r", "many.csv", "-q", "-o", filepath.Join(ext, "out."+ext)}
		begin := time.Now()
		debut(t, dir, 0, args...)
		length := time.Since(begin)
		want := snapshot(t, folder)
		killed, left := 0, 0
		for range 2 + *kills/4 {
			if kill(t, start(t, dir, args...), time.Duration((0.3+0.7*rnd.Float64())*float64(length))) {
				killed++
			}
			left = max(left, len(files(t, folder))-1)
		}
		debut(t, dir, 0, args...)
		if got := snapshot(t, folder); got != want {
			t.Errorf("%s: after %d kills the folder holds\n%s\nbefore\n%s", ext, killed, got, want)
		}
		t.Logf("%s: %d kills in runs of %v, at most %d files left at a time", ext, killed, length.Round(time.Millisecond), left)
	}
}

// processes leaves out a test of processes that follow each other under the race detector, which -short stands for: nothing runs side by side in the
// test itself, and each process takes ten times as long.
func processes(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("under the race detector it is a minute, of processes that follow each other")
	}
}
