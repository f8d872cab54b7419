package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"debut/kernels"
)

// FactorMachine is the factorization machine of fields that lie side by side: X [B, fields·D], bias [outputs] → [B, outputs]. A field's D =
// outputs·(1 + factors) values are a weight for each output, then factors for each; see [kernels.FactorMachineArgs].
type FactorMachine struct {
	spec
	fields int
}

var _ = example(func() []Op { return []Op{NewFactorMachine(3, 1, 4), NewFactorMachine(2, 3, 2)} })

// NewFactorMachine returns the op.
func NewFactorMachine(fields, outputs, factors int) *FactorMachine {
	name, cols := fmt.Sprintf("factor-machine[%d,%d,%d]", fields, outputs, factors), fields*outputs*(1+factors)
	return made(&FactorMachine{differentiable(name, fmt.Sprintf("B %d, %d -> B %d", cols, outputs, outputs)), fields})
}

// Bind implements Op.
func (o *FactorMachine) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.FactorMachines.FactorMachine, kernels.FactorMachineArgs{X: in[0], Bias: in[1], Y: out, Fields: o.fields})
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
