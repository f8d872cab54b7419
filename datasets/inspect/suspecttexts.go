package inspect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"debut/datasets/encoding"
	"debut/datasets/notation"
	"debut/datasets/table"
)

// suspectTexts finds what is suspicious about texts, of which there are counts.
func (e *examined) suspectTexts(counts []int64) {
	s, c := e.series, e.column
	e.constant()
	var numbers, damaged, longTexts int64
	var marked []Count
	example := make(map[string]int) // check → index of its first value
	note := func(check string, i int) {
		if _, ok := example[check]; !ok {
			example[check] = i
		}
	}
	for i, text := range s.Dict {
		n := counts[i]
		if n == 0 {
			continue
		}
		switch _, isNumber := notation.Number(text); {
		case isNumber:
			numbers += n
		case notation.Missing(text):
			marked = append(marked, Count{text, n})
		default:
			note("word", i)
		}
		if mojibake(text) {
			damaged += n
			note("damaged", i)
		}
		if strings.Count(text, " ") >= 4 {
			longTexts += n
		}
	}
	firstRow := func(check string) []Example {
		i, ok := example[check]
		if !ok {
			return nil
		}
		return rowsWhere(s, func(row int) bool { return int(s.Codes[row]) == i })[:1]
	}
	e.markedTexts(marked)
	valued := e.present
	for _, m := range marked {
		valued -= m.Rows
	}
	if !c.Refused && (e.survey.Note == nil || e.survey.Note.Kind != table.NoteUnits && e.survey.Note.Kind != table.NoteSpellings) && numbers > 0 && valued-numbers > 0 && float64(numbers) >= 0.05*float64(valued) && c.Distinct > 10 {
		e.warn(Warning{Severity: Notable, Code: "mixed_types", Rows: valued - numbers, Examples: firstRow("word"),
			Message:  fmt.Sprintf("%.3g %% of the values are numbers, the others texts; all are read as categories", 100*float64(numbers)/float64(valued)),
			Remedies: []Remedy{work("nothing").when("if they are codes"), castStep(c.Name).when("if the others are mistakes")}})
	}
	if damaged > 0 {
		w := Warning{Severity: Warn, Code: "encoding", Rows: damaged, Examples: firstRow("damaged"),
			Message:  `letters are damaged, as in "Ã¤" for "ä": UTF-8 was read as another encoding`,
			Remedies: []Remedy{work("export the data again in UTF-8, or convert the file: iconv -f utf-8 -t cp1252")}}
		if strings.ContainsRune(s.Dict[example["damaged"]], '\ufffd') {
			w.Message = `letters are lost: where they were stands "\ufffd", as programs write that read another encoding as UTF-8`
			w.Remedies = []Remedy{work("export the data again in UTF-8")}
		}
		e.warn(w)
	}
	rows := int64(s.Len())
	unique := c.Distinct == rows && rows >= 20
	switch {
	case longTexts*2 > e.present && c.Distinct > 50 && c.Distinct*2 > e.present:
		e.warn(Warning{Severity: Notable, Code: "free_text", Rows: e.present, Message: "free text, most of it seen once: as categories nothing can be learned from it",
			Remedies: []Remedy{runColumn(c.Name, encoding.Column{Type: table.TypeText})}})
	case unique && !c.Refused && (e.survey.Note == nil || e.survey.Note.Kind != table.NoteAmounts && e.survey.Note.Kind != table.NoteUnits):
		e.identifier()
	case e.survey.Note != nil && e.survey.Note.Kind == table.NoteSpellings: // told already
	case c.Distinct*2 <= e.present || c.Distinct <= 1000:
		e.spellings(counts)
	}
}

// doubtful marks of missing values are words that may be a category too.
var doubtful = []string{"unknown", "none", "undefined", "missing", "not set", "(not set)", "(none)", "not applicable", "."}

// markedTexts reports marks of missing values among texts.
func (e *examined) markedTexts(marked []Count) {
	if len(marked) == 0 {
		return
	}
	slices.SortStableFunc(marked, func(a, b Count) int { return cmp.Compare(b.Rows, a.Rows) })
	if e.column.MissingMarks = marked; e.column.Refused {
		return // refusals tell it
	}
	severity := Notable
	var texts []string
	rows := int64(0)
	for _, m := range marked {
		if !slices.Contains(doubtful, strings.ToLower(m.Value)) {
			severity = Warn
		}
		rows += m.Rows
		texts = append(texts, m.Value)
	}
	first := texts[0]
	e.warn(Warning{Severity: severity, Code: "missing_marks", Rows: rows, Message: listQuoted(texts) + " probably means that there is no value, but counts as a category",
		Examples: rowsWhere(e.series, func(i int) bool { return e.series.Codes[i] >= 0 && e.series.Dict[e.series.Codes[i]] == first }),
		Remedies: []Remedy{set(table.SetNull, texts...).when("if so, here and in other columns")}})
}

// spellings reports values that differ in upper and lower case or in blanks
// alone.
func (e *examined) spellings(counts []int64) {
	s := e.series
	groups := map[string][]int{}
	var order []string
	for i, text := range s.Dict {
		if counts[i] == 0 {
			continue
		}
		key := strings.Join(strings.Fields(strings.ToLower(text)), " ")
		if len(groups[key]) == 0 {
			order = append(order, key)
		}
		groups[key] = append(groups[key], i)
	}
	rows, first, most := int64(0), []int(nil), int64(0)
	for _, key := range order {
		g := groups[key]
		if len(g) < 2 {
			continue
		}
		n := int64(0)
		for _, i := range g {
			n += counts[i]
		}
		rows += n
		if n > most {
			first, most = g, n
		}
	}
	if first == nil {
		return
	}
	var texts []string
	for _, i := range first[:min(len(first), 3)] {
		texts = append(texts, s.Dict[i])
	}
	name := sqlName(s.Name)
	e.warn(Warning{Severity: Warn, Code: "spellings", Rows: rows, Message: "values that differ only in case or blanks count as different: " + listQuoted(texts),
		Examples: rowsWhere(s, func(i int) bool { return int(s.Codes[i]) == first[1] })[:1],
		Remedies: []Remedy{sqlStep("lower(regexp_replace(trim("+name+"), '\\s+', ' ', 'g'))", s.Name)}})
}

// mojibake reports whether a text holds UTF-8 that was read as Latin-1 or
// Windows-1252, or the mark of what could not be read.
func mojibake(text string) bool {
	if strings.Contains(text, "â€") || strings.ContainsRune(text, '\ufffd') || strings.Contains(text, "ï»¿") {
		return true
	}
	const windows = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ" // 0x80 to 0x9f in Windows-1252
	lead := false
	for _, r := range text {
		if lead && (r >= 0x80 && r <= 0xbf || strings.ContainsRune(windows, r)) {
			return true
		}
		lead = r == 'Ã' || r == 'Â'
	}
	return false
}
