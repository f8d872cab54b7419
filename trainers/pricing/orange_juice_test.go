package pricing_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestOrangeJuice forecasts the ten weeks after weeks 100, 110 and 120 at the prices that were: 3 % below least squares of each brand by itself from the
// ends, 6 % one week ahead; every elasticity is surely below 0. On data that are not in the repository.
func TestOrangeJuice(t *testing.T) {
	data := os.Getenv("DEBUT_DATA")
	if _, err := os.Stat(filepath.Join(data, "pricing", "orange_juice_weeks_040_130.csv.gz")); data == "" || err != nil {
		t.Skip("DEBUT_DATA does not name the folder of real data")
	}
	if testing.Short() {
		t.Skip("it takes some ten seconds")
	}
	text, err := os.ReadFile("examples/orange_juice.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out, err := train(t, t.TempDir(), string(text))
	if err != nil {
		t.Fatal(err)
	}
	test := out.Result.Metrics["test"]
	far, _ := test.Get("rmse_log")
	near, _ := test.Get("rmse_log_one_ahead")
	plain, _ := test.Get("least_squares_rmse_log")
	const baseline = (.474 + .513 + .551) / 3
	t.Logf("rmse of logarithms %.4f (%+.2f %%), one week ahead %.4f (%+.2f %%); least squares %.4f", far, 100*(far/baseline-1), near, 100*(near/baseline-1), plain)
	if far > .97*baseline || near > .94*baseline {
		t.Errorf("rmse of logarithms %.4f and %.4f, want %.4f and %.4f", far, near, .97*baseline, .94*baseline)
	}
	if f := found(t, out); f.Products != 11 || f.Certain != 11 {
		t.Errorf("of %d elasticities %d are surely below 0", f.Products, f.Certain)
	}
}
