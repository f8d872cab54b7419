package run

import (
	"errors"

	"debut/datasets/configfile"
	"debut/trainers/metrics"
)

// EarlyStopping says how validation decides.
type EarlyStopping struct {
	Metric   string  `yaml:"metric,omitempty" jsonschema:"description=Metric of the validation rows that decides (default: log_loss for classes; mse for numbers; rmse for ratings; recall of the longest list for recommenders)."`
	Per      string  `yaml:"per,omitempty" jsonschema:"description=Column of categories among the features, such as that of users, whose rows are ordered among themselves; by that gauc is measured."`
	Patience int     `yaml:"patience,omitempty" jsonschema:"description=Stop after so many evaluations without an improvement; 0: never; where the number of epochs is left open too by that. The best epoch's model is kept in any case.,minimum=0"`
	MinDelta float64 `yaml:"min_delta,omitempty" jsonschema:"description=How much better an improvement is.,minimum=0"`
}

// Abbreviation is the key that a number stands for.
func (EarlyStopping) Abbreviation() string { return "patience" }

// errSwitch is the error of a switch where the patience belongs.
var errSwitch = errors.New("it is no switch: write early_stopping: 8 to stop after 8 evaluations without an improvement, or leave it out; " +
	"it is on where train.epochs is left out too, and a number of epochs alone is trained to its end")

// UnmarshalYAML has an answer for a switch.
func (e *EarlyStopping) UnmarshalYAML(decode func(any) error) error {
	var on bool
	if decode(&on) == nil {
		return errSwitch
	}
	return decode((*stopping)(e))
}

// stopping is EarlyStopping as it is decoded.
type stopping EarlyStopping

// Abbreviation is that of EarlyStopping.
func (stopping) Abbreviation() string { return EarlyStopping{}.Abbreviation() }

// Validate reports everything that cannot be used, with paths below the train section. The task, where it is known already, decides on
// the metrics there are; validated says whether there are validation rows.
func (e EarlyStopping) Validate(task metrics.Task, validated bool) (errs []error) {
	bad := func(path, format string, args ...any) { errs = append(errs, configfile.Errorf(path, format, args...)) }
	if e.Patience < 0 || !(e.MinDelta >= 0) {
		bad("early_stopping", "patience %d or min_delta %v is negative", e.Patience, e.MinDelta)
	}
	if m := e.Metric; m != "" {
		_, err := metrics.Higher(m)
		if err == nil && task != "" {
			err = metrics.Check(task, m)
		}
		if err != nil {
			bad("early_stopping.metric", "%v", err)
		} else if m == metrics.GroupedAUC && e.Per == "" {
			bad("early_stopping.metric", "%s is measured among the rows of a user, or of what else has several; name their column under per, or take auc", m)
		}
	}
	if e.Per != "" && task != "" && task != metrics.TaskBinary {
		bad("early_stopping.per", "%s is measured of rows of two classes; leave per out", metrics.GroupedAUC)
	}
	if e.Patience > 0 && !validated {
		bad("early_stopping.patience", "there are no validation rows to stop by; set data.split.validation, or leave patience out")
	}
	return errs
}
