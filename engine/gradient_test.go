package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"debut/engine"
	"debut/engine/ops"
	"debut/kernels"
	"debut/kernels/philox"
	"debut/layers"
)

// build puts an op into a graph and says what has a gradient.
type build func(g *engine.Graph) (out *engine.Node, wrt []*engine.Node)

// opBatch is the batch of opCases.
const opBatch = 9

// opCases are graphs of every op.
func opCases() map[string]build {
	const c = 5
	cases := map[string]build{
		"dense of one unit": func(g *engine.Graph) (*engine.Node, []*engine.Node) {
			x, w := g.Input("x", c), g.Fixed("w", c, 1)
			b := g.Parameter(engine.ParameterSpec{Name: "b", Shape: []int{1}, Init: engine.Normal, Scale: 1})
			return g.Apply(ops.NewDense(), x, w, b), []*engine.Node{x, w, b}
		},
		"square by multiply": func(g *engine.Graph) (*engine.Node, []*engine.Node) {
			x := g.Input("x", c)
			return g.Apply(ops.NewMultiply(), x, x), []*engine.Node{x}
		},
		"concat": func(g *engine.Graph) (*engine.Node, []*engine.Node) {
			x, y := g.Input("x", c), g.Input("y", 2)
			return g.Apply(ops.NewConcat(3), x, y, x), []*engine.Node{x, y}
		},
		"sum of fields": func(g *engine.Graph) (*engine.Node, []*engine.Node) {
			x := g.Input("x", 3*c)
			return g.Apply(ops.NewSumFields(3), x, g.Input("shares", 3)), []*engine.Node{x}
		},
		"sum of fields and bias": func(g *engine.Graph) (*engine.Node, []*engine.Node) {
			x, b := g.Input("x", 3*c), g.Parameter(engine.ParameterSpec{Name: "b", Shape: []int{c}, Init: engine.Normal, Scale: 1})
			return g.Apply(ops.NewFieldSum(3, true), x, b), []*engine.Node{x, b}
		},
		"two slices of one": func(g *engine.Graph) (*engine.Node, []*engine.Node) {
			x := g.Input("x", c)
			a, b := g.Apply(ops.NewSlice(0, 3), x), g.Apply(ops.NewSlice(2, 5), x)
			return g.Apply(ops.NewMultiply(), a, b), []*engine.Node{x}
		},
		"batch norm, training": func(g *engine.Graph) (*engine.Node, []*engine.Node) {
			return batchNorm(g, g.Input("x", c), true)
		},
		"batch norm, evaluation": func(g *engine.Graph) (*engine.Node, []*engine.Node) {
			out, wrt := batchNorm(g, g.Input("x", c), false)
			return out, wrt[1:] // x carries no gradient there
		},
		"piecewise linear, weights behind it": func(g *engine.Graph) (*engine.Node, []*engine.Node) {
			x, w := g.Input("x", 2), g.Fixed("w", 4, 2)
			e := g.Parameter(engine.ParameterSpec{Name: "e", Shape: []int{6}, Init: engine.Values, Given: []float64{-1, 0, 0.5, 2, -0.3, 0.7}})
			return g.Apply(ops.NewMatMul(false, false), g.Apply(ops.NewPiecewiseLinear([]int{3, 1}), x, e), w), []*engine.Node{w}
		},
	}
	for _, op := range ops.Examples() {
		cases[op.String()] = exampleCase(op)
	}
	return cases
}

// exampleCase is a graph of an op with inputs as its signature wants them, of any numbers.
func exampleCase(op ops.Op) build {
	return func(g *engine.Graph) (*engine.Node, []*engine.Node) {
		sizes := map[string]int{"B": opBatch, "M": opBatch, "K": 4, "N": 3, "O": 3}
		shapes, batch, err := ops.Shapes(op, func(letter string) int {
			if n := sizes[letter]; n > 0 {
				return n
			}
			return 5
		})
		if err != nil {
			panic(err)
		}
		var in []*engine.Node
		for i, s := range shapes {
			name := string(rune('a' + i))
			switch {
			case batch[i]:
				in = append(in, g.Input(name, s[1]))
			case s.Dims() == 2:
				in = append(in, g.Fixed(name, s[0], s[1]))
			default:
				in = append(in, g.Parameter(engine.ParameterSpec{Name: name, Shape: s, Init: engine.Normal, Scale: 1}))
			}
		}
		return g.Apply(op, in...), in
	}
}

// Every op, alone behind a squared loss, against finite differences.
func TestOpGradients(t *testing.T) {
	for name, b := range opCases() {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/plain=%v", name, plain), func(t *testing.T) {
				g := engine.NewGraph(kernels.Float64, opBatch)
				out, wrt := b(g)
				ck := &checker{t: t, g: g, loss: squared(g, out), wrt: wrt, rows: opBatch}
				must(t, g.Err())
				ck.compile(engine.Options{NoFusion: plain, NoReuse: plain})
				ck.feed = feeds(g, opBatch, 11)
				ck.differences()
			})
		}
	}
}

