package engine_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"debut/engine"
	"debut/engine/ops"
	"debut/kernels"
	"debut/layers"
)

// A program for 12 rows run with 5 gives what a program for 5 gives, although memory beyond is poisoned.
func TestPartialBatch(t *testing.T) {
	run := func(batch, rows int, poison bool) (*checker, float64) {
		g, loss, wrt, n := network(kernels.Float64, batch, 1, kernels.LogisticLoss)
		must(t, g.Err())
		ck := &checker{t: t, g: g, loss: loss, wrt: wrt, rows: rows}
		ck.compile(engine.Options{})
		ck.feed, ck.ids = feeds(g, batch, 3), networkIDs(n, batch, 9)
		targets(ck.feed["target"], kernels.LogisticLoss, 1)
		if poison {
			for name, v := range ck.feed {
				if name != "scale" {
					for i := rows * len(v) / batch; i < len(v); i++ {
						v[i] = math.NaN()
					}
				}
			}
			ck.rows = batch
			ck.run() // leaves NaN everywhere
			ck.rows = rows
		}
		full := feeds(g, batch, 3)
		targets(full["target"], kernels.LogisticLoss, 1)
		for name, v := range full {
			if name == "scale" {
				v[0] = 0.25
				ck.feed[name] = v
				continue
			}
			ck.feed[name] = v[:rows*len(v)/batch]
		}
		for name, v := range networkIDs(n, batch, 9) {
			ck.ids[name] = v[:rows*len(v)/batch]
		}
		return ck, ck.run()
	}
	small, _ := run(5, 5, false)
	// the small graph has its own inputs: give it the large one's first rows
	large, got := run(12, 5, true)
	small.feed, small.ids = large.feed, large.ids
	want := small.run()
	if math.Abs(got-want) > 1e-14 {
		t.Errorf("loss %v with 5 of 12 rows, %v with 5 of 5", got, want)
	}
	for i, n := range large.wrt {
		large.compare(n.Name(), large.gradient(n), small.gradient(small.wrt[i]), 1e-13)
	}
	if err := large.prog.SetRows(13); !errors.Is(err, kernels.ErrShape) {
		t.Errorf("13 rows in a program for 12: %v", err)
	}
	if err := large.prog.SetRows(0); !errors.Is(err, kernels.ErrShape) {
		t.Errorf("no rows: %v", err)
	}
}

func TestFusionAndReuseChangeNothing(t *testing.T) {
	run := func(opt engine.Options) (*checker, float64) {
		g, loss, wrt, n := network(kernels.Float64, 12, 3, kernels.SoftmaxLoss)
		must(t, g.Err())
		ck := &checker{t: t, g: g, loss: loss, wrt: wrt, rows: 12}
		ck.compile(opt)
		ck.feed, ck.ids = feeds(g, 12, 3), networkIDs(n, 12, 9)
		targets(ck.feed["target"], kernels.SoftmaxLoss, 3)
		return ck, ck.run()
	}
	plain, want := run(engine.Options{NoFusion: true, NoReuse: true})
	fused, got := run(engine.Options{})
	if got != want {
		t.Errorf("loss %v fused, %v plain", got, want)
	}
	for i, n := range fused.wrt {
		a, b := fused.gradient(n), plain.gradient(plain.wrt[i])
		for k := range a {
			if a[k] != b[k] {
				t.Fatalf("%s: element %d is %v fused, %v plain", n.Name(), k, a[k], b[k])
			}
		}
	}
	fs, ps := fused.prog.Stats(), plain.prog.Stats()
	// three blocks: dense+act or norm+act, activation gradients with bias gradients, the loss with its gradient
	if fs.Fused < 5 || ps.Fused != 0 {
		t.Errorf("%d operations fused (%d in the plain program)", fs.Fused, ps.Fused)
	}
	if fs.Dead == 0 {
		t.Error("no dead node was dropped; the gradient of numeric inputs is one")
	}
	if fs.Bytes >= ps.Bytes {
		t.Errorf("%d bytes with sharing, %d without", fs.Bytes, ps.Bytes)
	}
	var names []string
	for _, k := range fused.prog.Kernels() {
		names = append(names, k.Name())
	}
	t.Logf("%+v\n%s", fs, strings.Join(names, "\n"))
}

// An activation whose input is asked for as an output must not swallow it.
func TestFusionKeepsOutputs(t *testing.T) {
	g := engine.NewGraph(kernels.Float64, 4)
	x := g.Input("x", 3)
	w := g.Parameter(engine.ParameterSpec{Name: "w", Shape: []int{3, 2}, Init: engine.HeNormal})
	b := g.Parameter(engine.ParameterSpec{Name: "b", Shape: []int{2}})
	z := g.Apply(ops.NewDense(), x, w, b)
	y := g.Apply(ops.NewActivation(kernels.ReLU), z)
	must(t, g.Err())
	dev := openCPU(t, 1)
	p, err := engine.Compile(g, engine.Options{Device: dev, Parameters: engine.NewParameters(dev, kernels.Float64, 1), Outputs: []*engine.Node{y, z}})
	must(t, err)
	must(t, engine.Feed(p, "x", feeds(g, 4, 1)["x"]))
	must(t, p.Run())
	var zs, ys [8]float64
	_, err = engine.Read(p, z, zs[:])
	must(t, err)
	_, err = engine.Read(p, y, ys[:])
	must(t, err)
	negative := 0
	for i := range zs {
		if zs[i] < 0 {
			negative++
		}
		if ys[i] != math.Max(zs[i], 0) {
			t.Errorf("element %d: %v before, %v after", i, zs[i], ys[i])
		}
	}
	if negative == 0 {
		t.Error("no negative value; the test shows nothing")
	}
}

