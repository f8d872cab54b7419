package notation

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Trim returns s without white space around it, as strings.TrimSpace does (the
// no-break spaces are white space), and without what no one sees: byte order
// marks, zero-width spaces, word joiners and the marks of writing direction that
// come with texts copied out of windows.
func Trim(s string) string {
	for {
		s = strings.TrimSpace(s)
		if s == "" || s[0] < utf8.RuneSelf && s[len(s)-1] < utf8.RuneSelf {
			return s
		}
		t := strings.TrimFunc(s, invisible)
		if len(t) == len(s) {
			return s
		}
		s = t
	}
}

func invisible(r rune) bool {
	switch r {
	case '\ufeff', '\u200b', '\u2060', '\u200e', '\u200f':
		return true
	}
	return false
}

// Number reads a decimal number: digits with an optional sign, decimal point and
// exponent. The minus sign of typography is a minus too. Words for NaN and
// infinity, hexadecimal notation and digit separators are not numbers here: in a
// data file they are mistakes or marks of missing values. Neither is a number
// beyond the range of float64. The result is the nearest float64, as
// strconv.ParseFloat gives it.
func Number(s string) (float64, bool) {
	if v, ok := short(s); ok {
		return v, true
	}
	negative, width := sign(s)
	rest := s[width:]
	d, ok := Style{}.scan(rest)
	if !ok {
		return 0, false
	}
	if _, simple := d.exact(0); !simple && width < 2 && !d.scientific {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return 0, false
		}
		return v, true
	}
	return d.value(rest, negative, '.', 0)
}

// short reads the numbers that most are: of few digits, without an exponent.
func short(s string) (float64, bool) {
	i := 0
	if s != "" && (s[0] == '-' || s[0] == '+') {
		i = 1
	}
	n := len(s) - i
	if n < 1 || n > 16 {
		return 0, false
	}
	v, point := uint64(0), -1
	for j := i; j < len(s); j++ {
		switch c := s[j]; {
		case digit(c):
			v = v*10 + uint64(c-'0')
		case c == '.' && point < 0 && n > 1:
			point = j
		default:
			return 0, false
		}
	}
	if v >= 1<<53 {
		return 0, false
	}
	f := float64(v)
	if point >= 0 {
		f /= powers[len(s)-1-point] // rounds correctly, as in exact
	}
	if i > 0 && s[0] == '-' {
		f = -f
	}
	return f, true
}

// sign reads an optional sign at the start of s, of width bytes.
func sign(s string) (negative bool, width int) {
	if s == "" {
		return false, 0
	}
	switch s[0] {
	case '-':
		return true, 1
	case '+':
		return false, 1
	case 0xe2, 0xef: // the first bytes of the others
		if w := minusWidth(s); w > 0 {
			return true, w
		}
	}
	return false, 0
}

// minusWidth returns the bytes of a minus sign other than ASCII's at the start of
// s: U+2212 MINUS SIGN, U+FE63 SMALL HYPHEN-MINUS, U+FF0D FULLWIDTH HYPHEN-MINUS.
func minusWidth(s string) int {
	for _, m := range [...]string{"\u2212", "\ufe63", "\uff0d"} {
		if strings.HasPrefix(s, m) {
			return len(m)
		}
	}
	return 0
}

// decimal is an unsigned decimal number as it is written: the digits times ten to
// the power of exponent - fraction.
type decimal struct {
	digits     uint64
	fraction   int  // digits behind the decimal point
	exponent   int  // the written one, bounded
	scientific bool // there is a written one
	long       bool // digits lacks some
	grouped    bool // thousands are set apart
}

// maxExponent bounds written exponents, so that they can be added up: whatever is
// beyond is zero or out of range.
const maxExponent = 1e8

func (d *decimal) push(c byte) {
	if d.digits >= 1e18 {
		d.long = true
		return
	}
	d.digits = d.digits*10 + uint64(c-'0')
}

