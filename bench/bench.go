// Package bench measures fixed workloads, so that devices, instruction levels and versions can be compared: the same
// case is the same arithmetic on the same numbers everywhere.
//
// A [Suite] is a list of cases; [Run] measures them and reports [Result] values one at a time, each a number that was
// measured or computed in that very run. Data are random but fixed by the case alone. Beside a speed stands its share of
// what the machine can do, measured in the same run by package peak.
//
// Where another program does the same work ([peers]; gorgonia's TapeMachine), it and we take turns, and the ratio is that
// of neighboring turns: the speed of a shared machine wavers more than two programs differ. Both must come to the same
// results, or the comparison is an error.
//
// A suite declares the metrics that it stands by. What compares two measurements of them, and so every suite, is here
// once: [Compare] between devices, [Gate] between versions.
package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"debut/bench/peak"
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
	// Share is what part of the machine's measured peak a speed is, 0 where there is no peak to compare with.
	Share float64 `json:"share_of_peak,omitempty"`
	// Peer is the program that a comparison is with, its version and settings.
	Peer string `json:"peer,omitempty"`
	// Settings are those of a case that is a run file, in a line.
	Settings string `json:"settings,omitempty"`
}

// Options say what to measure and for how long.
type Options struct {
	Device kernels.Device
	// DeviceName is what the device was opened by, for cases that open it themselves; "" stands for its kind.
	DeviceName string
	// Precision is that of the device's products, as it was opened; "" stands for fp32.
	Precision string
	// Cases names the cases; none: all those of the suite. A suite may know how to read more than it lists.
	Cases []string
	// Duration is how long a case is measured after its warm-up. A case runs at least once.
	Duration time.Duration
	// Peers compares with the suite's peer, if it is installed; if it is not, Log gets a warning.
	Peers bool
	Log   *slog.Logger // may be nil
}

// Suite is a family of cases.
type Suite struct {
	Name    string
	Summary string
	Cases   []string // those that run by default
	// Form says how further cases are written, "" where there are none.
	Form string
	// Peer is the program that Options.Peers compares with, "" where there is none.
	Peer string
	// Metrics are what its cases are compared by.
	Metrics []Metric
	// Host tells cases that are the host's work whatever the device, nil where there are none. They are measured with a CPU
	// as the device alone.
	Host func(name string) bool
	// ByCase has a table for the record with a line for each case, and a column for each metric.
	ByCase  bool
	measure func(ctx context.Context, name string, r *runner) error
}

// runner is what the cases of a run share.
type runner struct {
	Options
	suite     Suite
	peaks     peaks
	result    Result // what all results of the case have in common
	emit      func(Result)
	yardstick *peak.Yardstick // of rounds, else nil
	marks     marks
}

// report reports a number.
func (r *runner) report(metric string, value float64) { r.speed(metric, value, 0) }

// speed reports a number that is a share of a peak, where that is known.
func (r *runner) speed(metric string, value, share float64) {
	out := r.result
	out.Metric, out.Value, out.Share = metric, value, share
	r.emit(out)
}

// absent says that a peer is left out.
func (r *runner) absent(err error) {
	if r.Log != nil {
		r.Log.Warn("measuring without the peer", "suite", r.result.Suite, "reason", err)
	}
}

// Suites lists the suites in the order of help texts.
func Suites() []Suite {
	return []Suite{mlp, ctr, quality, gemm, tape, steps, data, similarities, factors, lists, forecasts, logistic, untuned, serving}
}

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

// ErrNoPeer says that a suite has no peer that can be asked for.
var ErrNoPeer = errors.New("peers are those of the suites mlp, ctr, gemm, neighbors, factorization, forecast, linear and defaults")

// Run measures a suite's cases on a device and hands each number to report as soon as it is known. A canceled context
// ends it between two repetitions with the context's error.
func Run(ctx context.Context, suite string, opt Options, report func(Result) error) error {
	r, err := newRunner(suite, opt)
	if err != nil {
		return err
	}
	for _, name := range r.Cases {
		if err := r.measure(ctx, name, report); err != nil {
			return err
		}
	}
	return nil
}

// newRunner checks what is asked for and fills in the suite's cases.
func newRunner(suite string, opt Options) (*runner, error) {
	s, err := Find(suite)
	if err != nil {
		return nil, err
	}
	if opt.Device == nil {
		return nil, fmt.Errorf("bench: no device to measure")
	}
	if opt.Duration < 0 {
		return nil, fmt.Errorf("bench: a duration of %v; it cannot be negative", opt.Duration)
	}
	kind := opt.Device.Info().Kind
	if len(opt.Cases) == 0 {
		opt.Cases = s.on(kind, s.Cases)
	}
	if len(opt.Cases) == 0 {
		return nil, s.onHost(kind)
	}
	if has := s.on(kind, opt.Cases); len(has) < len(opt.Cases) {
		i := slices.IndexFunc(opt.Cases, func(c string) bool { return !slices.Contains(has, c) })
		return nil, fmt.Errorf("bench: suite %s, case %s is the work of the CPU, not of %s: use --device cpu", s.Name, opt.Cases[i], kind)
	}
	if opt.Peers && s.Peer == "" {
		return nil, fmt.Errorf("bench: %w; %s has none to choose", ErrNoPeer, s.Name)
	}
	return &runner{Options: opt, suite: s, peaks: newPeaks(opt.Device)}, nil
}

// onHost is the error of a suite none of whose cases a device has.
func (s Suite) onHost(kind string) error {
	return fmt.Errorf("bench: suite %s is the work of the CPU, not of %s: use --device cpu", s.Name, kind)
}

// on returns those of the cases that a kind of device has.
func (s Suite) on(kind string, cases []string) []string {
	if s.Host == nil || kind == "cpu" {
		return cases
	}
	return slices.DeleteFunc(slices.Clone(cases), s.Host)
}

// measure measures a case.
func (r *runner) measure(ctx context.Context, name string, report func(Result) error) error {
	var failed error
	info := r.Device.Info()
	r.result = Result{
		Suite: r.suite.Name, Case: name, Device: info.Kind + " " + info.Name, Level: info.Level, Threads: info.Threads,
	}
	r.emit = func(x Result) {
		if failed == nil {
			failed = report(x)
		}
	}
	err := r.suite.measure(ctx, name, r)
	if err == nil {
		err = errors.Join(failed, r.peaks.err)
	}
	if err != nil {
		return fmt.Errorf("bench: suite %s, case %s: %w", r.suite.Name, name, err)
	}
	return nil
}

// plant, where it is set, follows all work that is timed and is timed with it: to see that a slowdown is found.
var plant func(work time.Duration)

// timed returns how long work takes. Everything that a suite times, but for turns with a peer, goes through here.
func (r *runner) timed(work func() error) (time.Duration, error) {
	r.mark(false)
	start := time.Now()
	err := work()
	if plant != nil {
		plant(time.Since(start))
	}
	return time.Since(start), err
}

// repeat runs once, not measured, and then for the duration, at least once more. It returns how often that was and
// the median time.
func (r *runner) repeat(ctx context.Context, run func() error) (n int, median time.Duration, err error) {
	if err := run(); err != nil {
		return 0, 0, err
	}
	var times []time.Duration
	for spent := time.Duration(0); len(times) == 0 || spent < r.Duration; {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		t, err := r.timed(run)
		if err != nil {
			return 0, 0, err
		}
		times = append(times, t)
		spent += max(t, time.Nanosecond)
	}
	slices.Sort(times)
	// A clock too coarse to see the work must not make its speed infinite.
	return len(times), max(times[len(times)/2], time.Nanosecond), nil
}
