package bench

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"debut/bench/peak"
	"debut/kernels/devices"
)

// constant is a meter with given speeds.
type constantMeter map[string]float64

func (m constantMeter) round(_ context.Context, cases []string) (*Results, error) {
	r := &Results{Suite: "mlp", Asked: cases}
	for _, name := range cases {
		for _, name := range []string{name, name + " part"} {
			if x, ok := m[name]; ok {
				r.Cases = append(r.Cases, Case{Name: name, Metrics: []Series{{Metric: "rows_per_second", Direction: Higher, Samples: []float64{x}}}})
			}
		}
	}
	return r, nil
}

func gateOf(t *testing.T, before, now constantMeter, cases ...string) (*Report, *gate, *strings.Builder) {
	t.Helper()
	var log strings.Builder
	g := &gate{GateOptions: GateOptions{FailBelow: 0.9, Log: slog.New(slog.NewTextHandler(&log, nil))}, own: before, tolerance: lossTolerance}
	g.pause = func(context.Context) error { return nil }
	if _, err := g.lot(t.Context(), []string{"a", "b", "gone"}); err != nil {
		t.Fatal(err)
	}
	g.base, g.now, g.own = g.now, nil, now
	report, err := g.run(t.Context(), cases)
	if err != nil {
		t.Fatal(err)
	}
	return report, g, &log
}

// What has fallen is measured again, and named; what is missing is named, unless it was not asked for; what is new is told.
func TestGateVerdicts(t *testing.T) {
	before := constantMeter{"a": 100, "b": 100, "b part": 100, "gone": 100}
	now := constantMeter{"a": 95, "b": 95, "b part": 80, "c": 50}
	report, g, _ := gateOf(t, before, now, "a", "b", "gone", "c")
	got := map[string]string{}
	rounds := map[string]int{}
	for _, v := range report.Verdicts {
		got[v.Case], rounds[v.Case] = v.Verdict, v.Rounds
	}
	if want := map[string]string{"a": Steady, "b": Steady, "b part": Fallen, "gone": Missing, "c": New}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if want := map[string]int{"a": Rounds, "b": 2 * Rounds, "b part": 2 * Rounds, "gone": 0, "c": Rounds}; !reflect.DeepEqual(rounds, want) {
		t.Errorf("rounds %v, want %v", rounds, want)
	}
	err := report.Err()
	if !errors.Is(err, ErrFallen) || !strings.Contains(err.Error(), "b part rows_per_second is at 0.80") || !strings.Contains(err.Error(), "gone") ||
		strings.Contains(err.Error(), "a rows") {
		t.Errorf("error %v", err)
	}
	if n := len(g.now.find("a").Metrics[0].Samples); n != Rounds {
		t.Errorf("%d samples of a are to be written, want %d", n, Rounds)
	}
	report, _, _ = gateOf(t, before, now, "a")
	if err := report.Err(); err != nil || len(report.Verdicts) != 1 {
		t.Errorf("of one case alone: %v, %+v", err, report.Verdicts)
	}
}

// The machine's own change of speed explains as much less of a case, and no more; times are turned into speeds.
func TestShiftOf(t *testing.T) {
	series := func(x float64) []float64 { return []float64{x, x, x, x, x, x, x} }
	one := func(compute, memory, seconds float64) *Case {
		return &Case{Speeds: map[string][]float64{"compute": series(compute), "memory": series(memory)}, Metrics: []Series{{Metric: "s", Direction: Lower, Samples: series(seconds)}}}
	}
	for _, c := range []struct{ compute, memory, seconds, ratio, machine float64 }{
		{1, 1, 1, 1, 1}, {1, 1, 1.25, 0.8, 1}, {0.5, 0.5, 2, 1, 0.5}, {0.5, 0.8, 2.5, 0.8, 0.5}, {2, 3, 0.5, 1, 2}, {2, 1, 1, 1, 1},
	} {
		s, machine := shiftOf("s", Lower, one(c.compute, c.memory, c.seconds), one(1, 1, 1))
		if math.Abs(s.ratio-c.ratio) > 1e-12 || machine != c.machine || s.least != s.ratio || s.greatest != s.ratio {
			t.Errorf("%+v: %+v on a machine of %v", c, s, machine)
		}
	}
	for _, machine := range []float64{0.2, 0.9, 1.1, 3} {
		if b := benefit(machine); !(b > 1 && b < 2) {
			t.Errorf("a machine of %v speaks for a case by %v", machine, b)
		}
	}
}

// Tables of the Mann-Whitney test, one-sided 0.01 and 0.025: the greatest U refused is one less than the cut.
func TestRankCut(t *testing.T) {
	for _, c := range []struct {
		m, n  int
		alpha float64
		cut   int
	}{
		{5, 5, 0.01, 2}, {5, 5, 0.025, 3}, {7, 7, 0.01, 7}, {7, 7, 0.025, 9}, {8, 6, 0.025, 9}, {20, 20, 0.025, 128}, {3, 3, 0.025, 0}, {1, 9, 0.025, 0},
	} {
		if got := rankCut(c.m, c.n, c.alpha); got != c.cut {
			t.Errorf("%d and %d samples at %v: %d, want %d", c.m, c.n, c.alpha, got, c.cut)
		}
	}
}

