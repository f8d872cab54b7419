package behavior

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/engine/onnx"
	"debut/engine/onnxruntime/onnxruntimetest"
	"debut/kernels/cpu"
	"debut/trainers/model"
)

// Every golden model answers by ONNX Runtime as it does itself, for a thousand rows, of which some lack values or have those that training
// did not see.
func TestONNXOfGoldenModels(t *testing.T) {
	r := onnxruntimetest.Open(t)
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}()
	dir := t.TempDir()
	rows := spoiled(t, filepath.Join(goldenModelsDir, "data.csv"), 1000)
	var paths []string
	for _, vocabulary := range []int{0, 1 << 20} {
		for _, name := range slices.Sorted(maps.Keys(goldenModels)) {
			t.Run(fmt.Sprintf("%s/%d", name, vocabulary), func(t *testing.T) {
				m, err := Open(filepath.Join(goldenModelsDir, name), dev, goldenKeys(t)...)
				if err == nil && m.Decision.Calibration() == "isotonic" { // those of earlier versions all but jump, and magnify the last digits
					m, err = Open(trainGoldenModel(t, name), dev)
				}
				if err != nil {
					t.Fatal(err)
				}
				graphs, err := m.Graphs()
				if err != nil {
					t.Fatal(err)
				}
				to := onnx.NewGraph(name)
				s, err := graphs[0].Build(to, model.GraphOptions{Vocabulary: vocabulary})
				if err != nil {
					t.Fatal(err)
				}
				frame, err := m.ReadRows(context.Background(), table.Source{Path: []string{rows}}, "", 1000)
				if err != nil {
					t.Fatal(err)
				}
				trial, err := graphs[0].Trials(context.Background(), s, frame)
				if err != nil {
					t.Fatal(err)
				}
				got := onnxruntimetest.Run(t, r, to, trial.Inputs)
				var c model.Comparison
				if err := c.Compare(trial, got); err != nil || !(c.Largest <= 1e-5) || c.Texts > 0 || c.Rows != 1000 {
					t.Errorf("%+v: %v", c, err)
				}
				t.Logf("%+v", c)
				var text bytes.Buffer
				path := filepath.Join(dir, fmt.Sprintf("%s-%d.onnx", name, vocabulary))
				if err := to.Write(&text); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
				paths = append(paths, path)
			})
		}
	}
	onnxruntimetest.Check(t, paths...)
}

// Classes are listed as the data have them.
func TestTypedClasses(t *testing.T) {
	for _, c := range []struct {
		typ     string
		classes []string
		want    string
	}{
		{table.TypeNumeric, []string{"0", "1.5"}, `[0,1.5]`}, {table.TypeBoolean, []string{"false", "true"}, `[false,true]`},
		{table.TypeCategorical, []string{"1", "no"}, `["1","no"]`}, {table.TypeNumeric, nil, `null`},
	} {
		text, err := json.Marshal(typedClasses(&encoding.TargetEncoding{Type: c.typ, Classes: c.classes}))
		if err != nil || string(text) != c.want {
			t.Errorf("%s %q: %s, %v, want %s", c.typ, c.classes, text, err, c.want)
		}
	}
}

// spoiled makes a table of so many rows of another one, a value in eight of which is missing or new.
func spoiled(t *testing.T, path string, rows int) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, random := csv.NewWriter(&out), rand.New(rand.NewPCG(1, 2))
	for i := range rows + 1 {
		row := records[0]
		if i > 0 {
			row = append([]string{}, records[1+(i-1)%(len(records)-1)]...)
			for c := range row {
				switch {
				case random.IntN(16) == 0:
					row[c] = ""
				case random.IntN(16) == 0 && records[0][c] == "city":
					row[c] = "Nowhere"
				}
			}
		}
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	to := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(to, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}
