package bench

import (
	"context"
	"errors"
	"fmt"
	"math"

	"debut/kernels"
)

// Compare measures the cases of a suite on devices, one after another, and hands on every number and then what [Ratios] makes
// of them. Cases that are the host's work on any device are left out. A device is opened by name, and closed before the next
// one.
func Compare(ctx context.Context, suite string, names []string, open func(name string) (kernels.Device, error), opt Options, report func(Result) error) error {
	s, err := Find(suite)
	if err != nil {
		return err
	}
	if len(opt.Cases) == 0 {
		opt.Cases = s.Cases
		if s.Host != nil {
			opt.Cases = s.on("", s.Cases)
		}
		if len(opt.Cases) == 0 {
			return s.onHost("another device")
		}
	}
	var lists [][]Result
	for _, name := range names {
		list, err := measureOn(ctx, suite, name, open, opt, report)
		if err != nil {
			return err
		}
		lists = append(lists, list)
	}
	ratios, err := Ratios(lists, Tolerance(opt.Precision))
	if err != nil {
		return err
	}
	for _, r := range ratios {
		if err := report(r); err != nil {
			return err
		}
	}
	return nil
}

// measureOn measures on one of several devices.
func measureOn(ctx context.Context, suite, name string, open func(string) (kernels.Device, error), opt Options, report func(Result) error) (list []Result, err error) {
	opt.DeviceName = name
	if opt.Device, err = open(name); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opt.Device.Close()) }()
	err = Run(ctx, suite, opt, func(r Result) error {
		list = append(list, r)
		return report(r)
	})
	return list, err
}

// Ratios compares the results of further devices with those of the first, by the metrics that their suite declares: of speeds and
// times how many times as fast, of results how far apart they are, relative to the greater. Results that are further apart than
// the precisions of products explain are an error, and so is a device with nothing to compare.
func Ratios(devices [][]Result, tolerance float64) ([]Result, error) {
	var out []Result
	if len(devices) == 0 {
		return out, nil
	}
	type key struct{ suite, name, metric string }
	first := map[key]Result{}
	for _, r := range devices[0] {
		first[key{r.Suite, r.Case, r.Metric}] = r
	}
	for _, list := range devices[1:] {
		found := false
		for _, r := range list {
			s, err := Find(r.Suite)
			if err != nil {
				return nil, err
			}
			base, ok := first[key{r.Suite, r.Case, r.Metric}]
			metric, declared := s.metric(r.Metric)
			if !ok || !declared || base.Value == 0 || r.Value == 0 {
				continue
			}
			found = true
			x := r
			x.Share, x.Peer = 0, base.Device+", "+base.Level
			switch metric.Direction {
			case Higher:
				x.Value, x.Metric = r.Value/base.Value, "ratio_of_"+r.Metric
			case Lower:
				x.Value, x.Metric = base.Value/r.Value, "speedup_in_"+r.Metric
			case Same:
				x.Value, x.Metric = apart(r.Value, base.Value), "difference_of_"+r.Metric
				if !(x.Value <= tolerance) {
					return nil, fmt.Errorf("bench: %s %s: %v on %s and %v on %s: further apart than %v of it, so the work is not the same",
						r.Suite, r.Case, base.Value, base.Device, r.Value, r.Device, tolerance)
				}
			}
			out = append(out, x)
		}
		if !found && len(list) > 0 {
			return nil, fmt.Errorf("bench: %s: no case of %s has a number to compare with one of %s", list[0].Suite, list[0].Device, devices[0][0].Device)
		}
	}
	return out, nil
}

// apart is how far apart two results are, relative to the greater.
func apart(a, b float64) float64 {
	if a == b {
		return 0
	}
	return math.Abs(a-b) / max(math.Abs(a), math.Abs(b))
}

// Tolerance is how far apart losses of two devices may be, see [Ratios]: by rounding alone, or by less precise products.
func Tolerance(precision string) float64 {
	if precision == "" || precision == "fp32" {
		return lossTolerance
	}
	return 10 * lossTolerance
}
