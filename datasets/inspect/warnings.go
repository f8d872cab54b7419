package inspect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"debut/datasets"
	"debut/datasets/personal"
)

// codes are the checks, the worst of a severity first.
var codes = []string{
	"leakage", "unreadable", "not_numbers", "label_constant", "label_missing", "personal", "sentinel", "missing_marks", "lost_digits", "encoding", "grouped_numbers",
	"duplicates", "negative", "future", "epoch", "spellings", "label_rare", "equal", "empty", "constant", "mostly_missing", "label_guessed",
	"recoded", "correlated", "mixed_types", "identifier", "free_text", "outliers", "blanks",
}

// warnings collects all that is suspicious about a table, the worst first.
func warnings(t *Table, d *data, found []*examined, label *target) []Warning {
	var out []Warning
	position := map[string]int{"": -1}
	for i, c := range t.Columns {
		position[c.Name] = i
	}
	for _, e := range found {
		if _, refused := d.refused[e.column.Name]; refused { // which says the same
			e.warnings = slices.DeleteFunc(e.warnings, func(w Warning) bool { return w.Code == "mixed_types" || w.Code == "grouped_numbers" })
		}
		if label == nil || e.column.Name != label.Column {
			out = append(out, e.warnings...)
		} else {
			out = append(out, slices.DeleteFunc(slices.Clone(e.warnings), func(w Warning) bool { return w.Code == "negative" || w.Code == "outliers" })...)
		}
		out = append(out, missingWarning(e)...)
		out = append(out, personalWarnings(e.column)...)
		if s := e.column.Predicts; s != nil && s.Value >= leakage {
			w := Warning{Severity: Severe, Code: "leakage", Column: e.column.Name,
				Message: fmt.Sprintf("suspicious: predicts the label %s alone (%s %.4f); known only afterwards?", quoted(label.Column), measureNames[s.Measure], s.Value),
				Remedy:  "unless it is known when the prediction is made: steps: [{drop: [" + yamlText(e.column.Name) + "]}]"}
			if label.Guessed { // and may be another column
				w.Severity, w.Remedy = Warn, "if that is the label, and this is not known when the prediction is made: steps: [{drop: ["+yamlText(e.column.Name)+"]}]; another label is named with --label"
			}
			out = append(out, w)
		}
	}
	out = append(out, refusals(d, t)...)
	out = append(out, digitWarnings(d)...)
	out = append(out, paddedWarnings(d, t)...)
	out = append(out, labelWarnings(label)...)
	for _, p := range t.Relations {
		if label == nil || p.A != label.Column && p.B != label.Column {
			out = append(out, p.warning())
		}
	}
	if t.Duplicates.Rows > 0 {
		message := fmt.Sprintf("%s equal an earlier row in every column (%s of all)", rowsOf(t.Duplicates.Rows), percent(float64(t.Duplicates.Rows)/float64(t.Inspected)))
		if d.sampled != "" {
			message += "; among all rows there are more"
		}
		severity := Warn
		if len(t.Columns) <= 2 || t.Duplicates.Rows*2 > t.Inspected {
			severity = Notable // a log or a table of codes: rows repeat by nature
		}
		out = append(out, Warning{Severity: severity, Code: "duplicates", Rows: t.Duplicates.Rows, Message: message,
			Examples: slices.Clone(t.Duplicates.Examples), Remedy: "steps: [{deduplicate: {}}]"})
	}
	order := func(w Warning) (int, int, int) {
		return slices.Index([]Severity{Severe, Warn, Notable}, w.Severity), slices.Index(codes, w.Code), position[w.Column]
	}
	slices.SortStableFunc(out, func(a, b Warning) int {
		s1, c1, p1 := order(a)
		s2, c2, p2 := order(b)
		return cmp.Or(cmp.Compare(s1, s2), cmp.Compare(c1, c2), cmp.Compare(p1, p2))
	})
	return out
}

var measureNames = map[string]string{"auc": "AUC", "information": "share of information", "r2": "R²"}

// mostlyMissing is from which share of missing values on a column says little.
const mostlyMissing = 0.5

func missingWarning(e *examined) []Warning {
	c := e.column
	if e.present == 0 || c.MissingShare < mostlyMissing {
		return nil
	}
	return []Warning{{Severity: Notable, Code: "mostly_missing", Column: c.Name, Rows: c.Missing, Message: percent(c.MissingShare) + " of the rows have no value",
		Remedy: "in the run file: data: {columns: {" + yamlText(c.Name) + ": {missing_indicator: true}}}, or steps: [{drop: [" + yamlText(c.Name) + "]}]"}}
}

