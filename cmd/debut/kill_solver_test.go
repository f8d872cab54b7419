package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// solverKills is how often TestKillSolver kills each of its runs.
const solverKills = 2

// TestKillSolver kills trainings of models that are found in one go, which have no checkpoints, at random moments. What is left, the
// same command makes a whole run of; one that was to be replaced can be used until then.
func TestKillSolver(t *testing.T) {
	processes(t)
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(*killSeed, 77))
	var b bytes.Buffer
	b.WriteString("user,item\n")
	for range 60_000 {
		fmt.Fprintf(&b, "u%d,i%d\n", rnd.IntN(4000), int(1500*rnd.Float64()*rnd.Float64()))
	}
	const runFile = "family: neighbors\nname: r\ndata: {sources: [{path: events.csv}], split: {method: leave_random_out}}\n"
	for name, data := range map[string][]byte{"events.csv": b.Bytes(), "run.yaml": []byte(runFile)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	debut(t, dir, 0, "train", "run.yaml", "--output", "whole", "-q")
	length := time.Since(begin)
	model := func(output string) map[string]string {
		folder := filepath.Join(dir, output, "r", "model")
		texts := map[string]string{}
		for _, name := range files(t, folder) {
			text, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			texts[name] = string(text)
		}
		return texts
	}
	want := fmt.Sprint(model("whole"))
	for _, replacing := range []bool{false, true} {
		killed := 0
		for round := range solverKills {
			output := fmt.Sprintf("cut-%v-%d", replacing, round)
			args := []string{"train", "run.yaml", "--output", output, "--resume"}
			if replacing {
				if err := os.CopyFS(filepath.Join(dir, output), os.DirFS(filepath.Join(dir, "whole"))); err != nil {
					t.Fatal(err)
				}
				args[4] = "--overwrite"
			}
			p := start(t, dir, args...)
			if kill(t, p, time.Duration((0.1+0.7*rnd.Float64())*float64(length))) {
				killed++
			}
			debut(t, dir, 0, append(args, "-q")...)
			if got := fmt.Sprint(model(output)); got != want {
				t.Errorf("after a kill the run has another model: %d bytes, %d before", len(got), len(want))
			}
			entries, err := os.ReadDir(filepath.Join(dir, output))
			if err != nil || len(entries) != 1 {
				t.Errorf("beside the run: %v, %v", entries, err)
			}
			if left := files(t, filepath.Join(dir, output, "r")); slices.ContainsFunc(left, func(name string) bool {
				return filepath.Ext(name) == ".tmp" || bytes.Contains([]byte(name), []byte(".tmp-"))
			}) {
				t.Errorf("files of killed writes are left: %q", left)
			}
		}
		t.Logf("replacing %v: %d of %d killed, in runs of %v", replacing, killed, solverKills, length.Round(time.Millisecond))
	}
}
