package neighbors_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"debut/trainers/families"
	"debut/trainers/run"
)

var long = flag.Bool("long", false, "train on real data what takes a minute too")

// The examples on real data. Item-based cosine of all neighbors without weights has 0.1216, EASE with all weights 0.167.
func TestTaobaoExamples(t *testing.T) {
	for _, c := range []struct {
		file string
		set  []string
		want [2]float64 // recall@20
		long bool
	}{
		{"taobao-item.yaml", nil, [2]float64{0.175, 1}, false},
		{"taobao-ease.yaml", nil, [2]float64{0.19, 1}, true},
		{"taobao-ease.yaml", []string{"model.neighbors=0", "reweight.popularity=0"}, [2]float64{0.166, 0.168}, true},
	} {
		t.Run(fmt.Sprint(c.file, c.set), func(t *testing.T) {
			if c.long && !*long {
				t.Skip("it takes a minute; -long")
			}
			testExample(t, c.file, c.set, c.want)
		})
	}
}

func testExample(t *testing.T, file string, set []string, want [2]float64) {
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
	path := filepath.Join("examples", file)
	c, err := families.Load(path, append(set, "output="+t.TempDir()))
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
	if recall < want[0] || recall > want[1] || r.Rows != 15449 {
		t.Errorf("recall@20 is %.4f of %d users, want from %v to %v of 15449", recall, r.Rows, want[0], want[1])
	}
}
