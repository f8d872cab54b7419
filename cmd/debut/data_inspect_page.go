package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"debut/datasets/inspect"
	"debut/datasets/table"
	"debut/datasets/wording"
	"debut/trainers/page"
)

// inspected is a report of tables as a page.
func inspected(r *inspect.Report) *page.Page {
	p := &page.Page{Title: "debut data inspect", Heading: "Inspected data"}
	for _, t := range r.Tables {
		p.Body = append(p.Body, page.Heading(t.Name), tableText(t))
		for _, w := range t.Warnings {
			p.Body = append(p.Body, inspectedWarning(w))
		}
		columns := &page.Table{Caption: "columns of " + t.Name, Columns: []page.Column{{Name: "column"}, {Name: "type", Whole: true}, {Name: "missing", Number: true},
			{Name: "distinct", Number: true}, {Name: "values"}, {Name: "distribution"}, {Name: "alone predicts", Number: true}}}
		for _, c := range t.Columns {
			columns.Rows = append(columns.Rows, columnCells(c))
		}
		p.Body = append(p.Body, columns)
	}
	return p
}

func tableText(t *inspect.Table) page.Text {
	var b strings.Builder
	if t.Format != "" {
		b.WriteString(t.Format)
		if t.Delimiter != "" {
			fmt.Fprintf(&b, ", delimiter %q", t.Delimiter)
		}
		b.WriteString(": ")
	}
	fmt.Fprintf(&b, "%s rows, %d columns", wording.Thousands(t.Rows), len(t.Columns))
	if t.Sampled != "" {
		fmt.Fprintf(&b, "; %s rows inspected: %s", wording.Thousands(t.Inspected), t.Sampled)
	}
	fmt.Fprintf(&b, "; %s rows repeat an earlier one.", wording.Thousands(t.Duplicates.Rows))
	for _, n := range t.Notes {
		b.WriteString(" " + n + ".")
	}
	text := page.Plainly("%s", b.String())
	if l := t.Label; l != nil {
		guessed, classes := "", ""
		if l.Guessed {
			guessed = " (guessed)"
		}
		for _, c := range l.Classes {
			classes += fmt.Sprintf(" %s: %s.", c.Value, wording.Thousands(c.Rows))
		}
		text = append(text, page.Span{Text: " The label is "}, page.Span{Text: l.Column, Style: page.Strong}, page.Span{Text: guessed + ", " + l.Task + "." + classes})
	}
	return text
}

func inspectedWarning(w inspect.Warning) page.Notice {
	n := page.Notice{Severity: page.Severity(w.Severity), Of: w.Column, Text: page.Plainly("%s", w.Message)}
	if w.Column == "" {
		n.Of = "table"
	}
	for _, e := range w.Examples {
		n.Text = append(n.Text, page.Span{Text: " "}, page.Span{Text: e.Value, Style: page.Code})
		if e.Place != "" {
			n.Text = append(n.Text, page.Span{Text: " "}, page.Span{Text: e.Place, Style: page.Small})
		}
	}
	if remedy := w.Remedy(); remedy != "" {
		n.Text = append(n.Text, page.Span{Style: page.Break}, page.Span{Text: "Remedy: " + remedy, Style: page.Small})
	}
	return n
}

func columnCells(c *inspect.Column) []page.Cell {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
	name, typ := page.Plainly("%s", c.Name), c.Type
	for _, f := range c.Personal {
		name = append(name, page.Span{Text: fmt.Sprintf(" (%s?)", f.Kind), Style: page.Small})
	}
	if c.Refused && typ != "unreadable" {
		typ = "refused (" + typ + "?)"
	}
	kind := page.Plainly("%s", typ)
	if c.Layout != "" {
		kind = append(kind, page.Span{Text: " " + c.Layout, Style: page.Small})
	}
	if c.Notation != "" {
		kind = append(kind, page.Span{Text: " as " + c.Notation, Style: page.Small})
	}
	missing := ""
	if c.Missing > 0 {
		missing = strconv.FormatFloat(100*c.MissingShare, 'f', 1, 64) + " %"
	}
	var values page.Text
	switch {
	case c.Type == table.TypeNumeric && c.Numbers != nil && !c.Withheld:
		values = page.Plainly("%s … %s, mean %s ± %s", number(c.Numbers.Min), number(c.Numbers.Max), number(c.Numbers.Mean), number(c.Numbers.Std))
	case c.Dates != nil && !c.Withheld:
		values = page.Plainly("%s … %s", c.Dates.Min, c.Dates.Max)
	case c.Withheld:
		values = page.Text{{Text: "withheld", Style: page.Small}}
	default:
		for i, v := range c.Frequent[:min(4, len(c.Frequent))] {
			if i > 0 {
				values = append(values, page.Span{Text: ", "})
			}
			values = append(values, page.Span{Text: v.Value + " "}, page.Span{Text: wording.Thousands(v.Rows), Style: page.Small})
		}
	}
	var drawn page.Cell
	switch {
	case c.Histogram != nil:
		edge := func(x float64) string {
			if c.Dates != nil {
				return time.UnixMicro(int64(x)).UTC().Format(time.DateOnly)
			}
			return strconv.FormatFloat(x, 'g', 4, 64)
		}
		span := edge(c.Histogram.From) + " … " + edge(c.Histogram.To)
		drawn = page.Cell{Chart: page.Bars{Says: "histogram from " + span, Counts: c.Histogram.Counts}, Below: page.Text{{Text: span, Style: page.Small}}}
	case len(c.Frequent) > 0 && !c.Withheld:
		counts := make([]int64, len(c.Frequent))
		for i, v := range c.Frequent {
			counts[i] = v.Rows
		}
		drawn = page.Cell{Chart: page.Bars{Says: "rows of the most frequent values", Counts: counts}}
	}
	predicts := ""
	if c.Predicts != nil {
		predicts = c.Predicts.Measure + " " + number(c.Predicts.Value)
	}
	return []page.Cell{{Text: name}, {Text: kind}, {Text: page.Plainly("%s", missing)}, {Text: page.Plainly("%s", wording.Thousands(c.Distinct))}, {Text: values}, drawn,
		{Text: page.Plainly("%s", predicts)}}
}
