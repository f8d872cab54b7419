package bench_test

import (
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"debut/bench"
	"debut/bench/defaults"
)

// Every set has a name of its own, and cases of both halves are listed or named.
func TestDefaultsSets(t *testing.T) {
	suite, err := bench.Find("defaults")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range defaults.Sets() {
		if seen[s.Case()] {
			t.Errorf("two sets are %s", s.Case())
		}
		seen[s.Case()] = true
		if listed := slices.Contains(suite.Cases, s.Case()); listed != (s.Half == defaults.Test) {
			t.Errorf("%s is measured by default: %v", s.Case(), listed)
		}
		if s.Half == defaults.Choose && !strings.Contains(suite.Form, s.Case()) {
			t.Errorf("%q does not name %s", suite.Form, s.Case())
		}
	}
}

// A set is trained by the three lines alone. Beside scikit-learn, where it is installed, the lead is over the better of its trees.
func TestDefaults(t *testing.T) {
	measure := func(peers bool) (map[string]float64, string) {
		var log strings.Builder
		got := map[string]float64{}
		opt := bench.Options{Device: open(t, 2), Cases: []string{"choose.small"}, Peers: peers, Log: slog.New(slog.NewTextHandler(&log, nil))}
		if err := bench.Run(t.Context(), "defaults", opt, func(r bench.Result) error {
			got[r.Metric] = r.Value
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return got, log.String()
	}
	got, _ := measure(false)
	for _, name := range []string{"r2", "rmse", "cpu_seconds", "epochs"} {
		if !(got[name] > 0) {
			t.Errorf("%s is not among %v", name, slices.Sorted(maps.Keys(got)))
		}
	}
	if got["r2"] > 1 {
		t.Errorf("R² of %v", got["r2"])
	}
	if _, ok := got["hgb_r2"]; ok {
		t.Error("a peer was measured unasked")
	}
	path := os.Getenv("PATH")
	t.Setenv("PATH", t.TempDir())
	if got, log := measure(true); !strings.Contains(log, "python3-sklearn and python3-pandas") || got["r2"] == 0 {
		t.Errorf("without scikit-learn: %v, and the log is %q", got, log)
	}
	if testing.Short() {
		return // twenty starts of Python
	}
	t.Setenv("PATH", path)
	got, log := measure(true)
	if strings.Contains(log, "python3-sklearn") {
		return // it is not installed
	}
	if want := got["r2"] - max(got["hgb_r2"], got["hgb_numbers_r2"]); got["lead_over_hgb"] != want || !(got["hgb_r2"] > 0.5) {
		t.Errorf("a lead of %v, want %v: %v", got["lead_over_hgb"], want, got)
	}
}

// A set of real data says which file it lacks.
func TestDefaultsWithoutData(t *testing.T) {
	t.Setenv(defaults.DataVariable, t.TempDir())
	err := bench.Run(t.Context(), "defaults", bench.Options{Device: open(t, 1), Cases: []string{"test.adult"}}, func(bench.Result) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "adult.data.gz") || !strings.Contains(err.Error(), "DEBUT_DATA") {
		t.Errorf("%v does not say which file is missing and what names its folder", err)
	}
	if _, err := defaults.Find("test.nothing"); err == nil || !strings.Contains(err.Error(), "test.adult") {
		t.Errorf("%v does not list the sets", err)
	}
}
