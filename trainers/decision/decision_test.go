package decision

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"debut/datasets/configfile"
	"debut/kernels/philox"
	"debut/trainers/metrics"
)

func of(v float64) *float64 { return &v }

func logit(p float64) float64 { return math.Log(p / (1 - p)) }

func binary(probabilities, labels, weights []float64) *metrics.Sample {
	s := &metrics.Sample{Task: metrics.TaskBinary, Classes: []string{"no", "yes"}, Targets: labels, Weights: weights, Threshold: .5}
	for _, p := range probabilities {
		s.Outputs = append(s.Outputs, logit(p))
	}
	return s
}

func learn(t testing.TB, c Config, s *metrics.Sample) (*Decision, Learned) {
	t.Helper()
	d, l, err := c.Learn(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Check(len(s.Classes)); err != nil {
		t.Errorf("what was learned is refused: %v", err)
	}
	return d, l
}

func TestThresholdByHand(t *testing.T) {
	p := []float64{.9, .8, .7, .6, .4, .3, .2, .1}
	y := []float64{1, 1, 0, 1, 0, 1, 0, 0}
	for _, c := range []struct {
		t    Threshold
		want float64
	}{
		{Threshold{Choose: chooseF1}, .25},                        // precision 4/6, recall 1: 0.8
		{Threshold{Choose: chooseRecall, Precision: of(.75)}, .5}, // 3 of 4
		{Threshold{Choose: chooseRecall, Precision: of(1)}, .75},  // 2 of 2
		{Threshold{Choose: choosePrecision, Recall: of(.75)}, .5}, // 3 of 4
		{Threshold{Choose: choosePrecision, Recall: of(1)}, .25},  // 4 of 6
		{Threshold{Choose: chooseCost, FalsePositive: of(1), FalseNegative: of(10)}, .25},
		{Threshold{Choose: chooseCost, FalsePositive: of(10), FalseNegative: of(1)}, .75},
		{Threshold{Choose: chooseCost, FalsePositive: of(1), FalseNegative: of(0)}, .95}, // nobody
		{Threshold{Value: of(.33)}, .33},
	} {
		d, l := learn(t, Config{Threshold: c.t}, binary(p, y, nil))
		if math.Abs(d.At()-c.want) > 1e-12 || len(l.Warnings) > 0 {
			t.Errorf("%+v: %v, want %v; %v", c.t, d.At(), c.want, l.Warnings)
		}
	}
	// No threshold is precise enough: the best there is, told.
	d, l := learn(t, Config{Threshold: Threshold{Choose: chooseRecall, Precision: of(.9)}}, binary([]float64{.9, .8, .2}, []float64{0, 1, 0}, nil))
	if math.Abs(d.At()-.5) > 1e-12 || len(l.Warnings) != 1 || !strings.Contains(l.Warnings[0].String(), "no threshold has a precision of 0.9") {
		t.Errorf("%v, %q", d.At(), l.Warnings)
	}
	if d, l = learn(t, Config{Threshold: Threshold{Choose: chooseF1}}, binary(p, make([]float64, 8), nil)); d.At() != DefaultThreshold || len(l.Warnings) != 1 {
		t.Errorf("%v, %q", d.At(), l.Warnings)
	}
	// Where nothing is asked for there is nothing to keep.
	if d, l = learn(t, Config{}, binary(p, y, nil)); d != nil || l.Protocol != "" || d.At() != DefaultThreshold {
		t.Errorf("%+v, %+v", d, l)
	}
}

// TestThresholdIsBest compares with trying every threshold there is.
func TestThresholdIsBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 30).Draw(t, "n")
		p := rapid.SliceOfN(rapid.Map(rapid.IntRange(1, 19), func(i int) float64 { return float64(i) / 20 }), n, n).Draw(t, "p")
		y := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 1), func(i int) float64 { return float64(i) }), n, n).Draw(t, "y")
		w := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 3), func(i int) float64 { return float64(i) }), n, n).Draw(t, "w")
		y[0], w[0] = 1, 1
		s := binary(p, y, w)
		d, _, err := (&Config{Threshold: Threshold{Choose: chooseF1}}).Learn(s)
		if err != nil {
			t.Fatal(err)
		}
		f1 := func(threshold float64) float64 {
			r, err := metrics.Binary(s.Outputs, y, w, threshold)
			if err != nil {
				t.Fatal(err)
			}
			v, _ := r.Values.Get("f1")
			return v
		}
		for i := 1; i < 40; i++ {
			if got, other := f1(d.At()), f1(float64(i)/40+1e-9); other > got+1e-12 {
				t.Fatalf("f1 %v at %v, %v at %v", got, d.At(), other, float64(i)/40)
			}
		}
	})
}

