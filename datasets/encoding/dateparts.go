package encoding

import (
	"math"

	"debut/datasets/table"
)

// PartDays is the part of a date that counts days, with fractions.
const PartDays = "days"

// Seasonal reports whether a part of a date tells the time of year.
func Seasonal(part string) bool { return part == "month" || part == "year_sin" || part == "year_cos" }

// PartValues computes a part of the dates of a series; NaN where they are missing.
func (e *ColumnEncoding) PartValues(part string, s *table.Series) []float64 {
	values := make([]float64, len(s.Micros))
	of := e.datePart(part)
	for i, m := range s.Micros {
		values[i] = math.NaN()
		if m != table.MissingDate {
			values[i] = of(m)
		}
	}
	return values
}

// DropParts leaves parts of a date out and returns their names.
func (e *ColumnEncoding) DropParts(drop func(part string) bool) (gone []string) {
	var parts []string
	var features []NumericFeature
	for i, part := range e.Parts {
		if drop(part) {
			gone = append(gone, part)
			continue
		}
		parts, features = append(parts, part), append(features, e.Features[i])
	}
	e.Parts, e.Features = parts, features
	return gone
}
