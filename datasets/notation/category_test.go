package notation

import "testing"

func TestCategory(t *testing.T) {
	for text, want := range map[string]string{
		"1": "1", "1.0": "1", "+1": "1", "1.": "1", "1.000": "1", "-3.0": "-3", "-0.0": "0", "120.0": "120", "9007199254740991.0": "9007199254740991",
		// Codes, versions, quantities and what float64 does not hold are what they are.
		"01": "01", "01.0": "01.0", "+01": "+01", "1.10": "1.10", "1.5": "1.5", "1e3": "1e3", "1.0e3": "1.0e3", "10.0.0.1": "10.0.0.1", "9007199254740993.0": "9007199254740993.0",
		"": "", ".": ".", "+": "+", "1,0": "1,0", "−1.0": "−1.0", "a.0": "a.0", "1.0 ": "1.0 ", "18446744073709551615": "18446744073709551615",
	} {
		if got := Category(text); got != want {
			t.Errorf("Category(%q) is %q, not %q", text, got, want)
		}
		if again := Category(Category(text)); again != Category(text) {
			t.Errorf("Category(%q) is %q, and Category of that %q", text, Category(text), again)
		}
	}
}
