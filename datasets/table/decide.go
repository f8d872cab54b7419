package table

import "debut/datasets/notation"

// inference is how much the texts of a column say about its type.
type inference uint8

const (
	inferNothing inference = iota // the file has types: texts are texts
	inferMistake                  // and so has a query, unless the text was nearly something else
	inferDates                    // JSON has no dates: they are texts
	inferAll                      // everything is a text
)

// rules are what is known beforehand about how texts are to be read.
type rules struct {
	style  notation.Style  // declared for the source, or learned; the zero value is plain
	layout notation.Layout // of dates, where it is known; the zero value is none
	// learned says that numbers are written as those that a model was trained on, and in no other way.
	learned bool
	// yearFirst dates are those that a model has not learned a layout of.
	yearFirst bool
	from      inference
}

// faultKind is what is wrong with a column that is nearly of a type, or was declared so.
type faultKind uint8

const (
	noFault      faultKind = iota
	notNumbers             // values that are no numbers
	otherNumbers           // numbers in another notation than the declared one
	notBooleans
	notDates
)

// fault is why a column cannot be read as it is.
type fault struct {
	kind   faultKind
	style  notation.Style // that nearly all values fit, or that all have to
	other  notation.Style // another that they fit, where either
	either bool
	fits   int // values that fit
	layout notation.Layout
	known  bool // there is a layout
}

func (t *tally) asText() Reading { return Reading{Type: TypeCategorical, odd: t.odd} }

func (t *tally) asNumbers(style notation.Style) Reading {
	plain := style == notation.Style{}
	return Reading{Type: TypeNumeric, Style: style, Whole: plain && !t.decimal, odd: t.odd}
}

// decide finds out what a column is, by all its values. declared is one of the Type constants. With a fault the
// column can only be read as text.
func (t *tally) decide(declared string, r rules) (Reading, fault) {
	switch declared {
	case TypeNumeric:
		return t.declaredNumbers(r)
	case TypeBoolean:
		if t.bools < t.present {
			return t.asText(), fault{kind: notBooleans, fits: t.bools}
		}
		return Reading{Type: TypeBoolean}, fault{}
	case TypeDate:
		return t.declaredDates(r)
	case TypeAuto:
		return t.infer(r)
	}
	return t.asText(), fault{}
}

// declaredNumbers is decide for a column declared numeric, whose numbers may be amounts of money, shares or
// grouped, as long as all values agree on how they are written.
func (t *tally) declaredNumbers(r rules) (Reading, fault) {
	admitted := []notation.Style{r.style}
	if r.style != (notation.Style{}) && !r.learned {
		amounts := r.style
		amounts.Amount = true
		admitted = append(admitted, amounts, notation.Style{})
	}
	nearest, most := r.style, -1
	for _, style := range admitted {
		fits := t.numbers.Fits(style)
		if fits == t.present {
			return t.asNumbers(style), fault{}
		}
		if fits > most {
			nearest, most = style, fits
		}
	}
	style, fits, other, either := t.numbers.Best()
	// Thousandfold mistakes are not left to chance.
	doubtful := either || style.Comma || style.Thousands != 0
	switch {
	case r.learned || fits < t.present && (doubtful || fits <= most):
		return t.asText(), fault{kind: notNumbers, style: nearest, fits: most}
	case fits < t.present:
		return t.asText(), fault{kind: notNumbers, style: style, fits: fits}
	case doubtful:
		return t.asText(), fault{kind: otherNumbers, style: style, other: other, either: either, fits: fits}
	}
	return t.asNumbers(style), fault{}
}

func (t *tally) declaredDates(r rules) (Reading, fault) {
	if r.layout != (notation.Layout{}) {
		if fits := t.dates.Fits(r.layout); fits < t.present {
			return t.asText(), fault{kind: notDates, layout: r.layout, known: true, fits: fits}
		}
		return Reading{Type: TypeDate, Layout: r.layout, odd: t.odd}, fault{}
	}
	admitted := func(l notation.Layout) bool { return !r.yearFirst || l.YearFirst() }
	layout, fits, _, _ := t.dates.BestOf(admitted)
	if fits < t.present {
		return t.asText(), fault{kind: notDates, layout: layout, known: fits > 0, fits: fits}
	}
	return Reading{Type: TypeDate, Layout: layout, odd: t.odd}, fault{}
}

// infer is decide for a column of which nothing is declared.
func (t *tally) infer(r rules) (Reading, fault) {
	if t.present == 0 || r.from == inferNothing {
		return t.asText(), fault{}
	}
	codes := t.plain == t.present && (t.zeros > 0 || t.articles() || t.ids())
	known := 0
	if r.style != (notation.Style{}) {
		known = t.numbers.Fits(r.style)
	}
	// Codes are written alike in any notation.
	if known == t.present && (!codes || t.numbers.Needs(r.style) > 0) {
		if r.from != inferAll {
			return t.asText(), fault{}
		}
		return t.asNumbers(r.style), fault{}
	}
	if t.plain == t.present {
		if r.from != inferAll || codes {
			return t.asText(), fault{}
		}
		return t.asNumbers(notation.Style{}), fault{}
	}
	style, fits, other, either := t.numbers.Best()
	if known >= fits && known > t.plain && t.mistakes(known) {
		return t.asText(), fault{kind: notNumbers, style: r.style, fits: known}
	}
	// A few such numbers among many whole ones, which fit any notation, are mistakes.
	if !style.Amount && t.mostly(fits) && float64(t.numbers.Needs(style)) > (1-numberShare)*float64(t.present) {
		return t.asText(), fault{kind: otherNumbers, style: style, other: other, either: either, fits: fits}
	}
	if t.mistakes(t.plain) {
		return t.asText(), fault{kind: notNumbers, fits: t.plain}
	}
	if t.truth == t.present && r.from == inferAll {
		return Reading{Type: TypeBoolean}, fault{}
	}
	layout, fits, _, _ := t.dates.Best()
	switch {
	case fits == t.present && r.from != inferMistake:
		return Reading{Type: TypeDate, Layout: layout, odd: t.odd}, fault{}
	case fits < t.present && t.mistakes(fits):
		return t.asText(), fault{kind: notDates, layout: layout, known: true, fits: fits}
	}
	return t.asText(), fault{}
}

// mostly reports whether nearly all values fit.
func (t *tally) mostly(fit int) bool {
	return fit > 0 && float64(fit) >= numberShare*float64(t.present)
}

// mistakes reports whether so many values fit that the rest must be mistakes.
func (t *tally) mistakes(fit int) bool {
	return t.mostly(fit) || fit > 0 && t.present-fit == t.marks && float64(fit) >= markedShare*float64(t.present)
}
