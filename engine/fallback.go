package engine

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/engine/ops"
	"debut/kernels"
)

// fallback is the instruction of an op that the engine has no kernel for: its operands are downloaded, gorgonia
// computes on the CPU, the result is uploaded. Built-in ops have shapes baked in, so one that touches the batch runs on
// full batches only. It allocates at each run.
func fallback(n *Node, children []*Node, touchesBatch bool) *instr {
	return &instr{
		name: "gorgonia " + n.Op().String(), op: n.Op(), outs: []*Node{n}, ins: children, foreign: true, exact: touchesBatch,
		bind: func(ctx ops.Context, outs, ins []kernels.Matrix) ([]kernels.Kernel, error) {
			k := &fallbackKernel{op: n.Op(), dev: ctx.Device, out: outs[0], in: ins}
			for _, c := range children {
				k.shapes = append(k.shapes, c.Shape().Clone())
			}
			return []kernels.Kernel{k}, nil
		},
	}
}

type fallbackKernel struct {
	op     gorgonia.Op
	dev    kernels.Device
	out    kernels.Matrix
	in     []kernels.Matrix
	shapes []tensor.Shape
}

func (k *fallbackKernel) Name() string { return "gorgonia " + k.op.String() }

// Cost implements kernels.Kernel; the work of a foreign op is not known.
func (k *fallbackKernel) Cost() kernels.Cost { return kernels.Cost{} }

func (k *fallbackKernel) Run() error {
	values := make([]gorgonia.Value, len(k.in))
	for i, m := range k.in {
		var err error
		if m.Buf.Dtype() == kernels.Float64 {
			values[i], err = download[float64](k.dev, m, k.shapes[i])
		} else {
			values[i], err = download[float32](k.dev, m, k.shapes[i])
		}
		if err != nil {
			return fmt.Errorf("engine: %s: %w", k.Name(), err)
		}
	}
	// Never UsePreallocDo: some built-in ops read the memory they should only write.
	v, err := k.op.Do(values...)
	if err != nil {
		return fmt.Errorf("engine: %s: %w", k.Name(), err)
	}
	if t, ok := v.(tensor.Tensor); ok && t.RequiresIterator() {
		v = tensor.Materialize(t)
	}
	switch d := v.Data().(type) {
	case []float32:
		return upload(k, d)
	case []float64:
		return upload(k, d)
	case float32:
		return upload(k, []float32{d})
	case float64:
		return upload(k, []float64{d})
	}
	return fmt.Errorf("engine: %s returned %T: %w", k.Name(), v.Data(), kernels.ErrUnsupported)
}

func upload[T float32 | float64](k *fallbackKernel, v []T) error {
	if len(v) != k.out.Rows*k.out.Cols {
		return fmt.Errorf("engine: %s returned %d values for %d×%d: %w", k.Name(), len(v), k.out.Rows, k.out.Cols, kernels.ErrShape)
	}
	return kernels.Upload(k.dev, k.out.Buf, k.out.Offset, v)
}

func download[T float32 | float64](dev kernels.Device, m kernels.Matrix, shape tensor.Shape) (gorgonia.Value, error) {
	v := make([]T, m.Rows*m.Cols)
	for r := range m.Rows {
		if err := kernels.Download(dev, v[r*m.Cols:(r+1)*m.Cols], m.Buf, m.Offset+r*m.Stride); err != nil {
			return nil, err
		}
	}
	if shape.Dims() == 0 {
		switch x := any(v[0]).(type) {
		case float32:
			return gorgonia.NewF32(x), nil
		case float64:
			return gorgonia.NewF64(x), nil
		}
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v)), nil
}
