package metrics

import "slices"

// Sample is what a model answers for rows whose targets are known: all that the metrics follow from, row by row. Where a task counts
// something else than rows, a sample has Units in the place of outputs and targets.
type Sample struct {
	Task    Task
	Classes []string  // of a classification; of two the second is positive
	Outputs []float64 // logits of the positive class [rows], of several classes [rows·classes]; values of a regression [rows]
	Targets []float64 // [rows]: 0 or 1, numbers of classes, values
	Weights []float64 // [rows]; nil for ones
	// Raw are the outputs before they were calibrated by a method; nil where they were not.
	Raw    []float64
	Method string
	// Groups are numbers of groups of rows, such as those of a user, by which the ranking of two classes is measured too; nil: none.
	Groups []uint32
	// Loss is the metric of a regression's own loss, PoissonDeviance or Pinball, which is measured too, with the quantile of the
	// latter; "" where it is the squared one, or another that the usual metrics have.
	Loss     string
	Quantile float64
	// Steps are what is measured of the steps before the target, and of those who took them.
	Steps []Step
	// Threshold is the probability from which on a row is predicted positive; of two classes.
	Threshold float64

	// Plain is the answer of the training rows without a feature: of a regression their mean, else the share of each class. Nil where it is
	// not known. PlainBy is the metric of a regression that it is measured by: PoissonDeviance, Pinball, mae, or "" for mse.
	Plain   []float64
	PlainBy string

	// Units are, where there are any, what is measured one by one.
	Units *Units
}

// Units are what a task measures one by one, such as users, with a value of each metric for each.
type Units struct {
	// Keys tell units apart, and say what was to be found for each: two samples measure the same where their keys are equal.
	Keys    []string
	Metrics []UnitMetric // whose mean over the units is the metric of the task
}

// UnitMetric is a metric of each unit.
type UnitMetric struct {
	Name   string
	Values []float32
}

// Step is a binary target beside that of a sample, of rows of its own.
type Step struct {
	Name                      string
	Outputs, Targets, Weights []float64 // logits; 0 or 1; nil for ones
}

// Len is the number of rows, or of units.
func (s *Sample) Len() int {
	if s.Units != nil {
		return len(s.Units.Keys)
	}
	return len(s.Targets)
}

// Measure computes the metrics of the rows. Errors match [ErrInput].
func (s *Sample) Measure() (*Result, error) {
	if s.Units != nil {
		return nil, inputError("samples of the task %s are measured one by one", s.Task)
	}
	r, err := s.measure(s.Outputs)
	if err != nil {
		return nil, err
	}
	for _, step := range s.Steps {
		g := Group{Name: step.Name, Count: int64(len(step.Outputs)), Unit: "rows"}
		if len(step.Outputs) > 0 {
			of, err := Binary(step.Outputs, step.Targets, step.Weights, 0.5)
			if err != nil {
				return nil, err
			}
			for _, name := range []string{"auc", "average_precision", "log_loss", "normalized_entropy", "ece"} {
				if v, ok := of.Values.Get(name); ok {
					g.Values = append(g.Values, Value{name, v})
				}
			}
		}
		r.Groups = append(r.Groups, g)
	}
	if r.Plain = s.plain(s.Outputs); s.Raw == nil {
		return r, nil
	}
	before, err := s.measure(s.Raw)
	if err != nil {
		return nil, err
	}
	r.Calibration.Method = s.Method
	for _, v := range before.Values {
		if slices.Contains([]string{"log_loss", "brier", "ece"}, v.Name) {
			r.Calibration.Before = append(r.Calibration.Before, v)
		}
	}
	return r, nil
}

// measure measures outputs for the rows.
func (s *Sample) measure(outputs []float64) (*Result, error) {
	switch s.Task {
	case TaskBinary:
		r, err := Binary(outputs, s.Targets, s.Weights, s.Threshold)
		if err == nil {
			r.NameClasses(s.Classes)
		}
		if err == nil && s.Groups != nil {
			if len(s.Groups) != len(outputs) {
				return nil, inputError("%d predictions but groups of %d rows", len(outputs), len(s.Groups))
			}
			r.addGroupAUC(outputs, s.Targets, s.Weights, s.Groups)
		}
		return r, err
	case TaskMultiClass:
		labels := make([]int, len(s.Targets))
		for i, t := range s.Targets {
			labels[i] = int(t)
		}
		return MultiClass(outputs, len(s.Classes), labels, s.Weights, s.Classes)
	}
	r, err := Regression(outputs, s.Targets, s.Weights)
	if err == nil {
		r.Task = s.Task // which may be another package's that is of numbers too
		switch s.Loss {
		case PoissonDeviance:
			r.AddPoissonDeviance(outputs, s.Targets, s.Weights)
		case Pinball:
			r.AddPinball(outputs, s.Targets, s.Weights, s.Quantile)
		}
	}
	return r, err
}