// overconfident is a sample of a model whose logits are too large, and shifted.
func overconfident(seed uint64, n int) *metrics.Sample {
	r := philox.New(seed, 1)
	s := &metrics.Sample{Task: metrics.TaskBinary, Classes: []string{"no", "yes"}, Threshold: .5}
	for range n {
		z := 1.5 * r.NormFloat64()
		y := 0.0
		if r.Float64() < metrics.Sigmoid(z-1) {
			y = 1
		}
		s.Outputs, s.Targets = append(s.Outputs, 2.5*z+.5), append(s.Targets, y)
	}
	return s
}

// TestCalibrationHolds: what is learned on some rows brings the calibration error of others down, and never breaks the order.
func TestCalibrationHolds(t *testing.T) {
	validation, test := overconfident(1, 2000), overconfident(2, 5000)
	ece := func(s *metrics.Sample) (ece, auc float64) {
		r, err := s.Measure()
		if err != nil {
			t.Fatal(err)
		}
		ece, _ = r.Values.Get("ece")
		auc, _ = r.Values.Get("auc")
		return ece, auc
	}
	before, order := ece(test)
	for method, most := range map[string]float64{platt: .025, isotonic: .03, Temperature: .21} {
		d, l := learn(t, Config{Calibration: method}, validation)
		calibrated := *test
		calibrated.Outputs, calibrated.Raw, calibrated.Method = d.Probabilities(test.Outputs), test.Outputs, d.Calibration()
		after, auc := ece(&calibrated)
		if before < .15 || after > most || auc < order-.005 {
			t.Errorf("%s: calibration error %.4f before, %.4f after; auc %.4f, %.4f", method, before, after, order, auc)
		}
		if !strings.Contains(l.Protocol, method) {
			t.Errorf("%q", l.Protocol)
		}
		r, err := calibrated.Measure()
		if err != nil {
			t.Fatal(err)
		}
		if was, ok := r.Calibration.Before.Get("ece"); !ok || was != before || r.Calibration.Method != method {
			t.Errorf("%s: %+v", method, r.Calibration)
		}
		for i := range 200 {
			z := float64(i-100) / 3
			a, b := d.Probabilities([]float64{z, z + 1./3})[0], d.Probabilities([]float64{z, z + 1./3})[1]
			if !(a <= b) || math.IsInf(a, 0) {
				t.Fatalf("%s: %v to %v, %v to %v", method, z, a, z+1./3, b)
			}
		}
	}
	// The slope and the shift of the simulation are found.
	d, _ := learn(t, Config{Calibration: platt}, overconfident(3, 100_000))
	if c := d.Calibrator; math.Abs(c.Slope-.4) > .01 || math.Abs(*c.Intercept+1.2) > .03 {
		t.Errorf("%v, %v", c.Slope, *c.Intercept)
	}
	// The threshold is chosen on calibrated probabilities, and keeps what it promises on other rows.
	d, _ = learn(t, Config{Calibration: isotonic, Threshold: Threshold{Choose: chooseRecall, Precision: of(.6)}}, overconfident(4, 20_000))
	calibrated := *test
	calibrated.Outputs, calibrated.Threshold = d.Probabilities(test.Outputs), d.At()
	r, err := calibrated.Measure()
	if err != nil {
		t.Fatal(err)
	}
	if precision, _ := r.Values.Get("precision"); math.Abs(precision-.6) > .03 {
		t.Errorf("precision %v at %v", precision, d.At())
	}
}

