package encoding

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/nearest"
	"debut/datasets/notation"
	"debut/datasets/table"
	"debut/datasets/wording"
)

// Values of TargetEncoding.Task, and of Config.Task, which may leave it open.
const (
	TaskAuto       = "auto"
	TaskBinary     = "binary"
	TaskMulticlass = "multiclass"
	TaskRegression = "regression"
)

// TargetEncoding is the meaning of the target.
type TargetEncoding struct {
	Name string `json:"name"`
	Type string `json:"type"` // of the column: table.TypeNumeric, table.TypeBoolean or table.TypeCategorical
	Task string `json:"task"` // TaskBinary, TaskMulticlass or TaskRegression
	// Classes are the values of the target; a class is encoded as its index. For
	// a binary task there are two, the second of which is Positive.
	Classes  []string `json:"classes,omitempty"`
	Positive string   `json:"positive,omitempty"`
	// Mean and Scale are mean and population standard deviation of a regression
	// target in the training rows of a weight above 0. Encoded.Target is not scaled
	// by them; what computes in 32 bits is given (target − Mean) / Scale.
	Mean  float64 `json:"mean"`
	Scale float64 `json:"scale"`
	// Link is LinkLog where a model of a regression computes the logarithm of the value.
	Link string `json:"link,omitempty"`
	// Steps are columns of truth values of what comes before a binary target, first to last. A row is encoded as the number of steps that it
	// took then, of which the target is the last: see Encoded.Target.
	Steps []string `json:"steps,omitempty"`
	// Prior is the share of each class in the training rows.
	Prior []float64 `json:"prior,omitempty"`
}

// LinkLog is the link of models whose outputs are logarithms of values: of a count's rate, over the mean of the training rows.
const LinkLog = "log"

const (
	// autoClasses is the largest number of distinct whole numbers that auto
	// takes for classes.
	autoClasses = 20
	// maxClasses guards against an identifier taken for a label.
	maxClasses = 10_000
	// maxTarget bounds the target of a regression, and its inverse the differences:
	// metrics add up their squares.
	maxTarget = 1e140
)

// FitTarget settles the task from the training rows; weights, if not nil, are theirs.
func FitTarget(s, weights *table.Series, task, positive string) (TargetEncoding, error) {
	t := TargetEncoding{Name: s.Name, Type: s.Kind.String(), Task: task, Scale: 1}
	if s.Kind == table.Date {
		return t, configfile.Errorf("target", "column %s holds dates; predict a number or a class", wording.Quote(s.Name))
	}
	if s.Kind == table.Vector {
		return t, configfile.Errorf("target", "column %s holds vectors; predict a number or a class", wording.Quote(s.Name))
	}
	classes, counts := ClassCounts(s)
	if len(classes) < 2 {
		only := "no value"
		if len(classes) == 1 {
			only = "the single value " + wording.Quote(classes[0])
		}
		return t, configfile.Errorf("target", "column %s has %s in the %d training rows; there is nothing to learn: check the source, its query and the split",
			wording.Quote(s.Name), only, s.Len())
	}
	if t.Task == TaskAuto {
		t.Task = InferTask(s, len(classes))
	}
	if t.Task == TaskRegression {
		if s.Kind == table.Text {
			return t, configfile.Errorf("task", "column %s holds text, which regression cannot predict; use binary or multiclass", wording.Quote(s.Name))
		}
		if positive != "" {
			return t, configfile.Errorf("positive", "only a binary task has a positive value; the task is regression")
		}
		return t, t.fitScale(learnedFrom(s, weights))
	}
	if t.Task == TaskBinary && len(classes) != 2 {
		return t, configfile.Errorf("task", "column %s has %d values (%s), a binary target has two; use multiclass or regression", wording.Quote(s.Name), len(classes), wording.List(classes, 5))
	}
	if len(classes) > maxClasses {
		return t, configfile.Errorf("target", "column %s has %d distinct values, more than the %d classes there may be; is it an identifier?", wording.Quote(s.Name), len(classes), maxClasses)
	}
	if t.Task == TaskBinary {
		at, err := positiveClass(classes, positive)
		if err != nil {
			return t, err
		}
		if at == 0 {
			slices.Reverse(classes)
			slices.Reverse(counts)
		}
		t.Positive = classes[1]
	} else if positive != "" {
		return t, configfile.Errorf("positive", "only a binary task has a positive value; column %s has %d values", wording.Quote(s.Name), len(classes))
	}
	t.Classes = classes
	for _, n := range counts {
		t.Prior = append(t.Prior, float64(n)/float64(s.Len()))
	}
	return t, nil
}

// learnedFrom are the values of the rows that weigh something: in those that do not,
// a number may stand for an unknown one, and say nothing of the size of the others.
func learnedFrom(s, weights *table.Series) []float64 {
	values := make([]float64, 0, len(s.Floats))
	for i, v := range s.Floats {
		unweighed := weights != nil && weights.Kind == table.Numeric && weights.Floats[i] == 0
		if !math.IsNaN(v) && !unweighed {
			values = append(values, v)
		}
	}
	return values
}

