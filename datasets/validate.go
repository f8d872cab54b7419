package datasets

import (
	"maps"
	"reflect"
	"slices"
	"strconv"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/wording"
)

// Validate reports the first value that cannot be used, as a *configfile.FieldError.
// It looks at the configuration alone; names of columns are checked against
// the data by Load.
func (c *Config) Validate() error {
	if err := c.validate(); err != nil {
		return err
	}
	return nil
}

func (c *Config) validate() *configfile.FieldError {
	if c.Prepared != "" {
		if err := c.validatePrepared(); err != nil {
			return err
		}
	} else if err := c.Source.Validate("source"); err != nil {
		return err
	} else if c.Memory != 0 || c.ShuffleRows != 0 || c.FitRows != 0 || c.Decrypt != nil {
		return configfile.Errorf("prepared", "is not given, but memory, decrypt, shuffle_rows or fit_rows are; they are about data that are streamed: prepare them with debut data prepare")
	}
	if c.Validation != nil {
		if err := c.Validation.Validate("validation"); err != nil {
			return err
		}
	}
	if c.Test != nil {
		if err := c.Test.Validate("test"); err != nil {
			return err
		}
	}
	if c.Target == "" {
		return configfile.Errorf("target", "no target column given; name the column to predict")
	}
	if err := configfile.OneOf("task", c.Task, encoding.TaskAuto, encoding.TaskBinary, encoding.TaskMulticlass, encoding.TaskRegression); err != nil {
		return err
	}
	if err := configfile.OneOf("trends", c.Trends, TrendsKeep, TrendsDrop); err != nil {
		return err
	}
	if err := configfile.OneOf("codes", c.Codes, CodesNumbers, CodesCategories); err != nil {
		return err
	}
	if c.Positive != "" && c.Task != "" && c.Task != encoding.TaskAuto && c.Task != encoding.TaskBinary {
		return configfile.Errorf("positive", "only a binary task has a positive value; the task is %s", c.Task)
	}
	if len(c.Steps) > 0 && c.Task != "" && c.Task != encoding.TaskAuto && c.Task != encoding.TaskBinary {
		return configfile.Errorf("steps", "they lead to a binary target; the task is %s", c.Task)
	}
	if len(c.Steps) > maxSteps {
		return configfile.Errorf("steps", "%d; at most %d are possible", len(c.Steps), maxSteps)
	}
	if err := c.validateRoles(); err != nil {
		return err
	}
	if err := c.Defaults.Validate(); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Columns)) {
		col := c.Columns[name]
		if err := col.Validate("columns."+name, col.Type); err != nil {
			return err
		}
	}
	if c.Prepared != "" {
		return nil
	}
	return c.Split.validate(c)
}

// validatePrepared refuses what prepared data have decided already.
func (c *Config) validatePrepared() *configfile.FieldError {
	given := []struct {
		key string
		is  bool
	}{
		{"source", !reflect.ValueOf(c.Source).IsZero()}, {"validation", c.Validation != nil}, {"test", c.Test != nil},
		{"split", !reflect.ValueOf(c.Split).IsZero()}, {"deduplicate", c.Deduplicate}, {"drop_missing_target", c.DropMissing},
	}
	for _, g := range given {
		if g.is {
			return configfile.Errorf(g.key, "does not go with prepared data; it belongs into the file that prepares them")
		}
	}
	if c.Memory != 0 && c.Memory < 64<<20 {
		return configfile.Errorf("memory", "%s is too little to work with; give at least 64MiB", c.Memory)
	}
	if c.ShuffleRows < 0 || c.FitRows < 0 {
		return configfile.Errorf("shuffle_rows", "neither shuffle_rows nor fit_rows can be negative")
	}
	return nil
}

// maxSteps bounds the steps before a target: the loss of all takes time by their square.
const maxSteps = 15