func TestTemperatureOfClasses(t *testing.T) {
	r := philox.New(5, 5)
	s := &metrics.Sample{Task: metrics.TaskMultiClass, Classes: []string{"a", "b", "c"}}
	for range 20_000 {
		z := []float64{r.NormFloat64(), r.NormFloat64(), r.NormFloat64()}
		total := math.Exp(z[0]) + math.Exp(z[1]) + math.Exp(z[2])
		u, y := r.Float64()*total, 0
		for u -= math.Exp(z[0]); u > 0 && y < 2; u -= math.Exp(z[y]) {
			y++
		}
		s.Outputs, s.Targets = append(s.Outputs, 3*z[0], 3*z[1], 3*z[2]), append(s.Targets, float64(y))
	}
	d, _ := learn(t, Config{Calibration: Temperature}, s)
	if math.Abs(d.Slope-1./3) > .02 {
		t.Errorf("slope %v, want about 1/3", d.Slope)
	}
}

// TestIsotonicByHand pools what falls; weights count as rows.
func TestIsotonicByHand(t *testing.T) {
	c := fitIsotonic([]float64{1, 2, 3, 4}, []float64{0, 1, 0, 1}, []float64{1, 1, 1, 5})
	want := Calibrator{Method: isotonic, Knots: []float64{1, 2, 3, 4}, Probabilities: []float64{.1, .5, .5, .9}}
	for i, k := range want.Knots {
		if len(c.Knots) != 4 || c.Knots[i] != k || math.Abs(c.Probabilities[i]-want.Probabilities[i]) > 1e-12 {
			t.Fatalf("%+v, want %+v", c, want)
		}
	}
	for z, p := range map[float64]float64{0: .1, 1: .1, 1.5: .3, 2.5: .5, 3.5: .7, 9: .9} {
		if got := metrics.Sigmoid(c.logit(z)); math.Abs(got-p) > 1e-12 {
			t.Errorf("at %v: %v, want %v", z, got, p)
		}
	}
	// Of scores that are all but equal it jumps, and is made a ramp with the same middle, which ends where it did elsewhere.
	steep := fitIsotonic([]float64{-1, 0, 0.001, 1}, []float64{0, 0, 1, 1}, nil)
	most := steepest / math.Sqrt(0.5)
	for i := 1; i < len(steep.Knots); i++ {
		if rise := steep.Probabilities[i] - steep.Probabilities[i-1]; rise < 0 || rise > (1+1e-9)*most*(steep.Knots[i]-steep.Knots[i-1]) {
			t.Errorf("from %v to %v it rises by %v", steep.Knots[i-1], steep.Knots[i], rise)
		}
	}
	for z, p := range map[float64]float64{-1: 1. / 6, -.2: 1. / 6, .0005: .5, .2: 5. / 6, 1: 5. / 6} {
		if got := steep.at(z); math.Abs(got-p) > 1e-6 {
			t.Errorf("at %v: %v, want %v", z, got, p)
		}
	}
	if err := steep.check(2); err != nil {
		t.Error(err)
	}
	if c := fitIsotonic([]float64{1, 2}, []float64{1, 0}, nil); c != nil {
		t.Errorf("%+v", c)
	}
	d, l := learn(t, Config{Calibration: platt}, binary([]float64{.1, .2, .8, .9}, []float64{1, 1, 0, 0}, nil))
	if d != nil || len(l.Warnings) != 1 || !strings.Contains(l.Warnings[0].String(), "not calibrated") {
		t.Errorf("%+v, %q", d, l.Warnings)
	}
}

