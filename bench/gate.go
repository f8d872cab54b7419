package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// What Gate says of a metric of a case.
const (
	Steady  = "ok"
	Fallen  = "fallen"
	Unclear = "unclear" // it looks fallen, but the machine is too restless to tell
	Missing = "missing" // it is in the baseline, and was not measured
	New     = "new"     // it is not in the baseline
	// It is slower, and so is the machine: no more than that explains.
	slowMachine = "ok, machine slower"
)

const (
	// gateAlpha is the probability at each end of intervals.
	gateAlpha = 0.02
	// gateExtra is how often what looks fallen is measured again, [Rounds] rounds each time.
	gateExtra = 3
	// gatePause is how long a machine is left alone before that: most disturbances pass.
	gatePause = time.Second
)

// Baseline is what a gate compares with: the results of an earlier time, or an earlier program.
type Baseline struct {
	Results *Results
	Program *Program // where there are no results: it takes turns with this one, round by round
}

// GateOptions say when a gate closes.
type GateOptions struct {
	// FailBelow is which part of the speed before is too little.
	FailBelow float64
	// OtherMachine accepts a baseline of another machine, with a warning.
	OtherMachine bool
	Log          *slog.Logger
}

// Verdict is what became of one metric of one case.
type Verdict struct {
	Suite     string    `json:"suite"`
	Case      string    `json:"case"`
	Metric    string    `json:"metric"`
	Direction Direction `json:"direction,omitempty"`
	Verdict   string    `json:"verdict"`
	// Before and Now are medians as measured.
	Before float64 `json:"before"`
	Now    float64 `json:"now"`
	// Ratio is how many times as fast it is as before on a machine of the same speed, within the interval, if there is one.
	Ratio    float64  `json:"ratio"`
	Least    *float64 `json:"ratio_least"`
	Greatest *float64 `json:"ratio_greatest"`
	// Machine is how many times as fast as before the machine was, for work like this.
	Machine float64 `json:"machine"`
	// Rounds is how often it was measured now.
	Rounds int `json:"rounds"`
	shift  shift
}

// Report is what a gate has found.
type Report struct {
	FailBelow float64
	Verdicts  []Verdict
}

// ErrFallen says that a gate is closed. The error's text names the cases.
var ErrFallen = errors.New("slower than the baseline allows")

