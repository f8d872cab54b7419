package behavior

import (
	"bytes"
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
	"debut/engine/onnx"
	"debut/engine/onnxruntime/onnxruntimetest"
	"debut/kernels/cuda/cudatest"
	"debut/kernels/philox"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/run"
)

// funnelFile writes views of items, of which what is good is put into the cart, and, less often, bought.
func funnelFile(t *testing.T, rows int) string {
	t.Helper()
	const items = 250
	r := philox.New(5, 6)
	quality := make([]float64, items)
	for i := range quality {
		quality[i] = 1.2 * r.NormFloat64()
	}
	var b strings.Builder
	b.WriteString("item,hour,carted,bought\n")
	for range rows {
		i, hour := r.IntN(items), r.NormFloat64()
		carted := r.Float64() < metrics.Sigmoid(quality[i]-2)
		bought := carted && r.Float64() < metrics.Sigmoid(quality[i]+0.7*hour-0.5)
		fmt.Fprintf(&b, "i%d,%.4f,%v,%v\n", i, hour, carted, bought)
	}
	path := filepath.Join(t.TempDir(), "views.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// funnelRun is a run on them.
func funnelRun(steps, of, more string) string {
	return fmt.Sprintf(`
seed: 5
data:
  source: {path: PATH}
  target: bought%s
  columns: {item: {type: categorical, min_count: 1}}
model: %s
train: {epochs: 4, batch: 64, accumulate: 2, optimizer: {kind: adam, learning_rate: 0.01}, early_stopping: {patience: 4}}
%s`, steps, of, more)
}

const (
	carted = "\n  steps: [carted]"
	shared = "{kind: network, embedding: 4, hidden: [{units: 16, dropout: 0.1}]}"
)

// groupOf returns a metric of a step.
func groupOf(t *testing.T, r *metrics.Result, step, name string) float64 {
	t.Helper()
	i := slices.IndexFunc(r.Groups, func(g metrics.Group) bool { return g.Name == step })
	if i < 0 {
		t.Fatalf("nothing of %q: %+v", step, r.Groups)
	}
	v, _ := r.Groups[i].Values.Get(name)
	return v
}

// What leads to buying is learned from all views: among those who took the step before, a chain ranks buyers better than a model of their
// rows alone, of which there are few. What is predicted is what was measured, in predictions as in graphs, with a calibration.
func TestSteps(t *testing.T) {
	path := funnelFile(t, 9000)
	text := strings.Replace(funnelRun(carted, shared, "decision: {calibration: platt}\n"), "epochs: 4", "epochs: 8", 1)
	o := train(t, configure(t, path, text))
	test := o.Result.Metrics[run.PartTest]
	chain := groupOf(t, test, "bought of carted", "auc")

	alone := configure(t, path, strings.Replace(funnelRun("\n  ignore: [carted]", shared, ""), "epochs: 4", "epochs: 8", 1))
	alone.Data.Source.Query = "SELECT * FROM data WHERE carted"
	few := metric(t, train(t, alone), run.PartTest, "auc")
	if chain < few+0.02 {
		t.Errorf("AUC among those who put it into the cart: %.4f, of a model of them alone %.4f", chain, few)
	}
	if auc := groupOf(t, test, "carted", "auc"); auc < 0.7 {
		t.Errorf("AUC of the first step %.4f", auc)
	}

	m := open(t, o.Folder)
	p, err := model.Collect(m.Predict(context.Background(), table.Source{Path: configfile.Strings{path}}, "", encoding.Input{}))
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string][]float64{}
	for _, c := range p.Columns {
		if v, ok := c.Values.([]float64); ok {
			columns[c.Name] = v
		}
	}
	bought, before := columns["probability"], columns["probability_carted"]
	if len(bought) != 9000 || len(before) != 9000 {
		t.Fatalf("columns %+v", p.Columns)
	}
	sum := [2]float64{}
	for i := range bought {
		sum[0], sum[1] = sum[0]+before[i]/9000, sum[1]+bought[i]/9000
	}
	rows, report, err := m.Evaluate(context.Background(), table.Source{Path: configfile.Strings{path}}, "")
	if err != nil || report.Rows != 9000 {
		t.Fatal(err)
	}
	if got := groupOf(t, rows, "carted", "auc"); got < 0.7 || math.Abs(sum[0]-0.17) > 0.04 || sum[1] > sum[0] {
		t.Errorf("AUC %.4f; mean probabilities %v", got, sum)
	}

	graphs, err := m.Graphs()
	if err != nil {
		t.Fatal(err)
	}
	runtime := onnxruntimetest.Open(t)
	to := onnx.NewGraph("steps")
	s, err := graphs[0].Build(to, model.GraphOptions{})
	if err != nil {
		t.Fatal(err)
	}
	frame, err := m.ReadRows(context.Background(), table.Source{Path: []string{path}}, "", 200)
	if err != nil {
		t.Fatal(err)
	}
	trial, err := graphs[0].Trials(context.Background(), s, frame)
	if err != nil {
		t.Fatal(err)
	}
	var c model.Comparison
	if err := c.Compare(trial, onnxruntimetest.Run(t, runtime, to, trial.Inputs)); err != nil || !(c.Largest <= 1e-5) || c.Rows != 200 || len(s.Outputs) != 3 {
		t.Errorf("%+v, outputs %+v: %v", c, s.Outputs, err)
	}
}

// A run on steps that is ended and resumed on other numbers of threads is the one that was not, bit for bit.
func TestStepsResumed(t *testing.T) {
	path := funnelFile(t, 500)
	for _, of := range []string{shared, "{kind: deepfm, factors: 3, hidden: [8]}"} {
		text := funnelRun(carted, of, "checkpoint: {every_steps: 3}\n")
		c := configure(t, path, text)
		c.Threads = 7
		whole := train(t, c)
		sameRun(t, interruptedRun(t, configure(t, path, text), 3, 5), whole)
		two := configure(t, path, text)
		two.Threads = 2
		sameRun(t, train(t, two), whole)
	}
}

// The same on a GPU.
func TestStepsResumedOnGPU(t *testing.T) {
	cudatest.Use(t)
	path := funnelFile(t, 250)
	text := funnelRun(carted, shared, "device: cuda\ncheckpoint: {every_steps: 3}\n")
	whole := train(t, configure(t, path, text))
	sameRun(t, interruptedRun(t, configure(t, path, text), 2), whole)
}

// Mistakes about steps are told where they are, with a remedy that helps.
func TestStepMistakes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "views.csv")
	if err := os.WriteFile(path, []byte("item,n,carted,bought\na,1,true,true\nb,2,false,true\nc,3,true,false\n"+strings.Repeat("a,1,true,true\nb,4,false,false\n", 20)), 0o600); err != nil {
		t.Fatal(err)
	}
	fails := func(text, want string) {
		t.Helper()
		c, err := Parse("run.yaml", fmt.Appendf(nil, "name: r\noutput: %q\n%s", t.TempDir(), strings.ReplaceAll(text, "PATH", path)), nil)
		if err == nil {
			_, err = run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Version: "test"})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	text := strings.Replace(funnelRun(carted, shared, ""), "  columns: {item: {type: categorical, min_count: 1}}\n", "  split: {method: none}\n", 1)
	text = text[:strings.Index(text, "train:")] + "train: {epochs: 1}\n"
	fails(text, `is a step before "bought", which was taken`)
	fails(text, ":3")
	fails(strings.Replace(text, "[carted]", "[bought]", 1), "already the target")
	fails(strings.Replace(text, shared, "{kind: linear}", 1), "data.steps")
	fails(strings.Replace(text, "[carted]", "[carteds]", 1), "data.steps.0")
	fails(strings.Replace(text, "epochs: 1", "loss: focal", 1), "train.loss")
	fails(strings.Replace(text, "target: bought", "target: n", 1), "data.steps")
	c := configure(t, path, text)
	c.Data.Source.Query = `SELECT * REPLACE (carted OR bought AS carted) FROM data`
	var encoder bytes.Buffer
	if err := open(t, train(t, c).Folder).Encoder.Save(&encoder); err != nil || !strings.Contains(encoder.String(), `"steps"`) {
		t.Errorf("%v: %s", err, encoder.String())
	}
}
