package layers

import (
	"fmt"

	"debut/engine"
	"debut/engine/ops"
	"debut/kernels"
)

// Streams makes the hidden layers one of two streams that read the same inputs, each through gates of its own, and are brought together by a
// bilinear form (Mao, Zhu, Su, Cai, Li, Dong, "FinalMLP: An Enhanced Two-Stream MLP Model for CTR Prediction", AAAI 2023). A gate is 2σ of a
// narrow network of the inputs, and 1 at first; the form is of Heads parts of what the streams end with, and what comes of it is weighed
// anew for each output.
type Streams struct {
	Second []Block `json:"second"` // hidden layers of the second stream
	Heads  int     `json:"heads"`
}

// gateUnits are those of the narrow network of a gate.
const gateUnits = 32

// check returns an error for streams that cannot be brought together; hidden are the layers of the first.
func (s *Streams) check(hidden []Block) error {
	if s == nil {
		return nil
	}
	if len(s.Second) == 0 || len(s.Second) > MaxLayers || len(hidden) == 0 {
		return fmt.Errorf("second: streams of %d and %d layers; each has 1 to %d", len(hidden), len(s.Second), MaxLayers)
	}
	for i, h := range s.Second {
		if err := h.Check(); err != nil {
			return fmt.Errorf("second.%d.%w", i, err)
		}
		if h.Units > MaxWidth {
			return fmt.Errorf("second.%d.units: %d; at most %d are possible", i, h.Units, MaxWidth)
		}
	}
	first, second := hidden[len(hidden)-1].Units, s.Second[len(s.Second)-1].Units
	if s.Heads < 1 || first%s.Heads != 0 || second%s.Heads != 0 {
		return fmt.Errorf("heads: %d do not divide the %d and %d units that the streams end with", s.Heads, first, second)
	}
	return nil
}

// buildStreams is the arm of two streams.
func (n Network) buildStreams(b *Builder, x *engine.Node) *engine.Node {
	stream := func(name string, blocks []Block) *engine.Node {
		y := gate(b, "gate."+name, x)
		for i, h := range blocks {
			y = h.Layers(fmt.Sprintf("%s.%d", name, i)).Build(b, y)
		}
		return y
	}
	first, second := stream("hidden", n.Hidden), stream("second", n.Streams.Second)
	heads := n.Streams.Heads
	groups, dim := make([]int, heads), width(second)/heads
	for i := range groups {
		groups[i] = width(first) / heads
	}
	form := b.Graph.Parameter(engine.ParameterSpec{Name: "fusion.weight", Shape: []int{width(first), dim}, Init: engine.GlorotUniform, Decay: true})
	both := b.Graph.Apply(ops.NewMultiply(), b.Graph.Apply(ops.NewProjectFields(groups, dim), first, form), second)
	return sum(b, []*engine.Node{
		Dense{Name: "output", Units: n.Outputs, Init: engine.GlorotUniform}.Build(b, first),
		Dense{Name: "output.second", Units: n.Outputs, NoBias: true, Init: engine.GlorotUniform}.Build(b, second),
		Dense{Name: "output.fusion", Units: n.Outputs, NoBias: true, Init: engine.GlorotUniform}.Build(b, both),
	})
}

// gate lets through of each input a share between 0 and 2 that follows from all of them.
func gate(b *Builder, name string, x *engine.Node) *engine.Node {
	z := Dense{Name: name + ".narrow", Units: gateUnits, Init: engine.HeNormal}.Build(b, x)
	z = Activation{kernels.ReLU}.Build(b, z)
	z = Activation{kernels.Sigmoid}.Build(b, Dense{Name: name, Units: width(x), Init: engine.Zeros}.Build(b, z))
	half := b.Graph.Apply(ops.NewMultiply(), x, z)
	return b.Graph.Apply(ops.NewAdd(), half, half)
}
