package factorization_test

import (
	"os"
	"path/filepath"
	"testing"

	"debut/trainers/families"
	"debut/trainers/run"
)

// The example on real data beats item-based cosine of all neighbors, 0.1216, with half of its factors already; with all of them it has 0.1555.
func TestTaobaoExample(t *testing.T) {
	if testing.Short() {
		t.Skip("six passes over a million pairs take long under the race detector; TestSameBits has all that runs on several goroutines")
	}
	data := os.Getenv("DEBUT_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(data, "taobao")); err != nil {
		t.Skipf("no real data: set DEBUT_DATA to the folder that holds it (%v)", err)
	}
	abs, err := filepath.Abs(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DEBUT_DATA", abs)
	path := filepath.Join("examples", "taobao-als.yaml")
	c, err := families.Load(path, []string{"output=" + t.TempDir(), "model.factors=256", "train.epochs=6"})
	if err != nil {
		t.Fatal(err)
	}
	o, err := run.Train(t.Context(), c, run.Options{BaseDir: "examples", ConfigPath: path})
	if err != nil {
		t.Fatal(err)
	}
	r := o.Result.Metrics[run.PartTest]
	recall, err := r.Get("recall@20")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("recall@20 %.4f of %d users", recall, r.Rows)
	if recall < 0.125 || r.Rows != 15449 {
		t.Errorf("recall@20 is %.4f of %d users, want at least 0.125 of 15449", recall, r.Rows)
	}
}
