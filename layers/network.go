package layers

import (
	"fmt"
	"slices"

	"debut/engine"
	"debut/engine/ops"
	"debut/kernels"
)

// Numeric is a numeric feature as a network sees it.
type Numeric struct {
	Name string `json:"name"`
	// Edges of its piecewise-linear encoding, ascending, len ≥ 2; nil: the value goes in as it is.
	Edges []float64 `json:"edges,omitempty"`
	// Column is what the feature is of, in networks with factors: neighbors of one column are one field.
	Column string `json:"column,omitempty"`
}

// Field is a categorical feature: ids 0 … Cardinality−1.
type Field struct {
	Name        string `json:"name"`
	Cardinality int    `json:"cardinality"`
	Dim         int    `json:"dim"` // width of its embedding
}

// List is a feature of lists: at most Length ids 0 … Cardinality−1 with weights. What is looked up of them is added up, each times its weight.
type List struct {
	Name        string `json:"name"`
	Cardinality int    `json:"cardinality"`
	Dim         int    `json:"dim"` // width of its embedding
	Length      int    `json:"length"`
	// Each says that in networks with factors every id is a field of its own.
	Each bool `json:"each,omitempty"`
}

// Network describes a model from encoded data to outputs: arms that are built on the same inputs and added up. It is saved with the
// model. Without an arm it is a linear model.
//
// Its inputs are InputNumeric [B, len(Numeric)] and, for each of IDInputs, the ids of the group's fields, each raised by
// the field's offset; and of each list its ids and its weights, [B, Length], by the names of ListInputs.
type Network struct {
	Numeric []Numeric `json:"numeric"`
	Fields  []Field   `json:"fields"`
	Lists   []List    `json:"lists,omitempty"`
	Hidden  []Block   `json:"hidden"` // the deep arm
	Outputs int       `json:"outputs"`
	// Chain says that the outputs are logits of steps, each among who took the one before, and not of each for itself.
	Chain bool `json:"chain,omitempty"`
	// Wide adds a linear path from the encoded inputs to the outputs, beside the hidden layers (Cheng et al., "Wide & Deep Learning
	// for Recommender Systems", 2016).
	Wide bool `json:"wide,omitempty"`
	// InputDropout is the share of the encoded inputs that is dropped in training.
	InputDropout float64 `json:"input_dropout,omitempty"`
	// Factors of each field for each output make the arm of a factorization machine; see factors.go. All fields have this width.
	Factors int `json:"factors,omitempty"`
	// Cross makes the arm of a cross network; see cross.go.
	Cross *Cross `json:"cross,omitempty"`
	// Streams adds a second stream to the hidden layers; see streams.go.
	Streams *Streams `json:"streams,omitempty"`
}

// Linear says that the network has no arm: it is a linear model.
func (n Network) Linear() bool { return len(n.Hidden) == 0 && n.Factors == 0 && n.Cross == nil }

// Names of a network's inputs.
const (
	InputNumeric = "numeric"
	InputTarget  = "target"
	InputWeight  = "weight"
	InputScale   = "scale"
)

// Group is the fields whose embeddings have one width and lie in one table, field after field.
type Group struct {
	Input   string // name of the ids input
	Table   string // name of the table
	Dim     int
	Rows    int   // of the table
	Fields  []int // places among the network's fields
	Offsets []int // first row of each field
}

// Groups returns the groups of fields, the narrowest first.
func (n Network) Groups() []Group {
	byDim := map[int]*Group{}
	var dims []int
	for i, f := range n.Fields {
		g := byDim[f.Dim]
		if g == nil {
			g = &Group{Input: fmt.Sprintf("ids.%d", f.Dim), Table: fmt.Sprintf("embedding.%d", f.Dim), Dim: f.Dim}
			byDim[f.Dim] = g
			dims = append(dims, f.Dim)
		}
		g.Fields = append(g.Fields, i)
		g.Offsets = append(g.Offsets, g.Rows)
		g.Rows += f.Cardinality
	}
	slices.Sort(dims)
	out := make([]Group, len(dims))
	for i, d := range dims {
		out[i] = *byDim[d]
	}
	return out
}

// Build adds the network to a graph and returns its outputs [B, Outputs]: logits, or values.
func (n Network) Build(b *Builder) *engine.Node {
	if n.Linear() {
		return n.buildLinear(b)
	}
	if n.Factors > 0 {
		return n.buildFactors(b)
	}
	x := Dropout{Name: "input", Rate: n.InputDropout}.Build(b, n.encode(b))
	var arms []*engine.Node
	switch {
	case n.Streams != nil:
		arms = append(arms, n.buildStreams(b, x))
	case len(n.Hidden) > 0:
		arms = append(arms, n.buildDeep(b, x, false))
	}
	if n.Wide {
		arms = append(arms, Dense{Name: "wide", Units: n.Outputs, NoBias: true, Init: engine.Zeros}.Build(b, x))
	}
	if n.Cross != nil {
		arms = append(arms, n.buildCross(b, x, len(arms) > 0))
	}
	return sum(b, arms)
}

// sum adds up arms.
func sum(b *Builder, arms []*engine.Node) *engine.Node {
	out := arms[0]
	for _, a := range arms[1:] {
		out = b.Graph.Apply(ops.NewAdd(), out, a)
	}
	return out
}

