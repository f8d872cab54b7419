package neighbors_test

import (
	"os"
	"path/filepath"
	"testing"

	"debut/trainers/families"
	"debut/trainers/run"
)

// The example on real data, with the settings that are the defaults. Item-based cosine of all neighbors without weights has 0.1216.
func TestTaobaoExample(t *testing.T) {
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
	path := filepath.Join("examples", "taobao.yaml")
	c, err := families.Load(path, []string{"output=" + t.TempDir()})
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
	if recall < 0.175 || r.Rows != 15449 {
		t.Errorf("recall@20 is %.4f of %d users, want at least 0.175 of 15449", recall, r.Rows)
	}
}
