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
	for _, f := range e.CategoricalFields() {
		dim := cmp.Or(m.Factors, f.EmbeddingDim, m.Embedding, m.Embeddings[f.Name])
		if dim == 0 {
			dim = layers.EmbeddingDim(f.Cardinality, maxEmbedding)
		}
		n.Fields = append(n.Fields, layers.Field{Name: f.Name, Cardinality: f.Cardinality, Dim: dim})
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
	unknown = slices.DeleteFunc(slices.Sorted(maps.Keys(m.Embeddings)), func(name string) bool { return known[name] })
	m.Embeddings = widths
	return unknown
}

// checkWidths returns an error where a column asks for an embedding of another width than that of a factorization machine.
func (m ModelConfig) checkWidths(e *encoding.Encoder) error {
	for _, f := range e.CategoricalFields() {
		if m.Factors > 0 && f.EmbeddingDim != 0 && f.EmbeddingDim != m.Factors {
			return configfile.Errorf("model.factors", "all fields have %d factors, and the column %q asks for an embedding of width %d; leave embedding out under data", m.Factors, f.Name, f.EmbeddingDim)
		}
	}
	return nil
}

// taskOf is the task that the encoded target makes.
func taskOf(e *encoding.Encoder) metrics.Task { return metrics.Task(e.Target.Task) }
