//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// limited is a command that runs under a limit on the number of open files.
func limited(t *testing.T, dir string, files int, args ...string) *process {
	t.Helper()
	return startCommand(t, dir, exec.Command("sh", append([]string{"-c", fmt.Sprintf(`ulimit -n %d && exec debut "$@"`, files), "sh"}, args...)...))
}

// Too few files that may be open are an error at the start, where DuckDB would end the process; a few more than that serve, as the
// message says.
func TestFewOpenFiles(t *testing.T) {
	dir := workplace(t, "name: r\ndata: {source: {path: visits.csv}, target: y, id: id}\ntrain: {epochs: 1}\n")
	for _, files := range []int{8, 12, leastOpenFiles - 1} {
		p := limited(t, dir, files, "train", "run.yaml", "-q")
		p.finish(t, exitFailure)
		if want := fmt.Sprintf("only %d files open at a time, and debut takes at least %d: raise the limit", files, leastOpenFiles); !strings.Contains(p.stderr.String(), want) {
			t.Errorf("%d files: %s", files, p.stderr.String())
		}
	}
	limited(t, dir, leastOpenFiles, "train", "run.yaml", "--threads", "64", "-q").finish(t, 0)

	// As many Parquet files as there are threads are open at a time.
	debut(t, dir, 0, "predict", "runs/r", "visits.csv", "-o", "part0.parquet", "-q")
	whole, err := os.ReadFile(filepath.Join(dir, "part0.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("part%d.parquet", i)), whole, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, threads := range map[string]int{"many.yaml": 64, "few.yaml": 4} {
		data := fmt.Sprintf("output: prepared\nthreads: %d\nsources: {v: {path: \"part*.parquet\"}}\n", threads)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := limited(t, dir, leastOpenFiles, "data", "prepare", "many.yaml", "-q")
	p.finish(t, exitFailure)
	if want := fmt.Sprintf("Too many open files; this process may have only %d files open at a time: raise the limit", leastOpenFiles); !strings.Contains(p.stderr.String(), want) {
		t.Error(p.stderr.String())
	}
	limited(t, dir, 1024, "data", "prepare", "many.yaml", "-q").finish(t, 0)
	limited(t, dir, leastOpenFiles, "data", "prepare", "few.yaml", "-q", "--overwrite").finish(t, 0)
}

// What crashes does not end as wrong usage does, and leaves no image of its memory, though one be allowed.
func TestCrash(t *testing.T) {
	dir := workplace(t, longRun)
	p := startCommand(t, dir, exec.Command("sh", "-c", "ulimit -c unlimited; exec debut train run.yaml"))
	p.awaitFile(t, filepath.Join(dir, "runs/r/metrics.jsonl"))
	p.signal(t, syscall.SIGABRT) // as the abort of native code
	p.finish(t, -1)
	status, ok := p.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || status.Signal() != syscall.SIGABRT || status.CoreDump() {
		t.Errorf("ended with %v", p.ProcessState)
	}
	if !strings.Contains(p.stderr.String(), "SIGABRT: abort") {
		t.Errorf("stderr:\n%s", p.stderr.String())
	}
	debut(t, dir, 0, "train", "run.yaml", "--resume", "-q", "--set", "train.epochs=3")
}
