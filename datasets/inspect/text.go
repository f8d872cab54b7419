package inspect

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"debut/datasets/table"
	"debut/datasets/wording"
)

const (
	textWidth    = 100
	nameWidth    = 26
	typeWidth    = 22
	textColumns  = 100 // are listed; JSON and HTML have all
	textWarnings = 60
)

// Text returns the report for people: a table of the columns at most 100
// characters wide, and below it the warnings, the worst first.
func (r *Report) Text() string {
	var b strings.Builder
	for i, t := range r.Tables {
		if i > 0 {
			b.WriteByte('\n')
		}
		t.text(&b)
	}
	return b.String()
}

func (t *Table) text(b *strings.Builder) {
	head := fmt.Sprintf("%s: %s, %d columns", wording.VisibleLine(t.Name), rowsOf(t.Rows), len(t.Columns))
	if len(t.Columns) == 1 {
		head = strings.TrimSuffix(head, "s")
	}
	if t.Duplicates.Rows > 0 {
		head += fmt.Sprintf("; %s repeated", rowsOf(t.Duplicates.Rows))
	}
	wrap(b, head, "")
	if t.Delimiter != "" && (t.Delimiter != "," || !*t.Header) {
		line := "CSV with " + strconv.Quote(t.Delimiter) + " between fields"
		if !*t.Header {
			line += ", without a header"
		}
		wrap(b, line, "")
	}
	for _, note := range t.Notes {
		wrap(b, wording.VisibleLine(note), "")
	}
	if t.Sampled != "" {
		wrap(b, fmt.Sprintf("looked at %s: %s", rowsOf(t.Inspected), t.Sampled), "")
	}
	if len(t.Null) > 0 {
		wrap(b, "read as missing values: "+listQuoted(t.Null), "")
	}
	if t.Label != nil {
		wrap(b, t.Label.text(), "  ")
	}
	b.WriteByte('\n')
	t.columnTable(b)
	if len(t.Warnings) == 0 {
		b.WriteString("\nnothing suspicious\n")
		return
	}
	b.WriteByte('\n')
	for i, w := range t.Warnings {
		if i == textWarnings {
			fmt.Fprintf(b, "… and %d more, in --json and --html\n", len(t.Warnings)-i)
			break
		}
		w.text(b)
	}
}

// text describes the label on a line.
func (l *Label) text() string {
	head := fmt.Sprintf("label %s (%s", wording.VisibleLine(l.Column), l.Task)
	if l.Guessed {
		head += ", guessed"
	}
	head += ")"
	total := int64(0)
	for _, c := range l.Classes {
		total += c.Rows
	}
	var classes []string
	for i, c := range l.Classes {
		if i == 8 {
			classes = append(classes, fmt.Sprintf("and %d more", len(l.Classes)-i))
			break
		}
		classes = append(classes, fmt.Sprintf("%s %s (%s)", wording.VisibleLine(c.Value), wording.Thousands(c.Rows), percent(float64(c.Rows)/float64(max(total, 1)))))
	}
	if len(classes) > 0 {
		head += ": " + strings.Join(classes, ", ")
	}
	return head
}

