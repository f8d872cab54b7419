package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/notation"
	"debut/datasets/wording"
)

// fits returns what tells a value that the fault is not about.
func (f *fault) fit() func(text string) bool {
	switch f.kind {
	case notBooleans:
		return func(text string) bool { _, ok := notation.Bool(text); return ok }
	case notDates:
		return func(text string) bool { _, ok := f.layout.Parse(text); return ok && f.known }
	case notNumbers:
		return func(text string) bool { _, ok := f.style.Parse(text); return ok }
	default:
		return func(text string) bool { _, ok := notation.Number(text); return ok }
	}
}

// firstFault is the error that tells the faults of columns, by their indexes, where several cannot be read: of those that
// the source declares, for a query over them does not begin, or else of the others the one of the first row, and in that of
// the first column. It is nil where there are none.
func (r *relation) firstFault(faults map[int]*ValueError) error {
	first := -1
	order := func(i int) int {
		fault := faults[i]
		return cmp.Or(cmp.Compare(undeclared(r, i), undeclared(r, first)), cmp.Compare(fault.row, faults[first].row), cmp.Compare(i, first))
	}
	for i := range faults {
		if first < 0 || order(i) < 0 {
			first = i
		}
	}
	if first < 0 {
		return nil
	}
	return faults[first]
}

// undeclared is 0 for a column that the source declares, 1 for others.
func undeclared(r *relation, i int) int {
	if r.types[r.names[i]] != "" {
		return 0
	}
	return 1
}

// faults are the errors about columns that were surveyed and cannot be read.
func (r *relation) faults(ctx context.Context, db *duck.DB, found map[int]*settled) (map[int]*ValueError, error) {
	var searches []*search
	for _, i := range slices.Sorted(maps.Keys(found)) {
		if found[i].fault.kind != noFault {
			searches = append(searches, r.searchFault(i, found[i]))
		}
	}
	if err := r.locate(ctx, db, searches); err != nil {
		return nil, err
	}
	out := map[int]*ValueError{}
	for _, s := range searches {
		out[s.column] = r.explainFault(found[s.column], s)
	}
	return out, ctx.Err()
}

// searchFault looks for the values of column i that are at fault.
func (r *relation) searchFault(i int, s *settled) *search {
	of, fits := texts{null: r.null}, s.fault.fit()
	return &search{column: i, most: keptBadValues, rows: s.bad(), matches: func(raw string) bool {
		text := of.value(raw)
		return text != "" && !fits(text)
	}}
}

// bad is how many values the fault is about.
func (s *settled) bad() int {
	if s.fault.kind == otherNumbers {
		return s.tally.present - s.tally.plain
	}
	return s.tally.present - s.fault.fits
}

// explainFault makes the error about a column of what was found of the values at fault.
func (r *relation) explainFault(s *settled, found *search) *ValueError {
	of, name := texts{null: r.null}, r.names[found.column]
	for i := range found.found {
		l := &found.found[i]
		if l.Text = of.value(l.Text); !found.more && !slices.Contains(s.misfits, l.Text) {
			s.misfits = append(s.misfits, l.Text)
		}
	}
	e := &ValueError{Column: name, Place: r.origin.name(), wording: r.wording()}
	if len(found.found) > 0 {
		first := found.found[0]
		e.Value, e.row, e.Place = first.Text, first.Row+1, r.placeOf(name, first)
	}
	e.Problem, e.Remedies = s.describe(name, e.Value, r.options.Applied)
	return e
}

// placeOf names the place of a value: where it can be found, in the files that a query reads.
func (r *relation) placeOf(column string, at Located) string {
	if r.origin.query && r.origin.dialect != nil {
		of := texts{null: r.null}
		if place, value := r.origin.find(column, func(text string) bool { return of.value(text) == at.Text }); value != "" {
			return place
		}
	}
	return r.origin.places([]int{at.Row})[0]
}

