package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"debut/engine/onnx"
	"debut/kernels"
)

// FactorMachine is the factorization machine of fields that lie side by side: X [B, fields·D], bias [outputs] → [B, outputs]. A field's D =
// outputs·(1 + factors) values are a weight for each output, then factors for each; see [kernels.FactorMachineArgs].
type FactorMachine struct {
	spec
	fields, outputs, factors int
}

var _ = example(func() []Op { return []Op{NewFactorMachine(3, 1, 4), NewFactorMachine(2, 3, 2)} })

// NewFactorMachine returns the op.
func NewFactorMachine(fields, outputs, factors int) *FactorMachine {
	name, cols := fmt.Sprintf("factor-machine[%d,%d,%d]", fields, outputs, factors), fields*outputs*(1+factors)
	return made(&FactorMachine{differentiable(name, fmt.Sprintf("B %d, %d -> B %d", cols, outputs, outputs)), fields, outputs, factors})
}

// Bind implements Op.
func (o *FactorMachine) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.FactorMachines.FactorMachine, kernels.FactorMachineArgs{X: in[0], Bias: in[1], Y: out, Fields: o.fields})
}

// ONNX implements Exported: the products of every two fields are half of what the square of a sum has beyond the sum of squares.
func (o *FactorMachine) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value {
	sum := func(v onnx.Value, axis int64) onnx.Value {
		return to.NodeWith("ReduceSum", []onnx.Attribute{onnx.Int("keepdims", 0)}, v, onnx.Vector(to, axis))
	}
	part := func(v onnx.Value, lo, hi int) onnx.Value {
		return to.Node("Slice", v, onnx.Vector(to, int64(lo)), onnx.Vector(to, int64(hi)), onnx.Vector[int64](to, 2))
	}
	width := o.outputs * (1 + o.factors)
	fields := to.Node("Reshape", in[0], onnx.Vector(to, 0, int64(o.fields), int64(width)))
	factors := part(fields, o.outputs, width)
	total := sum(factors, 1)
	products := to.Node("Sub", to.Node("Mul", total, total), sum(to.Node("Mul", factors, factors), 1))
	products = sum(to.Node("Reshape", products, onnx.Vector(to, 0, int64(o.outputs), int64(o.factors))), 2)
	pairs := to.Node("Mul", products, onnx.Scalar[float32](to, 0.5))
	return to.Node("Add", to.Node("Add", sum(part(fields, 0, o.outputs), 1), pairs), in[1])
}

// SymDiff implements gorgonia.SDOp.
func (o *FactorMachine) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := Apply(made(&factorMachineGrad{newSpec(fmt.Sprintf("factor-machine-gradient[%d]", o.fields), "B C, B O -> B C"), o.fields}), in[0], grad)
	if err != nil {
		return nil, err
	}
	bias, err := Apply(NewColumnSum(), grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx, bias}, nil
}

// factorMachineGrad: X, dY → dX.
type factorMachineGrad struct {
	spec
	fields int
}

func (o *factorMachineGrad) OverwriteInputs() []int { return []int{0} }

func (o *factorMachineGrad) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.FactorMachines.FactorMachineGrad, kernels.FactorMachineGradArgs{X: in[0], DY: in[1], DX: out, Fields: o.fields})
}
