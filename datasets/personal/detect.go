package personal

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Finding is a kind of personal data that a column seems to hold.
type Finding struct {
	Kind Kind `json:"kind"`
	// ByName says that the column's name tells it; otherwise values do.
	ByName bool `json:"by_name,omitempty"`
	// Values is how many of the Checked values hold it.
	Values  int `json:"values,omitempty"`
	Checked int `json:"checked"`
	// Within says that it stands amid other text, as in remarks.
	Within bool `json:"within_text,omitempty"`
	// Example is a value found, with all but a few characters masked.
	Example string `json:"example,omitempty"`
}

const (
	// columnShare of the values must be of a kind for the column to be one of
	// that kind. One in ten numbers of 16 digits passes Luhn's check.
	columnShare = 0.5
	// longText bytes of a value are looked at, at most.
	longText = 4096
)

// Detect returns what personal data a column seems to hold, by its name and by
// its values, or a sample of them; empty values do not count. Findings by
// values come first, those of the most values before others; a kind is listed
// once. It never returns a value in clear.
func Detect(name string, values []string) []Finding {
	checked, short, numbers := 0, 0, 0
	alone, within := make([]int, len(detectors)), make([]int, len(detectors))
	examples := make([]string, len(detectors))
	for _, v := range values {
		v = strings.TrimSpace(v)
		if v == "" {
			continue
		}
		if len(v) > longText {
			v = strings.ToValidUTF8(v[:longText], "")
		}
		checked++
		s := shapeOf(v)
		if utf8.RuneCountInString(v) < shortest {
			short++
		}
		if isNumber(v) {
			numbers++
		}
		for i := range detectors {
			from, to, whole := detectors[i].find(v, s)
			switch {
			case from < 0:
				continue
			case whole:
				alone[i]++
			default:
				within[i]++
			}
			if examples[i] == "" {
				examples[i] = Mask(detectors[i].kind, v[from:to])
			}
			if whole {
				break // the groups of an account number are no phone number
			}
		}
	}
	var found []Finding
	for i, d := range detectors {
		f := Finding{Kind: d.kind, Values: alone[i] + within[i], Checked: checked, Example: examples[i]}
		switch {
		case checked > 0 && float64(f.Values) >= columnShare*float64(checked):
			f.Within = within[i] > alone[i]
		case d.kind == Email && alone[i] > 0:
			// Nothing else looks like one, however few they are.
		case within[i] >= d.hits:
			f.Within = true
		default:
			continue
		}
		found = append(found, f)
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(b.Values, a.Values) })
	if kind := byName(name); kind != "" && !slices.ContainsFunc(found, func(f Finding) bool { return f.Kind == kind }) &&
		!refuted(kind, checked, short, numbers) {
		found = append(found, Finding{Kind: kind, ByName: true, Checked: checked})
	}
	return found
}

// shortest is how many characters an address or a number of a person has at
// least: shorter values are flags and counts.
const shortest = 6

// refuted reports whether the values speak against what the name says: a column
// "email" may hold whether there is one.
func refuted(kind Kind, checked, short, numbers int) bool {
	if checked == 0 {
		return false
	}
	switch kind {
	case Email, IPAddress, IBAN:
		return 2*short > checked || numbers == checked
	case Phone, Card, NationalID:
		return 2*short > checked
	case PersonName, Address:
		return 2*numbers > checked
	}
	return false
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789.,+-") == "" }

// Mask returns a value that no longer tells whose it is: of an e-mail address
// the first character and the last part of the domain, of anything else the last
// two letters or digits; those between become *.
func Mask(kind Kind, value string) string {
	if kind == Email {
		local, domain, _ := strings.Cut(value, "@")
		_, size := utf8.DecodeRuneInString(local)
		last := domain[strings.LastIndexByte(domain, '.')+1:]
		return local[:size] + "***@***." + last
	}
	runes := []rune(value)
	kept := 2
	for i := len(runes) - 1; i >= 0; i-- {
		if !unicode.IsLetter(runes[i]) && !unicode.IsDigit(runes[i]) {
			continue
		}
		if kept > 0 && len(runes) > 4 {
			kept--
			continue
		}
		runes[i] = '*'
	}
	return string(runes)
}