// fitScale learns mean and scale of a regression's target.
func (t *TargetEncoding) fitScale(values []float64) error {
	if len(values) == 0 {
		return nil // all weigh nothing, which is an error when they are encoded
	}
	t.Mean, t.Scale = meanStd(values)
	if size := math.Abs(t.Mean) + t.Scale; !(size <= maxTarget) {
		return configfile.Errorf("target", "column %s has values of size %g, too large for sums of their squares; divide them, or take their logarithm, in a query", wording.Quote(t.Name), size)
	}
	if slices.Min(values) == slices.Max(values) {
		t.Scale = 1
	}
	if t.Scale < 1/maxTarget {
		return configfile.Errorf("target", "column %s has values that differ by %g, too little for sums of their squares; multiply them in a query",
			wording.Quote(t.Name), slices.Max(values)-slices.Min(values))
	}
	return nil
}

// InferTask returns the task of a target of so many classes where none is given.
func InferTask(s *table.Series, classes int) string {
	switch {
	case classes == 2:
		return TaskBinary
	case s.Kind == table.Text:
		return TaskMulticlass
	case classes > autoClasses:
		return TaskRegression
	}
	for _, v := range s.Floats {
		if v != math.Trunc(v) {
			return TaskRegression
		}
	}
	return TaskMulticlass
}

// ClassCounts returns the distinct present values, numbers in numeric order
// and others in the order of their text, and how often each occurs.
func ClassCounts(s *table.Series) ([]string, []int) {
	if s.Kind == table.Text {
		s = Categories(s)
		var classes []string
		counts := make([]int, len(s.Dict))
		byName := map[string]int{}
		for _, c := range s.Codes {
			if c >= 0 {
				counts[c]++
			}
		}
		for c, n := range counts {
			if n > 0 {
				classes = append(classes, s.Dict[c])
				byName[s.Dict[c]] = n
			}
		}
		slices.Sort(classes)
		out := make([]int, len(classes))
		for i, c := range classes {
			out[i] = byName[c]
		}
		return classes, out
	}
	n := map[float64]int{}
	for _, v := range s.Floats {
		if !math.IsNaN(v) {
			n[v]++
		}
	}
	values := make([]float64, 0, len(n))
	for v := range n {
		values = append(values, v)
	}
	slices.Sort(values)
	classes, counts := make([]string, len(values)), make([]int, len(values))
	for i, v := range values {
		one := table.Series{Kind: s.Kind, Floats: []float64{v}}
		classes[i], counts[i] = one.Format(0), n[v]
	}
	return classes, counts
}

// positiveClass returns the index of the class that counts as positive.
func positiveClass(classes []string, positive string) (int, error) {
	if positive != "" {
		if i := slices.Index(classes, positive); i >= 0 {
			return i, nil
		}
		// YAML writes booleans its own way: TRUE arrives as true.
		for i, c := range classes {
			if strings.EqualFold(c, positive) {
				return i, nil
			}
			if a, ok := notation.Number(c); ok {
				if b, ok := notation.Number(positive); ok && a == b {
					return i, nil
				}
			}
		}
		return 0, configfile.Errorf("positive", "the target has no value %s, it has %s%s", wording.Quote(positive), wording.List(classes, 5), nearest.DidYouMean(positive, classes))
	}
	for i, c := range classes {
		other, ok := notation.Bool(classes[1-i])
		if v, isBool := notation.Bool(c); isBool && v && (!ok || !other) {
			return i, nil
		}
	}
	return 1, nil
}

// Standardize is what a model of a regression target computes with for a value: its
// distance from the mean, in standard deviations. The difference is taken before
// digits are given up, so that a target of 1e8 ± 1 keeps its own. With a link it is the multiple of the mean.
func (t *TargetEncoding) Standardize(v float64) float64 {
	if t.Link == LinkLog {
		return v / t.center()
	}
	return (v - t.Mean) / t.Scale
}

// Value is the value that a model's output stands for: without a link it undoes Standardize.
func (t *TargetEncoding) Value(output float64) float64 {
	if t.Link == LinkLog {
		return t.center() * math.Exp(output)
	}
	return t.Mean + t.Scale*output
}

// Units returns what an output is multiplied by, and what is then added to it, for a value, or for its logarithm where that is the link.
func (t *TargetEncoding) Units() (scale, shift float64) {
	if t.Link == LinkLog {
		return 1, math.Log(t.center())
	}
	return t.Scale, t.Mean
}

// Factor returns what an output, of which the exponential was taken where there is a link, is multiplied by, and what is then added to it,
// for a value.
func (t *TargetEncoding) Factor() (scale, shift float64) {
	if t.Link == LinkLog {
		return t.center(), 0
	}
	return t.Scale, t.Mean
}

