package engine_test

import (
	"math"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/engine"
	"debut/kernels"
	"debut/kernels/philox"
	"debut/layers"
)

// builtin is a network of gorgonia's own operations only, for its TapeMachine: the independent second reference. Batch
// statistics are products with a row of 1/B, since gorgonia's batch norm is not to be trusted.
type builtin struct {
	t    *testing.T
	g    *gorgonia.ExprGraph
	rows int
	mean *gorgonia.Node // [1, B] of 1/B
	data map[string][]float64
	in   map[string]*gorgonia.Node
}

func newBuiltin(t *testing.T, rows int) *builtin {
	b := &builtin{t: t, g: gorgonia.NewGraph(), rows: rows, data: map[string][]float64{}, in: map[string]*gorgonia.Node{}}
	v := make([]float64, rows)
	for i := range v {
		v[i] = 1 / float64(rows)
	}
	b.mean = b.input("mean", 1, rows, v)
	return b
}

func (b *builtin) input(name string, r, c int, v []float64) *gorgonia.Node {
	n := gorgonia.NewMatrix(b.g, gorgonia.Float64, gorgonia.WithShape(r, c), gorgonia.WithName(name))
	if err := gorgonia.Let(n, tensor.New(tensor.WithShape(r, c), tensor.WithBacking(append([]float64(nil), v...)))); err != nil {
		b.t.Fatal(err)
	}
	b.in[name] = n
	return n
}

