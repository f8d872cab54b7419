package comparison

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"debut/kernels/philox"
	"debut/trainers/metrics"
	_ "debut/trainers/ranking" // the task whose metrics are means over users
)

var long = flag.Bool("long", false, "simulate more data sets in the tests of coverage and size")

// simulated makes a sample of two classes: a model that knows the logit but for noise.
func simulated(r *philox.Stream, n int, noise ...float64) []*metrics.Sample {
	targets := make([]float64, n)
	samples := make([]*metrics.Sample, len(noise))
	for k := range samples {
		samples[k] = &metrics.Sample{Task: metrics.TaskBinary, Classes: []string{"no", "yes"}, Targets: targets, Outputs: make([]float64, n), Threshold: .5}
	}
	for i := range n {
		z := 1.5*r.NormFloat64() - .5
		if r.Float64() < metrics.Sigmoid(z) {
			targets[i] = 1
		}
		for k, s := range samples {
			s.Outputs[i] = z + noise[k]*r.NormFloat64()
		}
	}
	return samples
}

func compare(t testing.TB, samples []*metrics.Sample, opt Options) *Comparison {
	t.Helper()
	names := []string{"a", "b", "c", "d"}[:len(samples)]
	c, err := Compare(context.Background(), names, samples, opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// drawn returns the rows of a sample as often as counted.
func drawn(s *metrics.Sample, counts []uint8) *metrics.Sample {
	out := *s
	out.Outputs, out.Targets, out.Weights = nil, nil, nil
	w := len(s.Outputs) / len(s.Targets)
	for i, c := range counts {
		for range c {
			out.Outputs = append(out.Outputs, s.Outputs[i*w:(i+1)*w]...)
			out.Targets = append(out.Targets, s.Targets[i])
			if s.Weights != nil {
				out.Weights = append(out.Weights, s.Weights[i])
			}
		}
	}
	return &out
}

// TestStatistics compares the statistics of draws with the metrics of the rows drawn.
func TestStatistics(t *testing.T) {
	r := philox.New(1, 1)
	const n, c = 300, 4
	binary := simulated(r, n, .7)[0]
	for i := range binary.Outputs {
		binary.Outputs[i] = math.Round(binary.Outputs[i]*5) / 5 // many are equal
	}
	multi := &metrics.Sample{Task: metrics.TaskMultiClass, Classes: []string{"a", "b", "c", "d"}}
	number := &metrics.Sample{Task: metrics.TaskRegression}
	for range n {
		y := r.IntN(c)
		multi.Targets = append(multi.Targets, float64(y))
		for k := range c {
			z := math.Round(4*r.NormFloat64()) / 4
			if k == y {
				z++
			}
			multi.Outputs = append(multi.Outputs, z)
		}
		v := r.NormFloat64()
		number.Outputs, number.Targets = append(number.Outputs, v), append(number.Targets, 1e4+v+.3*r.NormFloat64())
	}
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = float64(r.IntN(4))
	}
	distinct := simulated(r, n, .7)[0] // no two scores are equal
	for _, s := range []*metrics.Sample{binary, distinct, multi, number} {
		for _, w := range [][]float64{nil, weights} {
			one := *s
			one.Weights = w
			result, err := one.Measure()
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range result.Values {
				if v.Name == "ece" {
					continue
				}
				st, err := newStatistic(&one, v.Name)
				if err != nil {
					t.Fatal(err)
				}
				for draws := range 4 {
					counts := make([]uint8, n)
					if draw(counts, philox.Key(7, 7), uint32(draws)); draws == 0 {
						fill(counts, 1)
					}
					picked, err := drawn(&one, counts).Measure()
					if err != nil {
						t.Fatal(err)
					}
					want, _ := picked.Values.Get(v.Name)
					if got := st.value(counts); !(math.Abs(got-want) <= 1e-9*math.Max(1, math.Abs(want))) {
						t.Errorf("%s %s, weights %v: %v, want %v", s.Task, v.Name, w != nil, got, want)
					}
				}
			}
		}
	}
}

// TestUndefinedStatistics has no value where the metric has none.
func TestUndefinedStatistics(t *testing.T) {
	for _, s := range []*metrics.Sample{
		{Task: metrics.TaskBinary, Classes: []string{"n", "y"}, Outputs: []float64{1, -1, 0}, Targets: []float64{0, 0, 0}, Threshold: .5},
		{Task: metrics.TaskBinary, Classes: []string{"n", "y"}, Outputs: []float64{1, -1, 0}, Targets: []float64{1, 1, 1}, Threshold: .5},
		{Task: metrics.TaskRegression, Outputs: []float64{1, 2, 3}, Targets: []float64{.1, .1, .1}},
		{Task: metrics.TaskMultiClass, Classes: []string{"a", "b"}, Outputs: []float64{1, 0, 0, 1}, Targets: []float64{1, 1}},
	} {
		r, err := s.Measure()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range r.Values {
			if v.Name == "ece" {
				continue
			}
			st, err := newStatistic(s, v.Name)
			if err != nil {
				t.Fatal(err)
			}
			counts := slices.Repeat([]uint8{1}, s.Len())
			if got := st.value(counts); math.IsNaN(got) != math.IsNaN(v.Value) {
				t.Errorf("%s %s of %v: %v, the metric is %v", s.Task, v.Name, s.Targets, got, v.Value)
			}
		}
	}
}

// TestDraws: every draw has as many rows, and a row is drawn once on average, with the variance of a binomial.
func TestDraws(t *testing.T) {
	for _, n := range []int{1, 3, 1000, 1<<20 + 1} {
		counts := make([]uint8, n)
		sum, squares, draws := 0, 0, max(2, 4000/n)
		for b := range draws {
			draw(counts, philox.Key(3, 3), uint32(b))
			rows := 0
			for _, c := range counts {
				rows += int(c)
				squares += int(c) * int(c)
			}
			if rows != n {
				t.Fatalf("%d rows are drawn of %d", rows, n)
			}
			sum += rows
		}
		variance := float64(squares)/float64(n*draws) - 1
		want := 1 - 1/float64(n)
		if sum != n*draws || math.Abs(variance-want) > .1 {
			t.Errorf("of %d rows: variance %v of the counts, want %v", n, variance, want)
		}
	}
}

// TestThreads: the same bits for any number of goroutines, and others for another seed.
func TestThreads(t *testing.T) {
	samples := simulated(philox.New(5, 5), 400, .5, 1)
	opt := Options{Metrics: []string{"auc", "log_loss", "f1", "lift@10%"}, Replicates: 300, Seed: 9, Threads: 1}
	want := compare(t, samples, opt)
	for _, threads := range []int{2, 5} {
		opt.Threads = threads
		if got := compare(t, samples, opt); !reflect.DeepEqual(got, want) {
			t.Errorf("%d threads give another result", threads)
		}
	}
	opt.Seed++
	if got := compare(t, samples, opt); reflect.DeepEqual(got.Models, want.Models) {
		t.Error("another seed gives the same intervals")
	}
}

// covered simulates data sets and returns the shares of intervals that hold the truth.
func covered(t *testing.T, sets, n int, opt Options, truth func(metric string) float64, simulate func(r *philox.Stream, n int) *metrics.Sample) map[string]float64 {
	t.Helper()
	hits := map[string]float64{}
	for set := range sets {
		r := philox.New(uint64(set), philox.StreamOf("coverage"))
		opt.Seed = uint64(set)
		c := compare(t, []*metrics.Sample{simulate(r, n)}, opt)
		for _, e := range c.Models[0].Estimates {
			if v := truth(e.Metric); e.Interval.Low <= v && v <= e.Interval.High {
				hits[e.Metric] += 1 / float64(sets)
			}
		}
	}
	return hits
}

// TestCoverage: of intervals of 95 %, 93 to 97 % hold the truth.
func TestCoverage(t *testing.T) {
	sets := 400
	if *long {
		sets = 5000
	}
	check := func(what string, shares map[string]float64, metrics []string) {
		t.Helper()
		for _, name := range metrics {
			t.Logf("%s: %s %.4f", what, name, shares[name])
			if s := shares[name]; !(s >= .93 && s <= .97) {
				t.Errorf("%s: %.4f of the intervals of %s hold the truth", what, s, name)
			}
		}
	}
	binary := Options{Metrics: []string{"auc", "log_loss", "accuracy", "recall"}, Replicates: 400}
	population := simulated(philox.New(77, 77), 1<<20, .5)[0]
	measured, err := population.Measure()
	if err != nil {
		t.Fatal(err)
	}
	truth := func(name string) float64 { v, _ := measured.Values.Get(name); return v }
	check("binary", covered(t, sets, 250, binary, truth, func(r *philox.Stream, n int) *metrics.Sample { return simulated(r, n, .5)[0] }), binary.Metrics)

	// Means over users, most of whom have nothing: recall of short lists.
	units := func(r *philox.Stream, n int) *metrics.Sample {
		u := &metrics.Units{Metrics: []metrics.UnitMetric{{Name: "recall@10"}}}
		for i := range n {
			v := float32(0)
			if r.Float64() < .3 {
				v = float32(r.Float64())
			}
			u.Keys, u.Metrics[0].Values = append(u.Keys, fmt.Sprint(i)), append(u.Metrics[0].Values, v)
		}
		return &metrics.Sample{Task: "ranking", Units: u}
	}
	check("users", covered(t, sets, 200, Options{Metrics: []string{"recall@10"}, Replicates: 400}, func(string) float64 { return .15 }, units), []string{"recall@10"})

	number := func(r *philox.Stream, n int) *metrics.Sample {
		s := &metrics.Sample{Task: metrics.TaskRegression}
		for range n {
			v := r.NormFloat64()
			s.Outputs, s.Targets = append(s.Outputs, v), append(s.Targets, v+r.NormFloat64())
		}
		return s
	}
	regression := Options{Metrics: []string{"rmse", "r2", "mae"}, Replicates: 400}
	values := map[string]float64{"rmse": 1, "r2": .5, "mae": math.Sqrt(2 / math.Pi)}
	check("regression", covered(t, sets, 200, regression, func(name string) float64 { return values[name] }, number), regression.Metrics)
}

// TestSizeAndPower: of pairs of models that are equally good 5 % are called different, and one that is worse is found.
func TestSizeAndPower(t *testing.T) {
	sets := 400
	if *long {
		sets = 5000
	}
	list := []string{"auc", "log_loss", "average_precision", "f1"}
	rejected := func(n int, sets int, a, b float64) map[string]float64 {
		share := map[string]float64{}
		for set := range sets {
			c := compare(t, simulated(philox.New(uint64(set), philox.StreamOf("size")), n, a, b), Options{Metrics: list, Replicates: 400, Seed: uint64(set)})
			for _, d := range c.Differences {
				if d.P < .05 {
					share[d.Metric] += 1 / float64(sets)
				}
				if d.PHolm < .05 && d.Better != "a" && a < b {
					t.Errorf("set %d: the better of %+v", set, d)
				}
			}
		}
		return share
	}
	for name, s := range rejected(250, sets, .6, .6) {
		t.Logf("no difference: %s %.4f", name, s)
		if !(s >= .03 && s <= .07) {
			t.Errorf("of models that are alike %.4f are called different by %s", s, name)
		}
	}
	for name, s := range rejected(1000, 60, .4, 1) {
		t.Logf("a difference: %s %.4f", name, s)
		if s < .95 && name != "f1" { // which looks at one threshold alone
			t.Errorf("of models that are worse %.4f are found by %s", s, name)
		}
	}
}

// TestDeLong compares with the definition: sums over all pairs.
func TestDeLong(t *testing.T) {
	s := simulated(philox.New(2, 2), 60, .3, 1.5)
	for _, x := range s {
		for i := range x.Outputs {
			x.Outputs[i] = math.Round(3*x.Outputs[i]) / 3
		}
	}
	kernel := func(x, y float64) float64 {
		switch {
		case y < x:
			return 1
		case y == x:
			return .5
		}
		return 0
	}
	var positives, negatives []int
	for i, y := range s[0].Targets {
		if y == 1 {
			positives = append(positives, i)
		} else {
			negatives = append(negatives, i)
		}
	}
	component := func(x *metrics.Sample, one int, others []int, positive bool) float64 {
		sum := 0.0
		for _, o := range others {
			if positive {
				sum += kernel(x.Outputs[one], x.Outputs[o])
			} else {
				sum += kernel(x.Outputs[o], x.Outputs[one])
			}
		}
		return sum / float64(len(others))
	}
	variance := func(of, others []int, positive bool) (mean, v float64) {
		var d []float64
		for _, i := range of {
			d = append(d, component(s[1], i, others, positive)-component(s[0], i, others, positive))
			mean += d[len(d)-1] / float64(len(of))
		}
		for _, x := range d {
			v += (x - mean) * (x - mean) / float64(len(of)-1)
		}
		return mean, v / float64(len(of))
	}
	difference, v10 := variance(positives, negatives, true)
	_, v01 := variance(negatives, positives, false)
	want := math.Erfc(math.Abs(difference) / math.Sqrt(v10+v01) / math.Sqrt2)
	if got, d := deLong(s[0], s[1]); math.Abs(got-want) > 1e-12 || math.Abs(d-math.Sqrt(v10+v01)) > 1e-12 {
		t.Errorf("p %v, want %v; deviation %v", got, want, d)
	}
	if p, _ := deLong(s[0], s[0]); p != 1 {
		t.Errorf("a model and itself: p %v", p)
	}
}

func TestHolm(t *testing.T) {
	c := &Comparison{Confidence: .95}
	for _, p := range []float64{.04, .01, math.NaN(), .02, .5} {
		c.Differences = append(c.Differences, Difference{P: Number(p), Better: "a"})
	}
	c.adjust()
	var got []string
	for _, d := range c.Differences {
		got = append(got, fmt.Sprintf("%.3f%s", float64(d.PHolm), d.Better))
	}
	if want := "0.080 0.040a NaN 0.060 0.500"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// TestSameModel: a model beside itself is never better.
func TestSameModel(t *testing.T) {
	s := simulated(philox.New(8, 8), 200, .5)[0]
	for _, d := range compare(t, []*metrics.Sample{s, s}, Options{Metrics: []string{"auc", "log_loss", "f1"}, Replicates: 200}).Differences {
		if d.P != 1 || d.Value != 0 || d.Interval != (Interval{}) || d.Better != "" {
			t.Errorf("%+v", d)
		}
	}
}

// TestPerfect: where the metric cannot vary, the interval is a point.
func TestPerfect(t *testing.T) {
	s := &metrics.Sample{Task: metrics.TaskBinary, Classes: []string{"n", "y"}, Threshold: .5}
	for i := range 200 {
		s.Targets, s.Outputs = append(s.Targets, float64(i%2)), append(s.Outputs, float64(i%2*2-1)+float64(i)/1000)
	}
	e := compare(t, []*metrics.Sample{s}, Options{Metrics: []string{"auc", "accuracy"}, Replicates: 200}).Models[0].Estimates
	for _, x := range e {
		if x.Value != 1 || x.Interval != (Interval{1, 1}) {
			t.Errorf("%+v", x)
		}
	}
}

// TestFewPositives: an interval that many draws say nothing about is not made up.
func TestFewPositives(t *testing.T) {
	s := simulated(philox.New(4, 4), 60, .5)[0]
	for i := range s.Targets {
		s.Targets[i] = 0
	}
	s.Targets[3] = 1
	c := compare(t, []*metrics.Sample{s, s}, Options{Metrics: []string{"auc", "log_loss"}, Replicates: 400})
	e := c.Models[0].Estimates
	if !math.IsNaN(e[0].Interval.Low) || math.IsNaN(float64(e[0].Value)) || math.IsNaN(e[1].Interval.Low) {
		t.Errorf("%+v", e)
	}
	if len(c.Notes) != 2 || !strings.Contains(c.Notes[0], "auc of a has no interval: in ") {
		t.Errorf("%q", c.Notes)
	}
	s.Targets[3] = 0
	c = compare(t, []*metrics.Sample{s, s}, Options{Metrics: []string{"auc"}, Replicates: 400})
	if text, err := json.Marshal(c); err != nil || !strings.Contains(string(text), `"value":null,"interval":null`) || c.Differences[0].Better != "" {
		t.Errorf("%s, %v", text, err)
	}
	if !strings.Contains(c.Notes[0], "auc of a is undefined") {
		t.Errorf("%q", c.Notes)
	}
}

// TestUnits: users are paired by their keys, and those that not all models have are left out and told.
func TestUnits(t *testing.T) {
	sample := func(keys ...string) *metrics.Sample {
		u := &metrics.Units{Keys: keys, Metrics: []metrics.UnitMetric{{Name: "ndcg@10"}, {Name: "recall@10"}}}
		for _, k := range keys {
			u.Metrics[0].Values = append(u.Metrics[0].Values, float32(k[0]))
			u.Metrics[1].Values = append(u.Metrics[1].Values, 1)
		}
		return &metrics.Sample{Task: "ranking", Units: u}
	}
	c := compare(t, []*metrics.Sample{sample("a", "b", "d"), sample("b", "c", "d")}, Options{Metrics: []string{"ndcg@10"}, Replicates: 100})
	if c.Rows != 2 || float64(c.Models[0].Estimates[0].Value) != float64('b'+'d')/2 || c.Differences[0].Value != 0 || len(c.Notes) != 1 || !strings.HasPrefix(c.Notes[0], "2 users are compared; for others, 2 ") {
		t.Errorf("%+v", c)
	}
	if _, err := Compare(context.Background(), []string{"a", "b"}, []*metrics.Sample{sample("a"), sample("b")}, Options{}); !errors.Is(err, ErrNotSame) {
		t.Error(err)
	}
	if _, err := Compare(context.Background(), []string{"a"}, []*metrics.Sample{sample("a")}, Options{Metrics: []string{"recall@20"}}); err == nil || !strings.Contains(err.Error(), "ndcg@10, recall@10") {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	a := simulated(philox.New(6, 6), 50, .5)[0]
	other := *a
	other.Targets = slices.Clone(a.Targets)
	other.Targets[7] = 1 - other.Targets[7]
	shorter := *a
	shorter.Targets, shorter.Outputs = a.Targets[:49], a.Outputs[:49]
	classes := *a
	classes.Classes = []string{"no", "maybe"}
	weighted := *a
	weighted.Weights = slices.Repeat([]float64{2}, 50)
	number := &metrics.Sample{Task: metrics.TaskRegression, Targets: a.Targets, Outputs: a.Outputs}
	for what, b := range map[string]*metrics.Sample{"other targets": &other, "50 and 49 rows": &shorter, "no, yes and no, maybe": &classes, "other weights": &weighted, "binary and regression": number} {
		if _, err := Compare(context.Background(), []string{"x", "y"}, []*metrics.Sample{a, b}, Options{}); !errors.Is(err, ErrNotSame) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, opt := range map[string]Options{
		"unknown metric": {Metrics: []string{"acu"}}, "compare by log_loss": {Metrics: []string{"ece"}},
		"replicates": {Replicates: 3}, "a confidence of 95": {Confidence: 95},
	} {
		if _, err := Compare(context.Background(), []string{"x"}, []*metrics.Sample{a}, opt); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Compare(ctx, []string{"x"}, []*metrics.Sample{a}, Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func BenchmarkCompare(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			samples := simulated(philox.New(1, 1), n, .5, .6)
			for b.Loop() {
				compare(b, samples, Options{Metrics: []string{"auc", "log_loss"}, Replicates: 1000})
			}
		})
	}
}
