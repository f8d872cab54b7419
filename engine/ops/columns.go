package ops

import (
	"fmt"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/engine/onnx"
	"debut/kernels"
)

// Slice takes columns lo … hi−1 of a matrix: X [B, C] → [B, hi−lo]. It is a view.
type Slice struct {
	spec
	lo, hi int
}

var _ = example(func() []Op { return []Op{NewSlice(1, 4), NewPad(2, 9), NewConcat(3)} })

// NewSlice returns the op.
func NewSlice(lo, hi int) *Slice {
	return made(&Slice{differentiable(fmt.Sprintf("slice[%d:%d]", lo, hi), fmt.Sprintf("B C -> B %d", hi-lo)), lo, hi})
}

// InferShape implements gorgonia.Op.
func (o *Slice) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	if o.lo < 0 || o.lo >= o.hi || o.hi > s[0][1] {
		return nil, o.misfit(s)
	}
	return o.spec.InferShape(ds...)
}

// View implements View.
func (o *Slice) View(in kernels.Matrix) kernels.Matrix { return in.Columns(o.lo, o.hi) }

// Bind implements Op: a view needs no kernel.
func (o *Slice) Bind(Context, kernels.Matrix, []kernels.Matrix) ([]kernels.Kernel, error) {
	return nil, nil
}

// ONNX implements Exported.
func (o *Slice) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value {
	return to.Node("Slice", in[0], onnx.Vector(to, int64(o.lo)), onnx.Vector(to, int64(o.hi)), onnx.Vector[int64](to, 1))
}

// SymDiff implements gorgonia.SDOp: the gradient stands at its columns among zeros.
func (o *Slice) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := Apply(NewPad(o.lo, in[0].Shape()[1]), grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx}, nil
}

// Pad sets a matrix at column lo of a wider one of zeros: X [B, C] → [B, width].
type Pad struct {
	spec
	lo, width int
}

// NewPad returns the op.
func NewPad(lo, width int) *Pad {
	return made(&Pad{differentiable(fmt.Sprintf("pad[%d/%d]", lo, width), fmt.Sprintf("B C -> B %d", width)), lo, width})
}

// InferShape implements gorgonia.Op.
func (o *Pad) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	if o.lo < 0 || o.lo+s[0][1] > o.width {
		return nil, o.misfit(s)
	}
	return o.spec.InferShape(ds...)
}

// Bind implements Op.
func (o *Pad) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	zero, err := one(ctx, kernels.Elementwise.Fill, kernels.FillArgs{X: out})
	if err != nil {
		return nil, err
	}
	set, err := one(ctx, kernels.Elementwise.Copy, kernels.CopyArgs{Src: in[0], Dst: out.Columns(o.lo, o.lo+in[0].Cols)})
	if err != nil {
		return nil, err
	}
	return append(zero, set...), nil
}

// SymDiff implements gorgonia.SDOp.
func (o *Pad) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := Apply(NewSlice(o.lo, o.lo+in[0].Shape()[1]), grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{dx}, nil
}

// Concat sets matrices side by side: Xᵢ [B, Cᵢ] → [B, ΣCᵢ].
type Concat struct{ spec }

// NewConcat returns the op for n matrices.
func NewConcat(n int) *Concat {
	in := make([]string, n)
	for i := range in {
		in[i] = fmt.Sprintf("B C%d", i)
	}
	return made(&Concat{differentiable(fmt.Sprintf("concat[%d]", n), strings.Join(in, ", ")+" -> B C")})
}

// InferShape implements gorgonia.Op: C is the sum of all columns.
func (o *Concat) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	cols := 0
	for _, sh := range s {
		if sh[0] != s[0][0] {
			return nil, o.misfit(s)
		}
		cols += sh[1]
	}
	return tensor.Shape{s[0][0], cols}, nil
}

// Bind implements Op.
func (o *Concat) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	var ks []kernels.Kernel
	lo := 0
	for _, x := range in {
		k, err := one(ctx, kernels.Elementwise.Copy, kernels.CopyArgs{Src: x, Dst: out.Columns(lo, lo+x.Cols)})
		if err != nil {
			return nil, err
		}
		ks = append(ks, k...)
		lo += x.Cols
	}
	return ks, nil
}

// ONNX implements Exported.
func (o *Concat) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value {
	return to.NodeWith("Concat", []onnx.Attribute{onnx.Int("axis", 1)}, in...)
}

// SymDiff implements gorgonia.SDOp.
func (o *Concat) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	out := make(gorgonia.Nodes, len(in))
	lo := 0
	for i, x := range in {
		hi := lo + x.Shape()[1]
		d, err := Apply(NewSlice(lo, hi), grad)
		if err != nil {
			return nil, err
		}
		out[i], lo = d, hi
	}
	return out, nil
}

// Row takes one row of a matrix that is no batch: X [R, C] → [C]. It is a view, and is not differentiated: it takes
// apart the packed results of gradients.
type Row struct {
	spec
	i int
}

// NewRow returns the op.
func NewRow(i int) *Row {
	return made(&Row{newSpec(fmt.Sprintf("row[%d]", i), "R C -> C"), i})
}

// InferShape implements gorgonia.Op.
func (o *Row) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	if o.i < 0 || o.i >= s[0][0] {
		return nil, o.misfit(s)
	}
	return o.spec.InferShape(ds...)
}

// View implements View.
func (o *Row) View(in kernels.Matrix) kernels.Matrix { return in.Row(o.i) }

// Bind implements Op: a view needs no kernel.
func (o *Row) Bind(Context, kernels.Matrix, []kernels.Matrix) ([]kernels.Kernel, error) {
	return nil, nil
}
