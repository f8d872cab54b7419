package behavior

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/kernels/cuda/cudatest"
	"debut/kernels/philox"
	"debut/trainers/model"
	"debut/trainers/run"
)

// listRun is a run of a model on an item, what its user has viewed before, and words with weights.
func listRun(of, more string) string {
	return fmt.Sprintf(`
seed: 5
data:
  source: {path: PATH}
  target: y
  columns:
    item: {type: categorical, min_count: 1}
    viewed: {type: list, like: item}
    words: {type: list, min_count: 2, max_items: 3, missing_indicator: true}
model: %s
train: {epochs: 3, batch: 64, accumulate: 2, optimizer: {learning_rate: 0.01}, early_stopping: {patience: 3}}
checkpoint: {every_steps: 5}
%s`, of, more)
}

// listFile writes rows whose outcome says whether the item is among those of a kind that the user has viewed: the item modulo 4.
func listFile(t *testing.T, rows int) string {
	t.Helper()
	r := philox.New(3, 4)
	var b strings.Builder
	b.WriteString("item;viewed;words;price;y\n")
	for range rows {
		taste, item := r.IntN(4), r.IntN(40)
		viewed := make([]string, r.IntN(6))
		for i := range viewed {
			viewed[i] = fmt.Sprintf("i%d", 4*r.IntN(10)+taste)
		}
		words := []string{}
		for range r.IntN(5) {
			words = append(words, fmt.Sprintf("w%d:%.2f", r.IntN(9), r.Float64()))
		}
		y := 0
		if len(viewed) > 0 && item%4 == taste != (r.IntN(12) == 0) {
			y = 1
		}
		fmt.Fprintf(&b, "i%d;%s;%s;%d;%d\n", item, strings.Join(viewed, " "), strings.Join(words, "|"), r.IntN(50), y)
	}
	path := filepath.Join(t.TempDir(), "lists.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// listModels are model sections of every kind.
var listModels = map[string]string{
	"linear":   "{kind: linear, solver: gradient}",
	"network":  "{kind: network, wide: true, hidden: [{units: 16, dropout: 0.1}]}",
	"fm":       "{kind: fm, factors: 4}",
	"deepfm":   "{kind: deepfm, factors: 4, hidden: [{units: 12, dropout: 0.2}]}",
	"dcn":      "{kind: dcn, cross_layers: 2, hidden: [{units: 12, dropout: 0.2}]}",
	"finalmlp": "{kind: finalmlp, hidden: [{units: 12}], heads: 3}",
}

// A run on lists that is ended and resumed on other numbers of threads is the one that was not, bit for bit, whatever the model.
func TestListsResumed(t *testing.T) {
	path := listFile(t, 400)
	for name, of := range listModels {
		t.Run(name, func(t *testing.T) {
			c := configure(t, path, listRun(of, ""))
			c.Threads = 7
			whole := train(t, c)
			sameRun(t, interruptedRun(t, configure(t, path, listRun(of, "")), 3, 7), whole)
			two := configure(t, path, listRun(of, ""))
			two.Threads = 2
			sameRun(t, train(t, two), whole)
		})
	}
}

// The same on a GPU.
func TestListsResumedOnGPU(t *testing.T) {
	cudatest.Use(t)
	path := listFile(t, 250)
	for _, name := range []string{"network", "fm"} {
		t.Run(name, func(t *testing.T) {
			text := listRun(listModels[name], "device: cuda\n")
			whole := train(t, configure(t, path, text))
			sameRun(t, interruptedRun(t, configure(t, path, text), 4), whole)
		})
	}
}

// Factors and networks learn what an item has to do with those of a list, and what is saved predicts as it was measured; a linear model
// cannot.
func TestListsLearn(t *testing.T) {
	path := listFile(t, 4000)
	for _, name := range []string{"fm", "network", "linear"} {
		t.Run(name, func(t *testing.T) {
			c := configure(t, path, strings.Replace(listRun(listModels[name], ""), "checkpoint: {every_steps: 5}\n", "", 1))
			c.Train.Epochs, c.Train.Accumulate, c.Train.EarlyStopping.Patience = 14, 1, 0
			if name == "fm" { // which begins near nothing
				c.Train.Optimizer.LearningRate = new(0.05)
			}
			o := train(t, c)
			got := metric(t, o, run.PartTest, "auc")
			if learned := got > 0.85; learned != (name != "linear") {
				t.Errorf("AUC %.4f", got)
			}
			m := open(t, o.Folder)
			if got := m.Network.Lists; len(got) != 2 || got[0].Length != 5 || got[1].Length != 3 || got[0].Cardinality != 41 {
				t.Errorf("lists %+v", got)
			}
			p, err := model.Collect(m.Predict(context.Background(), table.Source{Path: configfile.Strings{path}}, "", encoding.Input{}))
			if err != nil || p.Rows != 4000 {
				t.Fatalf("%d rows, error %v", p.Rows, err)
			}
			if _, err := m.Graphs(); err == nil || !strings.Contains(err.Error(), "viewed") {
				t.Errorf("a graph of lists: %v", err)
			}
			tensors, err := m.Tensors()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(tensors, func(x model.Tensor) bool { return strings.HasSuffix(x.Name, ".viewed") && x.Shape[0] == 41 }) {
				t.Error("no tensor of the list")
			}
		})
	}
}

// libsvm data train as they are, and a factorization machine has a field for each feature of a row: its output is that of the formula.
func TestLibSVM(t *testing.T) {
	r := philox.New(7, 8)
	var b strings.Builder
	for range 600 {
		a, c := r.IntN(12), 12+r.IntN(12)
		fmt.Fprintf(&b, "%d %d:1 %d:0.5\n", (a+c)%2, a+1, c+1)
	}
	path := filepath.Join(t.TempDir(), "rows.libsvm")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := configure(t, path, "data: {source: {path: PATH}, target: label}\nmodel: {kind: fm, factors: 3}\ntrain: {epochs: 30, batch: 32, optimizer: {learning_rate: 0.05}}\n")
	o := train(t, c)
	if got := metric(t, o, run.PartTest, "auc"); got < 0.95 {
		t.Errorf("AUC %.4f", got)
	}
	m := open(t, o.Folder)
	if l := m.Network.Lists; len(l) != 1 || !l[0].Each || l[0].Length != 2 {
		t.Fatalf("%+v", l)
	}
	rows, err := m.params.Read("list.0.factors")
	if err != nil {
		t.Fatal(err)
	}
	bias, err := m.params.Read("output.bias")
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Score(context.Background(), &encoding.Encoded{Rows: 1, L: 2, Lists: []int32{3, 7}, ListWeights: []float32{1, 0.5}})
	if err != nil {
		t.Fatal(err)
	}
	x, y := rows[3*4:4*4], rows[7*4:8*4]
	want := bias[0] + x[0] + 0.5*y[0]
	for k := 1; k < 4; k++ {
		want += x[k] * 0.5 * y[k]
	}
	if math.Abs(out[0]-want) > 1e-5 {
		t.Errorf("%v, want %v", out[0], want)
	}
	if _, err := model.Collect(m.Predict(context.Background(), table.Source{Path: configfile.Strings{path}}, "", encoding.Input{})); err != nil {
		t.Error(err)
	}
}

// Mistakes about lists are told where they are.
func TestListMistakes(t *testing.T) {
	path := listFile(t, 100)
	for want, change := range map[string][2]string{
		"data.columns.viewed.like": {"like: item", "like: price"},
		"model.factors":            {"max_items: 3", "max_items: 3, embedding: 7"},
		"model.solver":             {"kind: fm, factors: 4", "kind: linear, solver: exact"},
	} {
		text := strings.Replace(listRun(listModels["fm"], ""), change[0], change[1], 1)
		if strings.HasPrefix(want, "model.solver") {
			text = text[:strings.Index(text, "train:")]
		}
		c := configure(t, path, text)
		if _, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Version: "test"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
