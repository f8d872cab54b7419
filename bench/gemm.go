package bench

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"debut/kernels"
	"debut/kernels/philox"
)

// gemmForm is how a case is written.
const gemmForm = "MxNxK.nn, with t in place of n where A or B is transposed"

// gemm is the suite of matrix products in float32.
var gemm = Suite{
	Name:    "gemm",
	Summary: "matrix products C = op(A)·op(B) in float32: forms and shapes of a training step",
	Cases: []string{
		"1024x1024x1024.nn", "1024x1024x1024.nt", "1024x1024x1024.tn",
		"8192x512x256.nn", "8192x512x256.nt", "8192x512x256.tn",
	},
	Form:    gemmForm,
	measure: measureGemm,
}

// maxDimension bounds the sizes of a case, so that a slip does not ask for terabytes.
const maxDimension = 1 << 16

var gemmCase = regexp.MustCompile(`^(\d+)x(\d+)x(\d+)\.([nt])([nt])$`)

// parseGemm reads a case's name.
func parseGemm(name string) (m, n, k int, ta, tb bool, err error) {
	p := gemmCase.FindStringSubmatch(name)
	if p == nil {
		return 0, 0, 0, false, false, fmt.Errorf("the case is not of the form %s", gemmForm)
	}
	var size [3]int
	for i := range size {
		if size[i], err = strconv.Atoi(p[i+1]); err != nil || size[i] < 1 || size[i] > maxDimension {
			return 0, 0, 0, false, false, fmt.Errorf("dimension %s is not within 1 … %d", p[i+1], maxDimension)
		}
	}
	return size[0], size[1], size[2], p[4] == "t", p[5] == "t", nil
}

func measureGemm(ctx context.Context, name string, opt Options, report func(string, float64)) error {
	m, n, k, ta, tb, err := parseGemm(name)
	if err != nil {
		return err
	}
	family, err := kernels.Family[kernels.DenseAlgebra](opt.Device)
	if err != nil {
		return err
	}
	operand := func(stream uint64, rows, cols int) (kernels.Matrix, func(), error) {
		buf, err := opt.Device.Alloc(kernels.Float32, rows*cols, "bench")
		if err != nil {
			return kernels.Matrix{}, nil, err
		}
		release := func() { opt.Device.Release(buf) }
		if err := kernels.Upload(opt.Device, buf, 0, uniform(stream, rows*cols)); err != nil {
			release()
			return kernels.Matrix{}, nil, err
		}
		return kernels.NewMatrix(buf, rows, cols), release, nil
	}
	args := kernels.GemmArgs{TransA: ta, TransB: tb}
	for _, o := range []struct {
		to         *kernels.Matrix
		rows, cols int
		transposed bool
	}{{&args.A, m, k, ta}, {&args.B, k, n, tb}, {&args.C, m, n, false}} {
		if o.transposed {
			o.rows, o.cols = o.cols, o.rows
		}
		matrix, release, err := operand(uint64(o.rows), o.rows, o.cols)
		if err != nil {
			return err
		}
		defer release()
		*o.to = matrix
	}
	kernel, err := family.Gemm(args)
	if err != nil {
		return err
	}
	exec, err := opt.Device.Prepare([]kernels.Kernel{kernel})
	if err != nil {
		return err
	}
	_, median, err := repeat(ctx, opt.Duration, func() error {
		if err := exec.Run(); err != nil {
			return err
		}
		return opt.Device.Synchronize()
	})
	if err != nil {
		return err
	}
	report("gflop_per_second", kernel.Cost().FLOPs/median.Seconds()/1e9)
	report("milliseconds", median.Seconds()*1e3)
	return nil
}

// uniform returns n numbers uniform in [−1, 1), fixed by the stream.
func uniform(stream uint64, n int) []float32 {
	rnd := philox.New(1, stream)
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(2*rnd.Float64() - 1)
	}
	return v
}
