package behavior

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/prepare"
	"debut/datasets/sealed"
	"debut/datasets/table"
	"debut/kernels/philox"
	"debut/trainers/run"
)

// prepared turns a table of sessions into prepared data with small row groups.
func prepared(t *testing.T, rows int) string {
	t.Helper()
	dir := t.TempDir()
	cfg := &prepare.Config{
		Output: filepath.Join(dir, "data"), RowGroup: 1024, Seed: 3,
		Sources: map[string]prepare.Source{"sessions": {Source: table.Source{Path: configfile.Strings{tableFile(t, rows)}}}},
	}
	if _, err := prepare.Run(context.Background(), cfg, prepare.Options{}); err != nil {
		t.Fatal(err)
	}
	return cfg.Output
}

// streamed is a run over prepared data, in windows of some row groups.
func streamed(t *testing.T, data, extra string) *Config {
	t.Helper()
	c := configure(t, "", fmt.Sprintf(`
seed: 5
data:
  prepared: %q
  target: y
  id: id
  ignore: [k, amount]
  weight: w
%s
model: {hidden: [{units: 16, dropout: 0.1}]}
train: {batch: 100, epochs: 3, optimizer: {learning_rate: 0.02}, early_stopping: {metric: auc, patience: 3}}
checkpoint: {every_steps: 7}
`, data, extra))
	return c
}

func TestStreamedTraining(t *testing.T) {
	data := prepared(t, 9000)
	want := train(t, streamed(t, data, "  shuffle_rows: 2048"))
	if auc, ok := want.Result.Metrics[run.PartTest].Values.Get("auc"); !ok || auc < 0.75 {
		t.Errorf("test AUC %v", auc)
	}
	// The same bits for any number of threads, and after interruptions within an epoch, a window and a batch that two
	// windows share.
	for _, threads := range []int{1, 2, 7} {
		c := streamed(t, data, "  shuffle_rows: 2048")
		c.Threads = threads
		sameRun(t, train(t, c), want)
	}
	sameRun(t, interruptedRun(t, streamed(t, data, "  shuffle_rows: 2048"), 3, 11, 40, 5, 30), want)
	// Another size of windows is another order.
	other := train(t, streamed(t, data, "  shuffle_rows: 4096"))
	if read(t, filepath.Join(other.Folder, "model", parametersFile)) == read(t, filepath.Join(want.Folder, "model", parametersFile)) {
		t.Error("the size of windows does not matter")
	}
	// Files read as a source give the same encoder and, for the same model, the same figures.
	m := open(t, want.Folder)
	for part, file := range map[string]string{run.PartValidation: "validation.parquet", run.PartTest: "test.parquet"} {
		r, _, err := m.Evaluate(context.Background(), table.Source{Path: configfile.Strings{filepath.Join(data, file)}}, "")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.Values, want.Result.Metrics[part].Values) {
			t.Errorf("%s: %v while streaming, %v from the file", part, want.Result.Metrics[part].Values, r.Values)
		}
	}
	inMemory := streamed(t, data, "")
	inMemory.Data.Prepared, inMemory.Data.FitRows = "", 0
	inMemory.Data.Source = table.Source{Path: configfile.Strings{filepath.Join(data, "train.parquet")}}
	inMemory.Data.Split.Method = datasets.SplitNone
	inMemory.Name, inMemory.Train.EarlyStopping = "in-memory", run.EarlyStopping{}
	if read(t, filepath.Join(train(t, inMemory).Folder, "model", encoderFile)) != read(t, filepath.Join(want.Folder, "model", encoderFile)) {
		t.Error("streaming fits another encoder")
	}
}

// TestVocabulariesOfStreams fits on few rows: categories are counted in all.
func TestVocabulariesOfStreams(t *testing.T) {
	data := prepared(t, 9000)
	few, all := train(t, streamed(t, data, "  fit_rows: 1024")), train(t, streamed(t, data, ""))
	a, b := open(t, few.Folder).Encoder.CategoricalFields(), open(t, all.Folder).Encoder.CategoricalFields()
	if !slices.Equal(a, b) || len(a) == 0 {
		t.Errorf("fields %v, want %v", a, b)
	}
}

// The optimum is found of prepared data as of the same rows in memory.
func TestExactOfPreparedData(t *testing.T) {
	data := preparedOffset(t, 1e3)
	c := streamedOffset(t, data)
	c.Model = ModelConfig{Kind: KindLinear, Solver: SolverExact}
	c.Data.Defaults = encoding.Defaults{} // not those of a network
	o := train(t, c)
	if o.Coefficients == nil {
		t.Fatal("no coefficients")
	}
	near(t, "x", o.Coefficients.Features[0].Value, 1, 0.03)
	near(t, "y", o.Coefficients.Features[1].Value, -0.5, 0.03)
	if r2 := metric(t, o, run.PartTest, "r2"); r2 < 0.98 {
		t.Errorf("R² %v", r2)
	}
}