// describe says what is wrong with a value, and what can be done; applied that a finished model reads it.
func (s *settled) describe(column, value string, applied bool) (problem string, remedies []Remedy) {
	f, t := &s.fault, s.tally
	others := t.present - f.fits - 1
	category := DeclareType(column, TypeCategorical).when("to have categories")
	switch f.kind {
	case notNumbers:
		problem = numberProblem(value, f.style)
		if others > 0 {
			problem += fmt.Sprintf(" (nor are %d other values of the column)", others)
		}
		if applied {
			return problem, appliedRemedies(column, value, TypeNumeric)
		}
		remedies = s.missing(value)
		if o, ok := otherStyle(value); ok && f.style == (notation.Style{}) {
			if remedies = []Remedy{o.styleRemedy(column, o.style, value).when("if all numbers of the file are written so")}; o.either {
				remedies = []Remedy{o.styleRemedy(column, o.style, value), o.styleRemedy(column, o.other, value)}
			}
		}
		return problem, append(remedies, ManualRemedy("correct it"), category)
	case otherNumbers:
		problem = "is a number " + f.styles() + ", as nearly all values of the column"
		remedies = append(remedies, f.styleRemedy(column, f.style, value))
		if f.either {
			remedies = append(remedies, f.styleRemedy(column, f.other, value))
		}
		if !applied {
			remedies = append(remedies, category)
		}
		return problem, remedies
	case notBooleans:
		problem = "is neither true nor false"
	case notDates:
		problem = "is not a date"
		if f.known {
			problem += " written " + f.layout.Name() + " like the others of the column"
		}
	}
	if applied {
		return problem, appliedRemedies(column, value, "")
	}
	return problem, append(s.missing(value), ManualRemedy("correct it"), category)
}

// missing is the remedy that calls what does not fit missing, none where that is much.
func (s *settled) missing(value string) []Remedy {
	values, bad := s.misfits, &s.tally.bad
	if len(values) == 0 && !bad.overflown {
		fit := s.fault.fit()
		values = slices.DeleteFunc(slices.Clone(bad.texts), fit)
	}
	switch {
	case slices.Contains(values, value):
	case bad.overflown && s.tally.present-s.fault.fits > 1:
		return nil
	default:
		values = []string{value}
	}
	return []Remedy{set(SetNull, values...).when("if it stands for a missing value")}
}

// styles says in words how numbers are written.
func (f *fault) styles() string {
	if f.either {
		return styleName(f.style) + " or " + styleName(f.other)
	}
	return styleName(f.style)
}

// styleRemedy declares a notation.
func (f *fault) styleRemedy(column string, style notation.Style, value string) Remedy {
	var r Remedy
	add := func(key, value string) { r.Settings = append(r.Settings, Setting{Set: key, Values: []string{value}}) }
	if style.Comma || style.Thousands == ',' {
		add(SetDecimal, string(style.Point()))
	}
	if style.Thousands != 0 {
		add(SetThousands, string(style.Thousands))
	}
	if style.Amount {
		r.Settings = append(r.Settings, Setting{Set: SetType, Column: column, Values: []string{TypeNumeric}})
	}
	if v, ok := style.Parse(value); ok && f.either {
		r.When = fmt.Sprintf("if %s means %s", wording.Quote(value), FormatNumber(v))
	}
	return r
}

// styleName says in words how numbers are written.
func styleName(s notation.Style) string {
	var parts []string
	if s.Comma {
		parts = append(parts, "with a decimal comma")
	}
	if name := map[byte]string{',': "commas", '.': "points", '\'': "apostrophes", ' ': "blanks"}[s.Thousands]; name != "" {
		parts = append(parts, "with "+name+" between thousands")
	}
	text := strings.Join(parts, " and ")
	if s.Amount {
		if text != "" {
			text = " " + text
		}
		return "as amounts" + text
	}
	return text
}

// appliedRemedies are those of a value that a finished model does not take in a column that is typ.
func appliedRemedies(column, value, typ string) []Remedy {
	remedies := []Remedy{ManualRemedy("correct it in the file"), set(SetNull, value).when("if it stands for a missing value")}
	if _, ok := (notation.Style{Amount: true}).Parse(value); ok && typ == TypeNumeric {
		remedies = append(remedies, DeclareType(column, TypeNumeric).when("to read amounts as numbers"))
	}
	return append(remedies, ManualRemedy("train the model again").when("to accept such values"))
}

// numberProblem says why a text is no number of a style.
func numberProblem(text string, style notation.Style) string {
	if _, err := strconv.ParseFloat(text, 64); strings.Trim(text, "0123456789.+-eE") == "" && errors.Is(err, strconv.ErrRange) {
		return "is out of range: numbers reach up to 1.8e308"
	}
	lower := strings.ToLower(text)
	if strings.Contains(lower, "nan") || strings.Contains(lower, "inf") {
		return "is not a finite number"
	}
	style.Amount = false
	return strings.TrimSuffix("is not a number "+styleName(style), " ")
}
