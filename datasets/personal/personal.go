// Package personal recognizes data about people: in values (e-mail addresses,
// phone numbers, payment cards, IBANs, IP addresses, national identifiers) and
// in the names of columns (first_name, customer_id, date_of_birth).
//
// The patterns are RE2 expressions, so that Go and DuckDB find the same in a
// text; what an expression cannot say, check digits for example, the functions
// beside them do. Both keep false alarms few: a price, an order number, a date
// or a time is none of these, and a number of digits alone is no phone number.
package personal

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Kind is what personal data are about.
type Kind string

// The kinds of personal data. Those up to NationalID are recognized by values
// and by the column's name, the others by the name alone.
const (
	Email      Kind = "e-mail address"
	Phone      Kind = "phone number"
	Card       Kind = "payment card number"
	IBAN       Kind = "bank account (IBAN)"
	IPAddress  Kind = "IP address"
	NationalID Kind = "national identifier"

	PersonName Kind = "name of a person"
	Address    Kind = "postal address"
	Location   Kind = "place of a person" // postal code, coordinates: identifies together with others
	Birth      Kind = "date of birth"
	PersonID   Kind = "identifier of a person" // customer or user number, device, cookie
	Sensitive  Kind = "sensitive attribute"    // such as religion, health, sex
	Secret     Kind = "password or secret"
)

// Direct reports whether a value of this kind points at one person by itself,
// so that it should not be shown, and masked or dropped before training.
func (k Kind) Direct() bool {
	switch k {
	case Email, Phone, Card, IBAN, IPAddress, NationalID, PersonName, Address, Secret:
		return true
	}
	return false
}

// Patterns in RE2 syntax that find a value anywhere in a text; they work in
// regexp_matches and regexp_replace of DuckDB. CardPattern knows the forms of
// the large issuers but no check digit (see Luhn), IBANPattern no check digits
// either (see ValidIBAN).
const (
	EmailPattern = `[\p{L}\p{N}._%+'\-]+@(?:[\p{L}\p{N}](?:[\p{L}\p{N}\-]*[\p{L}\p{N}])?\.)+\p{L}{2,}`
	// PhonePattern finds international numbers (+49 30 1234567), North American
	// ones written in groups, and European ones with a leading zero in groups.
	PhonePattern = `\+[1-9]\d{0,2}(?:[ /\-]?\(0?\)|[ /\-]?\(\d{1,5}\))?(?:(?:[ /\-]?\d){7,12}|(?:\.\d{2,4}){3,5})\b` +
		`|\b00[1-9]\d{0,2}(?:[ /\-]\d{2,12}){2,5}\b` +
		`|\([2-9]\d{2}\) ?\d{3}[\-. ]\d{4}\b` +
		`|\b(?:1[\-. ])?[2-9]\d{2}-[2-9]\d{2}-\d{4}\b` +
		`|\b(?:1[\-. ])?[2-9]\d{2}\.[2-9]\d{2}\.\d{4}\b` +
		`|\b0[1-9]\d{1,3}[ /]\d{6,8}\b` +
		`|\b0[1-9]\d{1,3} \d{3,4} \d{3,4}\b` +
		`|\b01[5-7]\d{1,2}-\d{7,8}\b` +
		`|\b0[1-9](?:(?: \d{2}){4}|(?:\.\d{2}){4}|(?:-\d{2}){4})\b`
	CardPattern = `\b(?:4\d{3}|5[1-5]\d{2}|2(?:22[1-9]|2[3-9]\d|[3-6]\d{2}|7[01]\d|720)|6(?:011|4[4-9]\d|5\d{2})|35(?:2[89]|[3-8]\d))(?: ?\d{4} ?\d{4} ?\d{4}|-\d{4}-\d{4}-\d{4})\b` +
		`|\b3[47]\d{2}(?: ?\d{6} ?\d{5}|-\d{6}-\d{5})\b`
	IBANPattern = `\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b`
	IPv4Pattern = `\b(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\b`
	// IPv6Pattern finds addresses of eight groups, and those shortened by :: in
	// the middle.
	IPv6Pattern = `(?i:\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b|\b(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}\b)`
	// NationalIDPattern finds social security numbers of the United States,
	// national insurance numbers of the United Kingdom, Italian tax codes.
	NationalIDPattern = `\b(?:00[1-9]|0[1-9]\d|[1-578]\d{2}|6(?:[0-57-9]\d|6[0-57-9]))-(?:0[1-9]|[1-9]\d)-(?:000[1-9]|00[1-9]\d|0[1-9]\d{2}|[1-9]\d{3})\b` +
		`|\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b` +
		`|\b[A-Z]{6}\d{2}[ABCDEHLMPRST]\d{2}[A-Z]\d{3}[A-Z]\b`
)