func batchNorm(g *engine.Graph, x *engine.Node, training bool) (*engine.Node, []*engine.Node) {
	c := x.Shape()[1]
	gamma := g.Parameter(engine.ParameterSpec{Name: "gamma", Shape: []int{c}, Init: engine.Normal, Scale: 1})
	beta := g.Parameter(engine.ParameterSpec{Name: "beta", Shape: []int{c}, Init: engine.Normal, Scale: 1})
	stats := g.Parameter(engine.ParameterSpec{Name: "running", Shape: []int{2, c}, Init: engine.UnitVariance, Frozen: true})
	if training {
		stats = g.Apply(ops.NewBatchNormStats(), x)
	}
	return g.Apply(ops.NewBatchNorm(1e-5, training), x, stats, gamma, beta), []*engine.Node{x, gamma, beta}
}

// feeds fills every input of a graph with random values that suit it.
func feeds(g *engine.Graph, rows int, seed uint64) map[string][]float64 {
	f := map[string][]float64{}
	for _, in := range g.Inputs() {
		s := in.Node.Shape()
		n := s[0] * s[1]
		if in.Batch {
			n = rows * s[1]
		}
		v := randoms(philox.New(seed, philox.StreamOf(in.Name)), n, 1)
		switch in.Name {
		case "weight":
			for i := range v {
				v[i] = 0.5 + v[i]*v[i]
			}
		case "scale":
			v[0] = 1 / float64(rows)
		}
		f[in.Name] = v
	}
	return f
}

func TestLossGradients(t *testing.T) {
	const batch = 8
	for _, kind := range kernels.Losses() {
		for _, c := range []int{1, 4} {
			if kind.OfClass() && c == 1 {
				continue // a softmax over one class is constant
			}
			t.Run(fmt.Sprintf("%v/%d", kind, c), func(t *testing.T) {
				g := engine.NewGraph(kernels.Float64, batch)
				x := g.Input("x", c)
				ck := &checker{t: t, g: g, loss: lossOf(g, kind, x), wrt: []*engine.Node{x}, rows: batch}
				must(t, g.Err())
				ck.compile(engine.Options{})
				ck.feed = feeds(g, batch, 5)
				targets(ck.feed["target"], kind, c)
				ck.differences()
			})
		}
	}
}

// targets turns random numbers into targets of a loss.
func targets(v []float64, kind kernels.LossKind, classes int) {
	for i := range v {
		switch kind {
		case kernels.LogisticLoss:
			v[i] = float64(i % 2)
		case kernels.SoftmaxLoss, kernels.SoftmaxFocalLoss:
			v[i] = float64(i * 7 % classes)
		}
	}
}

// network builds a whole model in training: piecewise-linear numbers, embeddings of two widths, batch norm, three
// activations. It returns the graph, its loss and what has a gradient.
func network(dt kernels.Dtype, batch, outputs int, kind kernels.LossKind) (*engine.Graph, *engine.Node, []*engine.Node, layers.Network) {
	no := false
	n := layers.Network{
		Numeric: []layers.Numeric{{Name: "a", Edges: []float64{-1, 0, 0.4, 2}}, {Name: "b"}, {Name: "c", Edges: []float64{-0.5, 0.5}}},
		Fields:  []layers.Field{{Name: "u", Cardinality: 4, Dim: 2}, {Name: "v", Cardinality: 3, Dim: 3}, {Name: "w", Cardinality: 5, Dim: 2}},
		Hidden:  []layers.Block{{Units: 7, Activation: "tanh"}, {Units: 6, Activation: "sigmoid", BatchNorm: &no}, {Units: 5}},
		Outputs: outputs,
	}
	g := engine.NewGraph(dt, batch)
	b := &layers.Builder{Graph: g, Training: true, Seed: 1}
	loss := layers.BuildLoss(b, kind, lossParameter[kind], n.Build(b))
	var wrt []*engine.Node
	for _, node := range g.Expr().AllNodes() {
		name := node.Name()
		if node.Op() == nil && name != "" && !slices.Contains([]string{"numeric", "target", "weight", "scale", "numeric.edges"}, name) && !running(name) {
			wrt = append(wrt, node)
		}
	}
	return g, loss, wrt, n
}

func running(name string) bool {
	return len(name) > 8 && name[len(name)-8:] == ".running"
}

func networkIDs(n layers.Network, rows int, seed uint64) map[string][]int32 {
	ids := map[string][]int32{}
	for _, grp := range n.IDInputs() {
		rnd := philox.New(seed, philox.StreamOf(grp.Input))
		for range rows {
			for i, f := range grp.Fields {
				ids[grp.Input] = append(ids[grp.Input], int32(grp.Offsets[i]+rnd.IntN(n.Fields[f].Cardinality)))
			}
		}
	}
	return ids
}

