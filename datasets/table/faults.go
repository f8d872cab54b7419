package table

import (
	"context"
	"errors"
	"fmt"
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
	default:
		return func(text string) bool { _, ok := notation.Number(text); return ok }
	}
}

// faultError describes the first value of column i that does not fit.
func (r *relation) faultError(ctx context.Context, db *duck.DB, i int, s *settled) error {
	fit := s.fault.fit()
	place, value := r.firstOf(ctx, db, i, func(text string) bool { return !fit(text) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if value == "" && len(s.tally.bad.texts) > 0 {
		value = s.tally.bad.texts[0]
	}
	e := &ValueError{Place: place, Column: r.names[i], Value: value, wording: r.wording()}
	e.Problem, e.Remedies = s.describe(r.names[i], value, r.wording())
	return e
}

// firstOf finds the first value of column i that matches.
func (r *relation) firstOf(ctx context.Context, db *duck.DB, i int, match func(text string) bool) (place, value string) {
	t := texts{null: r.null}
	matches := func(text string) bool {
		text = t.value(text)
		return text != "" && match(text)
	}
	if r.origin.dialect != nil {
		if place, value = r.origin.find(r.names[i], matches); value != "" || !r.origin.query {
			return place, value
		}
	}
	row, found := 0, errors.New("found")
	err := db.Stream(ctx, "SELECT "+r.textSQL(i)+" FROM "+r.sql, func(c *duck.Chunk) error {
		values, mask := duck.Vector[duck.String](c, 0)
		for k := range values {
			if mask.Valid(k) && matches(values[k].Text()) {
				row, value = row+k, strings.Clone(t.value(values[k].Text()))
				return found
			}
		}
		row += c.Rows
		return nil
	})
	if !errors.Is(err, found) {
		return r.origin.name(), ""
	}
	return r.origin.rowPlace(row), value
}

// describe says what is wrong with a value, and what can be done.
func (s *settled) describe(column, value string, w Wording) (problem string, remedies []Remedy) {
	f, t := &s.fault, s.tally
	others := t.present - f.fits - 1
	category := DeclareType(column, TypeCategorical).when("to have categories")
	missing := func(values ...string) Remedy { return set(SetNull, values...).when("if it stands for a missing value") }
	switch f.kind {
	case notNumbers:
		problem = numberProblem(value)
		if others > 0 {
			problem += fmt.Sprintf(" (nor are %d other values of the column)", others)
		}
		switch {
		case w == CommandLine:
			return problem, appliedRemedies(value)
		case !t.bad.overflown:
			remedies = append(remedies, missing(t.bad.texts...))
		}
		if o, ok := otherStyle(value); ok {
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
		if w != CommandLine {
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
	if w == CommandLine {
		return problem, appliedRemedies(value)
	}
	switch {
	case len(s.misfits) > 0:
		remedies = append(remedies, missing(s.misfits...))
	case others == 0 || !t.bad.overflown:
		remedies = append(remedies, missing(value))
	}
	return problem, append(remedies, ManualRemedy("correct it"), category)
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

// appliedRemedies are those of a value that a finished model does not take.
func appliedRemedies(value string) []Remedy {
	return []Remedy{ManualRemedy("correct it in the file"), set(SetNull, value).when("if it stands for a missing value"), ManualRemedy("train the model again").when("to accept such values")}
}

// numberProblem says why a text is no number.
func numberProblem(text string) string {
	if _, err := strconv.ParseFloat(text, 64); strings.Trim(text, "0123456789.+-eE") == "" && errors.Is(err, strconv.ErrRange) {
		return "is out of range: numbers reach up to 1.8e308"
	}
	lower := strings.ToLower(text)
	if strings.Contains(lower, "nan") || strings.Contains(lower, "inf") {
		return "is not a finite number"
	}
	return "is not a number"
}
