package notation

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// amount is a number taken out of what is around it.
type amount struct {
	number   string // without a sign
	negative bool
	marked   bool   // there is more around it than a sign before it
	unit     string // the currency as it is written or "%", "" for none
	shift    int    // the power of ten of K, M or B
	behind   bool   // the sign is a minus behind the number
	glued    bool   // the number follows letters at once
}

// admits reports whether what is around a number goes with how it is written.
func (a *amount) admits(d *decimal) bool {
	if !a.marked {
		return true
	}
	apart := d.grouped || d.fraction > 0
	switch {
	case a.behind && !apart:
		return false // 5- may be a grade, or the start of a range
	case a.glued && !apart && !wellKnown[a.unit]:
		return false // PEN123 may be the number of an article
	case a.shift > 0 && d.scientific:
		return false
	}
	// With zeros in front it is a code.
	return a.unit == "%" || len(a.number) < 2 || a.number[0] != '0' || !digit(a.number[1])
}

// unwrap takes a number out of what may be around amounts. What is left may still
// be no number, and nothing may have been around it.
func unwrap(s string) (a amount, ok bool) {
	if !likeAmount(s) {
		return a, false
	}
	rest := s
	negative, width := sign(rest)
	signed := width > 0
	rest = rest[width:]
	open := !signed && strings.HasPrefix(rest, "(")
	if open {
		rest = rest[1:]
	}
	letters := false
	if a.unit, letters = currencyBefore(rest); a.unit != "" {
		rest = rest[len(a.unit):]
		width := blank(rest)
		rest = rest[width:]
		a.glued = letters && width == 0
		if !signed && !open {
			negative, width = sign(rest)
			signed = width > 0
			rest = rest[width:]
			if open = !signed && strings.HasPrefix(rest, "("); open {
				rest = rest[1:]
			}
		}
	}
	closed := open && strings.HasSuffix(rest, ")")
	if closed {
		rest = rest[:len(rest)-1]
	}
	if a.unit == "" {
		if a.unit = unitBehind(rest); a.unit != "" {
			rest = rest[:len(rest)-len(a.unit)]
			rest = rest[:len(rest)-lastBlank(rest)]
		}
	}
	if open && !closed {
		if closed = strings.HasSuffix(rest, ")"); closed {
			rest = rest[:len(rest)-1]
		}
	}
	if open != closed || rest == "" {
		return a, false
	}
	switch rest[len(rest)-1] {
	case 'K', 'k':
		a.shift = 3
	case 'M':
		a.shift = 6
	case 'B':
		a.shift = 9
	}
	if a.shift > 0 {
		rest = rest[:len(rest)-1]
	} else if !signed && !open {
		if w := minusBehind(rest); w > 0 {
			a.behind = true
			rest = rest[:len(rest)-w]
		}
	}
	a.number, a.negative = rest, negative || open || a.behind
	a.marked = a.unit != "" || open || a.behind || a.shift > 0
	return a, rest != ""
}

// likeAmount rejects most texts cheaply: those without a digit, and those with more
// letters than a currency, an exponent and K take.
func likeAmount(s string) bool {
	const most = 5
	digits, letters := 0, 0
	for i := range len(s) {
		if digit(s[i]) {
			digits++
		} else if letter(s[i]) {
			if letters++; letters > most {
				return false
			}
		}
	}
	return digits > 0
}

// minusBehind is minusWidth at the end of s, ASCII's included.
func minusBehind(s string) int {
	if strings.HasSuffix(s, "-") {
		return 1
	}
	if len(s) >= 3 && minusWidth(s[len(s)-3:]) == 3 {
		return 3
	}
	return 0
}

// codes are those of ISO 4217 of currencies in use, without a few that are
// likelier to be words in front of a number: ALL, TOP.
var codes = wordSet(`AED AFN AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
	CHF CLF CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK
	HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
	MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR
	SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD
	XOF XPF YER ZAR ZMW ZWG`)

// wellKnown codes are taken for currencies in lower case too, and right before
// the digits.
var wellKnown = wordSet("EUR USD GBP CHF JPY CNY INR CAD AUD SEK NOK DKK PLN CZK HUF BRL eur usd gbp chf jpy cny inr cad aud sek nok dkk pln czk huf brl")

// dollars are what stands before a dollar sign to tell whose it is.
var dollars = wordSet("A AR AU C CA HK MX NT NZ R S SG US")

// letterSigns are signs of currencies that are letters.
var letterSigns = [...]string{"kr.", "kr", "zł", "Kč", "Ft", "Rs.", "Rs"}

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// currencyBefore returns the currency that s begins with, "" for none, and whether
// it ends in a letter.
func currencyBefore(s string) (unit string, letters bool) {
	if s == "" || digit(s[0]) {
		return "", false
	}
	if s[0] >= utf8.RuneSelf || s[0] == '$' {
		if r, width := utf8.DecodeRuneInString(s); currencySign(r) {
			return s[:width], false
		}
		return "", false
	}
	n := 0
	for n < 3 && n < len(s) && letter(s[n]) {
		n++
	}
	if n == 0 {
		return "", false
	}
	if n < len(s) && s[n] == '$' && dollars[s[:n]] {
		return s[:n+1], false
	}
	if n == 3 && (codes[s[:n]] || wellKnown[s[:n]]) {
		return s[:n], true
	}
	switch s[0] {
	case 'k', 'z', 'K', 'F', 'R':
		for _, sign := range letterSigns {
			if strings.HasPrefix(s, sign) {
				return sign, true
			}
		}
	}
	return "", false
}

// unitBehind returns the currency or percent sign that s ends with, "" for none.
func unitBehind(s string) string {
	if s == "" || digit(s[len(s)-1]) {
		return ""
	}
	if s[len(s)-1] == '%' {
		return "%"
	}
	for _, sign := range letterSigns {
		if strings.HasSuffix(s, sign) {
			return sign
		}
	}
	if last := s[len(s)-1]; last == '$' {
		n := len(s) - 1
		for n > 0 && len(s)-n < 4 && letter(s[n-1]) {
			n--
		}
		// Right behind the digits a letter may as well be that of thousands.
		if dollars[s[n:len(s)-1]] && lastBlank(s[:n]) > 0 {
			return s[n:]
		}
		return "$"
	} else if letter(last) {
		if len(s) > 3 {
			if code := s[len(s)-3:]; codes[code] || wellKnown[code] {
				return code
			}
		}
		return ""
	}
	if r, width := utf8.DecodeLastRuneInString(s); currencySign(r) {
		return s[len(s)-width:]
	}
	return ""
}

func letter(c byte) bool { c |= 0x20; return c >= 'a' && c <= 'z' }

// currencySign reports whether r stands for a currency. Cents are hundredths.
func currencySign(r rune) bool {
	return r != '¢' && r != '￠' && unicode.Is(unicode.Sc, r)
}
