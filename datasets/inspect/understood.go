package inspect

import (
	"debut/datasets/notation"
	"debut/datasets/table"
)

// understood tells how the values were read.
func (e *examined) understood() {
	c, survey := e.column, e.survey
	if c.Refused = survey.Fault != nil; c.Refused {
		return
	}
	switch r := survey.Reading; {
	case !survey.Texts:
	case r.Type == table.TypeNumeric && r.Style != notation.Style{}:
		c.Notation = r.Style.String()
	case r.Type == table.TypeDate:
		c.Layout = r.Layout.Name()
	}
	if survey.Note == nil {
		return
	}
	c.Note = survey.Note.Problem
	w := Warning{Severity: Notable, Code: "codes", Message: survey.Note.Problem}
	for _, r := range survey.Note.Remedies {
		w.Remedies = append(w.Remedies, Remedy{Remedy: r})
	}
	switch survey.Note.Kind {
	case table.NoteNotation:
		return // the table tells it
	case table.NoteAmounts:
		w.Severity, w.Code, w.Rows = Warn, "amounts", int64(survey.Present)
	case table.NoteUnits:
		w.Severity, w.Code, w.Rows = Warn, "units", int64(survey.Present)
	case table.NoteOrder:
		w.Severity, w.Code, w.Rows = Warn, "date_order", int64(survey.Present)
	case table.NoteNumbers:
		w.Code = "numbers_as_texts"
	case table.NoteSpellings:
		w.Severity, w.Code = Warn, "spellings"
	case table.NoteCase, table.NoteLost:
		c.Note = ""
		return // spellings and digitWarnings tell it
	}
	e.warn(w)
}

// withhold removes values from what is reported.
func (e *examined) withhold() {
	e.column.Withheld, e.column.Frequent, e.column.Histogram, e.column.Note = true, nil, nil, ""
	if n := e.column.Numbers; n != nil {
		hideValues(n.IQR.Examples)
		hideValues(n.MAD.Examples)
	}
	for i := range e.warnings {
		w := &e.warnings[i]
		hideValues(w.Examples)
		for k := range w.Remedies {
			w.Remedies[k] = w.Remedies[k].withoutValues()
		}
		switch w.Code {
		case "codes", "amounts", "units":
			w.Message = "the way its values are written says that they are categories"
		case "spellings":
			w.Message = "values that are probably the same are written in several ways"
		case "constant":
			w.Message = "all rows have the same value"
		}
	}
}

func hideValues(list []Example) {
	for i := range list {
		list[i].Value = "…"
	}
}
