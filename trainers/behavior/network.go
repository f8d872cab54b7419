package behavior

import (
	"debut/datasets"
	"debut/layers"
	"debut/trainers/metrics"
)

// maxEmbedding bounds the width of embeddings that follows from the number of values.
const maxEmbedding = 32

// describe returns the network for encoded data.
func describe(m ModelConfig, e *datasets.Encoder) layers.Network {
	n := layers.Network{Outputs: 1, Hidden: m.Hidden, InputDropout: m.InputDropout}
	if task(e) == metrics.TaskMultiClass {
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

// task is the task that the encoded target makes.
func task(e *datasets.Encoder) metrics.Task { return metrics.Task(e.Target.Task) }

// feeder gathers rows of encoded data into the arrays that a program is fed with. Its memory is made once.
type feeder struct {
	groups  []layers.Group
	numeric []float32
	ids     []int32   // all fields, as the data has them
	grouped [][]int32 // by group, raised by the offsets
	target  []float32
	weight  []float32
	scale   [1]float32
	mixed   []float32 // numeric features before they are mixed
}

// newFeeder makes the arrays for batches of up to so many rows.
func newFeeder(n layers.Network, batch int) *feeder {
	f := &feeder{
		groups:  n.IDInputs(),
		numeric: make([]float32, batch*len(n.Numeric)),
		ids:     make([]int32, batch*len(n.Fields)),
		target:  make([]float32, batch),
		weight:  make([]float32, batch),
	}
	for _, g := range f.groups {
		f.grouped = append(f.grouped, make([]int32, batch*len(g.Fields)))
	}
	return f
}

// features gathers the model's inputs for rows, behind those of so many rows that are there.
func (f *feeder) features(d *datasets.Encoded, rows []int32, there int) {
	d.Gather(&datasets.Batch{Numeric: f.numeric, IDs: f.ids}, there, rows)
	ids := f.ids[there*d.F : (there+len(rows))*d.F]
	for k, g := range f.groups {
		w := len(g.Fields)
		out := f.grouped[k][there*w:]
		for r := range rows {
			for i, field := range g.Fields {
				out[r*w+i] = ids[r*d.F+field] + int32(g.Offsets[i])
			}
		}
	}
}
