package onnx_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"debut/engine/onnx"
	"debut/engine/onnxruntime/onnxruntimetest"
	"debut/engine/safetensors"
	"debut/kernels/rawbytes"
)

// picked is a graph that picks rows of a table and multiplies them, and says so in a text.
func picked(table []float32) *onnx.Graph {
	g := onnx.NewGraph("picked")
	g.Note("purpose", "a test")
	ids := g.Input("id", onnx.Int64, []int{onnx.Batch, 1}, "which row")
	g.Scope("rows")
	rows := g.NodeWith("Gather", []onnx.Attribute{onnx.Int("axis", 0)}, g.Table(safetensors.Matrix("table", table, 2)), g.Node("Squeeze", ids, onnx.Vector[int64](g, 1)))
	twice := g.Node("Mul", rows, onnx.Vector[float32](g, 2, -1))
	g.Output(twice, "out", onnx.Float, []int{onnx.Batch, 2}, "")
	labels := []onnx.Attribute{onnx.Ints("keys_int64s", []int64{0, 2}), onnx.TextList("values_strings", []string{"none", "zwei"}), onnx.Text("default_string", "?")}
	g.Output(g.NodeWith("ai.onnx.ml.LabelEncoder", labels, ids), "word", onnx.String, []int{onnx.Batch, 1}, "")
	return g
}

var table = []float32{1, 2, 3, 4, 5, 6}

// A model with its table inside, and one with it beside, are what they are said to be by the checker, and answer the same.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	inside, beside := filepath.Join(dir, "inside.onnx"), filepath.Join(dir, "beside.onnx")
	var model, tables bytes.Buffer
	if err := picked(table).Write(&model); err != nil {
		t.Fatal(err)
	}
	write(t, inside, &model)
	if err := picked(table).WriteBeside(&model, &tables, "tables.safetensors"); err != nil {
		t.Fatal(err)
	}
	if got, _, err := safetensors.Read(tables.Bytes()); err != nil || len(got) != 1 || !reflect.DeepEqual(got[0].Data, table) {
		t.Errorf("the file of tables holds %v: %v", got, err)
	}
	write(t, beside, &model)
	write(t, filepath.Join(dir, "tables.safetensors"), &tables)
	onnxruntimetest.Check(t, inside, beside)
	r := onnxruntimetest.Open(t)
	for _, path := range []string{inside, beside} {
		out := onnxruntimetest.RunFile(t, r, path, map[string]onnx.Tensor{"id": onnx.NewTensor([]int64{2, 0, 1}, 1)})
		if want := []float32{10, -6, 2, -2, 6, -4}; !reflect.DeepEqual(out["out"], onnx.NewTensor(want, 2)) {
			t.Errorf("%s: %v", path, out["out"])
		}
		if want := []string{"zwei", "none", "?"}; !reflect.DeepEqual(out["word"], onnx.NewTensor(want, 1)) {
			t.Errorf("%s: %v", path, out["word"])
		}
	}
}

