package layers_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"debut/engine"
	"debut/engine/optim"
	"debut/kernels"
	"debut/kernels/cpu"
	"debut/layers"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func device(t *testing.T) *cpu.Device {
	t.Helper()
	d, err := cpu.New(cpu.Options{Threads: 2})
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

func sample() layers.Network {
	return layers.Network{
		Numeric: []layers.Numeric{{Name: "price", Edges: []float64{0, 1, 3}}, {Name: "age"}},
		Fields:  []layers.Field{{Name: "a", Cardinality: 3, Dim: 4}, {Name: "b", Cardinality: 5, Dim: 2}, {Name: "c", Cardinality: 2, Dim: 4}},
		Hidden:  []layers.Block{{Units: 6, Dropout: 0.5}, {Units: 3, Activation: "tanh"}},
		Outputs: 2, InputDropout: 0.1,
	}
}

func TestGroups(t *testing.T) {
	g := sample().Groups()
	if len(g) != 2 || g[0].Dim != 2 || g[1].Dim != 4 {
		t.Fatalf("groups %+v", g)
	}
	if g[1].Rows != 5 || !slices.Equal(g[1].Fields, []int{0, 2}) || !slices.Equal(g[1].Offsets, []int{0, 3}) {
		t.Errorf("group of width 4: %+v", g[1])
	}
	n := sample()
	n.Hidden = nil
	if l := n.IDInputs(); len(l) != 1 || l[0].Rows != 10 || !slices.Equal(l[0].Offsets, []int{0, 3, 8}) {
		t.Errorf("linear: %+v", l)
	}
}

// Training and evaluation graphs declare the same parameters, so that they can share them.
func TestGraphsShareParameters(t *testing.T) {
	for _, hidden := range [][]layers.Block{sample().Hidden, nil} {
		n := sample()
		n.Hidden = hidden
		dev := device(t)
		p := engine.NewParameters(dev, kernels.Float32, 1)
		var counts []int
		for _, training := range []bool{true, false} {
			g := engine.NewGraph(kernels.Float32, 8)
			out := n.Build(&layers.Builder{Graph: g, Training: training})
			must(t, g.Err())
			if s := out.Shape(); s[0] != 8 || s[1] != 2 {
				t.Errorf("outputs of shape %v", s)
			}
			_, err := engine.Compile(g, engine.Options{Device: dev, Parameters: p, Outputs: []*engine.Node{out}})
			must(t, err)
			counts = append(counts, len(p.All()))
		}
		if hidden == nil && counts[0] != counts[1] {
			t.Errorf("%d parameters in training, %d with evaluation", counts[0], counts[1])
		}
		if hidden != nil && counts[1] != counts[0]+2 { // running statistics: in training only updates use them
			t.Errorf("%d parameters in training, %d with evaluation", counts[0], counts[1])
		}
	}
}

// A linear model is what it says: a weight for each number and each value, and a bias.
func TestLinearModel(t *testing.T) {
	n := layers.Network{
		Numeric: []layers.Numeric{{Name: "x"}, {Name: "y"}},
		Fields:  []layers.Field{{Name: "a", Cardinality: 3, Dim: 1}, {Name: "b", Cardinality: 2, Dim: 1}},
		Outputs: 2,
	}
	dev := device(t)
	p := engine.NewParameters(dev, kernels.Float32, 1)
	g := engine.NewGraph(kernels.Float32, 1)
	out := n.Build(&layers.Builder{Graph: g})
	must(t, g.Err())
	prog, err := engine.Compile(g, engine.Options{Device: dev, Parameters: p, Outputs: []*engine.Node{out}})
	must(t, err)
	must(t, p.Write("output.weight", []float64{1, 2, 10, 20}))
	must(t, p.Write("output.fields", []float64{0, 0, 100, 200, 0, 0, 0, 0, 1000, 2000}))
	must(t, p.Write("output.bias", []float64{0.5, -0.5}))
	must(t, engine.Feed(prog, layers.InputNumeric, []float32{3, 4}))
	must(t, prog.FeedIDs(layers.LinearIDs, []int32{1, 3 + 1})) // value 1 of a, value 1 of b
	must(t, prog.Run())
	var got [2]float32
	_, err = engine.Read(prog, out, got[:])
	must(t, err)
	if got != [2]float32{3 + 40 + 100 + 1000 + 0.5, 6 + 80 + 200 + 2000 - 0.5} {
		t.Errorf("outputs %v", got)
	}
}

// Batch norm's running statistics approach those of the data, and evaluation uses them.
func TestRunningStatistics(t *testing.T) {
	dev := device(t)
	p := engine.NewParameters(dev, kernels.Float64, 1)
	g := engine.NewGraph(kernels.Float64, 4)
	b := &layers.Builder{Graph: g, Training: true}
	x := g.Input("x", 1)
	y := layers.BatchNorm{Name: "n", Momentum: 0.5}.Build(b, x)
	loss := layers.BuildLoss(b, kernels.SquaredLoss, 0, y)
	must(t, g.Differentiate(loss))
	o := defaultSGD()
	tr, err := engine.NewTrainer(g, engine.TrainerOptions{Options: engine.Options{Device: dev, Parameters: p}, Loss: loss, Optimizer: o})
	must(t, err)
	must(t, engine.Feed(tr.Program, "x", []float64{1, 2, 3, 6}))
	must(t, engine.Feed(tr.Program, layers.InputTarget, make([]float64, 4)))
	must(t, engine.Feed(tr.Program, layers.InputWeight, []float64{1, 1, 1, 1}))
	must(t, engine.Feed(tr.Program, layers.InputScale, []float64{0.25}))
	must(t, tr.Step(true, nil))
	must(t, tr.Step(true, nil))
	got, err := p.Read("n.running")
	must(t, err)
	variance := 14.0 / 3 // unbiased, of 1, 2, 3, 6
	want := []float64{3 * 0.75, 1*0.25 + variance*0.75}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("running statistics %v, want %v", got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	must(t, sample().Check())
	for want, spoil := range map[string]func(*layers.Network){
		"0 outputs":        func(n *layers.Network) { n.Outputs = 0 },
		"without features": func(n *layers.Network) { n.Numeric, n.Fields = nil, nil },
		"edges":            func(n *layers.Network) { n.Numeric[0].Edges = []float64{2, 1} },
		"at least two":     func(n *layers.Network) { n.Numeric[0].Edges = []float64{2} },
		"ascending":        func(n *layers.Network) { n.Numeric[0].Edges = []float64{1, 1, 2} },
		"dimensions":       func(n *layers.Network) { n.Fields[0].Dim = 0 },
		"units":            func(n *layers.Network) { n.Hidden[0].Units = 0 },
		"dropout":          func(n *layers.Network) { n.Hidden[0].Dropout = 1 },
		"rleu":             func(n *layers.Network) { n.Hidden[0].Activation = "rleu" },

		"outputs: a network of 1048577 ": func(n *layers.Network) { n.Outputs = 1<<20 + 1 },
		"input_dropout":                  func(n *layers.Network) { n.InputDropout = math.NaN() },
		"numeric.0.edges":                func(n *layers.Network) { n.Numeric[0].Edges = []float64{1, 1 + 1e-12} },
		"strictly ascending":             func(n *layers.Network) { n.Numeric[0].Edges = []float64{1, math.Inf(1)} },
		"fields.1.cardinality":           func(n *layers.Network) { n.Fields[1].Cardinality = math.MaxInt32 - n.Fields[0].Cardinality + 1 },
		"fields.1.dim":                   func(n *layers.Network) { n.Fields[1].Dim = math.MaxInt64 },
		"hidden.1.units":                 func(n *layers.Network) { n.Hidden[1].Units = math.MaxInt32 + 1 },
		"hidden: 1001 layers":            func(n *layers.Network) { n.Hidden = slices.Repeat(n.Hidden[:1], 1001) },
	} {
		n := sample()
		n.Numeric, n.Fields, n.Hidden = slices.Clone(n.Numeric), slices.Clone(n.Fields), slices.Clone(n.Hidden)
		spoil(&n)
		if err := n.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Every activation has a block, with a parameter where it learns something, and the schema of run files lists all.
func TestActivations(t *testing.T) {
	names := layers.ActivationNames()
	for _, want := range []string{"relu", "silu", "gelu", "prelu"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no %s among %v", want, names)
		}
	}
	for _, name := range names {
		dev := device(t)
		p := engine.NewParameters(dev, kernels.Float32, 1)
		g := engine.NewGraph(kernels.Float32, 4)
		b := layers.Block{Units: 3, Activation: name}
		must(t, b.Check())
		out := b.Layers("h").Build(&layers.Builder{Graph: g}, g.Input("x", 2))
		must(t, g.Err())
		_, err := engine.Compile(g, engine.Options{Device: dev, Parameters: p, Outputs: []*engine.Node{out}})
		must(t, err)
		if name != "prelu" {
			continue
		}
		slope, err := p.Read("h.prelu.slope")
		must(t, err)
		if !slices.Equal(slope, []float64{0.25, 0.25, 0.25}) {
			t.Errorf("slopes %v", slope)
		}
	}
	r := jsonschema.Reflector{DoNotReference: true, Anonymous: true, FieldNameTag: "yaml"}
	p, ok := r.Reflect(layers.Block{}).Properties.Get("activation")
	if !ok || len(p.Enum) != len(names) || !strings.Contains(p.Description, "relu (default)") {
		t.Errorf("schema of the activation: %+v", p)
	}
}

func TestEmbeddingDim(t *testing.T) {
	for card, want := range map[int]int{1: 2, 2: 3, 10: 6, 1000: 32, 1e6: 32} {
		if got := layers.EmbeddingDim(card, 32); got != want {
			t.Errorf("%d values: %d, want %d", card, got, want)
		}
	}
}

func defaultSGD() optim.Config { return optim.Defaults(kernels.SGD) }

// A wide network is the sum of the deep one and a linear model of the same inputs, which is zero at first.
func TestWide(t *testing.T) {
	dev := device(t)
	n := layers.Network{Numeric: []layers.Numeric{{Name: "x"}, {Name: "y"}}, Hidden: []layers.Block{{Units: 3}}, Outputs: 1}
	output := func(wide bool, weights ...float64) float32 {
		n.Wide = wide
		p := engine.NewParameters(dev, kernels.Float32, 1)
		g := engine.NewGraph(kernels.Float32, 1)
		out := n.Build(&layers.Builder{Graph: g})
		must(t, g.Err())
		prog, err := engine.Compile(g, engine.Options{Device: dev, Parameters: p, Outputs: []*engine.Node{out}})
		must(t, err)
		if len(weights) > 0 {
			must(t, p.Write("wide.weight", weights))
		}
		must(t, engine.Feed(prog, layers.InputNumeric, []float32{3, 4}))
		must(t, prog.Run())
		var got [1]float32
		_, err = engine.Read(prog, out, got[:])
		must(t, err)
		return got[0]
	}
	deep := output(false)
	if got := output(true); got != deep {
		t.Errorf("with a linear path of zeros %v, want %v", got, deep)
	}
	if got := output(true, 10, 100); math.Abs(float64(got-deep)-430) > 1e-3 {
		t.Errorf("a linear path of 10 x + 100 y adds %v, want 430", got-deep)
	}
}
