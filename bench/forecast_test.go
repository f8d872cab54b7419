package bench

import (
	"context"
	"strings"
	"testing"
	"time"

	"debut/kernels/cpu"
)

// A case says how fast series are forecast, and how well: the same for any number of threads.
func TestForecastSuite(t *testing.T) {
	var found []float64
	for _, threads := range []int{1, 3} {
		dev, err := cpu.New(cpu.Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]float64{}
		err = Run(context.Background(), forecasts.Name, Options{Device: dev, Cases: []string{"theta.20x40"}, Duration: time.Millisecond}, func(r Result) error {
			values[r.Metric] = r.Value
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := dev.Close(); err != nil {
			t.Fatal(err)
		}
		if !(values[seriesMetric] > 0) || !(values[smapeMetric] > 1 && values[smapeMetric] < 60) {
			t.Error(values)
		}
		found = append(found, values[smapeMetric])
	}
	if found[0] != found[1] {
		t.Errorf("the error depends on the number of threads: %v", found)
	}
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dev.Close() }()
	for _, name := range []string{"theta", "theta.0x40", "croston.5x40", "theta.5x4"} {
		err := Run(context.Background(), forecasts.Name, Options{Device: dev, Cases: []string{name}}, func(Result) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "form") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
