package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"debut/kernels/hostmemory"
)

// The full proof: go test ./cmd/debut -run TestLittleMemory -memories 100,200,400,800 -memory-rows 3000000 -v
var (
	memories   = flag.String("memories", "75", "MiB that control groups have")
	memoryRows = flag.Int("memory-rows", 400_000, "rows of the table that is read in them")
)

// controlGroup makes a control group of so many bytes for processes of a test, and returns its file of processes and what tells how many of
// them were killed.
func controlGroup(t *testing.T, bytes int64) (procs string, killed func() string) {
	t.Helper()
	root, limit, events := "/sys/fs/cgroup", "memory.max", "memory.events"
	if _, err := os.Stat("/sys/fs/cgroup/memory/memory.limit_in_bytes"); err == nil {
		root, limit, events = "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.oom_control"
	}
	dir, err := os.MkdirTemp(root, "debut-test-")
	if err != nil {
		t.Skipf("NOT TESTED: control groups cannot be made here: %v", err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, limit), []byte(strconv.FormatInt(bytes, 10)), 0o600); err != nil {
		t.Skipf("NOT TESTED: control groups cannot be limited here: %v", err)
	}
	return filepath.Join(dir, "cgroup.procs"), func() string {
		text, err := os.ReadFile(filepath.Join(dir, events))
		if err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile(`oom_kill [0-9]+`).FindString(string(text))
	}
}

// TestLittleMemory runs commands that have too little memory: each does its work, or says how much it takes; none is killed.
func TestLittleMemory(t *testing.T) {
	if hostmemory.Limit() > 0 {
		t.Logf("the tests have %d MiB themselves", hostmemory.Limit()>>20)
	}
	dir := t.TempDir()
	var table bytes.Buffer
	table.WriteString("x1,x2,cat,y\n")
	for i := range *memoryRows {
		fmt.Fprintf(&table, "%d,%d,c%d,%d\n", i%1000, i%17, i%5, i%2)
		if i == 1000 {
			writeFile(t, filepath.Join(dir, "small.csv"), table.String())
		}
	}
	writeFile(t, filepath.Join(dir, "big.csv"), table.String())
	writeFile(t, filepath.Join(dir, "run.yaml"), "name: r\ndata: {source: {path: big.csv}, target: y, split: {method: random, validation: 0.1, test: 0.1}}\nmodel: {kind: linear}\ntrain: {epochs: 1, batch: 4096}\n")
	writeFile(t, filepath.Join(dir, "data.yaml"), "output: prepared\nsources: {s: {path: big.csv}}\nfrom: s\nsplit: {method: random, validation: 0.1, test: 0.1}\n")
	debut(t, dir, 0, "train", "run.yaml", "--name", "model", "--set", "data.source.path=small.csv", "-q")
	needs := regexp.MustCompile(`too little memory: .* takes about [0-9]+ MiB, and the control group of the process allows [0-9]+ MiB`)
	told := false
	for _, text := range strings.Split(*memories, ",") {
		mebi, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"train run.yaml --overwrite", "evaluate runs/model big.csv", "predict runs/model big.csv -o p.csv", "data inspect big.csv",
			"data prepare data.yaml --overwrite", "data simulate -o shop --events 100000 --overwrite"} {
			procs, killed := controlGroup(t, mebi<<20)
			p := startIn(t, dir, procs, strings.Fields(command)...)
			ended := <-p.ended
			code := p.ProcessState.ExitCode()
			said := needs.MatchString(p.stderr.String())
			t.Logf("%4d MiB: %s: exit code %d (%v) %s", mebi, command, code, ended, needs.FindString(p.stderr.String()))
			if kills := killed(); code != 0 && (code != 1 || !said) || kills != "oom_kill 0" && kills != "" {
				t.Errorf("%d MiB: debut %s: exit code %d, %s; stderr:\n%s", mebi, command, code, kills, p.stderr.String())
			}
			told = told || said
		}
	}
	if !told {
		t.Error("there was enough memory for everything")
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