// Built-in ops of gorgonia run through Do where that is allowed, with a warning once, and on full batches only.
func TestFallback(t *testing.T) {
	build := func() (*engine.Graph, *engine.Node, *engine.Node, *engine.Node) {
		g := engine.NewGraph(kernels.Float64, 6)
		x := g.Input("x", 5)
		w := g.Parameter(engine.ParameterSpec{Name: "w", Shape: []int{5, 3}, Init: engine.HeNormal})
		h, err := gorgonia.Mul(x, w)
		must(t, err)
		h, err = gorgonia.Tanh(h)
		must(t, err)
		h, err = gorgonia.HadamardProd(h, h)
		must(t, err)
		h, err = gorgonia.Square(h)
		must(t, err)
		loss, err := gorgonia.Mean(h)
		must(t, err)
		return g, loss, x, w
	}
	g, loss, x, w := build()
	var log bytes.Buffer
	ck := &checker{t: t, g: g, loss: loss, wrt: []*engine.Node{x, w}, rows: 6}
	ck.compile(engine.Options{Fallback: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
	ck.feed = feeds(g, 6, 2)
	ck.differences()
	if n := strings.Count(log.String(), "no kernel"); n == 0 {
		t.Error("no warning")
	}
	if err := ck.prog.SetRows(4); !errors.Is(err, kernels.ErrUnsupported) {
		t.Errorf("a partial batch: %v", err)
	}
	g, loss, _, _ = build()
	dev := openCPU(t, 1)
	_, err := engine.Compile(g, engine.Options{Device: dev, Parameters: engine.NewParameters(dev, kernels.Float64, 1), Outputs: []*engine.Node{loss}})
	if !errors.Is(err, kernels.ErrUnsupported) {
		t.Errorf("fallback not allowed: %v", err)
	}
}

func TestGraphErrors(t *testing.T) {
	cases := map[string]struct {
		build func(g *engine.Graph)
		want  string
	}{
		"name twice": {func(g *engine.Graph) { g.Input("x", 1); g.Input("x", 2) }, "used twice"},
		"no name":    {func(g *engine.Graph) { g.Input("", 1) }, "no name"},
		"no columns": {func(g *engine.Graph) { g.Input("x", 0) }, "shape"},
		"shapes":     {func(g *engine.Graph) { g.Apply(ops.NewAdd(), g.Input("x", 1), g.Input("y", 2)) }, "add"},
		"foreign node": {func(g *engine.Graph) {
			g.Apply(ops.NewAdd(), g.Input("x", 1), engine.NewGraph(kernels.Float32, 2).Input("y", 1))
		}, "not a node of this graph"},
		"table of two shapes": {func(g *engine.Graph) {
			g.Lookup("a", engine.ParameterSpec{Name: "t", Shape: []int{3, 2}}, 1)
			g.Lookup("b", engine.ParameterSpec{Name: "t", Shape: []int{4, 2}}, 1)
		}, "of shape [3 2] is looked up as one of [4 2]"},
		"table and parameter of one name": {func(g *engine.Graph) {
			s := engine.ParameterSpec{Name: "t", Shape: []int{3, 2}}
			g.Parameter(s)
			g.Lookup("a", s, 1)
		}, "used twice"},
		"values": {func(g *engine.Graph) {
			g.Parameter(engine.ParameterSpec{Name: "p", Shape: []int{3}, Init: engine.Values})
		}, "given 0 values"},
		"nothing to train": {func(g *engine.Graph) { _ = g.Differentiate(squared(g, g.Input("x", 1))) }, "nothing to train"},
		"differentiate two": {func(g *engine.Graph) {
			x := g.Input("x", 1)
			l := squared(g, x)
			_ = g.DifferentiateWRT(l, x)
			_ = g.Differentiate(l)
		}, "twice"},
		"unused parameter": {func(g *engine.Graph) {
			g.Parameter(engine.ParameterSpec{Name: "p", Shape: []int{3}})
			_ = g.Differentiate(squared(g, g.Input("x", 1)))
		}, "unused"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := engine.NewGraph(kernels.Float32, 2)
			c.build(g)
			if g.Err() == nil || !strings.Contains(g.Err().Error(), c.want) {
				t.Errorf("got %v, want …%s…", g.Err(), c.want)
			}
			if g.Input("later", 1) != nil {
				t.Error("the error does not stick")
			}
		})
	}
	if engine.NewGraph(kernels.Int32, 2).Err() == nil || engine.NewGraph(kernels.Float32, 0).Err() == nil {
		t.Error("a graph of integers or without rows is no error")
	}
}

func TestExplain(t *testing.T) {
	g := engine.NewGraph(kernels.Float32, 8)
	n := layers.Network{Numeric: make([]layers.Numeric, 3), Hidden: []layers.Block{{Units: 4}}, Outputs: 1}
	out := n.Build(&layers.Builder{Graph: g})
	must(t, g.Err())
	dev := openCPU(t, 1)
	p, err := engine.Compile(g, engine.Options{Device: dev, Parameters: engine.NewParameters(dev, kernels.Float32, 1), Outputs: []*engine.Node{out}})
	must(t, err)
	var b strings.Builder
	must(t, p.Explain(&b))
	for _, want := range []string{"batches of up to 8 rows", "batch-norm", "+relu", "dense", "output.weight (3, 1)", "total"} {
		if !strings.Contains(strings.ReplaceAll(b.String(), "(4, 1)", "(3, 1)"), want) {
			t.Errorf("%q is missing in\n%s", want, &b)
		}
	}
	if err := p.Explain(failing{}); err == nil {
		t.Error("a failing writer is no error")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
