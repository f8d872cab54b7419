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

// FindCategory looks the text of a category up: as it is written, for an index of an earlier version tells spellings apart,
// and then as what it stands for.
func FindCategory[T any](index map[string]T, text string) (T, bool) {
	v, ok := index[text]
	if !ok {
		if category := Category(text); category != text {
			v, ok = index[category]
		}
	}
	return v, ok
}

// IndexCategories completes an index that has all of the texts, and returns it, so that FindCategory finds a category by
// another spelling than that of the index. Where two texts stand for the same, the first of them stands for it.
func IndexCategories[T any](index map[string]T, texts []string) map[string]T {
	for _, text := range texts {
		category := Category(text)
		if _, taken := index[category]; !taken {
			index[category] = index[text]
		}
	}
	return index
}
