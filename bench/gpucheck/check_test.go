package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"debut/kernels/cuda/cudatest"
)

// mainVariable has the test binary be the check itself, in the folder that it names.
const mainVariable = "GPUCHECK_TEST_FOLDER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(mainVariable); folder != "" {
		os.Exit(checkInChild(folder))
	}
	if err := cudatest.Main(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// script is a part that a shell does.
func script(name, text string) part {
	return part{name: name, limit: 20 * time.Second, command: []string{"sh", "-c", text}}
}

// says is a shell's command that reports a number.
func says(name string, value float64) string {
	return fmt.Sprintf(`echo '{"case":"%s","metric":"rows_per_second","value":%v}'; `, name, value)
}

// checked runs sections and returns the records, read back from the file, and the table.
func checked(ctx context.Context, t *testing.T, limit time.Duration, sections ...section) ([]Record, string, error) {
	t.Helper()
	out, logs := t.TempDir(), t.TempDir()
	s := settings{out: out, limit: limit, small: true, version: "test"}
	_, err := s.record(ctx, "test", logs, sections)
	text, e := os.ReadFile(filepath.Join(out, "table.md"))
	must(t, e)
	return readRecords(t, filepath.Join(out, "results.jsonl")), string(text), err
}

func readRecords(t *testing.T, file string) []Record {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	var list []Record
	for line := range strings.Lines(string(text)) {
		var r Record
		must(t, json.Unmarshal([]byte(line), &r))
		list = append(list, r)
	}
	return list
}

// wantEnds compares how parts ended, and the numbers that they had told.
func wantEnds(t *testing.T, list []Record, ends map[string]Status, values map[string]float64) {
	t.Helper()
	got := map[string]Status{}
	numbers := map[string]float64{}
	for _, r := range list {
		if r.Status != "" {
			got[r.Part] = r.Status
		}
		if r.Value != nil {
			numbers[r.Part] = *r.Value
		}
	}
	for name, s := range ends {
		if got[name] != s {
			t.Errorf("%s ended as %q, want %q", name, got[name], s)
		}
	}
	for name, v := range values {
		if numbers[name] != v {
			t.Errorf("%s told %v, want %v", name, numbers[name], v)
		}
	}
	if len(got) != len(ends) {
		t.Errorf("parts ended %v, want %v", got, ends)
	}
}

// What breaks, hangs or is missing costs nothing but itself, and what it told before is kept.
func TestBrokenPartsCostThemselves(t *testing.T) {
	hangs := script("step.hangs", says("n fp32 3", 3)+"sleep 60 & sleep 60")
	hangs.limit = 200 * time.Millisecond
	hangs.command[2] = "trap '' QUIT TERM; " + hangs.command[2]
	list, table, err := checked(t.Context(), t, time.Minute, section{parts: []part{
		script("step.killed", says("n fp32 1", 1)+"kill -9 $$"),
		script("step.fails", says("n fp32 2", 2)+"echo 'out of luck' >&2; exit 3"),
		hangs,
		{name: "step.none", limit: time.Second, command: []string{"/no/such/program"}},
		script("peer.graph.4", "echo 'peers: no PyTorch' >&2; exit "+strconv.Itoa(exitAbsent)),
		script("step.chatty", "echo Segmentation; printf 'no newline'; exit 0"),
		script("step.good", says("n fp32 4", 4)),
	}})
	must(t, err)
	wantEnds(t, list, map[string]Status{
		"step.killed": killed, "step.fails": failed, "step.hangs": late, "step.none": failed, "peer.graph.4": absent, "step.chatty": passed, "step.good": passed,
	}, map[string]float64{"step.killed": 1, "step.fails": 2, "step.hangs": 3, "step.good": 4})
	for _, want := range []string{
		"| n fp32 1 |", "| n fp32 2 |", "| n fp32 3 |", "| n fp32 4 |", "step.killed KILLED", "step.fails FAILED", "out of luck", "step.hangs LATE",
		"no PyTorch", "peer.graph.4", "2 passed, 2 failed, 1 killed, 1 late, 1 absent",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table has no %q:\n%s", want, table)
		}
	}
}

// The deadline shortens what comes late, but leaves later sections what is reserved for them.
func TestDeadline(t *testing.T) {
	start := time.Now()
	c, finish := newCheck(t, 900*time.Millisecond)
	err := c.run(t.Context(), []section{
		{parts: []part{script("a.slow", says("n", 1)+"sleep 60"), script("a.next", says("n", 2))}},
		{reserve: 500 * time.Millisecond, parts: []part{script("b.kept", says("n", 3)), script("b.slow", "sleep 60"), script("b.last", "true")}},
	})
	must(t, err)
	wantEnds(t, finish(), map[string]Status{"a.slow": late, "a.next": skipped, "b.kept": passed, "b.slow": late, "b.last": skipped},
		map[string]float64{"a.slow": 1, "b.kept": 3})
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

// newCheck returns a check, and a function that returns its records.
func newCheck(t *testing.T, limit time.Duration) (*check, func() []Record) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "results.jsonl")
	records, err := newRecorder(file)
	must(t, err)
	c := &check{records: records, logs: t.TempDir(), deadline: time.Now().Add(limit), least: 10 * time.Millisecond, progress: io.Discard}
	return c, func() []Record {
		must(t, records.close())
		return readRecords(t, file)
	}
}

