package layers

import (
	"fmt"

	"debut/engine"
	"debut/engine/ops"
)

// ListInput is where a list is fed and what it is looked up in.
type ListInput struct {
	Input   string // name of the ids input
	Weights string // name of the weights input
	Table   string // name of the table
	Dim     int    // of its rows
}

// ListInputs returns the inputs of the network's lists, in their order.
func (n Network) ListInputs() []ListInput {
	out := make([]ListInput, len(n.Lists))
	for i, l := range n.Lists {
		name := fmt.Sprintf("list.%d", i)
		out[i] = ListInput{Input: name, Weights: name + ".weights", Table: name + ".embedding", Dim: l.Dim}
		switch {
		case n.Factors > 0:
			out[i].Table, out[i].Dim = name+".factors", n.factorWidth()
		case n.Linear():
			out[i].Table, out[i].Dim = name+".output", n.Outputs
		}
	}
	return out
}

// ListWidth is how many places all lists have.
func (n Network) ListWidth() (width int) {
	for _, l := range n.Lists {
		width += l.Length
	}
	return width
}

// buildList looks the ids of a list up in a table and adds them up, each times its weight: [B, Dim].
func (n Network) buildList(b *Builder, i int, table engine.ParameterSpec) *engine.Node {
	l, in := n.Lists[i], n.ListInputs()[i]
	table.Name, table.Shape = in.Table, []int{l.Cardinality, in.Dim}
	return b.Graph.PooledLookup(in.Input, in.Weights, table, l.Length)
}

// buildEach looks the ids of a list up and leaves them apart, each times its weight: [B, Length·Dim].
func (n Network) buildEach(b *Builder, i int, table engine.ParameterSpec) *engine.Node {
	l, in := n.Lists[i], n.ListInputs()[i]
	table.Name, table.Shape = in.Table, []int{l.Cardinality, in.Dim}
	// A weight stands beside each of the numbers that it is of: what is 1 for all is no parameter to learn.
	ones := make([]float64, l.Length*in.Dim)
	columns := make([]int, l.Length)
	for k := range ones {
		ones[k] = 1
	}
	for k := range columns {
		columns[k] = 1
	}
	spread := b.Graph.Parameter(engine.ParameterSpec{Name: in.Input + ".spread", Shape: []int{l.Length, in.Dim}, Init: engine.Values, Given: ones, Frozen: true})
	weights := b.Graph.Apply(ops.NewProjectFields(columns, in.Dim), b.Graph.Input(in.Weights, l.Length), spread)
	return b.Graph.Apply(ops.NewMultiply(), weights, b.Graph.Lookup(in.Input, table, l.Length))
}
