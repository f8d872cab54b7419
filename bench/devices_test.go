package bench_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"debut/bench"
	"debut/kernels"
	"debut/kernels/cuda/cudatest"
	"debut/kernels/devices"
)

// Every suite that trains is compared between the CPU and a GPU, by all the metrics that it declares.
func TestCompareOnGPU(t *testing.T) {
	cudatest.Use(t)
	open := func(name string) (kernels.Device, error) { return devices.Open(name, devices.Options{Threads: 2}) }
	cases := map[string][]string{
		"mlp": {"8-16-4-1"}, "ctr": {"fm.3x20x2x64"}, "quality": {"2-4-1"}, "gemm": {"17x9x33.tn"}, "engine": {"8-4-1"}, "kernels": {"8-4-1"}, "data": {"stream.1000"},
		"factorization": {"als.60x50x600x8", "bpr.60x50x600x8", "mf.60x50x600x8", "topk.60x50x600x8"},
	}
	for _, s := range bench.Suites() {
		if cases[s.Name] == nil { // of the host alone
			err := bench.Compare(t.Context(), s.Name, []string{"cpu", "cuda"}, open, bench.Options{}, func(bench.Result) error { return nil })
			if err == nil || !strings.Contains(err.Error(), "suite "+s.Name+" is the work of the CPU") {
				t.Errorf("%s: %v", s.Name, err)
			}
			continue
		}
		got := map[string]bench.Result{}
		opt := bench.Options{Cases: cases[s.Name]}
		err := bench.Compare(t.Context(), s.Name, []string{"cpu", "cuda"}, open, opt, func(r bench.Result) error {
			if slices.Contains(cases[s.Name], r.Case) && r.Peer != "" && strings.HasPrefix(r.Peer, "cpu ") {
				got[r.Metric] = r
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		for _, m := range s.Metrics {
			name := map[bench.Direction]string{bench.Higher: "ratio_of_", bench.Lower: "speedup_in_", bench.Same: "difference_of_"}[m.Direction] + m.Name
			r, ok := got[name]
			if !ok || !(r.Value > 0 || m.Direction == bench.Same && r.Value == 0) || math.IsInf(r.Value, 0) || !strings.HasPrefix(r.Device, "cuda ") {
				t.Errorf("%s: there is no sound %s among %v", s.Name, name, got)
			}
		}
	}
	// What is the host's work on any device is not measured on one, and said so where it is asked for.
	err := bench.Compare(t.Context(), "data", []string{"cpu", "cuda"}, open, bench.Options{Cases: []string{"csv.1000"}}, func(bench.Result) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "case csv.1000 is the work of the CPU, not of cuda: use --device cpu") {
		t.Errorf("csv on a GPU: %v", err)
	}
}

func TestRatios(t *testing.T) {
	of := func(device, metric string, x float64) bench.Result {
		return bench.Result{Suite: "mlp", Case: "8-1", Metric: metric, Value: x, Device: device}
	}
	first := []bench.Result{of("cpu x", "rows_per_second", 10), of("cpu x", "loss_after_50_steps", 0.5), of("cpu x", "steps", 3)}
	got, err := bench.Ratios([][]bench.Result{first, {of("cuda y", "rows_per_second", 40), of("cuda y", "loss_after_50_steps", 0.501), of("cuda y", "steps", 9)}}, 0.01)
	if err != nil || len(got) != 2 || got[0].Metric != "ratio_of_rows_per_second" || got[0].Value != 4 || got[1].Metric != "difference_of_loss_after_50_steps" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := bench.Ratios([][]bench.Result{first, {of("cuda y", "loss_after_50_steps", 0.6)}}, 0.01); err == nil || !strings.Contains(err.Error(), "the work is not the same") {
		t.Errorf("other losses: %v", err)
	}
	if _, err := bench.Ratios([][]bench.Result{first, {of("cuda y", "steps", 9)}}, 0.01); err == nil || !strings.Contains(err.Error(), "to compare") {
		t.Errorf("nothing to compare: %v", err)
	}
}
