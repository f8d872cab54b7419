package inspect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/datasets/wording"
)

// refusals are about columns that a run would not read.
func refusals(d *data, t *Table) []Warning {
	var out []Warning
	for i, c := range t.Columns {
		survey := d.columns[d.names[i]]
		if survey.Fault == nil {
			continue
		}
		fault := survey.Fault
		w := Warning{Severity: Severe, Column: c.Name, Rows: int64(survey.Bad)}
		for k, l := range survey.Examples {
			w.Examples = append(w.Examples, Example{Value: clip(l.Text), row: l.Row, ofTable: true})
			if k == 0 {
				w.Examples[0].Place = fault.Place
			}
		}
		for _, r := range fault.Remedies {
			w.Remedies = append(w.Remedies, Remedy{Remedy: r})
		}
		if c.Type == typeUnreadable && !slices.ContainsFunc(w.Remedies, func(r Remedy) bool { return !r.ByHand() }) {
			w.Remedies = slices.Insert(w.Remedies, 0, runColumn(c.Name, encoding.Column{Type: table.TypeIgnore}).when("to leave it out"))
		}
		if len(w.Examples) == 0 && fault.Value != "" {
			w.Examples = []Example{{Value: clip(fault.Value), Place: fault.Place, row: -1}}
		}
		marked := 0
		for _, m := range survey.Marks {
			marked += m.Rows
		}
		switch {
		case c.Type == typeUnreadable || survey.Bad == 0:
			problem := "it " + fault.Problem
			if strings.HasPrefix(fault.Problem, "the ") {
				problem = fault.Problem
			}
			if w.Code, w.Message = "unreadable", "cannot be read: "+problem; c.Type != typeUnreadable {
				w.Code, w.Message = "not_numbers", "a value "+fault.Problem+"; a run would refuse the column"
			}
		case marked == survey.Bad:
			var texts []string
			c.MissingMarks = nil
			for _, m := range survey.Marks {
				texts = append(texts, m.Text)
				c.MissingMarks = append(c.MissingMarks, Count{m.Text, int64(m.Rows)})
			}
			w.Severity, w.Code = Warn, "missing_marks"
			w.Message = listQuoted(texts) + " probably means that there is no value; a run would refuse the column"
			w.Remedies = []Remedy{set(table.SetNull, texts...)}
		default:
			w.Code = "not_numbers"
			if strings.Contains(survey.Misfit, "date") {
				w.Code = "not_dates"
			}
			w.Message = fmt.Sprintf("%s of %s values are %s; a run would refuse the column", wording.Thousands(int64(survey.Bad)), wording.Thousands(int64(survey.Present)), survey.Misfit)
			if survey.Bad == 1 {
				w.Message = fmt.Sprintf("1 of %s values %s; a run would refuse the column", wording.Thousands(int64(survey.Present)), fault.Problem)
			}
			if survey.Bad > keptForCorrection {
				// Nobody corrects so many by hand.
				slices.SortStableFunc(w.Remedies, func(a, b Remedy) int { return cmp.Compare(rank(a), rank(b)) })
			}
		}
		if c.Withheld {
			hideValues(w.Examples)
			for k := range w.Remedies {
				w.Remedies[k] = w.Remedies[k].withoutValues()
			}
		}
		out = append(out, w)
	}
	return out
}

// keptForCorrection is up to how many values a person may correct.
const keptForCorrection = 20

// rank puts work behind what can be set.
func rank(r Remedy) int {
	if r.ByHand() {
		return 1
	}
	return 0
}
