package runfolder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"debut/trainers/metrics"
	"debut/trainers/tensorboard"
)

func create(t *testing.T, root, name string, overwrite bool) *Folder {
	t.Helper()
	f, err := Create(root, name, overwrite)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestCreate(t *testing.T) {
	root := filepath.Join(t.TempDir(), "runs")
	f := create(t, root, "a", false)
	if r, err := f.Result(); err != nil || r.Status != Running || r.Name != "a" {
		t.Fatal(r, err)
	}
	if err := f.WriteFile("model/model.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteFile(ConfigFile, []byte("name: a\n")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(f.Join(CheckpointsDir), 0o755); err != nil {
		t.Fatal(err)
	}
	events, err := f.Events(time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(events.Scalars(time.Unix(2, 0), 1, tensorboard.Scalar{Tag: "a", Value: 1}), events.Close()); err != nil {
		t.Fatal(err)
	}
	put(t, f.Join(".run.json.tmp-123"), "")

	before := list(t, f.Path())
	for _, overwrite := range []bool{false, true} {
		if _, err = Create(root, "a", overwrite); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), f.Path()) {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = Create(root, "a", false)
	if !errors.Is(err, ErrExists) {
		t.Fatal(err)
	}
	for _, want := range []string{"holds an earlier run", "--resume", "--overwrite", `"name:"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	if list(t, f.Path()) != before {
		t.Fatal("a refused Create changed the folder")
	}
	// A file of somebody else protects the folder.
	put(t, f.Join("notes.txt"), "mine")
	before = list(t, f.Path())
	if _, err = Create(root, "a", true); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "notes.txt") {
		t.Fatal(err)
	}
	if list(t, f.Path()) != before {
		t.Fatal("a refused Create changed the folder")
	}
	if err := os.Remove(f.Join("notes.txt")); err != nil {
		t.Fatal(err)
	}
	create(t, root, "a", true)
	if got := list(t, f.Path()); got != LockFile+" "+ResultFile {
		t.Fatalf("after --overwrite: %s", got)
	}
}

func TestCreateForeign(t *testing.T) {
	root := t.TempDir()
	// A folder with names that a run might write, but no run has.
	put(t, filepath.Join(root, "mine", "run.yaml"), "name: x")
	put(t, filepath.Join(root, "mine", "model", "weights"), "precious")
	put(t, filepath.Join(root, "other", "run.json"), `{"status": "of something else"}`)
	put(t, filepath.Join(root, "file"), "")
	for _, name := range []string{"mine", "other"} {
		for _, overwrite := range []bool{false, true} {
			if _, err := Create(root, name, overwrite); !errors.Is(err, ErrExists) {
				t.Errorf("%s, %v: %v", name, overwrite, err)
			}
		}
	}
	if list(t, filepath.Join(root, "mine")) != "model run.yaml" || list(t, filepath.Join(root, "mine", "model")) != "weights" {
		t.Error("a foreign folder was touched")
	}
	if _, err := Create(root, "file", true); err == nil {
		t.Error("a file became a run folder")
	}
	if err := os.Mkdir(filepath.Join(root, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	create(t, root, "empty", false)
	for _, name := range []string{"", ".", "..", "a/b", `a\b`, "../x", ".hidden", strings.Repeat("x", 201), "a\x00b"} {
		if _, err := Create(root, name, true); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
}

func TestDefaultName(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for stem, want := range map[string]string{"shoppers": "shoppers-20260304-050607", "": "run-20260304-050607", "..a/b": "a-b-20260304-050607"} {
		got := DefaultName(stem, at)
		if got != want {
			t.Errorf("%q: %q", stem, got)
		}
	}
	if err := CheckName(DefaultName(strings.Repeat("é", 500), at)); err != nil {
		t.Error(err)
	}
}

func TestWriteFile(t *testing.T) {
	f := create(t, t.TempDir(), "a", false)
	for _, name := range []string{"../x", "/etc/x", ""} {
		if err := f.WriteFile(name, nil); err == nil {
			t.Errorf("%q was written", name)
		}
	}
	if err := f.WriteFile("report.html", []byte("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := f.Write("report.html", func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, broken)
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(f.Join("report.html")); err != nil || string(data) != "old" {
		t.Fatalf("%q, %v", data, err)
	}
}

func TestResult(t *testing.T) {
	f := create(t, t.TempDir(), "a", false)
	m, err := metrics.Binary([]float64{1, 2}, []float64{1, 1}, nil, .5)
	if err != nil {
		t.Fatal(err)
	}
	want := &RunResult{
		Status: Finished, Name: "a", Task: metrics.TaskBinary, Protocol: "given split",
		Metrics: map[string]*metrics.Result{"test": m},
		Best:    &Best{Metric: "auc", Value: .9, Epoch: 3, Step: 300},
		Epochs:  []EpochStats{{Epoch: 1, Loss: Float(math.Inf(1)), Rows: 10, Seconds: .5, RowsPerSecond: 20}},
		Device:  "cpu", SIMD: "avx2", Threads: 2, Seed: 1 << 63,
		Data:     []DataFile{{Path: "a.csv", Bytes: 3, SHA256: "00"}},
		Versions: CurrentVersions(),
		Started:  time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Finished: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC),
	}
	if err := f.WriteResult(want); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(f.Join(ResultFile))
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Result()
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(float64(got.Epochs[0].Loss)) {
		t.Error("the loss of a diverged epoch is", got.Epochs[0].Loss)
	}
	if err := f.WriteResult(got); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(f.Join(ResultFile))
	if err != nil || string(first) != string(second) {
		t.Errorf("%s\n%s\n%v", first, second, err)
	}
	if want.Versions.Go == "" || want.Versions.Debut == "" {
		t.Errorf("%+v", want.Versions)
	}
}

func TestMetricsLog(t *testing.T) {
	f := create(t, t.TempDir(), "a", false)
	if got, err := f.Evaluations(); got != nil || err != nil {
		t.Fatal(got, err)
	}
	line := func(step int64) Evaluation {
		return Evaluation{Epoch: 1, Step: step, Part: "validation", Loss: .5, Metrics: metrics.Values{{Name: "auc", Value: .75}}}
	}
	write := func(steps ...int64) {
		t.Helper()
		log, err := f.Metrics()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			if err := log.Append(line(s)); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(1, 2)
	whole, err := os.ReadFile(f.Join(MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"epoch":1,"step":1,"rows":0,"seconds":0,"part":"validation","loss":0.5,"metrics":{"auc":0.75}}` + "\n"; !strings.HasPrefix(string(whole), want) {
		t.Fatalf("%s", whole)
	}
	// A kill in the middle of a line, a long one too.
	for _, torn := range []string{`{"epoch":1,"st`, strings.Repeat("x", 10000)} {
		put(t, f.Join(MetricsFile), string(whole)+torn)
		if got, err := f.Evaluations(); err != nil || len(got) != 2 {
			t.Fatal(got, err)
		}
		write(3)
		got, err := f.Evaluations()
		if err != nil || !reflect.DeepEqual(got, []Evaluation{line(1), line(2), line(3)}) {
			t.Fatal(got, err)
		}
	}
	put(t, f.Join(MetricsFile), "torn")
	write(1)
	if got, err := f.Evaluations(); err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	put(t, f.Join(MetricsFile), "{}\nx\n")
	if _, err := f.Evaluations(); err == nil || !strings.Contains(err.Error(), "metrics.jsonl:2: ") {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	root := t.TempDir()
	create(t, root, "shoppers", false)
	put(t, filepath.Join(root, "plain", "x"), "")
	if f, err := Open(filepath.Join(root, "shoppers")); err != nil || f.Name() != "shoppers" {
		t.Error(f, err)
	}
	if _, err := Open(filepath.Join(root, "shopers")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "did you mean") {
		t.Error(err)
	}
	for _, path := range []string{"plain", "plain/x"} {
		if _, err := Open(filepath.Join(root, path)); !errors.Is(err, ErrNotRun) {
			t.Error(path, err)
		}
	}
}

func TestOpenModel(t *testing.T) {
	root := t.TempDir()
	f := create(t, root, "good", false)
	if err := f.WriteFile("model/model.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{f.Path(), f.Join("model")} {
		if got, err := OpenModel(path); err != nil || got != f.Join("model") {
			t.Error(got, err)
		}
		if _, err := OpenModel(path, "weights.safetensors"); !errors.Is(err, ErrNoModel) || !strings.Contains(err.Error(), "has no weights.safetensors") {
			t.Error(err)
		}
	}
	for i, c := range []struct {
		result RunResult
		want   string
	}{
		{RunResult{Status: Running}, "still under way, or was killed"},
		{RunResult{Status: Failed, Error: "no rows"}, "it failed: no rows"},
		{RunResult{Status: Interrupted}, "train with --resume"},
		{RunResult{Status: Finished}, "the model was removed"},
	} {
		f := create(t, root, fmt.Sprint("bad", i), false)
		if err := f.WriteResult(&c.result); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenModel(f.Path()); !errors.Is(err, ErrNoModel) || !strings.Contains(err.Error(), c.want) {
			t.Error(err)
		}
	}
	put(t, filepath.Join(root, "plain", "x"), "")
	if _, err := OpenModel(filepath.Join(root, "plain")); !errors.Is(err, ErrNoModel) || !strings.Contains(err.Error(), "has no model.json; a model folder is the model/") {
		t.Error(err)
	}
	if _, err := OpenModel(filepath.Join(root, "plain", "x")); !errors.Is(err, ErrNoModel) || !strings.Contains(err.Error(), "is a file") {
		t.Error(err)
	}
	if _, err := OpenModel(filepath.Join(root, "goood")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `did you mean "`+f.Path()) {
		t.Error(err)
	}
}

// What a kill in the midst of the first write leaves does not keep a run from beginning, nor does it stay.
func TestCreateAfterTornWrite(t *testing.T) {
	root := t.TempDir()
	put(t, filepath.Join(root, "r", LockFile), "")
	torn := filepath.Join(root, "r", "."+ResultFile+".tmp-123")
	put(t, torn, "{")
	f := create(t, root, "r", false)
	if _, err := os.Stat(torn); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the torn file: %v", err)
	}
	// A second one learns that this one is under way, rather than that there is something to resume.
	if _, err := Create(root, "r", false); !errors.Is(err, ErrLocked) {
		t.Errorf("error %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, torn, "{")
	tornModel, whole := filepath.Join(root, "r", ModelDir, ".parameters.safetensors.tmp-7"), filepath.Join(root, "r", ModelDir, "parameters.safetensors")
	put(t, tornModel, "{")
	put(t, whole, "{}")
	g, err := Resume(root, "r")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{torn, tornModel} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the torn file %s: %v", path, err)
		}
	}
	if _, err := os.Stat(whole); err != nil {
		t.Errorf("a whole file of the model: %v", err)
	}
	if _, err := Resume(root, "r"); !errors.Is(err, ErrLocked) {
		t.Errorf("error %v", err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(root, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	put(t, filepath.Join(root, "plain", "x"), "")
	if _, err := Resume(root, "plain"); !errors.Is(err, ErrNotRun) {
		t.Errorf("error %v", err)
	}
}

// A replacement that was killed before it left anything is taken back by the next plain Create, and gone on with by one that
// replaces.
func TestCreateAfterKilledReplacement(t *testing.T) {
	for _, overwrite := range []bool{false, true} {
		root := t.TempDir()
		f := create(t, root, "r", false)
		if err := errors.Join(f.WriteFile(ConfigFile, []byte("name: old\n")), f.WriteResult(&RunResult{Status: Finished, Name: "r"}), f.Close()); err != nil {
			t.Fatal(err)
		}
		g := create(t, root, "r", true)
		if err := errors.Join(os.Remove(g.Join(ResultFile)), g.Close()); err != nil { // as if killed before that was written
			t.Fatal(err)
		}
		h, err := Create(root, "r", overwrite)
		if !overwrite {
			if !errors.Is(err, ErrExists) {
				t.Errorf("error %v", err)
			}
			if data, err := os.ReadFile(filepath.Join(root, "r", ConfigFile)); err != nil || string(data) != "name: old\n" {
				t.Errorf("the earlier run: %q, %v", data, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.Replaces() {
			t.Error("the earlier run is not known any more")
		}
		if err := errors.Join(h.Commit(), h.Close()); err != nil {
			t.Fatal(err)
		}
		if got := list(t, root); strings.Contains(got, ".old-") {
			t.Errorf("left beside the run: %s", got)
		}
	}
}

// Foresee has the errors of Create, and leaves no trace.
func TestForesee(t *testing.T) {
	root := t.TempDir()
	for _, overwrite := range []bool{false, true} {
		if err := Foresee(root, "new", overwrite); err != nil {
			t.Error(err)
		}
	}
	if err := Foresee(root, "../out", false); err == nil {
		t.Error("a name that leads out: no error")
	}
	f, err := Create(root, "a", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, overwrite := range []bool{false, true} {
		if err := Foresee(root, "a", overwrite); !errors.Is(err, ErrLocked) {
			t.Errorf("under way: %v", err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Foresee(root, "a", false); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "holds an earlier run") {
		t.Error(err)
	}
	if err := Foresee(root, "a", true); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(f.Join("notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Foresee(root, "a", true); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "notes.txt") {
		t.Error(err)
	}
	entries, err := os.ReadDir(root)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
