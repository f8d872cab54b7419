package encoding

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"debut/datasets/table"
	"debut/datasets/wording"
)

// wide reports whether the column becomes Width numeric features that are not
// listed one by one.
func (c *ColumnEncoding) wide() bool { return c.Type == table.TypeVector || c.Type == table.TypeText }

// numeric is how many numeric features the column becomes.
func (c *ColumnEncoding) numeric() int {
	n := len(c.Features)
	if c.wide() {
		n = c.Width
	}
	if c.Indicator {
		n++
	}
	return n
}

// appendFeatures lists the numeric features of the column.
func (c *ColumnEncoding) appendFeatures(out []NumericFeature) []NumericFeature {
	out = append(out, c.Features...)
	if c.wide() {
		for i := range c.Width {
			f := NumericFeature{Name: c.Name + "[" + strconv.Itoa(i) + "]", Source: c.Name, Scale: 1, Transformed: c.L2}
			if c.Means != nil {
				f.Mean, f.Scale = c.Means[i], c.Scales[i]
			}
			out = append(out, f)
		}
	}
	if c.Indicator {
		out = append(out, NumericFeature{Name: c.Name + " (missing)", Source: c.Name, Scale: 1})
	}
	return out
}

// norm returns what the numbers of a vector are divided by: its length where
// that is asked for. A vector of zeros stays one.
func (c *ColumnEncoding) norm(v []float32) float64 {
	if !c.L2 {
		return 1
	}
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return 1
	}
	return math.Sqrt(sum)
}

// fitVector learns what replaces missing vectors, and the standardization.
func (c *ColumnEncoding) fitVector(s *table.Series, settings Column) (reason string) {
	c.Width = s.Width
	c.L2 = slices.Contains(settings.Transform, TransformL2)
	rows := table.PresentRows(s)
	first, constant := int(rows[0]), true
	for _, r := range rows {
		constant = constant && table.EqualVectors(s, first, int(r))
	}
	filledOtherwise := len(rows) < s.Len() && c.Fill == FillZeros
	if constant && !c.Indicator && !filledOtherwise {
		return "is constant (" + wording.Shorten(table.FormatVector(s.Vector(first)), 60) + ")"
	}
	if c.Fill == FillMean {
		c.FillVector = c.meanVector(s, rows)
	}
	if !slices.Contains(settings.Transform, TransformStandardize) {
		return ""
	}
	// Over all rows as the model would see them, missing ones filled; two passes,
	// as in meanStd.
	n := float64(s.Len())
	c.Means = make([]float64, c.Width)
	row := make([]float64, c.Width)
	for r := range s.Len() {
		c.filled(row, s.Vector(r))
		for i, x := range row {
			c.Means[i] += x / n
		}
	}
	squares, correction := make([]float64, c.Width), make([]float64, c.Width)
	for r := range s.Len() {
		c.filled(row, s.Vector(r))
		for i, x := range row {
			d := x - c.Means[i]
			squares[i] += d * d
			correction[i] += d
		}
	}
	c.Scales = make([]float64, c.Width)
	for i, mean := range c.Means {
		std := math.Sqrt(max(0, (squares[i]-correction[i]*correction[i]/n)/n))
		if !(std > 1e-14*math.Abs(mean)) { // a constant, as in fitScale
			std = 1
		}
		c.Scales[i] = std
	}
	return ""
}

func (c *ColumnEncoding) meanVector(s *table.Series, rows []int32) []float64 {
	mean := make([]float64, c.Width)
	n := float64(len(rows))
	for _, r := range rows {
		v := s.Vector(int(r))
		norm := c.norm(v)
		for i, x := range v {
			mean[i] += float64(x) / norm / n
		}
	}
	return mean
}

// filled sets row to the vector, or to what replaces it where it is nil.
func (c *ColumnEncoding) filled(row []float64, v []float32) {
	switch {
	case v != nil:
		norm := c.norm(v)
		for i, x := range v {
			row[i] = float64(x) / norm
		}
	case c.FillVector != nil:
		copy(row, c.FillVector)
	default:
		clear(row)
	}
}

// encodeVectors writes the vectors of s to the features from d on.
func (c *ColumnEncoding) encodeVectors(ctx context.Context, f *table.Frame, s *table.Series, out *Encoded, d int) error {
	plain := !c.L2 && c.Means == nil
	row := make([]float64, c.Width)
	for r := range s.Len() {
		if r%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		dst := out.Numeric[r*out.D+d : r*out.D+d+c.Width]
		v := s.Vector(r)
		if plain && v != nil {
			copy(dst, v)
			continue
		}
		c.filled(row, v)
		for i, x := range row {
			if c.Means != nil {
				x = (x - c.Means[i]) / c.Scales[i]
			}
			dst[i] = float32(x)
			if math.IsInf(float64(dst[i]), 0) {
				return &table.ValueError{Place: f.Place(r), Column: c.Name, Value: table.FormatNumber(float64(v[i])), Problem: "is too large for 32-bit arithmetic",
					Remedies: []table.Remedy{table.ManualRemedy("correct it, or train with l2 in the column's transform")}}
			}
		}
	}
	return nil
}

// toVectors is convert for a column of vectors.
func (c *ColumnEncoding) toVectors(f *table.Frame, s *table.Series) (*table.Series, error) {
	if s.MissingCount() == s.Len() {
		return table.MissingVectors(s.Name, c.Width, s.Len()), nil
	}
	switch s.Kind {
	case table.Vector:
	case table.Text:
		var err error
		if s, err = s.Vectors(f); err != nil {
			return nil, err
		}
	default:
		return nil, c.otherKind(s)
	}
	if s.Width != c.Width {
		place := ""
		if rows := table.PresentRows(s); len(rows) > 0 {
			place = f.Place(int(rows[0]))
		}
		return nil, &table.ValueError{Place: place, Column: s.Name, Problem: fmt.Sprintf("holds vectors of %d numbers here, but of %d when the model was trained", s.Width, c.Width),
			Remedies: []table.Remedy{table.ManualRemedy("make them the way those of the training rows were made")}}
	}
	return s, nil
}
