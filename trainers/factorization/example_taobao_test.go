package factorization_test

import (
	"os"
	"path/filepath"
	"testing"

	"debut/trainers/families"
	"debut/trainers/run"
)

// The examples on real data beat item-based cosine of all neighbors, 0.1216: als has 0.1555, and more than that with half of the factors already, bpr
// 0.1324; what of its factors and epochs there is time for here has 0.112.
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
	for _, c := range []struct {
		example string
		set     []string
		want    float64
	}{
		{"taobao-als.yaml", []string{"model.factors=256", "train.epochs=6"}, 0.125},
		{"taobao-bpr.yaml", []string{"model.factors=512", "train.epochs=40", "model.learning_rate=0.1"}, 0.11},
	} {
		path := filepath.Join("examples", c.example)
		cfg, err := families.Load(path, append(c.set, "output="+t.TempDir(), "device=cpu"))
		if err != nil {
			t.Fatal(err)
		}
		o, err := run.Train(t.Context(), cfg, run.Options{BaseDir: "examples", ConfigPath: path})
		if err != nil {
			t.Fatal(err)
		}
		r := o.Result.Metrics[run.PartTest]
		recall, err := r.Get("recall@20")
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: recall@20 %.4f of %d users", c.example, recall, r.Rows)
		if recall < c.want || r.Rows != 15449 {
			t.Errorf("%s: recall@20 is %.4f of %d users, want at least %v of 15449", c.example, recall, r.Rows, c.want)
		}
	}
}
