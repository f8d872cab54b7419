// Package ops has the operations of which models are made, one file each: shape rule, symbolic gradient and kernel.
//
// Every operation is an exported gorgonia op. gorgonia infers types and shapes, shares nodes and differentiates;
// gorgonia's own machines can run the ops too, through Do, which computes with the plain-Go kernels. The engine
// does not call Do: it binds each op's kernel to planned memory once, by [Op.Bind], and runs the bound kernels.
//
// Shapes. Whatever belongs to a batch is a matrix whose first dimension is the batch; a bias is a vector; a loss is
// a scalar. For a kernel a vector is a matrix of one row, a scalar one of one element.
package ops

import (
	"fmt"
	"hash"
	"hash/fnv"
	"reflect"

	"github.com/chewxy/hm"
	_ "go4.org/unsafe/assume-no-moving-gc" // the version that gorgonia asks for refuses to start on current Go
	"gorgonia.org/gorgonia"

	"debut/engine/onnx"
	"debut/kernels"
)

// Context is what binding a kernel needs beside its operands.
type Context struct {
	Device kernels.Device
	Step   kernels.Matrix // Uint32 [1, 2]: low and high word of the number of the step
}

// Op is an operation that the engine compiles to kernels.
type Op interface {
	gorgonia.Op
	// BatchOut says whether the first dimension of the output is the batch, given that of each input.
	BatchOut(in []bool) bool
	// Bind returns the kernels that compute out from in, to be run in order.
	Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error)
}

// View is an op whose output is a part of its only input: it needs no kernel.
type View interface {
	Op
	View(in kernels.Matrix) kernels.Matrix
}

// InPlace is an op whose output may take the memory of one of its inputs.
type InPlace interface {
	Op
	// OverwriteInputs lists the inputs, any one of which the output may overwrite.
	OverwriteInputs() []int
}

// Exported is an op that has a form in ONNX. What an evaluation graph is made of has one; what gradients alone are made of has none.
type Exported interface {
	Op
	// ONNX adds the op to a graph of ONNX, of inputs that are in the order of the op's own, and returns its output. What cannot be said
	// sticks to the graph; see [onnx.Graph.Fail].
	ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value
}

// spec is what all ops share: a name that holds every attribute, because gorgonia shares nodes by a hash of it, and the
// shapes of inputs and output, from which most of what gorgonia and the engine ask of an op follows. An op embeds it and
// says anew what is different; [made] ends its constructor.
type spec struct {
	name string
	in   []dims
	out  dims
	salt int  // raised to tell apart nodes whose 32-bit hashes coincide
	diff bool // every input carries a gradient
	self Op
}

// made tells an op's spec whose it is.
func made[O interface {
	Op
	base() *spec
}](o O) O {
	o.base().self = o
	return o
}

func (s *spec) base() *spec { return s }

// Arity implements gorgonia.Op.
func (s *spec) Arity() int { return len(s.in) }

// Type implements gorgonia.Op. gorgonia returns the type to a pool, so it must be a new one at every call.
func (s *spec) Type() hm.Type {
	ts := make([]hm.Type, 0, len(s.in)+1)
	for _, d := range s.in {
		ts = append(ts, typeOfRank(len(d)))
	}
	return hm.NewFnType(append(ts, typeOfRank(len(s.out)))...)
}

func typeOfRank(rank int) hm.Type {
	if rank == 0 {
		return hm.TypeVariable('a')
	}
	return gorgonia.TensorType{Dims: rank, Of: hm.TypeVariable('a')}
}

// ReturnsPtr implements gorgonia.Op.
func (s *spec) ReturnsPtr() bool { return true }

// CallsExtern implements gorgonia.Op.
func (s *spec) CallsExtern() bool { return false }

// OverwritesInput implements gorgonia.Op: on gorgonia's machines no input is overwritten.
func (s *spec) OverwritesInput() int { return -1 }

// WriteHash implements gorgonia.Op.
func (s *spec) WriteHash(h hash.Hash) { _, _ = fmt.Fprintf(h, "debut/%s/%d", s.name, s.salt) }

// Hashcode implements gorgonia.Op.
func (s *spec) Hashcode() uint32 {
	h := fnv.New32a()
	s.WriteHash(h)
	return h.Sum32()
}

// String implements gorgonia.Op.
func (s *spec) String() string { return s.name }

// Do implements gorgonia.Op.
func (s *spec) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(s.self, v) }

// DiffWRT implements gorgonia.SDOp.
func (s *spec) DiffWRT(int) []bool {
	wrt := make([]bool, len(s.in))
	for i := range wrt {
		wrt[i] = s.diff
	}
	return wrt
}

// SymDiff implements gorgonia.SDOp for ops that carry no gradient; it is not asked.
func (s *spec) SymDiff(gorgonia.Nodes, *gorgonia.Node, *gorgonia.Node) (gorgonia.Nodes, error) {
	return nil, fmt.Errorf("ops: %s carries no gradient: %w", s.name, kernels.ErrUnsupported)
}

func (s *spec) addSalt() { s.salt++ }

// examples are ops of all kinds, registered by their files.
var examples []func() []Op

// example registers ops of a kind.
func example(of func() []Op) struct{} {
	examples = append(examples, of)
	return struct{}{}
}

// Examples returns ops of every kind that carries a gradient and takes any numbers for inputs: checks go through them, so
// that no kind is left out.
func Examples() []Op {
	var all []Op
	for _, of := range examples {
		all = append(all, of()...)
	}
	return all
}

// Apply adds a node for op to the graph of its inputs. gorgonia shares nodes by a 32-bit hash without comparing
// their children; Apply makes sure that the node it returns is op of exactly these inputs.
func Apply(op Op, in ...*gorgonia.Node) (*gorgonia.Node, error) {
	for range 8 {
		n, err := gorgonia.ApplyOp(op, in...)
		if err != nil {
			return nil, fmt.Errorf("ops: %s: %w", op, err)
		}
		if isNodeOf(n, op, in) {
			return n, nil
		}
		s, ok := op.(interface{ addSalt() })
		if !ok {
			break
		}
		s.addSalt()
	}
	return nil, fmt.Errorf("ops: %s: the graph has another node of the same hash", op)
}

func isNodeOf(n *gorgonia.Node, op Op, in []*gorgonia.Node) bool {
	got := n.Op()
	if got == nil || reflect.TypeOf(got) != reflect.TypeOf(op) || got.String() != op.String() {
		return false
	}
	children := Children(n)
	if len(children) != len(in) {
		return false
	}
	for i := range in {
		if children[i] != in[i] {
			return false
		}
	}
	return true
}

// Children returns the inputs of a node in order; one that is used twice stands there twice.
func Children(n *gorgonia.Node) []*gorgonia.Node {
	it := n.Graph().From(n.ID())
	if it == nil {
		return nil
	}
	out := make([]*gorgonia.Node, 0, it.Len())
	for it.Next() {
		if c, ok := it.Node().(*gorgonia.Node); ok {
			out = append(out, c)
		}
	}
	return out
}
