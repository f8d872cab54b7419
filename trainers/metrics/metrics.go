// Package metrics measures predictions: binary and multi-class classification, and
// regression. Everything is computed in float64 with compensated sums in row order,
// so the same predictions give the same bits; a row of weight w counts as w rows.
//
// Where a metric has no value – AUC with one class only, R² of a constant target – it
// is NaN here and null in JSON, and [Result.Undefined] says why. Precision, recall and F1
// with nothing to divide by are 0, as is usual in the field, unless no row is positive:
// then they tell no model from another, and have no value.
package metrics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/nearest"
)

// Task is a kind of prediction.
type Task string

// The tasks.
const (
	TaskBinary     Task = "binary"
	TaskMultiClass Task = "multiclass"
	TaskRegression Task = "regression"
)

// ErrUnknown is matched by errors about a metric that does not exist.
var ErrUnknown = errors.New("unknown metric")

// ErrInput is matched by errors about predictions, labels or weights that cannot be measured.
var ErrInput = errors.New("cannot compute metrics")

// Metric is one line of a catalog.
type Metric struct {
	// Name of the metric. One that ends in "@k" stands for all cutoffs, "recall@10" and "recall@20", one in "@k%" for all shares of
	// the rows, "lift@5%" and "lift@10%".
	Name   string
	Higher bool // larger is better
}

// Catalog is what a task is measured by.
type Catalog struct {
	Metrics []Metric // in the order of a Result
	// Headline are the names of the few metrics that fit a line; of those for all cutoffs the last of a Result is meant.
	Headline []string
	Unit     string // what is counted: "rows"
	Plain    string // what to do where a model is worse than a plain answer
}

// catalogs by task. Other packages add theirs by Register.
var catalogs = map[Task]Catalog{
	TaskBinary: {
		Metrics: []Metric{
			{"auc", true}, {GroupedAUC, true}, {"average_precision", true}, {"lift@k%", true}, {"log_loss", false}, {"normalized_entropy", false}, {"brier", false}, {"ece", false},
			{"accuracy", true}, {"precision", true}, {"recall", true}, {"f1", true},
		},
		Headline: []string{"auc", "log_loss"}, Unit: "rows", Plain: fmt.Sprintf(calibrateThem, "platt"),
	},
	TaskMultiClass: {
		Metrics: []Metric{
			{"accuracy", true}, {"top_k_accuracy@k", true}, {"auc_ovr", true}, {"auc_ovr_weighted", true}, {"log_loss", false}, {"ece", false},
			{"precision_macro", true}, {"recall_macro", true}, {"f1_macro", true},
			{"precision_weighted", true}, {"recall_weighted", true}, {"f1_weighted", true},
		},
		Headline: []string{"accuracy", "log_loss"}, Unit: "rows", Plain: fmt.Sprintf(calibrateThem, "temperature"),
	},
	TaskRegression: {
		Metrics:  []Metric{{"mse", false}, {"rmse", false}, {"mae", false}, {"r2", true}, {PoissonDeviance, false}, {Pinball, false}},
		Headline: []string{"rmse", "r2"}, Unit: "rows", Plain: simpler,
	},
}

// tasks in the order of messages.
var tasks = []Task{TaskBinary, TaskMultiClass, TaskRegression}

// Register adds a task. It is for init functions: a task that is there already, and a metric whose name another task has with the
// other direction, are mistakes in the program, and it panics.
func Register(task Task, c Catalog) {
	if _, twice := catalogs[task]; twice {
		panic(fmt.Sprintf("metrics: the task %q is registered twice", task))
	}
	for _, m := range c.Metrics {
		if higher, err := Higher(m.Name); err == nil && higher != m.Higher {
			panic(fmt.Sprintf("metrics: %q of the task %q has another direction elsewhere", m.Name, task))
		}
	}
	catalogs[task] = c
	tasks = append(tasks, task)
}

// Endings of the names of metrics that have a cutoff: a number, or percent of the rows.
const (
	cutoffNumber = "@k"
	cutoffShare  = "@k%"
)

// At names a metric of a cutoff: At("recall@k", 20) is "recall@20", At("lift@k%", 5) is "lift@5%".
func At(name string, k int) string {
	if stem, ok := strings.CutSuffix(name, cutoffShare); ok {
		return stem + "@" + strconv.Itoa(k) + "%"
	}
	return strings.TrimSuffix(name, cutoffNumber) + "@" + strconv.Itoa(k)
}

// cutoff returns the cutoff in a name of the metric, 0 where it has none; false where the name is another's.
func (m Metric) cutoff(name string) (k int, ok bool) {
	if m.Name == name {
		return 0, true
	}
	stem, percent := strings.CutSuffix(m.Name, cutoffShare)
	if !percent {
		if stem, ok = strings.CutSuffix(m.Name, cutoffNumber); !ok {
			return 0, false
		}
	}
	digits, ok := strings.CutPrefix(name, stem+"@")
	if percent && ok {
		digits, ok = strings.CutSuffix(digits, "%")
	}
	k, err := strconv.Atoi(digits)
	if percent && k > 100 {
		return 0, false
	}
	return k, ok && err == nil && k > 0 && strconv.Itoa(k) == digits
}

