package encoding

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"debut/datasets/table"
)

// EncodeReport counts what Encode met that the training rows did not have.
type EncodeReport struct {
	Rows    int            `json:"rows"`
	Unseen  []UnseenValues `json:"unseen,omitempty"`  // by column, in the encoder's order
	Missing []MissingCount `json:"missing,omitempty"` // columns with missing values, which were filled
	Outside []OutsideRange `json:"outside,omitempty"` // numbers and dates beyond those of the training rows
	Absent  []string       `json:"absent,omitempty"`  // columns that the data lack, whose values count as missing (Input.AllowMissing)
}

// UnseenValues counts values of a categorical column that are not in its
// vocabulary, and were encoded as id 0.
type UnseenValues struct {
	Column   string   `json:"column"`
	Rows     int      `json:"rows"`
	Examples []string `json:"examples"` // the first few distinct ones
}

// MissingCount counts the missing values of a column.
type MissingCount struct {
	Column string `json:"column"`
	Rows   int    `json:"rows"`
}

const unseenExamples = 3

// Encode applies the encoder to a frame. Columns are found by name, in any
// order; others are ignored. A column that is missing or of another type is an
// error. With needTarget the target must be there and complete, and the weight
// where training had one; without it, neither is read. Id columns are carried
// through where the frame has them.
func (e *Encoder) Encode(ctx context.Context, f *table.Frame, needTarget bool) (*Encoded, EncodeReport, error) {
	if err := e.CheckColumns(f, needTarget); err != nil {
		return nil, EncodeReport{Rows: f.Rows}, err
	}
	out, report, stage, err := e.encode(ctx, f, needTarget, e.stages())
	if err == nil && out.Weight != nil && sum(out.Weight) == 0 {
		err = noWeight(e.Weight)
	}
	if err != nil {
		if stage == e.labelStage() && ctx.Err() == nil {
			err = CheckLabels(f, f.Column(e.Target.Name))
		}
		return nil, report, err
	}
	return out, report, nil
}

// Encoding goes by stages: one for each column, then the labels, whether all are
// there, what they are, and the weights. Of several mistakes in a table the one
// of the earliest stage is told, and of these the one of the first row.
func (e *Encoder) labelStage() int { return len(e.Columns) }
func (e *Encoder) stages() int     { return len(e.Columns) + 3 }

// encode encodes the columns that checkColumns has found, in the stages before
// until, and returns the stage of an error.
func (e *Encoder) encode(ctx context.Context, f *table.Frame, needTarget bool, until int) (out *Encoded, report EncodeReport, stage int, err error) {
	report.Rows = f.Rows
	by := e.compile()
	out = newEncoded(f.Rows, by)
	d, k, l := 0, 0, 0
	for i := range e.Columns {
		if i >= until {
			return nil, report, until, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, report, i, err
		}
		c := &e.Columns[i]
		s, err := c.convert(f, f.Column(c.Name))
		if err != nil {
			return nil, report, i, err
		}
		if n := s.MissingCount(); n > 0 {
			report.Missing = append(report.Missing, MissingCount{Column: c.Name, Rows: n})
		}
		if o := c.outside(s, e.Rows); o.Rows > 0 {
			report.Outside = append(report.Outside, o)
		}
		switch c.Type {
		case table.TypeCategorical:
			if unseen := c.encodeText(&by.columns[i], s, out, k); unseen.Rows > 0 {
				report.Unseen = append(report.Unseen, unseen)
			}
			k++
		case table.TypeDate:
			c.encodeDate(s, out, d)
			d += len(c.Features)
		case table.TypeVector:
			if err := c.encodeVectors(ctx, f, s, out, d); err != nil {
				return nil, report, i, err
			}
			d += c.Width
		case table.TypeList:
			var weights *table.Series
			if c.Weights != "" {
				weights = f.Column(c.Weights).Texts()
			}
			unseen, err := c.encodeLists(ctx, f, s, weights, &by.columns[i], out, l)
			if err != nil {
				return nil, report, i, err
			}
			if unseen.Rows > 0 {
				report.Unseen = append(report.Unseen, unseen)
			}
			l += c.Length
		case table.TypeText:
			if err := c.encodeWords(ctx, s, out, d); err != nil {
				return nil, report, i, err
			}
			d += c.Width
		default:
			if c.Bounds != nil {
				c.encodeBuckets(s, out, k)
				k++
			}
			if len(c.Features) == 0 {
				break
			}
			if err := c.encodeNumber(f, s, out, d); err != nil {
				return nil, report, i, err
			}
			d++
		}
		if c.Indicator {
			for r := range f.Rows {
				if s.Missing(r) {
					out.Numeric[r*out.D+d] = 1
				}
			}
			d++
		}
	}
	for _, name := range e.ID {
		if s := f.Column(name); s != nil {
			out.Carry(s)
		}
	}
	if !needTarget {
		return out, report, until, nil
	}
	stage = e.labelStage()
	target := f.Column(e.Target.Name)
	for step := 0; stage < until; stage, step = stage+1, step+1 {
		if err := ctx.Err(); err != nil {
			return nil, report, stage, err
		}
		switch step {
		case 0:
			if target.MissingCount() > 0 {
				err = errLabels
			}
		case 1:
			out.Target, err = e.Target.encode(&by.classes, f)
		case 2:
			if e.Weight != "" {
				out.Weight, err = encodeWeight(f, e.Weight)
			}
		}
		if err != nil {
			return nil, report, stage, err
		}
	}
	return out, report, until, nil
}

