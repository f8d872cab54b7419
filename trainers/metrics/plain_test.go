package metrics

import (
	"math"
	"strings"
	"testing"

	"debut/datasets/warning"
)

// Each task beside its plain answer, by hand.
func TestPlain(t *testing.T) {
	log := math.Log
	for name, c := range map[string]struct {
		s            Sample
		answer       string
		metric       string
		model, value float64
	}{
		"binary": {Sample{Task: TaskBinary, Classes: []string{"n", "y"}, Threshold: 0.5, Outputs: []float64{0, log(3)}, Targets: []float64{0, 1}, Plain: []float64{0.75, 0.25}},
			"the share of each class", "log_loss", (log(2) + log(4.0/3)) / 2, -(log(0.75) + log(0.25)) / 2},
		"weighted": {Sample{Task: TaskBinary, Classes: []string{"n", "y"}, Threshold: 0.5, Outputs: []float64{0, log(3), 9}, Targets: []float64{0, 1, 1}, Weights: []float64{3, 1, 0}, Plain: []float64{0.75, 0.25}},
			"the share of each class", "log_loss", (3*log(2) + log(4.0/3)) / 4, -(3*log(0.75) + log(0.25)) / 4},
		"classes": {Sample{Task: TaskMultiClass, Classes: []string{"a", "b", "c"}, Outputs: []float64{0, 0, 0, log(2), 0, 0}, Targets: []float64{2, 0}, Plain: []float64{0.5, 0.25, 0.25}},
			"the share of each class", "log_loss", (log(3) + log(2)) / 2, -(log(0.25) + log(0.5)) / 2},
		"squares":  {Sample{Task: TaskRegression, Outputs: []float64{1, 2}, Targets: []float64{2, 4}, Plain: []float64{3}}, "the mean", "mse", 2.5, 1},
		"absolute": {Sample{Task: TaskRegression, Outputs: []float64{1, 2}, Targets: []float64{2, 4}, Plain: []float64{3}, PlainBy: "mae"}, "the mean", "mae", 1.5, 1},
		"counts": {Sample{Task: TaskRegression, Outputs: []float64{1, 2}, Targets: []float64{0, 2}, Plain: []float64{1}, Loss: PoissonDeviance, PlainBy: PoissonDeviance},
			"the mean", PoissonDeviance, 1, (2 + 2*(2*log(2)-1)) / 2},
		"a quantile": {Sample{Task: TaskRegression, Outputs: []float64{1, 2}, Targets: []float64{2, 1}, Plain: []float64{1}, Loss: Pinball, PlainBy: Pinball, Quantile: 0.9},
			"the mean", Pinball, 0.5, 0.45},
	} {
		r, err := c.s.Measure()
		if err != nil {
			t.Fatal(err)
		}
		p := r.Plain
		if p == nil || p.Answer != c.answer || p.Metric != c.metric || math.Abs(p.Model-c.model) > 1e-12 || math.Abs(p.Value-c.value) > 1e-12 {
			t.Errorf("%s: %+v, want %s %v and %v", name, p, c.metric, c.model, c.value)
			continue
		}
		if got, err := r.Get(c.metric); err != nil || math.Abs(got-p.Model) > 1e-12 {
			t.Errorf("%s: the metric %s is %v, beside the plain answer %v", name, c.metric, got, p.Model)
		}
		list := r.Warnings("test", "").Named(warning.WorseThanPlain)
		if worse := c.model > c.value; len(list) > 0 != worse {
			t.Errorf("%s: told %q", name, list)
		} else if worse && (list[0].Numbers["model"] != p.Model || list[0].Remedy == "" || !strings.Contains(list[0].Message, "the test rows")) {
			t.Errorf("%s: %+v", name, list[0])
		}
	}
	// The standard error of a mean of 1 and 4.
	r, err := (&Sample{Task: TaskRegression, Outputs: []float64{1, 2}, Targets: []float64{2, 4}, Plain: []float64{3}}).Measure()
	if err != nil || math.Abs(r.Plain.Error-math.Sqrt(2*1.5*1.5)/2) > 1e-12 {
		t.Errorf("%v: %+v", err, r.Plain)
	}
	// Of a class that training has not seen there is no share to answer.
	r, err = (&Sample{Task: TaskMultiClass, Classes: []string{"a", "b"}, Outputs: []float64{0, 0}, Targets: []float64{1}, Plain: []float64{1, 0}}).Measure()
	if err != nil || r.Plain != nil {
		t.Errorf("%v: %+v", err, r.Plain)
	}
}

func TestFar(t *testing.T) {
	of := func(model, err float64) *Result {
		return &Result{Task: TaskRegression, Plain: &Plain{Metric: "mse", Model: model, Error: err}}
	}
	for name, c := range map[string]struct {
		validation, test *Result
		want             bool
	}{
		"worse": {of(1, 0.1), of(3, 0.2), true}, "better": {of(3, 0.2), of(1, 0.1), true}, "by chance": {of(1, 0.3), of(3, 0.5), false},
		"sure, but little": {of(1, 0.001), of(1.1, 0.001), false}, "no test": {of(1, 0.1), nil, false}, "unknown": {of(1, 0), of(3, 0), false},
		"no plain answer": {of(1, 0.1), &Result{}, false},
	} {
		w, far := Far(c.validation, c.test)
		if far != c.want || far && (w.Name != warning.FarFromTest || w.Remedy == "" || w.Numbers["test"] != c.test.Plain.Model) {
			t.Errorf("%s: %v, %+v", name, far, w)
		}
	}
}
