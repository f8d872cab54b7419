package engine

import (
	"fmt"
	"reflect"
	"slices"
	"sync"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/engine/ops"
	"debut/kernels"
)

// instr is one operation of a program before it is bound: which nodes it computes from which.
type instr struct {
	name    string
	op      gorgonia.Op
	outs    []*Node
	ins     []*Node
	bind    func(ctx ops.Context, outs, ins []kernels.Matrix) ([]kernels.Kernel, error)
	over    []int // inputs that outs[0] may overwrite
	foreign bool  // runs through gorgonia's Do
	exact   bool  // runs on full batches only
}

// lowered is a graph reduced to what its outputs need.
type lowered struct {
	instrs    []*instr
	leaves    []*Node
	constants map[*Node]float64
	views     map[*Node]ops.View // node → how it views its only input
	batch     map[*Node]bool     // nodes whose first dimension is the batch
	nodes     int                // nodes of the graph
	live      int                // of them, those the outputs need
}

// lower orders the nodes that the outputs need, children first, and turns operations into instructions.
func lower(g *Graph, outputs []*Node) (*lowered, error) {
	all := g.expr.AllNodes()
	for _, n := range all {
		if m, ok := g.expr.Node(n.ID()).(*Node); !ok || m != n {
			return nil, fmt.Errorf("engine: node %v of the graph has a stale id; nodes must not be removed from a graph", n)
		}
	}
	l := &lowered{constants: map[*Node]float64{}, views: map[*Node]ops.View{}, batch: map[*Node]bool{}, nodes: len(all)}
	for _, in := range g.inputs {
		l.batch[in.Node] = in.Batch
	}
	for _, lk := range g.lookups {
		l.batch[lk.Node] = lk.Batch
	}
	order := topological(outputs)
	l.live = len(order)
	for _, n := range order {
		if err := l.add(n); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// topological returns the nodes that roots depend on, each after its children, in an order that the graph's
// construction alone decides.
func topological(roots []*Node) []*Node {
	var order []*Node
	seen := map[*Node]bool{}
	type frame struct {
		n        *Node
		children []*Node
	}
	for _, r := range roots {
		if seen[r] {
			continue
		}
		seen[r] = true
		stack := []frame{{r, ops.Children(r)}}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.children) == 0 {
				order = append(order, top.n)
				stack = stack[:len(stack)-1]
				continue
			}
			c := top.children[0]
			top.children = top.children[1:]
			if !seen[c] {
				seen[c] = true
				stack = append(stack, frame{c, ops.Children(c)})
			}
		}
	}
	return order
}

func (l *lowered) add(n *Node) error {
	op := n.Op()
	children := ops.Children(n)
	if op == nil {
		l.leaves = append(l.leaves, n)
		return nil
	}
	if len(children) == 0 {
		v, err := constantOf(n)
		if err != nil {
			return err
		}
		l.leaves = append(l.leaves, n)
		l.constants[n] = v
		return nil
	}
	inBatch := make([]bool, len(children))
	for i, c := range children {
		inBatch[i] = l.batch[c]
	}
	switch o := op.(type) {
	case ops.View:
		l.views[n] = o
		l.batch[n] = o.BatchOut(inBatch)
	case ops.Op:
		l.batch[n] = o.BatchOut(inBatch)
		in := &instr{name: o.String(), op: o, outs: []*Node{n}, ins: children}
		in.bind = func(ctx ops.Context, outs, ins []kernels.Matrix) ([]kernels.Kernel, error) {
			return o.Bind(ctx, outs[0], ins)
		}
		if p, ok := o.(ops.InPlace); ok {
			in.over = p.OverwriteInputs()
		}
		l.instrs = append(l.instrs, in)
	default:
		if isBuiltinAdd(op) && children[0].Shape().Eq(children[1].Shape()) {
			l.addSum(n, children, inBatch)
			return nil
		}
		l.instrs = append(l.instrs, fallback(n, children, slices.Contains(inBatch, true)))
	}
	return nil
}

// addSum lowers gorgonia's own addition, which its differentiation inserts where a node has several consumers.
func (l *lowered) addSum(n *Node, children []*Node, inBatch []bool) {
	l.batch[n] = inBatch[0] || inBatch[1]
	l.instrs = append(l.instrs, &instr{
		name: "add", op: n.Op(), outs: []*Node{n}, ins: children, over: []int{0, 1},
		bind: func(ctx ops.Context, outs, ins []kernels.Matrix) ([]kernels.Kernel, error) {
			f, err := kernels.Family[kernels.Elementwise](ctx.Device)
			if err != nil {
				return nil, err
			}
			k, err := f.Binary(kernels.BinaryArgs{Kind: kernels.Add, A: ins[0], B: ins[1], C: outs[0]})
			return []kernels.Kernel{k}, err
		},
	})
}

// opKey recognizes a built-in op, whose types gorgonia does not export, by a prototype made with its public
// constructor.
type opKey struct {
	t reflect.Type
	s string
}

var builtinAdds = sync.OnceValue(func() map[opKey]bool {
	keys := map[opKey]bool{}
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for rank := range 3 {
			g := gorgonia.NewGraph()
			shape := make([]int, rank)
			for i := range shape {
				shape[i] = 2
			}
			a := gorgonia.NewTensor(g, dt, rank, gorgonia.WithShape(shape...), gorgonia.WithName("a"))
			b := gorgonia.NewTensor(g, dt, rank, gorgonia.WithShape(shape...), gorgonia.WithName("b"))
			if n, err := gorgonia.Add(a, b); err == nil {
				keys[opKey{reflect.TypeOf(n.Op()), n.Op().String()}] = true
			}
		}
	}
	return keys
})

func isBuiltinAdd(op gorgonia.Op) bool {
	return builtinAdds()[opKey{reflect.TypeOf(op), op.String()}]
}

// constantOf returns the value of a scalar constant.
func constantOf(n *Node) (float64, error) {
	c, ok := n.Op().(interface{ Value() gorgonia.Value })
	if ok {
		switch v := c.Value().Data().(type) {
		case float32:
			return float64(v), nil
		case float64:
			return v, nil
		}
	}
	return 0, fmt.Errorf("engine: %v is a constant that is no float scalar; feed tensors as named inputs: %w", n.Op(), kernels.ErrUnsupported)
}