func write(t *testing.T, path string, from *bytes.Buffer) {
	t.Helper()
	if err := os.WriteFile(path, from.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	from.Reset()
}

// The first mistake is told, and nothing is written of a graph that has one.
func TestMistakes(t *testing.T) {
	failed := errors.New("no such thing")
	for want, build := range map[string]func(g *onnx.Graph){
		"has no outputs":           func(g *onnx.Graph) { g.Input("x", onnx.Float, []int{1}, "") },
		`takes "y"`:                func(g *onnx.Graph) { g.Node("Neg", "y") },
		`"x" of an input`:          func(g *onnx.Graph) { g.Input("x", onnx.Float, nil, ""); g.Input("x", onnx.Float, nil, "") },
		`"x" of an output`:         func(g *onnx.Graph) { g.Output(g.Input("x", onnx.Float, nil, ""), "x", onnx.Float, nil, "") },
		`"x" of a table`:           func(g *onnx.Graph) { g.Input("x", onnx.Float, nil, ""); g.Table(safetensors.Vector("x", table)) },
		"of U8, which":             func(g *onnx.Graph) { g.Table(safetensors.Source{Name: "x", Dtype: safetensors.U8}) },
		"shape [2 2] has 3 values": func(g *onnx.Graph) { onnx.Constant(g, table[:3], 2, 2) },
		"no such thing":            func(g *onnx.Graph) { g.Fail(failed); g.Fail(io.EOF) },
	} {
		g := onnx.NewGraph("wrong")
		build(g)
		var to bytes.Buffer
		if err := g.Write(&to); err == nil || !strings.Contains(err.Error(), want) || to.Len() > 0 {
			t.Errorf("%d bytes and %v, want %q", to.Len(), err, want)
		}
		if want == failed.Error() && !errors.Is(g.Err(), failed) {
			t.Errorf("%v", g.Err())
		}
	}
	big := onnx.NewGraph("big")
	big.Output(big.Table(safetensors.Source{Name: "t", Dtype: safetensors.F32, Shape: []int{1 << 29}}), "out", onnx.Float, []int{1 << 29}, "")
	if err := big.Write(io.Discard); err == nil || !strings.Contains(err.Error(), "beside") {
		t.Errorf("2 GiB inside: %v", err)
	}
}

// large is a graph that picks rows of a table of 10⁸ rows of so many numbers, each of which is its place.
func large(columns int) *onnx.Graph {
	g := onnx.NewGraph("large")
	var buf []float32
	s := safetensors.Source{Name: "table", Dtype: safetensors.F32, Shape: []int{1e8, columns}, Read: func(dst []byte, off int64) error {
		buf = slices.Grow(buf[:0], len(dst)/4)[:len(dst)/4]
		for i := range buf {
			buf[i] = float32(off/4 + int64(i))
		}
		copy(dst, rawbytes.Of(buf))
		return nil
	}}
	ids := g.Node("Squeeze", g.Input("id", onnx.Int64, []int{onnx.Batch, 1}, ""), onnx.Vector[int64](g, 1))
	g.Output(g.Node("Gather", g.Table(s), ids), "out", onnx.Float, []int{onnx.Batch, columns}, "")
	return g
}

// A table passes through a small buffer, inside a model and beside it.
func TestStreams(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a second")
	}
	for name, write := range map[string]func(g *onnx.Graph) error{
		"inside": func(g *onnx.Graph) error { return g.Write(io.Discard) },
		"beside": func(g *onnx.Graph) error { return g.WriteBeside(io.Discard, io.Discard, "tables.safetensors") },
	} {
		g := large(1)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := write(g); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("%s: writing a table of %d bytes took %d", name, g.TableBytes(), took)
		}
	}
}

// A table of 1.5 GiB lies beside its model, and is read there. It writes as much to the disk, so that it has to be asked for.
func TestLargeTable(t *testing.T) {
	if os.Getenv("DEBUT_LARGE") == "" {
		t.Skip("DEBUT_LARGE=1 writes 1.6 GB to the disk and reads them")
	}
	r := onnxruntimetest.Open(t)
	dir := t.TempDir()
	files := map[string]*os.File{}
	for _, name := range []string{"model.onnx", "tables.safetensors"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = f
	}
	g := large(4)
	if err := g.WriteBeside(files["model.onnx"], files["tables.safetensors"], "tables.safetensors"); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	onnxruntimetest.Check(t, filepath.Join(dir, "model.onnx"))
	out := onnxruntimetest.RunFile(t, r, filepath.Join(dir, "model.onnx"), map[string]onnx.Tensor{"id": onnx.NewTensor([]int64{0, 1 << 20}, 1)})
	if want := []float32{0, 1, 2, 3, 1 << 22, 1<<22 + 1, 1<<22 + 2, 1<<22 + 3}; !reflect.DeepEqual(out["out"], onnx.NewTensor(want, 4)) {
		t.Errorf("%v", out["out"])
	}
}
