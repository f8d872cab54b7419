package behavior

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/prepare"
	"debut/datasets/table"
	"debut/kernels/cuda/cudatest"
	"debut/kernels/philox"
	"debut/trainers/model"
	"debut/trainers/run"
)

// targetOffsets are what the target of a regression is moved by in these tests, the last as seconds since 1970 are. An offset is
// none of a model's business: nothing but the intercept may change.
var targetOffsets = []float64{0, 1e3, -1e3, 1e7, -1e7, 1e8, -1e8, 1e12, -1e12, 1_700_000_000}

// grid is what test targets are multiples of: with 1e12 added they still are numbers of 64 bits, so that all tests are about the
// same target, none about one that its file has rounded.
const grid = 1.0 / (1 << 12)

// offsetTable writes a table whose label is offset + x − y/2 + noise, and returns its path.
func offsetTable(t *testing.T, rows int, offset float64) string {
	t.Helper()
	rnd := philox.New(6, 1)
	var b strings.Builder
	b.WriteString("id,x,y,part,w,label\n")
	for i := range rows {
		x, y := rnd.NormFloat64(), rnd.NormFloat64()
		label := offset + grid*math.Round((x-y/2+0.1*rnd.NormFloat64())/grid)
		part := []string{"train", "train", "val", "train", "test"}[i%5]
		fmt.Fprintf(&b, "%d,%.4f,%.4f,%s,%v,%s\n", i, x, y, part, 0.1+float64(i%3)/7, strconv.FormatFloat(label, 'f', -1, 64))
	}
	path := filepath.Join(t.TempDir(), "rows.csv")
	writeFile(t, path, []byte(b.String()))
	return path
}

const (
	offsetData = `
seed: 1
data:
  source: {path: PATH}
  target: label
  id: id
  task: regression
  features: [x, y]
  defaults: {numeric: {transform: standardize, encoding: none}}
  split: {method: column, column: part, validation_values: [val], test_values: [test]}
`
	offsetExact   = "model: {kind: linear, solver: exact}\n"
	offsetNetwork = "model: {hidden: [{units: 8}]}\ntrain: {epochs: 6, batch: 32, optimizer: {kind: adam, learning_rate: 0.02}, schedule: {kind: constant}, early_stopping: {metric: rmse}}\n"
)

// figures are the errors of predictions as anyone would compute them from two files.
type figures struct{ rmse, mae float64 }

// figuresOf predicts for a file, writes the predictions to another, and compares what the two hold in the rows of a part; the rows
// of a file without parts are all taken.
func figuresOf(t *testing.T, m *Model, data, part, weight string) figures {
	t.Helper()
	ctx := context.Background()
	src := table.Source{Path: configfile.Strings{data}}
	out := filepath.Join(t.TempDir(), "predictions.csv")
	if _, err := model.Write(ctx, out, m.Predict(ctx, src, "", encoding.Input{})); err != nil {
		t.Fatal(err)
	}
	frame, err := table.Read(ctx, src, "", map[string]string{"id": table.TypeCategorical})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(read(t, out)), "\n")[1:]
	if len(lines) != frame.Rows {
		t.Fatalf("%d predictions for %d rows", len(lines), frame.Rows)
	}
	squares, absolute, total := 0.0, 0.0, 0.0
	for i, line := range lines {
		id, text, _ := strings.Cut(line, ",")
		if id != frame.Column("id").Format(i) {
			t.Fatalf("row %d is %s", i, id)
		}
		if p := frame.Column("part"); p != nil && part != "" && p.Format(i) != part {
			continue
		}
		prediction, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		w := 1.0
		if weight != "" {
			w = frame.Column(weight).Floats[i]
		}
		e := frame.Column("label").Floats[i] - prediction
		squares, absolute, total = squares+w*e*e, absolute+w*math.Abs(e), total+w
	}
	return figures{math.Sqrt(squares / total), absolute / total}
}

// wantFigures compares the figures of a run with those of its files.
func wantFigures(t *testing.T, o *run.Outcome, part string, want figures) {
	t.Helper()
	for name, w := range map[string]float64{"rmse": want.rmse, "mae": want.mae} {
		if got := metric(t, o, part, name); !(math.Abs(got-w) <= 1e-9*w) {
			t.Errorf("%s %s %v, by the files of data and predictions %v", part, name, got, w)
		}
	}
}