// Err returns an error that wraps [ErrFallen] and names what has fallen or is missing, nil where nothing has.
func (r *Report) Err() error {
	var names []string
	for _, v := range r.Verdicts {
		switch v.Verdict {
		case Fallen:
			names = append(names, fmt.Sprintf("%s %s is at %.2f of its speed before", v.Case, v.Metric, v.Ratio))
		case Missing:
			names = append(names, fmt.Sprintf("%s %s is in the baseline, and missing now", v.Case, v.Metric))
		}
	}
	if len(names) == 0 && !slices.ContainsFunc(r.Verdicts, func(v Verdict) bool { return v.Verdict != New }) {
		return errors.New("bench: nothing was compared: no case measured now is in the baseline; measure it anew with --output")
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%w (at least %v): %s", ErrFallen, r.FailBelow, strings.Join(names, "; "))
}

// gate is a comparison in progress.
type gate struct {
	GateOptions
	tolerance   float64
	own, theirs meter // theirs is nil where the baseline is results
	base, now   *Results
	pause       func(context.Context) error
}

// Gate measures cases of a suite and compares them with a baseline. What has less than so much of its speed before is
// measured again, a few times at most, and has fallen only if it stays there beyond the noise and beyond what the machine's own
// change of speed explains. Cases are those of the options; where these name none, the baseline's. The report is there for
// whatever could be compared; its Err is the verdict. Measured is what a results file of this run holds.
func Gate(ctx context.Context, suite, version string, opt Options, base Baseline, o GateOptions) (report *Report, measured *Results, err error) {
	if !(o.FailBelow > 0 && o.FailBelow <= 1) {
		return nil, nil, fmt.Errorf("bench: a gate at %v of the speed before; it must be above 0 and at most 1", o.FailBelow)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if base.Results == nil && base.Program == nil {
		return nil, nil, errors.New("bench: a gate without a baseline")
	}
	filtered := len(opt.Cases) > 0
	if !filtered && base.Results != nil && base.Results.Suite == suite {
		opt.Cases = base.Results.Asked
	}
	own, err := newMeter(suite, version, opt)
	if err != nil {
		return nil, nil, err
	}
	g := &gate{GateOptions: o, own: own, base: base.Results, tolerance: Tolerance(opt.Precision), pause: func(ctx context.Context) error {
		select {
		case <-ctx.Done():
		case <-time.After(gatePause):
		}
		return ctx.Err()
	}}
	if base.Program != nil {
		g.theirs = base.Program.meter(own)
	} else {
		mine := &Results{Suite: suite, Machine: own.machine}
		warning, err := base.Results.comparableWith(mine, o.OtherMachine)
		if err != nil {
			return nil, nil, fmt.Errorf("bench: %w", err)
		}
		if warning != "" {
			o.Log.Warn(warning)
		}
		if err := base.Results.enough(); err != nil {
			return nil, nil, fmt.Errorf("bench: %w", err)
		}
	}
	report, err = g.run(ctx, own.Cases)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range report.Verdicts {
		switch v.Verdict {
		case Unclear:
			o.Log.Warn("it looks slower, and the machine is too restless to tell: run it again", "case", v.Case, "metric", v.Metric, "ratio", v.Ratio)
		case New:
			o.Log.Info("not in the baseline, so not compared", "case", v.Case, "metric", v.Metric)
		}
	}
	for _, name := range own.suite.on(opt.Device.Info().Kind, own.suite.Cases) {
		if !filtered && !slices.Contains(own.Cases, name) {
			o.Log.Info("a case of the suite is not in the baseline, so not measured", "case", name)
		}
	}
	return report, g.now, nil
}

// enough returns an error where a baseline has too few samples for a verdict.
func (r *Results) enough() error {
	for _, c := range r.Cases {
		for _, s := range c.Metrics {
			if (s.Direction == Higher || s.Direction == Lower) && !s.Exact && len(s.Samples) < Rounds {
				return fmt.Errorf("the baseline has %d samples of %s %s, a comparison takes %d: measure a new one", len(s.Samples), c.Name, s.Metric, Rounds)
			}
		}
	}
	return nil
}

// lot measures rounds of cases, in turns with a program that is the baseline.
func (g *gate) lot(ctx context.Context, cases []string) (*Results, error) {
	var lot *Results
	for range Rounds {
		for _, name := range cases {
			if g.theirs != nil {
				r, err := g.theirs.round(ctx, []string{name})
				if err != nil {
					return nil, err
				}
				g.base = g.base.merge(r)
			}
			r, err := g.own.round(ctx, []string{name})
			if err != nil {
				return nil, err
			}
			lot = lot.merge(r)
		}
	}
	g.now = g.now.merge(lot)
	return lot, nil
}

// run measures and judges.
func (g *gate) run(ctx context.Context, cases []string) (*Report, error) {
	if _, err := g.lot(ctx, cases); err != nil {
		return nil, err
	}
	asked := cases
	verdicts, again := g.judge(asked, nil)
	for range gateExtra {
		// A suite may split what it is asked for; what is asked for again is what holds a suspect.
		cases = slices.DeleteFunc(slices.Clone(asked), func(name string) bool {
			return !slices.ContainsFunc(again, func(c string) bool { return part(c, name) })
		})
		if len(cases) == 0 {
			break
		}
		g.Log.Info("measuring again what looks slower", "cases", strings.Join(cases, ", "))
		if err := g.pause(ctx); err != nil {
			return nil, err
		}
		lot, err := g.lot(ctx, cases)
		if err != nil {
			return nil, err
		}
		verdicts, again = g.judge(asked, lot)
	}
	return &Report{FailBelow: g.FailBelow, Verdicts: verdicts}, nil
}

// part says that a case is one that was asked for by name, or is a part of it.
func part(name, asked string) bool { return name == asked || strings.HasPrefix(name, asked+" ") }

// judge returns the verdicts so far, given the latest rounds of what looked slower, and the cases on which the last word has not
// been said.
func (g *gate) judge(asked []string, latest *Results) (verdicts []Verdict, again []string) {
	for _, before := range g.base.Cases {
		if !slices.ContainsFunc(asked, func(a string) bool { return part(before.Name, a) }) {
			continue // left out on purpose
		}
		now := g.now.find(before.Name)
		for _, s := range before.Metrics {
			if s.Direction == "" {
				continue
			}
			v := Verdict{
				Suite: g.now.Suite, Case: before.Name, Metric: s.Metric, Direction: s.Direction, Verdict: Missing, Before: middle(s.Samples), Machine: 1,
			}
			if now == nil || now.find(s.Metric) == nil {
				verdicts = append(verdicts, v)
				continue
			}
			series := now.find(s.Metric)
			v.Now, v.Rounds = middle(series.Samples), len(series.Samples)
			if s.Direction == Same {
				if apart(v.Before, v.Now) > g.tolerance && latest == nil {
					g.Log.Warn("another result than before: the work may not be the same", "case", v.Case, "metric", v.Metric, "before", v.Before, "now", v.Now)
				}
				continue
			}
			var fresh *Case
			if latest != nil {
				fresh = latest.find(before.Name)
			}
			g.compare(&v, &before, now, fresh)
			if v.Verdict == Unclear || v.Verdict == slowMachine {
				again = append(again, before.Name)
			}
			verdicts = append(verdicts, v)
		}
	}
	for _, c := range g.now.Cases {
		for _, s := range c.Metrics {
			if before := g.base.find(c.Name); s.Direction != "" && s.Direction != Same && (before == nil || before.find(s.Metric) == nil) {
				verdicts = append(verdicts, Verdict{
					Suite: g.now.Suite, Case: c.Name, Metric: s.Metric, Direction: s.Direction, Verdict: New, Now: middle(s.Samples), Machine: 1, Rounds: len(s.Samples),
				})
			}
		}
	}
	return verdicts, again
}
