package ops

import (
	"fmt"
	"sync"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/kernels"
	"debut/kernels/cpu"
)

// evaluator is the device on which Do runs: plain Go, one thread, for gorgonia's machines and for checks.
var evaluator = sync.OnceValues(func() (*cpu.Device, error) {
	return cpu.New(cpu.Options{Threads: 1, Level: "generic"})
})

// evaluating is held while Do runs: a device serves one goroutine at a time.
var evaluating sync.Mutex

// evaluate runs an op on gorgonia values. shape is that of the output.
func evaluate(op Op, values []gorgonia.Value) (gorgonia.Value, error) {
	shapes := make([]gorgonia.DimSizer, len(values))
	in := make([]kernels.Matrix, len(values))
	for i, v := range values {
		m, err := matrixOf(v)
		if err != nil {
			return nil, fmt.Errorf("ops: %s: input %d: %w", op, i, err)
		}
		in[i], shapes[i] = m, v.Shape()
	}
	shape, err := op.InferShape(shapes...)
	if err != nil {
		return nil, err
	}
	out := tensor.New(tensor.Of(values[0].Dtype()), tensor.WithShape(shape...))
	om, err := matrixOf(out)
	if err != nil {
		return nil, err
	}
	if err := run(op, om, in); err != nil {
		return nil, fmt.Errorf("ops: %s: %w", op, err)
	}
	if shape.Dims() > 0 {
		return out, nil
	}
	switch d := om.Buf.Dtype(); d {
	case kernels.Float64:
		return gorgonia.NewF64(cpu.Slice[float64](om.Buf)[0]), nil
	default:
		return gorgonia.NewF32(cpu.Slice[float32](om.Buf)[0]), nil
	}
}

func run(op Op, out kernels.Matrix, in []kernels.Matrix) error {
	dev, err := evaluator()
	if err != nil {
		return err
	}
	evaluating.Lock()
	defer evaluating.Unlock()
	if v, ok := op.(View); ok {
		return copyMatrix(dev, v.View(in[0]), out)
	}
	step := kernels.NewMatrix(cpu.Wrap(make([]uint32, 2)), 1, 2)
	ks, err := op.Bind(Context{Device: dev, Step: step}, out, in)
	if err != nil {
		return err
	}
	for _, k := range ks {
		if err := k.Run(); err != nil {
			return err
		}
	}
	return nil
}

func copyMatrix(dev kernels.Device, src, dst kernels.Matrix) error {
	f, err := kernels.Family[kernels.Elementwise](dev)
	if err != nil {
		return err
	}
	dst.Rows, dst.Cols, dst.Stride = src.Rows, src.Cols, src.Cols
	k, err := f.Copy(kernels.CopyArgs{Src: src, Dst: dst})
	if err != nil {
		return err
	}
	return k.Run()
}

// matrixOf views a gorgonia value as a matrix of the CPU device, without copying where it is a dense tensor.
func matrixOf(v gorgonia.Value) (kernels.Matrix, error) {
	if t, ok := v.(tensor.Tensor); ok && t.RequiresIterator() {
		v = tensor.Materialize(t)
	}
	var buf kernels.Buffer
	switch d := v.Data().(type) {
	case []float32:
		buf = cpu.Wrap(d)
	case []float64:
		buf = cpu.Wrap(d)
	case float32:
		buf = cpu.Wrap([]float32{d})
	case float64:
		buf = cpu.Wrap([]float64{d})
	default:
		return kernels.Matrix{}, fmt.Errorf("values of %T are not computed with: %w", d, kernels.ErrUnsupported)
	}
	rows, cols, err := MatrixShape(v.Shape())
	if err != nil {
		return kernels.Matrix{}, err
	}
	return kernels.NewMatrix(buf, rows, cols), nil
}

// MatrixShape returns the rows and columns as which kernels see a shape: a scalar is 1×1, a vector of n is 1×n.
func MatrixShape(s tensor.Shape) (rows, cols int, err error) {
	switch s.Dims() {
	case 0:
		return 1, 1, nil
	case 1:
		return 1, s[0], nil
	case 2:
		return s[0], s[1], nil
	}
	return 0, 0, fmt.Errorf("ops: shape %v has more than two dimensions: %w", s, kernels.ErrShape)
}

// one binds a single kernel of a family.
func one[F, A any](ctx Context, bind func(F, A) (kernels.Kernel, error), args A) ([]kernels.Kernel, error) {
	f, err := kernels.Family[F](ctx.Device)
	if err != nil {
		return nil, err
	}
	k, err := bind(f, args)
	if err != nil {
		return nil, err
	}
	return []kernels.Kernel{k}, nil
}
