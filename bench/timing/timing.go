// Package timing times single kernels: on a GPU by the GPU's own clock, many runs of one kernel in a graph, since a launch from the host
// takes longer than most kernels of a training step; on a CPU by the host's.
package timing

import (
	"context"
	"errors"
	"slices"
	"time"

	"debut/kernels"
)

// Stopwatch times what a device does.
type Stopwatch struct {
	dev   kernels.Device
	clock kernels.Clock // nil: the host's
}

// New returns the stopwatch of a device.
func New(dev kernels.Device) (*Stopwatch, error) {
	s := &Stopwatch{dev: dev}
	timing, ok := dev.(kernels.Timing)
	if !ok {
		return s, nil
	}
	var err error
	s.clock, err = timing.NewClock(2)
	return s, err
}

// Close frees what the stopwatch has of the device.
func (s *Stopwatch) Close() error {
	if s.clock == nil {
		return nil
	}
	return s.clock.Close()
}

// Once returns what the device takes for queued work.
func (s *Stopwatch) Once(run func() error) (t time.Duration, err error) {
	if s.clock == nil {
		start := time.Now()
		err := errors.Join(run(), s.dev.Synchronize())
		return time.Since(start), err
	}
	if err := errors.Join(s.clock.Mark(0), run(), s.clock.Mark(1)); err != nil {
		return 0, err
	}
	return s.clock.Between(0, 1)
}

// Median returns the median time of work, repeated for a duration and at least three times after one that is not measured.
func (s *Stopwatch) Median(ctx context.Context, d time.Duration, run func() error) (time.Duration, error) {
	if _, err := s.Once(run); err != nil {
		return 0, err
	}
	var times []time.Duration
	for begin := time.Now(); len(times) < 3 || time.Since(begin) < d; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		t, err := s.Once(run)
		if err != nil {
			return 0, err
		}
		times = append(times, t)
	}
	slices.Sort(times)
	return max(times[len(times)/2], time.Nanosecond), nil
}

// Kernels returns the median time of one run of a list of kernels, each of which ought to do as much as any other: they are repeated in
// turn until there are runs of them, and made ready as one.
func (s *Stopwatch) Kernels(ctx context.Context, d time.Duration, runs int, ks ...kernels.Kernel) (time.Duration, error) {
	if s.clock == nil {
		runs = len(ks)
	}
	list := make([]kernels.Kernel, max(runs, len(ks)))
	for i := range list {
		list[i] = ks[i%len(ks)]
	}
	exec, err := s.dev.Prepare(list)
	if err != nil {
		return 0, err
	}
	t, err := s.Median(ctx, d, exec.Run)
	return max(t/time.Duration(len(list)), time.Nanosecond), err
}
