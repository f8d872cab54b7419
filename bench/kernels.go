package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"debut/bench/timing"
	"debut/engine"
	"debut/kernels"
)

// steps is the suite of the single kernels of a training step.
var steps = Suite{
	Name:    "kernels",
	Summary: "each kernel of a step of suite mlp, where it stands in the step: its time and how far it is from its limit",
	Cases:   mlp.Cases,
	Form:    mlpForm,
	Metrics: []Metric{{Name: "microseconds", Direction: Lower}},
	measure: measureKernels,
}

// kernelTimes are what one kernel of a step takes.
type kernelTimes struct {
	name  string
	cost  kernels.Cost
	times []time.Duration
}

func (k *kernelTimes) median() time.Duration {
	slices.Sort(k.times)
	return max(k.times[len(k.times)/2], time.Nanosecond)
}

// measureKernels times the kernels of steps one by one: those of the program by their place in it, those that train with
// what it leaves, such as the optimizer's, together by name.
func measureKernels(ctx context.Context, name string, r *runner) (err error) {
	widths, err := parseMLP(name)
	if err != nil {
		return err
	}
	s, err := newMLPStep(r.Device, widths)
	if err != nil {
		return err
	}
	program := s.trainer.Kernels()
	batch := &kernelTimes{name: "assemble batch"}
	list := []*kernelTimes{batch}
	inProgram := map[string]bool{}
	for i, k := range program {
		list = append(list, &kernelTimes{name: fmt.Sprintf("%02d %s", i, k.Name()), cost: k.Cost()})
		inProgram[k.Name()] = true
	}
	watch, err := timing.New(r.Device)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watch.Close()) }()
	execs := make([]kernels.Executable, len(program))
	n := behind(r.Device)
	for i, k := range program {
		if execs[i], err = r.Device.Prepare(slices.Repeat([]kernels.Kernel{k}, n)); err != nil {
			return err
		}
	}
	others := map[string]*kernelTimes{}
	_, _, err = r.repeat(ctx, func() error {
		start := time.Now()
		if err := s.Assemble(); err != nil {
			return err
		}
		batch.times = append(batch.times, time.Since(start))
		for i, exec := range execs {
			t, err := watch.Once(exec.Run)
			if err != nil {
				return err
			}
			list[i+1].times = append(list[i+1].times, t/time.Duration(n))
		}
		// The whole step runs the program once more, and then what is around it.
		var profile engine.Profile
		if err := s.trainer.Step(true, &profile); err != nil {
			return err
		}
		for _, e := range profile.Entries() {
			if inProgram[e.Name] {
				continue
			}
			o := others[e.Name]
			if o == nil {
				o = &kernelTimes{name: fmt.Sprintf("all %s (%d)", e.Name, e.Runs), cost: kernels.Cost{FLOPs: e.FLOPs, Bytes: e.Bytes}}
				others[e.Name] = o
				list = append(list, o)
			}
			o.times = append(o.times, e.Time)
		}
		return nil
	})
	if err != nil {
		return err
	}
	sum := 0.0
	for _, k := range list {
		sum += k.median().Seconds()
	}
	for _, k := range list {
		r.result.Case = name + " " + k.name
		t := k.median().Seconds()
		r.report("microseconds", t*1e6)
		r.report("share_of_step", t/sum)
		if k.cost.FLOPs > 0 {
			r.speed("gflop_per_second", k.cost.FLOPs/t/1e9, r.peaks.ofFLOPs(k.cost.FLOPs/t))
		}
		if k.cost.Bytes > 0 {
			r.speed("gbyte_per_second", k.cost.Bytes/t/1e9, r.peaks.ofMemory(k.cost.Bytes/t))
			if limit := r.peaks.limit(k.cost); limit > 0 {
				r.report("share_of_limit", limit/t)
			}
		}
	}
	r.result.Case = name
	r.report("microseconds", sum*1e6)
	if r.peaks.known {
		r.report("peak_gflop_per_second", 1/r.peaks.ofFLOPs(1)/1e9)
		r.report("peak_gbyte_per_second", 1/r.peaks.ofMemory(1)/1e9)
	}
	return nil
}