func (b *builtin) ok(n *gorgonia.Node, err error) *gorgonia.Node {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func (b *builtin) norm(x, gamma, beta *gorgonia.Node, eps float64) *gorgonia.Node {
	c := x.Shape()[1]
	row := []byte{0}
	e := make([]float64, c)
	for i := range e {
		e[i] = eps
	}
	mean := b.ok(gorgonia.Mul(b.mean, x))
	centered := b.ok(gorgonia.BroadcastSub(x, mean, nil, row))
	variance := b.ok(gorgonia.Mul(b.mean, b.ok(gorgonia.Square(centered))))
	std := b.ok(gorgonia.Sqrt(b.ok(gorgonia.Add(variance, b.input("eps "+gamma.Name(), 1, c, e)))))
	hat := b.ok(gorgonia.BroadcastHadamardDiv(centered, std, nil, row))
	return b.ok(gorgonia.BroadcastAdd(b.ok(gorgonia.BroadcastHadamardProd(hat, gamma, nil, row)), beta, nil, row))
}

func (b *builtin) loss(kind kernels.LossKind, z, target, weight *gorgonia.Node) *gorgonia.Node {
	var each *gorgonia.Node
	switch kind {
	case kernels.LogisticLoss:
		each = b.ok(gorgonia.Sub(b.ok(gorgonia.Softplus(z)), b.ok(gorgonia.HadamardProd(z, target))))
	case kernels.SquaredLoss:
		each = b.ok(gorgonia.Square(b.ok(gorgonia.Sub(z, target))))
	case kernels.SoftmaxLoss: // target is one-hot here
		ones := make([]float64, z.Shape()[1])
		for i := range ones {
			ones[i] = 1
		}
		sum := b.input("ones", len(ones), 1, ones)
		norm := b.ok(gorgonia.Log(b.ok(gorgonia.Mul(b.ok(gorgonia.Exp(z)), sum))))
		each = b.ok(gorgonia.Sub(norm, b.ok(gorgonia.Mul(b.ok(gorgonia.HadamardProd(z, target)), sum))))
	}
	return b.ok(gorgonia.Mean(b.ok(gorgonia.HadamardProd(each, weight))))
}

// The compiled engine and gorgonia's own operations agree on the loss and every gradient of a deep network.
func TestAgainstGorgonia(t *testing.T) {
	const batch, width = 33, 6
	for _, kind := range []kernels.LossKind{kernels.LogisticLoss, kernels.SquaredLoss, kernels.SoftmaxLoss} {
		t.Run(kind.String(), func(t *testing.T) {
			outputs := 1
			if kind == kernels.SoftmaxLoss {
				outputs = 4
			}
			no := false
			net := layers.Network{
				Numeric: make([]layers.Numeric, width), Outputs: outputs,
				Hidden: []layers.Block{{Units: 8}, {Units: 7, Activation: "tanh", BatchNorm: &no}, {Units: 5, Activation: "sigmoid"}},
			}
			g := engine.NewGraph(kernels.Float64, batch)
			b := &layers.Builder{Graph: g, Training: true}
			loss := layers.BuildLoss(b, kind, 0, net.Build(b))
			must(t, g.Err())
			ck := &checker{t: t, g: g, loss: loss, rows: batch}
			nodes := map[string]*engine.Node{}
			for _, n := range g.Expr().AllNodes() {
				switch name := n.Name(); {
				case n.Op() != nil, name == "", name == "target", name == "weight", name == "scale", running(name):
				default:
					nodes[name] = n
					ck.wrt = append(ck.wrt, n)
				}
			}
			ck.compile(engine.Options{})
			ck.feed = feeds(g, batch, 4)
			targets(ck.feed["target"], kind, outputs)
			// gammas and betas away from their neutral first values
			for name := range nodes {
				if name != "numeric" && g.Gradient(nodes[name]).Shape().Dims() == 1 {
					v, err := ck.params.Read(name)
					must(t, err)
					for i, r := range randoms(philox.New(2, philox.StreamOf(name)), len(v), 0.5) {
						v[i] += r
					}
					must(t, ck.params.Write(name, v))
				}
			}
			got := ck.run()

			ref := newBuiltin(t, batch)
			in := func(name string) *gorgonia.Node {
				v, _ := ck.values(nodes[name])
				s := nodes[name].Shape()
				if s.Dims() == 1 {
					return ref.input(name, 1, s[0], v)
				}
				return ref.input(name, s[0], s[1], v)
			}
			row := []byte{0}
			h := in("numeric")
			h = ref.ok(gorgonia.Mul(h, in("hidden.0.weight")))
			h = ref.ok(gorgonia.Rectify(ref.norm(h, in("hidden.0.norm.gamma"), in("hidden.0.norm.beta"), 1e-5)))
			h = ref.ok(gorgonia.BroadcastAdd(ref.ok(gorgonia.Mul(h, in("hidden.1.weight"))), in("hidden.1.bias"), nil, row))
			h = ref.ok(gorgonia.Tanh(h))
			h = ref.ok(gorgonia.Mul(h, in("hidden.2.weight")))
			h = ref.ok(gorgonia.Sigmoid(ref.norm(h, in("hidden.2.norm.gamma"), in("hidden.2.norm.beta"), 1e-5)))
			h = ref.ok(gorgonia.BroadcastAdd(ref.ok(gorgonia.Mul(h, in("output.weight"))), in("output.bias"), nil, row))
			target := ck.feed["target"]
			if kind == kernels.SoftmaxLoss {
				hot := make([]float64, batch*outputs)
				for i, c := range target {
					hot[i*outputs+int(c)] = 1
				}
				target = hot
			}
			cost := ref.loss(kind, h, ref.input("target", batch, outputs, target), ref.input("weight", batch, 1, ck.feed["weight"]))
			var wrt gorgonia.Nodes
			for _, n := range ck.wrt {
				wrt = append(wrt, ref.in[n.Name()])
			}
			grads, err := gorgonia.Grad(cost, wrt...)
			must(t, err)
			vm := gorgonia.NewTapeMachine(ref.g)
			must(t, vm.RunAll())
			defer func() { must(t, vm.Close()) }()
			want := cost.Value().Data().(float64)
			if math.Abs(got-want) > 1e-12*math.Abs(want) {
				t.Errorf("loss %.17g, gorgonia's %.17g", got, want)
			}
			for i, n := range ck.wrt {
				ck.compare(n.Name(), ck.gradient(n), grads[i].Value().Data().([]float64), 1e-9)
			}
		})
	}
}

// Our ops on gorgonia's TapeMachine give what the compiled program gives: Do and Bind are one arithmetic.
func TestOpsOnTapeMachine(t *testing.T) {
	const batch = 12
	g, loss, wrt, n := network(kernels.Float64, batch, 1, kernels.LogisticLoss)
	must(t, g.Err())
	ck := &checker{t: t, g: g, loss: loss, wrt: wrt, rows: batch}
	ck.compile(engine.Options{})
	ck.feed = feeds(g, batch, 3)
	targets(ck.feed["target"], kernels.LogisticLoss, 1)
	ck.ids = networkIDs(n, batch, 9)
	want := ck.run()
	let := func(node *engine.Node, v []float64) {
		must(t, gorgonia.Let(node, tensor.New(tensor.WithShape(node.Shape()...), tensor.WithBacking(v))))
	}
	for _, node := range g.Expr().AllNodes() {
		if node.Op() != nil || node.Name() == "" {
			continue
		}
		if v, ok := ck.feed[node.Name()]; ok {
			let(node, v)
		} else if q := ck.params.Get(node.Name()); q != nil {
			v, err := ck.params.Read(node.Name())
			must(t, err)
			let(node, v)
		} else if q := ck.params.Get("numeric.edges"); q != nil && ck.ids[node.Name()] != nil {
			let(node, gathered(ck, n, node.Name()))
		}
	}
	// Running statistics are no part of the gradient's graph, but the machine runs every node.
	for _, node := range g.Expr().AllNodes() {
		if node.Op() == nil && node.Value() == nil && running(node.Name()) {
			c := node.Shape()[1]
			v := make([]float64, 2*c)
			for i := range c {
				v[c+i] = 1
			}
			let(node, v)
		}
	}
	vm := gorgonia.NewTapeMachine(g.Expr())
	must(t, vm.RunAll())
	defer func() { must(t, vm.Close()) }()
	got := loss.Value().Data().(float64)
	if math.Abs(got-want) > 1e-13 {
		t.Errorf("loss %v on the tape machine, %v compiled", got, want)
	}
	for _, node := range wrt {
		ck.compare(node.Name(), ck.gradient(node), g.Gradient(node).Value().Data().([]float64), 1e-12)
	}
}

func gathered(ck *checker, n layers.Network, input string) []float64 {
	for _, grp := range n.IDInputs() {
		if grp.Input != input {
			continue
		}
		table, err := ck.params.Read(grp.Table)
		must(ck.t, err)
		var v []float64
		for _, id := range ck.ids[input] {
			v = append(v, table[int(id)*grp.Dim:(int(id)+1)*grp.Dim]...)
		}
		return v
	}
	return nil
}
