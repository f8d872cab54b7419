package table

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Values are a column of rows that come in memory, one value after another, for a finished model: they become what reading them from a
// file makes of them. Texts lose the blanks around them, and an empty one is a missing value; a number that stands in a column of texts
// is a text, whole ones without a point.
type Values struct {
	series Series
	codes  map[string]int32
	texts  []placedText // of a column of numbers, true and false
}

type placedText struct {
	row  int
	text string
}

// NewValues returns an empty column of a type, neither TypeAuto nor TypeIgnore; width is that of vectors.
func NewValues(name, typ string, width, rows int) *Values {
	v := &Values{series: Series{Name: name}}
	s := &v.series
	switch typ {
	case TypeDate, TypeCategorical, TypeText, TypeList:
		s.Kind, s.Codes, v.codes = Text, make([]int32, 0, rows), map[string]int32{}
	case TypeVector:
		s.Kind, s.Codes, s.Width = Vector, make([]int32, 0, rows), width
	case TypeBoolean:
		s.Kind, s.Floats = Boolean, make([]float64, 0, rows)
	default:
		s.Kind, s.Floats = Numeric, make([]float64, 0, rows)
	}
	return v
}

// Name is that of the column.
func (v *Values) Name() string { return v.series.Name }

// Len is how many values there are.
func (v *Values) Len() int { return v.series.Len() }

// Missing adds a missing value.
func (v *Values) Missing() {
	if s := &v.series; s.Floats == nil {
		s.Codes = append(s.Codes, -1)
	} else {
		s.Floats = append(s.Floats, math.NaN())
	}
}

// Number adds a finite number; literal is how it is written.
func (v *Values) Number(x float64, literal []byte) error {
	s := &v.series
	switch {
	case s.Kind == Vector:
		return v.misfit("a number")
	case s.Kind == Text:
		if x == math.Trunc(x) && math.Abs(x) <= maxWhole {
			literal = strconv.AppendInt(nil, int64(x), 10)
		}
		v.code(literal)
	case s.Kind == Boolean && x != 0 && x != 1:
		return fmt.Errorf("%q is neither true nor false", literal)
	default:
		s.Floats = append(s.Floats, x+0) // a zero has no sign
	}
	return nil
}

// Bool adds true or false.
func (v *Values) Bool(b bool) error {
	s := &v.series
	switch s.Kind {
	case Vector:
		return v.misfit("true or false")
	case Text:
		v.code(strconv.AppendBool(nil, b))
	default:
		x := 0.0
		if b {
			x = 1
		}
		s.Floats = append(s.Floats, x)
	}
	return nil
}

// Text adds a text, which is not kept.
func (v *Values) Text(text []byte) error {
	s := &v.series
	if s.Kind == Vector {
		return v.misfit("a text")
	}
	text = bytes.Trim(text, " ") // as DuckDB's trim
	switch {
	case len(text) == 0:
		v.Missing()
	case s.Kind == Text:
		v.code(text)
	default:
		v.texts = append(v.texts, placedText{len(s.Floats), string(text)})
		s.Floats = append(s.Floats, math.NaN())
	}
	return nil
}

// Vector adds a vector, which is not kept.
func (v *Values) Vector(x []float32) error {
	s := &v.series
	if s.Kind != Vector {
		return v.misfit("a list of numbers")
	}
	if len(x) != s.Width {
		return fmt.Errorf("a vector of %d numbers, where the model was trained on %d", len(x), s.Width)
	}
	s.Codes = append(s.Codes, int32(len(s.Floats32)/s.Width))
	s.Floats32 = append(s.Floats32, x...)
	return nil
}

func (v *Values) misfit(what string) error {
	return fmt.Errorf("%s, where the model takes %s", what, map[Kind]string{Vector: "a list of numbers", Text: "a text", Numeric: "a number", Boolean: "true or false"}[v.series.Kind])
}

func (v *Values) code(text []byte) {
	s := &v.series
	c, ok := v.codes[string(text)]
	if !ok {
		c = int32(len(s.Dict))
		own := string(text)
		s.Dict = append(s.Dict, own)
		v.codes[own] = c
	}
	s.Codes = append(s.Codes, c)
}

// column returns the series. Numbers beside texts are texts too then, to be read as those are.
func (v *Values) column() *Series {
	s := &v.series
	if len(v.texts) == 0 {
		return s
	}
	t := NewValues(s.Name, TypeText, 0, len(s.Floats))
	next := v.texts
	for i := range s.Floats {
		switch {
		case len(next) > 0 && next[0].row == i:
			t.code([]byte(next[0].text))
			next = next[1:]
		case s.Missing(i):
			t.Missing()
		default:
			t.code([]byte(s.Format(i)))
		}
	}
	return &t.series
}

// RowsFrame makes a frame of columns of rows in memory, to be encoded for a finished model.
func RowsFrame(columns ...*Values) (*Frame, error) {
	list := make([]*Series, len(columns))
	for i, c := range columns {
		list[i] = c.column()
	}
	f, err := NewFrame(list...)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("rows without columns")
	}
	f.origin, f.Available = &origin{applied: true}, slices.Clone(f.Names())
	return f, nil
}
