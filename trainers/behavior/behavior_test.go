package behavior

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/kernels/cpu"
	"debut/kernels/philox"
	"debut/trainers/model"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// tableFile writes a CSV of made-up visits: y depends on a, b and the category; three classes in k; amount is a number.
func tableFile(t *testing.T, rows int) string {
	t.Helper()
	rnd := philox.New(4, 4)
	var b bytes.Buffer
	b.WriteString("id,a,b,city,y,k,amount,w\n")
	for i := range rows {
		x, z := rnd.NormFloat64(), rnd.NormFloat64()
		city := rnd.IntN(3)
		y := "no"
		if x*z+float64(city)-1 > 0.3*rnd.NormFloat64() {
			y = "yes"
		}
		class := []string{"low", "middle", "top"}[min(2, max(0, int(x+1.5)))]
		fmt.Fprintf(&b, "r%d,%.5f,%.5f,%s,%s,%s,%.5f,%d\n", i, x, z, []string{"Ulm", "Bonn", "Kiel"}[city], y, class, 3+2*x-z+float64(city)+0.1*rnd.NormFloat64(), 1+i%3)
	}
	path := filepath.Join(t.TempDir(), "visits.csv")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// configure returns a configuration over a table; text is YAML for the sections beside data.source.
func configure(t *testing.T, path, text string) *Config {
	t.Helper()
	src := fmt.Sprintf("name: r\noutput: %q\n%s", t.TempDir(), strings.ReplaceAll(text, "PATH", path))
	c, err := Parse("run.yaml", []byte(src), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const networkRun = `
seed: 3
data: {source: {path: PATH}, target: y, id: id, ignore: [k, amount, w]}
model: {hidden: [{units: 32, dropout: 0.1}, {units: 16}]}
train: {epochs: 12, batch: 64, optimizer: {kind: adam, learning_rate: 0.01}, schedule: {kind: constant}, early_stopping: {metric: auc, patience: 4}}
`

// load reads a run file.
func load(path string, overrides []string) (*Config, error) {
	c := New()
	return c, run.Load(path, overrides, c)
}

// train runs a configuration to its end.
func train(t *testing.T, c *Config) *run.Outcome {
	t.Helper()
	o, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// open opens the model of a run folder on a CPU device of its own.
func open(t *testing.T, folder string) *Model {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	m, err := Open(folder, dev)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNetworkEndToEnd(t *testing.T) {
	path := tableFile(t, 1500)
	c := configure(t, path, networkRun)
	var best int
	var reports []run.Progress
	o, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Progress: func(p run.Progress) {
		reports = append(reports, p)
		if p.Best {
			best = p.Epoch
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if auc := metric(t, o, run.PartTest, "auc"); auc < 0.9 {
		t.Errorf("test AUC %.3f", auc)
	}
	if o.Result.Status != runfolder.Finished || o.Result.Best == nil || o.Result.Best.Epoch != best {
		t.Errorf("status %v, best %+v, last improvement in epoch %d", o.Result.Status, o.Result.Best, best)
	}
	if len(reports) < len(o.Result.Epochs) {
		t.Errorf("%d reports in %d epochs", len(reports), len(o.Result.Epochs))
	}
	for _, name := range []string{"run.yaml", "run.json", "metrics.jsonl", "model/model.json", "model/encoder.json", "model/parameters.safetensors"} {
		if _, err := os.Stat(filepath.Join(o.Folder, name)); err != nil {
			t.Error(err)
		}
	}
	var run runfolder.RunResult
	data, err := os.ReadFile(filepath.Join(o.Folder, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &run); err != nil || run.Device == "" || run.SIMD == "" || run.Protocol == "" || len(run.Data) != 1 {
		t.Errorf("run.json: %v\n%s", err, data)
	}
	// the resolved configuration is a run file that gives the same run
	again, err := load(filepath.Join(o.Folder, "run.yaml"), []string{fmt.Sprintf("output=%q", t.TempDir()), "threads=3"})
	if err != nil {
		t.Fatal(err)
	}
	o2 := train(t, again)
	for _, name := range []string{"parameters.safetensors", "encoder.json", "model.json"} {
		a, _ := os.ReadFile(filepath.Join(o.Folder, "model", name))
		b, _ := os.ReadFile(filepath.Join(o2.Folder, "model", name))
		if len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s differs between two runs of the same configuration on other threads", name)
		}
	}

	// the saved model gives the metrics of the run, and predicts in the order of the rows
	m := open(t, o.Folder)
	src := table.Source{Path: []string{path}}
	r, _, err := m.Evaluate(context.Background(), src, "")
	if err != nil {
		t.Fatal(err)
	}
	if r.Rows != 1500 {
		t.Errorf("%d rows", r.Rows)
	}
	p, err := model.Collect(m.Predict(context.Background(), src, "", encoding.Input{}))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Report.Unseen) != 0 {
		t.Errorf("unseen %+v", p.Report.Unseen)
	}
	if names := columnNames(p); names != "id probability prediction" {
		t.Errorf("columns %s", names)
	}
	right := 0.0
	ids, prediction := p.Columns[0].Values.([]string), p.Columns[2].Values.([]string)
	for i, line := range strings.Split(strings.TrimSpace(read(t, path)), "\n")[1:] {
		f := strings.Split(line, ",")
		if f[0] != ids[i] {
			t.Fatalf("row %d is %s, want %s", i, ids[i], f[0])
		}
		if f[4] == prediction[i] {
			right++
		}
	}
	if acc, _ := r.Get("accuracy"); right/1500 != acc {
		t.Errorf("accuracy %v by predictions, %v by evaluation", right/1500, acc)
	}
}

// columnNames lists the names of the columns, with spaces between.
func columnNames(p *model.Predictions) string {
	var names []string
	for _, c := range p.Columns {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}

// read returns a file's content.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMultiClass(t *testing.T) {
	c := configure(t, tableFile(t, 1200), `
data: {source: {path: PATH}, target: k, ignore: [id, y, amount, w]}
model: {hidden: [{units: 24}]}
train: {epochs: 15, batch: 64, accumulate: 2, clip_norm: 1, optimizer: {kind: momentum, learning_rate: 0.05}}
`)
	o := train(t, c)
	if acc := metric(t, o, run.PartTest, "accuracy"); acc < 0.9 {
		t.Errorf("test accuracy %.3f", acc)
	}
	p, err := model.Collect(open(t, o.Folder).Predict(context.Background(), table.Source{Path: c.Data.Source.Path}, "", encoding.Input{}))
	if err != nil {
		t.Fatal(err)
	}
	if names := columnNames(p); names != "prediction probability_low probability_middle probability_top" {
		t.Errorf("columns %s", names)
	}
	for i := range p.Rows {
		sum := 0.0
		for _, col := range p.Columns[1:] {
			sum += col.Values.([]float64)[i]
		}
		if sum < 1-1e-12 || sum > 1+1e-12 {
			t.Fatalf("probabilities of row %d sum to %v", i, sum)
		}
	}
}

// A weight of 2 counts as two rows, for the exact solution and its metrics.
func TestWeightsAreReplication(t *testing.T) {
	path := tableFile(t, 300)
	lines := strings.Split(strings.TrimSpace(read(t, path)), "\n")
	replicated := filepath.Join(t.TempDir(), "replicated.csv")
	out := []string{lines[0]}
	for i, l := range lines[1:] {
		for range 1 + i%3 {
			out = append(out, l)
		}
	}
	if err := os.WriteFile(replicated, []byte(strings.Join(out, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	described := `
data: {source: {path: PATH}, target: amount, features: [a, b, city], WEIGHT split: {method: none}, defaults: {numeric: {transform: none}}}
model: {kind: linear, solver: exact}
`
	weighted := train(t, configure(t, path, strings.Replace(described, "WEIGHT", "weight: w,", 1)))
	repeated := train(t, configure(t, replicated, strings.Replace(described, "WEIGHT", "", 1)))
	near(t, "MSE", metric(t, weighted, run.PartTrain, "mse"), metric(t, repeated, run.PartTrain, "mse"), 1e-5)
	prediction := func(c *model.Coefficients, city string) float64 {
		v := c.Intercept
		for _, f := range c.Features {
			switch f.Feature {
			case "a", "b":
				v += f.Value
			case "city=" + city:
				v += f.Value
			}
		}
		return v
	}
	for _, city := range []string{"Ulm", "Bonn", "Kiel"} {
		near(t, city, prediction(weighted.Coefficients, city), prediction(repeated.Coefficients, city), 1e-5)
	}
	near(t, "a", weighted.Coefficients.Features[0].Value, 2, 0.02)
}

func TestExactErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.csv")
	var b bytes.Buffer
	b.WriteString("x,twice,y\n")
	for i := range 30 {
		fmt.Fprintf(&b, "%d,%d,%d\n", i, 2*i, i*i)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	c := configure(t, path, "data: {source: {path: PATH}, target: y, task: regression, split: {method: none}}\nmodel: {kind: linear, l2: 0}\n")
	_, err := run.Train(context.Background(), c, run.Options{})
	if !errors.Is(err, ErrCollinear) || !strings.Contains(err.Error(), `run.yaml:4:27: model.l2: without a penalty there is no single solution: column "twice" follows`) {
		t.Errorf("collinear columns: %v", err)
	}
	// The remedy of the message, and what is done where nothing is said of a penalty.
	for _, l2 := range []string{"l2: 1", ""} {
		o := train(t, configure(t, path, "data: {source: {path: PATH}, target: y, task: regression, split: {method: none}}\nmodel: {kind: linear, "+l2+"}\n"))
		if warned := strings.Contains(o.Result.Warnings.String(), `l2: 1, for without one there is no single solution: column "twice"`); warned != (l2 == "") {
			t.Errorf("%q: warnings %q", l2, o.Result.Warnings)
		}
	}
}

func TestInterruption(t *testing.T) {
	c := configure(t, tableFile(t, 1000), strings.Replace(networkRun, "epochs: 12", "epochs: 100000", 1))
	c.Train.EarlyStopping.Patience = 0
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o, err := run.Train(ctx, c, run.Options{Progress: func(p run.Progress) {
		if p.Epoch == 3 {
			cancel()
		}
	}})
	if !errors.Is(err, run.ErrInterrupted) {
		t.Fatalf("got %v", err)
	}
	if o == nil || o.Result.Status != runfolder.Interrupted {
		t.Fatalf("outcome %+v", o)
	}
	if _, _, err := open(t, o.Folder).Evaluate(context.Background(), c.Data.Source, ""); err != nil {
		t.Errorf("the model of an interrupted run: %v", err)
	}
}

func TestDivergence(t *testing.T) {
	c := configure(t, tableFile(t, 500), `
data: {source: {path: PATH}, target: amount, features: [a, b], defaults: {numeric: {transform: none, encoding: none}}}
model: {kind: linear}
train: {epochs: 200, batch: 32, optimizer: {kind: sgd, learning_rate: 1e6}}
`)
	o, err := run.Train(context.Background(), c, run.Options{})
	if !errors.Is(err, run.ErrDiverged) || !strings.Contains(err.Error(), "learning_rate") {
		t.Fatalf("got %v", err)
	}
	if o.Result.Status != runfolder.Failed || o.Result.Error == "" {
		t.Errorf("result %+v", o.Result)
	}
}

func TestConfigErrors(t *testing.T) {
	base := "data: {source: {path: d.csv}, target: y}\n"
	for want, text := range map[string]string{
		`run.yaml:2:16: train.batch`:  base + "train: {batch: -5}\n",
		`did you mean "batch"`:        base + "train: {bacth: 5}\n",
		`there is no optimizer "adm"`: base + "train: {optimizer: {kind: adm}}\n",
		"model.hidden.1":              base + "model: {hidden: [{units: 4}, {units: 0}]}\n",
		"no hidden layers":            base + "model: {kind: linear, hidden: [{units: 4}]}\n",
		"step_epochs":                 base + "train: {schedule: {kind: step}}\n",
		"early_stopping.metric":       base + "train: {early_stopping: {metric: acu}}\n",
		"learning rate of -1":         base + "train: {optimizer: {learning_rate: -1}}\n",
		"epochs of warm-up":           base + "train: {epochs: 3, schedule: {warmup_epochs: 3}}\n",
		"output":                      base + "name: a/b\n",
		"data.target":                 "data: {source: {path: d.csv}}\n",
		"threads":                     base + "threads: -1\n",
		"device":                      base + "device: tpu\n",
		"data.split.validation, or":   "data: {source: {path: d.csv}, target: y, split: {validation: 0}}\ntrain: {early_stopping: {patience: 2}}\n",
		"whose metrics are mse":       "data: {source: {path: d.csv}, target: y, task: regression}\ntrain: {early_stopping: {metric: auc}}\n",
		"longer than 200 bytes":       base + "name: " + strings.Repeat("x", 300) + "\n",
		"solver":                      base + "model: {kind: linear, solver: magic}\n",
		"train.optimizer.l2 and":      base + "model: {l2: 1}\n",
		"by gradient use":             base + "model: {kind: linear, solver: gradient, l2: 1}\n",
		"a penalty of -1":             base + "model: {kind: linear, l2: -1}\n",
		"there is no model \"fms\"":   base + "model: {kind: fms}\n",
		"dcn, and this one is of":     base + "model: {kind: fm, rank: 4}\n",
		"factors: it is of models":    base + "model: {kind: network, factors: 4}\n",
		"factors: 5000; at most 4096": base + "model: {kind: fm, factors: 5000}\n",
		"layers: 1001; at most 1000":  base + "model: {kind: dcn, cross_layers: 1001}\n",
		"heads: 7 do not divide the":  base + "model: {kind: finalmlp, heads: 7}\n",
		"heads: 4 do not divide the":  base + "model: {kind: finalmlp, second: [{units: 6}]}\n",
		"second: a stream has at":     base + "model: {kind: finalmlp, second: []}\n",
		"embeddings: in a model of":   base + "model: {kind: fm, embeddings: {town: 3}}\n",
		"gamma: with 0 the loss is":   base + "train: {loss: focal, gamma: 0}\n",
		"heads: it is of models":      base + "model: {kind: dcn, heads: 2}\n",
		"second: it is of models":     base + "model: {kind: network, second: [8]}\n",
		"model.second.0":              base + "model: {kind: finalmlp, second: [{units: 0}]}\n",
		"use kind: deepfm":            base + "model: {kind: fm, hidden: [8]}\n",
		"a linear path is of kind":    base + "model: {kind: dcn, wide: true}\n",
		"all fields have one width":   base + "model: {kind: deepfm, embedding: 4}\n",
		"factors: -1; give":           base + "model: {kind: deepfm, factors: -1}\n",
		"squared, mae, huber":         base + "train: {loss: maes}\n",
		"needs one between 0 and 1":   base + "train: {loss: quantile}\n",
		"it is of loss: quantile":     base + "train: {quantile: 0.5}\n",
		"it is of loss: focal":        base + "train: {gamma: 2}\n",
		"loss: focal is of classes":   "data: {source: {path: d.csv}, target: y, task: regression}\ntrain: {loss: focal}\n",
		"either smoothed or focal":    "data: {source: {path: d.csv}, target: y, task: multiclass}\ntrain: {loss: focal, label_smoothing: 0.1}\n",
		"gamma: 101; give":            base + "train: {loss: focal, gamma: 101}\n",
		"label_smoothing: it is of":   "data: {source: {path: d.csv}, target: y, task: regression}\ntrain: {label_smoothing: 0.1}\n",
		"1 is not in [0, 1)":          base + "train: {label_smoothing: 1}\n",
		"it is of loss: huber":        base + "train: {loss: mae, delta: 2}\n",
		"the target is binary":        "data: {source: {path: d.csv}, target: y, task: binary}\ntrain: {loss: mae}\n",
	} {
		_, err := Parse("run.yaml", []byte(text), nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "run.yaml:") {
			t.Errorf("want …%s…, got %v", want, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	o := train(t, configure(t, tableFile(t, 300), strings.Replace(networkRun, "epochs: 12", "epochs: 1", 1)))
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := Open(t.TempDir(), dev); !errors.Is(err, runfolder.ErrNoModel) {
		t.Errorf("an empty folder: %v", err)
	}
	damage := func(name string, change func([]byte) []byte) error {
		path := filepath.Join(o.Folder, "model", name)
		old := []byte(read(t, path))
		if err := os.WriteFile(path, change(bytes.Clone(old)), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(o.Folder, dev)
		if werr := os.WriteFile(path, old, 0o644); werr != nil {
			t.Fatal(werr)
		}
		return err
	}
	cut := func(b []byte) []byte { return b[:len(b)-7] }
	for _, name := range []string{"model.json", "encoder.json", "parameters.safetensors"} {
		if err := damage(name, cut); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s cut short: %v", name, err)
		}
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	for _, name := range []string{"encoder.json", "parameters.safetensors"} {
		if err := damage(name, flip); err == nil || !strings.Contains(err.Error(), name+" is damaged") {
			t.Errorf("%s with a flipped bit: %v", name, err)
		}
	}
	if err := damage("model.json", func(b []byte) []byte { return bytes.Replace(b, []byte(`"version": 1`), []byte(`"version": 9`), 1) }); err == nil || !strings.Contains(err.Error(), "version 9") {
		t.Errorf("a later version: %v", err)
	}
	if err := damage("model.json", func(b []byte) []byte { return bytes.Replace(b, []byte(`"units": 32`), []byte(`"units": 31`), 1) }); err == nil || !strings.Contains(err.Error(), "shape") {
		t.Errorf("another model's parameters: %v", err)
	}
	if _, err := Open(o.Folder, dev); err != nil {
		t.Errorf("undamaged again: %v", err)
	}
}

// A prediction that is not a number is an error that names the row, not a number in a file.
func TestPredictRefusesNaN(t *testing.T) {
	path := tableFile(t, 300)
	o := train(t, configure(t, path, strings.Replace(networkRun, "epochs: 12", "epochs: 1", 1)))
	m := open(t, o.Folder)
	w, err := m.params.Read("output.weight")
	if err != nil {
		t.Fatal(err)
	}
	w[0] = math.NaN()
	if err := m.params.Write("output.weight", w); err != nil {
		t.Fatal(err)
	}
	if _, err := model.Collect(m.Predict(context.Background(), table.Source{Path: []string{path}}, "", encoding.Input{})); err == nil || !strings.Contains(err.Error(), "row 1 ") {
		t.Errorf("got %v", err)
	}
}

// An error in the data names the data's file and line, not the run file's.
func TestDataErrorsNameTheData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ragged.csv")
	if err := os.WriteFile(path, []byte("a,y\n1,0\n2,1,3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := run.Train(context.Background(), configure(t, path, "data: {source: {path: PATH}, target: y}\n"), run.Options{})
	if err == nil || !strings.Contains(err.Error(), "ragged.csv:3") || strings.Contains(err.Error(), "run.yaml") {
		t.Errorf("got %v", err)
	}
	_, err = run.Train(context.Background(), configure(t, tableFile(t, 50), "data: {source: {path: PATH}, target: z}\n"), run.Options{})
	if err == nil || !strings.Contains(err.Error(), "run.yaml:3:") {
		t.Errorf("a label that is not there: %v", err)
	}
}

// A run that fails leaves the run it was to replace as it was; one that succeeds replaces it.
func TestOverwrite(t *testing.T) {
	path := tableFile(t, 300)
	text := strings.Replace(networkRun, "epochs: 12", "epochs: 2", 1)
	c := configure(t, path, text)
	o := train(t, c)
	model := filepath.Join(o.Folder, "model", parametersFile)
	before := read(t, model)
	if _, err := run.Train(context.Background(), c, run.Options{}); !errors.Is(err, runfolder.ErrExists) {
		t.Errorf("without leave: %v", err)
	}
	bad := *c
	rate := 1e30
	bad.Train.Optimizer.LearningRate = &rate
	bad.Train.Optimizer.Kind = "sgd"
	if _, err := run.Train(context.Background(), &bad, run.Options{Overwrite: true}); !errors.Is(err, run.ErrDiverged) {
		t.Fatalf("got %v", err)
	}
	if read(t, model) != before {
		t.Error("a failed run changed the model it was to replace")
	}
	c.Seed++
	if _, err := run.Train(context.Background(), c, run.Options{Overwrite: true}); err != nil {
		t.Fatal(err)
	}
	if read(t, model) == before {
		t.Error("the model was not replaced")
	}
	entries, err := os.ReadDir(filepath.Dir(o.Folder))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%v lie beside the run folder", entries)
	}
}
