package main

import (
	"bytes"
	"errors"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"debut/datasets/wording"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/run"
)

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0.0000", 0.91234567: "0.9123", -1.5: "-1.5000", 1234.5678: "1234.57", 1e-9: "1e-09", 12345678: "1.23457e+07", math.NaN(): "undefined",
	} {
		if got := number(x); got != want {
			t.Errorf("number(%v) = %q, want %q", x, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -999: "-999", 1234567: "1,234,567"} {
		if got := wording.Thousands(n); got != want {
			t.Errorf("wording.Thousands(%d) = %q, want %q", n, got, want)
		}
	}
	if a, b := count(12), count(2.5); a != "12" || b != "2.5" {
		t.Errorf("count: %q, %q", a, b)
	}
	if got := rate(math.Inf(1)); got != "– rows/s" {
		t.Errorf("infinite rate: %q", got)
	}
}

// The intercept of a target far from 0 has the digits that the coefficients make it worth.
func TestIntercept(t *testing.T) {
	for _, c := range []struct {
		intercept, slope float64
		want             string
	}{
		{-0.25, 1.5, "-0.25"}, {2.0 / 3, 1.5, "0.666666667"}, {12.0 / 7, 1, "1.71428571"}, {1e8 + 1.0/3, 1, "100000000.33333333"}, {1.7e9 + 0.5, 300, "1700000000.5"},
		{-1e12 - 0.125, -2, "-1000000000000.125"}, {1e12, 0, "1e+12"}, {1e300, 1e-300, "1.0000000000000001e+300"},
	} {
		got := intercept(model.Coefficients{Intercept: c.intercept, Features: []model.Coefficient{{Feature: "x", Value: c.slope}}})
		if want := c.want; got != want {
			t.Errorf("intercept %v beside a slope of %v: %q, want %q", c.intercept, c.slope, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	got := grid{{"", "train", "test"}, {"größe", "1", "22"}, {"x"}}.text()
	want := "       train  test\ngröße      1    22\nx\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := (grid{{"a", "bb"}, {"ccc", "d"}}).leftText(); got != "a    bb\nccc  d\n" {
		t.Errorf("to the left:\n%s", got)
	}
	if got := metricsTable(nil); got != "" {
		t.Errorf("no results: %q", got)
	}
}

func TestQuotedIsOneWordOfAShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh to compare with")
	}
	for _, path := range []string{"runs/a-1", "", "a b", "it's", "$HOME;`x`", "~", "*"} {
		out, err := exec.Command(sh, "-c", "printf %s "+quoted(path)).Output()
		if err != nil || string(out) != path {
			t.Errorf("the shell reads %s as %q, want %q (%v)", quoted(path), out, path, err)
		}
	}
}

// evaluated is the progress after an evaluation.
func evaluated(epoch int, auc float64) run.Progress {
	return run.Progress{
		Epoch: epoch, Epochs: 3, Step: int64(epoch), Steps: 3, Loss: 0.5, RowsPerSecond: 1000, Part: "validation", Best: true,
		Metrics: &metrics.Result{Task: metrics.TaskBinary, Values: metrics.Values{{Name: "auc", Value: auc}}},
	}
}

func TestLinesWriteOneLineAnEpoch(t *testing.T) {
	running := func(epoch int, loss float64) run.Progress {
		return run.Progress{Epoch: epoch, Epochs: 3, Loss: loss, RowsPerSecond: 1000}
	}
	for name, c := range map[string]struct {
		updates []run.Progress
		want    []string
	}{
		"with evaluations":    {[]run.Progress{running(1, 0.9), evaluated(1, 0.7), running(2, 0.6), evaluated(2, 0.8)}, []string{"epoch 1/3", "epoch 2/3"}},
		"without evaluations": {[]run.Progress{running(1, 0.9), running(1, 0.8), running(2, 0.6)}, []string{"loss 0.8000", "loss 0.6000"}},
		"cut off":             {[]run.Progress{evaluated(1, 0.7), running(2, 0.6)}, []string{"validation auc 0.7000", "loss 0.6000"}},
		"nothing":             {},
	} {
		var out bytes.Buffer
		l := &lines{to: &out, format: textLine}
		for _, p := range c.updates {
			l.update(p)
		}
		l.close()
		got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if out.Len() == 0 {
			got = nil
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %d lines", name, got, len(c.want))
			continue
		}
		for i := range got {
			if !strings.Contains(got[i], c.want[i]) {
				t.Errorf("%s: line %d is %q, want %q in it", name, i, got[i], c.want[i])
			}
		}
	}
}

func TestJSONLineOfADivergedTraining(t *testing.T) {
	if got := jsonLine(evaluated(1, 0.75)); !strings.Contains(got, `"metrics":{"validation":{"task":"binary",`) || !strings.Contains(got, `"values":{"auc":0.75}`) {
		t.Errorf("metrics are not those of run.json: %s", got)
	}
	p := evaluated(1, math.NaN())
	p.Loss, p.RowsPerSecond = math.NaN(), math.Inf(1)
	if got := jsonLine(p); !strings.Contains(got, `"loss":null`) || !strings.Contains(got, `"auc":null`) {
		t.Errorf("got %q, want nulls", got)
	}
}

// The bar draws to whatever the console writes to, and messages go above it.
func TestBar(t *testing.T) {
	var out bytes.Buffer
	locked := &redirected{to: &out}
	c, err := newConsole(os.Stdout, locked, "text", false)
	if err != nil {
		t.Fatal(err)
	}
	b := &bar{console: c}
	b.close() // nothing was drawn: nothing to close
	b.update(evaluated(1, 0.75))
	c.log.Info("a message")
	shown := func() string {
		locked.mu.Lock()
		defer locked.mu.Unlock()
		return out.String()
	}
	for _, want := range []string{"epoch 1/3", "1,000 rows/s", "a message"} {
		// The bar is drawn a few times a second.
		for begin := time.Now(); !strings.Contains(shown(), want); time.Sleep(10 * time.Millisecond) {
			if time.Since(begin) > time.Minute {
				t.Fatalf("no %q in\n%q", want, shown())
			}
		}
	}
	b.update(evaluated(2, 0.8))
	b.close()
	c.log.Info("another message")
	if text := shown(); !strings.HasSuffix(strings.TrimSuffix(text, "\n"), `msg="another message"`) {
		t.Errorf("the last message is not below what the bar left:\n%q", text)
	}
	// The learning curve stays.
	for _, line := range []string{textLine(evaluated(1, 0.75)), textLine(evaluated(2, 0.8))} {
		if text := shown(); strings.Count(text, line) != 1 {
			t.Errorf("%q is there %d times in\n%q", line, strings.Count(text, line), text)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestRunReportsThatTheResultIsLost(t *testing.T) {
	var stderr bytes.Buffer
	if code := execute([]string{"version"}, failing{}, &stderr); code != exitFailure || !strings.Contains(stderr.String(), "write the result: disk full") {
		t.Errorf("exit code %d, %q", code, stderr.String())
	}
}

func TestClassTableOfWeightedRows(t *testing.T) {
	r := &metrics.Result{
		Rows: 4, Classes: []metrics.Class{{Class: "no", Support: 4}},
		Confusion: &metrics.Confusion{Classes: []string{"no"}, Counts: [][]float64{{4}}},
	}
	for weight, want := range map[float64]string{4: "  rows", 6.5: "  weight"} {
		r.Weight = weight
		if first, _, _ := strings.Cut(classTables(r), "\n"); !strings.HasSuffix(first, want) {
			t.Errorf("weight %v: %q, want %q at its end", weight, first, want)
		}
	}
}
