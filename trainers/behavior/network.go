package behavior

import (
	"cmp"
	"maps"
	"slices"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/layers"
	"debut/trainers/metrics"
)

// maxEmbedding bounds the width of embeddings that follows from the number of values. Wider ones learn values by heart that are seen a few times.
const maxEmbedding = 8

// describe returns the network for encoded data.
func describe(m ModelConfig, e *encoding.Encoder) layers.Network {
	n := layers.Network{Outputs: 1, Hidden: m.Hidden, InputDropout: m.inputDropout(), Wide: m.Wide != nil && *m.Wide, Factors: m.Factors}
	if m.CrossLayers > 0 {
		n.Cross = &layers.Cross{Layers: m.CrossLayers, Rank: m.Rank}
	}
	if taskOf(e) == metrics.TaskMultiClass {
		n.Outputs = len(e.Target.Classes)
	}
	if steps := e.Target.Steps; len(steps) > 0 {
		n.Outputs, n.Chain = len(steps)+1, true
	}
	if m.arms().streams {
		n.Streams = &layers.Streams{Second: m.Second, Heads: m.Heads}
	}
	for _, f := range e.NumericFeatures() {
		feature := layers.Numeric{Name: f.Name, Edges: f.Edges}
		if m.Factors > 0 {
			feature.Column = f.Source
		}
		n.Numeric = append(n.Numeric, feature)
	}
	dim := func(name string, cardinality, asked int) int {
		if dim := cmp.Or(m.Factors, asked, m.Embedding, m.Embeddings[name]); dim > 0 {
			return dim
		}
		return layers.EmbeddingDim(cardinality, maxEmbedding)
	}
	for _, f := range e.CategoricalFields() {
		n.Fields = append(n.Fields, layers.Field{Name: f.Name, Cardinality: f.Cardinality, Dim: dim(f.Name, f.Cardinality, f.EmbeddingDim)})
	}
	for _, l := range e.ListFields() {
		n.Lists = append(n.Lists, layers.List{Name: l.Name, Cardinality: l.Cardinality, Dim: dim(l.Name, l.Cardinality, l.EmbeddingDim), Length: l.Length, Each: l.Each})
	}
	return n
}

// settleEmbeddings writes down the widths that a network's embeddings have and the configuration left open. It returns the columns
// that the configuration names and the data do not have as categories.
func settleEmbeddings(m *ModelConfig, n *layers.Network, e *encoding.Encoder) (unknown []string) {
	widths, known := map[string]int{}, map[string]bool{}
	for i, f := range e.CategoricalFields() {
		known[f.Name] = true
		if f.EmbeddingDim == 0 && m.Embedding == 0 {
			widths[f.Name] = n.Fields[i].Dim
		}
	}
	for i, l := range e.ListFields() {
		known[l.Name] = true
		if l.EmbeddingDim == 0 && m.Embedding == 0 {
			widths[l.Name] = n.Lists[i].Dim
		}
	}
	unknown = slices.DeleteFunc(slices.Sorted(maps.Keys(m.Embeddings)), func(name string) bool { return known[name] })
	m.Embeddings = widths
	return unknown
}

// checkWidths returns an error where a column asks for an embedding of another width than that of a factorization machine.
func (m ModelConfig) checkWidths(e *encoding.Encoder) error {
	check := func(name string, asked int) error {
		if m.Factors > 0 && asked != 0 && asked != m.Factors {
			return configfile.Errorf("model.factors", "all fields have %d factors, and the column %q asks for an embedding of width %d; leave embedding out under data", m.Factors, name, asked)
		}
		return nil
	}
	for _, f := range e.CategoricalFields() {
		if err := check(f.Name, f.EmbeddingDim); err != nil {
			return err
		}
	}
	for _, l := range e.ListFields() {
		if err := check(l.Name, l.EmbeddingDim); err != nil {
			return err
		}
	}
	return nil
}

// taskOf is the task that the encoded target makes.
func taskOf(e *encoding.Encoder) metrics.Task { return metrics.Task(e.Target.Task) }
