package datasets

// DateFormat tells texts that are dates of one form: how people write it, such as
// MM/DD/YY, and how DuckDB's strptime does. other is a second format that fits them
// all and gives other days, "" where there is none. ok is false where the texts are
// no dates, or are not written alike.
func DateFormat(texts []string) (name, format, other string, ok bool) {
	counts := make([]int, len(texts))
	for i := range counts {
		counts[i] = 1
	}
	layout, fits := bestLayout(texts, counts)
	if fits == 0 || fits < len(texts) {
		return "", "", "", false
	}
	if other = otherReading(layout, texts); other != "" {
		other = strptimeFormat(other)
	}
	return layoutName(layout), strptimeFormat(layout), other, true
}
