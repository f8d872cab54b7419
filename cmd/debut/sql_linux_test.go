package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// busied waits until a process has computed for as long as its start does not take.
func (p *process) busied(t testing.TB) {
	t.Helper()
	p.await(t, "computing", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
		if err != nil {
			return false
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		ticks, err := strconv.Atoi(fields[11]) // utime, in hundredths of a second
		return err == nil && ticks > 25
	})
}

// A signal ends SQL that has no end, or that is in the middle of a single call of a function, in every command. Nothing
// is left behind.
func TestSignalEndsSQL(t *testing.T) {
	processes(t)
	dir := workplace(t, "name: r\ndata: {source: {path: visits.csv}, target: y, id: id}\ntrain: {epochs: 1}\n")
	debut(t, dir, 0, "train", "run.yaml", "-q")
	const (
		recursion = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT data.* FROM data WHERE (SELECT count(*) FROM n) > 0"
		product   = "SELECT a.* FROM data a, data b, data c, data d, data e, data f WHERE a.a + b.a + c.a + d.a + e.a + f.a > 1e9"
		numbers   = "SELECT * FROM data WHERE (SELECT sum(range) FROM range(1000000000000)) < 0"
		call      = "SELECT * FROM data WHERE levenshtein(repeat(city, 200000), repeat(shop, 200000)) < 0"
		constant  = "SELECT *, levenshtein(repeat('ab', 400000), repeat('ba', 400000)) AS d FROM data"
	)
	for name, text := range map[string]string{
		"source.yaml": "output: prepared\nsources: {v: {path: visits.csv, query: " + strconv.Quote(recursion) + "}}\n",
		"step.yaml":   "output: prepared\nsources: {v: {path: visits.csv}}\nsteps: [{sql: " + strconv.Quote(strings.ReplaceAll(product, "data", "input")) + "}]\n",
		"derive.yaml": "output: prepared\nsources: {v: {path: visits.csv}}\nsteps: [{derive: {d: \"levenshtein(repeat(city, 200000), repeat(shop, 200000))\"}}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before := snapshot(t, dir)
	for _, args := range [][]string{
		{"train", "run.yaml", "--name", "other", "--set", "data.source.query=" + recursion},
		{"evaluate", "runs/r", "visits.csv", "--query", numbers},
		{"predict", "runs/r", "visits.csv", "-o", "out.csv", "--query", call},
		{"predict", "runs/r", "visits.csv", "-o", "out.parquet", "--query", product},
		{"data", "inspect", "visits.csv", "--query", constant},
		{"data", "prepare", "source.yaml"},
		{"data", "prepare", "step.yaml"},
		{"data", "prepare", "derive.yaml"},
	} {
		p := start(t, dir, append(args, "-q")...)
		p.busied(t)
		p.signal(t, syscall.SIGINT)
		p.finish(t, 130)
		if after := snapshot(t, dir); after != before {
			t.Fatalf("debut %q left\n%s\nwhere was\n%s", args, after, before)
		}
	}
}
