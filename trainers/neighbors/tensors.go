package neighbors

import (
	"debut/engine/safetensors"
	"debut/trainers/model"
)

// Tensors are the neighbors of items or users, row behind row: neighbors of row r lie from offsets[r] on.
func (m *Model) Tensors() ([]model.Tensor, error) {
	of, ids := "items", m.ItemIDs()
	if m.kind == KindUser {
		of, ids = "users", m.UserIDs()
	}
	g := m.graph
	offsets := safetensors.Vector(of+".neighbors.offsets", g.Offsets)
	return []model.Tensor{
		{Source: offsets}, {Source: safetensors.Vector(of+".neighbors", g.Indices)}, {Source: safetensors.Vector(of+".similarities", g.Values)},
		{Source: safetensors.Vector(of+".count", g.counts()), RowName: of, RowIDs: ids},
	}, nil
}

// counts is how many neighbors each row has.
func (g *Graph) counts() []int32 {
	n := make([]int32, g.Rows())
	for r := range n {
		near, _ := g.Of(r)
		n[r] = int32(len(near))
	}
	return n
}
