package families_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/kernels/devices"
	"debut/trainers/families"
	"debut/trainers/model"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
)

// A model folder without what users of training have makes the lists of one that has it, of users whose items are given, and for others
// what most users have; what cannot be without is an error that says so.
func TestForgottenHistories(t *testing.T) {
	dir := recommendertest.Events(t, 80)
	recommendertest.Write(t, filepath.Join(dir, "histories.csv"), "user,item\nu3,i1\nu3,i2\nnew,i21\nnew,i22\n")
	cases := []struct{ family, model string }{
		{"factorization", "{factors: 6, unobserved: 0.1, regularization: 0.01}\ntrain: {epochs: 2}"},
		{"factorization", "{algorithm: simplex, factors: 5, batch: 100}\ntrain: {epochs: 1}"},
		{"neighbors", "{kind: item}"}, {"neighbors", "{kind: ease}"},
	}
	if testing.Short() {
		cases = cases[:1]
	}
	for _, c := range cases {
		text := fmt.Sprintf("family: %s\nname: r\ndata: {sources: [{path: events.csv}], split: {method: leave_random_out}}\nmodel: %s\n", c.family, c.model)
		listed := func(keep string, r model.Request, history bool) (lists []model.List, err error) {
			t.Helper()
			cfg, err := families.Parse("run.yaml", []byte(text), []string{fmt.Sprintf("output=%q", filepath.Join(dir, "runs")), "keep_seen=" + keep, "device=cpu"})
			if err != nil {
				t.Fatal(err)
			}
			o, err := run.Train(t.Context(), cfg, run.Options{BaseDir: dir, ConfigPath: "run.yaml", Overwrite: true})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(o.Folder, "model", "histories.safetensors")); os.IsNotExist(err) != (keep == "false") {
				t.Errorf("%s: histories, with keep_seen: %s: %v", c.model, keep, err)
			}
			dev, err := devices.Open("cpu", devices.Options{Threads: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = dev.Close() }()
			m, err := families.Open(o.Folder, dev)
			if err != nil {
				t.Fatal(err)
			}
			if history {
				if r.Histories, _, err = m.(model.Folder).ReadHistories(t.Context(), table.Source{Path: configfile.Strings{"histories.csv"}}, dir); err != nil {
					t.Fatal(err)
				}
			}
			for l, err := range m.(model.Recommender).Recommend(t.Context(), r) {
				if err != nil {
					return nil, err
				}
				lists = append(lists, l)
			}
			if keep == "false" {
				if _, _, err := m.(model.Evaluator).Evaluate(t.Context(), table.Source{Path: configfile.Strings{"events.csv"}}, dir); err == nil || !strings.Contains(err.Error(), "keep_seen: false") {
					t.Errorf("%s: evaluated: %v", c.model, err)
				}
			}
			return lists, nil
		}
		asked := model.Request{K: 5, Users: []string{"u3", "new", "nobody"}}
		want, err := listed("true", asked, true)
		if err != nil {
			t.Fatal(err)
		}
		got, err := listed("false", asked, true)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) || len(want) != 3 || len(want[2].Items) != 5 || !want[0].Folded {
			t.Errorf("%s: %v, with histories in the folder %v", c.model, got, want)
		}
		if _, err := listed("false", asked, false); err == nil || !strings.Contains(err.Error(), "--history") {
			t.Errorf("%s: without a history: %v", c.model, err)
		}
		asked.Diversity = 0.5
		if _, err := listed("false", asked, true); err == nil || !strings.Contains(err.Error(), "keep_seen: false") {
			t.Errorf("%s: diversity: %v", c.model, err)
		}
	}
	for _, text := range []string{"family: neighbors\nmodel: {kind: user}", "family: factorization\nmodel: {algorithm: sgd}"} {
		_, err := families.Parse("run.yaml", []byte(text+"\ndata: {sources: [{path: events.csv}]}"), []string{"keep_seen=false"})
		if err == nil || !strings.Contains(err.Error(), "leave keep_seen out") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
