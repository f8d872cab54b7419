package run

import (
	"debut/datasets/configfile"
	"debut/trainers/metrics"
)

// EarlyStopping says how validation decides.
type EarlyStopping struct {
	Metric   string  `yaml:"metric,omitempty" jsonschema:"description=Metric of the validation rows that decides (default: log_loss for classes; mse for numbers; rmse for ratings; recall of the longest list for recommenders)."`
	Patience int     `yaml:"patience,omitempty" jsonschema:"description=Stop after so many evaluations without an improvement; 0: never; where the number of epochs is left open too by that. The best epoch's model is kept in any case.,minimum=0"`
	MinDelta float64 `yaml:"min_delta,omitempty" jsonschema:"description=How much better an improvement is.,minimum=0"`
}

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
		}
	}
	if e.Patience > 0 && !validated {
		bad("early_stopping.patience", "there are no validation rows to stop by; set data.split.validation, or leave patience out")
	}
	return errs
}
