package table

import (
	"math"
	"strings"

	"debut/datasets/notation"
)

const (
	// numberShare of the values must be numbers, or dates, for the rest to be mistakes and not categories.
	numberShare = 0.95
	// markedShare is the same where all the rest look like marks of missing values.
	markedShare = 0.5
	// keptBadValues bounds the distinct values remembered for messages.
	keptBadValues = 5
	// leastCodes distinct values, all with a check digit that is right, are codes.
	leastCodes = 20
)

// tally counts what the values of a column of texts could be. Its memory does not grow with the column.
type tally struct {
	present int   // values that are not missing
	bytes   int64 // of them
	plain   int   // of present: numbers in plain notation
	marks   int   // of those that are no numbers: usual marks of missing values
	truth   int   // true or false
	bools   int   // those and other usual ways to write them
	numbers notation.NumberTally
	dates   notation.DateTally
	wideness
	measures

	strange  bool   // a number that is more than digits, a minus before and a fraction behind them
	zeros    int    // numbers with a needless zero in front
	zero     string // the first of them
	uneven   bool   // a number that formatting would write otherwise: 1.50, +1
	decimal  bool   // a number that is not written as a whole number of 64 bits
	odd      bool   // a text that DuckDB might take for something else than Go: characters beyond ASCII
	checked  int    // numbers of 8, 12, 13 or 14 digits with a check digit that is right
	codes    [leastCodes]string
	distinct int         // of codes
	bad      examples    // values that are no plain numbers
	marked   []TextCount // the marks, in order of appearance
}

// TextCount is a text and how many rows hold it.
type TextCount struct {
	Text string
	Rows int
}

// keptMarks bounds the distinct marks of missing values that are counted: spellings of a few words.
const keptMarks = 16

// mark counts a usual mark of a missing value.
func (t *tally) mark(text string, n int) {
	t.marks += n
	for i := range t.marked {
		if t.marked[i].Text == text {
			t.marked[i].Rows += n
			return
		}
	}
	if len(t.marked) < keptMarks {
		t.marked = append(t.marked, TextCount{strings.Clone(text), n})
	}
}

// examples are distinct values, in order of appearance.
type examples struct {
	texts     []string
	overflown bool // there were more
}

func (e *examples) add(text string) {
	for _, t := range e.texts {
		if t == text {
			return
		}
	}
	if len(e.texts) == keptBadValues {
		e.overflown = true
		return
	}
	e.texts = append(e.texts, strings.Clone(text))
}

// add counts a value that is not missing, without blanks around it, n times.
func (t *tally) add(text string, n int) {
	t.present += n
	t.bytes += int64(len(text)) * int64(n)
	t.numbers.Add(text, n)
	if v, ok := notation.Number(text); ok {
		t.number(v, text, n)
		return
	}
	t.measure(text, n)
	t.bad.add(text)
	t.odd = t.odd || !ascii(text)
	if notation.Missing(text) {
		t.mark(text, n)
	}
	if notation.TrueFalse(text) {
		t.truth += n
	}
	if _, ok := notation.Bool(text); ok {
		t.bools += n
	}
	t.dates.Add(text, n)
}

// number counts a plain number.
func (t *tally) number(v float64, text string, n int) {
	t.plain += n
	if v == 0 || v == 1 {
		if _, ok := notation.Bool(text); ok {
			t.bools += n
		}
	}
	t.look(v, text)
	t.strange = t.strange || !simpleNumber(text)
	whole := wholeDigits(text)
	if !t.decimal {
		_, fits := notation.WholeNumber(text)
		t.decimal = !fits
	}
	t.odd = t.odd || !ascii(text)
	if notation.LeadingZero(text) {
		if t.zeros += n; t.zero == "" {
			t.zero = strings.Clone(text)
		}
	}
	if !t.uneven {
		t.uneven = text != FormatNumber(v) && !(whole && math.Abs(v) > maxWhole && text[0] != '+')
	}
	if whole && validCheckDigit(text) {
		if t.checked += n; t.distinct < leastCodes {
			t.code(text)
		}
	}
}

// simpleNumber reports digits with a minus before them or a fraction behind them.
func simpleNumber(text string) bool {
	text = strings.TrimPrefix(text, "-")
	points := 0
	for i := range len(text) {
		if text[i] == '.' && i > 0 && i < len(text)-1 {
			points++
		} else if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return points < 2
}

func (t *tally) code(text string) {
	for _, c := range t.codes[:t.distinct] {
		if c == text {
			return
		}
	}
	t.codes[t.distinct] = strings.Clone(text)
	t.distinct++
}

// validCheckDigit reports the number of an article, a GTIN of 8, 12, 13 or 14 digits, whose last digit is the one
// that the others ask for (GS1 General Specifications, section 7.9). One in ten numbers is one by chance.
func validCheckDigit(text string) bool {
	switch len(text) {
	case 8, 12, 13, 14:
	default:
		return false
	}
	sum := 0
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
		weight := 1
		if (len(text)-i)%2 == 0 {
			weight = 3
		}
		sum += weight * int(text[i]-'0')
	}
	return sum%10 == 0
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// articles reports a column of nothing but numbers of articles.
func (t *tally) articles() bool { return t.distinct == leastCodes && t.checked == t.present }

// perhapsArticles reports too few values to tell whether they are numbers of articles.
func (t *tally) perhapsArticles() bool {
	return t.present > 0 && t.checked == t.present && t.distinct < leastCodes
}
