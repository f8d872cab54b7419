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

	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/engine/safetensors"
	"debut/kernels/cpu"
	"debut/layers"
	"debut/trainers/model"
	"debut/trainers/run"
)

// still is a training that changes nothing, so that what it begins with is what it leaves.
const still = "train: {epochs: 1, batch: 50, optimizer: {kind: sgd, learning_rate: 1e-30}, schedule: {kind: constant}}\n"

// months writes two tables, of which the second has towns that the first lacks and lacks some that it has, other columns, and other sizes.
func months(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, towns := range map[string][]string{"march.csv": {"Bonn", "Köln", "Mainz", "Trier"}, "april.csv": {"Worms", "Trier", "Bonn", "Ulm"}} {
		var b strings.Builder
		b.WriteString(map[string]string{"march.csv": "price,town,old,y\n", "april.csv": "fresh,town,price,y\n"}[name])
		for i := range 200 {
			town, price, other := towns[(i*i+i/3)%4], float64(i%17)*1.5, i%5
			if name == "april.csv" {
				price *= 3
			}
			y := "no"
			if (i+i%4)%3 == 0 {
				y = "yes"
			}
			if name == "march.csv" {
				fmt.Fprintf(&b, "%v,%s,%d,%s\n", price, town, other, y)
			} else {
				fmt.Fprintf(&b, "%d,%s,%v,%s\n", other, town, price, y)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Rows that both models can read, with the columns of both.
	rows := "fresh,old,town,price\n1,2,Bonn,4\n,,Trier,1\n3,1,Nowhere,\n0,0,,7\n"
	if err := os.WriteFile(filepath.Join(dir, "rows.csv"), []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// month trains on one of the tables, and opens the model.
func month(t *testing.T, dir, name, text string) *Model {
	t.Helper()
	c, err := Parse("run.yaml", []byte(fmt.Sprintf("name: %s\nseed: 4\ndevice: cpu\ndata: {source: {path: %s.csv}, target: y, split: {method: none}}\n%s", name, strings.TrimRight(name, "0123456789"), text)), []string{fmt.Sprintf("output=%q", filepath.Join(dir, "runs"))})
	if err != nil {
		t.Fatal(err)
	}
	o, err := run.Train(context.Background(), c, run.Options{BaseDir: dir, ConfigPath: filepath.Join(dir, "run.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dev.Close() })
	m, err := Open(o.Folder, dev)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func probabilities(t *testing.T, m *Model, dir string) []float64 {
	t.Helper()
	p, err := model.Collect(m.Predict(context.Background(), table.Source{Path: []string{filepath.Join(dir, "rows.csv")}}, "", encoding.Input{}))
	if err != nil {
		t.Fatal(err)
	}
	values, ok := p.Columns[0].Values.([]float64)
	if !ok {
		t.Fatalf("%T", p.Columns[0].Values)
	}
	return values
}

// What is gone on from is kept to the last bit where nothing is new, whatever has moved; new values, columns and gone ones are told.
func TestInitFrom(t *testing.T) {
	dir := months(t)
	for _, kind := range []string{"model: {hidden: [{units: 6, batch_norm: false}]}\n", "model: {kind: linear, solver: gradient}\n"} {
		trained := "train: {epochs: 3, batch: 20, optimizer: {kind: adam, learning_rate: 0.05}}\n"
		march := month(t, dir, "march", kind+trained)
		again := month(t, dir, "march2", kind+still+"init_from: runs/march\n")
		want, got := probabilities(t, march, dir), probabilities(t, again, dir)
		for i := range want {
			if math.Float64bits(want[i]) != math.Float64bits(got[i]) {
				t.Errorf("%s: row %d: %v, not %v", kind, i, got[i], want[i])
			}
		}
		april := month(t, dir, "april", kind+still+"init_from: runs/march\n")
		checkGrown(t, march, april)
		if err := os.RemoveAll(filepath.Join(dir, "runs")); err != nil {
			t.Fatal(err)
		}
	}
}

// Columns in another order are the same columns, for all that a network of any kind has of its inputs.
func TestInitFromColumnsInAnotherOrder(t *testing.T) {
	dir := months(t)
	march, err := os.ReadFile(filepath.Join(dir, "march.csv"))
	if err != nil {
		t.Fatal(err)
	}
	var turned strings.Builder
	for line := range strings.Lines(string(march)) {
		cells := strings.Split(strings.TrimSpace(line), ",")
		fmt.Fprintf(&turned, "%s,%s,%s,%s\n", cells[2], cells[1], cells[0], cells[3])
	}
	if err := os.WriteFile(filepath.Join(dir, "turned.csv"), []byte(turned.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	hidden := ", hidden: [{units: 6, batch_norm: false}]"
	for _, kind := range []string{"network" + hidden + ", wide: true", "fm", "deepfm" + hidden, "dcn" + hidden, "dcn, rank: 2" + hidden, "finalmlp, heads: 2" + hidden} {
		text := "model: {kind: " + kind + "}\n"
		want := probabilities(t, month(t, dir, "march", text+"train: {epochs: 3, batch: 20, optimizer: {kind: adam, learning_rate: 0.05}}\n"), dir)
		got := probabilities(t, month(t, dir, "turned", text+still+"init_from: runs/march\n"), dir)
		for i := range want {
			if math.Abs(want[i]-got[i]) > 1e-5 { // sums are in another order
				t.Errorf("%s: row %d: %v, not %v", kind, i, got[i], want[i])
			}
		}
		if err := os.RemoveAll(filepath.Join(dir, "runs")); err != nil {
			t.Fatal(err)
		}
	}
}

// A model of another kind has widths of embeddings of its own, and tables that only look alike are not taken for each other.
func TestInitFromAnotherKind(t *testing.T) {
	dir := months(t)
	month(t, dir, "march", "model: {hidden: [{units: 6}], embedding: 9}\ntrain: {epochs: 1, batch: 50}\n")
	hidden := "hidden: [{units: 6}]"
	for _, kind := range []string{"deepfm", "dcn", "finalmlp, heads: 2"} {
		m := month(t, dir, "march2", "model: {kind: "+kind+", "+hidden+"}\n"+still+"init_from: runs/march\n")
		if kind == "deepfm" && slices.ContainsFunc(m.Network.Fields, func(f layers.Field) bool { return f.Dim != m.Network.Factors }) {
			t.Errorf("fields of %+v", m.Network.Fields)
		}
		if err := os.RemoveAll(filepath.Join(dir, "runs", "march2")); err != nil {
			t.Fatal(err)
		}
	}
}

// checkGrown compares the rows of values and inputs that two models share.
func checkGrown(t *testing.T, old, grown *Model) {
	t.Helper()
	rows := func(m *Model, name string) map[string][]byte {
		list, err := m.Tensors()
		if err != nil {
			t.Fatal(err)
		}
		out := map[string][]byte{}
		for _, x := range list {
			if x.RowName != name {
				continue
			}
			row := 0
			for id := range x.RowIDs {
				b := make([]byte, 4*x.Shape[1])
				if err := x.Read(b, int64(row*len(b))); err != nil {
					t.Fatal(err)
				}
				out[id] = append(out[id], b...)
				row++
			}
		}
		return out
	}
	towns, before := rows(grown, "town"), rows(old, "town")
	for _, town := range []string{"(other)", "Bonn", "Köln", "Mainz", "Trier"} {
		if len(before[town]) == 0 || string(towns[town]) != string(before[town]) {
			t.Errorf("the row of %s is %v, not %v", town, towns[town], before[town])
		}
	}
	if len(towns) != len(before)+2 || towns["Worms"] == nil || towns["Ulm"] == nil {
		t.Errorf("%d towns", len(towns))
	}
	inputs, past := rows(grown, model.InputRows), rows(old, model.InputRows)
	for name, row := range past {
		if kept := inputs[name]; strings.HasPrefix(name, "old") != (kept == nil) || kept != nil && string(kept) != string(row) {
			t.Errorf("the row of %s is %v, not %v", name, kept, row)
		}
	}
	i := 0
	for i < len(grown.Encoder.Columns) && grown.Encoder.Columns[i].Name != "price" {
		i++
	}
	if c := grown.Encoder.Columns[i]; len(c.Features) != 1 || c.Features[0].Mean != old.Encoder.Columns[0].Features[0].Mean {
		t.Errorf("prices are %+v, not scaled as before", c)
	}
}

// That next to nothing is taken is a warning, and one of the run.
func TestInitFromLittle(t *testing.T) {
	dir := months(t)
	f, err := os.Create(filepath.Join(dir, "bias.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(safetensors.Stream(f, []safetensors.Source{safetensors.Vector("other", make([]float32, 1000)), safetensors.Vector("output.bias", []float32{1})}, nil), f.Close()); err != nil {
		t.Fatal(err)
	}
	c, err := Parse("run.yaml", []byte("name: x\ndevice: cpu\ndata: {source: {path: march.csv}, target: y, split: {method: none}}\ntrain: {epochs: 1}\ninit_from: bias.safetensors\nmodel: {hidden: [{units: 20}]}\n"),
		[]string{fmt.Sprintf("output=%q", filepath.Join(dir, "runs"))})
	if err != nil {
		t.Fatal(err)
	}
	o, err := run.Train(context.Background(), c, run.Options{BaseDir: dir, ConfigPath: filepath.Join(dir, "run.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	if told := o.Result.Warnings.Named(warning.LittleTaken); len(told) != 1 || !strings.Contains(told[0].Message, "next to nothing was taken, 1 of its 1001 numbers") {
		t.Errorf("%+v", o.Result.Warnings)
	}
}

// What cannot be gone on from is an error with the key.
func TestInitFromMistakes(t *testing.T) {
	dir := months(t)
	base := "name: x\ndevice: cpu\ndata: {source: {path: march.csv}, target: y, split: {method: none}}\n"
	bad := filepath.Join(dir, "bad.safetensors")
	for want, write := range map[string]func() (string, error){
		"no such file": func() (string, error) { return "init_from: runs/none\nmodel: {hidden: [{units: 2}]}\n", nil },
		"the optimum of solver": func() (string, error) {
			return "init_from: bad.safetensors\nmodel: {kind: linear, solver: exact}\n", nil
		},
		"not an intact safetensors file": func() (string, error) {
			return "init_from: bad.safetensors\nmodel: {hidden: [{units: 2}]}\n", os.WriteFile(bad, []byte("\xff\xff\xff\xff\xff\xff\xff\x7f{}"), 0o600)
		},
		"no tensor in common": func() (string, error) {
			f, err := os.Create(bad)
			if err != nil {
				return "", err
			}
			return "init_from: bad.safetensors\nmodel: {hidden: [{units: 2}]}\n", errors.Join(safetensors.Stream(f, []safetensors.Source{safetensors.Vector("other", []float32{1})}, nil), f.Close())
		},
		"value 1 is NaN": func() (string, error) {
			f, err := os.Create(bad)
			if err != nil {
				return "", err
			}
			return "init_from: bad.safetensors\nmodel: {hidden: [{units: 2, batch_norm: false}]}\n",
				errors.Join(safetensors.Stream(f, []safetensors.Source{safetensors.Vector("hidden.0.bias", []float32{1, float32(math.NaN())})}, nil), f.Close())
		},
		"is a variance of -1": func() (string, error) {
			f, err := os.Create(bad)
			if err != nil {
				return "", err
			}
			return "init_from: bad.safetensors\nmodel: {hidden: [{units: 2}]}\n",
				errors.Join(safetensors.Stream(f, []safetensors.Source{safetensors.Matrix("hidden.0.norm.running", []float32{-1, 0, 1, -1}, 2)}, nil), f.Close())
		},
	} {
		text, err := write()
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse("run.yaml", []byte(base+text), []string{fmt.Sprintf("output=%q", filepath.Join(dir, "runs"))})
		if err != nil {
			t.Fatal(err)
		}
		_, err = run.Train(context.Background(), c, run.Options{BaseDir: dir, ConfigPath: filepath.Join(dir, "run.yaml")})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "init_from") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
