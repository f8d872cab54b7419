package engine

import (
	"fmt"

	"debut/engine/onnx"
	"debut/engine/ops"
	"debut/engine/safetensors"
	"debut/kernels"
)

// ONNX adds what the outputs of an evaluation graph need to a graph of ONNX, and returns the values of the outputs. Parameters take their
// values from p, which must have them until the graph is written. feeds has the value of each input by its name, [batch, columns] in
// float32, and of each lookup the ids, [batch, fields] in int64. An op that has no form in ONNX is an error that names it and matches
// kernels.ErrUnsupported.
func (g *Graph) ONNX(to *onnx.Graph, p *Parameters, outputs []*Node, feeds map[string]onnx.Value) ([]onnx.Value, error) {
	if g.err != nil {
		return nil, g.err
	}
	x := &onnxWriter{g: g, to: to, p: p, feeds: feeds, tables: map[string]onnx.Value{}, values: map[*Node]onnx.Value{}}
	for _, n := range topological(outputs) {
		v, err := x.value(n)
		if err == nil {
			err = to.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("engine: %w", err)
		}
		x.values[n] = v
	}
	out := make([]onnx.Value, len(outputs))
	for i, n := range outputs {
		out[i] = x.values[n]
	}
	return out, nil
}

// onnxWriter writes the nodes of a graph, each after those that it needs.
type onnxWriter struct {
	g      *Graph
	to     *onnx.Graph
	p      *Parameters
	feeds  map[string]onnx.Value
	tables map[string]onnx.Value // of parameters
	values map[*Node]onnx.Value
}

func (x *onnxWriter) value(n *Node) (onnx.Value, error) {
	children := ops.Children(n)
	if n.Op() == nil {
		return x.leaf(n)
	}
	if len(children) == 0 {
		v, err := constantOf(n)
		return onnx.Scalar(x.to, float32(v)), err
	}
	in := make([]onnx.Value, len(children))
	for i, c := range children {
		in[i] = x.values[c]
	}
	if op, ok := n.Op().(ops.Exported); ok {
		return op.ONNX(x.to, in), nil
	}
	if isBuiltinAdd(n.Op()) && children[0].Shape().Eq(children[1].Shape()) {
		return x.to.Node("Add", in...), nil
	}
	return "", fmt.Errorf("the operation %s has no form in ONNX: %w", n.Op(), kernels.ErrUnsupported)
}

// leaf is the value of what is fed, or of a parameter.
func (x *onnxWriter) leaf(n *Node) (onnx.Value, error) {
	for _, b := range x.g.params {
		if b.node == n {
			return x.parameter(b.spec.Name)
		}
	}
	for _, in := range x.g.inputs {
		if in.Node == n {
			return x.feed(in.Name)
		}
	}
	for _, l := range x.g.lookups {
		if l.Node == n {
			return x.lookup(l)
		}
	}
	return "", fmt.Errorf("%v is none of the graph's inputs and parameters", n)
}

func (x *onnxWriter) feed(name string) (onnx.Value, error) {
	v, ok := x.feeds[name]
	if !ok {
		return "", fmt.Errorf("the input %q has no value", name)
	}
	return v, nil
}

// parameter is a tensor of the graph; one that several lookups share is added once.
func (x *onnxWriter) parameter(name string) (onnx.Value, error) {
	if v, ok := x.tables[name]; ok {
		return v, nil
	}
	s, err := x.p.Source(name)
	if err != nil {
		return "", err
	}
	v := x.to.Table(s)
	x.tables[name] = v
	return v, nil
}

// lookup picks rows of a table: zeros where an id is none.
func (x *onnxWriter) lookup(l *Lookup) (onnx.Value, error) {
	ids, err := x.feed(l.Name)
	if err != nil {
		return "", err
	}
	table, err := x.parameter(l.Table.Name)
	if err != nil {
		return "", err
	}
	to := x.to
	zero := onnx.Scalar[int64](to, 0)
	inside := to.Node("And", to.Node("GreaterOrEqual", ids, zero), to.Node("Less", ids, onnx.Scalar(to, int64(l.Table.Shape[0]))))
	rows := to.NodeWith("Gather", []onnx.Attribute{onnx.Int("axis", 0)}, table, to.Node("Where", inside, ids, zero)) // [batch, fields, columns]
	rows = to.Node("Where", to.Node("Unsqueeze", inside, onnx.Vector[int64](to, 2)), rows, onnx.Scalar[float32](to, 0))
	if l.Weights != "" { // the rows picked are added up
		weights, err := x.feed(l.Weights)
		if err != nil {
			return "", err
		}
		one := onnx.Vector[int64](to, 1)
		return to.Node("Squeeze", to.Node("MatMul", to.Node("Unsqueeze", weights, one), rows), one), nil
	}
	return to.Node("Reshape", rows, onnx.Vector(to, 0, int64(l.Fields*l.Table.Shape[1]))), nil
}

// Source returns a parameter's values as a tensor in float32, which is fetched from the device piece by piece.
func (p *Parameters) Source(name string) (safetensors.Source, error) {
	q := p.byName[name]
	if q == nil {
		return safetensors.Source{}, fmt.Errorf("there is no parameter %q", name)
	}
	read := func(dst []byte, off int64) error { return p.readFloat32(q, dst, int(off/4)) }
	return safetensors.Source{Name: name, Dtype: safetensors.F32, Shape: q.Spec.Shape, Read: read}, nil
}
