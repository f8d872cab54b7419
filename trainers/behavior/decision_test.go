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
	"debut/datasets/warning"
	"debut/trainers/model"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// What is learned on validation rows is kept with the model and used by all that it answers.
func TestDecision(t *testing.T) {
	path := tableFile(t, 3000)
	o := train(t, configure(t, path, networkRun+"decision: {threshold: {choose: recall, precision: 0.85}, calibration: platt}\n"))
	test := o.Result.Metrics[run.PartTest]
	threshold := *test.Threshold
	if threshold == .5 || test.Calibration.Method != "platt" || len(test.Calibration.Before) != 3 {
		t.Errorf("threshold %v, calibration %+v", threshold, test.Calibration)
	}
	if want := "; probabilities calibrated on the validation rows (platt), threshold " + fmt.Sprintf("%.4g", threshold); !strings.Contains(o.Result.Protocol, want) {
		t.Errorf("protocol %q", o.Result.Protocol)
	}
	if precision, _ := test.Get("precision"); math.Abs(precision-.85) > .08 {
		t.Errorf("precision %v of the test rows", precision)
	}
	m := open(t, o.Folder)
	src := table.Source{Path: configfile.Strings{path}}
	p, err := model.Collect(m.Predict(context.Background(), src, "", encoding.Input{}))
	if err != nil {
		t.Fatal(err)
	}
	if p.Positive != "yes" || p.Threshold != threshold {
		t.Errorf("probability is of %q, predicted from %v on", p.Positive, p.Threshold)
	}
	probability, prediction := p.Columns[1].Values.([]float64), p.Columns[2].Values.([]string)
	for i, v := range probability {
		if (v >= threshold) != (prediction[i] == "yes") {
			t.Fatalf("row %d: %v is predicted %s", i, v, prediction[i])
		}
	}
	if err := m.SetThreshold(.01); err != nil {
		t.Fatal(err)
	}
	r, _, err := m.Evaluate(context.Background(), src, "")
	if err != nil {
		t.Fatal(err)
	}
	if recall, _ := r.Get("recall"); *r.Threshold != .01 || recall < .99 || r.Calibration.Method != "platt" {
		t.Errorf("recall %v at %v, %s", recall, *r.Threshold, r.Calibration.Method)
	}
	if err := m.SetThreshold(1); err == nil {
		t.Error("a threshold of 1 is taken")
	}
	several := train(t, configure(t, path, "data: {source: {path: PATH}, target: k, ignore: [y, amount, w, id]}\nmodel: {hidden: [{units: 4}]}\ntrain: {epochs: 1}\ndecision: {calibration: temperature}\n"))
	if c := several.Result.Metrics[run.PartTest].Calibration; c.Method != "temperature" {
		t.Errorf("%+v", c)
	}
	if err := open(t, several.Folder).SetThreshold(.5); err == nil || !strings.Contains(err.Error(), "not of two classes") {
		t.Error(err)
	}
}

// A resumed run may decide otherwise: that follows the training.
func TestResumeWithAnotherDecision(t *testing.T) {
	path := tableFile(t, 600)
	c := configure(t, path, networkRun)
	o := train(t, c)
	again := configure(t, path, networkRun+"decision: {threshold: {choose: f1}}\n")
	again.Name, again.Output = c.Name, c.Output
	resumed, err := run.Train(context.Background(), again, run.Options{ConfigPath: "run.yaml", Resume: run.ResumeLast})
	if err != nil {
		t.Fatal(err)
	}
	if was, now := *o.Result.Metrics[run.PartTest].Threshold, *resumed.Result.Metrics[run.PartTest].Threshold; was != .5 || now == .5 {
		t.Errorf("threshold %v, resumed %v", was, now)
	}
}

