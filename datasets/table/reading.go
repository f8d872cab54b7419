package table

import "debut/datasets/notation"

// Reading is what a column of texts is read as: decided by all its values, or declared.
type Reading struct {
	Type   string          // TypeNumeric, TypeBoolean, TypeDate or TypeCategorical
	Style  notation.Style  // of numbers
	Layout notation.Layout // of dates
	// Whole numbers are all written in digits alone, and fit into 64 bits.
	Whole bool
	// odd texts are not to be left to DuckDB.
	odd bool
}

// plain reports numbers that are written with digits, a point and an exponent alone.
func (r *Reading) plain() bool { return r.Type == TypeNumeric && r.Style == notation.Style{} }

// LayoutOf returns the layout that has a name of package time; none for "".
func LayoutOf(name string) notation.Layout {
	l, _ := notation.ParseLayout(name)
	return l
}

// YearFirst reports the name of a layout that cannot be mistaken.
func YearFirst(name string) bool { return LayoutOf(name).YearFirst() }

// fits reports whether a text is one of the values.
func (r *Reading) fits(text string) (ok bool) {
	switch r.Type {
	case TypeNumeric:
		if r.plain() {
			_, ok = notation.Number(text)
			return ok
		}
		_, ok = r.Style.Parse(text)
		return ok
	case TypeBoolean:
		_, ok = notation.Bool(text)
		return ok
	case TypeDate:
		_, ok = r.Layout.Parse(text)
		return ok
	}
	return true
}

// counts returns how many rows have each of the texts of a series.
func counts(s *Series) []int {
	out := make([]int, len(s.Dict))
	for _, c := range s.Codes {
		if c >= 0 {
			out[c]++
		}
	}
	return out
}

// read makes values of a series of texts. place names a row.
func (r *Reading) read(s *Series, place func(row int) string) (*Series, error) {
	misfit := func(code int) error {
		row := 0
		for row < len(s.Codes) && s.Codes[row] != int32(code) {
			row++
		}
		if row == len(s.Codes) {
			return nil // a text of other rows
		}
		e := &ValueError{Place: place(row), Column: s.Name, Value: s.Dict[code], wording: CommandLine, Remedies: appliedRemedies(s.Name, s.Dict[code], r.Type)}
		e.Problem = r.problem(s.Dict[code])
		return e
	}
	if r.Type == TypeDate {
		values := make([]int64, len(s.Dict))
		for i, text := range s.Dict {
			v, ok := r.Layout.Parse(text)
			if !ok {
				if err := misfit(i); err != nil {
					return nil, err
				}
			}
			values[i] = v
		}
		return &Series{Name: s.Name, Kind: Date, Layout: r.Layout.Go(), Micros: decode(s.Codes, values, MissingDate)}, nil
	}
	reader, kind := newNumberText(s.Name, nil, r.Style), Numeric
	if r.Type == TypeBoolean {
		reader, kind = newBooleanText(s.Name, nil, false), Boolean
	}
	values := make([]float64, len(s.Dict))
	for i, text := range s.Dict {
		v, ok := reader.parse(text)
		if !ok {
			if err := misfit(i); err != nil {
				return nil, err
			}
		}
		values[i] = v + 0
	}
	return &Series{Name: s.Name, Kind: kind, Floats: decode(s.Codes, values, missingNumber)}, nil
}

// problem says why a text is none of the values.
func (r *Reading) problem(text string) string {
	switch r.Type {
	case TypeBoolean:
		return "is neither true nor false"
	case TypeDate:
		if r.Layout == (notation.Layout{}) {
			return "is not a date"
		}
		return "is not a date written " + r.Layout.Name()
	}
	return numberProblem(text, r.Style)
}
