package notation

import (
	"iter"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// StyleSet is a set of styles.
type StyleSet uint16

// Has reports whether y is in the set.
func (set StyleSet) Has(y Style) bool {
	i := y.index()
	return i >= 0 && set.at(i)
}

func (set StyleSet) at(i int) bool { return set>>i&1 != 0 }

// All yields the styles of the set, the simpler first.
func (set StyleSet) All() iter.Seq[Style] {
	return func(yield func(Style) bool) {
		for rest := set; rest != 0; rest &= rest - 1 {
			if !yield(styles[bits.TrailingZeros16(uint16(rest))]) {
				return
			}
		}
	}
}

// StylesOf tells how a number is written. fits are the styles in which s is a
// number, all of them for digits alone. needs are those of them that read s by
// marks of their own, other than Number: "1,5" needs all styles that fit it; "1.5"
// none; of "1.935" only those that set thousands apart by points.
func StylesOf(s string) (fits, needs StyleSet) {
	r := survey(s)
	return r.fits, r.needs
}

// reading is what survey finds of a text.
type reading struct {
	fits, needs  StyleSet
	amount       amount
	comma, point bool // there are such characters in the number
}

// marks are characters within a number.
type marks uint8

const (
	markComma marks = 1 << iota
	markPoint
	markApostrophe
	markBlank
)

// marksOf finds the marks of a number without a sign; ok is false where s has
// characters that no number has.
func marksOf(s string) (found marks, ok bool) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case digit(c), c|0x20 == 'e', c == '-', c == '+':
		case c == ',':
			found |= markComma
		case c == '.':
			found |= markPoint
		case c == '\'':
			found |= markApostrophe
		case c == ' ':
			found |= markBlank
		case c < utf8.RuneSelf:
			return found, false
		default:
			width := 0
			if width = blank(s[i:]); width > 0 {
				found |= markBlank
			} else if strings.HasPrefix(s[i:], "\u2019") {
				found |= markApostrophe
				width = len("\u2019")
			} else if width = minusWidth(s[i:]); width == 0 {
				return found, false
			}
			i += width - 1
		}
	}
	return found, s != ""
}

// survey finds all styles that read s, and what else NumberTally needs of it.
func survey(s string) (r reading) {
	negative, width := sign(s)
	r.amount = amount{number: s[width:], negative: negative}
	found, ok := marksOf(r.amount.number)
	if !ok || minusBehind(s) > 0 {
		if r.amount, ok = unwrap(s); !ok {
			return r
		}
		if found, ok = marksOf(r.amount.number); !ok {
			return r
		}
	}
	r.comma, r.point = found&markComma != 0, found&markPoint != 0
	// Most numbers have no mark that leaves much to try.
	switch found {
	case 0:
		if r.reads(plainStyle) {
			r.fits = 1<<amountStyles - 1
		}
	case markPoint:
		if r.reads(plainStyle) {
			r.fits = (1<<amountStyles - 1) &^ commaStyles
		}
		if r.reads(pointThousandsStyle) {
			r.fits |= 1 << pointThousandsStyle
		}
	default:
		for i := range amountStyles {
			if r.reads(i) {
				r.fits |= 1 << i
			}
		}
	}
	if r.amount.marked {
		r.fits <<= amountStyles
	} else {
		r.fits |= r.fits << amountStyles
	}
	if !r.fits.at(plainStyle) {
		r.needs = r.fits
	} else if r.point {
		r.needs = r.fits & commaStyles
	}
	return r
}

// reads reports whether a style reads the number, whatever is around it.
func (r *reading) reads(style int) bool {
	d, ok := styles[style].scan(r.amount.number)
	if !ok || !r.amount.admits(&d) {
		return false
	}
	if d.scientific || len(r.amount.number) > digitsInRange {
		_, ok = d.value(r.amount.number, false, styles[style].Point(), r.amount.shift)
	}
	return ok
}

// digitsInRange is a number of digits that is within the range of float64, in
// billions too.
const digitsInRange = 299
