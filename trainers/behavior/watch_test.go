package behavior

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/warning"
	"debut/trainers/run"
)

// watched writes rows of a label and an amount that follow from x and c; n rows for training, and half as many for each of validation and
// test. change makes other rows of those of a part.
func watched(t *testing.T, n int, change func(part string, row map[string]float64)) string {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 11))
	var b strings.Builder
	b.WriteString("part,x,c,z,label,amount\n")
	for i := range 2 * n {
		part := []string{"train", "train", "validation", "test"}[i%4]
		c := random.IntN(4)
		row := map[string]float64{"x": random.Float64()*4 - 2, "z": random.NormFloat64(), "noise": random.NormFloat64(), "base": 0}
		if change != nil {
			change(part, row)
		}
		amount := 3*row["x"] + float64(c) + row["noise"] + row["base"]
		label := 0
		if random.Float64() < 1/(1+math.Exp(-2*row["x"]-row["base"])) {
			label = 1
		}
		fmt.Fprintf(&b, "%s,%.4f,%c,%.4f,%d,%.4f\n", part, row["x"], 'a'+c, row["z"], label, amount)
	}
	path := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Run files over such rows.
const (
	watchedSplit = "split: {method: column, column: part, validation_values: [validation], test_values: [test]}"
	watchedClass = "seed: 3\ndevice: cpu\ndata: {source: {path: PATH}, target: label, ignore: [amount], " + watchedSplit + "}\n"
	watchedSum   = "seed: 3\ndevice: cpu\ndata: {source: {path: PATH}, target: amount, ignore: [label], " + watchedSplit + "}\n"
	smallNetwork = "model: {hidden: [{units: 16}]}\n"
)

// named returns the names of warnings, each with the part and the column that it is about.
func named(list warning.List) (names []string) {
	for _, w := range list {
		names = append(names, strings.TrimRight(w.Name+" "+w.Part+" "+w.Column, " "))
	}
	return names
}

// Nothing is told of data and models that are as they should be.
func TestSilence(t *testing.T) {
	path := watched(t, 600, nil)
	for name, text := range map[string]string{
		"a class":            watchedClass + smallNetwork,
		"a class, linear":    watchedClass + "model: {kind: linear}\n",
		"an amount":          watchedSum + smallNetwork,
		"an amount, linear":  watchedSum + "model: {kind: linear}\n",
		"medians":            watchedSum + smallNetwork + "train: {loss: mae}\n",
		"the upper quantile": watchedSum + smallNetwork + "train: {loss: quantile, quantile: 0.9}\n",
	} {
		o := train(t, configure(t, path, text))
		if len(o.Result.Warnings) > 0 {
			t.Errorf("%s: told %q", name, o.Result.Warnings)
		}
		for part, r := range o.Result.Metrics {
			if p := r.Plain; p == nil || !(p.Error > 0) || p.Model >= p.Value {
				t.Errorf("%s, %s: beside a plain answer %+v", name, part, p)
			}
		}
	}
}

// Values outside of the training range are told of for the part that has them, with their share, and not where the column is left out.
func TestOutsideRange(t *testing.T) {
	path := watched(t, 300, func(part string, row map[string]float64) {
		if part == "test" {
			row["z"] += 8
		}
	})
	for text, want := range map[string]string{
		watchedClass + smallNetwork:                                                         "outside_range test z",
		watchedClass + "model: {kind: linear}\n":                                            "outside_range test z",
		strings.Replace(watchedClass, "[amount]", "[amount, z]", 1) + smallNetwork:          "",
		strings.Replace(watchedSum, "[label]", "[label, z]", 1) + "model: {kind: linear}\n": "",
	} {
		o := train(t, configure(t, path, text))
		if got := strings.Join(named(o.Result.Warnings), ", "); got != want {
			t.Errorf("%s: told %q, want %q", text, got, want)
		} else if want != "" {
			w := o.Result.Warnings[0]
			if n := w.Numbers; n["share"] != 1 || n["rows"] != 150 || n["trained_greatest"] > 4 || n["least"] < 4 || !strings.Contains(w.Message, "150 of 150 test rows (100 %)") {
				t.Errorf("%+v", w)
			}
		}
	}
}

