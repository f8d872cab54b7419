package prepare_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"debut/datasets/inspect"
	"debut/datasets/table"
)

// inspected compares what data inspect says of an example with what reading makes of it, with and without a query.
func (c *checker) inspected(e *example, read *outcome) string {
	for i, src := range []table.Source{e.source, withQuery(e.source)} {
		frame, readErr := table.Read(c.ctx, src, c.dir, nil)
		report, err := inspect.Inspect(c.ctx, src, c.dir, inspect.Options{Sample: -1, Threads: 1, Now: time.Unix(2e9, 0)})
		found := ""
		switch {
		case err != nil:
			o := refused(err)
			found = read.differ(&o)
		case len(report.Tables) != 1:
			found = fmt.Sprintf("%d tables", len(report.Tables))
		case readErr != nil:
			found = inspectedFault(report.Tables[0], readErr)
		default:
			found = inspectedColumns(report.Tables[0], frame, i == 0)
		}
		if found != "" {
			return []string{"read and inspected: ", "read, and inspected with a query: "}[i] + found
		}
	}
	return ""
}

// about are the warnings about a column that have one of the codes, or any.
func about(t *inspect.Table, column string, codes ...string) (out []inspect.Warning) {
	for _, w := range t.Warnings {
		if w.Column == column && (len(codes) == 0 || slices.Contains(codes, w.Code)) {
			out = append(out, w)
		}
	}
	return out
}

// refusals are the codes of warnings about columns that a run refuses.
var refusals = []string{"not_numbers", "not_dates", "missing_marks", "unreadable"}

// inspectedFault compares the error that refuses a table with what inspect tells of the column.
func inspectedFault(t *inspect.Table, err error) string {
	var v *table.ValueError
	if !errors.As(err, &v) || v.Column == "" {
		return fmt.Sprintf("refused: %v\nand inspected without an error", err)
	}
	i := slices.IndexFunc(t.Columns, func(c *inspect.Column) bool { return c.Name == v.Column })
	if i < 0 || !t.Columns[i].Refused {
		return fmt.Sprintf("refused: %v\nand inspected as if it were not", err)
	}
	told := about(t, v.Column, refusals...)
	if len(told) != 1 {
		return fmt.Sprintf("refused: %v\nand inspected: %+v", err, told)
	}
	w := told[0]
	if t.Columns[i].Withheld {
		return ""
	}
	if len(w.Examples) == 0 && v.Value != "" || len(w.Examples) > 0 && (place(w.Examples[0].Place) != place(v.Place) || w.Examples[0].Value != clipped(v.Value)) {
		return fmt.Sprintf("refused: %v\nand inspected: %+v", err, w)
	}
	for _, r := range v.Remedies {
		if w.Code != "missing_marks" && !slices.ContainsFunc(w.Remedies, func(told inspect.Remedy) bool { return told.Remedy.Text(table.RunFile) == r.Text(table.RunFile) }) {
			return fmt.Sprintf("refused: %v\nand inspected without the remedy %q: %q", err, r.Text(table.RunFile), w.Remedy())
		}
	}
	return ""
}

// clipped is a value as reports show it.
func clipped(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return text
}

// inspectedColumns compares columns as they were inspected with a frame.
func inspectedColumns(t *inspect.Table, f *table.Frame, notes bool) string {
	if len(t.Columns) != len(f.Columns) || t.Rows != int64(f.Rows) || t.Inspected != t.Rows {
		return fmt.Sprintf("%d columns and %d, %d rows and %d", len(f.Columns), len(t.Columns), f.Rows, t.Rows)
	}
	if t.Format != "" && (t.Format != f.Decisions.Format || t.Delimiter != f.Decisions.Delimiter || t.Above != f.Decisions.Above || t.Header != nil && *t.Header != *f.Decisions.Header) {
		return fmt.Sprintf("%s %q, %d lines above\nand\n%s %q, %d lines above", f.Decisions.Format, f.Decisions.Delimiter, f.Decisions.Above, t.Format, t.Delimiter, t.Above)
	}
	if !slices.Equal(t.Notes, f.Notes) {
		return fmt.Sprintf("notes %q and %q", f.Notes, t.Notes)
	}
	for i, s := range f.Columns {
		c := t.Columns[i]
		if c.Name != s.Name || c.Type != s.Kind.String() || c.Refused || c.Missing != int64(s.MissingCount()) || c.Distinct != distinct(s) {
			return fmt.Sprintf("column %q %s, %d missing, %d distinct values\nand\n%+v", s.Name, s.Kind, s.MissingCount(), distinct(s), c)
		}
		if told := about(t, c.Name, refusals...); len(told) > 0 && told[0].Code != "missing_marks" {
			return fmt.Sprintf("column %q is read, and inspected: %+v", c.Name, told)
		}
		if written := cmp.Or(c.Layout, c.Notation); notes && written != f.Decisions.Columns[i].Written {
			return fmt.Sprintf("column %q is written %q and %q", c.Name, f.Decisions.Columns[i].Written, written)
		}
		if notes && !c.Withheld {
			if found := inspectedNote(t, c, s); found != "" {
				return found
			}
		}
	}
	return ""
}

// distinct counts the values of a column.
func distinct(s *table.Series) int64 {
	seen := map[string]bool{}
	for i := range s.Len() {
		if !s.Missing(i) {
			seen[s.Format(i)] = true
		}
	}
	return int64(len(seen))
}

// inspectedNote compares what a person is told about how a column was understood.
func inspectedNote(t *inspect.Table, c *inspect.Column, s *table.Series) string {
	told := about(t, c.Name)
	differ := func() string {
		return fmt.Sprintf("column %q is read with the note\n%q\nand inspected with %q, %+v", c.Name, s.Note, c.Note, told)
	}
	if c.Note == "" {
		if s.Note != "" && len(told) == 0 {
			return differ()
		}
		return ""
	}
	if !strings.Contains(s.Note, c.Note) {
		return differ()
	}
	for _, w := range told {
		for _, r := range w.Remedies {
			if text := r.Remedy.Text(table.RunFile); w.Message == c.Note && !strings.Contains(strings.ToLower(s.Note), strings.ToLower(text)) {
				return differ()
			}
		}
	}
	return ""
}
