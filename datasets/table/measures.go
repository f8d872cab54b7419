package table

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/notation"
	"debut/datasets/wording"
)

// mostUnits are told of a column; numbers with more units of measure are texts of another kind.
const mostUnits = 8

// measures counts the units of numbers, of measure and others.
type measures struct {
	quantities int                  // values that are numbers with a unit of measure
	units      []notation.UnitCount // their units, in order of appearance
	many       bool                 // there are more units
	// entangled values are not taken apart by digitsSQL alone.
	entangled bool
}

// digitsSQL is what a number is in which no thousands are set apart.
const digitsSQL = `-?[0-9]+(\.[0-9]+)?`

// measure counts a text that is no plain number, n times.
func (m *measures) measure(text string, n int) {
	m.entangled = m.entangled || !separable(text)
	_, unit, ok := notation.Quantity(text)
	if !ok {
		return
	}
	m.quantities += n
	at := slices.IndexFunc(m.units, func(u notation.UnitCount) bool { return u.Unit == unit })
	switch {
	case at >= 0:
		m.units[at].Rows += n
	case len(m.units) == mostUnits:
		m.many = true
	default:
		m.units = append(m.units, notation.UnitCount{Unit: strings.Clone(unit), Rows: n})
	}
}

// separable reports a text with one number, which digitsSQL finds and which means what it says.
func separable(text string) bool {
	first := strings.IndexAny(text, "0123456789")
	if first < 0 {
		return false
	}
	before, behind := text[:first], strings.TrimLeft(text[first:], "0123456789")
	if fraction, ok := strings.CutPrefix(behind, "."); ok {
		if rest := strings.TrimLeft(fraction, "0123456789"); rest != fraction {
			behind = rest
		}
	}
	const others = "-+()0123456789.,'\u2212\ufe63\uff0d\u2019"
	if strings.ContainsAny(strings.TrimSuffix(before, "-"), others) || strings.ContainsAny(behind, strings.ReplaceAll(others, ".", "")) {
		return false
	}
	if behind == "" || !strings.ContainsRune("KkMB", rune(behind[0])) {
		return true
	}
	_, _, ok := notation.Quantity(text)
	return ok
}

// mixed are the units of a column, "" for none, where there are several and nearly all its values are numbers: those of
// the most rows first.
func (t *tally) mixed() []notation.UnitCount {
	units := slices.Clone(t.units)
	for _, u := range t.numbers.Units() {
		at := slices.IndexFunc(units, func(o notation.UnitCount) bool { return notation.SameUnit(o.Unit, u.Unit) })
		if at < 0 {
			units = append(units, u)
			continue
		}
		units[at].Rows += u.Rows
	}
	if len(units) < 2 || t.many {
		return nil
	}
	slices.SortStableFunc(units, func(a, b notation.UnitCount) int { return cmp.Compare(b.Rows, a.Rows) })
	return units
}

// unitsNote is about numbers of several units, or with a unit of measure; nil where there are none. Only those are read
// as numbers that are amounts, and of a column that is declared to hold numbers.
func (t *tally) unitsNote(name string, reading Reading, ofQuery bool, taken []string) *Note {
	style, amounts, _, either := t.numbers.Best()
	numbers := amounts + t.quantities
	if numbers == t.plain || !t.mostly(numbers) {
		return nil
	}
	units := t.mixed()
	read := reading.Type == TypeNumeric
	if units == nil && (t.quantities < numbers || t.many) || read && units == nil {
		return nil
	}
	single := units == nil
	if single {
		units = t.units
	}
	n := &Note{Kind: NoteUnits}
	switch list := listUnits(units); {
	case read:
		n.Problem = "its numbers have several units, but are read as if they were of one: " + list
	case single:
		n.Problem = "numbers with a unit are texts, and each is a category: " + list
	default:
		n.Problem = "numbers of several units are texts, and each is a category: " + list
	}
	simple := !t.entangled && !t.strange && !either && style.Thousands == 0 && !style.Comma && numbers == t.present
	switch {
	case ofQuery || read || !simple:
		n.Remedies = []Remedy{ManualRemedy("write all of them in one unit at their source, or the unit into a column of its own")}
	case single:
		n.Remedies = []Remedy{replaceWith(name, amountSQL(name), "").when("to read them as numbers")}
	default:
		if sql, unit := sameScale(name, units); sql != "" {
			n.Remedies = append(n.Remedies, replaceWith(name, sql, "").when("to have all of them in "+unit))
		}
		beside := name + "_unit"
		for slices.ContainsFunc(taken, func(other string) bool { return strings.EqualFold(other, beside) }) {
			beside += "_"
		}
		n.Remedies = append(n.Remedies, replaceWith(name, amountSQL(name), ", "+unitSQL(name)+" AS "+duck.Name(beside)).
			when("to have the unit in a column of its own"))
	}
	if !read && t.quantities == 0 {
		f, example := fault{}, ""
		if len(t.bad.texts) > 0 {
			example = t.bad.texts[0]
		}
		n.Remedies = append(n.Remedies, f.styleRemedy(name, style, example).when("if all of them are of one unit"))
	}
	return n
}

func amountSQL(name string) string {
	return "CAST(regexp_extract(" + duck.Name(name) + ", '" + digitsSQL + "') AS DOUBLE)"
}

// unitSQL is what is left of a number with its unit.
func unitSQL(name string) string {
	return "trim(regexp_replace(" + duck.Name(name) + ", '" + digitsSQL + "', ''))"
}

func replaceWith(name, sql, beside string) Remedy {
	return set(SetQuery, "SELECT * REPLACE ("+sql+" AS "+duck.Name(name)+")"+beside+" FROM data")
}

// sameScale is SQL that gives all values in the smallest of their units, "" where they are not of one kind.
func sameScale(name string, units []notation.UnitCount) (sql, unit string) {
	kind, least := "", int64(0)
	for _, u := range units {
		k, scale, ok := notation.Scale(u.Unit)
		if !ok || kind != "" && k != kind {
			return "", ""
		}
		if kind = k; least == 0 || scale < least {
			least, unit = scale, u.Unit
		}
	}
	var cases strings.Builder
	for _, u := range units {
		_, scale, _ := notation.Scale(u.Unit)
		fmt.Fprintf(&cases, " WHEN %s THEN %d", duck.Literal(u.Unit), scale/least)
	}
	return amountSQL(name) + " * CASE " + unitSQL(name) + cases.String() + " END", unit
}

func listUnits(units []notation.UnitCount) string {
	shown := units[:min(len(units), mostUnits)]
	parts := make([]string, len(shown))
	for i, u := range shown {
		unit := "none"
		if u.Unit != "" {
			unit = wording.Quote(u.Unit)
		}
		parts[i] = unit + " (" + countRows(u.Rows) + ")"
	}
	text := strings.Join(parts, ", ")
	if n := len(units) - len(shown); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}
