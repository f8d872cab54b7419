package layers

import (
	"fmt"
	"math"
)

// Bounds of what is built, so that sizes that are multiplied and added stay far from overflowing.
const (
	maxOutputs = 1 << 20
	// MaxLayers are those of an arm.
	MaxLayers = 1000
	// MaxWidth is that of a layer, and how many rows all tables have.
	MaxWidth = math.MaxInt32
	// MaxItems are those of a list.
	MaxItems = 1 << 12
	// MaxFactors are those of a field, for each output.
	MaxFactors = 1 << 12
)

// Check returns an error for a network that cannot be built, or whose sizes no machine has room for. It names the field in the
// network's JSON.
func (n Network) Check() error {
	if n.Outputs < 1 || n.Outputs > maxOutputs {
		return fmt.Errorf("layers: outputs: a network of %d outputs; 1 to %d are possible", n.Outputs, maxOutputs)
	}
	if len(n.Numeric)+len(n.Fields)+len(n.Lists) == 0 {
		return fmt.Errorf("layers: numeric: a network without features")
	}
	if !(n.InputDropout >= 0 && n.InputDropout < 1) {
		return fmt.Errorf("layers: input_dropout: %v is not in [0, 1)", n.InputDropout)
	}
	for i, f := range n.Numeric {
		if f.Edges != nil && !strictlyAscending(f.Edges) {
			return fmt.Errorf("layers: numeric.%d.edges: those of feature %q are %s; at least two, strictly ascending in 32 bits, are wanted", i, f.Name, first(f.Edges))
		}
	}
	rows, width := 0, len(n.Numeric)
	for i, f := range n.Fields {
		if f.Cardinality < 1 || f.Cardinality > MaxWidth-rows {
			return fmt.Errorf("layers: fields.%d.cardinality: field %q has %d values, the fields before it %d; 1 to %d are possible in all", i, f.Name, f.Cardinality, rows, MaxWidth)
		}
		if f.Dim < 1 || f.Dim > MaxWidth-width {
			return fmt.Errorf("layers: fields.%d.dim: field %q has %d dimensions, what is before it %d; 1 to %d are possible in all", i, f.Name, f.Dim, width, MaxWidth)
		}
		rows += f.Cardinality
		width += f.Dim
	}
	for i, l := range n.Lists {
		if l.Cardinality < 1 || l.Cardinality > MaxWidth-rows {
			return fmt.Errorf("layers: lists.%d.cardinality: list %q has %d values, the fields before it %d; 1 to %d are possible in all", i, l.Name, l.Cardinality, rows, MaxWidth)
		}
		if l.Dim < 1 || l.Dim > MaxWidth-width {
			return fmt.Errorf("layers: lists.%d.dim: list %q has %d dimensions, what is before it %d; 1 to %d are possible in all", i, l.Name, l.Dim, width, MaxWidth)
		}
		if l.Length < 1 || l.Length > MaxItems {
			return fmt.Errorf("layers: lists.%d.length: list %q has %d places; 1 to %d are possible", i, l.Name, l.Length, MaxItems)
		}
		rows += l.Cardinality
		width += l.Dim
	}
	if err := n.checkArms(); err != nil {
		return err
	}
	if err := n.Streams.check(n.Hidden); err != nil {
		return fmt.Errorf("layers: streams.%w", err)
	}
	if len(n.Hidden) > MaxLayers {
		return fmt.Errorf("layers: hidden: %d layers; at most %d are possible", len(n.Hidden), MaxLayers)
	}
	for i, h := range n.Hidden {
		if err := h.Check(); err != nil {
			return fmt.Errorf("layers: hidden.%d.%w", i, err)
		}
		if h.Units > MaxWidth {
			return fmt.Errorf("layers: hidden.%d.units: %d; at most %d are possible", i, h.Units, MaxWidth)
		}
	}
	return nil
}

// checkArms checks the factorization machine and the cross network.
func (n Network) checkArms() error {
	if err := n.Cross.check(); err != nil {
		return fmt.Errorf("layers: cross.%w", err)
	}
	switch {
	case n.Factors < 0 || n.Factors > MaxFactors:
		return fmt.Errorf("layers: factors: %d; 1 to %d are possible, and 0 for none", n.Factors, MaxFactors)
	case n.Factors == 0:
		for i, f := range n.Numeric {
			if f.Column != "" {
				return fmt.Errorf("layers: numeric.%d.column: %q; columns are for networks with factors", i, f.Column)
			}
		}
		return nil
	case n.Wide || n.Cross != nil || n.Streams != nil:
		return fmt.Errorf("layers: factors: a factorization machine has weights of its own, and takes neither a cross network nor streams")
	case n.fieldCount() > MaxWidth/n.factorWidth():
		return fmt.Errorf("layers: factors: %d fields of %d values are more than the %d that are possible", n.fieldCount(), n.factorWidth(), MaxWidth)
	}
	for i, f := range n.Fields {
		if f.Dim != n.Factors {
			return fmt.Errorf("layers: fields.%d.dim: field %q has %d dimensions in a network of %d factors", i, f.Name, f.Dim, n.Factors)
		}
	}
	for i, l := range n.Lists {
		if l.Dim != n.Factors {
			return fmt.Errorf("layers: lists.%d.dim: list %q has %d dimensions in a network of %d factors", i, l.Name, l.Dim, n.Factors)
		}
	}
	return nil
}

// strictlyAscending reports whether there are at least two edges that are in order in 32 bits, in which networks compute.
func strictlyAscending(edges []float64) bool {
	for i, e := range edges {
		if !(math.Abs(e) <= math.MaxFloat32) || i > 0 && !(float32(e) > float32(edges[i-1])) {
			return false
		}
	}
	return len(edges) >= 2
}

func first(edges []float64) string {
	const shown = 20
	if len(edges) > shown {
		return fmt.Sprintf("%v… (%d)", edges[:shown], len(edges))
	}
	return fmt.Sprint(edges)
}

// Width is the greatest number of values that the network makes of a row at once, its inputs among them.
func (n Network) Width() int {
	width := len(n.Numeric)
	for _, f := range n.Numeric {
		width += len(f.Edges)
	}
	for _, f := range n.Fields {
		switch {
		case n.Factors > 0: // below
		case n.Linear():
			width += 1 + n.Outputs
		default:
			width += 1 + f.Dim
		}
	}
	for _, l := range n.Lists {
		width += 2 * l.Length
		if n.Linear() {
			width += n.Outputs
		} else if n.Factors == 0 {
			width += l.Dim
		}
	}
	if n.Factors > 0 {
		width += n.fieldCount() * n.factorWidth()
	}
	width = max(width, n.Outputs)
	for _, h := range n.Hidden {
		width = max(width, h.Units)
	}
	if n.Streams != nil {
		for _, h := range n.Streams.Second {
			width = max(width, h.Units)
		}
	}
	return width
}
