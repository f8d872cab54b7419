package engine

import (
	"fmt"
	"slices"
	"sync"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/engine/ops"
	"debut/kernels"
)

// Node is a node of a gorgonia graph.
type Node = gorgonia.Node

// building is held while a graph changes: gorgonia shares state between graphs while it builds them.
var building sync.Mutex

// Graph is an expression graph under construction. The first error sticks: after it every method returns nil, and
// Err tells it, so that layers can be written without a check at every line.
type Graph struct {
	expr    *gorgonia.ExprGraph
	dtype   kernels.Dtype
	batch   int
	names   map[string]bool
	inputs  []*Input
	params  []boundParameter
	lookups []*Lookup
	updates []stateUpdate
	grads   map[*Node]*Node
	loss    *Node
	err     error
	scope   string // put before names
	fixed   int    // rows of what is no batch; 0: all is
}

// Input is a matrix that the caller feeds.
type Input struct {
	Name string
	Node *Node
	// Batch says that the first dimension is the batch: a step may use fewer rows.
	Batch bool
}

// Lookup is an embedding: the rows of a table that ids name, side by side.
type Lookup struct {
	Name   string // of the input that takes the ids, Int32 [Rows, Fields]
	Table  ParameterSpec
	Rows   int // the graph's batch, or those of a fixed lookup
	Fields int
	Node   *Node // [Rows, Fields·D], D the table's columns; of a pooled lookup [Rows, D]
	// Weights names the input of a pooled lookup that takes the weights of ids, [Rows, Fields]; else it is empty.
	Weights string
	// Batch says that the rows are the batch: a step may use fewer.
	Batch bool
}

// places is how many ids there are at most.
func (l *Lookup) places() int { return l.Rows * l.Fields }

type boundParameter struct {
	spec ParameterSpec
	node *Node
}

type stateUpdate struct{ state, value *Node }

// NewGraph returns an empty graph for batches of at most batch rows. All of it has one element type, Float32 or
// Float64, since gorgonia shares constants without regard to theirs.
func NewGraph(dt kernels.Dtype, batch int) *Graph {
	g := &Graph{expr: gorgonia.NewGraph(), dtype: dt, batch: batch, names: map[string]bool{}}
	if dt != kernels.Float32 && dt != kernels.Float64 {
		g.fail(fmt.Errorf("engine: a graph of %v: %w", dt, kernels.ErrUnsupported))
	}
	if batch < 1 {
		g.fail(fmt.Errorf("engine: a batch of %d rows; it needs at least one", batch))
	}
	return g
}

// Err returns the first error met while building, or nil.
func (g *Graph) Err() error { return g.err }

// Batch returns the largest number of rows of a batch.
func (g *Graph) Batch() int { return g.batch }

// Expr returns the gorgonia graph, for gorgonia's own machines and tools.
func (g *Graph) Expr() *gorgonia.ExprGraph { return g.expr }

// Inputs returns the inputs, without those of lookups, in the order they were made.
func (g *Graph) Inputs() []*Input { return g.inputs }

// Lookups returns the lookups in the order they were made.
func (g *Graph) Lookups() []*Lookup { return g.lookups }

func (g *Graph) fail(err error) *Node {
	if g.err == nil {
		g.err = err
	}
	return nil
}

