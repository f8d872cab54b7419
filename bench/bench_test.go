package bench_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"debut/bench"
	"debut/kernels"
	"debut/kernels/devices"
)

func open(t *testing.T, threads int) kernels.Device {
	t.Helper()
	dev, err := devices.Open("cpu", threads)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev
}

func TestRun(t *testing.T) {
	for suite, c := range map[string]struct {
		name    string
		metrics []string
	}{
		"mlp":  {"8-16-4-1", []string{"rows_per_second", "milliseconds_per_step", "steps", "mean_loss"}},
		"gemm": {"17x9x33.tn", []string{"gflop_per_second", "milliseconds"}},
	} {
		var got []string
		err := bench.Run(t.Context(), suite, bench.Options{Device: open(t, 2), Cases: []string{c.name}}, func(r bench.Result) error {
			got = append(got, r.Metric)
			if r.Suite != suite || r.Case != c.name || !strings.HasPrefix(r.Device, "cpu ") || r.Threads != 2 || r.Level == "" {
				t.Errorf("%+v does not say what was measured where", r)
			}
			if !(r.Value > 0) || math.IsInf(r.Value, 0) {
				t.Errorf("%s %s: %v, want a positive number", suite, r.Metric, r.Value)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", suite, err)
		}
		if strings.Join(got, " ") != strings.Join(c.metrics, " ") {
			t.Errorf("%s measures %v, want %v", suite, got, c.metrics)
		}
	}
}

// The first two steps of a case are the same arithmetic whatever the number of threads.
func TestMLPLossIsReproducible(t *testing.T) {
	loss := func(threads int) (x float64) {
		err := bench.Run(t.Context(), "mlp", bench.Options{Device: open(t, threads), Cases: []string{"5-7-1"}}, func(r bench.Result) error {
			if r.Metric == "mean_loss" {
				x = r.Value
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	if a, b := loss(1), loss(3); a != b {
		t.Errorf("one case has on 1 and 3 threads the losses %v and %v", a, b)
	}
}

func TestRunRefuses(t *testing.T) {
	dev := open(t, 1)
	ignore := func(bench.Result) error { return nil }
	for _, c := range []struct{ suite, name, want string }{
		{"mpl", "", `there is no suite "mpl"; there are mlp, gemm`},
		{"mlp", "256", "at least an input and an output"},
		{"mlp", "256-x-1", `"x" is not a width`},
		{"mlp", "0-1", `"0" is not a width`},
		{"mlp", "9999999-1", "is not a width within"},
		{"gemm", "2x2", "not of the form"},
		{"gemm", "2x0x2.nn", "is not within"},
		{"gemm", "2x99999999999999999999x2.nn", "is not within"},
	} {
		opt := bench.Options{Device: dev}
		if c.name != "" {
			opt.Cases = []string{c.name}
		}
		if err := bench.Run(t.Context(), c.suite, opt, ignore); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want an error with %q", c.suite, c.name, err, c.want)
		}
	}
	if err := bench.Run(t.Context(), "gemm", bench.Options{}, ignore); err == nil {
		t.Error("no device: no error")
	}
	if err := bench.Run(t.Context(), "gemm", bench.Options{Device: dev, Duration: -1}, ignore); err == nil {
		t.Error("negative duration: no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := bench.Run(ctx, "gemm", bench.Options{Device: dev, Cases: []string{"2x2x2.nn"}}, ignore); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	full := errors.New("disk full")
	err := bench.Run(t.Context(), "gemm", bench.Options{Device: dev, Cases: []string{"2x2x2.nn"}}, func(bench.Result) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("report fails: %v, want its error", err)
	}
}
