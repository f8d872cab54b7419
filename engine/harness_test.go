package engine_test

import (
	"math"
	"testing"

	"debut/engine"
	"debut/engine/ops"
	"debut/kernels"
	"debut/kernels/cpu"
	"debut/kernels/philox"
)

func openCPU(t testing.TB, threads int) *cpu.Device {
	t.Helper()
	d, err := cpu.New(cpu.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func randoms(rnd *philox.Stream, n int, scale float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = rnd.NormFloat64() * scale
	}
	return v
}

// checker holds a differentiated float64 graph, compiled with its loss and all gradients as outputs.
type checker struct {
	t      *testing.T
	g      *engine.Graph
	loss   *engine.Node
	params *engine.Parameters
	prog   *engine.Program
	wrt    []*engine.Node
	feed   map[string][]float64
	ids    map[string][]int32
	rows   int
}

// squared adds a squared loss with random targets and weights to outputs [B, C] and differentiates it.
func squared(g *engine.Graph, out *engine.Node) *engine.Node {
	return lossOf(g, kernels.SquaredLoss, out)
}

// lossParameter is of the losses that have one, in tests.
var lossParameter = map[kernels.LossKind]float64{kernels.HuberLoss: 0.7, kernels.QuantileLoss: 0.8, kernels.FocalLoss: 1.5, kernels.SoftmaxFocalLoss: 1.5, kernels.SoftmaxLoss: 0.1}

func lossOf(g *engine.Graph, kind kernels.LossKind, out *engine.Node) *engine.Node {
	if g.Err() != nil {
		return nil
	}
	cols := out.Shape()[1]
	if kind.OfClass() {
		cols = 1
	}
	return g.Apply(ops.NewLoss(kind, lossParameter[kind]), out, g.Input("target", cols), g.Input("weight", 1), g.Fixed("scale", 1, 1))
}

// compile differentiates and compiles the graph.
func (c *checker) compile(opt engine.Options) { c.compileOn(openCPU(c.t, 2), kernels.Float64, opt) }

func (c *checker) compileOn(dev kernels.Device, dt kernels.Dtype, opt engine.Options) {
	c.t.Helper()
	must(c.t, c.g.DifferentiateWRT(c.loss, c.wrt...))
	c.params = engine.NewParameters(dev, dt, 7)
	opt.Device, opt.Parameters = dev, c.params
	opt.Outputs = append(opt.Outputs, c.loss)
	for _, n := range c.wrt {
		opt.Outputs = append(opt.Outputs, c.g.Gradient(n))
	}
	p, err := engine.Compile(c.g, opt)
	must(c.t, err)
	c.prog = p
}

func (c *checker) run() float64 {
	c.t.Helper()
	must(c.t, c.prog.SetRows(c.rows))
	for name, v := range c.feed {
		must(c.t, engine.Feed(c.prog, name, v))
	}
	for name, v := range c.ids {
		must(c.t, c.prog.FeedIDs(name, v))
	}
	must(c.t, c.prog.Run())
	return c.read(c.loss)[0]
}

// read returns an output, as float64 whatever the program computes in.
func (c *checker) read(n *engine.Node) []float64 {
	c.t.Helper()
	m, err := c.prog.Output(n)
	must(c.t, err)
	out := make([]float64, m.Rows*m.Cols)
	if m.Buf.Dtype() == kernels.Float64 {
		k, err := engine.Read(c.prog, n, out)
		must(c.t, err)
		return out[:k]
	}
	narrow := make([]float32, len(out))
	k, err := engine.Read(c.prog, n, narrow)
	must(c.t, err)
	for i, v := range narrow {
		out[i] = float64(v)
	}
	return out[:k]
}

func (c *checker) gradient(n *engine.Node) []float64 {
	c.t.Helper()
	return c.read(c.g.Gradient(n))
}

// values returns the fed input or the parameter behind a node, and how to write it back.
func (c *checker) values(n *engine.Node) ([]float64, func([]float64)) {
	if v, ok := c.feed[n.Name()]; ok {
		return v, func([]float64) {}
	}
	v, err := c.params.Read(n.Name())
	must(c.t, err)
	return v, func(v []float64) { must(c.t, c.params.Write(n.Name(), v)) }
}

// differences compares the gradients with central differences of the loss: within 1e-6 of the largest gradient of
// the operand. The differences themselves are exact to about ε^⅔ ≈ 4e-11 of the loss's scale.
func (c *checker) differences() {
	c.t.Helper()
	c.run()
	got := map[*engine.Node][]float64{}
	for _, n := range c.wrt {
		got[n] = c.gradient(n)
	}
	for _, n := range c.wrt {
		v, write := c.values(n)
		want := make([]float64, len(v))
		for i := range v {
			old := v[i]
			h := 1e-5 * math.Max(1, math.Abs(old))
			v[i] = old + h
			write(v)
			up := c.run()
			v[i] = old - h
			write(v)
			down := c.run()
			v[i] = old
			write(v)
			want[i] = (up - down) / (2 * h)
		}
		c.compare(n.Name(), got[n], want, 1e-6)
	}
}

func (c *checker) compare(what string, got, want []float64, tolerance float64) {
	c.t.Helper()
	if len(got) != len(want) {
		c.t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	worst, scale := 0.0, 1e-12
	for i := range want {
		scale = math.Max(scale, math.Abs(want[i]))
		worst = math.Max(worst, math.Abs(got[i]-want[i]))
		if math.IsNaN(got[i]) {
			worst = math.Inf(1)
		}
	}
	if !(worst <= tolerance*scale) {
		c.t.Errorf("%s: off by %.2e of %.2e (relative %.2e)\n got %v\nwant %v", what, worst, scale, worst/scale, got, want)
	}
	if scale < 1e-9 {
		c.t.Errorf("%s: every gradient is zero; the test shows nothing", what)
	}
}
