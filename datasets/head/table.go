package head

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"debut/datasets/nearest"
	"debut/datasets/table"
)

// Column is a column with its values, by row.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // as in a run file, or "list"
	// SQL is the type that a source of a data file has, "" where that is not known.
	SQL string `json:"sql,omitempty"`
	// Layout is how dates are written that are texts in the file, such as DD.MM.YYYY. Those of
	// Parquet are texts to a run and to data prepare too, unless the source's types say it.
	Layout string `json:"layout,omitempty"`
	// OtherLayout is another one that the values fit, and that makes other days of them.
	OtherLayout string `json:"other_layout,omitempty"`
	// Problem is why a run cannot read the column; values are texts then.
	Problem string `json:"problem,omitempty"`
	// Remedies are what can be done about it, the likeliest first.
	Remedies []table.Remedy `json:"-"`

	texts  []string
	series *table.Series // nil where only texts can be had
}

// Table is the beginning of a table.
type Table struct {
	Name    string   `json:"name"`
	Format  string   `json:"format,omitempty"` // of the file, as a data file names it
	Part    string   `json:"part,omitempty"`   // of prepared data
	Columns []Column `json:"columns"`
	// Rows holds a value for each column: float64, bool, string, []float32, or nil
	// where there is none. Dates are texts.
	Rows [][]any `json:"rows"`
	// Total is how many rows the table has, -1 where finding out takes reading it.
	Total int64 `json:"total"`
	// Sampled is how many rows types follow from, 0 where the file declares them or
	// all rows were looked at.
	Sampled int `json:"sampled,omitempty"`
	// Others names columns that Options.Columns left out.
	Others []string `json:"-"`
}

// Text is the value of a row as text, "" where there is none.
func (c *Column) Text(row int) string {
	if c.series == nil {
		return c.texts[row]
	}
	return c.series.Format(row)
}

// Missing reports whether a row has no value.
func (c *Column) Missing(row int) bool {
	if c.series == nil {
		return c.texts[row] == ""
	}
	return c.series.Missing(row)
}

// Distinct counts the rows looked at with a value, and their different values.
func (c *Column) Distinct() (rows, values int) {
	n, seen := len(c.texts), map[string]bool{}
	if c.series != nil {
		n = c.series.Len()
	}
	for row := range n {
		if !c.Missing(row) {
			rows, seen[c.Text(row)] = rows+1, true
		}
	}
	return rows, len(seen)
}

// missingMarks are texts that people write where there is no value.
var missingMarks = []string{"NA", "N/A", "NULL", "NaN", "None", "nil", "?", "-", "--", "."}

// Marks returns those of the values that seem to stand for a missing one, in order.
func (c *Column) Marks() (found []string) {
	if c.Type != table.TypeCategorical && c.Problem == "" {
		return nil
	}
	n := len(c.texts)
	if c.series != nil {
		n = c.series.Len()
	}
	for row := range n {
		text := strings.TrimSpace(c.Text(row))
		if !slices.Contains(found, text) && slices.ContainsFunc(missingMarks, func(m string) bool { return strings.EqualFold(m, text) }) {
			found = append(found, text)
		}
	}
	slices.Sort(found)
	return found
}

// value is that of Table.Rows.
func (c *Column) value(row int) any {
	switch {
	case c.Missing(row):
		return nil
	case c.series == nil:
		return c.texts[row]
	}
	switch c.series.Kind {
	case table.Numeric:
		if v := c.series.Floats[row]; !math.IsInf(v, 0) { // which JSON has no word for
			return v
		}
	case table.Boolean:
		return c.series.Floats[row] != 0
	case table.Vector:
		return c.series.Vector(row)
	}
	return c.series.Format(row)
}

// complete chooses columns and lays out rows.
func (t *Table) complete(o Options) error {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	if len(o.Columns) > 0 {
		var chosen []Column
		for _, name := range o.Columns {
			i := slices.Index(names, name)
			if i < 0 {
				return fmt.Errorf("%s has no column %q; it has %s%s", t.Name, name, some(names), nearest.DidYouMean(name, names))
			}
			chosen = append(chosen, t.Columns[i])
		}
		for _, name := range names {
			if !slices.Contains(o.Columns, name) {
				t.Others = append(t.Others, name)
			}
		}
		t.Columns = chosen
	}
	rows := o.Rows
	for i := range t.Columns {
		c := &t.Columns[i]
		n := len(c.texts)
		if c.series != nil {
			n = c.series.Len()
		}
		rows = min(rows, n)
	}
	t.Rows = make([][]any, rows)
	for row := range t.Rows {
		t.Rows[row] = make([]any, len(t.Columns))
		for i := range t.Columns {
			t.Rows[row][i] = t.Columns[i].value(row)
		}
	}
	return nil
}

// some lists names for a message.
func some(names []string) string {
	const most = 12
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
