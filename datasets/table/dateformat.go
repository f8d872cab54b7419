package table

import "debut/datasets/notation"

// DateFormat tells texts that are dates of one form: how people write it, such as
// MM/DD/YY, and how DuckDB's strptime does. other is a second format that fits them
// all and gives other days, "" where there is none. ok is false where the texts are
// no dates, or are not written alike.
func DateFormat(texts []string) (name, format, other string, ok bool) {
	var t notation.DateTally
	for _, text := range texts {
		t.Add(text, 1)
	}
	layout, fits, second, either := t.Best()
	if fits == 0 || fits < len(texts) {
		return "", "", "", false
	}
	if either {
		other = second.Strptime()[0]
	}
	return layout.Name(), layout.Strptime()[0], other, true
}
