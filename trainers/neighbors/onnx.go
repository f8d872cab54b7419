package neighbors

import (
	"math"

	"debut/engine/onnx"
	"debut/engine/safetensors"
	"debut/trainers/model"
	"debut/trainers/recommender"
)

// Graphs are the questions which items users are recommended, and of a model of items which are like others.
func (m *Model) Graphs() ([]model.Graph, error) {
	similar := m.SimilarGraph(m.onnxSimilar, m.Similar)
	switch {
	case m.kind == KindUser && m.HasHistories():
		return []model.Graph{m.ListGraph("model", m.onnxByUsers)}, nil
	case m.kind == KindUser:
		return nil, recommender.ErrNoHistories
	case m.HasHistories():
		return []model.Graph{m.ListGraph("model", m.onnxByItems), similar}, nil
	}
	return []model.Graph{similar}, nil
}

// longest is how many neighbors a row of the graph has at most, at least 1.
func (g *Graph) longest() int {
	n := 1
	for r := range g.Rows() {
		near, _ := g.Of(r)
		n = max(n, len(near))
	}
	return n
}

// padded lays the nearest neighbors of all rows out, the same number for each: numbers, none where there are fewer, and values, 0 there.
func (g *Graph) padded(width int, none int32) (near []int32, values []float32) {
	near, values = make([]int32, g.Rows()*width), make([]float32, g.Rows()*width)
	for r := range g.Rows() {
		of, v := g.Of(r)
		n := copy(near[r*width:(r+1)*width], of)
		copy(values[r*width:], v[:n])
		for k := n; k < width; k++ {
			near[r*width+k] = none
		}
	}
	return near, values
}

// onnxByItems scores items by those of their neighbors that a user has. Where neighbors are a good part of all items, a product with a matrix
// of all weights takes less than they do one by one.
func (m *Model) onnxByItems(r *recommender.GraphRows) onnx.Value {
	to, n, width := r.To, m.Items(), m.graph.longest()
	has, values := r.History(true)
	if 4*width > n {
		weights := make([]float32, n*n)
		for j := range n {
			near, of := m.graph.Of(j)
			for k, i := range near {
				weights[int(i)*n+j] = of[k]
			}
		}
		return to.Node("MatMul", r.Spread(has, values), to.Table(safetensors.Matrix("items.weights", weights, n)))
	}
	near, weights := m.graph.padded(width, 0)
	numbers := to.NodeWith("Cast", []onnx.Attribute{onnx.Int("to", int(onnx.Int64))}, to.Table(safetensors.Vector("items.neighbors", near)))
	found := to.NodeWith("Gather", []onnx.Attribute{onnx.Int("axis", 1)}, r.Spread(has, values), numbers)
	found = to.Node("Reshape", found, onnx.Vector(to, -1, int64(n), int64(width)))
	return to.NodeWith("ReduceSum", []onnx.Attribute{onnx.Int("keepdims", 0)}, to.Node("Mul", found, to.Table(safetensors.Matrix("items.weights", weights, width))), onnx.Vector[int64](to, 2))
}

// onnxByUsers has a user's neighbors vote for what they have.
func (m *Model) onnxByUsers(r *recommender.GraphRows) onnx.Value {
	to, width := r.To, m.graph.longest()
	near, similarity := m.graph.padded(width, -1)
	numbers := to.Node("Gather", to.Table(safetensors.Matrix("users.neighbors", near, width)), r.Number)
	numbers = to.NodeWith("Cast", []onnx.Attribute{onnx.Int("to", int(onnx.Int64))}, numbers)
	like := to.Node("Gather", to.Table(safetensors.Matrix("users.similarities", similarity, width)), r.Number)
	zero, last := onnx.Scalar[int64](to, 0), onnx.Vector[int64](to, -1)
	there := to.Node("GreaterOrEqual", numbers, zero)
	items, values := r.Histories(to.Node("Where", there, numbers, zero), to.Node("Unsqueeze", there, last), true)
	votes := to.Node("Mul", values, to.Node("Unsqueeze", like, last))
	flat := onnx.Vector[int64](to, 0, -1)
	return r.Spread(to.Node("Reshape", items, flat), to.Node("Reshape", votes, flat))
}

// onnxSimilar is the first neighbors of an item, the nearest, those whose similarity is above 0.
func (m *Model) onnxSimilar(r *recommender.GraphRows, k int) (items, scores onnx.Value) {
	to := r.To
	near, weights := m.graph.padded(k, 0)
	for i := range m.graph.Rows() {
		ended := false
		for j := i * k; j < (i+1)*k; j++ {
			if ended = ended || weights[j] <= 0; ended {
				near[j], weights[j] = 0, float32(math.Inf(-1))
			}
		}
	}
	numbers := to.Node("Gather", to.Table(safetensors.Matrix("items.neighbors", near, k)), r.Number)
	items = to.NodeWith("Cast", []onnx.Attribute{onnx.Int("to", int(onnx.Int64))}, numbers)
	return items, to.Node("Gather", to.Table(safetensors.Matrix("items.similarities", weights, k)), r.Number)
}
