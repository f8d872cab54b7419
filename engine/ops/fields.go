package ops

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"debut/engine/onnx"
	"debut/kernels"
)

// TakeFields takes columns lo … hi−1 of each of the fields that lie side by side: X [B, fields·width] → [B, fields·(hi−lo)].
type TakeFields struct{ fieldColumns }

// PutFields is the gradient of TakeFields: it sets fields at columns lo … hi−1 of wider ones of zeros.
type PutFields struct{ fieldColumns }

// fieldColumns are columns lo … hi−1 of fields.
type fieldColumns struct {
	spec
	fields, width, lo, hi int
}

var _ = example(func() []Op { return []Op{NewTakeFields(3, 4, 1, 3), NewPutFields(2, 5, 2, 5)} })

// NewTakeFields returns the op.
func NewTakeFields(fields, width, lo, hi int) *TakeFields {
	return made(&TakeFields{newFieldColumns("take-fields", "B %[2]d -> B %[1]d", fields, width, lo, hi)})
}

// NewPutFields returns the op.
func NewPutFields(fields, width, lo, hi int) *PutFields {
	return made(&PutFields{newFieldColumns("put-fields", "B %[1]d -> B %[2]d", fields, width, lo, hi)})
}

func newFieldColumns(name, signature string, fields, width, lo, hi int) fieldColumns {
	name = fmt.Sprintf("%s[%d of %d:%d/%d]", name, fields, lo, hi, width)
	return fieldColumns{differentiable(name, fmt.Sprintf(signature, fields*(hi-lo), fields*width)), fields, width, lo, hi}
}

// copies bind the copies between the columns of a field in the wide matrix, and the field in the narrow one.
func (o *fieldColumns) copies(ctx Context, of func(wide, narrow kernels.Matrix) kernels.CopyArgs, wide, narrow kernels.Matrix) ([]kernels.Kernel, error) {
	var ks []kernels.Kernel
	n := o.hi - o.lo
	for f := range o.fields {
		at := f * o.width
		k, err := one(ctx, kernels.Elementwise.Copy, of(wide.Columns(at+o.lo, at+o.hi), narrow.Columns(f*n, (f+1)*n)))
		if err != nil {
			return nil, err
		}
		ks = append(ks, k...)
	}
	return ks, nil
}

// Bind implements Op.
func (o *TakeFields) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return o.copies(ctx, func(wide, narrow kernels.Matrix) kernels.CopyArgs { return kernels.CopyArgs{Src: wide, Dst: narrow} }, in[0], out)
}

// ONNX implements Exported.
func (o *TakeFields) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value {
	fields := to.Node("Reshape", in[0], onnx.Vector(to, 0, int64(o.fields), int64(o.width)))
	taken := to.Node("Slice", fields, onnx.Vector(to, int64(o.lo)), onnx.Vector(to, int64(o.hi)), onnx.Vector[int64](to, 2))
	return to.Node("Reshape", taken, onnx.Vector(to, 0, int64(o.fields*(o.hi-o.lo))))
}

// SymDiff implements gorgonia.SDOp.
func (o *TakeFields) SymDiff(_ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := Apply(NewPutFields(o.fields, o.width, o.lo, o.hi), grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx}, nil
}

// Bind implements Op.
func (o *PutFields) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	zero, err := one(ctx, kernels.Elementwise.Fill, kernels.FillArgs{X: out})
	if err != nil {
		return nil, err
	}
	set, err := o.copies(ctx, func(wide, narrow kernels.Matrix) kernels.CopyArgs { return kernels.CopyArgs{Src: narrow, Dst: wide} }, out, in[0])
	return append(zero, set...), err
}

// SymDiff implements gorgonia.SDOp.
func (o *PutFields) SymDiff(_ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := Apply(NewTakeFields(o.fields, o.width, o.lo, o.hi), grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx}, nil
}

// ProjectFields makes an embedding of each group of columns: X [B, ΣNᵢ], W [ΣNᵢ, D] → [B, groups·D], the i-th of which is the product of
// the i-th Nᵢ columns of X with the i-th Nᵢ rows of W. Of a number it makes its column's row times the number.
type ProjectFields struct {
	spec
	groups []int
}