func TestPreparedDataThatAreNot(t *testing.T) {
	data := prepared(t, 9000)
	fails := func(c *Config, parts ...string) {
		t.Helper()
		_, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml"})
		if err == nil {
			t.Fatalf("no error, want one with %q", parts)
		}
		for _, p := range parts {
			if !strings.Contains(err.Error(), p) {
				t.Errorf("error lacks %q:\n%v", p, err)
			}
		}
	}
	fails(streamed(t, filepath.Join(data, "nowhere"), ""), "prepared", "dataset.json", "debut data prepare")
	fails(streamed(t, data, "  memory: 64MiB\n  shuffle_rows: 10000000"), "shuffle_rows", "64MiB")
	fails(streamed(t, data, "  columns: {nope: {type: numeric}}"), "nope")
	file := filepath.Join(data, "train.parquet")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damage := func(change func([]byte) []byte) {
		t.Helper()
		if err := os.WriteFile(file, change(slices.Clone(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage(func(b []byte) []byte { return b[:len(b)-1] })
	fails(streamed(t, data, ""), "train.parquet", "bytes")
	damage(func(b []byte) []byte { copy(b[len(b)-600:], make([]byte, 500)); return b })
	fails(streamed(t, data, ""), "train.parquet")
	damage(func(b []byte) []byte { copy(b[100:], make([]byte, 4000)); return b })
	fails(streamed(t, data, ""), "train.parquet")
	other := prepared(t, 3000)
	swapped, err := os.ReadFile(filepath.Join(other, "train.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	damage(func([]byte) []byte { return swapped })
	fails(streamed(t, data, ""), "train.parquet")
}

// TestEncryptedDataAreStreamed trains on encrypted data as on plain ones, and refuses without the key.
func TestEncryptedDataAreStreamed(t *testing.T) {
	if testing.Short() {
		t.Skip("scrypt takes a minute under the race detector, which has the rest of sealed data in other tests")
	}
	t.Setenv("TEST_PASSPHRASE", "correct horse battery")
	t.Setenv("TEST_WRONG", "battery staple battery")
	plain := prepared(t, 3000)
	dir := t.TempDir()
	cfg := &prepare.Config{
		Output: filepath.Join(dir, "data"), RowGroup: 1024, Seed: 3,
		Sources: map[string]prepare.Source{"sessions": {Source: table.Source{Path: configfile.Strings{tableFile(t, 3000)}}}},
		Encrypt: &sealed.Encryption{Passphrase: &configfile.Secret{Env: "TEST_PASSPHRASE"}},
	}
	if _, err := prepare.Run(context.Background(), cfg, prepare.Options{}); err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	got := train(t, streamed(t, cfg.Output, "  decrypt: {passphrase: {env: TEST_PASSPHRASE}}"))
	sameRun(t, got, train(t, streamed(t, plain, "")))
	if entries, err := os.ReadDir(temp); err != nil || len(entries) > 0 {
		t.Errorf("decrypted files are left behind: %v, %v", entries, err)
	}
	for _, file := range []string{"run.yaml", "run.json"} {
		if strings.Contains(read(t, filepath.Join(got.Folder, file)), "correct horse") {
			t.Errorf("%s tells the passphrase", file)
		}
	}
	for extra, want := range map[string]string{
		"": "data.decrypt", "  decrypt: {passphrase: {env: TEST_WRONG}}": "none of the keys", "  decrypt: {identity: {env: TEST_WRONG}}": "age-keygen",
	} {
		_, err := run.Train(context.Background(), streamed(t, cfg.Output, extra), run.Options{ConfigPath: "run.yaml"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", extra, err, want)
		}
	}
}

// What dataset.json calls a text is one in training too, unless the run file says otherwise: as a category each title
// would be a value of its own.
func TestPreparedTexts(t *testing.T) {
	dir := t.TempDir()
	words := []string{"red", "blue", "shoe", "shirt", "cotton", "new", "50%"}
	rnd := philox.New(3, 1)
	var b strings.Builder
	b.WriteString("title,y\n")
	for range 3000 {
		var title []string
		for range 4 {
			title = append(title, words[rnd.IntN(len(words))])
		}
		fmt.Fprintf(&b, "%s,%v\n", strings.Join(title, " "), slices.Contains(title, "shoe"))
	}
	file := filepath.Join(dir, "rows.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := &prepare.Config{
		Output: filepath.Join(dir, "data"), Sources: map[string]prepare.Source{"rows": {Source: table.Source{Path: configfile.Strings{file}}}},
		Columns: map[string]prepare.ColumnType{"title": "text"},
	}
	if _, err := prepare.Run(context.Background(), cfg, prepare.Options{}); err != nil {
		t.Fatal(err)
	}
	for columns, want := range map[string]string{
		"":                    table.TypeText,
		", features: [title]": table.TypeText,
		", columns: {title: {type: categorical}}": table.TypeCategorical,
	} {
		c := configure(t, "", fmt.Sprintf("seed: 1\ndata: {prepared: %q, target: y%s}\nmodel: {kind: linear}\ntrain: {epochs: 5, batch: 64}\n", cfg.Output, columns))
		o := train(t, c)
		if got := open(t, o.Folder).Encoder.Columns[0].Type; got != want {
			t.Errorf("%q: title is %s, want %s", columns, got, want)
		}
		if auc, ok := o.Result.Metrics[run.PartTest].Values.Get("auc"); want == table.TypeText && (!ok || auc < 0.97) {
			t.Errorf("%q: test AUC %v", columns, auc)
		}
	}
}
