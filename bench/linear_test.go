package bench_test

import (
	"log/slog"
	"strings"
	"testing"

	"debut/bench"
	"debut/bench/defaults"
)

// Where real rows are not there, generated ones of their shape take their place, under a name of their own.
func TestLinearWithoutData(t *testing.T) {
	t.Setenv(defaults.DataVariable, t.TempDir())
	var log strings.Builder
	got := map[string]float64{}
	opt := bench.Options{Device: open(t, 2), Cases: []string{"shoppers"}, Log: slog.New(slog.NewTextHandler(&log, nil))}
	err := bench.Run(t.Context(), "linear", opt, func(r bench.Result) error {
		got[r.Metric] = r.Value
		if r.Case == "shoppers" || !strings.Contains(log.String(), r.Case) || !strings.Contains(log.String(), defaults.DataVariable) {
			t.Errorf("%+v is of generated rows; the log is %q", r, log.String())
		}
		return nil
	})
	if err != nil || got["weights"] != 1+15+15 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestLinearRefuses(t *testing.T) {
	for name, want := range map[string]string{"generated.100x2x3": "too few", "generated.100000000x100x4": "too many", "nothing": "not of the form"} {
		err := bench.Run(t.Context(), "linear", bench.Options{Device: open(t, 1), Cases: []string{name}}, func(bench.Result) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
