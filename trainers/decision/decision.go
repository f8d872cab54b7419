// Package decision turns the scores of a classifier into probabilities that hold and into decisions: it learns a calibration and
// chooses a threshold on validation rows, and applies both.
package decision

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/warning"
	"debut/trainers/metrics"
)

// Config is the section of a run file.
type Config struct {
	Threshold   Threshold `yaml:"threshold,omitempty" jsonschema:"description=From which probability on a row is predicted positive; binary targets only (default: value 0.5)."`
	Calibration string    `yaml:"calibration,omitempty" jsonschema:"description=Fit the probabilities to the validation rows: none (default); platt (a logistic curve) or isotonic (any rising one; wants a thousand rows or more) for binary targets; temperature for classes; which networks of more than two classes have by default where there are 200 validation rows or more.,enum=none,enum=platt,enum=isotonic,enum=temperature"`
}

// Threshold says how the threshold is found: a value, or a choice on the validation rows.
type Threshold struct {
	Value  *float64 `yaml:"value,omitempty" jsonschema:"description=The probability itself.,exclusiveMinimum=0,exclusiveMaximum=1"`
	Choose string   `yaml:"choose,omitempty" jsonschema:"description=Choose it on the validation rows: f1 (the highest); recall (the highest at a precision of at least the key precision); precision (the highest at a recall of at least the key recall); cost (the lowest).,enum=f1,enum=recall,enum=precision,enum=cost"`

	Precision     *float64 `yaml:"precision,omitempty" jsonschema:"description=Of recall: the least precision.,exclusiveMinimum=0,maximum=1"`
	Recall        *float64 `yaml:"recall,omitempty" jsonschema:"description=Of precision: the least recall.,exclusiveMinimum=0,maximum=1"`
	FalsePositive *float64 `yaml:"false_positive,omitempty" jsonschema:"description=Of cost: what a row costs that is predicted positive and is not.,minimum=0"`
	FalseNegative *float64 `yaml:"false_negative,omitempty" jsonschema:"description=Of cost: what a positive row costs that is not predicted so.,minimum=0"`
}

// What a threshold is chosen by.
const (
	chooseF1        = "f1"
	chooseRecall    = "recall"
	choosePrecision = "precision"
	chooseCost      = "cost"
)

// DefaultThreshold is the probability from which on a row is predicted positive where nothing is said: the likelier class.
const DefaultThreshold = 0.5

// learns says whether validation rows are needed, and the key that asks for them.
func (c *Config) learns() (key string, yes bool) {
	if c.Threshold.Choose != "" {
		return "threshold.choose", true
	}
	return "calibration", c.Calibration != "" && c.Calibration != none
}

// Validate reports everything that cannot be used, with paths below the section. The task decides where it is known already;
// validated says whether there are validation rows.
func (c *Config) Validate(task metrics.Task, validated bool) error {
	errs := []error{configfile.Prefix("threshold", c.Threshold.validate())}
	if c.Calibration != "" && !slices.Contains(methods, c.Calibration) {
		errs = append(errs, configfile.OneOf("calibration", c.Calibration, methods...))
	}
	errs = append(errs, c.fits(task))
	if key, yes := c.learns(); yes && !validated {
		errs = append(errs, configfile.Errorf(key, "there are no validation rows to learn it on; set data.split.validation"))
	}
	return errors.Join(errs...)
}

// fits returns an error where the section is not for a task; "" is one that is not known yet.
func (c *Config) fits(task metrics.Task) error {
	binary, classes := task == metrics.TaskBinary, task == metrics.TaskMultiClass
	if task == "" {
		return nil
	}
	if !binary && c.Threshold != (Threshold{}) {
		return configfile.Errorf("threshold", "a threshold is for a binary target; the task is %s: leave it out", task)
	}
	switch c.Calibration {
	case "", none:
	case Temperature:
		if !binary && !classes {
			return configfile.Errorf("calibration", "probabilities are of classes; the task is %s: leave it out", task)
		}
	default:
		if classes {
			return configfile.Errorf("calibration", "%s is for a binary target; the task is %s: use %s", c.Calibration, task, Temperature)
		}
		if !binary {
			return configfile.Errorf("calibration", "probabilities are of classes; the task is %s: leave it out", task)
		}
	}
	return nil
}

func (t *Threshold) validate() error {
	if v := t.Value; v != nil {
		if t.Choose != "" {
			return configfile.Errorf("value", "the threshold is given, and is to be chosen too: leave value or choose out")
		}
		if !(*v > 0 && *v < 1) {
			return configfile.Errorf("value", "%v is no probability between 0 and 1", *v)
		}
	}
	for _, k := range []struct {
		key   string
		value *float64
		of    string
		most  float64
	}{
		{"precision", t.Precision, chooseRecall, 1}, {"recall", t.Recall, choosePrecision, 1},
		{"false_positive", t.FalsePositive, chooseCost, math.MaxFloat32}, {"false_negative", t.FalseNegative, chooseCost, math.MaxFloat32},
	} {
		switch {
		case k.value == nil && t.Choose == k.of:
			return configfile.Errorf(k.key, "choose: %s needs it: %s", k.of, example[k.of])
		case k.value != nil && t.Choose != k.of:
			return configfile.Errorf(k.key, "it belongs to choose: %s, as in %s", k.of, example[k.of])
		case k.value != nil && !(*k.value >= 0 && *k.value <= k.most):
			return configfile.Errorf(k.key, "%v is not from 0 to %v", *k.value, k.most)
		}
	}
	if t.Choose == chooseCost && *t.FalsePositive == 0 && *t.FalseNegative == 0 {
		return configfile.Errorf("false_positive", "no mistake costs anything; give false_positive or false_negative a price")
	}
	if t.Choose != "" && example[t.Choose] == "" {
		return configfile.OneOf("choose", t.Choose, chooseF1, chooseRecall, choosePrecision, chooseCost)
	}
	return nil
}

