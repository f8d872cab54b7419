package behavior

import (
	"context"
	"errors"
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
	"debut/kernels"
	"debut/kernels/cuda/cudatest"
	"debut/trainers/model"
	"debut/trainers/run"
)

// armModels are model sections of every kind of network, by name.
var armModels = map[string]string{
	"fm":              "{kind: fm, factors: 4}",
	"deepfm":          "{kind: deepfm, factors: 4, hidden: [{units: 12, dropout: 0.2}, {units: 6}], input_dropout: 0.1}",
	"dcn":             "{kind: dcn, cross_layers: 2, hidden: [{units: 12, dropout: 0.2}]}",
	"dcn of a rank":   "{kind: dcn, cross_layers: 3, rank: 2, hidden: [{units: 8}]}",
	"finalmlp":        "{kind: finalmlp, hidden: [{units: 12, dropout: 0.2}, {units: 6}], second: [{units: 9}], heads: 3}",
	"wide and deep":   "{kind: network, wide: true, hidden: [{units: 8}]}",
	"fm by default":   "{kind: fm}",
	"deep by default": "{kind: deepfm}",
}

// armRun is a run of a model on numbers in all their views, on categories and on a date.
func armRun(of, target, more string) string {
	ignored := strings.Join(slices.DeleteFunc([]string{"y", "k", "amount"}, func(c string) bool { return c == target }), ", ")
	return fmt.Sprintf(`
seed: 5
data: {source: {path: PATH}, target: %s, id: id, ignore: [%s], weight: w}
model: %s
train: {epochs: 4, batch: 48, accumulate: 2, optimizer: {learning_rate: 0.01}, early_stopping: {patience: 3}}
checkpoint: {every_steps: 5}
%s`, target, ignored, of, more)
}

// A run of any arms that is ended and resumed on other numbers of threads is the one that was not, bit for bit.
func TestArmsResumed(t *testing.T) {
	path := tableFile(t, 500)
	for name, of := range armModels {
		t.Run(name, func(t *testing.T) {
			c := configure(t, path, armRun(of, "y", ""))
			c.Threads = 7
			whole := train(t, c)
			sameRun(t, interruptedRun(t, configure(t, path, armRun(of, "y", "")), 3, 9, 7), whole)
		})
	}
}

// The same on a GPU.
func TestArmsResumedOnGPU(t *testing.T) {
	cudatest.Use(t)
	path := tableFile(t, 300)
	for _, name := range []string{"fm", "deepfm", "dcn of a rank", "finalmlp"} {
		t.Run(name, func(t *testing.T) {
			text := armRun(armModels[name], "y", "device: cuda\n")
			whole := train(t, configure(t, path, text))
			sameRun(t, interruptedRun(t, configure(t, path, text), 4, 6), whole)
		})
	}
}

// Arms learn what depends on two columns at once, for every task, and what is saved predicts as it was measured.
func TestArmsLearn(t *testing.T) {
	path := tableFile(t, 1500)
	for _, name := range []string{"fm", "deepfm", "dcn", "finalmlp"} {
		for target, want := range map[string]struct {
			metric string
			least  float64
		}{"y": {"auc", 0.93}, "k": {"accuracy", 0.85}, "amount": {"r2", 0.93}} {
			t.Run(name+" of "+target, func(t *testing.T) {
				if testing.Short() && target != "y" {
					t.Skip("left out with -short: as of y")
				}
				c := configure(t, path, strings.Replace(armRun(armModels[name], target, ""), "checkpoint: {every_steps: 5}\n", "", 1))
				c.Train.Epochs, c.Train.Batch, c.Train.Accumulate = 12, 32, 1
				c.Train.EarlyStopping.Patience = 0
				o := train(t, c)
				got := metric(t, o, run.PartTest, want.metric)
				if !(got >= want.least) {
					t.Errorf("%s %.4f, less than %v", want.metric, got, want.least)
				}
				m := open(t, o.Folder)
				if m.Coefficients != nil || m.Network.Linear() {
					t.Error("a network that claims to be linear")
				}
				p, err := model.Collect(m.Predict(context.Background(), table.Source{Path: configfile.Strings{path}}, "", encoding.Input{}))
				if err != nil || p.Rows != 1500 {
					t.Fatalf("%d rows, error %v", p.Rows, err)
				}
			})
		}
	}
}