// buildDeep is the arm of the hidden layers; noBias leaves the outputs' bias to another.
func (n Network) buildDeep(b *Builder, x *engine.Node, noBias bool) *engine.Node {
	for i, h := range n.Hidden {
		x = h.Layers(fmt.Sprintf("hidden.%d", i)).Build(b, x)
	}
	return Dense{Name: "output", Units: n.Outputs, NoBias: noBias, Init: engine.GlorotUniform}.Build(b, x)
}

// encode returns encoded numbers and the fields' embeddings side by side.
func (n Network) encode(b *Builder) *engine.Node {
	var parts []*engine.Node
	if len(n.Numeric) > 0 {
		parts = append(parts, n.buildNumeric(b))
	}
	for _, g := range n.Groups() {
		// Small at first, so that rare values, which are seldom trained, say little.
		table := engine.ParameterSpec{Name: g.Table, Shape: []int{g.Rows, g.Dim}, Init: engine.Normal, Scale: 0.1}
		parts = append(parts, b.Graph.Lookup(g.Input, table, len(g.Fields)))
	}
	for i := range n.Lists {
		parts = append(parts, n.buildList(b, i, engine.ParameterSpec{Init: engine.Normal, Scale: 0.1}))
	}
	return concat(b, parts)
}

// concat sets parts side by side.
func concat(b *Builder, parts []*engine.Node) *engine.Node {
	if len(parts) == 1 {
		return parts[0]
	}
	return b.Graph.Apply(ops.NewConcat(len(parts)), parts...)
}

// buildNumeric returns the encoded numeric features. One that is not encoded is a single bin from 0 to 1, which is not
// clamped: itself.
func (n Network) buildNumeric(b *Builder) *engine.Node {
	x := b.Graph.Input(InputNumeric, len(n.Numeric))
	encoded := false
	bins := make([]int, len(n.Numeric))
	var edges []float64
	for i, f := range n.Numeric {
		e := f.Edges
		if e == nil {
			e = []float64{0, 1}
		} else {
			encoded = true
		}
		bins[i] = len(e) - 1
		edges = append(edges, e...)
	}
	if !encoded {
		return x
	}
	p := b.Graph.Parameter(engine.ParameterSpec{Name: "numeric.edges", Shape: []int{len(edges)}, Init: engine.Values, Given: edges, Frozen: true})
	return b.Graph.Apply(ops.NewPiecewiseLinear(bins), x, p)
}

// buildLinear is a linear model: a weight for each number and each value of each field, added up.
func (n Network) buildLinear(b *Builder) *engine.Node {
	var arms []*engine.Node
	if len(n.Numeric) > 0 {
		arms = append(arms, Dense{Name: "output", Units: n.Outputs, Init: engine.Zeros}.Build(b, n.buildNumeric(b)))
	}
	bias := func() *engine.Node {
		return b.Graph.Parameter(engine.ParameterSpec{Name: "output.bias", Shape: []int{n.Outputs}})
	}
	if len(n.Fields) > 0 {
		g := n.IDInputs()[0]
		table := engine.ParameterSpec{Name: g.Table, Shape: []int{g.Rows, g.Dim}, Decay: true}
		picked := b.Graph.Lookup(g.Input, table, len(g.Fields))
		if len(arms) == 0 {
			arms = append(arms, b.Graph.Apply(ops.NewFieldSum(len(n.Fields), true), picked, bias()))
		} else {
			arms = append(arms, b.Graph.Apply(ops.NewFieldSum(len(n.Fields), false), picked))
		}
	}
	for i := range n.Lists {
		picked := n.buildList(b, i, engine.ParameterSpec{Decay: true})
		if len(arms) == 0 {
			picked = b.Graph.Apply(ops.NewFieldSum(1, true), picked, bias())
		}
		arms = append(arms, picked)
	}
	return sum(b, arms)
}

// Retired lists constants that models of earlier versions were saved with: identity matrices below each other, with which a linear model
// added up its fields.
func (n Network) Retired() []engine.ParameterSpec {
	if !n.Linear() || len(n.Fields) == 0 {
		return nil
	}
	return []engine.ParameterSpec{{Name: "output.sum", Shape: []int{len(n.Fields) * n.Outputs, n.Outputs}, Init: engine.Identities, Frozen: true}}
}

// LinearIDs is the ids input of networks whose fields lie in one table, as those of a linear model do: all fields, each raised by the
// cardinalities before it.
const LinearIDs = "ids"

// IDInputs returns the ids inputs of the network, with the fields and offsets of each.
func (n Network) IDInputs() []Group {
	if len(n.Fields) == 0 {
		return nil
	}
	g := Group{Input: LinearIDs}
	switch {
	case n.Factors > 0:
		g.Table, g.Dim = "factors", n.factorWidth()
	case n.Linear():
		g.Table, g.Dim = "output.fields", n.Outputs
	default:
		return n.Groups()
	}
	for i, f := range n.Fields {
		g.Fields = append(g.Fields, i)
		g.Offsets = append(g.Offsets, g.Rows)
		g.Rows += f.Cardinality
	}
	return []Group{g}
}

// BuildLoss adds the inputs of a training loss and the loss of outputs; parameter is that of the losses that have one, 0 otherwise.
func BuildLoss(b *Builder, kind kernels.LossKind, parameter float64, outputs *engine.Node) *engine.Node {
	cols := width(outputs)
	if kind.OfClass() {
		cols = 1
	}
	target := b.Graph.Input(InputTarget, cols)
	weight := b.Graph.Input(InputWeight, 1)
	scale := b.Graph.Fixed(InputScale, 1, 1)
	return b.Graph.Apply(ops.NewLoss(kind, parameter), outputs, target, weight, scale)
}