// example is how each choice is written.
var example = map[string]string{
	chooseF1:        "{choose: f1}",
	chooseRecall:    "{choose: recall, precision: 0.9}",
	choosePrecision: "{choose: precision, recall: 0.5}",
	chooseCost:      "{choose: cost, false_positive: 1, false_negative: 10}",
}

// Decision is what is kept with a model. Nil decides for the likelier class by the model's own probabilities.
type Decision struct {
	// Threshold is the probability, calibrated, from which on a row is predicted positive; of two classes, else 0.
	Threshold float64 `json:"threshold,omitempty"`
	Calibrator
}

// At is the threshold.
func (d *Decision) At() float64 {
	if d == nil {
		return DefaultThreshold
	}
	return d.Threshold
}

// Check returns an error, which begins with the key, unless the decision can be one of a model for so many classes; fewer than two
// are none.
func (d *Decision) Check(classes int) error {
	switch {
	case d == nil:
		return nil
	case classes != 2 && d.Threshold != 0:
		return errors.New("threshold: the model is not of two classes")
	case classes == 2 && !(d.Threshold > 0 && d.Threshold < 1):
		return fmt.Errorf("threshold: %v is no probability between 0 and 1", d.Threshold)
	}
	return d.check(classes)
}

// Probabilities returns calibrated logits for those of a model: [n] of two classes, [n*classes] of more. Without a calibration they
// are the model's.
func (d *Decision) Probabilities(logits []float64) []float64 {
	if d.Calibration() == "" {
		return logits
	}
	out := make([]float64, len(logits))
	for i, z := range logits {
		out[i] = d.logit(z)
	}
	return out
}

// Calibration names the method of calibration, "" for none.
func (d *Decision) Calibration() string {
	if d == nil {
		return ""
	}
	return d.Method
}

// Learned is what Learn has to say beside the decision.
type Learned struct {
	Protocol string       // what was learned on which rows, a clause; "" for nothing
	Warnings warning.List // where it could not be what was asked for
}

// Learn calibrates and chooses as the configuration says, on validation rows; s holds the model's own logits. The decision is nil
// where the configuration asks for none. Errors of a configuration that is not for the task have paths below the section.
func (c *Config) Learn(s *metrics.Sample) (*Decision, Learned, error) {
	var l Learned
	var task metrics.Task
	if s != nil {
		task = s.Task
	}
	if err := c.Validate(task, s != nil); err != nil {
		return nil, l, err
	}
	d := new(Decision)
	if c.Calibration != "" && c.Calibration != none {
		cal, err := calibrate(c.Calibration, s)
		if err != nil {
			return nil, l, err
		}
		if cal == nil {
			l.Warnings = append(l.Warnings, warning.Warning{
				Name:    warning.Decision,
				Message: fmt.Sprintf("the probabilities are not calibrated: by the validation rows a higher score does not mean a likelier class, and %s would turn the order around", c.Calibration),
			})
		} else {
			d.Calibrator = *cal
			l.Protocol = "probabilities calibrated on the validation rows (" + c.Calibration + ")"
		}
	}
	switch {
	case c.Threshold.Value != nil:
		d.Threshold = *c.Threshold.Value
	case c.Threshold.Choose != "":
		t, told, err := c.Threshold.choose(d.Probabilities(s.Outputs), s.Targets, s.Weights)
		if err != nil {
			return nil, l, err
		}
		if told != "" {
			l.Warnings = append(l.Warnings, warning.Warning{Name: warning.Decision, Message: told})
		}
		d.Threshold = t
		text := fmt.Sprintf("threshold %.4g chosen on them (%s)", t, strings.Trim(c.Threshold.text(), "{}"))
		if l.Protocol == "" {
			text = fmt.Sprintf("threshold %.4g chosen on the validation rows (%s)", t, strings.Trim(c.Threshold.text(), "{}"))
		} else {
			text = l.Protocol + ", " + text
		}
		l.Protocol = text
	}
	if d.Threshold == 0 && d.Method == "" {
		return nil, l, nil
	}
	if d.Threshold == 0 && task == metrics.TaskBinary {
		d.Threshold = DefaultThreshold
	}
	return d, l, nil
}

// text is a choice in words.
func (t *Threshold) text() string {
	switch t.Choose {
	case chooseRecall:
		return fmt.Sprintf("highest recall at a precision of %v", *t.Precision)
	case choosePrecision:
		return fmt.Sprintf("highest precision at a recall of %v", *t.Recall)
	case chooseCost:
		return fmt.Sprintf("lowest cost, %v a false positive and %v a false negative", *t.FalsePositive, *t.FalseNegative)
	}
	return "highest f1"
}
