package notation

import (
	"strings"
	"unicode/utf8"
)

// Style is a way to write numbers. The zero value is plain decimal notation, which
// Number reads. A style reads plain numbers too as far as its marks leave them
// alone: thousands may be set apart but need not be.
type Style struct {
	// Comma says that a comma stands before the fraction, instead of a point.
	Comma bool
	// Thousands is what sets groups of three digits apart: ',' '.' '\'' or ' ', 0
	// for nothing. With commas, groups before the last may have two digits, as in
	// India: 12,34,567. '\'' stands for both apostrophes, ' ' for any of the blanks of
	// a usual width, no-break spaces among them.
	Thousands byte
	// Amount admits what is around amounts: a currency's sign or code before or
	// behind them, a percent sign behind, which changes nothing (19.32% is 19.32);
	// parentheses for negative amounts, and a minus behind those with a fraction or
	// thousands set apart; K or k, M and B behind for thousands, millions and
	// billions.
	Amount bool
}

// styles are all styles, the simpler first, and those of amounts in the same order
// behind the others.
var styles = [...]Style{
	{},
	{Comma: true},
	{Thousands: ','},
	{Comma: true, Thousands: '.'},
	{Thousands: '\''},
	{Comma: true, Thousands: '\''},
	{Thousands: ' '},
	{Comma: true, Thousands: ' '},
	{Amount: true},
	{Amount: true, Comma: true},
	{Amount: true, Thousands: ','},
	{Amount: true, Comma: true, Thousands: '.'},
	{Amount: true, Thousands: '\''},
	{Amount: true, Comma: true, Thousands: '\''},
	{Amount: true, Thousands: ' '},
	{Amount: true, Comma: true, Thousands: ' '},
}

const (
	numStyles = len(styles)
	// amountStyles is the index of the first style of amounts.
	amountStyles = numStyles / 2

	plainStyle          = 0
	commaThousandsStyle = 2
	pointThousandsStyle = 3

	allStyles   = StyleSet(1<<numStyles - 1)
	commaStyles = StyleSet(0xaaaa) // those of a decimal comma
)

// Styles returns all styles, the simpler first.
func Styles() []Style { return append([]Style(nil), styles[:]...) }

// index returns the place of y among styles, -1 where it is none: where Thousands
// is none of its characters or the decimal point.
func (y Style) index() int {
	for i := range styles {
		if styles[i] == y {
			return i
		}
	}
	return -1
}

// Valid reports whether y is one of Styles.
func (y Style) Valid() bool { return y.index() >= 0 }

// Point returns the character before the fraction, '.' or ','.
func (y Style) Point() byte {
	if y.Comma {
		return ','
	}
	return '.'
}

// String shows the style by an example, such as 1.234,5 or $1,234.5.
func (y Style) String() string {
	var b strings.Builder
	if y.Amount {
		b.WriteByte('$')
	}
	b.WriteByte('1')
	if y.Thousands != 0 {
		b.WriteByte(y.Thousands)
	}
	b.WriteString("234")
	b.WriteByte(y.Point())
	b.WriteByte('5')
	return b.String()
}

// Parse reads a number that is written in the style. Where thousands are set
// apart, all groups but the first have three digits, or two before the last of three,
// and the first does not begin with a zero. The result is the float64 nearest to what is written: 1.9K is 1900.
// A style that is none of Styles reads nothing.
func (y Style) Parse(s string) (float64, bool) {
	if y == (Style{}) {
		return Number(s)
	}
	if !y.Valid() {
		return 0, false
	}
	if !y.Amount {
		negative, width := sign(s)
		rest := s[width:]
		d, ok := y.scan(rest)
		if !ok {
			return 0, false
		}
		return d.value(rest, negative, y.Point(), 0)
	}
	a, ok := unwrap(s)
	if !ok {
		return 0, false
	}
	d, ok := y.scan(a.number)
	if !ok || !a.admits(&d) {
		return 0, false
	}
	return d.value(a.number, a.negative, y.Point(), a.shift)
}

// scan reads an unsigned number without anything around it.
func (y Style) scan(s string) (d decimal, ok bool) {
	point := y.Point()
	i, run := 0, 0         // run is the digits of the group
	first, between := 0, 0 // digits of the first group, and of those before the last
	for i < len(s) {
		c := s[i]
		if digit(c) {
			d.push(c)
			run++
			i++
			continue
		}
		if y.Thousands == 0 || c == point {
			break
		}
		width := y.apart(s[i:])
		if width == 0 {
			break
		}
		switch {
		case !d.grouped:
			if run < 1 || run > 3 || s[0] == '0' {
				return d, false
			}
			first = run
		case between != 0 && run != between, run != 3 && (run != 2 || y.Thousands != ',' || first > 2):
			return d, false
		default:
			between = run
		}
		d.grouped = true
		run = 0
		i += width
	}
	if d.grouped && run != 3 {
		return d, false
	}
	whole := run > 0
	if i < len(s) && s[i] == point {
		i++
		for i < len(s) && digit(s[i]) {
			d.push(s[i])
			d.fraction++
			i++
		}
		// "5." is a number to most programs that write points, "5," to none.
		if d.fraction == 0 && (!whole || y.Comma || d.grouped) {
			return d, false
		}
	} else if !whole {
		return d, false
	}
	if i < len(s) && s[i]|0x20 == 'e' && !d.grouped {
		d.scientific = true
		i++
		negative, width := sign(s[i:])
		i += width
		if i == len(s) {
			return d, false
		}
		for i < len(s) && digit(s[i]) {
			d.exponent = min(d.exponent*10+int(s[i]-'0'), maxExponent)
			i++
		}
		if negative {
			d.exponent = -d.exponent
		}
	}
	return d, i == len(s)
}

// apart returns the bytes at the start of s that set thousands apart.
func (y Style) apart(s string) int {
	switch y.Thousands {
	case '\'':
		if s[0] == '\'' {
			return 1
		}
		if strings.HasPrefix(s, "\u2019") {
			return 3
		}
		return 0
	case ' ':
		return blank(s)
	}
	if s[0] == y.Thousands {
		return 1
	}
	return 0
}

// blank returns the bytes of a blank within a number at the start of s: a space,
// or a no-break, figure, thin or narrow no-break space.
func blank(s string) int {
	if s == "" {
		return 0
	}
	if s[0] == ' ' {
		return 1
	}
	if s[0] < utf8.RuneSelf {
		return 0
	}
	r, width := utf8.DecodeRuneInString(s)
	if isBlank(r) {
		return width
	}
	return 0
}

func isBlank(r rune) bool {
	return r == ' ' || r == '\u00a0' || r == '\u2007' || r == '\u2009' || r == '\u202f'
}

// lastBlank is blank at the end of s.
func lastBlank(s string) int {
	if r, width := utf8.DecodeLastRuneInString(s); width > 0 && isBlank(r) {
		return width
	}
	return 0
}
