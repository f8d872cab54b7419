package bench_test

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/bench"
	"debut/kernels/philox"
)

// writeLog writes a small log of two tastes where the suite lists looks for the real one.
func writeLog(t *testing.T) {
	t.Helper()
	data := t.TempDir()
	t.Setenv("DEBUT_DATA", data)
	if err := os.Mkdir(filepath.Join(data, "taobao"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := philox.New(1, 1)
	for name, each := range map[string]int{"view": 12, "cart": 4, "buy": 2, "valid": 1} {
		f, err := os.Create(filepath.Join(data, "taobao", name+".txt.gz"))
		if err != nil {
			t.Fatal(err)
		}
		z := gzip.NewWriter(f)
		for u := 1; u <= 300; u++ {
			for range each {
				if _, err := fmt.Fprintln(z, u, 1+2*r.IntN(40)+u%2); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Every example is trained, with its settings and with none, and its lists are measured with intervals; those of no settings say so.
func TestLists(t *testing.T) {
	writeLog(t)
	suite, err := bench.Find("lists")
	if err != nil {
		t.Fatal(err)
	}
	cases := strings.Join(suite.Cases, " ")
	for _, want := range []string{"als als.defaults", "bpr", "simplex", "towers", "ease ease.defaults", "item", "user", "slim", "spectral"} {
		if !strings.Contains(cases, want) {
			t.Errorf("the cases are %s, without %s", cases, want)
		}
	}
	for name, want := range map[string]string{"ease": "reweight: {popularity: -0.3, shares: {buy: 0.3}}", "ease.defaults": "model: {kind: ease}", "als.defaults": "model: {algorithm: als}"} {
		got := map[string]float64{}
		err := bench.Run(t.Context(), "lists", bench.Options{Device: open(t, 2), Cases: []string{name}}, func(r bench.Result) error {
			got[r.Metric] = r.Value
			if !strings.HasSuffix(r.Settings, want) || strings.HasSuffix(name, ".defaults") && r.Settings != want {
				t.Errorf("%s: the settings are %q", name, r.Settings)
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, m := range []string{"recall_at_20", "ndcg_at_20"} {
			if !(got[m+"_low"] < got[m] && got[m] < got[m+"_high"] && got[m] > 0.2) { // 20 of 80 items by chance: a quarter; of a taste: half
				t.Errorf("%s: %v", name, got)
			}
		}
		if a := got["auc_of_100"]; !(a > 0.5 && a < 1) {
			t.Errorf("%s: the AUC of sampled items is %v", name, a)
		}
		if !(got["seconds"] > 0) || (got["epochs"] > 0) != strings.HasPrefix(name, "als") {
			t.Errorf("%s: %v", name, got)
		}
	}
	t.Setenv("DEBUT_DATA", t.TempDir())
	err = bench.Run(t.Context(), "lists", bench.Options{Device: open(t, 1), Cases: []string{"item"}}, func(bench.Result) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "DEBUT_DATA names the folder that taobao is in") {
		t.Errorf("no data: %v", err)
	}
}