// A category that the training rows do not share with later ones is told of, and not where the column is left out.
func TestUnseenCategories(t *testing.T) {
	path := watched(t, 200, nil)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i := range lines {
		lines[i] += []string{",u" + fmt.Sprint(i), ",visitor"}[min(1, max(0, 1-i))]
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := train(t, configure(t, path, watchedClass+smallNetwork))
	if got := strings.Join(named(o.Result.Warnings.Named(warning.Unseen)), ", "); got != "unseen validation visitor, unseen test visitor" {
		t.Errorf("told %q", o.Result.Warnings)
	} else if w := o.Result.Warnings.Named(warning.Unseen)[0]; w.Numbers["share"] != 1 || !strings.Contains(w.Remedy, `data: {ignore: ["visitor"]}`) {
		t.Errorf("%+v", w)
	}
	o = train(t, configure(t, path, strings.Replace(watchedClass, "[amount]", "[amount, visitor]", 1)+smallNetwork))
	if len(o.Result.Warnings) > 0 {
		t.Errorf("remedied, it tells %q", o.Result.Warnings)
	}
}

// Probabilities that balanced classes put off are worse than the share of each class; calibration mends them.
func TestWorseThanPlainClasses(t *testing.T) {
	path := watched(t, 1000, func(_ string, row map[string]float64) { row["base"] = -4 })
	text := watchedClass + "model: {kind: linear}\ntrain: {class_weight: balanced}\n"
	o := train(t, configure(t, path, text))
	list := o.Result.Warnings.Named(warning.WorseThanPlain)
	if got := strings.Join(named(list), ", "); got != "worse_than_plain validation, worse_than_plain test" {
		t.Fatalf("told %q", got)
	}
	if w := list[1]; !strings.Contains(w.Remedy, "decision: {calibration: platt}") || !(w.Numbers["model"] > w.Numbers["plain"]) {
		t.Errorf("%+v", w)
	}
	if o := train(t, configure(t, path, text+"decision: {calibration: platt}\n")); len(o.Result.Warnings) > 0 {
		t.Errorf("remedied, it tells %q", o.Result.Warnings)
	}
}

// A network that has learned few rows by heart is worse than their mean; the simpler model is not.
func TestWorseThanPlainMean(t *testing.T) {
	path := watched(t, 80, func(_ string, row map[string]float64) { row["noise"] *= 5 })
	// Without validation rows the last epoch's model is kept, the most learned.
	all := strings.Replace(watchedSum, watchedSplit, "split: {method: column, column: part, test_values: [test]}", 1)
	o := train(t, configure(t, path, all+`model: {hidden: [{units: 256}, {units: 128}]}
train: {epochs: 300, batch: 16, optimizer: {learning_rate: 0.01, weight_decay: 0}, schedule: {kind: constant}, early_stopping: {patience: 0}}
`))
	list := o.Result.Warnings.Named(warning.WorseThanPlain)
	if got := strings.Join(named(list), ", "); got != "worse_than_plain test" || !strings.Contains(list[0].Remedy, "model: {kind: linear}") {
		t.Fatalf("told %q", o.Result.Warnings)
	}
	if r2, _ := o.Result.Metrics[run.PartTest].Get("r2"); r2 > 0 {
		t.Errorf("r2 %v", r2)
	}
	if o := train(t, configure(t, path, watchedSum+"model: {kind: linear}\n")); len(o.Result.Warnings) > 0 {
		t.Errorf("remedied, it tells %q", o.Result.Warnings)
	}
}

// Validation rows that are easier than the test rows are told of; those of the same source are not.
func TestValidationFarFromTest(t *testing.T) {
	path := watched(t, 300, func(part string, row map[string]float64) {
		if part == "test" {
			row["noise"] *= 5
		}
	})
	for _, model := range []string{smallNetwork, "model: {kind: linear}\n"} {
		o := train(t, configure(t, path, watchedSum+model))
		list := o.Result.Warnings.Named(warning.FarFromTest)
		if len(list) != 1 || !(list[0].Numbers["test"] > 5*list[0].Numbers["validation"]) || !(list[0].Numbers["standard_errors"] > 4) {
			t.Errorf("%s: told %q", model, o.Result.Warnings)
		}
		drawn := strings.Replace(watchedSum, watchedSplit, "split: {method: random}", 1)
		if o := train(t, configure(t, path, strings.Replace(drawn, "[label]", "[label, part]", 1)+model)); len(o.Result.Warnings.Named(warning.FarFromTest)) > 0 {
			t.Errorf("%s: of rows that are drawn it tells %q", model, o.Result.Warnings)
		}
	}
}

// A training that ends while it gets better is told of, and goes on as the remedy says. (That others are not is TestSilence.)
func TestStillImproving(t *testing.T) {
	path := watched(t, 300, nil)
	for _, model := range []string{smallNetwork, "model: {kind: linear, solver: gradient}\n"} {
		c := configure(t, path, watchedClass+model+"train: {epochs: 4, batch: 64, optimizer: {learning_rate: 0.002}, schedule: {kind: constant}}\n")
		o := train(t, c)
		list := o.Result.Warnings.Named(warning.StillImproving)
		if len(list) != 1 || list[0].Numbers["epochs"] != 4 || !strings.Contains(list[0].Remedy, o.Folder+" --resume --set train.epochs=8") {
			t.Fatalf("%s: told %q", model, o.Result.Warnings)
		}
		c.Train.Epochs = 8
		before := o.Result.Best.Value
		o, err := run.Train(t.Context(), c, run.Options{ConfigPath: "run.yaml", Resume: run.ResumeLast})
		if err != nil {
			t.Fatal(err)
		}
		if o.Result.Best.Value >= before {
			t.Errorf("%s: with more epochs the best is %v, and was %v", model, o.Result.Best.Value, before)
		}
	}
}

// Batch norm over one row leaves nothing of it; each of the remedies does.
func TestBatchOfOne(t *testing.T) {
	path := watched(t, 100, nil)
	trained := "train: {epochs: 10, batch: BATCH, optimizer: {learning_rate: 0.005}, schedule: {kind: constant}}\n"
	for name, c := range map[string]struct {
		text string
		told bool
	}{
		"a row at a time":    {smallNetwork + strings.Replace(trained, "BATCH", "1", 1), true},
		"the first remedy":   {smallNetwork + strings.Replace(trained, "BATCH", "32", 1), false},
		"the second remedy":  {"model: {hidden: [{units: 16, batch_norm: false}]}\n" + strings.Replace(trained, "BATCH", "1", 1), false},
		"without any layers": {"model: {kind: linear, solver: gradient}\n" + strings.Replace(trained, "BATCH", "1", 1), false},
	} {
		o := train(t, configure(t, path, watchedClass+c.text))
		if list := o.Result.Warnings.Named(warning.BatchOfOne); len(list) > 0 != c.told {
			t.Errorf("%s: told %q", name, o.Result.Warnings)
		}
		if auc, _ := o.Result.Metrics[run.PartTest].Get("auc"); !c.told && auc < 0.75 {
			t.Errorf("%s: AUC %v", name, auc)
		}
	}
}

// Validation rows of one class decide on nothing, and nothing is called the best by them.
func TestOneClassDecidesNothing(t *testing.T) {
	path := watched(t, 200, func(part string, row map[string]float64) {
		if part == "validation" {
			row["base"] = 1e6
		}
	})
	text := watchedClass + smallNetwork + "train: {epochs: 4, batch: 64, early_stopping: {metric: auc, patience: 2}}\n"
	o := train(t, configure(t, path, text))
	r := o.Result
	if list := r.Warnings.Named(warning.Undecided); len(list) != 1 || r.Best != nil || r.Stopped != "epochs" || strings.Contains(r.Protocol, "best") {
		t.Errorf("told %q, best %+v, stopped by %s, %s", r.Warnings, r.Best, r.Stopped, r.Protocol)
	}
	if n := len(r.Warnings.Named(warning.Undefined)); n > 1 {
		t.Errorf("told %d times: %q", n, r.Warnings)
	}
	// Its remedies: another metric, and other rows.
	for _, text := range []string{
		strings.Replace(text, "metric: auc", "metric: log_loss", 1),
		strings.Replace(strings.Replace(text, watchedSplit, "split: {method: random}", 1), "[amount]", "[amount, part]", 1),
	} {
		if o := train(t, configure(t, path, text)); len(o.Result.Warnings.Named(warning.Undecided)) > 0 || o.Result.Best == nil {
			t.Errorf("%s: told %q", text, o.Result.Warnings)
		}
	}
}

// A run is judged by the mean of the AUCs of the values of a column, and errors say what is to be named.
func TestJudgedByGroups(t *testing.T) {
	path := tableFile(t, 400)
	const data = "data: {source: {path: PATH}, target: %s, ignore: [id, k, w, %s]}\nmodel: {hidden: [{units: 4}]}\n"
	o := train(t, configure(t, path, fmt.Sprintf(data, "y", "amount")+"train: {epochs: 2, early_stopping: {metric: gauc, per: city}}\n"))
	for _, part := range []string{run.PartTrain, run.PartValidation, run.PartTest} {
		if v := metric(t, o, part, "gauc"); !(v > 0 && v < 1) || v == metric(t, o, part, "auc") {
			t.Errorf("%s: the AUC of cities is %v", part, v)
		}
	}
	for settings, want := range map[string]string{
		"metric: gauc":            "name their column under per",
		"metric: gauc, per: citi": `train.early_stopping.per: "citi" is no column of categories among the features; did you mean "city"?`,
		"metric: gauc, per: a":    `"a" is no column of categories`,
	} {
		src := fmt.Sprintf("name: r\noutput: %q\n", t.TempDir()) + strings.ReplaceAll(fmt.Sprintf(data, "y", "amount"), "PATH", path) + "train: {epochs: 1, early_stopping: {" + settings + "}}\n"
		c, err := Parse("run.yaml", []byte(src), nil)
		if err == nil {
			_, err = run.Train(t.Context(), c, run.Options{})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
	}
	src := fmt.Sprintf("name: r\noutput: %q\n", t.TempDir()) + strings.ReplaceAll(fmt.Sprintf(data, "amount, task: regression", "y"), "PATH", path) + "train: {early_stopping: {per: city}}\n"
	if _, err := Parse("run.yaml", []byte(src), nil); err == nil || !strings.Contains(err.Error(), "two classes; leave per out") {
		t.Errorf("a regression by groups: %v", err)
	}
}
