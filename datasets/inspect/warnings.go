package inspect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/prepare"
	"debut/datasets/table"
	"debut/datasets/wording"
)

// codes are the checks, the worst of a severity first.
var codes = []string{
	"leakage", "unreadable", "not_numbers", "not_dates", "label_constant", "label_missing", "personal", "sentinel", "missing_marks", "lost_digits", "encoding", "amounts", "date_order", "names", "consequence",
	"duplicates", "negative", "future", "epoch", "spellings", "label_rare", "equal", "empty", "constant", "mostly_missing", "label_guessed",
	"recoded", "correlated", "numbers_as_texts", "codes", "mixed_types", "top_code", "identifier", "free_text", "outliers", "blanks",
}

// warnings collects all that is suspicious about a table, the worst first.
func warnings(t *Table, d *data, found []*examined, label *target) []Warning {
	var out []Warning
	position := map[string]int{"": -1}
	for i, c := range t.Columns {
		position[c.Name] = i
	}
	for _, e := range found {
		label.topCode(e)
		if label != nil && e.column.Name == label.Column {
			label.ownWarnings(e)
		}
		out = append(out, e.warnings...)
		out = append(out, e.things...)
		out = append(out, missingWarning(e)...)
		out = append(out, personalWarnings(e.column)...)
		out = append(out, label.tells(e)...)
	}
	out = append(out, longTails(found, label)...)
	out = append(out, refusals(d, t)...)
	out = append(out, digitWarnings(d)...)
	out = append(out, paddedWarnings(d, t)...)
	for _, w := range labelWarnings(label) {
		if label.Guessed { // and may be another column
			w.Severity = Notable
		}
		out = append(out, w)
	}
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
			Examples: slices.Clone(t.Duplicates.Examples), Remedies: []Remedy{step(prepare.Step{Deduplicate: &prepare.Deduplicate{}})}})
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
	w := Warning{Severity: Notable, Code: "mostly_missing", Column: c.Name, Rows: c.Missing, Message: percent(c.MissingShare) + " of the rows have no value"}
	if c.Type == table.TypeNumeric || c.Type == table.TypeDate {
		told := true
		w.Remedies = append(w.Remedies, runColumn(c.Name, encoding.Column{MissingIndicator: &told}))
	}
	w.Remedies = append(w.Remedies, drop(c.Name))
	return []Warning{w}
}

// digitWarnings are about whole numbers that have lost their last digits.
func digitWarnings(d *data) []Warning {
	var out []Warning
	for _, s := range d.frame.Columns {
		if s.LostDigits() {
			out = append(out, Warning{Severity: Warn, Code: "lost_digits", Column: s.Name,
				Message:  "whole numbers of more than 2^53 as floating-point numbers: the last digits are lost, and ids that differed may be equal",
				Remedies: []Remedy{work("write them as text or whole numbers where the file is made")}})
		}
	}
	return out
}

// paddedWarnings are about blanks around values, which a run takes away.
func paddedWarnings(d *data, t *Table) []Warning {
	var out []Warning
	var padded []string
	for _, c := range t.Columns {
		if d.columns[c.Name].Padded > 0 {
			padded = append(padded, c.Name)
		}
	}
	if len(padded) == 0 {
		return nil
	}
	first := d.columns[padded[0]]
	w := Warning{Severity: Notable, Code: "blanks", Rows: int64(first.Padded), Column: padded[0],
		Examples: []Example{{Value: clip(first.FirstPadded.Text), row: first.FirstPadded.Row, ofTable: true}},
		Message:  "blanks before or after values; they are removed in reading", Remedies: []Remedy{work("remove them at the source where other programs read it")}}
	if len(padded) > 1 {
		w.Column, w.Rows, w.Examples = "", 0, nil
		w.Message = fmt.Sprintf("blanks before or after values in %s; they are removed in reading", listed(padded))
	}
	if i := slices.IndexFunc(t.Columns, func(c *Column) bool { return c.Name == padded[0] }); i >= 0 && t.Columns[i].Withheld {
		hideValues(w.Examples)
	}
	return append(out, w)
}

// ownWarnings adapts what was found about the label's own values, of which none is to be left out or changed.
func (t *target) ownWarnings(e *examined) {
	for i := range e.warnings {
		switch w := &e.warnings[i]; w.Code {
		case "negative":
			w.Remedies = []Remedy{work("make sure that they are meant: it is the label")}
		case "outliers":
			w.Remedies = []Remedy{work("make sure that they are right: it is the label, and squared errors follow such values")}
		}
	}
}

