package main

import (
	"context"
	"fmt"
	"slices"

	"debut/bench/timing"
	"debut/bench/training"
	"debut/kernels"
)

// whole is a device with all that a training step asks for, so that one that stands before it has it too.
type whole interface {
	kernels.Device
	kernels.DenseAlgebra
	kernels.Elementwise
	kernels.Normalization
	kernels.Loss
	kernels.Optimizer
	kernels.Embedding
	kernels.Reduction
	kernels.Guarding
}

// listener stands before a device and hears which lists of kernels are made ready.
type listener struct {
	whole
	longest []kernels.Kernel
}

// Prepare makes kernels ready to run in order.
func (l *listener) Prepare(ks []kernels.Kernel) (kernels.Executable, error) {
	if len(ks) > len(l.longest) {
		l.longest = slices.Clone(ks)
	}
	return l.whole.Prepare(ks)
}

// measureKernels times each kernel of a step, the optimizer's too, in a graph of many of it. What fits the GPU's caches stays there, as it
// mostly does in a step.
func measureKernels(ctx context.Context, m *meter, args []string) error {
	var net, precision string
	var batch int
	if err := arguments(args, &net, &precision, &batch); err != nil {
		return err
	}
	widths, err := training.ParseWidths(net)
	if err != nil {
		return err
	}
	return with(precision, func(dev kernels.Device, watch *timing.Stopwatch) error {
		w, ok := dev.(whole)
		if !ok {
			return fmt.Errorf("%T lacks a family of kernels: %w", dev, kernels.ErrUnsupported)
		}
		l := &listener{whole: w}
		s, err := training.New(l, widths, batch)
		if err != nil {
			return err
		}
		if _, err := s.LossAfter(ctx, 2); err != nil { // so that there is something to compute with
			return err
		}
		for i, k := range l.longest {
			if err := ctx.Err(); err != nil {
				return err
			}
			name := fmt.Sprintf("%d %s %02d %s", batch, precision, i, k.Name())
			runs := graphNodes
			if k.Name() == "guard" {
				runs = kernels.GuardHistory / 8 // it remembers as many numbers
			}
			t, err := watch.Kernels(ctx, 0, runs, k)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			m.report(name, "microseconds", micro(t))
			if c := k.Cost(); c.Bytes > 0 {
				m.report(name, "gbyte_per_second", c.Bytes/t.Seconds()/1e9)
				m.report(name, "gflop_per_second", c.FLOPs/t.Seconds()/1e9)
			}
			state, err := w.Guarded()
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if state.Halted {
				return fmt.Errorf("%s: the device has halted at a loss of %v: times from here on are of nothing", name, state.Value)
			}
		}
		return nil
	})
}