func TestSeparable(t *testing.T) {
	// Without smoothed targets the slope would have no end.
	d, _ := learn(t, Config{Calibration: platt}, binary([]float64{.1, .2, .8, .9}, []float64{0, 0, 1, 1}, nil))
	if d.Slope > 10 {
		t.Errorf("slope %v", d.Slope)
	}
	learn(t, Config{Calibration: Temperature}, binary([]float64{.1, .2, .8, .9}, []float64{0, 0, 1, 1}, nil))
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		path string
		c    Config
		task metrics.Task
		none bool // no validation rows
	}{
		{path: "threshold.value", c: Config{Threshold: Threshold{Value: of(1)}}},
		{path: "threshold.value", c: Config{Threshold: Threshold{Value: of(.5), Choose: chooseF1}}},
		{path: "threshold.precision", c: Config{Threshold: Threshold{Choose: chooseRecall}}},
		{path: "threshold.precision", c: Config{Threshold: Threshold{Choose: chooseRecall, Precision: of(1.5)}}},
		{path: "threshold.precision", c: Config{Threshold: Threshold{Choose: chooseF1, Precision: of(.5)}}},
		{path: "threshold.recall", c: Config{Threshold: Threshold{Choose: choosePrecision}}},
		{path: "threshold.false_negative", c: Config{Threshold: Threshold{Choose: chooseCost, FalsePositive: of(1)}}},
		{path: "threshold.false_positive", c: Config{Threshold: Threshold{Choose: chooseCost, FalsePositive: of(0), FalseNegative: of(0)}}},
		{path: "threshold.choose", c: Config{Threshold: Threshold{Choose: "f2"}}},
		{path: "calibration", c: Config{Calibration: "sigmoid"}},
		{path: "threshold", c: Config{Threshold: Threshold{Choose: chooseF1}}, task: metrics.TaskMultiClass},
		{path: "threshold", c: Config{Threshold: Threshold{Value: of(.5)}}, task: metrics.TaskRegression},
		{path: "calibration", c: Config{Calibration: platt}, task: metrics.TaskMultiClass},
		{path: "calibration", c: Config{Calibration: Temperature}, task: metrics.TaskRegression},
		{path: "threshold.choose", c: Config{Threshold: Threshold{Choose: chooseF1}}, none: true},
		{path: "calibration", c: Config{Calibration: platt}, none: true},
	} {
		err := c.c.Validate(c.task, !c.none)
		var field *configfile.FieldError
		if !errors.As(err, &field) {
			t.Errorf("%+v: %v", c.c, err)
			continue
		}
		var located interface{ FieldPath() string }
		if errors.As(err, &located); !strings.Contains(err.Error(), c.path) && located.FieldPath() != c.path {
			t.Errorf("%+v: the path is %q, want %q", c.c, located.FieldPath(), c.path)
		}
	}
	for _, c := range []Config{{}, {Calibration: none}, {Threshold: Threshold{Value: of(.5)}}} {
		if err := c.Validate(metrics.TaskBinary, false); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestForged: what a model folder may not hold.
func TestForged(t *testing.T) {
	iso := func(knots, probabilities []float64) *Decision {
		return &Decision{Threshold: .5, Calibrator: Calibrator{Method: isotonic, Knots: knots, Probabilities: probabilities}}
	}
	linear := func(method string, slope float64, intercept *float64) *Decision {
		return &Decision{Threshold: .5, Calibrator: Calibrator{Method: method, Slope: slope, Intercept: intercept}}
	}
	several := linear(Temperature, 1, nil)
	several.Threshold = 0
	for _, c := range []struct {
		begins  string
		d       *Decision
		classes int
	}{
		{"threshold: 0 is no", &Decision{}, 2}, {"threshold: 1 is no", &Decision{Threshold: 1}, 2},
		{"threshold: the model is not", &Decision{Threshold: .5}, 3}, {"threshold: the model is not", &Decision{Threshold: .5}, 0},
		{"slope", linear(platt, 0, of(1)), 2}, {"slope", linear(platt, -1, of(1)), 2}, {"slope", linear("", 1, nil), 2},
		{"slope", linear(platt, math.Inf(1), of(1)), 2},
		{"intercept", linear(Temperature, 1, of(1)), 2}, {"intercept", linear(platt, 1, nil), 2}, {"intercept", linear(platt, 1, of(math.NaN())), 2},
		{"knots: there are 0", iso(nil, nil), 2}, {"knots: there are 2", iso([]float64{1, 2}, []float64{.5}), 2},
		{"knots: there are 0", iso(nil, []float64{.5}), 2},
		{"knots.1", iso([]float64{1, 1}, []float64{.1, .5}), 2}, {"probabilities.1", iso([]float64{1, 2}, []float64{.5, .1}), 2},
		{"probabilities.0", iso([]float64{1, 2}, []float64{0, .1}), 2},
		{"calibration: there is no", linear("beta", 1, nil), 2},
		{"calibration: the model is of no", several, 0},
	} {
		if err := c.d.Check(c.classes); err == nil || !strings.HasPrefix(err.Error(), c.begins) {
			t.Errorf("%s: %v", c.begins, err)
		}
	}
	if err := several.Check(3); err != nil {
		t.Error(err)
	}
}
