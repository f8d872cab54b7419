package table

import (
	"fmt"
	"strings"

	"debut/datasets/notation"
	"debut/datasets/wording"
)

// Note is what a person should know about how the values of a column of which nothing was declared were understood.
type Note struct {
	Kind    NoteKind
	Problem string // what they are taken for, and why
	// Remedies are what to set where that is wrong, the likeliest first.
	Remedies []Remedy
}

// NoteKind is what a note is about.
type NoteKind string

// The kinds of notes.
const (
	NoteIDs      NoteKind = "ids"      // whole numbers too large for a float64, as categories
	NoteZeros    NoteKind = "zeros"    // numbers with a zero in front, as categories
	NoteArticles NoteKind = "articles" // numbers with check digits, as categories
	NoteNotation NoteKind = "notation" // numbers that are not written plainly
	NoteOrder    NoteKind = "order"    // dates whose day and month could be exchanged
	NoteAmounts  NoteKind = "amounts"  // amounts of money, shares and the like, as categories
	NoteUnits    NoteKind = "units"    // numbers of several units, or with a unit of measure
	NoteNumbers  NoteKind = "numbers"  // numbers that are texts in a file that has types, as categories
	NoteLost     NoteKind = "lost"     // whole numbers too large for the floating-point numbers that the file has
	NoteCase     NoteKind = "case"     // categories that differ in upper and lower case alone
	// NoteSpellings are other values that are probably the same, but written in several ways.
	NoteSpellings NoteKind = "spellings"
)

// understood tells what a person should know about how the values of a column were understood that nothing was declared
// of, nil where all is plain. from is how much its texts say.
func (t *tally) understood(name string, reading Reading, from inference) *Note {
	quantities := []Remedy{DeclareType(name, TypeNumeric).when(ifQuantities)}
	categories := reading.Type == TypeCategorical && t.present > 0 && t.plain == t.present
	switch {
	case categories && t.ids():
		return idsNote(name)
	case categories && t.zeros > 0:
		return &Note{NoteZeros, fmt.Sprintf("a zero in front, as in %s, says that these are codes: they are categories", wording.Quote(t.zero)), quantities}
	case categories && t.articles():
		return &Note{NoteArticles, fmt.Sprintf("numbers of articles by their check digits, such as %s, are categories", wording.Quote(t.codes[0])), quantities}
	case categories && from != inferAll:
		return &Note{NoteNumbers, "all values are numbers, but texts in the file: they are categories", quantities}
	case reading.Type == TypeNumeric && reading.Style != notation.Style{}:
		return &Note{NoteNotation, fmt.Sprintf("its numbers are written %s, such as %s", styleName(reading.Style), reading.Style), nil}
	case reading.Type == TypeDate:
		if _, _, other, either := t.dates.Best(); either {
			return &Note{NoteOrder, fmt.Sprintf("its dates fit both %s and %s; they are read as %s", reading.Layout.Name(), other.Name(), reading.Layout.Name()),
				[]Remedy{DeclareType(name, other.Name()).when("if that is wrong")}}
		}
	case reading.Type == TypeCategorical && t.present > 0:
		if style, fits, other, either := t.numbers.Best(); style.Amount && t.mostly(fits) && len(t.bad.texts) > 0 {
			f, value := fault{either: either}, t.bad.texts[0]
			remedies := []Remedy{f.styleRemedy(name, style, value)}
			if either {
				remedies = append(remedies, f.styleRemedy(name, other, value))
			} else {
				remedies[0].When = "to read them as numbers"
			}
			return &Note{NoteAmounts, fmt.Sprintf("amounts such as %s are texts, and each is a category", wording.Quote(value)), remedies}
		}
	}
	return nil
}

const ifQuantities = "if they are quantities"

// idsNote is about whole numbers that were read as categories.
func idsNote(name string) *Note {
	return &Note{NoteIDs, "whole numbers of more than 2^53, where numbers lose digits, are taken for ids and are categories", []Remedy{DeclareType(name, TypeNumeric).when(ifQuantities)}}
}

// text words the note for a log.
func (n *Note) text(column string, w Wording) string {
	text := "column " + wording.Quote(column) + ": " + n.Problem
	if remedies := wordRemedies(n.Remedies, w); remedies != "" {
		text += ". " + strings.ToUpper(remedies[:1]) + remedies[1:]
	}
	return text
}

// noteOf is what a person should know about how column i, declared to be of a type, was understood.
func (r *relation) noteOf(i int, declared string, t *tally, reading Reading) *Note {
	_, layout := notation.NamedLayout(r.types[r.names[i]])
	if declared != TypeAuto && declared != TypeNumeric && (declared != TypeDate || layout) {
		return nil
	}
	from := r.inference(i)
	if reading.Type == TypeNumeric || reading.Type == TypeCategorical {
		if note := t.unitsNote(r.names[i], reading, r.origin.query, r.names); note != nil {
			return note
		}
	}
	if r.origin.query {
		from = inferAll // what is text in the result says nothing about the files
	}
	return t.understood(r.names[i], reading, from)
}
