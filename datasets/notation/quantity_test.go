package notation

import "testing"

func TestQuantity(t *testing.T) {
	for s, want := range map[string][2]string{
		"12 kg": {"12", "kg"}, "500g": {"500", "g"}, "−3.5 °C": {"−3.5", "°C"}, "4 pcs": {"4", "pcs"}, "1,5 l": {"1,5", "l"}, "1,200 km": {"1,200", "km"},
		"12.5\u00a0kg": {"12.5", "kg"}, "20 m²": {"20", "m²"}, "90km/h": {"90", "km/h"}, "3 Stück": {"3", "Stück"}, "0.5 kg": {"0.5", "kg"}, "42 EU": {"42", "EU"},
		"-.5 m": {"-.5", "m"}, "5 May": {}, "5 January": {}, "5 PM": {}, "5 am": {}, "5pm": {}, "5XL": {}, "38C": {}, "12 Main St": {}, "007 B": {}, "5 %": {}, "5%": {},
		"5 EUR": {}, "5 kr": {}, "kg": {}, " kg": {}, "5": {}, "": {}, "- kg": {}, "1.2.3 kg": {}, "5  kg": {}, "5 k9": {}, "5 abcdefghijklm": {}, "5 /h": {}, "a 5": {}, "5 kg.": {},
	} {
		number, unit, ok := Quantity(s)
		if number != want[0] && ok || unit != want[1] && ok || ok != (want[1] != "") {
			t.Errorf("Quantity(%q) = %q, %q, %v, want %q", s, number, unit, ok, want)
		}
	}
}

func TestScale(t *testing.T) {
	for unit, want := range map[string]struct {
		kind  string
		scale int64
	}{"kg": {"mass", 1e6}, "KG": {"mass", 1e6}, "g": {"mass", 1e3}, "L": {"volume", 1e3}, "min": {"time", 60e3}, "pcs": {}, "M": {}, "S": {}, "": {}} {
		if kind, scale, ok := Scale(unit); kind != want.kind || scale != want.scale || ok != (want.kind != "") {
			t.Errorf("Scale(%q) = %s, %d, %v", unit, kind, scale, ok)
		}
	}
}

func TestSameUnit(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{{"€", "EUR", true}, {"eur", "EUR", true}, {"$", "USD", true}, {"$", "€", false}, {"%", "", false}, {"", "", true}, {"A$", "$", false}} {
		if SameUnit(c.a, c.b) != c.same {
			t.Errorf("SameUnit(%q, %q) = %v", c.a, c.b, !c.same)
		}
	}
}
