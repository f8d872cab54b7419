// Package bench measures fixed workloads, so that devices, instruction levels and versions can be compared: the same
// case is the same arithmetic on the same numbers everywhere.
//
// A [Suite] is a list of cases; [Run] measures them and reports [Result] values one at a time, each a number that was
// measured or computed in that very run. Data are random but fixed by the case alone.
package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"debut/kernels"
)

// Result is one number of one case.
type Result struct {
	Suite   string  `json:"suite"`
	Case    string  `json:"case"`
	Metric  string  `json:"metric"` // the unit is in its name: "rows_per_second", "gflop_per_second"
	Value   float64 `json:"value"`
	Device  string  `json:"device"`  // kind and name
	Level   string  `json:"level"`   // instruction level
	Threads int     `json:"threads"` // worker threads, 0 where it has no meaning
}

// Options say what to measure and for how long.
type Options struct {
	Device kernels.Device
	// Cases names the cases; none: all those of the suite. A suite may know how to read more than it lists.
	Cases []string
	// Duration is how long a case is measured after its warm-up. A case runs at least once.
	Duration time.Duration
}

// Suite is a family of cases.
type Suite struct {
	Name    string
	Summary string
	Cases   []string // those that run by default
	// Form says how further cases are written, "" where there are none.
	Form    string
	measure func(ctx context.Context, name string, opt Options, report func(metric string, value float64)) error
}

// Suites lists the suites in the order of help texts.
func Suites() []Suite { return []Suite{mlp, gemm} }

// Find returns the suite of a name, or an error with the list.
func Find(name string) (Suite, error) {
	all := Suites()
	names := make([]string, len(all))
	for i, s := range all {
		if s.Name == name {
			return s, nil
		}
		names[i] = s.Name
	}
	return Suite{}, fmt.Errorf("bench: there is no suite %q; there are %s", name, strings.Join(names, ", "))
}

// Run measures a suite's cases on a device and hands each number to report as soon as it is known. A canceled context
// ends it between two repetitions with the context's error.
func Run(ctx context.Context, suite string, opt Options, report func(Result) error) error {
	s, err := Find(suite)
	if err != nil {
		return err
	}
	if opt.Device == nil {
		return fmt.Errorf("bench: no device to measure")
	}
	if opt.Duration < 0 {
		return fmt.Errorf("bench: a duration of %v; it cannot be negative", opt.Duration)
	}
	cases := opt.Cases
	if len(cases) == 0 {
		cases = slices.Clone(s.Cases)
	}
	info := opt.Device.Info()
	for _, name := range cases {
		var failed error
		err := s.measure(ctx, name, opt, func(metric string, value float64) {
			if failed == nil {
				failed = report(Result{
					Suite: s.Name, Case: name, Metric: metric, Value: value,
					Device: info.Kind + " " + info.Name, Level: info.Level, Threads: info.Threads,
				})
			}
		})
		if err == nil {
			err = failed
		}
		if err != nil {
			return fmt.Errorf("bench: suite %s, case %s: %w", s.Name, name, err)
		}
	}
	return nil
}

// repeat runs once, not measured, and then for the duration, at least once more. It returns how often that was and
// the median time.
func repeat(ctx context.Context, d time.Duration, run func() error) (n int, median time.Duration, err error) {
	if err := run(); err != nil {
		return 0, 0, err
	}
	var times []time.Duration
	for begin := time.Now(); len(times) == 0 || time.Since(begin) < d; {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		start := time.Now()
		if err := run(); err != nil {
			return 0, 0, err
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	// A clock too coarse to see the work must not make its speed infinite.
	return len(times), max(times[len(times)/2], time.Nanosecond), nil
}