// A whole network against finite differences, through embeddings: the gradient of a table is checked entry by entry
// through the gradients of the rows looked up.
func TestNetworkGradients(t *testing.T) {
	const batch = 12
	for _, kind := range kernels.Losses() {
		outputs := 1
		if kind.OfClass() || kind == kernels.ChainLoss {
			outputs = 3
		}
		t.Run(kind.String(), func(t *testing.T) {
			g, loss, wrt, n := network(kernels.Float64, batch, outputs, kind)
			must(t, g.Err())
			dense := slices.DeleteFunc(slices.Clone(wrt), func(x *engine.Node) bool { return x.Name()[:3] == "ids" })
			ck := &checker{t: t, g: g, loss: loss, wrt: wrt, rows: batch}
			ck.compile(engine.Options{})
			ck.feed = feeds(g, batch, 3)
			targets(ck.feed["target"], kind, outputs)
			ck.ids = networkIDs(n, batch, 9)
			ck.run()
			rowGrads := map[string][]float64{}
			for _, grp := range n.IDInputs() {
				for _, l := range g.Lookups() {
					if l.Name == grp.Input {
						rowGrads[grp.Input] = ck.gradient(l.Node)
					}
				}
			}
			for _, grp := range n.IDInputs() {
				want := tableDifferences(ck, grp)
				got := make([]float64, len(want))
				for i, id := range ck.ids[grp.Input] {
					for d := range grp.Dim {
						got[int(id)*grp.Dim+d] += rowGrads[grp.Input][i*grp.Dim+d]
					}
				}
				ck.compare(grp.Table, got, want, 1e-6)
			}
			ck.wrt = dense
			ck.differences()
		})
	}
}

// Every activation that run files name, in blocks with batch norm and without, where it is fused as it may be: against finite
// differences in training, and in one kernel with what comes before it in evaluation, whose input nobody else reads.
func TestBlockGradients(t *testing.T) {
	const batch = 11
	no := false
	for _, name := range layers.ActivationNames() {
		if name == kernels.Identity.String() {
			continue // before batch norm, a bias has no gradient
		}
		t.Run(name, func(t *testing.T) {
			n := layers.Network{
				Numeric: []layers.Numeric{{Name: "a"}, {Name: "b"}, {Name: "c"}}, Outputs: 2,
				Hidden: []layers.Block{{Units: 5, Activation: name, BatchNorm: &no}, {Units: 4, Activation: name}},
			}
			must(t, n.Check())
			g := engine.NewGraph(kernels.Float64, batch)
			loss := layers.BuildLoss(&layers.Builder{Graph: g, Training: true}, kernels.SquaredLoss, 0, n.Build(&layers.Builder{Graph: g, Training: true}))
			must(t, g.Err())
			var wrt []*engine.Node
			for _, node := range g.Expr().AllNodes() {
				if name := node.Name(); node.Op() == nil && name != "" && !running(name) && !slices.Contains([]string{"target", "weight", "scale"}, name) {
					wrt = append(wrt, node)
				}
			}
			ck := &checker{t: t, g: g, loss: loss, wrt: wrt, rows: batch}
			ck.compile(engine.Options{})
			ck.feed = feeds(g, batch, 3)
			ck.differences()

			e := engine.NewGraph(kernels.Float64, batch)
			out := n.Build(&layers.Builder{Graph: e})
			must(t, e.Err())
			dev := openCPU(t, 1)
			p, err := engine.Compile(e, engine.Options{Device: dev, Parameters: engine.NewParameters(dev, kernels.Float64, 1), Outputs: []*engine.Node{out}})
			must(t, err)
			var kernelNames []string
			for _, k := range p.Kernels() {
				kernelNames = append(kernelNames, k.Name())
			}
			for _, a := range kernels.Activations() {
				if a.String() != name {
					continue
				}
				for _, want := range []string{"gemm+bias+" + name, "batch norm+" + name} {
					if !slices.Contains(kernelNames, want) {
						t.Errorf("no kernel %q in evaluation: %q", want, kernelNames)
					}
				}
			}
		})
	}
}

func tableDifferences(c *checker, grp layers.Group) []float64 {
	v, err := c.params.Read(grp.Table)
	must(c.t, err)
	out := make([]float64, len(v))
	const h = 1e-5
	at := func(i int, x float64) float64 {
		v[i] = x
		must(c.t, c.params.Write(grp.Table, v))
		return c.run()
	}
	for i, old := range v {
		out[i] = (at(i, old+h) - at(i, old-h)) / (2 * h)
		v[i] = old
	}
	must(c.t, c.params.Write(grp.Table, v))
	return out
}
