package behavior

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/prepare"
	"debut/datasets/sealed"
	"debut/datasets/table"
	"debut/kernels/cpu"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/run"
)

// The models in testdata/models were left behind by the version that first wrote their format. Every later version reads them and
// gives the same answers; while the engine's arithmetic stays, it also trains them again to the same bits. With -update the models
// that are missing are made: go test ./trainers/behavior -run TestGoldenModels -update.

// goldenRegressions are the run files of regressions, by name.
var goldenRegressions = map[string]string{
	"linear": `
data: {source: {path: data.csv}, target: amount, id: id, ignore: [k, y]}
model: {kind: linear}
train: {epochs: 6, batch: 32, optimizer: {kind: adagrad, learning_rate: 0.2}, schedule: {kind: cosine, warmup_epochs: 1}}
`,
	"exact": `
data: {source: {path: data.csv}, target: amount, id: id, ignore: [k, y]}
model: {kind: linear, solver: exact}
`,
}

// roundedTargets are the golden models of a version that rounded targets to 32 bits before it scaled them. They predict as ever; with
// the targets as they are, figures have other digits from the eighth on, and training gives other parameters: those of the models
// that stand beside these.
var roundedTargets = []string{"linear", "exact"}

// identitySums are the golden models of versions that added up the fields of linear models by identity matrices, which they saved. They
// predict as ever; training gives the parameters of the models without that stand beside these.
var identitySums = []string{"linear_whole", "exact_whole"}

// goldenColumns says what columns of the older models become, whatever the defaults are.
const goldenColumns = "defaults: {numeric: {transform: standardize, encoding: none}, categorical: {min_count: 1}}"

// goldenModels are run files by the name of the folder that holds what they left.
var goldenModels = map[string]string{
	"linear":       goldenRegressions["linear"],
	"exact":        goldenRegressions["exact"],
	"linear_whole": goldenRegressions["linear"],
	"exact_whole":  goldenRegressions["exact"],
	"linear_sums":  goldenRegressions["linear"],
	"exact_sums":   goldenRegressions["exact"],
	"network": `
data: {source: {path: data.csv}, target: y, id: id, ignore: [k, amount], weight: w, ` + goldenColumns + `}
model: {hidden: [{units: 12, dropout: 0.2, batch_norm: true}, {units: 6}], embedding: 3}
train: {epochs: 4, batch: 40, accumulate: 2, optimizer: {kind: adamw, learning_rate: 0.02}, schedule: {kind: constant}, early_stopping: {metric: auc}}
`,
	// The same as network, with what is learned on the validation rows for its probabilities and predictions.
	"decided": `
data: {source: {path: data.csv}, target: y, id: id, ignore: [k, amount], weight: w, ` + goldenColumns + `}
model: {hidden: [{units: 12, dropout: 0.2, batch_norm: true}, {units: 6}], embedding: 3}
train: {epochs: 4, batch: 40, accumulate: 2, optimizer: {kind: adamw, learning_rate: 0.02}, schedule: {kind: constant}, early_stopping: {metric: auc}}
decision: {threshold: {choose: f1}, calibration: isotonic}
`,
	"multiclass": `
data:
  source: {path: data.csv}
  target: k
  id: id
  ignore: [y, w]
  ` + goldenColumns + `
  columns: {a: {encoding: piecewise_linear}, amount: {transform: [clip, standardize]}}
model: {hidden: [{units: 10, activation: tanh}]}
train: {epochs: 3, batch: 32, optimizer: {kind: adam}, schedule: {kind: constant}}
`,
	"activations": `
data: {source: {path: data.csv}, target: y, id: id, ignore: [k, amount], weight: w, ` + goldenColumns + `}
model: {hidden: [{units: 10, activation: silu, batch_norm: false}, {units: 8, activation: gelu}, {units: 6, activation: prelu}], embedding: 3}
train: {epochs: 3, batch: 40, optimizer: {kind: adam, learning_rate: 0.01}, schedule: {kind: constant}}
`,
	"streamed": `
data: {prepared: prepared, target: y, id: id, ignore: [k, amount], weight: w, shuffle_rows: 1024, ` + goldenColumns + `}
model: {hidden: [{units: 8, dropout: 0.1}]}
train: {epochs: 3, batch: 100, optimizer: {kind: adam, learning_rate: 0.02}, schedule: {kind: constant}, early_stopping: {metric: auc}}
`,
	// The same as network, encrypted: it decrypts to the same parameters.
	"sealed": `
data: {source: {path: data.csv}, target: y, id: id, ignore: [k, amount], weight: w, ` + goldenColumns + `}
model: {hidden: [{units: 12, dropout: 0.2, batch_norm: true}, {units: 6}], embedding: 3}
train: {epochs: 4, batch: 40, accumulate: 2, optimizer: {kind: adamw, learning_rate: 0.02}, schedule: {kind: constant}, early_stopping: {metric: auc}}
checkpoint: {identity: {file: key.txt}}
encrypt: {recipients: [age1gnazn5khlzl0nulufdphtr4dltlfc28kvy39awrxpxhvzzl6tdhqsxs9sf]}
`,
	"fm": `
data: {source: {path: data.csv}, target: k, id: id, ignore: [y], weight: w, defaults: {numeric: {transform: standardize, encoding: piecewise_linear, bins: 4}, categorical: {min_count: 1}}}
model: {kind: fm, factors: 3}
train: {epochs: 4, batch: 40, optimizer: {kind: adagrad, learning_rate: 0.1, l2: 0.001}, schedule: {kind: constant}}
`,
	"deepfm": `
data: {source: {path: data.csv}, target: y, id: id, ignore: [k, amount], weight: w, ` + goldenColumns + `}
model: {kind: deepfm, factors: 4, hidden: [{units: 8, dropout: 0.1}]}
train: {epochs: 3, batch: 40, loss: focal, label_smoothing: 0.05, optimizer: {kind: adam, learning_rate: 0.01}, schedule: {kind: constant}}
`,
	"dcn": `
data: {source: {path: data.csv}, target: amount, id: id, ignore: [k, y], ` + goldenColumns + `}
model: {kind: dcn, cross_layers: 2, rank: 3, hidden: [{units: 8}], embedding: 3}
train: {epochs: 3, batch: 40, optimizer: {kind: adamw, learning_rate: 0.01}, schedule: {kind: constant}}
`,
	"finalmlp": `
data: {source: {path: data.csv}, target: y, id: id, ignore: [k, amount], ` + goldenColumns + `}
model: {kind: finalmlp, hidden: [{units: 8, dropout: 0.1}], second: [{units: 6}], heads: 2, embedding: 3}
train: {epochs: 3, batch: 40, optimizer: {kind: adam, learning_rate: 0.01}, schedule: {kind: constant}}
`,
	// All that is left open: numbers in two views, a linear path. The dropout is the default of that version.
	"defaults": `
data: {source: {path: data.csv}, target: y, id: id, ignore: [k, amount]}
model: {hidden: [{units: 128, dropout: 0.3}, {units: 64, dropout: 0.3}], wide: true}
`,
}