// detector finds values of one kind.
type detector struct {
	kind    Kind
	pattern *regexp.Regexp
	// cheap reports quickly that a text cannot match.
	cheap func(shape) bool
	valid func(text string) bool // of a match; nil: always
	// hits is how many values with a match amid other text make a finding.
	hits int
}

var detectors = []detector{
	{Email, regexp.MustCompile(EmailPattern), func(s shape) bool { return !s.at }, nil, 1},
	{Card, regexp.MustCompile(CardPattern), func(s shape) bool { return s.digits < 15 }, Luhn, 1},
	{IBAN, regexp.MustCompile(IBANPattern), func(s shape) bool { return s.digits < 8 || s.letters < 2 }, ValidIBAN, 1},
	{NationalID, regexp.MustCompile(NationalIDPattern), func(s shape) bool { return s.digits < 6 }, nil, 2},
	{IPAddress, regexp.MustCompile(IPv4Pattern + "|" + IPv6Pattern), func(s shape) bool { return s.points < 3 && s.colons < 2 }, validAddress, 2},
	{Phone, regexp.MustCompile(PhonePattern), func(s shape) bool { return s.digits < 7 }, validPhone, 2},
}

// shape counts characters of a text, to pass over most texts without an
// expression.
type shape struct {
	digits, letters, points, colons int
	at                              bool
}

func shapeOf(text string) shape {
	var s shape
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			s.digits++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			s.letters++
		case c == '.':
			s.points++
		case c == ':':
			s.colons++
		case c == '@':
			s.at = true
		}
	}
	return s
}

// find returns the place of the first value of the kind in a text, from -1
// where there is none. alone says that the text is nothing else.
func (d *detector) find(text string, s shape) (from, to int, alone bool) {
	if d.cheap(s) {
		return -1, -1, false
	}
	for start := 0; start < len(text); {
		m := d.pattern.FindStringIndex(text[start:])
		if m == nil {
			break
		}
		from, to = start+m[0], start+m[1]
		if !joined(text, from, to) && (d.valid == nil || d.valid(text[from:to])) {
			return from, to, from == 0 && to == len(text)
		}
		_, size := utf8.DecodeRuneInString(text[from:])
		// After a match that is none the rest of its digits must not begin another.
		start = max(from+size, to)
	}
	return -1, -1, false
}

// joined reports whether a match is a part of something longer, such as an
// order number: a word goes on directly before or after it.
func joined(text string, from, to int) bool {
	if from > 0 {
		switch c := text[from-1]; {
		case c == '-' || c == '_' || c == '#' || c == '/':
			return true
		case c == '.' && from > 1 && text[from-2] >= '0' && text[from-2] <= '9':
			return true
		case (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') && text[from] != '@':
			return true
		}
	}
	if to < len(text) {
		switch c := text[to]; {
		case c == '-' || c == '_':
			return true
		case (c == '.' || c == ',' || c == ':') && to+1 < len(text) && text[to+1] >= '0' && text[to+1] <= '9':
			return true
		}
	}
	return false
}

// validPhone wants the 8 to 15 digits of a number with its area code (ITU-T
// E.164 allows 15).
func validPhone(text string) bool {
	digits := shapeOf(text).digits
	return digits >= 8 && digits <= 15
}

func validAddress(text string) bool {
	a, err := netip.ParseAddr(text)
	return err == nil && !a.IsUnspecified()
}

// Luhn reports whether the digits of a text, between which spaces and hyphens
// may stand, end in the check digit of payment cards (ISO/IEC 7812-1, annex B)
// and are 12 to 19.
func Luhn(text string) bool {
	sum, digits := 0, 0
	for i := len(text) - 1; i >= 0; i-- {
		c := text[i]
		if c == ' ' || c == '-' {
			continue
		}
		if c < '0' || c > '9' {
			return false
		}
		v := int(c - '0')
		if digits%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
		digits++
	}
	return digits >= 12 && digits <= 19 && sum > 0 && sum%10 == 0
}

// ValidIBAN reports whether a text, in which spaces may stand, is an account
// number with valid check digits (ISO 13616: modulo 97 is 1).
func ValidIBAN(text string) bool {
	s := strings.ReplaceAll(text, " ", "")
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	rest := 0
	for i := range len(s) {
		switch c := s[(i+4)%len(s)]; {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	letters := func(c byte) bool { return c >= 'A' && c <= 'Z' }
	return rest == 1 && letters(s[0]) && letters(s[1])
}
