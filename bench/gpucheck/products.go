package main

import (
	"context"
	"fmt"

	"debut/bench/timing"
	"debut/bench/training"
	"debut/kernels"
)

// measureProducts measures matrix products, MxNxK.nn with t in place of n where a factor is transposed, at a precision. The first is
// the ceiling for others.
func measureProducts(ctx context.Context, m *meter, args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("a precision and products are wanted")
	}
	return with(args[0], func(dev kernels.Device, watch *timing.Stopwatch) error {
		for _, shape := range args[1:] {
			t, flops, err := product(ctx, m, dev, watch, shape)
			if err != nil {
				return fmt.Errorf("%s: %w", shape, err)
			}
			m.report(shape+" "+args[0], "microseconds", t)
			m.report(shape+" "+args[0], "gflop_per_second", flops/t/1e3)
		}
		info := dev.Info()
		m.note("", "level %s; %s", info.Level, info.Notes)
		return nil
	})
}

// product returns the microseconds of a product, and its operations.
func product(ctx context.Context, m *meter, dev kernels.Device, watch *timing.Stopwatch, shape string) (t, flops float64, err error) {
	var rows, cols, depth int
	var ta, tb rune
	if n, err := fmt.Sscanf(shape, "%dx%dx%d.%c%c", &rows, &cols, &depth, &ta, &tb); err != nil || n != 5 || min(rows, cols, depth) < 1 ||
		max(rows, cols, depth) > training.MaxDimension {
		return 0, 0, fmt.Errorf("a product is written MxNxK.nn")
	}
	dense, err := kernels.Family[kernels.DenseAlgebra](dev)
	if err != nil {
		return 0, 0, err
	}
	matrix := func(rows, cols int, stream uint64) kernels.Matrix {
		if err != nil {
			return kernels.Matrix{}
		}
		var b kernels.Buffer
		if b, err = dev.Alloc(kernels.Float32, rows*cols, "check"); err != nil {
			return kernels.Matrix{}
		}
		chunk := training.Uniform(stream, min(rows*cols, 1<<20))
		for at := 0; at < rows*cols && err == nil; at += len(chunk) {
			err = kernels.Upload(dev, b, at, chunk[:min(len(chunk), rows*cols-at)])
		}
		return kernels.NewMatrix(b, rows, cols)
	}
	turned := func(transposed bool, rows, cols int, stream uint64) kernels.Matrix {
		if transposed {
			rows, cols = cols, rows
		}
		return matrix(rows, cols, stream)
	}
	a := kernels.GemmArgs{TransA: ta == 't', TransB: tb == 't'}
	a.A, a.B, a.C = turned(a.TransA, rows, depth, 1), turned(a.TransB, depth, cols, 2), matrix(rows, cols, 3)
	for _, x := range []kernels.Matrix{a.A, a.B, a.C} {
		if x.Present() {
			defer dev.Release(x.Buf)
		}
	}
	if err != nil {
		return 0, 0, err
	}
	k, err := dense.Gemm(a)
	if err != nil {
		return 0, 0, err
	}
	runs := graphNodes
	if float64(rows)*float64(cols)*float64(depth) > 1e11 {
		runs = 4
	}
	d, err := watch.Kernels(ctx, m.seconds/8, runs, k)
	return micro(d), 2 * float64(rows) * float64(cols) * float64(depth), err
}
