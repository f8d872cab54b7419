package cpu

import (
	"testing"

	"debut/kernels"
)

// BenchmarkKernels measures the kernels beside the matrix product on one thread, in GB/s of the memory that they must touch at
// least once, beside a copy of as much. The loss is of logits one a row.
func BenchmarkKernels(b *testing.B) {
	const rows, cols = 1024, 512
	m := func() kernels.Matrix { return filled(rows, cols) }
	row := func(n int) kernels.Matrix { return filled(n, cols) }
	x, y, z, w := m(), m(), m(), m()
	stats := row(2)
	for i, v := range Slice[float32](stats.Buf) {
		Slice[float32](stats.Buf)[i] = v*v + 0.1
	}
	hyper := kernels.NewMatrix(Wrap([]float32{1e-3, 1, 1, 1, 0}), 1, kernels.HyperLen)
	step := kernels.NewMatrix(Wrap([]uint32{1, 0}), 1, 2)
	one := kernels.NewMatrix(Wrap([]float32{1}), 1, 1)
	logits := func() kernels.Matrix { return filled(rows*cols, 1) }
	bind := map[string]func(d *Device) (kernels.Kernel, error){
		"copy": func(d *Device) (kernels.Kernel, error) { return d.Copy(kernels.CopyArgs{Src: x, Dst: y}) },
		"add": func(d *Device) (kernels.Kernel, error) {
			return d.Binary(kernels.BinaryArgs{Kind: kernels.Add, A: x, B: y, C: z})
		},
		"relu grad+sum": func(d *Device) (kernels.Kernel, error) {
			return d.ActivateGrad(kernels.ActivateGradArgs{Activation: kernels.ReLU, Y: x, DY: y, DX: z, DBias: row(1)})
		},
		"sigmoid": func(d *Device) (kernels.Kernel, error) {
			return d.Activate(kernels.ActivateArgs{Activation: kernels.Sigmoid, X: x, Y: y})
		},
		"tanh": func(d *Device) (kernels.Kernel, error) {
			return d.Activate(kernels.ActivateArgs{Activation: kernels.Tanh, X: x, Y: y})
		},
		"silu": func(d *Device) (kernels.Kernel, error) {
			return d.Activate(kernels.ActivateArgs{Activation: kernels.SiLU, X: x, Y: y})
		},
		"gelu": func(d *Device) (kernels.Kernel, error) {
			return d.Activate(kernels.ActivateArgs{Activation: kernels.GELU, X: x, Y: y})
		},
		"tanh grad+sum": func(d *Device) (kernels.Kernel, error) {
			return d.ActivateGrad(kernels.ActivateGradArgs{Activation: kernels.Tanh, Y: x, DY: y, DX: z, DBias: row(1)})
		},
		"silu grad+sum": func(d *Device) (kernels.Kernel, error) {
			return d.ActivateGrad(kernels.ActivateGradArgs{Activation: kernels.SiLU, X: x, DY: y, DX: z, DBias: row(1)})
		},
		"gelu grad+sum": func(d *Device) (kernels.Kernel, error) {
			return d.ActivateGrad(kernels.ActivateGradArgs{Activation: kernels.GELU, X: x, DY: y, DX: z, DBias: row(1)})
		},
		"prelu": func(d *Device) (kernels.Kernel, error) {
			return d.PReLU(kernels.PReLUArgs{X: x, Slope: row(1), Y: y})
		},
		"prelu gradient": func(d *Device) (kernels.Kernel, error) {
			return d.PReLUGrad(kernels.PReLUGradArgs{X: x, Slope: row(1), DY: y, DX: z, DSlope: row(1)})
		},
		"column sum": func(d *Device) (kernels.Kernel, error) { return d.ColumnSum(kernels.ColumnSumArgs{X: x, Out: row(1)}) },
		"norm stats": func(d *Device) (kernels.Kernel, error) {
			return d.BatchNormStats(kernels.BatchNormStatsArgs{X: x, Stats: row(2)})
		},
		"norm+relu": func(d *Device) (kernels.Kernel, error) {
			return d.BatchNormApply(kernels.BatchNormApplyArgs{X: x, Y: y, Stats: stats, Gamma: row(1), Beta: row(1), Epsilon: 1e-5, Activation: kernels.ReLU})
		},
		"norm grad params": func(d *Device) (kernels.Kernel, error) {
			return d.BatchNormGradParams(kernels.BatchNormGradParamsArgs{X: x, DY: y, Stats: stats, Grad: row(2), Epsilon: 1e-5})
		},
		"norm grad input": func(d *Device) (kernels.Kernel, error) {
			return d.BatchNormGradInput(kernels.BatchNormGradInputArgs{X: x, DY: y, DX: z, Stats: stats, Gamma: row(1), Grad: row(2), Epsilon: 1e-5})
		},
		"dropout": func(d *Device) (kernels.Kernel, error) {
			return d.Dropout(kernels.DropoutArgs{X: x, Y: y, Rate: 0.1, Seed: 1, Stream: 2, Step: step})
		},
		"sgd": func(d *Device) (kernels.Kernel, error) {
			return d.Update(kernels.UpdateArgs{Kind: kernels.SGD, Param: x, Grad: y, Hyper: hyper})
		},
		"adam": func(d *Device) (kernels.Kernel, error) {
			for i := range rows * cols { // second moments are not negative, and none of the state decays to denormal numbers
				Slice[float32](w.Buf)[i] = 1
			}
			return d.Update(kernels.UpdateArgs{Kind: kernels.Adam, Param: x, Grad: y, M: z, V: w, Hyper: hyper, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8})
		},
		"clip": func(d *Device) (kernels.Kernel, error) {
			return d.ClipFactor(kernels.ClipFactorArgs{X: []kernels.Matrix{x}, Norm: filled(1, 1), Factor: filled(1, 1), MaxNorm: 1})
		},
		"logistic loss": func(d *Device) (kernels.Kernel, error) {
			return d.Loss(kernels.LossArgs{Kind: kernels.LogisticLoss, P: logits(), Target: logits(), Weight: logits(), DP: logits(), Scale: one, Out: filled(1, 1)})
		},
	}
	for _, name := range []string{"copy", "add", "relu grad+sum", "sigmoid", "tanh", "tanh grad+sum", "silu", "silu grad+sum", "gelu", "gelu grad+sum", "prelu", "prelu gradient", "column sum", "norm stats", "norm+relu", "norm grad params", "norm grad input", "dropout", "sgd", "adam", "clip", "logistic loss"} {
		for _, level := range levels() {
			b.Run(name+"/"+level, func(b *testing.B) {
				dev := openAt(b, level, 1)
				defer func() { _ = dev.Close() }()
				k, err := bind[name](dev)
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if err := k.Run(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(k.Cost().Bytes*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
				b.ReportMetric(rows*cols*float64(b.N)/b.Elapsed().Seconds()/1e6, "Melem/s")
			})
		}
	}
}
