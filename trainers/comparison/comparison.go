// Package comparison says how sure the metrics of models are, and which of several models is better on the same rows: bootstrap
// intervals, and paired tests of the differences.
//
// Rows, or what a task measures one by one, are drawn with replacement, as many as there are; every model and metric sees the same
// draw. Intervals are BCa, bias-corrected and accelerated (Efron, "Better Bootstrap Confidence Intervals", JASA 82, 1987), and not
// those of the percentiles, for metrics are bounded and their distributions skewed where they are good – an AUC of 0.99, a recall
// of few positives – just where percentiles miss to one side. The acceleration comes from a jackknife over groups of rows.
//
// A difference of two models on the same rows is nearly symmetric, and BCa's corrections are noise there, with which the test of average
// precision or lift calls 8 to 11 % of equals different where it should be 5: its interval is the difference and so many standard errors
// of the paired draws to both sides, and its p-value follows from the same, so that the two never contradict each other. The test of
// the AUC of rows without weights is DeLong's (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988), whose standard error
// is found without draws. All p-values of a comparison are adjusted together by Holm's method (Scandinavian Journal of
// Statistics 6, 1979).
//
// Draws come from counters keyed by seed and replicate: the same seed gives the same bits for any number of goroutines.
package comparison

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"debut/trainers/metrics"
)

// Defaults and bounds of Options.
const (
	DefaultReplicates = 2000
	DefaultConfidence = 0.95
	MinReplicates     = 100
	MaxReplicates     = 1_000_000
)

// Options say how models are compared. The zero value is usable.
type Options struct {
	Metrics    []string // nil: those that fit a line
	Replicates int      // 0: DefaultReplicates
	Confidence float64  // of intervals, in (0, 1); 0: DefaultConfidence
	Seed       uint64
	Threads    int // 0: one for each core; changes nothing in what comes out
}

// Interval is a confidence interval; NaN where there is none.
type Interval struct{ Low, High float64 }

// MarshalJSON writes [low, high], or null.
func (i Interval) MarshalJSON() ([]byte, error) {
	if math.IsNaN(i.Low) || math.IsNaN(i.High) {
		return []byte("null"), nil
	}
	return json.Marshal([2]float64{i.Low, i.High})
}

// Estimate is a metric of a model.
type Estimate struct {
	Metric   string   `json:"metric"`
	Value    Number   `json:"value"`
	Interval Interval `json:"interval"`
}

// Model is what is known of one model.
type Model struct {
	Name      string     `json:"name"`
	Estimates []Estimate `json:"estimates"` // by metric, in the order of Comparison.Metrics
}

// Tests of a difference.
const (
	ByBootstrap = "paired bootstrap"
	ByDeLong    = "DeLong"
)

// Difference is how much more one model has of a metric than another.
type Difference struct {
	Metric   string   `json:"metric"`
	A        string   `json:"a"`
	B        string   `json:"b"`
	Value    Number   `json:"value"` // of B less of A
	Interval Interval `json:"interval"`
	Test     string   `json:"test"`
	P        Number   `json:"p"`      // of no difference, two-sided
	PHolm    Number   `json:"p_holm"` // adjusted for all tests of the comparison
	// Better names the model that is better, where PHolm is below one minus the confidence; else "".
	Better string `json:"better,omitempty"`
}

// Number is a float64 that is null in JSON where it is not finite.
type Number float64

// MarshalJSON writes the number or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if x := float64(n); math.IsNaN(x) || math.IsInf(x, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// Comparison is what Compare found.
type Comparison struct {
	Task       metrics.Task `json:"task"`
	Rows       int          `json:"rows"` // or users
	Metrics    []string     `json:"metrics"`
	Replicates int          `json:"replicates"`
	Confidence float64      `json:"confidence"`
	Seed       uint64       `json:"seed"`
	Intervals  string       `json:"intervals"` // BCa
	Models     []Model      `json:"models"`
	// Differences of each pair of models, earlier less later, metric by metric.
	Differences []Difference `json:"differences"`
	// Notes tell what was left out, and why an interval is missing.
	Notes []string `json:"notes,omitempty"`
}

