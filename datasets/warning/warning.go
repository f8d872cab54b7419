// Package warning is the one form that warnings have, wherever they arise: they are shown once, in a sentence, and kept as data
// in run.json and in results that programs read.
package warning

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"strings"
)

// Names of warnings, by which programs tell them apart. They do not change.
const (
	Read           = "read"             // how values were read, where it could be meant otherwise
	Codes          = "codes"            // numbers that name things are taken for quantities
	LeftOut        = "left_out"         // a column that the run file does not exclude is no feature
	ManyValues     = "many_values"      // a category that hardly repeats
	SplitDate      = "split_date"       // the time that rows are split by is a feature
	SmallPart      = "small_part"       // too few rows for a part, or to measure anything
	OutsideRange   = "outside_range"    // numbers or dates beyond those of the training rows
	Unseen         = "unseen"           // categories, users or items that training has not seen
	Absent         = "absent"           // columns that a model takes are not there
	Undefined      = "undefined_metric" // the rows do not define a metric
	Undecided      = "undecided"        // they do not define the metric that decides on the best epoch
	WorseThanPlain = "worse_than_plain" // the same answer for every row is better
	FarFromTest    = "validation_far"   // validation rows do not say how the model does on test rows
	StillImproving = "still_improving"  // the training ended while it was getting better
	BatchOfOne     = "batch_of_one"     // batch norm over a single row
	Nobody         = "nobody_positive"  // no row is predicted positive
	Decision       = "decision"         // a threshold or a calibration is not what was asked for
	Penalty        = "penalty"          // a penalty was added, for without one there is no single solution
	LittleTaken    = "little_taken"     // a training that goes on from a model took next to nothing of it
	Unlaunched     = "unlaunched"       // a policy is about candidates that are never launched
)

// Warning is something that a person should know before relying on a result.
type Warning struct {
	Name    string `json:"name,omitempty"`   // one of the constants; "" in results of earlier versions
	Part    string `json:"part,omitempty"`   // of the data, that it is about
	Column  string `json:"column,omitempty"` // that it is about
	Message string `json:"message"`
	// Remedy is what to do about it; "" where the message says all.
	Remedy string `json:"remedy,omitempty"`
	// Numbers are those of the message, by name.
	Numbers map[string]float64 `json:"numbers,omitempty"`
}

// With returns the warning with a further number, unless that is not finite.
func (w Warning) With(name string, value float64) Warning {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return w
	}
	numbers := map[string]float64{name: value}
	for k, v := range w.Numbers {
		numbers[k] = v
	}
	w.Numbers = numbers
	return w
}

// String is the warning in a sentence.
func (w Warning) String() string {
	if w.Remedy == "" {
		return w.Message
	}
	return w.Message + "; " + w.Remedy
}

// Log shows the warning.
func (w Warning) Log(log *slog.Logger) {
	if w.Name == "" {
		log.Warn(w.String())
		return
	}
	log.Warn(w.String(), "warning", w.Name)
}

// UnmarshalJSON also reads the plain sentence that earlier versions wrote.
func (w *Warning) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte{'"'}) {
		*w = Warning{}
		return json.Unmarshal(data, &w.Message)
	}
	type plain Warning // without this method
	return json.Unmarshal(data, (*plain)(w))
}

// List is several warnings in the order in which they arose.
type List []Warning

// Log shows all.
func (l List) Log(log *slog.Logger) {
	for _, w := range l {
		w.Log(log)
	}
}

// String has a sentence a line.
func (l List) String() string {
	lines := make([]string, len(l))
	for i, w := range l {
		lines[i] = w.String()
	}
	return strings.Join(lines, "\n")
}

// Named returns those of a name.
func (l List) Named(name string) (some List) {
	for _, w := range l {
		if w.Name == name {
			some = append(some, w)
		}
	}
	return some
}
