package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/engine/onnx"
	"debut/kernels"
)

// NormalizeRows makes rows of length 1: X [B, C] → [B, C]. Products of such rows are cosines. A row of zeros stays one, and its gradient
// is 0.
type NormalizeRows struct{ spec }

var _ = example(func() []Op { return []Op{NewNormalizeRows()} })

// NewNormalizeRows returns the op.
func NewNormalizeRows() *NormalizeRows {
	return made(&NormalizeRows{differentiable("normalize-rows", "B C -> B C")})
}

// OverwriteInputs implements InPlace.
func (o *NormalizeRows) OverwriteInputs() []int { return []int{0} }

// Bind implements Op.
func (o *NormalizeRows) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.RowAlgebra.NormalizeRows, kernels.NormalizeRowsArgs{X: in[0], Y: out})
}

// ONNX implements Exported.
func (o *NormalizeRows) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value {
	length := to.NodeWith("ReduceL2", []onnx.Attribute{onnx.Ints("axes", []int64{1})}, in[0])
	none := to.Node("Equal", length, onnx.Scalar[float32](to, 0))
	return to.Node("Div", in[0], to.Node("Where", none, onnx.Scalar[float32](to, 1), length))
}

// SymDiff implements gorgonia.SDOp.
func (o *NormalizeRows) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := Apply(made(&normalizeRowsGrad{newSpec("normalize-rows-gradient", "B C, B C -> B C")}), in[0], grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx}, nil
}

// normalizeRowsGrad: X, dY → dX.
type normalizeRowsGrad struct{ spec }

func (o *normalizeRowsGrad) OverwriteInputs() []int { return []int{1} }

func (o *normalizeRowsGrad) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.RowAlgebra.NormalizeRowsGrad, kernels.NormalizeRowsGradArgs{X: in[0], DY: in[1], DX: out})
}

// SumFields adds up fields that lie side by side, each row with weights of its own: X [B, F·D], weights [B, F] → [B, D]. Of a lookup it
// makes one embedding, such as the mean of a history. Weights are data: they carry no gradient.
type SumFields struct {
	spec
	fields int
}

// NewSumFields returns the op for so many fields.
func NewSumFields(fields int) *SumFields {
	return made(&SumFields{newSpec(fmt.Sprintf("sum-fields[%d]", fields), fmt.Sprintf("B FD, B %d -> B D", fields)), fields})
}

// InferShape implements gorgonia.Op: D is the width of a field.
func (o *SumFields) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	if o.fields < 1 || s[0][0] != s[1][0] || s[1][1] != o.fields || s[0][1]%o.fields != 0 {
		return nil, o.misfit(s)
	}
	return tensor.Shape{s[0][0], s[0][1] / o.fields}, nil
}

// DiffWRT implements gorgonia.SDOp: only the fields carry a gradient.
func (o *SumFields) DiffWRT(int) []bool { return []bool{true, false} }

// Bind implements Op.
func (o *SumFields) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.RowAlgebra.SumFields, kernels.SumFieldsArgs{X: in[0], Weights: in[1], Y: out})
}

// ONNX implements Exported.
func (o *SumFields) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value {
	fields := to.Node("Reshape", in[0], onnx.Vector(to, 0, int64(o.fields), -1))
	weights := to.Node("Unsqueeze", in[1], onnx.Vector[int64](to, 1))
	return to.Node("Squeeze", to.Node("MatMul", weights, fields), onnx.Vector[int64](to, 1))
}

// SymDiff implements gorgonia.SDOp.
func (o *SumFields) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	signature := fmt.Sprintf("B D, B %d -> B %d", o.fields, in[0].Shape()[1])
	dx, err := Apply(made(&sumFieldsGrad{newSpec(fmt.Sprintf("sum-fields-gradient[%d]", o.fields), signature)}), grad, in[1])
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx, nil}, nil
}

// sumFieldsGrad: dY, weights → dX.
type sumFieldsGrad struct{ spec }

func (o *sumFieldsGrad) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.RowAlgebra.SumFieldsGrad, kernels.SumFieldsGradArgs{DY: in[0], Weights: in[1], DX: out})
}

// FieldSum adds up fields that lie side by side, and a bias if there is one: X [B, F·D], b [D] → [B, D]. Of a lookup of weights it makes the output
// of a linear model.
type FieldSum struct {
	spec
	fields int
	bias   bool
}

var _ = example(func() []Op { return []Op{NewFieldSum(1, true), NewFieldSum(5, false)} })

// NewFieldSum returns the op for so many fields.
func NewFieldSum(fields int, bias bool) *FieldSum {
	if bias {
		return made(&FieldSum{differentiable(fmt.Sprintf("field-sum+bias[%d]", fields), "B FD, D -> B D"), fields, bias})
	}
	return made(&FieldSum{differentiable(fmt.Sprintf("field-sum[%d]", fields), "B FD -> B D"), fields, bias})
}

// InferShape implements gorgonia.Op: D is the width of a field.
func (o *FieldSum) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	if o.fields < 1 || s[0][1]%o.fields != 0 || o.bias && s[1][0] != s[0][1]/o.fields {
		return nil, o.misfit(s)
	}
	return tensor.Shape{s[0][0], s[0][1] / o.fields}, nil
}

// Bind implements Op.
func (o *FieldSum) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	a := kernels.SumFieldsArgs{X: in[0], Y: out}
	if o.bias {
		a.Bias = in[1]
	}
	return one(ctx, kernels.RowAlgebra.SumFields, a)
}

// ONNX implements Exported.
func (o *FieldSum) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value {
	fields := to.Node("Reshape", in[0], onnx.Vector(to, 0, int64(o.fields), -1))
	sum := to.NodeWith("ReduceSum", []onnx.Attribute{onnx.Int("keepdims", 0)}, fields, onnx.Vector[int64](to, 1))
	if !o.bias {
		return sum
	}
	return to.Node("Add", sum, in[1])
}

// SymDiff implements gorgonia.SDOp.
func (o *FieldSum) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	signature := fmt.Sprintf("B D -> B %d", in[0].Shape()[1])
	dx, err := Apply(made(&fieldSumGrad{newSpec(fmt.Sprintf("field-sum-gradient[%d]", o.fields), signature)}), grad)
	if err != nil || !o.bias {
		return gorgonia.Nodes{dx}, err
	}
	bias, err := Apply(NewColumnSum(), grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx, bias}, nil
}

// fieldSumGrad: dY → dX.
type fieldSumGrad struct{ spec }

func (o *fieldSumGrad) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.RowAlgebra.SumFieldsGrad, kernels.SumFieldsGradArgs{DY: in[0], DX: out})
}
