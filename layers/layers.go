// Package layers is what models are made of. A layer adds nodes to an engine graph and names its parameters, so that a
// training graph and an evaluation graph built from the same layers share them.
//
// Layers come in blocks – dense, batch norm, activation, dropout – and blocks in networks, which add the way from
// encoded data: piecewise-linear encoding of numeric features, embeddings of categorical ones.
package layers

import (
	"fmt"
	"math"

	"debut/engine"
	"debut/engine/ops"
)

// Builder is what layers build on.
type Builder struct {
	Graph    *engine.Graph
	Training bool   // batch statistics, dropout; otherwise running statistics and none
	Seed     uint64 // of dropout masks
}

// Layer adds nodes to a graph. Errors stick to the graph; see [engine.Graph.Err].
type Layer interface {
	Build(b *Builder, x *engine.Node) *engine.Node
}

// Sequence is layers one after another.
type Sequence []Layer

// Build implements Layer.
func (s Sequence) Build(b *Builder, x *engine.Node) *engine.Node {
	for _, l := range s {
		x = l.Build(b, x)
	}
	return x
}

func width(x *engine.Node) int {
	if x == nil {
		return 1 // the graph has an error already
	}
	return x.Shape()[1]
}

// Dense is a fully connected layer: [B, I] → [B, Units], with parameters Name.weight [I, Units] and Name.bias [Units].
type Dense struct {
	Name   string
	Units  int
	NoBias bool // before batch norm, which has a shift of its own
	// Init of the weights: He for layers before a rectifier, Glorot otherwise.
	Init engine.Initialization
}

// Build implements Layer.
func (l Dense) Build(b *Builder, x *engine.Node) *engine.Node {
	w := b.Graph.Parameter(engine.ParameterSpec{Name: l.Name + ".weight", Shape: []int{width(x), l.Units}, Init: l.Init, Decay: true})
	if l.NoBias {
		return b.Graph.Apply(ops.NewMatMul(false, false), x, w)
	}
	bias := b.Graph.Parameter(engine.ParameterSpec{Name: l.Name + ".bias", Shape: []int{l.Units}})
	return b.Graph.Apply(ops.NewDense(), x, w, bias)
}

// BatchNorm normalizes the columns of a batch: [B, C] → [B, C], with parameters Name.gamma and Name.beta [C] and running
// statistics Name.running [2, C], means and variances, which evaluation uses.
type BatchNorm struct {
	Name     string
	Epsilon  float64 // 0: 1e-5
	Momentum float64 // the weight of a new batch in the running statistics; 0: 0.1
}

// Build implements Layer.
func (l BatchNorm) Build(b *Builder, x *engine.Node) *engine.Node {
	if l.Epsilon == 0 {
		l.Epsilon = 1e-5
	}
	if l.Momentum == 0 {
		l.Momentum = 0.1
	}
	c := width(x)
	gamma := b.Graph.Parameter(engine.ParameterSpec{Name: l.Name + ".gamma", Shape: []int{c}, Init: engine.Ones})
	beta := b.Graph.Parameter(engine.ParameterSpec{Name: l.Name + ".beta", Shape: []int{c}})
	running := b.Graph.Parameter(engine.ParameterSpec{Name: l.Name + ".running", Shape: []int{2, c}, Init: engine.UnitVariance, Frozen: true})
	stats := running
	if b.Training {
		stats = b.Graph.Apply(ops.NewBatchNormStats(), x)
		b.Graph.Update(running, b.Graph.Apply(ops.NewBatchNormRunning(l.Momentum), x, stats, running))
	}
	return b.Graph.Apply(ops.NewBatchNorm(l.Epsilon, b.Training), x, stats, gamma, beta)
}

// Dropout drops elements in training, each with probability Rate; in evaluation it does nothing.
type Dropout struct {
	Name string
	Rate float64
}

// Build implements Layer.
func (l Dropout) Build(b *Builder, x *engine.Node) *engine.Node {
	if !b.Training || l.Rate == 0 {
		return x
	}
	return b.Graph.Apply(ops.NewDropout(l.Name, l.Rate, b.Seed), x)
}

// Block is the usual hidden layer: dense, batch norm, activation, dropout. It is also its form in run files.
type Block struct {
	Units      int     `yaml:"units" json:"units" jsonschema:"description=Width of the layer,minimum=1"`
	Activation string  `yaml:"activation,omitempty" json:"activation,omitempty"`
	BatchNorm  *bool   `yaml:"batch_norm,omitempty" json:"batch_norm,omitempty" jsonschema:"description=Normalize before the activation (default: true)"`
	Dropout    float64 `yaml:"dropout,omitempty" json:"dropout,omitempty" jsonschema:"description=Share of the outputs dropped in training,minimum=0,exclusiveMaximum=1"`
}

// SetDefaults fills what is left empty.
func (l *Block) SetDefaults() {
	if l.Activation == "" {
		l.Activation = defaultActivation.String()
	}
	if l.BatchNorm == nil {
		l.BatchNorm = new(true)
	}
}

// Check returns an error for settings that make no sense.
func (l Block) Check() error {
	if l.Units < 1 {
		return fmt.Errorf("units: %d; a layer has at least one", l.Units)
	}
	if !(l.Dropout >= 0 && l.Dropout < 1) {
		return fmt.Errorf("dropout: %v is not in [0, 1)", l.Dropout)
	}
	_, _, err := activationOf(l.Activation, "")
	return err
}

// Abbreviation lets run files list widths alone: hidden: [64, 32].
func (Block) Abbreviation() string { return "units" }

// Normalized reports whether the block has batch norm.
func (l Block) Normalized() bool { return l.BatchNorm == nil || *l.BatchNorm }

// Layers returns the block as layers whose parameters begin with name. Check must have passed.
func (l Block) Layers(name string) Sequence {
	act, rectifier, err := activationOf(l.Activation, name)
	if err != nil {
		act, rectifier = Activation{defaultActivation}, true
	}
	norm := l.Normalized()
	init := engine.GlorotUniform
	if rectifier {
		init = engine.HeNormal
	}
	s := Sequence{Dense{Name: name, Units: l.Units, NoBias: norm, Init: init}}
	if norm {
		s = append(s, BatchNorm{Name: name + ".norm"})
	}
	return append(s, act, Dropout{Name: name, Rate: l.Dropout})
}

// EmbeddingDim returns the usual width for a table of so many values: min(cap, ⌈1.6·n^0.56⌉), a rule of thumb known
// from the fastai library.
func EmbeddingDim(cardinality, limit int) int {
	return max(1, min(limit, int(math.Ceil(1.6*math.Pow(float64(cardinality), 0.56)))))
}