func (g *Graph) leaf(name string, shape ...int) *Node {
	if g.err != nil {
		return nil
	}
	if name == "" {
		return g.fail(fmt.Errorf("engine: an input or parameter has no name"))
	}
	if g.names[name] {
		return g.fail(fmt.Errorf("engine: the name %q is used twice", name))
	}
	for _, d := range shape {
		if d < 1 {
			return g.fail(fmt.Errorf("engine: %q has shape %v: %w", name, shape, kernels.ErrShape))
		}
	}
	g.names[name] = true
	building.Lock()
	defer building.Unlock()
	return gorgonia.NewTensor(g.expr, g.tensorType(), len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
}

func (g *Graph) tensorType() tensor.Dtype {
	if g.dtype == kernels.Float64 {
		return tensor.Float64
	}
	return tensor.Float32
}

// Scope puts a prefix before the names of inputs, parameters and tables that are added until leave is called, so that layers of the same
// names can be in a graph twice. With rows, inputs and lookups are no batch, but of so many rows: all rows of a batch share them.
func (g *Graph) Scope(prefix string, rows int) (leave func()) {
	scope, fixed := g.scope, g.fixed
	g.scope, g.fixed = g.scope+prefix, rows
	return func() { g.scope, g.fixed = scope, fixed }
}

// Input adds a batch-leading input [B, cols].
func (g *Graph) Input(name string, cols int) *Node {
	if g.fixed > 0 {
		return g.addInput(name, false, g.fixed, cols)
	}
	return g.addInput(name, true, g.batch, cols)
}

// Fixed adds an input that is no batch, of fixed shape [rows, cols].
func (g *Graph) Fixed(name string, rows, cols int) *Node {
	return g.addInput(name, false, rows, cols)
}

func (g *Graph) addInput(name string, batch bool, rows, cols int) *Node {
	if name != "" { // which is an error
		name = g.scope + name
	}
	n := g.leaf(name, rows, cols)
	if n != nil {
		g.inputs = append(g.inputs, &Input{Name: name, Node: n, Batch: batch})
	}
	return n
}

// Parameter adds a parameter, a vector or a matrix. Its values live in the Parameters the graph is compiled with.
func (g *Graph) Parameter(spec ParameterSpec) *Node {
	if g.err == nil {
		if err := spec.check(); err != nil {
			return g.fail(err)
		}
	}
	spec.Name = g.scope + spec.Name
	n := g.leaf(spec.Name, spec.Shape...)
	if n != nil {
		g.params = append(g.params, boundParameter{spec, n})
	}
	return n
}

// Lookup adds an embedding: ids [B, fields], fed under name, pick rows of a table [T, D], and the node returned is
// [B, fields·D]. An id that is negative or beyond the table picks zeros. The table is a parameter outside the graph:
// its gradient is taken with respect to the rows picked. A table may be looked up several times; a step adds up what they say of a row.
// Several tables may be looked up by the same ids, under the same name: these are fed once, and sorted once a step for tables of as many rows.
func (g *Graph) Lookup(name string, table ParameterSpec, fields int) *Node {
	return g.addLookup(Lookup{Name: name, Table: table, Rows: g.batch, Fields: fields, Batch: true})
}

// PooledLookup is a Lookup that adds up the rows picked, each times a weight: [B, D]. Weights [B, fields] are fed under a name of their own, as
// data that carries no gradient: 1 for the sum of a list, one over its length for the mean. Lists shorter than fields end in ids of −1.
func (g *Graph) PooledLookup(name, weights string, table ParameterSpec, fields int) *Node {
	if g.err == nil && (weights == "" || weights == name) {
		return g.fail(fmt.Errorf("engine: the weights of lookup %q need a name of their own, not %q", name, weights))
	}
	return g.addLookup(Lookup{Name: name, Table: table, Rows: g.batch, Fields: fields, Batch: true, Weights: weights})
}

// FixedLookup is a Lookup of ids [rows, 1] that are no batch: all rows of a batch share the [rows, D] that they pick.
func (g *Graph) FixedLookup(name string, table ParameterSpec, rows int) *Node {
	return g.addLookup(Lookup{Name: name, Table: table, Rows: rows, Fields: 1})
}

// addLookup adds a lookup that has no node yet.
func (g *Graph) addLookup(lk Lookup) *Node {
	if g.err != nil {
		return nil
	}
	lk.Name, lk.Table.Name = g.scope+lk.Name, g.scope+lk.Table.Name
	if lk.Weights != "" {
		lk.Weights = g.scope + lk.Weights
	}
	if g.fixed > 0 {
		lk.Rows, lk.Batch = g.fixed, false
	}
	name, table, fields := lk.Name, lk.Table, lk.Fields
	if err := table.check(); err != nil {
		return g.fail(err)
	}
	if len(table.Shape) != 2 || fields < 1 {
		return g.fail(fmt.Errorf("engine: lookup %q of %d fields in a table of shape %v: %w", name, fields, table.Shape, kernels.ErrShape))
	}
	first := true
	for _, l := range g.lookups {
		if l.Table.Name != table.Name {
			continue
		}
		if first = false; !slices.Equal(l.Table.Shape, table.Shape) {
			return g.fail(fmt.Errorf("engine: table %q of shape %v is looked up as one of %v: %w", table.Name, l.Table.Shape, table.Shape, kernels.ErrShape))
		}
	}
	if first && g.names[table.Name] {
		return g.fail(fmt.Errorf("engine: the name %q is used twice", table.Name))
	}
	leaf := name
	for _, l := range g.lookups {
		if l.Name != name {
			continue
		}
		if l.Table.Name == table.Name || l.Rows != lk.Rows || l.Fields != fields || l.Batch != lk.Batch {
			return g.fail(fmt.Errorf("engine: the ids %q pick rows of table %q already, or are of another shape: %w", name, l.Table.Name, kernels.ErrShape))
		}
		leaf = name + " in " + table.Name
	}
	if err := g.nameWeights(lk); err != nil {
		return g.fail(err)
	}
	if lk.Node = g.leaf(leaf, lk.Rows, lk.cols()); lk.Node != nil {
		g.names[table.Name] = true
		g.lookups = append(g.lookups, &lk)
	}
	return lk.Node
}

// nameWeights takes the name of a pooled lookup's weights, which other lookups of their shape may share.
func (g *Graph) nameWeights(lk Lookup) error {
	if lk.Weights == "" {
		return nil
	}
	for _, l := range g.lookups {
		if l.Weights != lk.Weights {
			continue
		}
		if l.Rows != lk.Rows || l.Fields != lk.Fields {
			return fmt.Errorf("engine: the weights %q are of another shape already: %w", lk.Weights, kernels.ErrShape)
		}
		return nil
	}
	if g.names[lk.Weights] {
		return fmt.Errorf("engine: the name %q is used twice", lk.Weights)
	}
	g.names[lk.Weights] = true
	return nil
}

// cols is how many columns the lookup's node has.
func (l *Lookup) cols() int {
	if l.Weights != "" {
		return l.Table.Shape[1]
	}
	return l.Fields * l.Table.Shape[1]
}

// Apply adds an operation.
func (g *Graph) Apply(op ops.Op, in ...*Node) *Node {
	if g.err != nil {
		return nil
	}
	for i, n := range in {
		if n == nil || n.Graph() != g.expr {
			return g.fail(fmt.Errorf("engine: input %d of %s is not a node of this graph", i, op))
		}
	}
	building.Lock()
	defer building.Unlock()
	n, err := ops.Apply(op, in...)
	if err != nil {
		return g.fail(err)
	}
	return n
}

// Update asks that after each training step the parameter state takes the value of a node of its shape, as running
// statistics do.
func (g *Graph) Update(state, value *Node) {
	if g.err != nil {
		return
	}
	if state == nil || value == nil || !state.Shape().Eq(value.Shape()) {
		g.fail(fmt.Errorf("engine: a state is updated by a value of another shape: %w", kernels.ErrShape))
		return
	}
	g.updates = append(g.updates, stateUpdate{state, value})
}

// Differentiate adds the gradients of a scalar loss with respect to every trainable parameter and every lookup. It
// may be called once: gorgonia would silently return the first loss's gradients again. Add losses up first.
func (g *Graph) Differentiate(loss *Node) error {
	if g.err != nil {
		return g.err
	}
	if g.grads != nil {
		g.fail(fmt.Errorf("engine: the graph is differentiated twice; add losses up first"))
		return g.err
	}
	var wrt gorgonia.Nodes
	for _, p := range g.params {
		if !p.spec.Frozen {
			wrt = append(wrt, p.node)
		}
	}
	for _, l := range g.lookups {
		wrt = append(wrt, l.Node)
	}
	if len(wrt) == 0 {
		g.fail(fmt.Errorf("engine: nothing to train: the graph has no trainable parameter"))
		return g.err
	}
	return g.DifferentiateWRT(loss, wrt...)
}

// DifferentiateWRT is Differentiate with respect to chosen inputs and parameters.
func (g *Graph) DifferentiateWRT(loss *Node, wrt ...*Node) error {
	if g.err != nil {
		return g.err
	}
	building.Lock()
	defer building.Unlock()
	grads, err := gorgonia.Grad(loss, wrt...)
	if err != nil {
		g.fail(fmt.Errorf("engine: the loss cannot be differentiated with respect to every parameter (is one unused?): %w", err))
		return g.err
	}
	g.loss = loss
	g.grads = make(map[*Node]*Node, len(wrt))
	for i, n := range wrt {
		g.grads[n] = grads[i]
	}
	return nil
}

// Gradient returns the gradient node of an input or parameter after differentiation, or nil.
func (g *Graph) Gradient(n *Node) *Node { return g.grads[n] }
