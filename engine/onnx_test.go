package engine_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"debut/engine"
	"debut/engine/onnx"
	"debut/engine/onnxruntime"
	"debut/engine/onnxruntime/onnxruntimetest"
	"debut/engine/ops"
	"debut/kernels"
)

// withoutONNX are the cases of ops that have no form in ONNX, and why.
var withoutONNX = map[string]string{
	"pad":                  "gradients alone are made of it",
	"put-fields":           "gradients alone are made of it",
	"dropout":              "evaluation graphs leave it out",
	"batch norm, training": "evaluation graphs have the other",
}

// Every op, run by the engine and by ONNX Runtime.
func TestONNXOfOps(t *testing.T) {
	r := onnxruntimetest.Open(t)
	for name, b := range opCases() {
		t.Run(name, func(t *testing.T) {
			kind, _, _ := strings.Cut(name, "[") // without the op's settings
			g := engine.NewGraph(kernels.Float32, opBatch)
			out, _ := b(g)
			must(t, g.Err())
			to, compare := exported(t, g, out, nil)
			if withoutONNX[kind] != "" {
				if err := to.Err(); !errors.Is(err, kernels.ErrUnsupported) {
					t.Fatalf("%v", err)
				}
				return
			}
			if compare == nil {
				t.Fatalf("it has no form in ONNX: %v; give the op a method ONNX, or say in this test why it needs none", to.Err())
			}
			compare(r)
		})
	}
}

// Lookups pick zeros where an id is none, alone or by several lookups of a table.
func TestONNXOfLookups(t *testing.T) {
	r := onnxruntimetest.Open(t)
	g := engine.NewGraph(kernels.Float32, 3)
	table := engine.ParameterSpec{Name: "table", Shape: []int{4, 2}, Init: engine.Normal, Scale: 1}
	out := g.Apply(ops.NewConcat(3), g.Lookup("ids", table, 3), g.Lookup("more", table, 1), g.PooledLookup("pooled", "weights", table, 2))
	must(t, g.Err())
	_, compare := exported(t, g, out, map[string][]int32{"ids": {0, -1, 3, 4, 2, 1, 100, 0, 0}, "more": {3, -7, 4}, "pooled": {1, 3, -1, 2, 0, 9}})
	compare(r)
}

// exported writes a graph in ONNX, and returns what compares what it computes with what the engine does; nil where there is an error.
func exported(t *testing.T, g *engine.Graph, out *engine.Node, ids map[string][]int32) (*onnx.Graph, func(*onnxruntime.Runtime)) {
	t.Helper()
	dev := openCPU(t, 1)
	params := engine.NewParameters(dev, kernels.Float32, 7)
	prog, err := engine.Compile(g, engine.Options{Device: dev, Parameters: params, Outputs: []*engine.Node{out}})
	must(t, err)
	to, in := onnx.NewGraph("test"), map[string]onnx.Tensor{}
	values := map[string]onnx.Value{}
	for name, v := range feeds(g, g.Batch(), 11) {
		for _, input := range g.Inputs() {
			if input.Name == name {
				s := input.Node.Shape()
				narrow := make([]float32, len(v))
				for i, x := range v {
					narrow[i] = float32(x)
				}
				shape := []int{s[0], s[1]}
				if input.Batch {
					shape[0] = onnx.Batch
				}
				values[name], in[name] = to.Input(name, onnx.Float, shape, ""), onnx.NewTensor(narrow, s[1])
				must(t, engine.Feed(prog, name, narrow))
			}
		}
	}
	for _, l := range g.Lookups() {
		wide := make([]int64, len(ids[l.Name]))
		for i, id := range ids[l.Name] {
			wide[i] = int64(id)
		}
		values[l.Name], in[l.Name] = to.Input(l.Name, onnx.Int64, []int{onnx.Batch, l.Fields}, ""), onnx.NewTensor(wide, l.Fields)
		must(t, prog.FeedIDs(l.Name, ids[l.Name]))
		if l.Weights != "" {
			weights := []float32{0.5, -1, 2, 0.25, 1, 3}
			values[l.Weights], in[l.Weights] = to.Input(l.Weights, onnx.Float, []int{onnx.Batch, l.Fields}, ""), onnx.NewTensor(weights, l.Fields)
			must(t, engine.Feed(prog, l.Weights, weights))
		}
	}
	v, err := g.ONNX(to, params, []*engine.Node{out}, values)
	if err != nil {
		to.Fail(err)
		return to, nil
	}
	s := out.Shape()
	to.Output(v[0], "out", onnx.Float, s, "")
	return to, func(r *onnxruntime.Runtime) {
		must(t, prog.Run())
		want := make([]float32, s[0]*s[1])
		_, err = engine.Read(prog, out, want)
		must(t, err)
		got, ok := onnxruntimetest.Run(t, r, to, in)["out"].Data.([]float32)
		if !ok || len(got) != len(want) {
			t.Fatalf("%d values, want %d", len(got), len(want))
		}
		for i, x := range want {
			if d := math.Abs(float64(x - got[i])); !(d <= 1e-5*max(1, math.Abs(float64(x)))) {
				t.Errorf("value %d is %v, the engine has %v", i, got[i], x)
			}
		}
	}
}
