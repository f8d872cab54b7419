package bench

import (
	"context"
	"slices"
	"time"

	"debut/bench/peak"
)

// Rounds is how often a baseline measures a case anew, set-up and all. Fewer do not tell a slower program from a busy machine.
const Rounds = 7

// markEvery is how much time may pass in a case between two looks at the yardstick.
const markEvery = 60 * time.Millisecond

// marks are what the yardstick has shown in a round of a case.
type marks struct {
	last   time.Time
	speeds []peak.Speeds
}

// middle returns the medians.
func (m *marks) middle() map[string][]float64 {
	all := map[string][]float64{}
	for _, s := range m.speeds {
		all["compute"] = append(all["compute"], s.Compute)
		all["memory"] = append(all["memory"], s.Memory)
		if s.Answers > 0 {
			all[answersKind] = append(all[answersKind], s.Answers)
		}
	}
	for kind, values := range all {
		all[kind] = []float64{middle(values)}
	}
	return all
}

// mark looks at the yardstick, if there is one and it is time to.
func (r *runner) mark(force bool) {
	if r.yardstick == nil || !force && time.Since(r.marks.last) < markEvery {
		return
	}
	r.marks.speeds = append(r.marks.speeds, r.yardstick.Measure())
	r.marks.last = time.Now()
}

// meter measures one round of some cases.
type meter interface {
	round(ctx context.Context, cases []string) (*Results, error)
}

// ownMeter measures this program.
type ownMeter struct {
	*runner
	machine Machine
	version string
}

// newMeter returns the meter of options, whose Duration is that of all [Rounds] together. The yardstick is one of processors:
// other devices do without.
func newMeter(suite, version string, opt Options) (*ownMeter, error) {
	r, err := newRunner(suite, opt)
	if err != nil {
		return nil, err
	}
	r.Duration /= Rounds
	m := &ownMeter{runner: r, version: version}
	if m.machine, err = thisMachine(opt.Device, opt.Precision); err != nil {
		return nil, err
	}
	if info := opt.Device.Info(); info.Kind == "cpu" {
		r.yardstick = peak.NewYardstick(info.Level, info.Threads)
	}
	return m, nil
}

func (m *ownMeter) round(ctx context.Context, cases []string) (*Results, error) {
	out := &Results{
		Format: ResultsFormat, Version: m.version, Measured: time.Now().UTC(), Suite: m.suite.Name, Asked: slices.Clone(cases),
		Machine: m.machine, Yardstick: peak.YardstickVersion, Seconds: (m.Duration * Rounds).Seconds(),
	}
	for _, name := range cases {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m.marks = marks{}
		m.mark(true)
		first := len(out.Cases)
		err := m.measure(ctx, name, func(r Result) error {
			c := out.add(r.Case)
			s := Series{Metric: r.Metric, Samples: []float64{r.Value}, shares: []float64{r.Share}}
			if metric, ok := m.suite.metric(r.Metric); ok {
				s.Direction, s.Exact = metric.Direction, metric.Exact
			}
			c.Metrics = append(c.Metrics, s)
			return nil
		})
		if err != nil {
			return nil, err
		}
		m.mark(true)
		if m.yardstick != nil {
			for i := range out.Cases[first:] {
				out.Cases[first+i].Speeds = m.marks.middle()
			}
		}
	}
	return out, nil
}

// Measure measures cases in rounds, each with a set-up of its own, one case after another in every round: what
// disturbs the machine for a while disturbs a round of several cases, not one case alone. The duration of the options is that of
// [Rounds] rounds. The result is what [Gate] compares with, and what [Results.Write] writes.
func Measure(ctx context.Context, suite, version string, rounds int, opt Options) (*Results, error) {
	m, err := newMeter(suite, version, opt)
	if err != nil {
		return nil, err
	}
	var out *Results
	for range rounds {
		r, err := m.round(ctx, m.Cases)
		if err != nil {
			return nil, err
		}
		out = out.merge(r)
	}
	if opt.Log != nil {
		for _, c := range out.restless() {
			opt.Log.Warn("rounds differ by half and more: as a baseline they hide small slowdowns; measure on a quieter machine", "case", c)
		}
	}
	return out, nil
}

// restless returns the cases whose speeds differ by half and more.
func (r *Results) restless() (names []string) {
	for _, c := range r.Cases {
		if slices.ContainsFunc(c.Metrics, func(s Series) bool {
			return (s.Direction == Higher || s.Direction == Lower) && slices.Max(s.Samples) >= 1.5*slices.Min(s.Samples)
		}) {
			names = append(names, c.Name)
		}
	}
	return names
}