// Whatever is added to the target, least squares finds the slopes it finds without, and the figures are those of the files.
func TestExactRegressionOfAnOffsetTarget(t *testing.T) {
	for _, weight := range []string{"", "w"} {
		var slopes []float64
		var rmse float64
		for _, offset := range targetOffsets {
			path := offsetTable(t, 900, offset)
			text := offsetData
			if weight != "" {
				text += "  weight: " + weight + "\n"
			}
			o := train(t, configure(t, path, text+offsetExact))
			m := open(t, o.Folder)
			wantFigures(t, o, run.PartTest, figuresOf(t, m, path, "test", weight))
			wantFigures(t, o, run.PartTrain, figuresOf(t, m, path, "train", weight))
			if offset == 0 {
				slopes, rmse = []float64{m.Coefficients.Features[0].Value, m.Coefficients.Features[1].Value}, metric(t, o, run.PartTest, "rmse")
				if math.Abs(slopes[0]-1) > 0.02 || math.Abs(slopes[1]+0.5) > 0.02 || math.Abs(rmse-0.1) > 0.02 {
					t.Fatalf("slopes %v, rmse %v", slopes, rmse)
				}
			}
			for i, want := range slopes {
				if got := m.Coefficients.Features[i].Value; !(math.Abs(got-want) <= 1e-6*math.Abs(want)) {
					t.Errorf("offset %g: slope %v, want %v", offset, got, want)
				}
			}
			if got := m.Coefficients.Intercept - offset; math.Abs(got) > 0.02 {
				t.Errorf("offset %g: intercept %v", offset, m.Coefficients.Intercept)
			}
			// Predictions are numbers of 64 bits, which near 1e12 are ulp apart: rmse differs by half of that at most (Minkowski).
			ulp := math.Nextafter(math.Abs(offset), math.Inf(1)) - math.Abs(offset)
			if got := metric(t, o, run.PartTest, "rmse"); !(math.Abs(got-rmse) <= 1e-6*rmse+ulp/2) {
				t.Errorf("offset %g: rmse %v, want %v", offset, got, rmse)
			}
		}
	}
}

// Networks see the same numbers but for their rounding to 32 bits, one unit of which a course of training does not blow up: all
// figures agree to a thousandth.
func TestNetworkOfAnOffsetTarget(t *testing.T) {
	sameFigures(t, "cpu")
}

// A GPU is given the same standardized targets.
func TestNetworkOfAnOffsetTargetOnGPU(t *testing.T) {
	cudatest.Use(t)
	sameFigures(t, "cuda")
}

func sameFigures(t *testing.T, device string) {
	t.Helper()
	var first *run.Outcome
	for _, offset := range targetOffsets {
		path := offsetTable(t, 900, offset)
		c := configure(t, path, offsetData+offsetNetwork)
		c.Device = "cpu"
		if offset != 0 {
			c.Device = device // the first is what the others are compared with, on the CPU
		}
		o := train(t, c)
		m := open(t, o.Folder)
		for _, part := range []string{"train", "test"} {
			if device == "cpu" { // where the figures come from, whose bits are not those of another device
				wantFigures(t, o, part, figuresOf(t, m, path, part, ""))
			}
		}
		if first == nil {
			if first = o; metric(t, o, run.PartTest, "r2") < 0.9 {
				t.Fatalf("r2 %v", metric(t, o, run.PartTest, "r2"))
			}
			continue
		}
		for _, name := range []string{"mse", "rmse", "mae", "r2"} {
			for _, part := range []string{run.PartTrain, run.PartValidation, run.PartTest} {
				if got, want := metric(t, o, part, name), metric(t, first, part, name); !(math.Abs(got-want) <= 1e-3*want) {
					t.Errorf("offset %g: %s %s %v, want %v", offset, part, name, got, want)
				}
			}
		}
	}
}

// preparedOffset prepares a table of a target with an offset, in small row groups.
func preparedOffset(t *testing.T, offset float64) string {
	t.Helper()
	cfg := &prepare.Config{
		Output: filepath.Join(t.TempDir(), "data"), RowGroup: 1024, Seed: 3,
		Sources: map[string]prepare.Source{"rows": {Source: table.Source{Path: configfile.Strings{offsetTable(t, 5000, offset)}}}},
	}
	if _, err := prepare.Run(context.Background(), cfg, prepare.Options{}); err != nil {
		t.Fatal(err)
	}
	return cfg.Output
}