var _ = example(func() []Op { return []Op{NewProjectFields([]int{1, 3, 2}, 4)} })

// NewProjectFields returns the op for groups of so many columns, and embeddings of so many dimensions.
func NewProjectFields(groups []int, dim int) *ProjectFields {
	groups = slices.Clone(groups)
	cols := sumOf(groups)
	return made(&ProjectFields{differentiable(fmt.Sprintf("project-fields%v[%d]", groups, dim), fmt.Sprintf("B %d, %d %d -> B %d", cols, cols, dim, len(groups)*dim)), groups})
}

func sumOf(groups []int) (cols int) {
	for _, n := range groups {
		cols += n
	}
	return cols
}

// products bind a product for each group, of its columns of the narrow matrix, its rows of the weights and its columns of the wide one.
func products(ctx Context, groups []int, narrow, weights, wide kernels.Matrix, of func(narrow, weights, wide kernels.Matrix) kernels.GemmArgs) ([]kernels.Kernel, error) {
	var ks []kernels.Kernel
	at, dim := 0, wide.Cols/len(groups)
	for i, n := range groups {
		rows := weights
		rows.Offset, rows.Rows = weights.Offset+at*weights.Stride, n
		k, err := one(ctx, kernels.DenseAlgebra.Gemm, of(narrow.Columns(at, at+n), rows, wide.Columns(i*dim, (i+1)*dim)))
		if err != nil {
			return nil, err
		}
		ks = append(ks, k...)
		at += n
	}
	return ks, nil
}

// Bind implements Op.
func (o *ProjectFields) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return products(ctx, o.groups, in[0], in[1], out, func(x, w, y kernels.Matrix) kernels.GemmArgs { return kernels.GemmArgs{A: x, B: w, C: y} })
}

// ONNX implements Exported: a product for each group.
func (o *ProjectFields) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value {
	if len(o.groups) == 1 {
		return to.Node("MatMul", in...)
	}
	sizes := make([]int64, len(o.groups))
	for i, n := range o.groups {
		sizes[i] = int64(n)
	}
	columns := to.Nodes("Split", len(sizes), []onnx.Attribute{onnx.Int("axis", 1)}, in[0], onnx.Vector(to, sizes...))
	rows := to.Nodes("Split", len(sizes), []onnx.Attribute{onnx.Int("axis", 0)}, in[1], onnx.Vector(to, sizes...))
	products := make([]onnx.Value, len(sizes))
	for i := range products {
		products[i] = to.Node("MatMul", columns[i], rows[i])
	}
	return to.NodeWith("Concat", []onnx.Attribute{onnx.Int("axis", 1)}, products...)
}

// SymDiff implements gorgonia.SDOp.
func (o *ProjectFields) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := Apply(made(&projectFieldsGradInput{newSpec(fmt.Sprintf("project-fields-input-gradient%v", o.groups), "B E, N D -> B N"), o.groups}), grad, in[1])
	if err != nil {
		return nil, err
	}
	dim := in[1].Shape()[1]
	dw, err := Apply(made(&projectFieldsGrad{newSpec(fmt.Sprintf("project-fields-gradient%v[%d]", o.groups, dim), fmt.Sprintf("B N, B E -> N %d", dim)), o.groups}), in[0], grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx, dw}, nil
}

// projectFieldsGradInput: dY, W → dX.
type projectFieldsGradInput struct {
	spec
	groups []int
}

func (o *projectFieldsGradInput) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return products(ctx, o.groups, out, in[1], in[0], func(dx, w, dy kernels.Matrix) kernels.GemmArgs {
		return kernels.GemmArgs{TransB: true, A: dy, B: w, C: dx}
	})
}

// projectFieldsGrad: X, dY → dW.
type projectFieldsGrad struct {
	spec
	groups []int
}

func (o *projectFieldsGrad) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return products(ctx, o.groups, in[0], out, in[1], func(x, dw, dy kernels.Matrix) kernels.GemmArgs {
		return kernels.GemmArgs{TransA: true, A: x, B: dy, C: dw}
	})
}
