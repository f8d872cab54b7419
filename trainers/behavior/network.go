package behavior

import (
	"debut/datasets/encoding"
	"debut/layers"
	"debut/trainers/metrics"
)

// maxEmbedding bounds the width of embeddings that follows from the number of values. Wider ones learn values by heart that are seen a few times.
const maxEmbedding = 8

// describe returns the network for encoded data.
func describe(m ModelConfig, e *encoding.Encoder) layers.Network {
	n := layers.Network{Outputs: 1, Hidden: m.Hidden, InputDropout: m.InputDropout, Wide: m.Wide != nil && *m.Wide}
	if taskOf(e) == metrics.TaskMultiClass {
		n.Outputs = len(e.Target.Classes)
	}
	for _, f := range e.NumericFeatures() {
		n.Numeric = append(n.Numeric, layers.Numeric{Name: f.Name, Edges: f.Edges})
	}
	for _, f := range e.CategoricalFields() {
		dim := f.EmbeddingDim
		if dim == 0 {
			dim = m.Embedding
		}
		if dim == 0 {
			dim = layers.EmbeddingDim(f.Cardinality, maxEmbedding)
		}
		n.Fields = append(n.Fields, layers.Field{Name: f.Name, Cardinality: f.Cardinality, Dim: dim})
	}
	return n
}

// taskOf is the task that the encoded target makes.
func taskOf(e *encoding.Encoder) metrics.Task { return metrics.Task(e.Target.Task) }