const goldenModelsDir = "testdata/models"

// goldenPlace makes a folder with copies of the golden data and returns it.
func goldenPlace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(goldenModelsDir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// trainGoldenModel trains a golden run file in a copy of the data, and returns the run's folder.
func trainGoldenModel(t *testing.T, name string) string {
	t.Helper()
	t.Chdir(goldenPlace(t))
	c, err := Parse("run.yaml", []byte("name: golden\nseed: 7\ndevice: cpu\n"+goldenModels[name]), nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := run.Train(context.Background(), c, run.Options{BaseDir: ".", ConfigPath: "run.yaml", Version: "golden"})
	if err != nil {
		t.Fatal(err)
	}
	folder, err := filepath.Abs(o.Folder)
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// goldenKeys are those of the encrypted golden model.
func goldenKeys(t *testing.T) []age.Identity {
	t.Helper()
	keys, err := age.ParseIdentities(strings.NewReader(read(t, filepath.Join(goldenModelsDir, "key.txt"))))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// goldenAnswers are a model's predictions for the golden data, as CSV, and its metrics there.
func goldenAnswers(t *testing.T, folder string) (predictions string, values metrics.Values) {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}()
	m, err := Open(folder, dev, goldenKeys(t)...)
	if err != nil {
		t.Fatal(err)
	}
	data := table.Source{Path: configfile.Strings{filepath.Join(goldenModelsDir, "data.csv")}}
	out := filepath.Join(t.TempDir(), "predictions.csv")
	if _, err := model.Write(context.Background(), out, m.Predict(context.Background(), data, "", encoding.Input{})); err != nil {
		t.Fatal(err)
	}
	r, _, err := m.Evaluate(context.Background(), data, "")
	if err != nil {
		t.Fatal(err)
	}
	return read(t, out), r.Values
}

// makeGoldenModel trains a model and keeps what it leaves, unless that is there.
func makeGoldenModel(t *testing.T, name string) {
	t.Helper()
	to, err := filepath.Abs(filepath.Join(goldenModelsDir, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(to); err == nil {
		return
	}
	var folder string
	t.Run("train", func(t *testing.T) {
		folder = trainGoldenModel(t, name)
		if err := os.CopyFS(filepath.Join(to, "model"), os.DirFS(filepath.Join(folder, "model"))); err != nil {
			t.Fatal(err)
		}
	})
	predictions, values := goldenAnswers(t, to+"/model")
	text, err := json.MarshalIndent(values, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(to, "predictions.csv"), []byte(predictions))
	writeFile(t, filepath.Join(to, "metrics.json"), append(text, '\n'))
}

// makeGoldenData makes what the golden models are trained on, unless it is there.
func makeGoldenData(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(goldenModelsDir); err == nil {
		return
	}
	if err := os.MkdirAll(goldenModelsDir, 0o755); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(goldenModelsDir, "data.csv")
	writeFile(t, data, []byte(read(t, tableFile(t, 400))))
	cfg := &prepare.Config{
		Output: filepath.Join(goldenModelsDir, "prepared"), RowGroup: 1024, Seed: 3,
		Sources: map[string]prepare.Source{"visits": {Source: table.Source{Path: configfile.Strings{tableFile(t, 3000)}}}},
	}
	if _, err := prepare.Run(context.Background(), cfg, prepare.Options{}); err != nil {
		t.Fatal(err)
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(goldenModelsDir, "key.txt"), []byte("# "+key.Recipient().String()+"\n"+key.String()+"\n"))
}

// parametersOf are a model's parameters as they were before they were encrypted, if they were.
func parametersOf(t *testing.T, model string) []byte {
	t.Helper()
	path := filepath.Join(model, parametersFile)
	content, err := os.ReadFile(path + sealed.Extension)
	if err != nil {
		return []byte(read(t, path))
	}
	var plain bytes.Buffer
	if err := sealed.DecryptFrom(&plain, bytes.NewReader(content), path, goldenKeys(t)); err != nil {
		t.Fatal(err)
	}
	return plain.Bytes()
}

func TestGoldenModels(t *testing.T) {
	t.Setenv(cpu.LevelVariable, "generic")
	if *updateGolden {
		makeGoldenData(t)
	}
	for name := range goldenModels {
		t.Run(name, func(t *testing.T) {
			if *updateGolden {
				makeGoldenModel(t, name)
			}
			kept, err := filepath.Abs(filepath.Join(goldenModelsDir, name))
			if err != nil {
				t.Fatal(err)
			}
			predictions, values := goldenAnswers(t, filepath.Join(kept, "model"))
			var want metrics.Values
			if err := json.Unmarshal([]byte(read(t, filepath.Join(kept, "metrics.json"))), &want); err != nil {
				t.Fatal(err)
			}
			// Elsewhere multiplications and additions may be fused.
			exact := runtime.GOARCH == "amd64"
			if exact && predictions != read(t, filepath.Join(kept, "predictions.csv")) {
				t.Error("other predictions")
			}
			rounded := slices.Contains(roundedTargets, name)
			for _, w := range want {
				if strings.HasSuffix(w.Name, "_micro") { // the accuracy by another name, which results leave out
					continue
				}
				got, ok := values.Get(w.Name)
				switch {
				case rounded: // amounts below 16 were off by 2⁻²¹ at most, up or down
					near(t, w.Name, got, w.Value, 1e-6)
				case !ok || exact && got != w.Value:
					t.Errorf("%s is %v, want %v", w.Name, got, w.Value)
				}
			}
			if rounded || slices.Contains(identitySums, name) {
				return
			}
			again := filepath.Join(t.TempDir(), "model")
			t.Run("train", func(t *testing.T) { // in a working directory of its own
				if err := os.CopyFS(again, os.DirFS(filepath.Join(trainGoldenModel(t, name), "model"))); err != nil {
					t.Fatal(err)
				}
			})
			if exact && !bytes.Equal(parametersOf(t, again), parametersOf(t, filepath.Join(kept, "model"))) {
				t.Error("training gives other parameters")
			}
		})
	}
	if !bytes.Equal(parametersOf(t, filepath.Join(goldenModelsDir, "sealed", "model")), parametersOf(t, filepath.Join(goldenModelsDir, "network", "model"))) {
		t.Error("the encrypted model decrypts to other parameters than the plain one has")
	}
}
