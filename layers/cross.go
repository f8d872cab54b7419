package layers

import (
	"fmt"

	"debut/engine"
	"debut/engine/ops"
)

// Cross is a cross network: layers x' = x₀ ⊙ (W·x + b) + x, each of which multiplies what the one before it has found by the encoded
// inputs x₀ (Wang, Shivanna, Cheng, Jain, Lin, Hong, Chi, "DCN V2: Improved Deep & Cross Network and Practical Lessons for Web-scale Learning
// to Rank Systems", WWW 2021).
type Cross struct {
	Layers int `json:"layers"`
	// Rank of W, as the product of two narrow matrices; 0: W is whole.
	Rank int `json:"rank,omitempty"`
}

// check returns an error for a cross network that makes no sense.
func (c *Cross) check() error {
	if c == nil {
		return nil
	}
	if c.Layers < 1 || c.Layers > MaxLayers {
		return fmt.Errorf("layers: %d; 1 to %d are possible", c.Layers, MaxLayers)
	}
	if c.Rank < 0 || c.Rank > MaxWidth {
		return fmt.Errorf("rank: %d; 1 to %d are possible, and 0 for whole matrices", c.Rank, MaxWidth)
	}
	return nil
}

// buildCross is the arm of the cross network; noBias leaves the outputs' bias to another.
func (n Network) buildCross(b *Builder, first *engine.Node, noBias bool) *engine.Node {
	x := first
	for i := range n.Cross.Layers {
		name, in := fmt.Sprintf("cross.%d", i), x
		if n.Cross.Rank > 0 {
			in = Dense{Name: name + ".narrow", Units: n.Cross.Rank, NoBias: true, Init: engine.GlorotUniform}.Build(b, in)
		}
		by := Dense{Name: name, Units: width(first), Init: engine.GlorotUniform}.Build(b, in)
		x = b.Graph.Apply(ops.NewAdd(), b.Graph.Apply(ops.NewMultiply(), first, by), x)
	}
	return Dense{Name: "cross.output", Units: n.Outputs, NoBias: noBias, Init: engine.GlorotUniform}.Build(b, x)
}