// personalWarnings are about data on persons.
func personalWarnings(c *Column) []Warning {
	var out []Warning
	name := yamlText(c.Name)
	for _, f := range c.Personal {
		w := Warning{Severity: Warn, Code: "personal", Column: c.Name}
		switch {
		case f.ByName:
			w.Message = "by its name: " + string(f.Kind)
			if !f.Kind.Direct() {
				w.Severity = Notable
			}
		case f.Within:
			w.Rows = int64(f.Values)
			w.Message = fmt.Sprintf("%s within the text of %s of %s values looked at, such as %s", f.Kind, thousands(int64(f.Values)), thousands(int64(f.Checked)), f.Example)
		default:
			w.Rows = int64(f.Values)
			w.Message = fmt.Sprintf("%s in %s of %s values looked at, such as %s", f.Kind, thousands(int64(f.Values)), thousands(int64(f.Checked)), f.Example)
		}
		switch {
		case f.Within:
			w.Remedy = "steps: [{mask: [" + name + "]}]"
		case f.Kind == personal.PersonID, f.Kind == personal.Email:
			kind := "customer"
			if f.Kind == personal.Email {
				kind = "email"
			}
			w.Remedy = "steps: [{pseudonymize: {" + name + ": " + kind + "}}]"
		case f.Kind == personal.Birth:
			w.Remedy = "steps: [{generalize: {" + name + ": {unit: year}}}]"
		case f.Kind == personal.Location:
			w.Remedy = "steps: [{generalize: {" + name + ": {prefix: 2}}}]"
			if c.Type == datasets.TypeNumeric {
				w.Remedy = "steps: [{generalize: {" + name + ": {width: 1000}}}]"
			}
		case f.Kind == personal.Sensitive:
			w.Remedy = "use it only where that is lawful and fair: steps: [{drop: [" + name + "]}]"
		default:
			w.Remedy = "steps: [{drop: [" + name + "]}]"
		}
		out = append(out, w)
	}
	return out
}

// refusals are about columns that a run would not read.
func refusals(d *data, t *Table) []Warning {
	var out []Warning
	for _, name := range d.names {
		r, ok := d.refused[name]
		if !ok {
			continue
		}
		at := slices.IndexFunc(t.Columns, func(c *Column) bool { return c.Name == name })
		var examples []Example
		raw := d.raw[name]
		hidden := at >= 0 && t.Columns[at].Withheld
		switch {
		case raw != nil && raw.others > 0:
			examples = slices.Clone(raw.strange)
		case r.err.Place != "" && r.err.Value != "":
			examples = []Example{{Value: clip(r.err.Value), Place: r.err.Place, row: -1}}
		}
		if hidden {
			hideValues(examples)
		}
		w := Warning{Column: name, Examples: examples}
		switch {
		case r.unread:
			problem := "it " + r.err.Problem
			if strings.HasPrefix(r.err.Problem, "the ") {
				problem = r.err.Problem
			}
			w.Severity, w.Code, w.Message, w.Remedy = Severe, "unreadable", "cannot be read: "+problem, r.err.Remedy
		case len(r.learned) > 0 && (raw == nil || raw.others == 0):
			w.Severity, w.Code, w.Examples = Warn, "missing_marks", nil
			var texts []string
			for _, m := range r.learned {
				texts = append(texts, m.Value)
				w.Rows += m.Rows
				if at >= 0 {
					t.Columns[at].MissingMarks = append(t.Columns[at].MissingMarks, m)
				}
			}
			w.Message = listQuoted(texts) + " probably means that there is no value; a run would refuse the column"
			w.Remedy = "null: [" + yamlList(texts) + "] of the source"
		default:
			w.Severity, w.Code = Severe, "not_numbers"
			w.Message = r.err.Problem + "; a run would refuse the column"
			if r.err.Value != "" && raw == nil && !hidden {
				w.Message = quoted(r.err.Value) + " " + w.Message
			}
			w.Remedy = "if these are codes: columns: {" + yamlText(name) + ": {type: categorical}} in the run file, types: {" + yamlText(name) + ": VARCHAR} at the source of data to be prepared; if mistakes: " + castStep(name)
			if strings.HasPrefix(r.err.Problem, "is not a date") && r.err.Value != "" {
				// One value; all others, which are no numbers either, are right.
				w.Examples = []Example{{Value: clip(r.err.Value), Place: r.err.Place, row: -1}}
				w.Remedy = "if it means that there is no value: null: [" + yamlText(r.err.Value) + "] of the source; otherwise correct it"
				if hidden {
					hideValues(w.Examples)
					w.Remedy = "correct it, or, if it means that there is no value, list it under null of the source"
				}
			} else if raw != nil {
				w.Rows = raw.others
				if raw.commas > raw.others/2 {
					w.Rows = raw.commas
					w.Remedy = sqlStep("CAST(replace(CAST("+sqlName(name)+" AS VARCHAR), ',', '.') AS DOUBLE)", name)
				}
			}
		}
		out = append(out, w)
	}
	return out
}