// center is the mean of a target with a link, which is never negative; 1 where all values are 0.
func (t *TargetEncoding) center() float64 {
	if t.Mean == 0 {
		return 1
	}
	return t.Mean
}

// Balanced returns the weight of a row of each class with which all classes weigh the same in training, and all rows together what they
// do without: the number of rows over that of classes times that of the class's rows.
func (t *TargetEncoding) Balanced() []float64 {
	weights := make([]float64, len(t.Prior))
	for k, share := range t.Prior {
		weights[k] = 1 / (share * float64(len(t.Prior)))
	}
	return weights
}

// encode returns the targets of a frame.
func (t *TargetEncoding) encode(by *classIndex, f *table.Frame) ([]float64, error) {
	s := f.Column(t.Name)
	out := make([]float64, f.Rows)
	if t.Task == TaskRegression {
		if s.Kind == table.Text || s.Kind == table.Date || s.Kind == table.Vector {
			return nil, &table.ValueError{Column: t.Name, Problem: fmt.Sprintf("holds %s values, but the target is a number", s.Kind), Remedies: []table.Remedy{table.ManualRemedy("check that this is the right file")}}
		}
		for i, v := range s.Floats {
			out[i] = v
			if !(math.Abs(t.Standardize(v)) <= math.MaxFloat32) {
				return nil, &table.ValueError{Place: f.Place(i), Column: t.Name, Value: s.Format(i),
					Problem: fmt.Sprintf("is too far for 32-bit arithmetic from what the model was trained on, %g ± %g", t.Mean, t.Scale), Remedies: []table.Remedy{table.ManualRemedy("correct it, or leave the row out")}}
			}
		}
		return out, nil
	}
	texts := s.Texts()
	index := make([]int, len(texts.Dict))
	for i, text := range texts.Dict {
		index[i] = by.class(text)
	}
	for i, c := range texts.Codes {
		k := index[c]
		if k < 0 {
			return nil, &table.ValueError{Place: f.Place(i), Column: t.Name, Value: texts.Dict[c],
				Problem:  "is not among the classes of the training rows",
				Remedies: []table.Remedy{table.ManualRemedy("they are " + wording.List(t.Classes, 5) + nearest.DidYouMean(texts.Dict[c], t.Classes))}}
		}
		out[i] = float64(k)
	}
	return out, t.countSteps(f, out)
}

// countSteps puts the number of steps taken in the place of whether the last one, the target, was. Who takes a step has taken those before.
func (t *TargetEncoding) countSteps(f *table.Frame, out []float64) error {
	if len(t.Steps) == 0 {
		return nil
	}
	later, of := make([]bool, len(out)), t.Name
	for r, y := range out {
		later[r] = y == 1
	}
	for _, name := range slices.Backward(t.Steps) {
		s := f.Column(name)
		if s.Kind != table.Boolean {
			return &table.ValueError{Column: name, Problem: fmt.Sprintf("holds %s values, but a step was taken or not", s.Kind), Remedies: []table.Remedy{table.ManualRemedy("make truth values of it in a query")}}
		}
		for r, v := range s.Floats {
			switch {
			case math.IsNaN(v):
				return &table.ValueError{Place: f.Place(r), Column: name, Problem: "is missing, and it is a step before " + wording.Quote(t.Name), Remedies: []table.Remedy{table.ManualRemedy("complete it, or leave the row out by a query")}}
			case later[r] && v == 0:
				return &table.ValueError{Place: f.Place(r), Column: name, Value: "false", Problem: fmt.Sprintf("is a step before %s, which was taken", wording.Quote(of)),
					Remedies: []table.Remedy{table.ManualRemedy(fmt.Sprintf("correct the row, or let %s OR %s be the step in a query", duck.Name(name), duck.Name(of)))}}
			}
			if later[r] = v == 1; later[r] {
				out[r]++
			}
		}
		of = name
	}
	return nil
}

// CheckLabels refuses missing labels, naming the first and their number.
func CheckLabels(f *table.Frame, s *table.Series) error {
	n := s.MissingCount()
	for i := range s.Len() {
		if s.Missing(i) {
			return missingLabels(f, s.Name, i, n, s.Len())
		}
	}
	return nil
}

// missingLabels is the error about n of so many labels, the first of them that of
// row i of f.
func missingLabels(f *table.Frame, name string, i, n, of int) error {
	remedy := "complete the labels, or set drop_missing_target: true"
	if f.Applied() {
		remedy = "complete the labels, or leave those rows out: " + table.QuerySetting(true, "SELECT * FROM data WHERE "+duck.Name(name)+" IS NOT NULL")
	}
	return &table.ValueError{Place: f.Place(i), Column: name, Problem: fmt.Sprintf("the target is missing (in %d of %d rows)", n, of), Remedies: []table.Remedy{table.ManualRemedy(remedy)}}
}
