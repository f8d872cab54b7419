package notation

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// measures are the units that stand right behind digits too. Single letters that are likelier to be part of a size
// or of the name of a product, as in 3D, are left out.
var measures = wordSet(`kg g mg µg lb lbs oz km m cm mm µm nm mi ft yd l L ml mL cl dl h hr hrs min s sec ms day days
	kB KB MB GB TB W kW MW Wh kWh V mV mA Ah mAh Hz kHz MHz GHz °C °F ° rpm px pt dpi mph km/h m² m³ kcal cal kJ hPa kPa bar psi dB`)

const (
	longestUnit     = 12 // letters
	longestQuantity = 48
)

// Quantity takes a number apart from the unit of measure behind it: 12 kg, 500g, −3.5 °C, 4 pcs. Behind a blank any word
// is a unit, but for months and the marks of half days. ok is false for what is something else: amounts of money and
// shares, which are styles of numbers, codes with a zero in front, several words.
func Quantity(s string) (number, unit string, ok bool) {
	if len(s) < 2 || len(s) > longestQuantity {
		return "", "", false
	}
	if last := s[len(s)-1]; !letter(last) && last < utf8.RuneSelf {
		return "", "", false
	}
	_, start := sign(s)
	i := start
	for i < len(s) && (digit(s[i]) || s[i] == '.' || s[i] == ',') {
		i++
	}
	if i == start {
		return "", "", false
	}
	number, unit = s[:i], s[i:]
	gap := blank(unit)
	unit = unit[gap:]
	switch {
	case unit == "" || !isUnit(unit) || gap == 0 && !measures[unit] || LeadingZero(number):
		return "", "", false
	case unitBehind(s) != "":
		return "", "", false
	}
	if month, width, _ := monthName(unit); month > 0 && width == len(unit) {
		return "", "", false
	}
	if _, width := marker(unit); width == len(unit) {
		return "", "", false
	}
	fits, _ := StylesOf(number)
	return number, unit, fits != 0
}

// isUnit reports a word: letters, and what units have among them.
func isUnit(s string) bool {
	n := 0
	for i, r := range s {
		if n++; n > longestUnit || !unicode.IsLetter(r) && !strings.ContainsRune("°²³µ", r) && (r != '/' || i == 0) {
			return false
		}
	}
	return true
}

// Scale is what a quantity in a unit is multiplied by to be one in the smallest unit of its kind, as kg by 1,000,000 for
// mg. ok is false for a unit whose kind is not known.
func Scale(unit string) (kind string, scale int64, ok bool) {
	if len(unit) > 1 || unit == "G" || unit == "L" {
		unit = strings.ToLower(unit)
	}
	for _, k := range kinds {
		if scale, ok = k.units[unit]; ok {
			return k.name, scale, true
		}
	}
	return "", 0, false
}

// kinds are kinds of quantities, with units that are exact multiples of the first.
var kinds = [...]struct {
	name  string
	units map[string]int64
}{
	{"mass", map[string]int64{"mg": 1, "g": 1e3, "kg": 1e6}},
	{"length", map[string]int64{"mm": 1, "cm": 10, "m": 1e3, "km": 1e6}},
	{"volume", map[string]int64{"ml": 1, "cl": 10, "dl": 100, "l": 1e3}},
	{"time", map[string]int64{"ms": 1, "s": 1e3, "sec": 1e3, "min": 60e3, "h": 3600e3, "hr": 3600e3, "hrs": 3600e3}},
}

// SameUnit reports whether two units of numbers, as NumberTally.Units has them, are one: € and EUR.
func SameUnit(a, b string) bool { return currencyOf(a) == currencyOf(b) }

func currencyOf(unit string) string {
	switch unit {
	case "€":
		return "EUR"
	case "$", "US$":
		return "USD"
	case "£":
		return "GBP"
	case "₹", "Rs", "Rs.":
		return "INR"
	case "zł":
		return "PLN"
	case "Kč":
		return "CZK"
	case "Ft":
		return "HUF"
	case "kr.":
		return "kr"
	}
	if len(unit) == 3 && wellKnown[unit] {
		return strings.ToUpper(unit)
	}
	return unit
}
