package notation

import "strings"

// Category returns the text that stands for a category: a whole number that is written otherwise, as 1.0 or +1, is the
// whole number, so that a column of whole numbers which floating point, or a gap, has given a fraction of zero has the
// categories it had. Every other text stands for itself: codes such as 01 and 1e3, and versions such as 1.10.
func Category(text string) string {
	if !strings.ContainsRune(text, '.') && !strings.HasPrefix(text, "+") {
		return text
	}
	if strings.Trim(text, "+-.0123456789") != "" {
		return text
	}
	whole, ok := Canonical(text)
	if !ok || strings.Trim(whole, "-0123456789") != "" {
		return text
	}
	return whole
}
