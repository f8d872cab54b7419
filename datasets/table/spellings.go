package table

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/notation"
	"debut/datasets/wording"
)

const (
	// maxVariants and maxSpellings bound what a note about spellings lists.
	maxVariants  = 3
	maxSpellings = 4
	// maxLayouts is in how many layouts a column of mixed dates may be written.
	maxLayouts = 4
	// dateSample distinct values tell whether looking for dates is worth its time.
	dateSample = 64
	// identifierValues distinct values, where most of them occur once, are
	// identifiers, in which case may well matter.
	identifierValues = 1000
)

// spelling is a way in which a value is written.
type spelling struct {
	text string
	rows int
}

// spellingNote notes that a column of categories has values that are probably the same but are written in several
// ways; it is nil where all is well.
func spellingNote(s *Series) *Note {
	if s.Kind != Text {
		return nil
	}
	written, present := written(s)
	return cmp.Or(truthNote(s.Name, written), dateNote(s.Name, written, present), numbersNote(s.Name, written, present), wholeNote(written), caseNote(s.Name, written, present))
}

// wholeNote is about whole numbers among categories that are written in several ways.
func wholeNote(written []spelling) *Note {
	groups := variants(written, notation.Category)
	if len(groups) == 0 {
		return nil
	}
	return &Note{Kind: NoteSpellings, Problem: "whole numbers are written in several ways, each of which is one category: " + listVariants(groups)}
}

// written counts the distinct texts of a column, in order of appearance.
func written(s *Series) (out []spelling, present int) {
	out = make([]spelling, len(s.Dict))
	for i, text := range s.Dict {
		out[i].text = text
	}
	for _, c := range s.Codes {
		if c >= 0 {
			out[c].rows++
			present++
		}
	}
	return out, present
}

// booleanNote is about a column read as true and false.
func booleanNote(name string, written []spelling) *Note {
	groups := variants(written, func(text string) string {
		v, _ := notation.Bool(text)
		return fmt.Sprint(v)
	})
	if len(groups) == 0 {
		return nil
	}
	return &Note{NoteSpellings, "true and false are written in several ways, which are read as the same: " + listVariants(groups),
		[]Remedy{DeclareType(name, TypeCategorical).when("if they are not")}}
}

// truthNote is about a column of categories all of which mean true or false.
func truthNote(name string, written []spelling) *Note {
	if len(written) < 3 {
		return nil
	}
	for _, w := range written {
		if _, ok := notation.Bool(w.text); !ok {
			return nil
		}
	}
	return &Note{NoteSpellings, fmt.Sprintf("all values are ways to write true or false, but count as %d categories: %s", len(written), listVariants([][]spelling{written})),
		[]Remedy{DeclareType(name, TypeBoolean).when("if they mean just two things")}}
}

// caseNote is about categories that differ in upper and lower case alone.
// Spaces around them are gone.
func caseNote(column string, written []spelling, present int) *Note {
	if len(written) > identifierValues && 2*len(written) > present {
		return nil
	}
	groups := variants(written, strings.ToLower)
	if len(groups) == 0 {
		return nil
	}
	name := duck.Name(column)
	return &Note{NoteCase, "values that differ only in upper and lower case count as different categories: " + listVariants(groups),
		[]Remedy{set(SetQuery, fmt.Sprintf("SELECT * REPLACE (lower(trim(%s)) AS %[1]s) FROM data", name)).when("if they mean the same")}}
}

// variants groups the texts of equal key, and returns the groups of several,
// those of the most rows first.
func variants(written []spelling, key func(string) string) [][]spelling {
	index := make(map[string]int, len(written))
	var groups [][]spelling
	for _, w := range written {
		k := key(w.text)
		i, ok := index[k]
		if !ok {
			i = len(groups)
			index[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], w)
	}
	groups = slices.DeleteFunc(groups, func(g []spelling) bool { return len(g) < 2 })
	slices.SortStableFunc(groups, func(a, b []spelling) int { return cmp.Compare(rowsOf(b), rowsOf(a)) })
	return groups
}

func rowsOf(group []spelling) int {
	n := 0
	for _, w := range group {
		n += w.rows
	}
	return n
}

// listVariants renders groups as `"buy" (40 rows), "Buy" (3 rows); …`.
func listVariants(groups [][]spelling) string {
	var b strings.Builder
	for i, g := range groups {
		if i == maxVariants {
			fmt.Fprintf(&b, "; and %d more values", len(groups)-maxVariants)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		g = slices.Clone(g)
		slices.SortStableFunc(g, func(a, b spelling) int { return cmp.Compare(b.rows, a.rows) })
		for j, w := range g {
			if j == maxSpellings {
				fmt.Fprintf(&b, " and %d more", len(g)-maxSpellings)
				break
			}
			if j > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%s (%s)", wording.Quote(wording.Shorten(w.text, 40)), countRows(w.rows))
		}
	}
	return b.String()
}

func countRows(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

// bestLayout returns the layout of dates that fits the most texts, and in how many rows.
func bestLayout(written []spelling) (layout notation.Layout, fits int) {
	var t notation.DateTally
	for _, w := range written {
		t.Add(w.text, w.rows)
	}
	layout, fits, _, _ = t.Best()
	return layout, fits
}

// dateNote is about a column of dates in several layouts, which is taken for
// categories because no single layout fits nearly all of it.
func dateNote(column string, written []spelling, present int) *Note {
	sample := written[:min(len(written), dateSample)]
	dates := 0
	for _, w := range sample {
		if _, n := notation.LayoutsOf(w.text); n > 0 {
			dates++
		}
	}
	if 2*dates <= len(sample) {
		return nil
	}
	var layouts []notation.Layout
	var formats, found []string
	doubtful, covered := false, 0
	for rest := written; len(rest) > 0 && len(layouts) < maxLayouts; {
		layout, fits := bestLayout(rest)
		if fits == 0 {
			break
		}
		var fit notation.DateTally
		first := ""
		rest = slices.DeleteFunc(slices.Clone(rest), func(w spelling) bool {
			_, ok := layout.Parse(w.text)
			if ok {
				if fit.Add(w.text, w.rows); first == "" {
					first = w.text
				}
			}
			return ok
		})
		layouts = append(layouts, layout)
		formats = append(formats, layout.Strptime()...)
		found = append(found, fmt.Sprintf("%s (%s, such as %s)", layout.Name(), countRows(fits), wording.Quote(first)))
		covered += fits
		_, _, _, either := fit.Best()
		doubtful = doubtful || either
	}
	if len(layouts) < 2 || float64(covered) < numberShare*float64(present) {
		return nil
	}
	name := duck.Name(column)
	remedy := set(SetQuery, fmt.Sprintf("SELECT * REPLACE (try_strptime(%s, %s) AS %[1]s) FROM data", name, duck.Literals(formats))).when("to have dates")
	if doubtful || contradicted(layouts, written) {
		remedy = ManualRemedy("write them alike at their source, the year first").when("for some do not tell day from month")
	}
	return &Note{NoteSpellings, "its dates are written in several ways, so that each counts as a category: " + strings.Join(found, ", "), []Remedy{remedy}}
}

// contradicted reports whether two of the layouts give one of the texts
// different days.
func contradicted(layouts []notation.Layout, written []spelling) bool {
	for _, w := range written {
		first, seen := int64(0), false
		for _, l := range layouts {
			v, ok := l.Parse(w.text)
			if ok && seen && v != first {
				return true
			}
			if ok {
				first, seen = v, true
			}
		}
	}
	return false
}