// digitWarnings are about whole numbers that have lost their last digits.
func digitWarnings(d *data) []Warning {
	var out []Warning
	for _, s := range d.frame.Columns {
		if s.LostDigits() {
			out = append(out, Warning{Severity: Warn, Code: "lost_digits", Column: s.Name,
				Message: "whole numbers of more than 2^53 as floating-point numbers: the last digits are lost, and ids that differed may be equal",
				Remedy:  "write them as text or whole numbers where the file is made"})
		}
	}
	return out
}

// paddedWarnings are about blanks around values, which a run takes away.
func paddedWarnings(d *data, t *Table) []Warning {
	var out []Warning
	var padded []string
	for _, c := range t.Columns {
		if raw := d.raw[c.Name]; raw != nil && raw.padded > 0 {
			padded = append(padded, c.Name)
		}
	}
	if len(padded) == 0 {
		return nil
	}
	first := d.raw[padded[0]]
	w := Warning{Severity: Notable, Code: "blanks", Rows: first.padded, Examples: slices.Clone(first.blank[:1]), Column: padded[0],
		Message: "blanks before or after values; they are removed in reading", Remedy: "remove them at the source where other programs read it"}
	if len(padded) > 1 {
		w.Column, w.Rows, w.Examples = "", 0, nil
		w.Message = fmt.Sprintf("blanks before or after values in %s; they are removed in reading", listed(padded))
	}
	if i := slices.IndexFunc(t.Columns, func(c *Column) bool { return c.Name == padded[0] }); i >= 0 && t.Columns[i].Withheld {
		hideValues(w.Examples)
	}
	return append(out, w)
}

// rareClass is below which share of the rows a class is hard to learn.
const rareClass = 0.01

// labelWarnings are about the label itself.
func labelWarnings(label *target) []Warning {
	if label == nil {
		return nil
	}
	var out []Warning
	if label.Guessed {
		out = append(out, Warning{Severity: Notable, Code: "label_guessed", Column: label.Column, Message: "taken for the label by its name or values; name another with --label",
			Remedy: "in the run file: data: {target: " + yamlText(label.Column) + "}"})
	}
	if label.Missing > 0 {
		out = append(out, Warning{Severity: Warn, Code: "label_missing", Column: label.Column, Rows: label.Missing, Message: "the label is missing in " + rowsOf(label.Missing),
			Remedy: "steps: [{filter: {where: " + yamlText(sqlName(label.Column)+" IS NOT NULL") + ", reason: no label}}]"})
	}
	if label.Task == datasets.TaskRegression {
		return out
	}
	if label.count == 1 {
		return append(out, Warning{Severity: Severe, Code: "label_constant", Column: label.Column, Rows: label.rows, Message: "the label has a single value: there is nothing to learn",
			Remedy: "add rows of other classes, or name another label"})
	}
	if label.count > mostClasses {
		return append(out, Warning{Severity: Warn, Code: "label_rare", Column: label.Column, Message: fmt.Sprintf("the label has %s classes", thousands(int64(label.count))),
			Remedy: "join rare classes: steps: [{generalize: {" + yamlText(label.Column) + ": {rare_below: 10}}}]"})
	}
	for _, c := range label.Classes {
		share := float64(c.Rows) / float64(label.rows)
		if c.Rows < leastOfClass && share >= rareClass {
			out = append(out, Warning{Severity: Warn, Code: "label_rare", Column: label.Column, Rows: c.Rows,
				Message: fmt.Sprintf("class %s has only %s", quoted(c.Value), rowsOf(c.Rows)), Remedy: "collect more rows of it"})
		} else if share < rareClass {
			w := Warning{Severity: Warn, Code: "label_rare", Column: label.Column, Rows: c.Rows,
				Message: fmt.Sprintf("class %s is rare: %s, %s", quoted(c.Value), rowsOf(c.Rows), percent(share))}
			times := min(20, max(2, int(0.1/max(share, 0.005))))
			w.Remedy = fmt.Sprintf("steps: [{resample: {label: %s, rates: {%s: %d}}}]", yamlText(label.Column), yamlText(c.Value), times)
			out = append(out, w)
		}
	}
	return out
}

// warning describes a relation.
func (p Pair) warning() Warning {
	w := Warning{Severity: Notable, Code: p.Relation, Column: p.B, Remedy: "steps: [{drop: [" + yamlText(p.B) + "]}]"}
	switch p.Relation {
	case relationEqual:
		w.Severity, w.Message = Warn, "has the same values as "+quoted(p.A)
	case relationRecoded:
		w.Message = "says the same as " + quoted(p.A) + " with other values"
	default:
		w.Message = fmt.Sprintf("moves with %s (correlation %.4f)", quoted(p.A), p.Correlation)
	}
	return w
}

func rowsOf(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return thousands(n) + " rows"
}

// percent renders a share; a small one does not become 0.
func percent(share float64) string {
	switch p := 100 * share; {
	case p == 0:
		return "0 %"
	case p < 0.1:
		return fmt.Sprintf("%.2g %%", p)
	case p > 99.9 && p < 100:
		return ">99.9 %"
	default:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", p), ".0") + " %"
	}
}
