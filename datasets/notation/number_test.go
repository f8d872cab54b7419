package notation

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestNumber(t *testing.T) {
	for s, want := range map[string]float64{
		"0": 0, "5": 5, "-5": -5, "+5": 5, "5.": 5, ".5": 0.5, "-.5": -0.5, "01220": 1220, "1e3": 1000, "1E-3": 0.001, "1e+3": 1000,
		"36.61": 36.61, "0.1": 0.1, "123456789012345678": 123456789012345678, "9007199254740993": 9007199254740992,
		"0.30000000000000004": 0.30000000000000004, "18446744073709551616": 18446744073709551616,
		"1.7976931348623157e308": math.MaxFloat64, "5e-324": 5e-324, "1e-400": 0, "0e999999999999": 0,
		"1" + strings.Repeat("0", 300): 1e300, "0." + strings.Repeat("0", 300) + "1e301": 1, strings.Repeat("0", 70) + "7": 7,
		"\u22121935.3": -1935.3, "\ufe635": -5, "\uff0d5": -5, "1e\u22123": 0.001,
	} {
		if v, ok := Number(s); !ok || v != want {
			t.Errorf("Number(%q) = %v, %v, want %v", s, v, ok, want)
		}
	}
	for _, s := range []string{
		"", " ", " 5", "5 ", "-", "+", ".", "-.", "e5", "5e", "5e+", "--5", "+-5", "5-", "1.2.3", "1,5", "1_000", "0x10", "0x1p3",
		"nan", "NaN", "inf", "-Inf", "infinity", "1e999", "-1e309", strings.Repeat("9", 309), "1 000", "5%", "$5", "5e5.5", "٣", "2024-01-05", "\u2212", "\u22125\u2212", "5\u00a0", "½",
	} {
		if v, ok := Number(s); ok || v != 0 {
			t.Errorf("Number(%q) = %v, %v", s, v, ok)
		}
	}
	if v, ok := Number("-0"); !ok || !math.Signbit(v) {
		t.Errorf("Number(-0) = %v, %v", v, ok)
	}
}

func TestTrim(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "  ": "", " 1.2 ": "1.2", "\t5\r\n": "5", "\u00a05\u202f": "5", "\ufeffid": "id", " \u200b 5 \u2060\ufeff ": "5",
		"\u200e02/03/2024\u200f": "02/03/2024", "\u200b": "", "a b": "a b", "é": "é", " é": "é", "a\u200bb": "a\u200bb",
		"\u200dx": "\u200dx", "\xff": "\xff", // a joiner shapes what it joins
	} {
		if got := Trim(s); got != want {
			t.Errorf("Trim(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestWhole(t *testing.T) {
	for _, c := range []struct {
		s     string
		whole bool
		value int64
		ok    bool
	}{
		{"0", true, 0, true}, {"-0", true, 0, true}, {"+7", true, 7, true}, {"-07", true, -7, true}, {"\u22127", true, -7, true},
		{"9223372036854775807", true, math.MaxInt64, true}, {"9223372036854775808", true, 0, false},
		{"-9223372036854775808", true, math.MinInt64, true}, {"-9223372036854775809", true, 0, false},
		{"18446744073709551601", true, 0, false}, {"99999999999999999999999999", true, 0, false},
		{"", false, 0, false}, {"-", false, 0, false}, {"1.", false, 0, false}, {"1e3", false, 0, false}, {"5-", false, 0, false}, {" 5", false, 0, false},
	} {
		if got := Whole(c.s); got != c.whole {
			t.Errorf("Whole(%q) = %v", c.s, got)
		}
		if v, ok := WholeNumber(c.s); v != c.value || ok != c.ok {
			t.Errorf("WholeNumber(%q) = %v, %v", c.s, v, ok)
		}
	}
}

func TestLeadingZero(t *testing.T) {
	for s, want := range map[string]bool{
		"01220": true, "00": true, "-07": true, "+07": true, "00.5": true, "007e2": true, "02134": true, "\u221207": true,
		"0": false, "-0": false, "0.5": false, "-0.5": false, "0e5": false, "94107": false, "": false, "0x10": false, "01:30": false,
		"00-1": false, "0,5": false, "01.02.2024": false, "0A": false, "10": false, "00e": false,
	} {
		if got := LeadingZero(s); got != want {
			t.Errorf("LeadingZero(%q) = %v", s, got)
		}
	}
}

func TestCanonical(t *testing.T) {
	for s, want := range map[string]string{
		"1": "1", "1.0": "1", "1.": "1", "+1": "1", "1e0": "1", "10e-1": "1", "2.50": "2.5", ".5": "0.5", "-1.0": "-1", "\u22121": "-1",
		"0": "0", "-0": "0", "0.0": "0", "0e7": "0", "1e3": "1000", "1000": "1000", "100": "100", "9007199254740991": "9007199254740991",
		"-9007199254740991.0": "-9007199254740991", "0.30000000000000004": "0.30000000000000004", "0.1": "0.1", "1e-7": "1e-07", "0.0000001": "1e-07",
		"0.000001": "0.000001", "123456789012345": "123456789012345",
	} {
		if got, ok := Canonical(s); !ok || got != want {
			t.Errorf("Canonical(%q) = %q, %v, want %q", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "a", "007", "00", "00.5", "-07", "9007199254740992", "-9007199254740992", "1e300", "1e999", "nan", "1,5",
		"0.1000000000000000055", "1.00000000000000000001", "1e-400", "4.1.2"} {
		if got, ok := Canonical(s); ok {
			t.Errorf("Canonical(%q) = %q", s, got)
		}
	}
}

// TestCanonicalKeepsValues checks that nothing but the way of writing changes.
func TestCanonicalKeepsValues(t *testing.T) {
	for i := range 20000 {
		v := float64(i-10000) / 64
		for _, s := range []string{strconv.FormatFloat(v, 'f', -1, 64), strconv.FormatFloat(v, 'f', 8, 64), strconv.FormatFloat(v, 'e', -1, 64)} {
			got, ok := Canonical(s)
			if want := strconv.FormatFloat(v, 'f', -1, 64); !ok || got != want {
				t.Fatalf("Canonical(%q) = %q, %v, want %q", s, got, ok, want)
			}
			if again, _ := Canonical(got); again != got {
				t.Fatalf("Canonical(%q) = %q", got, again)
			}
		}
	}
}

func FuzzPlainNumber(f *testing.F) {
	for _, s := range []string{"1.5", "-0", "1e400", "123456789012345678901234567890", "1e-5", ".e", "+.5e+05", "9007199254740993"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := Number(s)
		s = strings.NewReplacer("\u2212", "-", "\ufe63", "-", "\uff0d", "-").Replace(s)
		want, err := strconv.ParseFloat(s, 64)
		valid := err == nil && strings.Trim(s, "0123456789.+-eE") == ""
		if ok != valid || ok && math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("Number(%q) = %v, %v, want %v, %v", s, got, ok, want, valid)
		}
		if c, ok := Canonical(s); ok {
			v, _ := Number(c)
			if again, ok := Canonical(c); !ok || again != c || v != want {
				t.Errorf("Canonical(%q) = %q, then %q, %v", s, c, again, ok)
			}
		}
	})
}