// ErrNotSame is matched by errors about samples that are not of the same rows.
var ErrNotSame = errors.New("the models were not measured on the same rows")

// Compare compares models, named, on the same rows. A single one gets its intervals. Errors match metrics.ErrUnknown for a metric
// that there is not, and ErrNotSame.
func Compare(ctx context.Context, names []string, samples []*metrics.Sample, opt Options) (*Comparison, error) {
	if len(samples) == 0 || len(names) != len(samples) {
		return nil, errors.New("comparison: there is nothing to compare")
	}
	if opt.Replicates == 0 {
		opt.Replicates = DefaultReplicates
	}
	if opt.Confidence == 0 {
		opt.Confidence = DefaultConfidence
	}
	switch {
	case opt.Replicates < MinReplicates || opt.Replicates > MaxReplicates:
		return nil, fmt.Errorf("comparison: %d replicates; give %d to %d", opt.Replicates, MinReplicates, MaxReplicates)
	case !(opt.Confidence > 0 && opt.Confidence < 1):
		return nil, fmt.Errorf("comparison: a confidence of %v; give a share between 0 and 1, such as 0.95", opt.Confidence)
	}
	samples, notes, err := same(names, samples)
	if err != nil {
		return nil, err
	}
	list, err := choose(samples[0], opt.Metrics)
	if err != nil {
		return nil, err
	}
	c := &Comparison{
		Task: samples[0].Task, Rows: samples[0].Len(), Metrics: list, Replicates: opt.Replicates, Confidence: opt.Confidence, Seed: opt.Seed,
		Intervals: "BCa", Differences: []Difference{}, Notes: notes,
	}
	statistics := make([]statistic, 0, len(samples)*len(list)) // model by model
	for i, s := range samples {
		for _, name := range list {
			st, err := newStatistic(s, name)
			if err != nil {
				return nil, fmt.Errorf("comparison: %s: %w", names[i], err)
			}
			statistics = append(statistics, st)
		}
	}
	b, err := resample(ctx, samples[0].Len(), statistics, opt)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		m := Model{Name: name}
		for k, metric := range list {
			d := b.distribution(i*len(list) + k)
			m.Estimates = append(m.Estimates, Estimate{metric, Number(d.value), d.interval(opt.Confidence)})
			c.note(d, name, metric)
		}
		c.Models = append(c.Models, m)
	}
	for k, metric := range list {
		higher, err := metrics.Higher(metric)
		if err != nil {
			return nil, err
		}
		for j := range names {
			for i := range j {
				d := b.difference(j*len(list)+k, i*len(list)+k)
				diff := Difference{Metric: metric, A: names[i], B: names[j], Value: Number(d.value), Interval: d.symmetric(opt.Confidence), Test: ByBootstrap, P: Number(d.p(c.Rows))}
				if metric == "auc" && samples[0].Weights == nil {
					p, deviation := deLong(samples[i], samples[j])
					half := quantile(1-(1-opt.Confidence)/2) * deviation
					diff.Test, diff.P, diff.Interval = ByDeLong, Number(p), Interval{d.value - half, d.value + half}
				}
				diff.Better = names[i]
				if (d.value > 0) == higher {
					diff.Better = names[j]
				}
				c.Differences = append(c.Differences, diff)
			}
		}
	}
	c.adjust()
	return c, nil
}

// maxUndefined is the share of replicates without a value up to which the others make an interval.
const maxUndefined = 0.05

// note tells of a metric without an interval.
func (c *Comparison) note(d distribution, name, metric string) {
	switch {
	case math.IsNaN(d.value):
		c.Notes = append(c.Notes, fmt.Sprintf("%s of %s is undefined on these rows", metric, name))
	case d.undefined > maxUndefined:
		c.Notes = append(c.Notes, fmt.Sprintf("%s of %s has no interval: in %.0f %% of the draws it is undefined, for too few rows are of a class", metric, name, 100*d.undefined))
	}
}

