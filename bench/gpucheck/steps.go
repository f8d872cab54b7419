package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"debut/bench/timing"
	"debut/bench/training"
	"debut/kernels"
	"debut/kernels/cuda"
)

// lossSteps is after how many steps losses are compared, as in suite mlp of package bench.
const lossSteps = 50

// tolerance is how far apart, relative to the greater, losses may be that began with the same numbers: by the order of sums, or by
// less precise products. Adam divides gradients by their size, so that where one is next to zero its rounding error moves a
// weight by as much as any other.
func tolerance(precision string) float64 {
	if precision == "fp32" {
		return 0.01
	}
	return 0.1
}

// measureLosses trains on the GPU and on the CPU, and compares the losses.
func measureLosses(ctx context.Context, m *meter, args []string) error {
	var net, precision string
	var batch int
	if err := arguments(args, &net, &precision, &batch); err != nil {
		return err
	}
	widths, err := training.ParseWidths(net)
	if err != nil {
		return err
	}
	var losses []float64
	for _, p := range []string{precision, "cpu"} {
		if err := with(p, func(dev kernels.Device, _ *timing.Stopwatch) error {
			s, err := training.New(dev, widths, batch)
			if err != nil {
				return err
			}
			loss, err := s.LossAfter(ctx, lossSteps)
			losses = append(losses, loss)
			m.report(net+" "+p, "loss_after_50_steps", loss)
			return err
		}); err != nil {
			return err
		}
	}
	a, b := losses[0], losses[1]
	difference := math.Abs(a-b) / max(math.Abs(a), math.Abs(b))
	m.report(net+" "+precision, "difference_of_loss", difference)
	if !(difference <= tolerance(precision)) {
		m.fail(fmt.Errorf("after %d steps the loss is %v, on the CPU %v: further apart than %v of it", lossSteps, a, b, tolerance(precision)))
	}
	return nil
}

// measureBits trains with batches that are full and batches that are not, works on tables, and tells the bits of all that is left: other
// processes must come to the same. Poisoned, memory holds NaN at first where zeros are not promised.
func measureBits(ctx context.Context, m *meter, args []string) error {
	var net, precision, how string
	var batch int
	if err := arguments(args, &net, &precision, &batch, &how); err != nil {
		return err
	}
	widths, err := training.ParseWidths(net)
	if err != nil {
		return err
	}
	steps, ids := 200, 300
	if m.small {
		steps, ids = 30, 40
	}
	return with(precision, func(dev kernels.Device, _ *timing.Stopwatch) error {
		if how == "poisoned" {
			p, ok := dev.(interface{ Poison(purposes ...string) })
			if !ok {
				return fmt.Errorf("%T cannot poison memory: %w", dev, kernels.ErrUnsupported)
			}
			p.Poison("scratch", "activations", "gradients", "inputs")
		}
		sum := sha256.New()
		s, err := training.New(dev, widths, batch)
		if err != nil {
			return err
		}
		for i := range steps {
			if err := ctx.Err(); err != nil {
				return err
			}
			if i%5 == 3 { // two counts, the later must win
				if err := errors.Join(s.SetRows(batch-1), s.SetRows(batch*3/5)); err != nil {
					return err
				}
			}
			if err := s.Run(); err != nil {
				return err
			}
			if i%5 == 3 {
				if err := s.SetRows(batch); err != nil {
					return err
				}
			}
			losses, err := s.Trainer.Losses(i == steps-1)
			if err != nil {
				return err
			}
			for _, l := range losses {
				if err := binary.Write(sum, binary.LittleEndian, l); err != nil {
					return err
				}
			}
		}
		for _, p := range s.Parameters.All() {
			v, err := s.Parameters.Read(p.Spec.Name)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(v, func(x float64) bool { return math.IsNaN(x) }) {
				m.fail(fmt.Errorf("%s holds NaN", p.Spec.Name))
			}
			if err := binary.Write(sum, binary.LittleEndian, v); err != nil {
				return err
			}
		}
		for _, zipf := range []bool{false, true} {
			t, err := newTables(dev, 5000, ids, 7, zipf)
			if err != nil {
				return err
			}
			exec, err := dev.Prepare(t.steps())
			if err != nil {
				return err
			}
			for range 5 {
				if err := exec.Run(); err != nil {
					return err
				}
			}
			v := make([]float32, t.rows*tableWidth)
			if err := kernels.Download(dev, v, t.table.Buf, 0); err != nil {
				return err
			}
			if _, err := sum.Write(kernels.Bytes(v)); err != nil {
				return err
			}
			t.release()
		}
		m.note("bits", "%x", sum.Sum(nil)[:12])
		return nil
	})
}