// columnTable lists the columns.
func (t *Table) columnTable(b *strings.Builder) {
	measure := ""
	rows := [][]string{{"column", "type", "missing", "distinct", "", "values"}}
	for _, c := range t.Columns {
		if c.Predicts != nil {
			measure = measureColumn[c.Predicts.Measure]
		}
	}
	rows[0][4] = measure
	for i, c := range t.Columns {
		if i == textColumns {
			break
		}
		row := []string{cut(wording.VisibleLine(c.Name), nameWidth), cut(wording.VisibleLine(c.typeText()), typeWidth), "", wording.Thousands(c.Distinct), "", c.summary(t.Inspected)}
		if c.Missing > 0 {
			row[2] = percent(c.MissingShare)
		}
		switch {
		case t.Label != nil && c.Name == t.Label.Column:
			row[4] = "label"
		case c.Predicts != nil:
			row[4] = fmt.Sprintf("%.3f", c.Predicts.Value)
		}
		if c.Type == typeUnreadable {
			row[3] = ""
		}
		rows = append(rows, row)
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			if i == len(row)-1 {
				line += cut(cell, textWidth-utf8.RuneCountInString(line))
				continue
			}
			if widths[i] == 0 {
				continue
			}
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i >= 2 {
				cell, pad = pad, cell
			}
			line += cell + pad + "  "
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if n := len(t.Columns) - textColumns; n > 0 {
		fmt.Fprintf(b, "… and %s more columns, in --json and --html\n", wording.Thousands(int64(n)))
	}
}

// typeText is the type with how its values are written.
func (c *Column) typeText() string {
	switch {
	case c.Refused && c.Type != typeUnreadable:
		return "refused"
	case c.Layout != "" && !strings.HasPrefix(c.Layout, "YYYY-MM-DD"):
		return c.Type + " " + c.Layout
	case c.Notation != "":
		return c.Type + " " + c.Notation
	}
	return c.Type
}

var measureColumn = map[string]string{"auc": "AUC", "information": "inform.", "r2": "R²"}

// summary tells in a few words what values a column of so many rows has.
func (c *Column) summary(rows int64) string {
	switch {
	case c.Withheld:
		return "(withheld: personal)"
	case c.Type == table.TypeVector:
		return fmt.Sprintf("%d numbers each", c.Width)
	case c.Type == table.TypeNumeric && c.Numbers != nil:
		n := c.Numbers
		if n.Min == n.Max {
			return brief(n.Min)
		}
		return fmt.Sprintf("%s … %s … %s", brief(n.Min), brief(n.Quantiles.P50), brief(n.Max))
	case c.Dates != nil:
		return c.Dates.Min + " … " + c.Dates.Max
	}
	var parts []string
	for _, f := range c.Frequent {
		parts = append(parts, wording.VisibleLine(f.Value)+" "+percent(float64(f.Rows)/float64(max(rows-c.Missing, 1))))
	}
	if len(parts) == 0 && c.Texts != nil {
		return fmt.Sprintf("%d to %d characters", c.Texts.MinLength, c.Texts.MaxLength)
	}
	return strings.Join(parts, ", ")
}

// brief formats a number in few characters.
func brief(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e9 {
		return wording.Thousands(int64(v))
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// text writes a warning and its remedy.
func (w Warning) text(b *strings.Builder) {
	line := fmt.Sprintf("%-8s ", w.Severity)
	if w.Column != "" {
		line += wording.VisibleLine(clip(w.Column)) + ": "
	}
	line += wording.VisibleLine(w.Message)
	if w.Rows > 0 && !strings.Contains(w.Message, wording.Thousands(w.Rows)) {
		line += " (" + rowsOf(w.Rows) + ")"
	}
	var examples []string
	for _, e := range w.Examples {
		switch {
		case e.Value != "" && e.Place != "":
			examples = append(examples, quoted(e.Value)+" in "+wording.VisibleLine(e.Place))
		case e.Place != "":
			examples = append(examples, wording.VisibleLine(e.Place))
		}
	}
	if len(examples) > 0 {
		line += "; " + strings.Join(examples, ", ")
	}
	const indent = "         "
	wrap(b, line, indent)
	if remedy := w.Remedy(); remedy != "" {
		wrap(b, indent+"→ "+wording.VisibleLine(remedy), indent+"  ")
	}
}

// wrap writes a text in lines of the width, all but the first indented. Words
// longer than a line stay whole.
func wrap(b *strings.Builder, text, indent string) {
	column := 0
	for i, word := range pieces(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > textWidth && column > len(indent):
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteByte('\n')
}

// pieces are the words between which lines may be broken. What stands in braces is one, for it is there to be pasted.
func pieces(text string) (out []string) {
	open := 0
	for _, word := range strings.Split(text, " ") {
		if open > 0 {
			out[len(out)-1] += " " + word
		} else {
			out = append(out, word)
		}
		open = max(0, open+strings.Count(word, "{")-strings.Count(word, "}"))
	}
	return out
}

// cut shortens a text to so many characters.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(0, width-1)]) + "…"
}
