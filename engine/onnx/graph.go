package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"debut/engine/safetensors"
)

// Type is the element type of a tensor, numbered as in the format.
type Type int32

// The types that are written.
const (
	Float  Type = 1
	Int32  Type = 6
	Int64  Type = 7
	String Type = 8
	Bool   Type = 9
	Double Type = 11
)

var typeNames = map[Type]string{Float: "float32", Int32: "int32", Int64: "int64", String: "string", Bool: "bool", Double: "float64"}

// String names the type as most languages do.
func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("type(%d)", int32(t))
}

// Batch is the dimension of an input or output that a runtime may choose.
const Batch = -1

// Value is a tensor of a graph, by its name. The empty one is an input of a node that is left out.
type Value string

// Graph is a model under construction. The first error sticks: after it every method returns an empty value, and Err tells it.
type Graph struct {
	name     string
	scope    string
	nodes    [][]byte
	inputs   []port
	outputs  []port
	tensors  []initializer
	names    map[string]bool
	shared   map[string]Value // constants by their contents
	metadata [][2]string
	err      error
}

// port is an input or output.
type port struct {
	name  string
	typ   Type
	shape []int
	about string
}

// initializer is a tensor that the graph holds.
type initializer struct {
	name  string
	typ   Type
	shape []int
	raw   []byte   // of numbers
	texts []string // of strings
	table *safetensors.Source
}

// NewGraph returns an empty graph.
func NewGraph(name string) *Graph {
	return &Graph{name: name, names: map[string]bool{}, shared: map[string]Value{}}
}

// Err returns the first error met while building, or nil.
func (g *Graph) Err() error { return g.err }

// Fail makes err the graph's, unless it has one already.
func (g *Graph) Fail(err error) Value {
	if g.err == nil {
		g.err = err
	}
	return ""
}

// Scope says what the nodes to come belong to, such as a column: their names begin with it.
func (g *Graph) Scope(name string) { g.scope = name }

// Note adds a key and a value to what the model says of itself.
func (g *Graph) Note(key, value string) { g.metadata = append(g.metadata, [2]string{key, value}) }

// claim takes a name.
func (g *Graph) claim(name string) bool {
	if name == "" || g.names[name] {
		return false
	}
	g.names[name] = true
	return true
}

// fresh returns a name that nothing has.
func (g *Graph) fresh(of string) string {
	if g.scope != "" {
		of = g.scope + "/" + of
	}
	for i := 0; ; i++ {
		if name := fmt.Sprintf("%s_%d", of, i); g.claim(name) {
			return name
		}
	}
}

// Input adds an input of a shape, whose sizes may be Batch; about says what it is for a person.
func (g *Graph) Input(name string, t Type, shape []int, about string) Value {
	if g.err != nil {
		return ""
	}
	if !g.claim(name) {
		return g.Fail(fmt.Errorf("onnx: the name %q of an input is empty or used twice", name))
	}
	g.inputs = append(g.inputs, port{name, t, slices.Clone(shape), about})
	return Value(name)
}

// Output makes a value an output of that name, type and shape.
func (g *Graph) Output(v Value, name string, t Type, shape []int, about string) {
	if g.err != nil {
		return
	}
	if !g.claim(name) {
		g.Fail(fmt.Errorf("onnx: the name %q of an output is empty, or that of an input too: call the column of the data otherwise", name))
		return
	}
	g.outputs = append(g.outputs, port{name, t, slices.Clone(shape), about})
	g.add("Identity", nil, []Value{v}, []Value{Value(name)})
}

// Node adds an operator with one output. One of another domain is written with it, as ai.onnx.ml.LabelEncoder.
func (g *Graph) Node(op string, in ...Value) Value { return g.NodeWith(op, nil, in...) }

// NodeWith is Node with attributes.
func (g *Graph) NodeWith(op string, attributes []Attribute, in ...Value) Value {
	return g.Nodes(op, 1, attributes, in...)[0]
}

// Nodes adds an operator with so many outputs.
func (g *Graph) Nodes(op string, outputs int, attributes []Attribute, in ...Value) []Value {
	out := make([]Value, outputs)
	if g.err != nil {
		return out
	}
	for i := range out {
		out[i] = Value(g.fresh(op[strings.LastIndexByte(op, '.')+1:]))
	}
	g.add(op, attributes, in, out)
	return out
}

func (g *Graph) add(op string, attributes []Attribute, in, out []Value) {
	for _, v := range in {
		if v != "" && !g.names[string(v)] {
			g.Fail(fmt.Errorf("onnx: %s takes %q, which the graph does not have", op, v))
			return
		}
	}
	domain := ""
	if dot := strings.LastIndexByte(op, '.'); dot >= 0 {
		domain, op = op[:dot], op[dot+1:]
	}
	g.nodes = append(g.nodes, node(op, domain, string(out[0]), attributes, in, out))
}

// Number is what constants are of, beside texts.
type Number interface {
	float32 | float64 | int32 | int64 | bool
}

// Constant adds a constant of a shape; without sizes it is a scalar. Equal ones are added once.
func Constant[T Number](g *Graph, values []T, shape ...int) Value {
	t, raw := rawOf(values)
	return g.constant(initializer{typ: t, raw: raw, shape: shape}, len(values))
}

// Scalar is Constant of a single number without dimensions.
func Scalar[T Number](g *Graph, v T) Value { return Constant(g, []T{v}) }

// Vector is Constant of one dimension.
func Vector[T Number](g *Graph, v ...T) Value { return Constant(g, v, len(v)) }

// Texts adds a constant of strings of one dimension.
func (g *Graph) Texts(values []string) Value {
	return g.constant(initializer{typ: String, texts: values, shape: []int{len(values)}}, len(values))
}

// sharedBytes is up to which size constants are compared.
const sharedBytes = 1 << 12

func (g *Graph) constant(t initializer, values int) Value {
	if g.err != nil {
		return ""
	}
	n := 1
	for _, k := range t.shape {
		n *= k
	}
	if n != values {
		return g.Fail(fmt.Errorf("onnx: a constant of shape %v has %d values", t.shape, values))
	}
	key := ""
	if t.typ != String && len(t.raw) <= sharedBytes {
		key = fmt.Sprintf("%d %v %x", t.typ, t.shape, t.raw)
		if v, ok := g.shared[key]; ok {
			return v
		}
	}
	t.name = g.fresh("Constant")
	g.tensors = append(g.tensors, t)
	if key != "" {
		g.shared[key] = Value(t.name)
	}
	return Value(t.name)
}

// Table adds a tensor under the name of its source, which is read when the model is written. It is of F32, F64, I32 or I64.
func (g *Graph) Table(s safetensors.Source) Value {
	if g.err != nil {
		return ""
	}
	t, ok := map[safetensors.Dtype]Type{safetensors.F32: Float, safetensors.F64: Double, safetensors.I32: Int32, safetensors.I64: Int64}[s.Dtype]
	switch {
	case !ok:
		return g.Fail(fmt.Errorf("onnx: the table %q is of %s, which is not written", s.Name, s.Dtype))
	case !g.claim(s.Name):
		return g.Fail(fmt.Errorf("onnx: the name %q of a table is empty or used twice", s.Name))
	}
	g.tensors = append(g.tensors, initializer{name: s.Name, typ: t, shape: s.Shape, table: &s})
	return Value(s.Name)
}

// check returns an error where there is nothing to write.
func (g *Graph) check() error {
	if g.err != nil {
		return g.err
	}
	if len(g.outputs) == 0 {
		return errors.New("onnx: the graph has no outputs")
	}
	return nil
}