// errLabels says that labels are missing; CheckLabels has the words.
var errLabels = errors.New("encoding: labels are missing")

// CheckColumns lists every column that is missing at once.
func (e *Encoder) CheckColumns(f *table.Frame, needTarget bool) error {
	needed := e.Needed(needTarget)
	missing := slices.DeleteFunc(slices.Clone(needed), func(name string) bool { return f.Column(name) != nil })
	if len(missing) == 0 {
		return nil
	}
	err := f.Lacking(missing, needed)
	for i := range e.Columns {
		if c := &e.Columns[i]; c.Type == table.TypeVector && f.Applied() && slices.Contains(missing, c.Name) {
			return fmt.Errorf("%w; vectors in a .npy file are given as --vectors %s=FILE.npy,on=COLUMN", err, c.Name)
		}
	}
	return err
}

// complete returns the frame with columns of missing values in the place of those that the encoder needs for features and the frame lacks,
// and their names.
func (e *Encoder) complete(f *table.Frame) (*table.Frame, []string) {
	var absent []string
	out := *f
	out.Columns = slices.Clone(f.Columns)
	for i := range e.Columns {
		c := &e.Columns[i]
		if f.Column(c.Name) != nil {
			continue
		}
		absent = append(absent, c.Name)
		out.Columns = append(out.Columns, c.allMissing(f.Rows))
	}
	for i := range e.Columns {
		if w := e.Columns[i].Weights; w != "" && f.Column(w) == nil {
			// Of lists that are there, a lack of weights is an error.
			absent = append(absent, w)
			out.Columns = append(out.Columns, &table.Series{Name: w, Kind: table.Text, Codes: slices.Repeat([]int32{-1}, f.Rows)})
		}
	}
	return &out, absent
}

// allMissing is a series of missing values of the kind that the encoder learned.
func (c *ColumnEncoding) allMissing(rows int) *table.Series {
	none := func() []int32 { return slices.Repeat([]int32{-1}, rows) }
	switch c.Type {
	case table.TypeCategorical, table.TypeText, table.TypeList:
		return &table.Series{Name: c.Name, Kind: table.Text, Codes: none()}
	case table.TypeVector:
		return &table.Series{Name: c.Name, Kind: table.Vector, Codes: none(), Width: c.Width}
	case table.TypeDate:
		return &table.Series{Name: c.Name, Kind: table.Date, Micros: slices.Repeat([]int64{table.MissingDate}, rows)}
	}
	kind := table.Numeric
	if c.Type == table.TypeBoolean {
		kind = table.Boolean
	}
	return &table.Series{Name: c.Name, Kind: kind, Floats: slices.Repeat([]float64{math.NaN()}, rows)}
}

// convert returns the series in the kind the encoder learned.
func (c *ColumnEncoding) convert(f *table.Frame, s *table.Series) (*table.Series, error) {
	want := c.Type
	switch {
	case s.Kind == table.Date && want == table.TypeDate && s.Layout != "" && s.Layout != c.DateLayout && !table.YearFirst(s.Layout):
		return nil, &table.ValueError{Column: s.Name, Problem: fmt.Sprintf("was read with dates written %s, not as when the model was trained", table.LayoutOf(s.Layout).Name()),
			Remedies: []table.Remedy{table.ManualRemedy("read the file with Encoder.Read")}}
	case want == table.TypeVector:
		return c.toVectors(f, s)
	case s.Kind.String() == want:
		return s, nil
	case s.Kind == table.Vector && want != table.TypeList && s.MissingCount() < s.Len():
		return nil, c.otherKind(s)
	case want == table.TypeCategorical, want == table.TypeText, want == table.TypeList:
		return s.Texts(), nil
	case s.MissingCount() == s.Len():
		return missingSeries(s, want), nil
	case want == table.TypeNumeric && s.Kind == table.Boolean:
		return s, nil
	case want == table.TypeBoolean && s.Kind == table.Numeric:
		for i, v := range s.Floats {
			if !math.IsNaN(v) && v != 0 && v != 1 {
				return nil, &table.ValueError{Place: f.Place(i), Column: s.Name, Value: s.Format(i), Problem: "is neither true nor false",
					Remedies: []table.Remedy{table.ManualRemedy("the model was trained on true and false in this column")}}
			}
		}
		return s, nil
	case s.Kind == table.Text:
		return f.Retyped(s, want, c.DateLayout)
	}
	return nil, c.otherKind(s)
}