// What a suite measures in rounds can be written and read; two rounds are too few for a baseline.
func TestResultsFile(t *testing.T) {
	const rounds = 2
	dev, err := devices.Open("cpu", devices.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dev.Close() }()
	for suite, name := range map[string]string{"mlp": "8-4-1", "ctr": "fm.2x9x2x16", "gemm": "9x8x7.nt", "kernels": "8-4-1", "quality": "2-4-1", "engine": "8-4-1", "data": "csv.1000", "neighbors": "top20.30x40x200", "factorization": "als.30x40x200x4"} {
		r, err := Measure(t.Context(), suite, "v1", rounds, Options{Device: dev, Cases: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "results.json")
		if err := r.Write(file); err != nil {
			t.Fatal(err)
		}
		back, err := ReadResults(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.Cases {
			for j := range r.Cases[i].Metrics {
				r.Cases[i].Metrics[j].shares = nil
			}
		}
		if !reflect.DeepEqual(r, back) {
			t.Errorf("%s: wrote %+v, read %+v", suite, r, back)
		}
		if err := back.enough(); err == nil || !strings.Contains(err.Error(), "2 samples") {
			t.Errorf("%s: two rounds are a baseline: %v", suite, err)
		}
		compared := 0
		for _, c := range back.Cases {
			for _, s := range c.Metrics {
				if s.Direction != "" {
					compared++
				}
			}
			for _, kind := range []string{"compute", "memory", answersKind} {
				if len(c.Speeds[kind]) != rounds {
					t.Errorf("%s %s: %d speeds of %s", suite, c.Name, len(c.Speeds[kind]), kind)
				}
			}
		}
		if compared == 0 {
			t.Errorf("%s has nothing to compare", suite)
		}
	}
}

func TestReadResultsRefuses(t *testing.T) {
	const head = `{"debut_bench_format":1,"suite":"mlp","yardstick":1,"asked":["a"],"cases":`
	for text, want := range map[string]string{
		``:                             "not a results file",
		`[1]`:                          "not a results file",
		`{}`:                           "there is no debut_bench_format",
		`{"debut_bench_format":2}`:     "format 2 of results files is newer than this program, which reads up to 1",
		`{"debut_bench_format":0}`:     "there is no format 0",
		`{"debut_bench_format":1}`:     "it has no cases",
		head + `[`:                     "not a results file",
		head + `[{"case":"a"}],"x":1}`: "unknown field",
		head + `[{"case":"a"}]}`:       "has no metrics",
		head + `[{"case":"b"}]}`:       `case "a" was asked for`,
		head + `[{"case":"a","metrics":[{"metric":"m","direction":"higher","samples":[1e308]}]}]}`:           "not a positive number",
		head + `[{"case":"a","metrics":[{"metric":"m","samples":[1]}]},{"case":"a"}]}`:                       "twice",
		head + `[{"case":"a","metrics":[{"metric":"m","direction":"higher","samples":[]}]}]}`:                "no samples",
		head + `[{"case":"a","metrics":[{"metric":"m","direction":"higher","samples":[0]}]}]}`:               "not a positive number",
		head + `[{"case":"a","metrics":[{"metric":"m","direction":"sideways","samples":[1]}]}]}`:             `no direction "sideways"`,
		head + `[{"case":"a","machine_speeds":{"compute":[1,2]},"metrics":[{"metric":"m","samples":[1]}]}]}`: "not one speed of the machine",
		strings.Replace(head, "mlp", "mpl", 1) + `[{"case":"a"}]}`:                                           `no suite "mpl"`,
	} {
		file := filepath.Join(t.TempDir(), "results.json")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadResults(file); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want an error with %q", text, err, want)
		}
	}
}

// Baselines of other suites, yardsticks and machines are told, and the last may be accepted.
func TestComparableWith(t *testing.T) {
	base := Results{Suite: "mlp", Yardstick: peak.YardstickVersion, Machine: Machine{Processor: "x", Threads: 2}}
	for want, change := range map[string]func(r *Results){
		"of suite gemm, not of mlp": func(r *Results) { r.Suite = "gemm" },
		"measure a new baseline":    func(r *Results) { r.Yardstick++ },
		"processor y, now x; threads 4, now 2; measure a baseline on this one, or compare all the same with --other-machine": func(r *Results) {
			r.Machine.Processor, r.Machine.Threads = "y", 4
		},
	} {
		then := base
		change(&then)
		if _, err := then.comparableWith(&base, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
		if warning, err := then.comparableWith(&base, true); (err == nil) != (warning != "") || (err == nil) != strings.Contains(want, "other-machine") {
			t.Errorf("%s, accepted: %q, %v", want, warning, err)
		}
	}
	if warning, err := base.comparableWith(&base, false); err != nil || warning != "" {
		t.Errorf("the same: %q, %v", warning, err)
	}
}

// The work that is planted is timed.
func TestPlant(t *testing.T) {
	planted := 0
	plant = func(time.Duration) { planted++ }
	defer func() { plant = nil }()
	n, _, err := new(runner).repeat(t.Context(), func() error { return nil })
	if err != nil || n != 1 || planted != 1 {
		t.Errorf("%d repetitions, %d planted, %v", n, planted, err)
	}
}