// checkInChild is a check of three parts that ends when it is told to.
func checkInChild(folder string) int {
	ctx, stop := untilSignal()
	defer stop()
	s := settings{out: filepath.Join(folder, "out"), limit: time.Minute, small: true}
	_, err := s.record(ctx, "test", filepath.Join(folder, "logs"), []section{{parts: []part{
		script("step.first", says("n fp32 1", 1)),
		script("step.second", says("n fp32 2", 2)+"sleep 60 & echo $! >"+filepath.Join(folder, "pid")+"; wait"),
		script("step.third", says("n fp32 3", 3)),
	}}})
	if errors.Is(err, context.Canceled) {
		return 143
	}
	return 0
}

// TERM ends the check, with what it has come to, and whatever it has started.
func TestTerm(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	folder := t.TempDir()
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), mainVariable+"="+folder)
	var table bytes.Buffer
	cmd.Stdout = &table
	must(t, cmd.Start())
	file := filepath.Join(folder, "pid")
	var pid []byte
	for deadline := time.Now().Add(20 * time.Second); len(pid) == 0 && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		pid, _ = os.ReadFile(file)
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 143 {
		t.Errorf("it ended with %v", err)
	}
	wantEnds(t, readRecords(t, filepath.Join(folder, "out", "results.jsonl")),
		map[string]Status{"step.first": passed, "step.second": interrupted, "step.third": interrupted}, map[string]float64{"step.first": 1, "step.second": 2})
	for _, want := range []string{"| n fp32 1 |", "| n fp32 2 |", "not begun: step.third"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, table.String())
		}
	}
	// It has been killed, and is gone as soon as it gets a moment to end in.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("what a part had started is still there: %s", state)
		}
	}
}

// What runs in the background stands still while times are measured, goes on, and ends when its work is needed.
func TestBackground(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ticks")
	size := "wc -c <" + file
	background := script("peers.warm", "while :; do printf . >>"+file+"; sleep 0.01; done")
	waits := "while ! [ -s " + file + " ]; do sleep 0.01; done; "
	c, finish := newCheck(t, time.Minute)
	must(t, c.run(t.Context(), []section{
		{background: &background, parts: []part{script("a", waits)}},
		{quiet: true, parts: []part{script("b", "sleep 0.05; a=$("+size+"); sleep 0.2; b=$("+size+"); [ $a = $b ]")}},
		{parts: []part{script("c", "a=$("+size+"); sleep 0.2; b=$("+size+"); [ $a != $b ]")}},
		{endsBackground: true, parts: []part{script("d", "a=$("+size+"); sleep 0.1; b=$("+size+"); [ $a = $b ]")}},
	}))
	wantEnds(t, finish(), map[string]Status{"a": passed, "b": passed, "c": passed, "d": passed, "peers.warm": passed}, nil)
}

// Parts of a section may run at a time, and may ask for more.
func TestJobs(t *testing.T) {
	folder := t.TempDir()
	meet := func(own, other string) part {
		p := script(own, "touch "+folder+"/"+own+"; while ! [ -e "+folder+"/"+other+" ]; do sleep 0.01; done")
		p.then = func(c *check, p part, log string, s Status) []part { return []part{script(own+" again", "true")} }
		return p
	}
	c, finish := newCheck(t, time.Minute)
	must(t, c.run(t.Context(), []section{{jobs: 2, parts: []part{meet("x", "y"), meet("y", "x")}}}))
	wantEnds(t, finish(), map[string]Status{"x": passed, "y": passed, "x again": passed, "y again": passed}, nil)
}

// Tests that failed are run once more alone: the innermost, by patterns that choose nothing else.
func TestAgain(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	must(t, os.WriteFile(log, []byte("=== RUN\n--- FAIL: TestA (0.1s)\n    --- FAIL: TestA/b+c (0.1s)\n--- PASS: TestD\n--- FAIL: TestE (0.1s)\n"), 0o600))
	c, finish := newCheck(t, time.Minute)
	p := part{name: "tests.x", command: []string{"bin", "-test.run", "."}}
	if list := again(c, p, log, passed); list != nil {
		t.Errorf("a test that passed runs again: %v", list)
	}
	list := again(c, p, log, failed)
	var got []string
	for _, q := range list {
		got = append(got, q.name+" "+q.command[len(q.command)-1])
	}
	if want := []string{`tests.x again TestA/b+c ^TestA$/^b\+c$`, `tests.x again TestE ^TestE$`}; !slices.Equal(got, want) {
		t.Errorf("again: %q, want %q", got, want)
	}
	if notes := finish(); len(notes) != 2 || !strings.Contains(notes[0].Text, "TestA/b+c") {
		t.Errorf("notes %+v", notes)
	}
}

func TestArchive(t *testing.T) {
	folder, name := t.TempDir(), filepath.Join(t.TempDir(), "logs.tar.gz")
	must(t, os.WriteFile(filepath.Join(folder, "a.log"), []byte("text"), 0o600))
	long := append(bytes.Repeat([]byte("x"), logMost+logMost/2), "end"...)
	must(t, os.WriteFile(filepath.Join(folder, "b.log"), long, 0o600))
	must(t, archive(name, folder))
	f, err := os.Open(name)
	must(t, err)
	defer f.Close()
	zip, err := gzip.NewReader(f)
	must(t, err)
	files := tar.NewReader(zip)
	for _, want := range []string{"logs/a.log", "logs/b.log"} {
		h, err := files.Next()
		must(t, err)
		text, err := io.ReadAll(files)
		must(t, err)
		if h.Name != want || len(text) > logMost+100 || want == "logs/b.log" && !bytes.HasSuffix(text, []byte("xend")) || want == "logs/a.log" && string(text) != "text" {
			t.Errorf("%s has %d bytes", h.Name, len(text))
		}
	}
}