// matches says whether a name is that of the metric, for whatever cutoff.
func (m Metric) matches(name string) bool {
	_, ok := m.cutoff(name)
	return ok
}

// Names returns the names of the metrics of a task in the order of a [Result], nil for
// an unknown task.
func Names(task Task) []string {
	var names []string
	for _, m := range catalogs[task].Metrics {
		names = append(names, m.Name)
	}
	return names
}

// Unit is what a task's results count: "rows".
func Unit(task Task) string {
	if u := catalogs[task].Unit; u != "" {
		return u
	}
	return "rows"
}

// Headline returns the few values of a task that fit a line.
func Headline(task Task, values Values) Values {
	var out Values
	for _, name := range catalogs[task].Headline {
		last := -1
		for i, v := range values {
			if (Metric{Name: name}).matches(v.Name) {
				last = i
			}
		}
		if last >= 0 {
			out = append(out, values[last])
		}
	}
	return out
}

// Higher reports whether a larger value of the metric is better. The error for an
// unknown name matches [ErrUnknown], and suggests the nearest one.
func Higher(name string) (bool, error) {
	var all []string
	for _, t := range tasks {
		for _, m := range catalogs[t].Metrics {
			if m.matches(name) {
				return m.Higher, nil
			}
		}
		all = append(all, Names(t)...)
	}
	hint := nearest.DidYouMean(name, all)
	if hint == "" {
		slices.Sort(all)
		hint = "; there are " + strings.Join(slices.Compact(all), ", ")
	}
	return false, fmt.Errorf("metrics: %w %q%s", ErrUnknown, name, hint)
}

// Check returns an error that matches [ErrUnknown] unless the task has the metric; it
// suggests the nearest name and lists those there are.
func Check(task Task, name string) error {
	names := Names(task)
	if names == nil {
		list := make([]string, len(tasks))
		for i, t := range tasks {
			list[i] = string(t)
		}
		return fmt.Errorf("metrics: unknown task %q; the tasks are %s and %s", task, strings.Join(list[:len(list)-1], ", "), list[len(list)-1])
	}
	if slices.ContainsFunc(catalogs[task].Metrics, func(m Metric) bool { return m.matches(name) }) {
		return nil
	}
	if strings.HasSuffix(name, "_micro") && task == TaskMultiClass {
		return fmt.Errorf("metrics: %w %q: micro averages over the classes of a %s target all equal its accuracy; use accuracy", ErrUnknown, name, task)
	}
	return fmt.Errorf("metrics: %w %q for a %s target, whose metrics are %s%s",
		ErrUnknown, name, task, strings.Join(names, ", "), nearest.DidYouMean(name, names))
}

// Value is a metric with its value, NaN where it is undefined.
type Value struct {
	Name  string
	Value float64
}

// Values is a list of metrics in fixed order. In JSON it is an object in that order.
type Values []Value

// MarshalJSON writes an object in the order of the list; NaN and infinities are null.
func (v Values) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range v {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.Name)
		if err != nil {
			return nil, fmt.Errorf("metrics: %q: %w", m.Name, err)
		}
		b.Write(name)
		b.WriteByte(':')
		if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
			b.WriteString("null")
			continue
		}
		b.WriteString(strconv.FormatFloat(m.Value, 'g', -1, 64))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON wrote, in its order; null becomes NaN.
func (v *Values) UnmarshalJSON(data []byte) error {
	if string(bytes.TrimSpace(data)) == "null" {
		*v = nil
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("metrics: values are not a JSON object")
	}
	*v = Values{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return fmt.Errorf("metrics: values: %w", err)
		}
		name, ok := t.(string)
		if !ok {
			return fmt.Errorf("metrics: values: %v is not a name", t)
		}
		var x *float64
		if err := d.Decode(&x); err != nil {
			return fmt.Errorf("metrics: value of %q: %w", name, err)
		}
		if x == nil {
			*v = append(*v, Value{name, math.NaN()})
		} else {
			*v = append(*v, Value{name, *x})
		}
	}
	return nil
}

// Get returns the value of the metric name; false where the list has none.
func (v Values) Get(name string) (float64, bool) {
	for _, m := range v {
		if m.Name == name {
			return m.Value, true
		}
	}
	return 0, false
}