// validateRoles checks that no column plays two roles that exclude each other.
func (c *Config) validateRoles() *configfile.FieldError {
	taken := map[string]string{c.Target: "target"}
	claim := func(path, name, role string) *configfile.FieldError {
		if name == "" {
			return configfile.Errorf(path, "the name of a column is empty")
		}
		if other, ok := taken[name]; ok {
			if other == role {
				return configfile.Errorf(path, "column %s is listed twice", wording.Quote(name))
			}
			return configfile.Errorf(path, "column %s is already the %s column", wording.Quote(name), other)
		}
		taken[name] = role
		return nil
	}
	if c.Weight != "" {
		if err := claim("weight", c.Weight, "weight"); err != nil {
			return err
		}
	}
	for _, l := range []struct {
		path, role string
		names      []string
	}{{"steps", "step", c.Steps}, {"id", "id", c.ID}, {"ignore", "ignored", c.Ignore}, {"features", "feature", c.Features}} {
		for i, name := range l.names {
			if err := claim(l.path+"."+strconv.Itoa(i), name, l.role); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Split) validate(c *Config) *configfile.FieldError {
	if err := configfile.OneOf("split.method", s.Method, SplitRandom, SplitTime, SplitGroup, SplitColumn, SplitNone); err != nil {
		return err
	}
	sum := 0.0
	for _, f := range []struct {
		path  string
		value *float64
	}{{"split.validation", s.Validation}, {"split.test", s.Test}} {
		if f.value == nil {
			continue
		}
		if !(*f.value >= 0 && *f.value < 1) {
			return configfile.Errorf(f.path, "%v is not a fraction of the rows; want 0 ≤ fraction < 1", *f.value)
		}
		sum += *f.value
	}
	if sum >= 1 {
		return configfile.Errorf("split", "validation and test take %v of the rows and leave none for training", sum)
	}
	if s.Test != nil && *s.Test > 0 && c.Test != nil {
		return configfile.Errorf("split.test", "there is a separate test source; set the fraction to 0 or remove data.test")
	}
	if s.Validation != nil && *s.Validation > 0 && c.Validation != nil {
		return configfile.Errorf("split.validation", "there is a separate validation source; set the fraction to 0 or remove data.validation")
	}
	switch s.Method {
	case SplitNone:
		if sum > 0 {
			return configfile.Errorf("split.method", "none leaves no rows for validation and test; remove the fractions or choose random")
		}
		fallthrough
	case SplitRandom, "":
		if s.Column != "" {
			return configfile.Errorf("split.column", "only the methods time, group and column use a column")
		}
	default:
		if s.Column == "" {
			return configfile.Errorf("split.column", "method %s needs the name of a column", s.Method)
		}
	}
	return s.validateValues(c)
}

func (s *Split) validateValues(c *Config) *configfile.FieldError {
	seen := map[string]string{}
	for _, l := range []struct {
		key    string
		values []string
	}{{"train_values", s.TrainValues}, {"validation_values", s.ValidationValues}, {"test_values", s.TestValues}} {
		if len(l.values) > 0 && s.Method != SplitColumn {
			return configfile.Errorf("split."+l.key, "only method column uses values")
		}
		for i, v := range l.values {
			if other, ok := seen[v]; ok {
				return configfile.Errorf("split."+l.key+"."+strconv.Itoa(i), "value %s is already listed under %s", wording.Quote(v), other)
			}
			seen[v] = l.key
		}
	}
	if s.Method != SplitColumn {
		return nil
	}
	if len(s.TestValues) == 0 && len(s.ValidationValues) == 0 {
		return configfile.Errorf("split.test_values", "method column needs test_values or validation_values")
	}
	if s.Test != nil && *s.Test > 0 {
		return configfile.Errorf("split.test", "method column takes the test rows from the column; remove the fraction")
	}
	if s.Validation != nil && *s.Validation > 0 && len(s.ValidationValues) > 0 {
		return configfile.Errorf("split.validation", "validation_values already name the validation rows; remove the fraction")
	}
	if len(s.TestValues) > 0 && c.Test != nil {
		return configfile.Errorf("split.test_values", "there is a separate test source; remove one of the two")
	}
	if len(s.ValidationValues) > 0 && c.Validation != nil {
		return configfile.Errorf("split.validation_values", "there is a separate validation source; remove one of the two")
	}
	return nil
}
