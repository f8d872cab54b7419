package table

import (
	"fmt"
	"slices"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/notation"
	"debut/datasets/wording"
)

// numberSample distinct values tell whether looking for numbers is worth its time.
const numberSample = 64

// numbersNote is about a column of numbers that are written in several ways, as of files from several countries, which is taken for
// categories because no single way fits nearly all of it. Amounts are another matter.
func numbersNote(column string, written []spelling, present int) *Note {
	var plain []notation.Style
	for _, s := range notation.Styles() {
		if !s.Amount {
			plain = append(plain, s)
		}
	}
	reads := func(text string) bool {
		return slices.ContainsFunc(plain, func(s notation.Style) bool { _, ok := s.Parse(text); return ok })
	}
	sample := written[:min(len(written), numberSample)]
	numbers := 0
	for _, w := range sample {
		if reads(w.text) {
			numbers++
		}
	}
	if 2*numbers <= len(sample) {
		return nil
	}
	var styles []notation.Style
	var found []string
	covered := 0
	for rest := written; len(rest) > 0; {
		style, fits := commonest(plain, rest)
		if fits == 0 {
			break
		}
		first, marked := "", false // marked: it shows the style
		rest = slices.DeleteFunc(slices.Clone(rest), func(w spelling) bool {
			_, ok := style.Parse(w.text)
			if _, usual := notation.Number(w.text); ok && !marked {
				if marked = !usual || style == (notation.Style{}); marked || first == "" {
					first = w.text
				}
			}
			return ok
		})
		name := styleName(style)
		if name == "" {
			name = "with a decimal point"
		}
		styles, covered = append(styles, style), covered+fits
		found = append(found, fmt.Sprintf("%s (%s, such as %s)", name, countRows(fits), wording.Quote(first)))
	}
	if len(styles) < 2 || float64(covered) < numberShare*float64(present) {
		return nil
	}
	remedy := ManualRemedy("write them alike at their source").when("for of some it cannot be told what they are")
	if told(styles, written) {
		// The mark of the last group is that of the fraction, and the other one sets thousands apart.
		name := duck.Name(column)
		remedy = set(SetQuery, fmt.Sprintf("SELECT * REPLACE (try_cast(CASE WHEN regexp_matches(%s, ',\\d*$') THEN replace(replace(%[1]s, '.', ''), ',', '.') ELSE replace(%[1]s, ',', '') END AS DOUBLE) AS %[1]s) FROM data", name)).
			when("to have numbers")
	}
	return &Note{NoteSpellings, "its numbers are written in several ways, so that each counts as a category: " + strings.Join(found, ", "), []Remedy{remedy}}
}

// commonest returns the style that reads the most rows, of several the first, and how many.
func commonest(styles []notation.Style, written []spelling) (best notation.Style, rows int) {
	for _, s := range styles {
		n := 0
		for _, w := range written {
			if _, ok := s.Parse(w.text); ok {
				n += w.rows
			}
		}
		if n > rows {
			best, rows = s, n
		}
	}
	return best, rows
}

// told reports whether the styles read no text as different numbers, and have no marks but points and commas.
func told(styles []notation.Style, written []spelling) bool {
	if slices.ContainsFunc(styles, func(s notation.Style) bool { return s.Thousands != 0 && s.Thousands != ',' && s.Thousands != '.' }) {
		return false
	}
	for _, w := range written {
		first, seen := 0.0, false
		for _, s := range styles {
			v, ok := s.Parse(w.text)
			if ok && seen && v != first {
				return false
			}
			if ok {
				first, seen = v, true
			}
		}
	}
	return true
}