// Class is the metrics of one class against all others.
type Class struct {
	Class     string  `json:"class"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	Support   float64 `json:"support"`   // weight of the rows that are of the class
	Predicted float64 `json:"predicted"` // weight of the rows predicted to be
}

// Confusion is the confusion matrix.
type Confusion struct {
	Classes []string    `json:"classes"`
	Counts  [][]float64 `json:"counts"` // weight of the rows by [true class][predicted class]
}

// Result is the metrics of one set of predictions.
type Result struct {
	Task   Task    `json:"task"`
	Rows   int     `json:"rows"`   // or what else the task counts: users
	Weight float64 `json:"weight"` // total weight; the number of rows where there are no weights
	Values Values  `json:"values"`
	// Undefined says of every value that there is none of, why.
	Undefined   map[string]string `json:"undefined,omitempty"`
	Threshold   *float64          `json:"threshold,omitempty"`   // probability from which a row is predicted positive; binary only
	Classes     []Class           `json:"classes,omitempty"`     // not for regression
	Confusion   *Confusion        `json:"confusion,omitempty"`   // not for regression
	Calibration *Calibration      `json:"calibration,omitempty"` // not for regression
	Plain       *Plain            `json:"plain,omitempty"`       // what a model of no features would do
	// Groups are parts of what was measured, measured apart.
	Groups []Group `json:"groups,omitempty"`
	// Protocol says what the figures are about, where the task alone does not: a value of JSON.
	Protocol any `json:"protocol,omitempty"`
}

// Group is a part of what was measured.
type Group struct {
	Name   string `json:"name"`
	Count  int64  `json:"count"` // of Unit
	Unit   string `json:"unit"`
	Values Values `json:"values"`
}

// Get returns the value of the metric name, or an error that matches [ErrUnknown].
func (r *Result) Get(name string) (float64, error) {
	if x, ok := r.Values.Get(name); ok {
		return x, nil
	}
	if err := Check(r.Task, name); err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("metrics: %w %q: not among those computed", ErrUnknown, name)
}

// Brief is the result without tables by class and without a curve.
func (r *Result) Brief() *Result {
	return &Result{Task: r.Task, Rows: r.Rows, Weight: r.Weight, Values: r.Values, Undefined: r.Undefined}
}

// Gaps tells in sentences which values there are none of, and why, but for a metric that has been told already.
func (r *Result) Gaps(told string) (sentences []string) {
	reasons := map[string][]string{}
	for _, v := range r.Values {
		if why, ok := r.Undefined[v.Name]; ok && v.Name != told {
			reasons[why] = append(reasons[why], v.Name)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		verb := "is"
		if len(reasons[why]) > 1 {
			verb = "are"
		}
		sentences = append(sentences, fmt.Sprintf("%s %s undefined: %s", strings.Join(reasons[why], ", "), verb, why))
	}
	return sentences
}

// undefine notes why metrics have no value, of those among the names that have none.
func (r *Result) undefine(why string, names ...string) {
	for _, v := range r.Values {
		if math.IsNaN(v.Value) && slices.ContainsFunc(names, func(name string) bool { return Metric{Name: name}.matches(v.Name) }) {
			if r.Undefined == nil {
				r.Undefined = map[string]string{}
			}
			r.Undefined[v.Name] = why
		}
	}
}

// sum adds numbers with Neumaier's compensation, so that a metric of millions of rows
// is right to the last digits (Neumaier, ZAMM 54, 1974).
type sum struct{ total, low float64 }

func (s *sum) add(x float64) {
	t := s.total + x
	if math.Abs(s.total) >= math.Abs(x) {
		s.low += (s.total - t) + x
	} else {
		s.low += (x - t) + s.total
	}
	s.total = t
}

func (s *sum) value() float64 {
	if math.IsInf(s.total, 0) {
		return s.total // the compensation of an overflow is NaN
	}
	return s.total + s.low
}

// ratio is a/b, and 0 where there is nothing to divide by.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// inputError makes an error that matches ErrInput.
func inputError(format string, args ...any) error {
	return fmt.Errorf("metrics: %w: %s", ErrInput, fmt.Sprintf(format, args...))
}

// checkWeights returns the total weight of n rows; nil weights are ones.
func checkWeights(n int, weights []float64) (float64, error) {
	if n == 0 {
		return 0, inputError("there are no rows")
	}
	if weights == nil {
		return float64(n), nil
	}
	if len(weights) != n {
		return 0, inputError("%d predictions but %d weights", n, len(weights))
	}
	var total sum
	for i, w := range weights {
		if !(w >= 0) || math.IsInf(w, 1) {
			return 0, inputError("row %d: weight %v; weights are finite and not negative", i, w)
		}
		total.add(w)
	}
	if total.value() == 0 {
		return 0, inputError("all weights are zero")
	}
	if math.IsInf(total.value(), 0) {
		return 0, inputError("the sum of the weights overflows")
	}
	return total.value(), nil
}

// weightAt is the weight of row i.
func weightAt(weights []float64, i int) float64 {
	if weights == nil {
		return 1
	}
	return weights[i]
}

// checkFinite finds predictions that a diverged model makes.
func checkFinite(what string, x []float64, perRow int) error {
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return inputError("row %d: %s is %v; a diverged training gives such numbers (lower the learning rate, clip gradients, or look for extreme inputs)",
				i/perRow, what, v)
		}
	}
	return nil
}