// streamedOffset is a run over such data.
func streamedOffset(t *testing.T, data string) *Config {
	t.Helper()
	return configure(t, "", fmt.Sprintf(`
seed: 1
data: {prepared: %q, target: label, id: id, task: regression, features: [x, y], weight: w, shuffle_rows: 2048}
model: {hidden: [{units: 8}]}
train: {epochs: 2, batch: 64, optimizer: {learning_rate: 0.02}, early_stopping: {metric: rmse}}
checkpoint: {every_steps: 7}
`, data))
}

// The same holds of rows that are streamed, of the training's interruption, and of the model folder's own evaluation.
func TestStreamedOffsetTarget(t *testing.T) {
	want := 0.0
	for _, offset := range []float64{0, -1e7, 1e8, 1e12} {
		data := preparedOffset(t, offset)
		o := train(t, streamedOffset(t, data))
		m := open(t, o.Folder)
		for part, file := range map[string]string{run.PartValidation: "validation.parquet", run.PartTest: "test.parquet"} {
			file = filepath.Join(data, file)
			wantFigures(t, o, part, figuresOf(t, m, file, "", "w"))
			r, _, err := m.Evaluate(context.Background(), table.Source{Path: configfile.Strings{file}}, "")
			if err != nil {
				t.Fatal(err)
			}
			if own := o.Result.Metrics[part].Values; fmt.Sprint(r.Values) != fmt.Sprint(own) {
				t.Errorf("offset %g: %s %v, by evaluation %v", offset, part, own, r.Values)
			}
		}
		rmse := metric(t, o, run.PartTest, "rmse")
		if offset == 0 {
			if want = rmse; want > 0.3 {
				t.Fatalf("rmse %v", rmse)
			}
		}
		if !(math.Abs(rmse-want) <= 1e-3*want) {
			t.Errorf("offset %g: rmse %v, want %v", offset, rmse, want)
		}
		if offset == 1e8 {
			sameRun(t, interruptedRun(t, streamedOffset(t, data), 5, 30, 17), o)
			continue
		}
	}
}

// A run in memory with a large target, interrupted, ends with the bits of one that is not.
func TestResumedOffsetTarget(t *testing.T) {
	path := offsetTable(t, 600, 1e8)
	text := offsetData + offsetNetwork + "checkpoint: {every_steps: 3}\n"
	sameRun(t, interruptedRun(t, configure(t, path, text), 4, 20, 11), train(t, configure(t, path, text)))
}

// Seconds since 1970, whole ones, and a validation part in which the target does not vary: r2 is undefined there, and no epoch is
// called the best by it.
func TestUndefinedR2(t *testing.T) {
	rnd := philox.New(6, 2)
	var b strings.Builder
	b.WriteString("x,part,label\n")
	for i := range 400 {
		x := rnd.NormFloat64()
		part, label := "train", math.Round(1_700_000_000+300*x)
		if i%4 == 0 {
			part, label = "val", 1_700_000_007
		}
		fmt.Fprintf(&b, "%.5f,%s,%.0f\n", x, part, label)
	}
	path := filepath.Join(t.TempDir(), "rows.csv")
	writeFile(t, path, []byte(b.String()))
	c := configure(t, path, `
data: {source: {path: PATH}, target: label, features: [x], split: {method: column, column: part, validation_values: [val]}}
model: {hidden: [{units: 4}]}
train: {epochs: 3, batch: 32, optimizer: {learning_rate: 0.05}, early_stopping: {metric: r2, patience: 1}}
checkpoint: {every_steps: 3}
`)
	o := train(t, c)
	undefinedR2(t, o)
	// So says the run when it is resumed, and there is nothing left to train.
	o, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Resume: run.ResumeLast})
	if err != nil {
		t.Fatal(err)
	}
	undefinedR2(t, o)
}

func undefinedR2(t *testing.T, o *run.Outcome) {
	t.Helper()
	if v := metric(t, o, run.PartValidation, "r2"); !math.IsNaN(v) {
		t.Errorf("r2 of a constant target %v", v)
	}
	if p := o.Result.Protocol; o.Result.Best != nil || strings.Contains(p, "best") || !strings.Contains(p, "last epoch, for the validation r2 is undefined") {
		t.Errorf("best %+v; %s", o.Result.Best, p)
	}
	if w := o.Result.Warnings.String(); strings.Count(w, "r2 is undefined") != 1 || len(o.Result.Epochs) != 3 || o.Result.Stopped != "epochs" {
		t.Errorf("%d epochs, stopped by %q, warnings %s", len(o.Result.Epochs), o.Result.Stopped, w)
	}
}