// adjust makes Holm's p-values, and leaves no model the better that may be so by chance.
func (c *Comparison) adjust() {
	order := make([]int, 0, len(c.Differences))
	for i := range c.Differences {
		c.Differences[i].PHolm = Number(math.NaN())
		if !math.IsNaN(float64(c.Differences[i].P)) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(c.Differences[a].P, c.Differences[b].P) })
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, float64(c.Differences[i].P)*float64(len(order)-rank)))
		c.Differences[i].PHolm = Number(least)
	}
	for i := range c.Differences {
		if d := &c.Differences[i]; !(float64(d.PHolm) < 1-c.Confidence) {
			d.Better = ""
		}
	}
}

// choose returns the metrics to compare.
func choose(s *metrics.Sample, asked []string) ([]string, error) {
	if len(asked) == 0 {
		var all metrics.Values
		for _, name := range measurable(s) {
			all = append(all, metrics.Value{Name: name})
		}
		for _, v := range metrics.Headline(s.Task, all) {
			asked = append(asked, v.Name)
		}
	}
	var list []string
	for _, name := range asked {
		if err := metrics.Check(s.Task, name); err != nil {
			return nil, err
		}
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list, nil
}

// same returns the samples of the rows that all models were measured on, or an error. Of units, those are kept that all have.
func same(names []string, samples []*metrics.Sample) ([]*metrics.Sample, []string, error) {
	first := samples[0]
	for i, s := range samples[1:] {
		differ := func(format string, args ...any) error {
			return fmt.Errorf("comparison: %w: %s and %s: %s", ErrNotSame, names[0], names[i+1], fmt.Sprintf(format, args...))
		}
		switch {
		case s.Task != first.Task:
			return nil, nil, differ("the tasks are %s and %s", first.Task, s.Task)
		case (s.Units == nil) != (first.Units == nil):
			return nil, nil, differ("one is measured row by row, the other not")
		case s.Units != nil:
		case !slices.Equal(s.Classes, first.Classes):
			return nil, nil, differ("the classes are %s and %s", strings.Join(first.Classes, ", "), strings.Join(s.Classes, ", "))
		case len(s.Targets) != len(first.Targets):
			return nil, nil, differ("there are %d and %d rows", len(first.Targets), len(s.Targets))
		case !slices.Equal(s.Targets, first.Targets):
			return nil, nil, differ("they have other targets")
		case !slices.Equal(s.Weights, first.Weights):
			return nil, nil, differ("they have other weights")
		}
	}
	if first.Units == nil {
		return samples, nil, nil
	}
	in := map[string]int{}
	for _, s := range samples {
		for _, key := range s.Units.Keys {
			in[key]++
		}
	}
	out, left := make([]*metrics.Sample, len(samples)), map[string]bool{}
	for i, s := range samples {
		var keep []int
		for u, key := range s.Units.Keys {
			if in[key] == len(samples) {
				keep = append(keep, u)
			} else {
				left[key] = true
			}
		}
		out[i] = pick(s, keep)
		if i > 0 && !slices.Equal(out[i].Units.Keys, out[0].Units.Keys) {
			return nil, nil, fmt.Errorf("comparison: %w: %s and %s have the same %s in another order", ErrNotSame, names[0], names[i], metrics.Unit(first.Task))
		}
	}
	if out[0].Len() == 0 {
		return nil, nil, fmt.Errorf("comparison: %w: there are no %s for whom all models look for the same", ErrNotSame, metrics.Unit(first.Task))
	}
	if len(left) == 0 {
		return out, nil, nil
	}
	return out, []string{fmt.Sprintf("%d %s are compared; for others, %d by one model or another, not all models know the same", out[0].Len(), metrics.Unit(first.Task), len(left))}, nil
}

// pick returns some of the units of a sample.
func pick(s *metrics.Sample, rows []int) *metrics.Sample {
	out := *s
	u := &metrics.Units{Keys: make([]string, len(rows)), Metrics: make([]metrics.UnitMetric, len(s.Units.Metrics))}
	for i, r := range rows {
		u.Keys[i] = s.Units.Keys[r]
	}
	for k, m := range s.Units.Metrics {
		values := make([]float32, len(rows))
		for i, r := range rows {
			values[i] = m.Values[r]
		}
		u.Metrics[k] = metrics.UnitMetric{Name: m.Name, Values: values}
	}
	out.Units = u
	return &out
}