// Columns that come as several numbers are one field of a factorization machine each, and texts, vectors and dates are such.
func TestFieldsOfColumns(t *testing.T) {
	var b strings.Builder
	b.WriteString("words,day,size,shop,y\n")
	for i := range 400 {
		fmt.Fprintf(&b, "%s dress,2024-%02d-%02d,%d,s%d,%d\n", []string{"red", "blue", "long"}[i%3], 1+i%12, 1+i%28, i%17, i%5, (i/3+i%5)%2)
	}
	path := filepath.Join(t.TempDir(), "d.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := configure(t, path, `
data:
  source: {path: PATH}
  target: y
  columns: {words: {type: text, dimensions: 16}}
model: {kind: fm, factors: 3}
train: {epochs: 1}
`)
	m := open(t, train(t, c).Folder)
	columns := map[string]bool{}
	for _, f := range m.Network.Numeric {
		columns[f.Column] = true
	}
	if len(columns) != 3 || !columns["words"] || !columns["day"] || !columns["size"] {
		t.Errorf("numbers of the columns %v", columns)
	}
	for _, f := range m.Network.Fields {
		if f.Dim != 3 {
			t.Errorf("the field %s has %d factors", f.Name, f.Dim)
		}
	}
}

// A width of its own that a column asks for is refused where all fields have the factors', and the remedy works.
func TestOneWidth(t *testing.T) {
	path := tableFile(t, 200)
	text := armRun("{kind: deepfm, factors: 4}", "y", "")
	c := configure(t, path, strings.Replace(text, "weight: w}", "weight: w, columns: {city: {type: categorical, embedding: 3}}}", 1))
	_, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml"})
	var located *configfile.FieldError
	if err == nil || !errors.As(err, &located) || !strings.Contains(err.Error(), `"city" asks for an embedding of width 3; leave embedding out`) {
		t.Fatalf("error %v", err)
	}
	c.Model.Kind, c.Model.Factors = KindDCN, 0
	c.SetDefaults()
	train(t, c)
}

// Tables of factors that no machine has room for are refused before anything is made.
func TestHugeFactors(t *testing.T) {
	c := configure(t, tableFile(t, 100), armRun("{kind: fm, factors: 4096}", "y", ""))
	c.Data.Columns = map[string]encoding.Column{"city": {Type: table.TypeCategorical, HashBuckets: math.MaxInt32 / 2}}
	c.SetDefaults()
	_, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml"})
	if !errors.Is(err, kernels.ErrOutOfMemory) {
		t.Errorf("error %v", err)
	}
}

// Arms that a model's description claims, or denies, are compared with its parameters and its encoder before anything is made after them.
func TestForgedArms(t *testing.T) {
	dev, data := forgingDevice(t), goldenRows(t)
	for kind, changes := range map[string]map[string][]any{
		"fm":     {"network.factors": {0, 2, 4, 4096, -1, math.MaxInt64, nil}, "network.numeric.0.column": {"", "x", nil}, "network.wide": {true}, "network.hidden": {raw(`[{"units":3}]`)}},
		"deepfm": {"network.factors": {0, 1, 8, nil}, "network.cross": {raw(`{"layers":1}`)}, "network.fields.0.dim": {1, 5}, "network.hidden": {nil}},
		"dcn": {
			"network.cross.layers": {0, 1, 3, 1000, -1, math.MaxInt64}, "network.cross.rank": {0, 2, 4, -1, math.MaxInt32, math.MaxInt64}, "network.cross": {nil},
			"network.factors": {3}, "network.numeric.0.column": {"a"}, "network.hidden": {nil},
		},
		"finalmlp": {
			"network.streams": {nil, raw(`{"second":[{"units":6}],"heads":1}`), raw(`{"second":[],"heads":1}`)}, "network.streams.heads": {0, 3, -1, math.MaxInt64},
			"network.streams.second.0.units": {4, math.MaxInt64}, "network.hidden": {nil}, "network.cross": {raw(`{"layers":1}`)},
		},
	} {
		base := openForger(t, kind)
		for path, values := range changes {
			for _, v := range values {
				f := base.clone(t)
				set(f.model, path, v)
				dir := t.TempDir()
				f.write(t, dir)
				_, allocated, err := judge(dev, dir, nil, nil, data)
				if err == nil || strings.HasPrefix(err.Error(), "panic: ") || !strings.Contains(err.Error(), "model.json") && !strings.Contains(err.Error(), parametersFile) {
					t.Errorf("%s: %s = %v: %v", kind, path, v, err)
				}
				if allocated > bound {
					t.Errorf("%s: %s = %v: %d bytes were allocated", kind, path, v, allocated)
				}
			}
		}
	}
}