// powers of ten that are exact.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// value returns the nearest float64 of d, times ten to the power of shift; s is
// what d was scanned from, with its decimal point.
func (d *decimal) value(s string, negative bool, point byte, shift int) (float64, bool) {
	v, ok := d.magnitude(s, point, shift)
	if !ok {
		return 0, false
	}
	if negative {
		v = -v
	}
	return v, true
}

func (d *decimal) magnitude(s string, point byte, shift int) (float64, bool) {
	if v, ok := d.exact(shift); ok {
		return v, true
	}
	var buffer [64]byte
	text := buffer[:0]
loop:
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			text = append(text, c)
		case c == point:
			text = append(text, '.')
		case c == 'e' || c == 'E':
			break loop
		}
	}
	text = append(text, 'e')
	text = strconv.AppendInt(text, int64(d.exponent+shift), 10)
	v, err := strconv.ParseFloat(string(text), 64)
	return v, err == nil
}

// exact returns the value where one operation on exact operands gives it, which
// then rounds correctly (Clinger, How to read floating point numbers accurately,
// 1990).
func (d *decimal) exact(shift int) (float64, bool) {
	if d.long || d.digits >= 1<<53 {
		return 0, false
	}
	power := d.exponent - d.fraction + shift
	switch v := float64(d.digits); {
	case v == 0, power == 0:
		return v, true
	case power > 0 && power < len(powers):
		return v * powers[power], true
	case power < 0 && -power < len(powers):
		return v / powers[-power], true
	}
	return 0, false
}

// Whole reports whether s is digits alone, with an optional sign.
func Whole(s string) bool {
	_, width := sign(s)
	s = s[width:]
	for i := range len(s) {
		if !digit(s[i]) {
			return false
		}
	}
	return s != ""
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// WholeNumber reads a whole number written in digits alone, with an optional sign.
// One beyond the range of int64 is none.
func WholeNumber(s string) (int64, bool) {
	negative, width := sign(s)
	s = s[width:]
	if s == "" {
		return 0, false
	}
	v := int64(0) // negative: the range reaches further there
	for i := range len(s) {
		if !digit(s[i]) {
			return 0, false
		}
		c := int64(s[i] - '0')
		if v < (math.MinInt64+c)/10 {
			return 0, false
		}
		v = v*10 - c
	}
	if !negative {
		if v == math.MinInt64 {
			return 0, false
		}
		v = -v
	}
	return v, true
}

// LeadingZero reports whether s is a number with a needless zero in front, such as
// 01220, 00 or -07. People write quantities without it and codes with it.
func LeadingZero(s string) bool {
	_, width := sign(s)
	if len(s) < width+2 || s[width] != '0' || !digit(s[width+1]) {
		return false
	}
	_, ok := Number(s)
	return ok
}

// Canonical returns the one way to write the number s among categories, so that
// 1, 1.0, 1., +1 and 1e0 are the same: the fewest digits, without an exponent
// unless the number is tiny. It is false for what is not a number, for numbers
// with leading zeros, which are codes, and for those that float64 does not tell
// from their neighbors: of 2^53 and more, or with more digits than it keeps.
func Canonical(s string) (string, bool) {
	if canonical(s) {
		return s, true
	}
	if LeadingZero(s) {
		return "", false
	}
	v, ok := Number(s)
	if !ok || math.Abs(v) >= 1<<53 {
		return "", false
	}
	if v == 0 {
		return "0", significant(s) == ""
	}
	format := byte('f')
	if math.Abs(v) < 1e-6 {
		format = 'e'
	}
	out := strconv.FormatFloat(v, format, -1, 64)
	return out, significant(out) == significant(s)
}

// canonical reports whether s is a whole number that is written canonically and
// has few digits; most are.
func canonical(s string) bool {
	if s == "" || len(s) > 15 || s[0] == '0' && len(s) > 1 {
		return false
	}
	for i := range len(s) {
		if !digit(s[i]) {
			return false
		}
	}
	return true
}

// significant returns the digits of a number without zeros in front and behind.
func significant(s string) string {
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		s = s[:i]
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
	return strings.Trim(digits, "0")
}
