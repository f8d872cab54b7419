package behavior

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"debut/kernels/cpu"
	"debut/trainers/run"
)

// realData returns the folder of real data, or skips the test.
func realData(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("DEBUT_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real data at %s (DEBUT_DATA names another folder)", dir)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DEBUT_DATA", abs)
	return abs
}

// trainExample runs a run file of the examples folder.
func trainExample(t *testing.T, name string, overrides ...string) *run.Outcome {
	t.Helper()
	realData(t)
	path := filepath.Join("examples", name+".yaml")
	cfg, err := load(path, append(overrides, fmt.Sprintf("output=%q", t.TempDir())))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	out, err := run.Train(context.Background(), cfg, run.Options{BaseDir: "examples", ConfigPath: path, Progress: func(p run.Progress) {
		if p.Metrics != nil {
			auc, _ := p.Metrics.Get("auc")
			t.Logf("epoch %d loss %.4f %s auc %.4f best=%v %.0f rows/s", p.Epoch, p.Loss, p.Part, auc, p.Best, p.RowsPerSecond)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %v", name, time.Since(start))
	return out
}

// metric returns a metric of a part, which must be there.
func metric(t *testing.T, o *run.Outcome, part, name string) float64 {
	t.Helper()
	r := o.Result.Metrics[part]
	if r == nil {
		t.Fatalf("no metrics of the %s rows", part)
	}
	v, err := r.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Simple peers measured on the same splits: logistic regression 0.893, a random forest 0.926, boosted trees 0.929.
func TestShoppers(t *testing.T) {
	sum := 0.0
	for i := range 3 {
		o := trainExample(t, "shoppers", fmt.Sprintf("data.split.column=test_%d", i))
		auc := metric(t, o, run.PartTest, "auc")
		t.Logf("split %d: test AUC %.4f, validation %.4f", i, auc, metric(t, o, run.PartValidation, "auc"))
		sum += auc
	}
	if mean := sum / 3; mean < 0.930 {
		t.Errorf("mean test AUC %.4f, want at least 0.930", mean)
	} else {
		t.Logf("mean test AUC %.4f", mean)
	}
}

// A whole training run has the same bits for any number of threads, at each level of instructions, and ranks as well.
func TestShoppersSameBits(t *testing.T) {
	realData(t)
	for _, level := range []string{"generic", "avx2", "avx512"} {
		t.Run(level, func(t *testing.T) {
			t.Setenv(cpu.LevelVariable, level)
			if dev, err := cpu.New(cpu.Options{Threads: 1}); err != nil {
				t.Skipf("this machine has no %s: %v", level, err)
			} else if err := dev.Close(); err != nil {
				t.Fatal(err)
			}
			if level == "generic" && testing.Short() {
				t.Skip("plain Go takes a minute under the race detector, which sees the same goroutines at the other levels")
			}
			var want []byte
			for _, n := range []int{1, 2, 7} {
				o := trainExample(t, "shoppers", fmt.Sprintf("threads=%d", n))
				if o.Result.SIMD != level || o.Result.Threads != n {
					t.Fatalf("ran at %s with %d threads", o.Result.SIMD, o.Result.Threads)
				}
				got, err := os.ReadFile(filepath.Join(o.Folder, "model", parametersFile))
				if err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want = got
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%d threads give other parameters than one", n)
				}
				if auc := metric(t, o, run.PartTest, "auc"); auc < 0.93 {
					t.Errorf("%d threads: test AUC %.4f", n, auc)
				}
			}
		})
	}
}

// Simple peers measured on the same files: logistic regression 0.905, plain networks 0.919–0.921, boosted trees 0.927.
func TestAdult(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: trains on 32,561 rows")
	}
	for name, least := range map[string]float64{"adult": 0.920, "adult-dcn": 0.925} {
		o := trainExample(t, name)
		if auc := metric(t, o, run.PartTest, "auc"); auc < least {
			t.Errorf("%s: test AUC %.4f, want at least %v", name, auc, least)
		} else {
			t.Logf("%s: test AUC %.4f", name, auc)
		}
	}
}

func TestLinearRegression(t *testing.T) {
	cases := []struct {
		name      string
		mse       float64
		intercept float64
		want      map[string]float64
	}{
		{"quantity", 177.100980, -2.65435375, map[string]float64{
			"unit_price": -0.20990926, "comp_1": 0.03431663, "comp_2": 0.02140427, "comp_3": -0.02538053,
			"freight_price": -0.24262985, "product_score": 3.15334835, "customers": 0.11626973, "lag_price": 0.18286421,
		}},
		{"price", 5162.53555, 73.488831, map[string]float64{"qty": -0.45823605, "comp_1": 0.49904761}},
	}
	for _, c := range cases {
		for solver, tolerance := range map[string]float64{SolverExact: 1e-6, SolverGradient: 1e-3} {
			t.Run(c.name+"/"+solver, func(t *testing.T) {
				o := trainExample(t, c.name, "model.solver="+solver)
				near(t, "MSE", metric(t, o, run.PartTrain, "mse"), c.mse, tolerance)
				near(t, "intercept", o.Coefficients.Intercept, c.intercept, tolerance)
				if len(o.Coefficients.Features) != len(c.want) {
					t.Errorf("%d coefficients, want %d", len(o.Coefficients.Features), len(c.want))
				}
				for _, f := range o.Coefficients.Features {
					near(t, f.Feature, f.Value, c.want[f.Feature], tolerance)
				}
			})
		}
	}
}

// near checks that two numbers are the same within a relative tolerance.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
		t.Errorf("%s: %.9g, want %.9g within %g of it", what, got, want, tolerance)
	}
}
