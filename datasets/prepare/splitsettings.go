package prepare

import "debut/datasets/configfile"

// The methods of Split.
const (
	SplitRandom       = "random"
	SplitTime         = "time"
	SplitGroup        = "group"
	SplitLeaveLastOut = "leave_last_out"
	SplitColumn       = "column"
	SplitNone         = "none"
)

// stratified was a method of its own once.
const stratified = "stratified"

// rename replaces the words that earlier versions had: run files have had these all along.
func (s *Split) rename() {
	switch {
	case s.Method == "user":
		s.Method = SplitGroup
	case s.Method == stratified && s.Stratify == "" && s.Column != "":
		s.Method, s.Stratify, s.Column = SplitRandom, s.Column, ""
	}
}

func (s *Split) validate() error {
	if s.Method == stratified {
		return configfile.Errorf("split.method", "stratified is random with a column of classes: write {method: random, stratify: COLUMN}")
	}
	if err := oneOf("split.method", s.Method, SplitRandom, SplitTime, SplitGroup, SplitLeaveLastOut, SplitColumn, SplitNone); err != nil {
		return err
	}
	sum := 0.0
	for _, f := range []struct {
		key   string
		value *float64
	}{{"validation", s.Validation}, {"test", s.Test}} {
		if f.value == nil {
			continue
		}
		if s.Method == SplitNone || s.Method == SplitLeaveLastOut || s.Method == SplitColumn {
			return configfile.Errorf("split."+f.key, "a fraction does not go with the method %s", s.Method)
		}
		if !(*f.value >= 0 && *f.value < 1) {
			return configfile.Errorf("split."+f.key, "%v is not between 0 and 1", *f.value)
		}
		sum += *f.value
	}
	if sum >= 1 {
		return configfile.Errorf("split", "validation and test leave nothing for training")
	}
	if s.Stratify != "" && s.Method != SplitRandom {
		return configfile.Errorf("split.stratify", "goes with the method random")
	}
	needsColumn := s.Method == SplitTime || s.Method == SplitGroup || s.Method == SplitLeaveLastOut || s.Method == SplitColumn
	if needsColumn != (s.Column != "") {
		if needsColumn {
			return configfile.Errorf("split.column", "is not given; the method %s needs one", s.Method)
		}
		return configfile.Errorf("split.column", "does not go with the method %s; use group, time, leave_last_out or column, or stratify to give the classes of a column equal shares", s.Method)
	}
	if (s.Method == SplitLeaveLastOut) != (s.Time != "") {
		return configfile.Errorf("split.time", "a column of time goes with leave_last_out, which needs one")
	}
	if s.Method != SplitTime && (s.ValidationFrom != "" || s.TestFrom != "") {
		return configfile.Errorf("split", "validation_from and test_from go with the method time")
	}
	if (s.ValidationFrom != "" || s.TestFrom != "") && (s.Validation != nil || s.Test != nil) {
		return configfile.Errorf("split", "give either fractions or moments")
	}
	if s.Embargo != "" {
		if s.Method != SplitTime {
			return configfile.Errorf("split.embargo", "goes with the method time")
		}
		if _, err := parseGap("split.embargo", s.Embargo); err != nil {
			return err
		}
	}
	if s.Method != SplitColumn && (len(s.ValidationIs) > 0 || len(s.TestIs) > 0) {
		return configfile.Errorf("split", "validation_values and test_values go with the method column")
	}
	if s.Method == SplitColumn && len(s.ValidationIs)+len(s.TestIs) == 0 {
		return configfile.Errorf("split", "name the values of validation_values or test_values")
	}
	return nil
}
