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

// A category is found by any of its spellings, and as it is written before all, whatever else is indexed.
func TestFindCategory(t *testing.T) {
	texts := []string{"1.0", "2", "+3", "3.0", "4", "4.0", "01", "a"}
	index := map[string]int{}
	for i, text := range texts {
		index[text] = i
	}
	IndexCategories(index, texts)
	for text, want := range map[string]int{"1": 0, "1.0": 0, "+1": 0, "2": 1, "2.00": 1, "3": 2, "+3": 2, "3.0": 3, "+3.0": 2, "4": 4, "4.0": 5, "4.00": 4, "01": 6, "a": 7} {
		if got, ok := FindCategory(index, text); !ok || got != want {
			t.Errorf("%q is %d (%v), not %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "5", "001", "01.0", "1e0", "a.0"} {
		if got, ok := FindCategory(index, text); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
}