// longTails is one note about all columns whose values lie far out by nature.
func longTails(found []*examined, label *target) []Warning {
	var tails []*examined
	var out []Warning
	for _, e := range found {
		switch {
		case e.extreme == 0 || e.column.Refused:
		case label != nil && e.column.Name == label.Column:
			out = append(out, Warning{Severity: Notable, Code: "outliers", Column: e.column.Name, Rows: e.column.Numbers.MAD.Rows,
				Message:  fmt.Sprintf("values up to %.3g times the usual deviation away from the median: a long tail", e.extreme),
				Examples: slices.Clone(e.column.Numbers.MAD.Examples),
				Remedies: []Remedy{work("make sure that they are right: it is the label, and squared errors follow such values")}})
		case len(e.things) == 0:
			tails = append(tails, e)
		}
	}
	if len(tails) == 0 {
		return out
	}
	slices.SortStableFunc(tails, func(a, b *examined) int { return cmp.Compare(b.extreme, a.extreme) })
	const most = 6
	var names []string
	columns := map[string]encoding.Column{}
	for i, e := range tails {
		if names = append(names, e.column.Name); i < most {
			columns[e.column.Name] = encoding.Column{Transform: configfile.Strings{encoding.TransformLog1p, encoding.TransformStandardize}}
		}
	}
	w := Warning{Severity: Notable, Code: "outliers", Message: fmt.Sprintf("long tails, up to %.3g times the usual deviation away from the median, in %s", tails[0].extreme, listed(names)),
		Remedies: []Remedy{inRun(datasets.Config{Columns: columns}).when("for linear models and networks")}}
	if len(tails) == 1 {
		w.Column = tails[0].column.Name
		w.Message, _, _ = strings.Cut(w.Message, ", in ")
		w.Examples = slices.Clone(tails[0].column.Numbers.MAD.Examples)
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
			Remedies: []Remedy{inRun(datasets.Config{Target: label.Column})}})
	}
	if label.Missing > 0 {
		out = append(out, Warning{Severity: Warn, Code: "label_missing", Column: label.Column, Rows: label.Missing, Message: "the label is missing in " + rowsOf(label.Missing),
			Remedies: []Remedy{filter(sqlName(label.Column)+" IS NOT NULL", "no label")}})
	}
	if label.Task == encoding.TaskRegression {
		return out
	}
	if label.count == 1 {
		return append(out, Warning{Severity: Severe, Code: "label_constant", Column: label.Column, Rows: label.rows, Message: "the label has a single value: there is nothing to learn",
			Remedies: []Remedy{work("add rows of other classes, or name another label")}})
	}
	if label.count > mostClasses {
		return append(out, Warning{Severity: Warn, Code: "label_rare", Column: label.Column, Message: fmt.Sprintf("the label has %s classes", wording.Thousands(int64(label.count))),
			Remedies: []Remedy{step(prepare.Step{Generalize: map[string]prepare.Generalization{label.Column: {RareBelow: 10}}}).when("to join rare classes")}})
	}
	for _, c := range label.Classes {
		share := float64(c.Rows) / float64(label.rows)
		if c.Rows < leastOfClass && share >= rareClass {
			out = append(out, Warning{Severity: Warn, Code: "label_rare", Column: label.Column, Rows: c.Rows,
				Message: fmt.Sprintf("class %s has only %s", quoted(c.Value), rowsOf(c.Rows)), Remedies: []Remedy{work("collect more rows of it")}})
		} else if share < rareClass {
			w := Warning{Severity: Warn, Code: "label_rare", Column: label.Column, Rows: c.Rows,
				Message: fmt.Sprintf("class %s is rare: %s, %s", quoted(c.Value), rowsOf(c.Rows), percent(share))}
			times := min(20, max(2, int(0.1/max(share, 0.005))))
			w.Remedies = []Remedy{step(prepare.Step{Resample: &prepare.Resample{Label: label.Column, Rates: map[string]float64{c.Value: float64(times)}}})}
			out = append(out, w)
		}
	}
	return out
}

// warning describes a relation.
func (p Pair) warning() Warning {
	w := Warning{Severity: Notable, Code: p.Relation, Column: p.B, Remedies: []Remedy{drop(p.B)}}
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
	return wording.Thousands(n) + " rows"
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