func TestDecisionErrors(t *testing.T) {
	path := tableFile(t, 100)
	for extra, want := range map[string]string{
		"decision: {threshold: {choose: f1}}\ndata: {source: {path: PATH}, target: y, split: {validation: 0}}": "no validation rows",
		"decision: {threshold: {choose: f2}}\ndata: {source: {path: PATH}, target: y}":                         "f1, recall, precision, cost",
		"decision: {threshold: {choose: f1}}\ndata: {source: {path: PATH}, target: amount}":                    "a threshold is for a binary target",
		"decision: {calibration: platt}\ndata: {source: {path: PATH}, target: k}":                              "use temperature",
		"train: {class_weight: equal}\ndata: {source: {path: PATH}, target: k}":                                "is not one of balanced",
		"train: {class_weight: balanced}\ndata: {source: {path: PATH}, target: amount}":                        "class_weight: it is of classes",
	} {
		c, err := Parse("run.yaml", []byte("name: r\noutput: "+t.TempDir()+"\n"+strings.ReplaceAll(extra, "PATH", path)), nil)
		if err == nil {
			_, err = run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml"})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", extra, err)
		}
	}
}

// class_weight: balanced is what a column of weights does that makes classes weigh the same, in training and not in metrics.
func TestClassWeight(t *testing.T) {
	path := tableFile(t, 900)
	lines := strings.Split(strings.TrimSpace(read(t, path)), "\n")
	count := map[string]float64{}
	for _, l := range lines[1:] {
		count[strings.Split(l, ",")[4]]++
	}
	weighted := filepath.Join(t.TempDir(), "weighted.csv")
	out := []string{lines[0] + ",v"}
	for _, l := range lines[1:] {
		out = append(out, fmt.Sprintf("%s,%v", l, float64(len(lines)-1)/2/count[strings.Split(l, ",")[4]]))
	}
	if err := os.WriteFile(weighted, []byte(strings.Join(out, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{
		"model: {kind: linear}\ntrain: {EXTRA}\n",
		"model: {kind: linear, solver: gradient}\ntrain: {epochs: 3, batch: 50, EXTRA}\n",
	} {
		data := "data: {source: {path: PATH}, target: y, WEIGHT features: [a, b, city], split: {method: none}}\n"
		a := train(t, configure(t, weighted, strings.Replace(data, "WEIGHT", "weight: v,", 1)+strings.NewReplacer("train: {EXTRA}\n", "", ", EXTRA", "").Replace(how)))
		b := train(t, configure(t, weighted, strings.Replace(data, "WEIGHT", "", 1)+strings.Replace(how, "EXTRA", "class_weight: balanced", 1)))
		for i, f := range a.Coefficients.Features {
			near(t, how+f.Feature, b.Coefficients.Features[i].Value, f.Value, 1e-4)
		}
		near(t, how, b.Coefficients.Intercept, a.Coefficients.Intercept, 1e-4)
		if w := b.Result.Metrics[run.PartTrain].Weight; w != 900 {
			t.Errorf("metrics are of weight %v", w)
		}
	}
	e := encoding.TargetEncoding{Prior: []float64{.75, .25}}
	if w := e.Balanced(); !slices.Equal(w, []float64{1 / 1.5, 2}) {
		t.Errorf("%v", w)
	}
}

// Smoothed labels and the focal loss leave the order of the rows much as it is, and take probabilities away from 0 and 1: targets moved by a
// share have means in between, and what is right already hardly counts.
func TestSmoothedAndFocal(t *testing.T) {
	path := tableFile(t, 1500)
	const text = "seed: 3\ndata: {source: {path: PATH}, target: y, features: [a, b, city]}\nmodel: {kind: fm, factors: 4}\ntrain: {epochs: 15, batch: 64, optimizer: {learning_rate: 0.02}, EXTRA}\n"
	sure := func(extra string) (certainty, auc float64) {
		o := train(t, configure(t, path, strings.Replace(text, "EXTRA", extra, 1)))
		for _, b := range o.Result.Metrics[run.PartTest].Calibration.Bins {
			certainty += b.Weight * math.Abs(b.Predicted-0.5)
		}
		return certainty / o.Result.Metrics[run.PartTest].Weight, metric(t, o, run.PartTest, "auc")
	}
	plain, best := sure("clip_norm: 0")
	for _, extra := range []string{"label_smoothing: 0.4", "loss: focal", "loss: focal, gamma: 4, label_smoothing: 0.1"} {
		certainty, auc := sure(extra)
		if certainty > 0.85*plain || auc < best-0.02 {
			t.Errorf("%s: %.3f from one half, of %.3f; AUC %.4f of %.4f", extra, certainty, plain, auc, best)
		}
	}
	// Of three classes too: the probability of the likeliest one falls, and it is as often the right one.
	classes := func(extra string) (certainty, accuracy float64) {
		o := train(t, configure(t, path, "seed: 3\ndata: {source: {path: PATH}, target: k, features: [a, b, city]}\nmodel: {kind: network, hidden: [16]}\n"+
			"decision: {calibration: none}\ntrain: {epochs: 15, batch: 64, optimizer: {learning_rate: 0.02}, "+extra+"}\n"))
		for _, b := range o.Result.Metrics[run.PartTest].Calibration.Bins {
			certainty += b.Weight * b.Predicted
		}
		return certainty / o.Result.Metrics[run.PartTest].Weight, metric(t, o, run.PartTest, "accuracy")
	}
	plain, best = classes("clip_norm: 0")
	for _, extra := range []string{"label_smoothing: 0.2", "loss: focal, gamma: 3"} {
		certainty, accuracy := classes(extra)
		if certainty > 0.93*plain || accuracy < best-0.02 {
			t.Errorf("%s: %.3f is the likeliest class's probability, of %.3f; accuracy %.4f of %.4f", extra, certainty, plain, accuracy, best)
		}
	}
	// A linear model descends for either.
	for _, extra := range []string{"loss: focal", "label_smoothing: 0.2"} {
		c := configure(t, path, "data: {source: {path: PATH}, target: y, features: [a, b, city]}\nmodel: {kind: linear}\ntrain: {"+extra+"}\n")
		if c.Model.Solver != SolverGradient {
			t.Errorf("%s: the solver of a linear model is %s", extra, c.Model.Solver)
		}
	}
}

// predictsPart checks that predictions of a part are those that it is evaluated by, of the same rows in the same order.
func predictsPart(t *testing.T, c *Config, m *Model, part string, s *run.Sampled) {
	t.Helper()
	answers, err := c.PredictPart(context.Background(), m, "", part, []string{m.Encoder.Target.Name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answers.Close()
	p, err := model.Collect(answers.Predictions)
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string]any{}
	for _, c := range p.Columns {
		columns[c.Name] = c.Values
	}
	probability, ok := columns["probability"].([]float64)
	var labels []string
	switch v := columns[m.Encoder.Target.Name].(type) {
	case []string:
		labels = v
	case table.TypedTexts:
		labels = v.Values
	}
	if !ok || len(probability) != s.Len() || len(labels) != s.Len() || p.Rows != s.Len() {
		t.Fatalf("%s: %d rows with columns %v, %d are evaluated", part, p.Rows, columns, s.Len())
	}
	for i := range probability {
		if want := 1 / (1 + math.Exp(-s.Outputs[i])); probability[i] != want || labels[i] != m.Encoder.Target.Classes[int(s.Targets[i])] {
			t.Fatalf("%s, row %d: %v of %q; it is evaluated by %v of class %v", part, i, probability[i], labels[i], want, s.Targets[i])
		}
	}
	if !slices.Equal(answers.Files, s.Files) {
		t.Errorf("%s: files %v, want %v", part, answers.Files, s.Files)
	}
	var missing *table.MissingColumnError
	if _, err := c.PredictPart(context.Background(), m, "", part, []string{"nonesuch"}, nil); !errors.As(err, &missing) {
		t.Errorf("%s: %v", part, err)
	}
}

// A part is read again as it was: the same rows, and what tells it from others.
func TestSamplePart(t *testing.T) {
	path := tableFile(t, 600)
	check := func(c *Config) *run.Sampled {
		t.Helper()
		o := train(t, c)
		m := open(t, o.Folder)
		again, err := load(filepath.Join(o.Folder, "run.yaml"), nil)
		if err != nil {
			t.Fatal(err)
		}
		var last *run.Sampled
		for _, part := range []string{run.PartValidation, run.PartTest} {
			if last, err = again.SamplePart(context.Background(), m, "", part, nil); err != nil {
				t.Fatal(err)
			}
			r, err := last.Measure()
			if err != nil {
				t.Fatal(err)
			}
			want := o.Result.Metrics[part]
			if r.Rows != want.Rows || !slices.Equal(r.Values, want.Values) {
				t.Errorf("%s: %v, want %v", part, r.Values, want.Values)
			}
			predictsPart(t, again, m, part, last)
		}
		if len(last.Files) == 0 || !slices.ContainsFunc(o.Result.Data, func(f runfolder.DataFile) bool { return f.SHA256 == last.Files[0].SHA256 }) {
			t.Errorf("files %+v", last.Files)
		}
		return last
	}
	quick := strings.Replace(networkRun, "epochs: 12", "epochs: 1", 1)
	one := check(configure(t, path, quick))
	if other := check(configure(t, path, strings.Replace(quick, "seed: 3", "seed: 4", 1))); other.Rows["seed"] == one.Rows["seed"] || other.Rows["data.split"] != one.Rows["data.split"] {
		t.Errorf("%v and %v", one.Rows, other.Rows)
	}
	own := check(configure(t, path, strings.Replace(quick, "target: y", "test: {path: PATH}, target: y", 1)))
	if _, drawn := own.Rows["seed"]; drawn || own.Len() != 600 {
		t.Errorf("%d rows of a file of their own: %v", own.Len(), own.Rows)
	}
	check(streamed(t, prepared(t, 3000), ""))

	m := open(t, train(t, configure(t, path, strings.Replace(quick, "target: y", "split: {test: 0}, target: y", 1))).Folder)
	c := configure(t, path, strings.Replace(quick, "target: y", "split: {test: 0}, target: y", 1))
	if _, err := c.SamplePart(context.Background(), m, "", run.PartTest, nil); !errors.Is(err, run.ErrNoPart) {
		t.Error(err)
	}
}

// A model that predicts nobody positive says so, and what it names helps.
func TestNobodyIsPredicted(t *testing.T) {
	rows := []string{"x,y"}
	for i := range 600 {
		y := "no"
		if i%20 == 0 || i%7 == 0 && i%3 == 0 {
			y = "yes"
		}
		rows = append(rows, fmt.Sprintf("%d,%s", i%7, y))
	}
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, []byte(strings.Join(rows, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const described = "data: {source: {path: PATH}, target: y}\nmodel: {kind: linear}\n"
	o := train(t, configure(t, path, described))
	told := func(w warning.Warning) bool {
		return strings.HasPrefix(w.Message, `no validation row is predicted "yes"`) && strings.Contains(w.Remedy, "decision: {threshold: {choose: f1}}")
	}
	if !slices.ContainsFunc(o.Result.Warnings, told) {
		t.Errorf("warnings %q", o.Result.Warnings)
	}
	o = train(t, configure(t, path, described+"decision: {threshold: {choose: f1}}\n"))
	if f1, _ := o.Result.Metrics[run.PartTest].Get("f1"); f1 == 0 || slices.ContainsFunc(o.Result.Warnings, told) {
		t.Errorf("f1 %v, warnings %q", f1, o.Result.Warnings)
	}
}

// A metric that validation rows do not define says why, in the result and among the warnings.
func TestUndefinedMetrics(t *testing.T) {
	dir := t.TempDir()
	rows := []string{"x,part,y"}
	for i := range 60 {
		part, y := "train", i%2
		if i%3 == 0 {
			part, y = "val", 0
		}
		rows = append(rows, fmt.Sprintf("%d,%s,%d", i*7%13, part, y))
	}
	path := filepath.Join(dir, "t.csv")
	if err := os.WriteFile(path, []byte(strings.Join(rows, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, metric := range []string{"auc", "f1", "recall", "lift@10%"} {
		o := train(t, configure(t, path, `
data: {source: {path: PATH}, target: y, split: {method: column, column: part, validation_values: val}}
model: {hidden: [{units: 4}]}
train: {epochs: 3, early_stopping: {metric: `+metric+`, patience: 1}}
`))
		r := o.Result
		if r.Best != nil || r.Stopped != "epochs" || !strings.Contains(r.Protocol, "undefined") {
			t.Errorf("%s: best %+v, stopped by %s, protocol %q", metric, r.Best, r.Stopped, r.Protocol)
		}
		if why := r.Metrics[run.PartValidation].Undefined[metric]; why != "no row is positive" {
			t.Errorf("%s is undefined: %q", metric, why)
		}
		if !slices.ContainsFunc(r.Warnings, func(w warning.Warning) bool {
			return strings.HasPrefix(w.Message, "validation rows: ") && !strings.Contains(w.Message, metric) && strings.HasSuffix(w.Message, "are undefined: no row is positive")
		}) {
			t.Errorf("warnings %q", r.Warnings)
		}
	}
}
