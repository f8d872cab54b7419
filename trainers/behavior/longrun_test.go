package behavior

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// soak is how many epochs TestManyEpochs trains; 50,000 take minutes.
var soak = flag.Int("soak", runfolder.MaxEpochs+200, "how many epochs a long training has")

// However many epochs a training has, run.json and checkpoints list the last ones, metrics.jsonl has all, and memory does not
// grow with them. It can be gone on with as any other.
func TestManyEpochs(t *testing.T) {
	path := tableFile(t, 40)
	text := strings.NewReplacer(", early_stopping: {metric: auc, patience: 4}", "", "epochs: 12, batch: 64", fmt.Sprintf("epochs: %d, batch: 64", *soak), "hidden: [{units: 32, dropout: 0.1}, {units: 16}]", "hidden: [{units: 2, dropout: 0.1}]",
		"ignore: [k, amount, w]", "ignore: [k, amount, w], split: {validation: 0, test: 0}").Replace(networkRun) + "checkpoint: {every_minutes: 0}\n"
	for _, validation := range []string{"validation: 0", "validation: 0.25"} {
		c := configure(t, path, strings.Replace(text, "validation: 0", validation, 1))
		first, last := 0, 0
		whole, err := run.Train(t.Context(), c, run.Options{Progress: func(p run.Progress) {
			if p.Epoch > runfolder.MaxEpochs && first == 0 {
				first = resident(t)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		last = resident(t)
		t.Logf("resident after %d epochs %d KiB, after %d %d KiB", runfolder.MaxEpochs, first, *soak, last)
		r := whole.Result
		if n := len(r.Epochs); n != runfolder.MaxEpochs || r.Epochs[0].Epoch != *soak-n+1 || r.Epochs[n-1].Epoch != *soak {
			t.Errorf("%d epochs from %d to %d", n, r.Epochs[0].Epoch, r.Epochs[n-1].Epoch)
		}
		if r.Trained == nil || r.Trained.Epochs != *soak || r.Trained.Rows != int64(*soak)*r.Epochs[0].Rows {
			t.Errorf("trained in all: %+v", r.Trained)
		}
		f, err := os.Open(filepath.Join(whole.Folder, runfolder.MetricsFile))
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for s := bufio.NewScanner(f); s.Scan(); lines++ {
			if !strings.HasPrefix(s.Text(), fmt.Sprintf(`{"epoch":%d,`, lines+1)) {
				t.Fatalf("line %d: %s", lines+1, s.Text())
			}
		}
		if err := f.Close(); err != nil || lines != *soak {
			t.Errorf("%d lines for %d epochs, %v", lines, *soak, err)
		}
		states, err := filepath.Glob(filepath.Join(whole.Folder, runfolder.CheckpointsDir, "*.json"))
		if err != nil || len(states) == 0 {
			t.Fatal(states, err)
		}
		for _, file := range append(states, filepath.Join(whole.Folder, runfolder.ResultFile)) {
			if info, err := os.Stat(file); err != nil || info.Size() > 1<<18 {
				t.Errorf("%s: %v, %v", filepath.Base(file), info, err)
			}
		}

		if validation == "validation: 0" {
			continue
		}
		// The same in two pieces, the second of which begins behind the bound.
		d := configure(t, path, strings.Replace(text, "validation: 0", validation, 1))
		d.Train.Epochs = runfolder.MaxEpochs + 100
		_, err = run.Train(t.Context(), d, run.Options{})
		d.Train.Epochs = *soak
		again, rerr := run.Train(t.Context(), d, run.Options{Resume: run.ResumeLast})
		if err := errors.Join(err, rerr); err != nil {
			t.Fatal(err)
		}
		sameRun(t, again, whole)
	}
}

// resident is what of the process is in memory, in KiB; 0 where the system does not tell.
func resident(t *testing.T) int {
	t.Helper()
	runtime.GC()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