func (c *ColumnEncoding) otherKind(s *table.Series) error {
	return &table.ValueError{Column: s.Name, Problem: fmt.Sprintf("holds %s values here, but %s values when the model was trained", s.Kind, c.Type),
		Remedies: []table.Remedy{table.ManualRemedy("give it the type it had, for example by a CAST in a query")}}
}

func missingSeries(s *table.Series, want string) *table.Series {
	if want == table.TypeDate {
		return &table.Series{Name: s.Name, Kind: table.Date, Micros: slices.Repeat([]int64{table.MissingDate}, s.Len())}
	}
	return &table.Series{Name: s.Name, Kind: table.Numeric, Floats: slices.Repeat([]float64{math.NaN()}, s.Len())}
}

// number fills and transforms a value, up to standardization.
func (c *ColumnEncoding) number(v float64) float64 {
	if math.IsNaN(v) {
		v = c.FillNumber
	}
	if c.Log1p {
		v = log1p(v)
	}
	return c.clip(v)
}

func (c *ColumnEncoding) encodeNumber(f *table.Frame, s *table.Series, out *Encoded, d int) error {
	mean, scale := c.Features[0].Mean, c.Features[0].Scale
	plain, at := !c.Log1p && !c.Clip, d
	for r, v := range s.Floats {
		switch {
		case !plain:
			v = c.number(v)
		case v != v:
			v = c.FillNumber
		}
		x := float32((v - mean) / scale)
		if x-x != 0 { // infinite, or no number
			return &table.ValueError{Place: f.Place(r), Column: c.Name, Value: s.Format(r), Problem: "is too large for 32-bit arithmetic",
				Remedies: []table.Remedy{table.ManualRemedy("correct it, or train with log1p or clip in the column's transform")}}
		}
		out.Numeric[at] = x
		at += out.D
	}
	return nil
}

func (c *ColumnEncoding) encodeDate(s *table.Series, out *Encoded, d int) {
	for p, part := range c.Parts {
		feature, of := &c.Features[p], c.datePart(part)
		low, high := math.Inf(-1), math.Inf(1)
		if n := len(feature.Edges); n > 0 {
			low, high = feature.Edges[0], feature.Edges[n-1]
		}
		for r, m := range s.Micros {
			out.Numeric[r*out.D+d+p] = float32(min(max((of(m)-feature.Mean)/feature.Scale, low), high))
		}
	}
}

func (c *ColumnEncoding) encodeBuckets(s *table.Series, out *Encoded, k int) {
	for r, v := range s.Floats {
		if math.IsNaN(v) {
			continue // id 0
		}
		out.IDs[r*out.F+k] = int32(sort.SearchFloat64s(c.Bounds, c.number(v))) + 1
	}
}

// encodeText looks every distinct value up once.
func (c *ColumnEncoding) encodeText(by *compiledColumn, s *table.Series, out *Encoded, k int) UnseenValues {
	unseen := UnseenValues{Column: c.Name}
	ids := make([]int32, len(s.Dict))
	for i, text := range s.Dict {
		ids[i] = c.id(by, text)
	}
	shown := map[int32]bool{}
	for r, code := range s.Codes {
		if code < 0 {
			out.IDs[r*out.F+k] = by.missing
			continue
		}
		v := ids[code]
		out.IDs[r*out.F+k] = v
		if v == 0 {
			unseen.Rows++
			if len(shown) < unseenExamples && !shown[code] {
				shown[code] = true
				unseen.Examples = append(unseen.Examples, s.Dict[code])
			}
		}
	}
	return unseen
}

// encodeWeight checks and returns the sample weights.
func encodeWeight(f *table.Frame, name string) ([]float64, error) {
	s := f.Column(name)
	if s.Kind != table.Numeric && s.Kind != table.Boolean {
		return nil, &table.ValueError{Column: name, Problem: "is the weight column, but holds " + s.Kind.String() + " values", Remedies: []table.Remedy{table.ManualRemedy("weights are numbers ≥ 0")}}
	}
	for i, w := range s.Floats {
		if !(w >= 0 && w <= math.MaxFloat32) { // sums of larger ones could not be had
			problem := "is no sample weight"
			if math.IsNaN(w) {
				problem = "the sample weight is missing"
			}
			return nil, &table.ValueError{Place: f.Place(i), Column: name, Value: s.Format(i), Problem: problem, Remedies: []table.Remedy{table.ManualRemedy("weights are numbers ≥ 0")}}
		}
	}
	return slices.Clone(s.Floats), nil
}

// noWeight is the error where no row has a weight.
func noWeight(name string) error {
	return &table.ValueError{Column: name, Problem: "all sample weights are 0", Remedies: []table.Remedy{table.ManualRemedy("give some rows a weight")}}
}

// sum adds weights up.
func sum(weights []float64) float64 {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	return total
}
