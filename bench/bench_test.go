package bench_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"debut/bench"
	"debut/kernels"
	"debut/kernels/devices"
)

func open(t *testing.T, threads int) kernels.Device {
	t.Helper()
	dev, err := devices.Open("cpu", devices.Options{Threads: threads})
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
	for _, c := range []struct {
		suite, name string
		metrics     []string
	}{
		{"mlp", "8-16-4-1", []string{"rows_per_second", "milliseconds_per_step", "steps", "loss_after_50_steps"}},
		{"ctr", "deepfm.3x20x2x64", []string{"rows_per_second", "milliseconds_per_step", "steps", "loss_after_50_steps"}},
		{"gemm", "17x9x33.tn", []string{"gflop_per_second", "milliseconds"}},
		// No peak is known for work whose accesses are scattered.
		{"neighbors", "similar.60x50x600", []string{"seconds", "products", "gigaproducts_per_second", "similarities"}},
		{"factorization", "als.60x50x600x8", []string{"seconds_per_iteration", "gflop_per_second", "picoseconds_per_term", "loss_after_10_iterations", "recall_at_20"}},
		{"factorization", "bpr.60x50x600x8", []string{"updates_per_second", "loss_after_2_epochs"}},
		{"factorization", "mf.60x50x600x8", []string{"updates_per_second", "loss_after_2_epochs"}},
		{"factorization", "topk.60x50x600x8", []string{"seconds", "users_per_second", "gflop_per_second"}},
		{"linear", "generated.400x3x12", []string{"seconds_per_fit", "iterations", "weights", "objective"}},
		{"engine", "8-16-4-1", []string{"rows_per_second", "peer_rows_per_second", "ratio", "ratio_least", "ratio_greatest",
			"loss_after_50_steps", "peer_loss_after_50_steps"}},
	} {
		suite := c.suite
		var got []string
		err := bench.Run(t.Context(), suite, bench.Options{Device: open(t, 2), Cases: []string{c.name}}, func(r bench.Result) error {
			got = append(got, r.Metric)
			if r.Suite != suite || r.Case != c.name || !strings.HasPrefix(r.Device, "cpu ") || r.Threads != 2 || r.Level == "" {
				t.Errorf("%+v does not say what was measured where", r)
			}
			if !(r.Value > 0) || math.IsInf(r.Value, 0) {
				t.Errorf("%s %s: %v, want a positive number", suite, r.Metric, r.Value)
			}
			if speed := strings.HasSuffix(r.Metric, "_per_second"); speed != (r.Share > 0) && suite != "neighbors" && suite != "factorization" {
				t.Errorf("%s %s: a share of the peak of %v", suite, r.Metric, r.Share)
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

// Every kernel of a step is there, its times add up to the whole, and the whole has more than one kernel.
func TestKernels(t *testing.T) {
	shares, sum, total, names := 0.0, 0.0, 0.0, map[string]bool{}
	err := bench.Run(t.Context(), "kernels", bench.Options{Device: open(t, 2), Cases: []string{"8-16-1"}}, func(r bench.Result) error {
		switch whole := r.Case == "8-16-1"; {
		case !(r.Value > 0) || math.IsInf(r.Value, 0):
			t.Errorf("%+v is no measurement", r)
		case !whole && !strings.HasPrefix(r.Case, "8-16-1 "):
			t.Errorf("case %q", r.Case)
		case r.Metric == "share_of_step":
			shares += r.Value
		case r.Metric == "microseconds" && whole:
			total = r.Value
		case r.Metric == "microseconds":
			sum += r.Value
			_, kernel, _ := strings.Cut(strings.TrimPrefix(r.Case, "8-16-1 "), " ")
			names[strings.Fields(kernel)[0]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(shares-1) > 1e-9 || math.Abs(sum-total) > 1e-9*total {
		t.Errorf("shares add up to %v; times to %v, not %v", shares, sum, total)
	}
	for _, want := range []string{"gemm", "batch", "logistic", "adam"} {
		if !names[want] {
			t.Errorf("there is no kernel %s among %v", want, names)
		}
	}
}

// With peers, a suite compares where they are installed and says why not where they are not.
func TestPeers(t *testing.T) {
	for _, c := range []struct{ suite, name, missing string }{
		{"mlp", "8-16-4-1", "python3-torch"},
		{"ctr", "deepfm.3x20x2x64", "python3-torch"},
		{"gemm", "33x17x65.nt", "libopenblas-dev"},
		{"neighbors", "top20.60x50x600", "DEBUT_IMPLICIT"},
		{"factorization", "als.60x50x600x4", "DEBUT_IMPLICIT"},
		{"factorization", "topk.60x50x600x4", "DEBUT_IMPLICIT"},
		{"linear", "generated.400x3x12", "python3-sklearn"},
	} {
		suite := c.suite
		for _, path := range []string{os.Getenv("PATH"), t.TempDir()} {
			if (suite == "mlp" || suite == "ctr") && path == os.Getenv("PATH") && testing.Short() {
				continue // several starts of PyTorch
			}
			t.Setenv("PATH", path)
			var log strings.Builder
			got := map[string]float64{}
			opt := bench.Options{
				Device: open(t, 2), Cases: []string{c.name}, Duration: 7 * time.Millisecond, Peers: true,
				Log: slog.New(slog.NewTextHandler(&log, nil)),
			}
			err := bench.Run(t.Context(), suite, opt, func(r bench.Result) error {
				got[r.Metric] = r.Value
				if _, compared := got["ratio"]; compared && r.Peer == "" {
					t.Errorf("%+v does not name the peer", r)
				}
				return nil
			})
			if err != nil {
				t.Fatalf("%s: %v", suite, err)
			}
			_, compared := got["ratio"]
			said := strings.Contains(log.String(), c.missing) || strings.Contains(log.String(), "gcc")
			if compared == said {
				t.Errorf("%s: compared %v, but the log is %q", suite, compared, log.String())
			}
			if compared && !(got["ratio_least"] <= got["ratio"] && got["ratio"] <= got["ratio_greatest"]) {
				t.Errorf("%s: ratios %v", suite, got)
			}
			if !compared && path == os.Getenv("PATH") && len(got) == 0 {
				t.Errorf("%s: nothing is measured without the peer", suite)
			}
		}
	}
	err := bench.Run(t.Context(), "kernels", bench.Options{Device: open(t, 1), Peers: true}, func(bench.Result) error { return nil })
	if !errors.Is(err, bench.ErrNoPeer) {
		t.Errorf("peers of kernels: %v", err)
	}
}

func TestWriteTable(t *testing.T) {
	var b strings.Builder
	when := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	results := []bench.Result{
		{Suite: "mlp", Case: "8-4-1", Metric: "rows_per_second", Value: 123456.7, Device: "cpu x", Level: "avx2", Threads: 2, Share: 0.5, Peer: "A|B"},
		{Suite: "mlp", Case: "8-4-1", Metric: "ratio", Value: 1.25, Peer: "A|B"},
	}
	if err := bench.WriteTable(&b, when, "v1", results); err != nil {
		t.Fatal(err)
	}
	const want = `# mlp, 2026-02-03

- device: cpu x, level avx2, 2 threads
- version: v1
- measured: 2026-02-03T04:05:06Z
- peer of 8-4-1: A\|B

| case | metric | value | share of peak |
|---|---|---:|---:|
| 8-4-1 | rows_per_second | 123457 | 50.0 % |
| 8-4-1 | ratio | 1.25 |  |
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	// Of lists there is a line for each case.
	b.Reset()
	results = []bench.Result{
		{Suite: "lists", Case: "ease", Metric: "recall_at_20", Value: 0.19, Device: "cpu x", Level: "avx2", Threads: 2, Settings: "model: {kind: ease}"},
		{Suite: "lists", Case: "ease", Metric: "seconds", Value: 12, Settings: "model: {kind: ease}"},
		{Suite: "lists", Case: "als", Metric: "recall_at_20", Value: 0.15, Settings: "a|b"},
		{Suite: "lists", Case: "als", Metric: "epochs", Value: 8, Settings: "a|b"},
	}
	if err := bench.WriteTable(&b, when, "v1", results); err != nil {
		t.Fatal(err)
	}
	const byCase = `
| case | recall_at_20 | seconds | epochs | settings |
|---|---:|---:|---:|---|
| ease | 0.19 | 12 |  | model: {kind: ease} |
| als | 0.15 |  | 8 | a\|b |
`
	if !strings.HasSuffix(b.String(), byCase) {
		t.Errorf("got\n%s\nwant at the end\n%s", b.String(), byCase)
	}
	if err := bench.WriteTable(&b, when, "v1", nil); err == nil {
		t.Error("no results: no error")
	}
}

// The losses of a case are the same whatever the number of threads.
func TestMLPLossIsReproducible(t *testing.T) {
	loss := func(threads int) (x float64) {
		err := bench.Run(t.Context(), "mlp", bench.Options{Device: open(t, threads), Cases: []string{"5-7-1"}}, func(r bench.Result) error {
			if r.Metric == "loss_after_50_steps" {
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
		{"mpl", "", `there is no suite "mpl"; there are mlp, ctr, quality, gemm, engine, kernels`},
		{"mlp", "256", "at least an input and an output"},
		{"mlp", "256-x-1", `"x" is not a width`},
		{"mlp", "0-1", `"0" is not a width`},
		{"mlp", "9999999-1", "is not a width within"},
		{"ctr", "ffm", `there is no model "ffm" of ids; a case is fm, deepfm`},
		{"ctr", "fm.3x20", "has 2 sizes"},
		{"ctr", "fm.30x20x4x64", "30 fields of 20 ids"},
		{"ctr", "fm.3x0x4x64", "is not a size within 1"},
		{"neighbors", "similar.5x5", "not of the form"},
		{"neighbors", "top20.10x10x26", "at most a quarter"},
		{"factorization", "svd.5x5x5x2", "not of the form"},
		{"factorization", "als.5x5x5", "not of the form"},
		{"factorization", "als.10x10x26x4", "at most a quarter"},
		{"factorization", "als.100x100x26x2000", "too many; take at most 1024"},
		{"lists", "svd", "there is no example taobao-svd.yaml; a case is one of als, als.defaults, bpr"},
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
