package encoding

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"debut/datasets/strictjson"
	"debut/datasets/table"
	"debut/datasets/wording"
)

// LoadEncoder reads what Save wrote. The file is not trusted: an error names
// the field that does not fit, as in columns.3.features.0.scale.
func LoadEncoder(r io.Reader) (*Encoder, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("load the data encoder: %w", err)
	}
	e := new(Encoder)
	err = strictjson.Unmarshal(text, e)
	if v := encoderFileVersion(text, e, err); v < encoderVersion || v > stepsVersion {
		return nil, fmt.Errorf("load the data encoder: version %d, this program reads versions %d to %d; train the model again", v, encoderVersion, stepsVersion)
	}
	if err != nil {
		return nil, fmt.Errorf("load the data encoder: %w", err)
	}
	if want := e.fileVersion(); e.Version != want {
		return nil, fmt.Errorf("load the data encoder: version: %d, but its columns are those of version %d", e.Version, want)
	}
	if err := e.Check(); err != nil {
		return nil, fmt.Errorf("load the data encoder: %w", err)
	}
	return e, nil
}

// encoderFileVersion is the version of a file, also of one that was not read
// because another version has other fields.
func encoderFileVersion(text []byte, e *Encoder, err error) int {
	if err == nil {
		return e.Version
	}
	var head map[string]json.RawMessage
	v := encoderVersion
	if strictjson.Unmarshal(text, &head) == nil {
		if json.Unmarshal(head["version"], &v) != nil {
			v = encoderVersion // which the error is about
		}
	}
	return v
}

// Sizes returns how many numeric and how many categorical features Encode
// makes, without listing them: a few bytes of a file can ask for many.
func (e *Encoder) Sizes() (numeric, fields int) {
	for i := range e.Columns {
		numeric += e.Columns[i].numeric()
		if e.Columns[i].categorical() {
			fields++
		}
	}
	return numeric, fields
}

// Check returns an error, a *strictjson.Error, for an encoder that fitting
// cannot have made, and that could lead Encode astray.
func (e *Encoder) Check() error {
	if len(e.Columns) == 0 {
		return fieldErrorf("columns", "there are none")
	}
	for name, style := range e.Written {
		if _, ok := table.StyleOf(style); !ok {
			return fieldErrorf("written."+name, "%s is no way to write numbers", wording.Quote(style))
		}
	}
	if e.Rows < 0 {
		return fieldErrorf("rows", "%d is no number of rows", e.Rows)
	}
	roles := map[string]string{}
	claim := func(path, name, role string) error {
		if name == "" {
			return fieldErrorf(path, "the name of a column is empty")
		}
		if other, taken := roles[name]; taken {
			return fieldErrorf(path, "%s is the name of the %s already", wording.Quote(name), other)
		}
		roles[name] = role
		return nil
	}
	if err := claim("target.name", e.Target.Name, "target"); err != nil {
		return err
	}
	for i, name := range e.Target.Steps {
		if err := claim("target.steps."+strconv.Itoa(i), name, "step"); err != nil {
			return err
		}
	}
	if len(e.Target.Steps) > 0 && e.Target.Task != TaskBinary {
		return fieldErrorf("target.steps", "they lead to a binary target, not to one of the task %s", wording.Quote(e.Target.Task))
	}
	if e.Weight != "" {
		if err := claim("weight", e.Weight, "weight"); err != nil {
			return err
		}
	}
	for i, name := range e.ID {
		if err := claim("id."+strconv.Itoa(i), name, "id"); err != nil {
			return err
		}
	}
	for i := range e.Columns {
		path := "columns." + strconv.Itoa(i)
		if err := claim(path+".name", e.Columns[i].Name, "feature"); err != nil {
			return err
		}
		if err := e.Columns[i].check(path); err != nil {
			return err
		}
	}
	for i := range e.Columns {
		if w := e.Columns[i].Weights; w != "" {
			if err := claim("columns."+strconv.Itoa(i)+".weights", w, "weights"); err != nil {
				return err
			}
		}
	}
	return e.Target.check()
}

func fieldErrorf(path, format string, args ...any) error {
	return &strictjson.Error{Path: path, Problem: fmt.Sprintf(format, args...)}
}

func (t *TargetEncoding) check() error {
	if !slices.Contains([]string{table.TypeNumeric, table.TypeBoolean, table.TypeCategorical}, t.Type) {
		return fieldErrorf("target.type", "%s is no type of a target", wording.Quote(t.Type))
	}
	if !finite(t.Mean) {
		return fieldErrorf("target.mean", "%v is no number", t.Mean)
	}
	if err := checkScale("target.scale", t.Scale); err != nil {
		return err
	}
	if t.Link != "" && (t.Link != LinkLog || t.Task != TaskRegression || t.Mean < 0) {
		return fieldErrorf("target.link", "%s is no link of the task %s with a mean of %v", wording.Quote(t.Link), wording.Quote(t.Task), t.Mean)
	}
	switch t.Task {
	case TaskRegression:
		switch {
		case t.Type == table.TypeCategorical:
			return fieldErrorf("target.type", "texts are no target of a regression")
		case len(t.Classes) > 0 || len(t.Prior) > 0 || t.Positive != "":
			return fieldErrorf("target.classes", "a regression has none")
		case math.Abs(t.Mean)+t.Scale > maxTarget:
			return fieldErrorf("target.scale", "%v, of mean %v, is too large for sums of squares", t.Scale, t.Mean)
		}
		return nil
	case TaskBinary:
		if len(t.Classes) != 2 || t.Classes[1] != t.Positive {
			return fieldErrorf("target.classes", "a binary target has two, the second of which is positive, %s", wording.Quote(t.Positive))
		}
	case TaskMulticlass:
		if len(t.Classes) < 2 || len(t.Classes) > maxClasses {
			return fieldErrorf("target.classes", "there are %d; a multi-class target has 2 to %d", len(t.Classes), maxClasses)
		}
		if t.Positive != "" {
			return fieldErrorf("target.positive", "none of several classes is")
		}
	default:
		return fieldErrorf("target.task", "there is no task %s", wording.Quote(t.Task))
	}
	if t.Mean != 0 || t.Scale != 1 {
		return fieldErrorf("target.scale", "classes are not scaled: mean and scale are 0 and 1")
	}
	return t.checkClasses()
}

// checkClasses compares classes with the type of the column and with how often
// they are.
func (t *TargetEncoding) checkClasses() error {
	index := indexClasses(t)
	for i, c := range t.Classes {
		if index.texts[c] != i {
			return fieldErrorf("target.classes."+strconv.Itoa(i), "%s is class %d already", wording.Quote(c), index.texts[c])
		}
	}
	if n := len(t.Classes); t.Type == table.TypeNumeric && len(index.numbers) != n || t.Type == table.TypeBoolean && len(index.booleans) != n {
		return fieldErrorf("target.classes", "they are not %d different values of a %s column", n, t.Type)
	}
	if len(t.Prior) != len(t.Classes) {
		return fieldErrorf("target.prior", "there are %d for %d classes", len(t.Prior), len(t.Classes))
	}
	sum := 0.0
	for i, p := range t.Prior {
		if !(p >= 0 && p <= 1) {
			return fieldErrorf("target.prior."+strconv.Itoa(i), "%v is no share", p)
		}
		sum += p
	}
	if math.Abs(sum-1) > 1e-6 {
		return fieldErrorf("target.prior", "the shares add up to %v", sum)
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func checkScale(path string, v float64) error {
	if !(v > 0) || !finite(v) {
		return fieldErrorf(path, "%v is not a number above 0", v)
	}
	return nil
}