// sameBits compares what processes of measureBits told.
func sameBits(c *check) {
	type told struct{ part, bits string }
	byPrecision := map[string][]told{}
	var order []string
	for _, r := range c.records.all() {
		if kind, precision, _ := cutName(r.Part); kind == "bits" && r.Case == "bits" {
			if byPrecision[precision] == nil {
				order = append(order, precision)
			}
			byPrecision[precision] = append(byPrecision[precision], told{r.Part, r.Text})
		}
	}
	for _, precision := range order {
		list := byPrecision[precision]
		p, s, why := part{name: "equal bits." + precision}, passed, fmt.Sprintf("of %d runs", len(list))
		for _, t := range list[1:] {
			if t.bits != list[0].bits {
				s, why = failed, fmt.Sprintf("%s and %s leave other bits", list[0].part, t.part)
			}
		}
		if len(list) < 2 {
			s, why = skipped, "there are not two runs to compare"
		}
		c.end(p, s, 0, why)
	}
}

// measureStep measures whole training steps: by the GPU's clock, on the host, and end to end.
func measureStep(ctx context.Context, m *meter, args []string) error {
	var net, precision string
	var batch int
	if err := arguments(args, &net, &precision, &batch); err != nil {
		return err
	}
	widths, err := training.ParseWidths(net)
	if err != nil {
		return err
	}
	return with(precision, func(dev kernels.Device, _ *timing.Stopwatch) error {
		s, err := training.New(dev, widths, batch)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s %s %d", net, precision, batch)
		loss, err := s.LossAfter(ctx, lossSteps)
		if err != nil {
			return err
		}
		m.report(name, "loss_after_50_steps", loss)
		if err := s.Burst(); err != nil {
			return err
		}
		var bursts []time.Duration
		for begin := time.Now(); len(bursts) == 0 || time.Since(begin) < m.seconds; {
			if err := ctx.Err(); err != nil {
				return err
			}
			start := time.Now()
			if err := s.Burst(); err != nil {
				return err
			}
			bursts = append(bursts, time.Since(start))
		}
		slices.Sort(bursts)
		m.report(name, "rows_per_second", float64(batch*s.Steps)/bursts[len(bursts)/2].Seconds())
		if err := hostTimes(m, dev, s, name); err != nil {
			return err
		}
		if err := gpuTimes(m, dev, s, name); err != nil {
			return err
		}
		flops, err := s.FLOPs()
		if err != nil {
			return err
		}
		m.report(name, "flop_per_step", flops)
		info := dev.Info()
		m.note(name, "level %s; %s", info.Level, info.Notes)
		return nil
	})
}

// hostTimes measures what the host does for a step while the device has nothing to do, so that it never waits.
func hostTimes(m *meter, dev kernels.Device, s *training.MLP, name string) error {
	if dev.Info().Kind == "cpu" {
		return nil
	}
	var assemble, enqueue []time.Duration
	for range 30 {
		if err := dev.Synchronize(); err != nil {
			return err
		}
		start := time.Now()
		if err := s.Assemble(); err != nil {
			return err
		}
		assembled := time.Now()
		if err := s.Trainer.Step(true, nil); err != nil {
			return err
		}
		assemble, enqueue = append(assemble, assembled.Sub(start)), append(enqueue, time.Since(assembled))
	}
	slices.Sort(assemble)
	slices.Sort(enqueue)
	m.report(name, "host_microseconds_to_assemble", micro(assemble[len(assemble)/2]))
	m.report(name, "host_microseconds_to_enqueue", micro(enqueue[len(enqueue)/2]))
	_, err := s.Trainer.Losses(true)
	return err
}

// gpuTimes measures what a step takes on the device: steps queued one behind another on a batch that is there already.
func gpuTimes(m *meter, dev kernels.Device, s *training.MLP, name string) (err error) {
	device, ok := dev.(kernels.Timing)
	if !ok {
		return nil
	}
	const steps = 40 // fewer than losses are remembered
	clock, err := device.NewClock(steps + 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clock.Close()) }()
	for i := range steps {
		if err := errors.Join(clock.Mark(i), s.Trainer.Step(true, nil)); err != nil {
			return err
		}
	}
	if err := clock.Mark(steps); err != nil {
		return err
	}
	var times []time.Duration
	for i := steps / 4; i < steps; i++ {
		t, err := clock.Between(i, i+1)
		if err != nil {
			return err
		}
		times = append(times, t)
	}
	slices.Sort(times)
	m.report(name, "gpu_microseconds_per_step", micro(times[len(times)/2]))
	_, err = s.Trainer.Losses(true)
	return err
}

// runSteps trains so many steps with kernels launched one by one, for profilers.
func runSteps(ctx context.Context, _ *meter, args []string) (err error) {
	var net, precision string
	var batch, steps int
	if err := arguments(args, &net, &precision, &batch, &steps); err != nil {
		return err
	}
	widths, err := training.ParseWidths(net)
	if err != nil {
		return err
	}
	p, err := cuda.ParsePrecision(precision)
	if err != nil {
		return err
	}
	dev, err := cuda.New(cuda.Options{Precision: p, Uncaptured: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	s, err := training.New(dev, widths, batch)
	if err != nil {
		return err
	}
	loss, err := s.LossAfter(ctx, steps-1)
	fmt.Fprintf(os.Stderr, "%d steps, the loss is %v\n", steps, loss)
	return err
}
