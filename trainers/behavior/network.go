package behavior

import (
	"cmp"
	"maps"
	"slices"

	"debut/datasets/encoding"
	"debut/layers"
	"debut/trainers/metrics"
)

// maxEmbedding bounds the width of embeddings that follows from the number of values. Wider ones learn values by heart that are seen a few times.
const maxEmbedding = 8

// describe returns the network for encoded data.
func describe(m ModelConfig, e *encoding.Encoder) layers.Network {
	n := layers.Network{Outputs: 1, Hidden: m.Hidden, InputDropout: m.inputDropout(), Wide: m.Wide != nil && *m.Wide}
	if taskOf(e) == metrics.TaskMultiClass {
		n.Outputs = len(e.Target.Classes)
	}
	for _, f := range e.NumericFeatures() {
		n.Numeric = append(n.Numeric, layers.Numeric{Name: f.Name, Edges: f.Edges})
	}
	for _, f := range e.CategoricalFields() {
		dim := cmp.Or(f.EmbeddingDim, m.Embedding, m.Embeddings[f.Name])
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

// taskOf is the task that the encoded target makes.
func taskOf(e *encoding.Encoder) metrics.Task { return metrics.Task(e.Target.Task) }
